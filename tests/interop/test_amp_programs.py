"""Programs in mixed precision are, operator for operator, those that Paddle builds on a card. See amp_programs.py.

The records hold no device: SKIFF_UNDER_TEST=paddle runs the same comparison with real Paddle, told to cast without one.
"""
import json

import numpy as np
import pytest

from amp_programs import CASES
from fixtures_amp import build, cast_as_on_a_card
from program_dump import dump_program
from test_names import attributes, operators, variables
from under_test import FIXTURES, MODULE, load

paddle = load()
FOLDER = FIXTURES / "amp"
NAMES = json.loads((FOLDER / "names.json").read_text())
if MODULE == "paddle":
    cast_as_on_a_card(paddle)
# Where Paddle's programs say something else than what they do: a velocity without master weight is half, as its startup
# program fills it; the update of rmsprop has a master weight.
SAID_RIGHT = (("_velocity_0 float16 ", "_velocity_0 float32 "), ("_velocity_0 bfloat16 ", "_velocity_0 float32 "),
              ("rmsprop.multi_precision = true", "rmsprop.multi_precision = false"))


def as_paddle_says(lines):
    for right, said in SAID_RIGHT:
        lines = [line.replace(right, said) for line in lines]
    return lines


def recorded(name):
    with np.load(FOLDER / "programs.npz") as files:
        return {key.split(".")[1]: paddle.static.deserialize_program(files[key].tobytes())
                for key in files.files if key.startswith(name + ".")}


@pytest.mark.parametrize("name", CASES)
def test_the_programs_built_are_paddles(name):
    ours, names = build(paddle, name)
    wanted = recorded(name)
    assert ours.keys() == wanted.keys()
    for kind, program in ours.items():
        built, paddles = dump_program(paddle, program), dump_program(paddle, wanted[kind])
        for view in (operators, attributes, variables):
            ours_said, paddles_said = view(built), view(paddles)
            if kind == "main":
                ours_said = as_paddle_says(ours_said)
            assert ours_said == paddles_said, f"{view.__name__} of {kind}"
    assert names == NAMES.get(name, [])


def test_there_are_casts_at_every_level():
    for level in ("O1", "OD", "O2"):
        types = [op.type for op in recorded(f"lenet_{level}")["main"].global_block().ops]
        assert types.count("cast") >= 3, level
