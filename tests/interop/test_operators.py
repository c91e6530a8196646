"""Every operator, alone in a program, computes what Paddle computes, and so does its gradient.

SKIFF_UNDER_TEST=paddle runs the same cases with real Paddle.
"""
import functools
import json

import numpy as np
import pytest

from operator_run import run
from under_test import FIXTURES, load

paddle = load()
CASES = {case["name"]: case for index in sorted((FIXTURES / "ops").glob("*.json")) for case in json.loads(index.read_text())}
WITH_GRADIENT = [name for name, case in CASES.items() if case["gradients"]]
# relative to the largest value of the array; products and exponentials of float32 round that much
TOLERANCE = {"float16": 2e-3, "float32": 2e-5, "float64": 1e-10, "complex64": 2e-5, "complex128": 1e-10}


@functools.lru_cache(maxsize=None)
def family(name):
    with np.load(FIXTURES / "ops" / (name + ".npz")) as archive:
        return {key: archive[key] for key in archive.files}


def recorded(case, part, slot, count):
    arrays = family(case["family"])
    return [arrays[f"{case['name']}/{part}/{slot}/{k}"] for k in range(count)]


def count_of(case, slot):
    """How many arrays an output slot has: its own number, or that of the input it overwrites."""
    kind = case["outputs"][slot]
    return case["inputs"][kind] if isinstance(kind, str) else kind


def computed(name, gradient):
    case = CASES[name]
    inputs = {slot: recorded(case, "in", slot, count) for slot, count in case["inputs"].items()}
    seeds = {slot: recorded(case, "outgrad", slot, count_of(case, slot)) for slot in case["targets"]} if gradient else None
    return run(paddle, {"lods": {}, **case, "inputs": inputs, "gradient": gradient, "targets": case["targets"] or None}, seeds)


def check(ours, paddles, what):
    ours = np.asarray(ours)
    assert (ours.dtype, ours.shape) == (paddles.dtype, paddles.shape), what
    if paddles.dtype.kind not in "fc":
        np.testing.assert_array_equal(ours, paddles, err_msg=what)
        return
    finite = np.isfinite(paddles)
    largest = np.abs(paddles[finite]).max() if finite.any() else 0
    tolerance = TOLERANCE[str(paddles.dtype)]
    np.testing.assert_allclose(ours, paddles, rtol=tolerance, atol=tolerance * largest, err_msg=what)


@pytest.mark.parametrize("name", CASES)
def test_outputs_are_paddles(name):
    case, result = CASES[name], computed(name, gradient=False)
    for slot, kind in case["outputs"].items():
        if kind is not None:
            wanted = recorded(case, "out", slot, count_of(case, slot))
            assert len(result["out"][slot]) == len(wanted), slot
            for ours, paddles in zip(result["out"][slot], wanted):
                check(ours, paddles, slot)
    if "lods" in case:
        assert result["lods"] == case["lods"]


@pytest.mark.parametrize("name", WITH_GRADIENT)
def test_gradients_are_paddles(name):
    case, result = CASES[name], computed(name, gradient=True)
    for slot in case["gradients"]:
        assert slot in result["ingrad"], f"no gradient for {slot}"
        wanted = recorded(case, "ingrad", slot, case["inputs"][slot])
        assert len(result["ingrad"][slot]) == len(wanted), slot
        for ours, paddles in zip(result["ingrad"][slot], wanted):
            check(ours, paddles, slot + "@GRAD")
