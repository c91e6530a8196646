"""skiff: static-graph deep learning, with PaddlePaddle 2.6's files and documented API.

    import skiff as paddle

runs Paddle's documented static-graph code. A program is built with the functions of this package, run by
`skiff.static.Executor`, and kept in the files that Paddle reads and writes.

Example:
    >>> import numpy as np
    >>> import skiff as paddle
    >>> main, startup = paddle.static.Program(), paddle.static.Program()
    >>> with paddle.static.program_guard(main, startup):
    ...     x = paddle.static.data("x", [None, 2])
    ...     y = x * 2.0 + 1.0
    >>> exe = paddle.static.Executor(paddle.CPUPlace())
    >>> exe.run(main, feed={"x": np.array([[1, 2]], "float32")}, fetch_list=[y])[0].tolist()
    [[3.0, 5.0]]
"""
from . import _core

_core.set_package_file(__file__)

from ._core import (CPUPlace, CUDAPlace, bfloat16, complex64, complex128, dtype, float16, float32, float64, int8,  # noqa: E402
                    int16, int32, int64, is_compiled_with_cuda, uint8)
from ._core import bool_ as bool  # noqa: E402,A004  as Paddle names it
from .version import full_version as __version__  # noqa: E402
from . import version  # noqa: E402
from .framework import (ParamAttr, create_parameter, disable_static, enable_static, get_default_dtype, get_device,  # noqa: E402
                        in_dynamic_mode, seed, set_default_dtype, set_device)
from .tensor import *  # noqa: E402,F403
from .tensor import abs, all, any, max, min, pow, round, slice, sum  # noqa: E402,A004
from .modes import *  # noqa: E402,F403
from . import (base, fft, geometric, incubate, inference, io, linalg, metric, nn, onnx, optimizer, regularizer, signal, static, tensor, text,  # noqa: E402
               utils, vision)
from .serialization import load, save  # noqa: E402
from . import device  # noqa: E402

Tensor = static.Variable

_IMPERATIVE = {  # what Paddle's users look for here, and what serves instead
    "jit": "a model that paddle.jit.save wrote is read by static.load_inference_model and by skiff.load",
    "Model": "static.Program and static.Executor train, static.save and static.save_inference_model save",
    "DataParallel": "static.Executor runs a program on one device",
    "autograd": "static.gradients and static.append_backward differentiate a program",
}


def __getattr__(name):
    if name in _IMPERATIVE:
        raise AttributeError(f"skiff has no {name}: it runs static programs alone, without Paddle's imperative mode; {_IMPERATIVE[name]}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
