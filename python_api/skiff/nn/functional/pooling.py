"""Pooling: means and maxima of windows, and maxima put back."""
from ... import _core
from ..._core import layer
from ...tensor._ops import any_var, is_var
from .conv import numbers, padding_of

__all__ = ["adaptive_avg_pool1d", "adaptive_avg_pool2d", "adaptive_avg_pool3d", "adaptive_max_pool1d", "adaptive_max_pool2d",
           "adaptive_max_pool3d", "avg_pool1d", "avg_pool2d", "avg_pool3d", "max_pool1d", "max_pool2d", "max_pool3d",
           "max_unpool1d", "max_unpool2d", "max_unpool3d"]

_FORMATS = {2: ("NCHW", "NHWC"), 3: ("NCDHW", "NDHWC")}


def _expect_axes(x, axes):
    if len(x.shape) != axes:
        raise ValueError(f"x must have {axes} axes, its shape is {x.shape}")


def _window(axes, kernel_size, stride, padding, ceil_mode, last=False):
    """The attributes that say where windows are."""
    paddings, algorithm = padding_of(padding, axes, last)
    if algorithm == "VALID" and ceil_mode:
        raise ValueError('When Attr(padding) is "VALID", Attr(ceil_mode) must be False. Received ceil_mode: True.')
    kernel = numbers(kernel_size, axes, "kernel_size")
    strides = kernel if stride is None else numbers(stride, axes, "stride")
    if min(kernel + strides) < 1:
        raise ValueError(f"kernel_size and stride must be at least 1, {kernel_size} and {stride} were given")
    return {"ksize": kernel, "strides": strides, "paddings": paddings, "padding_algorithm": algorithm, "ceil_mode": ceil_mode,
            "global_pooling": False}


def _rows(window):
    """The same windows over signals laid out as images of one row."""
    for key, fill in (("ksize", 1), ("strides", 1), ("paddings", 0)):
        window[key] = [fill] * len(window[key]) + window[key]
    return window


def _layout(axes, data_format, return_mask=False):
    if data_format not in _FORMATS[axes]:
        raise ValueError(f"Attr(data_format) should be '{_FORMATS[axes][0]}' or '{_FORMATS[axes][1]}'. Received "
                         f"Attr(data_format): {data_format}")
    if return_mask and data_format != _FORMATS[axes][0]:
        raise ValueError(f"When setting return_mask to true, data_format must be set to {_FORMATS[axes][0]} in "
                         f"API:max_pool{axes}d")
    return data_format[-1] == "C"


def _average(op_type, x, window, exclusive, data_format, name):
    return layer(op_type, {"X": x}, "Out", {"pooling_type": "avg", "exclusive": exclusive, "data_format": data_format, **window},
                 name=name)


def _maximum(op_type, x, window, exclusive, data_format, return_mask, name, declares_mask=False):
    """(maxima, where they are or None). `declares_mask`: Paddle makes the variable even where nothing fills it."""
    attrs = {"pooling_type": "max", "exclusive": exclusive, "data_format": data_format, **window}
    if return_mask:
        op_type = f"max_{op_type}_with_index"
        return _with_mask(_core.LayerHelper(op_type, name), op_type, x, attrs)
    helper = _core.LayerHelper(op_type, name)
    out = layer(op_type, {"X": x}, "Out", attrs, name=helper.name)
    if declares_mask:
        helper.create_temporary("int32", True)
    return out, None


def _with_mask(helper, op_type, x, attrs):
    out, mask = helper.create_temporary(x.dtype), helper.create_temporary("int32")
    _core.default_main_program().current_block().append_op(type=op_type, inputs={"X": x}, outputs={"Out": out, "Mask": mask},
                                                           attrs=attrs)
    return out, mask


def avg_pool1d(x, kernel_size, stride=None, padding=0, exclusive=True, ceil_mode=False, name=None):
    """The mean of each window of signals [batch, channels, length]. Source: paddle.nn.functional.avg_pool1d."""
    from ...tensor import squeeze, unsqueeze
    _expect_axes(x, 3)
    window = _rows(_window(1, kernel_size, stride, padding, ceil_mode))
    return squeeze(_average("pool2d", unsqueeze(x, [2]), window, exclusive, "NCHW", name), [2])


def avg_pool2d(x, kernel_size, stride=None, padding=0, ceil_mode=False, exclusive=True, divisor_override=None,
               data_format="NCHW", name=None):
    """The mean of each window of images.

    Args:
        x, kernel_size, stride, padding, ceil_mode, data_format, name: as max_pool2d's.
        exclusive (bool): padding does not count.
        divisor_override (int): divides the sum of a window instead of the window's size.

    Source: paddle.nn.functional.avg_pool2d.
    """
    window = _window(2, kernel_size, stride, padding, ceil_mode, _layout(2, data_format))
    return _divided(_average("pool2d", x, window, exclusive, data_format, name), window, divisor_override)


def avg_pool3d(x, kernel_size, stride=None, padding=0, ceil_mode=False, exclusive=True, divisor_override=None,
               data_format="NCDHW", name=None):
    """The mean of each window of volumes; arguments as avg_pool2d's. Source: paddle.nn.functional.avg_pool3d."""
    window = _window(3, kernel_size, stride, padding, ceil_mode, _layout(3, data_format))
    return _divided(_average("pool3d", x, window, exclusive, data_format, name), window, divisor_override)


def _divided(mean, window, divisor):
    if divisor is None:
        return mean
    if not isinstance(divisor, (int, float)):
        raise ValueError(f"divisor_override must be a number, {type(divisor)} was given")
    size = 1
    for extent in window["ksize"]:
        size *= extent
    return mean * size / divisor


def max_pool1d(x, kernel_size, stride=None, padding=0, return_mask=False, ceil_mode=False, name=None):
    """The largest element of each window of signals [batch, channels, length]. Source: paddle.nn.functional.max_pool1d."""
    from ...tensor import squeeze, unsqueeze
    _expect_axes(x, 3)
    window = _rows(_window(1, kernel_size, stride, padding, ceil_mode))
    out, mask = _maximum("pool2d", unsqueeze(x, [2]), window, True, "NCHW", return_mask, name, True)
    return (squeeze(out, [2]), squeeze(mask, [2])) if return_mask else squeeze(out, [2])


def max_pool2d(x, kernel_size, stride=None, padding=0, return_mask=False, ceil_mode=False, data_format="NCHW", name=None):
    """The largest element of each window of images.

    Args:
        x (Variable): [batch, channels, height, width], or the channels last.
        kernel_size (int | list): of the window.
        stride (int | list): from window to window; the window's size where None.
        padding (int | list | str): rows and columns around that never win; "SAME" or "VALID".
        return_mask (bool): also gives where in its plane each winner is.
        ceil_mode (bool): rounds the number of windows up.
        data_format (str): "NCHW" or "NHWC".
        name (str): of the layer.

    Source: paddle.nn.functional.max_pool2d.
    """
    window = _window(2, kernel_size, stride, padding, ceil_mode, _layout(2, data_format, return_mask))
    out, mask = _maximum("pool2d", x, window, True, data_format, return_mask, name)
    return (out, mask) if return_mask else out


def max_pool3d(x, kernel_size, stride=None, padding=0, return_mask=False, ceil_mode=False, data_format="NCDHW", name=None):
    """The largest element of each window of volumes; arguments as max_pool2d's. Source: paddle.nn.functional.max_pool3d."""
    window = _window(3, kernel_size, stride, padding, ceil_mode, _layout(3, data_format, return_mask))
    out, mask = _maximum("pool3d", x, window, False, data_format, return_mask, name, True)
    return (out, mask) if return_mask else out


def _target(x, output_size, first):
    """The extents wanted: a number for all axes, or one each where None keeps x's."""
    axes = len(x.shape) - 2
    if isinstance(output_size, int):
        return [output_size] * axes
    return [x.shape[first + i] if size is None else size for i, size in enumerate(output_size)]


def _adaptive_average(op_type, x, sizes, name, **layout):
    return layer(op_type, {"X": x}, "Out", {"pooling_type": "avg", "ksize": sizes, "adaptive": True, **layout}, name=name)


def _adaptive_maximum(op_type, x, sizes, name):
    return _with_mask(_core.LayerHelper(op_type, name), op_type, x, {"pooling_type": "max", "ksize": sizes, "adaptive": True})


def adaptive_avg_pool1d(x, output_size, name=None):
    """Means of windows so chosen that the result has a given length. Source: paddle.nn.functional.adaptive_avg_pool1d."""
    from ...tensor import squeeze, unsqueeze
    _expect_axes(x, 3)
    return squeeze(_adaptive_average("pool2d", unsqueeze(x, [2]), [1, _length(output_size)], name), [2])


def adaptive_avg_pool2d(x, output_size, data_format="NCHW", name=None):
    """Means of windows so chosen that the result has a given height and width. Source: paddle.nn.functional.adaptive_avg_pool2d."""
    sizes = _target(x, output_size, 1 if _layout(2, data_format) else 2)
    return _adaptive_average("pool2d", x, sizes, name, data_format=data_format)


def adaptive_avg_pool3d(x, output_size, data_format="NCDHW", name=None):
    """Means of windows so chosen that the result has a given size. Source: paddle.nn.functional.adaptive_avg_pool3d."""
    sizes = _target(x, output_size, 1 if _layout(3, data_format) else 2)
    return _adaptive_average("pool3d", x, sizes, name, data_format=data_format)


def adaptive_max_pool1d(x, output_size, return_mask=False, name=None):
    """Largest elements of windows so chosen that the result has a given length. Source: paddle.nn.functional.adaptive_max_pool1d."""
    from ...tensor import squeeze, unsqueeze
    _expect_axes(x, 3)
    out, mask = _adaptive_maximum("max_pool2d_with_index", unsqueeze(x, [2]), [1, _length(output_size)], name)
    return (squeeze(out, [2]), squeeze(mask, [2])) if return_mask else squeeze(out, [2])


def adaptive_max_pool2d(x, output_size, return_mask=False, name=None):
    """Largest elements of windows so chosen that the result has a given size. Source: paddle.nn.functional.adaptive_max_pool2d."""
    _expect_axes(x, 4)
    out, mask = _adaptive_maximum("max_pool2d_with_index", x, _target(x, output_size, 2), name)
    return (out, mask) if return_mask else out


def adaptive_max_pool3d(x, output_size, return_mask=False, name=None):
    """Largest elements of windows so chosen that the result has a given size. Source: paddle.nn.functional.adaptive_max_pool3d."""
    _expect_axes(x, 5)
    out, mask = _adaptive_maximum("max_pool3d_with_index", x, _target(x, output_size, 2), name)
    return (out, mask) if return_mask else out


def _length(output_size):
    if not isinstance(output_size, int):
        raise TypeError(f"output_size must be a whole number, {output_size!r} was given")
    return output_size


def _unpooled_size(x, window, output_size):
    """The size of what was pooled: the smallest one unless told otherwise."""
    kernel, strides, paddings = window["ksize"], window["strides"], window["paddings"]
    axes = len(kernel)
    if output_size is not None and not isinstance(output_size, (list, tuple)):
        raise AssertionError(f"output_size must be a list, {output_size} was given")
    smallest = [(x.shape[axis - axes] - 1) * strides[axis] + kernel[axis] - 2 * paddings[axis] for axis in range(axes)]
    if output_size is None:
        return smallest
    sizes = list(output_size[2:] if len(output_size) == axes + 2 else output_size)
    if len(sizes) != axes:
        raise ValueError(f"output_size must hold {axes} or {axes + 2} extents, {output_size} was given")
    for axis, (size, least) in enumerate(zip(sizes, smallest)):
        if not any_var(sizes) and not least - strides[axis] < size < least + strides[axis]:
            raise ValueError(f"invalid output_size {sizes}: extent {axis} must lie between {least - strides[axis]} and "
                             f"{least + strides[axis]}")
    return sizes


def _unpool(op_type, x, indices, window, output_size, name):
    attrs = {"unpooling_type": "max", "data_format": "NCDHW" if op_type == "unpool3d" else "NCHW",
             **{key: window[key] for key in ("ksize", "strides", "paddings")}}
    sizes = _unpooled_size(x, window, output_size)
    inputs = {"X": x, "Indices": indices}
    if any_var(sizes):
        inputs["output_size"] = [size if is_var(size) else _core.full([1], size, "int32") for size in sizes]
    else:
        attrs["output_size"] = sizes
    return layer(op_type, inputs, "Out", attrs, name=name)


def max_unpool1d(x, indices, kernel_size, stride=None, padding=0, data_format="NCL", output_size=None, name=None):
    """Signals whose maxima are x, zero elsewhere; arguments as max_unpool2d's. Source: paddle.nn.functional.max_unpool1d."""
    from ...tensor import squeeze, unsqueeze
    if data_format != "NCL":
        raise ValueError(f"Attr(data_format) should be 'NCL'. Received Attr(data_format): {data_format}.")
    x, indices = unsqueeze(x, [2]), unsqueeze(indices, [2])
    window = _rows(_window(1, kernel_size, stride, padding, False))
    return squeeze(_unpool("unpool", x, indices, window, output_size, name), [2])


def max_unpool2d(x, indices, kernel_size, stride=None, padding=0, data_format="NCHW", output_size=None, name=None):
    """Images whose maxima are x, zero elsewhere.

    Args:
        x, indices (Variable): both outputs of max_pool2d with return_mask.
        kernel_size, stride, padding: as in max_pool2d.
        data_format (str): "NCHW".
        output_size (list): height and width of what was pooled, where several sizes give x's.
        name (str): of the layer.

    Source: paddle.nn.functional.max_unpool2d.
    """
    return _unpool_nd(2, "unpool", "NCHW", x, indices, kernel_size, stride, padding, data_format, output_size, name)


def max_unpool3d(x, indices, kernel_size, stride=None, padding=0, data_format="NCDHW", output_size=None, name=None):
    """Volumes whose maxima are x, zero elsewhere; arguments as max_unpool2d's. Source: paddle.nn.functional.max_unpool3d."""
    return _unpool_nd(3, "unpool3d", "NCDHW", x, indices, kernel_size, stride, padding, data_format, output_size, name)


def _unpool_nd(axes, op_type, expected, x, indices, kernel_size, stride, padding, data_format, output_size, name):
    _expect_axes(x, axes + 2)
    _expect_axes(indices, axes + 2)
    if data_format != expected:
        raise ValueError(f"Attr(data_format) should be '{expected}'. Received Attr(data_format): {data_format}.")
    window = _window(axes, kernel_size, stride, numbers(padding, axes, "padding"), False)
    return _unpool(op_type, x, indices, window, output_size, name)
