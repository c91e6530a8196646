"""A loop over the steps of sequences. Source: paddle.static.nn.StaticRNN of Paddle before 2.6."""
import contextlib

from .. import _core


class StaticRNN:
    """A loop over the first axis of sequences, with memories from step to step: operator `recurrent`.

    Args:
        name (str): of the layer.
        reverse (bool): the last step comes first.

    Raises:
        RuntimeError: a method of the step is called outside of it; the step has no sequence or no output, or a memory is not
            updated.
        ValueError: sequences differ in the number of steps, or a memory is not of this loop.

    Source: paddle.static.nn.StaticRNN of Paddle before 2.6; Paddle 2.6 has the operator alone.

    Example:
        >>> import skiff as paddle
        >>> with paddle.static.program_guard(paddle.static.Program(), paddle.static.Program()):
        ...     words = paddle.static.data("words", [7, None, 3])  # steps, batch, width
        ...     rnn = paddle.static.nn.StaticRNN()
        ...     with rnn.step():
        ...         word = rnn.step_input(words)
        ...         before = rnn.memory(shape=[-1, 8], batch_ref=word)
        ...         now = paddle.static.nn.fc([word, before], 8, activation="tanh")
        ...         rnn.update_memory(before, now)
        ...         rnn.step_output(now)
        ...     rnn().shape
        (7, -1, 8)
    """

    def __init__(self, name=None, reverse=False):
        self._rnn = _core.StaticRNN(name, reverse)

    @contextlib.contextmanager
    def step(self):
        """What is built inside the `with` is the step."""
        self._rnn.begin()
        try:
            yield
            self._rnn.complete()
        except BaseException:
            self._rnn.abandon()
            raise

    def step_input(self, x):
        """What the step sees of x [steps, ...]: [...]."""
        return self._rnn.step_input(x)

    def memory(self, init=None, shape=None, batch_ref=None, init_value=0.0, init_batch_dim_idx=0, ref_batch_dim_idx=1):
        """A state: what it starts with in the first step, then what update_memory was given in the step before.

        Args:
            init (Variable): what it starts with; or
            shape (list), batch_ref (Variable), init_value (float): it starts with one value. shape's extent at
                init_batch_dim_idx is that of batch_ref, a sequence or what step_input gave, at ref_batch_dim_idx of the sequence.

        Returns:
            Variable
        """
        if init is not None:
            return self._rnn.memory(init)
        if shape is None or batch_ref is None:
            raise ValueError("if init is None, memory at least need shape and batch_ref")
        return self._rnn.memory_like(shape, batch_ref, init_value, init_batch_dim_idx, ref_batch_dim_idx)

    def update_memory(self, mem, var):
        """The next value of a memory."""
        self._rnn.update_memory(mem, var)

    def step_output(self, o):
        """o of all steps is an output of the loop."""
        self._rnn.step_output(o)

    def output(self, *outputs):
        """As step_output, of several."""
        for out in outputs:
            self.step_output(out)

    def __call__(self):
        """The outputs [steps, ...]: one variable, or a list of several."""
        outputs = self._rnn.outputs()
        return outputs[0] if len(outputs) == 1 else outputs
