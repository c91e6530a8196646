"""Sums, means, extremes and other reductions."""
from .. import _core
from ._ops import dtype_code, layer, to_list

__all__ = ["all", "any", "amax", "logsumexp", "max", "mean", "min", "norm", "prod", "std", "sum", "var"]


def _attrs(x, axis, keepdim, all_when_none=True):
    if axis is None or axis == [] or axis == ():
        return {"dim": [], "keep_dim": keepdim, "reduce_all": all_when_none}
    axes = to_list(axis)
    rank = len(x.shape)
    whole = len(axes) == rank and all_when_none
    return {"dim": axes, "keep_dim": keepdim, "reduce_all": whole}


def reduce(op_type, layer_name, x, axis, keepdim, name, dtype=None, all_when_none=True):
    return layer(op_type, {"X": x}, "Out", _attrs(x, axis, keepdim, all_when_none), layer=layer_name, name=name, dtype=dtype)


def mean(x, axis=None, keepdim=False, name=None):
    """The mean over axes, or over everything.

    Args:
        x (Variable): any shape.
        axis (int | list): None means all.
        keepdim (bool): keeps reduced axes with extent 1.
        name (str): of the layer.

    Returns:
        Variable: of shape [] where every axis is reduced.

    Source: paddle.mean.
    """
    return reduce("reduce_mean", "mean", x, axis, keepdim, name)


def sum(x, axis=None, dtype=None, keepdim=False, name=None):  # noqa: A001
    """The sum over axes, or over everything; integers and bools add up as int64. Source: paddle.sum."""
    attrs = {name: value for name, value in _attrs(x, axis, keepdim).items() if name != "reduce_all"}
    out = x.dtype if not (_core.is_integer(x.dtype) or x.dtype == _core.bool_) else "int64"
    if dtype is not None:
        attrs["in_dtype"], attrs["out_dtype"] = int(x.dtype), dtype_code(dtype)
        out = dtype
    return layer("reduce_sum", {"X": x}, "Out", attrs, layer="sum", name=name, dtype=out)


def max(x, axis=None, keepdim=False, name=None):  # noqa: A001
    """The largest over axes, or over everything. Source: paddle.max."""
    return reduce("reduce_max", "max", x, axis, keepdim, name)


def min(x, axis=None, keepdim=False, name=None):  # noqa: A001
    """The smallest over axes, or over everything. Source: paddle.min."""
    return reduce("reduce_min", "min", x, axis, keepdim, name)


def amax(x, axis=None, keepdim=False, name=None):
    """As max; equal elements share the gradient. Source: paddle.amax."""
    return reduce("reduce_amax", "amax", x, axis, keepdim, name)


def prod(x, axis=None, keepdim=False, dtype=None, name=None):
    """The product over axes, or over everything. Source: paddle.prod."""
    if dtype is not None and x.dtype != _core.to_dtype(dtype):
        from .manipulation import cast
        x = cast(x, dtype)
    return reduce("reduce_prod", "reduce_prod", x, axis, keepdim, name)


def all(x, axis=None, keepdim=False, name=None):  # noqa: A001
    """True where every element is. Source: paddle.all."""
    return reduce("reduce_all", "all", x, axis, keepdim, name, "bool")


def any(x, axis=None, keepdim=False, name=None):  # noqa: A001
    """True where some element is. Source: paddle.any."""
    return reduce("reduce_any", "any", x, axis, keepdim, name, "bool")


def logsumexp(x, axis=None, keepdim=False, name=None):
    """log(sum(exp(x))), without overflow. Source: paddle.logsumexp."""
    axes = [] if axis is None else to_list(axis)
    attrs = {"axis": axes, "keepdim": keepdim, "reduce_all": not axes or len(axes) == len(x.shape)}
    return layer("logsumexp", {"X": x}, "Out", attrs, name=name)


def var(x, axis=None, unbiased=True, keepdim=False, name=None):
    """The variance over axes, divided by n - 1 (unbiased) or n. Source: paddle.var."""
    from .creation import ones
    from .manipulation import cast, numel
    from .math import pow
    from .search import where
    spread = sum(pow(x - mean(x, axis, True, name), 2), axis, keepdim=keepdim, name=name)
    count = (cast(numel(x), "int64") / cast(numel(spread), "int64")).astype(x.dtype)
    if unbiased:
        one = ones([], x.dtype)
        count = where(count > one, count - 1.0, one)
    count.stop_gradient = True
    return spread / count


def std(x, axis=None, unbiased=True, keepdim=False, name=None):
    """The square root of `var`. Source: paddle.std."""
    from .math import sqrt
    return sqrt(var(x, axis, unbiased, keepdim, name))


def _matrix_norm(x, p, axes, keepdim, name):
    if p == 0:
        raise ValueError(f"just support axis type int or list (length of list <=1) if p = 0, found {axes}")
    dims = {"dim": axes, "keep_dim": keepdim, "reduce_all": len(axes) == len(x.shape)}
    infinite = p in (float("inf"), -float("inf"))
    helper = _core.LayerHelper("inf_norm" if infinite else "norm", name)
    append = _core.default_main_program().current_block().append_op
    if infinite:
        absolute, out = helper.create_temporary(x.dtype), helper.create_temporary(x.dtype)
        append(type="abs", inputs={"X": x}, outputs={"Out": absolute})
        append(type="reduce_max" if p > 0 else "reduce_min", inputs={"X": absolute}, outputs={"Out": out}, attrs=dims)
        return out
    out, absolute, power, total = (helper.create_temporary(x.dtype) for _ in range(4))
    append(type="abs", inputs={"X": x}, outputs={"Out": absolute})
    append(type="pow", inputs={"X": absolute}, outputs={"Out": power}, attrs={"factor": float(p)})
    append(type="reduce_sum", inputs={"X": power}, outputs={"Out": total}, attrs=dims)
    append(type="pow", inputs={"X": total}, outputs={"Out": out}, attrs={"factor": float(1.0 / p)})
    return out


def norm(x, p="fro", axis=None, keepdim=False, name=None):
    """The norm of x over everything, an axis, or two: Frobenius, or the p-norm. Source: paddle.norm."""
    if p == "fro":
        if axis is None:
            attrs = {"keep_dim": keepdim, "reduce_all": True}
            return layer("frobenius_norm", {"X": x}, "Out", attrs, name=name)
        if isinstance(axis, (list, tuple)) and len(axis) == 2:
            attrs = {"dim": list(axis), "keep_dim": keepdim, "reduce_all": False}
            return layer("frobenius_norm", {"X": x}, "Out", attrs, name=name)
        p = 2.0
    axes = None if axis is None else to_list(axis)
    if axes is not None and len(axes) == 2:
        return _matrix_norm(x, p, axes, keepdim, name)
    if axes is not None and len(axes) > 2:
        raise ValueError(f"except axis type int or list (length of list <=2), found {axis}")
    attrs = {"axis": -1 if axes is None else axes[0], "porder": float(p), "keepdim": keepdim, "asvector": axes is None,
             "epsilon": 1e-12}
    return layer("p_norm", {"X": x}, "Out", attrs, name=name)
