// SKIFF_OP: where an operator is defined. A file of operators is compiled once for the CPU, which registers
// everything, and once by nvcc, which registers only kernels.
#pragma once

#include <type_traits>

#include "framework/op/op_def.h"

#if defined(__CUDACC__)
#define SKIFF_HD __host__ __device__
#define SKIFF_VARIANT cuda
#else
#define SKIFF_HD
#define SKIFF_VARIANT base
#endif

namespace skiff {

/// Tags for the two kinds of code one kernel template is compiled to.
struct CpuDevice {};
struct CudaDevice {};

/// The builder behind SKIFF_OP. See docs/operators.md for one operator end to end.
class OpSchema {
 public:
  explicit OpSchema(const char* type);

  /// What it computes, one sentence or formula.
  OpSchema& Doc(const char* text);
  /// Where the definition comes from.
  OpSchema& Source(const char* text);
  OpSchema& Input(const char* slot, const char* doc);
  OpSchema& Inputs(const char* slot, const char* doc);
  OpSchema& OptionalInput(const char* slot, const char* doc);
  OpSchema& OptionalInputs(const char* slot, const char* doc);
  /// An optional integer input whose elements decide shapes: read on the host before preparing.
  OpSchema& HostInput(const char* slot, const char* doc);
  OpSchema& HostInputs(const char* slot, const char* doc);
  OpSchema& Output(const char* slot, const char* doc);
  OpSchema& Outputs(const char* slot, const char* doc);
  OpSchema& OptionalOutput(const char* slot, const char* doc);
  OpSchema& OptionalOutputs(const char* slot, const char* doc);
  template <typename T>
  OpSchema& Attr(const char* name, T default_value, const char* doc) {
    return AddAttr(name, ToAttribute(std::move(default_value)), doc, false);
  }
  template <typename T>
  OpSchema& RequiredAttr(const char* name, const char* doc) {
    return AddAttr(name, Attribute(T{}), doc, true);
  }
  /// Where the input `slot` is present its elements, of any dtype, take the place of the attribute `attr`; where
  /// several slots may, the one named first. Kernels and inference at run time see the attribute alone; while a
  /// program is built InferContext::AttrVariables tells what stands for it. Both are declared before.
  OpSchema& AttrFrom(const char* attr, const char* slot);
  /// Before the operator runs it is checked that these inputs have one dtype; that they have one dtype and one
  /// shape; that each of them holds one element; that each is of `dtype`. Kernels read on its word: what is not said here or in InferShape,
  /// they check themselves.
  OpSchema& SameDType(std::vector<std::string> slots);
  OpSchema& Alike(std::vector<std::string> slots);
  OpSchema& OneElement(std::vector<std::string> slots);
  OpSchema& OfDType(DType dtype, std::vector<std::string> slots);
  OpSchema& InferShape(InferFn infer);
  OpSchema& Gradient(GradMaker maker);
  /// Floats go in and come out, but the output does not vary with them (fill_any_like, prior_box, ...):
  /// backward stops here without complaint. Needless where no float goes in or none comes out.
  OpSchema& ZeroGradient();
  /// The output may take the input's memory where nothing later reads the input.
  OpSchema& Inplace(const char* in, const char* out);
  /// The output is the input's memory under another shape: no kernel runs.
  OpSchema& View(const char* in, const char* out);
  /// Prepare looks at layouts itself: see PrepareContext::WantInputLayout.
  OpSchema& LayoutAware();
  OpSchema& SideEffect();
  OpSchema& Random();
  /// The slot (input, else output) whose dtype selects the kernel, where it is not the first input.
  OpSchema& KeyedBy(const char* slot);
  /// The kernel for values that are not dense or whose shape depends on data.
  OpSchema& Dynamic(DynamicFn run);

  /// Kernels K::Prepare<Device, T> for the dtypes Ts.
  template <typename K, typename... Ts>
  OpSchema& Kernel() {
    (Add(kDTypeOf<Ts>, &K::template Prepare<CpuDevice, Ts>), ...);
    return *this;
  }
  /// A kernel for the CPU alone: one that calls a library, or whose CUDA twin stands in a .cu file.
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

  OpSchema& AddRule(InputRule::Kind kind, std::vector<std::string> slots, DType dtype = DType::kUndefined);
  OpSchema& AddAttr(const char* name, Attribute value, const char* doc, bool required);
  void Add(DType dtype, PrepareFn prepare);

  OpDef& def_;
};

/// The same face for nvcc: takes the kernels, ignores the rest.
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
  KernelsOnly& AttrFrom(const char*, const char*) { return *this; }
  KernelsOnly& SameDType(std::initializer_list<const char*>) { return *this; }
  KernelsOnly& Alike(std::initializer_list<const char*>) { return *this; }
  KernelsOnly& OneElement(std::initializer_list<const char*>) { return *this; }
  KernelsOnly& OfDType(DType, std::initializer_list<const char*>) { return *this; }
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
    (def_.kernels.push_back({PlaceKind::kCuda, kDTypeOf<Ts>, &K::template Prepare<CudaDevice, Ts>}), ...);
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
      def_.kernels.push_back({PlaceKind::kCuda, DType::kUndefined, prepare});
    }
    (def_.kernels.push_back({PlaceKind::kCuda, kDTypeOf<Ts>, prepare}), ...);
    return *this;
  }

 private:
  OpDef& def_;
};

namespace variant {
using base = OpSchema;
using cuda = KernelsOnly;
}  // namespace variant

}  // namespace skiff

#define SKIFF_OP(type) \
  [[maybe_unused]] static const auto skiff_op_##type = ::skiff::variant::SKIFF_VARIANT(#type)
#define SKIFF_CUDA_KERNELS(type) \
  [[maybe_unused]] static const auto skiff_cuda_kernels_##type = ::skiff::CudaKernels(#type)
