// Second and third gradients of elementwise operators. DDX and DDY are gradients of the first gradient's X@GRAD and
// Y@GRAD; any of them may be absent, which means 0: another input then stands in, unread.
#include "operators/kernel/second_grad.h"

namespace skiff {
namespace {

struct Second {
  explicit Second(const PrepareContext& c) : has_x(c.HasInput("DDX")), has_y(c.HasInput("DDY")) {}
  bool has_x, has_y;
};
struct MultiplySecond : Second {
  using Second::Second;
  template <typename V> SKIFF_HD V operator()(V x, V y, V ddx, V ddy) const {
    return math::Select(has_x, ddx * y, V(0)) + math::Select(has_y, x * ddy, V(0));
  }
};
struct DivideSecond : Second {  // by Out@GRAD: (DDX - Out DDY) / Y
  using Second::Second;
  template <typename V> SKIFF_HD V operator()(V out, V y, V ddx, V ddy) const {
    return (math::Select(has_x, ddx, V(0)) - math::Select(has_y, out * ddy, V(0))) / y;
  }
};
struct DivideSecondY : Second {  // by Y: DX (Out DDY - DDX) / Y
  using Second::Second;
  template <typename V> SKIFF_HD V operator()(V out, V y, V dx, V ddx, V ddy) const {
    return dx * (math::Select(has_y, out * ddy, V(0)) - math::Select(has_x, ddx, V(0))) / y;
  }
};
struct NegatedProduct : Second {  // by Out: -DX DDY
  using Second::Second;
  template <typename V> SKIFF_HD V operator()(V dx, V ddy) const {
    return math::Select(has_y, -dx * ddy, V(0));
  }
};
struct ProductX : Second {  // by X: DDY DOut
  using Second::Second;
  template <typename V> SKIFF_HD V operator()(V ddy, V dout) const { return math::Select(has_y, ddy * dout, V(0)); }
};
struct ProductY : Second {  // by Y: DDX DOut
  using Second::Second;
  template <typename V> SKIFF_HD V operator()(V ddx, V dout) const { return math::Select(has_x, ddx * dout, V(0)); }
};
template <int kSign>
struct SumSecond : Second {  // DDX + kSign DDY
  using Second::Second;
  template <typename V> SKIFF_HD V operator()(V ddx, V ddy) const {
    return math::Select(has_x, ddx, V(0)) + kSign * math::Select(has_y, ddy, V(0));
  }
};

const char* SlotOr(const PrepareContext& c, const char* slot, const char* stand_in) {
  return c.HasInput(slot) ? slot : stand_in;
}

template <int kSign>
struct AddSecondKernel {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    using C = Compute<T>;
    std::vector<OperandGrad> grads;
    grads.push_back(OperandGrad::Make<C>(SumSecond<kSign>(c), c, "DDOut", c.Output("DDOut").shape,
                                         {SlotOr(c, "DDX", "DOut"), SlotOr(c, "DDY", "DOut")}));
    return MakeOperandGradsKernel(std::move(grads), c);
  }
};

struct MultiplySecondKernel {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    using C = Compute<T>;
    const Shape& full = c.Input("DOut").shape;
    const char *ddx = SlotOr(c, "DDX", "X"), *ddy = SlotOr(c, "DDY", "Y");
    std::vector<OperandGrad> grads;
    if (c.HasOutput("DDOut")) {
      grads.push_back(OperandGrad::Make<C>(MultiplySecond(c), c, "DDOut", full, {"X", "Y", ddx, ddy}));
    }
    if (c.HasOutput("X@GRAD")) {
      grads.push_back(OperandGrad::Make<C>(ProductX(c), c, "X@GRAD", full, {ddy, "DOut"}));
    }
    if (c.HasOutput("Y@GRAD")) {
      grads.push_back(OperandGrad::Make<C>(ProductY(c), c, "Y@GRAD", full, {ddx, "DOut"}));
    }
    return MakeOperandGradsKernel(std::move(grads), c);
  }
};

struct DivideSecondKernel {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    using C = Compute<T>;
    const Shape& full = c.Input("Out").shape;
    const char *ddx = SlotOr(c, "DDX", "Out"), *ddy = SlotOr(c, "DDY", "Y");
    std::vector<OperandGrad> grads;
    if (c.HasOutput("DDOut")) {
      grads.push_back(OperandGrad::Make<C>(DivideSecond(c), c, "DDOut", full, {"Out", "Y", ddx, ddy}));
    }
    if (c.HasOutput("DOut")) {
      grads.push_back(OperandGrad::Make<C>(NegatedProduct(c), c, "DOut", full, {"DX", ddy}));
    }
    if (c.HasOutput("Y@GRAD")) {
      grads.push_back(
          OperandGrad::Make<C>(DivideSecondY(c), c, "Y@GRAD", full, {"Out", "Y", "DX", ddx, ddy}));
    }
    return MakeOperandGradsKernel(std::move(grads), c);
  }
};

// Third gradients: sums of two products, each only where both factors are there.
struct TwoProducts {
  bool first, second;
  template <typename V> SKIFF_HD V operator()(V a, V b, V c, V d) const {
    return math::Select(first, a * b, V(0)) + math::Select(second, c * d, V(0));
  }
};

struct AddThirdKernel {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    return EachOutput<Compute<T>>(c, c.Input("D_DDOut").shape)
        .Add("D_DDX", PassThrough<1>{}, {"D_DDOut"})
        .Add("D_DDY", PassThrough<1>{}, {"D_DDOut"})
        .Make();
  }
};

struct MultiplyThirdKernel {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    EachOutput<Compute<T>> outputs(c, c.Input("DOut").shape);
    const auto add = [&](const char* slot, const char* a, const char* b, const char* other_a, const char* other_b) {
      const auto stand_in = [&](const char* name) { return SlotOr(c, name, "DOut"); };
      outputs.Add(slot, TwoProducts{c.HasInput(a) && c.HasInput(b), c.HasInput(other_a) && c.HasInput(other_b)},
                  {stand_in(a), stand_in(b), stand_in(other_a), stand_in(other_b)});
    };
    add("D_X", "D_DDOut", "DDY", "", "");
    add("D_Y", "D_DDOut", "DDX", "", "");
    add("D_DOut", "D_DX", "DDY", "D_DY", "DDX");
    add("D_DDX", "D_DY", "DOut", "D_DDOut", "Y");
    add("D_DDY", "D_DX", "DOut", "D_DDOut", "X");
    return outputs.Make();
  }
};

#define SKIFF_SUM_SECOND(type, doc)                                          \
  SKIFF_OP(type)                                                             \
      .Doc(doc)                                                              \
      .Source("slots of Paddle's " #type)                                    \
      .Input("Y", "right operand of the forward operator")                   \
      .Input("DOut", "gradient of the forward result")                       \
      .OptionalInput("DDX", "gradient of X@GRAD; absent means 0")            \
      .OptionalInput("DDY", "gradient of Y@GRAD; absent means 0")            \
      .Output("DDOut", "gradient of Out@GRAD, shape and dtype of DOut")      \
      .Attr("axis", -1, "as in the forward operator")                        \
      .InferShape(Like("DDOut", "DOut"))                                     \
      .KeyedBy("DOut")

SKIFF_SUM_SECOND(elementwise_add_grad_grad, "DDOut = DDX + DDY.")
    .Gradient([](const GradContext& g) -> std::vector<Operator> {
      Operator op{"elementwise_add_triple_grad", {{"D_DDOut", g.OutGrad("DDOut")}}, {}, g.fwd.attrs};
      for (const char* slot : {"DDX", "DDY"}) {
        if (!g.HasIn(slot)) continue;
        op.inputs.Set(slot, g.In(slot));
        op.outputs.Set(std::string("D_") + slot, g.InGrad(slot));
      }
      return {op};
    })
    .Kernel<AddSecondKernel<1>, SKIFF_FLOATS>();
SKIFF_SUM_SECOND(elementwise_sub_grad_grad, "DDOut = DDX - DDY.")
    .Kernel<AddSecondKernel<-1>, SKIFF_FLOATS>();

SKIFF_OP(elementwise_mul_grad_grad)
    .Doc("DDOut = DDX Y + X DDY, X@GRAD = DDY DOut, Y@GRAD = DDX DOut.")
    .Source("slots of Paddle's elementwise_mul_grad_grad")
    .Input("X", "left operand")
    .Input("Y", "right operand")
    .Input("DOut", "gradient of the forward result")
    .OptionalInput("DDX", "gradient of X@GRAD; absent means 0")
    .OptionalInput("DDY", "gradient of Y@GRAD; absent means 0")
    .OptionalOutput("X@GRAD", "shape and dtype of X")
    .OptionalOutput("Y@GRAD", "shape and dtype of Y")
    .OptionalOutput("DDOut", "shape and dtype of DOut")
    .Attr("axis", -1, "as in elementwise_mul")
    .InferShape(EachLike({{"X@GRAD", "X"}, {"Y@GRAD", "Y"}, {"DDOut", "DOut"}}))
    .KeyedBy("DOut")
    .Gradient([](const GradContext& g) -> std::vector<Operator> {
      Operator op{"elementwise_mul_triple_grad",
                  {{"X", g.In("X")}, {"Y", g.In("Y")}, {"DOut", g.In("DOut")}},
                  {{"D_X", g.InGrad("X")}, {"D_Y", g.InGrad("Y")}, {"D_DOut", g.InGrad("DOut")}},
                  g.fwd.attrs};
      for (const char* slot : {"DDX", "DDY"}) {
        if (!g.HasIn(slot)) continue;
        op.inputs.Set(slot, g.In(slot));
        op.outputs.Set(std::string("D_") + slot, g.InGrad(slot));
      }
      for (const auto& [slot, of] : {std::pair{"D_DX", "X@GRAD"}, {"D_DY", "Y@GRAD"}, {"D_DDOut", "DDOut"}}) {
        if (g.HasOut(of)) op.inputs.Set(slot, g.OutGrad(of));
      }
      return {op};
    })
    .Kernel<MultiplySecondKernel, SKIFF_FLOATS>();

SKIFF_OP(elementwise_div_grad_grad)
    .Doc("DDOut = (DDX - Out DDY) / Y, DOut = -DX DDY, Y@GRAD = DX (Out DDY - DDX) / Y.")
    .Source("slots of Paddle's elementwise_div_grad_grad")
    .Input("Y", "right operand")
    .Input("Out", "X / Y")
    .Input("DX", "X@GRAD of elementwise_div_grad")
    .OptionalInput("DDX", "gradient of X@GRAD; absent means 0")
    .OptionalInput("DDY", "gradient of Y@GRAD; absent means 0")
    .OptionalOutput("Y@GRAD", "shape and dtype of Y")
    .OptionalOutput("DOut", "gradient of Out, its shape and dtype")
    .OptionalOutput("DDOut", "gradient of Out@GRAD, shape and dtype of Out")
    .Attr("axis", -1, "as in elementwise_div")
    .InferShape(EachLike({{"Y@GRAD", "Y"}, {"DOut", "Out"}, {"DDOut", "Out"}}))
    .KeyedBy("Out")
    .Kernel<DivideSecondKernel, SKIFF_FLOATS>();

SKIFF_OP(elementwise_add_triple_grad)
    .Doc("D_DDX = D_DDY = D_DDOut, summed where the operand was broadcast.")
    .Source("slots of Paddle's elementwise_add_triple_grad")
    .OptionalInput("DDX", "of elementwise_add_grad_grad; only its shape matters")
    .OptionalInput("DDY", "of elementwise_add_grad_grad; only its shape matters")
    .Input("D_DDOut", "gradient of DDOut")
    .OptionalOutput("D_DDX", "shape and dtype of DDX")
    .OptionalOutput("D_DDY", "shape and dtype of DDY")
    .Attr("axis", -1, "as in elementwise_add")
    .InferShape(EachLike({{"D_DDX", "DDX"}, {"D_DDY", "DDY"}}))
    .KeyedBy("D_DDOut")
    .Kernel<AddThirdKernel, SKIFF_FLOATS>();

SKIFF_OP(elementwise_mul_triple_grad)
    .Doc("D_X = D_DDOut DDY, D_Y = D_DDOut DDX, D_DOut = D_DX DDY + D_DY DDX, D_DDX = D_DY DOut + D_DDOut Y, "
         "D_DDY = D_DX DOut + D_DDOut X.")
    .Source("slots of Paddle's elementwise_mul_triple_grad")
    .Input("X", "left operand")
    .Input("Y", "right operand")
    .Input("DOut", "gradient of the forward result")
    .OptionalInput("DDX", "of elementwise_mul_grad_grad; absent means 0")
    .OptionalInput("DDY", "of elementwise_mul_grad_grad; absent means 0")
    .OptionalInput("D_DX", "gradient of that one's X@GRAD; absent means 0")
    .OptionalInput("D_DY", "gradient of that one's Y@GRAD; absent means 0")
    .OptionalInput("D_DDOut", "gradient of DDOut; absent means 0")
    .OptionalOutput("D_X", "shape and dtype of X")
    .OptionalOutput("D_Y", "shape and dtype of Y")
    .OptionalOutput("D_DOut", "shape and dtype of DOut")
    .OptionalOutput("D_DDX", "shape and dtype of DDX")
    .OptionalOutput("D_DDY", "shape and dtype of DDY")
    .Attr("axis", -1, "as in elementwise_mul")
    .InferShape(EachLike({{"D_X", "X"}, {"D_Y", "Y"}, {"D_DOut", "DOut"}, {"D_DDX", "DDX"}, {"D_DDY", "DDY"}}))
    .KeyedBy("DOut")
    .Kernel<MultiplyThirdKernel, SKIFF_FLOATS>();

}  // namespace
}  // namespace skiff
