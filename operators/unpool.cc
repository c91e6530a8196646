// The way back from max_pool2d_with_index: unpool and unpool3d put elements where the pooling found them.
#include "framework/op/op_schema.h"
#include "operators/kernel/for_each.h"
#include "operators/kernel/rows.h"
#include "operators/kernel/strided.h"

namespace skiff {

namespace {

/// Elements of X and of Out in each plane.
struct Planes {
  int64_t count, in, out;
};

template <typename T, typename I>
struct PutBack {
  Planes p;
  const I* indices;
  const T* x;
  T* out;
  SKIFF_HD void operator()(int64_t i) const {
    const auto at = static_cast<int64_t>(indices[i]);
    if (at >= 0 && at < p.out) out[i / p.in * p.out + at] = x[i];
  }
};
template <typename T, typename I>
struct FetchAgain {
  Planes p;
  const I* indices;
  const T* out_grad;
  T* x_grad;
  SKIFF_HD void operator()(int64_t i) const {
    const auto at = static_cast<int64_t>(indices[i]);
    x_grad[i] = at >= 0 && at < p.out ? out_grad[i / p.in * p.out + at] : T(0);
  }
};

Planes PlanesOf(const Shape& x, const Shape& out) {
  return {x[0] * x[1], x.Product(2, x.rank()), out.Product(2, out.rank())};
}

// @throws OutOfRange before anything is written; a card leaves out what lies outside.
template <typename I>
[[maybe_unused]] void CheckPositions(const I* indices, int64_t n, int64_t limit) {
#if !defined(__CUDACC__)
  for (int64_t i = 0; i < n; ++i) {
    SKIFF_ENFORCE(indices[i] >= 0 && indices[i] < limit, OutOfRange, "Indices holds ", int64_t{indices[i]}, " at element ", i,
                  "; a plane of Out has ", limit, " elements");
  }
#endif
}

struct Unpool {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    const Planes p = PlanesOf(c.Input("X").shape, c.Output("Out").shape);
    const bool wide = WideIds(c.Input("Indices"), "Indices");
    return MakeKernel([=, x = c.InputIndex("X"), ids = c.InputIndex("Indices")](const KernelArgs& args) {
      const int64_t n = p.count * p.in;
      const auto run = [&]<typename I>(const I* indices) {
        CheckPositions(indices, n, p.out);
        FillZero(args.out[0], p.count * p.out * sizeof(T), args);
        ForEach(n, kElementGrain, args,
                PutBack<T, I>{p, indices, static_cast<const T*>(args.in[x]), static_cast<T*>(args.out[0])});
      };
      wide ? run(static_cast<const int64_t*>(args.in[ids])) : run(static_cast<const int32_t*>(args.in[ids]));
    });
  }
};

struct UnpoolGrad {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    const Planes p = PlanesOf(c.Input("X").shape, c.Input("Out@GRAD").shape);
    const bool wide = WideIds(c.Input("Indices"), "Indices");
    return MakeKernel([=, dout = c.InputIndex("Out@GRAD"), ids = c.InputIndex("Indices")](const KernelArgs& args) {
      const auto run = [&]<typename I>(const I* indices) {
        ForEach(p.count * p.in, kElementGrain, args,
                FetchAgain<T, I>{p, indices, static_cast<const T*>(args.in[dout]), static_cast<T*>(args.out[0])});
      };
      wide ? run(static_cast<const int64_t*>(args.in[ids])) : run(static_cast<const int32_t*>(args.in[ids]));
    });
  }
};

[[maybe_unused]] InferFn InferUnpool(int rank) {
  return [rank](InferContext& c) {
    const Shape &x = c.InputShape("X"), &indices = c.InputShape("Indices");
    SKIFF_ENFORCE(x.rank() == rank + 2 && indices.rank() == x.rank(), InvalidArgument, "X is ", x, ", Indices ", indices,
                  "; expected both [batch, channels, ", rank == 3 ? "depth, " : "", "height, width]");
    for (int i = 0; i < x.rank(); ++i) {
      SKIFF_ENFORCE(x[i] < 0 || indices[i] < 0 || x[i] == indices[i], InvalidArgument, "X is ", x, ", Indices ", indices,
                    "; they must be equal");
    }
    const auto size = c.Attr<std::vector<int32_t>>("output_size");
    SKIFF_ENFORCE(static_cast<int>(size.size()) == rank, InvalidArgument, "output_size has ", size.size(),
                  " numbers; expected the ", rank, " extents of Out");
    Shape out = x;
    for (int i = 0; i < rank; ++i) {
      SKIFF_ENFORCE(size[i] >= 0, InvalidArgument, "output_size has the negative number ", size[i]);
      out[2 + i] = size[i];
    }
    c.SetOutput("Out", out, c.InputDType("X"));
  };
}

}  // namespace

#define SKIFF_UNPOOL_ATTRS(zeros)                                                                        \
  .Attr("ksize", std::vector<int32_t>{}, "of the pooling; not read")                                     \
      .Attr("strides", std::vector<int32_t>{}, "of the pooling; not read")                               \
      .Attr("paddings", std::vector<int32_t> zeros, "of the pooling; not read")                          \
      .RequiredAttr<std::vector<int32_t>>("output_size", "(depth,) height and width of Out")             \
      .Attr("data_format", "NCHW", "channels come first")

#define SKIFF_UNPOOL(type, rank, zeros, ...)                                                    \
  SKIFF_OP(type)                                                                                \
      .Doc("Out[n, c, Indices[n, c, i]] = X[n, c, i], 0 elsewhere; positions count along the plane.") \
      .Source("paddle.nn.functional.max_" #type "; unpooling of max_pool with its Mask")        \
      .Input("X", "[batch, channels, (depth,) height, width]")                                  \
      .Input("Indices", "int32 or int64, shape of X: positions in a plane of Out")              \
      .Output("Out", "[batch, channels, output_size]")                                          \
      SKIFF_UNPOOL_ATTRS(zeros) __VA_ARGS__                                                     \
      .InferShape(InferUnpool(rank))                                                            \
      .Gradient(StandardGrad({"X", "Indices"}, {"Out"}, {"Out"}, {"X"}))                        \
      .Kernel<Unpool, float, double>();                                                         \
  SKIFF_OP(type##_grad)                                                                         \
      .Doc("X@GRAD = Out@GRAD at the positions that Indices names.")                            \
      .Input("X", "as in " #type)                                                               \
      .Input("Indices", "as in " #type)                                                         \
      .OptionalInput("Out", "as in " #type)                                                     \
      .Input("Out@GRAD", "as Out of " #type)                                                    \
      .Output("X@GRAD", "shape of X")                                                           \
      SKIFF_UNPOOL_ATTRS(zeros) __VA_ARGS__                                                     \
      .InferShape(GradsLikeInputs())                                                            \
      .Kernel<UnpoolGrad, float, double>()

SKIFF_UNPOOL(unpool, 2, ({0, 0}), .Attr("unpooling_type", "max", "max"));
SKIFF_UNPOOL(unpool3d, 3, ({0, 0, 0}));

}  // namespace skiff
