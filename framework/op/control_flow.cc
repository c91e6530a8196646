#include "framework/op/control_flow.h"

#include <cstring>

#include "framework/op/run_op.h"
#include "framework/program/block.h"
#include "framework/tensor/memory.h"

namespace skiff {

ControlFlowContext& ControlFlow(DynamicContext& context) {
  auto* control = dynamic_cast<ControlFlowContext*>(&context);
  SKIFF_ENFORCE(control != nullptr, Unimplemented,
                "the operator runs a block of a program; it cannot run by itself");
  return *control;
}

}  // namespace skiff

namespace skiff::control_flow {

bool IsTrue(const Tensor& condition) {
  return OneInteger(condition, "the condition") != 0;
}

int64_t OneInteger(const Tensor& tensor, const char* what) {
  SKIFF_ENFORCE(tensor.num_elements() == 1, InvalidArgument, what, " has shape ", tensor.shape(),
                "; it must hold one element");
  if (tensor.dtype() == DType::kBool) {
    bool value = false;
    CopyBytes(CPUPlace{}, &value, tensor.place(), tensor.raw_data(), sizeof(value));
    return value;
  }
  if (tensor.place().is_cpu() && tensor.dtype() == DType::kInt64) return *tensor.data<int64_t>();
  return IntElements(tensor).front();
}

namespace {

Tensor Zeros(const Tensor& like, const Place& place) {
  Tensor zeros(like.shape(), like.dtype());
  std::memset(zeros.raw_data(), 0, zeros.bytes());
  if (!like.lod().empty()) zeros.set_lod(like.lod());
  return zeros.To(place);
}

}  // namespace

Value ZerosLike(const Value& like, const Place& place) {
  if (const auto* array = std::get_if<TensorArray>(&like)) {
    TensorArray zeros;
    for (const Tensor& t : *array) zeros.push_back(t.is_initialized() ? Zeros(t, place) : Tensor());
    return zeros;
  }
  if (const auto* rows = std::get_if<SelectedRows>(&like)) {
    return SelectedRows{{}, rows->height, Tensor(rows->value.shape(), rows->value.dtype(), place).Rows(0, 0)};
  }
  const auto* tensor = std::get_if<Tensor>(&like);
  SKIFF_ENFORCE(tensor != nullptr, InvalidType, "a variable of this kind has no gradient");
  return tensor->is_initialized() ? Zeros(*tensor, place) : Tensor();
}

void HandGradientsOver(DynamicContext& c, BlockScope* scope, const std::string& slot) {
  const std::vector<std::string>& names = c.op().inputs[slot];
  const std::vector<std::string>& grads = c.op().outputs[GradName(slot)];
  for (size_t i = 0; i < grads.size() && i < names.size(); ++i) {
    if (grads[i] == kEmptyVarName) continue;
    Value* inside = scope == nullptr ? nullptr : scope->FindOwn(GradName(names[i]));
    const int k = static_cast<int>(i);
    if (inside != nullptr && HasValue(*inside)) {
      c.Output(GradName(slot), k) = *inside;
    } else if (Value* x = ControlFlow(c).FindVariable(names[i])) {
      c.Output(GradName(slot), k) = ZerosLike(*x, c.place());
    }
  }
}

std::vector<std::string> OwnNames(const Operator& op) {
  using Names = std::vector<std::string>;
  Names own = op.attrs.Get("original_output_grad", Names());
  const bool gradient = op.type == "recurrent_grad";
  if (op.type != "recurrent" && !gradient) return own;
  const Names& outputs = gradient ? op.inputs["outputs"] : op.outputs["outputs"];
  for (const Names& names : {op.inputs["inputs"], outputs, op.attrs.Get("ex_states", Names()), op.attrs.Get("states", Names())}) {
    for (const std::string& name : names) own.push_back(gradient ? GradName(name) : name);
  }
  return own;
}

Value AddUp(const Value& a, const Value& b, DynamicContext& c) {
  std::map<std::string, Value> values{{"a", a}, {"b", b}};
  RunOp({"sum", {{"X", {"a", "b"}}}, {{"Out", {"sum"}}}}, &values, {.place = c.place(), .num_threads = c.num_threads()});
  return std::move(values.at("sum"));
}

std::vector<std::string> FloatGradients(const GradContext& g, const std::string& slot) {
  std::vector<std::string> grads = g.InGrad(slot, /*drop_empty=*/false);
  for (size_t i = 0; i < grads.size(); ++i) {
    const std::shared_ptr<Variable> v = g.block() == nullptr ? nullptr : g.block()->FindVar(g.In(slot)[i]);
    const bool floating = v != nullptr && (v->dtype == DType::kUndefined || IsFloating(v->dtype) ||
                                           IsComplex(v->dtype));
    if (!floating) grads[i] = kEmptyVarName;
  }
  return grads;
}

void InferGradients(InferContext& c, const std::string& slot) {
  const std::vector<std::string>& grads = c.op().outputs[GradName(slot)];
  for (int i = 0; i < static_cast<int>(grads.size()) && i < c.NumInputs(slot); ++i) {
    if (grads[i] != kEmptyVarName) c.SetOutput(GradName(slot), c.Input(slot, i), i);
  }
}

}  // namespace skiff::control_flow
