"""Losses of margins and distances."""
from ... import _core
from ..._core import layer
from .loss import check_reduction, reduced, same_shapes

__all__ = ["cosine_embedding_loss", "hinge_embedding_loss", "margin_ranking_loss", "multi_margin_loss", "triplet_margin_loss",
           "triplet_margin_with_distance_loss"]


def margin_ranking_loss(input, other, label, margin=0.0, reduction="mean", name=None):  # noqa: A002
    """max(0, -label * (input - other) + margin).

    Args:
        input, other (Variable): scores to compare.
        label (Variable): 1 where input should be the larger, -1 where other should.
        margin (float): by how much.
        reduction (str): "mean", "sum" or "none".
        name (str): of the layer.

    Source: paddle.nn.functional.margin_ranking_loss.
    """
    from ...tensor import add, full, multiply, neg, subtract
    from .activation import relu
    check_reduction(reduction, "MarginRankingLoss")
    helper = _core.LayerHelper("margin_ranking_loss", name)
    out = subtract(input, other)
    out = multiply(neg(label), out)
    if margin != 0.0:
        out.block.create_var(name=_core.unique_name("_generated_var"), dtype=out.dtype)  # as Paddle, for nothing
        out = add(out, full([1], margin, out.dtype))
    result = helper.create_temporary(input.dtype)
    op_type, attrs = {"none": ("relu", {}), "mean": ("mean", {}),
                      "sum": ("reduce_sum", {"dim": [0], "keep_dim": False, "reduce_all": True})}[reduction]
    if reduction != "none":
        out = relu(out)
    _core.default_main_program().current_block().append_op(type=op_type, inputs={"X": out}, outputs={"Out": result}, attrs=attrs)
    return result


def hinge_embedding_loss(input, label, margin=1.0, reduction="mean", name=None):  # noqa: A002
    """input where label is 1, max(0, margin - input) where it is -1; reduced as margin_ranking_loss.

    Source: paddle.nn.functional.hinge_embedding_loss.
    """
    from ...tensor import where, zeros
    from .activation import relu
    check_reduction(reduction, "hinge_embedding_loss")
    zero = zeros([1], input.dtype)
    near = where(label == 1.0, input, zero)
    return reduced(near + where(label == -1.0, relu(margin - input), zero), reduction, name)


def cosine_embedding_loss(input1, input2, label, margin=0, reduction="mean", name=None):
    """1 - cosine where label is 1, max(0, cosine - margin) where it is -1.

    Args:
        input1, input2 (Variable): [batch, width] or [width].
        label (Variable): [batch].
        margin (float): in [-1, 1].
        reduction (str): "mean", "sum" or "none".
        name (str): of the reduction.

    Source: paddle.nn.functional.cosine_embedding_loss.
    """
    from ...tensor import clip, sqrt, square, where, zeros_like
    if len(label.shape) != 1:
        raise ValueError(f"label must have 1 axis, its shape is {label.shape}")
    same_shapes(input1, input2)
    if len(input1.shape) > 2:
        raise ValueError(f"inputs must have 1 or 2 axes, their shape is {input1.shape}")
    if _core.dtype_name(input1.dtype) not in ("float32", "float64"):
        raise ValueError("The data type of input Variable must be 'float32' or 'float64'")
    if _core.dtype_name(label.dtype) not in ("int32", "int64", "float32", "float64"):
        raise ValueError("The data type of label Variable must be 'int32', 'int64', 'float32', 'float64'")
    product = (input1 * input2).sum(axis=-1)
    first = square(input1).sum(axis=-1) + 1e-11
    second = square(input2).sum(axis=-1) + 1e-11
    cosine = product / sqrt(first * second)
    zero = zeros_like(cosine)
    near, far = 1 - cosine, clip(cosine - margin, min=0)
    near = where(label == 1, near, zero)
    return reduced(near + where(label == -1, far, zero), reduction, name)


def triplet_margin_with_distance_loss(input, positive, negative, distance_function=None, margin=1.0, swap=False,  # noqa: A002
                                      reduction="mean", name=None):
    """`triplet_margin_loss` with a distance of one's own.

    Paddle 2.6 tests in Python whether the distances are positive, which a program cannot: it always raises an error here.
    Skiff builds the loss without that test.

    Args:
        distance_function (callable): of two variables; the Euclidean one where None.

    Source: paddle.nn.functional.triplet_margin_with_distance_loss.
    """
    from .common import pairwise_distance
    return _triplet(input, positive, negative, distance_function or pairwise_distance, margin, swap, reduction, name,
                    "triplet_margin_with_distance_loss")


def triplet_margin_loss(input, positive, negative, margin=1.0, p=2, epsilon=1e-6, swap=False, reduction="mean",  # noqa: A002
                        name=None):
    """max(0, distance to positive - distance to negative + margin).

    Args:
        input, positive, negative (Variable): [batch, width].
        margin (float): by how much the positive should be nearer.
        p (float): the norm of the distances.
        epsilon (float): added to the differences.
        swap (bool): takes the distance between positive and negative where it is smaller.
        reduction (str): "mean", "sum" or "none".
        name (str): of the reduction.

    Source: paddle.nn.functional.triplet_margin_loss.
    """
    from .common import pairwise_distance
    return _triplet(input, positive, negative, lambda x, y: pairwise_distance(x, y, p, epsilon), margin, swap, reduction, name,
                    "triplet_margin_loss")


def _triplet(input, positive, negative, distance, margin, swap, reduction, name, function):  # noqa: A002
    from ...tensor import clip, minimum
    check_reduction(reduction, function)
    if margin < 0:
        raise ValueError(f"margin must not be negative, {margin} was given")
    same_shapes(input, positive, negative)
    near, far = distance(input, positive), distance(input, negative)
    if swap:
        far = minimum(far, distance(positive, negative))
    return reduced(clip(near - far + margin, min=0.0), reduction, name)


def multi_margin_loss(input, label, p=1, margin=1.0, weight=None, reduction="mean", name=None):  # noqa: A002
    """The mean over the wrong classes of max(0, margin - score of the label + score of the class)^p.

    Args:
        input (Variable): [batch, classes]: scores.
        label (Variable): [batch].
        p (int): 1 or 2.
        margin (float): by how much the label's score should be the largest.
        weight (Variable): [classes], of each label.
        reduction (str): "mean", "sum" or "none".
        name (str): of the reduction.

    Source: paddle.nn.functional.multi_margin_loss.
    """
    from ...tensor import clip, gather, index_sample, mean, pow, reshape, shape  # noqa: A004
    check_reduction(reduction, "multi_margin_loss")
    if input.shape[0] != label.shape[0]:
        raise ValueError(f"input and label must hold as many samples, {input.shape} and {label.shape} were given")
    label = reshape(label, (-1, 1))
    own = index_sample(input, label)
    if weight is None:
        loss = mean(pow(clip(margin - own + input, min=0.0), p), axis=1)
        loss = loss - margin ** p / shape(input)[1]
    else:
        if input.shape[1] != weight.shape[0]:
            raise ValueError(f"weight must have one element a class, {weight.shape} and {input.shape} were given")
        weight = reshape(gather(weight, label, 0), (-1, 1))
        loss = mean(pow(clip(weight * (margin - own + input), min=0.0), p), axis=1)
        loss = loss - weight * (margin ** p / shape(input)[1])
    return reduced(loss, reduction, name)
