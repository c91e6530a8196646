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


def _reduce(op_type, layer_name, x, axis, keepdim, name, dtype=None, all_when_none=True):
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
    return _reduce("reduce_mean", "mean", x, axis, keepdim, name)


def sum(x, axis=None, dtype=None, keepdim=False, name=None):  # noqa: A001
    """The sum over axes, or over everything; integers and bools add up as int64. Source: paddle.sum."""
    attrs = _attrs(x, axis, keepdim, False)
    if axis is not None and len(to_list(axis)) == len(x.shape) and to_list(axis):
        attrs["reduce_all"] = True
    out = x.dtype if not (_core.is_integer(x.dtype) or x.dtype == _core.bool_) else "int64"
    if dtype is not None:
        attrs["in_dtype"], attrs["out_dtype"] = int(x.dtype), dtype_code(dtype)
        out = dtype
    return layer("reduce_sum", {"X": x}, "Out", attrs, layer="sum", name=name, dtype=out)


def max(x, axis=None, keepdim=False, name=None):  # noqa: A001
    """The largest over axes, or over everything. Source: paddle.max."""
    return _reduce("reduce_max", "max", x, axis, keepdim, name)


def min(x, axis=None, keepdim=False, name=None):  # noqa: A001
    """The smallest over axes, or over everything. Source: paddle.min."""
    return _reduce("reduce_min", "min", x, axis, keepdim, name)


def amax(x, axis=None, keepdim=False, name=None):
    """As max; equal elements share the gradient. Source: paddle.amax."""
    return _reduce("reduce_amax", "amax", x, axis, keepdim, name)


def prod(x, axis=None, keepdim=False, dtype=None, name=None):
    """The product over axes, or over everything. Source: paddle.prod."""
    if dtype is not None and x.dtype != _core.to_dtype(dtype):
        from .manipulation import cast
        x = cast(x, dtype)
    return _reduce("reduce_prod", "reduce_prod", x, axis, keepdim, name)


def all(x, axis=None, keepdim=False, name=None):  # noqa: A001
    """True where every element is. Source: paddle.all."""
    return _reduce("reduce_all", "all", x, axis, keepdim, name, "bool")


def any(x, axis=None, keepdim=False, name=None):  # noqa: A001
    """True where some element is. Source: paddle.any."""
    return _reduce("reduce_any", "any", x, axis, keepdim, name, "bool")


def logsumexp(x, axis=None, keepdim=False, name=None):
    """log(sum(exp(x))), without overflow. Source: paddle.logsumexp."""
    axes = [0] if axis is None else to_list(axis)
    attrs = {"axis": axes, "keepdim": keepdim, "reduce_all": axis is None or len(axes) == len(x.shape)}
    return layer("logsumexp", {"X": x}, "Out", attrs, name=name)


def var(x, axis=None, unbiased=True, keepdim=False, name=None):
    """The variance over axes, divided by n - 1 (unbiased) or n. Source: paddle.var."""
    from .creation import full
    from .math import divide, maximum, square, subtract
    spread = sum(square(subtract(x, mean(x, axis, True, name))), axis, keepdim=keepdim, name=name)
    axes = range(len(x.shape)) if axis is None or axis == [] else to_list(axis)
    extents = [x.shape[a] for a in axes]
    if -1 in extents:
        from .manipulation import cast, gather, shape
        count = cast(prod(gather(shape(x), _core_ids([a % len(x.shape) for a in axes]))), x.dtype)
    else:
        product = 1
        for extent in extents:
            product *= extent
        count = full([], float(product), x.dtype)
    if unbiased:
        count = maximum(count - 1.0, full([], 1.0, x.dtype))
    return divide(spread, count)


def _core_ids(axes):
    from .creation import assign
    import numpy
    return assign(numpy.array(axes, "int32"))


def std(x, axis=None, unbiased=True, keepdim=False, name=None):
    """The square root of `var`. Source: paddle.std."""
    from .math import sqrt
    return sqrt(var(x, axis, unbiased, keepdim, name))


def norm(x, p="fro", axis=None, keepdim=False, name=None):
    """The norm of x over everything, an axis, or two: Frobenius, or the p-norm. Source: paddle.norm."""
    if p == "fro":
        if axis is None:
            attrs = {"dim": [-1], "keep_dim": keepdim, "reduce_all": True}
            return layer("frobenius_norm", {"X": x}, "Out", attrs, name=name)
        if isinstance(axis, (list, tuple)) and len(axis) == 2:
            attrs = {"dim": list(axis), "keep_dim": keepdim, "reduce_all": False}
            return layer("frobenius_norm", {"X": x}, "Out", attrs, name=name)
        p = 2.0
    axes = None if axis is None else to_list(axis)
    if axes is not None and len(axes) > 1:
        raise NotImplementedError(f"norm with p={p} over several axes is not supported; use p='fro'")
    attrs = {"axis": -1 if axes is None else axes[0], "porder": float(p), "keepdim": keepdim, "asvector": axes is None,
             "epsilon": 1e-12}
    return layer("p_norm", {"X": x}, "Out", attrs, name=name)
