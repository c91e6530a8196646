#include "framework/layers/linalg.h"

#include "framework/layers/layer_helper.h"

namespace skiff::layers {

namespace {

Var One(const std::string& layer, const std::string& op, Slots inputs, const Attrs& attrs, const Var& x, const char* function,
        const Origin& at, const std::string& out = "Out") {
  const LayerHelper helper(layer, "", at.Of(function));
  return helper.AppendOp(op, std::move(inputs), attrs, helper.CreateTemporary(x.dtype()), out);
}

Var Transform(const std::string& op, const Var& x, const std::vector<int64_t>& axes, const std::string& norm, bool forward,
              Attrs more, const char* function, const Origin& at) {
  more.Set("axes", axes);
  more.Set("normalization", norm);
  more.Set("forward", forward);
  return One(op, op, {{"X", {x.name()}}}, more, x, function, at);
}

}  // namespace

Var Inverse(const Var& x, Origin at) {
  return One("inverse", "inverse", {{"Input", {x.name()}}}, {}, x, "layers::Inverse", at, "Output");
}
Var Determinant(const Var& x, Origin at) {
  return One("determinant", "determinant", {{"Input", {x.name()}}}, {}, x, "layers::Determinant", at);
}
Var Solve(const Var& a, const Var& b, Origin at) {
  return One("solve", "solve", {{"X", {a.name()}}, {"Y", {b.name()}}}, {}, a, "layers::Solve", at);
}
Var TriangularSolve(const Var& a, const Var& b, const TriangularSolveOptions& options, Origin at) {
  return One("triangular_solve", "triangular_solve", {{"X", {a.name()}}, {"Y", {b.name()}}},
             {{"upper", options.upper}, {"transpose", options.transpose}, {"unitriangular", options.unitriangular}}, a,
             "layers::TriangularSolve", at);
}
Var Cholesky(const Var& x, bool upper, Origin at) {
  return One("cholesky", "cholesky", {{"X", {x.name()}}}, {{"upper", upper}}, x, "layers::Cholesky", at);
}
Var MatrixPower(const Var& x, int n, Origin at) {
  return One("matrix_power", "matrix_power", {{"X", {x.name()}}}, {{"n", n}}, x, "layers::MatrixPower", at);
}

QrFactors Qr(const Var& x, const std::string& mode, Origin at) {
  const LayerHelper helper("qr", "", at.Of("layers::Qr"));
  const QrFactors out{helper.CreateTemporary(x.dtype()), helper.CreateTemporary(x.dtype())};
  helper.AppendOp({"qr", {{"X", {x.name()}}}, {{"Q", {out.q.name()}}, {"R", {out.r.name()}}}, {{"mode", mode}}});
  return out;
}
SvdFactors Svd(const Var& x, bool full_matrices, Origin at) {
  const LayerHelper helper("svd", "", at.Of("layers::Svd"));
  const SvdFactors out{helper.CreateTemporary(x.dtype()), helper.CreateTemporary(x.dtype()), helper.CreateTemporary(x.dtype())};
  helper.AppendOp({"svd", {{"X", {x.name()}}}, {{"U", {out.u.name()}}, {"S", {out.s.name()}}, {"VH", {out.vh.name()}}},
                   {{"full_matrices", full_matrices}}});
  return out;
}
EigenPairs Eigh(const Var& x, const std::string& uplo, Origin at) {
  const LayerHelper helper("eigh", "", at.Of("layers::Eigh"));
  const EigenPairs out{helper.CreateTemporary(x.dtype()), helper.CreateTemporary(x.dtype())};
  helper.AppendOp({"eigh", {{"X", {x.name()}}}, {{"Eigenvalues", {out.values.name()}}, {"Eigenvectors", {out.vectors.name()}}},
                   {{"UPLO", uplo}}});
  return out;
}

Var Einsum(const std::string& equation, const std::vector<Var>& operands, Origin at) {
  SKIFF_ENFORCE(!operands.empty(), InvalidArgument, at.Of("layers::Einsum"), ": \"", equation, "\" has no operands");
  std::vector<std::string> names;
  for (const Var& operand : operands) names.push_back(operand.name());
  return One("einsum", "einsum", {{"Operands", names}}, {{"equation", equation}}, operands.front(), "layers::Einsum", at);
}

Var Complex(const Var& real, const Var& imaginary, Origin at) {
  return One("complex", "complex", {{"X", {real.name()}}, {"Y", {imaginary.name()}}}, {}, real, "layers::Complex", at);
}
Var Real(const Var& x, Origin at) { return One("real", "real", {{"X", {x.name()}}}, {}, x, "layers::Real", at); }
Var Imag(const Var& x, Origin at) { return One("imag", "imag", {{"X", {x.name()}}}, {}, x, "layers::Imag", at); }
Var Conj(const Var& x, Origin at) { return One("conj", "conj", {{"X", {x.name()}}}, {}, x, "layers::Conj", at); }
Var Angle(const Var& x, Origin at) { return One("angle", "angle", {{"X", {x.name()}}}, {}, x, "layers::Angle", at); }

Var Fft(const Var& x, const std::vector<int64_t>& axes, const std::string& norm, Origin at) {
  return Transform("fft_c2c", x, axes, norm, true, {}, "layers::Fft", at);
}
Var InverseFft(const Var& x, const std::vector<int64_t>& axes, const std::string& norm, Origin at) {
  return Transform("fft_c2c", x, axes, norm, false, {}, "layers::InverseFft", at);
}
Var RealFft(const Var& x, const std::vector<int64_t>& axes, const std::string& norm, Origin at) {
  return Transform("fft_r2c", x, axes, norm, true, {{"onesided", true}}, "layers::RealFft", at);
}
Var InverseRealFft(const Var& x, const std::vector<int64_t>& axes, int64_t points, const std::string& norm, Origin at) {
  return Transform("fft_c2r", x, axes, norm, false, {{"last_dim_size", points}}, "layers::InverseRealFft", at);
}

}  // namespace skiff::layers
