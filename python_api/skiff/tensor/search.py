"""Sorting, searching and choosing."""
from ._ops import dtype_code, is_var, layer

__all__ = ["argmax", "argmin", "argsort", "index_sample", "index_select", "kthvalue", "masked_select", "mode", "nonzero",
           "searchsorted", "sort", "topk", "where"]


def _arg(op_type, layer_name, x, axis, keepdim, dtype, name):
    if dtype is None:
        raise ValueError("the dtype of the indices must be int32 or int64, None was given")
    attrs = {"keepdims": keepdim, "axis": 0 if axis is None else axis, "flatten": axis is None, "dtype": dtype_code(dtype)}
    return layer(op_type, {"X": x}, "Out", attrs, layer=layer_name, name=name, dtype=dtype, stopped=["Out"])


def argmax(x, axis=None, keepdim=False, dtype="int64", name=None):
    """Where the largest element is, along an axis or in the flattened x. Source: paddle.argmax."""
    return _arg("arg_max", "argmax", x, axis, keepdim, dtype, name)


def argmin(x, axis=None, keepdim=False, dtype="int64", name=None):
    """Where the smallest element is, along an axis or in the flattened x. Source: paddle.argmin."""
    return _arg("arg_min", "argmin", x, axis, keepdim, dtype, name)


def argsort(x, axis=-1, descending=False, name=None):
    """Positions that would sort x. Source: paddle.argsort."""
    return layer("argsort", {"X": x}, ("Out", "Indices"), {"axis": axis, "descending": descending}, name=name,
                 stopped=["Out", "Indices"])[1]


def sort(x, axis=-1, descending=False, name=None):
    """x sorted along an axis. Source: paddle.sort."""
    return layer("argsort", {"X": x}, ("Out", "Indices"), {"axis": axis, "descending": descending}, layer="sort", name=name,
                 stopped=["Indices"])[0]


def topk(x, k, axis=None, largest=True, sorted=True, name=None):  # noqa: A002
    """The k largest (or smallest) elements along an axis, and where they are.

    Args:
        x (Variable): at least one axis.
        k (int | Variable): how many.
        axis (int): the last where None.
        largest (bool): False takes the smallest.
        sorted (bool): in order.
        name (str): of the layer.

    Returns:
        (Variable, Variable): values and int64 positions.

    Source: paddle.topk.
    """
    inputs, attrs = {"X": x}, {"largest": largest, "sorted": sorted, "axis": -1 if axis is None else axis}
    if is_var(k):
        inputs["K"] = k
    else:
        attrs["k"] = k
    return layer("top_k_v2", inputs, ("Out", "Indices"), attrs, name=name, stopped=["Indices"])


def _filled(value):
    """A number as a variable, of numpy's dtype for it."""
    if is_var(value):
        return value
    from .creation import full
    kind = "bool" if isinstance(value, bool) else "int64" if isinstance(value, int) else "float64"
    return full([1], value, getattr(value, "dtype", kind))


def where(condition, x=None, y=None, name=None):
    """x where the condition holds, y elsewhere; without both, `nonzero` as a tuple. Source: paddle.where."""
    if x is None and y is None:
        return nonzero(condition, as_tuple=True)
    if x is None or y is None:
        raise ValueError("either both or neither of x and y should be given")
    x, y = _filled(x), _filled(y)
    if condition.shape != x.shape or x.shape != y.shape:
        from .creation import zeros_like
        from .manipulation import cast
        from .math import add
        zeros = [zeros_like(x), zeros_like(y), cast(zeros_like(condition), x.dtype)]
        chosen = cast(condition, x.dtype)
        shaped = add(add(zeros[0], zeros[1]), zeros[2])
        x, y = add(x, shaped), add(y, shaped)
        condition = cast(add(chosen, shaped), "bool")
    return layer("where", {"Condition": condition, "X": x, "Y": y}, name=name, dtype=x.dtype)


def nonzero(x, as_tuple=False):
    """Positions of the elements that are not zero, one row each. Source: paddle.nonzero."""
    out = layer("where_index", {"Condition": x}, dtype="int64", stopped=["Out"])
    if not as_tuple:
        return out
    if len(x.shape) == 1:
        return (out,)
    from .manipulation import slice as cut
    return tuple(cut(out, [1], [i], [i + 1]) for i in range(len(x.shape)))


def index_select(x, index, axis=0, name=None):
    """Entries of an axis by their positions. Source: paddle.index_select."""
    return layer("index_select", {"X": x, "Index": index}, "Out", {"dim": axis}, name=name, dtype=x.dtype)


def index_sample(x, index):
    """Of each row, the elements at that row's positions. Source: paddle.index_sample."""
    return layer("index_sample", {"X": x, "Index": index}, dtype=x.dtype)


def masked_select(x, mask, name=None):
    """The elements where the mask is true, in one row. Source: paddle.masked_select."""
    return layer("masked_select", {"X": x, "Mask": mask}, "Y", name=name, dtype=x.dtype)


def kthvalue(x, k, axis=None, keepdim=False, name=None):
    """The k-th smallest element along an axis, and where it is. Source: paddle.kthvalue."""
    attrs = {"k": k, "axis": -1 if axis is None else axis, "keepdim": keepdim}
    return layer("kthvalue", {"X": x}, ("Out", "Indices"), attrs, name=name, stopped=["Indices"])


def mode(x, axis=-1, keepdim=False, name=None):
    """The most frequent element along an axis, and where it is last. Source: paddle.mode."""
    return layer("mode", {"X": x}, ("Out", "Indices"), {"axis": axis, "keepdim": keepdim}, name=name, stopped=["Indices"])


def searchsorted(sorted_sequence, values, out_int32=False, right=False, name=None):
    """Where the values belong in a sorted sequence. Source: paddle.searchsorted."""
    return layer("searchsorted", {"SortedSequence": sorted_sequence, "Values": values}, "Out",
                 {"out_int32": out_int32, "right": right}, name=name, dtype="int32" if out_int32 else "int64",
                 stopped=["Out"])
