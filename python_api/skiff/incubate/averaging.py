"""Averages of parameters over steps. Source: paddle.incubate.LookAhead, paddle.incubate.ModelAverage."""
import contextlib

from .. import _core
from ..static.average import OPTIMIZE, counterpart, role
from ..static.build import create_global_var, program_guard
from ..tensor.creation import assign, ones, zeros
from ..tensor.logic import equal
from ..tensor.manipulation import cast
from ..tensor.math import add_n, increment, remainder


def _state(kind, parameter, shape=None, dtype=None):
    var = create_global_var(parameter.shape if shape is None else shape, 0.0, dtype or parameter.dtype, persistable=True,
                            name=_core.unique_name(f"{parameter.name}_{kind}"))
    var.stop_gradient = False  # as Paddle leaves it
    return var


class LookAhead:
    """Every k steps parameters move back: to alpha * parameter + (1 - alpha) * where they were k steps before.

    Args:
        inner_optimizer (Optimizer): makes the steps.
        alpha (float): from 0 to 1.
        k (int): positive.
        name (str): accepted, without effect.

    Zhang et al. 2019. Source: paddle.incubate.LookAhead.
    """

    def __init__(self, inner_optimizer, alpha=0.5, k=5, name=None):
        if inner_optimizer is None:
            raise AssertionError("inner optimizer can not be None")
        if not 0.0 <= alpha <= 1.0:
            raise AssertionError("alpha should be larger or equal to 0.0, and less or equal than 1.0")
        if not isinstance(k, int) or k <= 0:
            raise AssertionError("k should be a positive integer")
        self.inner_optimizer, self.alpha, self.k = inner_optimizer, alpha, k

    def minimize(self, loss, startup_program=None, parameters=None, no_grad_set=None):
        """Appends the inner optimizer's step and what follows it. Returns the update operators, and pairs of parameter and gradient."""
        updates, pairs = self.inner_optimizer.minimize(loss, startup_program, parameters, no_grad_set)
        program = loss.block.program
        with program_guard(program, startup_program or _core.default_startup_program()):
            step = create_global_var([1], 0, "int32", persistable=True, name=_core.unique_name("lookahead_step"))
            increment(step)
            create_global_var([], self.alpha, "float32", persistable=True, name=_core.unique_name("learning_rate"))
            moved = sorted((parameter for parameter, _ in pairs), key=lambda parameter: parameter.name)
            slow = [_state("slow", parameter) for parameter in moved]
            with role(program.global_block(), OPTIMIZE):
                for parameter, old in zip(moved, slow):
                    self._follow(parameter, old, step)
        return updates, pairs

    def _follow(self, parameter, slow, step):
        one, zero = ones([1], "int32", name="lookahead_ones"), zeros([1], "int32", name="lookahead_zeros")
        period = create_global_var([1], self.k, "int32", persistable=True, name=_core.unique_name("lookahead_k"))
        turn = remainder(step, period)
        first, due = cast(equal(step, one), "float32"), cast(equal(turn, zero), "float32")
        assign(first * parameter + (1 - first) * slow, slow)
        mixed = self.alpha * parameter + (1.0 - self.alpha) * slow
        assign(due * mixed + (1 - due) * parameter, parameter)
        assign(due * mixed + (1 - due) * slow, slow)

    def __getattr__(self, name):
        return getattr(self.inner_optimizer, name)


class ModelAverage:
    """The average of each parameter over a window of steps, into which parameters go while `apply` lasts.

    Args:
        average_window_rate (float): the window is this share of all steps,
        min_average_window, max_average_window (int): but within these.
        parameters (list): all of the default main program where None.
        name (str): accepted, without effect.

    Making it, behind the optimizer's minimize, appends the sums to the default main program.
    Source: paddle.incubate.ModelAverage.
    """

    SUMS, COUNTS = ("sum_1", "sum_2", "sum_3", "restore"), ("num_accumulates", "old_num_accumulates", "num_updates")

    def __init__(self, average_window_rate, parameters=None, min_average_window=10000, max_average_window=10000, name=None):
        main = _core.default_main_program().global_block()
        parameters = list(parameters or main.all_parameters())
        states = []
        for parameter in parameters:
            state = {kind: _state(kind, parameter) for kind in self.SUMS}
            state.update({kind: _state(kind, parameter, [1], "int64") for kind in self.COUNTS})
            states.append(state)
        attrs = {"average_window": average_window_rate, "min_average_window": min_average_window,
                 "max_average_window": max_average_window}
        for parameter, state in zip(parameters, states):
            moved = [kind for kind in state if kind != "restore"]
            main.append_op(type="average_accumulates", inputs={"param": parameter, **{"in_" + kind: state[kind] for kind in moved}},
                           outputs={"out_" + kind: state[kind] for kind in moved}, attrs=attrs)
        self.apply_program, self.restore_program = _core.Program(), _core.Program()
        for program, add in ((self.apply_program, self._add_apply), (self.restore_program, self._add_restore)):
            with program_guard(program):
                for parameter, state in zip(parameters, states):
                    add(program.global_block(), parameter, state)

    def _add_apply(self, block, parameter, state):
        into = counterpart(block, parameter)
        held = {kind: counterpart(block, var) for kind, var in state.items() if kind != "num_updates"}
        assign(into, output=held["restore"])
        count = add_n([held["num_accumulates"], held["old_num_accumulates"]])
        total = add_n([held["sum_1"], held["sum_2"], held["sum_3"]])
        count, total = cast(count, "float32"), cast(total, "float32")
        block.append_op(type="elementwise_div", inputs={"X": total, "Y": count}, outputs={"Out": into}, attrs={"axis": -1})

    def _add_restore(self, block, parameter, state):
        assign(counterpart(block, state["restore"]), output=counterpart(block, parameter))

    @contextlib.contextmanager
    def apply(self, executor=None, need_restore=True):
        """Sets parameters to their averages inside a `with`.

        Args:
            executor (Executor): runs the program that does.
            need_restore (bool): sets them back at the end; otherwise `restore` does.
        """
        if executor is None:
            raise RuntimeError("Executor should not be None in static graph mode.")
        executor.run(self.apply_program)
        try:
            yield
        finally:
            if need_restore:
                self.restore(executor)

    def restore(self, executor=None):
        """Sets parameters to what they were before `apply`."""
        if executor is None:
            raise RuntimeError("Executor should not be None in static graph mode.")
        executor.run(self.restore_program)
