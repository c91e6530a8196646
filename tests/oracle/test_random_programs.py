"""Random programs, run by skiff and by real Paddle 2.6.2: outputs and gradients must agree.

SKIFF_ORACLE_DRAWS says how many programs are drawn for each operator, and ten times as many of several operators
(default 2; scripts/soak.sh takes 50). Draws are the same in every run unless SKIFF_ORACLE_SEED names another start.
"""
import os
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest

hypothesis = pytest.importorskip("hypothesis", reason="hypothesis is not installed; scripts/install.sh does it")
from hypothesis import HealthCheck, given, seed, settings, strategies as st  # noqa: E402

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "interop"))
import operator_cases  # noqa: E402
import oracle as oracles  # noqa: E402
import skiff  # noqa: E402
from known_disagreements import excused  # noqa: E402
from operators import DRAWS, SMOOTH  # noqa: E402
from run_description import run  # noqa: E402

pytestmark = pytest.mark.skipif(not oracles.PYTHON, reason="set SKIFF_PADDLE_PYTHON to a Python interpreter that has paddlepaddle 2.6.2")
DRAWN = int(os.environ.get("SKIFF_ORACLE_DRAWS", "2"))
START = int(os.environ.get("SKIFF_ORACLE_SEED", "0"))
TOLERANCE = {"float16": 4e-3, "float32": 2e-4, "float64": 1e-7}
# without second gradients: Paddle's append_op knows no operator that is a gradient
RECORDED = {name: case for name, case in operator_cases.load_all().items() if case["family"] != "second"}
# Inputs with a structure that other values would break.
AS_RECORDED = {"cholesky", "cholesky_solve", "triangular_solve", "lu", "svd", "eigh", "eig", "eigvals", "eigvalsh", "qr", "warpctc", "warprnnt",
               "cross_entropy", "cross_entropy2", "bce_loss", "kldiv_loss", "dirichlet", "multinomial", "linear_chain_crf",
               "roi_align", "mine_hard_examples", "im2sequence",
               "unique"}  # which of equal slices gives its index follows a sorting algorithm
# Two paths of equal weight, and rounding would choose: what is drawn is shaken a little.
TIES = {"crf_decoding"}
RANDOM = {"gaussian_random", "uniform_random", "truncated_gaussian_random", "randint", "randperm", "bernoulli", "multinomial", "dropout", "poisson",
          "exponential", "dirichlet", "gumbel_softmax", "rrelu", "sampling_id", "shuffle_batch", "random_crop"}
# Paddle declares an output of theirs with a shape it does not have, and refuses gradients of the one it has.
REFUSED = {"warpctc", "warprnnt", "segment_pool", "graph_send_recv", "graph_send_ue_recv", "graph_send_uv", "affine_grid"}
# The same where the shape comes from a variable.
UNSHAPED = {"crop_offsets", "crop_tensor_lists", "crop_tensor_tensors", "expand_list", "expand_tensor", "pad3d_tensor",
            *(f"{method}_interp_v2_{form}" for method in ("bicubic", "bilinear", "nearest") for form in ("list", "tensor"))}


def draws(count):
    return settings(max_examples=count, deadline=None, database=None, suppress_health_check=list(HealthCheck), print_blob=False)


@pytest.fixture(scope="module")
def oracle():
    asked = oracles.Oracle(os.environ.get("SKIFF_ORACLE_CRASHES", "build/oracle_crashes.jsonl"))
    yield asked
    asked.close()
    if asked.crashes:
        print(f"\nPaddle's process ended {len(asked.crashes)} times; see {asked.record}")


# ---------------------------------------------------------------- descriptions
def values(random, shape, low, high, integer, dtype):
    """Two decimals, never 0, all different where there is room: no ties, no kinks."""
    if integer:
        return random.randint(low, high, shape).astype("int64")
    size = int(np.prod(shape))
    grid = np.linspace(low, high, max(2 * size + 7, 50))
    grid = grid[np.abs(grid) > 0.02] + 0.003
    return random.choice(grid, size, replace=False).reshape(shape).astype(dtype)


def append(description, random, op_type, piece, given_name, dtype):
    """Adds an operator to the description; the name and shape of its main output."""
    number = len(description["ops"])

    def feed(name, shape, low, high, integer):
        description["feeds"][name] = values(random, shape, low, high, integer, dtype)
        if not integer:
            description["wanted"].append(name)
        return name

    main = [given_name or feed(f"x{number}", piece.shape, piece.low, piece.high, False)]
    main += [feed(f"x{number}_{k}", piece.shape, piece.low, piece.high, False) for k in range(1, piece.repeat)]
    inputs = {piece.slot: main}
    for slot, (shape, low, high, integer) in piece.others.items():
        inputs[slot] = [feed(f"{slot.lower()}{number}", shape, low, high, integer)]
    outputs = {slot: [f"{slot.lower()}_out{number}"] for slot in piece.outputs}
    description["ops"].append({"type": op_type, "inputs": inputs, "outputs": outputs, "attrs": piece.attrs, "dtype": dtype})
    slot = next(iter(piece.outputs))
    return outputs[slot][0], piece.outputs[slot]


def empty():
    return {"feeds": {}, "ops": [], "fetches": [], "targets": [], "wanted": [], "seeds": {}}


def finish(description, random, name, shape, dtype):
    description["fetches"] = description["targets"] = [name]
    description["seeds"] = {name: values(random, shape, -1, 1, False, dtype)}
    return description


def of_one(draw, op_type):
    random, dtype = np.random.RandomState(draw(st.integers(0, 2**31))), draw(st.sampled_from(["float32", "float64"]))
    description = empty()
    name, shape = append(description, random, op_type, DRAWS[op_type](draw, None), None, dtype)
    return finish(description, random, name, shape, dtype)


def of_several(draw):
    """A chain of 2 to 6; float64, so that rounding stays far below what a wrong kernel changes."""
    random = np.random.RandomState(draw(st.integers(0, 2**31)))
    description, name, shape = empty(), None, None
    known = sorted(op for op in SMOOTH if skiff._core.has_op(op))
    for _ in range(draw(st.integers(2, 6))):
        op_type = draw(st.sampled_from(known))
        piece = DRAWS[op_type](draw, shape)
        if name is not None and tuple(piece.shape) != tuple(shape):
            continue  # it cannot follow: its rank is too small, say
        if np.prod(piece.outputs[next(iter(piece.outputs))]) > 2000:
            continue
        name, shape = append(description, random, op_type, piece, name, "float64")
    return finish(description, random, name, shape, "float64")


def of_recorded(draw, case):
    """A recorded case with other values: each array mixed with a permutation of itself stays within its range."""
    random = np.random.RandomState(draw(st.integers(0, 2**31)))
    keep = case["op"] in AS_RECORDED
    description = empty()
    inputs = {}
    for slot, arrays in case["inputs"].items():
        inputs[slot] = []
        for k, array in enumerate(arrays):
            name = f"{slot}_{k}"
            if array.size and not keep:
                array = random.permutation(array.ravel()).reshape(array.shape)
                if case["op"] in TIES and array.dtype.kind == "f":
                    array = (array * random.uniform(0.99, 1.01, array.shape)).astype(array.dtype)
            description["feeds"][name] = array
            inputs[slot].append(name)
            if array.dtype.kind == "f" and case["gradient"]:
                description["wanted"].append(name)
    outputs = {slot: inputs[kind] if isinstance(kind, str) else [f"{slot}_out_{k}" for k in range(kind or 1)] for slot, kind in case["outputs"].items()}
    description["ops"] = [{"type": case["op"], "inputs": inputs, "outputs": outputs, "attrs": case["attrs"]}]
    description["fetches"] = [name for slot, names in outputs.items() if case["outputs"][slot] is not None for name in names]
    return description


# ---------------------------------------------------------------- comparison
def agree(ours, theirs, what, description):
    for name in sorted(set(ours) | set(theirs)):
        if excused(description, name):
            continue
        assert name in ours, f"{what}: Paddle gives {name}, skiff does not"
        assert name in theirs, f"{what}: skiff gives {name}, Paddle does not"
        a, b = ours[name], theirs[name]
        assert (a.dtype, a.shape) == (b.dtype, b.shape), f"{what}: {name} is {a.dtype} {a.shape}, Paddle's {b.dtype} {b.shape}"
        if b.dtype.kind not in "fc":
            np.testing.assert_array_equal(a, b, err_msg=f"{what}: {name}")
            continue
        finite = np.isfinite(b)
        # What terms of about 1 leave when they cancel is rounding: below 0.01 differences count absolutely.
        largest = max(np.abs(b[finite]).max() if finite.any() else 0, 0.01)
        tolerance = TOLERANCE.get(str(b.dtype), 2e-4)
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance * largest, err_msg=f"{what}: {name}")


def compare(oracle, description, saved):
    """Raises where skiff and Paddle disagree. Where Paddle refuses, skiff may do either; then the answer is why."""
    program = str(Path(oracle.folder.name) / "program.pdmodel") if saved else None
    try:
        ours, fetches = run(skiff, description, program)
        refusal = None
    except Exception as error:  # noqa: BLE001  judged below
        refusal = error
    try:
        theirs, of_saved = oracle.ask(description, None if refusal else program, None if refusal else fetches)
    except (oracles.Refused, oracles.Crashed) as error:
        return str(error)
    if refusal is not None:
        raise AssertionError(f"Paddle computes what skiff refuses: {refusal}") from refusal
    agree(ours, theirs, "built by each", description)
    if of_saved is not None:
        agree(ours, of_saved, "skiff's program run by Paddle", description)
    return None


def judge(answers):
    """A test of which Paddle computed nothing has tested nothing."""
    assert None in answers, f"Paddle computed none of the {len(answers)} programs drawn: {answers[0]}"


def started(name):
    return seed(zlib.crc32(f"{START} {name}".encode()))


@pytest.mark.parametrize("op_type", sorted(DRAWS))
def test_one_operator(op_type, oracle):
    if not skiff._core.has_op(op_type):
        pytest.skip(f"skiff does not have {op_type} yet")

    answers = []

    @started(op_type)
    @draws(DRAWN)
    @given(st.data())
    def drawn(data):
        answers.append(compare(oracle, of_one(data.draw, op_type), saved=True))

    drawn()
    judge(answers)


@pytest.mark.parametrize("name", sorted(name for name, case in RECORDED.items() if case["op"] not in RANDOM | REFUSED and name not in UNSHAPED and not case["lods"]))
def test_recorded_cases_with_other_values(name, oracle):
    case = RECORDED[name]
    if not skiff._core.has_op(case["op"]):
        pytest.skip(f"skiff does not have {case['op']} yet")
    same_op = sum(other["op"] == case["op"] for other in RECORDED.values())

    answers = []

    @started(name)
    @draws(max(1, -(-DRAWN // same_op)))
    @given(st.data())
    def drawn(data):
        answers.append(compare_recorded(oracle, of_recorded(data.draw, case), case))

    drawn()
    judge(answers)


def compare_recorded(oracle, description, case):
    """Targets are the case's, else the floating outputs, which a run without gradients tells."""
    plain = {**description, "wanted": []}
    try:
        values_of, _ = run(skiff, plain)
    except Exception:  # noqa: BLE001  compare says whether Paddle refuses as well
        return compare(oracle, plain, saved=False)
    overwritten = {name for names in description["ops"][0]["inputs"].values() for name in names}
    slots = description["ops"][0]["outputs"]
    candidates = [name for slot in case["targets"] for name in slots[slot]] if case["targets"] else description["fetches"]
    targets = [name for name in candidates if values_of[name].dtype.kind == "f" and name not in overwritten]
    random = np.random.RandomState(1)
    seeds = {name: values(random, values_of[name].shape, -1, 1, False, str(values_of[name].dtype)) for name in targets}
    has_gradient = skiff._core.op_info(description["ops"][0]["type"])["has_gradient"]
    return compare(oracle, {**description, "targets": targets, "seeds": seeds, "wanted": description["wanted"] if has_gradient else []}, saved=False)


def test_programs_of_several_operators(oracle):
    answers = []

    @started("several")
    @draws(10 * DRAWN)
    @given(st.data())
    def drawn(data):
        answers.append(compare(oracle, of_several(data.draw), saved=True))

    drawn()
    judge(answers)
    refused = [answer for answer in answers if answer is not None]
    assert len(refused) <= len(answers) // 4, f"Paddle computed only {len(answers) - len(refused)} of {len(answers)}: {refused[0]}"


def test_a_crash_of_paddles_process_is_survived_and_recorded(tmp_path):
    short = oracles.Oracle(tmp_path / "crashes.jsonl")
    description = of_crash()
    short.start()
    short.process.kill()
    with pytest.raises(oracles.Crashed):
        short.ask(description)
    assert '"relu"' in (tmp_path / "crashes.jsonl").read_text()
    theirs, _ = short.ask(description)
    assert theirs["out"].tolist() == [0.0, 2.0]
    short.close()


def of_crash():
    return {**empty(), "feeds": {"x": np.array([-1, 2], "float32")}, "fetches": ["out"],
            "ops": [{"type": "relu", "inputs": {"X": ["x"]}, "outputs": {"Out": ["out"]}, "attrs": {}}]}
