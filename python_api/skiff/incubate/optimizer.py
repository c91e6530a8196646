"""Optimizers around other optimizers. Source: paddle.incubate.optimizer."""
from .. import _core
from ..optimizer import Optimizer
from ..static.backward import append_backward
from ..static.build import program_guard


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


class GradientMergeOptimizer:
    """Adds gradients up and updates parameters every k steps.

    Args:
        inner_optimizer (Optimizer): makes the updates.
        k_steps (int): positive.
        avg (bool): updates by the mean of the gradients instead of by their sum.

    Source: paddle.incubate.optimizer.GradientMergeOptimizer.
    """

    def __init__(self, inner_optimizer, k_steps=1, avg=True):
        if inner_optimizer is None:
            raise AssertionError("inner optimizer can not be None")
        if not isinstance(k_steps, int) or k_steps <= 0:
            raise AssertionError("k_steps should be a positive integer")
        self.inner_optimizer, self.k_steps, self.avg = inner_optimizer, k_steps, avg

    def _set_k_steps(self, k_steps):
        self.k_steps = k_steps

    def _set_avg(self, avg):
        self.avg = avg

    def backward(self, loss, startup_program=None, parameter_list=None, no_grad_set=None, callbacks=None):
        """Appends gradient operators, for all trainable parameters. Returns pairs of parameter and gradient."""
        if parameter_list is not None or no_grad_set is not None:
            raise AssertionError("parameter_list and no_grad_set should be None when using GradientMergeOptimizer")
        return self.inner_optimizer.backward(loss, startup_program=startup_program)

    def apply_gradients(self, params_grads):
        """Appends the sums of gradients, and the updates in a branch. Returns the update operators."""
        program = _core.default_main_program()
        before = program.num_blocks
        _core.merge_gradients([tuple(pair) for pair in params_grads], self.k_steps, self.avg, self.inner_optimizer.apply_gradients)
        return [op for op in program.block(before).ops if "LearningRate" in op.input_names]

    def minimize(self, loss, startup_program=None, parameter_list=None, no_grad_set=None):
        """Appends everything that one step of training needs. Returns the update operators, and pairs of parameter and gradient."""
        pairs = self.backward(loss, startup_program, parameter_list, no_grad_set)
        with program_guard(loss.block.program, startup_program or _core.default_startup_program()):
            return self.apply_gradients(pairs), pairs


class LarsMomentumOptimizer(Optimizer):
    """Momentum whose rate for each parameter is lr * coeff * |p| / (|g| + decay * |p| + epsilon), You and others 2017.

    Args:
        exclude_from_weight_decay (list of str, optional): parts of the names of parameters that do not decay.

    Source: paddle.incubate.optimizer.LarsMomentumOptimizer.
    """

    def __init__(self, learning_rate, momentum, lars_coeff=0.001, lars_weight_decay=0.0005, parameter_list=None, regularization=None,
                 grad_clip=None, name=None, exclude_from_weight_decay=None, epsilon=0, multi_precision=False, rescale_grad=1.0):
        core = _core.make_lars_momentum(learning_rate, momentum, lars_coeff, lars_weight_decay, exclude_from_weight_decay or [],
                                        epsilon, regularization, grad_clip, rescale_grad)
        self._start(parameter_list, core, multi_precision)
