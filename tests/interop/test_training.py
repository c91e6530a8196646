"""Training a program that Paddle built and saved gives Paddle's losses and gradients.

The fixtures are described in tests/fixtures/README.md. SKIFF_UNDER_TEST=paddle runs the same tests
with real Paddle.
"""
import functools
import json

import numpy as np
import pytest

from under_test import FIXTURES, load

paddle = load()
TRAIN = FIXTURES / "train"
CASES = sorted(path.parent.name for path in TRAIN.glob("*/case.json"))


def arrays(path):
    with np.load(path) as archive:
        return {name: archive[name] for name in archive.files}


@functools.lru_cache(maxsize=None)
def recorded(case):
    report = json.loads((TRAIN / case / "case.json").read_text())
    shared = TRAIN / report["net"]
    return {**report, "data": arrays(shared / "data.npz"), "parameters": arrays(shared / "parameters.npz"),
            "gradients": arrays(shared / "gradients.npz"), "state": arrays(TRAIN / case / "state.npz")}


def feed(case, batch):
    data = recorded(case)["data"]
    return {"image": data["image"][batch].astype("float32") / np.float32(255), "label": data["label"][batch]}


def value(name):
    return np.array(paddle.static.global_scope().find_var(name).get_tensor())


def set_value(name, array):
    paddle.static.global_scope().find_var(name).get_tensor().set(array, paddle.CPUPlace())


def evaluate(exe, program, case):
    batches = len(recorded(case)["data"]["label"])
    return [float(exe.run(program, feed=feed(case, k), fetch_list=[recorded(case)["loss"]])[0]) for k in range(batches)]


@functools.lru_cache(maxsize=None)
def trained(case):
    """Runs the saved programs from the recorded start; what a test may want to know of the run."""
    wanted = recorded(case)
    main, startup, test = (paddle.load(str(TRAIN / case / (name + ".pdmodel"))) for name in ("main", "startup", "test"))
    exe = paddle.static.Executor(paddle.CPUPlace())
    run = {"losses": []}
    with paddle.static.scope_guard(paddle.static.Scope()):
        exe.run(startup)
        run["state"] = {name: value(name) for name in wanted["state"]}
        for name, array in {**wanted["parameters"], **wanted["state"]}.items():
            set_value(name, array)
        run["test_losses_before"] = evaluate(exe, test, case)
        gradients = sorted(wanted["gradients"])
        for step in range(len(wanted["losses"])):
            fetch = [wanted["loss"]] + ([name + "@GRAD" for name in gradients] if step == 0 else [])
            values = exe.run(main, feed=feed(case, step % len(wanted["data"]["label"])), fetch_list=fetch)
            run["losses"].append(float(values[0]))
            if step == 0:
                run["gradients"] = dict(zip(gradients, values[1:]))
        run["test_losses_after"] = evaluate(exe, test, case)
        run["cloned_test_losses_after"] = evaluate(exe, main.clone(for_test=True), case)
        run["final"] = {name: value(name).astype("float64") for name in wanted["final_sum_and_norm"]}
    return run


@pytest.mark.parametrize("case", CASES)
def test_twenty_losses_are_paddles(case):
    np.testing.assert_allclose(trained(case)["losses"], recorded(case)["losses"], rtol=1e-4)


@pytest.mark.parametrize("case", CASES)
def test_gradients_of_the_first_step_are_paddles(case):
    for name, wanted in recorded(case)["gradients"].items():
        np.testing.assert_allclose(trained(case)["gradients"][name], wanted, rtol=0, atol=1e-5 * np.abs(wanted).max(),
                                   err_msg=name)


@pytest.mark.parametrize("case", CASES)
def test_the_startup_program_makes_the_optimizers_state(case):
    for name, wanted in recorded(case)["state"].items():
        ours = trained(case)["state"][name]
        assert ours.dtype == wanted.dtype and ours.shape == wanted.shape, name
        np.testing.assert_array_equal(ours, wanted, err_msg=name)


@pytest.mark.parametrize("case", CASES)
def test_the_test_program_evaluates_as_paddle_does_before_training(case):
    np.testing.assert_allclose(trained(case)["test_losses_before"], recorded(case)["test_losses_before"], rtol=1e-4)


@pytest.mark.parametrize("case", CASES)
def test_the_test_program_evaluates_as_paddle_does_after_training(case):
    np.testing.assert_allclose(trained(case)["test_losses_after"], recorded(case)["test_losses_after"], rtol=1e-4)


@pytest.mark.parametrize("case", CASES)
def test_a_clone_for_test_of_the_training_program_evaluates_like_the_test_program(case):
    np.testing.assert_allclose(trained(case)["cloned_test_losses_after"], trained(case)["test_losses_after"], rtol=1e-6)


@pytest.mark.parametrize("case", CASES)
def test_parameters_and_optimizer_state_end_where_paddles_end(case):
    """Sum and norm of every persistable variable; a sum may cancel, so the norm is its scale."""
    for name, (total, norm) in recorded(case)["final_sum_and_norm"].items():
        final = trained(case)["final"][name]
        scale = max(norm, 1e-8) * np.sqrt(final.size)
        assert abs(final.sum() - total) <= 1e-3 * scale, name
        assert abs(np.sqrt(np.square(final).sum()) - norm) <= 1e-3 * scale, name
