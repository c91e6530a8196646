"""The golden files, which real Paddle wrote once, load and run as Paddle recorded.

No Paddle is needed. SKIFF_UNDER_TEST=paddle runs the same tests with real Paddle.
"""
import numpy as np
import pytest

from under_test import GOLDEN, load

paddle = load()
CLOSE = {"rtol": 1e-4, "atol": 5e-5}
INFERENCE = {  # prefix of the files -> keywords of load_inference_model
    "seed_matmul_add/infer_model": {}, "seed_lenet_hapi/inference_model": {}, "jit_conv_bn_relu/model": {}, "pdmodel_from_v3/model": {},
    "jit_embed_lstm/model": {}, "attr_types/model": {}, "lod_tensor/model": {},
    "legacy_separate/model": {"model_filename": "__model__"}, "legacy_combined/model": {"model_filename": "__model__", "params_filename": "__params__"},
}
BRANCHES = {"static_control_flow": ["z", "y"], "jit_control_flow": ["y"]}  # folder -> what io.npz calls the outputs
FUNCTIONS = ["model", "model.hidden", "noparam", "func"]
FROM_MEMORY = ["infer_model.pdmodel", "legacy_format.pdmodel", "clip_extra_false.pdmodel"]
RUN_ELSEWHERE = {  # program -> the test that runs it, or why nothing can
    "seed_matmul_add/serialize_program.bin": "test_a_serialized_program_deserializes_and_runs",
    "seed_static_fc/temp/model.pdmodel": "test_a_saved_program_runs_with_a_saved_state_dict",
    "static_save_train/train.pdmodel": "test_a_training_checkpoint_goes_on_where_paddle_stopped",
    "pir_json_v3/model.json": "test_pir.py", "pir_json_v3/static_fc.json": "test_pir.py", "pir_control_flow_v3/model.json": "test_pir.py",
    "pir_json_v3/static_fc_readable.json": "test_pir.py: the same program as static_fc.json",
    "pir_json_v3/train.json": "test_pir.py",
    "pir_json_v3/program.json": "the same bytes as train.json",
    "static_control_flow/main.pdmodel": "the program that model.pdmodel was pruned from, without its parameters",
    "dtypes_pdiparams/program.pdmodel": "has no operators",
    "attr_types/every_attr.pdmodel": "made of attributes; its operators compute nothing",
}


@pytest.fixture
def exe():
    """An executor, with a scope and programs that no other test sees."""
    with paddle.static.scope_guard(paddle.static.Scope()), paddle.static.program_guard(paddle.static.Program(), paddle.static.Program()):
        yield paddle.static.Executor(paddle.CPUPlace())


def io(folder):
    with np.load(GOLDEN / folder / "io.npz") as archive:
        return {name: archive[name] for name in archive.files}


def inputs_and_outputs(folder):
    """What a golden io.npz holds: feed by name, outputs in fetch order."""
    arrays = io(folder)
    feed = {name.split("__", 1)[1]: value for name, value in arrays.items() if name.startswith("in_")}
    return feed, [arrays[f"out_{i}"] for i in range(sum(name.startswith("out_") for name in arrays))]


def check_program(exe, loaded, folder):
    program, feeds, fetches = loaded
    feed, wanted = inputs_and_outputs(folder)
    assert sorted(feeds) == sorted(feed)
    if folder == "lod_tensor":
        lengths = np.diff(io(folder)["lod1_offsets"]).tolist()
        feed = {name: paddle.base.create_lod_tensor(value, [lengths], paddle.CPUPlace()) for name, value in feed.items()}
    outputs = exe.run(program, feed=feed, fetch_list=fetches)
    assert len(outputs) == len(wanted)
    for ours, paddles in zip(outputs, wanted):
        assert ours.dtype == paddles.dtype
        np.testing.assert_allclose(ours, paddles, **CLOSE)


def scope_value(name):
    return np.array(paddle.static.global_scope().find_var(name).get_tensor())


def test_every_program_among_the_files_is_run():
    """A golden program that no list above has fails here."""
    run = {prefix + ("/__model__" if options else ".pdmodel") for prefix, options in INFERENCE.items()}
    run |= {f"{folder}/model.pdmodel" for folder in BRANCHES} | {f"seed_matmul_add/{name}" for name in FROM_MEMORY}
    run |= {f"jit_multi_function/{name}.pdmodel" for name in FUNCTIONS} | set(RUN_ELSEWHERE)
    programs = {str(path.relative_to(GOLDEN)) for path in GOLDEN.rglob("*") if path.is_file() and is_program(path.read_bytes())}
    assert programs == run


def is_program(data):
    return data[:1] == b"\n" or (data[:1] == b"{" and b'"base_code"' in data)


@pytest.mark.parametrize("prefix", INFERENCE)
def test_an_inference_model_answers_as_recorded(prefix, exe):
    loaded = paddle.static.load_inference_model(str(GOLDEN / prefix), exe, **INFERENCE[prefix])
    check_program(exe, loaded, prefix.split("/")[0])


@pytest.mark.parametrize("name", FUNCTIONS)
def test_each_function_of_a_layer_answers_as_recorded(name, exe):
    program, feeds, fetches = paddle.static.load_inference_model(str(GOLDEN / "jit_multi_function" / name), exe)
    arrays = io("jit_multi_function")
    outputs = exe.run(program, feed={feeds[0]: arrays["x"]}, fetch_list=fetches)
    assert len(outputs) == sum(key.startswith(f"{name}__out_") for key in arrays)
    for i, ours in enumerate(outputs):
        np.testing.assert_allclose(ours, arrays[f"{name}__out_{i}"], **CLOSE)


@pytest.mark.parametrize("folder, outputs", BRANCHES.items())
def test_a_model_with_branches_and_loops_answers_as_recorded(folder, outputs, exe):
    """Each run takes another way through the branches, or another number of turns."""
    program, feeds, fetches = paddle.static.load_inference_model(str(GOLDEN / folder / "model"), exe)
    arrays, run = io(folder), 0
    while f"x_{run}" in arrays:
        feed = {name: arrays[f"{key}_{run}"] for name, key in zip(feeds, ["x", "n"])}
        for ours, key in zip(exe.run(program, feed=feed, fetch_list=fetches), outputs, strict=True):
            np.testing.assert_allclose(ours, arrays[f"{key}_{run}"], **CLOSE)
        run += 1
    assert run > 1


@pytest.mark.parametrize("program", FROM_MEMORY)
def test_an_inference_model_loads_from_memory(program, exe):
    folder = GOLDEN / "seed_matmul_add"
    loaded = paddle.static.load_inference_model(None, exe, model_filename=(folder / program).read_bytes(),
                                                params_filename=(folder / "infer_model.pdiparams").read_bytes())
    check_program(exe, loaded, "seed_matmul_add")


def test_a_serialized_program_deserializes_and_runs(exe):
    folder = GOLDEN / "seed_matmul_add"
    program = paddle.static.deserialize_program((folder / "serialize_program.bin").read_bytes())
    paddle.static.deserialize_persistables(program, (folder / "infer_model.pdiparams").read_bytes(), exe)
    feed, (wanted,) = inputs_and_outputs("seed_matmul_add")
    fetches = [op.input("X")[0] for op in program.global_block().ops if op.type == "fetch"]
    np.testing.assert_allclose(exe.run(program, feed=feed, fetch_list=fetches)[0], wanted, **CLOSE)


def test_a_saved_program_runs_with_a_saved_state_dict(exe):
    folder, arrays = GOLDEN / "seed_static_fc" / "temp", io("seed_static_fc")
    program, state = paddle.load(str(folder / "model.pdmodel")), paddle.load(str(folder / "model.pdparams"))
    assert sorted(state) == ["fc_0.b_0", "fc_0.w_0"]
    for name, value in state.items():
        paddle.static.global_scope().var(name).get_tensor().set(np.zeros_like(np.array(value)), paddle.CPUPlace())
    program.set_state_dict(state)
    out, = exe.run(program, feed={"x": arrays["x"]}, fetch_list=[str(arrays["fetch_name"])])
    np.testing.assert_allclose(out, arrays["out"], **CLOSE)


def test_a_saved_tensor_has_the_recorded_values(exe):
    tensor = paddle.load(str(GOLDEN / "seed_static_fc" / "temp" / "tensor.pdtensor"))
    np.testing.assert_array_equal(np.array(tensor), io("seed_static_fc")["param__fc_0.w_0"])


@pytest.mark.parametrize("name", ["train", "train_p2"])
def test_a_training_checkpoint_goes_on_where_paddle_stopped(name, exe, tmp_path):
    folder, arrays = GOLDEN / "static_save_train", io("static_save_train")
    program = paddle.load(str(folder / "train.pdmodel"))
    for suffix in (".pdparams", ".pdopt"):
        (tmp_path / ("train" + suffix)).write_bytes((folder / (name + suffix)).read_bytes())
    (tmp_path / "train.pdmodel").write_bytes((folder / "train.pdmodel").read_bytes())
    paddle.static.load(program, str(tmp_path / "train"), exe)
    for key, wanted in arrays.items():
        if key.startswith("state__"):
            np.testing.assert_array_equal(scope_value(key[len("state__"):]), wanted, err_msg=key)
    loss, = exe.run(program, feed={"x": arrays["x"], "y": arrays["y"]}, fetch_list=[str(arrays["loss_name"])])
    np.testing.assert_allclose(loss, arrays["next_loss"], **CLOSE)
    for key, wanted in arrays.items():
        if key.startswith("after__"):
            np.testing.assert_allclose(scope_value(key[len("after__"):]), wanted, **CLOSE, err_msg=key)


def test_imperative_training_goes_on_in_a_program(exe):
    """A Layer and its Adam, saved by Paddle's imperative mode: one more step in static mode ends at the parameters Paddle recorded."""
    folder, arrays = GOLDEN / "seed_linear_adam", io("seed_linear_adam")
    with paddle.utils.unique_name.guard():
        image, label = paddle.static.data("image", [None, 784]), paddle.static.data("label", [None, 1], "int64")
        linear = paddle.nn.Linear(784, 10)
        logits = linear(image)
        loss = paddle.nn.functional.cross_entropy(logits, label)
        paddle.optimizer.Adam(learning_rate=0.001).minimize(loss)
    program = paddle.static.default_main_program()
    exe.run(paddle.static.default_startup_program())
    parameters = {"linear_0.w_0": "_linear.weight", "linear_0.b_0": "_linear.bias"}
    model = paddle.load(str(folder / "linear_net.pdparams"), return_numpy=True)
    state = {**paddle.load(str(folder / "adam.pdopt"), return_numpy=True), **{name: model[key] for name, key in parameters.items()}}
    assert len(state) == 10
    paddle.static.set_program_state(program, state)
    out, = exe.run(program.clone(for_test=True), feed={"image": arrays["x"], "label": np.zeros((5, 1), "int64")}, fetch_list=[logits])
    np.testing.assert_allclose(out, arrays["out"], **CLOSE)
    got, = exe.run(program, feed={"image": arrays["next_image"], "label": arrays["next_label"]}, fetch_list=[loss])
    np.testing.assert_allclose(got, arrays["next_loss"], **CLOSE)
    for name, key in parameters.items():
        before, after = model[key], arrays["next_param__" + key]
        assert np.abs(after - before).max() > 1e-4
        np.testing.assert_allclose(scope_value(name), after, rtol=1e-4, atol=2e-6, err_msg=name)


@pytest.mark.parametrize("mode", ["param", "opt", "all"])
def test_a_saved_program_state_has_the_recorded_entries(mode, exe):
    arrays = {key[len("state__"):]: value for key, value in io("static_save_train").items() if key.startswith("state__")}
    parameters = {name for name in arrays if name.startswith("fc_") and name.count("_") == 2}
    names = {"param": parameters, "opt": set(arrays) - parameters, "all": set(arrays)}[mode]
    state = paddle.load(str(GOLDEN / "static_save_train" / f"state_{mode}.pd"), return_numpy=True)
    assert set(state) == names
    for name, value in state.items():
        np.testing.assert_array_equal(value, arrays[name], err_msg=name)


@pytest.mark.parametrize("file", ["all.pdparams", "all_protocol2.pdparams"])
def test_a_state_dict_keeps_every_dtype(file, exe):
    wanted = io("dtypes_pdparams")
    state = paddle.load(str(GOLDEN / "dtypes_pdparams" / file), return_numpy=True)
    assert sorted(state) == sorted(wanted)
    for name, value in wanted.items():
        assert (state[name].dtype, state[name].shape) == (value.dtype, value.shape), name
        np.testing.assert_array_equal(state[name], value, err_msg=name)


@pytest.mark.parametrize("combined", [True, False], ids=["combined", "separate"])
def test_tensor_files_keep_every_dtype(combined, exe):
    folder, wanted = GOLDEN / "dtypes_pdiparams", io("dtypes_pdiparams")
    del wanted["order"]
    program = paddle.load(str(folder / "program.pdmodel"))
    variables = [var for var in program.list_vars() if var.persistable and (combined or (folder / "separate" / var.name).exists())]
    where = {"dirname": str(folder), "filename": "all.pdiparams"} if combined else {"dirname": str(folder / "separate")}
    paddle.static.load_vars(exe, main_program=program, vars=variables, **where)
    assert not combined or sorted(var.name for var in variables) == sorted(wanted)
    for var in variables:
        value = scope_value(var.name)
        assert (value.dtype, value.shape) == (wanted[var.name].dtype, wanted[var.name].shape), var.name
        np.testing.assert_array_equal(value, wanted[var.name], err_msg=var.name)


def test_a_layers_state_dict_carries_its_buffers(exe):
    """The same network saved twice: by jit.save and as a state dict."""
    state = paddle.load(str(GOLDEN / "jit_conv_bn_relu" / "model.pdparams"), return_numpy=True)
    assert {"1._mean", "1._variance", "5._mean", "5._variance"} <= set(state)
    paddle.static.load_inference_model(str(GOLDEN / "jit_conv_bn_relu" / "model"), exe)
    np.testing.assert_array_equal(scope_value("conv2d_0.w_0"), state["0.weight"])
    np.testing.assert_array_equal(scope_value("batch_norm2d_0.w_1"), state["1._mean"])
