"""Operators written in Python: registered, built, run, differentiated, refused."""
import numpy as np
import pytest

import skiff as paddle

paddle.enable_static()


@paddle.utils.register_op(attrs={"slope": 0.1})
def python_steep_relu(x, slope):
    """max(x, slope x)"""
    return np.maximum(x, np.float32(slope) * x)


@python_steep_relu.gradient
def _(x, out, out_grad, slope):
    return np.where(x > 0, out_grad, np.float32(slope) * out_grad)


@paddle.utils.register_op("python_rows_and_sum", inputs=["X", "Others*", "Scale?"], outputs=["Sum", "Count"])
def rows_and_sum(x, others, scale):
    total = x + sum(others)
    return (total if scale is None else total * scale), np.array(1 + len(others), "int64")


@rows_and_sum.infer
def _(x, others, scale):
    return x, ((), "int64")


def run(build, feed):
    main = paddle.static.Program()
    with paddle.static.program_guard(main, paddle.static.Program()):
        fetched = build()
    return paddle.static.Executor().run(main, feed=feed, fetch_list=list(fetched)), main


def test_the_function_computes_what_the_program_asks_for():
    x = np.array([[-1, 2], [3, -4]], "float32")
    (out,), main = run(lambda: [python_steep_relu(paddle.static.data("x", [None, 2]), slope=0.5)], {"x": x})
    np.testing.assert_array_equal(out, [[-0.5, 2], [3, -2]])
    op = main.global_block().ops[0]
    assert op.type == "python_steep_relu" and op.attr("slope") == 0.5
    assert main.global_block().var(op.output("Out")[0]).shape == (-1, 2)


def test_an_attribute_has_its_default_where_it_is_left_out():
    (out,), _ = run(lambda: [python_steep_relu(paddle.static.data("x", [1]))], {"x": np.array([-10], "float32")})
    np.testing.assert_allclose(out, [-1])


def test_gradients_flow_through_it():
    def build():
        x = paddle.static.data("x", [None, 2])
        x.stop_gradient = False
        return paddle.static.gradients([python_steep_relu(paddle.square(x), slope=0.5)], [x])
    (grad,), main = run(build, {"x": np.array([[-1, 2]], "float32")})
    np.testing.assert_allclose(grad, [[-2, 4]])
    assert "python_steep_relu_grad" in [op.type for op in main.global_block().ops]


def test_slots_may_take_several_variables_or_none():
    def build():
        x = paddle.static.data("x", [2])
        return python_sum(x, [x, x]) + python_sum(x, [], paddle.full([2], 10.0))
    python_sum = rows_and_sum
    (a, n, b, m), _ = run(build, {"x": np.array([1, 2], "float32")})
    np.testing.assert_array_equal(a, [3, 6])
    np.testing.assert_array_equal(b, [10, 20])
    assert (n, m) == (3, 1) and n.dtype == np.int64 and n.shape == ()


def test_a_saved_program_runs_while_the_operator_is_registered(tmp_path):
    main = paddle.static.Program()
    with paddle.static.program_guard(main, paddle.static.Program()):
        x = paddle.static.data("x", [None, 2])
        out = python_steep_relu(x)
        exe = paddle.static.Executor()
        paddle.static.save_inference_model(str(tmp_path / "m"), [x], [out], exe, program=main)
    predictor = paddle.inference.Predictor(str(tmp_path / "m"))
    np.testing.assert_allclose(predictor.run({"x": np.array([[-1, 1]], "float32")})[0], [[-0.1, 1]])


def test_an_error_of_the_function_reaches_the_caller():
    @paddle.utils.register_op("python_fails")
    def fails(x):
        raise KeyError("of the user")
    with pytest.raises(KeyError, match="of the user"):
        run(lambda: [fails(paddle.static.data("x", [1]))], {"x": np.zeros([1], "float32")})


def test_wrong_uses_are_refused():
    with pytest.raises(RuntimeError, match="exists already"):
        paddle.utils.register_op("relu")(lambda x: x)
    with pytest.raises(TypeError, match="no attribute 'slop'"):
        python_steep_relu(None, slop=1.0)
    with pytest.raises(TypeError, match="takes 1 inputs"):
        python_steep_relu(None, None)

    @paddle.utils.register_op("python_gives_one", outputs=["A", "B"])
    def gives_one(x):
        return x
    with pytest.raises(ValueError, match="returns 1 values; the operator has 2 outputs"):
        run(lambda: gives_one(paddle.static.data("x", [1])), {"x": np.zeros([1], "float32")})


def test_registering_a_function_again_replaces_it():
    for factor in (2, 3):
        @paddle.utils.register_op("python_again")
        def again(x, factor=factor):
            return x * factor
    (out,), _ = run(lambda: [again(paddle.static.data("x", [1]))], {"x": np.ones([1], "float32")})
    assert out.tolist() == [3]
