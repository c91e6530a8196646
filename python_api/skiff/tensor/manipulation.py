"""Shapes, indices, and pieces of tensors."""
from .. import _core
from ._ops import any_var, is_var, layer, shape_inputs, to_list
from .array import tensor_array_to_tensor  # noqa: F401  as Paddle places it

__all__ = ["broadcast_to", "cast", "chunk", "concat", "crop", "diagonal", "expand", "expand_as", "flatten", "flip", "gather",
           "gather_nd", "index_add", "moveaxis", "numel", "put_along_axis", "rank", "repeat_interleave", "reshape", "roll",
           "scatter", "scatter_nd", "scatter_nd_add", "shape", "shard_index", "split", "squeeze", "stack", "strided_slice",
           "take_along_axis", "tile", "transpose", "unbind", "unique", "unsqueeze", "unstack", "slice"]


def cast(x, dtype):
    """x in another dtype. Source: paddle.cast."""
    attrs = {"in_dtype": int(x.dtype), "out_dtype": int(_core.to_dtype(dtype))}
    return layer("cast", {"X": x}, "Out", attrs, dtype=dtype)


def shape(input):  # noqa: A002
    """The extents as int32, [rank]. Source: paddle.shape."""
    return layer("shape", {"Input": input}, dtype="int32", stopped=["Out"])


def numel(x, name=None):
    """The number of elements, shape []. Source: paddle.numel."""
    return layer("size", {"Input": x}, layer="numel", name=name, dtype="int64", stopped=["Out"])


def rank(input):  # noqa: A002
    """The number of axes, shape []. Source: paddle.rank."""
    from .creation import assign
    import numpy
    return assign(numpy.array(len(input.shape), "int32"))


def reshape(x, shape, name=None):
    """x under another shape.

    Args:
        x (Variable): any shape.
        shape (list | tuple | Variable): 0 copies an extent, one -1 is found from the rest; elements may be variables.
        name (str): of the layer.

    Returns:
        Variable

    Source: paddle.reshape.
    """
    inputs, attribute = shape_inputs(shape, "Shape", "ShapeTensor")
    return layer("reshape2", {"X": x, **inputs}, ("Out", "XShape"), {"shape": attribute}, name=name)[0]


def transpose(x, perm, name=None):
    """The axes in another order: axis i of the result is axis perm[i] of x. Source: paddle.transpose."""
    return layer("transpose2", {"X": x}, ("Out", "XShape"), {"axis": list(perm)}, layer="transpose", name=name)[0]


def flatten(x, start_axis=0, stop_axis=-1, name=None):
    """Axes start_axis to stop_axis merged into one. Source: paddle.flatten."""
    axes = len(x.shape)
    if axes:
        for what, axis in (("start_axis", start_axis), ("stop_axis", stop_axis)):
            if not -axes <= axis < axes:
                raise ValueError(f"{what} is {axis}, x has {axes} axes")
        start_axis, stop_axis = start_axis % axes, stop_axis % axes
    attrs = {"start_axis": start_axis, "stop_axis": stop_axis}
    return layer("flatten_contiguous_range", {"X": x}, ("Out", "XShape"), attrs, layer="flatten", name=name)[0]


def squeeze(x, axis=None, name=None):
    """Without axes of extent 1: those given, or all. Source: paddle.squeeze."""
    axes = [] if axis is None else to_list(axis)
    return layer("squeeze2", {"X": x}, ("Out", "XShape"), {"axes": axes}, layer="squeeze", name=name)[0]


def unsqueeze(x, axis, name=None):
    """With new axes of extent 1. Source: paddle.unsqueeze."""
    inputs, attrs = {"X": x}, {}
    if is_var(axis):
        inputs["AxesTensor"] = axis
    elif isinstance(axis, (list, tuple)) and any_var(axis):
        inputs["AxesTensorList"] = [a if is_var(a) else _core.full([1], a, "int32") for a in axis]
    else:
        attrs["axes"] = to_list(axis)
    return layer("unsqueeze2", inputs, ("Out", "XShape"), attrs, name=name)[0]


def concat(x, axis=0, name=None):
    """Variables put together along an axis they need not agree in. Source: paddle.concat."""
    inputs, attrs = {"X": x}, {}
    if is_var(axis):
        inputs["AxisTensor"] = axis
    else:
        attrs["axis"] = axis
    return layer("concat", inputs, "Out", attrs, name=name)


def stack(x, axis=0, name=None):
    """Variables of one shape put together along a new axis. Source: paddle.stack."""
    return layer("stack", {"X": x}, "Y", {"axis": axis}, name=name)


def split(x, num_or_sections, axis=0, name=None):
    """x cut along an axis into equal parts, or into sections of the given extents, one of which may be -1.

    Returns:
        list of Variable

    Source: paddle.split.
    """
    own = _core.LayerHelper("split", name).name
    inputs, attrs = {"X": x}, {}
    if is_var(axis):
        inputs["AxisTensor"] = axis
    else:
        if not -len(x.shape) <= axis < len(x.shape):
            raise ValueError(f"axis is {axis}, x has {len(x.shape)} axes")
        attrs["axis"] = axis % len(x.shape)
    if isinstance(num_or_sections, int):
        attrs["num"], attrs["sections"] = num_or_sections, []
        count = num_or_sections
    else:
        sections = list(num_or_sections)
        count, attrs["num"] = len(sections), 0
        attrs["sections"] = [-1 if is_var(extent) else extent for extent in sections]
        if any_var(sections):
            inputs["SectionsTensorList"] = _numbers(own, sections)
    return layer("split", inputs, {"Out": count}, attrs, name=own)


def chunk(x, chunks, axis=0, name=None):
    """x cut along an axis into equal parts. Source: paddle.chunk."""
    return split(x, chunks, axis, name)


def unstack(x, axis=0, num=None):
    """The entries of an axis, which goes. Source: paddle.unstack."""
    if num is None:
        num = x.shape[axis]
        if num < 0:
            raise ValueError(f"axis {axis} of x has an extent known only when it runs; pass num")
    return layer("unstack", {"X": x}, {"Y": num}, {"axis": axis, "num": num})


def unbind(input, axis=0):  # noqa: A002
    """The entries of an axis, which goes. Source: paddle.unbind."""
    return layer("unbind", {"X": input}, {"Out": input.shape[axis]}, {"axis": axis})


def slice(input, axes, starts, ends):  # noqa: A002,A001
    """[start, end) along some axes. Source: paddle.slice."""
    def positions(values, slot):
        if is_var(values):
            return {slot + "Tensor": values}, []
        if not any_var(values):
            return {}, list(values)
        return ({slot + "TensorList": [v if is_var(v) else _core.full([1], v, "int32") for v in values]},
                [-1 if is_var(v) else v for v in values])
    first, starts_attr = positions(starts, "Starts")
    last, ends_attr = positions(ends, "Ends")
    unknown = [-1 if (is_var(starts) or is_var(ends) or is_var(s) or is_var(e)) else 1
               for s, e in zip(starts if not is_var(starts) else axes, ends if not is_var(ends) else axes)]
    attrs = {"axes": list(axes), "starts": starts_attr, "ends": ends_attr, "infer_flags": unknown}
    rank = len(input.shape)
    attrs["axes"] = [max(0, a + rank) if a < 0 else min(rank - 1, a) for a in axes]
    return layer("slice", {"Input": input, **first, **last}, "Out", attrs)


def strided_slice(x, axes, starts, ends, strides, name=None):
    """[start, end) along some axes, in strides. Source: paddle.strided_slice."""
    own = _core.LayerHelper("strided_slice", name).name
    inputs, attrs, unknown = {"Input": x}, {"axes": list(axes)}, [1] * len(axes)
    for slot, values in (("starts", starts), ("ends", ends), ("strides", strides)):
        if is_var(values):
            inputs[slot.capitalize() + "Tensor"] = values
            continue
        if any_var(values):
            inputs[slot.capitalize() + "TensorList"] = _numbers(own, values)
        attrs[slot] = [-1 if is_var(v) else v for v in values]
        unknown = [-1 if is_var(v) else flag for v, flag in zip(values, unknown)]
    attrs["infer_flags"] = unknown
    return layer("strided_slice", inputs, "Out", attrs, name=own)


def _numbers(own, values):
    """Numbers among variables as variables that are called as the layer is."""
    def constant(value):
        out = _core.LayerHelper("fill_constant", own).create_temporary("int32", True)
        _core.unique_name("fill_constant"), _core.unique_name("fill_constant")  # as Paddle counts
        attrs = {"shape": [1], "dtype": int(_core.to_dtype("int32")), "value": float(value), "str_value": str(value), "force_cpu": True}
        _core.default_main_program().current_block().append_op(type="fill_constant", inputs={}, outputs={"Out": out}, attrs=attrs)
        return out
    return [value if is_var(value) else constant(value) for value in values]


def crop(x, shape=None, offsets=None, name=None):
    """A box of the given shape, from `offsets` on. Source: paddle.crop."""
    helper = _core.LayerHelper("crop_tensor", name)
    out, own = helper.create_temporary(x.dtype), helper.name
    offsets = [0] * len(x.shape) if offsets is None else offsets
    shape = x.shape if shape is None else shape
    inputs, attrs = {"X": x}, {}
    if is_var(offsets):
        inputs["Offsets"], attrs["offsets"] = offsets, [-1] * len(x.shape)
    else:
        if any_var(offsets):
            inputs["OffsetsTensor"] = _numbers(own, offsets)
        attrs["offsets"] = [-1 if is_var(v) else v for v in offsets]
    if is_var(shape):
        inputs["Shape"] = shape
    else:
        if any_var(shape):
            inputs["ShapeTensor"] = _numbers(own, shape)
        attrs["shape"] = [0 if is_var(v) else v for v in shape]
    _core.default_main_program().current_block().append_op(type="crop_tensor", inputs=inputs, outputs={"Out": out}, attrs=attrs)
    return out


def _compare_sizes(extents):
    """Paddle's test that extents given as variables hold one element each: operators that run and decide nothing."""
    for extent in to_list(extents):
        if is_var(extent):
            numel(extent) == 1  # noqa: B015


def expand(x, shape, name=None):
    """x repeated along axes of extent 1, and along new ones in front; -1 keeps an extent. Source: paddle.expand."""
    _compare_sizes(shape)
    inputs, attribute = shape_inputs(shape, "Shape", "expand_shapes_tensor")
    if attribute:  # -1 keeps an extent: what a variable tells is -2
        attribute = [-2 if is_var(extent) else value for extent, value in zip(shape, attribute)]
    return layer("expand_v2", {"X": x, **inputs}, "Out", {"shape": attribute}, layer="expand", name=name)


def broadcast_to(x, shape, name=None):
    """`expand`. Source: paddle.broadcast_to."""
    inputs, attribute = shape_inputs(shape, "Shape", "expand_shapes_tensor")
    return layer("expand_v2", {"X": x, **inputs}, "Out", {"shape": attribute}, layer="expand", name=name)


def expand_as(x, y, name=None):
    """x expanded to the shape of y. Source: paddle.expand_as."""
    return layer("expand_as_v2", {"X": x, "Y": y}, "Out", {"target_shape": list(y.shape)}, layer="expand_as", name=name)


def tile(x, repeat_times, name=None):
    """x repeated along every axis. Source: paddle.tile."""
    if not is_var(repeat_times):
        _compare_sizes(repeat_times)
    inputs, attribute = shape_inputs(repeat_times, "RepeatTimes", "repeat_times_tensor")
    attribute = [-1] if is_var(repeat_times) else attribute
    return layer("tile", {"X": x, **inputs}, "Out", {"repeat_times": attribute}, name=name)


def gather(x, index, axis=None, name=None):
    """Entries of an axis (0 where None) by their positions. Source: paddle.gather."""
    inputs, attrs = {"X": x, "Index": index}, {}
    if is_var(axis):
        inputs["Axis"] = axis
    else:
        attrs["axis"] = axis or 0
    return layer("gather", inputs, "Out", attrs, name=name, dtype=x.dtype)


def gather_nd(x, index, name=None):
    """Entries whose positions in the first axes the last axis of `index` holds. Source: paddle.gather_nd."""
    return layer("gather_nd", {"X": x, "Index": index}, name=name, dtype=x.dtype)


def scatter(x, index, updates, overwrite=True, name=None):
    """x with rows replaced, or added to. Source: paddle.scatter."""
    return layer("scatter", {"X": x, "Ids": index, "Updates": updates}, "Out", {"overwrite": overwrite}, name=name,
                 dtype=x.dtype)


def scatter_nd_add(x, index, updates, name=None):
    """x with updates added at positions. Source: paddle.scatter_nd_add."""
    return layer("scatter_nd_add", {"X": x, "Index": index, "Updates": updates}, name=name, dtype=x.dtype)


def scatter_nd(index, updates, shape, name=None):
    """Zeros with updates added at positions. Source: paddle.scatter_nd."""
    from .creation import zeros
    return scatter_nd_add(zeros(shape, updates.dtype), index, updates, name)


def _along(arr, indices, axis):
    """(the axis from the front, the shape of arr with the indices' extent there; None where indices are larger elsewhere)."""
    rank = len(arr.shape)
    if rank != len(indices.shape):
        raise ValueError("`indices` and `arr` must have the same number of dimensions!")
    assert -rank <= axis < rank, f"'axis'  must be in the range of [-{rank}, {rank})"
    axis %= rank
    shape = list(arr.shape)
    shape[axis] = indices.shape[axis]
    return axis, None if any(a < i for a, i in zip(arr.shape, indices.shape)) else shape


def _check_positions(arr, indices, axis, values=None):
    """Paddle's test that positions exist: operators that run and decide nothing."""
    from .reduction import all as every
    for i, (extent, count) in enumerate(zip(arr.shape, indices.shape)):
        if i != axis and extent < count or values is not None and count > values.shape[i]:
            raise RuntimeError(f"axis {i}: arr is {list(arr.shape)}, indices are {list(indices.shape)}"
                               + ("" if values is None else f", values are {list(values.shape)}"))
    every(indices < arr.shape[axis])


def take_along_axis(arr, indices, axis, broadcast=True):
    """Elements by their positions along an axis.

    Args:
        arr (Variable): the elements.
        indices (Variable): int32 or int64, of arr's rank.
        axis (int): the positions' axis.
        broadcast (bool): broadcasts indices and arr to each other on the other axes.

    Source: paddle.take_along_axis.
    """
    axis, shape = _along(arr, indices, axis)
    if broadcast:
        shape = list(indices.shape) if shape is None else shape
        indices = broadcast_to(indices, shape)
        arr = broadcast_to(arr, [arr.shape[axis] if i == axis else extent for i, extent in enumerate(shape)])
    else:
        _check_positions(arr, indices, axis)
    return layer("take_along_axis", {"Input": arr, "Index": indices}, "Result", {"Axis": axis}, dtype=arr.dtype)


def put_along_axis(arr, indices, values, axis, reduce="assign", include_self=True, broadcast=True):
    """arr with elements replaced (or added to, multiplied, ...) by positions along an axis.

    Args:
        arr (Variable): stays as it is.
        indices (Variable): int32 or int64, of arr's rank.
        values (Variable | number): what is put.
        axis (int): the positions' axis.
        reduce (str): "assign", "add", "mul" or "multiply", "mean", "amin", "amax".
        include_self (bool): False leaves arr's own elements out of the reduction.
        broadcast (bool): broadcasts indices to arr, and values to indices.

    Source: paddle.put_along_axis.
    """
    axis, shape = _along(arr, indices, axis)
    if broadcast:
        if not is_var(values):
            from .creation import full
            values = full([1], values, arr.dtype)  # Paddle's static mode takes variables alone
        indices = indices if shape is None else broadcast_to(indices, shape)
        values = broadcast_to(values, list(indices.shape))
    elif is_var(values):
        _check_positions(arr, indices, axis, values)
    else:
        from .creation import to_tensor
        values = to_tensor(values).astype(arr.dtype)
        if all(extent == 1 for extent in values.shape):
            values = broadcast_to(values, list(indices.shape))
        _check_positions(arr, indices, axis)
    attrs = {"Axis": axis, "Reduce": reduce, "Include_self": include_self}
    return layer("put_along_axis", {"Input": arr, "Index": indices, "Value": values}, "Result", attrs, dtype=arr.dtype)


def index_add(x, index, axis, value, name=None):
    """x with values added to entries of an axis. Source: paddle.index_add."""
    return layer("index_add", {"X": x, "Index": index, "AddValue": value}, "Out", {"axis": axis}, name=name, dtype=x.dtype)


def flip(x, axis, name=None):
    """x with axes reversed. Source: paddle.flip."""
    return layer("flip", {"X": x}, "Out", {"axis": to_list(axis)}, name=name, own_name=name is not None)


def roll(x, shifts, axis=None, name=None):
    """x rolled around along axes. Source: paddle.roll."""
    inputs, attrs = {"X": x}, {"axis": [] if axis is None else to_list(axis)}
    if is_var(shifts):
        inputs["ShiftsTensor"] = shifts
    else:
        attrs["shifts"] = to_list(shifts)
    return layer("roll", inputs, "Out", attrs, name=name)


def repeat_interleave(x, repeats, axis=None, name=None):
    """Every entry of an axis repeated. Source: paddle.repeat_interleave."""
    if axis is None:
        x, axis = flatten(x), 0
    inputs, attrs = {"X": x}, {"dim": axis}
    if is_var(repeats):
        inputs["RepeatsTensor"] = repeats
    else:
        attrs["Repeats"] = repeats
    return layer("repeat_interleave", inputs, "Out", attrs, name=name, dtype=x.dtype)


def moveaxis(x, source, destination, name=None):
    """x with some axes moved, the others in order. Source: paddle.moveaxis."""
    axes = len(x.shape)
    froms, tos = [a % axes for a in to_list(source)], [a % axes for a in to_list(destination)]
    others = iter(a for a in range(axes) if a not in froms)
    perm = [froms[tos.index(a)] if a in tos else next(others) for a in range(axes)]
    return layer("transpose2", {"X": x}, ("Out", "XShape"), {"axis": perm}, layer="moveaxis", name=name)[0]


def diagonal(x, offset=0, axis1=0, axis2=1, name=None):
    """The diagonal of two axes. Source: paddle.diagonal."""
    return layer("diagonal", {"Input": x}, "Out", {"offset": offset, "axis1": axis1, "axis2": axis2}, name=name)


def shard_index(input, index_num, nshards, shard_id, ignore_value=-1):  # noqa: A002
    """Positions within one of several shards, or ignore_value. Source: paddle.shard_index."""
    attrs = {"index_num": index_num, "nshards": nshards, "shard_id": shard_id, "ignore_value": ignore_value}
    return layer("shard_index", {"X": input}, "Out", attrs, stopped=["Out"])


def unique(x, return_index=False, return_inverse=False, return_counts=False, axis=None, dtype="int64", name=None):
    """The different elements (or entries of an axis), sorted, with where they are on request. Source: paddle.unique."""
    attrs = {"dtype": int(_core.to_dtype(dtype)), "return_index": return_index, "return_inverse": return_inverse,
             "return_counts": return_counts, "axis": [] if axis is None else [axis], "is_sorted": True}
    out, indices, inverse, counts = layer("unique", {"X": x}, ("Out", "Indices", "Index", "Counts"), attrs, name=name,
                                          stopped=["Indices", "Index", "Counts"])
    wanted = [v for v, want in ((indices, return_index), (inverse, return_inverse), (counts, return_counts)) if want]
    return (out, *wanted) if wanted else out
