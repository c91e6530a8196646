"""Elementwise mathematics."""
from ._ops import elementwise, is_var, layer, unary

__all__ = ["acos", "acosh", "add", "add_n", "asin", "asinh", "atan", "atan2", "atanh", "ceil", "clip", "cos", "cosh", "cumprod",
           "cumsum", "digamma", "divide", "erf", "erfinv", "exp", "expm1", "floor", "floor_divide", "floor_mod", "fmax", "fmin",
           "heaviside", "increment", "lerp", "lgamma", "log", "log10", "log1p", "log2", "logit", "maximum", "minimum", "mod",
           "multiply", "multiplex", "neg", "reciprocal", "remainder", "rsqrt", "scale", "sign", "sin", "sinh", "sqrt",
           "square", "stanh", "subtract", "tan", "tanh", "trunc", "abs", "pow", "round"]

abs = unary("abs", "|x|")  # noqa: A001
acos = unary("acos", "Arc cosine")
acosh = unary("acosh", "Inverse hyperbolic cosine")
asin = unary("asin", "Arc sine")
asinh = unary("asinh", "Inverse hyperbolic sine")
atan = unary("atan", "Arc tangent")
atanh = unary("atanh", "Inverse hyperbolic tangent")
ceil = unary("ceil", "The least integer not below x")
cos = unary("cos", "Cosine, x in radians")
cosh = unary("cosh", "Hyperbolic cosine")
digamma = unary("digamma", "Derivative of lgamma")
erf = unary("erf", "The error function")
erfinv = unary("erfinv", "Inverse of the error function")
exp = unary("exp", "e^x")
expm1 = unary("expm1", "e^x - 1")
floor = unary("floor", "The greatest integer not above x")
lgamma = unary("lgamma", "Logarithm of the absolute gamma function")
log = unary("log", "Natural logarithm")
log10 = unary("log10", "Logarithm of base 10")
log1p = unary("log1p", "log(1 + x)")
log2 = unary("log2", "Logarithm of base 2")
reciprocal = unary("reciprocal", "1 / x")
round = unary("round", "The nearest integer")  # noqa: A001
rsqrt = unary("rsqrt", "1 / sqrt(x)")
sign = unary("sign", "-1, 0 or 1")
sin = unary("sin", "Sine, x in radians")
sinh = unary("sinh", "Hyperbolic sine")
sqrt = unary("sqrt", "Square root")
square = unary("square", "x * x")
tan = unary("tan", "Tangent, x in radians")
tanh = unary("tanh", "Hyperbolic tangent")

add = elementwise("elementwise_add", "x + y", "add")
subtract = elementwise("elementwise_sub", "x - y", "subtract")
multiply = elementwise("elementwise_mul", "x * y", "multiply")
divide = elementwise("elementwise_div", "x / y", "divide")
maximum = elementwise("elementwise_max", "The larger", "maximum")
minimum = elementwise("elementwise_min", "The smaller", "minimum")
fmax = elementwise("elementwise_fmax", "The larger, a number rather than NaN", "fmax")
fmin = elementwise("elementwise_fmin", "The smaller, a number rather than NaN", "fmin")
mod = remainder = floor_mod = elementwise("elementwise_mod", "The remainder, of y's sign", "mod")
floor_divide = elementwise("elementwise_floordiv", "x / y rounded down", "floor_divide")
heaviside = elementwise("elementwise_heaviside", "0, y or 1 where x is negative, zero or positive", "heaviside")


def trunc(input, name=None):  # noqa: A002
    """The elements without their fractions. Source: paddle.trunc."""
    return layer("trunc", {"X": input}, name=name)


def neg(x, name=None):
    """-x. Source: paddle.neg."""
    return scale(x, -1.0, 0.0, True, None, name)


def atan2(x, y, name=None):
    """The angle of (y, x), in radians. Source: operator atan2."""
    return layer("atan2", {"X1": x, "X2": y}, name=name)


def pow(x, y, name=None):  # noqa: A001
    """x^y for a number or a variable y. Source: paddle.pow."""
    if is_var(y):
        return layer("elementwise_pow", {"X": x, "Y": y}, "Out", {"axis": -1}, name=name)
    return layer("pow", {"X": x}, "Out", {"factor": float(y)}, name=name)


def scale(x, scale=1.0, bias=0.0, bias_after_scale=True, act=None, name=None):
    """scale * x + bias, or scale * (x + bias).

    Args:
        x (Variable): any shape.
        scale (float | Variable): the factor; a variable has one element.
        bias (float): what is added.
        bias_after_scale (bool): False adds first.
        act (str): an activation of the result.
        name (str): of the layer.

    Source: paddle.scale.
    """
    inputs, attrs = {"X": x}, {"bias": float(bias), "bias_after_scale": bias_after_scale}
    if is_var(scale):
        inputs["ScaleTensor"] = scale
    else:
        attrs["scale"] = float(scale)
    from .. import _core
    helper = _core.LayerHelper("scale", name)
    return helper.activate(layer("scale", inputs, "Out", attrs, name=helper.name), act)


_CLIP = {"int32": (-2 ** 31, 2 ** 31 - 1 - 2 ** 7), "int64": (-2 ** 63, 2 ** 63 - 1 - 2 ** 39), "float16": (-65504, 65504)}


def clip(x, min=None, max=None, name=None):  # noqa: A002
    """x where it lies in [min, max], else the nearer bound. Source: paddle.clip."""
    from .. import _core
    low, high = _CLIP.get(_core.dtype_name(x.dtype), (-3.4028234663852886e38, 3.4028234663852886e38))
    inputs, attrs = {"X": x}, {"min": float(low), "max": float(high)}
    for bound, slot, value in (("min", "Min", min), ("max", "Max", max)):
        if is_var(value):
            inputs[slot] = value
        elif value is not None:
            attrs[bound] = float(value)
    return layer("clip", inputs, "Out", attrs, name=name)


def add_n(inputs, name=None):
    """The sum of variables of one shape. Source: paddle.add_n."""
    return layer("sum", {"X": inputs}, layer="add_n", name=name)


def increment(x, value=1.0, name=None):
    """Adds `value` to x, a variable of one element, in place. Source: paddle.increment."""
    from .. import _core
    _core.LayerHelper("increment", name)
    x.block.program.current_block().append_op(type="increment", inputs={"X": x}, outputs={"Out": x},
                                              attrs={"step": float(value)}, stop_gradient=False)
    return x


def stanh(x, scale_a=0.67, scale_b=1.7159, name=None):
    """scale_b * tanh(scale_a * x). Source: paddle.stanh."""
    return layer("stanh", {"X": x}, "Out", {"scale_a": scale_a, "scale_b": scale_b}, name=name)


def logit(x, eps=None, name=None):
    """log(x / (1 - x)), x clipped to [eps, 1 - eps] where eps is given. Source: paddle.logit."""
    return layer("logit", {"X": x}, "Out", {"eps": 0.0 if eps is None else eps}, name=name)


def lerp(x, y, weight, name=None):
    """x + weight * (y - x). Source: paddle.lerp."""
    if not is_var(weight):
        from .creation import full
        weight = full([], weight, x.dtype)
    return layer("lerp", {"X": x, "Y": y, "Weight": weight}, name=name)


def cumsum(x, axis=None, dtype=None, name=None):
    """Sums of the elements up to each, along an axis or, where None, of the flattened x. Source: paddle.cumsum."""
    if dtype is not None and x.dtype != dtype:
        from .manipulation import cast
        x = cast(x, dtype)
    attrs = {"flatten": True} if axis is None else {"axis": axis}
    return layer("cumsum", {"X": x}, "Out", attrs, name=name)


def cumprod(x, dim=None, dtype=None, name=None):
    """Products of the elements up to each along `dim`. Source: paddle.cumprod."""
    if dtype is not None and x.dtype != dtype:
        from .manipulation import cast
        x = cast(x, dtype)
    return layer("cumprod", {"X": x}, "Out", {"dim": dim}, name=name)


def multiplex(inputs, index, name=None):
    """Row i of the variable inputs[index[i]]. Source: paddle.multiplex."""
    return layer("multiplex", {"X": inputs, "Ids": index}, name=name, dtype=inputs[0].dtype)
