"""Convolutions over given filters."""
from ... import _core
from ..._core import layer

__all__ = ["conv1d", "conv2d", "conv2d_transpose", "conv3d"]


def numbers(value, count, what):
    """`count` numbers from one or as many."""
    values = [value] * count if isinstance(value, int) else list(value)
    if len(values) == 1:
        values *= count
    if len(values) != count:
        raise ValueError(f"{what} must be one number or {count}, {value} was given")
    return values


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
    if values and isinstance(values[0], (list, tuple)):
        spatial = values[1:-1] if channels_last else values[2:]
        values = [number for pair in spatial for number in pair]
    if len(values) == 2 * count and values[::2] == values[1::2]:
        values = values[::2]
    if len(values) not in (1, count, 2 * count):
        raise ValueError(f"padding must hold 1, {count} or {2 * count} numbers, {padding} was given")
    return values * count if len(values) == 1 and count > 1 else values, "EXPLICIT"


def conv_nd(op_type, axes, x, weight, bias, stride, padding, dilation, groups, data_format, name, extra=None):
    """A convolution operator over `axes` spatial axes, and its bias."""
    last = data_format[-1] == "C"
    channels = x.shape[-1 if last else 1]
    if channels < 0:
        raise ValueError(f"The channel dimension of the input({x.shape}) should be defined. Received: {channels}.")
    helper = _core.LayerHelper(op_type, name)
    paddings, algorithm = padding_of(padding, axes, last)
    attrs = {"strides": numbers(stride, axes, "stride"), "paddings": paddings, "padding_algorithm": algorithm,
             "dilations": numbers(dilation, axes, "dilation"), "groups": groups, "data_format": data_format, **(extra or {})}
    out = layer(op_type, {"Input": x, "Filter": weight}, "Output", attrs, name=helper.name)
    if bias is None:
        return out
    if last:
        return layer("elementwise_add", {"X": out, "Y": bias}, "Out", {"axis": -1}, name=helper.name)
    from ...tensor.manipulation import reshape
    bias = reshape(bias, [1, bias.shape[0]] + [1] * axes)
    return layer("elementwise_add", {"X": out, "Y": bias}, "Out", {"axis": -1}, name=helper.name)


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
    channels, filters = x.shape[-1 if data_format == "NHWC" else 1], weight.shape[0]
    depthwise = groups == channels and groups != 1 and filters % channels == 0
    return conv_nd("depthwise_conv2d" if depthwise else "conv2d", 2, x, weight, bias, stride, padding, dilation, groups,
                   data_format, name)


def conv3d(x, weight, bias=None, stride=1, padding=0, dilation=1, groups=1, data_format="NCDHW", name=None):
    """A convolution over volumes. Source: paddle.nn.functional.conv3d."""
    return conv_nd("conv3d", 3, x, weight, bias, stride, padding, dilation, groups, data_format, name)


def conv1d(x, weight, bias=None, stride=1, padding=0, dilation=1, groups=1, data_format="NCL", name=None):
    """A convolution over signals. Source: paddle.nn.functional.conv1d."""
    from ...tensor.manipulation import squeeze, unsqueeze
    last = data_format == "NLC"
    axis = 1 if last else 2
    if not isinstance(padding, (int, str)):
        padding = [0, *padding] if len(padding) == 1 else [0, 0, *padding]
    elif isinstance(padding, int):
        padding = [0, padding]
    one = lambda v: [1, *numbers(v, 1, "stride or dilation")]  # noqa: E731
    out = conv2d(unsqueeze(x, axis), unsqueeze(weight, 2), None, one(stride), padding, one(dilation), groups,
                 "NHWC" if last else "NCHW", name)
    if bias is not None:
        shape = [1, 1, 1, -1] if last else [1, -1, 1, 1]
        from ...tensor.manipulation import reshape
        out = out + reshape(bias, shape)
    return squeeze(out, axis)


def conv2d_transpose(x, weight, bias=None, stride=1, padding=0, output_padding=0, dilation=1, groups=1, output_size=None,
                     data_format="NCHW", name=None):
    """The gradient of a convolution, used as a layer; weight [channels, filters / groups, height, width].

    Source: paddle.nn.functional.conv2d_transpose.
    """
    extra = {"output_size": [] if output_size is None else numbers(output_size, 2, "output_size"),
             "output_padding": numbers(output_padding, 2, "output_padding") if output_padding else []}
    return conv_nd("conv2d_transpose", 2, x, weight, bias, stride, padding, dilation, groups, data_format, name, extra)
