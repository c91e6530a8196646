"""Mixed precision: which operators get casts, how training goes, and how the loss's scale behaves.

Whole programs are compared with Paddle's in tests/interop/test_amp_programs.py.
"""
import numpy as np
import pytest

import skiff as paddle

amp = paddle.static.amp
LEVELS = ("O1", "OD", "O2")


def network(dtype="float16", rule=None, **options):
    main, startup = paddle.static.Program(), paddle.static.Program()
    with paddle.utils.unique_name.guard(), paddle.static.program_guard(main, startup):
        x, y = paddle.static.data("x", [None, 8]), paddle.static.data("y", [None, 1], "int64")
        hidden = paddle.static.nn.layer_norm(paddle.static.nn.fc(x, 16, activation="relu"))
        loss = paddle.mean(paddle.nn.functional.cross_entropy(paddle.static.nn.fc(hidden, 3), y))
        optimizer = (rule or paddle.optimizer.Momentum)(0.1)
        # 65536, the default scale, is no float16: at level O2 the first step would overflow
        optimizer = amp.decorate(optimizer, **{"dtype": dtype, "init_loss_scaling": 1024.0, **options})
        optimizer.minimize(loss)
    return main, startup, loss, optimizer


def train(main, startup, loss, optimizer, steps, feed=None):
    random = np.random.RandomState(0)
    x = random.randn(32, 8).astype("float32")
    feed = feed or {"x": x, "y": x[:, :3].argmax(1)[:, None].astype("int64")}
    exe, losses, scales = paddle.static.Executor(), [], []
    mixed = hasattr(optimizer, "get_loss_scaling")
    with paddle.static.scope_guard(paddle.static.Scope()):
        paddle.seed(3)
        exe.run(startup)
        if hasattr(optimizer, "amp_init"):
            optimizer.amp_init(paddle.CPUPlace())
        for _ in range(steps):
            value, *scale = exe.run(main, feed=feed, fetch_list=[loss] + ([optimizer.get_loss_scaling()] if mixed else []))
            losses.append(float(number(value)))
            scales += [float(s[0]) for s in scale]
    return losses, scales


def number(value):
    """bfloat16 comes as the bits of its high half."""
    return (value.astype("uint32") << 16).view("float32") if value.dtype == np.uint16 else value


def held(name):
    return paddle.static.global_scope().find_var(name).get_tensor()


def test_products_run_in_the_half_type_and_the_loss_in_float32():
    main, *_ = network()
    block = main.global_block()
    products = [op for op in block.ops if op.type == "mul"]
    assert all(block.var(op.output("Out")[0]).dtype == paddle.float16 for op in products)
    assert [op.input("X")[0] for op in products] == ["x.cast_fp16", "layer_norm_0.tmp_2.cast_fp16"]
    entropy = next(op for op in block.ops if op.type == "softmax_with_cross_entropy")
    assert entropy.input("Logits") == ["fc_1.tmp_1.cast_fp32"]
    assert block.var("fc_0.w_0").dtype == paddle.float32 and block.var("fc_0.w_0@GRAD").dtype == paddle.float32


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_training_follows_that_in_float32(dtype, level):
    plain, mixed = train(*network(level="O0"), 20)[0], train(*network(dtype, level=level), 20)[0]
    assert mixed[-1] < 0.5 * mixed[0]
    np.testing.assert_allclose(mixed, plain, rtol=0.05 if dtype == "bfloat16" else 0.01)


@pytest.mark.parametrize("rule", ["SGD", "Momentum", "Adam", "AdamW", "Adamax", "Adagrad", "Adadelta", "RMSProp", "Lamb"])
def test_master_weights_follow_the_parameters_of_float32(rule):
    """After eight steps the copies are near the float32 parameters, and the half parameters are the copies, rounded."""
    rule = getattr(paddle.optimizer, rule)
    ends = {}
    for level in ("O0", "O2"):
        main, startup, loss, optimizer = network(level=level, rule=rule)
        exe = paddle.static.Executor()
        x = np.random.RandomState(0).randn(32, 8).astype("float32")
        feed = {"x": x, "y": x[:, :3].argmax(1)[:, None].astype("int64")}
        with paddle.static.scope_guard(paddle.static.Scope()):
            paddle.seed(3)
            exe.run(startup)
            start = np.array(held("fc_1.w_0"))
            if level == "O2":
                optimizer.amp_init(paddle.CPUPlace())
            for _ in range(8):
                exe.run(main, feed=feed)
            ends[level] = np.array(held("fc_1.w_0" if level == "O0" else "fc_1.w_0_fp32_master_0"))
            if level == "O2":
                half = np.array(held("fc_1.w_0"))
                assert half.dtype == np.float16
                np.testing.assert_array_equal(half, ends["O2"].astype("float16"))
    moved = np.abs(ends["O0"] - start).max()
    assert moved > 0 and np.abs(ends["O2"] - ends["O0"]).max() < 0.1 * moved


def test_steps_below_the_resolution_of_halves_add_up_in_master_weights():
    """1 - 20 * 1e-4 in float16, whose neighbours of 1 below are 2^-11 apart: single steps round to nothing."""
    ends = {}
    for multi in (True, False):
        main, startup = paddle.static.Program(), paddle.static.Program()
        with paddle.utils.unique_name.guard(), paddle.static.program_guard(main, startup):
            w = paddle.static.create_parameter([4], "float16", name="w", default_initializer=paddle.nn.initializer.Constant(1.0))
            paddle.optimizer.SGD(1e-4, multi_precision=multi).minimize(paddle.sum(w))
        exe = paddle.static.Executor()
        with paddle.static.scope_guard(paddle.static.Scope()):
            exe.run(startup)
            for _ in range(20):
                exe.run(main)
            ends[multi] = np.array(held("w")).astype("float64")
    np.testing.assert_array_equal(ends[False], 1.0)
    np.testing.assert_allclose(ends[True], 0.998, atol=2.0 ** -12)


def test_the_scale_grows_after_finite_steps():
    for level in LEVELS:
        _, scales = train(*network(level=level, init_loss_scaling=8.0, incr_every_n_steps=2, incr_ratio=4.0), 5)
        assert scales == [8.0, 32.0, 32.0, 128.0, 128.0]  # as fetched after each step


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("rule", ["Momentum", "Adam", "Lamb"])
def test_a_step_that_overflows_changes_no_parameter_and_shrinks_the_scale(level, rule):
    main, startup, loss, optimizer = network(level=level, init_loss_scaling=2.0 ** 24, decr_ratio=0.25, rule=getattr(paddle.optimizer, rule))
    exe = paddle.static.Executor()
    with paddle.static.scope_guard(paddle.static.Scope()):
        exe.run(startup)
        optimizer.amp_init(paddle.CPUPlace())
        before = np.array(held("fc_0.w_0"))
        feed = {"x": np.full([4, 8], np.inf, "float32"), "y": np.zeros([4, 1], "int64")}
        scale = exe.run(main, feed=feed, fetch_list=[optimizer.get_loss_scaling()])[0]
        after = np.array(held("fc_0.w_0"))
    assert scale.tolist() == [2.0 ** 22]
    np.testing.assert_array_equal(before, after)


def test_master_gradients_are_float32():
    main, *_ = network(level="O2", master_grad=True)
    update = next(op for op in main.global_block().ops if op.type == "momentum" and op.input("Param") == ["fc_0.w_0"])
    assert update.input("Grad") == ["fc_0.w_0@GRAD_fp32_master_0"]
    assert main.global_block().var(update.input("Grad")[0]).dtype == paddle.float32
    plain, mixed = train(*network(level="O0"), 10)[0], train(*network(level="O2", master_grad=True), 10)[0]
    np.testing.assert_allclose(mixed, plain, rtol=0.01)


def test_amp_init_casts_the_program_for_testing_and_can_rewrite_master_weights():
    main, startup = paddle.static.Program(), paddle.static.Program()
    with paddle.utils.unique_name.guard(), paddle.static.program_guard(main, startup):
        y = paddle.static.nn.fc(paddle.static.data("x", [None, 3]), 2, name="f")
        test = main.clone(for_test=True)
        optimizer = amp.decorate(paddle.optimizer.SGD(0.1), level="O2")
        with pytest.raises(RuntimeError, match="minimize"):
            optimizer.amp_init(paddle.CPUPlace())
        optimizer.minimize(paddle.mean(y))
    exe, scope = paddle.static.Executor(), paddle.static.Scope()
    exe.run(startup, scope=scope)
    w = np.float32([[1 + 2.0 ** -13, 2], [3, 4], [5, 6]])
    scope.find_var("f.w_0").get_tensor().set(w, paddle.CPUPlace())
    optimizer.amp_init(paddle.CPUPlace(), scope=scope, test_program=test, rewrite_master_weight=True)
    np.testing.assert_array_equal(np.array(scope.find_var("f.w_0_fp32_master_0").get_tensor()), np.round(w))
    out = exe.run(test, feed={"x": np.eye(3, dtype="float32")}, fetch_list=[y.name], scope=scope)[0]
    assert out.dtype == np.float16
    np.testing.assert_array_equal(out, np.round(w))


def test_a_program_at_level_O2_that_was_not_initialised_is_refused():
    main, startup, loss, optimizer = network(level="O2")
    with paddle.static.scope_guard(paddle.static.Scope()):
        paddle.static.Executor().run(startup)
        with pytest.raises((TypeError, ValueError, RuntimeError), match="fc_0.w_0"):
            paddle.static.Executor().run(main, feed={"x": np.ones([2, 8], "float32"), "y": np.zeros([2, 1], "int64")}, fetch_list=[loss])


def test_a_black_variable_keeps_its_operators_in_float32():
    main, *_ = network(amp_lists=amp.AutoMixedPrecisionLists(custom_black_varnames={"fc_1.w_0"}))
    product = [op for op in main.global_block().ops if op.type == "mul"][1]
    assert product.input("Y") == ["fc_1.w_0"] and product.input("X") == ["layer_norm_0.tmp_2"]


def test_lists_may_be_changed_before_they_are_used():
    lists = amp.AutoMixedPrecisionLists()
    assert "mul" in lists.white_list and "softmax" in lists.black_list and "relu" in lists.gray_list and "relu" in lists.all_list
    lists.white_list.remove("mul")
    lists.black_list.add("mul")
    main, *_ = network(amp_lists=lists)
    assert main.global_block().var("fc_0.tmp_0").dtype == paddle.float32


def test_operators_of_branches_and_what_they_share_stay_in_float32():
    main, startup = paddle.static.Program(), paddle.static.Program()
    with paddle.utils.unique_name.guard(), paddle.static.program_guard(main, startup):
        x = paddle.static.data("x", [2, 3])
        w = paddle.static.create_parameter([3, 3], "float32", name="w")
        flag = paddle.sum(x) > 0.0
        y = paddle.static.nn.cond(flag, lambda: paddle.matmul(x, w), lambda: x)
        loss = paddle.mean(paddle.static.nn.fc(y, 2, name="f"))
        optimizer = amp.decorate(paddle.optimizer.SGD(0.1), level="O2", init_loss_scaling=1024.0)
        optimizer.minimize(loss)
    assert main.global_block().var("w").dtype == paddle.float32
    assert main.global_block().var("f.w_0").dtype == paddle.float16
    exe = paddle.static.Executor()
    with paddle.static.scope_guard(paddle.static.Scope()):
        exe.run(startup)
        optimizer.amp_init(paddle.CPUPlace())
        before = np.array(held("w"))
        assert np.isfinite(exe.run(main, feed={"x": np.ones([2, 3], "float32")}, fetch_list=[loss])[0]).all()
        assert np.abs(np.array(held("w")) - before).max() > 0


@pytest.mark.parametrize("level", LEVELS)
def test_a_table_with_sparse_gradients_stays_in_float32(level):
    main, startup = paddle.static.Program(), paddle.static.Program()
    with paddle.utils.unique_name.guard(), paddle.static.program_guard(main, startup):
        ids = paddle.static.data("ids", [4, 2], "int64")
        table = paddle.static.nn.embedding(ids, [10, 4], is_sparse=True)
        loss = paddle.mean(paddle.static.nn.fc(table, 2))
        optimizer = amp.decorate(paddle.optimizer.Adam(0.1), level=level, init_loss_scaling=64.0)
        optimizer.minimize(loss)
    assert main.global_block().var("embedding_0.w_0").dtype == paddle.float32
    feed = {"ids": np.arange(8).reshape(4, 2)}
    losses = train(main, startup, loss, optimizer, 4, feed)[0]
    assert losses[3] < losses[2] < losses[1] < losses[0]


def test_parameters_are_cast_by_name():
    main, startup = paddle.static.Program(), paddle.static.Program()
    with paddle.utils.unique_name.guard(), paddle.static.program_guard(main, startup):
        y = paddle.static.nn.fc(paddle.static.data("x", [None, 3]), 2, name="f")
    scope, exe = paddle.static.Scope(), paddle.static.Executor()
    exe.run(startup, scope=scope)
    names = amp.cast_model_to_fp16(main, use_fp16_guard=False, dest_type=paddle.bfloat16)
    assert {"f.w_0", "f.b_0"} <= names
    amp.cast_parameters_to_fp16(paddle.CPUPlace(), main, scope, names, dest_type="bfloat16")
    assert np.array(scope.find_var("f.w_0").get_tensor()).dtype == np.uint16
    assert exe.run(main, feed={"x": np.ones([1, 3], "float32")}, fetch_list=[y], scope=scope)[0].dtype == np.uint16


@pytest.mark.parametrize("pure", [True, False])
def test_bf16_training_follows_that_in_float32(pure):
    losses = {}
    for mixed in (False, True):
        main, startup = paddle.static.Program(), paddle.static.Program()
        with paddle.utils.unique_name.guard(), paddle.static.program_guard(main, startup):
            x, y = paddle.static.data("x", [None, 8]), paddle.static.data("y", [None, 1])
            with amp.bf16.bf16_guard():
                hidden = paddle.static.nn.fc(x, 16, activation="tanh")
            loss = paddle.mean(paddle.nn.functional.square_error_cost(paddle.static.nn.fc(hidden, 1), y))
            optimizer = paddle.optimizer.Momentum(0.02, multi_precision=True)
            if mixed:
                optimizer = amp.bf16.decorate_bf16(optimizer, use_pure_bf16=pure)
            optimizer.minimize(loss)
        assert (main.global_block().var("fc_0.w_0").dtype == paddle.bfloat16) == (mixed and pure)
        assert main.global_block().var("fc_1.w_0").dtype == paddle.float32
        x = np.random.RandomState(1).randn(16, 8).astype("float32")
        fed = amp.bf16.convert_float_to_uint16(x) if mixed and pure else x
        losses[mixed] = train(main, startup, loss, optimizer, 15, {"x": fed, "y": x[:, :1] * 2})[0]
    assert losses[True][-1] < 0.5 * losses[True][0]
    np.testing.assert_allclose(losses[True], losses[False], rtol=0.06)


def test_numbers_become_bfloat16_by_dropping_digits():
    assert amp.bf16.convert_float_to_uint16([[1.0, -2.0, 1.0 + 2.0 ** -8]]).tolist() == [[0x3f80, 0xc000, 0x3f80]]


def test_wrong_options_are_refused():
    sgd = paddle.optimizer.SGD(0.1)
    with pytest.raises(ValueError, match="O3"):
        amp.decorate(sgd, level="O3")
    with pytest.raises(ValueError, match="float32"):
        amp.decorate(sgd, dtype="float32")
    with pytest.raises(ValueError, match="both"):
        amp.CustomOpLists(custom_white_list={"relu"}, custom_black_list={"relu"})
    with pytest.raises(RuntimeError, match="optimizer"):
        amp.decorate("sgd")
    with pytest.raises(ValueError):
        with paddle.static.name_scope(""):
            pass
    assert amp.decorate(sgd, level="O0") is sgd
