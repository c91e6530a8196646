"""Programs in mixed precision are, operator for operator, those that Paddle builds on a card. See amp_programs.py.

The records hold no device: SKIFF_UNDER_TEST=paddle runs the same comparison with real Paddle, told to cast without one.
"""
import json

import numpy as np
import pytest

from amp_programs import CASES, lenet, words
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


def losses(net, level, dtype):
    """Of twelve steps."""
    random = np.random.RandomState(2)
    feed = {"image": random.randn(6, 1, 12, 12).astype("float32"), "label": random.randint(0, 5, (6, 1)),
            "ids": random.randint(0, 20, (6, 5)), "target": random.randn(6, 1).astype("float32")}
    main, startup = paddle.static.Program(), paddle.static.Program()
    with paddle.utils.unique_name.guard(), paddle.static.program_guard(main, startup), paddle.static.scope_guard(paddle.static.Scope()):
        loss = net(paddle)
        optimizer = paddle.optimizer.Momentum(0.02, 0.9)
        if level:
            optimizer = paddle.static.amp.decorate(optimizer, level=level, dtype=dtype, init_loss_scaling=256.0)
        optimizer.minimize(loss)
        exe = paddle.static.Executor(paddle.CPUPlace())
        paddle.seed(4)
        exe.run(startup)
        if level:
            optimizer.amp_init(paddle.CPUPlace())
        feed = {name: value for name, value in feed.items() if main.global_block().has_var(name)}
        values = [exe.run(main, feed=feed, fetch_list=[loss])[0] for _ in range(12)]
    return [float((v.astype("uint32") << 16).view("float32") if v.dtype == np.uint16 else v) for v in values]


@pytest.mark.skipif(MODULE == "paddle", reason="Paddle has no products of halves on the CPU")
@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
@pytest.mark.parametrize("level", ["O1", "OD", "O2"])
@pytest.mark.parametrize("net", [lenet, words])
def test_a_cast_net_trains_as_in_float32(net, level, dtype):
    wanted = losses(net, None, None)
    assert wanted[-1] < 0.8 * wanted[0]
    np.testing.assert_allclose(losses(net, level, dtype), wanted, rtol=0.01 if dtype == "float16" else 0.06)
