"""Operators whose kernel is a Python function."""
from .. import _core


def _is_empty(value):
    return isinstance(value, (list, tuple)) and not value


class FunctionOp:
    """What `register_op` gives: call it with variables, in the order of the inputs, and attributes by name."""

    def __init__(self, type, inputs, outputs, attrs, forward):  # noqa: A002
        self.type, self._outputs = type, [slot.rstrip("?*") for slot in outputs]
        self._inputs, self._attrs, self._forward = [slot.rstrip("?*") for slot in inputs], dict(attrs), forward
        _core.register_function_op(type, list(inputs), list(outputs), self._attrs, forward)
        self.__doc__, self.__name__ = forward.__doc__, type

    def infer(self, function):
        """Decorates the function of (shape, dtype) pairs that gives one for each output; a shape has -1 for what is unknown.

        Without it every output is like the first input.
        """
        _core.register_function_infer(self.type, function)
        return function

    def gradient(self, function):
        """Decorates the function of inputs, outputs and the outputs' gradients that gives the gradient of each input, or None."""
        _core.register_function_gradient(self.type, function)
        return function

    def __call__(self, *inputs, name=None, **attrs):
        if len(inputs) > len(self._inputs):
            raise TypeError(f"{self.type} takes {len(self._inputs)} inputs: {', '.join(self._inputs)}; {len(inputs)} were given")
        unknown = sorted(set(attrs) - set(self._attrs))
        if unknown:
            raise TypeError(f"{self.type} has no attribute {unknown[0]!r}; it has {sorted(self._attrs)}")
        slots = {slot: value for slot, value in zip(self._inputs, inputs) if value is not None and not _is_empty(value)}
        outputs = self._outputs[0] if len(self._outputs) == 1 else tuple(self._outputs)
        return _core.layer(self.type, slots, outputs, {**self._attrs, **attrs}, name=name)


def register_op(type=None, *, inputs=("X",), outputs=("Out",), attrs=None):  # noqa: A002
    """Decorates a function of arrays that is to be an operator: programs hold it by name, as any other.

    Args:
        type (str): name of the operator; the function's where None.
        inputs, outputs (list[str]): slots; "X?" may be left out (None), "X*" takes a list.
        attrs (dict): attributes and their defaults, which decide their kinds; the function takes them by name.

    Returns:
        FunctionOp

    Raises:
        RuntimeError: an operator of that name exists that is not of a Python function.

    A saved program that uses it needs it registered before it runs. It runs on the CPU, wherever the program does.

    Example:
        >>> import numpy as np, skiff as paddle
        >>> @paddle.utils.register_op(attrs={"slope": 0.1})
        ... def steep_relu(x, slope):
        ...     return np.maximum(x, slope * x)
        >>> @steep_relu.gradient
        ... def _(x, out, out_grad, slope):
        ...     return np.where(x > 0, out_grad, slope * out_grad).astype(x.dtype)
        >>> with paddle.static.program_guard(paddle.static.Program()):
        ...     steep_relu(paddle.static.data("x", [None, 3]), slope=0.5).shape
        (-1, 3)
    """
    def register(function):
        return FunctionOp(type or function.__name__, inputs, outputs, attrs or {}, function)
    return register
