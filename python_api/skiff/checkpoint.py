"""Checkpoints: all that training needs to go on as if it had never stopped."""
import collections
import operator
import os

from . import _core

Resumed = collections.namedtuple("Resumed", "step epoch extra path skipped")
Resumed.__doc__ = """What Checkpoint.resume found.

    step, epoch (int), extra: as given to save; extra of a checkpoint that a program in C++ saved is a dict, or None.
    path (str): of the checkpoint taken.
    skipped (list of str): errors of damaged ones that were passed over.
"""


class Checkpoint:
    """The checkpoints in one folder, each a folder of PaddlePaddle's files that appears whole or not at all.

    A checkpoint holds the parameters, the optimizer's state and its learning-rate scheduler, the random state of the
    current scope (so that dropout goes on exactly), step and epoch, and the state of whatever objects are named: a data
    loader, a scheduler class of your own, anything with `state_dict()` and `set_state_dict(state)`.

    Args:
        folder (str): made when first saved to.
        keep (int): newest checkpoints that stay; those of later steps, left by training that went back, go first. 0 keeps
            all.

    Example:
        >>> import tempfile
        >>> import numpy as np
        >>> import skiff as paddle
        >>> x = paddle.static.data("x", [4, 3])
        >>> loss = paddle.mean(paddle.nn.functional.dropout(paddle.static.nn.fc(x, 2)))
        >>> _ = paddle.optimizer.Adam().minimize(loss)
        >>> exe = paddle.static.Executor()
        >>> _ = exe.run(paddle.static.default_startup_program())
        >>> checkpoint = paddle.io.Checkpoint(tempfile.mkdtemp(), keep=3)
        >>> resumed = checkpoint.resume()          # None: there is none yet
        >>> for step in range(resumed.step if resumed else 0, 4):
        ...     _ = exe.run(feed={"x": np.ones([4, 3], "float32")})
        ...     _ = checkpoint.save(step=step + 1, extra={"note": "fine"})
        >>> checkpoint.steps
        [2, 3, 4]
        >>> checkpoint.resume().extra
        {'note': 'fine'}
    """

    def __init__(self, folder, keep=5):
        self._core = _core.Checkpoint(os.fsdecode(folder), operator.index(keep))

    def save(self, program=None, step=0, epoch=0, extra=None, **objects):
        """Writes one checkpoint, folder/step_<step>; one of the same step is replaced.

        Args:
            program (Program): whose state it is; the default main program where None. Its values are those of the
                current scope.
            step, epoch (int): steps taken and epochs finished.
            extra: small values of your own: numbers, text, arrays, lists and dicts of them.
            objects: by name; what `state_dict()` gives is kept.

        Returns:
            str: its path.

        Raises:
            RuntimeError: variables of the program have no value (all named).
            OSError: the files cannot be written; the checkpoints there are as before.
        """
        program, states = _program(program), {name: one.state_dict() for name, one in objects.items()}
        return self._core.save(program, operator.index(step), operator.index(epoch), {"extra": extra, "objects": states})

    def resume(self, program=None, step=None, skip_damaged=False, **objects):
        """Sets the program's variables, its scheduler, the scope's random state and `objects` to what was saved.

        Args:
            program (Program): as in save.
            step (int): which checkpoint; the newest where None.
            skip_damaged (bool): takes the next older one where files are damaged or missing.
            objects: by name, as in save; `set_state_dict(state)` is called.

        Returns:
            Resumed | None: None where there is no checkpoint yet.

        Raises:
            RuntimeError: there is no checkpoint of that step.
            ValueError, OSError: files are damaged or missing, or those of another program (every difference is listed).
            KeyError: the checkpoint holds no state of an object named here.
            Nothing is set then.
        """
        step = None if step is None else operator.index(step)
        found = self._core.resume(_program(program), step, bool(skip_damaged), list(objects))
        if found is None:
            return None
        step, epoch, extra, states, path, skipped = found
        for name, one in objects.items():
            one.set_state_dict(states[name])
        return Resumed(step, epoch, extra, path, skipped)

    @property
    def steps(self):
        """Steps of the checkpoints there, rising. OSError for a folder that is there and cannot be listed."""
        return self._core.steps()

    @property
    def latest(self):
        """Path of the newest checkpoint, None where there is none."""
        steps = self.steps
        return self._core.path_of(steps[-1]) if steps else None


def _program(program):
    program = _core.default_main_program() if program is None else program
    program = program if isinstance(program, _core.Program) else getattr(program, "_program", program)
    if not isinstance(program, _core.Program):
        raise TypeError(f"program must be a Program, {type(program)} was given")
    return program
