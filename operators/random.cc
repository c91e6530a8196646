// Random tensors whose shape or parameters come from an input, and whole numbers. Element i depends on the
// run's seed and i alone: any count of threads, and a card, draw the same.
#include "framework/op/op_schema.h"
#include "operators/kernel/decided_ints.h"
#include "operators/kernel/for_each.h"
#include "operators/kernel/generate.h"
#include "operators/kernel/rows.h"
#include "operators/kernel/unary.h"
#include "operators/random_numbers.h"

namespace skiff {

namespace {

[[maybe_unused]] void InferRandInt(InferContext& c) {
  const int64_t low = c.Attr<int64_t>("low"), high = c.Attr<int64_t>("high");
  SKIFF_ENFORCE(low < high, InvalidArgument, "attributes low and high are ", low, " and ", high,
                "; low must be less than high");
  Shape shape;
  for (const auto& dim : DecidedInts(c, "ShapeTensorList", "ShapeTensor", "shape")) {
    SKIFF_ENFORCE(!dim || *dim >= (c.at_runtime() ? 0 : -1), InvalidArgument, "shape has the extent ", *dim,
                  "; extents must not be negative");
    shape.Append(dim ? *dim : -1);
  }
  c.SetOutput("Out", shape, DTypeAttr(c));
}

struct RandInt : Seeded {
  explicit RandInt(const Attrs& attrs)
      : Seeded(attrs), low(attrs.Get<int64_t>("low")),
        range(static_cast<uint64_t>(attrs.Get<int64_t>("high")) - static_cast<uint64_t>(attrs.Get<int64_t>("low"))) {}
  template <typename V>
  SKIFF_HD V At(int64_t i, uint64_t seed) const {
    return static_cast<V>(low + static_cast<int64_t>((RandomWord(Key(seed), i) * range) >> 32));
  }
  int64_t low;
  uint64_t range;  // both attributes are 32-bit: at most 2^32
};

/// Out[i] is drawn by functor Draw from the parameter X[i].
template <typename T, typename Draw>
struct DrawEach {
  Draw draw;
  uint64_t seed;
  const T* x;
  T* out;
  SKIFF_HD void operator()(int64_t i) const {
    out[i] = StoreElement<T>(static_cast<Compute<T>>(draw(LoadElement(x[i]), i, seed)));
  }
};

template <typename Draw>
struct DrawFromX {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    return MakeKernel([draw = MakeFunctor<Draw>(c), n = c.Input("X").shape.NumElements(), x = c.InputIndex("X"),
                       out = c.OutputIndex("Out")](const KernelArgs& args) {
      const T* from = static_cast<const T*>(args.in[x]);
      if constexpr (std::is_same_v<Device, CpuDevice>) {
        for (int64_t i = 0; i < n; ++i) Draw::Check(static_cast<double>(LoadElement(from[i])));
      }
      ForEach(n, kElementGrain / 16, args, DrawEach<T, Draw>{draw, MixSeeds(args.seed, 0), from, static_cast<T*>(args.out[out])});
    });
  }
};

struct Bernoulli {
  static void Check(double p) {
    SKIFF_ENFORCE(p >= 0 && p <= 1, OutOfRange, "X holds ", p, "; a probability must be in [0, 1]");
  }
  SKIFF_HD double operator()(double p, int64_t i, uint64_t seed) const { return RandomUniform(seed, i) < p ? 1 : 0; }
};

struct Poisson {
  static void Check(double) {}
  /// A mean that is not positive gives 0, as in Paddle. Small means: D. Knuth's product of uniform numbers.
  /// Large ones: W. Hoermann, "The transformed rejection method for generating Poisson random variables",
  /// 1993, algorithm PTRS.
  SKIFF_HD double operator()(double mean, int64_t i, uint64_t seed) const {
    if (!(mean > 0)) return 0;
    const uint64_t key = MixSeeds(seed, static_cast<uint64_t>(i));
    if (mean < 10) {
      const double floor = math::Exp(-mean);
      double product = 1;
      int64_t k = -1;
      do {
        product *= UniformOpen(RandomWord(key, ++k));
      } while (product > floor && k < 1000);
      return static_cast<double>(k);
    }
    if (mean > 1e15) return mean;  // its spread is below what the dtype resolves
    const double root = math::Sqrt(mean), b = 0.931 + 2.53 * root, a = -0.059 + 0.02483 * b;
    const double inverse_alpha = 1.1239 + 1.1328 / (b - 3.4), v_r = 0.9277 - 3.6224 / (b - 2);
    for (int64_t attempt = 0; attempt < 1000; ++attempt) {  // each is accepted with 0.9
      const RandomWords words = Philox(key, static_cast<uint64_t>(attempt));
      const double u = UniformOpen(words.word[0]) - 0.5, v = UniformOpen(words.word[1]);
      const double us = 0.5 - math::Abs(u);
      const double k = math::Floor((2 * a / us + b) * u + mean + 0.43);
      if (us >= 0.07 && v <= v_r) return k;
      if (k < 0 || (us < 0.013 && v > us)) continue;
      if (math::Log(v * inverse_alpha / (a / (us * us) + b)) <= k * math::Log(mean) - mean - lgamma(k + 1)) return k;
    }
    return math::Floor(mean);
  }
};

struct Exponential {
  explicit Exponential(const Attrs& attrs) : rate(attrs.Get<float>("lambda")) {
    SKIFF_ENFORCE(rate > 0, InvalidArgument, "attribute lambda is ", rate, "; it must be positive");
  }
  template <typename V>
  SKIFF_HD V At(int64_t i, uint64_t seed) const {
    return static_cast<V>(-math::Log(UniformOpen(RandomWord(MixSeeds(seed, 0), i))) / rate);
  }
  float rate;
};

/// A Gamma(shape, 1) number: G. Marsaglia and W. Tsang, "A simple method for generating gamma variables",
/// 2000; below a shape of 1 by a power of a uniform number.
SKIFF_HD inline double RandomGamma(double shape, uint64_t key) {
  const double boosted = shape < 1 ? shape + 1 : shape;
  const double d = boosted - 1.0 / 3, c = 1 / math::Sqrt(9 * d);
  double gamma = d;
  for (int64_t attempt = 0; attempt < 1000; ++attempt) {
    const double x = RandomNormal(key, 2 * attempt), t = 1 + c * x, v = t * t * t;
    if (v <= 0) continue;
    const double u = UniformOpen(RandomWord(MixSeeds(key, 1), attempt));
    if (math::Log(u) < 0.5 * x * x + d - d * v + d * math::Log(v)) {
      gamma = d * v;
      break;
    }
  }
  return shape < 1 ? gamma * math::Pow(UniformOpen(RandomWord(MixSeeds(key, 2), 0)), 1 / shape) : gamma;
}

template <typename T>
struct DirichletRow {
  int64_t extent;
  uint64_t seed;
  const T* alpha;
  T* out;
  SKIFF_HD void operator()(int64_t row) const {
    double sum = 0;
    for (int64_t i = row * extent; i < (row + 1) * extent; ++i) {
      sum += RandomGamma(static_cast<double>(LoadElement(alpha[i])), MixSeeds(seed, static_cast<uint64_t>(i)));
    }
    for (int64_t i = row * extent; i < (row + 1) * extent; ++i) {  // drawn again: the same number
      const double gamma =
          RandomGamma(static_cast<double>(LoadElement(alpha[i])), MixSeeds(seed, static_cast<uint64_t>(i)));
      out[i] = StoreElement<T>(static_cast<Compute<T>>(gamma / sum));
    }
  }
};

struct Dirichlet {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    const Shape& shape = c.Input("Alpha").shape;
    const int64_t extent = shape[shape.rank() - 1], n = shape.NumElements();
    return MakeKernel([=, alpha = c.InputIndex("Alpha"), out = c.OutputIndex("Out")](const KernelArgs& args) {
      if (n == 0) return;
      const T* from = static_cast<const T*>(args.in[alpha]);
      if constexpr (std::is_same_v<Device, CpuDevice>) {
        for (int64_t i = 0; i < n; ++i) {
          SKIFF_ENFORCE(LoadElement(from[i]) > 0, OutOfRange, "Alpha holds ", LoadElement(from[i]), "; it must be positive");
        }
      }
      ForEach(n / extent, 16, args, DirichletRow<T>{extent, MixSeeds(args.seed, 0), from, static_cast<T*>(args.out[out])});
    });
  }
};

/// The output of a random operator does not vary with its input.
struct NoSlope {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    const size_t bytes = c.outputs.at(0).shape.NumElements() * SizeOf(c.outputs.at(0).dtype);
    return MakeKernel([bytes](const KernelArgs& args) { FillZero(args.out[0], bytes, args); });
  }
};

}  // namespace

SKIFF_OP(randint)
    .Doc("Out holds whole numbers in [low, high), all alike probable.")
    .Source("paddle.randint; the numbers are Philox's")
    .HostInput("ShapeTensor", "the shape as one integer tensor")
    .HostInputs("ShapeTensorList", "the shape as one-element tensors; goes before ShapeTensor")
    .Output("Out", "the shape given, attribute dtype")
    .Attr("shape", std::vector<int64_t>{}, "extents")
    .RequiredAttr<int32_t>("low", "least number")
    .RequiredAttr<int32_t>("high", "number behind the largest")
    .Attr("dtype", 3, "code of Out's dtype")
    .Attr("seed", 0, "0: the run's seed")
    .InferShape(InferRandInt)
    .Random()
    .KeyedBy("Out")
    .Kernel<Generate<RandInt>, int32_t, int64_t, float, double>();

SKIFF_OP(uniform_random_batch_size_like)
    .Doc("Out is uniform in [min, max); one of its extents is that of Input.")
    .Source("names and defaults of Paddle's uniform_random_batch_size_like; the numbers are Philox's")
    .Input("Input", "only one extent matters")
    .Output("Out", "attribute shape, with extent output_dim_idx from Input")
    .RequiredAttr<std::vector<int32_t>>("shape", "extents")
    .Attr("input_dim_idx", 0, "extent of Input that is taken")
    .Attr("output_dim_idx", 0, "extent of Out that it becomes")
    .Attr("min", -1.0f, "lower bound")
    .Attr("max", 1.0f, "upper bound")
    .Attr("seed", 0, "0: the run's seed")
    .Attr("diag_num", 0, "count of elements on the diagonal that get diag_val")
    .Attr("diag_step", 0, "elements between two of them")
    .Attr("diag_val", 1.0f, "their value")
    .Attr("dtype", 5, "code of Out's dtype")
    .ZeroGradient()
    .InferShape(InferBatchSizeLike)
    .Random()
    .KeyedBy("Out")
    .Kernel<Generate<Uniform>, SKIFF_FLOATS>();

SKIFF_OP(uniform_random_inplace)
    .Doc("Out is uniform in [min, max).")
    .Source("paddle.Tensor.uniform_; the numbers are Philox's")
    .Input("X", "only its shape and dtype matter")
    .Output("Out", "shape and dtype of X")
    .Attr("min", -1.0f, "lower bound")
    .Attr("max", 1.0f, "upper bound")
    .Attr("seed", 0, "0: the run's seed")
    .Attr("diag_num", 0, "count of elements on the diagonal that get diag_val")
    .Attr("diag_step", 0, "elements between two of them")
    .Attr("diag_val", 1.0f, "their value")
    .InferShape(Like("Out", "X"))
    .Inplace("X", "Out")
    .Random()
    .Gradient(StandardGrad({}, {}, {"Out"}, {"X"}))
    .Kernel<Generate<Uniform>, SKIFF_FLOATS>();

SKIFF_OP(uniform_random_inplace_grad)
    .Doc("X@GRAD is zero.")
    .Input("Out@GRAD", "shape of X")
    .Output("X@GRAD", "shape of X")
    .InferShape(Like("X@GRAD", "Out@GRAD"))
    .Kernel<NoSlope, SKIFF_FLOATS>();

SKIFF_OP(gaussian_inplace)
    .Doc("out is normal.")
    .Source("paddle.Tensor.normal_; the numbers are Philox's")
    .Input("x", "only its shape and dtype matter")
    .Output("out", "shape and dtype of x")
    .Attr("mean", 0.0f, "expected value")
    .Attr("std", 1.0f, "standard deviation")
    .Attr("seed", 0, "0: the run's seed")
    .InferShape(Like("out", "x"))
    .Inplace("x", "out")
    .Random()
    .Gradient(StandardGrad({}, {}, {"out"}, {"x"}))
    .Kernel<Generate<Gaussian>, SKIFF_FLOATS>();

SKIFF_OP(gaussian_inplace_grad)
    .Doc("x@GRAD is zero.")
    .Input("out@GRAD", "shape of x")
    .Output("x@GRAD", "shape of x")
    .InferShape(Like("x@GRAD", "out@GRAD"))
    .Kernel<NoSlope, SKIFF_FLOATS>();

SKIFF_OP(exponential)
    .Doc("Out is exponential with rate lambda.")
    .Source("paddle.Tensor.exponential_; the numbers are Philox's")
    .Input("X", "only its shape and dtype matter")
    .Output("Out", "shape and dtype of X")
    .RequiredAttr<float>("lambda", "the rate: 1 / the expected value")
    .InferShape(Like("Out", "X"))
    .Inplace("X", "Out")
    .Random()
    .ZeroGradient()
    .Kernel<Generate<Exponential>, SKIFF_FLOATS>();

SKIFF_OP(bernoulli)
    .Doc("Out is 1 with probability X, else 0.")
    .Source("paddle.bernoulli; the numbers are Philox's")
    .Input("X", "in [0, 1]")
    .Output("Out", "shape and dtype of X")
    .InferShape(OutLike("X"))
    .Random()
    .ZeroGradient()
    .Kernel<DrawFromX<Bernoulli>, SKIFF_FLOATS>();

SKIFF_OP(poisson)
    .Doc("Out has the Poisson distribution of mean X.")
    .Source("paddle.poisson; the numbers are Philox's")
    .Input("X", "means; where not positive Out is 0")
    .Output("Out", "shape and dtype of X")
    .InferShape(OutLike("X"))
    .Random()
    .Gradient(StandardGrad({}, {}, {"Out"}, {"X"}))
    .Kernel<DrawFromX<Poisson>, SKIFF_FLOATS>();

SKIFF_OP(poisson_grad)
    .Doc("X@GRAD is zero.")
    .Input("Out@GRAD", "shape of X")
    .Output("X@GRAD", "shape of X")
    .InferShape(Like("X@GRAD", "Out@GRAD"))
    .Kernel<NoSlope, SKIFF_FLOATS>();

SKIFF_OP(dirichlet)
    .Doc("Each row of Out has the Dirichlet distribution of its row of Alpha.")
    .Source("paddle.distribution.Dirichlet; the numbers are Philox's")
    .Input("Alpha", "at least one axis, positive")
    .Output("Out", "shape and dtype of Alpha; rows add up to 1")
    .InferShape([](InferContext& c) {
      SKIFF_ENFORCE(c.InputShape("Alpha").rank() > 0, InvalidArgument, "Alpha is 0-D; it must have an axis");
      c.SetOutput("Out", TensorMeta(c.Input("Alpha")));
    })
    .Random()
    .ZeroGradient()
    .Kernel<Dirichlet, SKIFF_FLOATS>();

}  // namespace skiff
