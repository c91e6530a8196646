"""Softmax with a mask in one operator, and marked losses. Source: paddle.incubate."""
from .._core import layer

__all__ = ["identity_loss", "softmax_mask_fuse", "softmax_mask_fuse_upper_triangle"]


def softmax_mask_fuse(x, mask, name=None):
    """softmax(x + mask) over the last axis.

    Args:
        x (Variable): [batch, heads, queries, keys].
        mask (Variable): [batch, 1, queries, keys].
        name (str): of the layer.

    Source: paddle.incubate.softmax_mask_fuse.
    """
    return layer("fused_softmax_mask", {"X": x, "Mask": mask}, "Out", {}, name=name)


def softmax_mask_fuse_upper_triangle(x):
    """The softmax over the keys up to each query's own position; 0 after it. Source: paddle.incubate.softmax_mask_fuse_upper_triangle."""
    return layer("fused_softmax_mask_upper_triangle", {"X": x}, "Out", {})


def identity_loss(x, reduction="none"):
    """Marks x as a loss: its "sum" (or 0), its "mean" (1) or itself ("none", 2). Source: paddle.incubate.identity_loss."""
    if isinstance(reduction, str):
        names = {"sum": 0, "mean": 1, "none": 2}
        if reduction.lower() not in names:
            raise ValueError(f"reduction is {reduction!r}; it may be sum, mean or none")
        reduction = names[reduction.lower()]
    return layer("identity_loss", {"X": x}, "Out", {"reduction": reduction})
