"""Whole models that real Paddle exports: skiff loads them and computes the same.

With SKIFF_PADDLE_PYTHON every case of model_cases/ is exported now, in a process of its own. Without, the small ones that
are kept in tests/fixtures/models run. `-m "heavy or not heavy"` adds the models of hundreds of megabytes.
"""
import tempfile
from pathlib import Path

import numpy as np
import pytest

from model_cases import CASES
from paddle_process import PaddleProcess, needs_paddle
from under_test import FIXTURES, MODULE, load

paddle = load()
RECORDED = [name for name, case in CASES.items() if case.recorded]
EXPORTS = [pytest.param(name, style, marks=[pytest.mark.heavy] if case.heavy else [], id=f"{name}-{style}")
           for name, case in CASES.items() for style in case.styles]


@pytest.fixture(scope="module")
def exporter():
    process = PaddleProcess("models.py")
    yield process
    process.close()


def close_to(ours, wanted, atol):
    return np.abs(ours - wanted) <= atol + 1e-4 * np.abs(wanted)


def compare_boxes(ours, wanted, counts, atol):
    """Each image's rows as sets: scores that are nearly equal may come in another order."""
    for first, last in zip(np.cumsum(counts) - counts, np.cumsum(counts)):
        left = list(ours[first:last])
        for row in wanted[first:last]:
            found = [k for k, candidate in enumerate(left) if close_to(candidate, row, atol).all()]
            assert found, f"no row is close to {row}; left are\n{np.array(left)}"
            del left[found[0]]


def compare(case, outputs, arrays, run, how):
    outputs = [np.asarray(value) for value in outputs]
    wanted = [arrays[f"out{run}__{k}"] for k in range(len(outputs))]
    assert f"out{run}__{len(outputs)}" not in arrays
    for k, (ours, theirs) in enumerate(zip(outputs, wanted)):
        where = f"output {k} of run {run}, {how}"
        assert (ours.dtype, ours.shape) == (theirs.dtype, theirs.shape), where
        if case.boxes and k == 0:
            np.testing.assert_array_equal(outputs[1], wanted[1], err_msg=where)
            assert theirs.size > 0
            compare_boxes(ours, theirs, wanted[1], case.atol)
        elif theirs.dtype.kind == "f":
            np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=case.atol, err_msg=where)
        else:
            np.testing.assert_array_equal(ours, theirs, err_msg=where)


def feed_of(arrays, run):
    return {key.split("__", 1)[1]: value for key, value in arrays.items() if key.startswith(f"in{run}__")}


def check(name, folder):
    """With the predictor, as it is and rewritten for speed, and as a program of the executor. Run 0 comes again after run 1."""
    case, prefix = CASES[name], str(Path(folder) / name)
    with np.load(prefix + ".npz") as archive:
        arrays = {key: archive[key] for key in archive.files}
    for optimize in (True, False) if MODULE == "skiff" else ():
        predictor = paddle.inference.Predictor(prefix, optimize=optimize)
        for run in (0, 1, 0):
            compare(case, predictor.run(feed_of(arrays, run)), arrays, run, f"predictor, optimize={optimize}")
    exe = paddle.static.Executor(paddle.CPUPlace())
    for run in (0, 1):
        # skiff runs both with what it loaded once; Paddle leaves arrays of one run in the scope for the next.
        if run == 0 or MODULE != "skiff":
            scope = paddle.static.Scope()
        with paddle.static.scope_guard(scope):
            if run == 0 or MODULE != "skiff":
                program, feeds, fetches = paddle.static.load_inference_model(prefix, exe)
            feed = feed_of(arrays, run)
            assert sorted(feeds) == sorted(feed)
            outputs = exe.run(program, feed=feed, fetch_list=fetches, return_numpy=False)
        compare(case, outputs, arrays, run, "executor")


@needs_paddle
@pytest.mark.parametrize("name, style", EXPORTS)
def test_a_model_exported_now_computes_what_paddle_computes(name, style, exporter):
    with tempfile.TemporaryDirectory() as folder:
        exporter.ask(name, style, folder)
        check(name, folder)


@pytest.mark.parametrize("name", RECORDED)
def test_a_recorded_model_computes_what_paddle_computed(name):
    check(name, FIXTURES / "models")
