"""Convolution and pooling over volumes, sampling between pixels, blocks of images. See __init__.py."""
import numpy as np

from operator_cases import A, D, I, U, case

V = {"strides": [1, 1, 1], "paddings": [0, 0, 0], "dilations": [1, 1, 1], "groups": 1, "padding_algorithm": "EXPLICIT", "data_format": "NCDHW"}
for name, x, w, attrs in (("plain", (2, 2, 4, 5, 6), (3, 2, 2, 3, 3), {}),
                          ("strided", (1, 2, 5, 5, 5), (2, 2, 3, 2, 3), {"strides": [1, 2, 2], "paddings": [1, 0, 1]}),
                          ("grouped", (1, 4, 4, 4, 4), (4, 2, 2, 2, 2), {"groups": 2, "dilations": [1, 2, 1]}),
                          ("same", (1, 2, 5, 4, 5), (2, 2, 3, 3, 3), {"padding_algorithm": "SAME", "strides": [2, 1, 2]}),
                          ("six_paddings", (1, 1, 3, 3, 3), (1, 1, 2, 2, 2), {"paddings": [1, 0, 0, 1, 1, 2]})):
    case("volumes", "conv3d_" + name, "conv3d", {"Input": U(*x, low=-1, high=1), "Filter": U(*w, low=-1, high=1)}, {**V, **attrs}, "Output")
case("volumes", "conv3d_channels_last", "conv3d", {"Input": U(1, 4, 4, 4, 2, low=-1, high=1), "Filter": U(3, 2, 2, 2, 2, low=-1, high=1)},
     {**V, "data_format": "NDHWC"}, "Output", gradient=False)
case("volumes", "conv3d_float64", "conv3d", {"Input": U(1, 2, 3, 4, 3, dtype="float64"), "Filter": U(2, 2, 2, 2, 2, dtype="float64")}, V, "Output")
for name, x, w, attrs in (("plain", (1, 2, 3, 3, 3), (2, 2, 2, 2, 2), {}),
                          ("strided", (1, 2, 2, 3, 2), (2, 3, 3, 3, 3), {"strides": [2, 2, 2], "paddings": [1, 1, 1]}),
                          ("padded_output", (1, 2, 2, 2, 2), (2, 1, 3, 3, 3), {"strides": [2, 2, 2], "output_padding": [1, 1, 0]}),
                          ("grouped", (1, 4, 2, 2, 2), (4, 1, 2, 2, 2), {"groups": 2})):
    case("volumes", "conv3d_transpose_" + name, "conv3d_transpose", {"Input": U(*x, low=-1, high=1), "Filter": U(*w, low=-1, high=1)},
         {**V, "output_padding": [], "output_size": [], **attrs}, "Output")

P = {"ksize": [2, 2, 2], "strides": [2, 2, 2], "paddings": [0, 0, 0], "ceil_mode": False, "exclusive": True, "data_format": "NCDHW", "pooling_type": "max",
     "global_pooling": False, "adaptive": False, "padding_algorithm": "EXPLICIT"}
for name, shape, attrs in (("max", (1, 2, 4, 4, 6), {}), ("average", (1, 2, 4, 5, 4), {"pooling_type": "avg"}),
                           ("padded", (1, 1, 4, 4, 4), {"paddings": [1, 1, 1], "pooling_type": "avg", "ksize": [3, 3, 3]}),
                           ("padded_counted", (1, 1, 4, 4, 4), {"paddings": [1, 1, 1], "pooling_type": "avg", "ksize": [3, 3, 3], "exclusive": False}),
                           ("ceil", (1, 2, 5, 5, 5), {"ceil_mode": True}), ("global", (2, 2, 3, 4, 5), {"global_pooling": True, "pooling_type": "avg"}),
                           ("adaptive", (1, 2, 5, 5, 7), {"adaptive": True, "ksize": [2, 3, 3], "pooling_type": "avg"}),
                           ("same", (1, 1, 5, 5, 5), {"padding_algorithm": "SAME", "ksize": [3, 2, 2]})):
    case("volumes", "pool3d_" + name, "pool3d", {"X": D(*shape)}, {**P, **attrs})
case("volumes", "pool3d_channels_last", "pool3d", {"X": D(1, 4, 4, 4, 2)}, {**P, "data_format": "NDHWC"}, gradient=False)
M = {"ksize": [2, 2, 2], "strides": [2, 2, 2], "paddings": [0, 0, 0], "global_pooling": False, "adaptive": False}
for name, attrs in (("plain", {}), ("padded", {"paddings": [1, 1, 1], "ksize": [3, 3, 3]}), ("adaptive", {"adaptive": True, "ksize": [3, 2, 3]}),
                    ("global", {"global_pooling": True})):
    case("volumes", "max_pool3d_with_index_" + name, "max_pool3d_with_index", {"X": D(1, 2, 4, 5, 5)}, {**M, **attrs}, {"Out": 1, "Mask": 1}, targets=["Out"])

case("volumes", "unpool", "unpool", {"X": U(1, 2, 2, 2), "Indices": A([[[[0, 3], [9, 15]], [[5, 2], [8, 11]]]], "int32")},
     {"unpooling_type": "max", "ksize": [2, 2], "strides": [2, 2], "paddings": [0, 0], "output_size": [4, 4], "data_format": "NCHW"})
case("volumes", "unpool3d", "unpool3d", {"X": U(1, 1, 1, 2, 2), "Indices": A([[[[[0, 7], [20, 31]]]]], "int32")},
     {"ksize": [2, 2, 2], "strides": [2, 2, 2], "paddings": [0, 0, 0], "output_size": [2, 4, 4], "data_format": "NCDHW"})

for mode in ("bilinear", "nearest"):
    for beyond in ("zeros", "border", "reflection"):
        for align in (True, False):
            name = f"{mode}_{beyond}_{'corners' if align else 'edges'}"
            attrs = {"mode": mode, "padding_mode": beyond, "align_corners": align}
            case("volumes", "grid_sampler_" + name, "grid_sampler", {"X": U(2, 3, 4, 5), "Grid": U(2, 3, 4, 2, low=-1.6, high=1.6)}, attrs, "Output")
            case("volumes", "grid_sampler_3d_" + name, "grid_sampler", {"X": U(1, 2, 3, 4, 3), "Grid": U(1, 2, 3, 2, 3, low=-1.4, high=1.4)}, attrs, "Output")
case("volumes", "grid_sampler_float64", "grid_sampler", {"X": U(1, 2, 3, 3, dtype="float64"), "Grid": U(1, 2, 2, 2, dtype="float64")},
     {"mode": "bilinear", "padding_mode": "zeros", "align_corners": True}, "Output")
for align in (True, False):
    case("volumes", f"affine_grid_{'corners' if align else 'edges'}", "affine_grid", {"Theta": U(2, 2, 3)}, {"output_shape": [2, 3, 3, 5], "align_corners": align}, "Output")
    case("volumes", f"affine_grid_3d_{'corners' if align else 'edges'}", "affine_grid", {"Theta": U(1, 3, 4)},
         {"output_shape": [1, 3, 2, 3, 4], "align_corners": align}, "Output")
case("volumes", "affine_grid_shape_tensor", "affine_grid", {"Theta": U(1, 2, 3), "OutputShape": A([1, 3, 4, 2], "int32")}, {"output_shape": [], "align_corners": True}, "Output")

B = {"kernel_sizes": [2, 2], "strides": [1, 1], "paddings": [0, 0, 0, 0], "dilations": [1, 1]}
for name, attrs in (("plain", {}), ("strided", {"strides": [2, 1]}), ("padded", {"paddings": [1, 0, 2, 1]}), ("dilated", {"dilations": [2, 1], "kernel_sizes": [2, 3]})):
    case("volumes", "unfold_" + name, "unfold", {"X": U(2, 2, 5, 4)}, {**B, **attrs}, "Y")
for name, blocks, attrs in (("plain", 12, {}), ("strided", 6, {"strides": [2, 2], "output_sizes": [4, 6]}), ("padded", 20, {"paddings": [1, 0, 1, 0]})):
    case("volumes", "fold_" + name, "fold", {"X": U(2, 8, blocks)}, {**B, "output_sizes": [4, 5], **attrs}, "Y")

C = {"strides": [1, 1], "paddings": [1, 1], "dilations": [1, 1], "groups": 1, "deformable_groups": 1, "im2col_step": 1}
for name, attrs, groups, per in (("plain", {}, 1, 4), ("strided", {"strides": [2, 2]}, 1, 4), ("grouped", {"groups": 2}, 1, 2), ("offset_groups", {"deformable_groups": 2}, 2, 4)):
    out = 2 if "strides" in attrs else 4
    x, w = U(2, 4, 4, 4, low=-1, high=1), U(4, per, 3, 3, low=-1, high=1)
    offset = U(2, 18 * groups, out, out, low=-1.5, high=1.5)
    case("volumes", "deformable_conv_" + name, "deformable_conv", {"Input": x, "Offset": offset, "Filter": w, "Mask": U(2, 9 * groups, out, out, low=0, high=1)},
         {**C, **attrs}, "Output")
    case("volumes", "deformable_conv_v1_" + name, "deformable_conv_v1", {"Input": x, "Offset": offset, "Filter": w}, {**C, **attrs}, "Output")
