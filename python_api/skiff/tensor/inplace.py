"""Functions named with a final "_": in a program they are those without it, since a program's variables are not changed in place."""
import functools
import warnings


UNARY = ["abs", "acos", "acosh", "asin", "asinh", "atan", "atanh", "ceil", "cos", "cosh", "digamma", "erf", "erfinv", "exp", "expm1",
         "floor", "frac", "i0", "lgamma", "log", "log10", "log1p", "log2", "logical_not", "bitwise_not", "neg", "reciprocal",
         "round", "rsqrt", "sigmoid", "sin", "sinh", "sqrt", "square", "tan", "tanh", "trunc"]
BINARY = ["add", "bitwise_and", "bitwise_or", "bitwise_xor", "divide", "equal", "floor_divide", "floor_mod", "gcd", "greater_equal",
          "greater_than", "hypot", "lcm", "ldexp", "less_equal", "less_than", "logical_and", "logical_or", "logical_xor", "mod",
          "multiply", "not_equal", "pow", "remainder", "subtract"]
OTHERS = ["addmm", "cast", "clip", "cumprod", "cumsum", "flatten", "index_add", "index_fill", "index_put", "lerp", "logit",
          "masked_fill", "multigammaln", "nan_to_num", "polygamma", "put_along_axis", "renorm", "reshape", "scale", "scatter",
          "squeeze", "t", "transpose", "tril", "triu", "unsqueeze", "where"]
# What needs a value to change, or memory to look at in another way.
DYNAMIC_ONLY = ["as_strided", "cauchy_", "geometric_", "normal_", "tolist", "unfold", "uniform_", "view", "view_as"]

__all__ = [name + "_" for name in (*UNARY, *BINARY, *OTHERS)] + DYNAMIC_ONLY


def _same(function, name):
    @functools.wraps(function)
    def same(*args, **kwargs):
        warnings.warn(f"In static graph mode, {name}_() is the same as {name}() and does not perform inplace operation.", stacklevel=2)
        return function(*args, **kwargs)
    same.__name__ = same.__qualname__ = name + "_"
    same.__doc__ = f"`{name}`: a program's variables are not changed in place. Source: paddle.{name}_."
    return same


def _refused(name):
    def refused(x, *args, **kwargs):
        raise AssertionError(f"We only support '{name}()' in dynamic graph mode, please call 'paddle.disable_static()' to enter "
                             "dynamic graph mode.")
    refused.__name__ = refused.__qualname__ = name
    refused.__doc__ = f"Raises AssertionError: it needs imperative mode. Source: paddle.Tensor.{name}."
    return refused


def _sigmoid(x, name=None):
    from ..nn.functional import sigmoid
    return sigmoid(x, name)


def _lcm(x, y, name=None):
    from . import creation, math, search, special
    d = special.gcd(x, y)
    some = d != 0
    divisor = search.where(some, d, creation.ones(d.shape, d.dtype))
    return search.where(some, math.floor_divide(math.abs(math.multiply(x, y)), divisor), creation.zeros(d.shape, d.dtype))


# Those that Paddle builds from other operators than the function without "_", or that lie elsewhere.
_OWN = {"lcm": _lcm, "sigmoid": _sigmoid}


def install(names):
    """Adds the functions of this module, made from those in `names`."""
    for name in (*UNARY, *BINARY, *OTHERS):
        globals()[name + "_"] = _same(_OWN.get(name) or names[name], name)
    for name in DYNAMIC_ONLY:
        globals()[name] = _refused(name)
