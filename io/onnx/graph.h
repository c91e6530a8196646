// An ONNX graph in memory, and its form in a file. Numbers of fields and enumerators are those of onnx.proto3.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "io/onnx/message.h"

namespace skiff::io {

struct OnnxGraph;

using OnnxAttr = std::variant<int64_t, float, std::string, std::vector<int64_t>, std::vector<std::string>, Tensor,
                              std::shared_ptr<OnnxGraph>>;
using OnnxAttrs = std::vector<std::pair<std::string, OnnxAttr>>;

struct OnnxNode {
  std::string type;
  std::vector<std::string> inputs;  // "": left out
  std::vector<std::string> outputs;
  OnnxAttrs attrs;
  std::string name;
};

/// A value with its type. Without dims even the number of axes is unknown.
struct OnnxValueInfo {
  std::string name;
  DType dtype = DType::kUndefined;
  std::optional<Shape> shape;  // -1 becomes the symbol "<name>.<axis>"
  bool is_sequence = false;    // of such tensors
};

struct OnnxGraph {
  std::string name;
  std::vector<OnnxNode> nodes;
  std::vector<std::pair<std::string, Tensor>> initializers;
  std::vector<OnnxValueInfo> inputs, outputs;

  /// Drops nodes and initializers that no output needs.
  void RemoveUnused();
};

/// ONNX's code of an element type. @throws Unimplemented for one it has not.
int OnnxTypeOf(DType dtype);

/// What stands around the graph in a file.
struct OnnxHeader {
  int opset = 17;
  std::string producer, producer_version;
};

inline constexpr uint64_t kExternalAlignment = 4096;  // of tensors in a file of their own, so that they can be mapped

/// The elements of initializers that stand in a file of their own, one behind the other.
struct OnnxDataFile {
  std::string location;  // relative to the model's folder
  std::vector<Tensor> tensors;
  uint64_t bytes = 0;
};

/// The ModelProto. With `data`, elements of initializers of a kilobyte and more go there.
WireMessage ToMessage(const OnnxGraph& graph, const OnnxHeader& header, OnnxDataFile* data = nullptr);

}  // namespace skiff::io
