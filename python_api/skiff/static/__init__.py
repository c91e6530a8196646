"""Static programs: building, running, differentiating and keeping them. Source: paddle.static."""
from .._core import Operator, Program, Scope, Variable, default_main_program, default_startup_program, global_scope  # noqa: F401
from ..framework import ParamAttr, create_parameter  # noqa: F401
from ..metric import auc, ctr_metric_bundle, static_accuracy as accuracy  # noqa: F401
from ..tensor.indexing import setitem  # noqa: F401
from . import amp, nn  # noqa: F401
from .average import ExponentialMovingAverage  # noqa: F401
from .backward import append_backward, gradients  # noqa: F401
from .build import (InputSpec, WeightNormParamAttr, cpu_places, create_global_var, cuda_places, data, device_guard,  # noqa: F401
                    name_scope, program_guard, scope_guard)
from .control_flow import Print  # noqa: F401
from .executor import BuildStrategy, CompiledProgram, ExecutionStrategy, Executor  # noqa: F401
from .py_layer import py_func  # noqa: F401
from .io import (deserialize_persistables, deserialize_program, load, load_from_file, load_inference_model,  # noqa: F401
                 load_program_state, load_vars, normalize_program, save, save_inference_model, save_to_file, save_vars,
                 serialize_persistables, serialize_program, set_program_state)

Parameter = Variable
