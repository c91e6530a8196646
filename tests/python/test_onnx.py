"""skiff.onnx: models written as ONNX files, and compared with ONNX Runtime."""
import os
import sys

import numpy as np
import pytest

import skiff as paddle

onnx, runtime = pytest.importorskip("onnx"), pytest.importorskip("onnxruntime")
static = paddle.static


@pytest.fixture(autouse=True)
def fresh(tmp_path, monkeypatch):
    """A scope, programs and a folder that no other test sees."""
    monkeypatch.chdir(tmp_path)
    with static.scope_guard(static.Scope()), paddle.utils.unique_name.guard(), static.program_guard(static.Program(), static.Program()):
        yield


def built(function, *inputs):
    """The default program with `function` over the inputs, its variables and what it returns; parameters are set."""
    feeds = [static.data(name, shape, dtype) for name, shape, dtype in inputs]
    outputs = function(*feeds)
    static.Executor(paddle.CPUPlace()).run(static.default_startup_program())
    return feeds, list(outputs) if isinstance(outputs, (list, tuple)) else [outputs]


def exported(function, *inputs, **options):
    feeds, fetches = built(function, *inputs)
    path = paddle.onnx.export(static.default_main_program(), "model", feeds, output_spec=fetches, check=True, **options)
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    return model


def dims(value):
    return [one.dim_param or one.dim_value for one in value.type.tensor_type.shape.dim]


def test_names_types_and_order_of_inputs_outputs_and_parameters_are_kept():
    def net(x, ids):
        return [static.nn.fc(x, 3, name="head"), paddle.cast(ids, "int32")]

    model = exported(net, ("x", [None, 4], "float32"), ("ids", [2, None], "int64"))
    graph = model.graph
    assert [one.name for one in graph.input] == ["x", "ids"]
    assert [dims(one) for one in graph.input] == [["x.0", 4], [2, "ids.1"]]
    assert [one.type.tensor_type.elem_type for one in graph.input] == [onnx.TensorProto.FLOAT, onnx.TensorProto.INT64]
    assert [one.type.tensor_type.elem_type for one in graph.output] == [onnx.TensorProto.FLOAT, onnx.TensorProto.INT32]
    assert dims(graph.output[0])[1] == 3
    assert {"head.w_0", "head.b_0"} <= {one.name for one in graph.initializer}
    assert (model.opset_import[0].version, model.producer_name) == (17, "skiff")


def test_the_file_of_a_saved_model_computes_the_same_under_any_prefix_and_opset(tmp_path):
    feeds, fetches = built(lambda x: static.nn.fc(x, 2), ("x", [None, 4], "float32"))
    exe, folder = static.Executor(paddle.CPUPlace()), tmp_path / "模型 é"
    static.save_inference_model(str(folder / "net"), feeds, fetches, exe)
    x = np.arange(8, dtype="float32").reshape(2, 4)
    wanted, = exe.run(feed={"x": x}, fetch_list=fetches)
    for opset in (17, 18, 19, 20):
        path = paddle.onnx.export(folder / "net", folder / f"net{opset}.onnx", opset_version=opset, check=True)
        assert onnx.load(path).opset_import[0].version == opset
        found, = runtime.InferenceSession(path).run(None, {"x": x})
        np.testing.assert_allclose(found, wanted, rtol=1e-5)


def test_a_variable_written_twice_ends_as_the_output_of_its_name():
    def net(x):
        y = paddle.nn.functional.relu(x)
        paddle.assign(y * 2.0, y)
        return [y, y + 1.0]

    model = exported(net, ("x", [2], "float32"))
    first = model.graph.output[0].name
    values = runtime.InferenceSession(model.SerializeToString()).run(None, {"x": np.float32([-1, 3])})
    found = dict(zip([one.name for one in model.graph.output], values))
    np.testing.assert_array_equal(found[first], [0, 6])
    np.testing.assert_array_equal(found[model.graph.output[1].name], [1, 7])


def test_an_input_a_parameter_and_the_same_variable_twice_can_be_outputs():
    def net(x):
        w = paddle.create_parameter([2], "float32", name="w")
        y = x + w
        return [y, x, w, y]

    model = exported(net, ("x", [2], "float32"))
    assert len({one.name for one in model.graph.output}) == 4


def test_an_input_that_a_loop_writes_over_is_computed_not_passed_through():
    def net(x, n):
        i = paddle.zeros([1], "int64")
        _, last = static.nn.while_loop(lambda i, x: i < n, lambda i, x: [i + 1, x * 2.0], [i, x])
        return last

    turns = [{"x": np.ones(3, "float32"), "n": np.int64([k])} for k in (0, 1, 5)]
    model = exported(net, ("x", [3], "float32"), ("n", [1], "int64"), check_inputs=turns)
    assert "Loop" in {node.op_type for node in model.graph.node}


@pytest.mark.parametrize("reverse", [False, True])
def test_a_recurrent_loop_of_steps_becomes_a_scan(reverse):
    def net(words, start):
        loop = static.nn.StaticRNN(reverse=reverse)
        with loop.step():
            word, before = loop.step_input(words), loop.memory(init=start)
            now = static.nn.fc([word, before], 3, activation="tanh")
            loop.update_memory(before, now)
            loop.output(now, word * 2.0)
        return loop()

    model = exported(net, ("words", [4, None, 2], "float32"), ("start", [None, 3], "float32"),
                     check_inputs={"words": np.random.RandomState(0).rand(4, 5, 2).astype("float32"), "start": np.ones((5, 3), "float32")})
    assert [node.op_type for node in model.graph.node].count("Scan") == 1


def test_training_operators_are_exported_as_for_testing():
    def net(x):
        hidden = paddle.nn.functional.dropout(static.nn.batch_norm(x), 0.5)
        return paddle.mean(hidden)

    feeds, (loss,) = built(net, ("x", [None, 3], "float32"))
    paddle.optimizer.Adam(0.1).minimize(loss)
    static.Executor(paddle.CPUPlace()).run(static.default_startup_program())
    path = paddle.onnx.export(static.default_main_program(), "model", feeds, output_spec=[loss], check=True)
    assert {node.op_type for node in onnx.load(path).graph.node} <= {"BatchNormalization", "Identity", "ReduceMean"}


@pytest.mark.parametrize("dtype", ["float64", "float16"])
def test_numbers_keep_their_dtype(dtype):
    model = exported(lambda x: paddle.scale(x, 2.0, 1.0), ("x", [2, 3], dtype), rtol=1e-2)
    assert onnx.helper.tensor_dtype_to_np_dtype(model.graph.output[0].type.tensor_type.elem_type) == np.dtype(dtype)


def test_large_parameters_can_stand_in_a_file_of_their_own(tmp_path):
    feeds, fetches = built(lambda x: static.nn.fc(x, 512), ("x", [None, 16], "float32"))
    program = static.default_main_program()
    path = paddle.onnx.export(program, "outside", feeds, output_spec=fetches, external_data=True, check=True)
    assert os.path.getsize(path + ".data") >= 16 * 512 * 4 > os.path.getsize(path)
    onnx.checker.check_model(path)
    for tensor in onnx.load(path, load_external_data=False).graph.initializer:
        offsets = [int(one.value) for one in tensor.external_data if one.key == "offset"]
        assert all(offset % 4096 == 0 for offset in offsets)
    paddle.onnx.export(program, "outside", feeds, output_spec=fetches, check=True)
    assert sorted(os.listdir(tmp_path)) == ["outside.onnx"]  # the old file of parameters went


def test_what_has_no_form_is_listed_in_one_error_and_no_file_appears(tmp_path):
    def net(x):
        return [paddle.linalg.inv(x), paddle.lgamma(x) + paddle.linalg.inv(x), paddle.digamma(x)]

    feeds, fetches = built(net, ("x", [2, 2], "float32"))
    with pytest.raises(NotImplementedError) as error:
        paddle.onnx.export(static.default_main_program(), "model", feeds, output_spec=fetches)
    assert "no ONNX form for inverse at block 0 op 0, block 0 op 2; lgamma at block 0 op 1; digamma at block 0 op 4" in str(error.value)
    assert os.listdir(tmp_path) == []
    # What nothing needs is no obstacle.
    out = paddle.exp(feeds[0])
    assert paddle.onnx.export(static.default_main_program(), "model", feeds, output_spec=[out], check=True) == "model.onnx"


def test_an_attribute_without_form_is_named_with_its_reason():
    feeds, fetches = built(lambda x, y: paddle.bitwise_and(x, y), ("x", [2], "int32"), ("y", [2], "int32"))
    with pytest.raises(NotImplementedError, match=r"bitwise_and \(bits of integers need opset 18\) at block 0 op 0"):
        paddle.onnx.export(static.default_main_program(), "model", feeds, output_spec=fetches)
    paddle.onnx.export(static.default_main_program(), "model", feeds, output_spec=fetches, opset_version=18, check=True)


@pytest.mark.parametrize("opset", [9, 16, 21])
def test_an_opset_out_of_range_is_an_error(opset):
    feeds, fetches = built(paddle.exp, ("x", [2], "float32"))
    with pytest.raises(ValueError, match=f"opset {opset} is not written; there are 17 to 20"):
        paddle.onnx.export(static.default_main_program(), "model", feeds, output_spec=fetches, opset_version=opset)


def test_a_file_that_computes_something_else_is_refused_with_the_difference(monkeypatch):
    feeds, fetches = built(lambda x: x * 2.0, ("x", [2], "float32"))

    class Wrong(runtime.InferenceSession):
        def run(self, *arguments):
            return [2 * one for one in super().run(*arguments)]

    monkeypatch.setattr(runtime, "InferenceSession", Wrong)
    with pytest.raises(AssertionError, match=r"model.onnx: output .* differs from skiff's in 2 of 2 elements, by at most 6 where"):
        paddle.onnx.export(static.default_main_program(), "model", feeds, output_spec=fetches, check=True, check_inputs={"x": np.float32([1, 3])})


def test_without_onnxruntime_a_check_that_is_asked_for_says_how_to_install_it(monkeypatch):
    feeds, fetches = built(paddle.exp, ("x", [2], "float32"))
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(ImportError, match="pip install onnxruntime"):
        paddle.onnx.export(static.default_main_program(), "model", feeds, output_spec=fetches, check=True)
    assert paddle.onnx.export(static.default_main_program(), "model", feeds, output_spec=fetches) == "model.onnx"


def test_what_is_no_model_says_what_would_be():
    with pytest.raises(TypeError, match="the name of a saved model or a Program"):
        paddle.onnx.export(lambda x: x, "model")
    with pytest.raises(ValueError, match="input_spec and output_spec belong to a program"):
        paddle.onnx.export("missing", "model", ["x"])
    with pytest.raises(OSError, match="missing"):
        paddle.onnx.export("missing", "model")


def test_a_program_says_what_is_not_fed_and_that_nothing_is_fetched():
    feeds, fetches = built(lambda x, y: x + y, ("x", [2], "float32"), ("y", [2], "float32"))
    with pytest.raises(ValueError, match='"y" has no value: nothing computes it, and it is not among the inputs'):
        paddle.onnx.export(static.default_main_program(), "model", [feeds[0]], output_spec=fetches)
    with pytest.raises(ValueError, match="the model has no outputs"):
        paddle.onnx.export(static.default_main_program(), "model", feeds)
    with pytest.raises(RuntimeError, match="nowhere"):
        paddle.onnx.export(static.default_main_program(), "model", feeds, output_spec=["nowhere"])


def test_a_program_whose_parameters_have_no_values_says_which():
    x = static.data("x", [None, 2])
    y = static.nn.fc(x, 2, name="head")
    with pytest.raises(RuntimeError, match='without a value in the scope: "head.b_0", "head.w_0"; run the startup program'):
        paddle.onnx.export(static.default_main_program(), "model", [x], output_spec=[y])


def test_random_numbers_have_the_shape_and_the_spread_asked_for():
    def net(x):
        return [paddle.uniform([1000, 2], min=2.0, max=3.0), paddle.normal(1.0, 0.1, [1000]) + x]

    feeds, fetches = built(net, ("x", [1], "float32"))
    with pytest.raises(ValueError, match="draws random numbers"):
        paddle.onnx.export(static.default_main_program(), "model", feeds, output_spec=fetches, check=True)
    path = paddle.onnx.export(static.default_main_program(), "model", feeds, output_spec=fetches)
    uniform, normal = runtime.InferenceSession(path).run(None, {"x": np.zeros(1, "float32")})
    assert uniform.shape == (1000, 2) and 2 <= uniform.min() < 2.1 and 2.9 < uniform.max() <= 3
    assert abs(normal.mean() - 1) < 0.02 and abs(normal.std() - 0.1) < 0.02


LAYERS = {
    "pad2d_reflect": lambda x: paddle.nn.functional.pad(x, [1, 0, 2, 1], mode="reflect"),
    "roll": lambda x: paddle.roll(x, [1, -2], [2, 3]),
    "roll_flat": lambda x: paddle.roll(x, 3),
    "flip": lambda x: paddle.flip(x, [1, 3]),
    "unbind": lambda x: paddle.unbind(x, 1),
    "expand_as": lambda x: paddle.expand_as(paddle.mean(x, 1, keepdim=True), x),
    "unfold": lambda x: paddle.nn.functional.unfold(x, [2, 3], [1, 2], 1),
    "adaptive": lambda x: paddle.nn.functional.adaptive_avg_pool2d(x, [3, 2]),
    "unpool": lambda x: paddle.nn.functional.max_unpool2d(*paddle.nn.functional.max_pool2d(x, 2, return_mask=True), 2, output_size=[6, 4]),
    "instance_norm": lambda x: static.nn.instance_norm(x),
    "group_norm": lambda x: static.nn.group_norm(x, 2),
    "layer_norm": lambda x: static.nn.layer_norm(x, begin_norm_axis=2),
    "prelu": lambda x: static.nn.prelu(x, "channel"),
    "conv_transpose": lambda x: static.nn.conv2d_transpose(x, 3, filter_size=3, stride=2, padding=1),
    "comparison": lambda x: paddle.logical_and(x > 0, paddle.floor(x) != x),
    "norms": lambda x: [paddle.norm(x, p=2, axis=1), paddle.norm(x, p=1, axis=[2]), paddle.logsumexp(x, [1, 2])],
}


@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_computes_the_same_in_onnx_runtime(name):
    exported(LAYERS[name], ("x", [None, 4, 6, 4], "float32"))


def test_adaptive_bins_fit_whatever_extents_come():
    def net(x):
        return [paddle.nn.functional.adaptive_max_pool2d(x, [3, 2]), paddle.nn.functional.adaptive_avg_pool2d(x, [1, 4])]

    random = np.random.RandomState(0)
    pictures = [{"x": random.rand(2, 2, *extents).astype("float32")} for extents in ((3, 4), (7, 5), (12, 8))]
    model = exported(net, ("x", [None, 2, None, None], "float32"), check_inputs=pictures)
    assert [dims(one)[2:] for one in model.graph.output] == [[3, 2], [1, 4]]


def test_extents_that_would_write_out_millions_of_nodes_have_no_form():
    x = static.data("x", [1, 1, 10**6, 8])
    y = paddle.nn.functional.adaptive_avg_pool2d(x, [10**6 - 1, 2])
    with pytest.raises(NotImplementedError, match="adaptive bins, of which each takes nodes"):
        paddle.onnx.export(static.default_main_program(), "model", [x], output_spec=[y])
