#include "io/edit.h"

#include "framework/layers/layers.h"
#include "framework/layers/optimizer.h"
#include "io/convert.h"
#include "io/normalize.h"
#include "io/program_file.h"
#include "tests/io/support.h"

namespace skiff::io {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::unique_ptr<Program> ProgramOf(const std::string& name) { return LoadProgram(Golden(name)); }

TEST(StripTest, CountsLinesAndNamesTheFilesOnce) {
  const auto program = ProgramOf("seed_lenet_hapi/inference_model.pdmodel");
  const StrippedPaths stripped = StripCallstacks(program.get());
  EXPECT_THAT(stripped.files, ElementsAre("model.py"));
  EXPECT_GT(stripped.lines, 0u);
  EXPECT_EQ(SerializeProgram(*program).find("op_callstack"), std::string::npos);
  EXPECT_EQ(StripCallstacks(program.get()).operators, 0u);
}

TEST(RenameTest, FollowsANameThroughSlotsBlocksAndAttributes) {
  const auto program = ProgramOf("attr_types/model.pdmodel");  // attributes that are variables
  std::string referred;
  for (const auto& op : program->global_block().ops()) {
    for (const auto& [name, value] : op->attrs) {
      if (const auto* ref = std::get_if<VarRef>(&value)) referred = ref->name;
    }
  }
  ASSERT_NE(referred, "");
  RenameVariable(program.get(), referred, "renamed");
  EXPECT_EQ(program->ToString().find(referred + "\""), std::string::npos);
  EXPECT_THAT(program->ToString(), HasSubstr("renamed"));
}

TEST(RenameTest, GradientsAreRenamedWithTheirVariable) {
  const auto program = ProgramOf("static_save_train/train.pdmodel");
  const std::string parameter = program->AllParameters().front()->name;
  ASSERT_NE(program->global_block().FindVar(GradName(parameter)), nullptr);
  RenameVariable(program.get(), parameter, "w");
  EXPECT_EQ(program->global_block().FindVar(GradName(parameter)), nullptr);
  EXPECT_NE(program->global_block().FindVar("w@GRAD"), nullptr);
  bool updated = false;
  for (const auto& op : program->global_block().ops()) {
    updated |= op->type == "adam" && op->inputs.One("Param") == "w" && op->inputs.One("Grad") == "w@GRAD";
    for (const std::string& name : op->attrs.Get<std::vector<std::string>>(kOpRoleVarAttr, {})) EXPECT_NE(name, parameter);
  }
  EXPECT_TRUE(updated);
}

TEST(RenameErrorTest, ANameThatIsTakenOrNoneChangesNothing) {
  const auto program = ProgramOf("seed_matmul_add/infer_model.pdmodel");
  const std::string before = SerializeProgram(*program);
  EXPECT_THAT(ErrorOf([&] { RenameVariable(program.get(), "imq", "x"); }), AllOf(HasSubstr("NotFound"), HasSubstr("did you mean \"img\"")));
  EXPECT_THAT(ErrorOf([&] { RenameVariable(program.get(), "img", "fetch"); }), HasSubstr("already"));
  for (const std::string name : {"", "/etc/passwd", "../x", "a/../../b", "\xFF", "@EMPTY@"}) {
    EXPECT_NE(ErrorOf([&] { RenameVariable(program.get(), "img", name); }), "") << name;
  }
  EXPECT_EQ(SerializeProgram(*program), before);
}

TEST(CutTest, KeepsTheParametersThatTheRestNeeds) {
  const InferenceModel model = LoadInferenceModel(Golden("seed_lenet_hapi/inference_model"));
  const InferenceModel head = CutModel(model, {}, {"pool2d_0.tmp_0"});
  EXPECT_THAT(head.parameters.Names(), ElementsAre("conv2d_0.b_0", "conv2d_0.w_0"));
  EXPECT_THAT(head.feed_names, ElementsAre("image"));
  const InferenceModel tail = CutModel(model, {"pool2d_0.tmp_0"}, {});
  EXPECT_THAT(tail.feed_names, ElementsAre("pool2d_0.tmp_0"));
  EXPECT_EQ(tail.parameters.size() + head.parameters.size(), model.parameters.size());
}

TEST(CutTest, AnInputThatIsStillNeededStays) {
  Program program, startup;
  ProgramGuard guard(program, startup);
  const Var x = layers::Data("x", {-1, 2}), y = layers::Data("y", {-1, 2});
  const Var sum = layers::Add(layers::Relu(x), y);
  InferenceModel model;
  model.program = InferenceProgram(program, {"x", "y"}, {sum.name()});
  model.feed_names = FeedNames(*model.program);
  model.fetch_names = FetchNames(*model.program);
  const std::string middle = model.program->global_block().ops()[2]->outputs.One("Out");
  EXPECT_THAT(CutModel(model, {middle}, {}).feed_names, ElementsAre(middle, "y"));
}

// x -> relu -> h; then an operator whose attributes name variables.
InferenceModel NamedByAttributes() {
  InferenceModel model;
  model.program = std::make_unique<Program>();
  Block& block = model.program->global_block();
  for (const char* name : {"x", "h", "n", "m", "k", "out"}) {
    block.AddVar({.name = name, .kind = VarKind::kLodTensor, .dtype = DType::kFloat32, .shape = {2}});
  }
  block.AddOp({"relu", {{"X", {"x"}}}, {{"Out", {"h"}}}, {}});
  block.AddOp({"my_own", {{"X", {"h"}}}, {{"Out", {"out"}}}, {{"one", VarRef{"n"}}, {"many", std::vector<VarRef>{{"m"}, {"k"}, {"m"}}}}});
  model.program = NormalizeProgram(*model.program, {"x", "n", "m", "k"}, {"out"}, /*scale_fetches=*/false);
  model.feed_names = FeedNames(*model.program);
  model.fetch_names = FetchNames(*model.program);
  return model;
}

TEST(RenameTest, FollowsANameThroughListsOfVariables) {
  InferenceModel model = NamedByAttributes();
  RenameVariable(&model, "m", "renamed");
  EXPECT_THAT(model.feed_names, ElementsAre("x", "n", "renamed", "k"));
  for (const auto& op : model.program->global_block().ops()) {
    if (op->type != "my_own") continue;
    std::vector<std::string> names;
    for (const VarRef& ref : std::get<std::vector<VarRef>>(*op->attrs.Find("many"))) names.push_back(ref.name);
    EXPECT_THAT(names, ElementsAre("renamed", "k", "renamed"));
    EXPECT_EQ(std::get<VarRef>(*op->attrs.Find("one")).name, "n");
  }
}

TEST(CutTest, AnInputThatAnAttributeNamesIsStillNeeded) {
  const InferenceModel tail = CutModel(NamedByAttributes(), {"h"}, {});
  EXPECT_THAT(tail.feed_names, ElementsAre("h", "n", "m", "k"));
  EXPECT_THAT(CutModel(NamedByAttributes(), {}, {"h"}).feed_names, ElementsAre("x"));
}

TEST(InputShapeTest, IsInferredThroughTheBlocksOfABranch) {
  const auto program = ProgramOf("static_control_flow/model.pdmodel");
  const auto copy = WithInputShapes(*program, {{"x", Shape({2, 3})}});
  EXPECT_EQ(copy->num_blocks(), program->num_blocks());
  EXPECT_NE(program.get(), copy.get());
}

TEST(InputShapeTest, AnInputThatALoopOverwritesKeepsItsOwn) {
  const auto program = LoadProgram(std::string(SKIFF_TESTS_DIR) + "/fixtures/models/greedy_decoder.pdmodel");
  const auto copy = WithInputShapes(*program, {{"start", Shape({5, 2})}});
  EXPECT_EQ(copy->global_block().Var("start").shape, Shape({5, 2}));
}

TEST(InputShapeErrorTest, NamesTheOperatorThatRefusesAShape) {
  const auto program = ProgramOf("seed_matmul_add/infer_model.pdmodel");
  EXPECT_THAT(ErrorOf([&] { WithInputShapes(*program, {{"img", Shape({64, 100})}}); }), AllOf(HasSubstr("matmul"), HasSubstr("img")));
  EXPECT_THAT(ErrorOf([&] { WithInputShapes(*program, {{"create_parameter_0.w_0", Shape({1})}}); }), HasSubstr("is a parameter"));
  EXPECT_EQ(program->global_block().Var("img").shape, Shape({64, 784}));
}

TEST(WriteModelTest, EveryLayoutHoldsTheSameModel) {
  TemporaryFolder folder;
  const InferenceModel model = LoadInferenceModel(Golden("jit_conv_bn_relu/model"));
  for (const ModelLayout layout : {ModelLayout::kPrefix, ModelLayout::kFolder, ModelLayout::kCombinedFolder}) {
    WriteModel(model, folder / "m", layout);
    const InferenceModel read = LoadInferenceModel(folder / "m", {});
    EXPECT_EQ(SerializeProgram(*read.program), SerializeProgram(*model.program));
    EXPECT_EQ(read.parameters.Names(), model.parameters.Names());
  }
  EXPECT_THAT(ErrorOf([&] { WriteModel(model, ""); }), HasSubstr("the path is empty"));
}

TEST(WriteModelTest, ParametersThatAreMissingOrDifferAreListed) {
  TemporaryFolder folder;
  InferenceModel model = LoadInferenceModel(Golden("seed_matmul_add/infer_model"));
  model.parameters = {{"create_parameter_0.w_0", Tensor::Of<float>({2}, {1, 2})}};
  EXPECT_THAT(ErrorOf([&] { WriteModel(model, folder / "m"); }),
              AllOf(HasSubstr("missing: \"create_parameter_1.w_0\""), HasSubstr("\"create_parameter_0.w_0\" is float32 [2]")));
  EXPECT_THAT(std::vector<std::filesystem::path>(std::filesystem::directory_iterator(folder.path()), {}), IsEmpty());
}

TEST(CutErrorTest, AModelIsNotCutAtAParameter) {
  const InferenceModel model = LoadInferenceModel(Golden("seed_matmul_add/infer_model"));
  const std::string parameter = model.parameters.Names().front();
  const std::string said = "a model cannot be cut at \"" + parameter + "\": it is a parameter";
  EXPECT_THAT(ErrorOf([&] { CutModel(model, {parameter}, {}); }), HasSubstr(said));
  EXPECT_THAT(ErrorOf([&] { CutModel(model, {}, {parameter}); }), HasSubstr(said));
}

TEST(InputShapeErrorTest, OfWhatTheProgramComputesNoShapeIsSet) {
  const auto program = ProgramOf("seed_matmul_add/infer_model.pdmodel");
  EXPECT_THAT(ErrorOf([&] { WithInputShapes(*program, {{"elementwise_add_0", Shape({1, 2})}}); }),
              HasSubstr("\"elementwise_add_0\" is computed by elementwise_add, so its shape is inferred"));
}

TEST(WriteModelTest, AParameterThatIsCalledLikeAFileOfTheFolderIsRefused) {
  for (const char* name : {"__model__", "__params__"}) {
    TemporaryFolder folder;
    InferenceModel model = LoadInferenceModel(Golden("seed_matmul_add/infer_model"));
    RenameVariable(&model, model.parameters.Names().front(), name);
    EXPECT_THAT(ErrorOf([&] { WriteModel(model, folder / "m", ModelLayout::kFolder); }),
                HasSubstr(StrCat("the parameter \"", name, "\" has a name")));
    EXPECT_FALSE(std::filesystem::exists(folder / "m/__model__"));
  }
}

}  // namespace
}  // namespace skiff::io
