"""Gradients of programs."""
from .. import _core


def append_backward(loss, parameter_list=None, no_grad_set=None, callbacks=None, checkpoints=None, distop_context=None):
    """Appends the operators that compute the gradient of a loss.

    Args:
        loss (Variable): one element.
        parameter_list (list): variables, or names of any, whose gradients are returned; trainable parameters where None.
        no_grad_set (set): variables, or names, that gradients do not pass through.
        callbacks: None.
        checkpoints (list): variables to keep; what lies between them is computed again when its gradient is due.
        distop_context: None.

    Returns:
        list of (Variable, Variable): parameter and gradient; those no gradient reaches are left out.

    Raises:
        ValueError: the loss has several elements, or nothing computes it.
        NotImplementedError: an operator on the way has no gradient (named).

    Source: paddle.static.append_backward.
    """
    if callbacks:
        raise NotImplementedError("append_backward: callbacks are not supported; leave them None")
    if not isinstance(loss, _core.Variable):
        raise TypeError(f"loss must be a Variable, {type(loss)} was given")
    return _core.append_backward(loss, parameter_list, no_grad_set, checkpoints)


def gradients(targets, inputs, target_gradients=None, no_grad_set=None):
    """Appends the operators that compute d targets / d inputs.

    Args:
        targets, inputs (Variable | list): of one program.
        target_gradients (Variable | list): weights of the targets; None means ones.
        no_grad_set (set): variables, or names, that gradients do not pass through.

    Returns:
        list: the gradient of each input, None where nothing flows.

    Source: paddle.static.gradients.
    """
    return _core.gradients(targets, inputs, target_gradients, no_grad_set)
