"""Running averages of parameters. Source: paddle.static.ExponentialMovingAverage."""
import contextlib

from .. import _core
from ..tensor._ops import dtype_code
from ..tensor.creation import assign, full
from ..tensor.manipulation import cast
from ..tensor.math import pow as power
from .build import create_global_var, program_guard
from .control_flow import cond

OPTIMIZE, SCHEDULE = 2, 16  # op_role


@contextlib.contextmanager
def role(block, value):
    """Operators appended inside a `with` get this op_role."""
    before = len(block.ops)
    yield
    for op in block.ops[before:]:
        op._set_attr("op_role", value)


def counterpart(block, var):
    """The variable of another program that shares a variable's value: persistable, of the same name."""
    return block.create_var(name=var.name, shape=var.shape, dtype=var.dtype, persistable=True)


class ExponentialMovingAverage:
    """average = decay * average + (1 - decay) * parameter, of every parameter of the default main program.

    Args:
        decay (float): of one step.
        thres_steps (Variable): steps taken; the decay is then min(decay, (1 + thres_steps) / (10 + thres_steps)).
        name (str): stands before the names of averages.

    Parameters are set to average / (1 - decay^steps) while `apply` lasts. Source: paddle.static.ExponentialMovingAverage.

    Example:
        >>> import skiff as paddle
        >>> with paddle.static.program_guard(paddle.static.Program(), paddle.static.Program()):
        ...     y = paddle.static.nn.fc(paddle.static.data("x", [None, 2]), 1)
        ...     average = paddle.static.ExponentialMovingAverage(0.9)
        ...     average.update()
    """

    def __init__(self, decay=0.999, thres_steps=None, name=None):
        self._name, self._step_name = name or "", "@EMA_STEP_COUNTER@"
        main = _core.default_main_program().global_block()
        self._decay = self._make_decay(main, decay, thres_steps)
        kept = [(p, main.create_var(name=_core.unique_name(f"{self._name}{p.name}.ema_tmp"), dtype=p.dtype, stop_gradient=True))
                for p in main.all_parameters()]
        averages = [create_global_var(p.shape, 0.0, p.dtype, persistable=True, name=_core.unique_name(f"{self._name}{p.name}_ema"))
                    for p, _ in kept]
        self._averages = [(p, average) for (p, _), average in zip(kept, averages)]
        self.apply_program, self.restore_program = _core.Program(), _core.Program()
        with program_guard(self.apply_program):
            block = self.apply_program.global_block()
            steps = cast(create_global_var([1], 0, "int64", persistable=True, name=self._step_name), "float32")
            remaining = power(counterpart(block, self._decay), steps)
            for (parameter, tmp), average in zip(kept, averages):
                self._add_apply(block, parameter, tmp, average, steps, remaining)
        with program_guard(self.restore_program):
            block = self.restore_program.global_block()
            for parameter, tmp in kept:
                assign(self._kept(block, parameter, tmp), output=counterpart(block, parameter))

    def _make_decay(self, main, decay, thres_steps):
        with role(main, SCHEDULE):
            var = create_global_var([1], decay, "float32", persistable=True, name="scheduled_ema_decay_rate")
            if thres_steps is not None:
                early = (thres_steps + 1.0) / (thres_steps + 10.0)
                assign(cond(early < decay, lambda: early, lambda: full([1], decay, "float32")), var)
        return var

    @staticmethod
    def _kept(block, parameter, tmp):
        return block.create_var(name=tmp.name, shape=parameter.shape, dtype=tmp.dtype, persistable=True)

    def _add_apply(self, block, parameter, tmp, average, steps, remaining):
        into, average = counterpart(block, parameter), counterpart(block, average)
        assign(into, output=self._kept(block, parameter, tmp))
        assign(cond(steps > 0, lambda: average / (1.0 - remaining), lambda: average), output=into)

    def update(self):
        """Appends the averages' step to the default main program: called once, behind the optimizer's minimize."""
        block = _core.default_main_program().global_block()
        self._count(block)
        for parameter, average in self._averages:
            with role(block, OPTIMIZE):
                assign(average * self._decay + parameter * (1 - self._decay), output=average)

    def _count(self, block):
        if block.has_var(self._step_name):
            return
        startup = _core.default_startup_program().global_block()
        counter = block.create_var(name=self._step_name, shape=[1], dtype="int64", persistable=True, stop_gradient=True)
        startup.append_op(type="fill_constant", outputs={"Out": startup.var(self._step_name)},
                          attrs={"shape": [1], "dtype": dtype_code("int64"), "value": 0.0, "str_value": "0.0", "force_cpu": True})
        block._prepend_op(type="increment", inputs={"X": counter}, outputs={"Out": counter}, attrs={"step": 1.0})

    @contextlib.contextmanager
    def apply(self, executor, need_restore=True):
        """Sets parameters to their averages inside a `with`.

        Args:
            executor (Executor): runs the program that does.
            need_restore (bool): sets them back at the end; otherwise `restore` does.
        """
        executor.run(self.apply_program)
        try:
            yield
        finally:
            if need_restore:
                self.restore(executor)

    def restore(self, executor):
        """Sets parameters to what they were before `apply`."""
        executor.run(self.restore_program)
