"""Tensors made by the program."""
from .. import _core
from ..framework import get_default_dtype
from ._ops import any_var, dtype_code, is_var, layer, shape_inputs, to_list

__all__ = ["arange", "assign", "clone", "create_tensor", "diag", "empty", "empty_like", "eye", "full", "full_like", "linspace",
           "logspace", "meshgrid", "ones", "ones_like", "to_tensor", "tril", "triu", "zeros", "zeros_like"]


def full(shape, fill_value, dtype=None, name=None):
    """A tensor of one value.

    Args:
        shape (list | Variable): extents; some may be variables.
        fill_value (number | Variable): the value.
        dtype: the default one where None.
        name (str): of the layer.

    Returns:
        Variable

    Source: paddle.full.
    """
    if dtype is None:
        dtype = get_default_dtype()
    if name is None:
        is_bool = _core.to_dtype(dtype) == _core.bool_
        if not is_bool and not is_var(fill_value) and not is_var(shape) and not any_var(to_list(shape)):
            return _core.full(shape, float(fill_value), dtype)
        _core.unique_name("fill_constant")  # as Paddle counts
    helper = _core.LayerHelper("fill_constant", name)
    inputs, attribute = shape_inputs(shape, "ShapeTensor", "ShapeTensorList")
    attrs = {"shape": attribute, "dtype": dtype_code(dtype), "force_cpu": False}
    if is_var(fill_value):
        inputs["ValueTensor"] = fill_value
    else:
        attrs["value"] = float(fill_value)
        whole = _core.is_integer(dtype)
        attrs["str_value"] = str(int(fill_value)) if whole else _core.python_float(float(fill_value))
    return layer("fill_constant", inputs, "Out", attrs, name=helper.name, dtype=dtype, stopped=["Out"])


def zeros(shape, dtype=None, name=None):
    """A tensor of zeros. Source: paddle.zeros."""
    return full(shape, 0.0, dtype or get_default_dtype(), name)


def ones(shape, dtype=None, name=None):
    """A tensor of ones. Source: paddle.ones."""
    return full(shape, 1.0, dtype or get_default_dtype(), name)


def full_like(x, fill_value, dtype=None, name=None):
    """A tensor of one value, shaped as x. Source: paddle.full_like."""
    dtype = x.dtype if dtype is None else _core.to_dtype(dtype)
    return layer("fill_any_like", {"X": x}, "Out", {"value": float(fill_value), "dtype": int(dtype)}, layer="full_like",
                 name=name, dtype=dtype, stopped=["Out"])


def zeros_like(x, dtype=None, name=None):
    """Zeros shaped as x. Source: paddle.zeros_like."""
    return full_like(x, 0, dtype, name)


def ones_like(x, dtype=None, name=None):
    """Ones shaped as x. Source: paddle.ones_like."""
    return full_like(x, 1, dtype, name)


def empty(shape, dtype=None, name=None):
    """A tensor whose elements nobody chose. Source: paddle.empty."""
    dtype = dtype or get_default_dtype()
    own = _core.LayerHelper("empty", name).name
    inputs, attribute = shape_inputs(shape, "ShapeTensor", "ShapeTensorList")
    return layer("empty", inputs, "Out", {"shape": attribute, "dtype": dtype_code(dtype)}, name=own, dtype=dtype, stopped=["Out"])


def empty_like(x, dtype=None, name=None):
    """`empty`, shaped as x. Source: paddle.empty_like."""
    from .manipulation import shape
    dtype = x.dtype if dtype is None else _core.to_dtype(dtype)
    own = _core.LayerHelper("empty_like", name)
    out = own.create_temporary(dtype, True)
    _core.default_main_program().current_block().append_op(
        type="empty", inputs={"ShapeTensor": shape(x)}, outputs={"Out": out}, attrs={"shape": [], "dtype": int(dtype)})
    return out


def _number(value, dtype, force_cpu=True, same_dtype=True):
    """`value` as a variable of one element on the CPU, as `range` and `linspace` take it."""
    if is_var(value):
        from .manipulation import cast
        return value if not same_dtype or value.dtype == _core.to_dtype(dtype) else cast(value, dtype)
    _core.LayerHelper("fill_constant")
    whole = _core.is_integer(dtype)
    attrs = {"shape": [1], "dtype": dtype_code(dtype), "value": float(value), "force_cpu": force_cpu,
             "str_value": str(int(value)) if whole else _core.python_float(float(value))}
    return layer("fill_constant", {}, "Out", attrs, dtype=dtype, stopped=["Out"])


def arange(start=0, end=None, step=1, dtype=None, name=None):
    """start, start + step, ... below end. Source: paddle.arange."""
    if end is None:
        start, end = 0, start
    numbers = (start, end, step)
    if dtype is None:
        floats = any(isinstance(n, float) or is_var(n) and _core.is_floating(n.dtype) for n in numbers)
        dtype = get_default_dtype() if floats else "int64"
    inputs = {slot: _number(n, dtype) for slot, n in zip(("Start", "End", "Step"), numbers)}
    out = layer("range", inputs, name=name, dtype=dtype, stopped=["Out"])
    if not any_var(numbers):
        import math
        out.shape = [max(0, math.ceil((end - start) / step))]
    return out


def linspace(start, stop, num, dtype=None, name=None):
    """`num` numbers from start to stop, evenly spaced. Source: paddle.linspace."""
    dtype = _core.to_dtype(dtype or "float32")
    inputs = {"Start": _number(start, dtype), "Stop": _number(stop, dtype), "Num": _number(num, "int32")}
    out = layer("linspace", inputs, "Out", {"dtype": int(dtype)}, name=name, dtype=dtype)
    if isinstance(num, int):
        out.shape = [num]
    return out


def logspace(start, stop, num, base=10.0, dtype=None, name=None):
    """base to the powers of `linspace(start, stop, num)`. Source: paddle.logspace."""
    dtype = _core.to_dtype(dtype or get_default_dtype())
    given = {"Start": (start, dtype), "Stop": (stop, dtype), "Num": (num, "int32"), "Base": (base, dtype)}
    inputs = {slot: _number(value, kind, False, False) for slot, (value, kind) in given.items()}
    out = layer("logspace", inputs, "Out", {"dtype": int(dtype)}, name=name, dtype=dtype)
    if isinstance(num, int):
        out.shape = [num]
    return out


_VALUES = {"bool": "bool_values", "float32": "fp32_values", "int32": "int32_values", "int64": "int64_values",
           "float64": "fp64_values"}


def assign(x, output=None):
    """A copy of a variable, or a constant from a number, a list or an array.

    Args:
        x (Variable | ndarray | list | number): the source.
        output (Variable): where it goes; a new variable where None.

    Returns:
        Variable

    Source: paddle.assign.
    """
    if is_var(x):
        if output is None:
            return layer("assign", {"X": x})
        _core.LayerHelper("assign")
        _core.default_main_program().current_block().append_op(type="assign", inputs={"X": x}, outputs={"Out": output})
        return output
    import numpy
    array = x if isinstance(x, numpy.ndarray) else numpy.array(x if isinstance(x, (list, tuple)) else [x])
    if not isinstance(x, numpy.ndarray) and array.dtype == numpy.float64:
        array = array.astype(get_default_dtype())
    name = _core.dtype_name(array.dtype)
    if name == "float64" and isinstance(x, numpy.ndarray):
        array, name = array.astype("float32"), "float32"  # as Paddle's static mode does
    if name not in _VALUES:
        raise TypeError(f"assign takes arrays of {', '.join(_VALUES)}, {array.dtype} was given")
    attrs = {"shape": list(array.shape), "dtype": dtype_code(name), _VALUES[name]: array.ravel().tolist()}
    if output is None:
        return layer("assign_value", {}, "Out", attrs, layer="assign", dtype=name)
    _core.LayerHelper("assign")
    _core.default_main_program().current_block().append_op(type="assign_value", inputs={}, outputs={"Out": output}, attrs=attrs)
    return output


def to_tensor(data, dtype=None, place=None, stop_gradient=True):
    """A constant of the program from a number, a list or an array; variables (also in lists) are taken as they are.

    Args:
        data (number | list | tuple | ndarray | Variable): the values.
        dtype: that of the values where None; of Python's numbers the default one, or int64.
        place: accepted, without effect: an executor chooses.
        stop_gradient (bool): of the result.

    Returns:
        Variable

    Source: paddle.to_tensor in static mode.
    """
    from .manipulation import cast, stack
    if is_var(data):
        out = cast(data, dtype) if dtype is not None and _core.to_dtype(dtype) != data.dtype else data
    elif isinstance(data, (list, tuple)) and any_var(data):
        out = assign(stack([to_tensor(element, dtype, place, stop_gradient) for element in data]))
    else:
        import numpy
        if isinstance(data, str) or not numpy.isscalar(data) and not isinstance(data, (list, tuple, numpy.ndarray)):
            raise RuntimeError(f"Do not support transform type `{type(data)}` to tensor")
        array = data if isinstance(data, numpy.ndarray) else numpy.array(data)
        if not isinstance(data, numpy.ndarray):
            if array.dtype.name in ("float16", "float32", "float64"):
                array = array.astype(get_default_dtype())
            elif array.dtype.name == "int32":
                array = array.astype("int64")
        wanted = _core.to_dtype(dtype if dtype is not None else array.dtype)
        out = assign(array.astype("int32") if array.dtype.name == "int16" else array)
        if out.dtype != wanted:
            out = cast(out, wanted)
    out.stop_gradient = stop_gradient
    return out


def clone(x, name=None):
    """A copy through which gradients pass. Source: paddle.clone."""
    return x.clone()


def create_tensor(dtype, name=None, persistable=False):
    """An empty variable. Source: paddle.create_tensor."""
    block = _core.default_main_program().current_block()
    return block.create_var(name=name or _core.unique_name("create_tensor.tmp"), dtype=dtype, persistable=persistable)


def eye(num_rows, num_columns=None, dtype=None, name=None):
    """Ones on the diagonal, zeros elsewhere. Source: paddle.eye."""
    dtype = dtype or get_default_dtype()
    attrs = {"num_rows": num_rows, "num_columns": num_rows if num_columns is None else num_columns, "dtype": dtype_code(dtype)}
    return layer("eye", {}, "Out", attrs, name=name, dtype=dtype, stopped=["Out"])


def tril(x, diagonal=0, name=None):
    """x with zeros above a diagonal. Source: paddle.tril."""
    return layer("tril_triu", {"X": x}, "Out", {"diagonal": diagonal, "lower": True}, layer="tril", name=name, own_name=True)


def triu(x, diagonal=0, name=None):
    """x with zeros below a diagonal. Source: paddle.triu."""
    return layer("tril_triu", {"X": x}, "Out", {"diagonal": diagonal, "lower": False}, layer="triu", name=name, own_name=True)


def diag(x, offset=0, padding_value=0, name=None):
    """A matrix with x on a diagonal, or the diagonal of a matrix x. Source: paddle.diag."""
    return layer("diag_v2", {"X": x}, "Out", {"offset": offset, "padding_value": float(padding_value)}, name=name)


def meshgrid(*args, **kwargs):
    """Coordinates of a grid from those of its axes. Source: paddle.meshgrid."""
    inputs = list(args[0]) if len(args) == 1 and isinstance(args[0], (list, tuple)) else list(args)
    return layer("meshgrid", {"X": inputs}, {"Out": len(inputs)}, name=kwargs.get("name"))
