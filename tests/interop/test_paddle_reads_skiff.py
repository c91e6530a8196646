"""What skiff saves, real Paddle 2.6.2 loads, with the same values and the same answers.

Needs SKIFF_PADDLE_PYTHON: an interpreter with Paddle, which runs in a process of its own.
"""
import subprocess

import numpy as np
import pytest

from exchange import EXCHANGES, NETS
from paddle_process import PYTHON, compare, exchange_in_paddle, needs_paddle
from under_test import load

paddle = load()
pytestmark = needs_paddle
skiffs_own = pytest.mark.skipif(not hasattr(paddle.io, "Checkpoint"), reason="Paddle has neither checksums nor checkpoints")
PARAMETERISED = [net for net in NETS if net != "without_parameters"]


@pytest.mark.parametrize("name", EXCHANGES)
def test_paddle_finds_in_skiffs_files_what_skiff_put_there(name, tmp_path):
    wanted = EXCHANGES[name].run("write", paddle, tmp_path)
    compare(exchange_in_paddle("read", name, tmp_path, tmp_path / "found.npz"), wanted)


@pytest.mark.parametrize("net", PARAMETERISED)
def test_the_parameter_file_has_paddles_bytes(net, tmp_path):
    ours, paddles = tmp_path / "ours", tmp_path / "paddles"
    ours.mkdir()
    paddles.mkdir()
    EXCHANGES["inference_model_" + net].run("write", paddle, ours)
    exchange_in_paddle("write", "inference_model_" + net, paddles, tmp_path / "wanted.npz")
    assert (ours / (net + ".pdiparams")).read_bytes() == (paddles / (net + ".pdiparams")).read_bytes()


def test_a_model_without_parameters_has_no_parameter_file(tmp_path):
    EXCHANGES["inference_model_without_parameters"].run("write", paddle, tmp_path)
    assert (tmp_path / "without_parameters.pdmodel").exists()
    assert not (tmp_path / "without_parameters.pdiparams").exists()


@skiffs_own
def test_paddle_ignores_the_checksums_that_skiff_leaves(tmp_path):
    """Every exchange above has them beside its files."""
    for name in ("inference_model_" + PARAMETERISED[0], "static_save_adam"):
        EXCHANGES[name].run("write", paddle, tmp_path)
    assert len(list(tmp_path.glob("*.checksums"))) == 2


@skiffs_own
def test_skiff_says_that_paddle_saved_over_its_files(tmp_path):
    net = PARAMETERISED[0]
    EXCHANGES["inference_model_" + net].run("write", paddle, tmp_path)
    exchange_in_paddle("write", "inference_model_" + net, tmp_path, tmp_path / "wanted.npz")
    prefix, exe = str(tmp_path / net), paddle.static.Executor()
    with pytest.raises(ValueError, match="something else replaced it"):
        paddle.static.load_inference_model(prefix, exe)
    paddle.static.load_inference_model(prefix, exe, verify_checksums=False)
    (tmp_path / (net + ".checksums")).unlink()
    paddle.static.load_inference_model(prefix, exe)


CHECKPOINT = """
import sys
import zlib
import numpy as np
import paddle
paddle.enable_static()
prefix = sys.argv[1] + "/checkpoint"
state, optimizer, rest = (paddle.load(prefix + suffix, return_numpy=True) for suffix in (".pdparams", ".pdopt", ".pdstate"))
program = paddle.load(prefix + ".pdmodel")
paddle.static.load(program, prefix, paddle.static.Executor(paddle.CPUPlace()))
scope = paddle.static.global_scope()
for name, value in {**state, **{name: value for name, value in optimizer.items() if name != "LR_Scheduler"}}.items():
    np.testing.assert_array_equal(np.array(scope.find_var(name).get_tensor()), value)
print(sorted(state), optimizer["LR_Scheduler"], rest["step"], rest["extra"]["python"]["extra"])
"""


@skiffs_own
def test_paddle_reads_a_checkpoint(tmp_path):
    main, startup = paddle.static.Program(), paddle.static.Program()
    with paddle.utils.unique_name.guard(), paddle.static.program_guard(main, startup):
        loss = paddle.mean(paddle.static.nn.fc(paddle.static.data("x", [None, 4]), 3))
        paddle.optimizer.Adam(paddle.optimizer.lr.StepDecay(0.5, 2)).minimize(loss)
    with paddle.static.scope_guard(paddle.static.Scope()):
        paddle.static.Executor().run(startup)
        path = paddle.io.Checkpoint(tmp_path).save(main, step=7, extra=[1, "two"])
    done = subprocess.run([PYTHON, "-c", CHECKPOINT, path], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "['fc_0.b_0', 'fc_0.w_0'] {'last_epoch': 0, 'last_lr': 0.5} 7 [1, 'two']"


LOOP = """
import sys
import zlib
import numpy as np
import paddle
paddle.enable_static()
main, exe = paddle.load(sys.argv[1] + "/loop.pdmodel"), paddle.static.Executor(paddle.CPUPlace())
given = dict(np.load(sys.argv[1] + "/given.npz"))
for name in ("fc_0.w_0", "fc_0.w_1"):
    paddle.static.global_scope().var(name).get_tensor().set(given[name], paddle.CPUPlace())
fetches = sys.argv[2].split(",")
found = exe.run(main, feed={"words": given["words"], "start": given["start"]}, fetch_list=fetches)
np.savez(sys.argv[1] + "/found.npz", **dict(zip(fetches, found)))
"""


@pytest.mark.skipif(not hasattr(paddle.static.nn, "StaticRNN"), reason="Paddle 2.6.2 runs the operator and builds no StaticRNN")
def test_paddle_runs_the_loop_of_a_static_rnn_and_its_gradient(tmp_path):
    main, random = paddle.static.Program(), np.random.RandomState(0)
    with paddle.utils.unique_name.guard(), paddle.static.program_guard(main, paddle.static.Program()):
        words, start = paddle.static.data("words", [4, None, 2]), paddle.static.data("start", [None, 5])
        words.stop_gradient = start.stop_gradient = False  # Paddle's gradient wants them all
        rnn = paddle.static.nn.StaticRNN()
        with rnn.step():
            before = rnn.memory(init=start)
            now = paddle.static.nn.fc([rnn.step_input(words), before], 5, activation="tanh", bias_attr=False)
            rnn.update_memory(before, now)
            rnn.step_output(now)
        loss = paddle.sum(rnn() * rnn())
        fetches = [rnn().name, loss.name, "words@GRAD", "start@GRAD"] + [g.name for _, g in paddle.static.append_backward(loss)]
    given = {name: random.uniform(-1, 1, shape).astype("float32")
             for name, shape in (("words", (4, 3, 2)), ("start", (3, 5)), ("fc_0.w_0", (2, 5)), ("fc_0.w_1", (5, 5)))}
    exe = paddle.static.Executor(paddle.CPUPlace())
    with paddle.static.scope_guard(paddle.static.Scope()):
        for name in ("fc_0.w_0", "fc_0.w_1"):
            paddle.static.global_scope().var(name).get_tensor().set(given[name], paddle.CPUPlace())
        wanted = dict(zip(fetches, exe.run(main, feed={"words": given["words"], "start": given["start"]}, fetch_list=fetches)))
    paddle.save(main, str(tmp_path / "loop.pdmodel"))
    np.savez(tmp_path / "given.npz", **given)
    finished = subprocess.run([PYTHON, "-c", LOOP, str(tmp_path), ",".join(fetches)], text=True, capture_output=True, check=False)
    assert finished.returncode == 0, finished.stderr[-3000:]
    with np.load(tmp_path / "found.npz") as found:
        compare({name: found[name] for name in found.files}, wanted)
