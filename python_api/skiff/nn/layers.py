"""Layers as objects that keep their parameters, inside static programs. Source: paddle.nn."""
from .. import _core
from ..framework import get_default_dtype
from . import functional as F  # noqa: N812
from .initializer import Constant, Normal

__all__ = ["AdaptiveAvgPool2D", "AvgPool2D", "BatchNorm1D", "BatchNorm2D", "Conv2D", "CrossEntropyLoss", "Dropout", "Embedding",
           "Flatten", "GELU", "Layer", "LayerList", "LayerNorm", "LeakyReLU", "Linear", "MSELoss", "MaxPool2D", "ReLU",
           "Sequential", "Sigmoid", "Softmax", "Tanh"]


class Layer:
    """Holds parameters and other layers as attributes; calling it calls `forward`. Source: paddle.nn.Layer."""

    def __init__(self, name_scope=None, dtype=None):
        self.training = True
        self._dtype = dtype or get_default_dtype()
        kind = name_scope or _snake(type(self).__name__)
        self._helper = _core.LayerHelper(kind)

    def full_name(self):
        """The layer's generated name."""
        return self._helper.name

    def create_parameter(self, shape, attr=None, dtype=None, is_bias=False, default_initializer=None):
        """A parameter named after the layer, or None where attr is False."""
        return self._helper.create_parameter(attr, shape, dtype or self._dtype, is_bias, default_initializer)

    def forward(self, *inputs, **kwargs):
        """What calling the layer does."""
        raise NotImplementedError(f"{type(self).__name__} has no forward")

    def __call__(self, *inputs, **kwargs):
        return self.forward(*inputs, **kwargs)

    def children(self):
        """Layers held as attributes."""
        return [value for value in vars(self).values() if isinstance(value, Layer)]

    sublayers = children

    def named_parameters(self, prefix=""):
        """(structured name, parameter) of this layer and those it holds."""
        for name, value in vars(self).items():
            if isinstance(value, _core.Variable) and value.is_parameter:
                yield prefix + name, value
            elif isinstance(value, Layer):
                yield from value.named_parameters(prefix + name + ".")

    def parameters(self):
        """Parameters of this layer and those it holds."""
        return [parameter for _, parameter in self.named_parameters()]

    def train(self):
        """Builds for training from now on."""
        self._set_training(True)

    def eval(self):
        """Builds for inference from now on."""
        self._set_training(False)

    def _set_training(self, training):
        self.training = training
        for child in self.children():
            child._set_training(training)


def _snake(name):
    out = ""
    for i, c in enumerate(name):
        follows = i > 0 and c.isupper() and (not name[i - 1].isupper() and not name[i - 1].isdigit()
                                             or i + 1 < len(name) and name[i + 1].islower())
        out += ("_" if follows else "") + c.lower()
    return out


class Sequential(Layer):
    """Layers one after the other. Source: paddle.nn.Sequential."""

    def __init__(self, *layers):
        super().__init__()
        self._names = []
        for i, entry in enumerate(layers):
            name, held = entry if isinstance(entry, (tuple, list)) else (str(i), entry)
            setattr(self, name, held)
            self._names.append(name)

    def forward(self, x):
        for name in self._names:
            x = getattr(self, name)(x)
        return x

    def __getitem__(self, index):
        return getattr(self, self._names[index])

    def __len__(self):
        return len(self._names)


class LayerList(Layer):
    """A list of layers. Source: paddle.nn.LayerList."""

    def __init__(self, sublayers=()):
        super().__init__()
        self._count = 0
        for held in sublayers:
            self.append(held)

    def append(self, sublayer):
        """Adds a layer at the end."""
        setattr(self, str(self._count), sublayer)
        self._count += 1
        return self

    def __getitem__(self, index):
        return getattr(self, str(index % self._count))

    def __len__(self):
        return self._count

    def __iter__(self):
        return (self[i] for i in range(self._count))


class Linear(Layer):
    """x @ weight + bias. Source: paddle.nn.Linear."""

    def __init__(self, in_features, out_features, weight_attr=None, bias_attr=None, name=None):
        super().__init__()
        self.weight = self.create_parameter([in_features, out_features], weight_attr)
        self.bias = self.create_parameter([out_features], bias_attr, is_bias=True)
        self.name = name

    def forward(self, x):
        return F.linear(x, self.weight, self.bias, self.name)


class Conv2D(Layer):
    """A convolution over images. Source: paddle.nn.Conv2D."""

    def __init__(self, in_channels, out_channels, kernel_size, stride=1, padding=0, dilation=1, groups=1, padding_mode="zeros",
                 weight_attr=None, bias_attr=None, data_format="NCHW"):
        super().__init__()
        if padding_mode != "zeros":
            raise NotImplementedError(f"Conv2D: padding_mode {padding_mode!r} is not supported; use nn.functional.pad")
        kernel = [kernel_size] * 2 if isinstance(kernel_size, int) else list(kernel_size)
        fan = kernel[0] * kernel[1] * in_channels
        self.weight = self.create_parameter([out_channels, in_channels // groups, *kernel], weight_attr,
                                            default_initializer=Normal(0.0, (2.0 / fan) ** 0.5))
        self.bias = self.create_parameter([out_channels], bias_attr, is_bias=True)
        self._options = (stride, padding, dilation, groups, data_format)

    def forward(self, x):
        return F.conv2d(x, self.weight, self.bias, *self._options)


class BatchNorm2D(Layer):
    """Normalises each channel of images. Source: paddle.nn.BatchNorm2D."""

    def __init__(self, num_features, momentum=0.9, epsilon=1e-05, weight_attr=None, bias_attr=None, data_format="NCHW",
                 use_global_stats=None, name=None):
        super().__init__()
        self.weight = self.create_parameter([num_features], weight_attr, default_initializer=Constant(1.0))
        self.bias = self.create_parameter([num_features], bias_attr, is_bias=True)
        from ..framework import ParamAttr
        own = [f"{name}_mean", f"{name}_variance"] if name else [None, None]
        self._mean = self.create_parameter([num_features], ParamAttr(own[0], Constant(0.0), trainable=False))
        self._variance = self.create_parameter([num_features], ParamAttr(own[1], Constant(1.0), trainable=False))
        self._mean.stop_gradient = self._variance.stop_gradient = True
        self._options = (momentum, epsilon, data_format, use_global_stats)

    def forward(self, x):
        momentum, epsilon, data_format, use_global_stats = self._options
        return F.batch_norm(x, self._mean, self._variance, self.weight, self.bias, self.training, momentum, epsilon, data_format,
                            use_global_stats)


class BatchNorm1D(BatchNorm2D):
    """Normalises each channel of signals or vectors. Source: paddle.nn.BatchNorm1D."""

    def __init__(self, num_features, momentum=0.9, epsilon=1e-05, weight_attr=None, bias_attr=None, data_format="NCL",
                 use_global_stats=None, name=None):
        super().__init__(num_features, momentum, epsilon, weight_attr, bias_attr, data_format, use_global_stats, name)


class LayerNorm(Layer):
    """Normalises over the last axes. Source: paddle.nn.LayerNorm."""

    def __init__(self, normalized_shape, epsilon=1e-05, weight_attr=None, bias_attr=None, name=None):
        super().__init__()
        self._shape = [normalized_shape] if isinstance(normalized_shape, int) else list(normalized_shape)
        size = [1]
        for extent in self._shape:
            size[0] *= extent
        self._epsilon = epsilon
        self.weight = None if weight_attr is False else \
            self.create_parameter(size, weight_attr, default_initializer=Constant(1.0))
        self.bias = self.create_parameter(size, bias_attr, is_bias=True)

    def forward(self, x):
        return F.layer_norm(x, self._shape, self.weight, self.bias, self._epsilon)


class Embedding(Layer):
    """Rows of a table. Source: paddle.nn.Embedding."""

    def __init__(self, num_embeddings, embedding_dim, padding_idx=None, sparse=False, weight_attr=None, name=None):
        super().__init__()
        self._options = (padding_idx, sparse, name)
        self.weight = self.create_parameter([num_embeddings, embedding_dim], weight_attr)

    def forward(self, x):
        return F.embedding(x, self.weight, *self._options)


def _simple(name, function, doc, *defaults):
    """A layer without parameters: its arguments are those of the function after the input."""
    names = [n for n, _ in defaults]

    def __init__(self, *args, **kwargs):
        Layer.__init__(self)
        values = dict(defaults)
        values.update(zip(names, args))
        unknown = set(kwargs) - set(names) - {"name"}
        if len(args) > len(names) or unknown:
            raise TypeError(f"{name} takes {names}, {sorted(unknown) or args} was given")
        values.update({k: v for k, v in kwargs.items() if k != "name"})
        missing = [n for n in names if values[n] is _NEEDED]
        if missing:
            raise TypeError(f"{name} needs {missing}")
        self._values = values

    def forward(self, *inputs):
        options = dict(self._values)
        if name == "Dropout":
            options["training"] = self.training
        return function(*inputs, **options)
    return type(name, (Layer,), {"__init__": __init__, "forward": forward, "__doc__": doc, "__module__": __name__})


_NEEDED = object()
ReLU = _simple("ReLU", F.relu, "max(x, 0).")
Sigmoid = _simple("Sigmoid", F.sigmoid, "1 / (1 + e^-x).")
Tanh = _simple("Tanh", F.tanh, "Hyperbolic tangent.")
GELU = _simple("GELU", F.gelu, "See nn.functional.gelu.", ("approximate", False))
LeakyReLU = _simple("LeakyReLU", F.leaky_relu, "See nn.functional.leaky_relu.", ("negative_slope", 0.01))
Softmax = _simple("Softmax", F.softmax, "See nn.functional.softmax.", ("axis", -1))
Dropout = _simple("Dropout", F.dropout, "See nn.functional.dropout.", ("p", 0.5), ("axis", None), ("mode", "upscale_in_train"))
MaxPool2D = _simple("MaxPool2D", F.max_pool2d, "See nn.functional.max_pool2d.", ("kernel_size", _NEEDED), ("stride", None),
                    ("padding", 0), ("return_mask", False), ("ceil_mode", False), ("data_format", "NCHW"))
AvgPool2D = _simple("AvgPool2D", F.avg_pool2d, "See nn.functional.avg_pool2d.", ("kernel_size", _NEEDED), ("stride", None),
                    ("padding", 0), ("ceil_mode", False), ("exclusive", True), ("divisor_override", None), ("data_format", "NCHW"))
AdaptiveAvgPool2D = _simple("AdaptiveAvgPool2D", F.adaptive_avg_pool2d, "See nn.functional.adaptive_avg_pool2d.",
                            ("output_size", _NEEDED), ("data_format", "NCHW"))
CrossEntropyLoss = _simple("CrossEntropyLoss", F.cross_entropy, "See nn.functional.cross_entropy.", ("weight", None),
                           ("ignore_index", -100), ("reduction", "mean"), ("soft_label", False), ("axis", -1),
                           ("use_softmax", True), ("label_smoothing", 0.0))
MSELoss = _simple("MSELoss", F.mse_loss, "See nn.functional.mse_loss.", ("reduction", "mean"))


class Flatten(Layer):
    """Axes merged into one. Source: paddle.nn.Flatten."""

    def __init__(self, start_axis=1, stop_axis=-1):
        super().__init__()
        self._axes = (start_axis, stop_axis)

    def forward(self, x):
        from ..tensor.manipulation import flatten
        return flatten(x, *self._axes)
