"""Normalisation with given parameters."""
from ..._core import layer

__all__ = ["batch_norm", "instance_norm", "layer_norm", "local_response_norm", "normalize"]


def layer_norm(x, normalized_shape, weight=None, bias=None, epsilon=1e-05, name=None):
    """Normalises over the last axes, whose extents are normalized_shape. Source: paddle.nn.functional.layer_norm."""
    shape = [normalized_shape] if isinstance(normalized_shape, int) else list(normalized_shape)
    begin = len(x.shape) - len(shape)
    if begin < 0 or list(x.shape[begin:]) != shape:
        raise ValueError(f"Given normalized_shape is {shape}, expected input with shape [*, {str(shape)[1:]}, but got input "
                         f"shape {list(x.shape)}")
    return layer("layer_norm", {"X": x, "Scale": weight, "Bias": bias}, ("Mean", "Variance", "Y"),
                 {"epsilon": epsilon, "begin_norm_axis": begin}, name=name, stopped=["Mean", "Variance"])[2]


def batch_norm(x, running_mean, running_var, weight=None, bias=None, training=False, momentum=0.9, epsilon=1e-05,
               data_format="NCHW", use_global_stats=None, name=None):
    """Normalises each channel over batch and space.

    Args:
        x (Variable): channels in axis 1 or last.
        running_mean, running_var (Variable): updated in training.
        weight, bias (Variable): scale and shift.
        training (bool): uses the batch's statistics.
        momentum (float): running = momentum * running + (1 - momentum) * batch.
        epsilon (float): added to the variance.
        data_format (str): "NC", "NCL", "NCHW" or "NCDHW", or the channels last.
        use_global_stats (bool): the running statistics always; where None, when not training.
        name (str): of the layer.

    Source: paddle.nn.functional.batch_norm.
    """
    from ... import _core
    if data_format not in ("NC", "NCL", "NCHW", "NCDHW", "NLC", "NHWC", "NDHWC"):
        raise ValueError(f"data_format {data_format} is not one of NC, NCL, NCHW, NCDHW, NLC, NHWC, NDHWC")
    last = data_format in ("NLC", "NHWC", "NDHWC")
    trainable = False
    if use_global_stats is None:
        use_global_stats = not training
    else:
        trainable = not use_global_stats
    helper = _core.LayerHelper("batch_norm", name)
    made = [helper.create_temporary(x.dtype, stop) for stop in (True, True, False, True)]
    attrs = {"momentum": momentum, "epsilon": epsilon, "is_test": not training, "data_layout": "NHWC" if last else "NCHW",
             "use_global_stats": use_global_stats, "trainable_statistics": trainable}
    outputs = {"MeanOut": running_mean, "VarianceOut": running_var, "SavedMean": made[0], "SavedVariance": made[1],
               "Y": made[2], "ReserveSpace": made[3]}
    _core.default_main_program().current_block().append_op(
        type="batch_norm", inputs={"X": x, "Scale": weight, "Bias": bias, "Mean": running_mean, "Variance": running_var},
        outputs=outputs, attrs=attrs)
    return made[2]


def instance_norm(x, running_mean=None, running_var=None, weight=None, bias=None, use_input_stats=True, momentum=0.9, eps=1e-05,
                  data_format="NCHW", name=None):
    """Normalises each channel of each sample over space. Source: paddle.nn.functional.instance_norm."""
    return layer("instance_norm", {"X": x, "Scale": weight, "Bias": bias}, ("SavedMean", "SavedVariance", "Y"),
                 {"epsilon": eps}, name=name, stopped=["SavedMean", "SavedVariance"])[2]


def normalize(x, p=2, axis=1, epsilon=1e-12, name=None):
    """x over its p-norm along an axis, the norm at least epsilon. Source: paddle.nn.functional.normalize."""
    from ...tensor import divide, full, maximum
    attrs = {"axis": axis, "porder": float(p), "keepdim": True, "epsilon": epsilon}
    size = layer("p_norm", {"X": x}, "Out", attrs)
    return divide(x, maximum(size, full([1], epsilon, size.dtype)), name)


def local_response_norm(x, size, alpha=1e-4, beta=0.75, k=1.0, data_format="NCHW", name=None):
    """x over a power of the mean square of neighbouring channels. Source: paddle.nn.functional.local_response_norm."""
    from ...tensor import divide, pow, scale, squeeze, unsqueeze  # noqa: A004
    from .common import pad
    from .pooling import avg_pool2d
    if data_format != "NCHW" or len(x.shape) != 4:
        raise NotImplementedError("local_response_norm takes images in NCHW")
    from ...tensor.manipulation import reshape
    n, c, h, w = x.shape
    squares = reshape(unsqueeze(x * x, 1), [-1, 1, c, h * w])
    squares = pad(squares, [0, 0, size // 2, (size - 1) // 2])
    mean = reshape(squeeze(avg_pool2d(squares, [size, 1], 1), 1), [-1, c, h, w])
    return divide(x, pow(scale(mean, alpha, k), beta), name)
