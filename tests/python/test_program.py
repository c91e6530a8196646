"""Programs, blocks, variables and operators as Python sees them."""
import gc

import numpy as np
import pytest
import skiff as paddle

static = paddle.static


def test_data_takes_none_and_minus_one_for_an_unknown_extent():
    assert static.data("x", [None, 3]).shape == (-1, 3)
    assert static.data("y", [-1, 3], "int64").dtype == paddle.int64


def test_a_variable_is_the_same_object_wherever_it_is_met():
    x = static.data("x", [2])
    block = static.default_main_program().global_block()
    assert block.var("x") is x and block.vars["x"] is x


def test_a_variable_keeps_its_program():
    program = static.Program()
    with static.program_guard(program):
        x = static.data("x", [2])
    del program
    gc.collect()
    assert x.block.program.global_block().has_var("x")


def test_append_op_completes_shape_and_dtype_of_outputs():
    x = static.data("x", [None, 3])
    block = static.default_main_program().global_block()
    out = block.create_var(name="out")
    op = block.append_op(type="relu", inputs={"X": [x]}, outputs={"Out": ["out"]})
    assert (out.shape, out.dtype, op.type, op.input("X")) == ((-1, 3), paddle.float32, "relu", ["x"])


def test_append_op_takes_a_name_that_is_input_and_output(exe):
    h = static.data("x", [1]) * 1.0
    block = static.default_main_program().global_block()
    block.append_op(type="scale", inputs={"X": h}, outputs={"Out": h}, attrs={"bias": 1.0})
    assert exe.run(feed={"x": np.zeros(1, "float32")}, fetch_list=[h])[0].tolist() == [1.0]


def test_an_unknown_operator_raises_not_implemented_naming_it():
    with pytest.raises(NotImplementedError, match="no_such_op"):
        static.default_main_program().global_block().append_op(type="no_such_op")


def test_an_error_names_the_line_that_made_the_operator():
    x, y = static.data("x", [2, 3]), static.data("y", [2, 3])
    with pytest.raises(ValueError, match=r"test_program\.py:\d+"):
        paddle.matmul(x, y)
    assert [op.type for op in static.default_main_program().global_block().ops] == []


def test_an_attribute_of_the_wrong_kind_raises_type_error_naming_it():
    x = static.data("x", [2])
    block = static.default_main_program().global_block()
    with pytest.raises(TypeError, match="scale"):
        block.append_op(type="scale", inputs={"X": x}, outputs={"Out": "out"}, attrs={"scale": "much"})


def test_a_missing_variable_raises_value_error():
    with pytest.raises(ValueError, match="nowhere"):
        static.default_main_program().global_block().var("nowhere")


def test_a_clone_is_independent():
    x = static.data("x", [2])
    copy = static.default_main_program().clone()
    paddle.scale(x, 2.0)
    assert len(copy.global_block().ops) == 0 and copy.global_block().has_var("x")


def test_a_global_seed_is_that_of_the_program_and_of_those_made_later():
    program, earlier = paddle.static.Program(), paddle.static.Program()
    try:
        program.global_seed(102)
        assert (program.random_seed, paddle.static.Program().random_seed, earlier.random_seed) == (102, 102, 0)
    finally:
        program.global_seed(0)
    assert paddle.static.Program().random_seed == 0



def test_arithmetic_is_numpys(evaluate):
    x, y = static.data("x", [2]), static.data("y", [2])
    a, b = np.array([5.0, -3.0], "float32"), np.array([2.0, 2.0], "float32")
    fetch = [x + y, x - y, x * y, x / y, x + 1, 1 - x, x / 4, 4 / x, -x, x > 0.0, x == y]
    wanted = [a + b, a - b, a * b, a / b, a + 1, 1 - a, a / 4, 4 / a, -a, a > 0, a == b]
    for ours, numpys in zip(evaluate(fetch, x=a, y=b), wanted):
        np.testing.assert_allclose(ours, numpys, rtol=1e-6)


def test_indexing_is_numpys(evaluate):
    a = np.arange(24, dtype="float32").reshape(2, 3, 4)
    x = static.data("x", [2, 3, 4])
    keys = [0, (slice(None), slice(1, 3)), -1, (slice(1, None), 2), (Ellipsis, 0), (slice(None), None, 1)]
    for ours, key in zip(evaluate([x[key] for key in keys], x=a), keys):
        np.testing.assert_array_equal(ours, a[key])


def test_a_variable_has_no_truth_value():
    with pytest.raises(TypeError, match="fetch it"):
        bool(static.data("x", [1]))


def test_gradients_are_none_where_nothing_flows():
    x, z = static.data("x", [2]), static.data("z", [2])
    x.stop_gradient = z.stop_gradient = False
    found = static.gradients([paddle.tanh(x)], [x, z])
    assert found[0].name == "x@GRAD" and found[1] is None


def test_dtypes_are_accepted_in_every_spelling():
    for spelling in ("float64", np.float64, np.dtype("float64"), paddle.float64, float, "paddle.float64"):
        assert static.data(paddle.utils.unique_name.generate("x"), [1], spelling).dtype == paddle.float64
    with pytest.raises(TypeError, match="float31"):
        static.data("y", [1], "float31")


def test_a_program_becomes_bytes_and_is_parsed_from_them():
    main = static.Program()
    with static.program_guard(main):
        paddle.matmul(static.data("X", [None, 7]), static.data("Y", [7, 3]))
    text = main.desc.serialize_to_string()
    assert isinstance(text, bytes)
    restored = main.parse_from_string(text)
    assert restored.desc.serialize_to_string() == text
    assert [op.type for op in restored.global_block().ops] == ["matmul_v2"]
    with pytest.raises(ValueError, match="byte"):
        static.Program.parse_from_string(text[:-1])


def test_a_moving_average_of_scales_is_left_alone_outside_of_training(exe):
    """Real Paddle 2.6.2's numbers."""
    x, block = static.data("x", [2, 3]), static.default_main_program().global_block()
    scale, accum, state = (static.create_global_var([1], value, "float32", persistable=True, name=name)
                           for name, value in (("scale", 0.7), ("accum", 2.5), ("state", 1.9)))
    feed = {"x": np.float32([[1, -4, 2], [0, 3, 1]])}
    exe.run(static.default_startup_program())
    for is_test, wanted in ((True, [0.7, 2.5, 1.9]), (False, [2.3062730, 6.25, 2.71])):
        out = block.create_var(dtype="float32")
        block.append_op(type="moving_average_abs_max_scale", inputs={"X": x, "InAccum": accum, "InState": state},
                        outputs={"Out": out, "OutScale": scale, "OutState": state, "OutAccum": accum}, attrs={"is_test": is_test})
        program = static.default_main_program().clone()
        if not is_test:
            program.global_block()._remove_op(0)
        found = exe.run(program, feed=feed, fetch_list=[out.name, "scale", "accum", "state"])
        np.testing.assert_array_equal(found[0], feed["x"])
        np.testing.assert_allclose(np.ravel(found[1:]), wanted, rtol=1e-6)
