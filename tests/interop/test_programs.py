"""Programs with branches, loops and tensor arrays that real Paddle built and ran: skiff reads and runs them,
and builds the same itself. See flow_programs.py.
"""
import numpy as np
import pytest

from fixtures_programs import successor
from flow_programs import PROGRAMS
from program_dump import dump_program
from test_names import attributes, operators, variables
from under_test import FIXTURES, load

paddle = load()
FOLDER = FIXTURES / "programs"
CLOSE = {"rtol": 1e-4, "atol": 5e-5}


def recorded(name):
    with np.load(FOLDER / (name + ".npz")) as archive:
        return {key: archive[key] for key in archive.files}


def run_as_recorded(main, name):
    arrays = recorded(name)
    fetches = [str(fetch) for fetch in arrays["fetches"]]
    scope, exe = paddle.static.Scope(), paddle.static.Executor(paddle.CPUPlace())
    for key, value in arrays.items():
        if key.startswith("param__"):
            scope.var(key[len("param__"):]).get_tensor().set(value, paddle.CPUPlace())
    run = 0
    while f"out{run}__0" in arrays:
        feed = {key.split("__", 1)[1]: value for key, value in arrays.items() if key.startswith(f"in{run}__")}
        if paddle.__name__ == "paddle":  # which leaves tensor arrays of one run in the scope for the next
            scope = successor(paddle, scope, main)
        outputs = exe.run(main, feed=feed, fetch_list=fetches, scope=scope)
        for k, (fetch, ours) in enumerate(zip(fetches, outputs)):
            wanted = arrays[f"out{run}__{k}"]
            assert (ours.dtype, ours.shape) == (wanted.dtype, wanted.shape), f"{fetch} of run {run}"
            np.testing.assert_allclose(ours, wanted, **CLOSE, err_msg=f"{fetch} of run {run}")
        run += 1
    assert run > 0


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_recorded_program_runs_as_in_paddle(name):
    run_as_recorded(paddle.load(str(FOLDER / (name + ".pdmodel"))), name)


def build(name):
    if name == "rnn" and not hasattr(paddle.nn, "SimpleRNNCell"):
        pytest.skip("skiff does not have nn.SimpleRNNCell yet")
    main = paddle.static.Program()
    with paddle.utils.unique_name.guard(), paddle.static.program_guard(main, paddle.static.Program()):
        fetches = PROGRAMS[name](paddle)
    assert fetches == [str(fetch) for fetch in recorded(name)["fetches"]]
    return main


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_program_built_is_paddles(name):
    main, paddles = build(name), paddle.load(str(FOLDER / (name + ".pdmodel")))
    for view in (operators, attributes, variables):
        assert view(dump_program(paddle, main)) == view(dump_program(paddle, paddles)), view.__name__


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_program_built_runs_as_in_paddle(name):
    run_as_recorded(build(name), name)
