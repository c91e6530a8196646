"""Pooling."""
from ..._core import layer
from .conv import numbers, padding_of

__all__ = ["adaptive_avg_pool1d", "adaptive_avg_pool2d", "adaptive_max_pool2d", "avg_pool1d", "avg_pool2d", "max_pool1d",
           "max_pool2d"]


def _pool2d(x, pooling, kernel_size, stride, padding, ceil_mode, exclusive, data_format, name):
    paddings, algorithm = padding_of(padding, 2, data_format == "NHWC")
    if algorithm == "VALID" and ceil_mode:
        raise ValueError('When padding is "VALID", ceil_mode must be False')
    kernel = numbers(kernel_size, 2, "kernel_size")
    attrs = {"pooling_type": pooling, "ksize": kernel, "strides": kernel if stride is None else numbers(stride, 2, "stride"),
             "paddings": paddings, "padding_algorithm": algorithm, "global_pooling": False, "ceil_mode": ceil_mode,
             "exclusive": exclusive, "data_format": data_format, "adaptive": False}
    return layer("pool2d", {"X": x}, "Out", attrs, name=name)


def max_pool2d(x, kernel_size, stride=None, padding=0, return_mask=False, ceil_mode=False, data_format="NCHW", name=None):
    """The largest element of each window of images.

    Args:
        x (Variable): [batch, channels, height, width], or the channels last.
        kernel_size (int | list): of the window.
        stride (int | list): from window to window; the window's size where None.
        padding (int | list | str): rows and columns around that never win; "SAME" or "VALID".
        return_mask (bool): also gives where in its plane each winner is.
        ceil_mode (bool): rounds the number of windows up.
        data_format (str): "NCHW" or "NHWC".
        name (str): of the layer.

    Source: paddle.nn.functional.max_pool2d.
    """
    if not return_mask:
        return _pool2d(x, "max", kernel_size, stride, padding, ceil_mode, True, data_format, name)
    if data_format != "NCHW":
        raise ValueError("When setting return_mask to true, data_format must be set to NCHW in API:max_pool2d")
    kernel = numbers(kernel_size, 2, "kernel_size")
    attrs = {"ksize": kernel, "strides": kernel if stride is None else numbers(stride, 2, "stride"),
             "paddings": padding_of(padding, 2, False)[0], "global_pooling": False, "adaptive": False}
    return layer("max_pool2d_with_index", {"X": x}, ("Out", "Mask"), attrs, name=name, stopped=["Mask"])


def avg_pool2d(x, kernel_size, stride=None, padding=0, ceil_mode=False, exclusive=True, divisor_override=None,
               data_format="NCHW", name=None):
    """The mean of each window of images; `exclusive` leaves padding out of it. Source: paddle.nn.functional.avg_pool2d."""
    out = _pool2d(x, "avg", kernel_size, stride, padding, ceil_mode, exclusive, data_format, name)
    if divisor_override is None:
        return out
    kernel = numbers(kernel_size, 2, "kernel_size")
    return out * (kernel[0] * kernel[1] / divisor_override)


def adaptive_avg_pool2d(x, output_size, data_format="NCHW", name=None):
    """Means of windows so chosen that the result has a given height and width. Source: paddle.nn.functional.adaptive_avg_pool2d."""
    sizes = [output_size] * 2 if isinstance(output_size, int) else list(output_size)
    spatial = x.shape[2:4] if data_format == "NCHW" else x.shape[1:3]
    sizes = [spatial[i] if size is None else size for i, size in enumerate(sizes)]
    attrs = {"pooling_type": "avg", "ksize": sizes, "adaptive": True, "data_format": data_format}
    return layer("pool2d", {"X": x}, "Out", attrs, name=name)


def adaptive_max_pool2d(x, output_size, return_mask=False, name=None):
    """Largest elements of windows so chosen that the result has a given size. Source: paddle.nn.functional.adaptive_max_pool2d."""
    sizes = [output_size] * 2 if isinstance(output_size, int) else list(output_size)
    sizes = [x.shape[2 + i] if size is None else size for i, size in enumerate(sizes)]
    out, mask = layer("max_pool2d_with_index", {"X": x}, ("Out", "Mask"), {"ksize": sizes, "adaptive": True}, name=name,
                      stopped=["Mask"])
    return (out, mask) if return_mask else out


def _over_rows(function, x, kernel_size, stride, padding, *rest):
    from ...tensor.manipulation import squeeze, unsqueeze
    one = lambda v, fill: v if isinstance(v, str) or v is None else [fill, *numbers(v, 1, "a size")]  # noqa: E731
    return squeeze(function(unsqueeze(x, 2), one(kernel_size, 1), one(stride, 1), one(padding, 0), *rest), 2)


def max_pool1d(x, kernel_size, stride=None, padding=0, return_mask=False, ceil_mode=False, name=None):
    """The largest element of each window of signals. Source: paddle.nn.functional.max_pool1d."""
    if return_mask:
        raise NotImplementedError("max_pool1d: return_mask is not supported; use max_pool2d")
    return _over_rows(max_pool2d, x, kernel_size, stride, padding, False, ceil_mode)


def avg_pool1d(x, kernel_size, stride=None, padding=0, exclusive=True, ceil_mode=False, name=None):
    """The mean of each window of signals. Source: paddle.nn.functional.avg_pool1d."""
    return _over_rows(avg_pool2d, x, kernel_size, stride, padding, ceil_mode, exclusive)


def adaptive_avg_pool1d(x, output_size, name=None):
    """Means of windows so chosen that the result has a given length. Source: paddle.nn.functional.adaptive_avg_pool1d."""
    from ...tensor.manipulation import squeeze, unsqueeze
    return squeeze(adaptive_avg_pool2d(unsqueeze(x, 2), [1, output_size]), 2)
