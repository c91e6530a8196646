"""Names that older programs use."""
from .. import _core as core  # noqa: F401
from . import framework  # noqa: F401
from .._core import (CPUPlace, CUDAPlace, LoDTensor, Program, Scope, Variable, default_main_program,  # noqa: F401
                     default_startup_program, global_scope)
from ..framework import ParamAttr  # noqa: F401
from .lod_tensor import create_lod_tensor, create_random_int_lodtensor  # noqa: F401
