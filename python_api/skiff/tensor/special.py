"""More mathematics: special functions, and functions made of several operators."""
import math as _math

from .. import _core
from ._ops import dtype_code, is_var, layer

__all__ = ["combinations", "cummax", "cummin", "cumulative_trapezoid", "deg2rad", "diff", "frac", "frexp", "gcd", "hypot", "i0",
           "i0e", "i1", "i1e", "inner", "lcm", "ldexp", "logaddexp", "logcumsumexp", "multigammaln", "nan_to_num", "nextafter",
           "polygamma", "rad2deg", "renorm", "sgn", "take", "trapezoid", "vander"]
_FLOATS = ("float16", "float32", "float64")


def _check_dtype(x, names):
    if _core.dtype_name(x.dtype) not in names:
        raise TypeError(f"The data type of input must be one of {list(names)}, but got {_core.dtype_name(x.dtype)}")


def _bessel(op_type, about):
    def function(x, name=None):
        return layer(op_type, {"x": x}, "out", name=name)
    function.__name__ = function.__qualname__ = op_type
    function.__doc__ = f"{about}. Source: paddle.{op_type}."
    return function


i0 = _bessel("i0", "The modified Bessel function of order 0")
i0e = _bessel("i0e", "exp(-|x|) i0(x)")
i1 = _bessel("i1", "The modified Bessel function of order 1")
i1e = _bessel("i1e", "exp(-|x|) i1(x)")


def polygamma(x, n, name=None):
    """The n-th derivative of digamma. Source: paddle.polygamma."""
    if not isinstance(n, int):
        raise TypeError(f"The input of n must be int type, but received: {type(n)} ")
    if n < 0:
        raise ValueError(f"The input of n must be greater than or equal to 0. But received n = {n}")
    if n == 0:
        from .math import digamma
        return digamma(x)
    return layer("polygamma", {"x": x}, "out", {"n": n}, name=name)


def multigammaln(x, p, name=None):
    """The logarithm of the gamma function of p dimensions. Source: paddle.multigammaln."""
    from . import creation, math, reduction
    assert p >= 1, f"The p must be greater than or equal to 1, But received p is {p}."
    steps = 0.5 * creation.arange(start=1 - p, end=1, step=1, dtype=x.dtype)
    return reduction.sum(math.lgamma(x.unsqueeze(-1) + steps), axis=-1) + 0.25 * p * (p - 1) * _math.log(_math.pi)


def nextafter(x, y, name=None):
    """The next representable number after x on the way to y. Source: paddle.nextafter."""
    return layer("nextafter", {"x": x, "y": y}, "out", name=name, dtype="float32")


def logaddexp(x, y, name=None):
    """log(e^x + e^y), without overflow. Source: paddle.logaddexp."""
    from . import math
    return math.log1p(math.exp(-math.abs(x - y))) + math.maximum(x, y)


def hypot(x, y, name=None):
    """sqrt(x^2 + y^2). Source: paddle.hypot."""
    _check_variables(x, y)
    from .math import pow
    return (pow(x, 2) + pow(y, 2)).sqrt()


def _check_variables(x, y):
    for what, value in (("x", x), ("y", y)):
        if not is_var(value):
            raise TypeError(f"{what} must be tensor type, but got {type(value)}")


def ldexp(x, y, name=None):
    """x 2^y. Source: paddle.ldexp."""
    from ..framework import get_default_dtype
    from . import creation, manipulation, math
    _check_variables(x, y)
    double = "float64" in (_core.dtype_name(x.dtype), _core.dtype_name(y.dtype))
    dtype = "float64" if double else get_default_dtype()
    x, y = manipulation.cast(x, dtype), manipulation.cast(y, dtype)
    return math.multiply(x, math.pow(creation.to_tensor(2, dtype=dtype), y))


def frexp(x, name=None):
    """(m, e): x = m 2^e with 0.5 <= |m| < 1. Source: paddle.frexp."""
    from . import creation, logic, math, search
    _check_dtype(x, ("float32", "float64"))
    size = math.abs(x)
    exponent = math.floor(math.log2(size))
    exponent = search.where(logic.isinf(exponent), creation.full_like(exponent, 0), exponent)
    mantissa = math.divide(size, 2 ** exponent)
    exponent = search.where(mantissa >= 1, math.add(exponent, creation.ones_like(exponent)), exponent)
    mantissa = search.where(mantissa >= 1, math.divide(mantissa, 2 ** creation.ones_like(exponent)), mantissa)
    return search.where(x < 0, mantissa * -1, mantissa), exponent


def frac(x, name=None):
    """x without its whole part. Source: paddle.frac."""
    _check_dtype(x, ("int32", "int64", "float32", "float64"))
    whole = layer("trunc", {"X": x}, name=name)
    return layer("elementwise_sub", {"X": x, "Y": whole}, "Out", {"axis": -1}, name=name, own_name=True)


def sgn(x, name=None):
    """The sign; of complex numbers x / |x|, 0 for 0. Source: paddle.sgn."""
    from . import attribute, creation, logic, manipulation, math, search
    _check_dtype(x, (*_FLOATS, "complex64", "complex128"))
    if not attribute.is_complex(x):
        return math.sign(x)
    pairs = attribute.as_real(x)
    length = manipulation.unsqueeze(math.abs(x), axis=-1)
    out = pairs / length
    zeros = creation.zeros_like(out)
    return attribute.as_complex(search.where(logic.isnan(out), zeros, out))


def _degrees(x, factor, layer_name, name):
    own = _core.LayerHelper(layer_name, name).name
    if _core.dtype_name(x.dtype) in ("int32", "int64"):
        attrs = {"in_dtype": int(x.dtype), "out_dtype": dtype_code("float32")}
        x = layer("cast", {"X": x}, "Out", attrs, name=own, dtype="float32")
    return layer("scale", {"X": x}, "Out", {"scale": factor}, name=own)


def rad2deg(x, name=None):
    """Radians as degrees. Source: paddle.rad2deg."""
    return _degrees(x, 180 / _math.pi, "rad2deg", name)


def deg2rad(x, name=None):
    """Degrees as radians. Source: paddle.deg2rad."""
    return _degrees(x, _math.pi / 180.0, "deg2rad", name)


def nan_to_num(x, nan=0.0, posinf=None, neginf=None, name=None):
    """x with numbers in place of NaN and infinities (the dtype's extremes where None). Source: paddle.nan_to_num."""
    from . import creation, logic, search
    from .dtypes import finfo
    _check_dtype(x, ("float32", "float64"))
    high, low = creation.full_like(x, float("inf")), creation.full_like(x, float("-inf"))
    nan = creation.full_like(x, nan)
    limits = finfo(x.dtype)
    posinf = creation.full_like(x, limits.max if posinf is None else posinf)
    neginf = creation.full_like(x, limits.min if neginf is None else neginf)
    x = search.where(logic.isnan(x), nan, x)
    x = search.where(logic.equal(x, high), posinf, x)
    return search.where(logic.equal(x, low), neginf, x)


def gcd(x, y, name=None):
    """The greatest common divisor of integers, by Euclid's loop. Source: paddle.gcd."""
    from ..static.nn import while_loop
    from . import attribute, creation, manipulation, math, reduction, search
    shape = attribute.broadcast_shape(x.shape, y.shape)
    x, y = manipulation.broadcast_to(x, shape), manipulation.broadcast_to(y, shape)
    x, y = math.abs(x), math.abs(y)

    def more(x, y):
        return reduction.any(y != 0)

    def step(x, y):
        rest = y != 0
        divisor = search.where(rest, y, creation.ones(y.shape, y.dtype))
        x, y = (search.where(rest, y, x),
                search.where(rest, math.mod(x, divisor), creation.zeros(y.shape, y.dtype)))
        return search.where(x < y, y, x), search.where(x < y, x, y)
    return while_loop(more, step, [x, y])[0]


def lcm(x, y, name=None):
    """The least common multiple of integers. Source: paddle.lcm."""
    from . import creation, logic, math, search
    d = gcd(x, y)
    none = logic.equal(d, 0)
    divisor = search.where(none, creation.ones(d.shape, d.dtype), d)
    return search.where(none, creation.zeros(d.shape, d.dtype), math.abs(x * y) // divisor)


def inner(x, y, name=None):
    """Sums of products over the last axes. Source: paddle.inner."""
    shape = list(x.shape[:-1]) + list(y.shape[:-1])
    rows, columns = x.reshape((-1, x.shape[-1])), y.reshape((-1, y.shape[-1]))
    if x.shape[-1] != y.shape[-1] and -1 not in (x.shape[-1], y.shape[-1]):
        raise ValueError(f"the last extents must be equal, x is {list(x.shape)} and y is {list(y.shape)}")
    own = _core.LayerHelper("inner", name)
    out = own.create_temporary(x.dtype)
    _core.default_main_program().current_block().append_op(type="matmul_v2", inputs={"X": rows, "Y": columns.T}, outputs={"Out": out})
    return out.reshape(shape)


def renorm(x, p, axis, max_norm):
    """x with every entry of an axis scaled down to a p-norm of max_norm at most. Source: paddle.renorm."""
    rank = len(x.shape)
    if not -rank <= axis < rank:
        raise ValueError(f"axis must lie in [{-rank}, {rank}), {axis} was given")
    return layer("renorm", {"X": x}, "Out", {"p": float(p), "axis": axis % rank, "max_norm": float(max_norm)})


def _running(op_type, about):
    def function(x, axis=None, dtype="int64", name=None):
        if axis is None:
            axis, x = -1, x.flatten(0, len(x.shape) - 1)
        helper = _core.LayerHelper(op_type, name)
        out, indices = helper.create_temporary(x.dtype), helper.create_temporary("int64")
        _core.default_main_program().current_block().append_op(
            type=op_type, inputs={"x": x}, outputs={"out": out, "indices": indices}, attrs={"axis": axis, "dtype": dtype_code(dtype)})
        return out, indices
    function.__name__ = function.__qualname__ = op_type
    function.__doc__ = f"{about} up to each element along an axis, and where it is. Source: paddle.{op_type}."
    return function


cummax = _running("cummax", "The largest")
cummin = _running("cummin", "The smallest")


def logcumsumexp(x, axis=None, dtype=None, name=None):
    """log of the sums of e^x up to each element, along an axis or, where None, of the flattened x. Source: paddle.logcumsumexp."""
    if dtype is not None and x.dtype != _core.to_dtype(dtype):
        from .manipulation import cast
        x = cast(x, dtype)
    attrs = {"flatten": axis is None}
    if axis is not None:
        attrs["axis"] = axis
    return layer("logcumsumexp", {"X": x}, "Out", attrs, name=name)


def diff(x, n=1, axis=-1, prepend=None, append=None, name=None):
    """The differences of neighbours along an axis, n times over; prepend and append lengthen x first. Source: paddle.diff."""
    if n < 1:
        raise ValueError(f"Diff expects input to be at least one-dimensional but got {n}")
    for _ in range(n):
        x = _difference(x, axis, prepend, append, name)
    return x


def _difference(x, axis, prepend, append, name):
    rank = len(x.shape)
    axis = max(min(axis + rank if axis < 0 else axis, rank), 0)
    own = _core.LayerHelper("diff", name).name
    parts = [part for part in (prepend, x, append) if part is not None]
    if len(parts) > 1:
        x = layer("concat", {"X": parts}, "Out", {"axis": axis}, name=own)
    last = x.shape[axis]
    front = layer("slice", {"Input": x}, "Out", {"axes": [axis], "starts": [0], "ends": [last - 1]}, name=own)
    back = layer("slice", {"Input": x}, "Out", {"axes": [axis], "starts": [1], "ends": [last]}, name=own)
    if x.dtype == _core.bool_:
        return layer("logical_xor", {"X": back, "Y": front}, name=own)
    from .math import subtract
    return subtract(back, front)


def _trapezoid(y, x, dx, axis, total):
    from . import creation, manipulation
    if x is not None and dx is not None:
        raise ValueError("Not permitted to specify both x and dx input args.")
    _check_dtype(y, _FLOATS)
    length = y.shape[axis]
    axis = axis + len(y.shape) if axis < 0 else axis
    if x is None:
        dx = creation.to_tensor(1.0 if dx is None else dx)
        if len(dx.shape) > 1:
            raise ValueError(f"Expected dx to be a scalar, got dx={dx}")
    else:
        _check_dtype(x, _FLOATS)
        if len(x.shape) == 1:
            dx = diff(x)
            shape = [1] * len(y.shape)
            shape[axis] = dx.shape[0]
            dx = dx.reshape(shape)
        else:
            dx = diff(x, axis=axis)
    later = manipulation.gather(y, creation.arange(1, length), axis=axis)
    earlier = manipulation.gather(y, creation.arange(0, length - 1), axis=axis)
    return 0.5 * total((later + earlier) * dx, axis=axis)


def trapezoid(y, x=None, dx=None, axis=-1, name=None):
    """The integral of y along an axis by trapezoids, at positions x or dx (1) apart. Source: paddle.trapezoid."""
    from .reduction import sum as total
    return _trapezoid(y, x, dx, axis, total)


def cumulative_trapezoid(y, x=None, dx=None, axis=-1, name=None):
    """`trapezoid` up to every position. Source: paddle.cumulative_trapezoid."""
    from .math import cumsum
    return _trapezoid(y, x, dx, axis, cumsum)


def vander(x, n=None, increasing=False, name=None):
    """The powers of a vector's elements as columns, n - 1 to 0 or the other way round. Source: paddle.vander."""
    from . import creation, indexing, math
    if len(x.shape) != 1:
        raise ValueError(f"The input of x is expected to be a 1-D Tensor.But now the dims of Input(X) is {len(x.shape)}.")
    n = x.shape[0] if n is None else n
    if n < 0:
        raise ValueError("N must be non-negative.")
    out, rest = creation.empty([x.shape[0], n], dtype=x.dtype), (slice(None), slice(1, None))
    if n > 0:
        out = indexing.setitem(out, (slice(None), 0), creation.to_tensor([1], dtype=x.dtype))
    if n > 1:
        out = indexing.setitem(out, rest, x[:, None])
        out = indexing.setitem(out, rest, math.cumprod(out[:, 1:], dim=-1))
    return out if increasing else out[:, ::-1]


def take(x, index, mode="raise", name=None):
    """Elements of the flattened x; positions out of range are errors, wrapped round or clipped. Source: paddle.take."""
    from . import math, search
    if mode not in ("raise", "wrap", "clip"):
        raise ValueError(f"'mode' in 'take' should be 'raise', 'wrap', 'clip', but received {mode}.")
    flat, where = x.flatten(), index.flatten()
    count = flat.shape[-1]
    if mode == "raise":
        where = search.where(where < 0, where + count, where)
    elif mode == "wrap":
        where = search.where(where < 0, where % count, where)
        where = search.where(where >= count, where % count, where)
    else:
        where = math.clip(where, 0, count - 1)
    return flat.index_select(where).reshape(index.shape)


def combinations(x, r=2, with_replacement=False, name=None):
    """Every choice of r elements of a vector, one row each. Source: paddle.combinations."""
    from . import creation, manipulation
    if len(x.shape) != 1:
        raise TypeError(f"Expect a 1-D vector, but got x shape {x.shape}")
    if not isinstance(r, int) or r < 0:
        raise ValueError(f"Expect a non-negative int, but got r={r}")
    if r == 0:
        return creation.empty(shape=[0], dtype=x.dtype)
    if r > x.shape[0] and not with_replacement or x.shape[0] == 0 and with_replacement:
        return creation.empty(shape=[0, r], dtype=x.dtype)
    grids = creation.meshgrid([x] * r) if r > 1 else [x]
    numbers = creation.arange(x.numel(), dtype="int64")
    indices = creation.meshgrid([numbers] * r) if r > 1 else [numbers]
    mask = creation.full(x.shape * r, True, dtype="bool")
    for i in range(r - 1):
        mask = mask * (indices[i] <= indices[i + 1] if with_replacement else indices[i] < indices[i + 1])
    return manipulation.stack([grid.masked_select(mask) for grid in grids], 1)
