#include "io/program_file.h"

#include <filesystem>
#include <limits>

#include "tests/io/support.h"

namespace skiff::io {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

const char* const kGoldenPrograms[] = {
    "seed_static_fc/temp/model.pdmodel",
    "seed_matmul_add/infer_model.pdmodel",
    "seed_matmul_add/clip_extra_false.pdmodel",
    "seed_matmul_add/legacy_format.pdmodel",
    "seed_matmul_add/serialize_program.bin",
    "seed_lenet_hapi/inference_model.pdmodel",
    "jit_conv_bn_relu/model.pdmodel",
    "jit_embed_lstm/model.pdmodel",
    "jit_multi_function/model.pdmodel",
    "jit_multi_function/model.hidden.pdmodel",
    "jit_multi_function/noparam.pdmodel",
    "jit_multi_function/func.pdmodel",
    "static_control_flow/main.pdmodel",
    "static_control_flow/model.pdmodel",
    "jit_control_flow/model.pdmodel",
    "dtypes_pdiparams/program.pdmodel",
    "lod_tensor/model.pdmodel",
    "legacy_separate/model/__model__",
    "legacy_combined/model/__model__",
    "attr_types/model.pdmodel",
    "attr_types/every_attr.pdmodel",
    "static_save_train/train.pdmodel",
    "pdmodel_from_v3/model.pdmodel",
};

class GoldenProgramTest : public ::testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(Golden, GoldenProgramTest, ::testing::ValuesIn(kGoldenPrograms),
                         [](const auto& info) {
                           std::string name = info.param;
                           for (char& c : name) c = std::isalnum(c) ? c : '_';
                           return name;
                         });

TEST_P(GoldenProgramTest, IsWrittenBackByteForByte) {
  const std::string bytes = ReadText(Golden(GetParam()));
  EXPECT_EQ(SerializeProgram(*ParseProgram(AsBytes(bytes), GetParam())), bytes);
}

TEST_P(GoldenProgramTest, IsWrittenBackByteForByteFromAClone) {
  const std::string bytes = ReadText(Golden(GetParam()));
  EXPECT_EQ(SerializeProgram(*ParseProgram(AsBytes(bytes), GetParam())->Clone()), bytes);
}

}  // namespace
}  // namespace skiff::io
