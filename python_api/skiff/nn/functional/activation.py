"""Activations."""
from ..._core import layer, to_dtype
from ...tensor._ops import unary

__all__ = ["celu", "elu", "gelu", "glu", "gumbel_softmax", "hardshrink", "hardsigmoid", "hardswish", "hardtanh", "leaky_relu",
           "log_sigmoid", "log_softmax", "maxout", "mish", "prelu", "relu", "relu6", "selu", "sigmoid", "silu", "softmax",
           "softplus", "softshrink", "softsign", "swish", "tanh", "tanhshrink", "thresholded_relu"]

relu = unary("relu", "max(x, 0)")
sigmoid = unary("sigmoid", "1 / (1 + e^-x)")
tanh = unary("tanh", "Hyperbolic tangent")
silu = unary("silu", "x * sigmoid(x)")
softsign = unary("softsign", "x / (1 + |x|)")
log_sigmoid = unary("logsigmoid", "log(sigmoid(x))", "log_sigmoid")
tanhshrink = unary("tanh_shrink", "x - tanh(x)", "tanhshrink")


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
    mode = "channel" if weight.shape[0] > 1 else "all"
    data_format = "NHWC" if data_format[-1] == "C" and data_format != "NC" else "NCHW"
    return layer("prelu", {"X": x, "Alpha": weight}, "Out", {"mode": mode, "data_format": data_format}, name=name)


def maxout(x, groups, axis=1, name=None):
    """The largest of each group of channels. Source: paddle.nn.functional.maxout."""
    return layer("maxout", {"X": x}, "Out", {"groups": groups, "axis": axis + len(x.shape) if axis == -1 else axis}, name=name)


def glu(x, axis=-1, name=None):
    """The first half of an axis times the sigmoid of the second. Source: paddle.nn.functional.glu."""
    from ...tensor.manipulation import split
    from ...tensor.math import multiply
    a, b = split(x, 2, axis, name)
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
