#include "io/file_kind.h"

#include "io/npy.h"
#include "io/state_dict.h"
#include "tests/io/support.h"

namespace skiff::io {
namespace {

TEST(FileKindTest, TellsPaddlesFilesApartByContent) {
  auto kind_of = [](const std::string& name) {
    return std::string(ToString(DetectFile(MappedFile::Open(Golden(name))->bytes())));
  };
  EXPECT_EQ(kind_of("seed_static_fc/temp/model.pdmodel"), "program");
  EXPECT_EQ(kind_of("legacy_combined/model/__model__"), "program");
  EXPECT_EQ(kind_of("legacy_combined/model/__params__"), "tensors");
  EXPECT_EQ(kind_of("selected_rows/rows.bin"), "tensors");
  EXPECT_EQ(kind_of("seed_static_fc/temp/model.pdparams"), "pickle");
  EXPECT_EQ(kind_of("jit_embed_lstm/model.pdiparams.info"), "pickle");
  EXPECT_EQ(kind_of("pir_json_v3/model.json"), "program in JSON");
  EXPECT_EQ(kind_of("pir_json_v3/static_fc_readable.json"), "program in JSON");
  EXPECT_EQ(kind_of("seed_static_fc/io.npz"), "zip");
  EXPECT_EQ(kind_of("README.md"), "unknown");
  EXPECT_EQ(std::string(ToString(DetectFile({}))), "empty");
}

TEST(FileKindTest, AnArchiveMayBeEmpty) {
  TemporaryFolder folder;
  SaveNpz({}, folder / "x.npz");
  EXPECT_EQ(DetectFile(MappedFile::Open(folder / "x.npz")->bytes()), FileKind::kZip);
  EXPECT_TRUE(LoadStateDict(folder / "x.npz").empty());
}

TEST(FileKindTest, SafetensorsAreToldFromWhatTheLengthOfTheirHeaderLooksLike) {
  // 0x0280 bytes of header look like a pickle, 0x010A like a program.
  for (const uint64_t header_bytes : {uint64_t{0x0280}, uint64_t{0x010A}, uint64_t{0x7B}}) {
    StringSink sink;
    sink.WriteNumber(header_bytes);
    sink.Write("{}" + std::string(header_bytes - 2, ' '));
    EXPECT_EQ(DetectFile(AsBytes(sink.text())), FileKind::kSafetensors);
  }
}

}  // namespace
}  // namespace skiff::io
