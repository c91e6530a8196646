"""What variables can do in Python: arithmetic, indexing, and the functions of this package as methods."""
from .. import _core
from .._core import Variable, layer
from .. import tensor
from ..framework import create_parameter
from . import creation, decompose, indexing, inplace, logic
from ._ops import is_var


def _tmp(op_type, inputs, attrs, dtype=None, stopped=()):
    """An operator whose output is called "tmp_<n>", as arithmetic's are."""
    return layer(op_type, inputs, "Out", attrs, layer="tmp", own_name=True, dtype=dtype, stopped=list(stopped))


def _cast(x, dtype):
    dtype = _core.to_dtype(dtype)
    return _tmp("cast", {"X": x}, {"in_dtype": int(x.dtype), "out_dtype": int(dtype)}, dtype)


def _filled(value, dtype, like=None):
    """A constant without axes, or shaped as `like`, whose first unknown extent it then takes while running."""
    shape = [] if like is None else list(like.shape)
    if -1 in shape:
        at = shape.index(-1)
        shape = [1 if extent < 0 and axis != at else extent for axis, extent in enumerate(shape)]
        attrs = {"shape": shape, "value": float(value), "input_dim_idx": at, "output_dim_idx": at}
        return _tmp("fill_constant_batch_size_like", {"Input": like}, attrs, dtype, ["Out"])
    return _tmp("fill_constant", {}, {"shape": shape, "dtype": int(dtype), "value": float(value), "force_cpu": False}, dtype, ["Out"])


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


_WIDTH = {"float16": 1, "bfloat16": 1, "float32": 2, "float64": 3}


def _promoted(x, y):
    """Of two floating-point dtypes the narrower cast to the wider, as + - * do."""
    if not is_var(y) or x.dtype == y.dtype:
        return x, y
    a, b = _WIDTH.get(_core.dtype_name(x.dtype)), _WIDTH.get(_core.dtype_name(y.dtype))
    if not a or not b or a >= b:
        return x, y
    return _cast(x, y.dtype), y


def _scalar(name):
    own = getattr(_core, name)

    def function(x, y):
        return own(*_promoted(x, y)) if is_var(x) and name != "var_div" else own(x, y)
    return _with_arrays(lambda x, y: function(x, y)), _with_arrays(lambda x, y: function(y, x))


def _binary(op_type, reverse=False, compare=False):
    def function(x, y):
        if not is_var(y):
            if isinstance(y, float) and not y.is_integer() and _core.is_integer(x.dtype):
                x = _cast(x, "float32")
            y = _filled(y, x.dtype, x if reverse else None)
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
    """The number of elements, int64. Source: Variable.size."""
    out = x.block.create_var(name=_core.unique_name(x.name + "_size"), dtype="int64")
    x.block.append_op(type="size", inputs={"Input": x}, outputs={"Out": out})
    return out


def _copied(x, place):
    """x on the CPU (0) or the card (1); no gradient passes. Source: Variable.cpu, Variable.cuda."""
    block = _core.default_main_program().current_block()
    out = block.create_var(name=_core.unique_name("tmp"), dtype=x.dtype, shape=x.shape, stop_gradient=True)
    block.append_op(type="memcpy", inputs={"X": x}, outputs={"Out": out}, attrs={"dst_place_type": place})
    return out


def _place(x):
    """None: an executor chooses. Source: Variable.place."""
    import warnings
    warnings.warn("Variable do not have 'place' interface for static graph mode, try not to use it. None will be returned.", stacklevel=2)


def _item(x):
    """x itself, of one axis at most. Source: Variable.item in static mode."""
    if len(x.shape) > 1:
        raise TypeError(f"Required input var should be 1-D Variable, but received {x.shape}")
    return x


def _append(x, var):
    """Writes a variable after the last entry of the tensor array x. Source: Variable.append."""
    from .array import array_length, array_write
    if not is_var(var):
        raise TypeError(f"Required input var should be Variable, but received {type(var)}")
    array_write(var, array_length(x), x)


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
    v.__invert__ = logic.bitwise_not
    v.__and__, v.__or__, v.__xor__ = logic.bitwise_and, logic.bitwise_or, logic.bitwise_xor
    v.__getitem__ = indexing.get
    v.__setitem__ = indexing.refuse_assignment
    v.__array_ufunc__ = None  # numpy leaves mixed arithmetic to us
    v.__len__ = lambda x: x.shape[0]
    v.__iter__ = _no_value("iterating")
    v.__bool__ = _no_value("a truth value")
    v.__float__ = v.__int__ = v.numpy = _no_value("a value")
    v.astype = _cast
    v.T = property(_transposed)
    v.size = _size
    v.create_parameter = create_parameter
    v.dim = v.ndimension = lambda x: len(x.shape)
    v.clone = _clone
    v.detach = _detach
    v.get_value, v.set_value = _get_value, _set_value
    v.place = _place
    v.item = _item
    v.append = _append
    v.cpu, v.cuda = lambda x: _copied(x, 0), lambda x, device_id=None, blocking=True: _copied(x, 1)
    for name in (*METHODS.split(), *inplace.__all__):
        if not hasattr(v, name) and name not in ("erf_", "expm1_", "square_", "tolist"):
            setattr(v, name, _find(name))


# Paddle's list of functions that are methods too. Those of nn.functional and signal are found when they are called.
METHODS = """
abs acos acosh add add_n addmm all allclose amax amin angle any argmax argmin argsort as_complex as_real as_strided asin
asinh atan atan2 atanh atleast_1d atleast_2d atleast_3d bincount bitwise_and bitwise_not bitwise_or bitwise_xor bmm
broadcast_shape broadcast_tensors broadcast_to bucketize cast cdist ceil cholesky cholesky_solve chunk clip combinations
concat cond conj corrcoef cos cosh count_nonzero cov create_parameter create_tensor cross cummax cummin cumprod cumsum
cumulative_trapezoid deg2rad diag diag_embed diagflat diagonal diagonal_scatter diff digamma dist divide dot eig eigvals
eigvalsh equal equal_all erf erfinv exp expand expand_as expm1 flatten flip floor floor_divide floor_mod fmax fmin frac frexp
gather gather_nd gcd greater_equal greater_than heaviside histogram householder_product hypot i0 i0e i1 i1e imag increment
index_add index_fill index_put index_sample index_select inner inverse is_complex is_empty is_floating_point is_integer
is_tensor isclose isfinite isinf isnan istft kron kthvalue lcm ldexp lerp less_equal less_than lgamma log log10 log1p log2
logaddexp logcumsumexp logical_and logical_not logical_or logical_xor logit logsumexp lstsq lu lu_unpack masked_fill
masked_select matmul matrix_power max maximum mean median min minimum mm mod mode moveaxis multi_dot multigammaln multinomial
multiplex multiply mv nan_to_num nanmean nanmedian nanquantile nansum neg nextafter nonzero norm not_equal numel outer
pca_lowrank pinv polar polygamma pow prod put_along_axis qr quantile rad2deg rank real reciprocal remainder renorm
repeat_interleave reshape reverse roll rot90 round rsqrt scale scatter scatter_nd scatter_nd_add select_scatter sgn shape
shard_index sigmoid sign sin sinh slice solve sort split sqrt square squeeze stack stanh std stft strided_slice subtract sum
t take take_along_axis tan tanh tensordot tile top_p_sampling topk trace transpose trapezoid triangular_solve tril triu trunc
unbind unflatten unfold unique unique_consecutive unsqueeze unstack vander var view view_as vsplit where
exponential_ softmax
"""


def _find(name):
    for module in (tensor, decompose):
        if hasattr(module, name):
            return getattr(module, name)
    return _elsewhere("signal" if name in ("stft", "istft") else "nn.functional", name)


def _elsewhere(module, name):
    def method(self, *args, **kwargs):
        import importlib
        return getattr(importlib.import_module(".." + module, __package__), name)(self, *args, **kwargs)
    method.__name__ = name
    method.__doc__ = f"`{module}.{name}` of the variable."
    return method


_not_equal = _binary("not_equal", compare=True)
