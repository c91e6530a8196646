"""Convolutions over given filters."""
from ... import _core
from ..._core import layer
from ...tensor._ops import any_var, is_var, one_extent

__all__ = ["conv1d", "conv1d_transpose", "conv2d", "conv2d_transpose", "conv3d", "conv3d_transpose"]


def numbers(value, count, what):
    """`count` whole numbers from one or as many."""
    values = [value] * count if isinstance(value, int) else list(value)
    if len(values) != count or not all(hasattr(number, "__index__") for number in values):
        raise ValueError(f"{what} must be one whole number or {count}, {value} was given")
    return [int(number) for number in values]


def padding_of(padding, count, channels_last):
    """(numbers, algorithm) of what a user may write: a number, one an axis, two an axis, pairs, SAME or VALID."""
    if isinstance(padding, str):
        name = padding.upper()
        if name not in ("SAME", "VALID"):
            raise ValueError(f"Unknown padding: '{padding}'. It can only be 'SAME' or 'VALID'.")
        return [0] * count, name
    if isinstance(padding, int):
        return [padding] * count, "EXPLICIT"
    values = list(padding)
    if len(values) == count + 2 and isinstance(values[0], (list, tuple)):
        around = (values[0], values[-1]) if channels_last else values[:2]
        if any(list(pair) != [0, 0] for pair in around):
            raise ValueError(f"Non-zero padding({padding}) in the batch or channel dimensions is not supported.")
        values = [number for pair in (values[1:-1] if channels_last else values[2:]) for number in pair]
    if len(values) == 2 * count and values[::2] == values[1::2]:
        values = values[::2]
    if len(values) not in (count, 2 * count) or not all(isinstance(number, int) for number in values):
        raise ValueError(f"padding must hold {count} or {2 * count} whole numbers, {padding} was given")
    return values, "EXPLICIT"


def _checked(op, x, weight, axes, groups, formats, data_format, filters=None):
    """True where the channels come last; raises where layout, ranks or channels do not fit."""
    if data_format not in formats:
        raise ValueError(f"{op}: data_format must be '{formats[0]}' or '{formats[1]}', {data_format!r} was given")
    last = data_format[-1] == "C"
    for what, shape in (("x", x.shape), ("weight", weight.shape)):
        if len(shape) != axes + 2:
            raise ValueError(f"{op}: {what} must have {axes + 2} axes, its shape is {shape}")
    channels = x.shape[-1 if last else 1]
    if channels < 0:
        raise ValueError(f"The channel dimension of the input({x.shape}) should be defined. Received: {channels}.")
    if groups <= 0:
        raise ValueError(f"{op}: groups must be at least 1, {groups} was given")
    if channels % groups:
        raise ValueError(f"{op}: {channels} channels cannot be dealt among {groups} groups")
    if filters is not None and filters % groups:
        raise ValueError(f"{op}: {filters} filters cannot be dealt among {groups} groups")
    return last


def _attributes(axes, stride, padding, dilation, groups, last, data_format):
    paddings, algorithm = padding_of(padding, axes, last)
    if any(number < 0 for number in paddings):
        raise ValueError(f"padding must not be negative, {padding} was given")
    return {"strides": numbers(stride, axes, "stride"), "paddings": paddings, "padding_algorithm": algorithm,
            "dilations": numbers(dilation, axes, "dilation"), "groups": groups, "data_format": data_format}


def _with_bias(out, bias, axes, last, name, spread=False):
    """out + bias, named after the convolution; `spread` gives bias all axes where the channels come last too."""
    if bias is None:
        return out
    if not last or spread:
        from ...tensor.manipulation import reshape
        bias = reshape(bias, [1] * (axes + 1) + [*bias.shape] if last else [1, *bias.shape] + [1] * axes)
    return layer("elementwise_add", {"X": out, "Y": bias}, "Out", {"axis": -1}, name=name)


def _add(out, bias, last):
    """out + bias along the axis of the channels."""
    if bias is None:
        return out
    return layer("elementwise_add", {"X": out, "Y": bias}, "Out", {"axis": -1 if last else 1}, own_name=True)


def conv_nd(op_type, axes, x, weight, bias, stride, padding, dilation, groups, data_format, name, extra=None, spread=False):
    """A convolution operator over `axes` spatial axes, and its bias."""
    last = data_format[-1] == "C"
    attrs = {**_attributes(axes, stride, padding, dilation, groups, last, data_format), **(extra or {})}
    helper = _core.LayerHelper(op_type, name)
    out = layer(op_type, {"Input": x, "Filter": weight}, "Output", attrs, name=helper.name)
    return _with_bias(out, bias, axes, last, helper.name, spread)


def conv1d(x, weight, bias=None, stride=1, padding=0, dilation=1, groups=1, data_format="NCL", name=None):
    """A convolution over signals.

    Args:
        x (Variable): [batch, channels, length] ("NCL"), or [batch, length, channels] ("NLC").
        weight (Variable): [filters, channels / groups, length].
        bias (Variable): [filters].
        stride, dilation (int | list): one number.
        padding (int | list | str): zeros at each end, or at both; "SAME" or "VALID".
        groups (int): channels only meet those of their group.
        data_format (str): "NCL" or "NLC".
        name (str): of the layer.

    Source: paddle.nn.functional.conv1d.
    """
    from ...tensor import assign, squeeze, unsqueeze
    last = _checked("conv1d", x, weight, 1, groups, ("NCL", "NLC"), data_format, weight.shape[0])
    attrs = _attributes(1, stride, padding, dilation, groups, last, "NHWC" if last else "NCHW")
    attrs["paddings"] = [0] * len(attrs["paddings"]) + attrs["paddings"]
    attrs["strides"], attrs["dilations"] = [1] + attrs["strides"], [1] + attrs["dilations"]
    rows = -3 if last else -2
    weight = unsqueeze(assign(weight), [-2])
    out = layer("conv2d", {"Input": unsqueeze(x, [rows]), "Filter": weight}, "Output", attrs, name=name)
    return squeeze(_add(out, bias, last), [rows])


def conv2d(x, weight, bias=None, stride=1, padding=0, dilation=1, groups=1, data_format="NCHW", name=None):
    """A convolution over images.

    Args:
        x (Variable): [batch, channels, height, width], or the channels last.
        weight (Variable): [filters, channels / groups, height, width].
        bias (Variable): [filters].
        stride, dilation (int | list): one number for both axes, or two.
        padding (int | list | str): rows and columns of zeros around; "SAME" or "VALID".
        groups (int): channels only meet those of their group.
        data_format (str): "NCHW" or "NHWC".
        name (str): of the layer.

    Source: paddle.nn.functional.conv2d.
    """
    last = _checked("conv2d", x, weight, 2, groups, ("NCHW", "NHWC"), data_format, weight.shape[0])
    channels = x.shape[-1 if last else 1]
    depthwise = groups == channels and groups != 1 and weight.shape[0] % channels == 0
    return conv_nd("depthwise_conv2d" if depthwise else "conv2d", 2, x, weight, bias, stride, padding, dilation, groups,
                   data_format, name)


def conv3d(x, weight, bias=None, stride=1, padding=0, dilation=1, groups=1, data_format="NCDHW", name=None):
    """A convolution over volumes; arguments as conv2d's. Source: paddle.nn.functional.conv3d."""
    _checked("conv3d", x, weight, 3, groups, ("NCDHW", "NDHWC"), data_format, weight.shape[0])
    return conv_nd("conv3d", 3, x, weight, bias, stride, padding, dilation, groups, data_format, name)


def of_variables(output_size):
    """Whether a size is a variable, or a list that holds some."""
    return is_var(output_size) or isinstance(output_size, (list, tuple)) and any_var(output_size)


def _size_variables(output_size):
    """Variables as the attribute takes them: one of two numbers, or one for each axis."""
    if not is_var(output_size):
        if len(output_size) != 2:
            raise ValueError(f"output_size must be one number or 2, {len(output_size)} were given")
        return [extent if is_var(extent) else one_extent(int(extent), [1]) for extent in output_size]
    if _core.dtype_name(output_size.dtype) not in ("int32", "int64"):
        raise TypeError(f"output_size must be int32 or int64, {output_size.name} is {_core.dtype_name(output_size.dtype)}")
    if tuple(output_size.shape) not in ((1,), (2,)):
        raise ValueError(f"output_size must contain one or two integers, {output_size.name} has the shape {tuple(output_size.shape)}")
    return output_size if output_size.shape[0] == 2 else [output_size, output_size]


def sizes(axes, output_padding, output_size):
    """Attributes that choose among the sizes whose convolution has x's size."""
    attrs = {"output_size": [], "output_padding": []}
    if output_size is not None:
        if output_padding != 0:
            raise ValueError("output_padding option is mutually exclusive with output_size")
        if axes == 2 and of_variables(output_size):
            attrs["output_size"] = _size_variables(output_size)
        elif isinstance(output_size, (int, list, tuple)) and not of_variables(output_size):
            attrs["output_size"] = numbers(output_size, axes, "output_size")
        else:
            raise ValueError("output_size should be int, or list, tuple of ints")
    if output_padding != 0:
        attrs["output_padding"] = numbers(output_padding, axes, "output_padding")
    return attrs


def conv1d_transpose(x, weight, bias=None, stride=1, padding=0, output_padding=0, groups=1, dilation=1, output_size=None,
                     data_format="NCL", name=None):
    """The gradient of a convolution over signals, used as a layer; weight [channels, filters / groups, length].

    Source: paddle.nn.functional.conv1d_transpose.
    """
    from ...tensor import squeeze, unsqueeze
    last = _checked("conv1d_transpose", x, weight, 1, groups, ("NCL", "NLC"), data_format)
    attrs = _attributes(1, stride, padding, dilation, groups, last, "NHWC" if last else "NCHW")
    attrs.update(sizes(1, output_padding, output_size))
    for key, fill in (("strides", 1), ("dilations", 1), ("paddings", 0), ("output_size", 1), ("output_padding", 0)):
        attrs[key] += [fill] * len(attrs[key])
    if attrs["output_padding"] and attrs["output_padding"][0] > attrs["strides"][0]:
        raise ValueError(f"output_padding must not exceed the stride, {output_padding} and {stride} were given")
    depthwise = groups == x.shape[-1 if last else 1] and groups != 1 and weight.shape[1] == 1
    columns = -2 if last else -1
    inputs = {"Input": unsqueeze(x, [columns]), "Filter": unsqueeze(weight, [-1])}
    out = layer("depthwise_conv2d_transpose" if depthwise else "conv2d_transpose", inputs, "Output", attrs, name=name)
    return squeeze(_add(out, bias, last), [columns])


def conv2d_transpose(x, weight, bias=None, stride=1, padding=0, output_padding=0, dilation=1, groups=1, output_size=None,
                     data_format="NCHW", name=None):
    """The gradient of a convolution over images, used as a layer.

    Args:
        x (Variable): [batch, channels, height, width], or the channels last.
        weight (Variable): [channels, filters / groups, height, width].
        bias, stride, padding, dilation, groups, data_format, name: as conv2d's.
        output_padding (int | list): rows and columns added at the end; or
        output_size (int | list | Variable): height and width of the result; a variable of one or two integers, or a list with variables of
            one, is read at each run.

    Raises:
        ValueError: output_padding and output_size are both given, or one that is not as said.
        TypeError: a variable of another dtype than int32 and int64.

    Source: paddle.nn.functional.conv2d_transpose.
    """
    last = _checked("conv2d_transpose", x, weight, 2, groups, ("NCHW", "NHWC"), data_format)
    extra = sizes(2, output_padding, output_size)
    depthwise = groups == x.shape[-1 if last else 1] and groups != 1 and weight.shape[1] == 1
    return conv_nd("depthwise_conv2d_transpose" if depthwise else "conv2d_transpose", 2, x, weight, bias, stride, padding,
                   dilation, groups, data_format, name, extra)


def conv3d_transpose(x, weight, bias=None, stride=1, padding=0, output_padding=0, groups=1, dilation=1, output_size=None,
                     data_format="NCDHW", name=None):
    """The gradient of a convolution over volumes, used as a layer; arguments as conv2d_transpose's.

    Source: paddle.nn.functional.conv3d_transpose.
    """
    last = _checked("conv3d_transpose", x, weight, 3, groups, ("NCDHW", "NDHWC"), data_format)
    extra = {**sizes(3, output_padding, output_size), "data_format": "NHWC" if last else "NCHW"}
    return _add(conv_nd("conv3d_transpose", 3, x, weight, None, stride, padding, dilation, groups, data_format, name, extra),
                bias, last)
