"""Generated names, on which the keys of every saved file depend. Source: paddle.utils.unique_name."""
import contextlib

from .. import _core


def generate(key):
    """"<key>_<n>", n counting from 0 for each key."""
    return _core.unique_name(key)


def switch(new_generator=None, new_para_name_checker=None):
    """Makes a generator current, a fresh one where None; returns the one before."""
    if isinstance(new_generator, str):
        new_generator = _core.UniqueNameGenerator(new_generator)
    return _core.switch_unique_names(new_generator)


@contextlib.contextmanager
def guard(new_generator=None):
    """A fresh generator inside a `with`; a string stands in front of every name.

    Example:
        >>> import skiff as paddle
        >>> with paddle.utils.unique_name.guard("A_"):
        ...     paddle.utils.unique_name.generate("fc")
        'A_fc_0'
    """
    if isinstance(new_generator, bytes):
        new_generator = new_generator.decode()
    before = switch(new_generator)
    try:
        yield
    finally:
        switch(before)
