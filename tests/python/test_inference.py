"""paddle.inference: Config, create_predictor and handles, as serving code uses them."""
import threading

import numpy as np
import pytest
import skiff as paddle

static, inference = paddle.static, paddle.inference
X = np.arange(8, dtype="float32").reshape(2, 4)


@pytest.fixture
def model(exe, tmp_path):
    """Files of a small net, and what it answers to X."""
    x = static.data("x", [None, 4])
    y = static.nn.fc(x, 3)
    exe.run(static.default_startup_program())
    prefix = str(tmp_path / "net")
    static.save_inference_model(prefix, [x], [y], exe)
    return prefix, exe.run(feed={"x": X}, fetch_list=[y])[0]


def answer(predictor, value=X):
    predictor.get_input_handle(predictor.get_input_names()[0]).copy_from_cpu(value)
    assert predictor.run()
    return predictor.get_output_handle(predictor.get_output_names()[0]).copy_to_cpu()


def test_a_model_of_two_files_runs_by_handles(model):
    prefix, wanted = model
    predictor = inference.create_predictor(inference.Config(prefix + ".pdmodel", prefix + ".pdiparams"))
    assert predictor.get_input_names() == ["x"] and len(predictor.get_output_names()) == 1
    handle = predictor.get_input_handle("x")
    assert handle.shape() == [0] and handle.type() == inference.DataType.FLOAT32
    handle.reshape([2, 4])
    assert handle.shape() == [2, 4]
    np.testing.assert_allclose(answer(predictor), wanted, rtol=1e-5)
    out = predictor.get_output_handle(predictor.get_output_names()[0])
    assert out.shape() == [2, 3] and out.type() == inference.DataType.FLOAT32 and out.lod() == []
    np.testing.assert_allclose(predictor.run([X])[0], wanted, rtol=1e-5)


def test_the_files_may_lie_in_different_folders(model, tmp_path):
    prefix, wanted = model
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights" / "w").write_bytes((tmp_path / "net.pdiparams").read_bytes())
    (tmp_path / "net.pdiparams").unlink()
    config = inference.Config()
    config.set_prog_file(prefix + ".pdmodel")
    config.set_params_file(str(tmp_path / "weights" / "w"))
    np.testing.assert_allclose(answer(inference.create_predictor(config)), wanted, rtol=1e-5)


def test_a_model_in_memory_runs_and_sizes_are_checked(model):
    prefix, wanted = model
    program, params = (open(prefix + end, "rb").read() for end in (".pdmodel", ".pdiparams"))
    config = inference.Config()
    with pytest.raises(ValueError, match=f"prog_buffer holds {len(program)} bytes, {len(program) + 1} were asked for"):
        config.set_model_buffer(program, len(program) + 1, params, len(params))
    config.set_model_buffer(program, len(program), params, len(params))
    assert config.model_from_memory()
    np.testing.assert_allclose(answer(inference.create_predictor(config)), wanted, rtol=1e-5)


def test_a_copy_is_taken_of_inputs_and_outputs(model):
    prefix, wanted = model
    predictor = inference.create_predictor(inference.Config(prefix + ".pdmodel", prefix + ".pdiparams"))
    value = X.copy()
    predictor.get_input_handle("x").copy_from_cpu(value)
    value[:] = 0
    predictor.run()
    out = predictor.get_output_handle(predictor.get_output_names()[0])
    out.copy_to_cpu()[:] = 0
    np.testing.assert_allclose(out.copy_to_cpu(), wanted, rtol=1e-5)


def test_clones_and_pools_share_weights_and_not_handles(model):
    prefix, wanted = model
    pool = inference.PredictorPool(inference.Config(prefix + ".pdmodel", prefix + ".pdiparams"), 3)
    answers = {}

    def work(k):
        answers[k] = answer(pool.retrive(k), X + k)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    np.testing.assert_allclose(answers[0], wanted, rtol=1e-5)
    np.testing.assert_allclose(answers[2] - answers[1], answers[1] - answers[0], rtol=1e-3, atol=1e-5)  # the net is affine
    twin = pool.retrive(0).clone()
    with pytest.raises(RuntimeError, match="inputs hold no value: x"):
        twin.run()


def test_sequences_go_in_and_come_out(exe, tmp_path):
    rows = static.data("rows", [None, 1], lod_level=1)
    out = static.nn.sequence_softmax(rows)
    static.save_inference_model(str(tmp_path / "s"), [rows], [out], exe)
    predictor = inference.create_predictor(inference.Config(str(tmp_path / "s.pdmodel"), str(tmp_path / "s.pdiparams")))
    handle = predictor.get_input_handle("rows")
    handle.copy_from_cpu(np.zeros([5, 1], "float32"))
    handle.set_lod([[0, 2, 5]])
    predictor.run()
    result = predictor.get_output_handle(predictor.get_output_names()[0])
    assert result.lod() == [[0, 2, 5]]
    np.testing.assert_allclose(result.copy_to_cpu().ravel(), [1 / 2, 1 / 2, 1 / 3, 1 / 3, 1 / 3], rtol=1e-6)


@pytest.mark.parametrize("ask, error, words", [
    (lambda p: p.get_input_handle("z"), RuntimeError, 'no input "z"; it has x'),
    (lambda p: p.get_output_handle("x"), RuntimeError, 'no output "x"'),
    (lambda p: p.get_input_handle("x").copy_from_cpu([1, 2]), TypeError, "expected a numpy array, got list"),
    (lambda p: p.get_input_handle("x").copy_to_cpu(), RuntimeError, "call copy_from_cpu"),
    (lambda p: p.get_output_handle(p.get_output_names()[0]).copy_to_cpu(), RuntimeError, "call run"),
    (lambda p: answer(p, X[:, :3]), ValueError, "x"),
    (lambda p: inference.create_predictor(inference.Config()), ValueError, "names no model"),
    (lambda p: inference.create_predictor(inference.Config("no.pdmodel", "no.pdiparams")), OSError, "no.pdmodel"),
    (lambda p: inference.Config().enable_tensorrt_engine(1 << 20), NotImplementedError, "skiff has no TensorRT"),
    (lambda p: inference.Config().set_cpu_math_library_num_threads(0), ValueError, "must be positive"),
])
def test_mistakes_are_said_in_plain_words(model, ask, error, words):
    predictor = inference.create_predictor(inference.Config(model[0] + ".pdmodel", model[0] + ".pdiparams"))
    with pytest.raises(error, match=words):
        ask(predictor)


def test_settings_read_back_as_in_paddle(model):
    config = inference.Config(model[0] + ".pdmodel", model[0] + ".pdiparams")
    assert (config.cpu_math_library_num_threads(), config.use_gpu(), config.ir_optim(), config.model_dir()) == (1, False, True, "")
    config.enable_use_gpu(100, 1)
    assert config.use_gpu() and config.gpu_device_id() == 1
    config.disable_gpu()
    config.enable_memory_optim()
    config.switch_ir_optim(False)
    assert not config.use_gpu() and not config.ir_optim() and "CPU" in config.summary()
    assert inference.Config("folder").model_dir() == "folder" and inference.Config("folder").prog_file() == ""
