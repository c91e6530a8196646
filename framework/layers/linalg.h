// Linear algebra over stacks of matrices [..., rows, columns], complex numbers and Fourier transforms. Paddle's functions are
// those of paddle.linalg and paddle.fft.
#pragma once

#include <string>
#include <vector>

#include "framework/layers/layers.h"

namespace skiff::layers {

#define SKIFF_HERE Origin at = std::source_location::current()

/// The inverse of square matrices. A singular one is an InvalidArgument when it runs.
Var Inverse(const Var& x, SKIFF_HERE);
/// [...]: the determinant of each matrix.
Var Determinant(const Var& x, SKIFF_HERE);
/// The solution X of A X = B; B [..., n, k], or [..., n] with A [..., n, n].
Var Solve(const Var& a, const Var& b, SKIFF_HERE);
struct TriangularSolveOptions {
  bool upper = true;
  bool transpose = false;       // solves A' X = B
  bool unitriangular = false;   // ones on the diagonal
};
Var TriangularSolve(const Var& a, const Var& b, const TriangularSolveOptions& options = {}, SKIFF_HERE);
/// The triangular factor of positive definite matrices: A = L L', or U' U where upper.
Var Cholesky(const Var& x, bool upper = false, SKIFF_HERE);
Var MatrixPower(const Var& x, int n, SKIFF_HERE);

struct QrFactors {
  Var q, r;
};
/// @param mode  "reduced", "complete" or "r".
QrFactors Qr(const Var& x, const std::string& mode = "reduced", SKIFF_HERE);
struct SvdFactors {
  Var u, s, vh;  // x = u diag(s) vh
};
SvdFactors Svd(const Var& x, bool full_matrices = false, SKIFF_HERE);
struct EigenPairs {
  Var values, vectors;
};
/// Of symmetric matrices, values ascending. @param uplo  the triangle that is read, "L" or "U".
EigenPairs Eigh(const Var& x, const std::string& uplo = "L", SKIFF_HERE);

/// A sum of products by subscripts, "bij,bjk->bik".
Var Einsum(const std::string& equation, const std::vector<Var>& operands, SKIFF_HERE);

/// real + i imaginary, the parts of a complex variable, its absolute value and angle.
Var Complex(const Var& real, const Var& imaginary, SKIFF_HERE);
Var Real(const Var& x, SKIFF_HERE);
Var Imag(const Var& x, SKIFF_HERE);
Var Conj(const Var& x, SKIFF_HERE);
Var Angle(const Var& x, SKIFF_HERE);

/// The transform of complex x along `axes`. @param norm  "backward", "forward" or "ortho": which direction is scaled.
Var Fft(const Var& x, const std::vector<int64_t>& axes, const std::string& norm = "backward", SKIFF_HERE);
Var InverseFft(const Var& x, const std::vector<int64_t>& axes, const std::string& norm = "backward", SKIFF_HERE);
/// Of real x: the first n / 2 + 1 points along the last of `axes`; and back to `points` of them, 2 (n - 1) where 0.
Var RealFft(const Var& x, const std::vector<int64_t>& axes, const std::string& norm = "backward", SKIFF_HERE);
Var InverseRealFft(const Var& x, const std::vector<int64_t>& axes, int64_t points = 0, const std::string& norm = "backward",
                   SKIFF_HERE);

#undef SKIFF_HERE

}  // namespace skiff::layers
