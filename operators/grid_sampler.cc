// Reading an image or a volume at given points: grid_sampler, and affine_grid, which makes such points.
#include "framework/op/op_schema.h"
#include "operators/kernel/add_to.h"
#include "operators/kernel/decided_ints.h"

namespace skiff {

namespace {

enum class Beyond { kZeros, kBorder, kReflection };

/// The arrays hold depth, height, width; an image has a depth of 1.
struct Sampling {
  int rank = 2;
  int64_t batch = 0, channels = 0, in[3] = {1, 1, 1};
  int64_t points = 0;  // of each image
  bool nearest = false, align_corners = true;
  Beyond beyond = Beyond::kZeros;

  SKIFF_HD int64_t Pixels() const { return in[0] * in[1] * in[2]; }
};

/// Where a point lies along one axis, in pixels, and how that varies with the grid's number.
template <typename T>
struct Coordinate {
  T at, slope;
};

template <typename T>
SKIFF_HD Coordinate<T> Locate(const Sampling& s, int axis, T value) {
  const T last = static_cast<T>(s.in[axis] - 1);
  const T at = s.align_corners ? (value + 1) * last / 2 : ((value + 1) * (last + 1) - 1) / 2;
  Coordinate<T> c{at, s.align_corners ? last / 2 : (last + 1) / 2};
  if (s.beyond == Beyond::kReflection) {
    const T shift = s.align_corners ? T(0) : T(0.5), period = 2 * (last + 2 * shift);
    const T distance = math::Abs(at + shift);
    const T extra = period > 0 ? distance - math::Floor(distance / period) * period : T(0);
    const bool back = extra > period - extra;
    c.at = (back ? period - extra : extra) - shift;
    if ((at + shift < 0) != back) c.slope = -c.slope;
  }
  if (s.beyond != Beyond::kZeros) {
    if (!(c.at >= 0 && c.at <= last)) c.slope = 0;
    c.at = c.at > 0 ? (c.at < last ? c.at : last) : T(0);
  }
  // Far outside, or no number; the nearest pixel of a volume is none where the point itself lies outside.
  const T margin = s.nearest && s.rank == 3 ? T(0) : T(1);
  if (!(c.at >= -margin && c.at <= last + margin)) c = {T(-2), T(0)};
  return c;
}

/// The pixels around a point with their weights; -1 for one outside.
template <typename T>
struct Corners {
  int count = 0;
  int64_t pixel[8];
  T weight[8];
  T slope[8][3];  // of the weight along each axis, by the grid's numbers

  SKIFF_HD Corners(const Sampling& s, const T* grid) {
    int64_t low[3] = {0, 0, 0};
    T high[3] = {0, 0, 0}, slopes[3] = {0, 0, 0};
    for (int axis = 3 - s.rank; axis < 3; ++axis) {
      const Coordinate<T> c = Locate(s, axis, grid[2 - axis]);
      const T floor = s.nearest ? math::Round(c.at) : math::Floor(c.at);
      low[axis] = static_cast<int64_t>(floor);
      high[axis] = s.nearest ? T(0) : c.at - floor;
      slopes[axis] = s.nearest ? T(0) : c.slope;
    }
    count = s.nearest ? 1 : 1 << s.rank;
    for (int k = 0; k < count; ++k) {
      weight[k] = 1;
      slope[k][0] = slope[k][1] = slope[k][2] = 1;
      pixel[k] = 0;
      for (int axis = 3 - s.rank; axis < 3; ++axis) {
        const int upper = k >> (axis - (3 - s.rank)) & 1;
        const int64_t at = low[axis] + upper;
        const bool inside = at >= 0 && at < s.in[axis];
        pixel[k] = inside && pixel[k] >= 0 ? pixel[k] * s.in[axis] + at : -1;
        const T share = upper ? high[axis] : 1 - high[axis];
        weight[k] *= share;
        for (int other = 0; other < 3; ++other) slope[k][other] *= other != axis ? share : upper ? slopes[axis] : -slopes[axis];
      }
    }
  }
};

template <typename T>
struct SamplePoint {
  Sampling s;
  const T *x, *grid;
  T* out;
  SKIFF_HD void operator()(int64_t k) const {
    const int64_t n = k / s.points, p = k % s.points;
    const Corners<T> corners(s, grid + k * s.rank);
    for (int64_t c = 0; c < s.channels; ++c) {
      const T* plane = x + (n * s.channels + c) * s.Pixels();
      T sum = 0;
      for (int i = 0; i < corners.count; ++i) {
        if (corners.pixel[i] >= 0) sum += corners.weight[i] * plane[corners.pixel[i]];
      }
      out[(n * s.channels + c) * s.points + p] = sum;
    }
  }
};

template <typename T>
struct SamplePointBack {
  Sampling s;
  const T *x, *grid, *out_grad;
  T *x_grad, *grid_grad;  // may be null
  SKIFF_HD void One(int64_t k) const {
    const int64_t n = k / s.points, p = k % s.points;
    const Corners<T> corners(s, grid + k * s.rank);
    T along[3] = {0, 0, 0};
    for (int64_t c = 0; c < s.channels; ++c) {
      const int64_t plane = (n * s.channels + c) * s.Pixels();
      const T g = out_grad[(n * s.channels + c) * s.points + p];
      for (int i = 0; i < corners.count; ++i) {
        if (corners.pixel[i] < 0) continue;
        if (x_grad != nullptr) AddTo(x_grad + plane + corners.pixel[i], static_cast<double>(corners.weight[i] * g));
        for (int axis = 0; axis < 3; ++axis) along[axis] += g * x[plane + corners.pixel[i]] * corners.slope[i][axis];
      }
    }
    if (grid_grad == nullptr) return;
    for (int axis = 3 - s.rank; axis < 3; ++axis) grid_grad[k * s.rank + 2 - axis] = along[axis];
  }
};

Sampling SamplingOf(const PrepareContext& c) {
  const Shape &x = c.Input("X").shape, &grid = c.Input("Grid").shape;
  Sampling s;
  s.rank = x.rank() - 2;
  s.batch = x[0];
  s.channels = x[1];
  for (int i = 0; i < s.rank; ++i) s.in[3 - s.rank + i] = x[2 + i];
  s.points = grid.Product(1, grid.rank() - 1);
  s.nearest = c.Attr<std::string>("mode") == "nearest";
  const auto beyond = c.Attr<std::string>("padding_mode");
  s.beyond = beyond == "zeros" ? Beyond::kZeros : beyond == "border" ? Beyond::kBorder : Beyond::kReflection;
  s.align_corners = c.Attr<bool>("align_corners");
  return s;
}

struct GridSample {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    return MakeKernel([s = SamplingOf(c), x = c.InputIndex("X"), grid = c.InputIndex("Grid")](const KernelArgs& args) {
      ForEach(s.batch * s.points, 64, args,
              SamplePoint<T>{s, static_cast<const T*>(args.in[x]), static_cast<const T*>(args.in[grid]),
                             static_cast<T*>(args.out[0])});
    });
  }
};

struct GridSampleGrad {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    const int dx = c.HasOutput("X@GRAD") ? c.OutputIndex("X@GRAD") : -1;
    const int dgrid = c.HasOutput("Grid@GRAD") ? c.OutputIndex("Grid@GRAD") : -1;
    return MakeKernel([=, s = SamplingOf(c), bytes = c.Input("X").shape.NumElements() * sizeof(T), x = c.InputIndex("X"),
                       grid = c.InputIndex("Grid"), dout = c.InputIndex("Output@GRAD")](const KernelArgs& args) {
      const auto out = [&](int index) { return index < 0 ? nullptr : static_cast<T*>(args.out[index]); };
      if (dx >= 0) FillZero(args.out[dx], bytes, args);
      ForEachInGroups(s.batch, s.points, args,
                      SamplePointBack<T>{s, static_cast<const T*>(args.in[x]), static_cast<const T*>(args.in[grid]),
                                         static_cast<const T*>(args.in[dout]), out(dx), out(dgrid)});
    });
  }
};

[[maybe_unused]] void InferGridSample(InferContext& c) {
  const Shape &x = c.InputShape("X"), &grid = c.InputShape("Grid");
  const int rank = x.rank() - 2;
  SKIFF_ENFORCE((rank == 2 || rank == 3) && grid.rank() == x.rank(), InvalidArgument, "X is ", x, ", Grid ", grid,
                "; expected [batch, channels, (depth,) height, width] and [batch, (depth,) height, width, ",
                "coordinates of a point]");
  SKIFF_ENFORCE(grid[rank + 1] < 0 || grid[rank + 1] == rank, InvalidArgument, "Grid is ", grid, "; its last axis holds ",
                rank, " coordinates, x first");
  SKIFF_ENFORCE(x[0] < 0 || grid[0] < 0 || x[0] == grid[0], InvalidArgument, "X is ", x, ", Grid ", grid,
                "; their batches must be equal");
  const auto mode = c.Attr<std::string>("mode"), beyond = c.Attr<std::string>("padding_mode");
  SKIFF_ENFORCE(mode == "bilinear" || mode == "nearest", InvalidArgument, "mode is \"", mode,
                "\"; expected bilinear or nearest");
  SKIFF_ENFORCE(beyond == "zeros" || beyond == "border" || beyond == "reflection", InvalidArgument, "padding_mode is \"",
                beyond, "\"; expected zeros, border or reflection");
  SKIFF_ENFORCE(!c.at_runtime() || x.Product(2, x.rank()) > 0 || grid.NumElements() == 0, InvalidArgument, "X is ", x,
                " and has no pixels");
  std::vector<int64_t> out{x[0] < 0 ? grid[0] : x[0], x[1]};
  for (int i = 1; i <= rank; ++i) out.push_back(grid[i]);
  c.SetOutput("Output", Shape(out), c.InputDType("X"));
}

// ---- affine_grid: the points of a regular grid under an affine map ----------------------------------------

struct RegularGrid {
  int rank = 2;
  int64_t batch = 0, out[3] = {1, 1, 1};
  bool align_corners = true;

  SKIFF_HD int64_t Points() const { return out[0] * out[1] * out[2]; }
  // Coordinate k of point p: x, y, (z,) then 1.
  SKIFF_HD double Coordinate(int64_t p, int k) const {
    if (k == rank) return 1;
    const int axis = 2 - k;
    const int64_t i = axis == 2 ? p % out[2] : axis == 1 ? p / out[2] % out[1] : p / out[2] / out[1];
    const auto n = static_cast<double>(out[axis]), at = static_cast<double>(i);
    if (align_corners) return n > 1 ? 2 * at / (n - 1) - 1 : -1;
    return (2 * at + 1) / n - 1;
  }
};

template <typename T>
struct AffinePoint {  // i is a number of the output
  RegularGrid g;
  const T* theta;
  T* out;
  SKIFF_HD void operator()(int64_t i) const {
    const int64_t row = i % g.rank, p = i / g.rank % g.Points(), n = i / g.rank / g.Points();
    const T* line = theta + (n * g.rank + row) * (g.rank + 1);
    double sum = 0;
    for (int k = 0; k <= g.rank; ++k) sum += static_cast<double>(line[k]) * g.Coordinate(p, k);
    out[i] = static_cast<T>(sum);
  }
};

template <typename T>
struct AffinePointBack {  // i is a number of Theta@GRAD
  RegularGrid g;
  const T* out_grad;
  T* theta_grad;
  SKIFF_HD void operator()(int64_t i) const {
    const int k = static_cast<int>(i % (g.rank + 1));
    const int64_t row = i / (g.rank + 1) % g.rank, n = i / (g.rank + 1) / g.rank;
    double sum = 0;
    for (int64_t p = 0; p < g.Points(); ++p) {
      sum += static_cast<double>(out_grad[(n * g.Points() + p) * g.rank + row]) * g.Coordinate(p, k);
    }
    theta_grad[i] = static_cast<T>(sum);
  }
};

RegularGrid RegularGridOf(const PrepareContext& c, const Shape& points) {
  RegularGrid g;
  g.rank = points.rank() - 2;
  g.batch = points[0];
  for (int i = 0; i < g.rank; ++i) g.out[3 - g.rank + i] = points[1 + i];
  g.align_corners = c.Attr<bool>("align_corners");
  return g;
}

struct AffineGrid {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    const Shape& out = c.Output("Output").shape;
    return MakeKernel([g = RegularGridOf(c, out), n = out.NumElements(), theta = c.InputIndex("Theta")](const KernelArgs& args) {
      ForEach(n, 256, args, AffinePoint<T>{g, static_cast<const T*>(args.in[theta]), static_cast<T*>(args.out[0])});
    });
  }
};

struct AffineGridGrad {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    const RegularGrid g = RegularGridOf(c, c.Input("Output@GRAD").shape);
    return MakeKernel([g, dout = c.InputIndex("Output@GRAD")](const KernelArgs& args) {
      ForEach(g.batch * g.rank * (g.rank + 1), 1, args,
              AffinePointBack<T>{g, static_cast<const T*>(args.in[dout]), static_cast<T*>(args.out[0])});
    });
  }
};

[[maybe_unused]] void InferAffineGrid(InferContext& c) {
  const Shape& theta = c.InputShape("Theta");
  const MaybeInts size = DecidedInts(c, "", "OutputShape", "output_shape");
  const int rank = static_cast<int>(size.size()) - 2;
  SKIFF_ENFORCE(rank == 2 || rank == 3, InvalidArgument, "output_shape has ", size.size(),
                " numbers; expected [batch, channels, (depth,) height, width]");
  SKIFF_ENFORCE(theta.rank() == 3 && (theta[1] < 0 || theta[1] == rank) && (theta[2] < 0 || theta[2] == rank + 1),
                InvalidArgument, "Theta is ", theta, "; for an output_shape of ", size.size(), " numbers expected [batch, ",
                rank, ", ", rank + 1, "]");
  std::vector<int64_t> out{theta[0]};
  for (int i = 0; i < rank; ++i) {
    const int64_t extent = size[2 + i].value_or(-1);
    SKIFF_ENFORCE(extent > 0 || !size[2 + i] || !c.at_runtime(), InvalidArgument, "output_shape has the extent ", extent,
                  "; it must be positive");
    out.push_back(extent);
  }
  out.push_back(rank);
  c.SetOutput("Output", Shape(out), c.InputDType("Theta"));
}

}  // namespace

SKIFF_OP(grid_sampler)
    .Doc("Output[n, c, p] = X[n, c] at the point Grid[n, p], whose coordinates run from -1 to 1, x first.")
    .Source("Jaderberg et al., Spatial transformer networks, 2015; paddle.nn.functional.grid_sample")
    .Input("X", "[batch, channels, (depth,) height, width]")
    .Input("Grid", "[batch, (depth,) height, width, 2 or 3]: points")
    .Output("Output", "[batch, channels] and the extents of Grid")
    .Attr("mode", "bilinear", "bilinear or nearest")
    .Attr("padding_mode", "zeros", "what lies outside: zeros, border (the nearest pixel) or reflection")
    .Attr("align_corners", true, "-1 and 1 are the centres of the outermost pixels, not their edges")
    .SameDType({"X", "Grid"})
    .InferShape(InferGridSample)
    .Gradient(StandardGrad({"X", "Grid"}, {}, {"Output"}, {"X", "Grid"}))
    .Kernel<GridSample, float, double>();

SKIFF_OP(grid_sampler_grad)
    .Doc("The gradients of grid_sampler; nearest gives none to Grid.")
    .Input("X", "as in grid_sampler")
    .Input("Grid", "as in grid_sampler")
    .Input("Output@GRAD", "as Output of grid_sampler")
    .OptionalOutput("X@GRAD", "shape of X")
    .OptionalOutput("Grid@GRAD", "shape of Grid")
    .Attr("mode", "bilinear", "as in grid_sampler")
    .Attr("padding_mode", "zeros", "as in grid_sampler")
    .Attr("align_corners", true, "as in grid_sampler")
    .InferShape(GradsLikeInputs())
    .Kernel<GridSampleGrad, float, double>();

SKIFF_OP(affine_grid)
    .Doc("Output[n, p] = Theta[n] (x, y, (z,) 1) for the points p of a regular grid from -1 to 1.")
    .Source("Jaderberg et al., Spatial transformer networks, 2015; paddle.nn.functional.affine_grid")
    .Input("Theta", "[batch, 2, 3] or [batch, 3, 4]: affine maps")
    .HostInput("OutputShape", "output_shape as a variable")
    .Output("Output", "[batch, (depth,) height, width, 2 or 3]")
    .Attr("output_shape", std::vector<int32_t>{}, "of the image to be sampled: [batch, channels, (depth,) height, width]")
    .Attr("align_corners", true, "-1 and 1 are the centres of the outermost pixels, not their edges")
    .InferShape(InferAffineGrid)
    .Gradient(StandardGrad({"OutputShape"}, {}, {"Output"}, {"Theta"}))
    .Kernel<AffineGrid, float, double>();

SKIFF_OP(affine_grid_grad)
    .Doc("Theta@GRAD = the sum of Output@GRAD (x, y, (z,) 1) over the points.")
    .Input("Output@GRAD", "as Output of affine_grid")
    .HostInput("OutputShape", "as in affine_grid")
    .Output("Theta@GRAD", "[batch, 2, 3] or [batch, 3, 4]")
    .Attr("output_shape", std::vector<int32_t>{}, "as in affine_grid")
    .Attr("align_corners", true, "as in affine_grid")
    .InferShape([](InferContext& c) {
      const TensorMeta& out = c.Input("Output@GRAD");
      const int64_t rank = out.shape.rank() - 2;
      SKIFF_ENFORCE((rank == 2 || rank == 3) && out.shape[out.shape.rank() - 1] == rank, InvalidArgument, "Output@GRAD is ", out.shape,
                    "; expected [batch, (depth,) height, width, 2 or 3]");
      c.SetOutput("Theta@GRAD", Shape{out.shape[0], rank, rank + 1}, out.dtype);
    })
    .Kernel<AffineGridGrad, float, double>();

}  // namespace skiff
