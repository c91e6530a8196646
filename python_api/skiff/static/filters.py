"""Layers with filters of their own kind. Source: paddle.static.nn."""
from .. import _core
from .._core import layer

__all__ = ["conv3d_transpose", "deform_conv2d", "row_conv", "spectral_norm"]


def row_conv(input, future_context_size, param_attr=None, act=None):  # noqa: A002
    """Each row and those after it, column by column, times a filter.

    Args:
        input (Variable): sequences [rows, width], or [batch, rows, width].
        future_context_size (int): rows that are looked ahead.
        param_attr (ParamAttr): [future_context_size + 1, width].
        act (str): an activation of the result.

    Returns:
        Variable: shaped as input.

    Source: paddle.static.nn.row_conv.
    """
    helper = _core.LayerHelper("row_conv", None)
    w = helper.create_parameter(param_attr, [future_context_size + 1, input.shape[-1]], input.dtype)
    return helper.activate(layer("row_conv", {"X": input, "Filter": w}, "Out", {}, name=helper.name), act)


def spectral_norm(weight, dim=0, power_iters=1, eps=1e-12, name=None):
    """weight divided by its largest singular value, which is found by power iteration.

    Args:
        weight (Variable): float32 or float64; a matrix once axis `dim` is first and the others are one.
        dim (int): 0 or 1.
        power_iters (int): steps at each run.
        eps (float): added to norms.

    Returns:
        Variable: shaped as weight.

    Source: Miyato and others 2018; paddle.static.nn.spectral_norm.
    """
    from ..nn.initializer import Normal
    if dim not in (0, 1):
        raise ValueError(f"dim must be 0 or 1, {dim!r} was given")
    helper = _core.LayerHelper("spectral_norm", name)
    rows, columns = weight.shape[dim], 1
    for axis, extent in enumerate(weight.shape):
        columns *= 1 if axis == dim else extent
    inputs = {"Weight": weight}
    for slot, extent in (("U", rows), ("V", columns)):
        inputs[slot] = helper.create_parameter(None, [extent], weight.dtype, False, Normal(0.0, 1.0))
        inputs[slot].stop_gradient = True
    block = _core.default_main_program().current_block()
    out = block.create_var(name=_core.unique_name("_generated_var"), dtype=weight.dtype)
    block.append_op(type="spectral_norm", inputs=inputs, outputs={"Out": out}, attrs={"dim": dim, "power_iters": power_iters, "eps": eps})
    return out


def conv3d_transpose(input, num_filters, output_size=None, filter_size=None, padding=0, stride=1, dilation=1,  # noqa: A002
                     groups=None, param_attr=None, bias_attr=None, use_cudnn=True, act=None, name=None, data_format="NCDHW"):
    """The gradient of a convolution over volumes, used as a layer; arguments as conv2d_transpose's.

    Source: paddle.static.nn.conv3d_transpose.
    """
    from ..nn.functional.conv import conv_nd, numbers, padding_of
    if data_format not in ("NCDHW", "NDHWC"):
        raise ValueError(f"data_format must be NCDHW or NDHWC, {data_format!r} was given")
    last, groups = data_format == "NDHWC", groups or 1
    if num_filters % groups != 0:
        raise ValueError(f"num_filters must be divisible by groups; {num_filters} and {groups} were given")
    wanted = [] if output_size is None else numbers(output_size, 3, "output_size")
    if filter_size is not None:
        size = numbers(filter_size, 3, "filter_size")
    elif wanted:
        around, _ = padding_of(padding, 3, last)
        sums = [sum(around[2 * d:2 * d + 2]) for d in range(3)] if len(around) == 6 else [2 * p for p in around]
        extents, steps, gaps = input.shape[1:4] if last else input.shape[2:5], numbers(stride, 3, "stride"), numbers(dilation, 3, "dilation")
        size = [(want - (extent - 1) * step + pad - 1) // gap + 1
                for want, extent, step, pad, gap in zip(wanted, extents, steps, sums, gaps)]
    else:
        raise ValueError("output_size must be set when filter_size is None")
    helper = _core.LayerHelper("conv3d_transpose", name)
    w = helper.create_parameter(param_attr, [input.shape[4 if last else 1], num_filters // groups, *size], input.dtype)
    extra = {"output_size": wanted, "data_format": "NHWC" if last else "NCHW"}
    out = conv_nd("conv3d_transpose", 3, input, w, None, stride, padding, dilation, groups, data_format, helper.name, extra)
    axis = 4 if last else 1
    return helper.activate(helper.add_bias(out, bias_attr, axis, axis + 1), act)


def deform_conv2d(x, offset, mask, num_filters, filter_size, stride=1, padding=0, dilation=1, groups=1, deformable_groups=1,
                  im2col_step=1, weight_attr=None, bias_attr=None, name=None):
    """A convolution each of whose taps reads where an offset says.

    Args:
        x (Variable): [batch, channels, height, width].
        offset (Variable): [batch, 2 * deformable_groups * taps, height', width'].
        mask (Variable, optional): [batch, deformable_groups * taps, height', width'], a factor of each tap.

    Returns:
        Variable: [batch, num_filters, height', width'].

    Source: Dai and others 2017, Zhu and others 2019; paddle.static.nn.deform_conv2d.
    """
    from ..nn.functional.conv import numbers
    from ..nn.initializer import Normal
    helper = _core.LayerHelper("deformable_conv", name)
    size, channels = numbers(filter_size, 2, "filter_size"), x.shape[1]
    if not groups or channels % groups != 0:
        raise ValueError(f"the {channels} channels of x must be divisible by groups, {groups!r} was given")
    deviation = (2.0 / (size[0] * size[1] * channels)) ** 0.5
    w = helper.create_parameter(weight_attr, [num_filters, channels // groups, *size], x.dtype, False, Normal(0.0, deviation))
    inputs = {"Input": x, "Filter": w, "Offset": offset}
    if mask is not None:
        inputs["Mask"] = mask
    out = layer("deformable_conv_v1" if mask is None else "deformable_conv", inputs, "Output",
                {"strides": numbers(stride, 2, "stride"), "paddings": numbers(padding, 2, "padding"), "dilations": numbers(dilation, 2, "dilation"),
                 "groups": groups, "deformable_groups": deformable_groups, "im2col_step": im2col_step}, name=helper.name)
    return helper.add_bias(out, bias_attr, 1, 2)
