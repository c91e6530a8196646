"""Averages of parameters over steps. Source: paddle.incubate.LookAhead, paddle.incubate.ModelAverage."""
from .. import _core
from ..static.average import ParameterAverage
from ..static.build import program_guard


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
        with program_guard(loss.block.program, startup_program or _core.default_startup_program()):
            _core.look_ahead([tuple(pair) for pair in pairs], self.alpha, self.k)
        return updates, pairs

    def __getattr__(self, name):
        return getattr(self.inner_optimizer, name)


class ModelAverage(ParameterAverage):
    """The average of each parameter over a window of steps, into which parameters go while `apply` lasts.

    Args:
        average_window_rate (float): the window is this share of all steps,
        min_average_window, max_average_window (int): but within these.
        parameters (list): where None, all of the default main program but those whose ParamAttr has do_model_average=False.
        name (str): accepted, without effect.

    Making it, behind the optimizer's minimize, appends the sums to the default main program.
    Source: paddle.incubate.ModelAverage, which does not look at do_model_average.
    """

    def __init__(self, average_window_rate, parameters=None, min_average_window=10000, max_average_window=10000, name=None):
        super().__init__(_core.ModelAverage(average_window_rate, list(parameters or []), min_average_window, max_average_window))

    def apply(self, executor=None, need_restore=True):
        """As ParameterAverage.apply.

        Raises:
            RuntimeError: no executor is given.
        """
        return super().apply(_given(executor), need_restore)

    def restore(self, executor=None):
        """Sets parameters to what they were before `apply`."""
        super().restore(_given(executor))


def _given(executor):
    if executor is None:
        raise RuntimeError("Executor should not be None in static graph mode.")
    return executor
