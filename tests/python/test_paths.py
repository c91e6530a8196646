"""Names of files: of any bytes the system takes, and what is no name of a file."""
import io
import os

import numpy as np
import pytest
import skiff as paddle

static = paddle.static
LATIN = os.fsdecode(b"caf\xe9")  # no UTF-8
NAMES = ["模型 é", LATIN, "line\nbreak", "\x1b[31m", "n" * 230]


@pytest.mark.parametrize("name", NAMES)
def test_files_of_any_name_are_written_and_read(name, net, exe, tmp_path):
    x, y = net
    prefix = os.path.join(tmp_path, name)
    static.save_inference_model(prefix, [x], [y], exe)
    wanted = exe.run(feed={"x": np.ones([1, 4], "float32")}, fetch_list=[y])[0]
    program, feeds, fetches = static.load_inference_model(prefix, exe)
    np.testing.assert_array_equal(exe.run(program, feed={feeds[0]: np.ones([1, 4], "float32")}, fetch_list=fetches)[0], wanted)
    predictor = paddle.inference.create_predictor(paddle.inference.Config(prefix + ".pdmodel", prefix + ".pdiparams"))
    assert predictor.get_input_names() == ["x"]
    assert set(paddle.load(prefix)) == {v.name for v in static.default_main_program().list_vars() if v.persistable}

    static.save(static.default_main_program(), prefix)
    static.load(static.default_main_program(), prefix, exe)
    state = {"w": np.arange(3.0)}
    paddle.save(state, prefix + ".pdparams")
    paddle.io.save_npz(state, prefix + ".npz")
    paddle.io.save_safetensors(state, prefix + ".safetensors")
    for suffix in (".pdparams", ".npz", ".safetensors"):
        np.testing.assert_array_equal(paddle.load(prefix + suffix, return_numpy=True)["w"], state["w"])
    checkpoint = paddle.io.Checkpoint(prefix)
    assert checkpoint.save(step=1) == checkpoint.latest == checkpoint.resume().path


def test_errors_name_such_files_in_print(tmp_path):
    for name, printed in ((LATIN, r"caf\\xe9"), ("\x1b[31m", r"\\x1b\[31m")):
        with pytest.raises(OSError, match=printed):
            static.load_inference_model(os.path.join(tmp_path, name), static.Executor())


@pytest.mark.parametrize("name", ["a\0b", "\0"])
def test_a_zero_byte_ends_no_name(name, net, exe, tmp_path):
    (tmp_path / "a").write_bytes(b"")
    (tmp_path / "a.npz").write_bytes(b"")
    path, (x, y) = os.path.join(tmp_path, name), net
    for call in (lambda: paddle.load(path), lambda: paddle.save({}, path), lambda: static.save_inference_model(path, [x], [y], exe),
                 lambda: static.load_inference_model(path, exe), lambda: static.save(static.default_main_program(), path),
                 lambda: static.load(static.default_main_program(), path, exe), lambda: static.load_program_state(path),
                 lambda: paddle.io.load_npz(path), lambda: paddle.io.save_npz({"w": np.ones(1)}, path), lambda: paddle.io.load_safetensors(path),
                 lambda: paddle.io.Checkpoint(path), lambda: static.save_vars(exe, path, vars=[])):
        with pytest.raises((ValueError, OSError)):
            call()
    assert sorted(os.listdir(tmp_path)) == ["a", "a.npz"]


@pytest.mark.parametrize("suffix", [".pdmodel", ".pdiparams"])
def test_a_model_of_pipes_is_refused_at_once(suffix, net, exe, tmp_path):
    x, y = net
    static.save_inference_model(str(tmp_path / "m"), [x], [y], exe)
    os.remove(tmp_path / ("m" + suffix))
    os.mkfifo(tmp_path / ("m" + suffix))
    with pytest.raises(OSError):
        static.load_inference_model(str(tmp_path / "m"), exe)


def test_names_that_are_no_utf8_are_told_with_their_file(net, exe, tmp_path):
    x, y = net
    static.save_inference_model(str(tmp_path / "m"), [x], [y], exe, checksums=False)
    program = tmp_path / "m.pdmodel"
    program.write_bytes(program.read_bytes().replace(y.name.encode(), b"\xff" * len(y.name)))
    with pytest.raises(ValueError, match=r'm.pdmodel": the name "\\xff.*is no UTF-8'):
        static.load_inference_model(str(tmp_path / "m"), exe)

    static.save_vars(exe, str(tmp_path / "vars"), predicate=lambda v: v.persistable)
    os.rename(tmp_path / "vars" / "fc_0.b_0", os.path.join(tmp_path / "vars", LATIN))
    with pytest.raises(ValueError, match=r'"caf\\xe9", which names no variable'):
        paddle.load(str(tmp_path / "vars"))
    with pytest.warns(RuntimeWarning, match=r"caf\\xe9 left out"):
        assert list(static.load_program_state(str(tmp_path / "vars"))) == ["fc_0.w_0"]


def test_text_that_no_file_can_hold_is_told(tmp_path):
    for save in (paddle.save, paddle.io.save_npz, paddle.io.save_safetensors):
        with pytest.raises(ValueError, match="half a surrogate pair"):
            save({"a\udce9": np.ones(2)}, str(tmp_path / "x"))
    with pytest.raises(ValueError, match="half a surrogate pair"):
        paddle.save({"a": "\ud800"}, str(tmp_path / "x"))
    assert os.listdir(tmp_path) == []


WRONG = {
    "save to None": lambda d, exe: paddle.save({}, None),
    "protocol": lambda d, exe: static.save(static.default_main_program(), d + "/x", protocol="4"),
    "option": lambda d, exe: static.save(static.default_main_program(), d + "/x", checksum=False),
    "load into no program": lambda d, exe: static.load(5, d + "/x", exe),
    "model_filename": lambda d, exe: static.load_inference_model(d, exe, model_filename=5),
    "no bytes": lambda d, exe: static.deserialize_program("text"),
    "no bytes of parameters": lambda d, exe: static.deserialize_persistables(static.default_main_program(), "text", exe),
    "a file of text": lambda d, exe: paddle.load(io.StringIO("text")),
    "keep": lambda d, exe: paddle.io.Checkpoint(d, keep="3"),
    "step": lambda d, exe: paddle.io.Checkpoint(d).save(step=1.5),
    "resume a step": lambda d, exe: paddle.io.Checkpoint(d).resume(step="1"),
    "save no program": lambda d, exe: paddle.io.Checkpoint(d).save("x"),
    "npz of a list": lambda d, exe: paddle.io.save_npz([1], d + "/x"),
    "safetensors of a list": lambda d, exe: paddle.io.save_safetensors([1], d + "/x"),
    "variables": lambda d, exe: static.save_vars(exe, d, vars=[5]),
}


@pytest.mark.parametrize("call", WRONG.values(), ids=WRONG)
def test_arguments_of_a_wrong_type_are_told_in_words(call, exe, tmp_path):
    with pytest.raises((TypeError, ValueError)) as raised:
        call(str(tmp_path), exe)
    assert "arguments" not in str(raised.value)  # of some inner function


def test_an_error_of_a_model_in_two_folders_names_the_file_as_it_was_given(net, exe, tmp_path):
    x, y = net
    static.save_inference_model(str(tmp_path / "a" / "m"), [x], [y], exe)
    config = paddle.inference.Config(str(tmp_path / "a" / "m.pdmodel"), str(tmp_path / "b" / "m.pdiparams"))
    with pytest.raises(FileNotFoundError, match=f'"{tmp_path}/b/m.pdiparams"'):
        paddle.inference.create_predictor(config)
    (tmp_path / "b").mkdir()
    os.rename(tmp_path / "a" / "m.pdiparams", tmp_path / "b" / "m.pdiparams")
    assert paddle.inference.create_predictor(config).get_input_names() == ["x"]


def test_a_folder_that_may_not_be_looked_into_is_not_an_empty_one(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # as for somebody who is not root
    with pytest.raises(PermissionError, match="cannot look into the folder"):
        paddle.load(str(tmp_path / "x"))
