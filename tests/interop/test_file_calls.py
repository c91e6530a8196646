"""Files of every origin and the ways to load them, and the errors: what Paddle 2.6.2 does, skiff does.

No Paddle is needed. SKIFF_UNDER_TEST=paddle runs the same tests with real Paddle.
"""
import io
import shutil
import warnings

import numpy as np
import pytest

from under_test import GOLDEN, MODULE, load

paddle = load()
static = paddle.static
OF_SKIFF = MODULE == "skiff"
LEGACY = ["bn1.b_0", "bn1.w_0", "bn1.w_1", "bn1.w_2", "conv1.b_0", "conv1.w_0", "fc_0.b_0", "fc_0.w_0"]


@pytest.fixture
def exe():
    """An executor, with a scope, programs and names that no other test sees."""
    with static.scope_guard(static.Scope()), static.program_guard(static.Program(), static.Program()), paddle.utils.unique_name.guard():
        yield static.Executor(paddle.CPUPlace())


@pytest.fixture
def trained(exe):
    """A small net with Adam after its startup program: program, input, output."""
    x = static.data("x", [None, 4])
    y = static.nn.fc(x, 3)
    paddle.optimizer.Adam(0.1).minimize(paddle.mean(y))
    exe.run(static.default_startup_program())
    return static.default_main_program(), x, y


def parameters(program):
    return [v for v in program.list_vars() if isinstance(v, paddle.base.framework.Parameter)]


def values(program):
    return {name: np.array(tensor) for name, tensor in program.state_dict().items()}


def forget(program):
    """Overwrites the state, so that a load must bring it back."""
    program.set_state_dict({name: np.zeros_like(value) for name, value in values(program).items()})


def save_vars(*args, **kwargs):
    return getattr(static, "io", static).save_vars(*args, **kwargs)


def load_vars(*args, **kwargs):
    return getattr(static, "io", static).load_vars(*args, **kwargs)


# ---- models of every origin as state dicts

@pytest.mark.parametrize("folder, options", [("legacy_separate/model", {}), ("legacy_combined/model", {"params_filename": "__params__"}),
                                             ("legacy_combined/model", {"model_filename": "__model__", "params_filename": "__params__"})])
def test_the_folder_of_an_old_model_is_a_state_dict(folder, options):
    state = paddle.load(str(GOLDEN / folder), **options)
    assert sorted(name for name in state if not name.startswith("fc")) == LEGACY[:6]
    assert all(isinstance(value, np.ndarray) for value in state.values())
    assert state["conv1.w_0"].shape == (4, 1, 3, 3)


@pytest.mark.parametrize("prefix, names", [
    ("jit_conv_bn_relu/model", ["1._mean", "1._variance", "1.bias", "1.weight"]),
    ("jit_multi_function/model.hidden", ["linear_0.b_0", "linear_0.w_0"]),
    ("seed_matmul_add/infer_model", ["create_parameter_0.w_0", "create_parameter_1.w_0"])])
def test_a_models_prefix_is_a_state_dict_with_the_layers_names_where_they_were_saved(prefix, names):
    state = paddle.load(str(GOLDEN / prefix))
    assert set(names) <= set(state)
    assert all(isinstance(value, np.ndarray) for value in state.values())


@pytest.mark.skipif(not OF_SKIFF, reason="Paddle can do this in imperative mode alone")
def test_a_folder_of_variables_is_a_state_dict():
    state = paddle.load(str(GOLDEN / "legacy_combined" / "nested_dir"))
    assert {name: value.shape for name, value in state.items()} == {"block/a/w": (2, 2), "block/b": (2, 2)}


# ---- variables in files of their own, as Paddle 1.x wrote them

def test_variables_go_to_one_file_each_and_come_back(exe, trained, tmp_path):
    program, before = trained[0], values(trained[0])
    (tmp_path / "vars").mkdir()
    save_vars(exe, str(tmp_path / "vars"), program, predicate=lambda v: v.persistable)
    assert sorted(path.name for path in (tmp_path / "vars").iterdir()) == sorted(before)
    forget(program)
    load_vars(exe, str(tmp_path / "vars"), program, predicate=lambda v: v.persistable)
    for name, value in values(program).items():
        np.testing.assert_array_equal(value, before[name])


def test_variables_of_another_shape_are_an_error(exe, trained, tmp_path):
    save_vars(exe, str(tmp_path), trained[0], predicate=lambda v: v.persistable)
    other = static.Program()
    with static.program_guard(other, static.Program()), paddle.utils.unique_name.guard():
        static.nn.fc(static.data("x", [None, 4]), 5)
    with pytest.raises(RuntimeError, match="(?s)fc_0.w_0.*4, 3"):
        load_vars(exe, str(tmp_path), other, predicate=lambda v: v.persistable)


@pytest.mark.parametrize("names", ["given", "all"])
def test_a_folder_of_variables_is_what_static_load_takes(names, exe, trained, tmp_path):
    program, before = trained[0], values(trained[0])
    save_vars(exe, str(tmp_path), program, predicate=lambda v: v.persistable)
    forget(program)
    static.load(program, str(tmp_path), exe, parameters(program) if names == "given" else None)
    found = values(program)
    for name in before:
        if names == "all" or name in ("fc_0.w_0", "fc_0.b_0"):
            np.testing.assert_array_equal(found[name], before[name])
        else:
            assert not found[name].any() or not before[name].any()


def test_one_file_of_all_variables_needs_their_names(exe, trained, tmp_path):
    program, before = trained[0], values(trained[0])
    save_vars(exe, str(tmp_path), program, vars=parameters(program), filename="all")
    forget(program)
    with pytest.raises(ValueError, match="var_list"):
        static.load(program, str(tmp_path / "all"), exe)
    with pytest.raises(ValueError, match="var_list"):
        static.load_program_state(str(tmp_path / "all"))
    static.load(program, str(tmp_path / "all"), exe, parameters(program))
    np.testing.assert_array_equal(values(program)["fc_0.w_0"], before["fc_0.w_0"])
    state = static.load_program_state(str(tmp_path / "all"), parameters(program))
    assert sorted(state) == ["fc_0.b_0", "fc_0.w_0"]


def test_the_state_of_a_folder_is_read_and_what_is_no_variable_is_told():
    with pytest.warns(RuntimeWarning, match="__model__"):
        state = static.load_program_state(str(GOLDEN / "legacy_separate" / "model"))
    assert set(LEGACY[:6]) <= set(state)
    nested = static.load_program_state(str(GOLDEN / "legacy_combined" / "nested_dir"))
    assert sorted(nested) == ["block/a/w", "block/b"]


# ---- without pickles

@pytest.mark.parametrize("name", ["selected_rows/rows.bin", "lod_tensor/lod2.bin", "binary_format/bf16.bin", "binary_format/f64_0d.bin"])
def test_tensors_and_rows_without_a_pickle_come_back_byte_for_byte(name, tmp_path):
    wanted = (GOLDEN / name).read_bytes()
    value = paddle.load(str(GOLDEN / name))
    paddle.save(value, str(tmp_path / "again"), use_binary_format=True)
    buffer = io.BytesIO()
    paddle.save(value, buffer, use_binary_format=True)
    assert (tmp_path / "again").read_bytes() == buffer.getvalue() == wanted


# ---- state of programs

def test_the_state_of_a_program_is_parameters_and_the_rest(trained, tmp_path, exe):
    program = trained[0]
    assert sorted(program.state_dict("param")) == ["fc_0.b_0", "fc_0.w_0"]
    assert sorted(set(program.state_dict()) - set(program.state_dict("param"))) == sorted(program.state_dict("opt"))
    static.save(program, str(tmp_path / "m"))
    for path in ("m", "m.pdparams"):
        assert sorted(static.load_program_state(str(tmp_path / path))) == sorted(program.state_dict())


@pytest.mark.parametrize("state, error, text", [
    ({"fc_0.w_0": np.ones((3, 4), "float32")}, AssertionError, "shape"),
    ({"fc_0.w_0": np.ones((4, 3), "float64")}, AssertionError, "float32")])
def test_a_program_state_of_another_shape_or_dtype_is_refused(state, error, text, trained):
    before = values(trained[0])["fc_0.w_0"]
    with pytest.raises(error, match=text):
        static.set_program_state(trained[0], state)
    np.testing.assert_array_equal(values(trained[0])["fc_0.w_0"], before)


def test_entries_that_a_program_does_not_have_are_told(trained):
    with pytest.warns(UserWarning, match="foo"):
        static.set_program_state(trained[0], {"foo": np.ones(3, "float32"), "fc_0.b_0": np.full(3, 2, "float32")})
    np.testing.assert_array_equal(values(trained[0])["fc_0.b_0"], [2, 2, 2])
    with pytest.warns(UserWarning, match="foo"):
        trained[0].set_state_dict({"foo": np.ones(3, "float32"), "fc_0.b_0": np.full(3, 3, "float32")})
    np.testing.assert_array_equal(values(trained[0])["fc_0.b_0"], [3, 3, 3])


def test_a_state_of_another_shape_is_skipped_with_a_warning(trained):
    before = values(trained[0])["fc_0.w_0"]
    with pytest.warns(UserWarning, match="fc_0.w_0"):
        trained[0].set_state_dict({"fc_0.w_0": np.ones((3, 4), "float32"), "fc_0.b_0": np.full(3, 3, "float32")})
    np.testing.assert_array_equal(values(trained[0])["fc_0.w_0"], before)
    np.testing.assert_array_equal(values(trained[0])["fc_0.b_0"], [3, 3, 3])


@pytest.mark.parametrize("call, error", [
    (lambda p: p.state_dict("foo"), ValueError), (lambda p: p.state_dict("param", static.Scope()), ValueError),
    (lambda p: p.set_state_dict([1]), TypeError)])
def test_a_state_dict_asked_for_wrongly_is_an_error(call, error, trained):
    with pytest.raises(error):
        call(trained[0])


# ---- paths, buffers, bytes

@pytest.mark.parametrize("name", ["模型", "é à", "with space", "/".join(["d" * 60] * 5) + "/m"], ids=["chinese", "accents", "space", "long"])
def test_paths_are_utf8_and_may_be_long(name, exe, trained, tmp_path):
    program, x, y = trained
    prefix = str(tmp_path / name)
    static.save_inference_model(prefix, [x], [y], exe, program=program)
    assert static.load_inference_model(prefix, exe)[1] == ["x"]
    before = values(program)
    static.save(program, prefix + "é")
    forget(program)
    static.load(program, prefix + "é", exe)
    np.testing.assert_array_equal(values(program)["fc_0.w_0"], before["fc_0.w_0"])


def test_a_model_lies_in_a_folder_under_names_with_or_without_suffix(exe, trained, tmp_path):
    program, x, y = trained
    static.save_inference_model(str(tmp_path / "m"), [x], [y], exe, program=program)
    feed = {"x": np.ones((2, 4), "float32")}
    wanted = None
    for names in (("m", "m"), ("m.pdmodel", "m.pdiparams")):
        loaded, _, fetches = static.load_inference_model(str(tmp_path), exe, model_filename=names[0], params_filename=names[1])
        found = exe.run(loaded, feed=feed, fetch_list=fetches)[0]
        wanted = found if wanted is None else wanted
        np.testing.assert_array_equal(found, wanted)


def test_objects_and_programs_travel_in_buffers(trained):
    for saved in ({"a": np.arange(3)}, trained[0]):
        buffer = io.BytesIO()
        paddle.save(saved, buffer)
        buffer.seek(0)
        found = paddle.load(buffer)
        assert type(found) is type(saved)


def test_a_program_is_parsed_from_what_its_description_serializes_to(trained):
    program = trained[0]
    again = static.Program.parse_from_string(program.desc.serialize_to_string())
    assert [op.type for op in again.global_block().ops] == [op.type for op in program.global_block().ops]
    assert sorted(v.name for v in again.list_vars() if v.persistable) == sorted(v.name for v in program.list_vars() if v.persistable)
    assert paddle.framework.save is paddle.save and paddle.framework.load is paddle.load
    with pytest.raises(ValueError):
        static.deserialize_program(b"no program")


def test_a_program_without_parameters_serializes_to_none(exe):
    x = static.data("x", [2])
    y = x * 2.0
    with pytest.warns(UserWarning):
        data = static.serialize_persistables([x], [y], exe)
    assert data is None
    static.deserialize_persistables(static.Program(), None, exe)


# ---- the legacy format

@pytest.mark.parametrize("dtype", ["float32", "int64", "bool"])
def test_the_legacy_format_keeps_values_in_plain_attributes(dtype, exe, tmp_path):
    x = static.data("x", [2, 3], dtype)
    y = static.setitem(x, 0, dtype != "bool" and 1 or True)
    exe.run(static.default_startup_program())
    static.save_inference_model(str(tmp_path / "m"), [x], [paddle.cast(y, "float32")], exe, legacy_format=True)
    # Paddle reads the plain attributes as scalars again, so the bytes must tell: a name behind its length, a list of one.
    written = (tmp_path / "m.pdmodel").read_bytes()
    held = {"float32": "fp64_values", "int64": "int64_values", "bool": "bool_values"}[dtype]
    for name in ("bool_values", "fp16_values", "fp32_values", "fp64_values", "int32_values", "int64_values"):
        key = bytes([len(name)]) + name.encode()
        assert written.count(key) == 1, name
        attribute_bytes = written[written.index(key) - 2]
        assert (attribute_bytes > len(key) + 3) == (name == held), name
    assert bytes([6]) + b"values" not in written
    program, feeds, fetches = static.load_inference_model(str(tmp_path / "m"), exe)
    found = exe.run(program, feed={feeds[0]: np.zeros((2, 3), dtype)}, fetch_list=fetches)[0]
    np.testing.assert_array_equal(found, [[1, 1, 1], [0, 0, 0]])


# ---- errors: the same types

GARBAGE, EMPTY_MODEL = b"hello world, this is no file", b"\x0a\x02"


@pytest.mark.parametrize("call, error", [
    (lambda d, t: paddle.load(f"{GOLDEN}/nope"), ValueError),
    (lambda d, t: paddle.load(f"{GOLDEN}/seed_linear_adam/linear_net"), ValueError),
    (lambda d, t: paddle.load(f"{GOLDEN}/seed_linear_adam/linear_net.pdparams", foo=1), ValueError),
    (lambda d, t: paddle.load(f"{d}/garbage"), ValueError),
    (lambda d, t: paddle.load(f"{d}/cut"), ValueError),
    (lambda d, t: paddle.save({"a": t}, f"{d}/"), ValueError),
    (lambda d, t: paddle.save({"a": t}, f"{d}/x", foo=1), ValueError),
    (lambda d, t: paddle.save({"a": t}, 5), ValueError),
    (lambda d, t: paddle.save([i for i in range(2)].__iter__(), f"{d}/x"), NotImplementedError),
    (lambda d, t: paddle.save({"p": static.Program()}, f"{d}/x"), TypeError),
    (lambda d, t: paddle.save({"a": 1}, f"{d}/x", use_binary_format=True), NotImplementedError),
    (lambda d, t: paddle.save(t, f"{d}/x", use_binary_format=1), TypeError),
    (lambda d, t: static.save_to_file(f"{d}/x", "text"), ValueError),
    (lambda d, t: static.load_from_file(f"{d}/none"), FileNotFoundError),
    (lambda d, t: static.deserialize_program(b"abc"), ValueError),
])
def test_what_cannot_be_loaded_or_saved_is_an_error_of_paddles_type(call, error, tmp_path):
    (tmp_path / "garbage").write_bytes(GARBAGE)
    (tmp_path / "cut").write_bytes((GOLDEN / "seed_linear_adam" / "linear_net.pdparams").read_bytes()[:-10])
    tensor = paddle.base.core.LoDTensor()
    tensor.set(np.ones((2, 3), "float32"), paddle.CPUPlace())
    with warnings.catch_warnings(), pytest.raises(error):
        warnings.simplefilter("ignore")
        call(tmp_path, tensor)


@pytest.mark.parametrize("call, error", [
    (lambda d, e, p, x, y: static.save_inference_model(f"{d}/", [x], [y], e, program=p), ValueError),
    (lambda d, e, p, x, y: static.save_inference_model(f"{d}/m", [x, static.data("q", [1])], [y], e, program=p), ValueError),
    (lambda d, e, p, x, y: static.load_inference_model(f"{d}/none", e), FileNotFoundError),
    (lambda d, e, p, x, y: static.load_inference_model(f"{d}/m", e, foo=1), ValueError),
    (lambda d, e, p, x, y: static.load_inference_model(None, e), ValueError),
    (lambda d, e, p, x, y: static.load_inference_model(f"{d}/cut", e), ValueError),
    (lambda d, e, p, x, y: static.load_inference_model(f"{d}/alone", e), (RuntimeError, FileNotFoundError)),
    (lambda d, e, p, x, y: static.load(p, f"{d}/none"), ValueError),
    (lambda d, e, p, x, y: static.load(p, f"{d}/none", e), FileNotFoundError),
])
def test_models_that_cannot_be_loaded_or_saved_are_an_error_of_paddles_type(call, error, exe, trained, tmp_path):
    program, x, y = trained
    static.save_inference_model(str(tmp_path / "m"), [x], [y], exe, program=program)
    (tmp_path / "cut.pdmodel").write_bytes((tmp_path / "m.pdmodel").read_bytes()[:100])
    shutil.copy(tmp_path / "m.pdmodel", tmp_path / "alone.pdmodel")
    with pytest.raises(error):
        call(tmp_path, exe, program, x, y)


def test_parameters_without_values_cannot_be_saved(exe, trained, tmp_path):
    program, x, y = trained
    with static.scope_guard(static.Scope()), pytest.raises(ValueError):
        static.save_inference_model(str(tmp_path / "m"), [x], [y], exe, program=program)
    assert not OF_SKIFF or not list(tmp_path.iterdir())
