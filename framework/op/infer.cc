#include "framework/op/infer.h"

#include "framework/op/op_def.h"
#include "framework/op/resolve_attrs.h"

namespace skiff {

bool InferContext::HasOutput(const std::string& slot) const {
  const std::vector<std::string>& names = op_.outputs[slot];
  return !names.empty() && names.front() != kEmptyVarName;
}

const TensorMeta& InferContext::Input(const std::string& slot, int i) const {
  const std::vector<std::string>& names = op_.inputs[slot];
  SKIFF_ENFORCE(i >= 0 && i < static_cast<int>(names.size()), InvalidArgument, "input ", slot,
                names.empty() ? " is missing" : StrCat(" has no variable number ", i));
  const TensorMeta* meta = table_->Find(names[i]);
  SKIFF_ENFORCE(meta != nullptr, InvalidArgument, "input ", slot, " is \"", names[i],
                "\", which no block declares");
  return *meta;
}

void InferContext::SetOutput(const std::string& slot, const TensorMeta& meta, int i) {
  const std::vector<std::string>& names = op_.outputs[slot];
  if (names.empty()) return;  // not wanted
  const bool exists = i < static_cast<int>(names.size());
  SKIFF_ENFORCE(exists || !at_runtime_, InvalidArgument, "output ", slot, " has ", names.size(), " variables; the operator writes at least ", i + 1);
  if (exists && names[i] != kEmptyVarName) table_->Set(names[i], meta);
}

std::optional<std::vector<int64_t>> InferContext::InputValues(const std::string& slot, int i) const {
  const std::vector<std::string>& names = op_.inputs[slot];
  if (i >= static_cast<int>(names.size())) return std::nullopt;
  return table_->IntValues(names[i]);
}

std::vector<TensorMeta> InferContext::AttrVariables(const std::string& attr) const {
  std::vector<TensorMeta> metas;
  const AttrDef* attr_def = def_.FindAttr(attr);
  if (at_runtime_ || attr_def == nullptr) return metas;
  for (const std::string& name : VariablesFor(*attr_def, attrs_, op_)) {
    const TensorMeta* meta = table_->Find(name);
    SKIFF_ENFORCE(meta != nullptr, InvalidArgument, "attribute \"", attr, "\" is given as \"", name, "\", which no block declares");
    metas.push_back(*meta);
  }
  return metas;
}

void InferContext::ShareLoD(const std::string& in_slot, const std::string& out_slot) {
  const std::vector<std::string>& names = op_.outputs[out_slot];
  if (!HasInput(in_slot) || names.empty()) return;
  const TensorMeta* out = table_->Find(names.front());
  if (out == nullptr) return;
  TensorMeta shared = *out;
  shared.lod_level = Input(in_slot).lod_level;
  table_->Set(names.front(), shared);
}

InferFn Like(std::string out, std::string in) {
  return [out, in](InferContext& c) {
    const TensorMeta& from = c.Input(in);
    c.SetOutput(out, TensorMeta{from.shape, from.dtype, from.lod_level});
  };
}

InferFn OutLike(std::string in) {
  return [in](InferContext& c) {
    const TensorMeta& from = c.Input(in);
    // Which complex dtypes an operator computes, its kernels say.
    SKIFF_ENFORCE(IsFloating(from.dtype) || IsComplex(from.dtype) || from.dtype == DType::kUndefined, InvalidArgument,
                  "input ", in, " is ", from.dtype, " ", from.shape,
                  "; expected float32, float64, float16 or bfloat16");
    c.SetOutput("Out", TensorMeta{from.shape, from.dtype, from.lod_level});
  };
}

InferFn GradsLikeInputs() {
  return [](InferContext& c) {
    for (const auto& [slot, names] : c.op().outputs) {
      if (!slot.ends_with(kGradSuffix)) continue;
      const std::string forward = slot.substr(0, slot.size() - std::string(kGradSuffix).size());
      SKIFF_ENFORCE(!c.at_runtime() || names.empty() || static_cast<int>(names.size()) == c.NumInputs(forward), InvalidArgument, "output ", slot,
                    " has ", names.size(), " variables, input ", forward, " ", c.NumInputs(forward), "; they must be as many");
      for (int i = 0; i < static_cast<int>(names.size()); ++i) {
        if (names[i] == kEmptyVarName) continue;
        const TensorMeta& like = c.Input(forward, i);
        c.SetOutput(slot, TensorMeta{like.shape, like.dtype, like.lod_level}, i);
      }
    }
  };
}

}  // namespace skiff
