// Reductions over any axes of a contiguous tensor.
//
// A reducer is a functor of four small functions:
//   V Identity<V>()      what an empty reduction gives
//   V Map(V x)           applied to each element first
//   V Combine(V a, V b)  associative
//   V Finish(V a)        applied to each result, after the plan's scale
// Sums of float elements run in float over at most kBlock of them and in double beyond, so that a long
// sum is as exact as its terms. The order is fixed by the shape alone: results do not depend on threads.
#pragma once

#include <vector>

#include "operators/kernel/map.h"

namespace skiff {
inline namespace SKIFF_VARIANT {

struct ReducePlan {
  DType compute = DType::kFloat32, in_dtype = DType::kFloat32, out_dtype = DType::kFloat32;
  double scale = 1;  // each result is multiplied by it: 1 / count for a mean
  int64_t num_out = 0, num_reduced = 0;
  // The collapsed dimensions that stay and those that go, outermost first, with input strides.
  int kept_rank = 0, reduced_rank = 0;
  int64_t kept_dims[Shape::kMaxRank] = {}, kept_strides[Shape::kMaxRank] = {};
  int64_t reduced_dims[Shape::kMaxRank] = {}, reduced_strides[Shape::kMaxRank] = {};
  bool inner_kept = false;  // the innermost dimension stays
  int64_t segments = 1;     // parts of the reduced range, combined in order through the workspace

  size_t accumulator_bytes() const { return IsComplex(compute) ? 16 : 8; }
  size_t workspace_bytes() const { return segments > 1 ? segments * num_out * accumulator_bytes() : 0; }
};

/// `reduced[d]` says whether dimension d goes.
ReducePlan MakeReducePlan(DType compute, const Shape& in, const std::vector<bool>& reduced,
                          DType in_dtype, DType out_dtype);
/// Which dimensions of `rank` the attributes name: all when `dims` is empty or `reduce_all`.
/// @throws OutOfRange for an axis that is not there.
std::vector<bool> ReducedDims(const std::vector<int64_t>& dims, bool reduce_all, int rank);
/// The shape that stays.
Shape ReducedShape(const Shape& in, const std::vector<bool>& reduced, bool keep_dim);

/// While a program is built, the axes may be given as variables: then all that is known of Out is its rank.
/// @return  false, having set nothing, when the axes are known.
bool SetUnknownReduction(InferContext& c, const std::string& axes_attr, bool keep_dim, DType dtype);

struct SumReducer {
  template <typename V> SKIFF_HD static V Identity() { return V(0); }
  template <typename V> SKIFF_HD V Map(V x) const { return x; }
  template <typename V> SKIFF_HD static V Combine(V a, V b) { return a + b; }
  template <typename V> SKIFF_HD V Finish(V a) const { return a; }
};
struct SquareSumReducer : SumReducer {
  template <typename V> SKIFF_HD V Map(V x) const { return x * x; }
};

/// The loops of one reducer and compute type.
struct ReduceCode {
  /// acc[0] = Combine(acc[0], elements), n <= kBlock.
  void (*fold)(const void* reducer, const void* x, int64_t n, void* acc);
  /// acc[j] = Combine(acc[j], x[j])
  void (*fold_columns)(const void* reducer, const void* x, int64_t n, void* acc);
  /// acc[j] = Combine(acc[j], other[j])
  void (*merge)(const void* other, int64_t n, void* acc);
  void (*start)(int64_t n, void* acc);
  /// out[j] = Finish(acc[j] * scale), in the compute type.
  void (*finish)(const void* reducer, double scale, const void* acc, int64_t n, void* out);
};

#if defined(__CUDACC__)

template <typename C, typename R>
void LaunchReduce(const void* reducer, const ReducePlan& plan, const void* in, void* out,
                  void* workspace, const KernelArgs& args);
using ReduceEntry = void (*)(const void*, const ReducePlan&, const void*, void*, void*,
                             const KernelArgs&);

#else

/// @param in, out    Of the plan's dtypes.
/// @param workspace  plan.workspace_bytes() bytes.
void RunReduce(const ReducePlan& plan, const ReduceCode& code, const void* reducer, const void* in,
               void* out, void* workspace, int num_threads);
using ReduceEntry = const ReduceCode*;

template <typename C, typename R>
struct ReduceLoops {
  using A = Accumulator<C>;
  static void Fold(const void* reducer, const void* elements, int64_t n, void* acc) {
    const R r = *static_cast<const R*>(reducer);
    const C* x = static_cast<const C*>(elements);
    constexpr int kLanes = 16;
    C lanes[kLanes];
    for (int l = 0; l < kLanes; ++l) lanes[l] = R::template Identity<C>();
    int64_t i = 0;
    for (; i + kLanes <= n; i += kLanes) {
      for (int l = 0; l < kLanes; ++l) lanes[l] = R::Combine(lanes[l], r.Map(x[i + l]));
    }
    for (int l = 0; i < n; ++i, ++l) lanes[l] = R::Combine(lanes[l], r.Map(x[i]));
    for (int step = kLanes / 2; step > 0; step /= 2) {
      for (int l = 0; l < step; ++l) lanes[l] = R::Combine(lanes[l], lanes[l + step]);
    }
    A* a = static_cast<A*>(acc);
    *a = R::Combine(*a, static_cast<A>(lanes[0]));
  }
  static void FoldColumns(const void* reducer, const void* elements, int64_t n, void* acc) {
    const R r = *static_cast<const R*>(reducer);
    const C* x = static_cast<const C*>(elements);
    A* a = static_cast<A*>(acc);
    for (int64_t j = 0; j < n; ++j) a[j] = R::Combine(a[j], static_cast<A>(r.Map(x[j])));
  }
  static void Merge(const void* other, int64_t n, void* acc) {
    const A* b = static_cast<const A*>(other);
    A* a = static_cast<A*>(acc);
    for (int64_t j = 0; j < n; ++j) a[j] = R::Combine(a[j], b[j]);
  }
  static void Start(int64_t n, void* acc) {
    A* a = static_cast<A*>(acc);
    for (int64_t j = 0; j < n; ++j) a[j] = R::template Identity<A>();
  }
  static void Finish(const void* reducer, double scale, const void* acc, int64_t n, void* out) {
    const R r = *static_cast<const R*>(reducer);
    const A* a = static_cast<const A*>(acc);
    C* y = static_cast<C*>(out);
    for (int64_t j = 0; j < n; ++j) y[j] = static_cast<C>(r.Finish(ScaleAccumulator(a[j], scale)));
  }
  /// Integers are scaled (a mean of integers truncates) only where there is a scale: double would
  /// round large ones.
  static A ScaleAccumulator(A a, double scale) { return scale == 1 ? a : static_cast<A>(a * scale); }
  static const ReduceCode* Code() {
    static const ReduceCode code = {Simd<&Fold>(), Simd<&FoldColumns>(), Simd<&Merge>(), Simd<&Start>(),
                                    Simd<&Finish>()};
    return &code;
  }
};

#endif

/// A reducer with its plan.
class ReduceOp {
 public:
  ReduceOp() = default;
  ReduceOp(const ReducePlan& plan, ReduceEntry entry, const void* reducer, size_t bytes);
  void Run(const void* in, void* out, void* workspace, const KernelArgs& args) const;
  size_t workspace_bytes() const { return plan_.workspace_bytes(); }

 private:
  ReducePlan plan_;
  ReduceEntry entry_ = nullptr;
  alignas(16) char reducer_[32] = {};
};

template <typename C, typename R>
ReduceOp MakeReduceOp(const R& reducer, const ReducePlan& plan) {
  static_assert(std::is_trivially_copyable_v<R> && sizeof(R) <= 32, "a reducer is a few numbers");
#if defined(__CUDACC__)
  return ReduceOp(plan, &LaunchReduce<C, R>, &reducer, sizeof(R));
#else
  return ReduceOp(plan, ReduceLoops<C, R>::Code(), &reducer, sizeof(R));
#endif
}

/// A kernel of one input and one output that runs the reduction.
std::unique_ptr<Kernel> MakeReduceKernel(const ReduceOp& op, PrepareContext& context);

}  // namespace SKIFF_VARIANT
}  // namespace skiff

#if defined(__CUDACC__)
#include "operators/kernel/reduce_cuda.h"
#endif
