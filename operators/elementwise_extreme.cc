// More operators of two operands: elementwise_fmax and elementwise_fmin, which ignore NaN; heaviside; atan2;
// nextafter; bitwise connectives.
#include "operators/kernel/binary.h"

namespace skiff {
namespace {

struct FMax {
  template <typename V> SKIFF_HD V operator()(V x, V y) const {
    return math::Select(math::IsNan(y) | (x >= y), x, y);
  }
};
struct FMaxX {
  template <typename V> SKIFF_HD V operator()(V x, V y, V dout) const {
    return math::Select(math::IsNan(y) | (x >= y), dout, V(0));
  }
};
struct FMaxY {
  template <typename V> SKIFF_HD V operator()(V x, V y, V dout) const {
    return math::Select(math::IsNan(y) | (x >= y), V(0), dout);
  }
};
struct FMin {
  template <typename V> SKIFF_HD V operator()(V x, V y) const {
    return math::Select(math::IsNan(y) | (x <= y), x, y);
  }
};
struct FMinX {
  template <typename V> SKIFF_HD V operator()(V x, V y, V dout) const {
    return math::Select(math::IsNan(y) | (x <= y), dout, V(0));
  }
};
struct FMinY {
  template <typename V> SKIFF_HD V operator()(V x, V y, V dout) const {
    return math::Select(math::IsNan(y) | (x <= y), V(0), dout);
  }
};
struct Heaviside {
  template <typename V> SKIFF_HD V operator()(V x, V y) const {
    return math::Select(x == V(0), y, math::Select(x > V(0), V(1), V(0)));
  }
};
struct NothingToX {
  template <typename V> SKIFF_HD V operator()(V, V, V) const { return V(0); }
};
struct WhereXIsZero {
  template <typename V> SKIFF_HD V operator()(V x, V, V dout) const { return math::Select(x == V(0), dout, V(0)); }
};

struct Minus {
  template <typename V> SKIFF_HD V operator()(V x, V y) const { return x - y; }
};

SKIFF_BINARY(elementwise_fmax, "Out = the larger of X and Y; the number where one is NaN.")
    .Gradient(XYGrad())
    .Kernel<Broadcast<FMax>, SKIFF_FLOATS, int32_t, int64_t>();
SKIFF_BINARY_GRAD(elementwise_fmax, "Out@GRAD goes to X where X >= Y or Y is NaN, else to Y.")
    .Kernel<BroadcastGrad<FMaxX, FMaxY>, SKIFF_FLOATS, int32_t, int64_t>();

SKIFF_BINARY(elementwise_fmin, "Out = the smaller of X and Y; the number where one is NaN.")
    .Gradient(XYGrad())
    .Kernel<Broadcast<FMin>, SKIFF_FLOATS, int32_t, int64_t>();
SKIFF_BINARY_GRAD(elementwise_fmin, "Out@GRAD goes to X where X <= Y or Y is NaN, else to Y.")
    .Kernel<BroadcastGrad<FMinX, FMinY>, SKIFF_FLOATS, int32_t, int64_t>();

SKIFF_BINARY(elementwise_heaviside, "Out = 0 where X < 0, Y where X = 0, 1 where X > 0.")
    .Gradient(XYGrad())
    .Kernel<Broadcast<Heaviside>, SKIFF_FLOATS, int32_t, int64_t>();
SKIFF_BINARY_GRAD(elementwise_heaviside, "Y@GRAD = Out@GRAD where X = 0; X@GRAD = 0.")
    .Kernel<BroadcastGrad<NothingToX, WhereXIsZero>, SKIFF_FLOATS, int32_t, int64_t>();

SKIFF_BINARY(minus, "Out = X - Y.")
    .Gradient([](const GradContext& g) -> std::vector<Operator> {
      std::vector<Operator> ops;
      for (const auto& [slot, factor] : {std::pair{"X", 1.0f}, {"Y", -1.0f}}) {
        if (!g.Wants(slot)) continue;
        Operator op{"scale", {{"X", g.OutGrad("Out")}}, {{"Out", g.InGrad(slot)}}, {}};
        op.attrs.Set("scale", factor);
        ops.push_back(op);
      }
      return ops;
    })
    .Kernel<Broadcast<Minus>, SKIFF_FLOATS, int32_t, int64_t>();

// ---- atan2, nextafter ------------------------------------------------------------------------------------

struct Atan2 {
  template <typename V> SKIFF_HD V operator()(V y, V x) const {
    return static_cast<V>(atan2(static_cast<double>(y), static_cast<double>(x)));
  }
};
struct Atan2Grad {
  template <typename V> SKIFF_HD Two<V> operator()(V y, V x, V dout) const {
    const V scale = dout / (x * x + y * y);
    return {scale * x, -scale * y};
  }
};
struct NextAfter {
  SKIFF_HD float operator()(float x, float y) const { return nextafterf(x, y); }
  SKIFF_HD double operator()(double x, double y) const { return nextafter(x, y); }
};

SKIFF_OP(atan2)
    .Doc("Out = the angle of the point (X2, X1), in radians from -pi to pi.")
    .Source("paddle.atan2")
    .Input("X1", "the ordinate")
    .Input("X2", "the abscissa, shape of X1")
    .Output("Out", "shape of X1; float64 for integers")
    .InferShape([](InferContext& c) {
      const TensorMeta& x = c.Input("X1");
      c.SetOutput("Out", x.shape, IsFloating(x.dtype) ? x.dtype : DType::kFloat64);
    })
    .KeyedBy("Out")
    .Gradient(StandardGrad({"X1", "X2"}, {}, {"Out"}, {"X1", "X2"}))
    .Kernel<Map<Atan2>, SKIFF_FLOATS>();

SKIFF_OP(atan2_grad)
    .Doc("X1@GRAD = Out@GRAD X2 / (X1^2 + X2^2), X2@GRAD = -Out@GRAD X1 / (X1^2 + X2^2).")
    .Input("X1", "as in atan2")
    .Input("X2", "as in atan2")
    .Input("Out@GRAD", "shape of X1")
    .OptionalOutput("X1@GRAD", "shape of X1")
    .OptionalOutput("X2@GRAD", "shape of X1")
    .InferShape(GradsLikeInputs())
    .Kernel<Map<Atan2Grad>, SKIFF_FLOATS>();

SKIFF_OP(nextafter)
    .Doc("out = the next number after x towards y.")
    .Source("paddle.nextafter")
    .Input("x", "any shape")
    .Input("y", "shape of x")
    .Output("out", "shape of x")
    .InferShape([](InferContext& c) { c.SetOutput("out", c.InputShape("x"), c.InputDType("x")); })
    .ZeroGradient()
    .Kernel<Map<NextAfter>, float, double>();

// ---- bits --------------------------------------------------------------------------------------------------

struct BitAnd {
  SKIFF_HD int64_t operator()(int64_t x, int64_t y) const { return x & y; }
};
struct BitOr {
  SKIFF_HD int64_t operator()(int64_t x, int64_t y) const { return x | y; }
};
struct BitXor {
  SKIFF_HD int64_t operator()(int64_t x, int64_t y) const { return x ^ y; }
};
struct BitNot {
  SKIFF_HD int64_t operator()(int64_t x) const { return ~x; }
};
struct BoolNot {
  SKIFF_HD int64_t operator()(int64_t x) const { return x == 0; }
};
struct BitNotKernel {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    if constexpr (std::is_same_v<T, bool>) return Map<BoolNot>::Prepare<Device, T>(c);
    else return Map<BitNot>::Prepare<Device, T>(c);
  }
};

#define SKIFF_BITWISE(type, Functor, doc) \
  SKIFF_BINARY(type, doc).Kernel<Broadcast<Functor>, SKIFF_INTS, bool>()
SKIFF_BITWISE(bitwise_and, BitAnd, "Out = X and Y, bit by bit.");
SKIFF_BITWISE(bitwise_or, BitOr, "Out = X or Y, bit by bit.");
SKIFF_BITWISE(bitwise_xor, BitXor, "Out = X or Y but not both, bit by bit.");

SKIFF_OP(bitwise_not)
    .Doc("Out = X with every bit turned; for bool, not X.")
    .Source("paddle.bitwise_not")
    .Input("X", "integers or bool")
    .Output("Out", "shape and dtype of X")
    .InferShape(Like("Out", "X"))
    .Kernel<BitNotKernel, SKIFF_INTS, bool>();

}  // namespace
}  // namespace skiff
