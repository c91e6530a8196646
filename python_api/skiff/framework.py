"""Programs, parameters, modes: what the other modules build on."""
from . import _core
from ._core import (Block, Operator, Program, Variable, default_main_program, default_startup_program)  # noqa: F401
from .serialization import LoadReport, load, save  # noqa: F401

_default_dtype = "float32"
_device = None


def enable_static():
    """Does nothing: skiff builds static programs only."""


def disable_static(place=None):
    """Imperative mode, which skiff does not have.

    Raises:
        NotImplementedError: always.
    """
    raise NotImplementedError("skiff has no imperative mode; build a program and run it with static.Executor")


def in_dynamic_mode():
    """False: see `disable_static`."""
    return False


def set_default_dtype(d):
    """Sets the dtype of parameters and tensors made without one: float16, bfloat16, float32 or float64."""
    global _default_dtype
    name = _core.dtype_name(d)
    if not _core.is_floating(d):
        raise TypeError(f"the default dtype must be a floating one, {name} was given")
    _default_dtype = name


def get_default_dtype():
    """The name of the default dtype, "float32" unless set."""
    return _default_dtype


def set_device(device):
    """Chooses the device of executors made without a place: "cpu", "gpu" or "gpu:1". Returns the place."""
    global _device
    if device == "cpu":
        _device = _core.CPUPlace()
    elif device == "gpu" or device.startswith("gpu:"):
        _device = _core.CUDAPlace(int(device[4:] or 0))
    else:
        raise ValueError(f'the device must be "cpu", "gpu" or "gpu:<index>", "{device}" was given')
    return _device


def get_device():
    """"cpu" or "gpu:<index>"."""
    place = default_place()
    return f"gpu:{place.get_device_id()}" if place._is_cuda else "cpu"


def default_place():
    """The place of set_device; else the first card, where there is one."""
    if _device is not None:
        return _device
    return _core.CUDAPlace(0) if _core.cuda_device_count() else _core.CPUPlace()


def seed(seed):
    """Sets the seed of random operators that have none of their own, for programs run from now on.

    Args:
        seed (int): not negative.

    Source: paddle.seed.
    """
    _core.seed(int(seed))
    default_main_program().random_seed = int(seed)
    default_startup_program().random_seed = int(seed)


class _ParameterType(type):
    def __instancecheck__(cls, instance):
        return isinstance(instance, Variable) and instance.is_parameter


class Parameter(metaclass=_ParameterType):
    """What `isinstance` takes for a parameter: a Variable with is_parameter. Make one with `create_parameter`."""

    def __new__(cls, *args, **kwargs):
        raise TypeError("a Parameter is made by create_parameter, or by a layer")


class ParamAttr:
    """How a layer makes a parameter, and how optimizers treat it.

    Args:
        name (str): None lets the layer name it, "fc_0.w_0".
        initializer: of skiff.nn.initializer; None takes the layer's own.
        learning_rate (float): factor on the optimizer's rate.
        regularizer: overrides the optimizer's.
        trainable (bool): False keeps it as it is.
        do_model_average (bool): False: incubate.ModelAverage leaves it alone.
        need_clip (bool): False: gradient clipping leaves it alone.

    Source: paddle.ParamAttr.
    """

    def __init__(self, name=None, initializer=None, learning_rate=1.0, regularizer=None, trainable=True,
                 do_model_average=True, need_clip=True):
        if name == "":
            raise ValueError("name of ParamAttr can not be empty str")
        self.name = name
        self.initializer = initializer
        self.learning_rate = learning_rate
        self.regularizer = regularizer
        self.trainable = trainable
        self.do_model_average = do_model_average
        self.need_clip = need_clip

    def __repr__(self):
        return f"ParamAttr(name={self.name!r}, learning_rate={self.learning_rate}, trainable={self.trainable})"


def create_parameter(shape, dtype, name=None, attr=None, is_bias=False, default_initializer=None):
    """A parameter of the default programs, filled by the startup program.

    Args:
        shape (list): every extent known.
        dtype: its element type.
        name (str): None takes attr's, else "create_parameter_<n>.w_0".
        attr (ParamAttr): see there.
        is_bias (bool): filled with 0 unless told otherwise, and named "b".
        default_initializer: where attr has none; Xavier's uniform one where None.

    Returns:
        Variable

    Raises:
        ValueError: an extent is unknown, or a parameter of that name differs.

    Source: paddle.create_parameter.
    """
    return _core.create_parameter(shape, dtype, name, attr, is_bias, default_initializer)


# ---- what programs and blocks have in Python alone

def _state_dict(self, mode="all", scope=None):
    """Values of the program's persistable variables by name, sharing the scope's memory.

    Args:
        mode (str): "param", "opt" (the others), or "all".
        scope (Scope): the current one where None.

    Raises:
        ValueError: another mode; a variable has no value (all are named).

    Source: paddle.static.Program.state_dict.
    """
    try:
        return _core.get_state_dict(self, mode, scope)
    except RuntimeError as error:
        raise ValueError(str(error)) from None


def _set_state_dict(self, state_dict, scope=None):
    """Sets the program's persistable variables in a scope.

    Args:
        state_dict (dict): name -> array or tensor. Entries the program does not have, or has in another shape or
            dtype, are skipped with a warning, which names a renaming where one would help.
        scope (Scope): the current one where None.

    Returns:
        LoadReport: what was loaded, missing, unexpected, mismatched.

    Raises:
        TypeError: state_dict is no dict.

    Source: paddle.static.Program.set_state_dict.
    """
    return LoadReport(**_core.set_state_dict(self, state_dict, scope, False))


class _ProgramDesc:
    """What Paddle's code asks of `program.desc`. Source: paddle.static.Program.desc."""

    def __init__(self, program):
        self._program = program

    def serialize_to_string(self):
        """The bytes of a .pdmodel: the program alone, without the values of its parameters."""
        return _core.serialize_program(self._program)


def _parse_from_string(binary_str):
    """The program of a .pdmodel's or .json's bytes.

    Raises:
        ValueError: the bytes are no program; names the byte where they stop being one.

    Source: paddle.static.Program.parse_from_string.
    """
    return _core.parse_program(binary_str)


Program.state_dict = _state_dict
Program.set_state_dict = _set_state_dict
Program.desc = property(_ProgramDesc)
Program.parse_from_string = staticmethod(_parse_from_string)


def _block_create_parameter(self, shape, dtype, name=None, attr=None, initializer=None, **kwargs):
    """A parameter of this block; its value is set by whoever makes it. Source: Block.create_parameter."""
    var = self._make_parameter(name or _core.unique_name("_generated_var"), shape, dtype, kwargs.get("trainable", True), 1.0,
                               True, 0, 0.0)
    if initializer is not None:
        initializer(var, self)
    return var


Block.create_parameter = _block_create_parameter
