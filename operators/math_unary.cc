// Elementary functions of one tensor, element by element.
#include "operators/kernel/second_grad.h"

namespace skiff {
namespace {

struct Exp {
  template <typename V>
  SKIFF_HD V operator()(V x) const {
    return math::Exp(x);
  }
};

struct ExpGrad {
  template <typename V>
  SKIFF_HD V operator()(V out, V dout) const {
    return dout * math::Conj(out);
  }
};

struct Log {
  template <typename V>
  SKIFF_HD V operator()(V x) const {
    return math::Log(x);
  }
};

struct LogGrad {
  template <typename V>
  SKIFF_HD V operator()(V x, V dout) const {
    return dout / x;
  }
};

struct Log2 {
  template <typename V>
  SKIFF_HD V operator()(V x) const {
    return math::Log(x) * V(1.4426950408889634);
  }
};

struct Log2Grad {
  template <typename V>
  SKIFF_HD V operator()(V x, V dout) const {
    return dout / (x * V(0.6931471805599453));
  }
};

struct Log10 {
  template <typename V>
  SKIFF_HD V operator()(V x) const {
    return math::Log(x) * V(0.4342944819032518);
  }
};

struct Log10Grad {
  template <typename V>
  SKIFF_HD V operator()(V x, V dout) const {
    return dout / (x * V(2.302585092994046));
  }
};

struct Log1p {
  template <typename V>
  SKIFF_HD V operator()(V x) const {
    return math::Log1p(x);
  }
};

struct Log1pGrad {
  template <typename V>
  SKIFF_HD V operator()(V x, V dout) const {
    return dout / (V(1) + x);
  }
};

struct Abs {
  template <typename V>
  SKIFF_HD V operator()(V x) const {
    return V(math::Abs(x));
  }
};

struct AbsGrad {
  template <typename V>
  SKIFF_HD V operator()(V x, V dout) const {
    return dout * math::Sign(x);
  }
};

struct Floor {
  template <typename V>
  SKIFF_HD V operator()(V x) const {
    return math::Floor(x);
  }
};

struct Ceil {
  template <typename V>
  SKIFF_HD V operator()(V x) const {
    return math::Ceil(x);
  }
};

struct Trunc {
  template <typename V> SKIFF_HD V operator()(V x) const { return math::Trunc(x); }
};
struct Round {
  template <typename V>
  SKIFF_HD V operator()(V x) const {
    return math::Round(x);
  }
};

struct Sin {
  template <typename V>
  SKIFF_HD V operator()(V x) const {
    return math::Sin(x);
  }
};

struct SinGrad {
  template <typename V>
  SKIFF_HD V operator()(V x, V dout) const {
    return dout * math::Conj(math::Cos(x));
  }
};

struct Cos {
  template <typename V>
  SKIFF_HD V operator()(V x) const {
    return math::Cos(x);
  }
};

struct CosGrad {
  template <typename V>
  SKIFF_HD V operator()(V x, V dout) const {
    return -dout * math::Conj(math::Sin(x));
  }
};

struct Erf {
  template <typename V>
  SKIFF_HD V operator()(V x) const {
    return math::Erf(x);
  }
};

struct ErfGrad {
  template <typename V>
  SKIFF_HD V operator()(V x, V dout) const {
    return dout * V(1.1283791670955126) * math::Exp(-x * x);
  }
};

struct ZeroSlope {
  template <typename V>
  SKIFF_HD V operator()(V) const { return V(0); }
};

struct Sign {
  template <typename V>
  SKIFF_HD V operator()(V x) const { return math::Sign(x); }
};

SKIFF_UNARY(exp, "Out = e^X.")
    .Gradient(FromOut())
    .Kernel<Map<Exp>, SKIFF_FLOATS, SKIFF_COMPLEX>();

SKIFF_UNARY_GRAD(exp, "Out", "X@GRAD = Out@GRAD Out.")
    .Kernel<Map<ExpGrad>, SKIFF_FLOATS, SKIFF_COMPLEX>();

SKIFF_UNARY(log, "Out = ln X; -inf at 0, NaN below.")
    .Gradient(FromX())
    .Kernel<Map<Log>, SKIFF_FLOATS>();

SKIFF_UNARY_GRAD(log, "X", "X@GRAD = Out@GRAD / X.")
    .Gradient(SecondGrad("log_grad_grad", "X", "grad_out", "X@GRAD"))
    .Kernel<Map<LogGrad>, SKIFF_FLOATS>();

SKIFF_UNARY(log2, "Out = log2 X.")
    .Gradient(FromX())
    .Kernel<Map<Log2>, SKIFF_FLOATS>();

SKIFF_UNARY_GRAD(log2, "X", "X@GRAD = Out@GRAD / (X ln 2).")
    .Kernel<Map<Log2Grad>, SKIFF_FLOATS>();

SKIFF_UNARY(log10, "Out = log10 X.")
    .Gradient(FromX())
    .Kernel<Map<Log10>, SKIFF_FLOATS>();

SKIFF_UNARY_GRAD(log10, "X", "X@GRAD = Out@GRAD / (X ln 10).")
    .Kernel<Map<Log10Grad>, SKIFF_FLOATS>();

SKIFF_UNARY(log1p, "Out = ln(1 + X), exact near 0.")
    .Gradient(FromX())
    .Kernel<Map<Log1p>, SKIFF_FLOATS>();

SKIFF_UNARY_GRAD(log1p, "X", "X@GRAD = Out@GRAD / (1 + X).")
    .Kernel<Map<Log1pGrad>, SKIFF_FLOATS>();

SKIFF_OP(abs)
    .Doc("Out = |X|.")
    .Source("names of Paddle's abs")
    .Input("X", "any shape")
    .Output("Out", "shape of X; its dtype, the real one of complex numbers")
    .InferShape(InferReal)
    .Gradient(FromX())
    .Kernel<Map<Abs>, SKIFF_FLOATS, int32_t, int64_t, SKIFF_COMPLEX>();

SKIFF_OP(abs_grad)
    .Doc("X@GRAD = Out@GRAD sign(X); of a complex number, Out@GRAD X / |X|.")
    .Source("derivative of abs")
    .Input("X", "of the forward operator")
    .Input("Out@GRAD", "shape and dtype of Out")
    .Output("X@GRAD", "shape and dtype of X")
    .InferShape(Like("X@GRAD", "X"))
    .Gradient([](const GradContext& g) -> std::vector<Operator> {
      return {{"abs_double_grad", {{"x", g.In("X")}, {"grad_x@GRAD", g.OutGrad("X@GRAD")}},
               {{"grad_out@GRAD", g.InGrad("Out@GRAD")}}, g.fwd.attrs}};
    })
    .Kernel<Map<AbsGrad>, SKIFF_FLOATS, SKIFF_COMPLEX>();

SKIFF_UNARY(floor, "Out = the largest integer not above X.")
    .Gradient(StandardGrad({}, {}, {"Out"}, {"X"}))
    .Kernel<Map<Floor>, SKIFF_FLOATS>();

SKIFF_UNARY(ceil, "Out = the smallest integer not below X.")
    .Gradient(StandardGrad({}, {}, {"Out"}, {"X"}))
    .Kernel<Map<Ceil>, SKIFF_FLOATS>();

SKIFF_UNARY(round, "Out = the nearest integer; halves go away from zero.")
    .Gradient(StandardGrad({}, {}, {"Out"}, {"X"}))
    .Kernel<Map<Round>, SKIFF_FLOATS>();

SKIFF_UNARY(trunc, "Out = X without its fraction.")
    .InferShape(Like("Out", "X"))
    .Gradient(StandardGrad({}, {}, {"Out"}, {"X"}))
    .Kernel<Map<Trunc>, SKIFF_FLOATS, int32_t, int64_t>();

SKIFF_UNARY(sin, "Out = sin X, X in radians.")
    .Gradient(FromX())
    .Kernel<Map<Sin>, SKIFF_FLOATS, SKIFF_COMPLEX>();

SKIFF_UNARY_GRAD(sin, "X", "X@GRAD = Out@GRAD cos X.")
    .Gradient(SecondGrad("sin_double_grad", "X", "grad_out", "X@GRAD"))
    .Kernel<Map<SinGrad>, SKIFF_FLOATS, SKIFF_COMPLEX>();

SKIFF_UNARY(cos, "Out = cos X, X in radians.")
    .Gradient(FromX())
    .Kernel<Map<Cos>, SKIFF_FLOATS, SKIFF_COMPLEX>();

SKIFF_UNARY_GRAD(cos, "X", "X@GRAD = -Out@GRAD sin X.")
    .Gradient(SecondGrad("cos_double_grad", "X", "grad_out", "X@GRAD"))
    .Kernel<Map<CosGrad>, SKIFF_FLOATS, SKIFF_COMPLEX>();

SKIFF_UNARY(erf, "Out = the error function of X.")
    .Gradient(FromX())
    .Kernel<Map<Erf>, SKIFF_FLOATS>();

SKIFF_UNARY_GRAD(erf, "X", "X@GRAD = Out@GRAD 2 / sqrt(pi) exp(-X^2).")
    .Kernel<Map<ErfGrad>, SKIFF_FLOATS>();

SKIFF_OP(trunc_grad)
    .Doc("X@GRAD = 0: trunc is constant between integers.")
    .Source("Paddle's trunc_grad")
    .Input("Out@GRAD", "shape and dtype of Out")
    .Output("X@GRAD", "shape and dtype of X")
    .InferShape(Like("X@GRAD", "Out@GRAD"))
    .Inplace("Out@GRAD", "X@GRAD")
    .Kernel<Map<ZeroSlope>, SKIFF_FLOATS>();

SKIFF_OP(floor_grad)
    .Doc("X@GRAD = 0: floor is constant between integers.")
    .Source("Paddle's floor_grad")
    .Input("Out@GRAD", "shape and dtype of Out")
    .Output("X@GRAD", "shape and dtype of X")
    .InferShape(Like("X@GRAD", "Out@GRAD"))
    .Inplace("Out@GRAD", "X@GRAD")
    .Kernel<Map<ZeroSlope>, SKIFF_FLOATS>();

SKIFF_OP(ceil_grad)
    .Doc("X@GRAD = 0: ceil is constant between integers.")
    .Source("Paddle's ceil_grad")
    .Input("Out@GRAD", "shape and dtype of Out")
    .Output("X@GRAD", "shape and dtype of X")
    .InferShape(Like("X@GRAD", "Out@GRAD"))
    .Inplace("Out@GRAD", "X@GRAD")
    .Kernel<Map<ZeroSlope>, SKIFF_FLOATS>();

SKIFF_OP(round_grad)
    .Doc("X@GRAD = 0: round is constant between halves.")
    .Source("Paddle's round_grad")
    .Input("Out@GRAD", "shape and dtype of Out")
    .Output("X@GRAD", "shape and dtype of X")
    .InferShape(Like("X@GRAD", "Out@GRAD"))
    .Inplace("Out@GRAD", "X@GRAD")
    .Kernel<Map<ZeroSlope>, SKIFF_FLOATS>();

SKIFF_UNARY(sign, "Out = 1 where X > 0, -1 where X < 0, 0 at 0.")
    .Gradient([](const GradContext& g) -> std::vector<Operator> {
      return {{"scale", {{"X", g.OutGrad("Out")}}, {{"Out", g.InGrad("X")}}, {{"scale", 0.0f}}}};
    })
    .Kernel<Map<Sign>, SKIFF_FLOATS>();

}  // namespace
}  // namespace skiff
