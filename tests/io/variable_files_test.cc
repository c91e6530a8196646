#include "io/variable_files.h"

#include <sys/stat.h>
#include <unistd.h>

#include "io/atomic_file.h"
#include "io/pickle_file.h"
#include "tests/io/support.h"
#include "tests/support/child.h"

namespace skiff::io {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Key;

std::unique_ptr<Scope> Values() {
  auto scope = std::make_unique<Scope>();
  scope->SetTensor("b", Tensor::Of<float>({2}, {1, 2}));
  scope->SetTensor("a/w", Tensor::Of<int64_t>({3}, {3, 4, 5}));
  return scope;
}

TEST(VariableFilesTest, EachVariableHasAFileAndSlashesMakeFolders) {
  const TemporaryFolder folder;
  SaveVariables(*Values(), folder.path(), "", {"b", "a/w"});
  EXPECT_TRUE(IsFile(folder / "a/w"));
  const auto values = LoadVariables(folder.path(), "", {"a/w", "b"});
  EXPECT_THAT(std::get<Tensor>(values.at("a/w")).Values<int64_t>(), ElementsAre(3, 4, 5));
  EXPECT_THAT(LoadVariableFolder(folder.path()), ElementsAre(Key("a/w"), Key("b")));
}

TEST(VariableFilesTest, OneFileHoldsAllInOrderOfTheirNames) {
  const TemporaryFolder folder;
  SaveVariables(*Values(), folder.path(), "all", {"b", "a/w"});
  const auto values = LoadVariables(folder.path(), "all", {"b", "a/w"});
  EXPECT_THAT(std::get<Tensor>(values.at("b")).Values<float>(), ElementsAre(1, 2));
  EXPECT_THAT(ErrorOf([&] { LoadVariables(folder.path(), "all", {"b"}); }), HasSubstr("holds 2 tensors, 1 variables are wanted"));
}

TEST(VariableFilesTest, TellsFilesThatAreNoVariables) {
  const TemporaryFolder folder;
  SaveVariables(*Values(), folder.path(), "", {"b"});
  WriteFile(folder / "notes.txt", "not a tensor");
  std::vector<std::string> foreign;
  EXPECT_THAT(LoadVariableFolder(folder.path(), &foreign), ElementsAre(Key("b")));
  EXPECT_THAT(foreign, ElementsAre("notes.txt"));
  EXPECT_THROW(LoadVariableFolder(folder.path()), InvalidArgument);
  EXPECT_THROW(LoadVariableFolder(folder / "none"), NoSuchFile);
}

TEST(VariableFilesTest, LinksPipesAndTemporariesAmongThemAreLeftAlone) {
  const TemporaryFolder folder;
  SaveVariables(*Values(), folder.path(), "", {"b"});
  std::filesystem::create_symlink("loop", folder / "loop");
  std::filesystem::create_symlink("/etc/passwd", folder / "link");
  std::filesystem::create_symlink("..", folder / "up");
  ASSERT_EQ(::mkfifo((folder / "pipe").c_str(), 0600), 0);
  std::ofstream(folder / ".skiff-1-2-3.tmp") << "half a tensor of a save that was killed";
  EXPECT_THAT(LoadVariableFolder(folder.path()), ElementsAre(Key("b")));
}

TEST(VariableFilesErrorTest, VariablesOfAnotherProgramAreListedAndNoneIsSet) {
  const TemporaryFolder folder;
  SaveVariables(*Values(), folder.path(), "", {"b", "a/w"});
  SaveVariables(*Values(), folder.path(), "all", {"b", "a/w"});
  Program program;
  const auto declare = [&](const char* name, DType dtype, const Shape& shape) {
    program.global_block().AddVar({name, VarKind::kLodTensor, dtype, shape}).get()->persistable = true;
  };
  declare("b", DType::kFloat32, {3});
  declare("a/w", DType::kFloat64, {3});
  for (const char* filename : {"", "all"}) {
    Scope scope;
    EXPECT_THAT(ErrorOf([&] { SetVariables(program, scope, folder.path(), filename, {"b", "a/w"}); }),
                AllOf(HasSubstr("PreconditionNotMet"), HasSubstr("b is float32 [2] in the file, float32 [3] in the program"),
                      HasSubstr("a/w is int64 [3] in the file, float64 [3]")));
    EXPECT_EQ(scope.FindVar("b"), nullptr);
    SetVariables(Program(), scope, folder.path(), filename, {"b", "a/w"});
    EXPECT_THAT(scope.GetTensor("b").Values<float>(), ElementsAre(1, 2));
  }
}

TEST(VariableFilesErrorTest, NoFileIsThatOfTwoVariablesOrOfASaveUnderWay) {
  const TemporaryFolder folder;
  for (const char* name : {"./b", "a/../b", "a//b", "a/./b", ".skiff-commit", ".skiff-1-2-3.tmp", "a/.skiff-commit"}) {
    const auto scope = Values();
    scope->SetTensor("a/b", Tensor::Of<float>({1}, {1}));
    scope->SetTensor(name, Tensor::Of<float>({1}, {1}));
    EXPECT_THROW(SaveVariables(*scope, folder.path(), "", {"b", "a/b", name}), InvalidArgument) << name;
    EXPECT_TRUE(LoadVariableFolder(folder.path()).empty()) << name;
  }
}

TEST(VariableFilesErrorTest, NothingIsWrittenOutsideTheFolderOrWithoutAValue) {
  const TemporaryFolder folder;
  const auto scope = Values();
  scope->SetTensor("../out", Tensor::Of<float>({1}, {1}));
  EXPECT_THROW(SaveVariables(*scope, folder.path(), "", {"../out", "b"}), InvalidArgument);
  EXPECT_THAT(ErrorOf([&] { SaveVariables(*scope, folder.path(), "", {"b", "none"}); }),
              AllOf(HasSubstr("skiff::NotFound"), HasSubstr("\"none\" is not in the scope; run the startup program first")));
  EXPECT_FALSE(IsFile(folder / "b"));
}

TEST(VariableFilesTest, AModelsParametersHaveTheNamesOfItsLayers) {
  const StateDict state = LoadModelState(Golden("jit_conv_bn_relu/model"));
  const Tensor* mean = state.Find("1._mean");
  ASSERT_NE(mean, nullptr);
  EXPECT_EQ(mean->shape(), Shape({8}));
  EXPECT_THAT(LoadModelState(Golden("legacy_combined/nested_dir")).Names(), ElementsAre("block/a/w", "block/b"));
}

TEST(VariableFilesTest, SelectedRowsHaveAFileOfTheirOwn) {
  const TemporaryFolder folder;
  const auto scope = Values();
  *scope->Var("rows") = SelectedRows{{7, 2}, 10, Tensor::Of<float>({2, 1}, {1, 2})};
  SaveVariables(*scope, folder.path(), "", {"b", "rows"});
  const auto values = LoadVariables(folder.path(), "", {"rows"});
  const SelectedRows& rows = std::get<SelectedRows>(values.at("rows"));
  EXPECT_THAT(rows.rows, ElementsAre(7, 2));
  EXPECT_EQ(rows.height, 10);
  EXPECT_THAT(rows.value.Values<float>(), ElementsAre(1, 2));
  EXPECT_THAT(ErrorOf([&] { SaveVariables(*scope, folder.path(), "all", {"b", "rows"}); }),
              AllOf(HasSubstr("\"rows\" holds SelectedRows"), HasSubstr("leave filename out")));
  EXPECT_FALSE(IsFile(folder / "all"));
  EXPECT_THAT(ErrorOf([&] { LoadModelState(folder.path()); }), HasSubstr("/rows\" holds SelectedRows; load that file alone"));
}

TEST(VariableFilesErrorTest, AFolderThatHoldsNothingOrWhatCannotBeListedIsSaid) {
  const TemporaryFolder folder;
  EXPECT_THAT(ErrorOf([&] { LoadModelState(folder.path()); }), HasSubstr("has neither a __model__ nor files of variables"));
  std::ofstream(folder / "\xFF") << "x";
  EXPECT_THAT(ErrorOf([&] { LoadVariableFolder(folder.path()); }), HasSubstr("which names no variable: it is no UTF-8"));
  std::vector<std::string> foreign;
  LoadVariableFolder(folder.path(), &foreign);
  EXPECT_THAT(foreign, ElementsAre("\\xff"));
  const std::string said = testing::InChild([&]() -> std::string {
    const std::string own = folder / "own";
    if (::geteuid() == 0 && (::mkdir(own.c_str(), 0777) != 0 || ::chmod(own.c_str(), 0777) != 0 || ::chmod(folder.path().c_str(), 0777) != 0 ||
                             ::setuid(65534) != 0)) return "cannot list the files of";
    MakeFolders(own + "/closed");
    ::chmod((own + "/closed").c_str(), 0);
    const std::string error = ErrorOf([&] { LoadVariableFolder(own); });
    ::chmod((own + "/closed").c_str(), 0777);
    return error;
  });
  EXPECT_THAT(said, HasSubstr("cannot list the files of"));
}

TEST(VariableFilesErrorTest, TwoVariablesOfOneLayersNameAreRefused) {
  TemporaryFolder folder;
  for (const char* suffix : {".pdmodel", ".pdiparams"}) {
    std::filesystem::copy_file(Golden(std::string("seed_matmul_add/infer_model") + suffix), folder / ("m" + std::string(suffix)));
  }
  const auto about = [](const char* name) { return PickleValue::Dict({{PickleValue::Str("structured_name"), PickleValue::Str(name)}}); };
  const auto write = [&](const char* second) {
    SavePickle(PickleValue::Dict({{PickleValue::Str("create_parameter_0.w_0"), about("w")},
                                  {PickleValue::Str("create_parameter_1.w_0"), about(second)}}),
               folder / "m.pdiparams.info", {.protocol = 2});
  };
  write("b");
  EXPECT_THAT(LoadModelState(folder / "m").Names(), ElementsAre("w", "b"));
  write("w");
  EXPECT_THAT(ErrorOf([&] { LoadModelState(folder / "m"); }), HasSubstr(".pdiparams.info\" gives two variables the name \"w\""));
  SavePickle(PickleValue::List({}), folder / "m.pdiparams.info");
  EXPECT_THAT(ErrorOf([&] { LoadModelState(folder / "m"); }), HasSubstr(".pdiparams.info\" should hold a dict, not list"));
}

}  // namespace
}  // namespace skiff::io
