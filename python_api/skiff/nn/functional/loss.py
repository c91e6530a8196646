"""Losses of numbers: differences, probabilities, divergences."""
import math

from ... import _core
from ..._core import layer

__all__ = ["binary_cross_entropy", "binary_cross_entropy_with_logits", "gaussian_nll_loss", "kl_div", "l1_loss", "log_loss",
           "mse_loss", "multi_label_soft_margin_loss", "poisson_nll_loss", "sigmoid_focal_loss", "smooth_l1_loss",
           "soft_margin_loss", "square_error_cost"]


def check_reduction(reduction, function):
    """Raises ValueError unless the reduction is "sum", "mean" or "none"."""
    if reduction not in ("sum", "mean", "none"):
        raise ValueError(f"The value of 'reduction' in {function} should be 'sum', 'mean' or 'none', but received {reduction}, "
                         "which is not allowed.")


def reduced(loss, reduction, name=None):
    """The loss as it is, its mean or its sum."""
    from ...tensor import mean, sum  # noqa: A004
    if reduction == "none":
        return loss
    return mean(loss, name=name) if reduction == "mean" else sum(loss, name=name)


def same_shapes(*variables):
    """Raises ValueError unless all have one shape."""
    if any(tuple(variable.shape) != tuple(variables[0].shape) for variable in variables):
        raise ValueError(f"shapes must be equal, {[list(variable.shape) for variable in variables]} were given")


def square_error_cost(input, label):  # noqa: A002
    """(input - label)^2. Source: paddle.nn.functional.square_error_cost."""
    helper = _core.LayerHelper("square_error_cost")
    difference = layer("elementwise_sub", {"X": input, "Y": label}, "Out", {"axis": -1}, name=helper.name)
    return layer("square", {"X": difference}, name=helper.name)


def mse_loss(input, label, reduction="mean", name=None):  # noqa: A002
    """(input - label)^2.

    Args:
        input, label (Variable): of one shape.
        reduction (str): "mean", "sum" or "none".
        name (str): of the last operator.

    Source: paddle.nn.functional.mse_loss.
    """
    from ...tensor import square, subtract
    check_reduction(reduction, "mse_loss")
    return reduced(square(subtract(input, label), name=name if reduction == "none" else None), reduction, name)


def l1_loss(input, label, reduction="mean", name=None):  # noqa: A002
    """|input - label|, reduced as mse_loss. Source: paddle.nn.functional.l1_loss."""
    from ...tensor import abs, subtract  # noqa: A004
    check_reduction(reduction, "L1Loss")
    return reduced(abs(subtract(input, label, name if reduction == "none" else None)), reduction, name)


def smooth_l1_loss(input, label, reduction="mean", delta=1.0, name=None):  # noqa: A002
    """Half the square of input - label below delta, linear beyond; reduced as mse_loss.

    Source: paddle.nn.functional.smooth_l1_loss; Huber 1964.
    """
    check_reduction(reduction, "smooth_l1_loss")
    return reduced(layer("huber_loss", {"X": input, "Y": label}, ("Residual", "Out"), {"delta": delta}, name=name)[1], reduction)


def binary_cross_entropy(input, label, weight=None, reduction="mean", name=None):  # noqa: A002
    """-(label * log(input) + (1 - label) * log(1 - input)).

    Args:
        input, label (Variable): probabilities, of one shape.
        weight (Variable): factors of the losses.
        reduction (str): "mean", "sum" or "none".
        name (str): of the last operator.

    Source: paddle.nn.functional.binary_cross_entropy.
    """
    from ...tensor import multiply
    check_reduction(reduction, "binary_cross_entropy")
    own = name if reduction == "none" else None
    out = layer("bce_loss", {"X": input, "Label": label}, layer="binary_cross_entropy", name=own if weight is None else None)
    if weight is not None:
        if not isinstance(weight, _core.Variable):
            raise ValueError(f"weight must be a Variable, {type(weight)} was given")
        out = multiply(out, weight, own)
    return reduced(out, reduction, name)


def binary_cross_entropy_with_logits(logit, label, weight=None, reduction="mean", pos_weight=None, name=None):
    """`binary_cross_entropy` of sigmoid(logit).

    Args:
        logit, label, weight, reduction, name: as there.
        pos_weight (Variable): factors of the part that label multiplies.

    Source: paddle.nn.functional.binary_cross_entropy_with_logits.
    """
    from ...tensor import add, full, multiply, subtract
    check_reduction(reduction, "binary_cross_entropy_with_logits")
    helper = _core.LayerHelper("sigmoid_cross_entropy_with_logits", name)
    out = helper.create_temporary(logit.dtype)
    one = full([1], 1.0, logit.dtype)
    if pos_weight is not None:
        pos_weight = add(multiply(label, subtract(pos_weight, one)), one)
    _core.default_main_program().current_block().append_op(
        type="sigmoid_cross_entropy_with_logits", inputs={"X": logit, "Label": label, "pos_weight": pos_weight},
        outputs={"Out": out}, attrs={"ignore_index": -100, "normalize": False})
    if weight is not None:
        out = multiply(out, weight, name if reduction == "none" else None)
    return reduced(out, reduction, name)


def sigmoid_focal_loss(logit, label, normalizer=None, alpha=0.25, gamma=2.0, reduction="sum", name=None):
    """Binary cross entropy that weighs easy samples less.

    Args:
        logit, label (Variable): [batch, classes]; label 0 or 1.
        normalizer (Variable): divides the losses, say the number of positive samples.
        alpha (float): weight of the positive samples, 1 - alpha of the others.
        gamma (float): the larger, the less easy samples weigh.
        reduction (str): "mean", "sum" or "none".
        name (str): of the last operator.

    Source: paddle.nn.functional.sigmoid_focal_loss; Lin et al. 2017.
    """
    from ...tensor import divide, multiply, pow  # noqa: A004
    from .activation import sigmoid
    check_reduction(reduction, "sigmoid_focal_loss")
    if normalizer is not None and len(normalizer.shape) > 1:
        raise ValueError(f"Expected zero or one dimension of normalizer in sigmoid_focal_loss but got {len(normalizer.shape)}.")
    own = name if reduction == "none" else None
    loss = binary_cross_entropy_with_logits(logit, label, reduction="none", name=own if normalizer is None else None)
    p = sigmoid(logit)
    right = p * label + (1 - p) * (1 - label)
    loss = multiply(alpha * label + (1 - alpha) * (1 - label), loss)
    loss = multiply(pow(1 - right, gamma), loss)
    if normalizer is not None:
        loss = divide(loss, normalizer, own)
    return reduced(loss, reduction, name)


def multi_label_soft_margin_loss(input, label, weight=None, reduction="mean", name=None):  # noqa: A002
    """Binary cross entropy of sigmoid(input), the mean over the last axis; weights and reduction as binary_cross_entropy's.

    Source: paddle.nn.functional.multi_label_soft_margin_loss.
    """
    from .activation import log_sigmoid
    check_reduction(reduction, "multi_label_soft_margin_loss")
    same_shapes(input, label)
    loss = -(label * log_sigmoid(input) + (1 - label) * log_sigmoid(-input))
    if weight is not None:
        loss = loss * weight
    return reduced(loss.mean(axis=-1), reduction)


def soft_margin_loss(input, label, reduction="mean", name=None):  # noqa: A002
    """log(1 + e^(-label * input)), label 1 or -1. Source: paddle.nn.functional.soft_margin_loss."""
    from ...tensor import cast, exp, log
    check_reduction(reduction, "soft_margin_loss")
    same_shapes(input, label)
    return reduced(log(1 + exp(-cast(label, input.dtype) * input)), reduction, name)


def kl_div(input, label, reduction="mean", name=None):  # noqa: A002
    """label * (log(label) - input); reduced as mse_loss, or "batchmean": the sum over the batch's size.

    Source: paddle.nn.functional.kl_div; Kullback and Leibler 1951.
    """
    from ...tensor import cast, shape, sum  # noqa: A004
    if not isinstance(reduction, str):
        raise TypeError(f"reduction must be a str, {type(reduction)} was given")
    dtypes = [_core.dtype_name(v.dtype) for v in (input, label)]
    if dtypes == ["float32", "float64"]:
        input = cast(input, "float64")  # noqa: A001
    elif dtypes == ["float64", "float32"]:
        label = cast(label, "float64")
    out = layer("kldiv_loss", {"X": input, "Target": label}, "Loss", {"reduction": "none"}, layer="kl_div", name=name)
    if reduction == "batchmean":
        batch = shape(input)[0]
        return sum(out) / batch
    return reduced(out, reduction if reduction in ("mean", "sum") else "none")


def log_loss(input, label, epsilon=1e-4, name=None):  # noqa: A002
    """`binary_cross_entropy` with epsilon inside the logarithms. Source: paddle.nn.functional.log_loss."""
    return layer("log_loss", {"Predicted": input, "Labels": label}, "Loss", {"epsilon": epsilon}, name=name)


def poisson_nll_loss(input, label, log_input=True, full=False, epsilon=1e-8, reduction="mean", name=None):  # noqa: A002
    """Minus the log probability of counts under a Poisson distribution, up to a constant.

    Args:
        input, label (Variable): the logarithm of the expected count, and the count; of one shape.
        log_input (bool): False: input is the expected count itself.
        full (bool): adds Stirling's approximation of the constant where label is above 1.
        epsilon (float): added inside the logarithm of the expected count.
        reduction (str): "mean", "sum" or "none".
        name (str): accepted, without effect.

    Source: paddle.nn.functional.poisson_nll_loss.
    """
    from ...tensor import cast, exp, log, where, zeros_like
    if epsilon <= 0:
        raise ValueError(f"The value of `epsilon` in poisson_nll_loss should be positve, but received {epsilon}, which is not "
                         "allowed")
    check_reduction(reduction, "poisson_nll_loss")
    same_shapes(input, label)
    label = cast(label, input.dtype)
    loss = exp(input) - label * input if log_input else input - label * log(input + epsilon)
    if full:
        stirling = label * log(label) - label + 0.5 * log(2 * math.pi * label)
        loss = loss + where(label > 1, stirling, zeros_like(stirling))
    return reduced(loss, reduction)


def gaussian_nll_loss(input, label, variance, full=False, epsilon=1e-6, reduction="mean", name=None):  # noqa: A002
    """Minus the log probability under a normal distribution, up to a constant.

    Args:
        input, label (Variable): the mean and the value; of one shape.
        variance (Variable): of that shape, or without the last axis, or with 1 there. Running asserts it is positive.
        full (bool): adds the constant, log(2 pi) / 2.
        epsilon (float): the least variance.
        reduction (str): "mean", "sum" or "none".
        name (str): of the reduction.

    Source: paddle.nn.functional.gaussian_nll_loss.
    """
    from ...static.control_flow import Assert
    from ...tensor import all, clip, log, square, unsqueeze  # noqa: A004
    wanted, given = list(input.shape), list(variance.shape)
    if given == wanted[:-1] and given != wanted:
        variance = unsqueeze(variance, -1)
    elif given not in (wanted, wanted[:-1] + [1]):
        raise ValueError(f"variance is of incorrect shape: {given}, for an input of {wanted}")
    check_reduction(reduction, "gaussian_nll_loss")
    Assert(all(variance > 0), [variance], 6)
    variance = clip(variance.clone(), min=epsilon)
    loss = 0.5 * (log(variance) + square(input - label) / variance)
    if full:
        loss = loss + 0.5 * math.log(2 * math.pi)
    return reduced(loss, reduction, name)
