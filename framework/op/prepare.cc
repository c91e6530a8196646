#include "framework/op/prepare.h"

#include "framework/op/run_dynamic.h"

namespace skiff {

namespace {

void Flatten(const std::vector<SlotDef>& defs, const Slots& names, const TensorInfoLookup& lookup,
             std::vector<PrepareContext::Slot>* slots, std::vector<TensorInfo>* infos) {
  for (const SlotDef& def : defs) {
    const std::vector<std::string>& given = names[def.name];
    PrepareContext::Slot slot{def.name, static_cast<int>(infos->size()), 0};
    for (const std::string& name : given) {
      const TensorInfo* info = name == kEmptyVarName ? nullptr : lookup(name);
      infos->push_back(info == nullptr ? TensorInfo{} : *info);
      if (info != nullptr || def.duplicable) ++slot.count;
    }
    if (given.empty() && !def.duplicable) infos->emplace_back();
    slots->push_back(std::move(slot));
  }
}

}  // namespace

PrepareContext MakePrepareContext(const OpDef& def, const Operator& op, const Attrs& attrs,
                                  const Place& place, int num_threads,
                                  const TensorInfoLookup& lookup) {
  PrepareContext context(op, attrs, place, num_threads);
  Flatten(def.inputs, op.inputs, lookup, &context.input_slots, &context.inputs);
  Flatten(def.outputs, op.outputs, lookup, &context.output_slots, &context.outputs);
  context.host_values.resize(context.inputs.size());
  context.wanted_layouts.resize(context.inputs.size());
  for (size_t i = 0; i < context.inputs.size(); ++i) {
    if (def.layout_aware) context.wanted_layouts[i] = context.inputs[i].layout;
  }
  return context;
}

std::vector<std::string> FlatNames(const std::vector<SlotDef>& slots, const Slots& names) {
  std::vector<std::string> flat;
  for (const SlotDef& def : slots) {
    const std::vector<std::string>& given = names[def.name];
    for (const std::string& name : given) flat.push_back(name == kEmptyVarName ? "" : name);
    if (given.empty() && !def.duplicable) flat.emplace_back();
  }
  return flat;
}

DType KeyDType(const OpDef& def, const PrepareContext& context) {
  if (!def.key_slot.empty()) {
    if (context.HasInput(def.key_slot)) return context.Input(def.key_slot).dtype;
    if (context.HasOutput(def.key_slot)) return context.Output(def.key_slot).dtype;
  }
  for (const TensorInfo& info : context.inputs) {
    if (info.dtype != DType::kUndefined) return info.dtype;
  }
  for (const TensorInfo& info : context.outputs) {
    if (info.dtype != DType::kUndefined) return info.dtype;
  }
  return DType::kUndefined;
}

std::unique_ptr<Kernel> PrepareKernel(const OpDef& def, PrepareContext& context) {
  const PrepareFn prepare = GetKernel(def, context.place().kind, KeyDType(def, context));
  std::unique_ptr<Kernel> kernel;
  WithErrorsOfSkiff([&] { kernel = prepare(context); });
  return kernel;
}

}  // namespace skiff
