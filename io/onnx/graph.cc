#include "io/onnx/graph.h"

#include <set>

namespace skiff::io {

namespace {

// onnx.proto3
enum AttributeType { kFloat = 1, kInt = 2, kString = 3, kTensor = 4, kGraph = 5, kInts = 7, kStrings = 8 };
constexpr uint64_t kExternalBytes = 1024;   // smaller initializers stay in the model's file


WireMessage TensorMessage(const Tensor& tensor, const std::string& name, OnnxDataFile* data) {
  WireMessage message;
  for (int64_t dim : tensor.shape()) message.Int(1, dim);
  message.Int(2, OnnxTypeOf(tensor.dtype()));
  if (!name.empty()) message.Bytes(8, name);
  if (data == nullptr || tensor.bytes() < kExternalBytes) {
    message.Elements(9, tensor);
    return message;
  }
  const auto entry = [&message](std::string_view key, std::string_view value) {
    WireMessage pair;
    pair.Bytes(1, key);
    pair.Bytes(2, value);
    message.Message(13, std::move(pair));
  };
  data->bytes = (data->bytes + kExternalAlignment - 1) / kExternalAlignment * kExternalAlignment;
  entry("location", data->location);
  entry("offset", std::to_string(data->bytes));
  entry("length", std::to_string(tensor.bytes()));
  message.Int(14, 1);  // data_location: EXTERNAL
  data->tensors.push_back(tensor);
  data->bytes += tensor.bytes();
  return message;
}

WireMessage GraphMessage(const OnnxGraph& graph, OnnxDataFile* data);

struct AttrWriter {
  WireMessage* message;

  void operator()(int64_t v) const { Type(kInt), message->Int(3, v); }
  void operator()(float v) const { Type(kFloat), message->Float(2, v); }
  void operator()(const std::string& v) const { Type(kString), message->Bytes(4, v); }
  void operator()(const std::vector<int64_t>& v) const {
    Type(kInts);
    for (int64_t one : v) message->Int(8, one);
  }
  void operator()(const std::vector<std::string>& v) const {
    Type(kStrings);
    for (const std::string& one : v) message->Bytes(9, one);
  }
  void operator()(const Tensor& v) const { Type(kTensor), message->Message(5, TensorMessage(v, "", nullptr)); }
  void operator()(const std::shared_ptr<OnnxGraph>& v) const { Type(kGraph), message->Message(6, GraphMessage(*v, nullptr)); }

 private:
  void Type(AttributeType type) const { message->Int(20, type); }
};

WireMessage NodeMessage(const OnnxNode& node) {
  WireMessage message;
  for (const std::string& name : node.inputs) message.Bytes(1, name);
  for (const std::string& name : node.outputs) message.Bytes(2, name);
  if (!node.name.empty()) message.Bytes(3, node.name);
  message.Bytes(4, node.type);
  for (const auto& [name, value] : node.attrs) {
    WireMessage attr;
    attr.Bytes(1, name);
    std::visit(AttrWriter{&attr}, value);
    message.Message(5, std::move(attr));
  }
  return message;
}

WireMessage InfoMessage(const OnnxValueInfo& info) {
  WireMessage tensor;
  tensor.Int(1, OnnxTypeOf(info.dtype));
  if (info.shape) {
    WireMessage shape;
    for (int axis = 0; axis < info.shape->rank(); ++axis) {
      WireMessage dim;
      const int64_t extent = (*info.shape)[axis];
      if (extent >= 0) {
        dim.Int(1, extent);
      } else {
        dim.Bytes(2, StrCat(info.name, ".", axis));
      }
      shape.Message(1, std::move(dim));
    }
    tensor.Message(2, std::move(shape));
  }
  WireMessage type;
  type.Message(1, std::move(tensor));
  if (info.is_sequence) {
    WireMessage sequence, outer;
    sequence.Message(1, std::move(type));
    outer.Message(4, std::move(sequence));
    type = std::move(outer);
  }
  WireMessage message;
  message.Bytes(1, info.name);
  message.Message(2, std::move(type));
  return message;
}

WireMessage GraphMessage(const OnnxGraph& graph, OnnxDataFile* data) {
  WireMessage message;
  for (const OnnxNode& node : graph.nodes) message.Message(1, NodeMessage(node));
  message.Bytes(2, graph.name);
  for (const auto& [name, tensor] : graph.initializers) message.Message(5, TensorMessage(tensor, name, data));
  for (const OnnxValueInfo& info : graph.inputs) message.Message(11, InfoMessage(info));
  for (const OnnxValueInfo& info : graph.outputs) message.Message(12, InfoMessage(info));
  return message;
}

// Names that a node reads, those inside its graphs included.
void AddReads(const OnnxNode& node, std::set<std::string>* names) {
  names->insert(node.inputs.begin(), node.inputs.end());
  for (const auto& [name, value] : node.attrs) {
    if (const auto* graph = std::get_if<std::shared_ptr<OnnxGraph>>(&value)) {
      for (const OnnxNode& inner : (*graph)->nodes) AddReads(inner, names);
      for (const OnnxValueInfo& output : (*graph)->outputs) names->insert(output.name);
    }
  }
}

}  // namespace

void OnnxGraph::RemoveUnused() {
  std::set<std::string> read;
  for (const OnnxValueInfo& output : outputs) read.insert(output.name);
  std::vector<OnnxNode> kept;
  for (auto node = nodes.rbegin(); node != nodes.rend(); ++node) {
    bool wanted = false;
    for (const std::string& output : node->outputs) wanted |= read.count(output) > 0;
    if (!wanted) continue;
    for (auto& [name, value] : node->attrs) {
      if (const auto* graph = std::get_if<std::shared_ptr<OnnxGraph>>(&value)) (*graph)->RemoveUnused();
    }
    AddReads(*node, &read);
    kept.push_back(std::move(*node));
  }
  nodes.assign(std::make_move_iterator(kept.rbegin()), std::make_move_iterator(kept.rend()));
  std::erase_if(initializers, [&read](const auto& entry) { return read.count(entry.first) == 0; });
}

int OnnxTypeOf(DType dtype) {
  switch (dtype) {
    case DType::kFloat32: return 1;
    case DType::kUInt8: return 2;
    case DType::kInt8: return 3;
    case DType::kInt16: return 5;
    case DType::kInt32: return 6;
    case DType::kInt64: return 7;
    case DType::kBool: return 9;
    case DType::kFloat16: return 10;
    case DType::kFloat64: return 11;
    case DType::kBFloat16: return 16;
    default: ThrowError<Unimplemented>({"ONNX has no dtype ", ToString(dtype)});
  }
}

WireMessage ToMessage(const OnnxGraph& graph, const OnnxHeader& header, OnnxDataFile* data) {
  WireMessage opset;
  opset.Bytes(1, "");
  opset.Int(2, header.opset);
  WireMessage model;
  model.Int(1, header.opset <= 18 ? 8 : header.opset == 19 ? 9 : 10);  // ir_version, by the release that brought the opset
  model.Message(8, std::move(opset));
  model.Bytes(2, header.producer);
  model.Bytes(3, header.producer_version);
  model.Message(7, GraphMessage(graph, data));
  return model;
}

}  // namespace skiff::io
