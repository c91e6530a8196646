#include "framework/op/infer_known.h"

#include <algorithm>
#include <map>
#include <set>

#include "framework/op/run_dynamic.h"

namespace skiff {

namespace {

// The variables of the gradient operator, behind the outputs that are inferred for the forward operator.
class ForwardMetas : public MetaTable {
 public:
  ForwardMetas(const MetaTable& inputs, const OpDef& gradient, const Operator& op) : inputs_(inputs) {
    for (const SlotDef& slot : gradient.inputs) {
      if (slot.host_value) read_.insert(op.inputs[slot.name].begin(), op.inputs[slot.name].end());
    }
  }
  const TensorMeta* Find(const std::string& name) const override {
    const auto found = outputs_.find(name);
    return found == outputs_.end() ? inputs_.Find(name) : &found->second;
  }
  void Set(const std::string& name, const TensorMeta& meta) override { outputs_[name] = meta; }
  // To ask for more than the gradient reads itself may make a plan wait for the answer; an extent less is compared instead.
  std::optional<std::vector<int64_t>> IntValues(const std::string& name) const override {
    return read_.contains(name) ? inputs_.IntValues(name) : std::nullopt;
  }

 private:
  const MetaTable& inputs_;
  std::set<std::string> read_;  // by the gradient, on the host
  std::map<std::string, TensorMeta> outputs_;
};

bool Fits(const Shape& is, const Shape& wanted) {
  if (is.rank() != wanted.rank()) {  // what was [1] in older programs is [] now
    return is.IsKnown() && wanted.IsKnown() && is.NumElements() == 1 && wanted.NumElements() == 1;
  }
  for (int i = 0; i < is.rank(); ++i) {
    if (is[i] >= 0 && wanted[i] >= 0 && is[i] != wanted[i]) return false;
  }
  return true;
}

// The forward operator; nothing when the gradient does not tell it: a required input, or one that may decide
// shapes and that no gradient takes.
std::optional<Operator> ForwardOf(const OpDef& forward, const OpDef& def, const Operator& op) {
  Operator made{forward.type, {}, {}, op.attrs};
  for (const SlotDef& slot : forward.inputs) {
    if (op.inputs.Has(slot.name)) made.inputs.Set(slot.name, op.inputs[slot.name]);
    else if (!slot.dispensable || def.FindInput(slot.name) == nullptr) return std::nullopt;
  }
  for (const SlotDef& slot : forward.outputs) {
    const std::string given = op.inputs.Has(slot.name) ? slot.name : GradName(slot.name);
    std::vector<std::string> names;
    for (size_t i = 0; i < op.inputs[given].size(); ++i) names.push_back(StrCat(slot.name, " number ", i, " of ", forward.type));
    if (!names.empty()) made.outputs.Set(slot.name, names);
  }
  return made;
}

void CheckAgainstForward(const OpDef& forward, const OpDef& def, const Operator& op, const MetaTable& table) {
  const std::optional<Operator> made = ForwardOf(forward, def, op);
  if (!made || made->outputs.AllNames().empty()) return;
  ForwardMetas metas(table, def, op);
  const Attrs attrs = forward.Complete(made->attrs);
  InferContext context(forward, *made, attrs, &metas, /*at_runtime=*/false);
  WithErrorsOfSkiff([&] { forward.infer(context); });
  for (const auto& [slot, names] : made->outputs) {
    for (const std::string& given : {slot, GradName(slot)}) {
      for (size_t i = 0; i < op.inputs[given].size() && i < names.size(); ++i) {
        const TensorMeta* is = op.inputs[given][i] == kEmptyVarName ? nullptr : table.Find(op.inputs[given][i]);
        const TensorMeta* wanted = metas.Find(names[i]);
        if (wanted != nullptr && def.kernels.empty() && IsInteger(wanted->dtype)) continue;  // declared as Paddle does: the kernel looks
        if (is == nullptr || wanted == nullptr || is->kind != VarKind::kLodTensor || wanted->kind != VarKind::kLodTensor) continue;
        SKIFF_ENFORCE(Fits(is->shape, wanted->shape), InvalidArgument, "input ", given, " is ", is->shape, "; ", slot, " of ",
                      forward.type, " is ", wanted->shape);
        SKIFF_ENFORCE(is->dtype == wanted->dtype || is->dtype == DType::kUndefined || wanted->dtype == DType::kUndefined,
                      InvalidType, "input ", given, " is ", is->dtype, "; ", slot, " of ", forward.type, " is ", wanted->dtype);
      }
    }
  }
}

bool IsGiven(const SlotDef& slot, const Slots& given) {
  const std::vector<std::string>& names = given[slot.name];
  const auto is_none = [](const std::string& name) { return name.empty() || name == kEmptyVarName; };
  return !names.empty() && std::none_of(names.begin(), names.end(), is_none);
}

// Kernels read and write what their schema requires without asking.
void CheckRequired(const OpDef& def, const Operator& op) {
  for (const SlotDef& slot : def.inputs) {
    SKIFF_ENFORCE(slot.dispensable || IsGiven(slot, op.inputs), InvalidArgument, "input ", slot.name, " is missing (", slot.doc, ")");
  }
  if (def.kernels.empty() && def.views.empty()) return;
  for (const SlotDef& slot : def.outputs) {
    SKIFF_ENFORCE(slot.dispensable || IsGiven(slot, op.outputs), InvalidArgument, "output ", slot.name, " is missing (", slot.doc, ")");
  }
}

// A view reads its input's memory as if it were of the output's shape and dtype.
void CheckViews(const OpDef& def, const Operator& op, const MetaTable& table) {
  for (const auto& [in, out] : def.views) {
    const TensorMeta *from = table.Find(op.inputs.One(in)), *to = table.Find(op.outputs.One(out));
    if (from == nullptr || to == nullptr || !from->shape.IsKnown() || !to->shape.IsKnown()) continue;
    SKIFF_ENFORCE(from->dtype == to->dtype && from->shape.NumElements() == to->shape.NumElements(), InvalidArgument, "input ", in, " is ",
                  from->dtype, " ", from->shape, "; it cannot become ", to->dtype, " ", to->shape);
  }
}

// Products of extents are computed everywhere behind this.
void CheckSizes(const Operator& op, const MetaTable& table) {
  constexpr int64_t kMostBytes = int64_t{1} << 56;  // of one tensor; no machine has as many
  for (const std::string& name : op.outputs.AllNames()) {
    const TensorMeta* meta = table.Find(name);
    if (meta == nullptr) continue;
    int64_t bytes = 16;
    bool fits = true;
    for (const int64_t extent : meta->shape) fits = fits && !__builtin_mul_overflow(bytes, std::max<int64_t>(extent, 1), &bytes) && bytes <= 16 * kMostBytes;
    SKIFF_ENFORCE(fits, ResourceExhausted, "output \"", name, "\" would be ", meta->shape, ", more than memory can hold");
  }
}

void CheckRule(const InputRule& rule, const Operator& op, const MetaTable& table) {
  const TensorMeta* first = nullptr;
  std::string first_slot;
  for (const std::string& slot : rule.slots) {
    for (const std::string& name : op.inputs[slot]) {
      const TensorMeta* is = name == kEmptyVarName ? nullptr : table.Find(name);
      if (is == nullptr || is->dtype == DType::kUndefined || is->kind == VarKind::kLodTensorArray) continue;
      if (rule.kind == InputRule::kOfDType) {
        SKIFF_ENFORCE(is->dtype == rule.dtype, InvalidType, "input ", slot, " is ", is->dtype, "; it must be ", rule.dtype);
        continue;
      }
      if (rule.kind == InputRule::kOneElement) {
        SKIFF_ENFORCE(!is->shape.IsKnown() || is->shape.NumElements() == 1, InvalidArgument, "input ", slot, " is ", is->shape,
                      "; it holds one element");
        continue;
      }
      if (first == nullptr) {
        first_slot = slot;
        first = is;
        continue;
      }
      const TensorMeta& wanted = *first;
      SKIFF_ENFORCE(is->dtype == wanted.dtype, InvalidType, "input ", slot, " is ", is->dtype, ", ", first_slot, " ", wanted.dtype,
                    "; they must be equal");
      SKIFF_ENFORCE(rule.kind == InputRule::kSameDType || Fits(is->shape, wanted.shape), InvalidArgument, "input ", slot, " is ",
                    is->shape, ", ", first_slot, " ", wanted.shape, "; they must be equal");
    }
  }
}

}  // namespace

void InferKnown(const OpDef& def, const Operator& op, const Attrs& attrs, MetaTable* table) {
  for (const SlotDef& slot : def.inputs) {
    if (slot.duplicable || op.inputs[slot.name] != std::vector<std::string>{kEmptyVarName}) continue;
    Operator without = op;  // to a kernel such a slot is one that is left out
    without.inputs.Erase(slot.name);
    return InferKnown(def, without, attrs, table);
  }
  constexpr std::string_view kGrad = "_grad";
  const auto forward_of = [&](const std::string& type) {
    return type.ends_with(kGrad) ? FindOp(type.substr(0, type.size() - kGrad.size())) : nullptr;
  };
  for (const OpDef* of = &def; of != nullptr; of = forward_of(of->type)) {  // a gradient's slots have the same names
    for (const InputRule& rule : of->rules) CheckRule(rule, op, *table);
  }
  const OpDef* forward = forward_of(op.type);
  if (forward != nullptr && forward->infer) {
    CheckAgainstForward(*forward, def, {op.type, op.inputs, op.outputs, attrs}, *table);
  }
  CheckRequired(def, op);
  InferContext context(def, op, attrs, table, /*at_runtime=*/true);
  WithErrorsOfSkiff([&] { def.infer(context); });
  CheckSizes(op, *table);
  CheckViews(def, op, *table);
}

}  // namespace skiff
