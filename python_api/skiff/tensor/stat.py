"""Statistics: medians, quantiles, counts."""
from .. import _core
from ._ops import is_var, layer, to_list

__all__ = ["amin", "bucketize", "count_nonzero", "histogram", "median", "nanmean", "nanmedian", "nanquantile", "nansum", "quantile"]


def amin(x, axis=None, keepdim=False, name=None):
    """As min; equal elements share the gradient. Source: paddle.amin."""
    from .reduction import reduce
    return reduce("reduce_amin", "amin", x, axis, keepdim, name)


def histogram(input, bins=100, min=0, max=0, name=None):  # noqa: A002
    """How many elements lie in each of `bins` equal parts of [min, max], or of x's own range. Source: paddle.histogram."""
    return layer("histogram", {"X": input}, "Out", {"bins": bins, "min": min, "max": max}, name=name, dtype="int64")


def bucketize(x, sorted_sequence, out_int32=False, right=False, name=None):
    """Where the elements belong in a sorted sequence. Source: paddle.bucketize."""
    from .search import searchsorted
    if len(sorted_sequence.shape) != 1:
        raise ValueError(f"sorted_sequence tensor must be 1 dimension, but got dim {len(sorted_sequence.shape)}")
    return searchsorted(sorted_sequence, x, out_int32, right, name)


def nansum(x, axis=None, dtype=None, keepdim=False, name=None):
    """The sum of what is a number. Source: paddle.nansum."""
    from . import creation, logic, reduction, search
    zeros = creation.zeros_like(x)
    return reduction.sum(search.where(logic.isnan(x), zeros, x), axis, dtype, keepdim, name)


def nanmean(x, axis=None, keepdim=False, name=None):
    """The mean of what is a number. Source: paddle.nanmean."""
    from . import logic, math, reduction
    axis = [axis] if isinstance(axis, int) else axis
    count = reduction.sum(~logic.isnan(x), axis=axis, keepdim=keepdim)
    return math.divide(nansum(x, axis=axis, keepdim=keepdim, name=name), count.astype(x.dtype))


def count_nonzero(x, axis=None, keepdim=False, name=None):
    """How many elements are not zero. Source: paddle.count_nonzero."""
    from . import manipulation, reduction
    ones = manipulation.cast(manipulation.cast(x, "bool"), "int64")
    return reduction.sum(ones, axis=[axis] if isinstance(axis, int) else axis, keepdim=keepdim, name=name)


def nanmedian(x, axis=None, keepdim=False, name=None):
    """The median of what is a number; of two middle ones their mean. Source: paddle.nanmedian."""
    if not is_var(x):
        raise TypeError("In median, the input x should be a Tensor.")
    if isinstance(axis, (list, tuple)) and not axis:
        raise ValueError("Axis list should not be empty.")
    attrs = {"axis": [] if axis is None else to_list(axis), "keepdim": keepdim}
    return layer("nanmedian", {"X": x}, ("Out", "MedianIndex"), attrs, name=name)[0]


def median(x, axis=None, keepdim=False, name=None):
    """The median; of two middle elements their mean; NaN where there is one.

    Args:
        x (Variable): the extent of the axis is known.
        axis (int): None takes the flattened x.
        keepdim (bool): keeps the axis with extent 1.
        name (str): accepted, without effect, as in Paddle.

    Returns:
        Variable: float64 for float64, float32 for others.

    Source: paddle.median.
    """
    from . import logic, manipulation, reduction, search
    if not is_var(x):
        raise TypeError("In median, the input x should be a Tensor.")
    rank = len(x.shape)
    flat = axis is None or rank == 0
    if flat:
        x, axis = manipulation.flatten(x), 0
    elif not isinstance(axis, int) or not -rank <= axis < rank:
        raise ValueError("In median, axis should be none or an integer in range [-rank(x), rank(x)).")
    axis = axis + rank if axis < 0 else axis
    extent = x.shape[axis]
    middle = extent >> 1
    smallest, _ = search.topk(x, middle + 1, axis=axis, largest=False)
    dtype = "float64" if _core.dtype_name(x.dtype) == "float64" else "float32"

    def entry(i):
        return manipulation.slice(smallest, [axis], [i], [i + 1])
    if extent & 1:
        out = manipulation.cast(entry(middle), dtype)
    else:
        out = manipulation.cast(entry(middle - 1) + entry(middle), dtype) / 2
    out = out + reduction.sum(manipulation.cast(logic.isnan(x), dtype) * x, axis=axis, keepdim=True)
    if flat:
        return out.reshape([1] * rank if keepdim else [])
    return out if keepdim else out.squeeze(axis)


def _quantile_axis(x, axis):
    """(x, the axis to sort along, the shape of a result that keeps axes)."""
    from . import manipulation
    rank, shape = len(x.shape), list(x.shape)
    if axis is None:
        return manipulation.flatten(x), 0, [1] * rank
    axes = axis if isinstance(axis, list) else [axis]
    if any(not isinstance(a, int) or not -rank <= a < rank for a in axes):
        raise ValueError("Axis should be None, int, or a list, element should in range [-rank(x), rank(x)).")
    axes = [a + rank if a < 0 else a for a in axes]
    for a in axes:
        shape[a] = 1
    if not isinstance(axis, list):
        return x, axes[0], shape
    x = manipulation.moveaxis(x, axes, list(range(-len(axes), 0)))
    first = rank - len(axes)
    return (manipulation.flatten(x, first, rank - 1), first, shape) if axes else (manipulation.flatten(x), 0, shape)


def _quantiles(x, q, axis, keepdim, ignore_nan):
    from . import creation, manipulation, math, reduction, search
    if not is_var(x):
        raise TypeError("input x should be a Tensor.")
    if not isinstance(q, (int, float, list, tuple)):
        raise TypeError("Type of q should be int, float, list or tuple.")
    q = to_list(q)
    if not q:
        raise ValueError("q should not be empty")
    if any(not 0 <= part <= 1 for part in q):
        raise ValueError("q should be in range [0, 1]")
    x, axis, shape = _quantile_axis(x, axis)
    missing = x.isnan()
    counts = missing.logical_not().sum(axis=axis, keepdim=True, dtype="float64")
    places = []
    for part in q:
        place = part * (counts - 1)
        if not ignore_nan:
            last = creation.full_like(place, x.shape[axis] - 1)
            place = search.where(reduction.any(missing, axis=axis, keepdim=True), last, place)
        places.append(place)
    ordered, outs = search.sort(x, axis), []
    for place in places:
        below, above = math.floor(place).astype("int32"), math.ceil(place).astype("int32")
        upper = manipulation.take_along_axis(ordered, above, axis=axis)
        lower = manipulation.take_along_axis(ordered, below, axis=axis)
        weight = place - below.astype("float64")
        out = math.lerp(lower.astype("float64"), upper.astype("float64"), weight)
        outs.append(out.reshape(shape) if keepdim else manipulation.squeeze(out, axis=axis))
    return manipulation.stack(outs, 0) if len(q) > 1 else outs[0]


def quantile(x, q, axis=None, keepdim=False):
    """The elements at the parts q of the sorted x, between two their linear interpolation.

    Args:
        x (Variable): any shape.
        q (float | list): in [0, 1]; of a list the results are stacked.
        axis (int | list): None takes the flattened x.
        keepdim (bool): keeps axes with extent 1.

    Returns:
        Variable: float64.

    Source: paddle.quantile.
    """
    return _quantiles(x, q, axis, keepdim, False)


def nanquantile(x, q, axis=None, keepdim=False):
    """`quantile` of what is a number. Source: paddle.nanquantile."""
    return _quantiles(x, q, axis, keepdim, True)
