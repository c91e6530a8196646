"""Dropout, linear maps, embeddings, padding."""
from ... import _core
from ..._core import layer
from ...tensor._ops import any_var, is_var, to_list

__all__ = ["alpha_dropout", "bilinear", "cosine_similarity", "dropout", "dropout2d", "dropout3d", "embedding", "fold",
           "interpolate", "label_smooth", "linear", "one_hot", "pad", "pairwise_distance", "sequence_mask", "unfold", "upsample",
           "zeropad2d"]


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
        if not isinstance(p, (int, float)):
            raise TypeError(f"p argument should be a number or Variable, {type(p)} was given")
        if not 0 <= p <= 1:
            raise ValueError("p argument should between 0 and 1")
        if p == 0:
            return x
    if mode not in ("downscale_in_infer", "upscale_in_train"):
        raise ValueError("mode argument should be 'downscale_in_infer' or 'upscale_in_train'")
    if axis is not None:
        if not isinstance(axis, (int, list, tuple)):
            raise TypeError("datatype of axis argument should be int or list")
        return _dropout_axes(x, p, to_list(axis), training, mode, name)
    seed = _core.default_main_program().random_seed
    attrs = {"dropout_prob": p, "is_test": not training, "fix_seed": seed != 0, "seed": seed,
             "dropout_implementation": "downgrade_in_infer" if mode == "downscale_in_infer" else mode}
    return layer("dropout", {"X": x}, ("Out", "Mask"), attrs, name=name, stopped=["Mask"])[0]


def _dropout_axes(x, p, axes, training, mode, name):
    from ...tensor import cast, full, greater_equal, multiply, scale, shape, uniform
    if not training:
        return scale(x, 1 - p) if mode == "downscale_in_infer" else x
    if min(axes) < 0 or max(axes) >= len(x.shape):
        raise ValueError(f"axis must lie in [0, {len(x.shape)}), {axes} was given")
    kept = x if mode == "downscale_in_infer" else scale(x, 0.0 if p == 1 else 1 / (1 - p))
    extents = shape(x)
    drawn = {axis: extents[axis] for axis in axes}
    noise = uniform([drawn.get(axis, 1) for axis in range(len(x.shape))], "float32", 0.0, 1.0)
    mask = greater_equal(noise, full([1], p, "float32"))
    return multiply(cast(kept, x.dtype), cast(mask, x.dtype), name)


def _dropout_channels(x, p, training, formats, data_format, name):
    axes = len(formats[0])
    if len(x.shape) != axes:
        raise ValueError(f"dimensions of x should be {axes}, but received {len(x.shape)} != {axes}")
    if data_format not in formats:
        raise ValueError(f"Attr(data_format) should be '{formats[0]}' or '{formats[1]}'. Received Attr(data_format): "
                         f"{data_format}.")
    return dropout(x, p, [0, data_format.index("C")], training, "upscale_in_train", name)


def dropout2d(x, p=0.5, training=True, data_format="NCHW", name=None):
    """Zeroes whole channels of images with probability p. Source: paddle.nn.functional.dropout2d."""
    return _dropout_channels(x, p, training, ("NCHW", "NHWC"), data_format, name)


def dropout3d(x, p=0.5, training=True, data_format="NCDHW", name=None):
    """Zeroes whole channels of volumes with probability p. Source: paddle.nn.functional.dropout3d."""
    return _dropout_channels(x, p, training, ("NCDHW", "NDHWC"), data_format, name)


def alpha_dropout(x, p=0.5, training=True, name=None):
    """Dropout for what selu gives: mean and variance stay.

    Args:
        x (Variable): any shape, all extents known.
        p (float): probability that an element takes selu's value at minus infinity.
        training (bool): False gives x itself.
        name (str): of the last addition.

    Source: paddle.nn.functional.alpha_dropout; Klambauer et al. 2017.
    """
    from ...tensor import add, cast, full, greater_equal, multiply, scale, subtract, uniform
    if not isinstance(p, (float, int)):
        raise TypeError(f"p argument should be a float or int, {type(p)} was given")
    if not 0 <= p <= 1:
        raise ValueError("p argument should between 0 and 1")
    if not training:
        return x
    if p == 1:
        return scale(x, 0.0)
    lowest = -1.6732632423543772848170429916717 * 1.0507009873554804934193349852946
    slope = ((1 - p) * (1 + p * lowest ** 2)) ** -0.5
    shape = list(x.shape)
    kept = cast(greater_equal(uniform(shape, "float32", 0.0, 1.0), full(shape, p, "float32")), x.dtype)
    dropped = subtract(full(shape, 1.0, x.dtype), kept)
    shift = full(shape, -slope * lowest * p, x.dtype)
    mixed = add(multiply(x, kept), scale(dropped, lowest))
    return add(scale(mixed, slope), shift, name)


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


def pairwise_distance(x, y, p=2.0, epsilon=1e-6, keepdim=False, name=None):
    """The p-norm of x - y + epsilon along the last axis. Source: paddle.nn.functional.pairwise_distance."""
    from ...tensor import add, full, subtract
    difference = subtract(x, y)
    if epsilon != 0.0:
        difference.block.create_var(name=_core.unique_name("_generated_var"), dtype=difference.dtype)  # as Paddle, for nothing
        difference = add(difference, full([1], epsilon, difference.dtype))
    attrs = {"axis": -1, "porder": p, "keepdim": keepdim, "epsilon": 0.0}
    return layer("p_norm", {"X": difference}, "Out", attrs, layer="PairwiseDistance", name=name)


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
        raise AssertionError(f"mode should be one of constant, reflect, replicate, circular, but got {mode}.")
    axes, data_format = len(x.shape), data_format.upper()
    if mode == "constant" and isinstance(pad, (list, tuple)) and len(pad) == axes * 2:
        return layer("pad", {"X": x}, "Out", {"paddings": list(pad), "pad_value": float(value)}, name=name)
    formats = {3: ("NCL", "NLC"), 4: ("NCHW", "NHWC"), 5: ("NCDHW", "NDHWC")}
    if axes not in formats:
        raise AssertionError(f"pad takes 3 to 5 axes, {axes} were given")
    if data_format not in formats[axes]:
        raise AssertionError(f"data_format of {axes} axes should be in {formats[axes]}, but got {data_format}")
    from ...tensor import concat, squeeze, unsqueeze, zeros
    last = data_format == formats[axes][1]
    new = {3: [2, 3] if last else [3, 4], 4: [1 if last else 2], 5: []}[axes]
    if is_var(pad):
        fill = (lambda count: zeros([count], "int32"))  # noqa: E731
        join = (lambda parts: concat(parts, 0))  # noqa: E731
    else:
        pad, fill, join = list(pad), (lambda count: [0] * count), (lambda parts: parts[0] + parts[1])
    if axes == 3:
        pad = join([fill(4), pad])
    elif axes == 4:
        pad = join([pad, fill(2)])
    x = unsqueeze(x, new) if new else x
    attrs = {"mode": mode, "value": float(value), "data_format": "NDHWC" if last else "NCDHW"}
    inputs = {"X": x}
    if is_var(pad):
        inputs["Paddings"], attrs["paddings"] = pad, []
    else:
        attrs["paddings"] = pad
    out = layer("pad3d", inputs, "Out", attrs, name=name)
    return squeeze(out, new) if new else out


def zeropad2d(x, padding, data_format="NCHW", name=None):
    """Images with [left, right, top, bottom] zeros around. Source: paddle.nn.functional.zeropad2d."""
    return pad(x, padding, "constant", 0, data_format, name)


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
    axes, mode, data_format = len(x.shape), mode.lower(), data_format.upper()
    ranks = {"linear": (3,), "bilinear": (4,), "trilinear": (5,), "nearest": (4, 5), "bicubic": (4,), "area": (3, 4, 5)}
    if mode not in ranks:
        raise ValueError(f"mode must be one of {', '.join(ranks)}, {mode!r} was given")
    if axes not in ranks[mode]:
        raise ValueError(f"'{mode}' takes x of {' or '.join(map(str, ranks[mode]))} axes, its shape is {x.shape}")
    if size is None and scale_factor is None:
        raise ValueError("One of size and scale_factor must not be None.")
    if is_var(size):
        from ...tensor import cast
        size = cast(size, "int32")
    given = tuple(size.shape) if is_var(size) else (len(size),) if isinstance(size, (list, tuple)) else (axes - 2,)
    if given != (axes - 2,):
        raise ValueError(f"size must hold {axes - 2} extents, {size} was given")
    if not isinstance(align_corners, bool):
        raise TypeError("Attr align_corners should be a bool value")
    if align_mode not in (0, 1):
        raise ValueError("align_mode can only be 0 or 1")
    if mode == "nearest" and align_corners:
        raise ValueError("align_corners option can only be set with the interpolating modes: linear | bilinear | bicubic | "
                         "trilinear")
    if mode == "area":
        from . import pooling
        if size is None:
            raise ValueError("output size can not be None in AREA mode")
        return getattr(pooling, f"adaptive_avg_pool{axes - 2}d")(x, size)
    formats = {3: ("NCW", "NWC"), 4: ("NCHW", "NHWC"), 5: ("NCDHW", "NDHWC")}[axes]
    if data_format not in formats:
        raise ValueError(f"Got wrong value for param `data_format`: {data_format} received but only `{formats[0]}` or "
                         f"`{formats[1]}` supported for {axes}-D input.")
    if size is not None and scale_factor is not None:
        raise ValueError("Only one of size or scale_factor should be defined.")
    helper = _core.LayerHelper(f"{mode}_interp_v2", name)
    attrs = {"out_d": -1, "out_h": -1, "out_w": -1, "interp_method": mode, "align_corners": align_corners,
             "align_mode": align_mode, "data_layout": "NHWC" if data_format == formats[1] else "NCHW"}
    inputs, names = {"X": x}, ("out_d", "out_h", "out_w")[5 - axes:]
    if is_var(size):
        size.stop_gradient = True
        inputs["OutSize"] = size
    elif size is not None:
        if not isinstance(size, (list, tuple)):
            raise TypeError("size should be a list or tuple or Variable.")
        if any_var(size):
            inputs["SizeTensor"] = [extent if is_var(extent) else _size_tensor(helper, extent) for extent in size]
        attrs.update(zip(names, (-1 if is_var(extent) else int(extent) for extent in size)))
    elif is_var(scale_factor):
        scale_factor.stop_gradient = True
        inputs["Scale"] = scale_factor
    else:
        scales = _numbers(scale_factor, axes - 2)
        if len(scales) != axes - 2 or min(scales) <= 0:
            raise ValueError(f"scale_factor must hold {axes - 2} numbers above 0, {scale_factor} was given")
        attrs["scale"] = [float(scale) for scale in scales]
    return layer(f"{mode}_interp_v2", inputs, "Out", attrs, name=helper.name)


def _size_tensor(helper, extent):
    """An extent among variables, as Paddle passes it: on the CPU, named after the layer."""
    out = helper.create_temporary("int32", True)
    _core.unique_name("fill_constant")
    _core.default_main_program().current_block().append_op(
        type="fill_constant", inputs={}, outputs={"Out": out},
        attrs={"shape": [1], "dtype": int(out.dtype), "value": float(extent), "str_value": str(extent), "force_cpu": True})
    return out


def upsample(x, size=None, scale_factor=None, mode="nearest", align_corners=False, align_mode=0, data_format="NCHW", name=None):
    """`interpolate`; the name is accepted, without effect. Source: paddle.nn.functional.upsample."""
    return interpolate(x, size, scale_factor, mode, align_corners, align_mode, data_format)


def unfold(x, kernel_sizes, strides=1, paddings=0, dilations=1, name=None):
    """The windows of images as columns.

    Args:
        x (Variable): [batch, channels, height, width].
        kernel_sizes, strides, dilations (int | list): one number for both axes, or two.
        paddings (int | list): zeros around: one number, (height, width), or (top, left, bottom, right).
        name (str): of the layer.

    Returns:
        Variable: [batch, channels * kernel height * kernel width, windows].

    Source: paddle.nn.functional.unfold.
    """
    if len(x.shape) != 4:
        raise AssertionError(f"input should be the format of [N, C, H, W], its shape is {x.shape}")
    attrs = {"kernel_sizes": _pair(kernel_sizes, "kernel_sizes"), "strides": _pair(strides, "strides"),
             "paddings": _around(paddings), "dilations": _pair(dilations, "dilations")}
    return layer("unfold", {"X": x}, "Y", attrs, name=name)


def _pair(value, what):
    if isinstance(value, int):
        return [value, value]
    if not isinstance(value, (list, tuple)) or len(value) != 2:
        raise AssertionError(f"{what} should either be an integer or a list/tuple of two integers, {value} was given")
    return list(value)


def _around(paddings):
    if isinstance(paddings, int):
        return [paddings] * 4
    if not isinstance(paddings, (list, tuple)) or len(paddings) not in (2, 4):
        raise ValueError(f"paddings should either be an integer or a list/tuple of 2 or 4 integers, {paddings} was given")
    return list(paddings) * (4 // len(paddings))


def fold(x, output_sizes, kernel_sizes, strides=1, paddings=0, dilations=1, name=None):
    """Images whose windows add up to the columns: the transpose of `unfold`. Source: paddle.nn.functional.fold."""
    if len(x.shape) != 3:
        raise AssertionError(f"input should be the format of [N, C, L], its shape is {x.shape}")
    attrs = {"output_sizes": _pair(output_sizes, "output_sizes"), "kernel_sizes": _pair(kernel_sizes, "kernel_sizes"),
             "strides": _pair(strides, "strides"), "paddings": _around(paddings), "dilations": _pair(dilations, "dilations")}
    return layer("fold", {"X": x}, "Y", attrs, name=name)


def sequence_mask(x, maxlen=None, dtype="int64", name=None):
    """1 at positions below each length, else 0. Source: paddle.nn.functional.sequence_mask."""
    inputs, attrs = {"X": x}, {"out_dtype": int(_core.to_dtype(dtype))}
    if is_var(maxlen):
        inputs["MaxLenTensor"] = maxlen
    else:
        attrs["maxlen"] = -1 if maxlen is None else maxlen
    return layer("sequence_mask", inputs, "Y", attrs, name=name, dtype=dtype, stopped=["Y"])
