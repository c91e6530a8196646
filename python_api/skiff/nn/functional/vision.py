"""Images: grids, pixels, channels."""
from ..._core import layer
from ...tensor._ops import is_var

__all__ = ["affine_grid", "channel_shuffle", "grid_sample", "pixel_shuffle", "pixel_unshuffle", "temporal_shift"]


def _checked(x, number, what, data_format):
    if len(x.shape) != 4:
        raise ValueError(f"x must have 4 axes, its shape is {x.shape}")
    if not isinstance(number, int):
        raise TypeError(f"{what} must be int type, {number!r} was given")
    if number <= 0:
        raise ValueError(f"{what} must be positive, {number} was given")
    if data_format not in ("NCHW", "NHWC"):
        raise ValueError(f"Attr(data_format) should be 'NCHW' or 'NHWC', {data_format!r} was given")


def pixel_shuffle(x, upscale_factor, data_format="NCHW", name=None):
    """Groups of channels laid out as pixels. Source: paddle.nn.functional.pixel_shuffle; Shi et al. 2016."""
    _checked(x, upscale_factor, "upscale_factor", data_format)
    return layer("pixel_shuffle", {"X": x}, "Out", {"upscale_factor": upscale_factor, "data_format": data_format}, name=name)


def pixel_unshuffle(x, downscale_factor, data_format="NCHW", name=None):
    """The inverse of pixel_shuffle. Source: paddle.nn.functional.pixel_unshuffle."""
    _checked(x, downscale_factor, "downscale_factor", data_format)
    return layer("pixel_unshuffle", {"X": x}, "Out", {"downscale_factor": downscale_factor, "data_format": data_format},
                 name=name)


def channel_shuffle(x, groups, data_format="NCHW", name=None):
    """Channels dealt out anew among groups. Source: paddle.nn.functional.channel_shuffle."""
    _checked(x, groups, "groups", data_format)
    return layer("channel_shuffle", {"X": x}, "Out", {"groups": groups, "data_format": data_format}, name=name)


def grid_sample(x, grid, mode="bilinear", padding_mode="zeros", align_corners=True, name=None):
    """Images or volumes read at the places a grid names.

    Args:
        x (Variable): [batch, channels, height, width], or with a depth in front of the height.
        grid (Variable): [batch, height, width, 2]: (x, y) of each place, -1 and 1 the ends; of volumes (x, y, z).
        mode (str): "bilinear" or "nearest".
        padding_mode (str): what lies outside: "zeros", "border" or "reflection".
        align_corners (bool): -1 and 1 are the centres of the outer pixels, otherwise their edges.
        name (str): of the layer.

    Source: paddle.nn.functional.grid_sample.
    """
    if mode not in ("bilinear", "nearest"):
        raise ValueError(f"mode must be bilinear or nearest, {mode!r} was given")
    if padding_mode not in ("zeros", "reflection", "border"):
        raise ValueError(f"padding_mode must be zeros, reflection or border, {padding_mode!r} was given")
    if not isinstance(align_corners, bool):
        raise ValueError(f"The align corners should be bool, but got: {align_corners}")
    attrs = {"mode": mode, "padding_mode": padding_mode, "align_corners": align_corners}
    return layer("grid_sampler", {"X": x, "Grid": grid}, "Output", attrs, layer="grid_sample", name=name)


def affine_grid(theta, out_shape, align_corners=True, name=None):
    """The grid of an affine map, for grid_sample.

    Args:
        theta (Variable): [batch, 2, 3], or [batch, 3, 4] for volumes.
        out_shape (list | Variable): the shape that grid_sample shall give.
        align_corners (bool): as in grid_sample.
        name (str): accepted, without effect.

    Source: paddle.nn.functional.affine_grid.
    """
    if not is_var(theta):
        raise ValueError(f"The theta should be a Variable, {type(theta)} was given")
    inputs, attrs = {"Theta": theta}, {"align_corners": align_corners}
    if is_var(out_shape):
        inputs["OutputShape"] = out_shape
    else:
        attrs["output_shape"] = list(out_shape)
    return layer("affine_grid", inputs, "Output", attrs)


def temporal_shift(x, seg_num, shift_ratio=0.25, name=None, data_format="NCHW"):
    """Some channels moved one frame on, some one back. Source: paddle.nn.functional.temporal_shift; Lin et al. 2019."""
    if data_format not in ("NCHW", "NHWC"):
        raise ValueError(f"Attr(data_format) should be 'NCHW' or 'NHWC'. Received Attr(data_format): {data_format}.")
    if not isinstance(seg_num, int):
        raise TypeError(f"seg_num must be int type, {seg_num!r} was given")
    attrs = {"seg_num": seg_num, "shift_ratio": shift_ratio, "data_format": data_format}
    return layer("temporal_shift", {"X": x}, "Out", attrs, name=name)
