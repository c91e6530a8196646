"""Nets with simulated or real eight-bit numbers, and with weights of sixteen bits."""
from . import Input, image, model


def small_net(paddle):
    nn = paddle.nn
    return nn.Sequential(nn.Conv2D(1, 6, 3, padding=1), nn.BatchNorm2D(6), nn.ReLU(), nn.MaxPool2D(2, 2), nn.Conv2D(6, 6, 3, padding=1, groups=6),
                         nn.ReLU6(), nn.Flatten(), nn.Linear(6 * 6 * 6, 12), nn.ReLU(), nn.Linear(12, 4))


def trained(paddle, layer):
    """A few steps, so that the scales of activations are known."""
    layer.train()
    optimizer = paddle.optimizer.SGD(0.05, parameters=layer.parameters())
    for step in range(4):
        paddle.seed(step)
        loss = paddle.mean(paddle.square(layer(paddle.uniform([4, 1, 12, 12])) - 1.0))
        loss.backward()
        optimizer.step()
        optimizer.clear_grad()
    layer.eval()
    return layer


def aware(paddle, onnx_format, **options):
    """Trained with fake quantization; saved by the quantizer, which says how."""
    quantizer = paddle.quantization.ImperativeQuantAware(onnx_format=onnx_format, **options)
    layer = small_net(paddle)
    quantizer.quantize(layer)
    trained(paddle, layer)
    layer.export = lambda layer, prefix, input_spec: quantizer.save_quantized_model(layer, prefix, input_spec=input_spec)
    return layer


@model(image(1, 12), recorded=True)
def fake_quantized(paddle):
    """fake_quantize_dequantize_moving_average_abs_max for activations, by channel for weights."""
    return aware(paddle, False, weight_quantize_type="channel_wise_abs_max")


@model(image(1, 12))
def fake_quantized_by_tensor(paddle):
    return aware(paddle, False, weight_quantize_type="abs_max", weight_bits=6)


@model(image(1, 12), recorded=True)
def quantized(paddle):
    """quantize_linear and dequantize_linear; weights are stored in eight bits."""
    return aware(paddle, True, weight_quantize_type="channel_wise_abs_max")


@model(image(1, 12))
def quantized_by_configuration(paddle):
    """The newer interface: observers during training, converted."""
    from paddle.quantization import QAT, QuantConfig
    from paddle.quantization.quanters import FakeQuanterWithAbsMaxObserver
    quanter = FakeQuanterWithAbsMaxObserver(moving_rate=0.9)
    qat = QAT(QuantConfig(activation=quanter, weight=quanter))
    return qat.convert(trained(paddle, qat.quantize(small_net(paddle))))


@model(image(1, 12))
def quantized_after_training(paddle):
    from paddle.quantization import PTQ, QuantConfig
    from paddle.quantization.observers import AbsmaxObserver
    observer = AbsmaxObserver(quant_bits=8)
    ptq = PTQ(QuantConfig(activation=observer, weight=observer))
    layer = small_net(paddle)
    layer.eval()
    layer = ptq.quantize(layer)
    paddle.seed(3)
    layer(paddle.uniform([8, 1, 12, 12]))
    return ptq.convert(layer)


def narrow_weights(paddle, dtype):
    class Narrow(paddle.nn.Layer):
        """Weights are stored in sixteen bits and widened where they are used."""

        def __init__(self):
            super().__init__()
            self.embedding = self.create_parameter([20, 8], dtype="float32", default_initializer=paddle.nn.initializer.Normal())
            self.hidden, self.output = paddle.nn.Linear(8, 8), paddle.nn.Linear(8, 3)
            self.to(dtype=dtype)

        def linear(self, layer, x):
            return paddle.nn.functional.linear(x, paddle.cast(layer.weight, "float32"), paddle.cast(layer.bias, "float32"))

        def forward(self, ids):
            x = paddle.gather(paddle.cast(self.embedding, "float32"), paddle.flatten(ids))
            x = self.linear(self.output, paddle.tanh(self.linear(self.hidden, x)))
            return x

    return Narrow()


@model(Input("ids", [5], "int64", 0, 20), recorded=True)
def float16_weights(paddle):
    return narrow_weights(paddle, "float16")


@model(Input("ids", [5], "int64", 0, 20), recorded=True)
def bfloat16_weights(paddle):
    return narrow_weights(paddle, "bfloat16")
