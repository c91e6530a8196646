"""How new parameters are filled: one operator in the startup program each. Source: paddle.nn.initializer."""
import math

from .. import _core

__all__ = ["Assign", "Bilinear", "Constant", "Dirac", "Initializer", "KaimingNormal", "KaimingUniform", "Normal", "Orthogonal",
           "TruncatedNormal", "Uniform", "XavierNormal", "XavierUniform", "calculate_gain", "set_global_initializer"]


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


class _Built(Initializer):
    """An initializer of several operators, which `_build(var, block)` appends."""

    def __init__(self):
        self._fill = _core.init_python(self._build)

    def _build(self, var, block):
        raise NotImplementedError


def _temporary(block, name, dtype, shape=None):
    return block.create_var(name=_core.unique_name(name), dtype=dtype, shape=shape, stop_gradient=True)


class Bilinear(_Built):
    """Filters of a transposed convolution that enlarges images, each channel by itself; square ones, [.., .., size, size].

    Source: paddle.nn.initializer.Bilinear; Long et al. 2015.
    """

    def _build(self, var, block):
        import numpy
        if len(var.shape) != 4 or var.shape[2] != var.shape[3]:
            raise ValueError(f"Bilinear takes filters [out, in, size, size], the shape is {list(var.shape)}")
        size = var.shape[3]
        half = math.ceil(size / 2.0)
        centre = (2 * half - 1 - half % 2) / (2.0 * half)
        numbers = numpy.arange(math.prod(var.shape))
        weights = [1 - abs(place / half - centre) for place in (numbers % size, numbers / size % size)]
        target = var if _core.dtype_name(var.dtype) == "float32" else \
            _temporary(block, f"bilinear_init.{var.name}.tmp", "float32", var.shape)
        block.append_op(type="assign_value", outputs={"Out": target},
                        attrs={"dtype": int(target.dtype), "shape": list(var.shape),
                               "fp32_values": [float(v) for v in (weights[0] * weights[1]).astype("float32")]})
        _cast(block, target, var)


def _cast(block, source, var):
    if source is not var:
        block.append_op(type="cast", inputs={"X": source}, outputs={"Out": var},
                        attrs={"in_dtype": int(source.dtype), "out_dtype": int(var.dtype)})


class Dirac(_Built):
    """Filters that keep their input: 1 in the middle of the window between equal channels, else 0.

    Args:
        groups (int): each group of filters keeps the first channels.
        name (str): accepted, without effect.

    Source: paddle.nn.initializer.Dirac.
    """

    def __init__(self, groups=1, name=None):
        if not isinstance(groups, int) or groups <= 0:
            raise AssertionError(f"'groups' must be a positive integer, {groups} was given")
        self._groups = groups
        super().__init__()

    def _build(self, var, block):
        shape = list(var.shape)
        if len(shape) not in (3, 4, 5):
            raise AssertionError(f"Only Tensor with 3/4/5 dimensions can be initialized by Dirac, the shape is {shape}")
        if shape[0] % self._groups:
            raise AssertionError(f"filters must be divisible by groups, {shape[0]} and {self._groups} were given")
        target = var if _core.dtype_name(var.dtype) == "float32" else _temporary(block, f"dirac.{var.name}.tmp", "float32", shape)
        block.append_op(type="fill_constant", outputs={"Out": target},
                        attrs={"value": 0.0, "dtype": int(target.dtype), "shape": shape})
        self._reshape(block, target, [-1])
        ones = self._positions(shape)
        places = _temporary(block, "scatter_index", "int64")
        block.append_op(type="assign_value", outputs={"Out": places},
                        attrs={"dtype": int(_core.to_dtype("int64")), "shape": [len(ones)], "int64_values": ones})
        values = _temporary(block, "scatter_value", "float32")
        block.append_op(type="assign_value", outputs={"Out": values},
                        attrs={"dtype": int(_core.to_dtype("float32")), "shape": [len(ones)], "fp32_values": [1.0] * len(ones)})
        block.append_op(type="scatter", inputs={"X": target, "Ids": places, "Updates": values}, outputs={"Out": target},
                        attrs={"overwrite": True})
        self._reshape(block, target, shape)
        _cast(block, target, var)

    def _positions(self, shape):
        """Where the ones stand in the flat filter."""
        strides = [math.prod(shape[axis + 1:]) for axis in range(len(shape))]
        middle = sum(extent // 2 * stride for extent, stride in zip(shape[2:], strides[2:]))
        each = shape[0] // self._groups
        return [(group * each + channel) * strides[0] + channel * strides[1] + middle
                for group in range(self._groups) for channel in range(min(each, shape[1]))]

    @staticmethod
    def _reshape(block, var, shape):
        # The shape a variable had before, as its operator keeps it: Paddle declares it as var's.
        before = _temporary(block, f"{var.name}.XShape", var.dtype)
        block.append_op(type="reshape2", inputs={"X": var}, outputs={"Out": var, "XShape": before}, attrs={"shape": shape})


class Orthogonal(_Built):
    """`gain` times a matrix whose rows, or columns, are orthonormal; axes behind the first count as one.

    Args:
        gain (float): see above.
        name (str): accepted, without effect.

    Source: paddle.nn.initializer.Orthogonal; Saxe et al. 2014.
    """

    def __init__(self, gain=1.0, name=None):
        if gain is None:
            raise AssertionError("gain should not be None")
        self._gain = gain
        super().__init__()

    def _build(self, var, block):
        shape = list(var.shape)
        if len(shape) < 2:
            raise AssertionError(f"Only Tensor with 2 or more dimensions can be initialized by Orthogonal, the shape is {shape}")
        rows, columns = shape[0], math.prod(shape[1:])

        def append(op_type, inputs, outputs, **attrs):
            block.append_op(type=op_type, inputs=inputs, outputs=outputs, attrs=attrs)
        noise = _temporary(block, "gaussian_random.tmp", var.dtype)
        append("gaussian_random", {}, {"Out": noise}, mean=0.0, std=1.0, seed=block.program.random_seed, dtype=int(var.dtype),
               shape=[max(rows, columns), min(rows, columns)])
        q, r = _temporary(block, "qr.q.tmp", var.dtype), _temporary(block, "qr.r.tmp", var.dtype)
        append("qr", {"X": noise}, {"Q": q, "R": r}, mode="reduced")
        signs = _temporary(block, "diag.tmp", var.dtype)
        append("diag_v2", {"X": r}, {"Out": signs}, offset=0, padding_value=0.0)
        append("sign", {"X": signs}, {"Out": signs})
        append("elementwise_mul", {"X": q, "Y": signs}, {"Out": q})
        before = _temporary(block, "transpose.shape.tmp", var.dtype)
        if rows < columns:
            turned = _temporary(block, "transpose.tmp", var.dtype)
            append("transpose2", {"X": q}, {"Out": turned, "XShape": before}, axis=[1, 0])
            q = turned
        append("reshape2", {"X": q}, {"Out": q, "XShape": before}, shape=shape)
        append("scale", {"X": q}, {"Out": var}, scale=float(self._gain), bias=0.0)


def set_global_initializer(weight_init, bias_init=None):
    """Fills parameters made from now on, unless their ParamAttr says otherwise; None, None restores the layers' own choice.

    Source: paddle.nn.initializer.set_global_initializer.
    """
    for what in (weight_init, bias_init):
        if not isinstance(what, (Initializer, type(None))):
            raise TypeError(f"an Initializer or None is wanted, {type(what)} was given")
    _core.set_global_initializer(weight_init, bias_init)
