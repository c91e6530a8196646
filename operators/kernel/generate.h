// Generate: outputs whose element i is a function of i, and of the run's seed where it is random.
//
// A functor has one member, `template <typename V> V At(int64_t i, uint64_t seed) const`.
#pragma once

#include "operators/kernel/convert.h"
#include "operators/kernel/parallel.h"

namespace skiff {
inline namespace SKIFF_VARIANT {

/// Attribute dtype. @throws InvalidArgument when its code is none.
inline DType DTypeAttr(const InferContext& c) {
  const int32_t code = c.Attr<int32_t>("dtype");
  SKIFF_ENFORCE(IsValidDType(code), InvalidArgument, "attribute dtype is ", code, ", which is no dtype");
  return static_cast<DType>(code);
}

/// Out has attributes shape and dtype; its extent output_dim_idx is Input's input_dim_idx.
inline void InferBatchSizeLike(InferContext& c) {
  const Shape& input = c.InputShape("Input");
  Shape shape(c.Attr<std::vector<int64_t>>("shape"));
  const int from = NormalizeAxis(c.Attr<int64_t>("input_dim_idx"), input.rank(), "input_dim_idx");
  const int to = NormalizeAxis(c.Attr<int64_t>("output_dim_idx"), shape.rank(), "output_dim_idx");
  shape[to] = input[from];
  c.SetOutput("Out", shape, DTypeAttr(c));
}

#if defined(__CUDACC__)

template <typename C, typename F>
__global__ void GenerateKernel(F f, int64_t n, uint64_t seed, DType dtype, void* out) {
  for (int64_t i = CudaFirst(); i < n; i += CudaStep()) {
    StoreAs<C>(out, dtype, i, f.template At<C>(i, seed));
  }
}
template <typename C, typename F>
void RunGenerate(const F& f, int64_t n, DType dtype, void* out, const KernelArgs& args) {
  if (n == 0) return;
  GenerateKernel<C><<<CudaGrid(n), kCudaBlock, 0, StreamOf(args)>>>(f, n, args.seed, dtype, out);
  CheckLaunch();
}

#else

using GenerateLoop = void (*)(const void* functor, int64_t begin, int64_t n, uint64_t seed, void* out);
void RunGenerateLoop(GenerateLoop loop, const void* functor, int64_t n, DType compute, DType dtype,
                     void* out, const KernelArgs& args);

template <typename C, typename F>
void GenerateLoopOf(const void* functor, int64_t begin, int64_t n, uint64_t seed, void* out) {
  const F f = *static_cast<const F*>(functor);
  C* y = static_cast<C*>(out);
  for (int64_t i = 0; i < n; ++i) y[i] = f.template At<C>(begin + i, seed);
}
template <typename C, typename F>
void RunGenerate(const F& f, int64_t n, DType dtype, void* out, const KernelArgs& args) {
  RunGenerateLoop(Simd<&GenerateLoopOf<C, F>>(), &f, n, kDTypeOf<C>, dtype, out, args);
}

#endif

/// A kernel whose output 0 is generated. Register with KeyedBy the output.
template <typename F>
struct Generate {
  template <typename C>
  static std::unique_ptr<Kernel> PrepareAs(const PrepareContext& context) {
    const F f = MakeFunctor<F>(context);
    const int64_t n = context.outputs.at(0).shape.NumElements();
    const DType dtype = context.outputs.at(0).dtype;
    return MakeKernel([=](const KernelArgs& args) { RunGenerate<C>(f, n, dtype, args.out[0], args); });
  }
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& context) {
    return PrepareAs<Compute<T>>(context);
  }
};

}  // namespace SKIFF_VARIANT
}  // namespace skiff
