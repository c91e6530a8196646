"""Normalisation with given parameters."""
from ... import _core
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
    if len(x.shape) < 2:
        raise AssertionError(f"x must have at least 2 axes, its shape is {x.shape}")
    if data_format not in ("NC", "NCL", "NCHW", "NCDHW", "NLC", "NHWC", "NDHWC"):
        raise ValueError("data_format must be one of 'NC', 'NCL', 'NCHW', 'NCDHW', 'NLC', 'NHWC', 'NDHWC', "
                         f"{data_format!r} was given")
    trainable = use_global_stats is not None and not use_global_stats
    if use_global_stats is None:
        use_global_stats = not training
    helper = _core.LayerHelper("batch_norm", name)
    statistics = "float32" if _core.dtype_name(x.dtype) in ("float16", "bfloat16") else x.dtype
    outputs = {"MeanOut": running_mean, "VarianceOut": running_var, "SavedMean": helper.create_temporary(statistics, True),
               "SavedVariance": helper.create_temporary(statistics, True), "Y": helper.create_temporary(x.dtype)}
    if training or trainable:
        outputs["ReserveSpace"] = helper.create_temporary(x.dtype, True)
    attrs = {"momentum": momentum, "epsilon": epsilon, "is_test": not training, "use_global_stats": use_global_stats,
             "data_layout": "NCHW" if data_format[1] == "C" else "NHWC", "trainable_statistics": trainable}
    _core.default_main_program().current_block().append_op(
        type="batch_norm", inputs={"X": x, "Scale": weight, "Bias": bias, "Mean": running_mean, "Variance": running_var},
        outputs=outputs, attrs=attrs)
    return outputs["Y"]


def instance_norm(x, running_mean=None, running_var=None, weight=None, bias=None, use_input_stats=True, momentum=0.9, eps=1e-05,
                  data_format="NCHW", name=None):
    """Normalises each channel of each sample over space.

    Args:
        x (Variable): [batch, channels, ...].
        running_mean, running_var, use_input_stats, momentum: accepted, without effect.
        weight, bias (Variable): [channels], both or none.
        eps (float): added to the variance.
        data_format (str): accepted; channels are axis 1.
        name (str): of the layer.

    Source: paddle.nn.functional.instance_norm.
    """
    inputs = {"X": x}
    if weight is not None and bias is not None:
        inputs.update(Scale=weight, Bias=bias)
    return layer("instance_norm", inputs, ("SavedMean", "SavedVariance", "Y"), {"epsilon": eps}, name=name,
                 stopped=["SavedMean", "SavedVariance"])[2]


def normalize(x, p=2, axis=1, epsilon=1e-12, name=None):
    """x over its p-norm along an axis, the norm at least epsilon. Source: paddle.nn.functional.normalize."""
    from ...tensor import divide, full, maximum
    if len(x.shape) == 1 and axis not in (0, -1):
        raise ValueError(f"Axis must be 0 or -1 when x is a 1-D tensor, but received axis = {axis}")
    size = layer("p_norm", {"X": x}, "Out", {"axis": axis, "porder": float(p), "keepdim": True, "epsilon": epsilon}, name=name)
    size.block.create_var(name=_core.unique_name("_generated_var"), dtype=size.dtype)  # as Paddle, for nothing
    return divide(x, maximum(size, full([1], epsilon, size.dtype)), name)


def local_response_norm(x, size, alpha=1e-4, beta=0.75, k=1.0, data_format="NCHW", name=None):
    """x / (k + alpha * mean of the squares of neighbouring channels)^beta.

    Args:
        x (Variable): 3 to 5 axes, every extent but the first known.
        size (int): channels that count as neighbours.
        alpha, beta, k (float): see above.
        data_format (str): "NCL", "NCHW" or "NCDHW", or the channels last.
        name (str): of the division.

    Source: paddle.nn.functional.local_response_norm; Krizhevsky et al. 2012.
    """
    from ...tensor import divide, multiply, pow, reshape, scale, squeeze, unsqueeze  # noqa: A004
    from .common import pad
    from .pooling import avg_pool2d, avg_pool3d
    if data_format not in ("NCL", "NLC", "NCHW", "NHWC", "NCDHW", "NDHWC"):
        raise ValueError(f"data_format should be in one of [NCL, NCHW, NCDHW, NLC, NHWC, NDHWC], but got {data_format}")
    shape = list(x.shape)
    if len(shape) < 3:
        raise ValueError(f"Expected 3D or higher dimensionality input, but got {len(shape)} dimensions")
    if min(shape[1:]) <= 0:
        raise ValueError(f"every extent but the first must be known and above 0, the shape is {shape}")
    last = data_format[-1] == "C"
    around = [size // 2, (size - 1) // 2]
    squares = unsqueeze(multiply(x, x), 1)
    if len(shape) == 3:
        squares = pad(squares, around + [0, 0] if last else [0, 0] + around)
        mean = squeeze(avg_pool2d(squares, [1, size] if last else [size, 1], 1), 1)
    else:
        middle = 1
        for extent in (shape[2:-1] if last else shape[3:]):
            middle *= extent
        squares = reshape(squares, [shape[0], 1, shape[1], middle, shape[-1]] if last else [shape[0], 1, shape[1], shape[2], middle])
        squares = pad(squares, around + [0] * 4 if last else [0] * 4 + around, data_format="NCDHW")
        mean = reshape(squeeze(avg_pool3d(squares, [1, 1, size] if last else [size, 1, 1], 1), 1), shape)
    return divide(x, pow(scale(mean, alpha, k), beta), name)
