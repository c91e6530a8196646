"""Branches and loops. Source: paddle.static.nn.cond and while_loop."""
import contextlib

from .. import _core
from .._core import Variable, layer


def _flatten(value):
    if value is None:
        return []
    if isinstance(value, (list, tuple)):
        return [leaf for part in value for leaf in _flatten(part)]
    if isinstance(value, dict):
        return [leaf for part in value.values() for leaf in _flatten(part)]
    return [value]


def _pack_as(structure, leaves):
    leaves = iter(leaves)

    def build(part):
        if part is None:
            return None
        if isinstance(part, (list, tuple)):
            return type(part)(build(p) for p in part)
        if isinstance(part, dict):
            return {key: build(p) for key, p in part.items()}
        return next(leaves)
    return build(structure)


@contextlib.contextmanager
def _sub_block():
    program = _core.default_main_program()
    block = program._create_block()
    try:
        yield block
    finally:
        program._rollback()


def _outer_names(block, defined=()):
    """Names that the block's operators read from outside, and those that they write: in order."""
    read, written = [], []
    inner = set(defined)
    for op in block.ops:
        for name in op.input_arg_names:
            if name not in inner and name not in read:
                read.append(name)
        for name in op.output_arg_names:
            inner.add(name)
            if name not in written:
                written.append(name)
    return read, written


def _append_conditional(pred, block, parent, helper_name):
    outer = [name for name in _outer_names(block)[0] if name != pred.name and parent._find_var_recursive(name) is not None
             and not block.has_var(name)]
    outputs = [name for name in _outer_names(block)[1] if not block.has_var(name) and parent._find_var_recursive(name) is not None]
    scope = parent.create_var(name=_core.unique_name(helper_name), type=11)
    parent.append_op(type="conditional_block", inputs={"Cond": [pred], "Input": outer},
                     outputs={"Out": outputs, "Scope": [scope]}, attrs={"sub_block": block, "is_scalar_condition": True})


def cond(pred, true_fn=None, false_fn=None, name=None, return_names=None):
    """What true_fn returns where pred holds, else what false_fn returns.

    Args:
        pred (Variable): one bool.
        true_fn, false_fn (callable): build one branch each; both return the same structure.
        name (str): of the layer.
        return_names: accepted, without effect.

    Source: paddle.static.nn.cond.
    """
    if not isinstance(pred, Variable):
        raise TypeError(f"pred must be a Variable, {type(pred)} was given")
    program = _core.default_main_program()
    parent = program.current_block()
    _core.LayerHelper("cond", name)
    results = []
    for number, branch in enumerate((true_fn, false_fn)):
        if branch is None:
            results.append(None)
            continue
        condition = pred
        if number:
            condition = layer("logical_not", {"X": pred}, dtype="bool")
        _core.unique_name("conditional_block")
        with _sub_block() as block:
            out = branch()
            leaves = _flatten(out)
            kept = []
            for leaf in leaves:
                if not isinstance(leaf, Variable):
                    from ..tensor.creation import assign
                    leaf = assign(leaf)
                mine = parent.create_var(name=_core.unique_name("_generated_var"), dtype=leaf.dtype, shape=leaf.shape)
                block.append_op(type="assign", inputs={"X": leaf}, outputs={"Out": mine})
                kept.append(mine)
        _append_conditional(condition, block, parent, "_generated_var")
        results.append((out, kept))
    if results[0] is None or results[1] is None or results[0][0] is None:
        return None
    (structure, true_vars), (_, false_vars) = results
    if len(true_vars) != len(false_vars):
        raise ValueError(f"true_fn returns {len(true_vars)} variables, false_fn {len(false_vars)}")
    from ..tensor.manipulation import cast
    mask = cast(pred, "int32")
    merged = []
    for t, f in zip(true_vars, false_vars):
        out = parent.create_var(name=_core.unique_name("_generated_var"), dtype=t.dtype)
        parent.append_op(type="select_input", inputs={"X": [f, t], "Mask": mask}, outputs={"Out": out})
        merged.append(out)
    return _pack_as(structure, merged)


def case(pred_fn_pairs, default=None, name=None):
    """What the function of the first predicate that holds returns. Source: paddle.static.nn.case."""
    pairs = list(pred_fn_pairs)
    if default is None:
        default = pairs.pop()[1]
    if not pairs:
        return default()
    (pred, function), rest = pairs[0], pairs[1:]
    return cond(pred, function, (lambda: case(rest, default)) if rest else default, name)


def switch_case(branch_index, branch_fns, default=None, name=None):
    """What the function of that number returns. Source: paddle.static.nn.switch_case."""
    from ..tensor.creation import full
    from ..tensor.logic import equal
    pairs = list(branch_fns.items()) if isinstance(branch_fns, dict) else \
        [pair if isinstance(pair, tuple) else (i, pair) for i, pair in enumerate(branch_fns)]
    last = default or max(pairs)[1]
    return case([(equal(branch_index, full([1], number, branch_index.dtype)), function) for number, function in pairs], last, name)


def while_loop(cond, body, loop_vars, is_test=False, name=None):  # noqa: A002
    """Repeats a body while a condition holds.

    Args:
        cond (callable): of the loop's variables, gives one bool.
        body (callable): of the loop's variables, gives their next values, in the same structure.
        loop_vars (list): the variables at the start.
        is_test (bool): no gradient is wanted.
        name (str): of the layer.

    Returns:
        list: the variables at the end.

    Source: paddle.static.nn.while_loop.
    """
    program = _core.default_main_program()
    parent = program.current_block()
    pred = cond(*loop_vars)
    _core.LayerHelper("while", name)
    with _sub_block() as block:
        values = body(*loop_vars)
        values = values if isinstance(values, (list, tuple)) else [values]
        if len(values) != len(loop_vars):
            raise ValueError(f"body returns {len(values)} values, there are {len(loop_vars)} loop variables")
        now = cond(*values)
        for value, var in zip(_flatten(values), _flatten(loop_vars)):
            if value is not var:
                block.append_op(type="assign", inputs={"X": value}, outputs={"Out": var})
        block.append_op(type="assign", inputs={"X": now}, outputs={"Out": pred})
    read, written = _outer_names(block)
    inputs = [n for n in read if not block.has_var(n) and n != pred.name]
    outputs = [n for n in written if not block.has_var(n)]
    inputs += [n for n in outputs if n not in inputs and n != pred.name]
    scope = parent.create_var(name=_core.unique_name("_generated_var"), type=11)
    parent.append_op(type="while", inputs={"X": inputs, "Condition": [pred]}, outputs={"Out": outputs, "StepScopes": [scope]},
                     attrs={"sub_block": block, "is_test": is_test})
    return list(loop_vars)
