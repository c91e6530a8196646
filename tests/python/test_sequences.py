"""Sequences from feeds through operators into fetches, and recurrent layers."""
import numpy as np
import pytest

import skiff as paddle
from skiff import base, static


def run(build, feed, return_numpy=True):
    main, startup = static.Program(), static.Program()
    with static.scope_guard(static.Scope()), static.program_guard(main, startup), paddle.utils.unique_name.guard():
        fetches = build()
        exe = static.Executor(paddle.CPUPlace())
        exe.run(startup)
        return exe.run(main, feed=feed, fetch_list=list(fetches), return_numpy=return_numpy)


def rows(lengths, width=2):
    count = sum(lengths)
    return base.create_lod_tensor(np.arange(count * width, dtype="float32").reshape(count, width), [lengths], paddle.CPUPlace())


def test_sequences_pass_through_layers_and_segments():
    def build():
        x = static.data("x", [None, 2], lod_level=1)
        hidden = static.nn.fc(x, 3, activation="relu")
        turned = static.nn.sequence_reverse(hidden)
        return hidden, static.nn.sequence_reverse(turned * 1.0), static.nn.sequence_pool(turned, "sum")
    hidden, again, pooled = run(build, {"x": rows([2, 3])}, return_numpy=False)
    assert hidden.lod() == again.lod() == [[0, 2, 5]]
    assert hidden.recursive_sequence_lengths() == [[2, 3]]
    assert pooled.lod() == []
    np.testing.assert_array_equal(np.asarray(hidden), np.asarray(again))
    np.testing.assert_allclose(np.asarray(pooled), [np.asarray(hidden)[:2].sum(0), np.asarray(hidden)[2:].sum(0)], rtol=1e-5)


def test_other_lengths_need_no_other_program():
    main, startup = static.Program(), static.Program()
    with static.program_guard(main, startup), paddle.utils.unique_name.guard():
        out = static.nn.sequence_pool(static.data("x", [None, 2], lod_level=1), "average")
    exe = static.Executor(paddle.CPUPlace())
    for lengths in ([2, 3], [1, 4], [5]):
        got = exe.run(main, feed={"x": rows(lengths)}, fetch_list=[out])[0]
        parts = np.split(np.arange(10, dtype="float32").reshape(5, 2), np.cumsum(lengths)[:-1])
        np.testing.assert_allclose(got, [part.mean(0) for part in parts], rtol=1e-6)


def test_an_array_without_sequences_is_refused():
    with pytest.raises(ValueError, match="has no sequences"):
        run(lambda: [static.nn.sequence_pool(static.data("x", [None, 2], lod_level=1), "sum")], {"x": np.zeros([2, 2], "float32")})


def test_pad_and_unpad_undo_each_other():
    def build():
        x = static.data("x", [None, 2], lod_level=1)
        padded, length = static.nn.sequence_pad(x, paddle.full([1], 9.0))
        return padded, length, static.nn.sequence_unpad(padded, length)
    padded, length, back = run(build, {"x": rows([1, 2])}, return_numpy=False)
    assert np.asarray(padded).tolist() == [[[0, 1], [9, 9]], [[2, 3], [4, 5]]]
    assert np.asarray(length).tolist() == [1, 2] and back.lod() == [[0, 1, 3]]


@pytest.mark.parametrize("layer, cell", [("LSTM", "LSTMCell"), ("GRU", "GRUCell"), ("SimpleRNN", "SimpleRNNCell")])
def test_layers_agree_with_their_cells(layer, cell):
    def build():
        x = static.data("x", [None, 3, 2])
        layers = getattr(paddle.nn, layer)(2, 4)
        step = getattr(paddle.nn, cell)(2, 4)
        step.weight_ih, step.weight_hh, step.bias_ih, step.bias_hh = layers._weights
        out, states = layers(x)
        state, outs = None, []
        for t in range(3):
            h, state = step(x[:, t], state)
            outs.append(h)
        last = states[0] if layer == "LSTM" else states
        return out, paddle.stack(outs, axis=1), last
    out, stepped, last = run(build, {"x": np.random.RandomState(0).rand(5, 3, 2).astype("float32")})
    np.testing.assert_allclose(out, stepped, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(last[0], out[:, -1], rtol=1e-6)


def test_ctc_loss_of_equal_classes():
    def build():
        logits, labels = static.data("logits", [2, 1, 2]), static.data("labels", [1, 1], "int32")
        steps, count = static.data("steps", [1], "int64"), static.data("count", [1], "int64")
        return [paddle.nn.functional.ctc_loss(logits, labels, steps, count, reduction="none")]
    feed = {"logits": np.zeros([2, 1, 2], "float32"), "labels": np.array([[1]], "int32"), "steps": np.array([2]), "count": np.array([1])}
    np.testing.assert_allclose(run(build, feed)[0], [-np.log(0.75)], rtol=1e-6)
