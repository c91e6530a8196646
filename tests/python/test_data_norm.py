"""static.nn.data_norm: statistics that train."""
import numpy as np
import pytest
import skiff as paddle
from skiff import static

ROWS = np.array([[1, 2, 3, 4], [0, 0, -1, 2], [0.5, -2, 1, 1.5]], "float32")
NAMES = ["dn.batch_size", "dn.batch_sum", "dn.batch_square_sum"]


def test_the_optimizer_moves_the_statistics_by_what_the_batch_adds(exe):
    y = static.nn.data_norm(static.data("x", [-1, 4]), epsilon=0.0)
    paddle.optimizer.SGD(-1.0).minimize(paddle.mean(y * y))
    exe.run(static.default_startup_program())
    size, total, squares = np.full(4, 1e4), np.zeros(4), np.full(4, 1e4)
    for _ in range(3):
        got = exe.run(feed={"x": ROWS}, fetch_list=[y])[0]
        mean = total / size
        np.testing.assert_allclose(got, (ROWS - mean) * np.sqrt(size / squares), rtol=1e-5, atol=1e-6)
        size, total, squares = size + 3, total + ROWS.sum(0), squares + ((ROWS - mean) ** 2).sum(0)
        for name, expected in zip(NAMES, (size, total, squares)):
            np.testing.assert_allclose(np.array(static.global_scope().find_var(name).get_tensor()), expected, rtol=1e-6)


def test_a_slot_that_was_not_shown_becomes_zero(evaluate):
    got, = evaluate([static.nn.data_norm(static.data("x", [-1, 4]), slot_dim=2, act="relu")], x=ROWS)
    np.testing.assert_allclose(got, [[1, 2, 3, 4], [0, 0, 0, 2], [0.5, 0, 1, 1.5]])


def test_first_values_are_given_by_a_dict(evaluate):
    first = {"batch_size": 4.0, "batch_sum": 2.0, "batch_square": 16.0, "scale_w": 3.0, "bias": 0.25}
    y = static.nn.data_norm(static.data("x", [-1, 4]), param_attr=first, enable_scale_and_shift=True, name="wide")
    np.testing.assert_allclose(evaluate([y], x=ROWS)[0], (ROWS - 0.5) * 0.5 * 3 + 0.25)
    assert [p.name for p in static.default_main_program().all_parameters()] == [
        "wide.scale_w", "wide.bias", "wide.batch_size", "wide.batch_sum", "wide.batch_square_sum"]


def test_what_it_does_not_take_is_named():
    with pytest.raises(ValueError, match=r"epsilon is 0.01; it must be in \[0, 0.001\]"):
        static.nn.data_norm(static.data("x", [-1, 4]), epsilon=0.01)
    with pytest.raises(ValueError, match=r"expected \[rows, columns\]"):
        static.nn.data_norm(static.data("image", [-1, 3, 2, 2]), name="image")
