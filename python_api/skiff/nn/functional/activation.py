"""Activations."""
import functools
import warnings

from ..._core import layer, to_dtype
from ...tensor._ops import unary

__all__ = ["celu", "elu", "elu_", "gelu", "glu", "gumbel_softmax", "hardshrink", "hardsigmoid", "hardswish", "hardtanh",
           "hardtanh_", "leaky_relu", "leaky_relu_", "log_sigmoid", "log_softmax", "maxout", "mish", "prelu", "relu", "relu6",
           "relu_", "rrelu", "selu", "sigmoid", "silu", "softmax", "softmax_", "softplus", "softshrink", "softsign", "swish",
           "tanh", "tanh_", "tanhshrink", "thresholded_relu", "thresholded_relu_"]

relu = unary("relu", "max(x, 0)")
sigmoid = unary("sigmoid", "1 / (1 + e^-x)")
tanh = unary("tanh", "Hyperbolic tangent")
silu = unary("silu", "x * sigmoid(x)")
softsign = unary("softsign", "x / (1 + |x|)")
log_sigmoid = unary("logsigmoid", "log(sigmoid(x))", "log_sigmoid")
tanhshrink = unary("tanh_shrink", "x - tanh(x)")


def relu6(x, name=None):
    """min(max(x, 0), 6). Source: paddle.nn.functional.relu6."""
    return layer("relu6", {"X": x}, name=name)


def gelu(x, approximate=False, name=None):
    """x times the normal distribution at x; `approximate` by a tanh. Source: paddle.nn.functional.gelu."""
    return layer("gelu", {"X": x}, "Out", {"approximate": approximate}, name=name)


def leaky_relu(x, negative_slope=0.01, name=None):
    """x where positive, else negative_slope * x. Source: paddle.nn.functional.leaky_relu."""
    return layer("leaky_relu", {"X": x}, "Out", {"alpha": negative_slope}, name=name)


def elu(x, alpha=1.0, name=None):
    """x where positive, else alpha * (e^x - 1). Source: paddle.nn.functional.elu."""
    return layer("elu", {"X": x}, "Out", {"alpha": alpha}, name=name)


def celu(x, alpha=1.0, name=None):
    """x where positive, else alpha * (e^(x / alpha) - 1). Source: paddle.nn.functional.celu."""
    if alpha == 0:
        raise ZeroDivisionError("alpha cannot be 0 for celu")
    return layer("celu", {"X": x}, "Out", {"alpha": alpha}, name=name)


def selu(x, scale=1.0507009873554804934193349852946, alpha=1.6732632423543772848170429916717, name=None):
    """scale * (x where positive, else alpha * (e^x - 1)). Source: paddle.nn.functional.selu."""
    if scale <= 1.0:
        raise ValueError(f"The scale must be greater than 1.0. Received: {scale}.")
    if alpha < 0:
        raise ValueError(f"The alpha must be no less than zero. Received: {alpha}.")
    return layer("selu", {"X": x}, "Out", {"scale": scale, "alpha": alpha}, name=name)


def softplus(x, beta=1, threshold=20, name=None):
    """log(1 + e^(beta * x)) / beta, x itself where beta * x > threshold. Source: paddle.nn.functional.softplus."""
    return layer("softplus", {"X": x}, "Out", {"beta": float(beta), "threshold": float(threshold)}, name=name)


def hardswish(x, name=None):
    """x * min(max(x + 3, 0), 6) / 6. Source: paddle.nn.functional.hardswish."""
    return layer("hard_swish", {"X": x}, layer="hardswish", name=name)


def hardsigmoid(x, slope=0.1666667, offset=0.5, name=None):
    """min(max(slope * x + offset, 0), 1). Source: paddle.nn.functional.hardsigmoid."""
    return layer("hard_sigmoid", {"X": x}, "Out", {"slope": slope, "offset": offset}, layer="hardsigmoid", name=name)


def swish(x, name=None):
    """x * sigmoid(x). Source: paddle.nn.functional.swish."""
    return layer("swish", {"X": x}, name=name)


def mish(x, name=None):
    """x * tanh(softplus(x)). Source: paddle.nn.functional.mish."""
    return layer("mish", {"X": x}, name=name)


def hardtanh(x, min=-1.0, max=1.0, name=None):  # noqa: A002
    """x within [min, max]. Source: paddle.nn.functional.hardtanh."""
    return layer("brelu", {"X": x}, "Out", {"t_min": min, "t_max": max}, layer="hardtanh", name=name)


def hardshrink(x, threshold=0.5, name=None):
    """x beyond the threshold on either side, else 0. Source: paddle.nn.functional.hardshrink."""
    return layer("hard_shrink", {"X": x}, "Out", {"threshold": threshold}, layer="hardshrink", name=name)


def softshrink(x, threshold=0.5, name=None):
    """x moved towards 0 by the threshold. Source: paddle.nn.functional.softshrink."""
    if threshold < 0:
        raise ValueError(f"The threshold must be no less than zero. Received: {threshold}.")
    return layer("softshrink", {"X": x}, "Out", {"lambda": threshold}, name=name)


def thresholded_relu(x, threshold=1.0, name=None):
    """x above the threshold, else 0. Source: paddle.nn.functional.thresholded_relu."""
    return layer("thresholded_relu", {"X": x}, "Out", {"threshold": threshold}, name=name)


def prelu(x, weight, data_format="NCHW", name=None):
    """x where positive, else weight * x; one weight, or one a channel. Source: paddle.nn.functional.prelu."""
    if len(weight.shape) > 1:
        raise AssertionError(f"weight must have at most 1 axis, its shape is {weight.shape}")
    mode = "all"
    if len(weight.shape) == 1 and weight.shape[0] > 1:
        mode = "channel"
        if data_format not in ("NC", "NCL", "NCHW", "NCDHW", "NLC", "NHWC", "NDHWC"):
            raise ValueError("data_format must be one of 'NC', 'NCL', 'NCHW', 'NCDHW', 'NLC', 'NHWC', 'NDHWC', "
                             f"{data_format!r} was given")
        data_format = "NCHW" if data_format[1] == "C" else "NHWC"
        if len(x.shape) < 2 or weight.shape[0] != x.shape[1 if data_format == "NCHW" else -1]:
            raise AssertionError(f"weight must have one element a channel of x, {weight.shape} and {x.shape} were given")
    return layer("prelu", {"X": x, "Alpha": weight}, "Out", {"mode": mode, "data_format": data_format}, name=name)


def rrelu(x, lower=1.0 / 8.0, upper=1.0 / 3.0, training=True, name=None):
    """x where positive, else x times a slope drawn from [lower, upper] for each element.

    Args:
        x (Variable): any shape.
        lower, upper (float): within [0, 1].
        training (bool): False takes the mean of both as every slope.
        name (str): of the layer.

    Source: paddle.nn.functional.rrelu.
    """
    if not isinstance(lower, float) or not isinstance(upper, float):
        raise TypeError(f"The lower and upper values must be float type. Received: lower {lower}, upper {upper}.")
    if not 0 <= lower <= upper <= 1:
        raise ValueError(f"0 <= lower <= upper <= 1 is wanted, lower {lower} and upper {upper} were given")
    return layer("rrelu", {"X": x}, ("Out", "Noise"), {"lower": lower, "upper": upper, "is_test": not training}, name=name)[0]


def maxout(x, groups, axis=1, name=None):
    """The largest of each group of channels. Source: paddle.nn.functional.maxout."""
    if axis not in (1, -1, 3):
        raise ValueError("Attr(axis) should be 1 when data format is NCHW, -1 or 3 when data format is NHWC. Received "
                         f"Attr(axis): {axis}.")
    return layer("maxout", {"X": x}, "Out", {"groups": groups, "axis": 3 if axis == -1 else axis}, name=name)


def glu(x, axis=-1, name=None):
    """The first half of an axis times the sigmoid of the second. Source: paddle.nn.functional.glu."""
    from ...tensor import chunk, multiply
    axes = len(x.shape)
    if not -axes <= axis < axes:
        raise ValueError(f"Expected value range of `axis` is [{-axes}, {axes}), but received axis: {axis}")
    a, b = chunk(x, 2, axis, name)
    return multiply(a, sigmoid(b, name), name)


def _softmax(op_type, x, axis, dtype, name):
    from ..._core import LayerHelper
    helper = LayerHelper(op_type, name)
    if dtype is not None:
        x = layer("cast", {"X": x}, "Out", {"in_dtype": int(x.dtype), "out_dtype": int(to_dtype(dtype))}, name=helper.name,
                  dtype=dtype)
    return layer(op_type, {"X": x}, "Out", {"axis": axis}, name=helper.name)


def softmax(x, axis=-1, dtype=None, name=None):
    """e^x over its sum along an axis.

    Args:
        x (Variable): any shape.
        axis (int): whose elements add up to 1.
        dtype: x is cast to it first.
        name (str): of the layer.

    Source: paddle.nn.functional.softmax.
    """
    return _softmax("softmax", x, axis, dtype, name)


def log_softmax(x, axis=-1, dtype=None, name=None):
    """The logarithm of `softmax`. Source: paddle.nn.functional.log_softmax."""
    return _softmax("log_softmax", x, axis, dtype, name)


def gumbel_softmax(x, temperature=1.0, hard=False, axis=-1, name=None):
    """A random draw by the probabilities softmax(x), smoothed. Source: paddle.nn.functional.gumbel_softmax."""
    return layer("gumbel_softmax", {"X": x}, "Out", {"temperature": temperature, "hard": hard, "axis": axis}, name=name)


def _in_place(function):
    """The function under its name with an underscore: a program has no tensors to change, so it makes a new variable."""
    @functools.wraps(function)
    def wrapped(*args, **kwargs):
        warnings.warn(f"In static graph mode, {wrapped.__name__}() is the same as {function.__name__}() and does not perform "
                      "inplace operation.", stacklevel=2)
        return function(*args, **kwargs)
    wrapped.__name__ = wrapped.__qualname__ = function.__name__ + "_"
    wrapped.__doc__ = f"`{function.__name__}`: a program has no tensors to change. Source: paddle.nn.functional."
    return wrapped


elu_, hardtanh_, leaky_relu_ = _in_place(elu), _in_place(hardtanh), _in_place(leaky_relu)
relu_, softmax_, tanh_ = _in_place(relu), _in_place(softmax), _in_place(tanh)
thresholded_relu_ = _in_place(thresholded_relu)
