#include "io/checksums.h"

#include <atomic>
#include <thread>

#include "tests/io/faults.h"
#include "tests/io/save_cases.h"

namespace skiff::io {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

TEST(DigestTest, IsXxh3Of128Bits) {  // https://github.com/Cyan4973/xxHash, `xxhsum -H2`
  EXPECT_EQ(HexDigest({}), "99aa06d3014798d86001c324468d497f");
  EXPECT_EQ(HexDigest(AsBytes("abc")), "06b05ab6733a618578af5f94892f3950");
}

TEST(DigestTest, OfPartsIsThatOfTheWhole) {
  const std::string text(100000, 's');
  for (const size_t part : {1u, 63u, 4096u, 70000u}) {
    Digest digest;
    for (size_t at = 0; at < text.size(); at += part) digest.Update(&text[at], std::min(part, text.size() - at));
    EXPECT_EQ(digest.Hex(), HexDigest(AsBytes(text)));
  }
}

void SaveModelVersion(const std::string& prefix, int version, const SaveInferenceOptions& options = {}) {
  Scope scope;
  SetVersion(&scope, version);
  SaveInferenceModel(prefix, {"x"}, {"out"}, *VersionedProgram(version), scope, options);
}

void SaveStateVersion(const std::string& prefix, int version, const SaveProgramStateOptions& options = {}) {
  Scope scope;
  SetVersion(&scope, version);
  SaveProgramState(*VersionedProgram(version), scope, prefix, options);
}

LoadReport LoadState(const std::string& prefix, const LoadOptions& options = {}) {
  Scope scope;
  return LoadProgramState(*VersionedProgram(0), scope, prefix, options);
}

void FlipBit(const std::string& path, size_t from_end) {
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekg(-static_cast<std::streamoff>(from_end), std::ios::end);
  const char byte = static_cast<char>(file.peek() ^ 1);
  file.seekp(-static_cast<std::streamoff>(from_end), std::ios::end);
  file.put(byte);
}

TEST(ChecksumsTest, StandInALineForEachFile) {
  TemporaryFolder folder;
  SaveModelVersion(folder / "v1.0", 1);
  const std::string model = PlainText(folder / "v1.0.pdmodel"), params = PlainText(folder / "v1.0.pdiparams");
  EXPECT_EQ(PlainText(folder / "v1.0.checksums"),
            StrCat("skiff checksums 1\n", HexDigest(AsBytes(params)), " ", params.size(), " .pdiparams\n",
                   HexDigest(AsBytes(model)), " ", model.size(), " .pdmodel\n"));
}

TEST(ChecksumsTest, FilesMayBeRenamedTogether) {
  TemporaryFolder folder;
  SaveModelVersion(folder / "a", 1);
  for (const char* suffix : {".pdmodel", ".pdiparams", ".checksums"}) {
    std::filesystem::rename(folder / "a" + suffix, folder / "b" + suffix);
  }
  LoadInferenceModel(folder / "b");
  FlipBit(folder / "b.pdiparams", 1);
  EXPECT_THAT(ErrorOf([&] { LoadInferenceModel(folder / "b"); }), HasSubstr("b.pdiparams"));
}

TEST(ChecksumsTest, AFlippedBitAnywhereIsCaught) {
  TemporaryFolder folder;
  for (const char* suffix : {".pdmodel", ".pdiparams"}) {
    for (const size_t from_end : {1u, 9u, 40u}) {
      SaveModelVersion(folder / "m", 1);
      FlipBit(folder / "m" + suffix, from_end);
      const std::string found = HexDigest(AsBytes(PlainText(folder / "m" + suffix)));
      EXPECT_THAT(ErrorOf([&] { LoadInferenceModel(folder / "m"); }),
                  AllOf(HasSubstr(StrCat("m", suffix)), HasSubstr("not the file that was saved"),
                        HasSubstr(StrCat("checksum ", found)), HasSubstr("m.checksums"), HasSubstr("restore the file")));
    }
  }
  for (const char* suffix : {".pdparams", ".pdopt"}) {
    SaveStateVersion(folder / "s", 1);
    FlipBit(folder / "s" + suffix, 40);
    EXPECT_THAT(ErrorOf([&] { LoadState(folder / "s"); }), HasSubstr(StrCat("s", suffix)));
    EXPECT_THAT(ErrorOf([&] { LoadStateDict(folder / "s" + suffix); }), HasSubstr(StrCat("s", suffix)));
  }
}

TEST(ChecksumsTest, AStrangerOfTheSameShapesIsCaught) {
  TemporaryFolder folder;
  SaveModelVersion(folder / "m", 1);
  SaveModelVersion(folder / "stranger", 2);
  std::filesystem::copy_file(folder / "stranger.pdiparams", folder / "m.pdiparams",
                             std::filesystem::copy_options::overwrite_existing);
  EXPECT_THAT(ErrorOf([&] { LoadInferenceModel(folder / "m"); }), HasSubstr("something else replaced it"));
  EXPECT_EQ(VersionOf(*LoadInferenceModel(folder / "m", {.verify_checksums = false}).parameters.Find("w")), 2);
  std::filesystem::remove(folder / "m.checksums");  // the remedy
  EXPECT_EQ(VersionOf(*LoadInferenceModel(folder / "m").parameters.Find("w")), 2);
}

TEST(ChecksumsTest, AFolderWithNamesOfFilesIsComparedToo) {
  TemporaryFolder folder;
  SaveModelVersion(folder / "m", 1);
  const LoadInferenceOptions named = {.model_filename = "m", .params_filename = "m"};
  LoadInferenceModel(folder.path(), named);
  FlipBit(folder / "m.pdiparams", 1);
  EXPECT_THAT(ErrorOf([&] { LoadInferenceModel(folder.path(), named); }), HasSubstr("m.pdiparams"));
}

TEST(ChecksumsTest, AFileReadAloneBesideASaverIsThatOfItsChecksum) {
  TemporaryFolder folder;
  const Faults no_flushing;
  SaveStateVersion(folder / "s", 1);
  std::atomic<bool> stop{false};
  std::thread saver([&] {
    for (int version = 1; !stop; version = 3 - version) SaveStateVersion(folder / "s", version);
  });
  for (int i = 0; i < 2000; ++i) {
    EXPECT_EQ(ErrorOf([&] { LoadStateDict(folder / "s.pdparams"); }), "");
  }
  stop = true;
  saver.join();
}

TEST(ChecksumsTest, CanBeLeftOutAndNotCompared) {
  TemporaryFolder folder;
  SaveModelVersion(folder / "m", 1, {.checksums = false});
  SaveStateVersion(folder / "s", 1, {.checksums = false});
  EXPECT_FALSE(IsFile(folder / "m.checksums"));
  EXPECT_FALSE(IsFile(folder / "s.checksums"));
  SaveStateVersion(folder / "s", 1);
  FlipBit(folder / "s.pdparams", 40);
  EXPECT_TRUE(LoadState(folder / "s", {.verify_checksums = false}).fits());
  EXPECT_THAT(LoadStateDict(folder / "s.pdparams", false).Names(), ::testing::ElementsAre("w"));
}

TEST(ChecksumsTest, GoWhenOneFileOfTheirsIsSavedWithoutThem) {
  TemporaryFolder folder;
  SaveStateVersion(folder / "s", 1);
  SaveStateDict({{"other", VersionedTensor(1)}}, folder / "s.npz");  // not among them
  EXPECT_TRUE(IsFile(folder / "s.checksums"));
  SaveStateDict({{"w", VersionedTensor(2)}}, folder / "s.pdparams");
  EXPECT_FALSE(IsFile(folder / "s.checksums"));
  EXPECT_TRUE(LoadState(folder / "s").fits());
  SaveModelVersion(folder / "m", 1);
  SaveModelVersion(folder / "m", 2, {.checksums = false});
  EXPECT_FALSE(IsFile(folder / "m.checksums"));
}

TEST(ChecksumsErrorTest, ADamagedSidecarIsSaid) {
  TemporaryFolder folder;
  SaveModelVersion(folder / "m", 1);
  const std::string text = PlainText(folder / "m.checksums");
  for (const std::string& broken : {std::string(), text.substr(0, 10), text.substr(0, 30), text.substr(0, text.size() - 1),
                                    text + "x", std::string("skiff checksums 1\nx 1 .pdmodel\n")}) {
    WriteFile(folder / "m.checksums", broken);
    EXPECT_THAT(ErrorOf([&] { LoadInferenceModel(folder / "m"); }),
                AllOf(HasSubstr("m.checksums"), HasSubstr("is damaged"), HasSubstr("delete it")))
        << broken;
  }
  WriteFile(folder / "m.checksums", "skiff checksums 2\n");
  EXPECT_THAT(ErrorOf([&] { LoadInferenceModel(folder / "m"); }), HasSubstr("version 2, this skiff reads version 1"));
}

TEST(ChecksumsTest, ASaveBesideADamagedSidecarSucceedsAndLeavesItToBeSaid) {
  TemporaryFolder folder;
  SaveModelVersion(folder / "m", 1);
  for (const char* broken : {"no checksums", "skiff checksums 2\n"}) {
    WriteFile(folder / "m.checksums", broken);
    WriteFile(folder / "m.pdmodel", SerializeProgram(*VersionedProgram(2)));
    EXPECT_EQ(PlainText(folder / "m.checksums"), broken);
    EXPECT_THAT(ErrorOf([&] { LoadProgram(folder / "m.pdmodel"); }), HasSubstr("m.checksums"));
    EXPECT_EQ(VersionOf(*LoadProgram(folder / "m.pdmodel", false)), 2);
  }
}

TEST(ChecksumsErrorTest, ALengthThatIsNotTheFilesIsSaid) {
  TemporaryFolder folder;
  SaveModelVersion(folder / "m", 1);
  std::string text = PlainText(folder / "m.checksums");
  text.insert(text.find(" .pdmodel"), "0");
  WriteFile(folder / "m.checksums", text);
  EXPECT_THAT(ErrorOf([&] { LoadInferenceModel(folder / "m"); }), HasSubstr("m.pdmodel\" is not the file that was saved"));
}

}  // namespace
}  // namespace skiff::io
