"""What a tensor is, and its parts as complex numbers."""
from .. import _core
from ._ops import is_var, layer

__all__ = ["angle", "as_complex", "as_real", "broadcast_shape", "complex", "conj", "imag", "is_complex", "is_floating_point",
           "is_integer", "is_tensor", "polar", "real"]
_COMPLEX = {"float32": "complex64", "float64": "complex128"}
_REAL = {"complex64": "float32", "complex128": "float64"}


def real_to_complex(dtype):
    """complex64 for float32, complex128 for float64, others as they are."""
    return _COMPLEX.get(_core.dtype_name(dtype), dtype)


def complex_to_real(dtype):
    """float32 for complex64, float64 for complex128, others as they are."""
    return _REAL.get(_core.dtype_name(dtype), dtype)


def _named(x, names):
    if not is_var(x):
        raise TypeError(f"Expected Tensor, but received type of x: {type(x)}")
    return _core.dtype_name(x.dtype) in names


def is_tensor(x):
    """True for a variable. Source: paddle.is_tensor."""
    return is_var(x)


def is_complex(x):
    """True where x holds complex numbers. Source: paddle.is_complex."""
    return _named(x, _REAL)


def is_floating_point(x):
    """True where x holds floating-point numbers. Source: paddle.is_floating_point."""
    return _named(x, ("float16", "bfloat16", "float32", "float64"))


def is_integer(x):
    """True where x holds integers. Source: paddle.is_integer."""
    return _named(x, ("uint8", "int8", "int16", "int32", "int64"))


def broadcast_shape(x_shape, y_shape):
    """The shape that two shapes broadcast to: the extents of the longer, 1 stretched to the other's.

    Raises:
        ValueError: two extents differ and neither is 1.

    Source: paddle.broadcast_shape.
    """
    rank = max(len(x_shape), len(y_shape))
    x, y = [1] * (rank - len(x_shape)) + list(x_shape), [1] * (rank - len(y_shape)) + list(y_shape)
    for a, b in zip(x, y):
        if a != b and a > 1 and b > 1:
            raise ValueError(f"shapes {list(x_shape)} and {list(y_shape)} cannot be broadcast to one shape: {a} meets {b}")
    return [max(a, b) if min(a, b) >= 0 or max(a, b) > 1 else -1 for a, b in zip(x, y)]


def real(x, name=None):
    """The real parts. Source: paddle.real."""
    return layer("real", {"X": x}, name=name, dtype=complex_to_real(x.dtype))


def imag(x, name=None):
    """The imaginary parts. Source: paddle.imag."""
    return layer("imag", {"X": x}, name=name, dtype=complex_to_real(x.dtype))


def conj(x, name=None):
    """The conjugate complex numbers. Source: paddle.conj."""
    return layer("conj", {"X": x}, name=name)


def angle(x, name=None):
    """The angles of complex numbers, in radians. Source: paddle.angle."""
    return layer("angle", {"X": x}, name=name, dtype=complex_to_real(x.dtype))


def as_complex(x, name=None):
    """[..., 2] as complex numbers [...]. Source: paddle.as_complex."""
    return layer("as_complex", {"X": x}, name=name, dtype=real_to_complex(x.dtype))


def as_real(x, name=None):
    """Complex numbers [...] as [..., 2]. Source: paddle.as_real."""
    return layer("as_real", {"X": x}, name=name, dtype=complex_to_real(x.dtype))


def complex(real, imag, name=None):  # noqa: A001
    """real + i imag. Source: paddle.complex."""
    return layer("complex", {"X": real, "Y": imag}, name=name, dtype=real_to_complex(real.dtype))


def polar(abs, angle, name=None):  # noqa: A002
    """Complex numbers from their lengths and angles. Source: paddle.polar."""
    from .math import cos, sin
    return complex(abs * cos(angle), abs * sin(angle))
