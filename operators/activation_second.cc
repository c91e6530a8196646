// Second and third gradients of activation functions. Throughout, dx is the first gradient's X@GRAD, dout its
// Out@GRAD, ddx the gradient of dx.
#include "operators/kernel/second_grad.h"

namespace skiff {
namespace {

struct ReluGradGrad {
  template <typename V>
  SKIFF_HD V operator()(V out, V ddx) const { return math::Select(out > V(0), ddx, V(0)); }
};

struct LeakyReluGradGrad {
  explicit LeakyReluGradGrad(const Attrs& attrs) : alpha(attrs.Get<float>("alpha")) {}
  template <typename V>
  SKIFF_HD V operator()(V x, V ddx) const { return math::Select(x > V(0), ddx, V(alpha) * ddx); }
  float alpha;
};

struct EluGradGrad {
  explicit EluGradGrad(const Attrs& attrs) : alpha(attrs.Get<float>("alpha")) {}
  template <typename V>
  SKIFF_HD Two<V> operator()(V x, V dout, V ddx) const {
    const V slope = V(alpha) * math::Exp(math::Min(x, V(0)));
    return {math::Select(x > V(0), V(0), dout * ddx * slope), math::Select(x > V(0), ddx, ddx * slope)};
  }
  float alpha;
};

struct CeluGradGrad {
  explicit CeluGradGrad(const Attrs& attrs) : alpha(attrs.Get<float>("alpha")) {}
  template <typename V>
  SKIFF_HD Two<V> operator()(V x, V dout, V ddx) const {
    const V slope = math::Exp(math::Min(x, V(0)) / V(alpha));
    return {math::Select(x > V(0), V(0), dout * ddx * slope / V(alpha)), math::Select(x > V(0), ddx, ddx * slope)};
  }
  float alpha;
};

struct SoftplusGradGrad {
  explicit SoftplusGradGrad(const Attrs& attrs)
      : beta(attrs.Get<float>("beta")), threshold(attrs.Get<float>("threshold")) {}
  template <typename V>
  SKIFF_HD Two<V> operator()(V x, V dout, V ddx) const {
    const V z = V(beta) * x, s = math::Sigmoid(z);
    const bool straight = z > V(threshold);
    return {math::Select(straight, V(0), dout * ddx * V(beta) * s * (V(1) - s)), math::Select(straight, ddx, ddx * s)};
  }
  float beta, threshold;
};

struct SigmoidGradGrad {
  template <typename V>
  SKIFF_HD Two<V> operator()(V out, V dout, V ddx) const {
    return {(V(1) - V(2) * out) * dout * ddx, ddx * out * (V(1) - out)};
  }
};

struct TanhGradGrad {
  template <typename V>
  SKIFF_HD Two<V> operator()(V out, V dout, V ddx) const {
    return {V(-2) * out * dout * ddx, ddx * (V(1) - out * out)};
  }
};

// Third gradients: a is the gradient of the second one's Out@GRAD, b that of its gradient of Out@GRAD.
struct SigmoidThirdOut {
  template <typename V>
  SKIFF_HD V operator()(V out, V dout, V ddx, V a, V b) const {
    return b * ddx * (V(1) - V(2) * out) - V(2) * a * dout * ddx;
  }
};
struct SigmoidThirdOther {  // by dout, with ddx for `other`
  template <typename V>
  SKIFF_HD V operator()(V out, V other, V a) const { return a * (V(1) - V(2) * out) * other; }
};
struct SigmoidThirdDdx {
  template <typename V>
  SKIFF_HD V operator()(V out, V dout, V a, V b) const {
    return a * (V(1) - V(2) * out) * dout + b * out * (V(1) - out);
  }
};
struct SigmoidThird {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    return EachOutput<Compute<T>>(c, c.Input("Out").shape)
        .Add("Out@GRAD", SigmoidThirdOut{}, {"Out", "fwd_grad_out", "grad_grad_x", "grad_out@GRAD", "grad_grad_out@GRAD"})
        .Add("fwd_grad_out@GRAD", SigmoidThirdOther{}, {"Out", "grad_grad_x", "grad_out@GRAD"})
        .Add("grad_grad_x@GRAD", SigmoidThirdDdx{}, {"Out", "fwd_grad_out", "grad_out@GRAD", "grad_grad_out@GRAD"})
        .Make();
  }
};

struct TanhThirdOut {
  template <typename V>
  SKIFF_HD V operator()(V out, V dout, V ddx, V a, V b) const { return V(-2) * ddx * (a * dout + b * out); }
};
struct TanhThirdOther {
  template <typename V>
  SKIFF_HD V operator()(V out, V other, V a) const { return V(-2) * a * out * other; }
};
struct TanhThirdDdx {
  template <typename V>
  SKIFF_HD V operator()(V out, V dout, V a, V b) const { return V(-2) * a * out * dout + b * (V(1) - out * out); }
};
struct TanhThird {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    return EachOutput<Compute<T>>(c, c.Input("Out").shape)
        .Add("Out@GRAD", TanhThirdOut{},
             {"Out", "grad_out_forward", "grad_x_grad_forward", "grad_out_new@GRAD", "grad_out_grad@GRAD"})
        .Add("grad_out_forward@GRAD", TanhThirdOther{}, {"Out", "grad_x_grad_forward", "grad_out_new@GRAD"})
        .Add("grad_x_grad_forward@GRAD", TanhThirdDdx{},
             {"Out", "grad_out_forward", "grad_out_new@GRAD", "grad_out_grad@GRAD"})
        .Make();
  }
};

SKIFF_OP(relu_grad_grad)
    .Doc("Second gradient of relu: grad_out@GRAD = grad_x@GRAD where Out > 0, 0 elsewhere.")
    .Source("derivative of relu_grad; slots of Paddle's relu_grad_grad")
    .Input("Out", "output of relu")
    .Input("grad_x@GRAD", "gradient of relu_grad's X@GRAD")
    .Output("grad_out@GRAD", "shape and dtype of Out")
    .InferShape(Like("grad_out@GRAD", "Out"))
    .Inplace("grad_x@GRAD", "grad_out@GRAD")
    .Kernel<Map<ReluGradGrad>, SKIFF_FLOATS>();

SKIFF_OP(leaky_relu_grad_grad)
    .Doc("Second gradient of leaky_relu: grad_out@GRAD = grad_x@GRAD where X > 0, alpha grad_x@GRAD elsewhere.")
    .Source("derivative of leaky_relu_grad; slots of Paddle's leaky_relu_grad_grad")
    .Input("X", "input of leaky_relu")
    .Input("grad_x@GRAD", "gradient of leaky_relu_grad's X@GRAD")
    .Output("grad_out@GRAD", "shape and dtype of X")
    .Attr("alpha", 0.02f, "as in leaky_relu")
    .InferShape(Like("grad_out@GRAD", "X"))
    .Inplace("grad_x@GRAD", "grad_out@GRAD")
    .Kernel<Map<LeakyReluGradGrad>, SKIFF_FLOATS>();

SKIFF_SECOND_FROM_X(elu, elu_grad_grad, "0 where X > 0, grad_out grad_x@GRAD alpha exp(X) elsewhere",
                    "grad_x@GRAD where X > 0, grad_x@GRAD alpha exp(X) elsewhere")
    .Attr("alpha", 1.0f, "as in elu")
    .Kernel<Map<EluGradGrad>, SKIFF_FLOATS>();

SKIFF_SECOND_FROM_X(celu, celu_grad_grad, "0 where X > 0, grad_out grad_x@GRAD exp(X / alpha) / alpha elsewhere",
                    "grad_x@GRAD where X > 0, grad_x@GRAD exp(X / alpha) elsewhere")
    .Attr("alpha", 1.0f, "as in celu")
    .Kernel<Map<CeluGradGrad>, SKIFF_FLOATS>();

SKIFF_SECOND_FROM_X(softplus, softplus_double_grad, "grad_out grad_x@GRAD beta s (1 - s), s = sigmoid(beta X)",
                    "grad_x@GRAD s")
    .Attr("beta", 1.0f, "as in softplus")
    .Attr("threshold", 20.0f, "as in softplus")
    .Kernel<Map<SoftplusGradGrad>, SKIFF_FLOATS>();

SKIFF_OP(sigmoid_grad_grad)
    .Doc("Second gradient of sigmoid, by Out and by the output's gradient.")
    .Source("derivative of sigmoid_grad; slots of Paddle's sigmoid_grad_grad")
    .Input("Out", "output of sigmoid")
    .Input("fwd_grad_out", "Out@GRAD of sigmoid_grad")
    .Input("grad_x@GRAD", "gradient of sigmoid_grad's X@GRAD")
    .OptionalOutput("Out@GRAD", "(1 - 2 Out) fwd_grad_out grad_x@GRAD")
    .OptionalOutput("fwd_grad_out@GRAD", "grad_x@GRAD Out (1 - Out)")
    .InferShape(EachLike({{"Out@GRAD", "Out"}, {"fwd_grad_out@GRAD", "Out"}}))
    .Gradient([](const GradContext& g) -> std::vector<Operator> {
      return {{"sigmoid_triple_grad",
               {{"Out", g.In("Out")}, {"fwd_grad_out", g.In("fwd_grad_out")}, {"grad_grad_x", g.In("grad_x@GRAD")},
                {"grad_out@GRAD", g.OutGrad("Out@GRAD")}, {"grad_grad_out@GRAD", g.OutGrad("fwd_grad_out@GRAD")}},
               {{"Out@GRAD", g.InGrad("Out")}, {"fwd_grad_out@GRAD", g.InGrad("fwd_grad_out")},
                {"grad_grad_x@GRAD", g.InGrad("grad_x@GRAD")}},
               g.fwd.attrs}};
    })
    .Kernel<Map<SigmoidGradGrad>, SKIFF_FLOATS>();

SKIFF_OP(sigmoid_triple_grad)
    .Doc("Third gradient of sigmoid.")
    .Source("derivative of sigmoid_grad_grad; slots of Paddle's sigmoid_triple_grad")
    .Input("Out", "output of sigmoid")
    .Input("fwd_grad_out", "Out@GRAD of sigmoid_grad")
    .Input("grad_grad_x", "grad_x@GRAD of sigmoid_grad_grad")
    .Input("grad_out@GRAD", "gradient of sigmoid_grad_grad's Out@GRAD")
    .Input("grad_grad_out@GRAD", "gradient of its fwd_grad_out@GRAD")
    .OptionalOutput("Out@GRAD", "shape and dtype of Out")
    .OptionalOutput("fwd_grad_out@GRAD", "shape and dtype of Out")
    .OptionalOutput("grad_grad_x@GRAD", "shape and dtype of Out")
    .InferShape(EachLike({{"Out@GRAD", "Out"}, {"fwd_grad_out@GRAD", "fwd_grad_out"}, {"grad_grad_x@GRAD", "grad_grad_x"}}))
    .Kernel<SigmoidThird, SKIFF_FLOATS>();

SKIFF_OP(tanh_grad_grad)
    .Doc("Second gradient of tanh, by Out and by the output's gradient.")
    .Source("derivative of tanh_grad; slots of Paddle's tanh_grad_grad")
    .Input("Out", "output of tanh")
    .Input("grad_out", "Out@GRAD of tanh_grad")
    .Input("grad_x@GRAD", "gradient of tanh_grad's X@GRAD")
    .OptionalOutput("Out@GRAD", "-2 Out grad_out grad_x@GRAD")
    .OptionalOutput("grad_out@GRAD", "grad_x@GRAD (1 - Out^2)")
    .InferShape(EachLike({{"Out@GRAD", "Out"}, {"grad_out@GRAD", "Out"}}))
    .Gradient([](const GradContext& g) -> std::vector<Operator> {
      return {{"tanh_triple_grad",
               {{"Out", g.In("Out")}, {"grad_out_forward", g.In("grad_out")}, {"grad_x_grad_forward", g.In("grad_x@GRAD")},
                {"grad_out_new@GRAD", g.OutGrad("Out@GRAD")}, {"grad_out_grad@GRAD", g.OutGrad("grad_out@GRAD")}},
               {{"Out@GRAD", g.InGrad("Out")}, {"grad_out_forward@GRAD", g.InGrad("grad_out")},
                {"grad_x_grad_forward@GRAD", g.InGrad("grad_x@GRAD")}},
               g.fwd.attrs}};
    })
    .Kernel<Map<TanhGradGrad>, SKIFF_FLOATS>();

SKIFF_OP(tanh_triple_grad)
    .Doc("Third gradient of tanh.")
    .Source("derivative of tanh_grad_grad; slots of Paddle's tanh_triple_grad")
    .Input("Out", "output of tanh")
    .Input("grad_out_forward", "Out@GRAD of tanh_grad")
    .Input("grad_x_grad_forward", "grad_x@GRAD of tanh_grad_grad")
    .Input("grad_out_new@GRAD", "gradient of tanh_grad_grad's Out@GRAD")
    .Input("grad_out_grad@GRAD", "gradient of its grad_out@GRAD")
    .OptionalOutput("Out@GRAD", "shape and dtype of Out")
    .OptionalOutput("grad_out_forward@GRAD", "shape and dtype of Out")
    .OptionalOutput("grad_x_grad_forward@GRAD", "shape and dtype of Out")
    .InferShape(EachLike({{"Out@GRAD", "Out"}, {"grad_out_forward@GRAD", "grad_out_forward"},
                          {"grad_x_grad_forward@GRAD", "grad_x_grad_forward"}}))
    .Kernel<TanhThird, SKIFF_FLOATS>();

}  // namespace
}  // namespace skiff
