"""How the functions of this package append operators."""
from .._core import Variable, layer  # noqa: F401
from .. import _core


def is_var(value):
    """True for a variable, false for a number or a list."""
    return isinstance(value, Variable)


def to_list(value):
    """[value] for a number; a list for a list or tuple."""
    return list(value) if isinstance(value, (list, tuple, range)) or hasattr(value, "tolist") else [value]


def unary(op_type, doc, layer_name=None):
    """A function (x, name=None) over an operator with one input and one output."""
    def function(x, name=None):
        return layer(op_type, {"X": x}, layer=layer_name, name=name)
    function.__name__ = function.__qualname__ = layer_name or op_type
    function.__doc__ = doc + "\n\nArgs:\n    x (Variable): any shape.\n    name (str): of the layer.\n\nReturns:\n" \
        f"    Variable: of x's shape.\n\nSource: operator {op_type}."
    return function


def elementwise(op_type, doc, function_name):
    """A function (x, y, name=None) with numpy's broadcasting, whose output is called as the layer is."""
    def function(x, y, name=None):
        return layer(op_type, {"X": x, "Y": y}, "Out", {"axis": -1}, name=name, own_name=True)
    function.__name__ = function.__qualname__ = function_name
    function.__doc__ = doc + ", elementwise with numpy's broadcasting.\n\nArgs:\n    x, y (Variable): of one dtype.\n" \
        f"    name (str): of the layer.\n\nReturns:\n    Variable\n\nSource: operator {op_type}."
    return function


def dtype_code(dtype):
    """Paddle's code of a dtype, as attributes hold it."""
    return int(_core.to_dtype(dtype))


def shape_inputs(shape, single, several):
    """A shape that may be a variable, or hold some: (inputs of the operator, the attribute).

    `single` and `several` name the slots that take one variable, and one per extent. Unknown extents
    are -1 in the attribute.
    """
    if is_var(shape):
        return {single: shape}, []
    shape = to_list(shape)
    if not any_var(shape):
        return {}, [-1 if extent is None else int(extent) for extent in shape]
    tensors = [extent if is_var(extent) else one_extent(int(extent), [] if several == "ShapeTensorList" else [1]) for extent in shape]
    return {several: tensors}, [-1 if is_var(extent) else int(extent) for extent in shape]


def one_extent(value, shape):
    """A number as a variable, to stand among others: Paddle's generators take it without axes, the others with one."""
    _core.unique_name("fill_constant")  # as Paddle counts
    attrs = {"shape": shape, "dtype": dtype_code("int32"), "value": float(value), "str_value": str(value), "force_cpu": True}
    return layer("fill_constant", {}, "Out", attrs, dtype="int32", stopped=["Out"])


def any_var(values):
    """True when a list holds a variable."""
    return any(is_var(value) for value in values)
