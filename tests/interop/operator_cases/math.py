"""Special functions, running results, diagonals, products, order statistics, tensors from nothing. See __init__.py."""
import numpy as np

from operator_cases import A, B, D, I, U, case

for op, low, high in (("acosh", 1.1, 4.0), ("asinh", -3.0, 3.0), ("atanh", -0.9, 0.9), ("lgamma", 0.2, 6.0), ("digamma", 0.3, 6.0), ("erfinv", -0.95, 0.95),
                      ("trunc", -3.0, 3.0)):
    for dtype in ("float32", "float64"):
        case("math", f"{op}_{dtype}", op, {"X": U(3, 5, low=low, high=high, dtype=dtype)})
case("math", "lgamma_negative", "lgamma", {"X": U(3, 5, low=-3.9, high=-0.1)})
case("math", "digamma_negative", "digamma", {"X": U(3, 5, low=-2.9, high=-0.1)})
for op in ("i0", "i0e", "i1", "i1e"):
    case("math", op, op, {"x": U(4, 5, low=-12, high=12)}, outputs="out")
    case("math", op + "_float64", op, {"x": A([-60.0, -30.5, -29.5, -7.75, -0.5, 0.25, 3.0, 31.0, 80.0], "float64")}, outputs="out")
for n in (1, 2, 3):
    case("math", f"polygamma_{n}", "polygamma", {"x": U(3, 4, low=0.3, high=5.0, dtype="float64")}, {"n": n}, "out")
case("math", "logit", "logit", {"X": U(3, 4, low=0.0, high=1.0)}, {"eps": 0.1})
case("math", "logit_no_bounds", "logit", {"X": U(3, 4, low=0.05, high=0.95)}, {"eps": 0.0})
case("math", "trunc_int64", "trunc", {"X": I(3, 4)}, gradient=False)

for op in ("elementwise_fmax", "elementwise_fmin"):
    case("math", op, op, {"X": U(2, 3, 4), "Y": U(2, 3, 4)}, {"axis": -1})
    case("math", op + "_broadcast", op, {"X": U(2, 3, 4), "Y": U(3, 1)}, {"axis": -1})
    case("math", op + "_nan", op, {"X": A([1, np.nan, 2, np.nan]), "Y": A([np.nan, 1, 3, np.nan])}, {"axis": -1}, gradient=False)
case("math", "elementwise_heaviside", "elementwise_heaviside", {"X": A([-1.5, 0, 2, 0, -3]), "Y": U(5)}, {"axis": -1})
case("math", "minus", "minus", {"X": U(3, 4), "Y": U(3, 4)})
for dtype in ("float32", "float64"):
    case("math", "atan2_" + dtype, "atan2", {"X1": U(3, 5, dtype=dtype), "X2": U(3, 5, dtype=dtype)})
case("math", "nextafter", "nextafter", {"x": U(2, 3), "y": U(2, 3)}, outputs="out", gradient=False)
for op in ("bitwise_and", "bitwise_or", "bitwise_xor"):
    for dtype in ("int32", "int64", "uint8", "int8", "int16"):
        case("math", f"{op}_{dtype}", op, {"X": I(2, 5, low=0, high=100, dtype=dtype), "Y": I(2, 5, low=0, high=100, dtype=dtype)}, gradient=False)
    case("math", op + "_bool", op, {"X": B(3, 4), "Y": B(3, 4)}, gradient=False)
for dtype in ("int32", "int64", "uint8"):
    case("math", "bitwise_not_" + dtype, "bitwise_not", {"X": I(2, 5, low=0, high=100, dtype=dtype)}, gradient=False)
case("math", "bitwise_not_bool", "bitwise_not", {"X": B(3, 4)}, gradient=False)

S = {"axis": -1, "flatten": False, "exclusive": False, "reverse": False}
for op in ("cumsum", "logcumsumexp"):
    for name, attrs in (("plain", {}), ("first", {"axis": 0}), ("reverse", {"axis": 1, "reverse": True}), ("exclusive", {"axis": 1, "exclusive": True}),
                        ("both", {"exclusive": True, "reverse": True}), ("flatten", {"flatten": True})):
        case("math", f"{op}_{name}", op, {"X": U(2, 3, 4)}, {**S, **attrs}, gradient=not (op == "logcumsumexp" and attrs.get("exclusive")))
case("math", "cumsum_int64", "cumsum", {"X": I(2, 5)}, S, gradient=False)
case("math", "cumsum_float64", "cumsum", {"X": U(2, 5, dtype="float64")}, S)
case("math", "cumprod", "cumprod", {"X": U(2, 3, 4)}, {"dim": 1})
case("math", "cumprod_zeros", "cumprod", {"X": A([[1.5, 0, 2, -1], [0, 3, 0, 2], [2, 3, -1, 0.5]])}, {"dim": 1})
for op in ("cummax", "cummin"):
    for dtype in (2, 3):
        case("math", f"{op}_{dtype}", op, {"x": U(2, 3, 4)}, {"axis": 1, "dtype": dtype}, {"out": 1, "indices": 1}, targets=["out"])
    case("math", op + "_ties", op, {"x": A([[1, 3, 3, 2, 3], [2, 2, 1, 1, 5]])}, {"axis": -1, "dtype": 3}, {"out": 1, "indices": 1}, targets=["out"])

for name, axis, keep, everything in (("one", [1], False, False), ("two", [0, -1], True, False), ("all", [0], False, True), ("kept", [0], True, False)):
    case("math", "logsumexp_" + name, "logsumexp", {"X": U(2, 3, 4)}, {"axis": axis, "keepdim": keep, "reduce_all": everything})
    for op in ("reduce_amax", "reduce_amin"):
        case("math", f"{op}_{name}", op, {"X": I(2, 3, 4, low=0, high=3, dtype="float32")}, {"dim": [] if everything else axis, "keep_dim": keep, "reduce_all": everything})

for name, shape, attrs in (("plain", (3, 4), {}), ("above", (3, 4), {"offset": 1}), ("below", (4, 3), {"offset": -2}), ("axes", (2, 3, 4), {"axis1": 2, "axis2": 0}),
                           ("inner", (2, 3, 3), {"axis1": 1, "axis2": -1, "offset": 1})):
    attrs = {"offset": 0, "axis1": 0, "axis2": 1, **attrs}
    case("math", "diagonal_" + name, "diagonal", {"Input": U(*shape)}, attrs)
    case("math", "trace_" + name, "trace", {"Input": U(*shape)}, attrs)
for name, shape, attrs in (("plain", (3,), {}), ("above", (2, 3), {"offset": 1}), ("below", (2, 2), {"offset": -1, "dim1": 0, "dim2": 2})):
    case("math", "diag_embed_" + name, "diag_embed", {"Input": U(*shape)}, {"offset": 0, "dim1": -2, "dim2": -1, **attrs}, gradient=False)
for name, shape, offset in (("vector", (3,), 0), ("vector_above", (3,), 2), ("vector_below", (2,), -1), ("matrix", (3, 4), 0), ("matrix_above", (3, 4), 1),
                            ("matrix_below", (4, 3), -1)):
    case("math", "diag_v2_" + name, "diag_v2", {"X": U(*shape)}, {"offset": offset, "padding_value": 0.5 if len(shape) == 1 else 0.0})
for name, shape, attrs in (("square", (3, 3), {}), ("wide", (3, 5), {"offset": 1}), ("tall", (7, 3), {}), ("wrapped", (7, 3), {"wrap": True}), ("below", (4, 4), {"offset": -1})):
    case("math", "fill_diagonal_" + name, "fill_diagonal", {"X": U(*shape)}, {"value": 2.5, "offset": 0, "wrap": False, **attrs})
case("math", "fill_diagonal_tensor", "fill_diagonal_tensor", {"X": U(3, 4), "Y": U(3)}, {"offset": 0, "dim1": 0, "dim2": 1})
case("math", "fill_diagonal_tensor_axes", "fill_diagonal_tensor", {"X": U(3, 2, 4), "Y": U(2, 3)}, {"offset": 1, "dim1": 0, "dim2": 2})

case("math", "dot_vectors", "dot", {"X": U(5), "Y": U(5)})
case("math", "dot_rows", "dot", {"X": U(3, 5), "Y": U(3, 5)})
case("math", "dot_int64", "dot", {"X": I(5), "Y": I(5)}, gradient=False)
case("math", "mv", "mv", {"X": U(3, 4), "Vec": U(4)})
case("math", "addmm", "addmm", {"Input": U(2, 4), "X": U(2, 3), "Y": U(3, 4)}, {"Alpha": 1.0, "Beta": 1.0})
case("math", "addmm_scaled", "addmm", {"Input": U(1, 4), "X": U(2, 3), "Y": U(3, 4)}, {"Alpha": 0.5, "Beta": 2.0})
case("math", "kron_matrices", "kron", {"X": U(2, 3), "Y": U(3, 2)})
case("math", "kron_ranks", "kron", {"X": U(2), "Y": U(2, 2, 3)})
case("math", "cross_default", "cross", {"X": U(2, 3, 4), "Y": U(2, 3, 4)}, {"dim": 9})
case("math", "cross_last", "cross", {"X": U(3, 3), "Y": U(3, 3)}, {"dim": -1})
case("math", "bilinear_tensor_product", "bilinear_tensor_product", {"X": U(3, 2), "Y": U(3, 4), "Weight": U(5, 2, 4), "Bias": U(1, 5)})
case("math", "bilinear_tensor_product_bare", "bilinear_tensor_product", {"X": U(3, 2), "Y": U(3, 4), "Weight": U(2, 2, 4)})
for p in (0.0, 1.0, 2.0, 3.0):
    case("math", f"dist_{p}", "dist", {"X": U(2, 3), "Y": U(2, 3)}, {"p": p})
case("math", "dist_broadcast", "dist", {"X": U(2, 3), "Y": U(3)}, {"p": 2.0})
for p in (1.0, 2.0, 3.0):
    case("math", f"renorm_{p}", "renorm", {"X": U(3, 4, 2)}, {"p": p, "axis": 1, "max_norm": 1.5})
case("math", "l1_norm", "l1_norm", {"X": U(3, 4)})
case("math", "lerp", "lerp", {"X": U(2, 3), "Y": U(2, 3), "Weight": U(2, 3)})
case("math", "lerp_one_weight", "lerp", {"X": U(2, 3), "Y": U(2, 3), "Weight": U(1)})
case("math", "lerp_broadcast", "lerp", {"X": U(2, 3), "Y": U(3), "Weight": U(1)})

for k in (1, 3, 4):
    case("math", f"kthvalue_{k}", "kthvalue", {"X": D(3, 4)}, {"k": k, "axis": -1, "keepdim": False}, {"Out": 1, "Indices": 1}, targets=["Out"])
case("math", "kthvalue_kept", "kthvalue", {"X": D(3, 4, 2)}, {"k": 2, "axis": 1, "keepdim": True}, {"Out": 1, "Indices": 1}, targets=["Out"])
case("math", "mode_rows", "mode", {"X": A([[1, 2, 2, 3, 1, 2], [4, 4, 1, 1, 3, 3]])}, {"axis": -1, "keepdim": False}, {"Out": 1, "Indices": 1}, targets=["Out"])
case("math", "mode_columns", "mode", {"X": A([[1, 2, 2], [1, 3, 2], [2, 3, 1]])}, {"axis": 0, "keepdim": True}, {"Out": 1, "Indices": 1}, targets=["Out"])
for right in (False, True):
    case("math", f"searchsorted_line_{right}", "searchsorted", {"SortedSequence": A([1, 3, 5, 7, 9]), "Values": A([[3, 6, 9], [0, 10, 1]])},
         {"out_int32": False, "right": right}, gradient=False)
    case("math", f"searchsorted_rows_{right}", "searchsorted", {"SortedSequence": A([[1, 3, 5], [2, 4, 6]], "int64"), "Values": A([[3, 6], [2, 5]], "int64")},
         {"out_int32": True, "right": right}, gradient=False)
case("math", "histogram", "histogram", {"X": A([1, 2, 1, 0.5, 3, 4])}, {"bins": 4, "min": 0, "max": 3}, gradient=False)
case("math", "histogram_own_bounds", "histogram", {"X": A([1, 2, 1, 5, 3], "int64")}, {"bins": 5, "min": 0, "max": 0}, gradient=False)

for op in ("isclose", "allclose"):
    case("math", op, op, {"Input": A([1, 2, 3, np.nan]), "Other": A([1.00001, 2.1, 3, np.nan])}, {"rtol": "1e-04", "atol": "1e-08", "equal_nan": False}, gradient=False)
    case("math", op + "_nan", op, {"Input": A([1, np.nan, np.inf]), "Other": A([1, np.nan, np.inf])}, {"rtol": "1e-05", "atol": "1e-08", "equal_nan": True}, gradient=False)
case("math", "equal_all_yes", "equal_all", {"X": A([1, 2]), "Y": A([1, 2])}, gradient=False)
case("math", "equal_all_no", "equal_all", {"X": A([1, 2], "int64"), "Y": A([1, 3], "int64")}, gradient=False)
for op in ("isinf", "isnan"):
    for name, values in (("plain", [1, 2]), ("inf", [1, np.inf]), ("nan", [np.nan, 1])):
        case("math", f"{op}_{name}", op, {"X": A(values)}, gradient=False)

case("math", "eye_int64", "eye", {}, {"num_rows": 3, "num_columns": -1, "dtype": 3}, gradient=False)
for dtype, code in (("float32", 5), ("float64", 6), ("int32", 2), ("int64", 3)):
    case("math", "linspace_" + dtype, "linspace", {"Start": A([0], dtype), "Stop": A([10], dtype), "Num": A([7], "int32")}, {"dtype": code}, gradient=False)
case("math", "linspace_one", "linspace", {"Start": A([2.5]), "Stop": A([10]), "Num": A([1], "int32")}, {"dtype": 5}, gradient=False)
case("math", "logspace", "logspace", {"Start": A([-1]), "Stop": A([2]), "Num": A([4], "int32"), "Base": A([2])}, {"dtype": 5}, gradient=False)
for offset in (-1, 0, 2):
    case("math", f"tril_indices_{offset}", "tril_indices", {}, {"rows": 3, "cols": 4, "offset": offset, "dtype": 3}, "out", gradient=False)
    case("math", f"triu_indices_{offset}", "triu_indices", {}, {"row": 3, "col": 4, "offset": offset, "dtype": 2}, "out", gradient=False)
case("math", "fill_any", "fill_any", {"X": U(2, 3)}, {"value": 2.5})
case("math", "size", "size", {"Input": U(2, 3)}, gradient=False)
case("math", "meshgrid", "meshgrid", {"X": [U(2), U(3), U(4)]}, outputs={"Out": 3})
case("math", "broadcast_tensors", "broadcast_tensors", {"X": [U(2, 1), U(3), U(1, 2, 3)]}, outputs={"Out": 3})
case("math", "reverse", "reverse", {"X": U(2, 3, 4)}, {"axis": [0, 2]})
case("math", "expand_attrs", "expand", {"X": U(2, 3)}, {"expand_times": [2, 1]})
case("math", "expand_tensor", "expand", {"X": U(2, 3), "ExpandTimes": A([1, 3], "int32")}, {"expand_times": []})
case("math", "expand_list", "expand", {"X": U(2, 3), "expand_times_tensor": [A([2], "int32"), A([2], "int32")]}, {"expand_times": [-1, -1]})
