// huber_loss: a square near the target, a line far from it.
#include "operators/kernel/unary.h"

namespace skiff {
namespace {

struct Huber {
  explicit Huber(const Attrs& attrs) : delta(attrs.Get<float>("delta")) {}
  template <typename V>
  SKIFF_HD Two<V> operator()(V x, V y) const {
    const V r = y - x, a = math::Abs(r), d = V(delta);
    return {math::Select(a <= d, V(0.5) * r * r, d * (a - V(0.5) * d)), r};
  }
  float delta;
};
struct HuberGrad {
  explicit HuberGrad(const Attrs& attrs) : delta(attrs.Get<float>("delta")) {}
  template <typename V>
  SKIFF_HD Two<V> operator()(V residual, V dout) const {
    const V slope = math::Min(math::Max(residual, V(-delta)), V(delta)) * dout;
    return {-slope, slope};
  }
  float delta;
};

SKIFF_OP(huber_loss)
    .Doc("Residual = Y - X; Out = Residual^2 / 2 up to delta, delta (|Residual| - delta / 2) beyond.")
    .Source("Huber 1964; names of Paddle's huber_loss")
    .Input("X", "prediction")
    .Input("Y", "target, shape of X")
    .Output("Out", "shape and dtype of X")
    .OptionalOutput("Residual", "shape and dtype of X")
    .RequiredAttr<float>("delta", "where the square becomes a line")
    .InferShape([](InferContext& c) {
      const TensorMeta& x = c.Input("X");
      c.SetOutput("Out", x.shape, x.dtype);
      c.SetOutput("Residual", x.shape, x.dtype);
    })
    .Gradient(StandardGrad({}, {"Residual"}, {"Out"}, {"X", "Y"}))
    .Kernel<Map<Huber>, SKIFF_FLOATS>();

SKIFF_OP(huber_loss_grad)
    .Doc("Y@GRAD = Out@GRAD Residual, limited to delta; X@GRAD = -Y@GRAD.")
    .Source("derivative of huber_loss")
    .Input("Residual", "output of huber_loss")
    .Input("Out@GRAD", "shape of Out")
    .OptionalOutput("X@GRAD", "shape and dtype of Residual")
    .OptionalOutput("Y@GRAD", "shape and dtype of Residual")
    .RequiredAttr<float>("delta", "as in huber_loss")
    .InferShape([](InferContext& c) {
      const TensorMeta r = c.Input("Residual");
      c.SetOutput("X@GRAD", r.shape, r.dtype);
      c.SetOutput("Y@GRAD", r.shape, r.dtype);
    })
    .Kernel<Map<HuberGrad>, SKIFF_FLOATS>();

}  // namespace
}  // namespace skiff
