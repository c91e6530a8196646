"""x[key] and a copy of x with x[key] = value, as Paddle 2.6 builds them."""
from .. import _core
from .._core import layer
from . import creation, manipulation, search
from ._ops import is_var

__all__ = []
_NO_INDEX = 2147483647


def _tmp(op_type, inputs, attrs, dtype=None):
    return layer(op_type, inputs, "Out", attrs, layer="tmp", own_name=True, dtype=dtype)


def _is_scalar(k):
    return is_var(k) and len(k.shape) == 0 and k.dtype != _core.bool_


def _is_advanced(k):
    return (is_var(k) and not _is_scalar(k)) or isinstance(k, (list, tuple, range)) or (hasattr(k, "ndim") and not is_var(k) and k.ndim > 0)


def _positions(k):
    """A list or array of positions, or a mask, as a variable."""
    if is_var(k):
        return k
    import numpy as np  # not before it is needed: importing skiff must not cost numpy's import
    array = np.asarray(k)
    return creation.assign(array if array.dtype == bool else array.astype("int64"))


def _never(_):
    return False


def _axes_of(k):
    return len(k.shape) if k.dtype == _core.bool_ else 1


class _Key:
    """What a key takes by slices, and what it takes by positions of the result."""

    def __init__(self, x, key):
        keys = [_positions(k) if _is_advanced(k) else k for k in (key if isinstance(key, tuple) else (key,))]
        rank = len(x.shape)
        given = sum(_axes_of(k) if _is_advanced(k) else 1 for k in keys if k is not None and k is not Ellipsis)
        if given > rank:
            raise ValueError(f"{given} indices were given, {x.name} has {rank} axes")
        at = [i for i, k in enumerate(keys) if k is Ellipsis]
        if len(at) > 1:
            raise IndexError("an index may hold one Ellipsis ('...')")
        if at:
            keys[at[0]:at[0] + 1] = [slice(None)] * (rank - given)
        self.axes, self.starts, self.ends, self.strides, self.dropped, self.new, self.advanced = [], [], [], [], [], [], []
        axis = kept = 0
        for k in keys:
            if k is None:
                self.new.append(kept)
                kept += 1
            elif _is_advanced(k):
                self.advanced.append((kept, k))
                kept += _axes_of(k)
                axis += _axes_of(k)
            elif isinstance(k, slice):
                if k != slice(None):
                    step = 1 if k.step is None else k.step
                    self._cut(axis, (0 if step > 0 else _NO_INDEX) if k.start is None else k.start,
                              (_NO_INDEX if step > 0 else -1) if k.stop is None else k.stop, step)
                kept += 1
                axis += 1
            elif is_var(k) or isinstance(k, int) or hasattr(k, "__index__"):
                k = k if is_var(k) else int(k)
                last = _never(k != -1) if is_var(k) else k == -1  # of a variable Paddle asks it too, in the program
                self._cut(axis, k, _NO_INDEX if last else k + 1, 1)
                self.dropped.append(axis)
                axis += 1
            else:
                raise TypeError(f"index {k!r} is not supported; use numbers, slices, None, ..., and lists or variables of positions")

    def _cut(self, axis, start, end, step):
        self.axes.append(axis)
        self.starts.append(start)
        self.ends.append(end)
        self.strides.append(step)

    def cut(self, x):
        """x by slices and numbers."""
        out = _slice(x, self) if self.axes else x
        return manipulation.unsqueeze(out, self.new) if self.new else out

    def moved(self, x):
        """x with the axes that positions name in front, and where the positions' axes belong in the result."""
        named = [axis + i for axis, k in self.advanced for i in range(_axes_of(k))]
        others = [axis for axis in range(len(x.shape)) if axis not in named]
        perm = named + others
        if perm != list(range(len(perm))):
            x = manipulation.transpose(x, perm)
        together = named == list(range(named[0], named[0] + len(named)))
        return x, (named[0] if together else 0), perm


def _slice(x, key):
    strided = any(s != 1 for s in key.strides)
    inputs, attrs = {"Input": x}, {"axes": key.axes, "decrease_axis": key.dropped}
    unknown = [-1 if is_var(s) or is_var(e) else 1 for s, e in zip(key.starts, key.ends)]
    for name, values in (("starts", key.starts), ("ends", key.ends)):
        if any(is_var(v) for v in values):
            slot = name.capitalize() + "TensorList"
            inputs[slot] = [v if is_var(v) else _core.full([1], v, "int64") for v in values]
        attrs[name] = [-1 if is_var(v) else v for v in values]
    attrs["infer_flags"] = unknown
    if strided:
        attrs["strides"] = key.strides
    op_type = "strided_slice" if strided else "slice"
    return layer(op_type, inputs, "Out", attrs, layer=f"{x.name}_{op_type}", own_name=True)


def get(x, key):
    """x[key] for numbers, slices, None, ..., and lists, arrays or variables of positions or masks.

    Source: Variable.__getitem__ of Paddle 2.6.
    """
    key = _Key(x, key)
    out = key.cut(x)
    if not key.advanced:
        return out
    out, place, _ = key.moved(out)
    indices = [k for _, k in key.advanced]
    if len(indices) == 1:
        rank = 1 if indices[0].dtype == _core.bool_ else len(indices[0].shape)
        index = search.nonzero(indices[0]) if indices[0].dtype == _core.bool_ else manipulation.unsqueeze(indices[0], [-1])
    else:
        whole = []
        for k in indices:
            if k.dtype != _core.bool_:
                whole.append(k)
                continue
            found = search.nonzero(k)
            whole += [manipulation.squeeze(manipulation.slice(found, [1], [i], [i + 1]), [1]) for i in range(len(k.shape))]
        rank = max(len(k.shape) for k in whole)
        index = manipulation.stack(layer("broadcast_tensors", {"X": whole}, {"Out": len(whole)}), axis=-1)
    out = manipulation.gather_nd(out, index)
    if place:
        others = range(rank + place, len(out.shape))
        out = manipulation.transpose(out, [*range(rank, rank + place), *range(rank), *others])
    return out


def _values(dtype, value):
    """A number or an array as the attributes of set_value: (elements, shape)."""
    import numpy as np
    array = np.asarray(value)
    kind = bool if dtype == _core.bool_ else int if _core.is_integer(dtype) else float
    return [kind(v) for v in array.ravel().tolist()], list(array.shape) or [1]


def _bounds(values, slot, inputs, attrs):
    if any(is_var(v) for v in values):
        inputs[slot.capitalize() + "TensorList"] = [v if is_var(v) else _core.full([1], v, "int64") for v in values]
        attrs[slot] = []
    else:
        attrs[slot] = values


def _set_by_slices(x, key, value):
    inputs, attrs = {"Input": x}, {"axes": key.axes, "decrease_axes": key.dropped, "none_axes": key.new, "dtype": int(x.dtype),
                                   "values": [], "shape": []}
    for slot, values in (("starts", key.starts), ("ends", key.ends), ("steps", key.strides)):
        _bounds(values, slot, inputs, attrs)
    if is_var(value):
        inputs["ValueTensor"] = value
    else:
        attrs["values"], attrs["shape"] = _values(x.dtype, value)
    return layer("set_value", inputs, "Out", attrs, dtype=x.dtype)


def setitem(x, index, value):
    """A copy of x in which x[index] is value.

    Args:
        x (Variable): stays as it is.
        index: numbers, slices, None, ..., and lists, arrays or variables of positions or masks.
        value (int | float | bool | numpy.ndarray | Variable): broadcast to x[index].

    Returns:
        Variable: of x's shape and dtype.

    Source: paddle.static.setitem.
    """
    import numpy as np
    if not is_var(value) and not isinstance(value, (int, float, bool, complex, np.ndarray, np.generic)):
        raise TypeError(f"a number, a numpy array or a variable can be set, not {type(value)}")
    key = _Key(x, index)
    if not key.advanced:
        if is_var(value):
            value = _tmp("cast", {"X": value}, {"in_dtype": int(value.dtype), "out_dtype": int(x.dtype)}, x.dtype)
        return _set_by_slices(x, key, value)
    if not is_var(value):
        array = np.asarray(value)
        value = creation.assign(array.reshape([1]).astype("float32" if array.dtype == np.float64 and isinstance(value, float) else array.dtype)
                                if array.ndim == 0 else array)
        value = _tmp("cast", {"X": value}, {"in_dtype": int(value.dtype), "out_dtype": int(x.dtype)}, x.dtype)
    elif value.dtype != x.dtype:
        value = _tmp("cast", {"X": value}, {"in_dtype": int(value.dtype), "out_dtype": int(x.dtype)}, x.dtype)
    part, _, perm = key.moved(key.cut(x))
    put = layer("index_put", {"x": part, "indices": [k for _, k in key.advanced], "value": value}, "out", {"accumulate": False}, dtype=x.dtype)
    back = manipulation.transpose(put, [perm.index(axis) for axis in range(len(perm))])
    return _set_by_slices(x, key, back)


def refuse_assignment(x, index, value):
    """Source: Variable.__setitem__ in Paddle 2.6's static mode."""
    raise RuntimeError("In static mode, the __setitem__ (looks like: x[indices] = values) should not be used. "
                       "Please use x = paddle.static.setitem(x, indices, values)")
