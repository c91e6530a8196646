#include "framework/op/resolve_attrs.h"

#include <map>

#include "framework/op/run_op.h"

namespace skiff {

namespace {

std::vector<double> Elements(const Tensor& tensor) {
  std::map<std::string, Value> cast = {{"x", tensor}};
  RunOp({"cast", {{"X", {"x"}}}, {{"Out", {"y"}}},
         {{"in_dtype", static_cast<int32_t>(tensor.dtype())},
          {"out_dtype", static_cast<int32_t>(DType::kFloat64)}}}, &cast);
  const auto values = std::get<Tensor>(cast["y"]).Values<double>();
  return {values.begin(), values.end()};
}

bool IsNumberList(const Attribute& value) {
  return std::holds_alternative<std::vector<int32_t>>(value) ||
         std::holds_alternative<std::vector<int64_t>>(value) ||
         std::holds_alternative<std::vector<float>>(value);
}

}  // namespace

std::vector<std::string> VariablesFor(const AttrDef& attr, const Attrs& attrs, const Operator& op) {
  for (const std::string& slot : attr.from) {
    if (op.inputs.Has(slot)) return op.inputs[slot];
  }
  const Attribute* given = attrs.Find(attr.name);
  return given == nullptr ? std::vector<std::string>{} : VariableNames(*given);
}

std::optional<Attrs> ResolveAttrs(const OpDef& def, const Operator& op,
                                  const std::function<std::optional<Tensor>(const std::string& name)>& known) {
  Attrs complete = def.Complete(op.attrs);
  bool all_known = true;
  for (const AttrDef& attr : def.attrs) {
    const std::vector<std::string> names = VariablesFor(attr, complete, op);
    if (names.empty()) continue;
    std::vector<double> elements;
    for (const std::string& name : names) {
      const std::optional<Tensor> tensor = known(name);
      all_known = all_known && tensor.has_value();
      if (!tensor) continue;
      for (double e : Elements(*tensor)) elements.push_back(e);
    }
    if (!all_known) continue;
    SKIFF_ENFORCE(!elements.empty(), InvalidArgument, "attribute \"", attr.name, "\" is empty");
    Attrs replaced = op.attrs;
    replaced.Set(attr.name, IsNumberList(attr.default_value) ? Attribute(elements) : Attribute(elements.front()));
    complete.Set(attr.name, *def.Complete(replaced).Find(attr.name));
  }
  return all_known ? std::optional(std::move(complete)) : std::nullopt;
}

Attrs ResolveAttrs(const OpDef& def, const Operator& op, const std::function<const Value*(const std::string& name)>& find) {
  return *ResolveAttrs(def, op, [&](const std::string& name) -> std::optional<Tensor> {
    const Value* value = find(name);
    const Tensor* tensor = value == nullptr ? nullptr : std::get_if<Tensor>(value);
    SKIFF_ENFORCE(tensor != nullptr && tensor->is_initialized(), NotFound, "variable \"", name,
                  "\", which stands for an attribute, has no value");
    return tensor->To(CPUPlace{});
  });
}

}  // namespace skiff
