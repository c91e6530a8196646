"""Linear maps, embeddings, dropout, padding, sizes, windows, distances."""
from ... import _core
from ...tensor.manipulation import flatten
from .. import functional as F  # noqa: N812
from .layers import Layer, of_function

__all__ = ["AlphaDropout", "Bilinear", "ChannelShuffle", "CosineSimilarity", "Dropout", "Dropout2D", "Dropout3D", "Embedding",
           "Flatten", "Fold", "Identity", "Linear", "Pad1D", "Pad2D", "Pad3D", "PairwiseDistance", "PixelShuffle",
           "PixelUnshuffle", "Unflatten", "Unfold", "Upsample", "UpsamplingBilinear2D", "UpsamplingNearest2D", "ZeroPad2D"]

AlphaDropout = of_function("AlphaDropout", F.alpha_dropout)
CosineSimilarity = of_function("CosineSimilarity", F.cosine_similarity, 2)
Dropout = of_function("Dropout", F.dropout)
Dropout2D = of_function("Dropout2D", F.dropout2d)
Dropout3D = of_function("Dropout3D", F.dropout3d)
Flatten = of_function("Flatten", lambda x, start_axis=1, stop_axis=-1: flatten(x, start_axis, stop_axis),
                      doc="Axes merged into one, by default all but the first. Source: paddle.nn.Flatten.")
PairwiseDistance = of_function("PairwiseDistance", F.pairwise_distance, 2)
PixelShuffle = of_function("PixelShuffle", F.pixel_shuffle)
PixelUnshuffle = of_function("PixelUnshuffle", F.pixel_unshuffle)
ChannelShuffle = of_function("ChannelShuffle", F.channel_shuffle)
Upsample = of_function("Upsample", F.interpolate)
Unfold = of_function("Unfold", lambda x, kernel_sizes, dilations=1, paddings=0, strides=1, name=None:
                     F.unfold(x, kernel_sizes, strides, paddings, dilations, name),
                     doc="The layer of `nn.functional.unfold`; mind the order of options. Source: paddle.nn.Unfold.")
Fold = of_function("Fold", lambda x, output_sizes, kernel_sizes, dilations=1, paddings=0, strides=1, name=None:
                   F.fold(x, output_sizes, kernel_sizes, strides, paddings, dilations, name),
                   doc="The layer of `nn.functional.fold`; mind the order of options. Source: paddle.nn.Fold.")


class Identity(Layer):
    """Gives its input; takes any arguments. Source: paddle.nn.Identity."""

    def __init__(self, *args, **kwargs):
        super().__init__()

    def forward(self, input):  # noqa: A002
        return input


class Linear(Layer):
    """x @ weight + bias.

    Args:
        in_features, out_features (int): widths.
        weight_attr (ParamAttr): [in_features, out_features].
        bias_attr (ParamAttr | False): [out_features]; False makes none.
        name (str): of the operators.

    Source: paddle.nn.Linear.
    """

    def __init__(self, in_features, out_features, weight_attr=None, bias_attr=None, name=None):
        super().__init__()
        self.weight = self.create_parameter([in_features, out_features], weight_attr)
        self.bias = self.create_parameter([out_features], bias_attr, is_bias=True)
        self.name = name

    def forward(self, input):  # noqa: A002
        return F.linear(input, self.weight, self.bias, self.name)

    def extra_repr(self):
        """Widths and dtype."""
        name = f", name={self.name}" if self.name else ""
        return f"in_features={self.weight.shape[0]}, out_features={self.weight.shape[1]}, dtype=" \
               f"{_core.dtype_name(self.weight.dtype)}{name}"


class Bilinear(Layer):
    """x1 @ weight[i] @ x2 + bias[i].

    Args:
        in1_features, in2_features, out_features (int): widths.
        weight_attr (ParamAttr): [out_features, in1_features, in2_features].
        bias_attr (ParamAttr | False): [1, out_features]; False makes none.
        name (str): of the operator.

    Source: paddle.nn.Bilinear.
    """

    def __init__(self, in1_features, in2_features, out_features, weight_attr=None, bias_attr=None, name=None):
        super().__init__()
        self._name = name
        self.weight = self.create_parameter([out_features, in1_features, in2_features], weight_attr)
        self.bias = self.create_parameter([1, out_features], bias_attr, is_bias=True)

    def forward(self, x1, x2):
        return F.bilinear(x1, x2, self.weight, self.bias, self._name)


class Embedding(Layer):
    """Rows of a table.

    Args:
        num_embeddings, embedding_dim (int): rows and their width.
        padding_idx (int): this row reads as zeros; negative counts from the end.
        sparse (bool): the table's gradient is a set of rows.
        weight_attr (ParamAttr): [num_embeddings, embedding_dim].
        name (str): of the operator.

    Source: paddle.nn.Embedding.
    """

    def __init__(self, num_embeddings, embedding_dim, padding_idx=None, sparse=False, weight_attr=None, name=None):
        super().__init__()
        if num_embeddings <= 0 or embedding_dim <= 0:
            raise ValueError(f"num_embeddings and embedding_dim must be above 0, {num_embeddings} and {embedding_dim} were given")
        if padding_idx is not None and not -num_embeddings <= padding_idx < num_embeddings:
            raise ValueError(f"padding_idx must be within [-{num_embeddings}, {num_embeddings})")
        self._padding_idx, self._sparse, self._name = padding_idx, sparse, name
        self.weight = self.create_parameter([num_embeddings, embedding_dim], weight_attr)

    def forward(self, x):
        return F.embedding(x, self.weight, self._padding_idx, self._sparse, self._name)

    def extra_repr(self):
        """Rows, width, options."""
        padding = "" if self._padding_idx is None else f", padding_idx={self._padding_idx}"
        return f"{self.weight.shape[0]}, {self.weight.shape[1]}{padding}, sparse={self._sparse}"


class _Pad(Layer):
    """Elements added at the ends of the spatial axes; one number pads them all."""

    def __init__(self, axes, padding, mode, value, data_format, name):
        super().__init__()
        self._pad = padding if isinstance(padding, (list, tuple, _core.Variable)) else [padding] * (2 * axes)
        self._mode, self._value, self._data_format, self._name = mode, value, data_format, name

    def forward(self, x):
        return F.pad(x, self._pad, self._mode, self._value, self._data_format, self._name)

    def extra_repr(self):
        """Options."""
        return f"padding={self._pad}, mode={self._mode}, value={self._value}, data_format={self._data_format}"


class Pad1D(_Pad):
    """Signals with elements added at both ends; see `nn.functional.pad`. Source: paddle.nn.Pad1D."""

    def __init__(self, padding, mode="constant", value=0.0, data_format="NCL", name=None):
        super().__init__(1, padding, mode, value, data_format, name)


class Pad2D(_Pad):
    """Images with elements added around; see `nn.functional.pad`. Source: paddle.nn.Pad2D."""

    def __init__(self, padding, mode="constant", value=0.0, data_format="NCHW", name=None):
        super().__init__(2, padding, mode, value, data_format, name)


class ZeroPad2D(_Pad):
    """Images with zeros around. Source: paddle.nn.ZeroPad2D."""

    def __init__(self, padding, data_format="NCHW", name=None):
        super().__init__(2, padding, "constant", 0.0, data_format, name)


class Pad3D(_Pad):
    """Volumes with elements added around; see `nn.functional.pad`. Source: paddle.nn.Pad3D."""

    def __init__(self, padding, mode="constant", value=0.0, data_format="NCDHW", name=None):
        super().__init__(3, padding, mode, value, data_format, name)


class _Upsampling(Layer):
    """Images of another size."""

    _options = {}

    def __init__(self, size=None, scale_factor=None, data_format="NCHW", name=None):
        super().__init__()
        self.size = [size, size] if isinstance(size, int) else size
        self.scale_factor, self.data_format, self.name = scale_factor, data_format, name

    def forward(self, x):
        return F.interpolate(x, self.size, self.scale_factor, data_format=self.data_format, name=self.name, **self._options)

    def extra_repr(self):
        """Options."""
        size = f"size={self.size}" if self.scale_factor is None else f"scale_factor={self.scale_factor}"
        return f"{size}, data_format={self.data_format}"


class UpsamplingNearest2D(_Upsampling):
    """Images of another size, each pixel the nearest one. Source: paddle.nn.UpsamplingNearest2D."""

    _options = {"mode": "nearest"}


class UpsamplingBilinear2D(_Upsampling):
    """Images of another size, bilinear, the corner pixels where they were. Source: paddle.nn.UpsamplingBilinear2D."""

    _options = {"mode": "bilinear", "align_corners": True}


class Unflatten(Layer):
    """One axis split into several of extents `shape`. Source: paddle.nn.Unflatten."""

    def __init__(self, axis, shape, name=None):
        super().__init__()
        self.axis, self.shape, self.name = axis, shape, name

    def forward(self, input):  # noqa: A002
        from ... import tensor
        return tensor.unflatten(input, self.axis, self.shape, self.name)

    def extra_repr(self):
        """Options."""
        return f"axis={self.axis}, shape={self.shape}"
