"""Optimizers and learning-rate schedulers move as Paddle's do, step by step.

SKIFF_UNDER_TEST=paddle runs the same tests with real Paddle.
"""
import json

import numpy as np
import pytest

from optimizer_cases import schedule, trajectory
from under_test import FIXTURES, load

paddle = load()
TRAJECTORIES = {case["name"]: case for case in json.loads((FIXTURES / "optim" / "optimizers.json").read_text())["cases"]}
SCHEDULES = {case["name"]: case for case in json.loads((FIXTURES / "optim" / "schedules.json").read_text())["cases"]}


@pytest.mark.parametrize("name", TRAJECTORIES)
def test_parameters_and_state_follow_paddles_for_five_steps(name):
    case = TRAJECTORIES[name]
    _, seen = trajectory(paddle, "\n".join(case["source"]), case["rows"])
    assert [sorted(values) for values in seen] == [sorted(values) for values in case["values"]]
    for step, (ours, paddles) in enumerate(zip(seen, case["values"])):
        for variable, wanted in paddles.items():
            assert list(ours[variable].shape) == list(np.shape(wanted)), f"{variable} after step {step}"
            np.testing.assert_allclose(ours[variable], wanted, rtol=1e-5, atol=1e-6, err_msg=f"{variable} after step {step}")


@pytest.mark.parametrize("name", SCHEDULES)
def test_twenty_rates_are_paddles(name):
    values, _ = schedule(paddle, "\n".join(SCHEDULES[name]["source"]))
    np.testing.assert_allclose(values, SCHEDULES[name]["values"], rtol=1e-9, atol=1e-15)


@pytest.mark.parametrize("name", SCHEDULES)
def test_a_schedulers_state_has_paddles_entries(name):
    _, state = schedule(paddle, "\n".join(SCHEDULES[name]["source"]))
    wanted = SCHEDULES[name]["state"]
    assert sorted(state) == sorted(wanted)
    for key, value in wanted.items():
        if isinstance(value, (int, float)):
            assert float(state[key]) == pytest.approx(value, rel=1e-9, abs=1e-15), key
        else:
            assert json.loads(json.dumps(state[key], default=float)) == value, key
