"""More operator cases: shapes, layers, losses, metrics, optimizers. See __init__.py."""
import numpy as np

from operator_cases import A, B, D, I, NOT_COMPUTED, U, case  # noqa: F401

XSHAPE = {"Out": 1, "XShape": NOT_COMPUTED}

# ---------------------------------------------------------------- shapes
for name, x, shape in (("flat", (2, 3, 4), [24]), ("inferred", (2, 3, 4), [2, -1]), ("copied", (2, 3, 4), [0, 0, 2, -1]), ("copied_first", (2, 3, 4), [0, -1]),
                       ("to_scalar", (1,), []), ("from_scalar", (), [1, 1]), ("same", (2, 3), [2, 3])):
    case("shape", "reshape2_" + name, "reshape2", {"X": U(*x)}, {"shape": shape}, XSHAPE)
case("shape", "reshape2_int64", "reshape2", {"X": I(2, 6)}, {"shape": [3, -1]}, XSHAPE)
case("shape", "reshape2_shape_tensor", "reshape2", {"X": U(2, 6), "Shape": A([3, 4], "int32")}, {"shape": [4, 3]}, XSHAPE, gradient=False)
for name, x, start, stop in (("default", (2, 3, 4), 1, 1), ("rest", (2, 3, 4), 1, 2), ("all", (2, 3, 4), 0, -1), ("middle", (2, 3, 4, 5), 1, -2),
                             ("negative", (2, 3, 4, 5), -3, -1), ("scalar", (), 0, 0)):
    case("shape", "flatten_contiguous_range_" + name, "flatten_contiguous_range", {"X": U(*x)}, {"start_axis": start, "stop_axis": stop}, XSHAPE)
for name, x, axis in (("matrix", (3, 4), [1, 0]), ("rank3", (2, 3, 4), [2, 0, 1]), ("heads", (2, 3, 4, 5), [0, 2, 1, 3]), ("same", (2, 3), [0, 1]),
                      ("channels_last", (2, 3, 4, 5), [0, 2, 3, 1]), ("rank5", (2, 1, 3, 2, 2), [4, 2, 0, 1, 3]), ("vector", (5,), [0])):
    case("shape", "transpose2_" + name, "transpose2", {"X": U(*x)}, {"axis": axis}, XSHAPE)
case("shape", "transpose2_int64", "transpose2", {"X": I(2, 3)}, {"axis": [1, 0]}, XSHAPE)
for name, x, axes in (("one", (2, 1, 3), [1]), ("all", (1, 2, 1, 3), []), ("two", (1, 2, 1), [0, 2]), ("negative", (2, 3, 1), [-1]), ("not_one", (2, 3, 1), [0, 2])):
    case("shape", "squeeze2_" + name, "squeeze2", {"X": U(*x)}, {"axes": axes}, XSHAPE)
for name, x, axes in (("front", (2, 3), [0]), ("back", (2, 3), [-1]), ("two", (2, 3), [0, 2]), ("growing", (2, 3), [1, 1]), ("scalar", (), [0])):
    case("shape", "unsqueeze2_" + name, "unsqueeze2", {"X": U(*x)}, {"axes": axes}, XSHAPE)
for name, shapes, axis in (("rows", ((2, 3), (1, 3), (4, 3)), 0), ("columns", ((2, 3), (2, 1)), 1), ("negative", ((2, 3, 1), (2, 3, 2)), -1), ("single", ((2, 3),), 0),
                           ("middle", ((2, 1, 3), (2, 2, 3), (2, 3, 3)), 1), ("with_empty", ((0, 3), (2, 3)), 0)):
    case("shape", "concat_" + name, "concat", {"X": [U(*shape) for shape in shapes]}, {"axis": axis}, gradient=name != "with_empty")
case("shape", "concat_int64", "concat", {"X": [I(2, 3), I(2, 3)]}, {"axis": 1})
case("shape", "concat_axis_tensor", "concat", {"X": [U(2, 3), U(2, 1)], "AxisTensor": A([1], "int32")}, {"axis": 0}, gradient=False)
for name, x, attrs, parts in (("equal", (6, 2), {"num": 3, "axis": 0}, 3), ("sections", (2, 6), {"sections": [1, 2, 3], "axis": 1}, 3),
                              ("inferred", (2, 6), {"sections": [1, -1, 2], "axis": 1}, 3), ("last", (2, 3, 4), {"num": 2, "axis": 2}, 2)):
    case("shape", "split_" + name, "split", {"X": U(*x)}, attrs, {"Out": parts})
for name, x, attrs in (("rows", (4, 3), {"axes": [0], "starts": [1], "ends": [3]}), ("clamped", (4, 3), {"axes": [0], "starts": [-100], "ends": [100]}),
                       ("negative", (4, 3), {"axes": [1], "starts": [-2], "ends": [-1]}), ("two", (4, 5, 6), {"axes": [0, 2], "starts": [1, 2], "ends": [3, 6]}),
                       ("index", (4, 3), {"axes": [0], "starts": [2], "ends": [3], "decrease_axis": [0]}),
                       ("last_index", (4, 3), {"axes": [1], "starts": [-1], "ends": [2147483647], "decrease_axis": [1]}),
                       ("to_scalar", (4,), {"axes": [0], "starts": [2], "ends": [3], "decrease_axis": [0]})):
    case("shape", "slice_" + name, "slice", {"Input": U(*x)}, attrs)
case("shape", "slice_int64", "slice", {"Input": I(4, 3)}, {"axes": [0], "starts": [1], "ends": [3]})
for name, attrs in (("step", {"axes": [0], "starts": [0], "ends": [5], "strides": [2]}), ("reversed", {"axes": [1], "starts": [-1], "ends": [-100], "strides": [-1]})):
    case("shape", "strided_slice_" + name, "strided_slice", {"Input": U(5, 4)}, {**attrs, "infer_flags": [1]})
for name, shape, axis, count in (("front", (2, 3), 0, 3), ("back", (2, 3), -1, 2), ("middle", (2, 3), 1, 2), ("scalars", (), 0, 3)):
    case("shape", "stack_" + name, "stack", {"X": [U(*shape) for _ in range(count)]}, {"axis": axis}, "Y")
case("shape", "unstack", "unstack", {"X": U(2, 3)}, {"axis": 1, "num": 3}, {"Y": 3})
for name, x, shape in (("leading", (3, 4), [2, 3, 4]), ("ones", (2, 1, 3), [2, 5, 3]), ("kept", (2, 1), [-1, 4]), ("scalar", (), [2, 3]), ("vector", (3,), [2, 2, 3])):
    case("shape", "expand_v2_" + name, "expand_v2", {"X": U(*x)}, {"shape": shape})
for name, x, times in (("matrix", (2, 3), [2, 1]), ("more", (2, 3), [2, 1, 2]), ("fewer", (2, 3, 2), [2]), ("scalar", (), [3])):
    case("shape", "tile_" + name, "tile", {"X": U(*x)}, {"repeat_times": times})
for name, x, index, axis in (("rows", (5, 3), [0, 4, 4, 1], 0), ("columns", (3, 5), [1, 3], 1), ("one", (5, 3), [2], 0)):
    for dtype in ("int32", "int64"):
        # Paddle 2.6.2 repeats the first row's gradient where axis is 1 (3.x does not)
        case("shape", f"gather_{name}_{dtype}", "gather", {"X": U(*x), "Index": A(index, dtype)}, {"axis": axis}, gradient=axis == 0)
case("shape", "gather_nd", "gather_nd", {"X": U(3, 4, 2), "Index": A([[0, 1], [2, 3], [2, 3]], "int64")})
case("shape", "index_select", "index_select", {"X": U(3, 4), "Index": A([2, 0, 2], "int64")}, {"dim": 1})
case("shape", "shape", "shape", {"Input": U(2, 3, 4)}, gradient=False)
case("shape", "assign", "assign", {"X": U(2, 3)})
for name, lower in (("lower", True), ("upper", False)):
    case("shape", "tril_triu_" + name, "tril_triu", {"X": U(4, 4)}, {"diagonal": 0, "lower": lower})
case("shape", "pad3d", "pad3d", {"X": U(1, 2, 2, 3, 2)}, {"paddings": [1, 0, 0, 2, 1, 1], "mode": "constant", "value": 0.5, "data_format": "NCDHW"})

# ---------------------------------------------------------------- values
for dtype, code in (("float32", 5), ("float64", 6), ("int32", 2), ("int64", 3), ("bool", 0)):
    case("creation", "fill_constant_" + dtype, "fill_constant", {}, {"shape": [2, 3], "dtype": code, "value": 1.0 if dtype == "bool" else 2.0})
case("creation", "fill_constant_text", "fill_constant", {}, {"shape": [3], "dtype": 3, "value": 0.0, "str_value": "123456789"})
case("creation", "fill_constant_scalar", "fill_constant", {}, {"shape": [], "dtype": 5, "value": 1.5})
case("creation", "fill_constant_infinity", "fill_constant", {}, {"shape": [2], "dtype": 5, "str_value": "-inf"})
case("creation", "fill_constant_shape_tensor", "fill_constant", {"ShapeTensor": A([2, 2], "int32")}, {"shape": [1], "dtype": 5, "value": 4.0})
case("creation", "fill_constant_value_tensor", "fill_constant", {"ValueTensor": A([2.5])}, {"shape": [3], "dtype": 5, "value": 0.0})
case("creation", "fill_constant_batch_size_like", "fill_constant_batch_size_like", {"Input": U(5, 2)}, {"shape": [-1, 3], "dtype": 5, "value": 1.5})
case("creation", "fill_any_like", "fill_any_like", {"X": U(2, 3)}, {"value": 3.5, "dtype": -1})
case("creation", "fill_zeros_like", "fill_zeros_like", {"X": U(2, 3)})
case("creation", "assign_value_float32", "assign_value", {}, {"shape": [2, 2], "dtype": 5, "fp32_values": [1.0, 2.5, -3.0, 0.0]})
case("creation", "assign_value_int64", "assign_value", {}, {"shape": [3], "dtype": 3, "int64_values": [1, -2, 3]})
case("creation", "assign_value_bool", "assign_value", {}, {"shape": [2], "dtype": 0, "bool_values": [1, 0]})
case("creation", "range_float32", "range", {"Start": A(0.5), "End": A(3.0), "Step": A(0.5)}, gradient=False)
case("creation", "range_int64", "range", {"Start": A(5, "int64"), "End": A(-1, "int64"), "Step": A(-2, "int64")})
case("creation", "increment", "increment", {"X": A([2.5])}, {"step": 1.5}, gradient=False)
for dtype in ("int32", "int64"):
    case("creation", "one_hot_v2_" + dtype, "one_hot_v2", {"X": A([[0, 3], [2, 1]], dtype)}, {"depth": 4, "dtype": 5})
case("creation", "eye", "eye", {}, {"num_rows": 3, "num_columns": 4, "dtype": 5})
case("creation", "linspace", "linspace", {"Start": A(0.0), "Stop": A(1.0), "Num": A(5, "int32")}, {"dtype": 5}, gradient=False)

# ---------------------------------------------------------------- softmax and losses
for op in ("softmax", "log_softmax"):
    for name, x, axis in (("last", (3, 5), -1), ("first", (3, 5), 0), ("middle", (2, 3, 4), 1), ("vector", (6,), -1), ("rank4", (2, 2, 3, 3), -1), ("one", (3, 1), -1),
                          ("scalar", (), -1)):
        case("softmax", f"{op}_{name}", op, {"X": U(*x)}, {"axis": axis})
    case("softmax", f"{op}_large", op, {"X": A([[1000, 1001, 999], [-1000, 0, 1000]])}, {"axis": -1})
    case("softmax", f"{op}_float64", op, {"X": U(2, 4, dtype="float64")})
LOSS = {"Softmax": 1, "Loss": 1}
for name, logits, label, attrs in (
        ("hard", U(4, 5), I(4, 1, low=0, high=5), {}), ("hard_rank3", U(2, 3, 5), I(2, 3, 1, low=0, high=5), {}),
        ("hard_int32", U(4, 5), I(4, 1, low=0, high=5, dtype="int32"), {}), ("axis", U(2, 5, 3), I(2, 1, 3, low=0, high=5), {"axis": 1}),
        ("ignored", U(4, 5), A([[1], [3], [1], [0]], "int64"), {"ignore_index": 1}), ("ignored_negative", U(3, 5), A([[2], [-100], [4]], "int64"), {}),
        ("probabilities", U(4, 5, low=0.1, high=0.9), I(4, 1, low=0, high=5), {"use_softmax": False}),
        ("not_stable", U(4, 5), I(4, 1, low=0, high=5), {"numeric_stable_mode": False}), ("float64", U(4, 5, dtype="float64"), I(4, 1, low=0, high=5), {}),
        ("large", A([[1000, 1001, 999], [-1000, 0, 1000]]), A([[0], [2]], "int64"), {})):
    case("softmax", "softmax_with_cross_entropy_" + name, "softmax_with_cross_entropy", {"Logits": logits, "Label": label}, attrs, LOSS, targets=["Loss"])
SOFT = A([[0.1, 0.2, 0.3, 0.4], [0.0, 1.0, 0.0, 0.0], [0.25, 0.25, 0.25, 0.25]])
case("softmax", "softmax_with_cross_entropy_soft", "softmax_with_cross_entropy", {"Logits": U(3, 4), "Label": SOFT}, {"soft_label": True}, LOSS, targets=["Loss"])
case("softmax", "softmax_with_cross_entropy_soft_axis", "softmax_with_cross_entropy", {"Logits": U(4, 3), "Label": SOFT.T.copy()}, {"soft_label": True, "axis": 0}, LOSS,
     targets=["Loss"])
ENTROPY = {"Y": 1, "MatchX": 1, "XShape": NOT_COMPUTED}
case("softmax", "cross_entropy2", "cross_entropy2", {"X": U(4, 5, low=0.1, high=0.9), "Label": I(4, 1, low=0, high=5)}, {}, ENTROPY, targets=["Y"])
case("softmax", "cross_entropy2_ignored", "cross_entropy2", {"X": U(4, 5, low=0.1, high=0.9), "Label": A([[1], [3], [1], [0]], "int64")}, {"ignore_index": 1}, ENTROPY,
     targets=["Y"])
case("softmax", "sigmoid_cross_entropy_with_logits", "sigmoid_cross_entropy_with_logits", {"X": U(3, 4), "Label": U(3, 4, low=0.0, high=1.0)})
case("softmax", "bce_loss", "bce_loss", {"X": U(3, 4, low=0.1, high=0.9), "Label": U(3, 4, low=0.0, high=1.0)})
case("softmax", "huber_loss", "huber_loss", {"X": U(3, 4), "Y": U(3, 4)}, {"delta": 1.0}, {"Out": 1, "Residual": 1}, targets=["Out"])
case("softmax", "label_smooth", "label_smooth", {"X": SOFT}, {"epsilon": 0.1})

# ---------------------------------------------------------------- metrics
case("metric", "accuracy", "accuracy", {"Out": A([[0.9, 0.1], [0.8, 0.2], [0.7, 0.3]]), "Indices": A([[1, 0], [2, 3], [4, 1]], "int64"), "Label": A([[0], [1], [4]], "int64")},
     {}, {"Accuracy": 1, "Correct": 1, "Total": 1}, gradient=False)
TOP = {"Out": 1, "Indices": 1}
for name, x, attrs in (("default", D(3, 6), {}), ("three", D(3, 6), {"k": 3}), ("smallest", D(3, 6), {"k": 2, "largest": False}), ("axis", D(5, 3), {"k": 2, "axis": 0}),
                       ("all", D(2, 4), {"k": 4}), ("vector", D(7), {"k": 3}), ("rank3", D(2, 5, 3), {"k": 2, "axis": 1})):
    case("metric", "top_k_v2_" + name, "top_k_v2", {"X": x}, attrs, TOP)
case("metric", "top_k_v2_int64", "top_k_v2", {"X": D(2, 6, dtype="int64")}, {"k": 2}, TOP)
for op in ("arg_max", "arg_min"):
    for name, x, attrs in (("last", U(3, 6), {"axis": -1}), ("first", U(3, 6), {"axis": 0}), ("kept", U(3, 6), {"axis": 1, "keepdims": True}),
                           ("flat", U(3, 6), {"axis": 0, "flatten": True}), ("ties", A([[1, 3, 3], [0, 0, 0]]), {"axis": 1}), ("int32", U(3, 6), {"axis": 1, "dtype": 2}),
                           ("of_int64", I(3, 6, low=-50, high=50), {"axis": 1}), ("rank3", U(2, 3, 4), {"axis": 1})):
        case("metric", f"{op}_{name}", op, {"X": x}, attrs, gradient=False)
for name, attrs in (("ascending", {"axis": -1}), ("descending", {"axis": 0, "descending": True})):
    case("metric", "argsort_" + name, "argsort", {"X": D(4, 3)}, attrs, TOP)

# ---------------------------------------------------------------- convolution
CONV = {"strides": [1, 1], "paddings": [0, 0], "dilations": [1, 1], "groups": 1}
for name, x, w, attrs in (
        ("plain", (2, 3, 6, 7), (4, 3, 3, 3), {}), ("one_by_one", (2, 3, 5, 5), (4, 3, 1, 1), {}), ("stride", (1, 2, 7, 8), (3, 2, 3, 3), {"strides": [2, 3]}),
        ("padding", (1, 2, 5, 5), (3, 2, 3, 3), {"paddings": [1, 2]}), ("asymmetric", (1, 2, 5, 5), (3, 2, 3, 3), {"paddings": [0, 1, 2, 1]}),
        ("dilation", (1, 2, 7, 8), (2, 2, 3, 2), {"dilations": [2, 3]}), ("groups", (1, 4, 5, 5), (6, 2, 3, 3), {"groups": 2}),
        ("same", (1, 2, 5, 6), (2, 2, 3, 3), {"padding_algorithm": "SAME"}), ("same_stride", (1, 2, 6, 7), (2, 2, 3, 3), {"padding_algorithm": "SAME", "strides": [2, 2]}),
        ("same_even_kernel", (1, 2, 6, 7), (2, 2, 4, 2), {"padding_algorithm": "SAME", "strides": [1, 3]}),
        ("same_ignores_dilation", (1, 2, 7, 7), (2, 2, 3, 3), {"padding_algorithm": "SAME", "dilations": [2, 2]}),
        ("valid_ignores_padding", (1, 2, 6, 7), (2, 2, 3, 3), {"padding_algorithm": "VALID", "paddings": [2, 2]}),
        ("nhwc", (2, 5, 6, 3), (4, 3, 3, 3), {"data_format": "NHWC", "paddings": [1, 1]}), ("nhwc_groups", (1, 5, 6, 4), (4, 2, 3, 3), {"data_format": "NHWC", "groups": 2}),
        ("any_layout", (1, 2, 5, 5), (2, 2, 3, 3), {"data_format": "AnyLayout"}), ("wide", (1, 19, 5, 5), (17, 19, 3, 3), {"paddings": [1, 1]}),
        ("large_kernel", (1, 1, 9, 9), (2, 1, 7, 7), {"paddings": [3, 3], "strides": [2, 2]}), ("one_row", (1, 3, 1, 9), (2, 3, 1, 3), {})):
    case("conv", "conv2d_" + name, "conv2d", {"Input": U(*x, low=-1, high=1), "Filter": U(*w, low=-1, high=1)}, {**CONV, **attrs}, "Output")
case("conv", "conv2d_float64", "conv2d", {"Input": U(1, 2, 4, 4, dtype="float64"), "Filter": U(2, 2, 3, 3, dtype="float64")}, CONV, "Output")
for name, x, w, attrs in (("plain", (2, 3, 6, 6), (3, 1, 3, 3), {"groups": 3}), ("multiplier", (1, 3, 6, 6), (6, 1, 3, 3), {"groups": 3}),
                          ("stride", (1, 4, 7, 7), (4, 1, 3, 3), {"groups": 4, "strides": [2, 2], "paddings": [1, 1]}),
                          ("dilation", (1, 3, 8, 8), (3, 1, 3, 3), {"groups": 3, "dilations": [2, 2]}),
                          ("same", (1, 3, 6, 7), (3, 1, 3, 3), {"groups": 3, "padding_algorithm": "SAME", "strides": [2, 2]}),
                          ("nhwc", (1, 6, 6, 3), (3, 1, 3, 3), {"groups": 3, "data_format": "NHWC"}), ("five", (1, 2, 8, 8), (2, 1, 5, 5), {"groups": 2, "paddings": [2, 2]})):
    case("conv", "depthwise_conv2d_" + name, "depthwise_conv2d", {"Input": U(*x, low=-1, high=1), "Filter": U(*w, low=-1, high=1)}, {**CONV, **attrs}, "Output")
for name, x, w, attrs in (("plain", (2, 3, 4, 4), (3, 4, 3, 3), {}), ("stride", (1, 3, 4, 4), (3, 2, 3, 3), {"strides": [2, 2], "paddings": [1, 1]}),
                          ("output_padding", (1, 2, 4, 4), (2, 2, 3, 3), {"strides": [2, 2], "paddings": [1, 1], "output_padding": [1, 1]}),
                          ("output_size", (1, 2, 4, 4), (2, 2, 3, 3), {"strides": [2, 2], "paddings": [1, 1], "output_size": [8, 8]}),
                          ("groups", (1, 4, 3, 3), (4, 2, 3, 3), {"groups": 2}), ("dilation", (1, 2, 4, 4), (2, 2, 3, 3), {"dilations": [2, 2]})):
    case("conv", "conv2d_transpose_" + name, "conv2d_transpose", {"Input": U(*x, low=-1, high=1), "Filter": U(*w, low=-1, high=1)}, {**CONV, **attrs}, "Output")

# ---------------------------------------------------------------- pooling
POOLS = {
    "plain": ((1, 2, 6, 6), {}), "odd": ((1, 2, 7, 5), {}), "overlapping": ((1, 2, 7, 7), {"ksize": [3, 3], "strides": [2, 2]}),
    "padded": ((1, 2, 6, 6), {"ksize": [3, 3], "paddings": [1, 1]}), "asymmetric": ((1, 2, 6, 6), {"ksize": [3, 3], "paddings": [0, 1, 1, 0]}),
    "ceil": ((1, 2, 7, 6), {"ksize": [3, 3], "ceil_mode": True}), "ceil_padded": ((1, 2, 7, 7), {"ksize": [3, 3], "paddings": [1, 1], "ceil_mode": True}),
    "ceil_long_stride": ((1, 1, 8, 8), {"ksize": [2, 2], "strides": [3, 3], "ceil_mode": True}), "rectangle": ((1, 2, 6, 8), {"ksize": [2, 3], "strides": [1, 2]}),
    "same": ((1, 2, 5, 7), {"ksize": [3, 3], "padding_algorithm": "SAME"}), "same_stride1": ((1, 2, 5, 7), {"ksize": [2, 2], "strides": [1, 1], "padding_algorithm": "SAME"}),
    "valid": ((1, 2, 5, 7), {"ksize": [3, 3], "paddings": [1, 1], "padding_algorithm": "VALID"}),
    "global": ((2, 3, 5, 4), {"ksize": [9, 9], "paddings": [1, 1], "global_pooling": True}), "adaptive_one": ((2, 3, 5, 4), {"ksize": [1, 1], "adaptive": True}),
    "adaptive": ((1, 2, 7, 5), {"ksize": [3, 2], "adaptive": True}),
    "nhwc": ((1, 6, 6, 2), {"data_format": "NHWC"}), "kernel_of_input": ((1, 2, 4, 4), {"ksize": [4, 4], "strides": [1, 1]}),
}
for kind in ("max", "avg"):
    for name, (x, attrs) in POOLS.items():
        case("pool", f"pool2d_{kind}_{name}", "pool2d", {"X": U(*x)}, {"ksize": [2, 2], "strides": [2, 2], "paddings": [0, 0], **attrs, "pooling_type": kind})
for name in ("padded", "asymmetric", "ceil_padded", "ceil", "ceil_long_stride", "same", "adaptive"):
    x, attrs = POOLS[name]
    case("pool", f"pool2d_avg_inclusive_{name}", "pool2d", {"X": U(*x)},
         {"ksize": [2, 2], "strides": [2, 2], "paddings": [0, 0], **attrs, "pooling_type": "avg", "exclusive": False})
case("pool", "pool2d_max_ties", "pool2d", {"X": A([[[[1, 1, 2, 2], [1, 1, 2, 2]]]])}, {"ksize": [2, 2], "strides": [2, 2], "paddings": [0, 0], "pooling_type": "max"})
case("pool", "pool2d_max_negative_padded", "pool2d", {"X": U(1, 1, 3, 3, low=-3, high=-1)},
     {"ksize": [3, 3], "strides": [2, 2], "paddings": [1, 1], "pooling_type": "max"})
for name, attrs in (("plain", {"ksize": [2, 2], "strides": [2, 2], "paddings": [0, 0]}), ("adaptive", {"ksize": [3, 2], "strides": [1, 1], "paddings": [0, 0], "adaptive": True})):
    case("pool", "max_pool2d_with_index_" + name, "max_pool2d_with_index", {"X": U(1, 2, 6, 6)}, attrs, {"Out": 1, "Mask": 1}, targets=["Out"])

# ---------------------------------------------------------------- normalisation, dropout, embedding
STATISTICS = {"Y": 1, "MeanOut": "Mean", "VarianceOut": "Variance", "SavedMean": 1, "SavedVariance": 1, "ReserveSpace": NOT_COMPUTED}


def batch_norm(name, x, channels, attrs):
    running = attrs.get("use_global_stats") or attrs.get("is_test") and not attrs.get("trainable_statistics")
    saved = {"SavedMean": NOT_COMPUTED, "SavedVariance": NOT_COMPUTED} if running else {}
    case("norm", "batch_norm_" + name, "batch_norm", {"X": U(*x), "Scale": U(channels, low=0.5), "Bias": U(channels), "Mean": U(channels),
                                                      "Variance": U(channels, low=0.5)}, {"momentum": 0.9, "epsilon": 1e-5, **attrs}, {**STATISTICS, **saved}, targets=["Y"])


for name, attrs in (("train", {}), ("test", {"is_test": True}), ("global", {"use_global_stats": True}), ("momentum", {"momentum": 0.5, "epsilon": 0.001}),
                    ("trainable_statistics", {"is_test": True, "trainable_statistics": True})):
    batch_norm(name, (2, 3, 4, 4), 3, attrs)
for name, x, channels, attrs in (("matrix", (5, 3), 3, {}), ("rank3", (2, 3, 4), 3, {}), ("nhwc", (2, 3, 4, 5), 5, {"data_layout": "NHWC"}),
                                 ("nhwc_test", (2, 3, 4, 5), 5, {"data_layout": "NHWC", "is_test": True}), ("matrix_test", (5, 3), 3, {"is_test": True}),
                                 ("one_sample", (1, 2, 3, 3), 2, {})):
    batch_norm(name, x, channels, attrs)
NORMED = {"Y": 1, "Mean": 1, "Variance": 1}
for name, x, axis, attrs in (("matrix", (3, 6), 1, {}), ("rank3_from1", (2, 3, 4), 1, {}), ("rank3_from2", (2, 3, 4), 2, {}), ("epsilon", (3, 6), 1, {"epsilon": 0.001}),
                             ("wide", (2, 70), 1, {})):
    size = int(np.prod(x[axis:]))
    case("norm", "layer_norm_" + name, "layer_norm", {"X": U(*x), "Scale": U(size, low=0.5), "Bias": U(size)}, {"begin_norm_axis": axis, **attrs}, NORMED, targets=["Y"])
case("norm", "layer_norm_plain", "layer_norm", {"X": U(3, 6)}, {"begin_norm_axis": 1}, NORMED, targets=["Y"])
case("norm", "layer_norm_scale_only", "layer_norm", {"X": U(3, 6), "Scale": U(6)}, {"begin_norm_axis": 1}, NORMED, targets=["Y"])
case("norm", "group_norm", "group_norm", {"X": U(2, 4, 3, 3), "Scale": U(4), "Bias": U(4)}, {"groups": 2}, NORMED, targets=["Y"])
case("norm", "instance_norm", "instance_norm", {"X": U(2, 3, 4, 4), "Scale": U(3), "Bias": U(3)}, {}, {"Y": 1, "SavedMean": 1, "SavedVariance": 1}, targets=["Y"])
for name, attrs in (("", {}), ("_slots", {"slot_dim": 2}), ("_shifted", {"enable_scale_and_shift": True}), ("_slots_shifted", {"slot_dim": 2, "enable_scale_and_shift": True})):
    shown = A([[1, 2, 3, 4], [0, 0.5, -1, 2], [0.5, -2, 0, 1.5], [0, 1, 0, 1]]) if "slot_dim" in attrs else U(4, 4)
    more = {"scale_w": U(4), "bias": U(4)} if "enable_scale_and_shift" in attrs else {}
    case("norm", "data_norm" + name, "data_norm", {"X": shown, "BatchSize": U(4, low=3, high=9), "BatchSum": U(4), "BatchSquareSum": U(4, low=3, high=9), **more},
         {"epsilon": 1e-3, **attrs}, {"Y": 1, "Means": 1, "Scales": 1}, targets=["Y"])
MASKED = {"Out": 1, "Mask": 1}
for mode in ("upscale_in_train", "downgrade_in_infer"):
    case("dropout", f"dropout_{mode}_test", "dropout", {"X": U(3, 4)}, {"dropout_prob": 0.3, "is_test": True, "dropout_implementation": mode}, {"Out": 1, "Mask": NOT_COMPUTED},
         gradient=False)
    case("dropout", f"dropout_{mode}_nothing", "dropout", {"X": U(3, 4)}, {"dropout_prob": 0.0, "dropout_implementation": mode}, MASKED, targets=["Out"])
    case("dropout", f"dropout_{mode}_everything", "dropout", {"X": U(3, 4)}, {"dropout_prob": 1.0, "dropout_implementation": mode}, MASKED, targets=["Out"])
case("dropout", "dropout_default_test", "dropout", {"X": U(3, 4)}, {"dropout_prob": 0.25, "is_test": True}, {"Out": 1, "Mask": NOT_COMPUTED}, gradient=False)
for name, ids, attrs in (("vector", A([0, 3, 3, 1], "int64"), {}), ("matrix", A([[0, 3], [2, 2]], "int64"), {}), ("padding", A([[0, 3], [2, 0]], "int64"), {"padding_idx": 0}),
                         ("padding_last", A([4, 1, 4], "int64"), {"padding_idx": 4}), ("int32", A([1, 2], "int32"), {}), ("column", A([[1], [2]], "int64"), {})):
    case("embedding", "lookup_table_v2_" + name, "lookup_table_v2", {"W": U(5, 3), "Ids": ids}, {"padding_idx": -1, **attrs})
case("embedding", "lookup_table_v1", "lookup_table", {"W": U(5, 3), "Ids": A([[1], [2], [1]], "int64")}, {"padding_idx": -1})

# ---------------------------------------------------------------- optimizers: every output overwrites an input
RATE = A([0.1])
case("optimizer", "sgd", "sgd", {"Param": U(3, 4), "Grad": U(3, 4), "LearningRate": RATE}, {}, {"ParamOut": "Param"}, gradient=False)
case("optimizer", "sgd_rate_scalar", "sgd", {"Param": U(5), "Grad": U(5), "LearningRate": A(0.1)}, {}, {"ParamOut": "Param"}, gradient=False)
for name, attrs in (("plain", {"mu": 0.9}), ("nesterov", {"mu": 0.9, "use_nesterov": True}), ("l2", {"mu": 0.8, "regularization_method": "l2_decay", "regularization_coeff": 0.1}),
                    ("nesterov_l2", {"mu": 0.8, "use_nesterov": True, "regularization_method": "l2_decay", "regularization_coeff": 0.1}),
                    ("rescaled", {"mu": 0.9, "rescale_grad": 0.5})):
    case("optimizer", "momentum_" + name, "momentum", {"Param": U(3, 4), "Grad": U(3, 4), "Velocity": U(3, 4), "LearningRate": RATE}, attrs,
         {"ParamOut": "Param", "VelocityOut": "Velocity"}, gradient=False)
ADAM = {"ParamOut": "Param", "Moment1Out": "Moment1", "Moment2Out": "Moment2", "Beta1PowOut": "Beta1Pow", "Beta2PowOut": "Beta2Pow"}


def adam(op, name, attrs):
    case("optimizer", f"{op}_{name}", op, {"Param": U(3, 4), "Grad": U(3, 4), "LearningRate": RATE, "Moment1": U(3, 4), "Moment2": U(3, 4, low=0.1),
                                           "Beta1Pow": A([0.9 ** 3]), "Beta2Pow": A([0.999 ** 3])}, attrs, ADAM, gradient=False)


for name, attrs in (("plain", {}), ("options", {"beta1": 0.7, "beta2": 0.9, "epsilon": 0.01}), ("lazy", {"lazy_mode": True})):
    adam("adam", name, attrs)
for name, attrs in (("decay", {"with_decay": True, "coeff": 0.1, "lr_ratio": 1.0}), ("ratio", {"with_decay": True, "coeff": 0.1, "lr_ratio": 0.5}),
                    ("no_decay", {"with_decay": False, "coeff": 0.1})):
    adam("adamw", name, attrs)
case("optimizer", "adagrad", "adagrad", {"Param": U(3, 4), "Grad": U(3, 4), "Moment": U(3, 4, low=0.1), "LearningRate": RATE}, {"epsilon": 1e-6},
     {"ParamOut": "Param", "MomentOut": "Moment"}, gradient=False)
