"""Normalisation with its parameters."""
import math

from ...framework import ParamAttr, get_default_dtype
from .. import functional as F  # noqa: N812
from ..initializer import Constant, Normal
from .layers import Layer, of_function

__all__ = ["BatchNorm", "BatchNorm1D", "BatchNorm2D", "BatchNorm3D", "GroupNorm", "InstanceNorm1D", "InstanceNorm2D",
           "InstanceNorm3D", "LayerNorm", "LocalResponseNorm", "SpectralNorm", "SyncBatchNorm"]

LocalResponseNorm = of_function("LocalResponseNorm", F.local_response_norm)


def _expect_axes(x, *axes):
    if len(x.shape) not in axes:
        raise ValueError(f"expected {' or '.join(f'{n}D' for n in axes)} input (got {len(x.shape)}D input)")


class _BatchNorm(Layer):
    """Scale, shift and running statistics of each channel."""

    _formats, _axes = (), ()

    def __init__(self, num_features, momentum=0.9, epsilon=1e-05, weight_attr=None, bias_attr=None, data_format="NCHW",
                 use_global_stats=None, name=None):
        super().__init__()
        self._num_features, self._momentum, self._epsilon = num_features, momentum, epsilon
        self._weight_attr, self._bias_attr = weight_attr, bias_attr
        self._data_format, self._use_global_stats, self._name = data_format, use_global_stats, name
        self._dtype = "float32" if get_default_dtype() == "float16" else get_default_dtype()
        self.weight = self._one("weight", weight_attr)
        self.bias = self._one("bias", bias_attr)
        names = (f"{name}_mean", f"{name}_variance") if name is not None else (None, None)
        self._mean, self._variance = self._statistics(names)

    def _one(self, what, attr):
        if attr is False:
            return None
        if what == "bias":
            return self.create_parameter([self._num_features], attr, self._dtype, is_bias=True)
        return self.create_parameter([self._num_features], attr, self._dtype, default_initializer=Constant(1.0))

    def _statistics(self, names):
        """(running mean, running variance): parameters that are not trained."""
        made = [self.create_parameter([self._num_features], ParamAttr(name, Constant(value), trainable=False), self._dtype)
                for name, value in zip(names, (0.0, 1.0))]
        for one in made:
            one.stop_gradient = True
        return made

    def forward(self, x):
        if self._data_format not in self._formats:
            raise ValueError(f"expected {' or '.join(self._formats)} for data_format input, {self._data_format!r} was given")
        _expect_axes(x, *self._axes)
        return F.batch_norm(x, self._mean, self._variance, self.weight, self.bias, self.training, self._momentum, self._epsilon,
                            self._data_format, self._use_global_stats)

    def extra_repr(self):
        """Channels and numbers."""
        return f"num_features={self._num_features}, momentum={self._momentum}, epsilon={self._epsilon}"


class BatchNorm1D(_BatchNorm):
    """Normalises each channel of vectors or signals; arguments as BatchNorm2D's. Source: paddle.nn.BatchNorm1D."""

    _formats, _axes = ("NC", "NCL", "NLC", "NCHW", "NHWC"), (2, 3)

    def __init__(self, num_features, momentum=0.9, epsilon=1e-05, weight_attr=None, bias_attr=None, data_format="NCL",
                 use_global_stats=None, name=None):
        super().__init__(num_features, momentum, epsilon, weight_attr, bias_attr, data_format, use_global_stats, name)


class BatchNorm2D(_BatchNorm):
    """Normalises each channel of images over batch and space.

    Args:
        num_features (int): channels.
        momentum (float): running = momentum * running + (1 - momentum) * batch.
        epsilon (float): added to the variance.
        weight_attr, bias_attr (ParamAttr | False): scale and shift; False makes none.
        data_format (str): "NCHW" or "NHWC".
        use_global_stats (bool): the running statistics always; where None, when not training.
        name (str): in front of the names of the running statistics.

    Source: paddle.nn.BatchNorm2D.
    """

    _formats, _axes = ("NCHW", "NHWC"), (4,)


class BatchNorm3D(_BatchNorm):
    """Normalises each channel of volumes; arguments as BatchNorm2D's. Source: paddle.nn.BatchNorm3D."""

    _formats, _axes = ("NCDHW", "NDHWC", "NCHW", "NHWC"), (5,)

    def __init__(self, num_features, momentum=0.9, epsilon=1e-05, weight_attr=None, bias_attr=None, data_format="NCDHW",
                 use_global_stats=None, name=None):
        super().__init__(num_features, momentum, epsilon, weight_attr, bias_attr, data_format, use_global_stats, name)


class SyncBatchNorm(_BatchNorm):
    """BatchNorm of any number of axes, over the samples of all processes: in skiff there is one, and the operator is batch_norm.

    Source: paddle.nn.SyncBatchNorm.
    """

    _formats = ("NC", "NCL", "NLC", "NCHW", "NHWC", "NCDHW", "NDHWC")
    _axes = (2, 3, 4, 5)

    def __init__(self, num_features, momentum=0.9, epsilon=1e-05, weight_attr=None, bias_attr=None, data_format="NCHW", name=None):
        super().__init__(num_features, momentum, epsilon, weight_attr, bias_attr, data_format, None, name)
        for what, attr in (("weight", weight_attr), ("bias", bias_attr)):
            if attr is False:
                setattr(self, what, self._one(what, None))
                getattr(self, what).stop_gradient = True

    @classmethod
    def convert_sync_batchnorm(cls, layer):
        """The layer with a SyncBatchNorm of the same parameters in place of each BatchNorm it holds."""
        out = layer
        if isinstance(layer, _BatchNorm) and not isinstance(layer, SyncBatchNorm):
            out = cls(layer._num_features, layer._momentum, layer._epsilon, layer._weight_attr, layer._bias_attr,
                      layer._data_format, layer._name)
            if layer._weight_attr is not False and layer._bias_attr is not False:
                out.weight, out.bias = layer.weight, layer.bias
            out._mean, out._variance = layer._mean, layer._variance
        for name, held in list(layer.named_children()):
            out.add_sublayer(name, cls.convert_sync_batchnorm(held))
        return out


class BatchNorm(_BatchNorm):
    """Normalises each channel, then an activation: the layer of Paddle 1.

    Args:
        num_channels (int): channels.
        act (str): an activation of the result.
        is_test (bool): uses the running statistics.
        momentum, epsilon: as BatchNorm2D's.
        param_attr, bias_attr (ParamAttr | False): scale and shift.
        dtype: of the parameters.
        data_layout (str): "NCHW" or "NHWC".
        in_place (bool): the result takes the input's variable.
        moving_mean_name, moving_variance_name (str): of the running statistics.
        do_model_average_for_mean_and_var: accepted, without effect.
        use_global_stats (bool): uses the running statistics in training too.
        trainable_statistics (bool): uses the batch's statistics with is_test too.

    Source: paddle.nn.BatchNorm.
    """

    def __init__(self, num_channels, act=None, is_test=False, momentum=0.9, epsilon=1e-05, param_attr=None, bias_attr=None,
                 dtype="float32", data_layout="NCHW", in_place=False, moving_mean_name=None, moving_variance_name=None,
                 do_model_average_for_mean_and_var=True, use_global_stats=False, trainable_statistics=False):
        Layer.__init__(self)
        self._num_features, self._dtype = num_channels, "float32" if dtype == "float16" else dtype
        self._momentum, self._epsilon, self._act, self._in_place = momentum, epsilon, act, in_place
        self.weight, self.bias = self._one("weight", param_attr), self._one("bias", bias_attr)
        self._mean, self._variance = self._statistics((moving_mean_name, moving_variance_name))
        self._attributes = {"momentum": momentum, "epsilon": epsilon, "is_test": is_test, "data_layout": data_layout,
                            "use_global_stats": use_global_stats, "trainable_statistics": trainable_statistics}

    def forward(self, input):  # noqa: A002
        helper = self._helper
        outputs = {"MeanOut": self._mean, "VarianceOut": self._variance,
                   "SavedMean": helper.create_temporary(self._dtype, True),
                   "SavedVariance": helper.create_temporary(self._dtype, True),
                   "ReserveSpace": helper.create_temporary(input.dtype, True)}
        outputs["Y"] = input if self._in_place else helper.create_temporary(self._dtype)
        self.append_op("batch_norm", {"X": input, "Scale": self.weight, "Bias": self.bias, "Mean": self._mean,
                                      "Variance": self._variance}, outputs, self._attributes)
        return helper.activate(outputs["Y"], self._act)


class LayerNorm(Layer):
    """Normalises over the last axes.

    Args:
        normalized_shape (int | list): extents of these axes.
        epsilon (float): added to the variance.
        weight_attr, bias_attr (ParamAttr | False): scale and shift; False makes none.
        name (str): accepted, without effect.

    Source: paddle.nn.LayerNorm; Ba et al. 2016.
    """

    def __init__(self, normalized_shape, epsilon=1e-05, weight_attr=None, bias_attr=None, name=None):
        super().__init__()
        self._normalized_shape = [normalized_shape] if hasattr(normalized_shape, "__index__") else list(normalized_shape)
        self._epsilon = epsilon
        size = [math.prod(self._normalized_shape)]
        self.weight = None if weight_attr is False else \
            self.create_parameter(size, weight_attr, default_initializer=Constant(1.0))
        self.bias = None if bias_attr is False else self.create_parameter(size, bias_attr, is_bias=True)

    def forward(self, input):  # noqa: A002
        return F.layer_norm(input, self._normalized_shape, self.weight, self.bias, self._epsilon)

    def extra_repr(self):
        """Extents and epsilon."""
        return f"normalized_shape={self._normalized_shape}, epsilon={self._epsilon}"


class SpectralNorm(Layer):
    """Divides a weight by its largest singular value, which is found by power iteration.

    Args:
        weight_shape (list): extents of the weight.
        dim (int): 0 or 1; the weight is a matrix once this axis is first and the others are one.
        power_iters (int): steps at each run.
        eps (float): added to norms.
        dtype (str): "float32" or "float64".

    Source: paddle.nn.SpectralNorm; Miyato and others 2018.
    """

    def __init__(self, weight_shape, dim=0, power_iters=1, eps=1e-12, dtype="float32"):
        super().__init__()
        if dim not in (0, 1):
            raise ValueError(f"dim must be 0 or 1, {dim!r} was given")
        self._attrs = {"dim": dim, "power_iters": power_iters, "eps": eps}
        rows = weight_shape[dim]
        for name, extent in (("weight_u", rows), ("weight_v", math.prod(weight_shape) // rows)):
            setattr(self, name, self.create_parameter([extent], dtype=dtype, default_initializer=Normal(0.0, 1.0)))
            getattr(self, name).stop_gradient = True

    def forward(self, x):
        out = self._helper.create_temporary(x.dtype)
        self.append_op("spectral_norm", {"Weight": x, "U": self.weight_u, "V": self.weight_v}, {"Out": out}, self._attrs)
        return out


class GroupNorm(Layer):
    """Normalises groups of channels of each sample.

    Args:
        num_groups (int): groups; they divide the channels.
        num_channels (int): channels.
        epsilon (float): added to the variance.
        weight_attr, bias_attr (ParamAttr | False): scale and shift; False makes ones and zeros that are not trained.
        data_format (str): "NCHW" or "NHWC".
        name (str): accepted, without effect.

    Source: paddle.nn.GroupNorm; Wu and He 2018.
    """

    def __init__(self, num_groups, num_channels, epsilon=1e-05, weight_attr=None, bias_attr=None, data_format="NCHW", name=None):
        super().__init__()
        if data_format not in ("NCHW", "NHWC"):
            raise ValueError("unsupported data layout:" + data_format)
        self._num_groups, self._num_channels, self._epsilon, self._data_format = num_groups, num_channels, epsilon, data_format
        self.weight = self.create_parameter([num_channels], None if weight_attr is False else weight_attr,
                                            default_initializer=Constant(1.0))
        self.bias = self.create_parameter([num_channels], None if bias_attr is False else bias_attr, is_bias=True)
        for parameter, attr in ((self.weight, weight_attr), (self.bias, bias_attr)):
            parameter.stop_gradient = attr is False or getattr(attr, "learning_rate", None) == 0.0

    def forward(self, input):  # noqa: A002
        helper = self._helper
        outputs = {"Mean": helper.create_temporary(input.dtype, True), "Variance": helper.create_temporary(input.dtype, True)}
        outputs["Y"] = helper.create_temporary(input.dtype)
        self.append_op("group_norm", {"X": input, "Bias": self.bias, "Scale": self.weight}, outputs,
                       {"epsilon": self._epsilon, "groups": self._num_groups, "data_layout": self._data_format})
        return outputs["Y"]

    def extra_repr(self):
        """Groups, channels, epsilon."""
        return f"num_groups={self._num_groups}, num_channels={self._num_channels}, epsilon={self._epsilon}"


class _InstanceNorm(Layer):
    """Scale and shift of each channel."""

    _axes = ()

    def __init__(self, num_features, epsilon=1e-05, momentum=0.9, weight_attr=None, bias_attr=None, data_format="NCHW", name=None):
        super().__init__()
        if (weight_attr is False or bias_attr is False) and weight_attr != bias_attr:
            raise AssertionError("weight_attr and bias_attr must be set to False at the same time in InstanceNorm")
        self._num_features, self._epsilon, self._momentum, self._data_format = num_features, epsilon, momentum, data_format
        self.scale = self.bias = None
        if weight_attr is not False:
            self.scale = self.create_parameter([num_features], weight_attr, default_initializer=Constant(1.0))
            self.bias = self.create_parameter([num_features], bias_attr, is_bias=True, default_initializer=Constant(0.0))

    def forward(self, input):  # noqa: A002
        _expect_axes(input, *self._axes)
        return F.instance_norm(input, weight=self.scale, bias=self.bias, momentum=self._momentum, eps=self._epsilon,
                               data_format=self._data_format)

    def extra_repr(self):
        """Channels and epsilon."""
        return f"num_features={self._num_features}, epsilon={self._epsilon}"


class InstanceNorm1D(_InstanceNorm):
    """Normalises each channel of each signal; arguments as InstanceNorm2D's. Source: paddle.nn.InstanceNorm1D."""

    _axes = (2, 3)

    def __init__(self, num_features, epsilon=1e-05, momentum=0.9, weight_attr=None, bias_attr=None, data_format="NCL", name=None):
        super().__init__(num_features, epsilon, momentum, weight_attr, bias_attr, data_format, name)


class InstanceNorm2D(_InstanceNorm):
    """Normalises each channel of each image.

    Args:
        num_features (int): channels.
        epsilon (float): added to the variance.
        momentum: accepted, without effect.
        weight_attr, bias_attr (ParamAttr | False): scale and shift; False for both makes none.
        data_format (str): accepted; channels are axis 1.
        name (str): accepted, without effect.

    Source: paddle.nn.InstanceNorm2D; Ulyanov et al. 2016.
    """

    _axes = (4,)


class InstanceNorm3D(_InstanceNorm):
    """Normalises each channel of each volume; arguments as InstanceNorm2D's. Source: paddle.nn.InstanceNorm3D."""

    _axes = (5,)

    def __init__(self, num_features, epsilon=1e-05, momentum=0.9, weight_attr=None, bias_attr=None, data_format="NCDHW",
                 name=None):
        super().__init__(num_features, epsilon, momentum, weight_attr, bias_attr, data_format, name)
