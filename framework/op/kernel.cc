#include "framework/op/kernel.h"

#include <algorithm>
#include <cstdlib>

namespace skiff {

const PrepareContext::Slot& PrepareContext::FindSlot(const std::vector<Slot>& slots,
                                                     const std::string& name) {
  for (const Slot& slot : slots) {
    if (slot.name == name) return slot;
  }
  static const Slot kAbsent;
  return kAbsent;
}

std::vector<int64_t> PrepareContext::HostValues(const std::string& slot, int i) const {
  const Slot& found = FindSlot(input_slots, slot);
  if (i >= found.count) return {};
  return host_values.at(found.begin + i);
}

const Tensor& DynamicContext::InputTensor(const std::string& slot, int i) const {
  const Tensor* tensor = std::get_if<Tensor>(&Input(slot, i));
  SKIFF_ENFORCE(tensor != nullptr, InvalidType, "input ", slot, " is no dense tensor");
  SKIFF_ENFORCE(tensor->is_initialized(), NotFound, "input ", slot, " \"", op().inputs[slot][i], "\" has no value");
  return *tensor;
}

Tensor& DynamicContext::NewOutput(const std::string& slot, const Shape& shape, DType dtype, int i) {
  Value& value = Output(slot, i);
  value = Tensor(shape, dtype, place());
  return std::get<Tensor>(value);
}

const char* ToString(Isa isa) {
  switch (isa) {
    case Isa::kBase: return "base";
    case Isa::kAvx2: return "avx2";
    case Isa::kAvx512: return "avx512";
  }
  return "?";
}

namespace {

Isa DetectIsa() {
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl")) {
    return Isa::kAvx512;
  }
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return Isa::kAvx2;
#endif
  return Isa::kBase;
}

Isa ChooseIsa() {
  const Isa detected = DetectIsa();
  const char* wanted = std::getenv("SKIFF_ISA");
  if (wanted == nullptr || *wanted == '\0') return detected;
  for (Isa isa : {Isa::kBase, Isa::kAvx2, Isa::kAvx512}) {
    if (std::string(wanted) == ToString(isa)) return std::min(isa, detected);
  }
  throw InvalidArgument(StrCat("the environment's SKIFF_ISA is \"", wanted,
                               "\"; it may be base, avx2 or avx512"));
}

}  // namespace

Isa CpuIsa() {
  static const Isa chosen = ChooseIsa();
  return chosen;
}

}  // namespace skiff
