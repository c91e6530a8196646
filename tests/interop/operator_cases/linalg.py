"""Linear algebra and einsum. See __init__.py. Where vectors may have either sign, only values are compared."""
import numpy as np

from operator_cases import NOT_COMPUTED, A, U, case


def regular(name, *shape, dtype="float64"):
    """A matrix far from singular."""
    random = np.random.RandomState(len(name))
    a = random.uniform(-1, 1, shape)
    return (a + 2.5 * np.eye(shape[-1])).astype(dtype)


def positive(name, *shape, dtype="float64"):
    a = regular(name, *shape)
    return (a @ np.swapaxes(a, -1, -2)).astype(dtype)


for dtype in ("float32", "float64"):
    case("linalg", "inverse_" + dtype, "inverse", {"Input": regular("i", 3, 3, dtype=dtype)}, {}, "Output")
case("linalg", "inverse_batch", "inverse", {"Input": regular("ib", 2, 3, 3)}, {}, "Output")
# Paddle declares other shapes than it gives and refuses gradients of the latter.
case("linalg", "determinant", "determinant", {"Input": regular("d", 2, 3, 3)}, gradient=False)
case("linalg", "determinant_one", "determinant", {"Input": regular("d1", 4, 4)}, gradient=False)
case("linalg", "slogdeterminant", "slogdeterminant", {"Input": -regular("sl", 2, 3, 3)}, gradient=False)
for name, x, y in (("one", (3, 3), (3, 2)), ("vector", (3, 3), (3,)), ("batch", (2, 3, 3), (2, 3, 2)), ("broadcast", (2, 3, 3), (3, 2))):
    case("linalg", "solve_" + name, "solve", {"X": regular(name, *x), "Y": U(*y, dtype="float64")})
for upper in (True, False):
    for transpose in (True, False):
        for unit in (True, False):
            case("linalg", f"triangular_solve_{upper}_{transpose}_{unit}", "triangular_solve", {"X": regular("t", 3, 3), "Y": U(3, 2, dtype="float64")},
                 {"upper": upper, "transpose": transpose, "unitriangular": unit},
                 gradient=upper or not unit)  # Paddle's has a diagonal where X's is not read
    case("linalg", f"cholesky_{upper}", "cholesky", {"X": positive("c", 2, 3, 3)}, {"upper": upper})
    factor = np.linalg.cholesky(positive("cs", 3, 3))
    case("linalg", f"cholesky_solve_{upper}", "cholesky_solve", {"X": U(3, 2, dtype="float64"), "Y": factor.T.copy() if upper else factor}, {"upper": upper})
for n in (0, 1, 3, -2):
    case("linalg", f"matrix_power_{n}", "matrix_power", {"X": regular("p", 2, 3, 3)}, {"n": n})
for name, shape in (("square", (3, 3)), ("batch", (2, 3, 3)), ("tall", (4, 3)), ("wide", (3, 4))):
    case("linalg", "lu_" + name, "lu", {"X": U(*shape, dtype="float64")}, {"pivots": True}, {"Out": 1, "Pivots": 1, "Infos": 1}, targets=["Out"], gradient=len(set(shape[-2:])) == 1)
case("linalg", "lu_unpack", "lu_unpack", {"X": U(3, 3, dtype="float64"), "Pivots": A([2, 3, 3], "int32")}, {"unpack_ludata": True, "unpack_pivots": True},
     {"Pmat": 1, "L": 1, "U": 1}, targets=["L", "U"])

for name, shape, mode in (("tall", (4, 3), "reduced"), ("wide", (2, 4), "reduced"), ("batch", (2, 3, 3), "reduced"), ("complete", (4, 2), "complete"), ("r", (3, 2), "r")):
    case("linalg", "qr_" + name, "qr", {"X": U(*shape, dtype="float64")}, {"mode": mode}, {"Q": 1 if mode != "r" else NOT_COMPUTED, "R": 1}, gradient=mode == "reduced")
for name, shape, full in (("tall", (4, 3), False), ("wide", (2, 4), False), ("batch", (2, 3, 3), False), ("full", (4, 2), True)):
    case("linalg", "svd_" + name, "svd", {"X": U(*shape, dtype="float64")}, {"full_matrices": full}, {"U": NOT_COMPUTED, "S": 1, "VH": NOT_COMPUTED}, targets=["S"])
for part in ("L", "U"):
    case("linalg", "eigh_" + part, "eigh", {"X": positive("e", 3, 3)}, {"UPLO": part}, {"Eigenvalues": 1, "Eigenvectors": NOT_COMPUTED}, targets=["Eigenvalues"])
    # Paddle's gradient of a stack of matrices is not symmetric.
    case("linalg", "eigvalsh_stack_" + part, "eigvalsh", {"X": positive("ev", 2, 3, 3)}, {"UPLO": part, "is_test": False},
         {"Eigenvalues": 1, "Eigenvectors": NOT_COMPUTED}, gradient=False)
    case("linalg", "eigvalsh_" + part, "eigvalsh", {"X": positive("ev", 3, 3)}, {"UPLO": part, "is_test": False}, {"Eigenvalues": 1, "Eigenvectors": NOT_COMPUTED},
         targets=["Eigenvalues"])
RANK = {"tol": 0.0, "hermitian": False, "use_default_tol": True}
case("linalg", "matrix_rank_full", "matrix_rank", {"X": regular("r", 2, 3, 3)}, RANK, gradient=False)
case("linalg", "matrix_rank_low", "matrix_rank", {"X": A([[1, 2, 3], [2, 4, 6], [1, 0, 1]], "float64")}, RANK, gradient=False)
case("linalg", "matrix_rank_tolerance", "matrix_rank", {"X": np.diag([5.0, 1.0, 0.1])}, {**RANK, "tol": 0.5, "use_default_tol": False}, gradient=False)
case("linalg", "matrix_rank_hermitian", "matrix_rank", {"X": positive("rh", 3, 3)}, {**RANK, "hermitian": True}, gradient=False)
case("linalg", "lstsq_tall", "lstsq", {"X": U(4, 2, dtype="float64"), "Y": U(4, 3, dtype="float64")}, {"rcond": 1e-15, "driver": "gelsd"},
     {"Solution": 1, "Residuals": 1, "Rank": 1, "SingularValues": 1}, gradient=False)
case("linalg", "multi_dot", "multi_dot", {"X": [U(2, 3), U(3, 4), U(4, 2)]})
case("linalg", "multi_dot_vectors", "multi_dot", {"X": [U(3), U(3, 4), U(4)]})

for name, equation, shapes in (("product", "ij,jk->ik", [(2, 3), (3, 4)]), ("sum", "i,j->", [(3,), (4,)]), ("outer", "i,j->ij", [(3,), (4,)]), ("batched", "bij,bjk->bik", [(2, 3, 4), (2, 4, 2)]),
                               ("turned", "bij,bkj->bik", [(2, 3, 4), (2, 5, 4)]), ("rows", "bi,ci->bc", [(3, 4), (2, 4)]), ("transpose", "ij->ji", [(2, 3)]), ("total", "ij->", [(2, 3)]),
                               ("diagonal", "ii->i", [(3, 3)]), ("trace", "ii->", [(3, 3)]), ("ellipsis", "...ij,...jk->...ik", [(2, 3, 4), (2, 4, 2)]),
                               ("heads", "bqhd,bkhd->bhqk", [(2, 3, 2, 4), (2, 5, 2, 4)]), ("left_sum", "ij,k->k", [(2, 3), (4,)])):
    case("linalg", "einsum_" + name, "einsum", {"Operands": [U(*shape) for shape in shapes]}, {"equation": equation},
         {"Out": 1, "InnerCache": NOT_COMPUTED, "XShape": NOT_COMPUTED}, targets=["Out"], gradient=False)
