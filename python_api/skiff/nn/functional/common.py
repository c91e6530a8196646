"""Dropout, linear maps, embeddings, padding."""
from ... import _core
from ..._core import layer
from ...tensor._ops import is_var, shape_inputs, to_list

__all__ = ["bilinear", "cosine_similarity", "dropout", "dropout2d", "embedding", "fold", "interpolate", "label_smooth", "linear",
           "one_hot", "pad", "sequence_mask", "unfold", "upsample"]


def dropout(x, p=0.5, axis=None, training=True, mode="upscale_in_train", name=None):
    """Zeroes elements with probability p.

    Args:
        x (Variable): any shape.
        p (float): in [0, 1]; 0 gives x itself.
        axis (int | list): zeroes whole entries of the other axes together.
        training (bool): False scales instead, as the mode says.
        mode (str): "upscale_in_train" divides what stays by 1 - p; "downscale_in_infer" multiplies by it later.
        name (str): of the layer.

    Source: paddle.nn.functional.dropout.
    """
    if not is_var(p):
        if not 0 <= p <= 1:
            raise ValueError("p argument should between 0 and 1")
        if p == 0:
            return x
    if mode not in ("downscale_in_infer", "upscale_in_train"):
        raise ValueError("mode argument should be 'downscale_in_infer' or 'upscale_in_train'")
    if axis is not None:
        return _dropout_axes(x, p, to_list(axis), training, mode)
    attrs = {"dropout_prob": p, "is_test": not training, "fix_seed": False, "seed": 0,
             "dropout_implementation": "downgrade_in_infer" if mode == "downscale_in_infer" else mode}
    return layer("dropout", {"X": x}, ("Out", "Mask"), attrs, name=name, stopped=["Mask"])[0]


def _dropout_axes(x, p, axes, training, mode):
    from ...tensor import cast, full, greater_equal, multiply, rand, scale, shape
    if not training:
        return scale(x, 1 - p) if mode == "downscale_in_infer" else x
    kept = x if mode == "downscale_in_infer" else scale(x, 0.0 if p == 1 else 1 / (1 - p))
    extents = shape(x)
    mask_shape = [extents[a] if a in axes else 1 for a in range(len(x.shape))]
    mask = greater_equal(rand(mask_shape), full([1], p))
    return multiply(cast(kept, x.dtype), cast(mask, x.dtype))


def dropout2d(x, p=0.5, training=True, data_format="NCHW", name=None):
    """Zeroes whole channels with probability p. Source: paddle.nn.functional.dropout2d."""
    return dropout(x, p, [0, 1] if data_format == "NCHW" else [0, 3], training, "upscale_in_train", name)


def linear(x, weight, bias=None, name=None):
    """x @ weight + bias, weight [in, out]. Source: paddle.nn.functional.linear."""
    helper = _core.LayerHelper("linear", name)
    out = layer("matmul_v2", {"X": x, "Y": weight}, "Out", {"trans_x": False, "trans_y": False}, name=helper.name)
    if bias is None:
        return out
    return layer("elementwise_add", {"X": out, "Y": bias}, "Out", {"axis": -1}, name=helper.name)


def embedding(x, weight, padding_idx=None, sparse=False, name=None):
    """Rows of `weight` by their positions; the row padding_idx reads as zeros. Source: paddle.nn.functional.embedding."""
    if padding_idx is None:
        padding_idx = -1
    else:
        if not -weight.shape[0] <= padding_idx < weight.shape[0]:
            raise ValueError(f"padding_idx must be within [-{weight.shape[0]}, {weight.shape[0]})")
        padding_idx %= weight.shape[0]
    attrs = {"is_sparse": sparse, "is_distributed": False, "remote_prefetch": False, "padding_idx": padding_idx}
    return layer("lookup_table_v2", {"Ids": x, "W": weight}, "Out", attrs, layer="embedding", name=name, dtype=weight.dtype)


def one_hot(x, num_classes, name=None):
    """1 at each position of x in a new last axis, else 0. Source: paddle.nn.functional.one_hot."""
    inputs, attrs = {"X": x}, {"allow_out_of_range": False}
    if is_var(num_classes):
        inputs["depth_tensor"] = num_classes
    else:
        attrs["depth"] = num_classes
    return layer("one_hot_v2", inputs, "Out", attrs, name=name, dtype="float32", stopped=["Out"])


def label_smooth(label, prior_dist=None, epsilon=0.1, name=None):
    """(1 - epsilon) * label + epsilon * a prior, uniform where None. Source: paddle.nn.functional.label_smooth."""
    inputs = {"X": label, "PriorDist": prior_dist}
    return layer("label_smooth", inputs, "Out", {"epsilon": float(epsilon)}, name=name)


def bilinear(x1, x2, weight, bias=None, name=None):
    """x1 @ weight[i] @ x2 + bias[i]. Source: paddle.nn.functional.bilinear."""
    return layer("bilinear_tensor_product", {"X": x1, "Y": x2, "Weight": weight, "Bias": bias}, layer="bilinear", name=name)


def cosine_similarity(x1, x2, axis=1, eps=1e-8):
    """The cosine of the angle between vectors along an axis. Source: paddle.nn.functional.cosine_similarity."""
    from ...tensor import clip, multiply, sqrt, sum  # noqa: A004
    product = sum(multiply(x1, x2), axis=axis)
    lengths = sqrt(clip(sum(multiply(x1, x1), axis=axis) * sum(multiply(x2, x2), axis=axis), min=eps * eps))
    return product / lengths


def pad(x, pad, mode="constant", value=0.0, data_format="NCHW", name=None):
    """x with elements added at its ends.

    Args:
        x (Variable): 3 to 5 axes, or any number for a constant padding of every axis.
        pad (list): (before, after) of the last spatial axis first; or of every axis, the first one first.
        mode (str): "constant", "reflect", "replicate" or "circular".
        value (float): of a constant padding.
        data_format (str): where the channels stand.
        name (str): of the layer.

    Source: paddle.nn.functional.pad.
    """
    if mode not in ("reflect", "replicate", "constant", "circular"):
        raise ValueError(f"mode should be one of constant, reflect, replicate, circular, but got {mode}.")
    axes = len(x.shape)
    if mode == "constant" and isinstance(pad, (list, tuple)) and len(pad) == axes * 2:
        return layer("pad", {"X": x}, "Out", {"paddings": list(pad), "pad_value": float(value)}, name=name)
    if axes not in (3, 4, 5):
        raise ValueError(f"pad takes 3 to 5 axes, {axes} were given")
    from ...tensor import squeeze, unsqueeze
    last = data_format[-1] == "C" and data_format[1] != "C"
    first = 1 if last else 2
    new = {3: [first, first + 1], 4: [first], 5: []}[axes]
    if not is_var(pad):
        pad = list(pad) + [0] * (6 - len(pad))
    x = unsqueeze(x, new) if new else x
    attrs = {"mode": mode, "value": float(value), "data_format": "NDHWC" if last else "NCDHW"}
    inputs = {"X": x}
    if is_var(pad):
        inputs["Paddings"] = pad
    else:
        attrs["paddings"] = pad
    out = layer("pad3d", inputs, "Out", attrs, name=name)
    return squeeze(out, new) if new else out


def _numbers(value, count):
    return [value] * count if isinstance(value, (int, float)) else list(value)


def interpolate(x, size=None, scale_factor=None, mode="nearest", align_corners=False, align_mode=0, data_format="NCHW",
                name=None):
    """Images (or signals, or volumes) of another size.

    Args:
        x (Variable): [batch, channels, ...] or the channels last.
        size (int | list | Variable): spatial extents of the result; or
        scale_factor (float | list): their ratio to x's.
        mode (str): "nearest", "bilinear", "bicubic", "linear" or "trilinear".
        align_corners (bool): the corner elements stay where they are.
        align_mode (int): 0 takes elements at their centres, 1 at their corners.
        data_format (str): where the channels stand.
        name (str): of the layer.

    Source: paddle.nn.functional.interpolate.
    """
    spatial = len(x.shape) - 2
    mode = mode.lower()
    if (size is None) == (scale_factor is None):
        raise ValueError("One of size and scale_factor must not be None, and only one.")
    if mode == "nearest" and align_corners:
        raise ValueError("align_corners option can only be set with the interpolating modes: linear | bilinear | bicubic | "
                         "trilinear")
    attrs = {"out_d": -1, "out_h": -1, "out_w": -1, "interp_method": mode, "align_corners": align_corners,
             "align_mode": align_mode, "data_layout": "NHWC" if data_format[-1] == "C" and spatial > 0 and
             data_format != "NC" else "NCHW"}
    inputs, names = {"X": x}, ("out_d", "out_h", "out_w")[3 - spatial:]
    if is_var(size):
        inputs["OutSize"] = size
    elif size is not None:
        sizes = to_list(size) if isinstance(size, (list, tuple)) else [size] * spatial
        tensors, extents = shape_inputs(sizes, "OutSize", "SizeTensor")
        inputs.update(tensors)
        attrs.update(zip(names, extents))
    elif is_var(scale_factor):
        inputs["Scale"] = scale_factor
    else:
        attrs["scale"] = [float(s) for s in _numbers(scale_factor, spatial)]
    return layer(f"{mode}_interp_v2", inputs, "Out", attrs, name=name)


def upsample(x, size=None, scale_factor=None, mode="nearest", align_corners=False, align_mode=0, data_format="NCHW", name=None):
    """`interpolate`. Source: paddle.nn.functional.upsample."""
    return interpolate(x, size, scale_factor, mode, align_corners, align_mode, data_format, name)


def unfold(x, kernel_sizes, strides=1, paddings=0, dilations=1, name=None):
    """The windows of images as columns. Source: paddle.nn.functional.unfold."""
    padding = _numbers(paddings, 4)
    attrs = {"kernel_sizes": _numbers(kernel_sizes, 2), "strides": _numbers(strides, 2),
             "paddings": padding * 2 if len(padding) == 2 else padding, "dilations": _numbers(dilations, 2)}
    return layer("unfold", {"X": x}, "Y", attrs, name=name)


def fold(x, output_sizes, kernel_sizes, strides=1, paddings=0, dilations=1, name=None):
    """Images whose windows add up to the columns. Source: paddle.nn.functional.fold."""
    padding = _numbers(paddings, 4)
    attrs = {"output_sizes": _numbers(output_sizes, 2), "kernel_sizes": _numbers(kernel_sizes, 2),
             "strides": _numbers(strides, 2), "paddings": padding * 2 if len(padding) == 2 else padding,
             "dilations": _numbers(dilations, 2)}
    return layer("fold", {"X": x}, "Y", attrs, name=name)


def sequence_mask(x, maxlen=None, dtype="int64", name=None):
    """1 at positions below each length, else 0. Source: paddle.nn.functional.sequence_mask."""
    inputs, attrs = {"X": x}, {"out_dtype": int(_core.to_dtype(dtype))}
    if is_var(maxlen):
        inputs["MaxLenTensor"] = maxlen
    else:
        attrs["maxlen"] = -1 if maxlen is None else maxlen
    return layer("sequence_mask", inputs, "Y", attrs, name=name, dtype=dtype, stopped=["Y"])
