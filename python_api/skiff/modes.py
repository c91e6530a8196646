"""What belongs to imperative mode or to the process rather than to a program."""
import contextlib
import functools

from . import _core

__all__ = ["CUDAPinnedPlace", "LazyGuard", "batch", "check_shape", "disable_signal_handler", "enable_grad", "get_cuda_rng_state",
           "get_flags", "get_rng_state", "grad", "is_grad_enabled", "no_grad", "set_cuda_rng_state", "set_flags",
           "set_grad_enabled", "set_printoptions", "set_rng_state"]


class _Grad(contextlib.ContextDecorator):
    """A context and a decorator without effect: a program's gradients are made by append_backward and minimize."""

    def __enter__(self):
        return self

    def __exit__(self, *error):
        return False

    def __call__(self, function):
        return super().__call__(function)


def no_grad(func=None):
    """A context or decorator without effect in a program. Source: paddle.no_grad."""
    return _Grad() if func is None else _Grad()(func)


def enable_grad(func=None):
    """As `no_grad`. Source: paddle.enable_grad."""
    return no_grad(func)


def set_grad_enabled(mode):
    """As `no_grad`. Source: paddle.set_grad_enabled."""
    return _Grad()


def is_grad_enabled():
    """False: there is no imperative mode. Source: paddle.is_grad_enabled."""
    return False


def _dynamic_only(name):
    raise AssertionError(f"We only support '{name}()' in dynamic graph mode, please call 'paddle.disable_static()' to enter dynamic "
                         "graph mode.")


def grad(outputs, inputs, grad_outputs=None, retain_graph=None, create_graph=False, only_inputs=True, allow_unused=False,
         no_grad_vars=None):
    """Imperative mode's gradients; of a program take `static.gradients`.

    Raises:
        AssertionError: always.

    Source: paddle.grad.
    """
    _dynamic_only("grad")


_flags = {}


def set_flags(flags):
    """Keeps settings by their names ("FLAGS_..."); none changes how skiff computes. Source: paddle.set_flags."""
    if not isinstance(flags, dict):
        raise TypeError("flags in set_flags should be a dict")
    _flags.update(flags)


def get_flags(flags):
    """The settings of these names that `set_flags` was given, False for others: {name: value}. Source: paddle.get_flags."""
    names = [flags] if isinstance(flags, str) else flags
    if not isinstance(names, (list, tuple)):
        raise TypeError("Flags in get_flags should be a list, tuple or string.")
    return {name: _flags.get(name, False) for name in names}


def set_printoptions(precision=None, threshold=None, edgeitems=None, sci_mode=None, linewidth=None):
    """Accepted, without effect: a program's variables have no elements to print. Source: paddle.set_printoptions."""


def disable_signal_handler():
    """Does nothing: skiff installs none. Source: paddle.disable_signal_handler."""


def get_rng_state(device=None):
    """The state of the random generators: the seed of the programs run from now on. Source: paddle.get_rng_state."""
    return [_core.default_main_program().random_seed]


def set_rng_state(state_list, device=None):
    """Restores what `get_rng_state` returned. Source: paddle.set_rng_state."""
    from .framework import seed
    for state in state_list:
        seed(state)


def get_cuda_rng_state():
    """As `get_rng_state`. Source: paddle.get_cuda_rng_state."""
    return get_rng_state()


def set_cuda_rng_state(state_list):
    """As `set_rng_state`. Source: paddle.set_cuda_rng_state."""
    set_rng_state(state_list)


def batch(reader, batch_size, drop_last=False):
    """A reader of lists of `batch_size` samples from a reader of samples.

    Args:
        reader (callable): makes a generator of samples.
        batch_size (int): samples a list.
        drop_last (bool): leaves a shorter last list out.

    Source: paddle.batch.
    """
    size = int(batch_size)
    if size <= 0:
        raise ValueError(f"batch_size should be a positive integer value, but got batch_size={size}")

    @functools.wraps(reader)
    def batches():
        samples = []
        for sample in reader():
            samples.append(sample)
            if len(samples) == size:
                yield samples
                samples = []
        if samples and not drop_last:
            yield samples
    return batches


def check_shape(shape, op_name, expected_shape_type=(list, tuple, _core.Variable), expected_element_type=(int, _core.Variable),
                expected_tensor_dtype=("int32", "int64")):
    """Raises TypeError where `shape` is no list of integers and integer variables, nor such a variable.

    Source: paddle.check_shape.
    """
    if not isinstance(shape, expected_shape_type):
        raise TypeError(f"The type of 'shape' in {op_name} must be {expected_shape_type}, but received {type(shape)}.")
    elements = [shape] if isinstance(shape, _core.Variable) else shape
    for element in elements:
        if not isinstance(element, expected_element_type):
            raise TypeError(f"The type of 'element of shape' in {op_name} must be {expected_element_type}, but received {type(element)}.")
        if isinstance(element, _core.Variable) and _core.dtype_name(element.dtype) not in expected_tensor_dtype:
            raise TypeError(f"The data type of 'element of shape' in {op_name} must be {list(expected_tensor_dtype)}, "
                            f"but received {_core.dtype_name(element.dtype)}.")


class LazyGuard(contextlib.AbstractContextManager):
    """A context without effect: a program's parameters are filled by its startup program, never earlier. Source: paddle.LazyGuard."""

    def __exit__(self, *error):
        return False


class CUDAPinnedPlace:
    """Page-locked memory of the host, named for programs that mention it. Source: paddle.CUDAPinnedPlace."""

    def __repr__(self):
        return "Place(gpu_pinned)"
