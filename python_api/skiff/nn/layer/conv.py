"""Convolutions with their filters."""
from .. import functional as F  # noqa: N812
from ..functional.conv import conv_nd, numbers
from ..initializer import Normal
from .layers import Layer

__all__ = ["Conv1D", "Conv1DTranspose", "Conv2D", "Conv2DTranspose", "Conv3D", "Conv3DTranspose"]

_FORMATS = ("NCL", "NLC", "NCHW", "NHWC", "NCDHW", "NDHWC")


class _Conv(Layer):
    """Filter, bias and options of a convolution over `axes` axes."""

    def __init__(self, axes, transposed, in_channels, out_channels, kernel_size, stride, padding, output_padding, dilation, groups,
                 padding_mode, weight_attr, bias_attr, data_format):
        super().__init__()
        if weight_attr is False:
            raise AssertionError("weight_attr should not be False in Conv.")
        if padding_mode not in ("zeros", "reflect", "replicate", "circular"):
            raise ValueError(f"padding_mode must be zeros, reflect, replicate or circular, {padding_mode!r} was given")
        if padding_mode != "zeros" and not isinstance(padding, int):
            raise TypeError(f"padding must be a whole number with padding_mode {padding_mode!r}, {padding} was given")
        if data_format not in _FORMATS:
            raise ValueError(f"data_format must be one of {', '.join(_FORMATS)}, {data_format!r} was given")
        if not transposed and in_channels % groups:
            raise ValueError(f"in_channels must be divisible by groups, {in_channels} and {groups} were given")
        self._in_channels, self._out_channels, self._groups = in_channels, out_channels, groups
        self._stride, self._dilation = numbers(stride, axes, "stride"), numbers(dilation, axes, "dilation")
        self._kernel_size = numbers(kernel_size, axes, "kernel_size")
        self._padding, self._padding_mode, self.output_padding = padding, padding_mode, output_padding
        self._data_format = data_format
        if transposed:
            shape, initializer = [in_channels, out_channels // groups], None
        else:
            size = in_channels
            for extent in self._kernel_size:
                size *= extent
            shape, initializer = [out_channels, in_channels // groups], Normal(0.0, (2.0 / size) ** 0.5)
        self.weight = self.create_parameter(shape + self._kernel_size, weight_attr, default_initializer=initializer)
        self.bias = self.create_parameter([out_channels], bias_attr, is_bias=True)

    def _padded(self, x):
        """(x padded by the layer's mode, padding that is left to the operator)."""
        if self._padding_mode == "zeros":
            return x, self._padding
        around = [self._padding] * (2 * len(self._kernel_size))
        return F.pad(x, around, self._padding_mode, data_format=self._data_format), 0

    def _options(self, output_size):
        """Of a transposed convolution; a size chosen in the call replaces the output padding."""
        return {"bias": self.bias, "stride": self._stride, "padding": self._padding, "dilation": self._dilation,
                "groups": self._groups, "output_size": output_size, "data_format": self._data_format,
                "output_padding": self.output_padding if output_size is None else 0}

    def extra_repr(self):
        """Channels and sizes."""
        axes = len(self._kernel_size)
        parts = [f"{self._in_channels}, {self._out_channels}, kernel_size={self._kernel_size}"]
        for what, value, usual in (("stride", self._stride, [1] * axes), ("padding", self._padding, 0),
                                   ("padding_mode", self._padding_mode, "zeros"), ("output_padding", self.output_padding, 0),
                                   ("dilation", self._dilation, [1] * axes), ("groups", self._groups, 1)):
            if value != usual:
                parts.append(f"{what}={value}")
        return ", ".join(parts) + f", data_format={self._data_format}"


class Conv1D(_Conv):
    """A convolution over signals; arguments as Conv2D's. Source: paddle.nn.Conv1D."""

    def __init__(self, in_channels, out_channels, kernel_size, stride=1, padding=0, dilation=1, groups=1, padding_mode="zeros",
                 weight_attr=None, bias_attr=None, data_format="NCL"):
        super().__init__(1, False, in_channels, out_channels, kernel_size, stride, padding, 0, dilation, groups, padding_mode,
                         weight_attr, bias_attr, data_format)

    def forward(self, x):
        x, padding = self._padded(x)
        return F.conv1d(x, self.weight, self.bias, self._stride, padding, self._dilation, self._groups, self._data_format)


class Conv2D(_Conv):
    """A convolution over images.

    Args:
        in_channels, out_channels (int): channels of the input and of the result.
        kernel_size (int | list): of the filters.
        stride, dilation (int | list): one number for both axes, or two.
        padding (int | list | str): rows and columns added around; "SAME" or "VALID".
        groups (int): channels only meet those of their group.
        padding_mode (str): what is added: "zeros", "reflect", "replicate" or "circular".
        weight_attr (ParamAttr): filter [out_channels, in_channels / groups, height, width].
        bias_attr (ParamAttr | False): [out_channels]; False makes none.
        data_format (str): "NCHW" or "NHWC".

    Source: paddle.nn.Conv2D.
    """

    def __init__(self, in_channels, out_channels, kernel_size, stride=1, padding=0, dilation=1, groups=1, padding_mode="zeros",
                 weight_attr=None, bias_attr=None, data_format="NCHW"):
        super().__init__(2, False, in_channels, out_channels, kernel_size, stride, padding, 0, dilation, groups, padding_mode,
                         weight_attr, bias_attr, data_format)
        depthwise = in_channels == groups and in_channels != 1 and out_channels % in_channels == 0
        self._op_type = "depthwise_conv2d" if depthwise else "conv2d"

    def forward(self, x):
        x, padding = self._padded(x)
        return conv_nd(self._op_type, 2, x, self.weight, self.bias, self._stride, padding, self._dilation, self._groups,
                       self._data_format, None, spread=True)


class Conv3D(_Conv):
    """A convolution over volumes; arguments as Conv2D's. Source: paddle.nn.Conv3D."""

    def __init__(self, in_channels, out_channels, kernel_size, stride=1, padding=0, dilation=1, groups=1, padding_mode="zeros",
                 weight_attr=None, bias_attr=None, data_format="NCDHW"):
        super().__init__(3, False, in_channels, out_channels, kernel_size, stride, padding, 0, dilation, groups, padding_mode,
                         weight_attr, bias_attr, data_format)

    def forward(self, x):
        x, padding = self._padded(x)
        return conv_nd("conv3d", 3, x, self.weight, self.bias, self._stride, padding, self._dilation, self._groups,
                       self._data_format, None, spread=True)


class Conv1DTranspose(_Conv):
    """The gradient of Conv1D, used as a layer; arguments as Conv2DTranspose's. Source: paddle.nn.Conv1DTranspose."""

    def __init__(self, in_channels, out_channels, kernel_size, stride=1, padding=0, output_padding=0, groups=1, dilation=1,
                 weight_attr=None, bias_attr=None, data_format="NCL"):
        super().__init__(1, True, in_channels, out_channels, kernel_size, stride, padding, output_padding, dilation, groups,
                         "zeros", weight_attr, bias_attr, data_format)

    def forward(self, x, output_size=None):
        return F.conv1d_transpose(x, self.weight, **{**self._options(output_size), "output_padding": self.output_padding})


class Conv2DTranspose(_Conv):
    """The gradient of Conv2D, used as a layer.

    Args:
        in_channels, out_channels (int): channels of the input and of the result.
        kernel_size, stride, padding, dilation, groups, data_format: as Conv2D's.
        output_padding (int | list): rows and columns added at the end, where several sizes fit.
        weight_attr (ParamAttr): filter [in_channels, out_channels / groups, height, width].
        bias_attr (ParamAttr | False): [out_channels]; False makes none.

    Calls take output_size too: the size wanted, in place of output_padding.

    Source: paddle.nn.Conv2DTranspose.
    """

    def __init__(self, in_channels, out_channels, kernel_size, stride=1, padding=0, output_padding=0, dilation=1, groups=1,
                 weight_attr=None, bias_attr=None, data_format="NCHW"):
        super().__init__(2, True, in_channels, out_channels, kernel_size, stride, padding, output_padding, dilation, groups,
                         "zeros", weight_attr, bias_attr, data_format)

    def forward(self, x, output_size=None):
        return F.conv2d_transpose(x, self.weight, **self._options(output_size))


class Conv3DTranspose(_Conv):
    """The gradient of Conv3D, used as a layer; arguments as Conv2DTranspose's. Source: paddle.nn.Conv3DTranspose."""

    def __init__(self, in_channels, out_channels, kernel_size, stride=1, padding=0, output_padding=0, dilation=1, groups=1,
                 weight_attr=None, bias_attr=None, data_format="NCDHW"):
        super().__init__(3, True, in_channels, out_channels, kernel_size, stride, padding, output_padding, dilation, groups,
                         "zeros", weight_attr, bias_attr, data_format)

    def forward(self, x, output_size=None):
        return F.conv3d_transpose(x, self.weight, **self._options(output_size))
