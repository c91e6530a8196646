"""Short-time Fourier transforms. Source: paddle.signal."""
from .fft import transform
from .tensor import multiply, ones, tile
from .tensor._ops import layer
from .tensor.attribute import is_complex

__all__ = ["stft", "istft"]


def frame(x, frame_length, hop_length, axis=-1, name=None):
    """Overlapping pieces of an axis, frame_length long and hop_length apart. Source: paddle.signal.frame."""
    _check(axis, frame_length=frame_length, hop_length=hop_length)
    return layer("frame", {"X": x}, "Out", {"frame_length": frame_length, "hop_length": hop_length, "axis": axis}, name=name)


def overlap_add(x, hop_length, axis=-1, name=None):
    """The sum of pieces hop_length apart. Source: paddle.signal.overlap_add."""
    _check(axis, hop_length=hop_length)
    return layer("overlap_add", {"X": x}, "Out", {"hop_length": hop_length, "axis": axis}, name=name)


def _check(axis, **lengths):
    if axis not in (0, -1):
        raise ValueError(f"Unexpected axis: {axis}. It should be 0 or -1.")
    for what, length in lengths.items():
        if not isinstance(length, int) or length <= 0:
            raise ValueError(f"Unexpected {what}: {length}. It should be an positive integer.")


def _window(window, win_length, n_fft, dtype):
    """The window, ones where None, with zeros on both sides up to n_fft."""
    assert 0 < win_length <= n_fft, f"win_length should be in (0, n_fft({n_fft})], but got {win_length}."
    if window is None:
        window = ones((win_length,), dtype)
    assert list(window.shape) == [win_length], f"expected a 1D window of win_length({win_length}), but got {window.shape}."
    if win_length < n_fft:
        from .nn.functional import pad
        left = (n_fft - win_length) // 2
        window = pad(window, [left, n_fft - win_length - left], mode="constant")
    return window


def stft(x, n_fft, hop_length=None, win_length=None, window=None, center=True, pad_mode="reflect", normalized=False,
         onesided=True, name=None):
    """Fourier transforms of overlapping windows of a signal.

    Args:
        x (Variable): [length] or [batch, length], real or complex.
        n_fft (int): length of a transform.
        hop_length (int): between windows; n_fft // 4 where None.
        win_length (int): n_fft where None.
        window (Variable): [win_length]; ones where None.
        center (bool): pads x by n_fft // 2 on both sides, in `pad_mode` "reflect" or "constant".
        normalized (bool): divides by sqrt(n_fft).
        onesided (bool): without the mirrored half, for real x.
        name (str): of the transform.

    Returns:
        Variable: [..., frequencies, windows], complex.

    Source: paddle.signal.stft.
    """
    rank = len(x.shape)
    assert rank in (1, 2), f"x should be a 1D or 2D real tensor, but got rank of x is {rank}"
    if rank == 1:
        x = x.unsqueeze(0)
    hop_length = n_fft // 4 if hop_length is None else hop_length
    assert hop_length > 0, f"hop_length should be > 0, but got {hop_length}."
    window = _window(window, n_fft if win_length is None else win_length, n_fft, x.dtype)
    if center:
        from .nn.functional import pad
        assert pad_mode in ("constant", "reflect"), f'pad_mode should be "reflect" or "constant", but got "{pad_mode}".'
        x = pad(x.unsqueeze(-1), [n_fft // 2, n_fft // 2], mode=pad_mode, data_format="NLC").squeeze(-1)
    frames = multiply(frame(x, n_fft, hop_length).transpose([0, 2, 1]), window)
    assert not (is_complex(frames) and onesided), "onesided should be False when input or window is a complex Tensor."
    norm = "ortho" if normalized else "backward"
    if is_complex(x):
        out = transform("fft_c2c", frames, None, -1, norm, True, name)
    else:
        out = transform("fft_r2c", frames, None, -1, norm, True, name, onesided)
    out = out.transpose([0, 2, 1])
    if rank == 1:
        out.squeeze(0)  # as in Paddle's static mode, which keeps the batch axis
    return out


def istft(x, n_fft, hop_length=None, win_length=None, window=None, center=True, normalized=False, onesided=True, length=None,
          return_complex=False, name=None):
    """The signal whose `stft` is x.

    Args:
        x (Variable): [frequencies, windows] or [batch, frequencies, windows], complex.
        length (int): of the signal; what the windows give where None.
        return_complex (bool): the signal is complex; then `onesided` must be False.
        others: as of `stft`.

    Returns:
        Variable: [..., length].

    Source: paddle.signal.istft.
    """
    rank = len(x.shape)
    assert rank in (2, 3), f"x should be a 2D or 3D complex tensor, but got rank of x is {rank}"
    if rank == 2:
        x = x.unsqueeze(0)
    hop_length = n_fft // 4 if hop_length is None else hop_length
    win_length = n_fft if win_length is None else win_length
    assert 0 < hop_length <= win_length, f"hop_length should be in (0, win_length({win_length})], but got {hop_length}."
    count, fft_size = x.shape[-1], x.shape[-2]
    assert fft_size == (n_fft // 2 + 1 if onesided else n_fft), f"{fft_size} frequencies do not fit n_fft {n_fft}"
    from ._core import dtype_name
    window = _window(window, win_length, n_fft, "float32" if dtype_name(x.dtype) in ("float32", "complex64") else "float64")
    x = x.transpose([0, 2, 1])
    norm = "ortho" if normalized else "backward"
    if return_complex:
        assert not onesided, "onesided should be False when input(output of istft) or window is a complex Tensor."
        out = transform("fft_c2c", x, None, -1, norm, False)
    else:
        assert not is_complex(window), "Data type of window should not be complex when return_complex is False."
        if onesided is False:
            x = x[:, :, :n_fft // 2 + 1]
        out = transform("fft_c2r", x, None, -1, norm, False)
    out = overlap_add(multiply(out, window).transpose([0, 2, 1]), hop_length)
    weight = overlap_add(tile(multiply(window, window).unsqueeze(0), [count, 1]).transpose([1, 0]), hop_length)
    start = n_fft // 2 if center else 0
    if length is not None:
        out, weight = out[:, start:start + length], weight[start:start + length]
    elif center:
        out, weight = out[:, start:-start], weight[start:-start]
    out = out / weight
    if rank == 2:
        out.squeeze(0)  # as in Paddle's static mode, which keeps the batch axis
    return out
