// Second and third gradients of functions of one tensor: log, sqrt, rsqrt, square, abs, sin, cos, pow. Names
// of operands as in activation_second.cc.
#include "operators/kernel/second_grad.h"

namespace skiff {
namespace {

struct LogGradGrad {
  template <typename V>
  SKIFF_HD Two<V> operator()(V x, V dout, V ddx) const { return {-dout * ddx / (x * x), ddx / x}; }
};

struct SqrtGradGrad {
  template <typename V>
  SKIFF_HD Two<V> operator()(V out, V dx, V ddx) const { return {-dx * ddx / out, V(0.5) * ddx / out}; }
};

struct RsqrtGradGrad {
  template <typename V>
  SKIFF_HD Two<V> operator()(V out, V dx, V ddx) const {
    return {V(3) * dx * ddx / out, V(-0.5) * ddx * out * out * out};
  }
};

struct SquareGradGrad {
  template <typename V>
  SKIFF_HD Two<V> operator()(V x, V dout, V ddx) const { return {V(2) * dout * ddx, V(2) * x * ddx}; }
};

struct AbsGradGrad {
  template <typename V>
  SKIFF_HD V operator()(V x, V ddx) const { return ddx * math::Sign(x); }
};

struct SinGradGrad {
  template <typename V>
  SKIFF_HD Two<V> operator()(V x, V dout, V ddx) const {
    return {-math::Sin(x) * dout * ddx, math::Cos(x) * ddx};
  }
};

struct CosGradGrad {
  template <typename V>
  SKIFF_HD Two<V> operator()(V x, V dout, V ddx) const {
    return {-math::Cos(x) * dout * ddx, -math::Sin(x) * ddx};
  }
};

// Third gradients: a is the gradient of the second one's X@GRAD, b that of its gradient of Out@GRAD.
struct SinThirdX {
  template <typename V>
  SKIFF_HD V operator()(V x, V dout, V ddx, V a, V b) const {
    return -ddx * (a * math::Cos(x) * dout + b * math::Sin(x));
  }
};
struct SinThirdDout {
  template <typename V>
  SKIFF_HD V operator()(V x, V ddx, V a) const { return -a * math::Sin(x) * ddx; }
};
struct SinThirdDdx {
  template <typename V>
  SKIFF_HD V operator()(V x, V dout, V a, V b) const { return b * math::Cos(x) - a * math::Sin(x) * dout; }
};
struct CosThirdX {
  template <typename V>
  SKIFF_HD V operator()(V x, V dout, V ddx, V a, V b) const {
    return ddx * (a * math::Sin(x) * dout - b * math::Cos(x));
  }
};
struct CosThirdDout {
  template <typename V>
  SKIFF_HD V operator()(V x, V ddx, V a) const { return -a * math::Cos(x) * ddx; }
};
struct CosThirdDdx {
  template <typename V>
  SKIFF_HD V operator()(V x, V dout, V a, V b) const { return -b * math::Sin(x) - a * math::Cos(x) * dout; }
};

template <typename X, typename Dout, typename Ddx>
struct WaveThird {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    return EachOutput<Compute<T>>(c, c.Input("X").shape)
        .Add("X@GRAD", X{}, {"X", "grad_out_forward", "grad_x_grad_forward", "grad_x@GRAD", "grad_out_grad@GRAD"})
        .Add("grad_out_forward@GRAD", Dout{}, {"X", "grad_x_grad_forward", "grad_x@GRAD"})
        .Add("grad_x_grad_forward@GRAD", Ddx{}, {"X", "grad_out_forward", "grad_x@GRAD", "grad_out_grad@GRAD"})
        .Make();
  }
};

/// The k-th derivative of x^factor; 0 where its coefficient is, also at x = 0.
template <int k, typename V>
SKIFF_HD V PowDerivative(V x, V factor) {
  V coefficient = factor;
  for (int i = 1; i < k; ++i) coefficient = coefficient * (factor - V(i));
  return math::Select(coefficient == V(0), V(0), coefficient * math::Pow(x, factor - V(k)));
}

struct PowSecondX {
  template <typename V>
  SKIFF_HD V operator()(V x, V factor, V dout, V ddx) const { return dout * ddx * PowDerivative<2>(x, factor); }
};
struct PowSecondDout {
  template <typename V>
  SKIFF_HD V operator()(V x, V factor, V ddx) const { return ddx * PowDerivative<1>(x, factor); }
};
struct PowThirdX {
  template <typename V>
  SKIFF_HD V operator()(V x, V factor, V dout, V ddx, V a, V b) const {
    return ddx * (a * dout * PowDerivative<3>(x, factor) + b * PowDerivative<2>(x, factor));
  }
};
struct PowThirdDdx {
  template <typename V>
  SKIFF_HD V operator()(V x, V factor, V dout, V a, V b) const {
    return a * dout * PowDerivative<2>(x, factor) + b * PowDerivative<1>(x, factor);
  }
};

/// F with the factor of the attribute in the place of its second operand.
template <typename F>
struct WithFactor {
  template <typename V, typename... Rest>
    requires(std::is_invocable_v<F, V, V, Rest...>)
  SKIFF_HD V operator()(V x, Rest... rest) const { return F{}(x, V(factor), rest...); }
  float factor;
};

/// Outputs of pow's second and third gradients: the factor comes from FactorTensor where that is given.
template <typename C>
class PowOutputs {
 public:
  explicit PowOutputs(PrepareContext& c)
      : outputs_(c, c.Input("X").shape), given_(c.HasInput("FactorTensor")), factor_(c.Attr<float>("factor")) {}

  template <typename F, typename... Slots>
  PowOutputs& Add(const char* slot, const F& f, const char* x, Slots... others) {
    if (given_) outputs_.Add(slot, f, {x, "FactorTensor", others...});
    else outputs_.Add(slot, WithFactor<F>{factor_}, {x, others...});
    return *this;
  }
  std::unique_ptr<Kernel> Make() { return outputs_.Make(); }

 private:
  EachOutput<C> outputs_;
  bool given_;
  float factor_;
};

struct PowSecond {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    return PowOutputs<Compute<T>>(c)
        .Add("X@GRAD", PowSecondX{}, "X", "grad_out", "grad_x@GRAD")
        .Add("grad_out@GRAD", PowSecondDout{}, "X", "grad_x@GRAD")
        .Make();
  }
};
struct PowThird {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    return PowOutputs<Compute<T>>(c)
        .Add("X@GRAD", PowThirdX{}, "X", "grad_out", "grad_grad_x", "grad_x@GRAD", "grad_grad_out@GRAD")
        .Add("grad_out@GRAD", PowSecondX{}, "X", "grad_grad_x", "grad_x@GRAD")
        .Add("grad_grad_x@GRAD", PowThirdDdx{}, "X", "grad_out", "grad_x@GRAD", "grad_grad_out@GRAD")
        .Make();
  }
};

/// The same of functions whose gradient reads Out, by way of X@GRAD.
#define SKIFF_SECOND_FROM_OUT(type, name, by_out, by_dout)                               \
  SKIFF_OP(name)                                                                         \
      .Doc("Second gradient of " #type ", by Out and by the output's gradient.")         \
      .Source("derivative of " #type "_grad; slots of Paddle's " #name)                  \
      .Input("Out", "output of " #type)                                                  \
      .Input("grad_x", "X@GRAD of " #type "_grad")                                       \
      .Input("grad_x@GRAD", "its gradient")                                              \
      .OptionalOutput("Out@GRAD", by_out)                                                \
      .OptionalOutput("grad_out@GRAD", by_dout)                                          \
      .InferShape(EachLike({{"Out@GRAD", "Out"}, {"grad_out@GRAD", "Out"}}))

SKIFF_SECOND_FROM_X(log, log_grad_grad, "-grad_out grad_x@GRAD / X^2", "grad_x@GRAD / X")
    .Kernel<Map<LogGradGrad>, SKIFF_FLOATS>();

SKIFF_SECOND_FROM_OUT(sqrt, sqrt_grad_grad, "-grad_x grad_x@GRAD / Out", "grad_x@GRAD / (2 Out)")
    .Kernel<Map<SqrtGradGrad>, SKIFF_FLOATS>();

SKIFF_SECOND_FROM_OUT(rsqrt, rsqrt_grad_grad, "3 grad_x grad_x@GRAD / Out", "-grad_x@GRAD Out^3 / 2")
    .Kernel<Map<RsqrtGradGrad>, SKIFF_FLOATS>();

SKIFF_SECOND_FROM_X(square, square_grad_grad, "2 grad_out grad_x@GRAD", "2 X grad_x@GRAD")
    .Kernel<Map<SquareGradGrad>, SKIFF_FLOATS>();

SKIFF_OP(abs_double_grad)
    .Doc("Second gradient of abs: grad_out@GRAD = grad_x@GRAD with the sign of x.")
    .Source("derivative of abs_grad; slots of Paddle's abs_double_grad")
    .Input("x", "input of abs")
    .Input("grad_x@GRAD", "gradient of abs_grad's X@GRAD")
    .Output("grad_out@GRAD", "shape and dtype of x")
    .InferShape(Like("grad_out@GRAD", "x"))
    .Inplace("grad_x@GRAD", "grad_out@GRAD")
    .Kernel<Map<AbsGradGrad>, SKIFF_FLOATS>();

/// Of sin_double_grad and cos_double_grad.
[[maybe_unused]] GradMaker WaveThirdGrad(const char* type) {
  return [=](const GradContext& g) -> std::vector<Operator> {
    return {{type,
             {{"X", g.In("X")}, {"grad_out_forward", g.In("grad_out")}, {"grad_x_grad_forward", g.In("grad_x@GRAD")},
              {"grad_x@GRAD", g.OutGrad("X@GRAD")}, {"grad_out_grad@GRAD", g.OutGrad("grad_out@GRAD")}},
             {{"X@GRAD", g.InGrad("X")}, {"grad_out_forward@GRAD", g.InGrad("grad_out")},
              {"grad_x_grad_forward@GRAD", g.InGrad("grad_x@GRAD")}},
             g.fwd.attrs}};
  };
}

#define SKIFF_WAVE_THIRD(type)                                                           \
  SKIFF_OP(type##_triple_grad)                                                           \
      .Doc("Third gradient of " #type ".")                                               \
      .Source("derivative of " #type "_double_grad; slots of Paddle's " #type "_triple_grad") \
      .Input("X", "input of " #type)                                                     \
      .Input("grad_out_forward", "Out@GRAD of " #type "_grad")                           \
      .Input("grad_x_grad_forward", "grad_x@GRAD of " #type "_double_grad")              \
      .Input("grad_x@GRAD", "gradient of " #type "_double_grad's X@GRAD")                \
      .Input("grad_out_grad@GRAD", "gradient of its grad_out@GRAD")                      \
      .OptionalOutput("X@GRAD", "shape and dtype of X")                                  \
      .OptionalOutput("grad_out_forward@GRAD", "shape and dtype of X")                   \
      .OptionalOutput("grad_x_grad_forward@GRAD", "shape and dtype of X")                \
      .InferShape(EachLike({{"X@GRAD", "X"}, {"grad_out_forward@GRAD", "grad_out_forward"}, \
                            {"grad_x_grad_forward@GRAD", "grad_x_grad_forward"}}))

SKIFF_SECOND_FROM_X(sin, sin_double_grad, "-sin(X) grad_out grad_x@GRAD", "cos(X) grad_x@GRAD")
    .Gradient(WaveThirdGrad("sin_triple_grad"))
    .Kernel<Map<SinGradGrad>, SKIFF_FLOATS>();
SKIFF_WAVE_THIRD(sin).Kernel<WaveThird<SinThirdX, SinThirdDout, SinThirdDdx>, SKIFF_FLOATS>();

SKIFF_SECOND_FROM_X(cos, cos_double_grad, "-cos(X) grad_out grad_x@GRAD", "-sin(X) grad_x@GRAD")
    .Gradient(WaveThirdGrad("cos_triple_grad"))
    .Kernel<Map<CosGradGrad>, SKIFF_FLOATS>();
SKIFF_WAVE_THIRD(cos).Kernel<WaveThird<CosThirdX, CosThirdDout, CosThirdDdx>, SKIFF_FLOATS>();

SKIFF_SECOND_FROM_X(pow, pow_double_grad, "grad_out grad_x@GRAD factor (factor - 1) X^(factor - 2)",
                    "grad_x@GRAD factor X^(factor - 1)")
    .OptionalInput("FactorTensor", "as in pow")
    .Attr("factor", 1.0f, "as in pow")
    .Gradient([](const GradContext& g) -> std::vector<Operator> {
      Operator op{"pow_triple_grad",
                  {{"X", g.In("X")}, {"grad_out", g.In("grad_out")}, {"grad_grad_x", g.In("grad_x@GRAD")},
                   {"grad_x@GRAD", g.OutGrad("X@GRAD")}, {"grad_grad_out@GRAD", g.OutGrad("grad_out@GRAD")}},
                  {{"X@GRAD", g.InGrad("X")}, {"grad_out@GRAD", g.InGrad("grad_out")},
                   {"grad_grad_x@GRAD", g.InGrad("grad_x@GRAD")}},
                  g.fwd.attrs};
      if (g.HasIn("FactorTensor")) op.inputs.Set("FactorTensor", g.In("FactorTensor"));
      return {op};
    })
    .Kernel<PowSecond, SKIFF_FLOATS>();

SKIFF_OP(pow_triple_grad)
    .Doc("Third gradient of pow.")
    .Source("derivative of pow_double_grad; slots of Paddle's pow_triple_grad")
    .Input("X", "input of pow")
    .OptionalInput("FactorTensor", "as in pow")
    .Input("grad_out", "Out@GRAD of pow_grad")
    .Input("grad_grad_x", "grad_x@GRAD of pow_double_grad")
    .Input("grad_x@GRAD", "gradient of pow_double_grad's X@GRAD")
    .Input("grad_grad_out@GRAD", "gradient of its grad_out@GRAD")
    .OptionalOutput("X@GRAD", "shape and dtype of X")
    .OptionalOutput("grad_out@GRAD", "shape and dtype of X")
    .OptionalOutput("grad_grad_x@GRAD", "shape and dtype of X")
    .Attr("factor", 1.0f, "as in pow")
    .InferShape(EachLike({{"X@GRAD", "X"}, {"grad_out@GRAD", "grad_out"}, {"grad_grad_x@GRAD", "grad_grad_x"}}))
    .Kernel<PowThird, SKIFF_FLOATS>();

}  // namespace
}  // namespace skiff
