"""Running averages of parameters. Source: paddle.static.ExponentialMovingAverage."""
import contextlib

from .. import _core


class ParameterAverage:
    """What averages of parameters have in common: programs that set parameters to them, and back."""

    def __init__(self, average):
        self._average = average
        self.apply_program, self.restore_program = average.apply_program, average.restore_program

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


class ExponentialMovingAverage(ParameterAverage):
    """average = decay * average + (1 - decay) * parameter, of the parameters of the default main program.

    Args:
        decay (float): of one step.
        thres_steps (Variable): steps taken; the decay is then min(decay, (1 + thres_steps) / (10 + thres_steps)).
        name (str): stands before the names of averages.

    Parameters are set to average / (1 - decay^steps) while `apply` lasts. Those whose ParamAttr has do_model_average=False
    are left alone. Source: paddle.static.ExponentialMovingAverage.

    Example:
        >>> import skiff as paddle
        >>> with paddle.static.program_guard(paddle.static.Program(), paddle.static.Program()):
        ...     y = paddle.static.nn.fc(paddle.static.data("x", [None, 2]), 1)
        ...     average = paddle.static.ExponentialMovingAverage(0.9)
        ...     average.update()
    """

    def __init__(self, decay=0.999, thres_steps=None, name=None):
        super().__init__(_core.ExponentialMovingAverage(decay, thres_steps, name or ""))

    def update(self):
        """Appends the averages' step to the default main program: called once, behind the optimizer's minimize."""
        self._average.update()
