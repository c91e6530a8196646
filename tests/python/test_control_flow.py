"""Branches, loops, arrays, printing and functions of the user's, as Python programs use them."""
import numpy as np
import pytest

import skiff as paddle

static = paddle.static


def run(fetch, feed=None):
    return static.Executor(paddle.CPUPlace()).run(feed=feed or {}, fetch_list=fetch if isinstance(fetch, list) else [fetch])


def test_print_shows_the_tensor_as_paddle_does(capfd):
    x = static.data("x", [2, 3])
    run(static.Print(x, message="hello", summarize=3), {"x": np.arange(6, dtype="float32").reshape(2, 3) / 3})
    assert capfd.readouterr().out == ("Variable: x\n  - message: hello\n  - lod: {}\n  - place: Place(cpu)\n  - shape: [2, 3]\n"
                                      "  - layout: NCHW\n  - dtype: float32\n  - data: [0 0.333333 0.666667]\n")


def test_print_stops_after_first_n(capfd):
    x = static.data("x", [1])
    out, exe = static.Print(x, first_n=2), static.Executor(paddle.CPUPlace())
    for _ in range(4):
        exe.run(feed={"x": np.ones(1, "float32")}, fetch_list=[out])
    assert capfd.readouterr().out.count("Variable: x") == 2


def test_print_hands_the_gradient_on(capfd):
    x = static.data("x", [2])
    x.stop_gradient = False
    static.append_backward(paddle.sum(static.Print(x, print_phase="backward") * 3.0))
    grad, = run("x@GRAD", {"x": np.ones(2, "float32")})
    np.testing.assert_array_equal(grad, [3, 3])
    assert "print_0.tmp_0@GRAD" in capfd.readouterr().out


def test_an_assertion_shows_its_data(capfd):
    x = static.data("x", [2])
    static.nn.control_flow.Assert(paddle.sum(x) < 5.0, [x])
    run(x * 1.0, {"x": np.ones(2, "float32")})
    with pytest.raises(ValueError, match="must be true"):
        run(x * 1.0, {"x": np.full(2, 9, "float32")})
    assert "data: [9 9]" in capfd.readouterr().out


def test_a_python_function_takes_part_with_its_gradient():
    x = static.data("x", [3])
    x.stop_gradient = False
    out = static.default_main_program().current_block().create_var(name="out", dtype="float32", shape=[3])
    static.py_func(lambda a: np.tanh(np.array(a)), x, out, lambda y, dy: np.array(dy) * (1 - np.array(y) ** 2), skip_vars_in_backward_input=x)
    static.append_backward(paddle.mean(out))
    v = np.array([0.1, -2, 3], "float32")
    y, dx = run([out, "x@GRAD"], {"x": v})
    np.testing.assert_allclose(y, np.tanh(v), rtol=1e-6)
    np.testing.assert_allclose(dx, (1 - np.tanh(v) ** 2) / 3, rtol=1e-5)


def test_an_error_of_a_python_function_reaches_the_caller():
    x = static.data("x", [1])
    out = static.default_main_program().current_block().create_var(name="out", dtype="float32", shape=[1])

    def fails(a):
        raise KeyError("mine")
    static.py_func(fails, x, out)
    with pytest.raises(KeyError, match="mine"):
        run(out, {"x": np.ones(1, "float32")})


def test_while_writes_the_outer_variables_of_its_block():
    i, n = paddle.full([1], 0, "int64"), paddle.full([1], 5, "int64")
    go = i < n
    with static.nn.control_flow.While(go).block():
        paddle.increment(i)
        paddle.assign(i < n, go)
    assert run(i)[0].tolist() == [5]


@pytest.mark.parametrize("build, error, message", [
    (lambda: static.nn.cond(1, None, None), TypeError, "pred"),
    (lambda: static.nn.cond(paddle.full([1], True, "bool"), 3, None), TypeError, "true_fn in cond must be callable"),
    (lambda: static.nn.cond(paddle.full([1], True, "bool"), lambda: paddle.ones([1]), lambda: None), ValueError, "false_fn returns None"),
    (lambda: static.nn.cond(paddle.full([1], True, "bool"), lambda: [paddle.ones([1])] * 2, lambda: [paddle.ones([1])]), ValueError,
     "returns 2 vars, but false fn returns 1"),
    (lambda: static.nn.while_loop(lambda i: i < 3.0, lambda i: [i, i], [paddle.ones([1])]), ValueError, "same arity"),
    (lambda: static.nn.while_loop(lambda i: i, lambda i: [i], [paddle.ones([1])]), TypeError, "bool"),
    (lambda: static.nn.while_loop(lambda i: i < 3.0, lambda i: [i], []), ValueError, "should not be empty"),
    (lambda: static.nn.switch_case(paddle.full([1], 0, "int64"), {0: lambda: 1, "a": lambda: 2}), TypeError, "key"),
])
def test_mistakes_are_named(build, error, message):
    with pytest.raises(error, match=message):
        build()
    assert static.default_main_program().current_block().idx == 0


def test_dropout_in_a_loop_drops_others_each_turn():
    i, n = paddle.full([1], 0, "int64"), paddle.full([1], 2, "int64")
    array = paddle.tensor.array_write(paddle.ones([64]), i)

    def body(i):
        paddle.tensor.array_write(paddle.nn.functional.dropout(paddle.ones([64])), i, array)
        return [i + 1]
    static.nn.while_loop(lambda i: i < n, body, [i])
    out, _ = paddle.tensor.manipulation.tensor_array_to_tensor(array, axis=0, use_stack=True)
    first, second = run(out)[0]
    assert (first != second).any()


def test_a_model_with_a_loop_is_saved_and_loaded(tmp_path):
    x = static.data("x", [None, 3])
    n = static.data("n", [1], "int64")
    i = paddle.full([1], 0, "int64")
    h = static.nn.fc(x, 3)
    i, h = static.nn.while_loop(lambda i, h: i < n, lambda i, h: [i + 1, static.nn.cond(paddle.sum(h) > 0.0, lambda: h * 0.5, lambda: h - 1.0)], [i, h])
    exe = static.Executor(paddle.CPUPlace())
    exe.run(static.default_startup_program())
    feed = {"x": np.ones((2, 3), "float32"), "n": np.array([4], "int64")}
    wanted, = exe.run(feed=feed, fetch_list=[h])
    static.save_inference_model(str(tmp_path / "m"), [x, n], [h], exe)
    with static.scope_guard(static.Scope()):
        program, feeds, fetches = static.load_inference_model(str(tmp_path / "m"), exe)
        got, = exe.run(program, feed=dict(zip(feeds, feed.values())), fetch_list=fetches)
    np.testing.assert_array_equal(got, wanted)
    predictor = paddle.inference.Predictor(str(tmp_path / "m"))
    np.testing.assert_allclose(predictor.run(list(feed.values()))[0], wanted, rtol=1e-6)


def test_recomputing_trains_as_keeping_everything_does():
    def train(recompute):
        main, startup = static.Program(), static.Program()
        with paddle.utils.unique_name.guard(), static.program_guard(main, startup), static.scope_guard(static.Scope()):
            x = static.data("x", [4, 3])
            h = static.nn.fc(x, 5, activation="tanh", weight_attr=paddle.nn.initializer.Constant(0.3))
            g = static.nn.fc(h, 5, activation="relu", weight_attr=paddle.nn.initializer.Constant(0.2))
            loss = paddle.mean(paddle.square(static.nn.fc(g, 1, weight_attr=paddle.nn.initializer.Constant(0.1)) - 1.0))
            optimizer = paddle.optimizer.SGD(0.1)
            if recompute:
                optimizer = paddle.incubate.optimizer.RecomputeOptimizer(optimizer)
                optimizer._set_checkpoints([h, g])
            optimizer.minimize(loss)
            exe = static.Executor(paddle.CPUPlace())
            exe.run(startup)
            feed = {"x": np.linspace(-1, 1, 12, dtype="float32").reshape(4, 3)}
            return [float(exe.run(main, feed=feed, fetch_list=[loss])[0]) for _ in range(4)], any("subprog" in v.name for v in main.list_vars())
    (losses, again), (wanted, _) = train(True), train(False)
    assert again
    np.testing.assert_allclose(losses, wanted, rtol=1e-6)
    assert losses[-1] < losses[0]
