"""How new parameters are filled: one operator in the startup program each. Source: paddle.nn.initializer."""
import math

from .. import _core

__all__ = ["Assign", "Constant", "Initializer", "KaimingNormal", "KaimingUniform", "Normal", "TruncatedNormal", "Uniform",
           "XavierNormal", "XavierUniform", "calculate_gain"]


class Initializer:
    """What all initializers are. Calling one fills a variable in a block."""

    _fill = None

    def __call__(self, var, block=None):
        _core.init_apply(self._fill, block or var.block, var)


class Constant(Initializer):
    """Every element `value`. Source: paddle.nn.initializer.Constant."""

    def __init__(self, value=0.0):
        self._fill = _core.init_constant(float(value))


class Uniform(Initializer):
    """Uniform in [low, high). Source: paddle.nn.initializer.Uniform."""

    def __init__(self, low=-1.0, high=1.0, name=None):
        if not low < high:
            raise ValueError(f"low must be below high, {low} and {high} were given")
        self._fill = _core.init_uniform(float(low), float(high), 0)


class Normal(Initializer):
    """Normal, of mean and standard deviation. Source: paddle.nn.initializer.Normal."""

    def __init__(self, mean=0.0, std=1.0, name=None):
        self._fill = _core.init_normal(float(mean), float(std), 0)


class TruncatedNormal(Initializer):
    """Normal, redrawn beyond two standard deviations. Source: paddle.nn.initializer.TruncatedNormal."""

    def __init__(self, mean=0.0, std=1.0, name=None):
        self._fill = _core.init_truncated_normal(float(mean), float(std), 0)


class XavierUniform(Initializer):
    """Uniform within sqrt(6 / (fan_in + fan_out)). Glorot and Bengio 2010."""

    def __init__(self, fan_in=None, fan_out=None, name=None):
        self._fill = _core.init_xavier(True, fan_in, fan_out, 0)


class XavierNormal(Initializer):
    """Normal with standard deviation sqrt(2 / (fan_in + fan_out)). Glorot and Bengio 2010."""

    def __init__(self, fan_in=None, fan_out=None, name=None):
        self._fill = _core.init_xavier(False, fan_in, fan_out, 0)


def _slope(nonlinearity, negative_slope):
    """The slope of a leaky relu with the gain of the nonlinearity."""
    gain = calculate_gain(nonlinearity, negative_slope)
    return math.sqrt(max(0.0, 2.0 / gain ** 2 - 1.0)) if nonlinearity in ("relu", "leaky_relu") else None


class KaimingUniform(Initializer):
    """Uniform within gain * sqrt(3 / fan_in). He et al. 2015."""

    def __init__(self, fan_in=None, negative_slope=0.0, nonlinearity="relu"):
        slope = _slope(nonlinearity, negative_slope)
        if slope is None:
            raise NotImplementedError(f"KaimingUniform takes relu and leaky_relu, {nonlinearity!r} was given")
        self._fill = _core.init_kaiming(True, fan_in, slope, 0)


class KaimingNormal(Initializer):
    """Normal with standard deviation gain / sqrt(fan_in). He et al. 2015."""

    def __init__(self, fan_in=None, negative_slope=0.0, nonlinearity="relu"):
        slope = _slope(nonlinearity, negative_slope)
        if slope is None:
            raise NotImplementedError(f"KaimingNormal takes relu and leaky_relu, {nonlinearity!r} was given")
        self._fill = _core.init_kaiming(False, fan_in, slope, 0)


class Assign(Initializer):
    """The elements of an array or list of the parameter's shape. Source: paddle.nn.initializer.Assign."""

    def __init__(self, value, name=None):
        import numpy
        array = numpy.asarray(value)
        self._fill = _core.init_assign(array.astype("float32") if array.dtype == numpy.float64 else array)


def calculate_gain(nonlinearity, param=None):
    """The gain that keeps a layer's variance. Source: paddle.nn.initializer.calculate_gain."""
    if nonlinearity == "leaky_relu":
        param = 0.01 if param is None else param
        return math.sqrt(2.0 / (1 + param ** 2))
    gains = {"sigmoid": 1, "linear": 1, "conv1d": 1, "conv2d": 1, "conv3d": 1, "conv1d_transpose": 1, "conv2d_transpose": 1,
             "conv3d_transpose": 1, "tanh": 5.0 / 3, "relu": math.sqrt(2.0), "selu": 3.0 / 4}
    if nonlinearity not in gains:
        raise ValueError(f"nonlinearity function {nonlinearity} is not supported now.")
    return gains[nonlinearity]
