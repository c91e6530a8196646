"""Losses over classes."""
from ... import _core
from ..._core import layer
from .loss import check_reduction, reduced

__all__ = ["class_center_sample", "cross_entropy", "ctc_loss", "dice_loss", "hsigmoid_loss", "margin_cross_entropy", "nll_loss", "npair_loss", "rnnt_loss",
           "softmax_with_cross_entropy"]


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
    _check_ranks(logits, label)
    if len(label.shape) == len(logits.shape) - 1:
        from ...tensor import unsqueeze
        label = unsqueeze(label, axis)
    attrs = {"soft_label": soft_label, "ignore_index": ignore_index, "numeric_stable_mode": numeric_stable_mode, "axis": axis}
    softmax, loss = layer("softmax_with_cross_entropy", {"Logits": logits, "Label": label}, ("Softmax", "Loss"), attrs,
                          dtype=logits.dtype)
    return (loss, softmax) if return_softmax else loss


def _check_ranks(input, label):  # noqa: A002
    axes, own = len(input.shape), len(label.shape)
    if axes == 0:
        raise ValueError("The dimension of input should be larger than zero!")
    if own not in (axes - 1, axes):
        raise ValueError(f"Expected input_dims - 1 = label_dims or input_dims == label_dims (got input_dims {axes}, label_dims "
                         f"{own})")


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
    from ...tensor import cast, multiply, squeeze, unsqueeze
    check_reduction(reduction, "softmax_cross_entropy")
    if ignore_index > 0 and soft_label:
        raise ValueError("When soft_label == True, the value of 'ignore_index' in softmax_cross_entropy should be '-100', but "
                         f"received {ignore_index}, which is not allowed.")
    _check_ranks(input, label)
    narrow = len(label.shape) == len(input.shape) - 1
    if narrow:
        label = unsqueeze(label, axis)
    if label_smoothing > 0.0:
        from .common import label_smooth, one_hot
        soft_label = True
        if narrow:
            label = one_hot(squeeze(label, axis), input.shape[-1])
            narrow = False
        label = label_smooth(label, epsilon=label_smoothing).astype(input.dtype)
    attrs = {"soft_label": soft_label, "ignore_index": ignore_index, "numeric_stable_mode": True, "axis": axis,
             "use_softmax": use_softmax}
    helper = _core.LayerHelper("softmax_with_cross_entropy", name)
    out = layer("softmax_with_cross_entropy", {"Logits": input, "Label": label}, ("Softmax", "Loss"), attrs, name=helper.name,
                dtype=input.dtype)[1]
    weights = None
    if weight is not None:
        weights = _weights(input, label, weight, out, ignore_index, soft_label, axis)
        if soft_label:
            out = cast(out, weights.dtype)
        out = multiply(out, weights, name if reduction == "none" else None)
    if reduction == "mean":
        return _mean(out, label, weights, ignore_index, name)
    if reduction == "none":
        return squeeze(out, axis) if narrow else out
    return reduced(out, reduction, name)


def _weights(input, label, weight, out, ignore_index, soft_label, axis):  # noqa: A002
    """The weight of each label, shaped as the losses."""
    from ...tensor import cast, gather_nd, matmul, multiply, reshape, squeeze, transpose
    if soft_label:
        return reshape(matmul(cast(label, weight.dtype), weight, transpose_y=True), list(out.shape))
    if input.shape[axis] != weight.shape[-1]:
        raise ValueError(f"input's class_dimension({input.shape[axis]}) must equal to weight's class_dimension"
                         f"({weight.shape[-1]}) when weight is provided")
    positions = multiply(cast(label != ignore_index, label.dtype), label)
    counts = cast(label != ignore_index, input.dtype)
    if len(counts.shape) > 1 and counts.shape[axis] == 1:
        counts = squeeze(counts, axis)
    axes = len(positions.shape)
    if axis not in (-1, axes - 1):
        positions = transpose(positions, [i for i in range(axes) if i != axis % axes] + [axis % axes])
    return reshape(multiply(gather_nd(weight, positions), counts), list(label.shape))


def _mean(out, label, weights, ignore_index, name):
    """The sum of the losses over the weight of the labels that count; 0 where none does."""
    from ...tensor import cast, equal, full, mean, multiply, sum  # noqa: A004
    if ignore_index < 0 and weights is None:
        return mean(out, name=name)
    total = sum(out, name=name)
    if ignore_index >= 0:
        counted = cast(label != ignore_index, total.dtype if weights is None else weights.dtype)
        weight = sum(counted if weights is None else multiply(counted, weights), name=name)
    else:
        weight = sum(weights)
    return total / (weight + equal(weight, full([], 0.0, weight.dtype)))


def nll_loss(input, label, weight=None, ignore_index=-100, reduction="mean", name=None):  # noqa: A002
    """Minus the log probability at the label.

    Args:
        input (Variable): [batch, classes, ...]: logarithms of probabilities.
        label (Variable): int64 [batch, ...].
        weight (Variable): [classes], of each label.
        ignore_index (int): this label does not count.
        reduction (str): "mean" (weighted), "sum" or "none".
        name (str): of the layer.

    Source: paddle.nn.functional.nll_loss.
    """
    from ...tensor import reshape
    check_reduction(reduction, "nll_loss")
    _check_ranks(input, label)
    shape = list(input.shape)
    if len(shape) < 2:
        raise ValueError(f"Expected 2 or more dimensions (got {len(shape)})")
    if shape[1] < 1:
        raise ValueError(f"Expected 1 or more classess (got num classes{shape[1]})")
    helper = _core.LayerHelper("nll_loss", name)
    flat = len(shape) not in (2, 4)
    if flat:
        input, label = reshape(input, [shape[0], shape[1], 1, -1]), reshape(label, [shape[0], 1, -1])  # noqa: A001
    inputs = {"X": input, "Label": label}
    if weight is not None:
        inputs["Weight"] = weight
    out = layer("nll_loss", inputs, ("Out", "Total_weight"), {"reduction": reduction, "ignore_index": ignore_index},
                name=helper.name)[0]
    return reshape(out, [shape[0], *shape[2:]]) if flat and reduction == "none" else out


def hsigmoid_loss(input, label, num_classes, weight, bias=None, path_table=None, path_code=None, is_sparse=False,  # noqa: A002
                  name=None):
    """Softmax over classes as leaves of a binary tree.

    Args:
        input (Variable): [batch, width].
        label (Variable): int64 [batch, 1].
        num_classes (int): leaves of the complete tree; with a tree of one's own, its inner nodes are weight's rows.
        weight (Variable): [inner nodes, width], for a complete tree [num_classes - 1, width].
        bias (Variable): [inner nodes, 1].
        path_table, path_code (Variable): int64 [batch, depth]: inner nodes on the way to each label, and the turns taken
            there; negative entries end a path. None for the complete tree.
        is_sparse (bool): the weight's gradient is a set of rows.
        name (str): of the layer.

    Returns:
        Variable: [batch, 1].

    Source: paddle.nn.functional.hsigmoid_loss; Morin and Bengio 2005.
    """
    if num_classes < 2:
        raise ValueError(f"Expected num_classes >= 2 (got {num_classes})")
    helper = _core.LayerHelper("hsigmoid_loss", name)
    out, before = helper.create_temporary(input.dtype), helper.create_temporary(input.dtype)
    inputs = {"X": input, "W": weight, "Bias": bias, "PathTable": path_table, "PathCode": path_code, "Label": label}
    _core.default_main_program().current_block().append_op(
        type="hierarchical_sigmoid", inputs=inputs, outputs={"Out": out, "PreOut": before, "W_Out": weight},
        attrs={"num_classes": num_classes, "is_sparse": is_sparse})
    return out


def ctc_loss(log_probs, labels, input_lengths, label_lengths, blank=0, reduction="mean", norm_by_times=False):
    """Connectionist temporal classification.

    Args:
        log_probs (Variable): [time, batch, classes], not normalised.
        labels (Variable): int32 [batch, most labels].
        input_lengths, label_lengths (Variable): int64 [batch].
        blank (int): the class that stands for nothing.
        reduction (str): "mean" over labels and batch, "sum" or "none".
        norm_by_times (bool): the gradient is divided by the steps.

    Source: paddle.nn.functional.ctc_loss; Graves et al. 2006.
    """
    from ...tensor import squeeze
    slots = {"Logits": log_probs, "Label": labels, "LogitsLength": input_lengths, "LabelLength": label_lengths}
    loss = layer("warpctc", slots, ("Loss", "WarpCTCGrad"), {"blank": blank, "norm_by_times": norm_by_times},
                 dtype=log_probs.dtype)[0]
    loss = squeeze(loss, [-1])
    if reduction not in ("mean", "sum", "none"):
        raise AssertionError(f"reduction must be mean, sum or none, {reduction!r} was given")
    return reduced(loss / label_lengths if reduction == "mean" else loss, reduction)


def rnnt_loss(input, label, input_lengths, label_lengths, blank=0, fastemit_lambda=0.001, reduction="mean", name=None):  # noqa: A002
    """Sequence transduction: any number of labels at each step.

    Args:
        input (Variable): [batch, steps, most labels + 1, classes], log probabilities (use `log_softmax`).
        label (Variable): int32 [batch, most labels].
        input_lengths, label_lengths (Variable): int32 [batch].
        blank (int): the class that stands for nothing, and ends a step.
        fastemit_lambda (float): gradients of labels, not of blanks, are multiplied by 1 + this.
        reduction (str): "mean" over the batch, "sum" or "none".

    Returns:
        Variable: a number, or [batch] without reduction.

    Source: Graves 2012; paddle.nn.functional.rnnt_loss.
    """
    from ...tensor import mean, sum  # noqa: A004
    if reduction not in ("mean", "sum", "none"):
        raise ValueError(f"reduction must be mean, sum or none, {reduction!r} was given")
    slots = {"input": input, "label": label, "input_lengths": input_lengths, "label_lengths": label_lengths}
    loss = layer("warprnnt", slots, ("loss", "warprnntgrad"), {"blank": blank, "fastemit_lambda": fastemit_lambda}, dtype=input.dtype)[0]
    if reduction == "mean":  # of a batch whose size is not known Paddle divides the sum by -1
        return sum(loss) / input.shape[0] if input.shape[0] > 0 else mean(loss)
    return sum(loss) if reduction == "sum" else loss


def dice_loss(input, label, epsilon=1e-5, name=None):  # noqa: A002
    """1 - twice the overlap of prediction and label over the sum of both, averaged.

    Args:
        input (Variable): [batch, ..., classes]: probabilities.
        label (Variable): int64 [batch, ..., 1].
        epsilon (float): added to the divisor.
        name (str): accepted, without effect.

    Source: paddle.nn.functional.dice_loss.
    """
    from ...tensor import mean, numel, squeeze, sum  # noqa: A004
    from .common import one_hot
    if len(input.shape) < 2 or len(label.shape) != len(input.shape) or label.shape[-1] != 1 \
            or tuple(input.shape[:-1]) != tuple(label.shape[:-1]):
        raise AssertionError(f"label must be shaped as input with 1 class, {input.shape} and {label.shape} were given")
    for variable in (input, label):  # Paddle's test whether anything is there, which runs and decides nothing
        numel(variable) > 0  # noqa: B015
    label = one_hot(squeeze(label, [-1]), input.shape[-1])
    axes = list(range(1, len(input.shape)))
    overlap = sum(input * label, axis=axes)
    both = sum(input, axis=axes)
    both = both + sum(label, axis=axes)
    return mean(1 - overlap * 2 / (both + epsilon))


def npair_loss(anchor, positive, labels, l2_reg=0.002):
    """Cross entropy of the similarities of anchors and positives, and a penalty on their lengths.

    Args:
        anchor, positive (Variable): [batch, width].
        labels (Variable): [batch]: equal labels count as similar.
        l2_reg (float): weight of the penalty.

    Source: paddle.nn.functional.npair_loss; Sohn 2016.
    """
    from ...tensor import equal, matmul, mean, reshape, square, sum, tile, transpose  # noqa: A004
    batch = labels.shape[0]
    labels = tile(reshape(labels, [batch, 1]), [1, batch])
    labels = equal(labels, transpose(labels, [1, 0])).astype("float32")
    labels = labels / sum(labels, axis=1, keepdim=True)
    penalty = mean(sum(square(anchor), 1))
    penalty = (penalty + mean(sum(square(positive), 1))) * 0.25 * l2_reg
    similarity = matmul(anchor, positive, transpose_y=True)
    return penalty + mean(sum(labels * softmax_with_cross_entropy(similarity, labels, True), 0))


def class_center_sample(label, num_classes, num_samples, group=None):
    """The classes that occur, and others at random, for margin losses over very many classes.

    Args:
        label (Variable): [batch], below num_classes.
        num_classes (int): all classes.
        num_samples (int): classes wanted; more where more occur.
        group: None or False: skiff runs in one process.

    Returns:
        (Variable, Variable): labels counted among the sampled classes, and these: those that occur, ascending, then the others.

    Source: paddle.nn.functional.class_center_sample; An et al. 2021.
    """
    if group is not None and group is not False:
        raise ValueError(f"Expected group is False, None: skiff runs in one process (got group: {group})")
    if num_samples > num_classes:
        raise ValueError(f"Expected num_samples less than or equal to {num_classes}, got num_samples {num_samples}")
    if len(label.shape) != 1:
        raise ValueError(f"Expected label_dims == 1 (got label_dims: {len(label.shape)})")
    seed = _core.default_main_program().random_seed
    attrs = {"num_classes": num_classes, "num_samples": num_samples, "ring_id": 0, "nranks": 1, "rank": 0, "fix_seed": seed != 0,
             "seed": seed}
    return layer("class_center_sample", {"Label": label}, ("RemappedLabel", "SampledLocalClassCenter"), attrs)


def margin_cross_entropy(logits, label, margin1=1.0, margin2=0.5, margin3=0.0, scale=64.0, group=None, return_softmax=False,
                         reduction="mean"):
    """-log of the softmax of scaled cosines, that of the label being cos(margin1 * angle + margin2) - margin3.

    Args:
        logits (Variable): [batch, classes], cosines.
        label (Variable): int32 or int64, [batch] or [batch, 1].
        group (bool, optional): False or None; classes lie on one device.
        return_softmax (bool): also gives the softmax.
        reduction (str): "mean", "sum", or "none" for [batch, 1].

    Raises:
        NotImplementedError: classes are to be shared out among devices.

    Source: Deng and others 2019 (ArcFace); paddle.nn.functional.margin_cross_entropy.
    """
    check_reduction(reduction if reduction is not None else "none", "margin_cross_entropy")
    if group:
        raise NotImplementedError("margin_cross_entropy: classes lie on one device; leave group out")
    if len(label.shape) == len(logits.shape) - 1:
        from ...tensor import unsqueeze
        label = unsqueeze(label, axis=-1)
    softmax, loss = layer("margin_cross_entropy", {"Logits": logits, "Label": label}, ("Softmax", "Loss"),
                          {"return_softmax": return_softmax, "ring_id": 0, "rank": 0, "nranks": 1, "margin1": margin1,
                           "margin2": margin2, "margin3": margin3, "scale": scale})
    loss = reduced(loss, reduction if reduction is not None else "none")
    return (loss, softmax) if return_softmax else loss
