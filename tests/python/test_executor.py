"""Feeding, fetching, and what a run costs Python."""
import threading

import numpy as np
import pytest
import skiff as paddle

static = paddle.static


def test_any_variable_can_be_fetched_and_fed(exe):
    x = static.data("x", [None, 2])
    h = x * 2.0
    y = h + 1.0
    feed = np.array([[1, 2]], "float32")
    assert exe.run(feed={"x": feed}, fetch_list=[h, y.name])[1].tolist() == [[3, 5]]
    assert exe.run(feed={h.name: feed}, fetch_list=[y])[0].tolist() == [[2, 3]]


def test_a_fetched_array_outlives_everything_else(exe):
    x = static.data("x", [3])
    (out,) = exe.run(feed={"x": np.ones(3, "float32")}, fetch_list=[x + 1.0])
    exe.close()
    exe.run(feed={"x": np.zeros(3, "float32")}, fetch_list=[x])
    assert out.tolist() == [2, 2, 2]


def test_feeds_need_not_lie_in_c_order(exe):
    x = static.data("x", [2, 3])
    a = np.arange(6, dtype="float32").reshape(3, 2).T
    assert exe.run(feed={"x": a}, fetch_list=[x * 1.0])[0].tolist() == a.tolist()


def test_lists_are_fed_in_the_declared_dtype(exe):
    x = static.data("x", [2], "float32")
    assert exe.run(feed={"x": [1, 2]}, fetch_list=[x * 1.0])[0].dtype == np.float32


def test_scalars_stay_zero_dimensional(exe):
    x = static.data("x", [])
    (out,) = exe.run(feed={"x": np.array(3.0, "float32")}, fetch_list=[x * 2.0])
    assert out.shape == () and float(out) == 6.0


def test_bfloat16_travels_as_uint16(exe):
    x = static.data("x", [2], "bfloat16")
    bits = np.array([0x3F80, 0x4000], "uint16")
    (out,) = exe.run(feed={"x": bits}, fetch_list=[x])
    assert out.dtype == np.uint16 and out.tolist() == bits.tolist()


def test_a_feed_of_another_dtype_raises_value_error_naming_it(exe):
    x = static.data("image", [2])
    with pytest.raises(ValueError, match="image.*float64"):
        exe.run(feed={"image": np.zeros(2)}, fetch_list=[x * 1.0])


def test_a_feed_the_program_does_not_have_is_a_warning(exe):
    x = static.data("x", [1])
    with pytest.warns(UserWarning, match="label"):
        exe.run(feed={"x": np.ones(1, "float32"), "label": np.ones(1)}, fetch_list=[x * 1.0])


def test_without_return_numpy_fetches_are_tensors(exe):
    x = static.data("x", [2])
    (out,) = exe.run(feed={"x": np.ones(2, "float32")}, fetch_list=[x * 3.0], return_numpy=False)
    assert np.asarray(out).tolist() == [3, 3] and out.recursive_sequence_lengths() == []


def test_sequence_lengths_and_offsets_are_the_same_thing():
    t = paddle.base.core.LoDTensor()
    t.set(np.zeros([5, 1], "float32"), paddle.CPUPlace())
    t.set_recursive_sequence_lengths([[2, 3]])
    assert t.lod() == [[0, 2, 5]] and t.recursive_sequence_lengths() == [[2, 3]]
    with pytest.raises(ValueError):
        t.set_recursive_sequence_lengths([[2, 2]])


def test_a_scopes_tensor_is_set_by_copy(exe):
    w = paddle.create_parameter([2], "float32")
    exe.run(static.default_startup_program())
    array = np.array([1, 2], "float32")
    tensor = static.global_scope().find_var(w.name).get_tensor()
    tensor.set(array, paddle.CPUPlace())
    array[:] = 0
    assert np.array(tensor).tolist() == [1, 2]
    assert static.global_scope().find_var("nobody") is None


def test_training_lowers_the_loss(exe):
    x, y = static.data("x", [None, 4]), static.data("y", [None, 1])
    loss = paddle.mean(paddle.nn.functional.square_error_cost(static.nn.fc(x, 1), y))
    paddle.optimizer.Adam(0.1).minimize(loss)
    exe.run(static.default_startup_program())
    random = np.random.RandomState(0)
    a = random.rand(16, 4).astype("float32")
    feed = {"x": a, "y": a.sum(1, keepdims=True)}
    losses = [float(exe.run(feed=feed, fetch_list=[loss])[0]) for _ in range(50)]
    assert losses[-1] < 0.1 * losses[0]


def test_a_schedule_sets_the_rate_of_each_run(exe):
    w = static.create_parameter([1], "float32", default_initializer=paddle.nn.initializer.Constant(1.0))
    rate = paddle.optimizer.lr.StepDecay(1.0, step_size=1, gamma=0.5)
    paddle.optimizer.SGD(rate).minimize(paddle.sum(w))
    exe.run(static.default_startup_program())
    seen = []
    for _ in range(3):
        exe.run()
        rate.step()
        seen.append(np.array(static.global_scope().find_var(w.name).get_tensor()).item())
    assert seen == [0.0, -0.5, -0.75]


def test_a_fixed_rate_can_be_changed_between_runs(exe):
    w = static.create_parameter([1], "float32", default_initializer=paddle.nn.initializer.Constant(1.0))
    optimizer = paddle.optimizer.SGD(0.5)
    optimizer.minimize(paddle.sum(w))
    exe.run(static.default_startup_program())
    optimizer.set_lr(0.25)
    exe.run()
    assert optimizer.get_lr() == 0.25
    assert np.array(static.global_scope().find_var(w.name).get_tensor()).item() == 0.75
    with pytest.raises(RuntimeError):
        paddle.optimizer.SGD(paddle.optimizer.lr.NoamDecay(8, 2)).set_lr(0.1)


def test_executors_run_in_several_threads():
    x = static.data("x", [64, 64])
    y = paddle.matmul(x, x)
    program, answers = static.default_main_program(), []
    a = np.eye(64, dtype="float32")

    def work():
        exe, scope = static.Executor(paddle.CPUPlace()), static.Scope()
        for _ in range(20):
            answers.append(exe.run(program, feed={"x": a}, fetch_list=[y.name], scope=scope)[0])
    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 80 and all((answer == a).all() for answer in answers)


def test_a_disabled_mode_says_what_to_do():
    paddle.enable_static()
    assert not paddle.in_dynamic_mode()
    with pytest.raises(NotImplementedError, match="Executor"):
        paddle.disable_static()
