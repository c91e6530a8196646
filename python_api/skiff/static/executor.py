"""Running programs."""
from .. import _core
from ..framework import default_place


class Executor:
    """Runs programs on a place.

    Args:
        place (CPUPlace | CUDAPlace): where; the default place where None.
        threads (int): CPU threads of one run, 0 for as many as the process may use. Not in Paddle.

    Source: paddle.static.Executor.
    """

    def __init__(self, place=None, threads=0, optimize=True, disabled_passes=()):
        self.place = default_place() if place is None else place
        self._core = _core.Executor(self.place, threads, optimize, list(disabled_passes))
        self._run = self._core.run

    def run(self, program=None, feed=None, fetch_list=None, feed_var_name="feed", fetch_var_name="fetch", scope=None,
            return_numpy=True, use_program_cache=False, use_prune=False):
        """Runs block 0 of a program once.

        Args:
            program (Program): the default main program where None.
            feed (dict): name -> array; arrays are not copied where they lie in C order. Any variable can be fed.
            fetch_list (list): variables or names, any of the program.
            feed_var_name, fetch_var_name, use_program_cache, use_prune: accepted, without effect.
            scope (Scope): holds parameters and other state; the current one where None.
            return_numpy (bool): False returns LoDTensors.

        Returns:
            list: one array for each fetch; bfloat16 as uint16.

        Raises:
            ValueError: a feed is of the wrong shape or dtype.
            RuntimeError: a fetch names no variable, or variables have no value (all are named).
            NotImplementedError: an operator, kernel or dtype that skiff does not have (named).
            MemoryError: memory ran out.

        Source: paddle.static.Executor.run.
        """
        if program is None:
            program = _core.default_main_program()
        elif type(program) is CompiledProgram:
            program = program._program
        if type(feed) in (list, tuple):
            if len(feed) > 1:
                raise NotImplementedError("feed: one dict is wanted; skiff runs a program on one place")
            feed = feed[0] if feed else None
        return self._run(program, feed, fetch_list, scope, return_numpy)

    def plan_text(self, program=None, feed=None, fetch_list=None, scope=None):
        """The listing of the plan that `run` would use: steps, memory, lifetimes. Not in Paddle."""
        return self._core.plan_text(program or _core.default_main_program(), feed, fetch_list, scope)

    def close(self):
        """Forgets every plan."""
        self._core.close()


class CompiledProgram:
    """A program as Executor.run takes it. Every program is compiled when it runs. Source: paddle.static.CompiledProgram."""

    def __init__(self, program_or_graph, build_strategy=None):
        if not isinstance(program_or_graph, _core.Program):
            raise TypeError(f"a Program is wanted, {type(program_or_graph)} was given")
        self._program = program_or_graph
        self._build_strategy = build_strategy

    def with_data_parallel(self, *args, **kwargs):
        """Itself: one place runs the program."""
        return self


class _Options:
    def __repr__(self):
        return f"{type(self).__name__}({', '.join(f'{k}={v!r}' for k, v in vars(self).items())})"


class BuildStrategy(_Options):
    """Accepted; takes any option. Source: paddle.static.BuildStrategy."""

    class ReduceStrategy:
        AllReduce, Reduce = 0, 1

    class GradientScaleStrategy:
        CoeffNumDevice, One, Customized = 0, 1, 2


class ExecutionStrategy(_Options):
    """Accepted; takes any option. Source: paddle.static.ExecutionStrategy."""
