#include "executor/variable_attrs.h"

#include <map>

#include "framework/op/run_op.h"

namespace skiff {

namespace {

std::vector<std::string> NamesIn(const Attribute& value) {
  std::vector<std::string> names;
  if (const auto* ref = std::get_if<VarRef>(&value)) names.push_back(ref->name);
  if (const auto* refs = std::get_if<std::vector<VarRef>>(&value)) {
    for (const VarRef& r : *refs) names.push_back(r.name);
  }
  return names;
}

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

std::optional<Attrs> ResolveAttrs(
    const OpDef& def, const Operator& op,
    const std::function<std::optional<Tensor>(const std::string& name)>& known) {
  Attrs complete = def.Complete(op.attrs);
  bool all_known = true;
  for (const AttrDef& attr : def.attrs) {
    const std::vector<std::string> names = NamesIn(*complete.Find(attr.name));
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

}  // namespace skiff
