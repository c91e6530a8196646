"""safetensors and npz: what their own libraries write is read, and the other way round."""
import zipfile

import numpy as np
import pytest
import safetensors
import safetensors.numpy
import skiff as paddle

ARRAYS = {"bool": np.array([True, False]), "u8": np.arange(3, dtype="uint8"), "i8": np.array([[-1]], "int8"), "i16": np.array([-2], "int16"),
          "i32": np.array([3], "int32"), "i64": np.arange(6).reshape(2, 3), "f16": np.array([0.5], "float16"), "f32": np.zeros([0, 4], "float32"),
          "f64": np.array(2.5), "名前 \"é\"\n": np.ones([2, 2], "float32")}


def assert_same(found, wanted):
    assert set(found) == set(wanted)
    for name, value in wanted.items():
        ours = np.asarray(found[name])
        assert (ours.dtype, ours.shape) == (value.dtype, value.shape), name
        np.testing.assert_array_equal(ours, value)


@pytest.mark.parametrize("metadata", [None, {"format": "np"}])
def test_safetensors_have_the_bytes_of_their_own_library(tmp_path, metadata):
    paddle.io.save_safetensors(ARRAYS, tmp_path / "ours", metadata=metadata)
    safetensors.numpy.save_file(ARRAYS, tmp_path / "theirs", metadata=metadata)
    assert (tmp_path / "ours").read_bytes() == (tmp_path / "theirs").read_bytes()


def test_safetensors_of_their_own_library_are_read(tmp_path):
    path = tmp_path / "net.safetensors"
    safetensors.numpy.save_file(ARRAYS, path, metadata={"b": "é", "a": "1"})
    found, metadata = paddle.io.load_safetensors(path, return_numpy=True, with_metadata=True)
    assert_same(found, ARRAYS)
    assert metadata == {"a": "1", "b": "é"}
    assert_same(paddle.load(path), ARRAYS)  # by content
    assert_same(safetensors.numpy.load_file(path), ARRAYS)


def test_half_types_and_complex_numbers_travel_in_safetensors(tmp_path):
    bits = np.array([0x3FC0, 0xC000], "uint16")  # 1.5 and -2 as bfloat16
    z = np.array([1 + 2j], "complex64")
    paddle.io.save_safetensors({"x": bits, "z": z}, tmp_path / "ours")
    theirs = dict(safetensors.deserialize((tmp_path / "ours").read_bytes()))
    assert (theirs["x"]["dtype"], theirs["x"]["shape"], bytes(theirs["x"]["data"])) == ("BF16", [2], bits.tobytes())
    assert (theirs["z"]["dtype"], bytes(theirs["z"]["data"])) == ("C64", z.tobytes())
    found = paddle.load(tmp_path / "ours")
    assert found["x"]._dtype() == paddle.bfloat16
    np.testing.assert_array_equal(np.array(found["x"]), bits)


def test_safetensors_that_were_loaded_do_not_change_with_the_tensors(tmp_path):
    paddle.io.save_safetensors({"x": np.zeros(4, "float32")}, tmp_path / "x")
    array = paddle.io.load_safetensors(tmp_path / "x", return_numpy=True)["x"]
    array[:] = 1
    np.testing.assert_array_equal(paddle.io.load_safetensors(tmp_path / "x", return_numpy=True)["x"], np.zeros(4))


def test_what_safetensors_cannot_hold_is_named(tmp_path):
    with pytest.raises(NotImplementedError, match='"z" is complex128'):
        paddle.io.save_safetensors({"z": np.array([1j])}, tmp_path / "x")
    with pytest.raises(TypeError, match='"LR_Scheduler" is a dict'):
        paddle.io.save_safetensors({"LR_Scheduler": {"last_epoch": 1}}, tmp_path / "x")
    with pytest.raises(ValueError, match="__metadata__"):
        paddle.io.save_safetensors({}, tmp_path / "x", metadata={"step": 1})
    assert not list(tmp_path.iterdir())
    safetensors.numpy.save_file({"n": np.arange(3, dtype="uint32")}, tmp_path / "u32")
    with pytest.raises(NotImplementedError, match='"n" has elements of the type U32'):
        paddle.load(tmp_path / "u32")


def test_a_damaged_header_is_a_value_error_with_its_byte(tmp_path):
    path = tmp_path / "x"
    paddle.io.save_safetensors({"x": np.zeros(4, "float32")}, path)
    whole = path.read_bytes()
    for size in range(len(whole)):
        path.write_bytes(whole[:size])
        with pytest.raises(ValueError, match="at byte"):
            paddle.io.load_safetensors(path)
    path.write_bytes((1 << 60).to_bytes(8, "little") + whole[8:])
    with pytest.raises(ValueError, match="a header of 1152921504606846976 bytes"):
        paddle.io.load_safetensors(path)


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_archives_that_numpy_wrote_are_read(tmp_path, save):
    arrays = {name: value for name, value in ARRAYS.items() if name.isidentifier()}
    save(tmp_path / "x.npz", **arrays, columns=np.asfortranarray(np.arange(6.0).reshape(2, 3)), note="é", notes=np.array(["a", "bc"]))
    found = paddle.load(tmp_path / "x.npz", return_numpy=True)
    assert (found.pop("note"), found.pop("notes")) == ("é", ["a", "bc"])
    assert_same(found, {**arrays, "columns": np.arange(6.0).reshape(2, 3)})
    assert_same(paddle.io.load_npz(tmp_path / "x.npz", return_numpy=True), {**found, "note": np.array("é"), "notes": np.array(["a", "bc"])})


def test_numpy_reads_archives_that_skiff_wrote(tmp_path):
    z = {"z": np.array([1 + 2j], "complex64"), "fc/w": np.ones(2)}
    paddle.io.save_npz({**ARRAYS, **z, "note": "模型", "notes": ["a", "bc"]}, tmp_path / "x.npz")
    assert zipfile.ZipFile(tmp_path / "x.npz").testzip() is None
    with np.load(tmp_path / "x.npz") as archive:
        assert_same(dict(archive), {**ARRAYS, **z, "note": np.array("模型"), "notes": np.array(["a", "bc"])})


def test_pickled_objects_in_an_archive_are_refused(tmp_path):
    np.savez(tmp_path / "x.npz", bad=np.array([{}, print], dtype=object))
    with pytest.raises(NotImplementedError, match='numpy\'s type "|O"'):
        paddle.io.load_npz(tmp_path / "x.npz")


def test_a_single_array_of_numpys_is_loaded(tmp_path):
    np.save(tmp_path / "x.npy", np.arange(3.0))
    np.testing.assert_array_equal(np.array(paddle.load(tmp_path / "x.npy")), [0, 1, 2])


def test_a_program_takes_its_state_from_any_of_them(exe, tmp_path):
    x = paddle.static.data("x", [None, 4])
    y = paddle.static.nn.fc(x, 3)
    exe.run(paddle.static.default_startup_program())
    program, feed = paddle.static.default_main_program(), {"x": np.ones([2, 4], "float32")}
    (before,) = exe.run(feed=feed, fetch_list=[y])
    state = {name: np.array(value) for name, value in program.state_dict().items()}
    paddle.io.save_safetensors(state, tmp_path / "net.safetensors")
    paddle.io.save_npz(state, tmp_path / "net.npz")
    for name in ("net.safetensors", "net.npz"):
        exe.run(paddle.static.default_startup_program())
        program.set_state_dict(paddle.load(tmp_path / name))
        np.testing.assert_array_equal(exe.run(feed=feed, fetch_list=[y])[0], before)
