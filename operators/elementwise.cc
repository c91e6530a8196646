// Arithmetic of two tensors that broadcast against each other. Shapes follow numpy's rule from the last
// dimension, or from dimension `axis` of the larger operand where the attribute is not -1.
#include <map>

#include "framework/op/run_op.h"
#include "operators/kernel/binary.h"
#include "operators/kernel/unary.h"

namespace skiff {
namespace {

struct Add {
  template <typename V> SKIFF_HD V operator()(V x, V y) const { return x + y; }
};
struct Subtract {
  template <typename V> SKIFF_HD V operator()(V x, V y) const { return x - y; }
};
struct Multiply {
  template <typename V> SKIFF_HD V operator()(V x, V y) const { return x * y; }
};
struct Divide {
  template <typename V> SKIFF_HD V operator()(V x, V y) const { return math::Divide(x, y); }
};
struct Maximum {
  template <typename V> SKIFF_HD V operator()(V x, V y) const { return math::Max(x, y); }
};
struct Minimum {
  template <typename V> SKIFF_HD V operator()(V x, V y) const { return math::Min(x, y); }
};
struct Power {
  template <typename V> SKIFF_HD V operator()(V x, V y) const { return math::Pow(x, y); }
};
struct Modulo {
  template <typename V> SKIFF_HD V operator()(V x, V y) const { return math::FloorMod(x, y); }
};
struct FloorDivide {
  template <typename V> SKIFF_HD V operator()(V x, V y) const { return math::FloorDivide(x, y); }
};

// Gradients by X and by Y.
struct MultiplyX {
  template <typename V> SKIFF_HD V operator()(V, V y, V dout) const { return dout * math::Conj(y); }
};
struct MultiplyY {
  template <typename V> SKIFF_HD V operator()(V x, V, V dout) const { return dout * math::Conj(x); }
};
struct DivideX {
  template <typename V> SKIFF_HD V operator()(V, V y, V dout) const { return math::Divide(dout, math::Conj(y)); }
};
struct DivideY {
  template <typename V> SKIFF_HD V operator()(V x, V y, V dout) const {
    return -dout * math::Conj(math::Divide(math::Divide(x, y), y));
  }
};
struct MaximumX {
  template <typename V> SKIFF_HD V operator()(V x, V y, V dout) const { return math::Select(x > y, dout, V(0)); }
};
struct MaximumY {
  template <typename V> SKIFF_HD V operator()(V x, V y, V dout) const { return math::Select(x > y, V(0), dout); }
};
struct MinimumX {
  template <typename V> SKIFF_HD V operator()(V x, V y, V dout) const { return math::Select(x < y, dout, V(0)); }
};
struct MinimumY {
  template <typename V> SKIFF_HD V operator()(V x, V y, V dout) const { return math::Select(x < y, V(0), dout); }
};
struct PowerX {
  template <typename V> SKIFF_HD V operator()(V x, V y, V dout) const { return dout * y * math::Pow(x, y - V(1)); }
};
struct PowerY {
  template <typename V> SKIFF_HD V operator()(V x, V y, V dout) const {
    return dout * V(math::Log(static_cast<FloatOf<V>>(x))) * math::Pow(x, y);
  }
  template <typename V> using FloatOf = std::conditional_t<std::is_integral_v<V>, double, V>;
};

/// Of elementwise_add_grad and elementwise_sub_grad.
[[maybe_unused]] GradMaker SumSecondGrad(const char* type) {
  return [=](const GradContext& g) -> std::vector<Operator> {
    Operator op{type, {{"Y", g.In("Y")}, {"DOut", g.In("Out@GRAD")}},
                {{"DDOut", g.InGrad("Out@GRAD")}}, g.fwd.attrs};
    if (g.HasOut("X@GRAD")) op.inputs.Set("DDX", g.OutGrad("X@GRAD"));
    if (g.HasOut("Y@GRAD")) op.inputs.Set("DDY", g.OutGrad("Y@GRAD"));
    return {op};
  };
}

// A gradient by rows times a number, as clipping by a common norm asks for: only the rows change.
[[maybe_unused]] void InferProduct(InferContext& c) {
  const TensorMeta x = c.Input("X");  // Out may be the same variable
  InferBroadcast()(c);
  if (x.kind == VarKind::kSelectedRows) c.SetOutput("Out", x);
}
[[maybe_unused]] void MultiplyRows(DynamicContext& c) {
  const auto* rows = std::get_if<SelectedRows>(&c.Input("X"));
  std::map<std::string, Value> values{{"x", rows != nullptr ? rows->value : c.InputTensor("X")},
                                      {"y", c.InputTensor("Y")}};
  RunOpOptions options;
  options.place = c.place();
  options.num_threads = c.num_threads();
  RunOp({c.op().type, {{"X", {"x"}}, {"Y", {"y"}}}, {{"Out", {"out"}}}, c.op().attrs}, &values, options);
  Tensor out = std::get<Tensor>(values.at("out"));
  if (rows == nullptr) {
    c.Output("Out") = std::move(out);
    return;
  }
  SKIFF_ENFORCE(out.shape() == rows->value.shape(), InvalidArgument, "Y is ", c.InputTensor("Y").shape(),
                "; a gradient by rows can be multiplied by one number");
  c.Output("Out") = SelectedRows{rows->rows, rows->height, std::move(out)};
}

SKIFF_BINARY(elementwise_add, "Out = X + Y.")
    .Gradient(XYGrad())
    .Kernel<Broadcast<Add>, SKIFF_FLOATS, SKIFF_INTS, bool, SKIFF_COMPLEX>();
SKIFF_BINARY_GRAD(elementwise_add, "X@GRAD = Out@GRAD, Y@GRAD = Out@GRAD.")
    .Gradient(SumSecondGrad("elementwise_add_grad_grad"))
    .Kernel<BroadcastGrad<PassThrough<1>, PassThrough<1>>, SKIFF_FLOATS, int32_t, int64_t, SKIFF_COMPLEX>();

SKIFF_BINARY(grad_add, "Out = X + Y, where gradients of two uses meet.")
    .Kernel<Broadcast<Add>, SKIFF_FLOATS, SKIFF_INTS, SKIFF_COMPLEX>();

SKIFF_BINARY(elementwise_sub, "Out = X - Y.")
    .Gradient(XYGrad())
    .Kernel<Broadcast<Subtract>, SKIFF_FLOATS, SKIFF_INTS, SKIFF_COMPLEX>();
SKIFF_BINARY_GRAD(elementwise_sub, "X@GRAD = Out@GRAD, Y@GRAD = -Out@GRAD.")
    .Gradient(SumSecondGrad("elementwise_sub_grad_grad"))
    .Kernel<BroadcastGrad<PassThrough<1>, PassThrough<-1>>, SKIFF_FLOATS, int32_t, int64_t, SKIFF_COMPLEX>();

SKIFF_BINARY(elementwise_mul, "Out = X Y, element by element.")
    .InferShape(InferProduct)
    .Dynamic(MultiplyRows)
    .Gradient(XYGrad())
    .Kernel<Broadcast<Multiply>, SKIFF_FLOATS, SKIFF_INTS, bool, SKIFF_COMPLEX>();
SKIFF_BINARY_GRAD(elementwise_mul, "X@GRAD = Out@GRAD Y, Y@GRAD = Out@GRAD X.")
    .Gradient([](const GradContext& g) -> std::vector<Operator> {
      Operator op{"elementwise_mul_grad_grad",
                  {{"X", g.In("X")}, {"Y", g.In("Y")}, {"DOut", g.In("Out@GRAD")}},
                  {{"X@GRAD", g.InGrad("X")}, {"Y@GRAD", g.InGrad("Y")}, {"DDOut", g.InGrad("Out@GRAD")}},
                  g.fwd.attrs};
      if (g.HasOut("X@GRAD")) op.inputs.Set("DDX", g.OutGrad("X@GRAD"));
      if (g.HasOut("Y@GRAD")) op.inputs.Set("DDY", g.OutGrad("Y@GRAD"));
      return {op};
    })
    .Kernel<BroadcastGrad<MultiplyX, MultiplyY>, SKIFF_FLOATS, int32_t, int64_t, SKIFF_COMPLEX>();

SKIFF_BINARY(elementwise_div, "Out = X / Y; integers round to zero.")
    .Gradient(StandardGrad({"X", "Y"}, {"Out"}, {"Out"}, {"X", "Y"}))
    .Kernel<Broadcast<Divide>, SKIFF_FLOATS, SKIFF_INTS, SKIFF_COMPLEX>();
SKIFF_BINARY_GRAD(elementwise_div, "X@GRAD = Out@GRAD / Y, Y@GRAD = -Out@GRAD X / Y^2.")
    .Gradient([](const GradContext& g) -> std::vector<Operator> {
      Operator op{"elementwise_div_grad_grad",
                  {{"Y", g.In("Y")}, {"Out", g.In("Out")}, {"DX", g.Out("X@GRAD")}},
                  {{"Y@GRAD", g.InGrad("Y")}, {"DOut", g.InGrad("Out")}, {"DDOut", g.InGrad("Out@GRAD")}},
                  g.fwd.attrs};
      if (g.HasOut("X@GRAD")) op.inputs.Set("DDX", g.OutGrad("X@GRAD"));
      if (g.HasOut("Y@GRAD")) op.inputs.Set("DDY", g.OutGrad("Y@GRAD"));
      return {op};
    })
    .Kernel<BroadcastGrad<DivideX, DivideY>, SKIFF_FLOATS, int32_t, int64_t, SKIFF_COMPLEX>();

SKIFF_BINARY(elementwise_max, "Out = the larger of X and Y.")
    .Gradient(XYGrad())
    .Kernel<Broadcast<Maximum>, SKIFF_FLOATS, SKIFF_INTS>();
SKIFF_BINARY_GRAD(elementwise_max, "Out@GRAD goes to the larger operand, to Y where they are equal.")
    .Kernel<BroadcastGrad<MaximumX, MaximumY>, SKIFF_FLOATS, int32_t, int64_t>();

SKIFF_BINARY(elementwise_min, "Out = the smaller of X and Y.")
    .Gradient(XYGrad())
    .Kernel<Broadcast<Minimum>, SKIFF_FLOATS, SKIFF_INTS>();
SKIFF_BINARY_GRAD(elementwise_min, "Out@GRAD goes to the smaller operand, to Y where they are equal.")
    .Kernel<BroadcastGrad<MinimumX, MinimumY>, SKIFF_FLOATS, int32_t, int64_t>();

SKIFF_BINARY(elementwise_pow, "Out = X^Y.")
    .Gradient(XYGrad())
    .Kernel<Broadcast<Power>, SKIFF_FLOATS, int32_t, int64_t>();
SKIFF_BINARY_GRAD(elementwise_pow, "X@GRAD = Out@GRAD Y X^(Y-1), Y@GRAD = Out@GRAD X^Y ln X.")
    .Kernel<BroadcastGrad<PowerX, PowerY>, SKIFF_FLOATS, int32_t, int64_t>();

SKIFF_BINARY(elementwise_mod, "Out = X - Y floor(X / Y): the sign of Y.")
    .Kernel<Broadcast<Modulo>, SKIFF_FLOATS, SKIFF_INTS>();
SKIFF_BINARY(elementwise_floordiv, "Out = floor(X / Y); 0 for an integer divided by 0.")
    .Kernel<Broadcast<FloorDivide>, SKIFF_FLOATS, SKIFF_INTS>();

}  // namespace
}  // namespace skiff
