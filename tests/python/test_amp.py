"""Mixed precision: which operators get casts, and how the loss's scale behaves."""
import numpy as np
import pytest

import skiff as paddle


def network(dtype="float16", **options):
    main, startup = paddle.static.Program(), paddle.static.Program()
    with paddle.utils.unique_name.guard(), paddle.static.program_guard(main, startup):
        x, y = paddle.static.data("x", [None, 8]), paddle.static.data("y", [None, 1], "int64")
        hidden = paddle.static.nn.fc(x, 16, activation="relu")
        loss = paddle.mean(paddle.nn.functional.cross_entropy(paddle.static.nn.fc(hidden, 3), y))
        optimizer = paddle.static.amp.decorate(paddle.optimizer.Momentum(0.1), dtype=dtype, **options)
        optimizer.minimize(loss)
    return main, startup, loss, optimizer


def train(main, startup, loss, optimizer, steps, feed=None):
    random = np.random.RandomState(0)
    x = random.randn(32, 8).astype("float32")
    feed = feed or {"x": x, "y": x[:, :3].argmax(1)[:, None].astype("int64")}
    exe, losses, scales = paddle.static.Executor(), [], []
    with paddle.static.scope_guard(paddle.static.Scope()):
        paddle.seed(3)
        exe.run(startup)
        for _ in range(steps):
            value, scale = exe.run(main, feed=feed, fetch_list=[loss, optimizer.get_loss_scaling()])
            losses.append(float(value))
            scales.append(float(scale[0]))
    return losses, scales


def test_products_run_in_the_half_type_and_the_loss_in_float32():
    main, *_ = network()
    block = main.global_block()
    products = [op for op in block.ops if op.type == "mul"]
    assert all(str(block.var(op.output("Out")[0]).dtype).endswith("float16") for op in products)
    assert [op.input("X")[0] for op in products] == ["x.cast_fp16", "fc_0.tmp_2"]
    entropy = next(op for op in block.ops if op.type == "softmax_with_cross_entropy")
    assert entropy.input("Logits") == ["fc_1.tmp_1.cast_fp32"]
    assert block.var("fc_0.w_0").dtype == paddle.float32 and block.var("fc_0.w_0@GRAD").dtype == paddle.float32


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_training_follows_that_in_float32(dtype):
    plain = train(*network(dtype, amp_lists=paddle.static.amp.CustomOpLists(custom_black_list={"mul", "elementwise_add", "relu"})), 20)[0]
    mixed = train(*network(dtype), 20)[0]
    assert mixed[-1] < 0.5 * mixed[0]
    np.testing.assert_allclose(mixed, plain, rtol=0.05 if dtype == "bfloat16" else 0.01)


def test_the_scale_grows_after_finite_steps():
    _, scales = train(*network(init_loss_scaling=8.0, incr_every_n_steps=2, incr_ratio=4.0), 5)
    assert scales == [8.0, 32.0, 32.0, 128.0, 128.0]  # as fetched after each step


def test_a_step_that_overflows_changes_no_parameter_and_shrinks_the_scale():
    main, startup, loss, optimizer = network(init_loss_scaling=2.0 ** 24, decr_ratio=0.25)
    exe = paddle.static.Executor()
    with paddle.static.scope_guard(paddle.static.Scope()):
        exe.run(startup)
        before = np.array(paddle.static.global_scope().find_var("fc_0.w_0").get_tensor())
        feed = {"x": np.full([4, 8], np.inf, "float32"), "y": np.zeros([4, 1], "int64")}
        scale = exe.run(main, feed=feed, fetch_list=[optimizer.get_loss_scaling()])[0]
        after = np.array(paddle.static.global_scope().find_var("fc_0.w_0").get_tensor())
    assert scale.tolist() == [2.0 ** 22]
    np.testing.assert_array_equal(before, after)


def test_a_black_variable_keeps_its_operators_in_float32():
    main, *_ = network(amp_lists=paddle.static.amp.AutoMixedPrecisionLists(custom_black_varnames={"fc_1.w_0"}))
    product = [op for op in main.global_block().ops if op.type == "mul"][1]
    assert product.input("Y") == ["fc_1.w_0"] and product.input("X") == ["fc_0.tmp_2.cast_fp32"]


def test_wrong_options_are_refused():
    sgd = paddle.optimizer.SGD(0.1)
    with pytest.raises(NotImplementedError, match="O2"):
        paddle.static.amp.decorate(sgd, level="O2")
    with pytest.raises(ValueError, match="float32"):
        paddle.static.amp.decorate(sgd, dtype="float32")
    with pytest.raises(ValueError, match="both"):
        paddle.static.amp.CustomOpLists(custom_white_list={"relu"}, custom_black_list={"relu"})
    assert paddle.static.amp.decorate(sgd, level="O0") is sgd
