"""nn.functional.rnnt_loss against all alignments, one by one."""
import itertools

import numpy as np
import pytest
import skiff as paddle
from skiff import static

F = paddle.nn.functional


def probability(log_p, labels, blank):
    """Of all ways to put labels among the blanks; the last blank ends the sequence."""
    steps, total = len(log_p), 0.0
    for places in itertools.combinations(range(steps - 1 + len(labels)), len(labels)):
        t = u = 0
        way = 0.0
        for i in range(steps - 1 + len(labels)):
            if i in places:
                way, u = way + log_p[t, u, labels[u]], u + 1
            else:
                way, t = way + log_p[t, u, blank], t + 1
        total += np.exp(way + log_p[t, u, blank])
    return total


def test_the_loss_is_that_of_all_alignments(evaluate):
    x = static.data("x", [2, 4, 3, 5])
    label, steps, counts = (paddle.assign(np.array(v, "int32")) for v in ([[1, 3], [4, 0]], [4, 3], [2, 1]))
    log_p = F.log_softmax(x)
    losses = [F.rnnt_loss(log_p, label, steps, counts, blank=2, reduction=kind) for kind in ("none", "sum", "mean")]
    logits = np.random.RandomState(1).randn(2, 4, 3, 5).astype("float32")
    each, total, mean, rows = evaluate([*losses, log_p], x=logits)
    expected = [-np.log(probability(rows[0], [1, 3], 2)), -np.log(probability(rows[1, :3], [4], 2))]
    np.testing.assert_allclose(each, expected, rtol=1e-5)
    np.testing.assert_allclose([total, mean], [sum(expected), sum(expected) / 2], rtol=1e-5)


def test_a_mean_over_a_batch_of_unknown_size(evaluate):
    x = static.data("x", [-1, 1, 1, 2])
    none, ones = static.data("label", [-1, 0], "int32"), [static.data(n, [-1], "int32") for n in ("steps", "counts")]
    got, = evaluate([paddle.nn.RNNTLoss()(x, none, *ones)], x=np.array([[[[-1, -2]]], [[[-3, -4]]]], "float32"),
                    label=np.zeros((2, 0), "int32"), steps=np.ones(2, "int32"), counts=np.zeros(2, "int32"))
    assert got == 2


def test_mistakes_are_named(evaluate):
    x, label = static.data("x", [1, 2, 2, 3]), paddle.assign(np.array([[5]], "int32"))
    two, one = (paddle.assign(np.array([v], "int32")) for v in (2, 1))
    zeros = np.zeros((1, 2, 2, 3), "float32")
    with pytest.raises(IndexError, match="a label is 5; there are 3 classes"):
        evaluate([F.rnnt_loss(x, label, two, one)], x=zeros)
    with pytest.raises(ValueError, match="sequence 0 has 2 steps and 2 labels"):
        evaluate([F.rnnt_loss(x, label, two, two)], x=zeros)
    with pytest.raises(ValueError, match="reduction must be mean, sum or none"):
        F.rnnt_loss(x, label, two, one, reduction="max")
