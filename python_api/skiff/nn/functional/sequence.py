"""Losses and paths over sequences."""
from ..._core import layer

__all__ = ["ctc_loss", "gather_tree"]


def ctc_loss(log_probs, labels, input_lengths, label_lengths, blank=0, reduction="mean", norm_by_times=False):
    """Connectionist temporal classification.

    Args:
        log_probs (Variable): [time, batch, classes], not normalised.
        labels (Variable): int32 [batch, most labels].
        input_lengths, label_lengths (Variable): int64 [batch].
        blank (int): the class that stands for nothing.
        reduction (str): "mean" over labels and batch, "sum" or "none".
        norm_by_times (bool): the gradient is divided by the steps.

    Source: paddle.nn.functional.ctc_loss.
    """
    from ...tensor import mean, squeeze, sum  # noqa: A004
    slots = {"Logits": log_probs, "Label": labels, "LogitsLength": input_lengths, "LabelLength": label_lengths}
    loss = layer("warpctc", slots, ("Loss", "WarpCTCGrad"), {"blank": blank, "norm_by_times": norm_by_times},
                 dtype=log_probs.dtype)[0]
    loss = squeeze(loss, [-1])
    if reduction not in ("mean", "sum", "none"):
        raise AssertionError(f"reduction must be mean, sum or none, {reduction!r} was given")
    if reduction == "mean":
        return mean(loss / label_lengths)
    return sum(loss) if reduction == "sum" else loss


def gather_tree(ids, parents):
    """Whole beams, traced back along their parents: [time, batch, beam]. Source: paddle.nn.functional.gather_tree."""
    if len(ids.shape) != 3:
        raise ValueError("The input ids must be a 3D tensor with shape [length, batch_size, beam_size]")
    if len(ids.shape) != len(parents.shape):
        raise ValueError("The ids's shape must be the same as parents' shape. ")
    return layer("gather_tree", {"Ids": ids, "Parents": parents}, "Out")
