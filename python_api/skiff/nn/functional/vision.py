"""Images."""
from ..._core import layer
from ...tensor._ops import shape_inputs

__all__ = ["affine_grid", "channel_shuffle", "grid_sample", "pixel_shuffle", "pixel_unshuffle", "temporal_shift"]


def pixel_shuffle(x, upscale_factor, data_format="NCHW", name=None):
    """Groups of channels laid out as pixels. Source: paddle.nn.functional.pixel_shuffle."""
    return layer("pixel_shuffle", {"X": x}, "Out", {"upscale_factor": upscale_factor, "data_format": data_format}, name=name)


def pixel_unshuffle(x, downscale_factor, data_format="NCHW", name=None):
    """The inverse of pixel_shuffle. Source: paddle.nn.functional.pixel_unshuffle."""
    return layer("pixel_unshuffle", {"X": x}, "Out", {"downscale_factor": downscale_factor, "data_format": data_format},
                 name=name)


def channel_shuffle(x, groups, data_format="NCHW", name=None):
    """Channels dealt out anew among groups. Source: paddle.nn.functional.channel_shuffle."""
    return layer("channel_shuffle", {"X": x}, "Out", {"groups": groups, "data_format": data_format}, name=name)


def grid_sample(x, grid, mode="bilinear", padding_mode="zeros", align_corners=True, name=None):
    """Images read at the places a grid names, in [-1, 1]. Source: paddle.nn.functional.grid_sample."""
    attrs = {"mode": mode, "padding_mode": padding_mode, "align_corners": align_corners}
    return layer("grid_sampler", {"X": x, "Grid": grid}, "Output", attrs, layer="grid_sample", name=name)


def affine_grid(theta, out_shape, align_corners=True, name=None):
    """The grid of an affine map, for grid_sample. Source: paddle.nn.functional.affine_grid."""
    inputs, attribute = shape_inputs(out_shape, "OutputShape", "OutputShape")
    return layer("affine_grid", {"Theta": theta, **inputs}, "Output", {"output_shape": attribute, "align_corners": align_corners},
                 name=name)


def temporal_shift(x, seg_num, shift_ratio=0.25, name=None, data_format="NCHW"):
    """Some channels moved one frame on, some one back. Source: paddle.nn.functional.temporal_shift."""
    attrs = {"seg_num": seg_num, "shift_ratio": shift_ratio, "data_format": data_format}
    return layer("temporal_shift", {"X": x}, "Out", attrs, name=name)
