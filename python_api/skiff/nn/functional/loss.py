"""Losses."""
from ... import _core
from ..._core import layer

__all__ = ["binary_cross_entropy", "binary_cross_entropy_with_logits", "cross_entropy", "hinge_embedding_loss", "kl_div",
           "l1_loss", "log_loss", "margin_ranking_loss", "mse_loss", "nll_loss", "sigmoid_focal_loss", "smooth_l1_loss",
           "softmax_with_cross_entropy", "square_error_cost", "ctc_loss"]


def _reduced(loss, reduction, name=None):
    from ...tensor.reduction import mean, sum  # noqa: A004
    if reduction == "mean":
        return mean(loss)
    if reduction == "sum":
        return sum(loss)
    if reduction == "none":
        return loss
    raise ValueError(f"The value of 'reduction' should be 'sum', 'mean' or 'none', but received {reduction}, which is not "
                     "allowed.")


def softmax_with_cross_entropy(logits, label, soft_label=False, ignore_index=-100, numeric_stable_mode=True, return_softmax=False,
                               axis=-1):
    """-log of the softmax at the label.

    Args:
        logits (Variable): [..., classes].
        label (Variable): int64 [..., 1] (the last 1 may be missing), or probabilities shaped as logits.
        soft_label (bool): label holds probabilities.
        ignore_index (int): this label costs nothing.
        numeric_stable_mode (bool): accepted; it always is.
        return_softmax (bool): also gives the softmax.
        axis (int): of the classes.

    Returns:
        Variable: as logits, with 1 class; with return_softmax, a tuple.

    Source: paddle.nn.functional.softmax_with_cross_entropy.
    """
    softmax, loss = _fused(logits, label, soft_label, ignore_index, numeric_stable_mode, axis, True)
    return (loss, softmax) if return_softmax else loss


def _fused(logits, label, soft_label, ignore_index, stable, axis, use_softmax):
    if len(label.shape) == len(logits.shape) - 1:
        from ...tensor.manipulation import unsqueeze
        label = unsqueeze(label, axis)
    attrs = {"soft_label": soft_label, "ignore_index": ignore_index, "numeric_stable_mode": stable, "axis": axis,
             "use_softmax": use_softmax}
    return layer("softmax_with_cross_entropy", {"Logits": logits, "Label": label}, ("Softmax", "Loss"), attrs,
                 dtype=logits.dtype)


def cross_entropy(input, label, weight=None, ignore_index=-100, reduction="mean", soft_label=False, axis=-1,  # noqa: A002
                  use_softmax=True, label_smoothing=0.0, name=None):
    """`softmax_with_cross_entropy`, averaged over the labels that are not ignored.

    Args:
        input (Variable): [..., classes].
        label (Variable): int64 [..., 1] (the last 1 may be missing), or probabilities shaped as input.
        weight (Variable): [classes], of each label.
        ignore_index (int): this label does not count.
        reduction (str): "mean", "sum" or "none".
        soft_label (bool): label holds probabilities.
        axis (int): of the classes.
        use_softmax (bool): False: input holds probabilities.
        label_smoothing (float): in [0, 1]; mixes labels with the uniform distribution.
        name (str): of the layer.

    Source: paddle.nn.functional.cross_entropy.
    """
    from ...tensor import cast, equal, full, gather_nd, mean, multiply, reshape, squeeze, sum, unsqueeze  # noqa: A004
    from .common import label_smooth, one_hot
    if reduction not in ("sum", "mean", "none"):
        raise ValueError("The value of 'reduction' in softmax_cross_entropy should be 'sum', 'mean' or 'none', but received "
                         f"{reduction}, which is not allowed.")
    if ignore_index > 0 and soft_label:
        raise ValueError("When soft_label == True, the value of 'ignore_index' in softmax_cross_entropy should be '-100', but "
                         f"received {ignore_index}, which is not allowed.")
    axes, classes = len(input.shape), input.shape[axis]
    if axes == 0:
        raise ValueError("The dimension of input should be larger than zero!")
    if len(label.shape) not in (axes - 1, axes):
        raise ValueError(f"Expected input_dims - 1 = label_dims or input_dims == label_dims (got input_dims {axes}, label_dims "
                         f"{len(label.shape)})")
    if label_smoothing > 0.0:
        soft_label = True
        label = squeeze(label, axis) if len(label.shape) == axes and label.shape[axis] == 1 else label
        if len(label.shape) < axes:
            label = one_hot(label, classes)
        label = label_smooth(cast(label, input.dtype), epsilon=label_smoothing)
    narrow = len(label.shape) == axes - 1
    if narrow:
        label = unsqueeze(label, axis)
    _, out = _fused(input, label, soft_label, ignore_index, True, axis, use_softmax)
    weights = None
    if weight is not None:
        if soft_label:
            from ...tensor import matmul
            weights = reshape(matmul(label, weight, transpose_x=False, transpose_y=False), list(out.shape))
            weights = cast(weights, out.dtype)
        else:
            valid = cast(label != ignore_index, label.dtype)
            positions = multiply(label, valid)
            weights = multiply(gather_nd(weight, unsqueeze(squeeze(positions, axis), -1)), squeeze(cast(valid, out.dtype), axis))
            weights = unsqueeze(weights, axis)
        out = multiply(out, weights)
    if reduction == "sum":
        return sum(out)
    if reduction == "mean":
        if ignore_index >= 0 and weight is None:
            total, mask = sum(out), label != ignore_index
            count = sum(cast(mask, out.dtype))
            return total / (count + equal(count, full([], 0.0, count.dtype)).astype(count.dtype))
        if weight is not None:
            total = sum(weights)
            return sum(out) / (total + equal(total, full([], 0.0, total.dtype)).astype(total.dtype))
        return mean(out)
    return squeeze(out, axis) if narrow else out


def square_error_cost(input, label):  # noqa: A002
    """(input - label)^2. Source: paddle.nn.functional.square_error_cost."""
    helper = _core.LayerHelper("square_error_cost")
    difference = layer("elementwise_sub", {"X": input, "Y": label}, "Out", {"axis": -1}, name=helper.name)
    return layer("square", {"X": difference}, name=helper.name)


def mse_loss(input, label, reduction="mean", name=None):  # noqa: A002
    """(input - label)^2, reduced. Source: paddle.nn.functional.mse_loss."""
    from ...tensor.math import square, subtract
    return _reduced(square(subtract(input, label)), reduction, name)


def l1_loss(input, label, reduction="mean", name=None):  # noqa: A002
    """|input - label|, reduced. Source: paddle.nn.functional.l1_loss."""
    from ...tensor.math import abs, subtract  # noqa: A004
    return _reduced(abs(subtract(input, label)), reduction, name)


def smooth_l1_loss(input, label, reduction="mean", delta=1.0, name=None):  # noqa: A002
    """Half the square of input - label below delta, linear beyond; reduced. Source: paddle.nn.functional.smooth_l1_loss."""
    out = layer("huber_loss", {"X": input, "Y": label}, ("Residual", "Out"), {"delta": delta}, stopped=[])[1]
    return _reduced(out, reduction, name)


def binary_cross_entropy(input, label, weight=None, reduction="mean", name=None):  # noqa: A002
    """-(label * log(input) + (1 - label) * log(1 - input)), reduced. Source: paddle.nn.functional.binary_cross_entropy."""
    out = layer("bce_loss", {"X": input, "Label": label}, layer="binary_cross_entropy", name=name)
    if weight is not None:
        from ...tensor.math import multiply
        out = multiply(out, weight)
    return _reduced(out, reduction, name)


def binary_cross_entropy_with_logits(logit, label, weight=None, reduction="mean", pos_weight=None, name=None):
    """`binary_cross_entropy` of sigmoid(logit). Source: paddle.nn.functional.binary_cross_entropy_with_logits."""
    from ...tensor import add, full, multiply, subtract
    one = full([1], 1.0, logit.dtype)
    if pos_weight is not None:
        pos_weight = add(multiply(label, subtract(pos_weight, one)), one)
    inputs = {"X": logit, "Label": label, "pos_weight": pos_weight}
    out = layer("sigmoid_cross_entropy_with_logits", inputs, "Out", {"ignore_index": -100, "normalize": False})
    if weight is not None:
        out = multiply(out, weight)
    return _reduced(out, reduction, name)


def kl_div(input, label, reduction="mean", name=None):  # noqa: A002
    """label * (log(label) - input), reduced; "batchmean" divides the sum by the batch. Source: paddle.nn.functional.kl_div."""
    out = layer("kldiv_loss", {"X": input, "Target": label}, "Loss", {"reduction": "none"}, layer="kl_div", name=name)
    if reduction != "batchmean":
        return _reduced(out, reduction, name)
    from ...tensor.reduction import sum  # noqa: A004
    return sum(out) / input.shape[0]


def nll_loss(input, label, weight=None, ignore_index=-100, reduction="mean", name=None):  # noqa: A002
    """Minus the log probability at the label. Source: paddle.nn.functional.nll_loss."""
    if reduction not in ("sum", "mean", "none"):
        raise ValueError(f"reduction must be sum, mean or none, {reduction!r} was given")
    attrs = {"reduction": reduction, "ignore_index": ignore_index}
    return layer("nll_loss", {"X": input, "Label": label, "Weight": weight}, ("Out", "Total_weight"), attrs, name=name,
                 stopped=["Total_weight"])[0]


def log_loss(input, label, epsilon=1e-4, name=None):  # noqa: A002
    """`binary_cross_entropy` with epsilon inside the logarithms. Source: paddle.nn.functional.log_loss."""
    return layer("log_loss", {"Predicted": input, "Labels": label}, "Loss", {"epsilon": epsilon}, name=name)


def margin_ranking_loss(input, other, label, margin=0.0, reduction="mean", name=None):  # noqa: A002
    """max(0, -label * (input - other) + margin), reduced. Source: paddle.nn.functional.margin_ranking_loss."""
    from .activation import relu
    out = (other - input) * label
    return _reduced(relu(out + margin if margin else out), reduction, name)


def hinge_embedding_loss(input, label, margin=1.0, reduction="mean", name=None):  # noqa: A002
    """input where label is 1, max(0, margin - input) where it is -1. Source: paddle.nn.functional.hinge_embedding_loss."""
    from ...tensor import full_like, where, zeros_like
    from .activation import relu
    one, zero = full_like(label, 1, input.dtype), zeros_like(input)
    signed = label.astype(input.dtype)
    return _reduced(where(signed == one, input, zero) + where(signed == -one, relu(margin - input), zero), reduction, name)


def sigmoid_focal_loss(logit, label, normalizer=None, alpha=0.25, gamma=2.0, reduction="sum", name=None):
    """Binary cross entropy that weighs easy samples less. Lin et al. 2017."""
    from ...tensor import divide, pow  # noqa: A004
    from .activation import sigmoid
    p = sigmoid(logit)
    loss = binary_cross_entropy_with_logits(logit, label, reduction="none")
    hard = p * label + (1 - p) * (1 - label)
    loss = (alpha * label + (1 - alpha) * (1 - label)) * pow(1 - hard, gamma) * loss
    return _reduced(divide(loss, normalizer) if normalizer is not None else loss, reduction, name)


def ctc_loss(log_probs, labels, input_lengths, label_lengths, blank=0, reduction="mean", norm_by_times=False):
    """Connectionist temporal classification. Graves et al. 2006. Source: paddle.nn.functional.ctc_loss."""
    from ...tensor import divide, mean, squeeze
    inputs = {"Logits": log_probs, "Label": labels, "LogitsLength": input_lengths, "LabelLength": label_lengths}
    _, out = layer("warpctc", inputs, ("WarpCTCGrad", "Loss"), {"blank": blank, "norm_by_times": norm_by_times})
    out = squeeze(out, [-1])
    if reduction == "mean":
        return mean(divide(out, label_lengths.astype(out.dtype)))
    return _reduced(out, reduction)
