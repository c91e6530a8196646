"""Element by element, comparisons, reductions, products, creation. See __init__.py."""
import numpy as np

from operator_cases import A, B, D, I, NOT_COMPUTED, U, case  # noqa: F401

# ---------------------------------------------------------------- elementwise with every axis form
FORMS = {
    "same": ((2, 3, 4), (2, 3, 4), -1), "last": ((2, 3, 4), (4,), -1), "last_two": ((2, 3, 4), (3, 4), -1),
    "middle": ((2, 3, 4), (3,), 1), "first": ((2, 3, 4), (2,), 0), "first_two": ((2, 3, 4), (2, 3), 0),
    "middle_two": ((2, 3, 4, 5), (3, 4), 1), "trailing_one_trimmed": ((2, 3, 4), (2, 1), 0), "axis_of_last": ((2, 3, 4), (4,), 2),
    "both_ways": ((2, 1, 4), (3, 1), -1), "one": ((2, 3), (1,), -1), "scalar": ((2, 3), (), -1), "scalars": ((), (), -1),
    "x_smaller": ((4,), (2, 3, 4), -1), "x_smaller_middle": ((3,), (2, 3, 4), 1), "vectors": ((17,), (17,), -1),
}
NO_AXIS_GRADIENT = ("max", "min", "pow")  # Paddle 2.6.2 stops with an error when it must align Y by axis there
for op in ("add", "sub", "mul", "div", "max", "min", "pow", "mod", "floordiv"):
    signed = op not in ("pow", "div", "mod", "floordiv")
    for form, (x, y, axis) in FORMS.items():
        low = -2.0 if signed else 0.5
        case("elementwise", f"elementwise_{op}_{form}", "elementwise_" + op,
             {"X": U(*x, low=0.5 if op == "pow" else -2.0), "Y": U(*y, low=low)}, {"axis": axis},
             gradient=axis == -1 or op not in NO_AXIS_GRADIENT)
    for dtype in ("int32", "int64"):
        case("elementwise", f"elementwise_{op}_{dtype}", "elementwise_" + op,
             {"X": I(2, 3, low=0 if op == "pow" else -7, high=8, dtype=dtype), "Y": I(3, low=-3 if signed else 1, high=4, dtype=dtype)}, {"axis": -1})
    case("elementwise", f"elementwise_{op}_float64", "elementwise_" + op,
         {"X": U(2, 3, low=0.5, dtype="float64"), "Y": U(2, 3, low=0.5, dtype="float64")})
for op in ("mod", "floordiv"):
    case("elementwise", f"elementwise_{op}_signs", "elementwise_" + op,
         {"X": A([7, -7, 7, -7, 0, 6, -6], "int64"), "Y": A([3, 3, -3, -3, 5, 2, 2], "int64")})
    case("elementwise", f"elementwise_{op}_float_signs", "elementwise_" + op, {"X": A([7.5, -7.5, 7.5, -7.5]), "Y": A([2.0, 2.0, -2.0, -2.0])})
for op in ("max", "min"):
    case("elementwise", f"elementwise_{op}_ties", "elementwise_" + op, {"X": A([1, 2, 3, 3]), "Y": A([1, 3, 3, 2])})
case("elementwise", "elementwise_div_by_zero", "elementwise_div", {"X": A([1, -1, 0]), "Y": A([0, 0, 0])}, gradient=False)
case("elementwise", "elementwise_pow_special", "elementwise_pow", {"X": A([-2, -2, 0, 0, 4]), "Y": A([2, 3, 0, 2, 0.5])}, gradient=False)
for name, count, shape in (("one", 1, (2, 3)), ("two", 2, (2, 3)), ("five", 5, (4,)), ("scalars", 3, ())):
    case("elementwise", "sum_" + name, "sum", {"X": [U(*shape) for _ in range(count)]})
case("elementwise", "sum_int64", "sum", {"X": [I(2, 3), I(2, 3)]})

# ---------------------------------------------------------------- comparisons and logic
for op in ("equal", "not_equal", "less_than", "less_equal", "greater_than", "greater_equal"):
    case("compare", op + "_ties", op, {"X": A([1, 2, 3, 4]), "Y": A([1, 3, 2, 4])})
    case("compare", op + "_broadcast", op, {"X": I(2, 3, low=0, high=3), "Y": I(3, low=0, high=3)})
    case("compare", op + "_scalar", op, {"X": U(2, 3), "Y": A(0.5)})
    case("compare", op + "_nan", op, {"X": A([np.nan, 1, np.nan, np.inf]), "Y": A([np.nan, np.nan, 1, np.inf])})
for op in ("equal", "not_equal"):
    case("compare", op + "_bool", op, {"X": B(6), "Y": B(6)})
for op in ("logical_and", "logical_or", "logical_xor"):
    case("compare", op, op, {"X": B(2, 5), "Y": B(2, 5)})
    case("compare", op + "_broadcast", op, {"X": B(2, 5), "Y": B(5)})
    case("compare", op + "_int", op, {"X": I(6, low=-1, high=2), "Y": I(6, low=-1, high=2)})
case("compare", "logical_not", "logical_not", {"X": B(2, 5)})
case("compare", "logical_not_float", "logical_not", {"X": A([0, 1, -0.0, np.nan])})
case("compare", "where", "where", {"Condition": B(3, 4), "X": U(3, 4), "Y": U(3, 4)})
case("compare", "isfinite_v2", "isfinite_v2", {"X": A([0, np.inf, -np.inf, np.nan])})
case("compare", "isnan_v2", "isnan_v2", {"X": A([0, np.inf, -np.inf, np.nan])})
case("compare", "isinf_v2", "isinf_v2", {"X": A([0, np.inf, -np.inf, np.nan])})

# ---------------------------------------------------------------- reductions
REDUCTIONS = {"default": {}, "axis0": {"dim": [0]}, "axis1": {"dim": [1]}, "last": {"dim": [-1]}, "outer": {"dim": [0, 2]},
              "all_axes": {"dim": [0, 1, 2]}, "all": {"reduce_all": True, "dim": []}, "keep": {"dim": [1], "keep_dim": True},
              "keep_last_two": {"dim": [-2, -1], "keep_dim": True}, "keep_all": {"reduce_all": True, "keep_dim": True}}
for op in ("sum", "mean", "max", "min", "prod", "all", "any"):
    for form, attrs in REDUCTIONS.items():
        case("reduce", f"reduce_{op}_{form}", "reduce_" + op, {"X": B(2, 3, 4) if op in ("all", "any") else U(2, 3, 4)}, attrs)
    if op not in ("all", "any"):
        case("reduce", f"reduce_{op}_float64", "reduce_" + op, {"X": U(3, 5, dtype="float64")}, {"dim": [1]})
        case("reduce", f"reduce_{op}_scalar", "reduce_" + op, {"X": U()}, {"reduce_all": True, "dim": []})
        case("reduce", f"reduce_{op}_vector", "reduce_" + op, {"X": U(33)}, {"dim": [0]})
        case("reduce", f"reduce_{op}_long", "reduce_" + op, {"X": U(2, 257, low=0.9, high=1.1)}, {"dim": [1]})
    if op in ("sum", "max", "min", "prod"):
        for dtype in ("int32", "int64"):
            case("reduce", f"reduce_{op}_{dtype}", "reduce_" + op, {"X": I(3, 4, dtype=dtype)}, {"dim": [0]})
for op in ("max", "min"):
    case("reduce", f"reduce_{op}_ties", "reduce_" + op, {"X": A([[1, 3, 3], [2, 2, 2]])}, {"dim": [1]})
case("reduce", "reduce_prod_zero", "reduce_prod", {"X": A([[0, 3, 2], [0, 0, 2]])}, {"dim": [1]}, gradient=False)  # Paddle's is 0 / 0
case("reduce", "reduce_sum_to_float64", "reduce_sum", {"X": U(2, 3)}, {"dim": [1], "in_dtype": 5, "out_dtype": 6})
case("reduce", "reduce_sum_int32_to_int64", "reduce_sum", {"X": I(2, 3, dtype="int32")}, {"dim": [1], "in_dtype": 2, "out_dtype": 3})
case("reduce", "reduce_sum_bool", "reduce_sum", {"X": B(4, 5)}, {"reduce_all": True, "in_dtype": 0, "out_dtype": 3})
for name, shape in (("matrix", (2, 3)), ("vector", (7,)), ("scalar", ()), ("rank4", (2, 3, 2, 2))):
    case("reduce", "mean_" + name, "mean", {"X": U(*shape)})
case("reduce", "squared_l2_norm", "squared_l2_norm", {"X": U(3, 4)})
case("reduce", "p_norm", "p_norm", {"X": U(3, 4)}, {"axis": 1, "porder": 2.0, "epsilon": 1e-12})
case("reduce", "cumsum", "cumsum", {"X": U(3, 4)}, {"axis": 1})
case("reduce", "cumsum_exclusive_reverse", "cumsum", {"X": U(3, 4)}, {"axis": 0, "exclusive": True, "reverse": True})

# ---------------------------------------------------------------- products
PRODUCTS = {"matrix": ((3, 4), (4, 5)), "batch": ((2, 3, 4), (2, 4, 5)), "batch_broadcast": ((2, 1, 3, 4), (1, 5, 4, 2)),
            "batch_with_matrix": ((2, 3, 4), (4, 5)), "matrix_with_batch": ((3, 4), (2, 4, 5)), "row": ((1, 4), (4, 1))}
for form, (x, y) in PRODUCTS.items():
    for trans_x in (False, True):
        for trans_y in (False, True):
            suffix = ("_tx" if trans_x else "") + ("_ty" if trans_y else "")
            turned_x, turned_y = x[:-2] + x[:-3:-1] if trans_x else x, y[:-2] + y[:-3:-1] if trans_y else y
            case("matmul", f"matmul_v2_{form}{suffix}", "matmul_v2", {"X": U(*turned_x), "Y": U(*turned_y)}, {"trans_x": trans_x, "trans_y": trans_y})
for form, x, y in (("dot", (4,), (4,)), ("vector_matrix", (4,), (4, 5)), ("matrix_vector", (3, 4), (4,)), ("vector_batch", (4,), (2, 4, 5)),
                   ("batch_vector", (2, 3, 4), (4,)), ("wide", (2, 70), (70, 33))):
    case("matmul", "matmul_v2_" + form, "matmul_v2", {"X": U(*x), "Y": U(*y)})
# Paddle 2.6.2 infers [2, 1, 3, 2] here and computes [2, 5, 3, 2]: no gradient can be asked for
case("matmul", "matmul_v2_batch_broadcast_ranks", "matmul_v2", {"X": U(2, 1, 3, 4), "Y": U(5, 4, 2)}, gradient=False)
case("matmul", "matmul_v2_vectors_transposed", "matmul_v2", {"X": U(4), "Y": U(4)}, {"trans_x": True, "trans_y": True})
case("matmul", "matmul_v2_float64", "matmul_v2", {"X": U(3, 4, dtype="float64"), "Y": U(4, 2, dtype="float64")})
case("matmul", "matmul_v1", "matmul", {"X": U(3, 4), "Y": U(4, 5)})
case("matmul", "matmul_v1_alpha", "matmul", {"X": U(2, 4, 3), "Y": U(2, 5, 4)}, {"transpose_X": True, "transpose_Y": True, "alpha": 0.5})
case("matmul", "matmul_v1_dot", "matmul", {"X": U(4), "Y": U(4)})
case("matmul", "matmul_v1_broadcast", "matmul", {"X": U(2, 3, 4), "Y": U(4, 5)}, {"alpha": 2.0})
case("matmul", "bmm", "bmm", {"X": U(2, 3, 4), "Y": U(2, 4, 5)})
case("matmul", "dot", "dot", {"X": U(3, 4), "Y": U(3, 4)})
for form, x, y, x_dims, y_dims in (("matrix", (3, 4), (4, 5), 1, 1), ("rank4", (2, 3, 2, 2), (12, 5), 1, 1), ("two_columns", (2, 3, 4), (4, 5), 2, 1),
                                   ("y_rank3", (2, 12), (3, 4, 5), 1, 2), ("both", (2, 3, 2, 2), (2, 2, 3, 2), 2, 2)):
    case("matmul", "mul_" + form, "mul", {"X": U(*x), "Y": U(*y)}, {"x_num_col_dims": x_dims, "y_num_col_dims": y_dims})

# ---------------------------------------------------------------- element by element
POSITIVE = ("sqrt", "rsqrt", "log", "log2", "log10", "log1p", "reciprocal")
for op in ("relu", "sigmoid", "tanh", "exp", "square", "abs", "floor", "ceil", "round", "sign", "sin", "cos", "erf", "relu6", "silu", "swish",
           "softplus", "logsigmoid", "elu", "leaky_relu", "hard_swish", "hard_sigmoid", "mish", "gelu", "expm1", "softsign", "stanh", "atan",
           "tanh_shrink", "hard_shrink", "softshrink", "thresholded_relu", "celu", "selu", "brelu") + POSITIVE:
    low = 0.1 if op in POSITIVE else -3.0
    case("activation", op + "_float32", op, {"X": U(2, 3, 7, low=low, high=3.0)})
    case("activation", op + "_float64", op, {"X": U(5, low=low, high=3.0, dtype="float64")})
    case("activation", op + "_scalar", op, {"X": U(low=low, high=3.0)})
EXTREMES = A([-200, -90, -30, -10, -1e-6, 1e-6, 10, 30, 90, 200])
for op in ("relu", "sigmoid", "tanh", "gelu", "softplus", "silu", "logsigmoid", "erf", "swish", "mish", "elu"):
    case("activation", op + "_extremes", op, {"X": EXTREMES}, gradient=op != "silu")  # Paddle's silu_grad is NaN at -90
case("activation", "relu_infinite", "relu", {"X": A([np.inf, -np.inf, 0.0])}, gradient=False)
for op in ("sigmoid", "tanh", "abs", "sqrt", "exp"):
    case("activation", op + "_not_finite", op, {"X": A([np.inf, -np.inf, np.nan, 0.0, -0.0])}, gradient=False)
case("activation", "relu_at_zero", "relu", {"X": A([-1, 0, 1])})
case("activation", "abs_at_zero", "abs", {"X": A([-1, 0, 1])})
case("activation", "abs_int64", "abs", {"X": I(6)})
case("activation", "square_int64", "square", {"X": I(6)})
case("activation", "round_halves", "round", {"X": A([-2.5, -1.5, -0.5, 0.5, 1.5, 2.5])})
case("activation", "gelu_tanh", "gelu", {"X": U(2, 9, low=-3, high=3)}, {"approximate": True})
case("activation", "gelu_tanh_extremes", "gelu", {"X": EXTREMES}, {"approximate": True})
case("activation", "leaky_relu_slope", "leaky_relu", {"X": U(2, 5)}, {"alpha": 0.3})
case("activation", "elu_alpha", "elu", {"X": U(2, 5)}, {"alpha": 0.3})
case("activation", "swish_beta", "swish", {"X": U(2, 5)}, {"beta": 1.0})
case("activation", "softplus_beta", "softplus", {"X": U(2, 5, low=-3, high=3)}, {"beta": 2.0, "threshold": 3.0})
case("activation", "hard_sigmoid_slope", "hard_sigmoid", {"X": U(2, 9, low=-6, high=6)}, {"slope": 0.1666667, "offset": 0.5})
case("activation", "hard_swish_edges", "hard_swish", {"X": A([-4, -3, -1, 0, 1, 3, 4])})
case("activation", "relu6_edges", "relu6", {"X": A([-1, 0, 3, 5.5, 6, 7])})
for factor in (2.0, 0.5, -1.0, 3.0, 0.0):
    case("activation", f"pow_{str(factor).replace('-', 'minus_').replace('.', '_')}", "pow", {"X": U(2, 5, low=0.5)}, {"factor": factor})
case("activation", "prelu_all", "prelu", {"X": U(2, 3, 4), "Alpha": A([0.25])}, {"mode": "all"})
case("activation", "prelu_channel", "prelu", {"X": U(2, 3, 4, 4), "Alpha": A([0.1, 0.2, 0.3])}, {"mode": "channel"})
for name, attrs in (("default", {}), ("scaled", {"scale": 2.5}), ("biased", {"scale": 2.0, "bias": 0.5}),
                    ("bias_first", {"scale": 2.0, "bias": 0.5, "bias_after_scale": False}), ("negated", {"scale": -1.0})):
    case("activation", "scale_" + name, "scale", {"X": U(3, 4)}, attrs)
    case("activation", "scale_int64_" + name, "scale", {"X": I(3, 4)}, attrs)
case("activation", "scale_scalar", "scale", {"X": U()}, {"scale": 3.0, "bias": -1.0})
case("activation", "scale_tensor", "scale", {"X": U(3, 4), "ScaleTensor": A([2.5])}, {"bias": 1.0}, gradient=False)
case("activation", "clip", "clip", {"X": U(4, 5)}, {"min": -0.5, "max": 1.0})
case("activation", "clip_edges", "clip", {"X": A([-1, -0.5, 0, 1, 2])}, {"min": -0.5, "max": 1.0})
case("activation", "clip_int64", "clip", {"X": I(8)}, {"min": -2.0, "max": 3.0})
case("activation", "clip_tensors", "clip", {"X": U(4, 5), "Min": A([-0.25]), "Max": A([0.75])}, {"min": -9.0, "max": 9.0})
case("activation", "clip_by_norm_large", "clip_by_norm", {"X": U(3, 4)}, {"max_norm": 1.0}, gradient=False)
case("activation", "clip_by_norm_small", "clip_by_norm", {"X": U(3, 4)}, {"max_norm": 100.0}, gradient=False)
CODES = {"bool": 0, "int32": 2, "int64": 3, "float16": 4, "float32": 5, "float64": 6, "uint8": 20, "int8": 21}
for source in ("float32", "float64", "int64", "int32", "bool"):
    for target in CODES:
        if source != target:
            data = {"bool": B(7), "int64": I(7, low=0 if target == "uint8" else -5), "int32": I(7, low=0 if target == "uint8" else -5, dtype="int32")}
            case("activation", f"cast_{source}_{target}", "cast",
                 {"X": data.get(source) or U(7, low=0 if target == "uint8" else -9.0, high=9.0, dtype=source)},
                 {"in_dtype": CODES[source], "out_dtype": CODES[target]}, gradient=target in ("float32", "float64"))
