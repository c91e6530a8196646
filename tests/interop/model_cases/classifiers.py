"""The classifiers of paddle.vision.models, for small pictures of ten classes."""
from . import image, model

BOTH = ("jit", "static")
# Fifty layers of random weights enlarge rounding errors: Paddle's own results are this far from those in float64.
DEEP = 1e-3


@model(image(1, 28), styles=BOTH)
def lenet(paddle):
    return paddle.vision.models.LeNet()


@model(image(3, 224), heavy=True)
def alexnet(paddle):
    return paddle.vision.models.alexnet(num_classes=10)


@model(image(3, 64))
def vgg11_features(paddle):
    return paddle.vision.models.vgg11(batch_norm=True, num_classes=-1)


@model(image(3, 64), heavy=True)
def vgg11(paddle):
    return paddle.vision.models.vgg11(num_classes=10)


@model(image(3, 64), styles=BOTH)
def resnet18(paddle):
    return paddle.vision.models.resnet18(num_classes=10)


@model(image(3, 64), atol=DEEP)
def resnet50(paddle):
    return paddle.vision.models.resnet50(num_classes=10)


@model(image(3, 64), atol=DEEP)
def resnext50(paddle):
    return paddle.vision.models.resnext50_32x4d(num_classes=10)


@model(image(3, 64), heavy=True, atol=DEEP)
def wide_resnet50(paddle):
    return paddle.vision.models.wide_resnet50_2(num_classes=10)


@model(image(3, 64))
def mobilenet_v1(paddle):
    return paddle.vision.models.MobileNetV1(scale=0.25, num_classes=10)


@model(image(3, 64), styles=BOTH)
def mobilenet_v2(paddle):
    return paddle.vision.models.MobileNetV2(scale=0.5, num_classes=10)


@model(image(3, 64))
def mobilenet_v3_small(paddle):
    return paddle.vision.models.MobileNetV3Small(scale=0.5, num_classes=10)


@model(image(3, 64))
def mobilenet_v3_large(paddle):
    return paddle.vision.models.MobileNetV3Large(scale=0.5, num_classes=10)


@model(image(3, 64))
def densenet121(paddle):
    return paddle.vision.models.densenet121(num_classes=10)


@model(image(3, 224))
def googlenet(paddle):
    return paddle.vision.models.googlenet(num_classes=10)


@model(image(3, 96), atol=DEEP)
def inception_v3(paddle):
    return paddle.vision.models.inception_v3(num_classes=10)


@model(image(3, 64))
def shufflenet_v2(paddle):
    return paddle.vision.models.shufflenet_v2_x0_25(num_classes=10)


@model(image(3, 64))
def shufflenet_v2_swish(paddle):
    return paddle.vision.models.shufflenet_v2_swish(num_classes=10)


@model(image(3, 64))
def squeezenet(paddle):
    return paddle.vision.models.squeezenet1_1(num_classes=10)
