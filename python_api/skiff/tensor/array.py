"""Tensor arrays: lists of tensors that loops write and read by number. Source: paddle.tensor.array."""
from .. import _core
from .._core import LayerHelper, Variable, layer

__all__ = ["array_length", "array_read", "array_write", "create_array"]
ARRAY = 13  # VarType code


def _check_array(array, message):
    if not isinstance(array, Variable) or array.type != ARRAY:
        raise TypeError(message)


def _check_index(i, where):
    if not isinstance(i, Variable) or _core.dtype_name(i.dtype) != "int64":
        raise TypeError(f"The data type of 'i' in {where} must be ['int64'].")


def _make_array(layer_name, dtype):
    helper = LayerHelper(layer_name, None)
    return _core.default_main_program().current_block().create_var(name=helper.name + ".out", type=ARRAY, dtype=dtype)


def create_array(dtype, initialized_list=None):
    """An array, empty or of given tensors.

    Args:
        dtype: of the entries.
        initialized_list (list): variables that become its first entries.

    Source: paddle.tensor.create_array.
    """
    if initialized_list is not None and not isinstance(initialized_list, (list, tuple)):
        raise TypeError(f"Require type(initialized_list) should be list/tuple, but received {type(initialized_list)}")
    values = list(initialized_list or [])
    for value in values:
        if not isinstance(value, Variable):
            raise TypeError(f"All values in `initialized_list` should be Variable or pir.OpResult, but recevied {type(value)}.")
    array = _make_array("array", dtype)
    for value in values:
        array_write(value, array_length(array), array)
    return array


def array_write(x, i, array=None):
    """Writes x as entry i of the array, which grows as needed; a new array where None. Source: paddle.tensor.array_write."""
    _check_index(i, "array_write")
    if array is None:
        array = _make_array("array_write", x.dtype)
    else:
        LayerHelper("array_write", None)
        _check_array(array, "array should be tensor array vairable in array_write Op")
    _core.default_main_program().current_block().append_op(type="write_to_array", inputs={"X": [x], "I": [i]},
                                                           outputs={"Out": [array]})
    return array


def array_read(array, i):
    """Entry i of the array. Source: paddle.tensor.array_read."""
    _check_index(i, "array_read")
    _check_array(array, "array should be tensor array vairable")
    return layer("read_from_array", {"X": [array], "I": [i]}, layer="array_read", dtype=array.dtype)


def array_length(array):
    """The number of entries: int64 [1]. Source: paddle.tensor.array_length."""
    _check_array(array, "array should be tensor array vairable in array_length Op")
    return layer("lod_array_length", {"X": [array]}, layer="array_length", dtype="int64", stopped=["Out"])


def tensor_array_to_tensor(input, axis=1, use_stack=False, name=None):  # noqa: A002
    """The entries side by side along an axis, or along a new one.

    Args:
        input (Variable): tensor array.
        axis (int): where they are joined.
        use_stack (bool): along a new axis.
        name (str): of the layer.

    Returns:
        (Variable, Variable): the tensor, and the extent of each entry along the axis, int32.

    Source: paddle.tensor.manipulation.tensor_array_to_tensor.
    """
    helper = LayerHelper("tensor_array_to_tensor", name)
    out = helper.create_temporary(input.dtype, False)
    index = helper.create_temporary("int32", False)
    _core.default_main_program().current_block().append_op(
        type="tensor_array_to_tensor", inputs={"X": input}, outputs={"Out": [out], "OutIndex": [index]},
        attrs={"axis": axis, "use_stack": use_stack})
    return out, index
