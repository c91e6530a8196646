"""Pooling as layers."""
from .. import functional as F  # noqa: N812
from .layers import of_function

__all__ = ["AdaptiveAvgPool1D", "AdaptiveAvgPool2D", "AdaptiveAvgPool3D", "AdaptiveMaxPool1D", "AdaptiveMaxPool2D",
           "AdaptiveMaxPool3D", "AvgPool1D", "AvgPool2D", "AvgPool3D", "MaxPool1D", "MaxPool2D", "MaxPool3D", "MaxUnPool1D",
           "MaxUnPool2D", "MaxUnPool3D"]

AvgPool1D = of_function("AvgPool1D", F.avg_pool1d)
AvgPool2D = of_function("AvgPool2D", F.avg_pool2d)
AvgPool3D = of_function("AvgPool3D", F.avg_pool3d)
MaxPool1D = of_function("MaxPool1D", F.max_pool1d)
MaxPool2D = of_function("MaxPool2D", F.max_pool2d)
MaxPool3D = of_function("MaxPool3D", F.max_pool3d)
AdaptiveAvgPool1D = of_function("AdaptiveAvgPool1D", F.adaptive_avg_pool1d)
AdaptiveAvgPool2D = of_function("AdaptiveAvgPool2D", F.adaptive_avg_pool2d)
AdaptiveAvgPool3D = of_function("AdaptiveAvgPool3D", F.adaptive_avg_pool3d)
AdaptiveMaxPool1D = of_function("AdaptiveMaxPool1D", F.adaptive_max_pool1d)
AdaptiveMaxPool2D = of_function("AdaptiveMaxPool2D", F.adaptive_max_pool2d)
AdaptiveMaxPool3D = of_function("AdaptiveMaxPool3D", F.adaptive_max_pool3d)
MaxUnPool1D = of_function("MaxUnPool1D", F.max_unpool1d, 2)
MaxUnPool2D = of_function("MaxUnPool2D", F.max_unpool2d, 2)
MaxUnPool3D = of_function("MaxUnPool3D", F.max_unpool3d, 2)
