"""Each operator that can be written for Paddle 3, alone in a program: what 3.3.1 computes from skiff's .json is what 2.6.2 recorded, and
the program read again computes it here."""
import tempfile

import numpy as np
import pytest

import operator_run
from paddle_process import PYTHON3, PaddleProcess, needs_paddle3
from test_operators import CASES, recorded
from under_test import MODULE, load

paddle = load()
if MODULE != "skiff":
    pytest.skip("writes programs for Paddle 3, which Paddle 2 does not", allow_module_level=True)
CASES_EACH = 3  # of an operator
MORE_EACH = {"elementwise_sub": 25, "flatten2": 4}  # each axis is written otherwise
# A saved program is for inference, where these compute something else than the recorded cases of training.
FOR_TRAINING = {name for name, case in CASES.items() if not case["attrs"].get("is_test", case["op"] not in ("dropout", "batch_norm"))}
OTHERWISE_IN_3 = {
    "dequantize_linear": "3.3.1 computes it from other inputs than 2.6.2",
    "fake_channel_wise_quantize_abs_max": "3.3.1's kernel wants memory that nothing gives it",
    "nce": "draws its samples",
    "norm": "3.3.1 leaves the second output empty outside of training",
    "strided_slice_reversed": "3.3.1 takes the first element too",
}
CHOSEN = {}
for _name, _case in CASES.items():
    _op = _case["op"]
    _left_out = _name in FOR_TRAINING or _name in OTHERWISE_IN_3 or _op in OTHERWISE_IN_3 or "grad" in _op or _op in ("print", "assert")
    _own = [kind for kind in _case["outputs"].values() if kind is not None and not isinstance(kind, str)]  # optimizers have none
    if _own and not _left_out and not _case.get("lods") and len(CHOSEN.get(_op, ())) < MORE_EACH.get(_op, CASES_EACH) and paddle._core.pir_counterparts(_op):
        CHOSEN.setdefault(_op, []).append(_name)


@pytest.fixture(scope="module")
def runner():
    process = PaddleProcess("run_models.py", PYTHON3)
    yield process
    process.close()


def save(name, prefix):
    """The case as an inference program for Paddle 3: its feeds and the outputs that were recorded."""
    case = CASES[name]
    arrays = {slot: recorded(case, "in", slot, count) for slot, count in case["inputs"].items()}
    with paddle.static.program_guard(paddle.static.Program(), paddle.static.Program()), paddle.utils.unique_name.guard():
        inputs, outputs = operator_run.build(paddle, {"lods": {}, **case, "inputs": arrays})
        slots = [slot for slot, kind in case["outputs"].items() if kind is not None and not isinstance(kind, str)]
        fetched = [variable for slot in slots for variable in outputs[slot]]
        feed = {variable.name: array for slot in inputs for variable, array in zip(inputs[slot], arrays[slot])}
        exe = paddle.static.Executor(paddle.CPUPlace())
        paddle.static.save_inference_model(prefix, [v for slot in inputs for v in inputs[slot]], fetched, exe, format="json")
    return feed, [array for slot in slots for array in recorded(case, "out", slot, len(outputs[slot]))]


def check(found, wanted, what):
    assert len(found) == len(wanted), what
    for ours, array in zip(found, wanted):
        assert ours.size == array.size, what
        np.testing.assert_allclose(np.asarray(ours).reshape(array.shape), array, rtol=1e-3, atol=1e-4, err_msg=what)


@needs_paddle3
@pytest.mark.parametrize("op", CHOSEN)
def test_an_operator_written_for_paddle_3_computes_the_same_there_and_read_again(op, runner):
    for name in CHOSEN[op]:
        with tempfile.TemporaryDirectory() as folder, paddle.static.scope_guard(paddle.static.Scope()):
            feed, wanted = save(name, f"{folder}/case")
            np.savez(f"{folder}/feeds.npz", **{f"in0__{key}": value for key, value in feed.items()})
            if feed:  # a request without feeds has no run
                runner.ask(f"{folder}/case", f"{folder}/feeds.npz", f"{folder}/result.npz")
                with np.load(f"{folder}/result.npz") as results:
                    check([results[f"out0__{i}"] for i in range(len(results.files))], wanted, f"{name} in Paddle 3")
            exe = paddle.static.Executor(paddle.CPUPlace())
            program, feeds, fetches = paddle.static.load_inference_model(f"{folder}/case", exe)
            check(exe.run(program, feed={key: feed[key] for key in feeds}, fetch_list=fetches), wanted, f"{name}, read again")
