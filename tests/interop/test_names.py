"""A program built through the Python interface is, name for name, the program Paddle builds.

Every saved file depends on generated names, so the comparison is exact: operators in order, slots,
arguments, attributes of the operator's own schema, and all variables. SKIFF_UNDER_TEST=paddle runs
the same comparison with real Paddle.
"""
import functools
import json

import pytest

from program_dump import build
from under_test import FIXTURES, GOLDEN, load

paddle = load()
CASES = sorted(path.stem for path in (FIXTURES / "names").glob("*.json"))
SCHEMA = json.loads((GOLDEN / "op_table" / "op_table.json").read_text())
PROGRAMS = ("main", "startup")
# Which library computes an operator: some schemas declare it, and it changes no result.
BACKEND_HINTS = {"mkldnn_data_type", "use_cudnn", "use_mkldnn", "use_quantizer"}


@functools.lru_cache(maxsize=None)
def expected(case):
    return json.loads((FIXTURES / "names" / (case + ".json")).read_text())


@functools.lru_cache(maxsize=None)
def built(case):
    result = build(paddle, "\n".join(expected(case)["source"]))
    return json.loads(json.dumps(result))  # tuples become lists, as in the fixture


def own_attributes(op_type):
    """The attributes that an operator's schema declares; a gradient operator has its forward's."""
    while op_type not in SCHEMA and op_type.endswith("_grad"):
        op_type = op_type[:-len("_grad")]
    return set(SCHEMA.get(op_type, {"attrs": ()})["attrs"]) - BACKEND_HINTS


def operators(program):
    """One line an operator: type and arguments. Slots without arguments mean nothing."""
    def slots(named):
        return " ".join(f"{slot}={','.join(names)}" for slot, names in sorted(named.items()) if names)
    return [f"block {number}: {op['type']}({slots(op['inputs'])}) -> {slots(op['outputs'])}"
            for number, block in enumerate(program) for op in block["ops"]]


def attributes(program):
    """One line an attribute. A float is printed as the float32 that a file keeps."""
    def text(value):
        if isinstance(value, float):
            return f"{value:.7g}"
        if isinstance(value, list):
            return "[" + ", ".join(text(element) for element in value) + "]"
        return json.dumps(value)
    return [f"block {number} op {position} {op['type']}.{name} = {text(op['attrs'][name])}"
            for number, block in enumerate(program) for position, op in enumerate(block["ops"])
            for name in sorted(own_attributes(op["type"]) & set(op["attrs"]))]


def variables(program):
    return [f"block {number}: {var['name']} {var.get('dtype')} {var.get('shape')}"
            + (" persistable" if var["persistable"] else "") + (" parameter" if var["is_parameter"] else "")
            for number, block in enumerate(program) for var in block["vars"]]


def stopped(program):
    return [f"block {number}: {var['name']} stop_gradient={var['stop_gradient']}"
            for number, block in enumerate(program) for var in block["vars"]]


def same(view, case):
    for program in PROGRAMS:
        ours, paddles = view(built(case)[program]), view(expected(case)[program])
        assert ours == paddles, f"{program} program of {case}"


@pytest.mark.parametrize("case", CASES)
def test_operators_and_argument_names_are_paddles(case):
    same(operators, case)


@pytest.mark.parametrize("case", CASES)
def test_attributes_are_paddles(case):
    same(attributes, case)


@pytest.mark.parametrize("case", CASES)
def test_variables_have_paddles_names_shapes_and_dtypes(case):
    same(variables, case)


@pytest.mark.parametrize("case", CASES)
def test_stop_gradient_flags_are_paddles(case):
    same(stopped, case)


@pytest.mark.parametrize("case", CASES)
def test_what_the_user_sees_is_what_paddle_shows(case):
    assert built(case)["result"] == expected(case)["result"]


@pytest.mark.parametrize("view, change", [
    (operators, lambda op: op["inputs"].update(X=["other"])),
    (operators, lambda op: op["outputs"].update(Out=[])),
    (attributes, lambda op: op["attrs"].update(x_num_col_dims=2)),
], ids=["input", "output", "attribute"])
def test_the_comparison_notices_one_changed(view, change):
    program = json.loads(json.dumps(expected("fc")["main"]))
    change(program[0]["ops"][0])
    assert view(program) != view(expected("fc")["main"])


def test_the_comparison_ignores_roles_call_stacks_and_backend_hints():
    program = json.loads(json.dumps(expected("conv2d")["main"]))
    program[0]["ops"][0]["attrs"].update(op_role=2, use_cudnn=True, op_callstack=["somewhere"])
    assert attributes(program) == attributes(expected("conv2d")["main"])
