"""nanmedian, row_conv and the fused functions of paddle.incubate: values, names, and gradients of gradients."""
import numpy as np
import pytest
import skiff as paddle
from skiff import static


@pytest.fixture(autouse=True)
def programs():
    with static.scope_guard(static.Scope()), paddle.utils.unique_name.guard(), static.program_guard(static.Program(), static.Program()):
        yield


def run(feed, *outputs):
    exe = static.Executor(paddle.CPUPlace())
    exe.run(static.default_startup_program())
    return exe.run(feed=feed, fetch_list=list(outputs))


def test_nanmedian_over_an_axis_and_over_everything():
    x = static.data("x", [2, 3])
    one, everything = paddle.nanmedian(x, 1), paddle.nanmedian(x, keepdim=True)
    assert one.name == "nanmedian_0.tmp_0"
    first, second = run({"x": np.array([[1, np.nan, 3], [9, 8, 7]], "float32")}, one, everything)
    np.testing.assert_array_equal(first, [2, 8])
    np.testing.assert_array_equal(second, [[7]])
    with pytest.raises(ValueError):
        paddle.nanmedian(x, [])


def test_row_conv_looks_ahead():
    x = static.data("x", [1, 3, 2])
    out = static.nn.row_conv(x, 1, paddle.ParamAttr(initializer=paddle.nn.initializer.Constant(1.0)))
    (values,) = run({"x": np.arange(6, dtype="float32").reshape(1, 3, 2)}, out)
    np.testing.assert_array_equal(values, [[[2, 4], [6, 8], [4, 5]]])


def test_masked_softmax_is_the_softmax_of_the_sum():
    x, mask = static.data("x", [1, 2, 3, 3]), static.data("mask", [1, 1, 3, 3])
    fused, plain = paddle.incubate.softmax_mask_fuse(x, mask), paddle.nn.functional.softmax(x + mask)
    causal = paddle.incubate.softmax_mask_fuse_upper_triangle(x)
    random = np.random.RandomState(0)
    given = {"x": random.rand(1, 2, 3, 3).astype("float32"), "mask": random.rand(1, 1, 3, 3).astype("float32")}
    a, b, c = run(given, fused, plain, causal)
    np.testing.assert_allclose(a, b, rtol=1e-6)
    np.testing.assert_allclose(c.sum(-1), np.ones((1, 2, 3)), rtol=1e-6)
    assert (np.triu(c[0, 0], 1) == 0).all()


def test_a_gradient_penalty_through_two_layers():
    x = static.data("x", [4, 3])
    x.stop_gradient = False
    w = static.data("w", [3, 5])
    w.stop_gradient = False
    out = paddle.sum(paddle.tanh(paddle.matmul(x, w)))
    (dx,) = static.gradients([out], [x])
    penalty = paddle.sum(dx * dx)
    (dw,) = static.gradients([penalty], [w])
    random = np.random.RandomState(1)
    given = {"x": random.randn(4, 3).astype("float32"), "w": random.randn(3, 5).astype("float32")}

    def value(w64):
        t = np.tanh(given["x"].astype("float64") @ w64)
        return (((1 - t * t) @ w64.T) ** 2).sum()

    (ours,) = run(given, dw)
    numeric = np.zeros((3, 5))
    for i in range(3):
        for j in range(5):
            step = np.zeros((3, 5))
            step[i, j] = 1e-5
            numeric[i, j] = (value(given["w"] + step) - value(given["w"] - step)) / 2e-5
    np.testing.assert_allclose(ours, numeric, rtol=1e-3, atol=1e-3)
