"""What every layer is: parameters, buffers and other layers under structured names."""
import collections
import inspect
import re
import warnings

from ... import _core
from ...framework import get_default_dtype

__all__ = ["Layer"]


def is_parameter(value):
    """True for a parameter of a program."""
    return isinstance(value, _core.Variable) and value.is_parameter


class _Hook:
    """Takes a hook away again. Source: what Layer.register_forward_pre_hook returns."""

    def __init__(self, hooks, number):
        self._hooks, self._number = hooks, number

    def remove(self):
        """The hook is not called from now on."""
        self._hooks.pop(self._number, None)


class Layer:
    """Holds parameters and other layers as attributes; calling it calls `forward`, which adds operators to the program.

    Attributes that are parameters or layers get structured names ("encoder.0.weight"), under which `state_dict` lists them.

    Args:
        name_scope (str): in front of the names of parameters; the class's name in snake case where None.
        dtype: kept as `_dtype`; parameters have the default dtype unless made with another.

    Source: paddle.nn.Layer.

    Example:
        >>> import skiff as paddle
        >>> class Net(paddle.nn.Layer):
        ...     def __init__(self):
        ...         super().__init__()
        ...         self.hidden = paddle.nn.Linear(4, 3)
        ...     def forward(self, x):
        ...         return paddle.nn.functional.relu(self.hidden(x))
        >>> with paddle.static.program_guard(paddle.static.Program(), paddle.static.Program()):
        ...     net = Net()
        ...     net(paddle.static.data("x", [None, 4])).shape
        (-1, 3)
        >>> list(net.state_dict())
        ['hidden.weight', 'hidden.bias']
    """

    def __init__(self, name_scope=None, dtype="float32"):
        self.training = True
        if name_scope is None:
            name_scope = re.sub("([a-z])([A-Z])", r"\1_\2", re.sub("(.)([A-Z][a-z]+)", r"\1_\2", type(self).__name__)).lower()
        self._helper = _core.LayerHelper(name_scope)
        self._dtype = dtype
        self._parameters = collections.OrderedDict()
        self._buffers = collections.OrderedDict()
        self._sub_layers = collections.OrderedDict()
        self._non_persistable_buffer_names_set = set()
        self._forward_pre_hooks = collections.OrderedDict()
        self._forward_post_hooks = collections.OrderedDict()
        self._state_dict_hooks = collections.OrderedDict()

    # ---- building

    def forward(self, *inputs, **kwargs):
        """What calling the layer does.

        Raises:
            NotImplementedError: the class does not say.
        """
        raise NotImplementedError(f"{type(self).__name__} has no forward")

    def __call__(self, *inputs, **kwargs):
        for hook in list(self._forward_pre_hooks.values()):
            changed = hook(self, inputs)
            if changed is not None:
                inputs = changed if isinstance(changed, tuple) else (changed,)
        outputs = self.forward(*inputs, **kwargs)
        for hook in list(self._forward_post_hooks.values()):
            changed = hook(self, inputs, outputs)
            if changed is not None:
                outputs = changed
        return outputs

    def register_forward_pre_hook(self, hook):
        """Calls hook(layer, inputs) before forward; what it returns replaces the inputs."""
        return _registered(self._forward_pre_hooks, hook)

    def register_forward_post_hook(self, hook):
        """Calls hook(layer, inputs, outputs) after forward; what it returns replaces the outputs."""
        return _registered(self._forward_post_hooks, hook)

    def create_parameter(self, shape, attr=None, dtype=None, is_bias=False, default_initializer=None):
        """A parameter named after the layer, or None where attr is False. Source: Layer.create_parameter."""
        attr = None if attr == "" else attr
        return self._helper.create_parameter(attr, list(shape), dtype or get_default_dtype(), is_bias, default_initializer)

    def create_variable(self, name=None, persistable=None, dtype=None):
        """A variable of the current block named after the layer. Source: Layer.create_variable."""
        full = f"{self.full_name()}.{name}" if name is not None else _core.unique_name(f"{self.full_name()}._generated_var")
        return _core.default_main_program().current_block().create_var(
            name=full, persistable=bool(persistable), dtype=dtype or get_default_dtype())

    create_tensor = create_variable

    def append_op(self, op_type, inputs, outputs, attrs):
        """One operator in the current block."""
        return _core.default_main_program().current_block().append_op(type=op_type, inputs=inputs, outputs=outputs, attrs=attrs)

    def full_name(self):
        """The layer's generated name, "linear_0"."""
        return self._helper.name

    def train(self):
        """This layer and those it holds build for training from now on."""
        for layer in self.sublayers(include_self=True):
            layer.training = True

    def eval(self):
        """This layer and those it holds build for inference from now on."""
        for layer in self.sublayers(include_self=True):
            layer.training = False

    def apply(self, fn):
        """Calls fn with each held layer, then with this one; returns this one."""
        for layer in self.children():
            layer.apply(fn)
        fn(self)
        return self

    def to(self, device=None, dtype=None, blocking=None):
        """This layer: executors choose the device, and a program's parameters keep their dtype.

        Raises:
            NotImplementedError: a parameter has another dtype than the one given.
        """
        for parameter in self.parameters() if dtype is not None else ():
            if _core.is_floating(parameter.dtype) and parameter.dtype != _core.to_dtype(dtype):
                raise NotImplementedError(f"a program's parameters keep their dtype, and \"{parameter.name}\" has another than "
                                          f"{_core.dtype_name(dtype)}: build the layer after set_default_dtype")
        return self

    def astype(self, dtype=None):
        """`to` with a dtype."""
        return self.to(dtype=dtype)

    def float(self, excluded_layers=None):
        """`to` with float32."""
        return self.to(dtype="float32")

    def backward(self, *inputs):
        """Layers have no backward pass of their own: static.append_backward derives it.

        Raises:
            ValueError: always.
        """
        raise ValueError("Layer shouldn't implement backward")

    # ---- what it holds

    def add_sublayer(self, name, sublayer):
        """Holds a layer under a name; returns it."""
        if not isinstance(sublayer, Layer) and sublayer is not None:
            raise AssertionError(f"a Layer is wanted, {type(sublayer)} was given")
        self._sub_layers[name] = sublayer
        return sublayer

    def add_parameter(self, name, parameter):
        """Holds a parameter under a name; returns it."""
        self._check_name("parameter", name, self._parameters)
        if parameter is not None and not is_parameter(parameter):
            raise TypeError(f"The parameter to be added should be a Parameter, but received {type(parameter).__name__}.")
        self._parameters[name] = parameter
        return parameter

    def register_buffer(self, name, tensor, persistable=True):
        """Holds a variable that is no parameter under a name; a persistable one is in state_dict."""
        self._check_name("buffer", name, self._buffers)
        if tensor is not None and not isinstance(tensor, _core.Variable):
            raise TypeError(f"The registered buffer should be a Variable, but received {type(tensor).__name__}.")
        self._buffers[name] = tensor
        self._non_persistable_buffer_names_set.discard(name)
        if not persistable:
            self._non_persistable_buffer_names_set.add(name)

    def _check_name(self, what, name, own):
        if "_parameters" not in self.__dict__:
            raise RuntimeError("super().__init__() should be called firstly.")
        if not isinstance(name, str):
            raise TypeError(f"The name of {what} should be a string, but received {type(name).__name__}.")
        if name == "" or "." in name:
            raise KeyError(f"The name of {what} must not be empty nor hold a dot, {name!r} was given")
        if hasattr(self, name) and name not in own:
            raise KeyError(f"The {what} '{name}' already exists.")

    def named_children(self):
        """(name, layer) of each layer held here, once."""
        seen = set()
        for name, layer in self._sub_layers.items():
            if layer is not None and id(layer) not in seen:
                seen.add(id(layer))
                yield name, layer

    def children(self):
        """Each layer held here, once."""
        return (layer for _, layer in self.named_children())

    def named_sublayers(self, prefix="", include_self=False, layers_set=None):
        """(structured name, layer) of those held here and by them, each once."""
        seen = set() if layers_set is None else layers_set
        if include_self and self not in seen:
            seen.add(self)
            yield prefix, self
        for name, layer in self._sub_layers.items():
            if layer is not None:
                yield from layer.named_sublayers(_joined(prefix, name), True, seen)

    def sublayers(self, include_self=False):
        """Layers held here and by them, each once."""
        return [layer for _, layer in self.named_sublayers(include_self=include_self)]

    def _named(self, kind, prefix, include_sublayers):
        seen = set()
        layers = self.named_sublayers(prefix, True) if include_sublayers else [(prefix, self)]
        for layer_name, layer in layers:
            for name, variable in getattr(layer, kind).items():
                if variable is not None and variable.name not in seen:
                    seen.add(variable.name)
                    yield _joined(layer_name, name), variable

    def named_parameters(self, prefix="", include_sublayers=True):
        """(structured name, parameter) of this layer and those it holds, each once."""
        return self._named("_parameters", prefix, include_sublayers)

    def parameters(self, include_sublayers=True):
        """Parameters of this layer and those it holds, each once."""
        return [parameter for _, parameter in self.named_parameters(include_sublayers=include_sublayers)]

    def named_buffers(self, prefix="", include_sublayers=True):
        """(structured name, buffer) of this layer and those it holds, each once."""
        return self._named("_buffers", prefix, include_sublayers)

    def buffers(self, include_sublayers=True):
        """Buffers of this layer and those it holds, each once."""
        return [buffer for _, buffer in self.named_buffers(include_sublayers=include_sublayers)]

    # ---- values

    def state_dict(self, destination=None, include_sublayers=True, structured_name_prefix="", use_hook=True):
        """Parameters and persistable buffers by structured name: variables, whose values are in a scope.

        Source: paddle.nn.Layer.state_dict.
        """
        return self._state(destination, include_sublayers, structured_name_prefix, False, use_hook)

    def to_static_state_dict(self, destination=None, include_sublayers=True, structured_name_prefix="", use_hook=True):
        """`state_dict` with the buffers that are not persistable."""
        return self._state(destination, include_sublayers, structured_name_prefix, True, use_hook)

    def _state(self, destination, include_sublayers, prefix, every_buffer, use_hook):
        state = collections.OrderedDict() if destination is None else destination
        state.update((prefix + name, parameter) for name, parameter in self._parameters.items() if parameter is not None)
        state.update((prefix + name, buffer) for name, buffer in self._buffers.items()
                     if buffer is not None and (every_buffer or name not in self._non_persistable_buffer_names_set))
        if include_sublayers:
            for name, layer in self._sub_layers.items():
                if layer is not None:
                    layer._state(state, True, f"{prefix}{name}.", every_buffer, use_hook)
        if use_hook:
            for hook in self._state_dict_hooks.values():
                changed = hook(state)
                state = state if changed is None else changed
        return state

    def register_state_dict_hook(self, hook):
        """Calls hook(state) with each state_dict; what it returns replaces it."""
        return _registered(self._state_dict_hooks, hook)

    def set_state_dict(self, state_dict, use_structured_name=True):
        """Sets the values in the current scope, where the startup program has made the variables.

        Args:
            state_dict (dict): structured name -> array; or name of the variable -> array.
            use_structured_name (bool): which of the two.

        Returns:
            (list, list): names that state_dict lacks or whose shape differs (each with a warning), and names nothing has here.

        Source: paddle.nn.Layer.set_state_dict.
        """
        missing, matched = [], []
        for structured, variable in self.state_dict(use_hook=False).items():
            name = structured if use_structured_name else variable.name
            value = state_dict.get(name)
            shape = None if value is None else list(value.shape() if inspect.ismethod(value.shape) else value.shape)
            if shape == list(variable.shape):
                matched.append((name, variable, value))
                continue
            missing.append(name)
            reason = "is not found in the provided dict" if value is None else \
                f"receives a shape {shape}, but the expected shape is {list(variable.shape)}"
            warnings.warn(f"Skip loading for {structured}. {name} {reason}.", stacklevel=2)
        for _, variable, value in matched:
            variable.set_value(value)
        found = {name for name, _, _ in matched}
        return missing, [name for name in state_dict if name not in found]

    set_dict = load_dict = set_state_dict

    # ---- attributes

    def __getattr__(self, name):
        for held in ("_parameters", "_sub_layers", "_buffers"):
            if name in self.__dict__.get(held, ()):
                return self.__dict__[held][name]
        return object.__getattribute__(self, name)

    def __setattr__(self, name, value):
        held = [self.__dict__.get(kind) for kind in ("_parameters", "_sub_layers", "_buffers")]
        for kind, fits in zip(held, (is_parameter(value), isinstance(value, Layer))):
            if fits:
                if kind is None:
                    raise ValueError("super().__init__() should be called first")
                for other in (self.__dict__, *held):
                    if other is not kind:
                        other.pop(name, None)
                kind[name] = value
                return
        for kind, what in zip(held, ("parameter", "sublayer", "buffer")):
            if kind is not None and name in kind:
                if value is not None and not (what == "buffer" and isinstance(value, _core.Variable)):
                    raise TypeError(f"assignment to {what} '{name}' should be of its type or None, but got "
                                    f"'{type(value).__name__}'")
                kind[name] = value
                return
        object.__setattr__(self, name, value)

    def __delattr__(self, name):
        for held in (self._parameters, self._sub_layers, self._buffers):
            if name in held:
                del held[name]
                self._non_persistable_buffer_names_set.discard(name)
                return
        object.__delattr__(self, name)

    def __dir__(self):
        return [*dir(type(self)), *self.__dict__, *self._parameters, *self._sub_layers, *self._buffers]

    def extra_repr(self):
        """What stands between the parentheses of repr."""
        return ""

    def __repr__(self):
        inside = [line for line in self.extra_repr().split("\n") if line]
        for name, layer in self._sub_layers.items():
            inside.append(f"({name}): " + repr(layer).replace("\n", "\n  "))
        many = len(inside) > 1 or self._sub_layers
        return type(self).__name__ + "(" + ("\n  " + "\n  ".join(inside) + "\n" if many else "".join(inside)) + ")"


def _registered(hooks, hook):
    number = next(reversed(hooks), -1) + 1
    hooks[number] = hook
    return _Hook(hooks, number)


def _joined(prefix, name):
    return f"{prefix}.{name}" if prefix else name


def of_function(name, function, inputs=1, without=(), doc=None):
    """A layer class that calls a function: its arguments are those of the function behind the first `inputs`.

    Arguments are kept as attributes. `training` is the layer's own; those in `without` keep the function's default.
    """
    parameters = list(inspect.signature(function).parameters.values())[inputs:]
    modal = any(parameter.name == "training" for parameter in parameters)
    kept = [parameter for parameter in parameters if parameter.name not in ("training", *without)]
    signature = inspect.Signature(kept)

    def __init__(self, *args, **kwargs):
        Layer.__init__(self)
        bound = signature.bind(*args, **kwargs)
        bound.apply_defaults()
        for key, value in bound.arguments.items():
            setattr(self, key, value)

    def forward(self, *args, **kwargs):
        options = {parameter.name: getattr(self, parameter.name) for parameter in kept}
        if modal:
            options["training"] = self.training
        return function(*args, **{**options, **kwargs})

    def extra_repr(self):
        return ", ".join(f"{parameter.name}={getattr(self, parameter.name)}" for parameter in kept
                         if parameter.name != "name" or self.name is not None)

    own = inspect.Parameter("self", inspect.Parameter.POSITIONAL_ONLY)
    __init__.__signature__ = inspect.Signature([own, *(p.replace(kind=p.POSITIONAL_OR_KEYWORD) for p in kept)])
    members = {"__init__": __init__, "forward": forward, "extra_repr": extra_repr,
               "__doc__": doc or f"The layer of `nn.functional.{function.__name__}`, with its options. Source: paddle.nn.{name}."}
    return type(name, (Layer,), members)
