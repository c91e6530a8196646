"""Layers with parameters, for programs. Source: paddle.static.nn."""
from .. import _core
from .._core import layer
from . import control_flow  # noqa: F401
from .control_flow import case, cond, switch_case, while_loop  # noqa: F401
from .static_rnn import StaticRNN  # noqa: F401
from .filters import *  # noqa: F401,F403
from .py_layer import py_func, static_pylayer  # noqa: F401
from .sampled import bilinear_tensor_product, nce  # noqa: F401
from .sequence import *  # noqa: F401,F403


def fc(x, size, num_flatten_dims=1, weight_attr=None, bias_attr=None, activation=None, name=None):
    """x * w + b, x flattened to a matrix.

    Args:
        x (Variable | list): [d0, ..., dn]; of several inputs, each has a weight, and the products are added.
        size (int): columns of the result.
        num_flatten_dims (int): axes in front that are kept; -1 keeps all but the last.
        weight_attr (ParamAttr): [product of the other axes, size].
        bias_attr (ParamAttr | False): [size]; False makes none.
        activation (str): "relu", "softmax", ...
        name (str): of the layer; its parameters are "<name>.w_0" and "<name>.b_0".

    Returns:
        Variable

    Source: paddle.static.nn.fc.

    Example:
        >>> import skiff as paddle
        >>> main, startup = paddle.static.Program(), paddle.static.Program()
        >>> with paddle.static.program_guard(main, startup):
        ...     x = paddle.static.data("x", [None, 1, 28, 28])
        ...     paddle.static.nn.fc(x, 10, activation="softmax").shape
        (-1, 10)
    """
    return _core.fc(x, size, num_flatten_dims, weight_attr, bias_attr, activation, name)


def conv2d(input, num_filters, filter_size, stride=1, padding=0, dilation=1, groups=None, param_attr=None,  # noqa: A002
           bias_attr=None, use_cudnn=True, act=None, name=None, data_format="NCHW"):
    """A convolution over images.

    Args:
        input (Variable): [batch, channels, height, width], or the channels last.
        num_filters (int): channels of the result.
        filter_size, stride, dilation (int | list): one number for both axes, or two.
        padding (int | list | str): rows and columns of zeros around; "SAME" or "VALID".
        groups (int): channels only meet those of their group.
        param_attr (ParamAttr): filter [num_filters, channels / groups, height, width].
        bias_attr (ParamAttr | False): [num_filters]; False makes none.
        use_cudnn (bool): accepted, without effect.
        act (str): an activation of the result.
        name (str): of the layer.
        data_format (str): "NCHW" or "NHWC".

    Source: paddle.static.nn.conv2d.
    """
    return _core.conv2d(input, num_filters, filter_size, stride, padding, dilation, groups, param_attr, bias_attr, act, name,
                        data_format)


def conv2d_transpose(input, num_filters, output_size=None, filter_size=None, padding=0, stride=1, dilation=1,  # noqa: A002
                     groups=None, param_attr=None, bias_attr=None, use_cudnn=True, act=None, name=None, data_format="NCHW"):
    """The gradient of a convolution, used as a layer; arguments as conv2d's.

    Args:
        output_size (int | list | Variable): height and width of the result, variables as in nn.functional.conv2d_transpose; found from
            filter_size where None.
        filter_size (int | list): found from output_size where None.

    Raises:
        ValueError: neither is given, or output_size is a variable and filter_size is None.

    Source: paddle.static.nn.conv2d_transpose.
    """
    from ..nn.functional.conv import conv_nd, numbers, of_variables, sizes
    if of_variables(output_size):
        if filter_size is None:
            raise ValueError("filter_size should not be None when output_size is Tensor or contain Tensor in static graph mode.")
        helper, groups, axis = _core.LayerHelper("conv2d_transpose", name), groups or 1, 3 if data_format == "NHWC" else 1
        extra = sizes(2, 0, output_size)
        w = helper.create_parameter(param_attr, [input.shape[axis], num_filters // groups, *numbers(filter_size, 2, "filter_size")],
                                    input.dtype)
        out = conv_nd("conv2d_transpose", 2, input, w, None, stride, padding, dilation, groups, data_format, helper.name, extra)
        return helper.activate(helper.add_bias(out, bias_attr, axis, axis + 1), act)
    return _core.conv2d_transpose(input, num_filters, output_size, filter_size, padding, stride, dilation, groups, param_attr,
                                  bias_attr, act, name, data_format)


def batch_norm(input, act=None, is_test=False, momentum=0.9, epsilon=1e-05, param_attr=None, bias_attr=None,  # noqa: A002
               data_layout="NCHW", in_place=False, name=None, moving_mean_name=None, moving_variance_name=None,
               do_model_average_for_mean_and_var=True, use_global_stats=False):
    """Normalises each channel over batch and space.

    Args:
        input (Variable): channels in axis 1 ("NCHW") or last ("NHWC").
        act (str): an activation of the result.
        is_test (bool): uses the running statistics.
        momentum (float): running = momentum * running + (1 - momentum) * batch.
        epsilon (float): added to the variance.
        param_attr, bias_attr (ParamAttr): scale and shift.
        in_place, do_model_average_for_mean_and_var: accepted, without effect.
        moving_mean_name, moving_variance_name (str): of the running statistics.
        use_global_stats (bool): uses the running statistics in training too.

    Source: paddle.static.nn.batch_norm.
    """
    return _core.batch_norm(input, act, is_test, momentum, epsilon, param_attr, bias_attr, data_layout, name, moving_mean_name,
                            moving_variance_name, use_global_stats)


def layer_norm(input, scale=True, shift=True, begin_norm_axis=1, epsilon=1e-05, param_attr=None, bias_attr=None,  # noqa: A002
               act=None, name=None):
    """Normalises each sample over the axes from begin_norm_axis on. Source: paddle.static.nn.layer_norm."""
    return _core.layer_norm(input, scale, shift, begin_norm_axis, epsilon, param_attr, bias_attr, act, name)


def data_norm(input, act=None, epsilon=1e-05, param_attr=None, data_layout="NCHW", in_place=False, name=None,  # noqa: A002
              moving_mean_name=None, moving_variance_name=None, do_model_average_for_mean_and_var=True, slot_dim=-1,
              sync_stats=False, summary_decay_rate=0.9999999, enable_scale_and_shift=False):
    """Normalises by statistics of all data so far: parameters, whose gradients are what the batch adds to them.

    Args:
        input (Variable): [rows, columns], float32 or float64.
        act (str): an activation of the result.
        epsilon (float): in [0, 0.001]; added for each row to the sum of squares.
        param_attr (dict): first values: "batch_size" (1e4), "batch_sum" (0), "batch_square" (1e4), and where these are
            enabled "scale_w" (1) and "bias" (0).
        in_place (bool): the result overwrites input.
        name (str): before the parameters' names; "dn" where None.
        slot_dim (int): columns of a slot, whose first counts showings; a slot that was not shown becomes 0.
        enable_scale_and_shift (bool): whether the result is multiplied and shifted, column by column.
        data_layout, moving_mean_name, moving_variance_name, do_model_average_for_mean_and_var, sync_stats,
            summary_decay_rate: accepted, without effect.

    Returns:
        Variable: shaped as input.

    Source: paddle.static.nn.data_norm.
    """
    from ..framework import ParamAttr
    from ..nn.initializer import Constant
    helper = _core.LayerHelper("data_norm", name)
    given = param_attr if isinstance(param_attr, dict) else {}
    inputs = {"X": input}
    parameters = [("scale_w", "scale_w", "scale_w", 1.0), ("bias", "bias", "bias", 0.0)] if enable_scale_and_shift else []
    parameters += [("BatchSize", "batch_size", "batch_size", 1e4), ("BatchSum", "batch_sum", "batch_sum", 0.0),
                   ("BatchSquareSum", "batch_square_sum", "batch_square", 1e4)]
    for slot, suffix, key, value in parameters:
        attr = ParamAttr(name=f"{name or 'dn'}.{suffix}", initializer=Constant(float(given.get(key, value))))
        inputs[slot] = helper.create_parameter(attr, [input.shape[1]], input.dtype)
    block = _core.default_main_program().current_block()
    outputs = {slot: block.create_var(name=_core.unique_name("_generated_var"), dtype=input.dtype) for slot in ("Means", "Scales")}
    for variable in outputs.values():
        variable.stop_gradient = True
    outputs["Y"] = input if in_place else block.create_var(name=_core.unique_name("_generated_var"), dtype=input.dtype)
    block.append_op(type="data_norm", inputs=inputs, outputs=outputs,
                    attrs={"epsilon": epsilon, "data_layout": data_layout, "sync_stats": sync_stats, "slot_dim": slot_dim,
                           "summary_decay_rate": summary_decay_rate, "enable_scale_and_shift": enable_scale_and_shift})
    return helper.activate(outputs["Y"], act)


def embedding(input, size, is_sparse=False, is_distributed=False, padding_idx=None, param_attr=None,  # noqa: A002
              dtype="float32"):
    """Rows of a table.

    Args:
        input (Variable): int64 positions, any shape.
        size (list): [rows, width] of the table.
        is_sparse (bool): the table's gradient is a set of rows.
        is_distributed (bool): accepted, without effect.
        padding_idx (int): this row reads as zeros; negative counts from the end.
        param_attr (ParamAttr): the table.
        dtype: of the table.

    Returns:
        Variable: [..., width].

    Source: paddle.static.nn.embedding.
    """
    return _core.embedding(input, size, is_sparse, padding_idx, param_attr, dtype)


def conv3d(input, num_filters, filter_size, stride=1, padding=0, dilation=1, groups=None, param_attr=None,  # noqa: A002
           bias_attr=None, use_cudnn=True, act=None, name=None, data_format="NCDHW"):
    """A convolution over volumes; arguments as conv2d's. Source: paddle.static.nn.conv3d."""
    from ..nn.functional.conv import conv_nd
    helper = _core.LayerHelper("conv3d", name)
    channels = input.shape[1 if data_format == "NCDHW" else -1]
    size = [filter_size] * 3 if isinstance(filter_size, int) else list(filter_size)
    groups = groups or 1
    fan = size[0] * size[1] * size[2] * channels
    from ..nn.initializer import Normal
    shape = [num_filters, channels // groups, *size]
    w = helper.create_parameter(param_attr, shape, input.dtype, False, Normal(0.0, (2.0 / fan) ** 0.5))
    out = conv_nd("conv3d", 3, input, w, None, stride, padding, dilation, groups, data_format, helper.name)
    axis = 1 if data_format == "NCDHW" else 4
    return helper.activate(helper.add_bias(out, bias_attr, axis, axis + 1), act)


def instance_norm(input, epsilon=1e-05, param_attr=None, bias_attr=None, name=None):  # noqa: A002
    """Normalises each channel of each sample over space. Source: paddle.static.nn.instance_norm."""
    from ..nn.initializer import Constant
    helper = _core.LayerHelper("instance_norm", name)
    inputs, shape = {"X": input}, [input.shape[1]]
    if param_attr is not False:
        inputs["Scale"] = helper.create_parameter(param_attr, shape, input.dtype, False, Constant(1.0))
        inputs["Bias"] = helper.create_parameter(bias_attr, shape, input.dtype, True, Constant(0.0))
    return layer("instance_norm", inputs, ("SavedMean", "SavedVariance", "Y"), {"epsilon": epsilon}, name=helper.name,
                 stopped=["SavedMean", "SavedVariance"])[2]


def group_norm(input, groups, epsilon=1e-05, param_attr=None, bias_attr=None, act=None, data_layout="NCHW",  # noqa: A002
               name=None):
    """Normalises groups of channels of each sample; then scales and shifts channels where attributes are given.

    Source: paddle.static.nn.group_norm.
    """
    from ..nn.initializer import Constant
    helper = _core.LayerHelper("group_norm", name)
    inputs, shape = {"X": input}, [input.shape[1 if data_layout == "NCHW" else -1]]
    if param_attr:
        inputs["Scale"] = helper.create_parameter(param_attr, shape, input.dtype, False, Constant(1.0))
    if bias_attr:
        inputs["Bias"] = helper.create_parameter(bias_attr, shape, input.dtype, True)
    block = _core.default_main_program().current_block()
    made = {slot: block.create_var(name=_core.unique_name("_generated_var"), dtype=input.dtype, stop_gradient=slot != "Y")
            for slot in ("Mean", "Variance", "Y")}
    block.append_op(type="group_norm", inputs=inputs, outputs=made,
                    attrs={"epsilon": epsilon, "groups": groups, "data_layout": data_layout})
    return helper.activate(made["Y"], act)


def prelu(x, mode, param_attr=None, data_format="NCHW", name=None):
    """x where positive, else a learned slope times x; mode "all", "channel" or "element". Source: paddle.static.nn.prelu."""
    from ..nn.initializer import Constant
    helper = _core.LayerHelper("prelu", name)
    last = data_format[-1] == "C"
    shapes = {"all": [1], "channel": [1, 1, 1, x.shape[-1]] if last else [1, x.shape[1], 1, 1],
              "element": [1, *x.shape[1:]]}
    if mode not in shapes:
        raise ValueError(f"mode must be all, channel or element, {mode!r} was given")
    alpha = helper.create_parameter(param_attr, shapes[mode], x.dtype, False, Constant(0.25))
    return layer("prelu", {"X": x, "Alpha": alpha}, "Out", {"mode": mode, "data_format": data_format}, name=helper.name)
