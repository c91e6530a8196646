"""Functions of the user's in a program: with a backward block of their own, or in plain Python.

Source: paddle.static.nn.static_pylayer and paddle.static.py_func.
"""
import inspect

from .. import _core
from .._core import LayerHelper, Variable
from ._structure import flatten, map_structure
from .control_flow import ARRAY, STEP_SCOPES, BlockGuard, _assign, _copy_to_parent

BACKWARD = 1  # op_role


def _copy_from_parent(outer):
    block = _core.default_main_program().current_block()
    if outer.type == ARRAY and block._find_var_recursive(outer.name) is not None:
        return outer
    inner = block.create_var(dtype=outer.dtype, shape=outer.shape, type=outer.type)
    _assign(outer, inner)
    return inner


def _rename(block, names):
    for old, new in names.items():
        if block.has_var(old):
            block._rename_var(old, new)
        for op in block.ops:
            op._rename_input(old, new)
            op._rename_output(old, new)
    for op in block.ops:
        for attr in ("sub_block", "blocks"):
            if op.has_attr(attr):
                value = op.attr(attr)
                for sub in value if isinstance(value, (list, tuple)) else [value]:
                    _rename(sub, names)


def static_pylayer(forward_fn, inputs, backward_fn=None, name=None):
    """What forward_fn returns, with a gradient that backward_fn builds.

    Args:
        forward_fn (callable): of the inputs; gives variables.
        inputs (list): its arguments.
        backward_fn (callable): of the outputs' gradients; gives the gradient of each input variable. Without it no input may
            want a gradient.
        name (str): of the layer.

    Source: paddle.static.nn.static_pylayer.
    """
    if not isinstance(inputs, list):
        raise TypeError(f"inputs must be a list, {type(inputs)} was given")
    variables = [value for value in inputs if isinstance(value, Variable)]
    if backward_fn is None:
        for var in inputs:
            if var.stop_gradient is False:
                raise ValueError("``stop_gradient`` attr of all inputs to ``forward_fn`` are expected to be True, when "
                                 f"``backward_fn == None``, but {var.name}.stop_gradient got {var.stop_gradient}")
    LayerHelper("static_pylayer", name)
    LayerHelper("static_pylayer_block", None)
    program = _core.default_main_program()
    block = program.current_block()
    with BlockGuard(program) as forward:
        result = forward_fn(*inputs)
        output = None if result is None else map_structure(_copy_to_parent, result)
    outputs = [] if output is None else [value for value in flatten(output) if isinstance(value, Variable)]
    scope = block.create_var(type=STEP_SCOPES)
    position = len(block.ops)

    def append(blocks):
        block._insert_op(position, type="pylayer", inputs={"Input": variables}, outputs={"Out": outputs, "Scope": [scope]},
                         attrs={"blocks": blocks})
    append([forward])
    if backward_fn is None:
        return output
    grads = [block.create_var(dtype=var.dtype, shape=var.shape, type=var.type, name=var.name + "@GRAD") for var in outputs]
    with BlockGuard(program) as backward:
        made = backward_fn(*[_copy_from_parent(grad) for grad in grads])
        leaves = [] if made is None else flatten(made)
        if made is not None and len(leaves) != len(variables):
            raise ValueError("needs to keep the number of inputs to ``forward_fn`` the same as the number of outputs to "
                             f"``backward_fn``, but got {len(variables)} and {len(leaves)}")
        for op in backward.ops:
            op._set_attr("op_role", BACKWARD)
        backward._set_forward_block_idx(forward.idx)
        _rename(backward, {leaf.name: var.name + "@GRAD" for leaf, var in zip(leaves, variables) if isinstance(leaf, Variable)})
    block._remove_op(position)
    append([forward, backward])
    for grad in grads:
        block._remove_var(grad.name)
    return output


def _as_callback(function):
    """`function` as what the program calls: of arrays or None, giving a list of arrays or None."""
    if function is None or not callable(function):
        raise TypeError("func must be a Python function")
    spec = inspect.getfullargspec(function)
    takes_nothing = not spec.args and spec.varargs is None and spec.varkw is None

    def call(arguments):
        import numpy as np  # here: importing the package must not bring it in
        result = function() if takes_nothing else function(*arguments)
        results = result if isinstance(result, (list, tuple)) else (result,)
        return [None if one is None else np.ascontiguousarray(np.array(one)) for one in results]
    return call


def _variable_list(given, what):
    if given is None:
        return []
    if isinstance(given, Variable):
        return [given]
    if isinstance(given, (list, tuple)):
        return list(given)
    raise TypeError(f"{what} must be Tensor/list(Tensor)/tuple(Tensor)")


def py_func(func, x, out, backward_func=None, skip_vars_in_backward_input=None):
    """Calls a Python function whenever the program runs.

    Args:
        func (callable): of the inputs' tensors; gives an array or tensor for each output.
        x (Variable | list): inputs.
        out (Variable | list): outputs, their shapes and dtypes declared.
        backward_func (callable): of inputs, outputs and the outputs' gradients; gives the inputs' gradients, None where there
            is none.
        skip_vars_in_backward_input (Variable | list): inputs and outputs that backward_func does not take.

    Returns:
        out

    Source: paddle.static.py_func.
    """
    LayerHelper("py_func", None)
    inputs, outputs = _variable_list(x, "Input"), _variable_list(out, "Output")
    forward = _core.register_callback(_as_callback(func))
    backward = -1 if backward_func is None else _core.register_callback(_as_callback(backward_func))
    for each in outputs:
        if len(each.shape) == 0:
            raise ValueError("Output shapes of py_func should be provided by users manually")
    skipped = []
    if backward_func is not None and skip_vars_in_backward_input is not None:
        known = {var.name for var in inputs + outputs}
        for var in _variable_list(skip_vars_in_backward_input, "skip_vars_in_backward_input"):
            if var.name not in known:
                raise ValueError(f"Tensor {var.name} is not found in forward inputs and outputs")
            skipped.append(var.name)
    _core.default_main_program().current_block().append_op(
        type="py_func", inputs={"X": inputs}, outputs={"Out": outputs},
        attrs={"forward_callable_id": forward, "backward_callable_id": backward, "backward_skip_vars": skipped})
    return out
