"""Generated names, operators from shared libraries, a check of the installation. Source: paddle.utils."""
import functools
import importlib
import os
import re
import warnings

from .. import _core, version
from . import unique_name  # noqa: F401
from .custom_op import register_op  # noqa: F401


def load_op_library(path):
    """Loads a shared library and registers its operators, all or none; examples/custom_op shows one.

    Args:
        path (str): a library made with CMake's skiff_add_op_library. Its code is run.

    Returns:
        list[str]: names of its operators, for `Block.append_op`.

    Raises:
        OSError: there is no such file, or the system cannot load it.
        ValueError: it is no library of operators.
        RuntimeError: it was built against another version of skiff, or one of its operators exists already.

    Source: paddle.incubate's load_op_library of 1.x and paddle.utils.cpp_extension.
    """
    return _core.load_op_library(os.fsdecode(path))


def read_limits(**limits):
    """While the with-statement lasts, what this thread reads from files keeps to these limits.

    Args:
        max_bytes (int): memory for what is read, beside the file itself; 64 GiB where not given.
        max_growth (int): no more than 64 MiB and this many bytes for each byte of the file; 1100.
        max_objects (int): messages of a program, objects of a pickle, tensors, members of an archive; 2**24.
        max_text_bytes (int): of one name or text; 64 MiB.
        max_depth (int): of what lies in one another; 200, and at most 1000.

    Raises:
        ValueError: there is no such limit; on entering the with-statement, max_depth is not within 0 and 1000.
        MemoryError: raised by what reads a file that asks for more; it names the file, the byte and the limit.

    >>> with skiff.utils.read_limits(max_bytes=1 << 30):
    ...     state = skiff.load("stranger.pdparams")  # doctest: +SKIP

    Source: skiff's own; see SECURITY.md.
    """
    known = ("max_bytes", "max_growth", "max_objects", "max_text_bytes", "max_depth")
    for name in limits:
        if name not in known:
            raise ValueError(f"there is no limit {name}; the limits are {', '.join(known)}")
    return _core.LimitedReading(**limits)


def try_import(module_name, err_msg=None):
    """Imports a module that is needed for one thing only.

    Raises:
        ImportError: it is not installed; `err_msg`, or how to install it.

    Source: paddle.utils.try_import.
    """
    try:
        return importlib.import_module(module_name)
    except ImportError:
        raise ImportError(err_msg or f"{module_name} is not installed; pip install {module_name} may do it") from None


def require_version(min_version, max_version=None):
    """Checks that the Paddle whose API skiff follows lies in a range.

    Args:
        min_version, max_version (str): versions as "2.6.2", bounds included; no upper bound where None.

    Raises:
        TypeError: a version is no string.
        ValueError: a version is not one to four numbers with points between.
        Exception: the version lies outside, as in Paddle.

    Source: paddle.utils.require_version.
    """
    def numbers(name, text):
        if not isinstance(text, str):
            raise TypeError(f"{name} must be a str, {type(text)} was given")
        if not re.fullmatch(r"\d+(\.\d+){0,3}", text):
            raise ValueError(f"{name} must look like '2.6.2', {text!r} was given")
        return (*map(int, text.split(".")), 0, 0, 0)[:4]

    have = numbers("paddle_version", version.paddle_version)
    if have < numbers("min_version", min_version) or (max_version is not None and have > numbers("max_version", max_version)):
        wanted = f"at least {min_version}" if max_version is None else f"from {min_version} to {max_version}"
        raise Exception(f"a Paddle {wanted} is required; this skiff follows {version.paddle_version}")


def deprecated(update_to="", since="", reason="", level=0):
    """Marks a function as one that will go.

    Args:
        update_to (str): what to use in its stead.
        since (str): the version from which on it should not be used.
        reason (str): why.
        level (int): 0 says nothing when it is called, 1 warns, 2 raises RuntimeError.

    Source: paddle.utils.deprecated.
    """
    def decorate(function):
        text = f"{function.__module__}.{function.__name__} is deprecated"
        text += f" since {since}" if since else ""
        text += f"; use {update_to}" if update_to else ""
        text += f": {reason}" if reason else ""

        @functools.wraps(function)
        def call(*args, **kwargs):
            if level == 2:
                raise RuntimeError(text)
            if level == 1:
                warnings.warn(text, DeprecationWarning, stacklevel=2)
            return function(*args, **kwargs)

        call.__doc__ = f"{text}.\n\n{function.__doc__ or ''}"
        return call
    return decorate


def run_check():
    """Multiplies two matrices on the default device and says whether the answer is right."""
    import numpy
    from .. import framework, static, tensor
    place = framework.default_place()
    main = static.Program()
    with static.program_guard(main, static.Program()):
        x = static.data("x", [2, 2])
        y = tensor.matmul(x, x)
    out = static.Executor(place).run(main, feed={"x": numpy.array([[1, 2], [3, 4]], "float32")}, fetch_list=[y])[0]
    if out.tolist() != [[7.0, 10.0], [15.0, 22.0]]:
        raise RuntimeError(f"skiff computes wrong products on {place}: {out.tolist()}")
    print(f"skiff works well on {place}.")
