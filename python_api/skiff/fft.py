"""Discrete Fourier transforms. Source: paddle.fft."""
from collections.abc import Sequence

from .framework import get_default_dtype
from .tensor import arange, cast, concat, roll, shape as shape_of, slice as cut
from .tensor._ops import layer
from .tensor.attribute import complex_to_real, is_floating_point, is_integer, real_to_complex

__all__ = ["fft", "ifft", "rfft", "irfft", "hfft", "ihfft", "fft2", "ifft2", "rfft2", "irfft2", "hfft2", "ihfft2", "fftn",
           "ifftn", "rfftn", "irfftn", "hfftn", "ihfftn", "fftfreq", "rfftfreq", "fftshift", "ifftshift"]


def _resize(x, extents, axes):
    """x cut, or filled up with zeros, to the extents of axes."""
    shape, cuts, pads = x.shape, [], [0] * (2 * len(x.shape))
    if len(extents) != len(axes):
        raise ValueError(f"{len(extents)} lengths were given for {len(axes)} axes")
    for extent, axis in zip(extents, axes):
        if shape[axis] < extent:
            pads[2 * axis + 1] = extent - shape[axis]
        elif shape[axis] > extent:
            cuts.append((axis, extent))
    if cuts:
        x = cut(x, [axis for axis, _ in cuts], [0] * len(cuts), [extent for _, extent in cuts])
    if any(pads):
        from .nn.functional import pad
        x = pad(x, pads)
    return x


def _lengths(x, s, axes, keep_last):
    """(lengths, axes): both checked, axes counted from the front and in order; `keep_last` leaves the last where it is."""
    rank = len(x.shape)
    if s is not None:
        if not isinstance(s, Sequence) or len(s) > rank or any(not isinstance(n, int) or n <= 0 for n in s):
            raise ValueError(f"s must hold at most {rank} positive lengths, {s} was given")
    if axes is None:
        return s, list(range(rank if s is None else len(s)) if s is None else range(rank - len(s), rank))
    if not isinstance(axes, Sequence) or len(axes) > rank or any(not isinstance(a, int) or not -rank <= a < rank for a in axes):
        raise ValueError(f"axes must hold at most {rank} axes in [{-rank}, {rank}), {axes} was given")
    axes = [a % rank for a in axes]
    if s is not None and len(s) != len(axes):
        raise ValueError(f"{len(s)} lengths were given for {len(axes)} axes")
    moved = len(axes) - 1 if keep_last else len(axes)
    order = sorted(range(moved), key=axes.__getitem__) + list(range(moved, len(axes)))
    return None if s is None else [s[i] for i in order], [axes[i] for i in order]


def _transform(op_type, x, s, axes, norm, forward, name, onesided=None):
    """One operator: of kind c2c, r2c or c2r over axes that are ready."""
    if norm not in ("forward", "backward", "ortho"):
        raise ValueError(f'norm must be "forward", "backward" or "ortho", {norm} was given')
    wanted = (lambda dtype: dtype) if op_type == "fft_r2c" else real_to_complex
    if is_integer(x):
        x = cast(x, wanted(get_default_dtype()))
    elif is_floating_point(x) and op_type != "fft_r2c":
        x = cast(x, wanted(x.dtype))
    attrs = {"axes": axes, "normalization": norm, "forward": forward}
    if s is not None:
        lengths = list(s)
        if op_type == "fft_c2r":
            attrs["last_dim_size"] = lengths[-1]
            lengths[-1] = lengths[-1] // 2 + 1
        x = _resize(x, lengths, axes)
    if onesided is not None:
        attrs["onesided"] = onesided
    dtype = {"fft_c2c": lambda d: d, "fft_r2c": real_to_complex, "fft_c2r": complex_to_real}[op_type](x.dtype)
    return layer(op_type, {"X": x}, "Out", attrs, name=name, dtype=dtype)


def transform(op_type, x, n, axis, norm, forward, name=None, onesided=None):
    """A transform along one axis: "fft_c2c", "fft_r2c" or "fft_c2r"."""
    rank, axis = len(x.shape), -1 if axis is None else axis
    if not isinstance(axis, int) or not -rank <= axis < rank:
        raise ValueError(f"axis must lie in [{-rank}, {rank}), {axis} was given")
    if n is not None and (not isinstance(n, int) or n <= 0):
        raise ValueError(f"n must be a positive integer, {n} was given")
    return _transform(op_type, x, None if n is None else [n], [axis % rank], norm, forward, name, onesided)


def _is_real(x):
    return is_integer(x) or is_floating_point(x)


def _one(function_name, kind, forward, about):
    def function(x, n=None, axis=-1, norm="backward", name=None):
        if kind == "any":
            real = _is_real(x)
            return transform("fft_r2c" if real else "fft_c2c", x, n, axis, norm, forward, name, False if real else None)
        return transform(kind, x, n, axis, norm, forward, name, True if kind == "fft_r2c" else None)
    function.__name__ = function.__qualname__ = function_name
    function.__doc__ = f"{about}, along an axis cut or filled up with zeros to length n.\n\nSource: paddle.fft.{function_name}."
    return function


def _several(function_name, kind, forward, about):
    def function(x, s=None, axes=None, norm="backward", name=None):
        op_type, onesided = kind, True if kind == "fft_r2c" else None
        if kind == "any":
            op_type, onesided = ("fft_r2c", False) if _is_real(x) else ("fft_c2c", None)
        s, axes = _lengths(x, s, axes, op_type != "fft_c2c")
        return _transform(op_type, x, s, axes, norm, forward, name, onesided)
    function.__name__ = function.__qualname__ = function_name
    function.__doc__ = f"{about}, over several axes (all where None) of lengths s.\n\nSource: paddle.fft.{function_name}."
    return function


def _two(function_name, several):
    def function(x, s=None, axes=(-2, -1), norm="backward", name=None):
        if len(x.shape) < 2:
            raise ValueError(f"The rank of the input ({len(x.shape)}) should >= 2")
        for what, values in (("s", s), ("axes", axes)):
            if values is not None and (not isinstance(values, Sequence) or len(values) != 2):
                raise ValueError(f"Invalid FFT argument {what} ({values}), it should be a sequence of 2 integers.")
        return several(x, s, axes, norm, name)
    function.__name__ = function.__qualname__ = function_name
    function.__doc__ = f"`{several.__name__}` over two axes.\n\nSource: paddle.fft.{function_name}."
    return function


_FORMS = {"fft": ("any", True, "The transform"), "ifft": ("any", False, "The inverse transform"),
          "rfft": ("fft_r2c", True, "The transform of real numbers, without its mirrored half"),
          "irfft": ("fft_c2r", False, "The inverse of rfft"),
          "hfft": ("fft_c2r", True, "The transform of a signal that mirrors its conjugate"),
          "ihfft": ("fft_r2c", False, "The inverse of hfft")}
for _name, _form in _FORMS.items():
    globals()[_name] = _one(_name, *_form)
    globals()[_name + "n"] = _several(_name + "n", *_form)
    globals()[_name + "2"] = _two(_name + "2", globals()[_name + "n"])


def fftfreq(n, d=1.0, dtype=None, name=None):
    """The frequencies of fft's n results for samples d apart: 0, 1, ..., -1, each / (n d). Source: paddle.fft.fftfreq."""
    if d * n == 0:
        raise ValueError("d or n should not be 0.")
    last = n // 2
    return roll(arange(-last, (n + 1) // 2, dtype=get_default_dtype(), name=name), -last, name=name) * (1.0 / (n * d))


def rfftfreq(n, d=1.0, dtype=None, name=None):
    """The frequencies of rfft's results for n samples d apart. Source: paddle.fft.rfftfreq."""
    if d * n == 0:
        raise ValueError("d or n should not be 0.")
    return arange(0, 1 + n // 2, dtype=get_default_dtype(), name=name) * (1.0 / (n * d))


def _shift(x, axes, name, more):
    shape = shape_of(x)

    def half(extent):
        return (extent + 1) // 2 if more else extent // 2
    if axes is None:
        axes, shifts = list(range(len(x.shape))), half(shape)
    elif isinstance(axes, int):
        shifts = half(shape[axes])
    else:
        shifts = concat([half(shape[a:a + 1]) for a in axes])
    return roll(x, shifts, axes, name=name)


def fftshift(x, axes=None, name=None):
    """x with frequency 0 moved to the middle of axes. Source: paddle.fft.fftshift."""
    return _shift(x, axes, name, False)


def ifftshift(x, axes=None, name=None):
    """The inverse of `fftshift`. Source: paddle.fft.ifftshift."""
    return _shift(x, axes, name, True)
