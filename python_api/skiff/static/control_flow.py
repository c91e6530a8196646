"""Branches and loops over sub-blocks. Source: paddle.static.nn.control_flow."""
import functools
import warnings

from .. import _core
from .._core import LayerHelper, Variable
from ._structure import copy_containers, flatten, holds_containers, map_structure, pack_as, same_structure

ARRAY, STEP_SCOPES = 13, 11  # VarType codes
BUILTIN = (bool, float, int)


def _check_condition(cond, where):
    if not isinstance(cond, Variable):
        raise TypeError(f"The type of '{where[0]}' in {where[1]} must be Variable, but received {type(cond)}.")
    if _core.dtype_name(cond.dtype) != "bool":
        raise TypeError(f"The data type of '{where[0]}' in {where[1]} must be ['bool'], but received {_core.dtype_name(cond.dtype)}.")


class BlockGuard:
    """Makes a sub-block current for as long as the `with` lasts."""

    def __init__(self, main_program):
        self.main_program = main_program

    def __enter__(self):
        return self.main_program._create_block()

    def __exit__(self, exc_type, exc_value, traceback):
        self.main_program._rollback()
        return False


class _CompletingGuard(BlockGuard):
    """Appends the operator that owns the block when the block is complete."""

    def __init__(self, owner):
        super().__init__(_core.default_main_program())
        self.owner = owner

    def __exit__(self, exc_type, exc_value, traceback):
        try:
            if exc_type is None:
                self.owner._complete()
        finally:
            super().__exit__(exc_type, exc_value, traceback)
        return False


def _reads_and_writes(block, written=()):
    """Names that the block's operators read before they write them, and those they write, in order of first use."""
    reads, writes = {}, dict.fromkeys(written)
    for op in block.ops:
        reads.update(dict.fromkeys(name for name in op.input_arg_names if name not in writes))
        writes.update(dict.fromkeys(op.output_arg_names))
    parent = block.program.block(block.parent_idx)
    made_here = [name for name in reads if parent._find_var_recursive(name) is None and block.has_var(name)
                 and block.var(name).type == ARRAY]
    return [name for name in reads if name not in made_here], list(writes)


def _outer_variables(parent, names):
    found = (parent._find_var_recursive(name) for name in names)
    return [var for var in found if var is not None]


class ConditionalBlock:
    """A block that runs if a condition holds.

    Args:
        inputs (list): the condition.
        is_scalar_condition (bool): the condition is one bool; else the block runs if no input is empty.
        name (str): of the layer.

    Source: paddle.static.nn.control_flow.ConditionalBlock.
    """

    def __init__(self, inputs, is_scalar_condition=False, name=None):
        for each in inputs:
            if not isinstance(each, Variable):
                raise TypeError(f"The type of 'input' in ConditionalBlock must be Variable, but received {type(each)}.")
        self.inputs, self.is_scalar_condition = inputs, is_scalar_condition
        self.helper = LayerHelper("conditional_block", name)

    def block(self):
        """A context manager: what is built in it belongs to the block."""
        return _CompletingGuard(self)

    def _complete(self):
        inside = _core.default_main_program().current_block()
        parent = inside.program.block(inside.parent_idx)
        reads, writes = _reads_and_writes(inside)
        inputs = [parent._var_recursive(name) for name in reads]
        outputs = _outer_variables(parent, writes)
        scope = parent.create_var(type=STEP_SCOPES)
        parent.append_op(type="conditional_block", inputs={"Cond": self.inputs, "Input": inputs},
                         outputs={"Out": outputs, "Scope": [scope]},
                         attrs={"sub_block": inside, "is_scalar_condition": self.is_scalar_condition})


class While:
    """A block that runs as long as a condition holds; it must write the condition anew.

    Args:
        cond (Variable): one bool.
        is_test (bool): no gradient is wanted.
        name (str): of the layer.

    Source: paddle.static.nn.control_flow.While.
    """

    def __init__(self, cond, is_test=False, name=None):
        self.helper = LayerHelper("while", name)
        _check_condition(cond, ("cond", "static.nn.While"))
        if functools.reduce(lambda a, b: a * b, cond.shape, 1) != 1:
            raise TypeError(f"condition expected shape as [1], but given shape as {list(cond.shape)}.")
        self.cond_var, self.is_test = cond, is_test

    def block(self):
        """A context manager: what is built in it belongs to the loop's body."""
        return _CompletingGuard(self)

    def _complete(self):
        inside = _core.default_main_program().current_block()
        parent = inside.program.block(inside.parent_idx)
        reads, writes = _reads_and_writes(inside, [self.cond_var.name])
        outputs = _outer_variables(parent, writes)
        names = dict.fromkeys(reads + [var.name for var in outputs])
        names.pop(self.cond_var.name, None)
        scope = parent.create_var(type=STEP_SCOPES)
        parent.append_op(type="while", inputs={"X": [parent._var_recursive(name) for name in names], "Condition": [self.cond_var]},
                         outputs={"Out": outputs, "StepScopes": [scope]}, attrs={"sub_block": inside, "is_test": self.is_test})


def _assign(value, target):
    from ..tensor.creation import assign
    return assign(value, target)


def _copy_to_parent(value):
    """A result of a branch as a variable of the block above."""
    if not isinstance(value, Variable):
        return value
    block = _core.default_main_program().current_block()
    parent = block.program.block(block.parent_idx)
    if value.type == ARRAY and parent._find_var_recursive(value.name) is not None:
        return value
    copy = parent.create_var(dtype=value.dtype, shape=value.shape, type=value.type)
    _assign(value, copy)
    return copy


def _as_variable(value):
    from ..tensor.creation import full
    if isinstance(value, Variable):
        return value
    dtype = "bool" if isinstance(value, bool) else "int64" if isinstance(value, int) else "float64"
    return full([1] if dtype == "bool" else [], value, dtype)


def _select_input(inputs, mask):
    LayerHelper("select_input", None)
    first, second = (var.shape for var in inputs)
    if len(first) != len(second):
        warnings.warn(f"the input shapes of select_input should have the same rank, but get {first}, {second}")
    shape = [a if a == b else -1 for a, b in zip(first, second)] if len(first) == len(second) else second
    block = _core.default_main_program().current_block()
    out = block.create_var(dtype=inputs[1].dtype, shape=shape, type=inputs[1].type)
    block.append_op(type="select_input", inputs={"X": inputs, "Mask": mask}, outputs={"Out": out})
    return out


def _merge(mask, false, true):
    both = (isinstance(false, Variable), isinstance(true, Variable))
    if all(both):
        return _select_input([false, true], mask)
    if false is None and true is None:
        return None
    if not any(both) and isinstance(false, BUILTIN) and isinstance(false, type(true)):
        if false == true:
            return false
    elif not any(both) or not isinstance(true if both[0] else false, BUILTIN):
        raise TypeError("Unsupported return type of true_fn and false_fn in cond: false_var returned by false_fn is "
                        f"'{type(false)}' and true_var of true_fn is '{type(true)}'")
    else:
        warnings.warn("Return results from different branches in cond are not same type: false_var returned by false_fn is "
                      f"'{type(false)}' and true_var of true_fn is '{type(true)}'")
    return _select_input([_as_variable(false), _as_variable(true)], mask)


def _run_branch(condition, branch, name):
    if not callable(branch):
        raise TypeError(f"The {name} in cond must be callable, but received {type(branch).__name__}")
    with ConditionalBlock([condition()], is_scalar_condition=True).block():
        result = branch()
        return None if result is None else map_structure(_copy_to_parent, result)


def _branches(value):
    return list(value) if isinstance(value, (list, tuple)) else [value]


def cond(pred, true_fn=None, false_fn=None, name=None, return_names=None):
    """What true_fn returns where pred holds, else what false_fn returns.

    Args:
        pred (Variable): one bool.
        true_fn, false_fn (callable): build one branch each; both return the same structure of variables and numbers.
        name (str): of the layer.
        return_names: accepted, without effect.

    Returns:
        The structure; None if the branches return nothing.

    Raises:
        TypeError: pred is no bool variable, or a branch is not callable.
        ValueError: the branches return different structures.

    Source: paddle.static.nn.cond.
    """
    from ..tensor.logic import logical_not
    from ..tensor.manipulation import cast
    _check_condition(pred, ("pred", "base.layers.cond"))
    LayerHelper("cond", name)
    true = None if true_fn is None else _run_branch(lambda: pred, true_fn, "true_fn")
    false = None if false_fn is None else _run_branch(lambda: logical_not(pred), false_fn, "false_fn")
    if true is None and false is None:
        return None
    for result, missing, other in ((true, "true_fn", "false_fn"), (false, "false_fn", "true_fn")):
        if result is None:
            raise ValueError(f"Incompatible return values of true_fn and false_fn in cond: {missing} returns None while "
                             f"{other} returns non-None")
    trues, falses = _branches(true), _branches(false)
    if len(trues) != len(falses):
        raise ValueError(f"true fn returns {len(trues)} vars, but false fn returns {len(falses)} vars, which is not equals")
    for one, other in zip(trues, falses):
        if not same_structure(one, other):
            raise ValueError("Incompatible return values of `no name` in true_fn and false_fn in cond: the structures differ")
    mask = cast(pred, "int32")
    merged = [_merge(mask, f, t) for f, t in zip(flatten(false), flatten(true))]
    return pack_as(false, merged)


def _checked_pairs(pairs, default):
    if not isinstance(pairs, (list, tuple)):
        raise TypeError(f"The type of 'pred_fn_pairs' in case must be (list, tuple), but received {type(pairs)}.")
    for pair in pairs:
        if not isinstance(pair, tuple):
            raise TypeError(f"The elements' type of 'pred_fn_pairs' in case must be {tuple}, but received: {type(pair)}.")
        if len(pair) != 2:
            raise TypeError(f"The tuple's size of 'pred_fn_pairs' in case must be 2, but received: {len(pair)}-tuple.")
        if not isinstance(pair[0], Variable):
            raise TypeError(f"The pred's type of 'pred_fn_pairs' in case must be boolean Variable, but received: {type(pair[0])}.")
        if not callable(pair[1]):
            raise TypeError(f"The fn for {pair[0].name} of pred_fn_pairs in Op(case) must be callable.")
    if default is None:
        return list(pairs[:-1]), pairs[-1][1]
    if not callable(default):
        raise TypeError("The default in Op(case) must be callable.")
    return list(pairs), default


def case(pred_fn_pairs, default=None, name=None):
    """What the function of the first predicate that holds returns.

    Args:
        pred_fn_pairs (list): (predicate, function) each.
        default (callable): where no predicate holds; the last function where None.
        name (str): of the layer.

    Source: paddle.static.nn.case.
    """
    LayerHelper("case", name)
    pairs, otherwise = _checked_pairs(pred_fn_pairs, default)
    for pred, function in reversed(pairs):
        otherwise = functools.partial(cond, pred=pred, true_fn=function, false_fn=otherwise)
    return otherwise()


def _numbered(branch_fns):
    if not isinstance(branch_fns, (list, tuple, dict)):
        raise TypeError(f"The type of 'branch_fns' in switch_case must be (list, tuple, dict), but received {type(branch_fns)}.")
    pairs = list(branch_fns.items()) if isinstance(branch_fns, dict) else list(branch_fns)
    if all(callable(function) for function in pairs):
        pairs = list(enumerate(pairs))
    seen = set()
    for pair in pairs:
        if not isinstance(pair, tuple) or len(pair) != 2:
            raise TypeError(f"The elements' type of 'branch_fns' in switch_case must be {tuple} of 2, but received: {pair}.")
        if not isinstance(pair[0], int):
            raise TypeError(f"The key's type of 'branch_fns' in switch_case must be {int}, but received: {type(pair[0])}.")
        if pair[0] in seen:
            raise ValueError(f"The key in 'branch_fns' must be unique, but '{pair[0]}' appears more than once.")
        if not callable(pair[1]):
            raise TypeError(f"The type of function for key {pair[0]} of 'branch_fns' in switch_case must be callable.")
        seen.add(pair[0])
    return pairs


def switch_case(branch_index, branch_fns, default=None, name=None):
    """What the function of that number returns.

    Args:
        branch_index (Variable): one integer: uint8, int32 or int64.
        branch_fns (dict | list): functions by number, (number, function) pairs, or functions counted from 0.
        default (callable): for other numbers; the function of the highest number where None.
        name (str): of the layer.

    Source: paddle.static.nn.switch_case.
    """
    from ..tensor.creation import full
    from ..tensor.logic import equal
    from ..tensor.manipulation import cast
    LayerHelper("switch_case", name)
    if not isinstance(branch_index, Variable) or _core.dtype_name(branch_index.dtype) not in ("uint8", "int32", "int64"):
        raise TypeError("The data type of 'branch_index' in static.nn.switch_case must be ['uint8', 'int32', 'int64'].")
    if _core.dtype_name(branch_index.dtype) != "int64":
        branch_index = cast(branch_index, "int64")
    pairs = _numbered(branch_fns)
    if default is None:
        pairs.sort(key=lambda pair: pair[0])
        default = pairs.pop()[1]
    elif not callable(default):
        raise TypeError("The default in Op(case) must be callable.")
    otherwise = default
    preds = [(equal(branch_index, full([1], number, "int64")), function) for number, function in pairs]
    for pred, function in preds:
        otherwise = functools.partial(cond, pred=pred, true_fn=function, false_fn=otherwise)
    return otherwise()


def _assign_next(value, target):
    if isinstance(value, Variable) and value.type == ARRAY:
        block = _core.default_main_program().current_block()
        if block.program.block(block.parent_idx)._find_var_recursive(value.name) is not None:
            return
    if isinstance(target, Variable) and isinstance(value, (Variable, *BUILTIN)):
        _assign(value if isinstance(value, Variable) else _as_variable(value), target)


def while_loop(cond, body, loop_vars, is_test=False, name=None):  # noqa: A002
    """Repeats a body while a condition holds.

    Args:
        cond (callable): of the loop's variables, gives one bool.
        body (callable): of the loop's variables, gives their next values, in the same structure.
        loop_vars (list): the variables at the start: tensors or tensor arrays.
        is_test (bool): no gradient is wanted.
        name (str): of the layer.

    Returns:
        list: the variables at the end.

    Raises:
        TypeError: cond or body is not callable, or cond gives no bool.
        ValueError: there are no loop variables, or body returns another structure.

    Source: paddle.static.nn.while_loop.
    """
    if not callable(cond):
        raise TypeError("cond in while_loop should be callable")
    if not callable(body):
        raise TypeError("body in while_loop should be callable")
    if not isinstance(loop_vars, (list, tuple)):
        raise TypeError(f"The type of 'loop_vars' in static.nn.while_loop must be (list, tuple), but received {type(loop_vars)}.")
    if not loop_vars:
        raise ValueError("loop_vars in while_loop should not be empty")
    pred = cond(*loop_vars)
    _check_condition(pred, ("var of cond returned", "static.nn.while_loop"))
    if functools.reduce(lambda a, b: a * b, pred.shape, 1) != 1:
        raise TypeError(f"the shape of the variable returned by cond should be [1],but given shape as {list(pred.shape)}.")
    loop = While(pred, is_test, name)
    with loop.block():
        # A body that changes a list or dict in place must not change the caller's.
        values = body(*(copy_containers(loop_vars) if holds_containers(loop_vars) else loop_vars))
        values = list(values) if isinstance(values, (list, tuple)) else [values]
        if len(values) != len(loop_vars) or not same_structure(values, list(loop_vars)):
            raise ValueError("body in while_loop should return the same arity (length and structure) as loop_vars: "
                             f"{len(values)} values for {len(loop_vars)} variables")
        now = cond(*values)
        for value, target in zip(flatten(values), flatten(loop_vars)):
            _assign_next(value, target)
        _assign(now, pred)
    return loop_vars


def Assert(cond, data=None, summarize=20, name=None):  # noqa: N802
    """Stops the run with an error that shows `data` unless the condition holds.

    Args:
        cond (Variable): one bool.
        data (list): variables to show.
        summarize (int): elements of each that are shown.
        name (str): of the layer.

    Source: paddle.static.nn.control_flow.Assert.
    """
    _check_condition(cond, ("cond", "static.nn.control_flow.Assert"))
    if not isinstance(data, (list, tuple, type(None))):
        raise TypeError(f"The type of 'data' in static.nn.control_flow.Assert must be (list, tuple), but received {type(data)}.")
    LayerHelper(name or "assert_" + cond.name, None)
    return _core.default_main_program().current_block().append_op(
        type="assert", inputs={"Cond": cond, "Data": list(data or [])}, attrs={"summarize": summarize})


def Print(input, first_n=-1, message=None, summarize=20, print_tensor_name=True, print_tensor_type=True,  # noqa: A002,N802
          print_tensor_shape=True, print_tensor_layout=True, print_tensor_lod=True, print_phase="both"):
    """The input, which is printed whenever the program computes it; its gradient too.

    Args:
        input (Variable): any shape.
        first_n (int): how often it is printed; -1 for always.
        message (str): printed in front.
        summarize (int): elements that are printed; -1 for all.
        print_tensor_name, print_tensor_type, print_tensor_shape, print_tensor_layout, print_tensor_lod (bool): what else.
        print_phase (str): "forward", "backward" or "both".

    Returns:
        Variable: use it in place of the input.

    Source: paddle.static.Print.
    """
    return _core.layer("print", {"In": input}, "Out", {
        "first_n": first_n, "summarize": summarize, "message": message or "", "print_tensor_name": print_tensor_name,
        "print_tensor_type": print_tensor_type, "print_tensor_shape": print_tensor_shape,
        "print_tensor_layout": print_tensor_layout, "print_tensor_lod": print_tensor_lod, "print_phase": print_phase.upper()})
