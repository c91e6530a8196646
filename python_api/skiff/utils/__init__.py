"""Generated names, operators from shared libraries, a check of the installation. Source: paddle.utils."""
import os

from .. import _core
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
    return _core.load_op_library(os.fspath(path))


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
