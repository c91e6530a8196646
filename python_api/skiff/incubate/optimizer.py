"""Optimizers around other optimizers. Source: paddle.incubate.optimizer."""
from .. import _core
from ..optimizer import Optimizer
from ..static.average import OPTIMIZE
from ..static.backward import append_backward
from ..static.build import create_global_var, program_guard
from ..static.control_flow import cond
from ..tensor._ops import dtype_code
from ..tensor.math import increment

BACKWARD = 1  # op_role


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
        main = _core.default_main_program().global_block()
        due = self._append_counter(main)
        sums = [(parameter, self._append_sum(main, parameter, gradient, due)) for parameter, gradient in params_grads]
        before, updates = len(main.ops), []
        self.inner_optimizer.apply_gradients(sums)

        def update():
            block = _core.default_main_program().current_block()
            if self.avg:
                for _, total in sums:
                    block.append_op(type="scale", inputs={"X": total}, outputs={"Out": total},
                                    attrs={"scale": 1.0 / self.k_steps, "bias": 0.0, "bias_after_scale": False, "op_role": BACKWARD})
            updates.extend(self._move(main, before, block))
            for parameter, total in sums:
                block.append_op(type="fill_constant", outputs={"Out": total}, attrs={
                    "shape": list(parameter.shape), "dtype": dtype_code(parameter.dtype), "value": 0.0, "str_value": "0.0",
                    "force_cpu": False, "op_role": OPTIMIZE})
        cond(due, update, None)
        return updates

    def _append_counter(self, main):
        """A bool: whether this step is a multiple of k_steps."""
        startup = _core.default_startup_program().global_block()
        period, zero, step = (create_global_var([1], value, "int32", persistable=True, name="gradient_merge_" + name)
                              for name, value in (("k", self.k_steps), ("zero", 0), ("step", 0)))
        for op in startup.ops[-3:]:
            op._set_attr("force_cpu", True)
        due = main.create_var(name="gradient_merge_cond", shape=[1], dtype="bool")
        increment(step, 1.0)
        main.append_op(type="elementwise_mod", inputs={"X": step, "Y": period}, outputs={"Out": step}, attrs={"axis": -1})
        main.append_op(type="equal", inputs={"X": step, "Y": zero}, outputs={"Out": due})
        return due

    def _append_sum(self, main, parameter, gradient, due):
        startup = _core.default_startup_program().global_block()
        meta = {"name": parameter.name + "@GRAD@GradientMerge", "shape": parameter.shape, "dtype": parameter.dtype, "persistable": True}
        total = main.create_var(**meta)
        startup.append_op(type="fill_constant", outputs={"Out": startup.create_var(**meta)}, attrs={
            "shape": list(parameter.shape), "dtype": dtype_code(parameter.dtype), "value": 0.0})
        main.append_op(type="elementwise_add", inputs={"X": gradient, "Y": total}, outputs={"Out": total}, attrs={
            "axis": -1, "op_role": BACKWARD, "op_role_var": [parameter.name, total.name], "grad_merge_cond_name": due.name})
        return total

    @staticmethod
    def _move(main, begin, block):
        """Moves clipping, penalties and updates, which optimizers append to block 0, to another block. Returns the updates."""
        moved = []
        for op in list(main.ops[begin:]):
            moved.append(block.append_op(type=op.type, inputs={slot: op.input(slot) for slot in op.input_names},
                                         outputs={slot: op.output(slot) for slot in op.output_names}, attrs=op.all_attrs()))
        for _ in moved:
            main._remove_op(begin)
        return [op for op in moved if "LearningRate" in op.input_names]

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
