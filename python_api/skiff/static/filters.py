"""Layers that look ahead along rows. Source: paddle.static.nn."""
from .. import _core
from .._core import layer

__all__ = ["row_conv"]


def row_conv(input, future_context_size, param_attr=None, act=None):  # noqa: A002
    """Each row and those after it, column by column, times a filter.

    Args:
        input (Variable): sequences [rows, width], or [batch, rows, width].
        future_context_size (int): rows that are looked ahead.
        param_attr (ParamAttr): [future_context_size + 1, width].
        act (str): an activation of the result.

    Returns:
        Variable: shaped as input.

    Source: paddle.static.nn.row_conv.
    """
    helper = _core.LayerHelper("row_conv", None)
    w = helper.create_parameter(param_attr, [future_context_size + 1, input.shape[-1]], input.dtype)
    return helper.activate(layer("row_conv", {"X": input, "Filter": w}, "Out", {}, name=helper.name), act)
