"""Comparisons and logic."""
from ._ops import is_var, layer

__all__ = ["allclose", "bitwise_and", "bitwise_not", "bitwise_or", "bitwise_xor", "equal", "equal_all", "greater_equal",
           "greater_than", "is_empty", "isclose", "isfinite", "isinf", "isnan", "less_equal", "less_than", "logical_and",
           "logical_not", "logical_or", "logical_xor", "not_equal"]


def _compare(op_type, doc):
    def function(x, y, name=None):
        if op_type == "equal" and not is_var(y):
            from .creation import full
            y = full([], y, x.dtype)
        return layer(op_type, {"X": x, "Y": y}, name=name, dtype="bool", stopped=["Out"])
    function.__name__ = function.__qualname__ = op_type
    function.__doc__ = f"{doc}, elementwise with numpy's broadcasting; bool. Source: paddle.{op_type}."
    return function


def _binary(op_type, doc, dtype=None):
    def function(x, y, out=None, name=None):
        if out is not None:
            x.block.append_op(type=op_type, inputs={"X": x, "Y": y}, outputs={"Out": out})
            return out
        return layer(op_type, {"X": x, "Y": y}, name=name, dtype=dtype)
    function.__name__ = function.__qualname__ = op_type
    function.__doc__ = f"{doc}, elementwise with numpy's broadcasting. Source: paddle.{op_type}."
    return function


equal = _compare("equal", "x == y")
not_equal = _compare("not_equal", "x != y")
less_than = _compare("less_than", "x < y")
less_equal = _compare("less_equal", "x <= y")
greater_than = _compare("greater_than", "x > y")
greater_equal = _compare("greater_equal", "x >= y")
logical_and = _binary("logical_and", "x and y", "bool")
logical_or = _binary("logical_or", "x or y", "bool")
logical_xor = _binary("logical_xor", "Either x or y", "bool")
bitwise_and = _binary("bitwise_and", "x & y")
bitwise_or = _binary("bitwise_or", "x | y")
bitwise_xor = _binary("bitwise_xor", "x ^ y")


def logical_not(x, out=None, name=None):
    """not x. Source: paddle.logical_not."""
    if out is not None:
        x.block.append_op(type="logical_not", inputs={"X": x}, outputs={"Out": out})
        return out
    return layer("logical_not", {"X": x}, name=name, dtype="bool")


def bitwise_not(x, out=None, name=None):
    """~x. Source: paddle.bitwise_not."""
    if out is not None:
        x.block.append_op(type="bitwise_not", inputs={"X": x}, outputs={"Out": out})
        return out
    return layer("bitwise_not", {"X": x}, name=name)


def isnan(x, name=None):
    """True where x is NaN. Source: paddle.isnan."""
    return layer("isnan_v2", {"X": x}, name=name, dtype="bool")


def isinf(x, name=None):
    """True where x is infinite. Source: paddle.isinf."""
    return layer("isinf_v2", {"X": x}, name=name, dtype="bool")


def isfinite(x, name=None):
    """True where x is a finite number. Source: paddle.isfinite."""
    return layer("isfinite_v2", {"X": x}, name=name, dtype="bool")


def equal_all(x, y, name=None):
    """True when x and y are equal everywhere; shape []. Source: paddle.equal_all."""
    return layer("equal_all", {"X": x, "Y": y}, name=name, dtype="bool")


def allclose(x, y, rtol=1e-05, atol=1e-08, equal_nan=False, name=None):
    """True when |x - y| <= atol + rtol * |y| everywhere. Source: paddle.allclose."""
    attrs = {"rtol": str(rtol), "atol": str(atol), "equal_nan": equal_nan}
    return layer("allclose", {"Input": x, "Other": y}, "Out", attrs, name=name, dtype="bool")


def isclose(x, y, rtol=1e-05, atol=1e-08, equal_nan=False, name=None):
    """|x - y| <= atol + rtol * |y|, elementwise. Source: paddle.isclose."""
    attrs = {"rtol": str(rtol), "atol": str(atol), "equal_nan": equal_nan}
    return layer("isclose", {"Input": x, "Other": y}, "Out", attrs, name=name, dtype="bool")


def is_empty(x, name=None):
    """True when x has no elements. Source: paddle.is_empty."""
    return layer("is_empty", {"X": x}, name=name, dtype="bool", stopped=["Out"])
