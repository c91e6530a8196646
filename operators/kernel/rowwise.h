// RowWise: formulas over whole rows, such as softmax and the norms.
//
// A tensor is seen as [outer, n, inner]; a row is the n elements of one (outer, inner). A formula is a
// functor over a row object:
//   auto x = row.In(k)        x[i], i < row.n        auto y = row.Out(k)   y.Set(i, v), y.Get(i)
//   row.Sum(f), row.Max(f)    of f(i) over the row   row.Each(f)           f(i) for every i
//   row.Wait()                between reading another thread's elements and writing them
// On the CPU one thread takes a row and these are vector loops; on a card one block takes a row and its
// threads share it. Sums run in double beyond 256 elements. Every element is read and written in the
// compute type.
#pragma once

#include <limits>
#include <vector>

#include "operators/kernel/convert.h"
#include "operators/kernel/parallel.h"

namespace skiff {
inline namespace SKIFF_VARIANT {

inline constexpr int kMaxRowOperands = 6;

/// How an operand meets the rows.
enum class RowKind {
  kRow,     // [outer, n, inner]
  kScalar,  // [outer, inner]: one element a row
  kShared,  // [n]: the same for every row
};

struct RowOperand {
  int index = -1;  // in KernelArgs; -1 when absent
  DType dtype = DType::kUndefined;
  int64_t length = 0;  // elements a row
  int64_t outer_stride = 0, inner_stride = 0, step = 1;
};

struct RowPlan {
  DType compute = DType::kFloat32;
  int64_t rows = 0, n = 0, inner = 1;
  RowOperand in[kMaxRowOperands], out[kMaxRowOperands];
  int num_in = 0, num_out = 0;

  RowPlan() = default;
  /// Rows along `axis` of `shape`. @throws OutOfRange for an axis that it lacks.
  RowPlan(DType compute, const Shape& shape, int axis)
      : compute(compute), n(shape.At(axis)), inner(shape.Product(axis + 1, shape.rank())) {
    rows = shape.Product(0, axis) * inner;
  }
  /// The next operand; one that is absent keeps its number.
  void AddIn(const PrepareContext& c, const char* slot, RowKind kind) {
    const int64_t wanted = kind == RowKind::kRow ? rows * n : kind == RowKind::kScalar ? rows : n;
    SKIFF_ENFORCE(!c.HasInput(slot) || c.Input(slot).shape.NumElements() == wanted, InvalidArgument, slot, " is ",
                  c.Input(slot).shape, "; it must hold ", wanted, " elements");
    in[num_in++] = Operand(c.HasInput(slot) ? c.InputIndex(slot) : -1,
                           c.HasInput(slot) ? c.Input(slot).dtype : compute, kind);
  }
  void AddOut(const PrepareContext& c, const char* slot, RowKind kind) {
    out[num_out++] = Operand(c.HasOutput(slot) ? c.OutputIndex(slot) : -1,
                             c.HasOutput(slot) ? c.Output(slot).dtype : compute, kind);
  }

 private:
  RowOperand Operand(int index, DType dtype, RowKind kind) const {
    if (kind == RowKind::kRow) return {index, dtype, n, n * inner, 1, inner};
    if (kind == RowKind::kScalar) return {index, dtype, 1, inner, 1, 1};
    return {index, dtype, n, 0, 0, 1};
  }
};

#if defined(__CUDACC__)

template <typename C>
struct DeviceIn {
  const void* data;
  DType dtype;
  int64_t base, step;
  __device__ C operator[](int64_t i) const { return LoadAs<C>(data, dtype, base + i * step); }
};
template <typename C>
struct DeviceOut {
  void* data;
  DType dtype;
  int64_t base, step;
  __device__ explicit operator bool() const { return data != nullptr; }
  __device__ void Set(int64_t i, C v) const { StoreAs<C>(data, dtype, base + i * step, v); }
  __device__ C Get(int64_t i) const { return LoadAs<C>(data, dtype, base + i * step); }
};

struct CudaRowArgs {
  RowPlan plan;
  const void* in[kMaxRowOperands];
  void* out[kMaxRowOperands];
};

template <typename C>
struct DeviceRow {
  const CudaRowArgs& args;
  int64_t n, index;
  C* shared;

  __device__ int64_t Base(const RowOperand& x) const {
    return index / args.plan.inner * x.outer_stride + index % args.plan.inner * x.inner_stride;
  }
  __device__ bool HasIn(int k) const { return args.in[k] != nullptr; }
  __device__ DeviceIn<C> In(int k) const {
    const RowOperand& x = args.plan.in[k];
    return {args.in[k], x.dtype, Base(x), x.step};
  }
  __device__ DeviceOut<C> Out(int k) const {
    const RowOperand& y = args.plan.out[k];
    return {args.out[k], y.dtype, Base(y), y.step};
  }
  template <typename G>
  __device__ C Share(C mine, const G& combine) const {
    __syncthreads();
    shared[threadIdx.x] = mine;
    __syncthreads();
    for (int step = kCudaBlock / 2; step > 0; step /= 2) {
      if (threadIdx.x < step) shared[threadIdx.x] = combine(shared[threadIdx.x], shared[threadIdx.x + step]);
      __syncthreads();
    }
    return shared[0];
  }
  __device__ void Wait() const { __syncthreads(); }
  template <typename F>
  __device__ C Sum(const F& f) const {
    C sum = 0;
#pragma unroll 1
    for (int64_t i = threadIdx.x; i < n; i += blockDim.x) sum += f(i);
    return Share(sum, [](C a, C b) { return a + b; });
  }
  template <typename F>
  __device__ C Max(const F& f) const {
    C max = -std::numeric_limits<C>::infinity();
#pragma unroll 1
    for (int64_t i = threadIdx.x; i < n; i += blockDim.x) max = math::Max(max, f(i));
    return Share(max, [](C a, C b) { return math::Max(a, b); });
  }
  template <typename F>
  __device__ void Each(const F& f) const {
#pragma unroll 1
    for (int64_t i = threadIdx.x; i < n; i += blockDim.x) f(i);
  }
};

template <typename C, typename F>
__global__ void RowKernel(F f, const __grid_constant__ CudaRowArgs args) {
  __shared__ C shared[kCudaBlock];
  for (int64_t r = blockIdx.x; r < args.plan.rows; r += gridDim.x) {
    f(DeviceRow<C>{args, args.plan.n, r, shared});
    __syncthreads();
  }
}

#else

template <typename C>
struct HostIn {
  const C* data;
  C operator[](int64_t i) const { return data[i]; }
};
template <typename C>
struct HostOut {
  C* data;
  explicit operator bool() const { return data != nullptr; }
  void Set(int64_t i, C v) const { data[i] = v; }
  C Get(int64_t i) const { return data[i]; }
};

/// Pointers of one row, in the compute type; null for an absent operand.
struct RowPointers {
  int64_t n, index;
  const void* in[kMaxRowOperands];
  void* out[kMaxRowOperands];
};

template <typename C>
struct HostRow {
  const RowPointers& pointers;
  int64_t n, index;

  bool HasIn(int k) const { return pointers.in[k] != nullptr; }
  HostIn<C> In(int k) const { return {static_cast<const C*>(pointers.in[k])}; }
  HostOut<C> Out(int k) const { return {static_cast<C*>(pointers.out[k])}; }

  void Wait() const {}
  template <typename F>
  C Sum(const F& f) const {
    double total = 0;
    for (int64_t begin = 0; begin < n; begin += 256) {
      const int64_t end = begin + 256 < n ? begin + 256 : n;
      C part = 0;
#pragma omp simd reduction(+ : part)
      for (int64_t i = begin; i < end; ++i) part += f(i);
      total += part;
    }
    return static_cast<C>(total);
  }
  template <typename F>
  C Max(const F& f) const {
    C max = -std::numeric_limits<C>::infinity();
#pragma omp simd reduction(max : max)
    for (int64_t i = 0; i < n; ++i) {
      const C v = f(i);
      max = v > max ? v : max;
    }
    return max;
  }
  template <typename F>
  void Each(const F& f) const {
#pragma GCC ivdep
    for (int64_t i = 0; i < n; ++i) f(i);
  }
};

using RowCode = void (*)(const void* formula, const RowPointers& row);
void RunRows(const RowPlan& plan, RowCode code, const void* formula, const void* const* in,
             void* const* out, int num_threads);

template <typename C, typename F>
void RowCodeOf(const void* formula, const RowPointers& pointers) {
  const F f = *static_cast<const F*>(formula);
  f(HostRow<C>{pointers, pointers.n, pointers.index});
}

#endif

/// Runs formula `f` over every row of the plan.
template <typename C, typename F>
void RunRowWise(const F& f, const RowPlan& plan, const void* const* in, void* const* out,
                const KernelArgs& args) {
  if (plan.rows == 0 || plan.n == 0) return;
#if defined(__CUDACC__)
  CudaRowArgs cuda{plan, {}, {}};
  for (int k = 0; k < plan.num_in; ++k) cuda.in[k] = plan.in[k].index < 0 ? nullptr : in[plan.in[k].index];
  for (int k = 0; k < plan.num_out; ++k) cuda.out[k] = plan.out[k].index < 0 ? nullptr : out[plan.out[k].index];
  const unsigned grid = static_cast<unsigned>(plan.rows < 65536 ? plan.rows : 65536);
  RowKernel<C><<<grid, kCudaBlock, 0, StreamOf(args)>>>(f, cuda);
  CheckLaunch();
#else
  RunRows(plan, Simd<&RowCodeOf<C, F>>(), &f, in, out, args.num_threads);
#endif
}

template <typename C, typename F>
std::unique_ptr<Kernel> MakeRowKernel(const F& f, const RowPlan& plan) {
  return MakeKernel([f, plan](const KernelArgs& args) {
    RunRowWise<C>(f, plan, args.in, args.out, args);
  });
}

}  // namespace SKIFF_VARIANT
}  // namespace skiff
