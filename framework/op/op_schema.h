// SKIFF_OP: where an operator is defined. One file is compiled once per instruction set and once by
// nvcc; the base variant registers everything, the others only their kernels.
#pragma once

#include <type_traits>

#include "framework/op/op_def.h"

#if defined(__CUDACC__)
#define SKIFF_HD __host__ __device__
#undef SKIFF_VARIANT
#define SKIFF_VARIANT cuda
#elif !defined(SKIFF_VARIANT)
#define SKIFF_VARIANT base
#define SKIFF_BASE_VARIANT 1
#endif
#if !defined(SKIFF_HD)
#define SKIFF_HD
#endif

namespace skiff {

/// Tags for the two kinds of code one kernel template is compiled to.
struct CpuDevice {};
struct CudaDevice {};

/// The builder behind SKIFF_OP in the base variant. See docs/operators.md for one operator end to end.
class OpSchema {
 public:
  explicit OpSchema(const char* type) : def_(RegisterOp(type)) { def_.has_schema = true; }

  /// What it computes, one sentence or formula.
  OpSchema& Doc(const char* text) { def_.doc = text; return *this; }
  /// Where the definition comes from.
  OpSchema& Source(const char* text) { def_.source = text; return *this; }
  OpSchema& Input(const char* slot, const char* doc) { return AddInput({slot, doc}); }
  OpSchema& Inputs(const char* slot, const char* doc) { return AddInput({slot, doc, true}); }
  OpSchema& OptionalInput(const char* slot, const char* doc) { return AddInput({slot, doc, false, true}); }
  OpSchema& OptionalInputs(const char* slot, const char* doc) { return AddInput({slot, doc, true, true}); }
  /// An optional integer input whose elements decide shapes: read on the host before preparing.
  OpSchema& HostInput(const char* slot, const char* doc) { return AddInput({slot, doc, false, true, true}); }
  OpSchema& HostInputs(const char* slot, const char* doc) { return AddInput({slot, doc, true, true, true}); }
  OpSchema& Output(const char* slot, const char* doc) { def_.outputs.push_back({slot, doc}); return *this; }
  OpSchema& Outputs(const char* slot, const char* doc) { def_.outputs.push_back({slot, doc, true}); return *this; }
  OpSchema& OptionalOutput(const char* slot, const char* doc) { def_.outputs.push_back({slot, doc, false, true}); return *this; }
  OpSchema& OptionalOutputs(const char* slot, const char* doc) { def_.outputs.push_back({slot, doc, true, true}); return *this; }
  template <typename T>
  OpSchema& Attr(const char* name, T default_value, const char* doc) {
    def_.attrs.push_back({name, ToAttribute(std::move(default_value)), doc, false});
    return *this;
  }
  template <typename T>
  OpSchema& RequiredAttr(const char* name, const char* doc) {
    def_.attrs.push_back({name, Attribute(T{}), doc, true});
    return *this;
  }
  OpSchema& InferShape(InferFn infer) { def_.infer = std::move(infer); return *this; }
  OpSchema& Gradient(GradMaker maker) { def_.grad = std::move(maker); return *this; }
  /// Floats go in and come out, but the output does not vary with them (fill_any_like, prior_box, ...):
  /// backward stops here without complaint. Needless where no float goes in or none comes out.
  OpSchema& ZeroGradient() { def_.zero_gradient = true; return *this; }
  /// The output may take the input's memory where nothing later reads the input.
  OpSchema& Inplace(const char* in, const char* out) { def_.inplace.emplace_back(in, out); return *this; }
  /// The output is the input's memory under another shape: no kernel runs.
  OpSchema& View(const char* in, const char* out) { def_.views.emplace_back(in, out); return *this; }
  /// Prepare looks at layouts itself: see PrepareContext::WantInputLayout.
  OpSchema& LayoutAware() { def_.layout_aware = true; return *this; }
  OpSchema& SideEffect() { def_.side_effect = true; return *this; }
  OpSchema& Random() { def_.random = true; return *this; }
  /// The slot (input, else output) whose dtype selects the kernel, where it is not the first input.
  OpSchema& KeyedBy(const char* slot) { def_.key_slot = slot; return *this; }
  /// The kernel for values that are not dense or whose shape depends on data.
  OpSchema& Dynamic(DynamicFn run) { def_.dynamic = run; return *this; }

  /// Kernels K::Prepare<Device, T> for the dtypes Ts.
  template <typename K, typename... Ts>
  OpSchema& Kernel() {
    (Add(kDTypeOf<Ts>, &K::template Prepare<CpuDevice, Ts>), ...);
    return *this;
  }
  /// A CPU kernel that calls a library, or needs no vector code: compiled in the base variant alone.
  template <typename... Ts>
  OpSchema& CpuKernel(PrepareFn prepare) {
    if constexpr (sizeof...(Ts) == 0) Add(DType::kUndefined, prepare);
    (Add(kDTypeOf<Ts>, prepare), ...);
    return *this;
  }

 private:
  static Attribute ToAttribute(const char* text) { return std::string(text); }
  template <typename T>
  static Attribute ToAttribute(T value) { return Attribute(std::move(value)); }

  OpSchema& AddInput(SlotDef slot) { def_.inputs.push_back(std::move(slot)); return *this; }
  void Add(DType dtype, PrepareFn prepare) {
    def_.kernels.push_back({PlaceKind::kCpu, Isa::kBase, dtype, prepare});
  }

  OpDef& def_;
};

/// The same face for the other variants: takes the kernels, ignores the rest.
template <PlaceKind P, Isa I, typename Device>
class KernelsOnly {
 public:
  explicit KernelsOnly(const char* type) : def_(RegisterOp(type)) {}
  KernelsOnly& Doc(const char*) { return *this; }
  KernelsOnly& Source(const char*) { return *this; }
  KernelsOnly& Input(const char*, const char*) { return *this; }
  KernelsOnly& Inputs(const char*, const char*) { return *this; }
  KernelsOnly& OptionalInput(const char*, const char*) { return *this; }
  KernelsOnly& OptionalInputs(const char*, const char*) { return *this; }
  KernelsOnly& HostInput(const char*, const char*) { return *this; }
  KernelsOnly& HostInputs(const char*, const char*) { return *this; }
  KernelsOnly& Output(const char*, const char*) { return *this; }
  KernelsOnly& Outputs(const char*, const char*) { return *this; }
  KernelsOnly& OptionalOutput(const char*, const char*) { return *this; }
  KernelsOnly& OptionalOutputs(const char*, const char*) { return *this; }
  template <typename T>
  KernelsOnly& Attr(const char*, const T&, const char*) { return *this; }
  template <typename T>
  KernelsOnly& RequiredAttr(const char*, const char*) { return *this; }
  template <typename F>
  KernelsOnly& InferShape(F&&) { return *this; }
  template <typename F>
  KernelsOnly& Gradient(F&&) { return *this; }
  KernelsOnly& ZeroGradient() { return *this; }
  KernelsOnly& Inplace(const char*, const char*) { return *this; }
  KernelsOnly& View(const char*, const char*) { return *this; }
  KernelsOnly& LayoutAware() { return *this; }
  KernelsOnly& SideEffect() { return *this; }
  KernelsOnly& Random() { return *this; }
  KernelsOnly& KeyedBy(const char*) { return *this; }
  KernelsOnly& Dynamic(DynamicFn) { return *this; }
  template <typename K, typename... Ts>
  KernelsOnly& Kernel() {
    (def_.kernels.push_back({P, I, kDTypeOf<Ts>, &K::template Prepare<Device, Ts>}), ...);
    return *this;
  }
  template <typename... Ts>
  KernelsOnly& CpuKernel(PrepareFn) { return *this; }

 private:
  OpDef& def_;
};

/// For .cu files: registers CUDA kernels of an operator whose schema stands in the .cc beside it.
class CudaKernels {
 public:
  explicit CudaKernels(const char* type) : def_(RegisterOp(type)) {}
  template <typename... Ts>
  CudaKernels& Kernel(PrepareFn prepare) {
    if constexpr (sizeof...(Ts) == 0) {
      def_.kernels.push_back({PlaceKind::kCuda, Isa::kBase, DType::kUndefined, prepare});
    }
    (def_.kernels.push_back({PlaceKind::kCuda, Isa::kBase, kDTypeOf<Ts>, prepare}), ...);
    return *this;
  }

 private:
  OpDef& def_;
};

namespace variant {
using base = OpSchema;
using avx2 = KernelsOnly<PlaceKind::kCpu, Isa::kAvx2, CpuDevice>;
using avx512 = KernelsOnly<PlaceKind::kCpu, Isa::kAvx512, CpuDevice>;
using cuda = KernelsOnly<PlaceKind::kCuda, Isa::kBase, CudaDevice>;
}  // namespace variant

}  // namespace skiff

#define SKIFF_OP(type) \
  [[maybe_unused]] static const auto skiff_op_##type = ::skiff::variant::SKIFF_VARIANT(#type)
#define SKIFF_CUDA_KERNELS(type) \
  [[maybe_unused]] static const auto skiff_cuda_kernels_##type = ::skiff::CudaKernels(#type)
