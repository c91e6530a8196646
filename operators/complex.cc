// Complex numbers from real ones, and their parts. The dtype of a complex operand decides the kernel; a real
// operand or result of it is converted around the formula, as of other dtypes.
#include "operators/kernel/broadcast.h"
#include "operators/kernel/complex.h"
#include "operators/kernel/for_each.h"
#include "operators/kernel/unary.h"

namespace skiff {
namespace {

// Formulas over complex values: a real input comes as (x, 0), of a real output the real part is stored.
struct Compose {
  template <typename V> SKIFF_HD V operator()(V x, V y) const { return {x.re, y.re}; }
};
struct RealPart {
  template <typename V> SKIFF_HD V operator()(V z) const { return V(z.re); }
};
struct ImaginaryPart {
  template <typename V> SKIFF_HD V operator()(V z) const { return V(z.im); }
};
struct AsImaginary {
  template <typename V> SKIFF_HD V operator()(V x) const { return {0, x.re}; }
};
struct Conjugate {
  template <typename V> SKIFF_HD V operator()(V z) const { return math::Conj(z); }
};
struct Angle {
  template <typename R> SKIFF_HD Complex<R> operator()(Complex<R> z) const { return math::Arg(z); }
  template <typename V> SKIFF_HD V operator()(V x) const { return math::Select(x < V(0), V(M_PI), x != x ? x : V(0)); }
};
struct AngleGrad {  // d atan2(y, x) = (-y dx + x dy) / |z|^2; an angle of real numbers is a step
  template <typename R> SKIFF_HD Complex<R> operator()(Complex<R> z, Complex<R> dout) const {
    const R square = z.re * z.re + z.im * z.im;
    return {-dout.re * z.im / square, dout.re * z.re / square};
  }
  template <typename V> SKIFF_HD V operator()(V, V) const { return V(0); }
};

template <typename R>
struct CopyPart {
  const R* from;
  R* to;
  SKIFF_HD void operator()(int64_t i) const { to[i] = from[i]; }
};
/// Pairs of numbers and complex numbers lie alike.
struct CopyParts {
  template <typename C>
  static std::unique_ptr<Kernel> PrepareAs(const PrepareContext& c) {
    const bool to_complex = IsComplex(c.Output("Out").dtype);
    const int64_t parts = 2 * (to_complex ? c.Output("Out") : c.Input("X")).shape.NumElements();
    return MakeKernel([=](const KernelArgs& args) {
      ForEach(parts, 4096, args, CopyPart<C>{static_cast<const C*>(args.in[0]), static_cast<C*>(args.out[0])});
    });
  }
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    return SizeOf(RealDType(kDTypeOf<T>)) == 8 ? PrepareAs<double>(c) : PrepareAs<float>(c);
  }
};

SKIFF_OP(complex)
    .Doc("Out = X + i Y.")
    .Source("names of Paddle's complex")
    .Input("X", "real parts, float32 or float64")
    .Input("Y", "imaginary parts; broadcasts against X")
    .Output("Out", "broadcast shape, complex64 or complex128")
    .InferShape([](InferContext& c) {
      const DType x = c.Input("X").dtype, y = c.Input("Y").dtype;
      SKIFF_ENFORCE(x == y && (x == DType::kFloat32 || x == DType::kFloat64), InvalidArgument, "X is ", x, " and Y ", y,
                    "; both must be float32, or both float64");
      InferBroadcast(ComplexDType(x))(c);
    })
    .KeyedBy("Out")
    .Gradient(StandardGrad({"X", "Y"}, {}, {"Out"}, {"X", "Y"}))
    .Kernel<Broadcast<Compose>, SKIFF_COMPLEX>();

SKIFF_OP(complex_grad)
    .Doc("X@GRAD is the real part of Out@GRAD, Y@GRAD the imaginary part.")
    .Source("derivative of complex")
    .Input("X", "real parts")
    .Input("Y", "imaginary parts")
    .Input("Out@GRAD", "shape and dtype of Out")
    .OptionalOutput("X@GRAD", "shape and dtype of X: summed where X was broadcast")
    .OptionalOutput("Y@GRAD", "shape and dtype of Y: summed where Y was broadcast")
    .InferShape(GradsLikeInputs())
    .KeyedBy("Out@GRAD")
    .Kernel<BroadcastGrad<RealPart, ImaginaryPart>, SKIFF_COMPLEX>();

#define SKIFF_PART(type, doc, Part, grad_doc, Back)                     \
  SKIFF_OP(type)                                                        \
      .Doc(doc)                                                         \
      .Source("names of Paddle's " #type)                               \
      .Input("X", "complex64 or complex128")                            \
      .Output("Out", "shape of X, float32 or float64")                  \
      .InferShape(InferReal)                                            \
      .Gradient(StandardGrad({}, {}, {"Out"}, {"X"}))                   \
      .Kernel<Map<Part>, SKIFF_COMPLEX>();                              \
  SKIFF_OP(type##_grad)                                                 \
      .Doc(grad_doc)                                                    \
      .Source("derivative of " #type)                                   \
      .Input("Out@GRAD", "shape and dtype of Out")                      \
      .Output("X@GRAD", "shape of Out, the complex dtype of its parts") \
      .InferShape([](InferContext& c) {                                 \
        const TensorMeta out = c.Input("Out@GRAD");                     \
        c.SetOutput("X@GRAD", {out.shape, ComplexDType(out.dtype)});    \
      })                                                                \
      .KeyedBy("X@GRAD")                                                \
      .Kernel<Map<Back>, SKIFF_COMPLEX>()

SKIFF_PART(real, "Out = the real part of X.", RealPart, "X@GRAD = Out@GRAD.", RealPart);
SKIFF_PART(imag, "Out = the imaginary part of X.", ImaginaryPart, "X@GRAD = i Out@GRAD.", AsImaginary);

SKIFF_UNARY(conj, "Out = X with the imaginary part negated; real numbers as they are.")
    .InferShape(Like("Out", "X"))
    .Gradient([](const GradContext& g) -> std::vector<Operator> {
      return {{"conj", {{"X", g.OutGrad("Out")}}, {{"Out", g.InGrad("X")}}}};
    })
    .Kernel<Map<Conjugate>, SKIFF_COMPLEX, SKIFF_FLOATS, int32_t, int64_t>();

SKIFF_OP(angle)
    .Doc("Out = the argument of X in radians, in [-pi, pi]; of a real number 0, or pi where it is negative.")
    .Source("names of Paddle's angle")
    .Input("X", "complex or floating")
    .Output("Out", "shape of X, the real dtype of its parts")
    .InferShape(InferReal)
    .Gradient(FromX())
    .Kernel<Map<Angle>, SKIFF_COMPLEX, float, double>();

SKIFF_OP(angle_grad)
    .Doc("X@GRAD = i X Out@GRAD / |X|^2; 0 for real numbers.")
    .Source("derivative of angle")
    .Input("X", "of the forward operator")
    .Input("Out@GRAD", "shape and dtype of Out")
    .Output("X@GRAD", "shape and dtype of X")
    .InferShape(Like("X@GRAD", "X"))
    .Kernel<Map<AngleGrad>, SKIFF_COMPLEX, float, double>();

SKIFF_OP(as_complex)
    .Doc("Out[...] = X[..., 0] + i X[..., 1].")
    .Source("names of Paddle's as_complex")
    .Input("X", "[..., 2], float32 or float64")
    .Output("Out", "[...], complex64 or complex128")
    .InferShape([](InferContext& c) {
      const TensorMeta x = c.Input("X");
      SKIFF_ENFORCE(x.shape.rank() > 0 && x.shape[x.shape.rank() - 1] == 2, InvalidArgument, "X is ", x.shape,
                    "; its last extent must be 2: a real and an imaginary part");
      SKIFF_ENFORCE(x.dtype == DType::kFloat32 || x.dtype == DType::kFloat64, InvalidArgument, "X is ", x.dtype,
                    "; it may be float32 or float64");
      Shape out = x.shape;
      out.Erase(out.rank() - 1);
      c.SetOutput("Out", {out, ComplexDType(x.dtype)});
    })
    .Kernel<CopyParts, float, double>()
    .Gradient([](const GradContext& g) -> std::vector<Operator> {
      return {{"as_real", {{"X", g.OutGrad("Out")}}, {{"Out", g.InGrad("X")}}}};
    });

SKIFF_OP(as_real)
    .Doc("Out[..., 0] is the real part of X[...], Out[..., 1] the imaginary part.")
    .Source("names of Paddle's as_real")
    .Input("X", "[...], complex64 or complex128")
    .Output("Out", "[..., 2], float32 or float64")
    .InferShape([](InferContext& c) {
      const TensorMeta x = c.Input("X");
      SKIFF_ENFORCE(IsComplex(x.dtype), InvalidArgument, "X is ", x.dtype, "; it must be complex64 or complex128");
      Shape out = x.shape;
      out.Append(2);
      c.SetOutput("Out", {out, RealDType(x.dtype)});
    })
    .Kernel<CopyParts, SKIFF_COMPLEX>()
    .Gradient([](const GradContext& g) -> std::vector<Operator> {
      return {{"as_complex", {{"X", g.OutGrad("Out")}}, {{"Out", g.InGrad("X")}}}};
    });

}  // namespace
}  // namespace skiff
