"""Indexing by positions and masks, setitem, counting and drawing."""
import numpy as np
import pytest

import skiff as paddle


def run(build, feed=None):
    """The values of the variables that `build` returns."""
    main = paddle.static.Program()
    with paddle.static.program_guard(main, paddle.static.Program()):
        fetches = build()
        fetches = list(fetches) if isinstance(fetches, (list, tuple)) else [fetches]
        return paddle.static.Executor(paddle.CPUPlace()).run(main, feed=feed or {}, fetch_list=fetches)


X = np.arange(24, dtype="float32").reshape(2, 3, 4)


def data(name, value):
    return paddle.static.data(name, list(value.shape), str(value.dtype))


@pytest.mark.parametrize("key", [([0, 1, 1],), (slice(None), [2, 0]), (1, [0, 2]), (slice(None), slice(None), np.array([3, 0])),
                                 ([[0, 1], [1, 0]],), (None, 0, [1, 2])])
def test_positions_are_numpys(key):
    index = tuple(np.array(k) if isinstance(k, list) else k for k in key)
    np.testing.assert_array_equal(run(lambda: data("x", X)[key], {"x": X})[0], X[index])


def test_masks_are_numpys():
    mask = X > 7
    out, rows = run(lambda: (data("x", X)[data("m", mask)], data("x2", X)[[True, False]]), {"x": X, "m": mask, "x2": X})
    np.testing.assert_array_equal(out, X[mask])
    np.testing.assert_array_equal(rows, X[[True, False]])


@pytest.mark.parametrize("key", [0, (slice(None), 1), (slice(None, None, 2), Ellipsis, -1), (slice(None), slice(None, None, -1)),
                                 ([0, 1], [1, 2]), ([1],), (slice(None), [0, 2]), (1, [0, 2]), X > 20, (Ellipsis, slice(1, 3))])
@pytest.mark.parametrize("value", [5, -1.5])
def test_setitem_is_numpys(key, value):
    wanted = X.copy()
    wanted[key] = value
    np.testing.assert_array_equal(run(lambda: paddle.static.setitem(data("x", X), key, value), {"x": X})[0], wanted)


def test_setitem_takes_variables_and_has_a_gradient():
    v = np.array([1, 2, 3, 4], "float32")

    def build():
        x, value, at = data("x", X), data("v", v), paddle.static.data("at", [], "int64")
        x.stop_gradient = value.stop_gradient = False
        out = paddle.static.setitem(x, (at, slice(1, None)), value)
        return [out, *paddle.static.gradients([out], [x, value])]
    out, x_grad, v_grad = run(build, {"x": X, "v": v, "at": np.array(1, "int64")})
    wanted = X.copy()
    wanted[1, 1:] = v
    np.testing.assert_array_equal(out, wanted)
    assert x_grad.sum() == 24 - 8 and v_grad.tolist() == [2, 2, 2, 2]


def test_assigning_to_an_index_says_what_to_do():
    with paddle.static.program_guard(paddle.static.Program()), pytest.raises(RuntimeError, match="paddle.static.setitem"):
        data("x", X)[0] = 1.0


def test_counting_and_finding():
    k = np.array([3, 1, 3, 3], "int64")

    def build():
        x = data("x", k)
        return [*paddle.unique(x, return_index=True, return_inverse=True, return_counts=True), *paddle.unique_consecutive(x, return_counts=True),
                paddle.bincount(x, minlength=5), paddle.nonzero(x), paddle.repeat_interleave(x, 2), paddle.masked_fill(x, x == 3, 7)]
    values = [v.tolist() for v in run(build, {"x": k})]
    assert values[:4] == [[1, 3], [1, 0], [1, 0, 1, 1], [1, 3]]
    assert values[4:6] == [[3, 1, 3], [1, 1, 2]]
    assert values[6:] == [[0, 1, 0, 3, 0], [[0], [1], [2], [3]], [3, 3, 1, 1, 3, 3, 3, 3], [7, 1, 7, 7]]


def test_drawing():
    p = np.array([0.0, 1.0, 1.0], "float32")

    def build():
        x = data("p", p)
        return [paddle.bernoulli(x), paddle.multinomial(x, 2), paddle.randperm(6), paddle.randint_like(x, 2, 3), paddle.poisson(x * 0.0)]
    ones, chosen, order, like, none = run(build, {"p": p})
    assert ones.tolist() == [0, 1, 1] and sorted(chosen.tolist()) == [1, 2] and sorted(order.tolist()) == list(range(6))
    assert like.tolist() == [2, 2, 2] and like.dtype == np.float32 and none.tolist() == [0, 0, 0]


def test_nms_by_category_keeps_the_best_of_each():
    boxes = np.array([[0, 0, 9, 9], [0, 0, 9, 8], [0, 0, 9, 7], [50, 50, 60, 60]], "float32")
    scores, kinds = np.array([0.5, 0.9, 0.7, 0.1], "float32"), np.array([0, 0, 1, 1], "int64")

    def build():
        b, s, k = data("b", boxes), data("s", scores), data("k", kinds)
        nms = paddle.vision.ops.nms
        return [nms(b, 0.3, s), nms(b, 0.3, s, k, [0, 1]), nms(b, 0.3, s, k, [0, 1], top_k=2)]
    assert [v.tolist() for v in run(build, {"b": boxes, "s": scores, "k": kinds})] == [[1, 3], [1, 2, 3], [1, 2]]
