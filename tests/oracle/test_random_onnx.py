"""Random programs, exported: ONNX Runtime computes what skiff computes. No Paddle is needed.

SKIFF_ORACLE_DRAWS and SKIFF_ORACLE_SEED as in test_random_programs.py.
"""
import numpy as np
import pytest

onnx, runtime = pytest.importorskip("onnx"), pytest.importorskip("onnxruntime")
pytest.importorskip("hypothesis", reason="hypothesis is not installed; scripts/install.sh does it")
from hypothesis import given, strategies as st  # noqa: E402

import skiff as paddle  # noqa: E402
from operators import DRAWS  # noqa: E402  test_random_programs puts its folder on the path
from run_description import build  # noqa: E402
from skiff import _core  # noqa: E402
from test_random_programs import DRAWN, draws, of_one, of_several, started  # noqa: E402

MAPPED = sorted(set(DRAWS) & set(_core.onnx_operators()))
OPSETS = st.integers(paddle.onnx.MIN_OPSET, paddle.onnx.MAX_OPSET)
# Where ONNX's definition is another one than Paddle's; see docs/onnx_operators.md.
DIFFERENT = {"dropout": "it is exported as for testing"}


def in_float32(description):
    """ONNX Runtime has more kernels for it."""
    narrow = {name: array.astype("float32") if array.dtype == "float64" else array for name, array in description["feeds"].items()}
    return {**description, "feeds": narrow, "ops": [{**op, "dtype": "float32"} for op in description["ops"]], "targets": [], "wanted": []}


def compare(description, opset):
    """Raises where ONNX Runtime and skiff disagree; whether there was something to compare."""
    static, description = paddle.static, in_float32(description)
    with static.scope_guard(static.Scope()), paddle.utils.unique_name.guard(), static.program_guard(static.Program(), static.Program()):
        fetches = list(build(paddle, description).values())
        feeds = description["feeds"]
        logarithms = [name for op in description["ops"] if op["type"] == "log_softmax" for name in op["outputs"]["Out"]]
        wanted = static.Executor(paddle.CPUPlace()).run(feed=feeds, fetch_list=fetches + logarithms)
        if any(values.size and values.min() <= -64 for values in wanted[len(fetches):]):
            return False  # where Paddle's log_softmax ends
        wanted = wanted[:len(fetches)]
        try:
            data = _core.OnnxModel(static.default_main_program(), list(feeds), fetches).serialize(opset)
        except NotImplementedError as error:
            assert "no ONNX form for" in str(error)
            return False
    onnx.checker.check_model(data, full_check=True)
    try:
        session = runtime.InferenceSession(data, providers=["CPUExecutionProvider"])
    except Exception as error:  # noqa: BLE001  the runtime's own types
        if "NOT_IMPLEMENTED" not in str(error):
            raise
        return False
    found = session.run(None, {one.name: feeds[one.name] for one in session.get_inputs()})
    for name, ours, theirs in zip(fetches, wanted, found, strict=True):
        assert (ours.dtype, ours.shape) == (theirs.dtype, theirs.shape), name
        if ours.dtype.kind == "f":
            finite = np.isfinite(ours)
            largest = max(np.abs(ours[finite]).max() if finite.any() else 0, 0.01)
            np.testing.assert_allclose(theirs, ours, rtol=2e-4, atol=2e-4 * largest, err_msg=name)
        else:
            np.testing.assert_array_equal(theirs, ours, err_msg=name)
    return True


@pytest.mark.parametrize("op_type", [op for op in MAPPED if op not in DIFFERENT])
def test_one_operator(op_type):
    compared = []

    @started(op_type)
    @draws(2 * DRAWN)
    @given(st.data())
    def drawn(data):
        compared.append(compare(of_one(data.draw, op_type), data.draw(OPSETS)))

    drawn()
    if not any(compared):
        pytest.skip("every program drawn has something without an ONNX form or a kernel in ONNX Runtime")


def test_programs_of_several_operators():
    compared = []

    @started("several")
    @draws(20 * DRAWN)
    @given(st.data())
    def drawn(data):
        compared.append(compare(of_several(data.draw), data.draw(OPSETS)))

    drawn()
    assert sum(compared) > len(compared) / 2
