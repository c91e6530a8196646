"""What a dtype can hold."""
from .. import _core

__all__ = ["finfo", "iinfo"]
# bits, eps, max, smallest normal, resolution
_FLOATS = {"float16": (16, 2.0 ** -10, 65504.0, 2.0 ** -14, 1e-3),
           "bfloat16": (16, 2.0 ** -7, (2 - 2.0 ** -7) * 2.0 ** 127, 2.0 ** -126, 1e-2),
           "float32": (32, 2.0 ** -23, (2 - 2.0 ** -23) * 2.0 ** 127, 2.0 ** -126, 1e-6),
           "float64": (64, 2.0 ** -52, (2 - 2.0 ** -52) * 2.0 ** 1023, 2.0 ** -1022, 1e-15)}
_FLOATS["complex64"], _FLOATS["complex128"] = _FLOATS["float32"], _FLOATS["float64"]
_INTEGERS = {"uint8": (8, 0), "int8": (8, 1), "int16": (16, 1), "int32": (32, 1), "int64": (64, 1)}


class finfo:  # noqa: N801  as Paddle names it
    """Limits of a floating-point dtype: bits, eps, min, max, smallest_normal, tiny, resolution, dtype. Source: paddle.finfo."""

    def __init__(self, dtype):
        self.dtype = _core.dtype_name(dtype)
        if self.dtype not in _FLOATS:
            raise ValueError(f"finfo takes a floating-point or complex dtype, {self.dtype} was given")
        self.bits, self.eps, self.max, self.tiny, self.resolution = _FLOATS[self.dtype]
        self.min, self.smallest_normal = -self.max, self.tiny

    def __repr__(self):
        numbers = ", ".join(f"{name}={getattr(self, name):g}" for name in ("min", "max", "eps", "resolution", "smallest_normal", "tiny"))
        return f"paddle.finfo({numbers}, bits={self.bits}, dtype={self.dtype})"


class iinfo:  # noqa: N801
    """Limits of an integer dtype: bits, min, max, dtype. Source: paddle.iinfo."""

    def __init__(self, dtype):
        self.dtype = _core.dtype_name(dtype)
        if self.dtype not in _INTEGERS:
            raise ValueError(f"iinfo takes an integer dtype, {self.dtype} was given")
        self.bits, signed = _INTEGERS[self.dtype]
        self.max = 2 ** (self.bits - signed) - 1
        self.min = -self.max - 1 if signed else 0

    def __repr__(self):
        return f"paddle.iinfo(min={self.min}, max={self.max}, bits={self.bits}, dtype={self.dtype})"
