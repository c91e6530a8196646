"""What variables can do in Python: arithmetic, indexing, and the functions of this package as methods."""
from .. import _core
from .._core import Variable, layer
from . import choosing, creation, indexing, linalg, logic, manipulation, math, random, reduction, search
from ._ops import is_var


def _tmp(op_type, inputs, attrs, dtype=None, stopped=()):
    """An operator whose output is called "tmp_<n>", as arithmetic's are."""
    return layer(op_type, inputs, "Out", attrs, layer="tmp", own_name=True, dtype=dtype, stopped=list(stopped))


def _cast(x, dtype):
    dtype = _core.to_dtype(dtype)
    return _tmp("cast", {"X": x}, {"in_dtype": int(x.dtype), "out_dtype": int(dtype)}, dtype)


def _filled(value, dtype):
    return _tmp("fill_constant", {}, {"shape": [], "dtype": int(dtype), "value": float(value), "force_cpu": False}, dtype)


def _with_arrays(function):
    """Arithmetic with numpy scalars and arrays: scalars as numbers, arrays as constants."""
    def wrapped(self, other):
        if hasattr(other, "dtype") and not is_var(other):
            other = other.item() if other.ndim == 0 else creation.assign(other)
        if isinstance(other, bool):
            other = int(other)
        if not isinstance(other, (int, float, Variable)):
            return NotImplemented
        return function(self, other)
    return wrapped


def _scalar(name):
    function = getattr(_core, name)
    return _with_arrays(lambda x, y: function(x, y)), _with_arrays(lambda x, y: function(y, x))


def _binary(op_type, reverse=False, compare=False):
    def function(x, y):
        if not is_var(y):
            if isinstance(y, float) and not y.is_integer() and _core.is_integer(x.dtype):
                x = _cast(x, "float32")
            y = _filled(y, x.dtype)
        elif y.dtype != x.dtype:
            y = _cast(y, x.dtype)
        if reverse:
            x, y = y, x
        return _tmp(op_type, {"X": x, "Y": y}, {} if op_type == "matmul_v2" else {"axis": -1}, "bool" if compare else None)
    return _with_arrays(function)


def _identity(x, y):
    return x is y if not isinstance(y, (int, float, Variable)) else _equal(x, y)


_equal = _binary("equal", compare=True)


def _transposed(x):
    if len(x.shape) == 1:
        return x
    perm = list(range(len(x.shape)))[::-1]
    return layer("transpose2", {"X": x}, ("Out", "XShape"), {"axis": perm}, name=x.name)[0]


def _get_value(self, scope=None):
    """The variable's tensor in a scope. Source: Variable.get_value."""
    found = (scope or _core.global_scope()).find_var(self.name)
    if found is None:
        raise ValueError(f"Can not find Variable '{self.name}' in the Scope.")
    return found.get_tensor()


def _set_value(self, value, scope=None):
    """Sets the variable's tensor in a scope, where it has one already. Source: Variable.set_value."""
    tensor = _get_value(self, scope)
    import numpy
    array = numpy.asarray(value)
    if tensor._is_initialized() and list(array.shape) != tensor.shape():
        raise ValueError(f"Variable '{self.name}' holds shape {tensor.shape()}, {list(array.shape)} was given")
    tensor.set(array, tensor._place() if tensor._is_initialized() else None)


def _no_value(what):
    def method(self, *args):
        raise TypeError(f"{what}: variable '{self.name}' of a program has no value; fetch it with Executor.run")
    return method


def _detach(x):
    out = x.block.create_var(name=_core.unique_name("detach_" + x.name), dtype=x.dtype, shape=x.shape)
    x.block.append_op(type="assign", inputs={"X": x}, outputs={"Out": out})
    out.stop_gradient = True
    return out


def _clone(x):
    """A copy whose gradient is x's. Source: Variable.clone."""
    out = x.block.create_var(name=_core.unique_name(x.name + "_clone"), dtype=x.dtype, shape=x.shape, stop_gradient=x.stop_gradient)
    x.block.append_op(type="assign", inputs={"X": x}, outputs={"Out": out})
    return out


def _size(x):
    product = 1
    for extent in x.shape:
        product *= extent
    return product if -1 not in x.shape else -1


def install():
    """Gives Variable its methods."""
    v = Variable
    v.__add__, v.__radd__ = _scalar("var_add")
    v.__sub__, v.__rsub__ = _scalar("var_sub")
    v.__mul__, v.__rmul__ = _scalar("var_mul")
    v.__truediv__, v.__rtruediv__ = _scalar("var_div")
    v.__div__, v.__rdiv__ = v.__truediv__, v.__rtruediv__
    v.__neg__ = lambda x: _core.var_neg(x)
    v.__pow__, v.__rpow__ = _binary("elementwise_pow"), _binary("elementwise_pow", reverse=True)
    v.__mod__ = _binary("elementwise_mod")
    v.__floordiv__ = _binary("elementwise_floordiv")
    v.__matmul__ = _binary("matmul_v2")
    v.__lt__, v.__gt__ = _binary("less_than", compare=True), _binary("greater_than", compare=True)
    v.__le__, v.__ge__ = _binary("less_equal", compare=True), _binary("greater_equal", compare=True)
    v.__eq__, v.__ne__ = _identity, lambda x, y: _not_equal(x, y) if isinstance(y, (int, float, Variable)) else x is not y
    v.__invert__ = logic.logical_not
    v.__and__, v.__or__, v.__xor__ = logic.bitwise_and, logic.bitwise_or, logic.bitwise_xor
    v.__getitem__ = indexing.get
    v.__setitem__ = indexing.refuse_assignment
    v.__array_ufunc__ = None  # numpy leaves mixed arithmetic to us
    v.__len__ = lambda x: x.shape[0]
    v.__iter__ = _no_value("iterating")
    v.__bool__ = _no_value("a truth value")
    v.__float__ = v.__int__ = v.numpy = v.item = _no_value("a value")
    v.astype = _cast
    v.T = property(_transposed)
    v.size = property(_size)
    v.dim = v.ndimension = lambda x: len(x.shape)
    v.clone = _clone
    v.detach = _detach
    v.get_value, v.set_value = _get_value, _set_value
    for module in (math, reduction, linalg, logic, manipulation, search, random, creation, choosing):
        for name in module.__all__:
            if not hasattr(v, name) and name not in _NOT_METHODS:
                setattr(v, name, getattr(module, name))
    for name in ("sigmoid", "softmax"):
        setattr(v, name, _functional(name))


def _functional(name):
    def method(self, *args, **kwargs):
        from ..nn import functional
        return getattr(functional, name)(self, *args, **kwargs)
    method.__name__ = name
    return method


_not_equal = _binary("not_equal", compare=True)
_NOT_METHODS = {"shape", "arange", "full", "zeros", "ones", "empty", "eye", "linspace", "meshgrid", "create_tensor", "assign",
                "normal", "rand", "randn", "randint", "randperm", "standard_normal", "uniform", "multiplex"}
