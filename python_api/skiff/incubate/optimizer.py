"""Optimizers around other optimizers. Source: paddle.incubate.optimizer."""
from ..static.backward import append_backward


class RecomputeOptimizer:
    """Computes variables between checkpoints again for their gradients, instead of keeping them.

    Args:
        optimizer (Optimizer): makes the updates.

    Source: paddle.incubate.optimizer.RecomputeOptimizer.
    """

    def __init__(self, optimizer):
        self._optimizer, self._checkpoints = optimizer, None

    def _set_checkpoints(self, checkpoints):
        if not isinstance(checkpoints, list):
            raise AssertionError("_checkpoints should be a list of Variable or a list of String")
        self._checkpoints = checkpoints

    def backward(self, loss, startup_program=None, parameter_list=None, no_grad_set=None, callbacks=None):
        """Appends gradient operators and what is computed again. Returns pairs of parameter and gradient."""
        if self._checkpoints is None:
            raise AssertionError("You should call _set_checkpoints first")
        return append_backward(loss, parameter_list or self._optimizer._parameters, no_grad_set, checkpoints=self._checkpoints)

    def apply_gradients(self, params_grads):
        """Appends the updates. Returns their operators."""
        return self._optimizer.apply_gradients(params_grads)

    def minimize(self, loss, startup_program=None, parameter_list=None, no_grad_set=None):
        """Appends everything that one step of training needs. Returns the update operators, and pairs of parameter and gradient."""
        pairs = self.backward(loss, startup_program, parameter_list, no_grad_set)
        return self.apply_gradients(pairs), pairs

    def __getattr__(self, name):
        return getattr(self._optimizer, name)
