"""More of shapes and pieces: rotations, diagonals, scattering, tensors from Python values."""
from .. import _core
from ._ops import dtype_code, is_var, layer

__all__ = ["atleast_1d", "atleast_2d", "atleast_3d", "broadcast_tensors", "diag_embed", "diagflat", "diagonal_scatter",
           "index_fill", "reverse", "rot90", "select_scatter", "tensordot", "tril_indices", "triu_indices", "unflatten", "vsplit"]


def broadcast_tensors(input, name=None):  # noqa: A002
    """Variables of one dtype, broadcast to one shape. Source: paddle.broadcast_tensors."""
    from .attribute import broadcast_shape
    if not input:
        raise TypeError("At least 1 tensor is needed to perform broadcast_tensors")
    if any(x.dtype != input[0].dtype for x in input):
        raise TypeError("All the Tensors in the input must have the same data type.")
    shape = []
    for x in input:
        shape = broadcast_shape(shape, x.shape)
    return layer("broadcast_tensors", {"X": list(input)}, {"Out": len(input)}, name=name)


def reverse(x, axis, name=None):
    """`flip`. Source: paddle.reverse."""
    from .manipulation import flip
    return flip(x, axis, name)


def rot90(x, k=1, axes=[0, 1], name=None):  # noqa: B006  Paddle's default
    """x turned k times by 90 degrees, from the first axis towards the second. Source: paddle.rot90."""
    from .manipulation import flip, transpose
    _core.LayerHelper("rot90", name)  # as Paddle counts
    rank = len(x.shape)
    if rank < 2 or len(axes) != 2:
        raise ValueError(f"x must have two axes at least and axes hold two, they have {rank} and {len(axes)}")
    if any(not -rank <= a < rank for a in axes) or axes[0] % rank == axes[1] % rank:
        raise ValueError(f"axes must be two different ones in [{-rank}, {rank}), {list(axes)} was given")
    k %= 4
    if k == 0:
        return x
    if k == 2:
        return flip(flip(x, axes[0]), axes[1])
    perm = list(range(rank))
    perm[axes[0]], perm[axes[1]] = perm[axes[1]], perm[axes[0]]
    return transpose(flip(x, axes[1]), perm) if k == 1 else flip(transpose(x, perm), axes[1])


def vsplit(x, num_or_sections, name=None):
    """`split` along axis 0. Source: paddle.vsplit."""
    from .manipulation import split
    if len(x.shape) < 2:
        raise ValueError(f"The input tensor's dimension must be greater than 1, but got {len(x.shape)}")
    return split(x, num_or_sections, axis=0, name=name)


def _contracted(axes, rank):
    """The axes of x and of y that tensordot sums over, equally many."""
    if is_var(axes) or isinstance(axes, (list, tuple)) and any(is_var(a) for a in axes):
        raise TypeError("The 'axes' with type 'Tensor' in tensordot is not available in static graph mode")
    if isinstance(axes, int):
        assert axes >= 0, f"The 'axes' in tensordot should not be negative, but received axes={axes}."
        return list(range(rank - axes, rank)), list(range(axes))
    if not axes or isinstance(axes[0], int):
        first, second = list(axes), []
    else:
        first, second = list(axes[0]), list(axes[1]) if len(axes) > 1 else []
    count = len(first)
    return first + second[count:], second + first[len(second):]


def tensordot(x, y, axes=2, name=None):
    """Sums of products over several axes.

    Args:
        x, y (Variable): of one dtype.
        axes (int | list): the last of x with the first of y, or the axes of each. Where one has extent 1, the other is summed first.
        name (str): accepted, without effect, as in Paddle.

    Source: paddle.tensordot.
    """
    axes_x, axes_y = _contracted(axes, len(x.shape))
    shape_x, shape_y = list(x.shape), list(y.shape)
    size = 1
    for a, b in zip(axes_x, axes_y):
        if shape_x[a] == 1:
            shape_y[b] = 1
            y = y.sum(b).reshape(shape_y)
        elif shape_y[b] == 1:
            shape_x[a] = 1
            x = x.sum(a).reshape(shape_x)
        else:
            assert shape_x[a] == shape_y[b], f"axis {a} of x has extent {shape_x[a]}, axis {b} of y has {shape_y[b]}"
        size *= shape_x[a]
    summed_x, summed_y = {a % len(shape_x) for a in axes_x}, {b % len(shape_y) for b in axes_y}
    kept_x = [a for a in range(len(shape_x)) if a not in summed_x]
    kept_y = [b for b in range(len(shape_y)) if b not in summed_y]
    rows = columns = 1
    for a in kept_x:
        rows *= shape_x[a]
    for b in kept_y:
        columns *= shape_y[b]
    x = x.transpose(perm=kept_x + axes_x).reshape([rows, size])
    y = y.transpose(perm=axes_y + kept_y).reshape([size, columns])
    return x.matmul(y).reshape([shape_x[a] for a in kept_x] + [shape_y[b] for b in kept_y])


def _at_least(inputs, grow):
    from .creation import to_tensor
    outs = [grow(x if is_var(x) else to_tensor(x)) for x in inputs]
    return outs[0] if len(outs) == 1 else outs


def atleast_1d(*inputs, name=None):
    """The inputs, numbers as vectors. Source: paddle.atleast_1d."""
    return _at_least(inputs, lambda x: x if x.shape else x.reshape((1,)))


def atleast_2d(*inputs, name=None):
    """The inputs with two axes at least. Source: paddle.atleast_2d."""
    def grow(x):
        rank = len(x.shape)
        return x.reshape((1, 1)) if rank == 0 else x.unsqueeze(axis=0) if rank == 1 else x
    return _at_least(inputs, grow)


def atleast_3d(*inputs, name=None):
    """The inputs with three axes at least. Source: paddle.atleast_3d."""
    def grow(x):
        rank = len(x.shape)
        if rank == 0:
            return x.reshape((1, 1, 1))
        return x.unsqueeze(axis=[0, 2] if rank == 1 else 2) if rank < 3 else x
    return _at_least(inputs, grow)


def unflatten(x, axis, shape, name=None):
    """x with an axis cut into several. Source: paddle.unflatten."""
    from . import manipulation
    rank = len(x.shape)
    assert -rank <= axis < rank, f"'axis'  must be in the range of [-{rank}, {rank})"
    axis = axis + rank if axis < 0 else axis
    if isinstance(shape, (list, tuple)):
        return x.reshape(list(x.shape[:axis]) + list(shape) + list(x.shape[axis + 1:]))
    if not is_var(shape):
        raise TypeError(f"shape must be a list, a tuple or a variable, {type(shape)} was given")
    parts = [manipulation.shape(x)[:axis], manipulation.cast(shape, "int32"), manipulation.shape(x)[axis + 1:]]
    return x.reshape(manipulation.concat(parts))


def diag_embed(input, offset=0, dim1=-2, dim2=-1):  # noqa: A002
    """Matrices with the last axis of `input` on a diagonal. Source: paddle.diag_embed."""
    from .creation import assign
    input = input if is_var(input) else assign(input)  # noqa: A001
    rank = len(input.shape)
    assert rank >= 1, f"Input must be at least 1-dimensional, But received Input's dimensional: {rank}."
    assert abs(dim1) <= rank + 1 and abs(dim2) <= rank + 1, f"dim1 and dim2 must be axes of the result, {dim1} and {dim2} were given"
    assert dim1 % (rank + 1) != dim2 % (rank + 1), f"dim1 and dim2 cannot be the same dimension, {dim1} and {dim2} were given"
    return layer("diag_embed", {"Input": input}, "Out", {"offset": offset, "dim1": dim1, "dim2": dim2}, stopped=["Out"])


def diagflat(x, offset=0, name=None):
    """A matrix with the flattened x on a diagonal. Source: paddle.diagflat."""
    helper = _core.LayerHelper("diagflat", name)
    flat, axes, out = (helper.create_temporary(x.dtype) for _ in range(3))
    append = _core.default_main_program().current_block().append_op
    if len(x.shape) > 1:
        append(type="flatten_contiguous_range", inputs={"X": x}, outputs={"Out": flat, "XShape": axes},
               attrs={"start_axis": 0, "stop_axis": -1})
        flat.stop_gradient = True
        x = flat
    append(type="diag_v2", inputs={"X": x}, outputs={"Out": out}, attrs={"offset": offset, "padding_value": 0.0})
    out.stop_gradient = True
    return out


def _indices(op_type, slots, row, col, offset, dtype):
    if not isinstance(row, int) or row < 0:
        raise TypeError("row should be a non-negative int")
    col = row if col is None else col
    if not isinstance(col, int) or col < 0:
        raise TypeError("col should be a non-negative int")
    if not isinstance(offset, int):
        raise TypeError("offset should be a  int")
    attrs = {slots[0]: row, slots[1]: col, "offset": offset, "dtype": dtype_code(dtype)}
    return layer(op_type, {}, "out", attrs, dtype=dtype)


def tril_indices(row, col, offset=0, dtype="int64"):
    """Rows and columns of the elements on and below a diagonal: [2, n]. Source: paddle.tril_indices."""
    return _indices("tril_indices", ("rows", "cols"), row, col, offset, dtype)


def triu_indices(row, col=None, offset=0, dtype="int64"):
    """Rows and columns of the elements on and above a diagonal: [2, n]. Source: paddle.triu_indices."""
    return _indices("triu_indices", ("row", "col"), row, col, offset, dtype)


def index_fill(x, index, axis, value, name=None):
    """x with a value in entries of an axis. Source: paddle.index_fill."""
    from . import choosing, creation, manipulation
    rank = len(x.shape)
    if not is_var(index):
        raise ValueError("index must be Tensor")
    if not is_var(value):
        value = creation.to_tensor(value, dtype=x.dtype)
    elif value.shape:
        raise ValueError("value must be scalar or 0-D tensor")
    if not isinstance(axis, int) or not -rank <= axis < rank:
        raise ValueError("The axis should be int, and in range [-rank(x), rank(x))")
    perm = list(range(rank))
    perm[0], perm[axis] = perm[axis], 0
    out = choosing.index_put(manipulation.transpose(x, perm), (index,), value)
    return manipulation.transpose(out, perm)


def fill_diagonal_tensor(x, y, offset=0, dim1=0, dim2=1, name=None):
    """x with y on the diagonal of two axes. Source: paddle.tensor.fill_diagonal_tensor."""
    shape = list(x.shape)
    rank = len(shape)
    assert rank >= 2 and -rank <= dim1 < rank and -rank <= dim2 < rank, f"dim1 and dim2 must be axes of x, {dim1} and {dim2} were given"
    dim1, dim2 = dim1 % rank, dim2 % rank
    length = min(shape[dim1], shape[dim1] + offset, shape[dim2], shape[dim2] - offset)
    wanted = [extent for axis, extent in enumerate(shape) if axis not in (dim1, dim2)] + [length]
    assert wanted == list(y.shape), f"the y shape should be {wanted}"
    y = y.reshape([1, -1]) if len(y.shape) == 1 else y
    return layer("fill_diagonal_tensor", {"X": x, "Y": y}, "Out", {"offset": offset, "dim1": dim1, "dim2": dim2}, dtype=x.dtype)


def diagonal_scatter(x, y, offset=0, axis1=0, axis2=1, name=None):
    """x with y on the diagonal of two axes. Source: paddle.diagonal_scatter."""
    return fill_diagonal_tensor(x, y, offset, axis1, axis2, name)


def select_scatter(x, values, axis, index, name=None):
    """x with `values` as entry `index` of an axis. Source: paddle.select_scatter."""
    shape = list(x.shape)
    index = index + shape[axis] if index < 0 else index
    axis = axis + len(shape) if axis < 0 else axis
    del shape[axis]
    if shape != list(values.shape):
        raise RuntimeError("expected values to have a size equal to the slice of x. "
                           f"value size = {list(values.shape)} slice size = {shape}")
    attrs = {"axes": [axis], "starts": [index], "ends": [index + 1], "steps": [1], "decrease_axes": [axis], "none_axes": [],
             "dtype": int(x.dtype)}
    values = values.astype(x.dtype)
    return layer("set_value", {"Input": x, "ValueTensor": values}, "Out", attrs, layer="select_scatter", name=name, dtype=x.dtype)
