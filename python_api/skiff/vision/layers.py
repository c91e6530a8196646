"""Deformable convolutions, and pooling of regions as layers. Source: paddle.vision.ops."""
from .. import _core
from .._core import layer
from ..nn import Layer
from ..nn.functional.conv import numbers
from ..nn.initializer import Normal

__all__ = ["DeformConv2D", "PSRoIPool", "RoIAlign", "RoIPool", "deform_conv2d"]


def deform_conv2d(x, offset, weight, bias=None, stride=1, padding=0, dilation=1, deformable_groups=1, groups=1, mask=None,
                  name=None):
    """A convolution each of whose points is read somewhere else.

    Args:
        x (Variable): [batch, channels, height, width].
        offset (Variable): [batch, 2 * deformable_groups * points of the filter, height, width of the result]: rows and
            columns by which each point is moved.
        weight (Variable): [filters, channels / groups, height, width].
        bias (Variable): [filters].
        stride, padding, dilation (int | list): one number for both axes, or two.
        deformable_groups (int): channels of one group are moved alike.
        groups (int): channels only meet those of their group.
        mask (Variable): [batch, deformable_groups * points, height, width of the result]: factors of the points.
        name (str): of the layer.

    Source: paddle.vision.ops.deform_conv2d; Dai et al. 2017, Zhu et al. 2018.
    """
    attrs = {"strides": numbers(stride, 2, "stride"), "paddings": numbers(padding, 2, "padding"),
             "dilations": numbers(dilation, 2, "dilation"), "groups": groups, "deformable_groups": deformable_groups,
             "im2col_step": 1}
    helper = _core.LayerHelper("deformable_conv", name)
    inputs = {"Input": x, "Filter": weight, "Offset": offset}
    if mask is not None:
        inputs["Mask"] = mask
    out = layer("deformable_conv_v1" if mask is None else "deformable_conv", inputs, "Output", attrs, name=helper.name,
                dtype=x.dtype)
    return out if bias is None else layer("elementwise_add", {"X": out, "Y": bias}, "Out", {"axis": 1}, name=helper.name)


class DeformConv2D(Layer):
    """A deformable convolution with its filter; arguments as nn.Conv2D's, calls as deform_conv2d's.

    Source: paddle.vision.ops.DeformConv2D.
    """

    def __init__(self, in_channels, out_channels, kernel_size, stride=1, padding=0, dilation=1, deformable_groups=1, groups=1,
                 weight_attr=None, bias_attr=None):
        super().__init__()
        if weight_attr is False:
            raise AssertionError("weight_attr should not be False in Conv.")
        if in_channels % groups:
            raise ValueError(f"in_channels must be divisible by groups, {in_channels} and {groups} were given")
        kernel = numbers(kernel_size, 2, "kernel_size")
        self._options = {"stride": stride, "padding": padding, "dilation": dilation, "deformable_groups": deformable_groups,
                         "groups": groups}
        std = (2.0 / (kernel[0] * kernel[1] * in_channels)) ** 0.5
        self.weight = self.create_parameter([out_channels, in_channels // groups, *kernel], weight_attr,
                                            default_initializer=Normal(0.0, std))
        self.bias = self.create_parameter([out_channels], bias_attr, is_bias=True)

    def forward(self, x, offset, mask=None):
        return deform_conv2d(x, offset, self.weight, self.bias, mask=mask, **self._options)


class _RegionPool(Layer):
    """Bins and scale of the pooling of regions."""

    def __init__(self, output_size, spatial_scale=1.0):
        super().__init__()
        self.output_size, self.spatial_scale = output_size, spatial_scale

    def extra_repr(self):
        """Options."""
        return f"output_size={self.output_size}, spatial_scale={self.spatial_scale}"


class RoIPool(_RegionPool):
    """The layer of `roi_pool`. Source: paddle.vision.ops.RoIPool."""

    def forward(self, x, boxes, boxes_num):
        from .ops import roi_pool
        return roi_pool(x, boxes, boxes_num, self.output_size, self.spatial_scale)


class PSRoIPool(_RegionPool):
    """The layer of `psroi_pool`. Source: paddle.vision.ops.PSRoIPool."""

    def forward(self, x, boxes, boxes_num):
        from .ops import psroi_pool
        return psroi_pool(x, boxes, boxes_num, self.output_size, self.spatial_scale)


class RoIAlign(_RegionPool):
    """The layer of `roi_align`. Source: paddle.vision.ops.RoIAlign."""

    def forward(self, x, boxes, boxes_num, aligned=True):
        from .ops import roi_align
        return roi_align(x, boxes, boxes_num, self.output_size, self.spatial_scale, aligned=aligned)
