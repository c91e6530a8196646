"""Normalisation over groups, resizing, padding, elements that change places. See __init__.py."""
import numpy as np

from operator_cases import A, D, I, U, case

for name, shape, groups, layout in (("plain", (2, 6, 3, 4), 3, "NCHW"), ("one_group", (2, 4, 5), 1, "NCHW"), ("channel_groups", (1, 4, 3, 3), 4, "NCHW"),
                                    ("channels_last", (2, 3, 4, 6), 2, "NHWC"), ("volume", (1, 4, 2, 3, 2), 2, "NCHW"), ("rows", (3, 8), 2, "NCHW")):
    channels = shape[-1] if layout == "NHWC" else shape[1]
    case("vision", "group_norm_" + name, "group_norm", {"X": U(*shape), "Scale": U(channels), "Bias": U(channels)},
         {"epsilon": 1e-5, "groups": groups, "data_layout": layout}, {"Y": 1, "Mean": 1, "Variance": 1}, targets=["Y"])
# Without Scale Paddle's gradient leaves the mean's part out.
case("vision", "group_norm_bare", "group_norm", {"X": U(2, 4, 3, 3)}, {"epsilon": 1e-3, "groups": 2, "data_layout": "NCHW"}, {"Y": 1, "Mean": 1, "Variance": 1},
     gradient=False)
case("vision", "group_norm_float64", "group_norm", {"X": U(2, 4, 3, dtype="float64"), "Scale": U(4, dtype="float64"), "Bias": U(4, dtype="float64")},
     {"epsilon": 1e-5, "groups": 2, "data_layout": "NCHW"}, {"Y": 1, "Mean": 1, "Variance": 1}, targets=["Y"])
for name, shape in (("image", (2, 3, 4, 5)), ("signal", (2, 3, 6)), ("volume", (1, 2, 2, 3, 4))):
    case("vision", "instance_norm_" + name, "instance_norm", {"X": U(*shape), "Scale": U(shape[1]), "Bias": U(shape[1])}, {"epsilon": 1e-5},
         {"Y": 1, "SavedMean": 1, "SavedVariance": 1}, targets=["Y"])

I2 = {"data_layout": "NCHW", "out_d": 0, "out_h": -1, "out_w": -1, "scale": [], "align_corners": False, "align_mode": 0}
for method, op in (("bilinear", "bilinear_interp"), ("nearest", "nearest_interp"), ("bicubic", "bicubic_interp")):
    for name, attrs in (("size", {"out_h": 7, "out_w": 3}), ("corners", {"out_h": 6, "out_w": 7, "align_corners": True}), ("one", {"out_h": 1, "out_w": 1}),
                        ("points", {"out_h": 5, "out_w": 9, "align_mode": 1}), ("same", {"out_h": 4, "out_w": 5})):
        case("vision", f"{op}_v2_{name}", op + "_v2", {"X": U(2, 2, 4, 5)}, {**I2, "interp_method": method, **attrs})
        case("vision", f"{op}_{name}", op, {"X": U(2, 2, 4, 5)}, {**I2, "scale": 0.0, "interp_method": method, **attrs})
    for name, scale in (("scale", [2.0, 1.5]), ("scale_small", [0.6, 0.5]), ("scale_odd", [1.3, 1.05])):
        case("vision", f"{op}_v2_{name}", op + "_v2", {"X": U(1, 2, 4, 5)}, {**I2, "interp_method": method, "scale": scale})
    case("vision", f"{op}_scale", op, {"X": U(1, 2, 4, 5)}, {**I2, "scale": 1.5, "interp_method": method})
    case("vision", f"{op}_v2_last", op + "_v2", {"X": U(1, 4, 5, 3)}, {**I2, "interp_method": method, "data_layout": "NHWC", "out_h": 6, "out_w": 8})
    case("vision", f"{op}_v2_tensor", op + "_v2", {"X": U(1, 2, 4, 5), "OutSize": A([6, 3], "int32")}, {**I2, "interp_method": method})
    case("vision", f"{op}_v2_list", op + "_v2", {"X": U(1, 2, 4, 5), "SizeTensor": [A([6], "int32"), A([3], "int32")]}, {**I2, "interp_method": method})
    case("vision", f"{op}_v2_scale_tensor", op + "_v2", {"X": U(1, 2, 4, 5), "Scale": A([1.5, 2.0])}, {**I2, "interp_method": method})
    case("vision", f"{op}_v2_scale_one", op + "_v2", {"X": U(2, 2, 4, 5), "Scale": A([1.3])}, {**I2, "interp_method": method, "scale": [2.0, 2.0]})
    case("vision", f"{op}_scale_tensor", op, {"X": U(1, 2, 4, 5), "Scale": A([1.5])}, {**I2, "scale": 0.0, "interp_method": method})
    case("vision", f"{op}_v2_float64", op + "_v2", {"X": U(1, 2, 4, 3, dtype="float64")}, {**I2, "interp_method": method, "out_h": 8, "out_w": 6})
for align, mode in ((True, 1), (False, 1), (False, 0)):
    case("vision", f"linear_interp_v2_{align}_{mode}", "linear_interp_v2", {"X": U(2, 2, 5)},
         {**I2, "out_w": 8, "interp_method": "linear", "align_corners": align, "align_mode": mode})
    case("vision", f"trilinear_interp_v2_{align}_{mode}", "trilinear_interp_v2", {"X": U(1, 2, 3, 3, 4)},
         {**I2, "out_d": 4, "out_h": 5, "out_w": 3, "interp_method": "trilinear", "align_corners": align, "align_mode": mode})
case("vision", "nearest_interp_v2_volume", "nearest_interp_v2", {"X": U(1, 2, 3, 3, 4)},
     {**I2, "out_d": 5, "out_h": 2, "out_w": 7, "interp_method": "nearest"})
case("vision", "trilinear_interp_v2_last", "trilinear_interp_v2", {"X": U(1, 3, 3, 4, 2)},
     {**I2, "scale": [2.0, 1.5, 0.5], "interp_method": "trilinear", "data_layout": "NHWC"})
case("vision", "linear_interp_v2_scale_tensor", "linear_interp_v2", {"X": U(2, 2, 5), "Scale": A([1.7])}, {**I2, "interp_method": "linear"})
case("vision", "trilinear_interp_v2_scale_tensor", "trilinear_interp_v2", {"X": U(1, 2, 3, 3, 4), "Scale": A([2.0, 1.5, 0.5])}, {**I2, "interp_method": "trilinear"})
case("vision", "linear_interp", "linear_interp", {"X": U(2, 2, 5)}, {**I2, "scale": 2.0, "interp_method": "linear"})
case("vision", "trilinear_interp", "trilinear_interp", {"X": U(1, 2, 3, 3, 4)}, {**I2, "scale": 2.0, "interp_method": "trilinear"})

for mode in ("constant", "reflect", "replicate", "circular"):
    case("vision", "pad3d_" + mode, "pad3d", {"X": U(2, 2, 3, 4, 5)}, {"paddings": [1, 2, 0, 1, 2, 1], "mode": mode, "value": 1.5, "data_format": "NCDHW"})
    case("vision", "pad3d_last_" + mode, "pad3d", {"X": U(1, 3, 4, 5, 2)}, {"paddings": [2, 1, 1, 0, 0, 2], "mode": mode, "value": 0.5, "data_format": "NDHWC"})
case("vision", "pad3d_tensor", "pad3d", {"X": U(1, 1, 2, 3, 3), "Paddings": A([1, 1, 0, 2, 1, 0], "int32")}, {"paddings": [], "mode": "constant", "value": 0.0, "data_format": "NCDHW"})
case("vision", "pad3d_int64", "pad3d", {"X": I(1, 2, 2, 3, 3)}, {"paddings": [1, 1, 0, 2, 1, 0], "mode": "replicate", "value": 0.0, "data_format": "NCDHW"}, gradient=False)
case("vision", "pad_plain", "pad", {"X": U(2, 3)}, {"paddings": [1, 0, 2, 1], "pad_value": 3.0})
case("vision", "pad_many", "pad", {"X": U(2, 1, 3, 2)}, {"paddings": [0, 1, 1, 0, 0, 2, 1, 1], "pad_value": 0.0})

for layout in ("NCHW", "NHWC"):
    last = layout == "NHWC"
    case("vision", "pixel_shuffle_" + layout, "pixel_shuffle", {"X": U(2, 3, 2, 8) if last else U(2, 8, 3, 2)}, {"upscale_factor": 2, "data_format": layout})
    case("vision", "pixel_unshuffle_" + layout, "pixel_unshuffle", {"X": U(1, 4, 6, 3) if last else U(1, 3, 4, 6)}, {"downscale_factor": 2, "data_format": layout})
    case("vision", "channel_shuffle_" + layout, "channel_shuffle", {"X": U(2, 2, 3, 6) if last else U(2, 6, 2, 3)}, {"groups": 3, "data_format": layout})
    case("vision", "temporal_shift_" + layout, "temporal_shift", {"X": U(6, 2, 2, 4) if last else U(6, 4, 2, 2)}, {"seg_num": 3, "shift_ratio": 0.25, "data_format": layout})
# Paddle's gradient of it shuffles forward again, which is right only where the groups are as many as their channels.
case("vision", "shuffle_channel", "shuffle_channel", {"X": U(2, 6, 2, 3)}, {"group": 2}, gradient=False)
case("vision", "shuffle_channel_square", "shuffle_channel", {"X": U(2, 9, 2, 3)}, {"group": 3})
case("vision", "temporal_shift_half", "temporal_shift", {"X": U(4, 6, 1, 2)}, {"seg_num": 2, "shift_ratio": 0.4, "data_format": "NCHW"})

for mode, alpha, layout in (("all", (1,), "NCHW"), ("channel", (3,), "NCHW"), ("channel", (4,), "NHWC"), ("element", (1, 3, 2, 4), "NCHW")):
    case("vision", f"prelu_{mode}_{layout}", "prelu", {"X": U(2, 3, 2, 4), "Alpha": U(*alpha)}, {"mode": mode, "data_format": layout})
case("vision", "prelu_channel_rows", "prelu", {"X": U(4, 3), "Alpha": U(3)}, {"mode": "channel", "data_format": "NCHW"})
for layout in ("NCHW", "NHWC"):
    last = layout == "NHWC"
    case("vision", "affine_channel_" + layout, "affine_channel", {"X": U(2, 2, 3, 4), "Scale": U(4 if last else 2), "Bias": U(4 if last else 2)}, {"data_layout": layout})
    case("vision", "lrn_" + layout, "lrn", {"X": U(2, 3, 2, 6) if last else U(2, 6, 3, 2)}, {"n": 5, "k": 2.0, "alpha": 0.5, "beta": 0.75, "data_format": layout},
         {"Out": 1, "MidOut": 1}, targets=["Out"])
for name, axis, groups in (("first", 1, 2), ("last", -1, 3)):
    case("vision", "maxout_" + name, "maxout", {"X": D(2, 4, 2, 6)}, {"groups": groups, "axis": axis})
for name, shape, axis in (("rows", (3, 5), 1), ("channels", (2, 3, 4), 1), ("last", (2, 3, 4), -1), ("first", (3, 4), 0)):
    case("vision", "norm_" + name, "norm", {"X": U(*shape)}, {"axis": axis, "epsilon": 1e-10, "is_test": False}, {"Out": 1, "Norm": 1}, targets=["Out"])
case("vision", "crop_tensor_attrs", "crop_tensor", {"X": U(3, 4, 5)}, {"shape": [2, 2, 3], "offsets": [0, 1, 1]})
case("vision", "crop_tensor_rest", "crop_tensor", {"X": U(3, 4)}, {"shape": [-1, 2], "offsets": [1, 1]})
case("vision", "crop_tensor_tensors", "crop_tensor", {"X": U(3, 4), "Shape": A([2, 3], "int32"), "Offsets": A([1, 0], "int32")}, {"shape": [], "offsets": []})
case("vision", "crop_tensor_lists", "crop_tensor", {"X": U(3, 4), "ShapeTensor": [A([2], "int32"), A([3], "int32")], "OffsetsTensor": [A([1], "int32"), A([1], "int32")]},
     {"shape": [2, 3], "offsets": [1, 1]})
case("vision", "crop_attrs", "crop", {"X": U(3, 4)}, {"shape": [2, 2], "offsets": [1, 1]})
case("vision", "crop_like", "crop", {"X": U(3, 4), "Y": U(2, 3)}, {"offsets": [1, 0]})
case("vision", "crop_offsets", "crop", {"X": U(3, 4), "Offsets": A([1, 2], "int32")}, {"shape": [2, 2]})
case("vision", "soft_relu", "soft_relu", {"X": U(3, 4, low=-5, high=5)}, {"threshold": 3.0})
case("vision", "rrelu_test", "rrelu", {"X": U(3, 4)}, {"is_test": True, "lower": 0.1, "upper": 0.3}, {"Out": 1, "Noise": 1}, targets=["Out"])
case("vision", "rrelu_fixed", "rrelu", {"X": U(3, 4)}, {"is_test": False, "lower": 0.25, "upper": 0.25}, {"Out": 1, "Noise": 1}, targets=["Out"])
