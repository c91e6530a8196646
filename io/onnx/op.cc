#include "io/onnx/op.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "framework/op/resolve_attrs.h"
#include "framework/op/run_op.h"
#include "io/onnx/exporter.h"

namespace skiff::io {

OnnxOp::OnnxOp(OnnxExporter* exporter, Block* block, const Operator& op)
    : exporter_(exporter), block_(block), op_(op), attrs_(GetOp(op.type).Complete(op.attrs)) {}

int OnnxOp::opset() const { return exporter_->opset(); }

const Variable& OnnxOp::InVar(const std::string& slot, int i) const { return block_->Var(op_.inputs[slot].at(i)); }
const Variable& OnnxOp::OutVar(const std::string& slot, int i) const { return block_->Var(op_.outputs[slot].at(i)); }

const Attrs& OnnxOp::Attributes(const std::string& name) const {
  const AttrDef* attr = GetOp(op_.type).FindAttr(name);
  if (attr != nullptr && !VariablesFor(*attr, attrs_, op_).empty()) NoOnnxForm("attribute ", name, " is computed while running");
  return attrs_;
}

std::string OnnxOp::In(const std::string& slot, int i) {
  const std::string& variable = op_.inputs[slot].at(i);
  const std::string value = Current(variable);
  SKIFF_ENFORCE(!value.empty(), InvalidArgument, "\"", variable, "\" has no value: nothing computes it, and it is not among the inputs");
  return value;
}

std::vector<std::string> OnnxOp::Ins(const std::string& slot) {
  std::vector<std::string> values;
  for (int i = 0; i < Count(slot); ++i) values.push_back(In(slot, i));
  return values;
}

bool OnnxOp::Wanted(const std::string& slot, int i) const {
  return i < OutCount(slot) && exporter_->IsRead(op_.outputs[slot][i]);
}

void OnnxOp::Out(const std::string& slot, const std::string& value, int i) {
  if (i < OutCount(slot)) Bind(op_.outputs[slot][i], value);
}

void OnnxOp::OutKnown(const std::string& slot, const Tensor& tensor) {
  Out(slot, Node("Identity", {Constant(tensor)}));
  exporter_->Learn(Current(op_.outputs.One(slot)), tensor);
}

void OnnxOp::Bind(const std::string& variable, const std::string& value) {
  const std::string name = exporter_->NameFor(variable, *block_, op_);
  if (!exporter_->Rename(value, name)) exporter_->Append({"Identity", {value}, {name}, {}, ""});
  exporter_->Bind(variable, name);
}

void OnnxOp::OutOfRank(const std::string& slot, const std::string& value, int rank) {
  if (OutCount(slot) == 0) return;
  Out(slot, OutShape(slot).rank() == rank ? value : Reshape(value, std::vector<int64_t>(OutShape(slot).rank(), 1)));
}

const Tensor* OnnxOp::Known(const std::string& value) const { return exporter_->Known(value); }

std::vector<int64_t> OnnxOp::KnownInts(const std::string& slot) {
  std::vector<int64_t> all;
  for (const std::string& value : Ins(slot)) {
    const Tensor* tensor = Known(value);
    if (tensor == nullptr) NoOnnxForm("input ", slot, " is computed while running");
    for (int64_t one : IntElements(*tensor)) all.push_back(one);
  }
  return all;
}

std::string OnnxOp::Node(const std::string& type, std::vector<std::string> inputs, OnnxAttrs attrs) {
  return Nodes(type, std::move(inputs), 1, std::move(attrs)).front();
}

std::vector<std::string> OnnxOp::Nodes(const std::string& type, std::vector<std::string> inputs, int outputs, OnnxAttrs attrs) {
  std::vector<std::string> names;
  for (int i = 0; i < outputs; ++i) names.push_back(Fresh(type + ".out"));
  exporter_->Append({type, std::move(inputs), names, std::move(attrs), ""});
  return names;
}

std::string OnnxOp::Constant(const Tensor& tensor) { return exporter_->Constant(tensor); }
std::string OnnxOp::Int64s(const std::vector<int64_t>& values) {
  return Constant(Tensor::Of(Shape{static_cast<int64_t>(values.size())}, values));
}
std::string OnnxOp::Int64(int64_t value) { return Constant(Tensor::Of(Shape{}, {value})); }
std::string OnnxOp::Scalar(DType dtype, double value) { return Full(dtype, Shape{}, value); }

std::string OnnxOp::Full(DType dtype, const Shape& shape, double value) {
  Bounded(shape.NumElements(), "elements of a constant");
  char text[40];  // all digits: 64-bit floats and integers stay what they are
  std::snprintf(text, sizeof(text), value == std::floor(value) && std::abs(value) < 1e15 ? "%.0f" : "%.17g", value);
  std::map<std::string, skiff::Value> values;
  const Operator fill{"fill_constant", {}, {{"Out", {"out"}}},
                      {{"shape", shape.ToVector()}, {"dtype", static_cast<int32_t>(dtype)}, {"str_value", std::string(text)}}};
  RunOp(fill, &values);
  return Constant(std::get<Tensor>(values.at("out")));
}

std::string OnnxOp::Cast(const std::string& value, DType dtype) {
  const Tensor* known = Known(value);
  if (known != nullptr && known->dtype() == dtype) return value;
  if (known != nullptr && IsInteger(known->dtype()) && dtype == DType::kInt64) {
    return Constant(Tensor::Of(known->shape(), IntElements(*known)));
  }
  return Node("Cast", {value}, {{"to", int64_t{OnnxTypeOf(dtype)}}});
}

std::string OnnxOp::Reshape(const std::string& value, const std::vector<int64_t>& dims) {
  const Tensor* known = Known(value);
  const bool plain = std::all_of(dims.begin(), dims.end(), [](int64_t dim) { return dim > 0; });
  if (known != nullptr && plain && known->num_elements() <= 16 && known->num_elements() == Shape(dims).NumElements()) {
    return Constant(known->Reshaped(Shape(dims)));
  }
  return Node("Reshape", {value, Int64s(dims)});
}
std::string OnnxOp::Unsqueeze(const std::string& value, const std::vector<int64_t>& axes) {
  return axes.empty() ? value : Node("Unsqueeze", {value, Int64s(axes)});
}
std::string OnnxOp::Squeeze(const std::string& value, const std::vector<int64_t>& axes) {
  return axes.empty() ? value : Node("Squeeze", {value, Int64s(axes)});
}
std::string OnnxOp::Transpose(const std::string& value, const std::vector<int64_t>& perm) {
  return Node("Transpose", {value}, {{"perm", perm}});
}
std::string OnnxOp::Concat(const std::vector<std::string>& values, int64_t axis) {
  return values.size() == 1 ? values.front() : Node("Concat", values, {{"axis", axis}});
}
std::string OnnxOp::Slice(const std::string& value, int64_t axis, int64_t start, int64_t end, int64_t step) {
  return Node("Slice", {value, Int64s({start}), Int64s({end}), Int64s({axis}), Int64s({step})});
}
std::string OnnxOp::Gather(const std::string& value, const std::string& indices, int64_t axis) {
  return Node("Gather", {value, indices}, {{"axis", axis}});
}

std::string OnnxOp::Extents(const std::string& value, int64_t start, std::optional<int64_t> end) {
  OnnxAttrs attrs{{"start", start}};
  if (end) attrs.emplace_back("end", *end);
  return Node("Shape", {value}, attrs);
}

std::string OnnxOp::Reduce(const std::string& type, const std::string& value, const std::vector<int64_t>& axes, bool keep) {
  OnnxAttrs attrs{{"keepdims", int64_t{keep}}};
  std::vector<std::string> inputs{value};
  if (!axes.empty() && (opset() >= 18 || type == "ReduceSum")) {
    inputs.push_back(Int64s(axes));
  } else if (!axes.empty()) {
    attrs.emplace_back("axes", axes);
  }
  return Node(type, inputs, attrs);
}

std::string OnnxOp::IntList(const std::string& list_slot, const std::string& tensor_slot, const std::string& attr) {
  if (Has(list_slot)) {
    std::vector<std::string> values;
    for (const std::string& value : Ins(list_slot)) values.push_back(Reshape(Cast(value, DType::kInt64), {1}));
    return Concat(values, 0);
  }
  if (Has(tensor_slot)) {
    const std::string value = Cast(In(tensor_slot), DType::kInt64);
    return Rank(tensor_slot) == 1 ? value : Reshape(value, {-1});
  }
  if (attr.empty() || !HasAttr(attr)) return "";
  return Int64s(Ints(attr));
}

std::pair<std::string, std::string> OnnxOp::Aligned(const std::string& x, const std::string& y) {
  const int axis = HasAttr("axis") ? static_cast<int>(Attr<int64_t>("axis")) : -1;
  const Shape &of_x = ShapeOf(x), &of_y = ShapeOf(y);
  std::string a = In(x), b = In(y);
  if (axis < 0 || of_x.rank() == of_y.rank()) return {a, b};
  // The smaller operand, whose trailing ones do not count, begins at that axis of the larger one.
  const bool swapped = of_x.rank() < of_y.rank();
  std::string& small = swapped ? a : b;
  Shape shape = swapped ? of_x : of_y;
  const int rank = std::max(of_x.rank(), of_y.rank());
  int drop = 0;
  while (shape.rank() + axis > rank && shape.rank() > 0 && shape[shape.rank() - 1] == 1) {
    shape.Erase(shape.rank() - 1);
    ++drop;
  }
  std::vector<int64_t> axes;
  for (int i = 1; i <= drop; ++i) axes.push_back(-i);
  small = Squeeze(small, axes);
  axes.clear();
  for (int i = axis + shape.rank(); i < rank; ++i) axes.push_back(static_cast<int64_t>(shape.rank() + axes.size()));
  small = Unsqueeze(small, axes);
  return {a, b};
}

bool OnnxOp::ChannelsLast(const std::string& attr) const {
  return HasAttr(attr) && (Attr<std::string>(attr) == "NHWC" || Attr<std::string>(attr) == "NDHWC" || Attr<std::string>(attr) == "NWC");
}
std::string OnnxOp::ToChannelsFirst(const std::string& value, int rank) {
  std::vector<int64_t> perm{0, rank - 1};
  for (int i = 1; i + 1 < rank; ++i) perm.push_back(i);
  return Transpose(value, perm);
}
std::string OnnxOp::ToChannelsLast(const std::string& value, int rank) {
  std::vector<int64_t> perm{0};
  for (int i = 2; i < rank; ++i) perm.push_back(i);
  perm.push_back(1);
  return Transpose(value, perm);
}

Block& OnnxOp::SubBlock(const std::string& attr) {
  return block_->program()->block(op_.attrs.Get<BlockRef>(attr).index);
}

std::vector<std::string> OnnxOp::WrittenOutside(const Block& block) const {
  std::vector<std::string> names;
  for (const auto& op : block.ops()) {
    std::vector<std::string> written = op->outputs.AllNames();
    for (int inner : OwnedBlocks(*op)) {
      for (const std::string& name : WrittenOutside(block.program()->block(inner))) written.push_back(name);
    }
    for (const std::string& name : written) {
      const std::shared_ptr<Variable> v = block.FindVar(name);
      if (v == nullptr || block.FindLocalVar(name) != nullptr) continue;
      if (!IsDense(*v) && v->kind != VarKind::kLodTensorArray) continue;  // scopes of steps
      if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
    }
  }
  return names;
}

OnnxGraph& OnnxOp::BeginGraph(const std::string& name) { return exporter_->BeginGraph(name); }
std::shared_ptr<OnnxGraph> OnnxOp::EndGraph() { return exporter_->EndGraph(); }
void OnnxOp::Emit(Block& block) { exporter_->Emit(block); }
std::string OnnxOp::Fresh(const std::string& base) { return exporter_->Fresh(base); }
std::string OnnxOp::Current(const std::string& variable) { return exporter_->Current(variable); }
void OnnxOp::BindTo(const std::string& variable, const std::string& value) { exporter_->Bind(variable, value); }

OnnxValueInfo OnnxOp::Info(const std::string& value, const std::string& variable) const {
  const Variable& v = Var(variable);
  return {value, v.dtype, {}, v.kind == VarKind::kLodTensorArray};
}

std::string OnnxOp::Default(const std::string& variable) {
  const Variable& v = Var(variable);
  if (v.kind == VarKind::kLodTensorArray) return Node("SequenceEmpty", {}, {{"dtype", int64_t{OnnxTypeOf(v.dtype)}}});
  Shape shape = v.shape;
  for (int axis = 0; axis < shape.rank(); ++axis) shape[axis] = std::max<int64_t>(shape[axis], 0);
  Tensor zero(Shape{1}, v.dtype);
  std::fill_n(static_cast<char*>(zero.raw_data()), zero.bytes(), '\0');
  return Node("ConstantOfShape", {Int64s(shape.ToVector())}, {{"value", zero}});
}

void OnnxOp::Remember(const std::string& value, const std::string& form) { exporter_->remembered[value] = form; }
std::string OnnxOp::Remembered(const std::string& value) const {
  const auto found = exporter_->remembered.find(value);
  return found == exporter_->remembered.end() ? "" : found->second;
}

}  // namespace skiff::io
