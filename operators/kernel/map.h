// Map and Broadcast: kernels that apply a functor element by element.
//
//   Map<F>        inputs and outputs of one size: Out[i] = f(X[i], Y[i], ...)
//   Broadcast<F>  inputs broadcast to the output, with Paddle's `axis` attribute where there is one
//
// A functor takes one value of each input and returns one value (or a Two of them). Inputs are the first
// variables of the schema's slots that are there, in its order. The functor is compiled once per compute
// type; storage types, broadcasting and threads are handled around its loop by map.cc.
#pragma once

#include "operators/kernel/convert.h"
#include "operators/kernel/parallel.h"

namespace skiff {
inline namespace SKIFF_VARIANT {

inline constexpr int kMaxMapInputs = 6;
inline constexpr int kMaxMapOutputs = 2;

/// One variable of a map: how its elements are found from the output's index.
struct MapOperand {
  int index = 0;  // in KernelArgs
  DType dtype = DType::kUndefined;
  bool flat = true;    // element i of the output meets element i; else `strides` say
  bool scalar = false;  // one element meets all
  int64_t strides[Shape::kMaxRank] = {};
};

struct MapPlan {
  DType compute = DType::kFloat32;
  int64_t n = 0;
  int rank = 0;  // of the collapsed output, at least 1
  int64_t dims[Shape::kMaxRank] = {};
  int num_in = 0, num_out = 0;
  bool direct = false;  // every operand is flat and stored in the compute type
  MapOperand in[kMaxMapInputs], out[kMaxMapOutputs];
};

/// An input for MakeMapPlan; `shape` has the rank of the output, 1 where it broadcasts.
struct MapInput {
  int index;
  DType dtype;
  Shape shape;
};

/// @throws InvalidArgument when a shape does not broadcast to `out`.
MapPlan MakeMapPlan(DType compute, const Shape& out, std::initializer_list<MapInput> in,
                    std::initializer_list<std::pair<int, DType>> outputs);
MapPlan MakeMapPlan(DType compute, const Shape& out, const MapInput* in, int num_in,
                    const std::pair<int, DType>* outputs, int num_out);

/// Inputs and outputs in schema order for Map (all of one size) and for Broadcast.
MapPlan PlanMap(const PrepareContext& context, DType compute, int num_in, int num_out);
MapPlan PlanBroadcast(const PrepareContext& context, DType compute, int num_in, int num_out);

/// `x` with 1s put around it so that it broadcasts in a tensor of `rank` dimensions under Paddle's rule:
/// axis -1 aligns the last dimensions, k >= 0 puts the first dimension at k; trailing 1s of x are
/// dropped first where that is needed. @throws InvalidArgument.
Shape AlignToRank(const Shape& x, int rank, int64_t axis);

/// The loop around a functor: n elements of the compute type.
using MapLoop = void (*)(const void* functor, int64_t n, const void* const* in, void* const* out);
/// Drives `loop` on the CPU. `in` and `out` are indexed by MapOperand::index.
void RunMap(const MapPlan& plan, MapLoop loop, const void* functor, const void* const* in,
            void* const* out, int num_threads);

/// How many values of C the functor takes.
template <typename F, typename C>
constexpr int NumInputs() {
  if constexpr (std::is_invocable_v<F, C>) return 1;
  else if constexpr (std::is_invocable_v<F, C, C>) return 2;
  else if constexpr (std::is_invocable_v<F, C, C, C>) return 3;
  else if constexpr (std::is_invocable_v<F, C, C, C, C>) return 4;
  else if constexpr (std::is_invocable_v<F, C, C, C, C, C>) return 5;
  else return 6;
}

template <typename C> inline constexpr int kNumOutputs = 1;
template <typename C> inline constexpr int kNumOutputs<Two<C>> = 2;

/// Calls f with get(0), get(1), ... and hands its results to put(0, .), put(1, .).
template <typename C, typename F, typename Get, typename Put>
SKIFF_HD inline void ApplyMap(const F& f, const Get& get, const Put& put) {
  constexpr int kIn = NumInputs<F, C>();
  const auto store = [&](auto result) {
    if constexpr (kNumOutputs<decltype(result)> == 2) {
      put(0, result.first);
      put(1, result.second);
    } else {
      put(0, static_cast<C>(result));
    }
  };
  if constexpr (kIn == 1) store(f(get(0)));
  else if constexpr (kIn == 2) store(f(get(0), get(1)));
  else if constexpr (kIn == 3) store(f(get(0), get(1), get(2)));
  else if constexpr (kIn == 4) store(f(get(0), get(1), get(2), get(3)));
  else if constexpr (kIn == 5) store(f(get(0), get(1), get(2), get(3), get(4)));
  else store(f(get(0), get(1), get(2), get(3), get(4), get(5)));
}

template <typename F, typename C>
constexpr int NumOutputs() {
  constexpr int kIn = NumInputs<F, C>();
  if constexpr (kIn == 1) return kNumOutputs<std::invoke_result_t<F, C>>;
  else if constexpr (kIn == 2) return kNumOutputs<std::invoke_result_t<F, C, C>>;
  else if constexpr (kIn == 3) return kNumOutputs<std::invoke_result_t<F, C, C, C>>;
  else if constexpr (kIn == 4) return kNumOutputs<std::invoke_result_t<F, C, C, C, C>>;
  else if constexpr (kIn == 5) return kNumOutputs<std::invoke_result_t<F, C, C, C, C, C>>;
  else return kNumOutputs<std::invoke_result_t<F, C, C, C, C, C, C>>;
}

#if defined(__CUDACC__)

struct CudaMapArgs {
  MapPlan plan;
  const void* in[kMaxMapInputs];
  void* out[kMaxMapOutputs];
};

template <typename C, typename F>
__global__ void MapKernel(F f, const __grid_constant__ CudaMapArgs args) {
  const MapPlan& plan = args.plan;
#pragma unroll 1  // the typed loads are long enough
  for (int64_t i = CudaFirst(); i < plan.n; i += CudaStep()) {
    ApplyMap<C>(
        f,
        [&](int k) {
          const MapOperand& x = plan.in[k];
          int64_t at = x.scalar ? 0 : i;
          if (!x.flat && !x.scalar) {
            at = 0;
            int64_t rest = i;
#pragma unroll 1
            for (int d = plan.rank - 1; d >= 0; --d) {
              at += rest % plan.dims[d] * x.strides[d];
              rest /= plan.dims[d];
            }
          }
          return LoadAs<C>(args.in[k], x.dtype, at);
        },
        [&](int k, C v) {
          if (args.out[k] != nullptr) StoreAs<C>(args.out[k], plan.out[k].dtype, i, v);
        });
  }
}

#else

template <typename C, typename F>
void MapLoopOf(const void* functor, int64_t n, const void* const* in, void* const* out) {
  const F f = *static_cast<const F*>(functor);
  constexpr int kIn = NumInputs<F, C>();
  const C* x[kIn];
  C* y[kMaxMapOutputs] = {};
  for (int k = 0; k < kIn; ++k) x[k] = static_cast<const C*>(in[k]);
  for (int k = 0; k < NumOutputs<F, C>(); ++k) y[k] = static_cast<C*>(out[k]);
#pragma GCC ivdep  // an output may be an input's memory, at the same index
  for (int64_t i = 0; i < n; ++i) {
    ApplyMap<C>(f, [&](int k) { return x[k][i]; }, [&](int k, C v) { y[k][i] = v; });
  }
}

#endif

#if defined(__CUDACC__)
template <typename C, typename F>
void LaunchMap(const void* functor, const MapPlan& plan, const void* const* in, void* const* out,
               const KernelArgs& args) {
  CudaMapArgs cuda{plan, {}, {}};
  for (int k = 0; k < plan.num_in; ++k) cuda.in[k] = in[plan.in[k].index];
  for (int k = 0; k < plan.num_out; ++k) cuda.out[k] = out[plan.out[k].index];
  MapKernel<C><<<CudaGrid(plan.n), kCudaBlock, 0, StreamOf(args)>>>(*static_cast<const F*>(functor),
                                                                    cuda);
  CheckLaunch();
}
using MapCode = void (*)(const void*, const MapPlan&, const void* const*, void* const*,
                         const KernelArgs&);
#else
using MapCode = MapLoop;
#endif

/// A functor with its plan: what Map and the kernels built from maps run. The functor is kept as bytes,
/// so that nothing but its loop is compiled for it.
class MapOp {
 public:
  static constexpr size_t kMaxFunctorBytes = 64;

  MapOp() = default;
  MapOp(const MapPlan& plan, MapCode code, const void* functor, size_t bytes);

  void Run(const void* const* in, void* const* out, const KernelArgs& args) const {
    if (plan_.n == 0) return;
#if defined(__CUDACC__)
    code_(functor_, plan_, in, out, args);
#else
    RunMap(plan_, code_, functor_, in, out, args.num_threads);
#endif
  }

 private:
  MapPlan plan_;
  MapCode code_ = nullptr;
  alignas(16) char functor_[kMaxFunctorBytes] = {};
};

template <typename C, typename F>
MapOp MakeMapOp(const F& f, const MapPlan& plan) {
  static_assert(std::is_trivially_copyable_v<F> && sizeof(F) <= MapOp::kMaxFunctorBytes,
                "a functor is a few numbers");
#if defined(__CUDACC__)
  return MapOp(plan, &LaunchMap<C, F>, &f, sizeof(F));
#else
  return MapOp(plan, Simd<&MapLoopOf<C, F>>(), &f, sizeof(F));
#endif
}

/// A kernel that runs the map over the operator's own pointers.
std::unique_ptr<Kernel> MakeMapKernel(const MapOp& op);

template <typename F>
struct Map {
  template <typename C>
  static std::unique_ptr<Kernel> PrepareAs(const PrepareContext& context) {
    return MakeMapKernel(MakeMapOp<C>(
        MakeFunctor<F>(context),
        PlanMap(context, kDTypeOf<C>, NumInputs<F, C>(), NumOutputs<F, C>())));
  }
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& context) {
    return PrepareAs<Compute<T>>(context);
  }
};

template <typename F>
struct Broadcast {
  template <typename C>
  static std::unique_ptr<Kernel> PrepareAs(const PrepareContext& context) {
    return MakeMapKernel(MakeMapOp<C>(
        MakeFunctor<F>(context),
        PlanBroadcast(context, kDTypeOf<C>, NumInputs<F, C>(), NumOutputs<F, C>())));
  }
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& context) {
    return PrepareAs<Compute<T>>(context);
  }
};

}  // namespace SKIFF_VARIANT
}  // namespace skiff
