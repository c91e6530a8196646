"""Activations as layers."""
from .. import functional as F  # noqa: N812
from ..initializer import Constant
from .layers import Layer, of_function

__all__ = ["CELU", "ELU", "GELU", "GLU", "Hardshrink", "Hardsigmoid", "Hardswish", "Hardtanh", "LeakyReLU", "LogSigmoid",
           "LogSoftmax", "Maxout", "Mish", "PReLU", "RReLU", "ReLU", "ReLU6", "SELU", "Sigmoid", "Silu", "Softmax", "Softmax2D",
           "Softplus", "Softshrink", "Softsign", "Swish", "Tanh", "Tanhshrink", "ThresholdedReLU"]

CELU = of_function("CELU", F.celu)
ELU = of_function("ELU", F.elu)
GELU = of_function("GELU", F.gelu)
GLU = of_function("GLU", F.glu)
Hardshrink = of_function("Hardshrink", F.hardshrink)
Hardsigmoid = of_function("Hardsigmoid", F.hardsigmoid, without=("slope", "offset"))
Hardswish = of_function("Hardswish", F.hardswish)
Hardtanh = of_function("Hardtanh", F.hardtanh)
LeakyReLU = of_function("LeakyReLU", F.leaky_relu)
LogSigmoid = of_function("LogSigmoid", F.log_sigmoid)
Maxout = of_function("Maxout", F.maxout)
Mish = of_function("Mish", F.mish)
ReLU = of_function("ReLU", F.relu)
ReLU6 = of_function("ReLU6", F.relu6)
SELU = of_function("SELU", F.selu)
Sigmoid = of_function("Sigmoid", F.sigmoid)
Silu = of_function("Silu", F.silu)
Softmax = of_function("Softmax", F.softmax, without=("dtype",))
Softplus = of_function("Softplus", F.softplus)
Softshrink = of_function("Softshrink", F.softshrink)
Softsign = of_function("Softsign", F.softsign)
Swish = of_function("Swish", F.swish)
Tanh = of_function("Tanh", F.tanh)
Tanhshrink = of_function("Tanhshrink", F.tanhshrink)
ThresholdedReLU = of_function("ThresholdedReLU", F.thresholded_relu)


class LogSoftmax(Layer):
    """The logarithm of softmax along an axis; the name is accepted, without effect. Source: paddle.nn.LogSoftmax."""

    def __init__(self, axis=-1, name=None):
        super().__init__()
        self.axis = axis

    def forward(self, x):
        return F.log_softmax(x, self.axis)


class Softmax2D(Layer):
    """Softmax over the channels of images [batch, channels, height, width]. Source: paddle.nn.Softmax2D."""

    def __init__(self, name=None):
        super().__init__()
        self.name = name

    def forward(self, x):
        if len(x.shape) not in (3, 4):
            raise AssertionError(f"Softmax2D requires a 3D or 4D tensor as input. Received: {len(x.shape)}D.")
        return F.softmax(x, -3, name=self.name)


class PReLU(Layer):
    """x where positive, else a learned slope times x.

    Args:
        num_parameters (int): 1, or one slope for each channel.
        init (float): the slope at first.
        weight_attr (ParamAttr): [num_parameters].
        data_format (str): where the channels stand.
        name (str): accepted, without effect.

    Source: paddle.nn.PReLU; He et al. 2015.
    """

    def __init__(self, num_parameters=1, init=0.25, weight_attr=None, data_format="NCHW", name=None):
        super().__init__()
        self.data_format = data_format
        self._weight = self.create_parameter([num_parameters], weight_attr, default_initializer=Constant(init))

    def forward(self, x):
        return F.prelu(x, self._weight, self.data_format)


class RReLU(Layer):
    """x where positive, else x times a random slope; see `nn.functional.rrelu`. Source: paddle.nn.RReLU."""

    def __init__(self, lower=1.0 / 8.0, upper=1.0 / 3.0, name=None):
        super().__init__()
        self.lower, self.upper = lower, upper

    def forward(self, x):
        return F.rrelu(x, self.lower, self.upper, self.training)
