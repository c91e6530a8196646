"""Inputs, guards and places."""
import contextlib

from .. import _core
from ..framework import ParamAttr, get_default_dtype


def data(name, shape, dtype=None, lod_level=0):
    """A variable to be fed.

    Args:
        name (str): the key in `feed`.
        shape (list): None or -1 takes any extent.
        dtype: the default one where None.
        lod_level (int): levels of sequences.

    Returns:
        Variable: gradients stop here unless stop_gradient is set to False.

    Source: paddle.static.data.

    Example:
        >>> import skiff as paddle
        >>> with paddle.static.program_guard(paddle.static.Program()):
        ...     paddle.static.data("image", [None, 1, 28, 28]).shape
        (-1, 1, 28, 28)
    """
    return _core.data(name, shape, dtype or get_default_dtype(), lod_level)


def create_global_var(shape, value, dtype, persistable=False, force_cpu=False, name=None):
    """A variable of the default programs that is no parameter, filled by the startup program.

    Source: paddle.static.create_global_var.
    """
    return _core.create_global_var(shape, float(value), dtype, persistable, name)


@contextlib.contextmanager
def program_guard(main_program, startup_program=None):
    """Makes programs the default ones inside a `with`. Source: paddle.static.program_guard."""
    for what, program in (("main_program", main_program), ("startup_program", startup_program)):
        if not isinstance(program, _core.Program) and not (what == "startup_program" and program is None):
            raise TypeError(f"{what} must be a Program, {type(program)} was given")
    guard = _core.ProgramGuard(main_program, startup_program)
    guard.enter()
    try:
        yield
    finally:
        guard.exit()


@contextlib.contextmanager
def scope_guard(scope):
    """Makes a scope the current one inside a `with`. Source: paddle.static.scope_guard."""
    guard = _core.ScopeGuard(scope)
    guard.enter()
    try:
        yield
    finally:
        guard.exit()


@contextlib.contextmanager
def name_scope(prefix=None):
    """Groups operators: each gets the attribute op_namescope, "/outer/inner/". Names of variables do not change.

    Args:
        prefix (str): not empty; one met again at its place becomes "<prefix>_1" and so on.

    Source: paddle.static.name_scope.
    """
    guard = _core.NameScopeGuard(prefix or "")
    guard.enter()
    try:
        yield
    finally:
        guard.exit()


@contextlib.contextmanager
def device_guard(device=None):
    """Accepted: an executor runs a program on one place. Source: paddle.static.device_guard."""
    yield


def cpu_places(device_count=None):
    """[CPUPlace()] * device_count, 1 where None. Source: paddle.static.cpu_places."""
    return [_core.CPUPlace() for _ in range(device_count or 1)]


def cuda_places(device_ids=None):
    """The cards given, or all of them. Source: paddle.static.cuda_places."""
    ids = range(_core.cuda_device_count()) if device_ids is None else device_ids
    return [_core.CUDAPlace(i) for i in ([ids] if isinstance(ids, int) else ids)]


class InputSpec:
    """Name, shape and dtype of an input. Source: paddle.static.InputSpec."""

    def __init__(self, shape, dtype="float32", name=None, stop_gradient=False):
        self.shape = tuple(-1 if extent is None else extent for extent in shape)
        self.dtype = _core.to_dtype(dtype)
        self.name = name
        self.stop_gradient = stop_gradient

    @classmethod
    def from_tensor(cls, tensor, name=None):
        """The description of a variable."""
        return cls(tensor.shape, tensor.dtype, name or tensor.name)

    @classmethod
    def from_numpy(cls, ndarray, name=None):
        """The description of an array."""
        return cls(ndarray.shape, ndarray.dtype, name)

    def __eq__(self, other):
        return isinstance(other, InputSpec) and (self.shape, self.dtype, self.name) == (other.shape, other.dtype, other.name)

    def __hash__(self):
        return hash((self.shape, int(self.dtype), self.name))

    def __repr__(self):
        return f"InputSpec(shape={self.shape}, dtype={self.dtype}, name={self.name}, stop_gradient={self.stop_gradient})"


class WeightNormParamAttr(ParamAttr):
    """A parameter w kept as a direction and lengths, "<name>_v" and "<name>_g", both trained: w = g * v / |v|.

    Args:
        dim (int): v has one length for each position along this axis; None: one in all.
        name, initializer, learning_rate, regularizer, trainable, do_model_average, need_clip: see ParamAttr; the
            initializer fills v, whose lengths g then starts with.

    Raises:
        IndexError: by the layer that makes the parameter, when it has no such axis.

    Salimans and Kingma 2016. Source: paddle.static.WeightNormParamAttr.

    Example:
        >>> import skiff as paddle
        >>> with paddle.static.program_guard(paddle.static.Program(), paddle.static.Program()):
        ...     x = paddle.static.data("x", [None, 4])
        ...     y = paddle.static.nn.fc(x, 3, weight_attr=paddle.static.WeightNormParamAttr(dim=1, name="w"))
        ...     [(p.name, p.shape) for p in y.block.program.all_parameters()][:2]
        [('w_g', (1, 3)), ('w_v', (4, 3))]
    """

    def __init__(self, dim=None, name=None, initializer=None, learning_rate=1.0, regularizer=None, trainable=True,
                 do_model_average=False, need_clip=True):
        super().__init__(name, initializer, learning_rate, regularizer, trainable, do_model_average, need_clip)
        self.dim = dim
