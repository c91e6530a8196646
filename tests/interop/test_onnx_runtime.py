"""What ONNX Runtime computes from exported models and operators is what real Paddle computed.

Models are those of test_models.py, test_detectors.py and test_golden.py, operators those of test_operators.py.
"""
import numpy as np
import pytest

onnx, runtime = pytest.importorskip("onnx"), pytest.importorskip("onnxruntime")

import test_models  # noqa: E402
import test_operators  # noqa: E402
from model_cases import CASES as MODELS  # noqa: E402
from operator_run import build, name_of  # noqa: E402
from paddle_process import needs_paddle  # noqa: E402
from test_detectors import in_order  # noqa: E402
from test_golden import CLOSE, INFERENCE, inputs_and_outputs, io  # noqa: E402
from test_models import EXPORTS, RECORDED, exporter  # noqa: E402,F401  exporter is a fixture
from under_test import FIXTURES, GOLDEN, MODULE, load  # noqa: E402

paddle = load()
if MODULE != "skiff":
    pytest.skip("Paddle itself exports no ONNX files", allow_module_level=True)
from skiff import _core  # noqa: E402

OPSETS = (paddle.onnx.MIN_OPSET, paddle.onnx.MAX_OPSET)
# Models that hold operators without an ONNX form, and which.
REFUSED_MODELS = {"ctc": "warpctc", "written_gradient": "pylayer", "lod_tensor/model": "sequence_pool"}
# Outputs without an ONNX form: training alone has a use for them.
LEFT_OUT = {"lrn": ["MidOut"], "rrelu": ["Noise"], "instance_norm": ["SavedMean", "SavedVariance"], "data_norm": ["Means", "Scales"],
            "batch_norm": ["MeanOut", "VarianceOut", "SavedMean", "SavedVariance"], "roi_pool": ["Argmax"], "dropout": ["Mask"],
            "moving_average_abs_max_scale": ["OutScale"]}
# Where ONNX's definition is another one than Paddle's.
DIFFERENT = {"log_softmax_large": "Paddle ends logarithms of probabilities at -64",
             "grid_sampler_nearest_border_edges": "a point midway between two elements"}
FORWARD = [name for name, case in test_operators.CASES.items()
           if case["op"] in paddle.onnx.operators() and "lods" not in case and name not in DIFFERENT]


def session_of(model, opset=OPSETS[0]):
    """The checked model, ready to run."""
    data = model.serialize(opset)
    onnx.checker.check_model(data, full_check=True)
    options = runtime.SessionOptions()
    options.log_severity_level = 4
    return runtime.InferenceSession(data, options, providers=["CPUExecutionProvider"])


def run(session, feed):
    return session.run(None, {one.name: feed[one.name] for one in session.get_inputs()})


def refuses(model, name, opset):
    """Whether the model is one that has no ONNX form; the error then names the operator."""
    if name in REFUSED_MODELS:
        with pytest.raises(NotImplementedError, match="no ONNX form for .*" + REFUSED_MODELS[name]):
            model.serialize(opset)
    return name in REFUSED_MODELS


def check_model(name, folder, opset=OPSETS[0]):
    prefix = str(folder / name)
    model = _core.OnnxModel(prefix, "", "")
    if refuses(model, name, opset):
        return
    session = session_of(model, opset)
    with np.load(prefix + ".npz") as archive:
        arrays = {key: archive[key] for key in archive.files}
    for turn in (0, 1):
        test_models.compare(MODELS[name], run(session, test_models.feed_of(arrays, turn)), arrays, turn, f"opset {opset}")


@pytest.mark.parametrize("opset", OPSETS)
@pytest.mark.parametrize("name", RECORDED)
def test_a_recorded_model_computes_in_onnx_runtime_what_paddle_computed(name, opset):
    check_model(name, FIXTURES / "models", opset)


@needs_paddle
@pytest.mark.parametrize("name, style", EXPORTS)
def test_a_model_exported_now_computes_in_onnx_runtime_what_paddle_computes(name, style, exporter, tmp_path):  # noqa: F811
    exporter.ask(name, style, tmp_path)
    check_model(name, tmp_path, OPSETS[1])


@pytest.mark.parametrize("name", ["yolo", "ssd", "rcnn"])
def test_a_detector_finds_in_onnx_runtime_what_paddle_found(name):
    session = session_of(_core.OnnxModel(str(FIXTURES / "detectors" / name), "", ""))
    with np.load(FIXTURES / "detectors" / (name + ".npz")) as archive:
        arrays = {key: archive[key] for key in archive.files}
    for turn in range(2):
        outputs = run(session, test_models.feed_of(arrays, turn))
        counts = np.diff(arrays[f"lod{turn}__0"]) if f"lod{turn}__0" in arrays else arrays[f"out{turn}__1"]
        if len(outputs) > 1:
            np.testing.assert_array_equal(outputs[1], counts)
        for ours, paddles in zip(in_order(outputs[0], counts), in_order(arrays[f"out{turn}__0"], counts)):
            np.testing.assert_allclose(ours, paddles, rtol=1e-3, atol=2e-3)


@pytest.mark.parametrize("prefix", INFERENCE)
def test_a_golden_model_computes_in_onnx_runtime_what_paddle_recorded(prefix):
    files = INFERENCE[prefix]
    model = _core.OnnxModel(str(GOLDEN / prefix), files.get("model_filename", ""), files.get("params_filename", ""))
    if refuses(model, prefix, OPSETS[0]):
        return
    session = session_of(model)
    feed, wanted = inputs_and_outputs(prefix.split("/")[0])
    for ours, paddles in zip(run(session, feed), wanted, strict=True):
        assert ours.dtype == paddles.dtype
        np.testing.assert_allclose(ours, paddles, **CLOSE)


@pytest.mark.parametrize("folder, outputs", [("static_control_flow", ["z", "y"]), ("jit_control_flow", ["y"])])
def test_a_golden_model_with_branches_and_loops_answers_as_recorded(folder, outputs):
    session, arrays, turn = session_of(_core.OnnxModel(str(GOLDEN / folder / "model"), "", "")), io(folder), 0
    names = [one.name for one in session.get_inputs()]
    while f"x_{turn}" in arrays:
        feed = {name: arrays[f"{key}_{turn}"] for name, key in zip(names, ["x", "n"])}
        for ours, key in zip(run(session, feed), outputs, strict=True):
            np.testing.assert_allclose(ours, arrays[f"{key}_{turn}"], **CLOSE)
        turn += 1
    assert turn > 1


def is_trained(case):
    """Whether the case runs an operator as in training, which export sets to testing."""
    attrs = _core.op_info(case["op"])["attrs"]
    return not {**attrs, **case["attrs"]}.get("is_test", True) and not case["attrs"].get("use_global_stats") and case["op"] not in ("rnn", "norm")


def model_of_case(name, outputs_wanted=None):
    """The case's operator alone in a program, what is fed, and the slots that are fetched."""
    case, static = test_operators.CASES[name], paddle.static
    inputs = {slot: test_operators.recorded(case, "in", slot, count) for slot, count in case["inputs"].items()}
    with static.scope_guard(static.Scope()), paddle.utils.unique_name.guard(), static.program_guard(static.Program(), static.Program()):
        _, outputs = build(paddle, {"lods": {}, **case, "inputs": inputs})
        slots = outputs_wanted or [slot for slot, kind in case["outputs"].items() if kind is not None and slot not in LEFT_OUT.get(case["op"], ())]
        feed = {name_of(slot, k): array for slot, arrays in inputs.items() for k, array in enumerate(arrays)}
        return _core.OnnxModel(static.default_main_program(), list(feed), [var for slot in slots for var in outputs[slot]]), feed, slots


def check_case(name, opset):
    case = test_operators.CASES[name]
    model, feed, slots = model_of_case(name)
    try:
        model.serialize(opset)
    except NotImplementedError as error:
        assert f"no ONNX form for {case['op']} (" in str(error) or '" (complex numbers) at block 0' in str(error)  # with a reason
        pytest.skip(str(error).splitlines()[0])
    try:
        found = run(session_of(model, opset), feed)
    except Exception as error:  # noqa: BLE001  the runtime's own types
        if "NOT_IMPLEMENTED" not in str(error) and "does not support double" not in str(error):
            raise
        pytest.skip("ONNX Runtime has no kernel for this dtype")
    wanted = [array for slot in slots for array in test_operators.recorded(case, "out", slot, test_operators.count_of(case, slot))]
    for ours, paddles in zip(found, wanted, strict=True):
        assert (ours.dtype, ours.shape) == (paddles.dtype, paddles.shape)
        if paddles.dtype.kind == "f":
            tolerance = 4e-3 if paddles.dtype == np.float16 else 1e-4
            np.testing.assert_allclose(ours, paddles, rtol=tolerance, atol=tolerance)
        else:
            np.testing.assert_array_equal(ours, paddles)


TESTED = [name for name in FORWARD if not is_trained(test_operators.CASES[name])]


@pytest.mark.parametrize("opset", OPSETS)
@pytest.mark.parametrize("name", TESTED)
def test_an_operator_computes_in_onnx_runtime_what_paddle_computed(name, opset):
    check_case(name, opset)


@pytest.mark.parametrize("free", ["first", "every"])
@pytest.mark.parametrize("name", TESTED)
def test_an_operator_computes_the_same_where_extents_are_unknown(name, free, monkeypatch):
    declare = paddle.static.data

    def with_unknown(name, shape, *rest):
        return declare(name, [-1, *shape[1:]] if free == "first" and len(shape) else [-1] * len(shape), *rest)

    monkeypatch.setattr(paddle.static, "data", with_unknown)
    try:
        model_of_case(name)
    except ValueError as error:
        pytest.skip(f"the operator asks for the extent: {str(error).splitlines()[0]}")
    if "squeeze2_not_one" in name:
        pytest.skip("an axis that turns out not to be 1 is an error in ONNX; Paddle leaves it")
    check_case(name, OPSETS[1])


def test_most_operator_cases_have_an_onnx_form():
    """So that a form which begins to refuse everything is seen."""
    refused = 0
    for name in FORWARD:
        outputs = test_operators.CASES[name]["outputs"]
        try:
            model_of_case(name, [next(slot for slot, kind in outputs.items() if kind is not None)])[0].serialize(OPSETS[1])
        except NotImplementedError as error:
            refused += "(complex numbers)" not in str(error)  # which have none outside a model
    assert refused < 0.08 * len(FORWARD)
