#include "io/program_file.h"

#include <sys/mman.h>

#include <filesystem>
#include <limits>

#include "tests/io/support.h"

namespace skiff::io {
namespace {

using ::testing::AllOf;
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

// ---- what skiff built

std::unique_ptr<Program> ProductProgram() {
  auto program = std::make_unique<Program>();
  Block& block = program->global_block();
  Variable w{"w", VarKind::kLodTensor, DType::kFloat32, {3, 2}};
  w.persistable = w.is_parameter = true;
  block.AddVar({"z_out", VarKind::kLodTensor, DType::kFloat32, {-1, 2}});
  block.AddVar(w);
  block.AddOp({"matmul_v2",
               {{"Y", {"w"}}, {"X", {"z_out"}}},
               {{"Out", {"z_out"}}},
               {{"trans_y", false}, {"trans_x", true}, {"use_mkldnn", false}, {"op_role", 0}}});
  return program;
}

TEST(ProgramFileTest, WritesWhatWasBuiltInPaddlesOrder) {
  const std::string bytes = SerializeProgram(*ProductProgram());
  const auto program = ParseProgram(AsBytes(bytes), "small");
  const Block& block = program->global_block();
  EXPECT_EQ(program->version, kProgramVersion);
  EXPECT_THAT(*program->op_version_map, ::testing::Contains(std::pair<std::string, int>("conv2d", 1)));
  EXPECT_EQ(block.vars()[0]->name, "w");
  EXPECT_EQ(block.ops()[0]->inputs.begin()->first, "X");
  std::vector<std::string> attrs;
  for (const auto& [name, value] : block.ops()[0]->attrs) attrs.push_back(name);
  EXPECT_THAT(attrs, ::testing::ElementsAre("use_mkldnn", "op_role", "trans_x", "trans_y"));
  EXPECT_EQ(SerializeProgram(*program), bytes);
}

TEST(ProgramFileTest, SpellsAParameterAsPaddleDoes) {
  // fc_0.w_0 of seed_static_fc, made anew.
  const auto paddle = ParseProgram(AsBytes(ReadText(Golden("seed_static_fc/temp/model.pdmodel"))), "x");
  for (const auto& v : paddle->global_block().vars()) {
    SCOPED_TRACE(v->name);
    Variable fresh = *v;
    fresh.file_form.reset();
    const Variable::FileForm form = FormOfNew(fresh);
    EXPECT_EQ(form.has_lod_level, v->file_form->has_lod_level);
    EXPECT_EQ(form.has_persistable, v->file_form->has_persistable);
    EXPECT_EQ(form.has_stop_gradient, v->file_form->has_stop_gradient);
  }
}

TEST(ProgramFileTest, AChangedVariableIsWrittenChanged) {
  const std::string bytes = ReadText(Golden("static_control_flow/model.pdmodel"));
  const auto program = ParseProgram(AsBytes(bytes), "x");
  Variable& x = program->global_block().Var("x");
  x.stop_gradient = true;
  x.lod_level = 2;
  x.dtype = DType::kFloat64;
  x.shape = {5};
  const auto again = ParseProgram(AsBytes(SerializeProgram(*program)), "x");
  const Variable& read = again->global_block().Var("x");
  EXPECT_TRUE(read.stop_gradient);
  EXPECT_EQ(read.lod_level, 2);
  EXPECT_EQ(read.dtype, DType::kFloat64);
  EXPECT_EQ(read.shape, Shape({5}));
}

TEST(ProgramFileTest, KeepsElementTypesItHasNoTensorsOf) {
  // A variable "x" of float8 (32) [2], as Paddle 3 writes it.
  const std::string type("\x08\x07\x1a\x06\x0a\x04\x08\x20\x10\x02", 10);
  const std::string var = "\x0a\x01x\x12\x0a" + type;
  const std::string block = std::string("\x08\x00\x10\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x1a\x0f", 15) + var;
  const std::string bytes = "\x0a\x1e" + block;
  const auto program = ParseProgram(AsBytes(bytes), "float8");
  EXPECT_EQ(program->global_block().Var("x").dtype, DType::kUndefined);
  EXPECT_EQ(SerializeProgram(*program), bytes);
}

// ---- what is refused

std::string ErrorOfProgram(const std::string& bytes) {
  return ErrorOf([&] { ParseProgram(AsBytes(bytes), "program"); });
}

// A message field: key, length, content.
std::string Field(int number, const std::string& content) {
  return std::string({static_cast<char>(number << 3 | 2), static_cast<char>(content.size())}) + content;
}
std::string Varint(int number, char value) {
  return std::string({static_cast<char>(number << 3), value});
}
const std::string kNoParent = std::string("\x10") + std::string(9, '\xff') + '\x01';
std::string Block0(const std::string& rest) { return Field(1, Varint(1, 0) + kNoParent + rest); }

TEST(ProgramFileErrorTest, RefusesAnEmptyFile) {
  EXPECT_THAT(ErrorOfProgram(""), HasSubstr("the file is empty"));
  EXPECT_THAT(ErrorOfProgram(Field(4, Varint(1, 1))), HasSubstr("no block"));
}

TEST(ProgramFileErrorTest, NamesByteAndPathOfWhatIsCut) {
  const std::string bytes = ReadText(Golden("static_control_flow/model.pdmodel"));
  EXPECT_THAT(ErrorOfProgram(bytes.substr(0, 200)), HasSubstr("at byte"));
  const std::string damaged = Block0(Field(3, Field(1, "x") + Field(2, std::string("\x08", 1))));
  EXPECT_THAT(ErrorOfProgram(damaged), HasSubstr("in blocks[0].vars[0].type[0]"));
}

TEST(ProgramFileErrorTest, RefusesBlocksThatAreNotThere) {
  EXPECT_EQ(ErrorOfProgram(Block0("")), "");
  EXPECT_THAT(ErrorOfProgram(Field(1, Varint(1, 1) + kNoParent)), HasSubstr("numbered 1"));
  EXPECT_THAT(ErrorOfProgram(Field(1, Varint(1, 0) + Varint(2, 0))), HasSubstr("the parent 0"));
  EXPECT_THAT(ErrorOfProgram(Block0("") + Field(1, Varint(1, 1) + Varint(2, 1))),
              HasSubstr("block 1 has the parent 1"));
  EXPECT_THAT(ErrorOfProgram(Block0("") + Field(1, Varint(1, 1))), HasSubstr("a block before it"));
  EXPECT_THAT(ErrorOfProgram(Block0(Varint(5, 9))), HasSubstr("forward_block_idx"));
}

TEST(ProgramFileErrorTest, RefusesSubBlocksThatOwnEachOther) {
  auto owner = [](char index) {
    return Field(4, Field(3, "while") + Field(4, Field(1, "sub_block") + Varint(2, 8) + Varint(12, index)));
  };
  EXPECT_THAT(ErrorOfProgram(Block0(owner(0))), HasSubstr("block 0 is a sub-block of itself"));
  EXPECT_THAT(ErrorOfProgram(Block0(owner(7))), HasSubstr("block 7 is named, the program has 1"));
  EXPECT_THAT(ErrorOfProgram(Block0(owner(1)) + Field(1, Varint(1, 1) + Varint(2, 0) + owner(0))),
              HasSubstr("a sub-block of itself"));
}

TEST(ProgramFileErrorTest, RefusesSubBlocksThatUnfoldWithoutEnd) {
  // Block i owns block i + 1 twice: 2^40 operators when walked.
  std::string bytes;
  for (char i = 0; i < 40; ++i) {
    const std::string owner =
        i == 39 ? ""
                : Field(4, Field(3, "if") + Field(4, Field(1, "b") + Varint(2, 8) +
                                                          Varint(12, static_cast<char>(i + 1))));
    const std::string parent = i == 0 ? kNoParent : Varint(2, static_cast<char>(i - 1));
    bytes += Field(1, Varint(1, i) + parent + owner + owner);
  }
  EXPECT_THAT(ErrorOfProgram(bytes), HasSubstr("owned too often"));
}

TEST(ProgramFileErrorTest, RefusesUnknownKinds) {
  auto var = [](const std::string& type) { return Block0(Field(3, Field(1, "x") + Field(2, type))); };
  EXPECT_THAT(ErrorOfProgram(var(Varint(1, 5))), HasSubstr("of the kind 5"));
  EXPECT_THAT(ErrorOfProgram(var("")), HasSubstr("of the kind 0"));
  const auto tensor = [&](const std::string& desc) {
    return var(Varint(1, 7) + Field(3, Field(1, desc)));
  };
  EXPECT_EQ(ErrorOfProgram(tensor(Varint(1, 5) + Varint(2, 3))), "");
  EXPECT_THAT(ErrorOfProgram(tensor(Varint(1, 99))), HasSubstr("the type 99"));
  const std::string big("\x10\x80\x80\x80\x80\x80\x80\x80\x80\x40", 10);
  EXPECT_THAT(ErrorOfProgram(tensor(Varint(1, 5) + big)), HasSubstr("63 bits"));
  std::string many = Varint(1, 5);
  for (int i = 0; i < 10; ++i) many += Varint(2, 1);
  EXPECT_THAT(ErrorOfProgram(tensor(many)), HasSubstr("10 dimensions"));
  auto attr = [](char type) {
    return Block0(Field(4, Field(3, "op") + Field(4, Field(1, "a") + Varint(2, type))));
  };
  EXPECT_EQ(ErrorOfProgram(attr(3)), "");
  EXPECT_THAT(ErrorOfProgram(attr(18)), HasSubstr("the unknown type 18"));
  EXPECT_THAT(ErrorOfProgram(attr(16)), HasSubstr("a scalar of the unknown type 0"));
}

TEST(ProgramFileTest, ReadsEveryNegativeExtentAsUnknown) {
  const std::string minus_two = "\x10\xfe" + std::string(8, '\xff') + '\x01';
  const std::string tensor = Varint(1, 7) + Field(3, Field(1, Varint(1, 5) + minus_two + Varint(2, 3)));
  const auto program = ParseProgram(AsBytes(Block0(Field(3, Field(1, "x") + Field(2, tensor)))), "x");
  EXPECT_EQ(program->global_block().Var("x").shape, Shape({-1, 3}));
}

// formats.md, section 1: the field of VarType that describes a variable of each kind.
struct KindCase {
  VarKind kind;
  int field;
  bool in_lod_desc;  // behind one more message, with a lod_level
};
const KindCase kKinds[] = {
    {VarKind::kSelectedRows, 2, false}, {VarKind::kLodTensor, 3, true}, {VarKind::kLodTensorArray, 4, true},
    {VarKind::kString, 8, false},       {VarKind::kStrings, 9, false},  {VarKind::kVocab, 10, false},
    {VarKind::kSparseCoo, 11, false},   {VarKind::kSparseCsr, 12, false}};

TEST(ProgramFileTest, VariablesOfEveryKindAreReadAndWrittenByteForByte) {
  for (const KindCase& c : kKinds) {
    SCOPED_TRACE(ToString(c.kind));
    const std::string desc = Varint(1, 6) + Varint(2, 4) + Varint(2, 5);  // float64 [4, 5]
    const std::string field = c.in_lod_desc ? Field(1, desc) + Varint(2, 3) : desc;
    const std::string type = Varint(1, static_cast<char>(c.kind)) + Field(c.field, field);
    const std::string bytes = Block0(Field(3, Field(1, "x") + Field(2, type)));
    const auto program = ParseProgram(AsBytes(bytes), "x");
    const Variable& x = program->global_block().Var("x");
    EXPECT_EQ(x.kind, c.kind);
    EXPECT_EQ(x.dtype, DType::kFloat64);
    EXPECT_EQ(x.shape, Shape({4, 5}));
    EXPECT_EQ(x.lod_level, c.in_lod_desc ? 3 : 0);
    EXPECT_EQ(SerializeProgram(*program), bytes);
  }
}

TEST(ProgramFileTest, ArraysAndRowsThatWereBuiltKeepTheirShapes) {
  for (const VarKind kind : {VarKind::kLodTensor, VarKind::kLodTensorArray, VarKind::kSelectedRows}) {
    SCOPED_TRACE(ToString(kind));
    Program program;
    program.global_block().AddVar({"x", kind, DType::kFloat64, {4, 5}});
    const auto again = ParseProgram(AsBytes(SerializeProgram(program)), "x");
    EXPECT_EQ(again->global_block().Var("x").kind, kind);
    EXPECT_EQ(again->global_block().Var("x").dtype, DType::kFloat64);
    EXPECT_EQ(again->global_block().Var("x").shape, Shape({4, 5}));
  }
}

TEST(ProgramFileErrorTest, RefusesNamesThatAreThereTwice) {
  const std::string var = Field(3, Field(1, "x") + Field(2, Varint(1, 17)));
  EXPECT_THAT(ErrorOfProgram(Block0(var + var)), HasSubstr("\"x\" twice"));
  const std::string slot = Field(1, Field(1, "X"));
  EXPECT_THAT(ErrorOfProgram(Block0(Field(4, Field(3, "op") + slot + slot))), HasSubstr("twice"));
}

TEST(ProgramFileTest, OfAnAttributeThatIsThereTwiceTheLastCounts) {
  const auto attr = [](int value) { return Field(4, Field(1, "a") + Varint(2, 0) + Varint(3, value)); };
  const auto program = ParseProgram(AsBytes(Block0(Field(4, Field(3, "op") + attr(1) + attr(2)))), "x");
  EXPECT_EQ(program->global_block().ops()[0]->attrs.Get<int32_t>("a"), 2);
}

TEST(ProgramFileErrorTest, RefusesMoreThanAScanCanFind) {
  const auto with = [](int attrs) {
    Program program;
    Operator op{"my_own", {}, {}, {}};
    for (int i = 0; i < attrs; ++i) op.attrs.Set(StrCat("a", i), int32_t{i});
    program.global_block().AddOp(std::move(op));
    return ErrorOfProgram(SerializeProgram(program));
  };
  EXPECT_EQ(with(4096), "");
  EXPECT_THAT(with(4097), HasSubstr("my_own has more than 4096 slots or attributes"));
}

TEST(ProgramFileErrorTest, RefusesMoreBytesThanProtobufReadsAtOnce) {
  const size_t bytes = size_t{1} << 31;
  void* memory = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  ASSERT_NE(memory, MAP_FAILED);
  auto* start = static_cast<uint8_t*>(memory);
  *start = 0x0A;
  EXPECT_THAT(ErrorOf([&] { ParseProgram({start, bytes}, "x"); }), HasSubstr("a program of 2147483648 bytes; protobuf reads at most 2147483647"));
  ::munmap(memory, bytes);
}

TEST(ProgramFileErrorTest, RefusesAttributesWithoutATypeAndListsThatAreCut) {
  const auto attr = [](const std::string& rest) { return Block0(Field(4, Field(3, "op") + Field(4, Field(1, "a") + rest))); };
  EXPECT_THAT(ErrorOfProgram(attr("")), AllOf(HasSubstr("an attribute without a type"), HasSubstr("blocks[0].ops[0].a")));
  EXPECT_EQ(ErrorOfProgram(attr(Varint(2, 3) + Field(6, "\x05\x06"))), "");
  EXPECT_THAT(ErrorOfProgram(attr(Varint(2, 3) + Field(6, "\x05\xFF"))), HasSubstr("protobuf cannot parse it"));
}

TEST(ProgramFileErrorTest, RefusesNamesThatAreNoUtf8) {
  const auto var = [](const std::string& name) { return Field(3, Field(1, name) + Field(2, Varint(1, 17))); };
  const auto op = [](const std::string& type, const std::string& slot, const std::string& argument) {
    return Field(4, Field(3, type) + Field(1, Field(1, slot) + Field(2, argument)));
  };
  EXPECT_EQ(ErrorOfProgram(Block0(var("é") + op("op", "X", "é"))), "");
  for (const std::string& bad : {var("\xFF"), op("\xFF", "X", "x"), op("op", "\xC3", "x"), op("op", "X", "\xED\xA0\x80")}) {
    EXPECT_THAT(ErrorOfProgram(Block0(bad)), HasSubstr("is no UTF-8"));
  }
}

TEST(ProgramFileErrorTest, EveryCutAndEveryFlippedByteIsSafe) {
  for (const char* name : {"attr_types/every_attr.pdmodel", "legacy_combined/model/__model__"}) {
    SCOPED_TRACE(name);
    const std::string bytes = ReadText(Golden(name));
    for (size_t size = 0; size < bytes.size(); ++size) {
      ErrorOfProgram(bytes.substr(0, size));
      std::string flipped = bytes;
      flipped[size] = static_cast<char>(flipped[size] ^ (1 << (size % 8)));
      ErrorOfProgram(flipped);
    }
  }
}

}  // namespace
}  // namespace skiff::io
