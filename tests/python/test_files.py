"""Saving and loading from Python."""
import io
import pickle
import shutil
import warnings
from pathlib import Path

import numpy as np
import pytest
import skiff as paddle
from skiff import _core

static = paddle.static
GOLDEN = Path(__file__).resolve().parents[1] / "golden"


FEED = {"x": np.arange(8, dtype="float32").reshape(2, 4)}


def test_state_and_program_come_back(net, exe, tmp_path):
    program = static.default_main_program()
    (before,) = exe.run(program, feed=FEED, fetch_list=[net[1]])
    paddle.save(program.state_dict(), str(tmp_path / "new" / "net.pdparams"))
    paddle.save(program, str(tmp_path / "net.pdmodel"))
    exe.run(static.default_startup_program())
    loaded = paddle.load(str(tmp_path / "net.pdmodel"))
    loaded.set_state_dict(paddle.load(str(tmp_path / "new" / "net.pdparams")))
    np.testing.assert_array_equal(exe.run(loaded, feed=FEED, fetch_list=[net[1].name])[0], before)


def test_an_inference_model_gives_the_same_answers(net, exe, tmp_path):
    (before,) = exe.run(feed=FEED, fetch_list=[net[1]])
    prefix = str(tmp_path / "net")
    static.save_inference_model(prefix, [net[0]], [net[1]], exe)
    with static.scope_guard(static.Scope()):
        program, feeds, fetches = static.load_inference_model(prefix, exe)
        assert feeds == ["x"]
        np.testing.assert_array_equal(exe.run(program, feed=FEED, fetch_list=fetches)[0], before)
    predictor = paddle.inference.Predictor(prefix, threads=1)
    assert predictor.input_names == ["x"]
    np.testing.assert_allclose(predictor.run(FEED)[0], before, rtol=1e-5)  # the bias joins the product there


def test_an_inference_model_travels_as_bytes(net, exe):
    (before,) = exe.run(feed=FEED, fetch_list=[net[1]])
    program = static.deserialize_program(static.serialize_program([net[0]], [net[1]]))
    data = static.serialize_persistables([net[0]], [net[1]], exe)
    fetch = program.global_block().ops[-1].input("X")
    with static.scope_guard(static.Scope()):
        static.deserialize_persistables(program, data, exe)
        np.testing.assert_array_equal(exe.run(program, feed=FEED, fetch_list=fetch)[0], before)


def test_of_two_programs_the_one_that_was_not_read_is_named(net, exe, tmp_path):
    prefix = str(tmp_path / "net")
    static.save_inference_model(prefix, [net[0]], [net[1]], exe, checksums=False)
    static.save_inference_model(prefix, [net[0]], [net[1]], exe, checksums=False, format="json")
    for read in (lambda: static.load_inference_model(prefix, exe), lambda: paddle.load(prefix), lambda: paddle.inference.Predictor(prefix)):
        with pytest.warns(UserWarning, match=r"net.json\" is read, as Paddle 3 does, and .*net.pdmodel\" is not"):
            read()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert static.load_inference_model(prefix + ".pdmodel", exe)[2][0].name.startswith("save_infer_model/scale_0")
        static.save_inference_model(prefix, [net[0]], [net[1]], exe)
        assert static.load_inference_model(prefix, exe)[2][0].name.startswith("save_infer_model/scale_0")


def test_static_save_and_load_restore_optimizers_too(net, exe, tmp_path):
    paddle.optimizer.Adam().minimize(paddle.mean(net[1]))
    exe.run(static.default_startup_program())
    exe.run(feed=FEED)
    program, prefix = static.default_main_program(), str(tmp_path / "net")
    state = {name: np.array(tensor) for name, tensor in program.state_dict().items()}
    static.save(program, prefix)
    exe.run(feed=FEED)
    static.load(program, prefix, exe)
    for name, tensor in program.state_dict().items():
        np.testing.assert_array_equal(np.array(tensor), state[name])
    assert set(static.load_program_state(prefix)) == set(state)


def test_a_state_dict_tells_what_it_did(net):
    program = static.default_main_program()
    state = {name: np.array(tensor) for name, tensor in program.state_dict().items()}
    state["fc_0.w_0"] = np.zeros((4, 4), "float32")
    with pytest.warns(UserWarning, match=r"fc_0.w_0: float32 \[4, 4\]"):
        report = program.set_state_dict(state)
    assert "fc_0.b_0" in report.loaded and not report.missing and not report.unexpected
    assert report.mismatched == ["fc_0.w_0: float32 [4, 4] in the state dict, float32 [4, 3] wanted"]


def test_a_state_dict_under_other_names_is_told_the_renaming(net):
    program = static.default_main_program()
    state = {"model." + name: np.array(tensor) for name, tensor in program.state_dict().items()}
    with pytest.warns(UserWarning, match="it would fit if renamed: model.fc_0.w_0 to fc_0.w_0"):
        report = program.set_state_dict(state)
    renamed = {dict(report.renaming)[name]: value for name, value in state.items()}
    assert not program.set_state_dict(renamed).missing


def test_an_entry_the_program_does_not_have_is_a_warning(net):
    with pytest.warns(UserWarning, match="other"):
        static.default_main_program().set_state_dict({"other": np.ones(3, "float32")})


@pytest.mark.parametrize("protocol", [2, 3, 4])
def test_nested_objects_come_back(tmp_path, protocol):
    path = str(tmp_path / "objects")
    value = {"a": [1, 2.5, "x", None, True, (3, b"y")], "b": {"c": np.arange(3)}, "big": 1 << 70, "z": {1, 2}}
    paddle.save(value, path, protocol=protocol)
    loaded = paddle.load(path, return_numpy=True)
    np.testing.assert_array_equal(loaded["b"].pop("c"), np.arange(3))
    value["b"].pop("c")
    assert loaded == value
    with open(path, "rb") as file:
        assert pickle.load(file)["a"] == value["a"]


@pytest.mark.parametrize("protocol", [2, 3, 4])
def test_pickles_are_those_of_python(protocol):
    """More than 256 objects in the memo, several frames, payloads outside of frames, numbers of any size."""
    value = {f"key {i}": [i, -i, i << 40, f"text {i}" * i] for i in range(400)}
    value["long"] = [1 << 3000, -(1 << 3000), 1 << 63, -(1 << 63), 255, 256, 65535, 65536, 2147483648]
    value["large"] = ["é" * 70000, ["x" * 65536], (1.5, None, True, ()), [list(range(2001))]]
    ours = _core.pickle_bytes(value, protocol)
    assert ours == pickle.dumps(value, protocol)
    assert _core.load_bytes(ours, True, True) == value


def test_buffers_are_files_too():
    buffer = io.BytesIO()
    paddle.save({"a": np.ones(2, "float32")}, buffer)
    buffer.seek(0)
    assert np.asarray(paddle.load(buffer)["a"]).tolist() == [1, 1]


def test_a_file_that_would_run_code_is_refused(tmp_path):
    class Attack:
        def __reduce__(self):
            return (open, (str(tmp_path / "owned"), "w"))
    path = tmp_path / "attack.pdparams"
    path.write_bytes(pickle.dumps({"w": Attack()}))
    with pytest.raises(ValueError, match="open"):
        paddle.load(str(path))
    assert not (tmp_path / "owned").exists()


def test_objects_that_cannot_be_saved_are_refused(tmp_path):
    with pytest.raises(TypeError, match="object"):
        paddle.save({"a": object()}, str(tmp_path / "x"))


def test_the_state_of_a_layer_is_what_its_variables_hold(exe, tmp_path):
    layer = paddle.nn.Linear(3, 2)
    with pytest.raises(ValueError, match="run the startup program first"):
        paddle.save(layer.state_dict(), str(tmp_path / "early"))
    exe.run(static.default_startup_program())
    paddle.save(layer.state_dict(), str(tmp_path / "layer.pdparams"))
    loaded = paddle.load(str(tmp_path / "layer.pdparams"), return_numpy=True, keep_name_table=True)
    assert loaded.pop("StructuredToParameterName@@") == {"weight": layer.weight.name, "bias": layer.bias.name}
    np.testing.assert_array_equal(loaded["weight"], np.array(static.global_scope().find_var(layer.weight.name).get_tensor()))
    with pytest.raises(ValueError, match=r"a Linear itself cannot be saved; save its state_dict\(\)"):
        paddle.save(layer, str(tmp_path / "x"))
    for mixed in ({"a": layer.weight, "b": 1}, [layer.weight], layer.weight):
        with pytest.raises(TypeError, match="has no value of its own"):
            paddle.save(mixed, str(tmp_path / "x"))


def test_a_missing_file_is_said(tmp_path):
    with pytest.raises(ValueError, match="nowhere"):
        paddle.load(str(tmp_path / "nowhere"))


def flip_bit(path):
    data = bytearray(path.read_bytes())
    data[-40] ^= 1
    path.write_bytes(data)


def test_checksums_catch_a_flipped_bit_and_a_stranger(net, exe, tmp_path):
    prefix, program = str(tmp_path / "net"), static.default_main_program()
    static.save_inference_model(prefix, [net[0]], [net[1]], exe)
    assert (tmp_path / "net.checksums").read_text().startswith("skiff checksums 1\n")
    flip_bit(tmp_path / "net.pdiparams")
    for load in (lambda **options: static.load_inference_model(prefix, exe, **options),
                 lambda **options: paddle.load(prefix, **options)):
        with pytest.raises(ValueError, match="net.pdiparams.* is not the file that was saved"):
            load()
        load(verify_checksums=False)
    with pytest.raises(ValueError, match="delete .*net.checksums"):
        paddle.inference.Predictor(prefix)
    static.save(program, prefix)
    exe.run(static.default_startup_program())
    static.save(program, str(tmp_path / "stranger"))
    shutil.copy(tmp_path / "stranger.pdparams", tmp_path / "net.pdparams")
    for load in (lambda **options: static.load(program, prefix, exe, **options),
                 lambda **options: static.load(program, prefix, exe, program.all_parameters(), **options),
                 lambda **options: static.load_program_state(prefix, **options),
                 lambda **options: paddle.load(prefix + ".pdparams", **options)):
        with pytest.raises(ValueError, match="net.pdparams.* is not the file that was saved"):
            load()
        load(verify_checksums=False)


def test_checksums_can_be_left_out(net, exe, tmp_path):
    static.save_inference_model(str(tmp_path / "net"), [net[0]], [net[1]], exe, checksums=False)
    static.save(static.default_main_program(), str(tmp_path / "state"), checksums=False)
    assert not list(tmp_path.glob("*.checksums"))


def test_a_folder_of_variables_holds_variables_alone(net, exe, tmp_path):
    program = static.default_main_program()
    static.save_vars(exe, str(tmp_path), program, program.all_parameters())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["fc_0.b_0", "fc_0.w_0"]


# ---- fields of messages that nobody knows yet

NESTED = {  # message -> field -> message, of the files of Paddle 2.6
    "ProgramDesc": {1: "BlockDesc", 4: "Version", 5: "OpVersionMap"}, "OpVersionMap": {1: "OpVersionPair"}, "OpVersionPair": {2: "OpVersion"},
    "BlockDesc": {3: "VarDesc", 4: "OpDesc"}, "VarDesc": {2: "VarType", 7: "VarAttr"},
    "VarType": {2: "TensorDesc", 3: "LoDTensorDesc", 4: "LoDTensorDesc", 5: "ReaderDesc", 7: "Tuple", 8: "TensorDesc", 9: "TensorDesc",
                10: "TensorDesc", 11: "TensorDesc", 12: "TensorDesc"},
    "LoDTensorDesc": {1: "TensorDesc"}, "ReaderDesc": {1: "LoDTensorDesc"}, "OpDesc": {1: "Slot", 2: "Slot", 4: "Attr"},
    "Attr": {20: "Scalar", 21: "Scalar"}, "Scalar": {5: "Complex"}}


def varint(value):
    out = b""
    while value >= 0x80:
        out, value = out + bytes([value & 0x7F | 0x80]), value >> 7
    return out + bytes([value])


def with_unknown_fields(data, message="ProgramDesc"):
    """`data` with a text in field 200 of every message."""
    def take():
        nonlocal at
        value = shift = 0
        while True:
            byte, at = data[at], at + 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value
    out, at = b"", 0
    while at < len(data):
        start, key = at, take()
        if key & 7 != 2:
            if key & 7 == 0:
                take()
            else:
                at += {1: 8, 5: 4}[key & 7]
            out += data[start:at]
            continue
        size = take()
        content, at = data[at:at + size], at + size
        inner = NESTED.get(message, {}).get(key >> 3)
        content = with_unknown_fields(content, inner) if inner else content
        out += varint(key) + varint(len(content)) + content
    text = f"of {message}".encode()
    return out + varint(200 << 3 | 2) + varint(len(text)) + text


@pytest.mark.parametrize("path", sorted(str(p.relative_to(GOLDEN)) for p in [*GOLDEN.rglob("*.pdmodel"), *GOLDEN.rglob("__model__")]))
def test_fields_of_a_program_that_skiff_does_not_know_are_written_again(path, tmp_path):
    data = with_unknown_fields((GOLDEN / path).read_bytes())
    assert data.count(b"of ") > 10
    program = static.deserialize_program(data)
    for number, one in enumerate((program, program.clone())):
        paddle.save(one, str(tmp_path / f"{number}.pdmodel"))
        assert (tmp_path / f"{number}.pdmodel").read_bytes() == data
