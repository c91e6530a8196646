// Draws from rows of scores: gumbel_softmax, sampling_id.
#include "operators/kernel/for_each.h"
#include "operators/kernel/random.h"
#include "operators/kernel/rowwise.h"
#include "operators/kernel/unary.h"

namespace skiff {
namespace {

struct NoisySoftmax {
  uint64_t key;
  float temperature;
  bool hard;
  template <typename Row>
  SKIFF_HD void operator()(const Row& row) const {
    const auto x = row.In(0);
    const auto y = row.Out(0);
    using V = std::decay_t<decltype(x[0])>;
    const uint64_t seed = key;
    const V inverse = V(1) / V(temperature);
    const int64_t first = row.index * row.n;
    row.Each([=](int64_t i) {  // Gumbel noise: -log(-log(uniform))
      const double uniform = UniformOpen(RandomWord(seed, first + i));
      y.Set(i, (x[i] - static_cast<V>(log(-log(uniform)))) * inverse);
    });
    row.Wait();
    const auto max = row.Max([=](int64_t i) { return y.Get(i); });
    if (hard) {
      row.Each([=](int64_t i) { y.Set(i, math::Select(y.Get(i) == max, V(1), V(0))); });
      return;
    }
    const auto sum = row.Sum([=](int64_t i) { return math::Exp(y.Get(i) - max); });
    row.Each([=](int64_t i) { y.Set(i, math::Exp(y.Get(i) - max) / sum); });
  }
};

struct NoisySoftmaxGrad {
  float temperature;
  template <typename Row>
  SKIFF_HD void operator()(const Row& row) const {
    const auto y = row.In(0), dy = row.In(1);
    const auto dx = row.Out(0);
    const auto dot = row.Sum([=](int64_t i) { return y[i] * dy[i]; });
    row.Each([=](int64_t i) { dx.Set(i, (dy[i] - dot) * y[i]); });
  }
};

struct GumbelSoftmax {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    using C = Compute<T>;
    const Shape x = c.Input("X").shape.rank() == 0 ? Shape{1} : c.Input("X").shape;
    RowPlan plan(kDTypeOf<C>, x, NormalizeAxis(c.Attr<int64_t>("axis"), x.rank()));
    plan.AddIn(c, "X", RowKind::kRow);
    plan.AddOut(c, "Out", RowKind::kRow);
    NoisySoftmax f{0, c.Attr<float>("temperature"), c.Attr<bool>("hard")};
    return MakeKernel([f, plan](const KernelArgs& args) {
      NoisySoftmax run = f;
      run.key = args.seed;
      RunRowWise<C>(run, plan, args.in, args.out, args);
    });
  }
};

struct GumbelSoftmaxGrad {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    using C = Compute<T>;
    const Shape x = c.Input("Out").shape.rank() == 0 ? Shape{1} : c.Input("Out").shape;
    RowPlan plan(kDTypeOf<C>, x, NormalizeAxis(c.Attr<int64_t>("axis"), x.rank()));
    plan.AddIn(c, "Out", RowKind::kRow);
    plan.AddIn(c, "Out@GRAD", RowKind::kRow);
    plan.AddOut(c, "X@GRAD", RowKind::kRow);
    return MakeRowKernel<C>(NoisySoftmaxGrad{c.Attr<float>("temperature")}, plan);
  }
};

SKIFF_OP(gumbel_softmax)
    .Doc("Out = softmax((X + Gumbel noise) / temperature) along axis; with hard 1 at its largest, 0 elsewhere.")
    .Source("Jang et al., Categorical reparameterization, 2017; paddle.nn.functional.gumbel_softmax")
    .Input("X", "any shape, floating")
    .Output("Out", "shape of X")
    .Attr("temperature", 1.0f, "positive")
    .Attr("hard", false, "Out is one-hot")
    .Attr("axis", -1, "negative from the end")
    .InferShape([](InferContext& c) {
      OutLike("X")(c);
      SKIFF_ENFORCE(c.Attr<float>("temperature") > 0, InvalidArgument, "temperature is ", c.Attr<float>("temperature"),
                    "; it must be positive");
      if (c.InputShape("X").rank() > 0) NormalizeAxis(c.Attr<int64_t>("axis"), c.InputShape("X").rank());
    })
    .Random()
    .Gradient(FromOut())
    .Kernel<GumbelSoftmax, SKIFF_FLOATS>();

SKIFF_OP(gumbel_softmax_grad)
    .Doc("X@GRAD = (Out@GRAD - sum(Out Out@GRAD)) Out, as Paddle has it: without the temperature.")
    .Input("Out", "of gumbel_softmax")
    .Input("Out@GRAD", "shape of X")
    .Output("X@GRAD", "shape of X")
    .Attr("temperature", 1.0f, "not read")
    .Attr("hard", false, "not read")
    .Attr("axis", -1, "as in gumbel_softmax")
    .InferShape(Like("X@GRAD", "Out"))
    .Kernel<GumbelSoftmaxGrad, SKIFF_FLOATS>();

// ---- sampling_id -----------------------------------------------------------------------------------------------

/// The first column at which the running sum of the row passes a uniform number.
template <typename T>
struct DrawColumn {
  uint64_t key;
  double low, high;
  int64_t columns;
  const T* x;
  int64_t* out;
  SKIFF_HD void operator()(int64_t i) const {
    double left = low + (high - low) * static_cast<double>(RandomUniform(key, i));
    int64_t column = 0;
    for (; column + 1 < columns; ++column) {
      left -= static_cast<double>(x[i * columns + column]);
      if (left < 0) break;
    }
    out[i] = column;
  }
};

struct SamplingId {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    const Shape& x = c.Input("X").shape;
    return MakeKernel([rows = x[0], columns = x[1], low = c.Attr<float>("min"), high = c.Attr<float>("max"),
                       seed = c.Attr<int32_t>("seed")](const KernelArgs& args) {
      const uint64_t key = MixSeeds(seed != 0 ? 0 : args.seed, static_cast<uint64_t>(seed));
      ForEach(rows, 256, args, DrawColumn<T>{key, low, high, columns, static_cast<const T*>(args.in[0]), static_cast<int64_t*>(args.out[0])});
    });
  }
};

SKIFF_OP(sampling_id)
    .Doc("Out = for each row of probabilities a column drawn by them.")
    .Source("fluid.layers.sampling_id; the numbers are Philox's")
    .Input("X", "[rows, columns]: probabilities")
    .Output("Out", "int64, [rows]")
    .Attr("min", 0.0f, "lower bound of the uniform number")
    .Attr("max", 1.0f, "upper bound of the uniform number")
    .Attr("seed", 0, "0: the run's seed")
    .InferShape([](InferContext& c) {
      const Shape& x = c.InputShape("X");
      SKIFF_ENFORCE(x.rank() == 2 && x[1] != 0, InvalidArgument, "X is ", x, "; expected [rows, columns]");
      c.SetOutput("Out", Shape{x[0]}, DType::kInt64);
    })
    .Random()
    .Kernel<SamplingId, float, double>();

}  // namespace
}  // namespace skiff
