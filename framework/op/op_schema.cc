#include "framework/op/op_schema.h"

#include <glog/logging.h>

namespace skiff {

OpSchema::OpSchema(const char* type) : def_(RegisterOp(type)) { def_.has_schema = true; }

OpSchema& OpSchema::Doc(const char* text) { def_.doc = text; return *this; }
OpSchema& OpSchema::Source(const char* text) { def_.source = text; return *this; }
OpSchema& OpSchema::Input(const char* slot, const char* doc) {
  def_.inputs.push_back({slot, doc});
  return *this;
}
OpSchema& OpSchema::Inputs(const char* slot, const char* doc) {
  def_.inputs.push_back({slot, doc, true});
  return *this;
}
OpSchema& OpSchema::OptionalInput(const char* slot, const char* doc) {
  def_.inputs.push_back({slot, doc, false, true});
  return *this;
}
OpSchema& OpSchema::OptionalInputs(const char* slot, const char* doc) {
  def_.inputs.push_back({slot, doc, true, true});
  return *this;
}
OpSchema& OpSchema::HostInput(const char* slot, const char* doc) {
  def_.inputs.push_back({slot, doc, false, true, true});
  return *this;
}
OpSchema& OpSchema::HostInputs(const char* slot, const char* doc) {
  def_.inputs.push_back({slot, doc, true, true, true});
  return *this;
}
OpSchema& OpSchema::Output(const char* slot, const char* doc) {
  def_.outputs.push_back({slot, doc});
  return *this;
}
OpSchema& OpSchema::Outputs(const char* slot, const char* doc) {
  def_.outputs.push_back({slot, doc, true});
  return *this;
}
OpSchema& OpSchema::OptionalOutput(const char* slot, const char* doc) {
  def_.outputs.push_back({slot, doc, false, true});
  return *this;
}
OpSchema& OpSchema::OptionalOutputs(const char* slot, const char* doc) {
  def_.outputs.push_back({slot, doc, true, true});
  return *this;
}
OpSchema& OpSchema::AddAttr(const char* name, Attribute value, const char* doc, bool required) {
  def_.attrs.push_back({name, std::move(value), doc, required});
  return *this;
}
OpSchema& OpSchema::AttrFrom(const char* attr, const char* slot) {
  DCHECK(def_.FindInput(slot) != nullptr) << def_.type << " declares no input " << slot;
  for (AttrDef& def : def_.attrs) {
    if (def.name == attr) def.from.push_back(slot);
  }
  return *this;
}
OpSchema& OpSchema::SameDType(std::vector<std::string> slots) { return AddRule(InputRule::kSameDType, std::move(slots)); }
OpSchema& OpSchema::Alike(std::vector<std::string> slots) { return AddRule(InputRule::kAlike, std::move(slots)); }
OpSchema& OpSchema::OneElement(std::vector<std::string> slots) { return AddRule(InputRule::kOneElement, std::move(slots)); }
OpSchema& OpSchema::OfDType(DType dtype, std::vector<std::string> slots) {
  return AddRule(InputRule::kOfDType, std::move(slots), dtype);
}
OpSchema& OpSchema::AddRule(InputRule::Kind kind, std::vector<std::string> slots, DType dtype) {
  for (const std::string& slot : slots) DCHECK(def_.FindInput(slot) != nullptr) << def_.type << " declares no input " << slot;
  def_.rules.push_back({kind, std::move(slots), dtype});
  return *this;
}
OpSchema& OpSchema::InferShape(InferFn infer) { def_.infer = std::move(infer); return *this; }
OpSchema& OpSchema::Gradient(GradMaker maker) { def_.grad = std::move(maker); return *this; }
OpSchema& OpSchema::ZeroGradient() { def_.zero_gradient = true; return *this; }
OpSchema& OpSchema::Inplace(const char* in, const char* out) {
  def_.inplace.emplace_back(in, out);
  return *this;
}
OpSchema& OpSchema::View(const char* in, const char* out) {
  def_.views.emplace_back(in, out);
  return *this;
}
OpSchema& OpSchema::LayoutAware() { def_.layout_aware = true; return *this; }
OpSchema& OpSchema::SideEffect() { def_.side_effect = true; return *this; }
OpSchema& OpSchema::Random() { def_.random = true; return *this; }
OpSchema& OpSchema::KeyedBy(const char* slot) { def_.key_slot = slot; return *this; }
OpSchema& OpSchema::Dynamic(DynamicFn run) { def_.dynamic = run; return *this; }
void OpSchema::Add(DType dtype, PrepareFn prepare) {
  def_.kernels.push_back({PlaceKind::kCpu, dtype, prepare});
}

}  // namespace skiff
