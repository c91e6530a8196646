"""Small detectors that real Paddle built and saved: skiff loads them and finds the same boxes.

Boxes are compared as sets: scores that are nearly equal may come in another order.
"""
import numpy as np
import pytest

from under_test import FIXTURES, load

paddle = load()
FOLDER = FIXTURES / "detectors"


def in_order(rows, counts):
    """The rows of each image sorted by label, then score, then box."""
    ends = np.cumsum(counts)
    return [np.array(sorted(np.round(rows[end - count:end], 4).tolist())) for end, count in zip(ends, counts)]


@pytest.mark.parametrize("name", ["yolo", "ssd", "rcnn"])
def test_a_detector_finds_what_paddle_found(name):
    with np.load(FOLDER / (name + ".npz")) as archive:
        arrays = {key: archive[key] for key in archive.files}
    with paddle.static.scope_guard(paddle.static.Scope()):
        exe = paddle.static.Executor(paddle.CPUPlace())
        program, feed_names, fetches = paddle.static.load_inference_model(str(FOLDER / name), exe)
        for run in range(2):
            feed = {key: arrays[f"in{run}__{key}"] for key in feed_names}
            outputs = exe.run(program, feed=feed, fetch_list=fetches, return_numpy=False)
            ours, paddles = np.array(outputs[0]), arrays[f"out{run}__0"]
            assert ours.shape == paddles.shape
            if f"lod{run}__0" in arrays:
                assert outputs[0].lod()[0] == arrays[f"lod{run}__0"].tolist()
                counts = np.diff(arrays[f"lod{run}__0"])
            else:
                counts = arrays[f"out{run}__1"]
                np.testing.assert_array_equal(np.array(outputs[1]), counts)
            assert counts.sum() > 0
            for mine, theirs in zip(in_order(ours, counts), in_order(paddles, counts)):
                np.testing.assert_allclose(mine, theirs, rtol=1e-3, atol=2e-3)
