// What the function sees that writes one operator as ONNX nodes, and how such a function is registered.
//
//   SKIFF_ONNX(relu) { op.Out("Out", op.Node("Relu", {op.In("X")})); }
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "framework/op/op_def.h"
#include "framework/program/program.h"
#include "io/onnx/graph.h"

namespace skiff::io {

class OnnxExporter;

/// One operator being exported. ONNX values are spoken of by name; "" is an input left out.
class OnnxOp {
 public:
  OnnxOp(OnnxExporter* exporter, Block* block, const Operator& op);

  const std::string& type() const { return op_.type; }
  int opset() const;
  template <typename T>
  T Attr(const std::string& name) const { return Attributes(name).Get<T>(name); }
  std::vector<int64_t> Ints(const std::string& name) const { return Attr<std::vector<int64_t>>(name); }
  bool HasAttr(const std::string& name) const { return attrs_.Has(name); }

  bool Has(const std::string& slot) const { return Count(slot) > 0; }
  int Count(const std::string& slot) const { return static_cast<int>(op_.inputs[slot].size()); }
  int OutCount(const std::string& slot) const { return static_cast<int>(op_.outputs[slot].size()); }
  /// The value of an input variable. @throws InvalidArgument where nothing has given it one.
  std::string In(const std::string& slot, int i = 0);
  std::vector<std::string> Ins(const std::string& slot);
  const Shape& ShapeOf(const std::string& slot, int i = 0) const { return InVar(slot, i).shape; }
  DType TypeOf(const std::string& slot, int i = 0) const { return InVar(slot, i).dtype; }
  int Rank(const std::string& slot, int i = 0) const { return ShapeOf(slot, i).rank(); }
  const Shape& OutShape(const std::string& slot, int i = 0) const { return OutVar(slot, i).shape; }
  DType OutType(const std::string& slot, int i = 0) const { return OutVar(slot, i).dtype; }
  /// Whether the output is there and something reads it.
  bool Wanted(const std::string& slot, int i = 0) const;
  /// `value` becomes the output variable's; its last node is renamed after the variable.
  void Out(const std::string& slot, const std::string& value, int i = 0);
  /// As Out, for a value that depends on nothing that is fed.
  void OutKnown(const std::string& slot, const Tensor& tensor);
  /// As Out, for a value of `rank` axes where the variable has only one element more or less of rank: [1] and [].
  void OutOfRank(const std::string& slot, const std::string& value, int rank);

  /// A parameter or constant of that name, else null.
  const Tensor* Known(const std::string& value) const;
  /// The elements of an integer input that does not depend on what is fed. @throws Unimplemented otherwise.
  std::vector<int64_t> KnownInts(const std::string& slot);

  /// Appends a node. @return its first output, or all of them.
  std::string Node(const std::string& type, std::vector<std::string> inputs, OnnxAttrs attrs = {});
  std::vector<std::string> Nodes(const std::string& type, std::vector<std::string> inputs, int outputs, OnnxAttrs attrs = {});

  std::string Constant(const Tensor& tensor);
  std::string Int64s(const std::vector<int64_t>& values);  // of one axis
  std::string Int64(int64_t value);                        // without axes
  /// `value` as an element of `dtype`, without axes.
  std::string Scalar(DType dtype, double value);
  std::string Full(DType dtype, const Shape& shape, double value);

  // Short forms of frequent nodes.
  std::string Binary(const std::string& type, const std::string& a, const std::string& b) { return Node(type, {a, b}); }
  std::string Cast(const std::string& value, DType dtype);
  std::string Reshape(const std::string& value, const std::vector<int64_t>& dims);
  std::string Unsqueeze(const std::string& value, const std::vector<int64_t>& axes);
  std::string Squeeze(const std::string& value, const std::vector<int64_t>& axes);
  std::string Transpose(const std::string& value, const std::vector<int64_t>& perm);
  std::string Concat(const std::vector<std::string>& values, int64_t axis);
  /// Elements [start, end) of `value` along `axis`; numbers below 0 count from the end.
  std::string Slice(const std::string& value, int64_t axis, int64_t start, int64_t end, int64_t step = 1);
  std::string Gather(const std::string& value, const std::string& indices, int64_t axis);
  /// int64 extents [start, end) of `value`.
  std::string Extents(const std::string& value, int64_t start = 0, std::optional<int64_t> end = {});
  /// ReduceSum, ReduceMean, ...; no axes means all of them. Hides that their axes became inputs at different opsets.
  std::string Reduce(const std::string& type, const std::string& value, const std::vector<int64_t>& axes, bool keep);
  /// An integer tensor of one element as a value without axes.
  std::string AsScalar(const std::string& value) { return Reshape(value, {}); }
  /// Extents as they are given to reshape2, expand_v2, ...: a list of one-element tensors, else a tensor, else an attribute.
  /// int64, one axis. Empty where none is there.
  std::string IntList(const std::string& list_slot, const std::string& tensor_slot, const std::string& attr);
  /// Whether IntList would not be a constant.
  bool IsTensorGiven(const std::string& list_slot, const std::string& tensor_slot) const { return Has(list_slot) || Has(tensor_slot); }
  /// X and Y of an elementwise operator, Y brought behind X's axis `axis` as Paddle has it.
  std::pair<std::string, std::string> Aligned(const std::string& x = "X", const std::string& y = "Y");

  /// "NHWC" and "NDHWC".
  bool ChannelsLast(const std::string& attr = "data_format") const;
  /// [batch, ..., channels] as [batch, channels, ...], and back.
  std::string ToChannelsFirst(const std::string& value, int rank);
  std::string ToChannelsLast(const std::string& value, int rank);

  // For operators that own blocks, and for nodes that own graphs.
  Block& SubBlock(const std::string& attr = "sub_block");
  /// Variables that operators of `block` and of the blocks inside it write and that stand outside of it, in order.
  std::vector<std::string> WrittenOutside(const Block& block) const;
  /// From here on nodes are appended to a new graph, until EndGraph; variables written meanwhile are forgotten then.
  OnnxGraph& BeginGraph(const std::string& name);
  std::shared_ptr<OnnxGraph> EndGraph();
  /// Appends the operators of a block.
  void Emit(Block& block);
  std::string Fresh(const std::string& base);
  /// The variable's value, "" where it has none yet.
  std::string Current(const std::string& variable);
  /// Gives a variable its value; Bind names the value after the variable, BindTo takes it as it is.
  void Bind(const std::string& variable, const std::string& value);
  void BindTo(const std::string& variable, const std::string& value);
  /// Zeros, or an empty sequence, in place of a variable that has no value yet.
  std::string Default(const std::string& variable);
  const Variable& Var(const std::string& name) const { return block_->Var(name); }
  OnnxValueInfo Info(const std::string& value, const std::string& variable) const;

  /// A second form of a value, known only here: the int8 behind a quantized float.
  void Remember(const std::string& value, const std::string& form);
  std::string Remembered(const std::string& value) const;

  const Operator& op() const { return op_; }
  Block& block() { return *block_; }

 private:
  const Variable& InVar(const std::string& slot, int i) const;
  const Variable& OutVar(const std::string& slot, int i) const;
  /// @throws Unimplemented where variables stand for attribute `name`: what was known of them is in the attribute by now.
  const Attrs& Attributes(const std::string& name) const;

  OnnxExporter* exporter_;
  Block* block_;
  const Operator& op_;
  Attrs attrs_;
};

using OnnxEmitter = void (*)(OnnxOp& op);

/// The function for an operator type, or null. @param complex  Where a variable of the operator is complex.
OnnxEmitter FindOnnxEmitter(const std::string& type, bool complex);

struct OnnxRegistration {
  OnnxRegistration(const char* type, OnnxEmitter emitter, bool complex = false);
};

/// Ends of slices as ONNX reads them: where a step is negative, Paddle's -1 means "down to and including 0", and any other negative
/// end counts from the back and stops before 0.
std::vector<int64_t> StridedEnds(const Shape& shape, const std::vector<int64_t>& axes, std::vector<int64_t> ends, const std::vector<int64_t>& steps);

/// Says that there is no form, and why: `reason` completes "operator: ".
template <typename... Parts>
[[noreturn]] void NoOnnxForm(const Parts&... reason) { throw Unimplemented(StrCat(reason...)); }

/// For constants and nodes whose number a file's attributes and extents decide: `count`, where it is not absurd.
inline int64_t Bounded(int64_t count, const char* what) {
  constexpr int64_t kMost = 1 << 24;
  if (count > kMost) NoOnnxForm(count, " ", what, "; up to ", kMost, " are written out");
  return count;
}

}  // namespace skiff::io

#define SKIFF_ONNX(type)                                                            \
  static void EmitOnnx_##type(::skiff::io::OnnxOp& op);                              \
  static const ::skiff::io::OnnxRegistration onnx_registration_##type{#type, EmitOnnx_##type}; \
  static void EmitOnnx_##type([[maybe_unused]] ::skiff::io::OnnxOp& op)
/// The function for operators that take or give complex numbers: floats whose last axis, of 2, the shapes of variables do not count.
#define SKIFF_ONNX_COMPLEX(type)                                                   \
  static void EmitComplex_##type(::skiff::io::OnnxOp& op);                          \
  static const ::skiff::io::OnnxRegistration onnx_complex_##type{#type, EmitComplex_##type, /*complex=*/true}; \
  static void EmitComplex_##type(::skiff::io::OnnxOp& op)
/// The same function for another type.
#define SKIFF_ONNX_AS(type, other) \
  static const ::skiff::io::OnnxRegistration onnx_registration_##type{#type, EmitOnnx_##other}
