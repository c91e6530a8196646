"""Medians."""
from ._ops import layer

__all__ = ["nanmedian"]


def nanmedian(x, axis=None, keepdim=False, name=None):
    """The median over axes, or over everything, of what is not NaN; of an even number the mean of the two middle ones.

    Args:
        x (Variable): any shape; float32, float64, int32 or int64.
        axis (int | list): None means all.
        keepdim (bool): keeps reduced axes with extent 1.
        name (str): of the layer.

    Returns:
        Variable: NaN where there is nothing else.

    Source: paddle.nanmedian.
    """
    if isinstance(axis, (list, tuple)) and len(axis) == 0:
        raise ValueError("Axis list should not be empty.")
    axes = [] if axis is None else [axis] if isinstance(axis, int) else list(axis)
    return layer("nanmedian", {"X": x}, ("Out", "MedianIndex"), {"axis": axes, "keepdim": keepdim}, name=name)[0]
