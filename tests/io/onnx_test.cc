// Structure of exported ONNX models: what a reader of protobuf finds. What they compute is tested from Python, with ONNX Runtime.
#include "io/onnx/export.h"

#include <sys/mman.h>

#include "framework/op/op_def.h"
#include "io/atomic_file.h"
#include "io/onnx/message.h"
#include "tests/io/support.h"

namespace skiff::io {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

// The fields of a message, in order: number, and a varint's value or the bytes.
struct WireField {
  int number;
  uint64_t value = 0;
  std::string bytes;
};
std::vector<WireField> FieldsOf(std::string_view message) {
  size_t at = 0;
  const auto varint = [&] {
    uint64_t value = 0;
    for (int shift = 0;; shift += 7) {
      const uint8_t byte = message.at(at++);
      value |= static_cast<uint64_t>(byte & 0x7F) << shift;
      if (byte < 0x80) return value;
    }
  };
  std::vector<WireField> fields;
  while (at < message.size()) {
    const uint64_t key = varint();
    WireField field{static_cast<int>(key >> 3)};
    if ((key & 7) == 0) {
      field.value = varint();
    } else {
      const size_t length = (key & 7) == 5 ? 4 : varint();
      field.bytes = message.substr(at, length);
      at += length;
    }
    fields.push_back(field);
  }
  return fields;
}
std::vector<std::string> All(const std::string& message, int number) {
  std::vector<std::string> found;
  for (const WireField& field : FieldsOf(message)) {
    if (field.number == number) found.push_back(field.bytes);
  }
  return found;
}
std::string First(const std::string& message, int number) { return All(message, number).at(0); }
uint64_t Number(const std::string& message, int number) {
  for (const WireField& field : FieldsOf(message)) {
    if (field.number == number) return field.value;
  }
  return 0;
}

constexpr int kGraph = 7, kNode = 1, kInitializer = 5;  // fields of ModelProto and GraphProto

// x [-1, 3] -> mul by w [3, 2] -> `type`
InferenceModel SmallModel(const std::string& type, std::vector<float> weights = {1, 2, 3, 4, 5, 6}) {
  InferenceModel model{std::make_unique<Program>(), {"x"}, {"out"}, {}};
  Block& block = model.program->global_block();
  block.AddVar({"x", VarKind::kLodTensor, DType::kFloat32, {-1, 3}});
  block.AddVar({"w", VarKind::kLodTensor, DType::kFloat32, {3, static_cast<int64_t>(weights.size()) / 3}, true});
  for (const char* name : {"y", "out"}) block.AddVar({name, VarKind::kLodTensor, DType::kFloat32, {-1, 2}});
  block.AddOp({"mul", {{"X", {"x"}}, {"Y", {"w"}}}, {{"Out", {"y"}}}, {}});
  block.AddOp({type, {{"X", {"y"}}}, {{"Out", {"out"}}}, {}});
  model.parameters.Set("w", Tensor::Of(Shape{3, static_cast<int64_t>(weights.size()) / 3}, weights));
  return model;
}

TEST(WireMessageTest, CountsWhatItWrites) {
  WireMessage inner;
  inner.Int(1, -1);
  inner.Elements(9, Tensor::Of(Shape{2}, {1.0f, 2.0f}));
  WireMessage outer;
  outer.Bytes(3, "name");
  outer.Message(300, std::move(inner));
  outer.Float(2, 0.5f);
  StringSink sink;
  outer.WriteTo(&sink);
  EXPECT_EQ(sink.text().size(), outer.size());
  const auto fields = FieldsOf(sink.text());
  ASSERT_THAT(fields, SizeIs(3));
  EXPECT_EQ(fields[0].bytes, "name");
  EXPECT_EQ(fields[1].number, 300);
  EXPECT_EQ(Number(fields[1].bytes, 1), UINT64_MAX);
  EXPECT_THAT(First(fields[1].bytes, 9), SizeIs(8));
  EXPECT_THAT(fields[2].bytes, SizeIs(4));
}

TEST(OnnxTest, WritesNodesInOrderAndParametersByTheirNames) {
  const std::string graph = First(SerializeOnnx(SmallModel("relu"), {.opset = 18}), kGraph);
  const auto nodes = All(graph, kNode);
  ASSERT_THAT(nodes, SizeIs(2));
  EXPECT_THAT(All(nodes[0], 1), ElementsAre("x", "w"));
  EXPECT_THAT(All(nodes[0], 4), ElementsAre("MatMul"));
  EXPECT_THAT(All(nodes[1], 4), ElementsAre("Relu"));
  EXPECT_THAT(All(nodes[1], 2), ElementsAre("out"));
  const auto initializers = All(graph, kInitializer);
  ASSERT_THAT(initializers, SizeIs(1));
  EXPECT_EQ(First(initializers[0], 8), "w");
  EXPECT_EQ(Number(initializers[0], 2), 1u);  // FLOAT
  const float wanted[] = {1, 2, 3, 4, 5, 6};
  EXPECT_EQ(First(initializers[0], 9), std::string(reinterpret_cast<const char*>(wanted), sizeof(wanted)));
}

TEST(OnnxTest, StatesTheOpsetAndTheProducer) {
  const std::string model = SerializeOnnx(SmallModel("relu"), {.opset = 19, .producer = "someone"});
  EXPECT_EQ(Number(First(model, 8), 2), 19u);
  EXPECT_EQ(First(model, 2), "someone");
  EXPECT_EQ(Number(model, 1), 9u);  // ir_version
}

TEST(OnnxTest, NamesEveryOperatorWithoutAFormAndItsPlace) {
  InferenceModel model = SmallModel("digamma");
  Block& block = model.program->global_block();
  block.AddVar({"more", VarKind::kLodTensor, DType::kFloat32, {-1, 2}});
  block.AddOp({"erfinv", {{"X", {"y"}}}, {{"Out", {"more"}}}, {}});
  model.fetch_names.push_back("more");
  EXPECT_THAT([&] { SerializeOnnx(model); },
              ThrowsMessage<Unimplemented>(HasSubstr("no ONNX form for digamma at block 0 op 1; erfinv at block 0 op 2")));
  model.fetch_names = {"y"};
  EXPECT_NO_THROW(SerializeOnnx(model));
}

TEST(OnnxTest, AModelSavedAsForTrainingSaysWhatMustBeSetForTesting) {
  for (const char* type : {"dropout", "rrelu"}) {
    InferenceModel model = SmallModel(type);
    EXPECT_THAT([&] { SerializeOnnx(model); },
                ThrowsMessage<Unimplemented>(HasSubstr(StrCat(type, " (it draws random numbers; is_test must be true) at block 0 op 1"))));
    model.program->global_block().ops()[1]->attrs.Set("is_test", true);
    EXPECT_NO_THROW(SerializeOnnx(model)) << type;
  }
}

TEST(OnnxTest, RefusesAProgramWhoseGraphIsBroken) {
  InferenceModel model = SmallModel("relu");
  model.program->global_block().ops()[1]->inputs.Set("X", {"nowhere"});
  EXPECT_THAT([&] { SerializeOnnx(model); }, ThrowsMessage<InvalidArgument>(HasSubstr("nowhere")));
  model.program->global_block().ops()[1]->inputs.Erase("X");
  EXPECT_THAT([&] { SerializeOnnx(model); }, ThrowsMessage<InvalidArgument>(HasSubstr("relu")));
}

TEST(OnnxTest, RefusesAnInputWhoseDtypeNothingSays) {
  InferenceModel model{std::make_unique<Program>(), {"x"}, {"x"}, {}};
  model.program->global_block().AddVar({"x", VarKind::kLodTensor, DType::kUndefined, {2}});
  EXPECT_THAT([&] { SerializeOnnx(model); }, ThrowsMessage<Unimplemented>(HasSubstr("ONNX has no dtype undefined")));
}

TEST(OnnxTest, RefusesBlocksThatContainThemselves) {
  InferenceModel model = SmallModel("relu");
  Block& inner = model.program->CreateBlock();
  Block& outer = model.program->global_block();
  outer.AddVar({"go", VarKind::kLodTensor, DType::kBool, {1}});
  const Operator loop{"while", {{"Condition", {"go"}}, {"X", {"y"}}}, {{"Out", {"out"}}}, {{"sub_block", BlockRef{inner.idx()}}}};
  inner.AddOp(loop);
  outer.AddOp(loop);
  EXPECT_THAT([&] { SerializeOnnx(model); }, ThrowsMessage<InvalidArgument>(HasSubstr("block 1")));
}

TEST(OnnxTest, EveryFormBelongsToAnOperator) {
  for (const std::string& type : OnnxOperators()) EXPECT_NE(FindOp(type), nullptr) << type;
  EXPECT_GT(OnnxOperators().size(), 250u);
}

TEST(OnnxTest, RefusesAnOpsetThatIsNotWritten) {
  EXPECT_THAT([] { SerializeOnnx(SmallModel("relu"), {.opset = 11}); }, ThrowsMessage<InvalidArgument>(HasSubstr("opset 11 is not written")));
}

TEST(OnnxTest, AModelOfTwoGigabytesIsNoSingleMessage) {
  const int64_t bytes = int64_t{1} << 31;  // never touched: the system hands out pages as they are used
  void* memory = mmap(nullptr, bytes, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  ASSERT_NE(memory, MAP_FAILED);
  InferenceModel model = SmallModel("relu");
  model.program->global_block().Var("w").shape = Shape{3, -1};
  model.program->global_block().Var("y").shape = model.program->global_block().Var("out").shape = Shape{-1, -1};
  const std::shared_ptr<void> owner(memory, [bytes](void* p) { munmap(p, bytes); });
  model.parameters.Set("w", Tensor(Shape{4, bytes / 16}, DType::kFloat32, CPUPlace{}, owner, memory));
  EXPECT_THAT([&] { SerializeOnnx(model); }, ThrowsMessage<InvalidArgument>(HasSubstr("ExportOnnx writes it as two files")));
}

TEST(OnnxTest, PutsLargeParametersIntoAFileBesideTheModel) {
  const TemporaryFolder folder;
  const std::string path = folder / "model.onnx";
  const InferenceModel model = SmallModel("relu", std::vector<float>(3 * 2000, 0.5f));
  ExportOnnx(model, path, {.external_data = true});
  const std::string initializer = First(First(ReadText(path), kGraph), kInitializer);
  EXPECT_EQ(Number(initializer, 14), 1u);  // EXTERNAL
  std::vector<std::string> entries;
  for (const std::string& pair : All(initializer, 13)) entries.push_back(First(pair, 1) + "=" + First(pair, 2));
  EXPECT_THAT(entries, ElementsAre("location=model.onnx.data", "offset=0", "length=24000"));
  EXPECT_THAT(ReadText(path + ".data"), SizeIs(24000));
}

TEST(OnnxTest, ASavedModelBecomesTheFileOfItsModel) {
  const TemporaryFolder folder;
  const InferenceModel model = SmallModel("relu");
  Scope scope;
  *scope.Var("w") = *model.parameters.Find("w");
  SaveInferenceModel(folder / "net", model.feed_names, model.fetch_names, *model.program, scope);
  ExportOnnx(folder / "net", folder / "net.onnx", {.opset = 19});
  EXPECT_EQ(ReadText(folder / "net.onnx"), SerializeOnnx(LoadInferenceModel(folder / "net"), {.opset = 19}));
  // A folder and the names of its files.
  ExportOnnx(folder.path(), folder / "again.onnx", {}, {.model_filename = "net.pdmodel", .params_filename = "net.pdiparams"});
  EXPECT_EQ(ReadText(folder / "again.onnx"), SerializeOnnx(LoadInferenceModel(folder / "net")));
  EXPECT_THAT([&] { ExportOnnx(folder / "missing", folder / "missing.onnx"); }, ThrowsMessage<External>(HasSubstr("missing")));
  EXPECT_FALSE(std::filesystem::exists(folder / "missing.onnx"));
}

TEST(OnnxTest, AModelThatCannotBeExportedLeavesTheOldFileWhole) {
  const TemporaryFolder folder;
  const std::string path = folder / "model.onnx";
  WriteFile(path, "old");
  EXPECT_THROW(ExportOnnx(SmallModel("digamma"), path), Unimplemented);
  EXPECT_EQ(ReadText(path), "old");
}

}  // namespace
}  // namespace skiff::io
