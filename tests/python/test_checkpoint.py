"""Training that is saved and resumed, in Python."""
import pathlib
import subprocess
import sys

import numpy as np
import pytest
import skiff as paddle

static = paddle.static

TRAINING = """
import hashlib, sys
import numpy as np
import skiff as paddle
static = paddle.static

class Rows:
    def __init__(self, seed):
        self.random, self.order = np.random.RandomState(seed), []
    def next(self):
        if not self.order:
            self.order = self.random.permutation(20).tolist()
        rows, self.order = self.order[:4], self.order[4:]
        x = np.sin(np.outer(np.array(rows) + 1, np.arange(6) + 1)).astype("float32")
        return {"x": x, "y": x.sum(1, keepdims=True)}
    def state_dict(self):
        return {"random": self.random.get_state(), "order": self.order}
    def set_state_dict(self, state):
        self.random.set_state(state["random"])
        self.order = list(state["order"])

class Halving(paddle.optimizer.lr.LRScheduler):
    def get_lr(self):
        return self.base_lr if self.last_epoch == 0 else self.last_lr * 0.5

def train(optimizer, folder, steps, save_at, seed):
    rate = Halving(0.1) if optimizer == "custom" else paddle.optimizer.lr.StepDecay(0.1, step_size=3)
    x, y = static.data("x", [-1, 6]), static.data("y", [-1, 1])
    hidden = paddle.nn.functional.dropout(static.nn.fc(x, 8, activation="relu"), 0.5)
    loss = paddle.mean(paddle.square(static.nn.fc(hidden, 1) - y))
    getattr(paddle.optimizer, "SGD" if optimizer == "custom" else optimizer)(learning_rate=rate).minimize(loss)
    paddle.seed(seed)
    exe, rows = static.Executor(paddle.CPUPlace()), Rows(seed)
    exe.run(static.default_startup_program())
    checkpoint = paddle.io.Checkpoint(folder)
    objects = {"rows": rows, "rate": rate}
    resumed = checkpoint.resume(**objects)
    losses = []
    for step in range(resumed.step if resumed else 0, steps):
        losses.append(exe.run(feed=rows.next(), fetch_list=[loss])[0].tobytes().hex())
        rate.step()
        if step + 1 == save_at:
            checkpoint.save(step=step + 1, **objects)
    state = static.default_main_program().state_dict()
    digest = hashlib.sha256(b"".join(name.encode() + np.array(state[name]).tobytes() for name in sorted(state))).hexdigest()
    print("\\n".join(losses + [digest, repr(rate())]))

paddle.enable_static()
train(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), int(sys.argv[5]))
"""


def train(optimizer, folder, steps, save_at=0, seed=3):
    done = subprocess.run([sys.executable, "-c", TRAINING, optimizer, str(folder), str(steps), str(save_at), str(seed)],
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


@pytest.mark.parametrize("optimizer", ["SGD", "Momentum", "Adam", "AdamW", "RMSProp", "Lamb", "custom"])
def test_a_fresh_process_goes_on_to_the_byte(optimizer, tmp_path):
    whole = train(optimizer, tmp_path / "whole", 14)
    first = train(optimizer, tmp_path / "c", 9, save_at=7)  # two steps more, that are lost
    assert first[:9] == whole[:9]
    assert train(optimizer, tmp_path / "c", 14, seed=4) == whole[7:]


@pytest.fixture
def net(exe):
    x = static.data("x", [None, 4])
    loss = paddle.mean(static.nn.fc(x, 3))
    paddle.optimizer.Adam().minimize(loss)
    exe.run(static.default_startup_program())
    return loss


def test_old_checkpoints_go(net, tmp_path):
    checkpoint = paddle.io.Checkpoint(tmp_path, keep=2)
    assert checkpoint.resume() is None and checkpoint.latest is None
    for step in (1, 2, 3):
        path = checkpoint.save(step=step, epoch=step * 10, extra={"best": 0.5, "curve": np.arange(3)})
    assert checkpoint.steps == [2, 3] and checkpoint.latest == path
    resumed = checkpoint.resume()
    assert (resumed.step, resumed.epoch, resumed.path, resumed.skipped) == (3, 30, path, [])
    assert resumed.extra["best"] == 0.5
    np.testing.assert_array_equal(resumed.extra["curve"], np.arange(3))
    assert checkpoint.resume(step=2).epoch == 20


def test_a_damaged_one_is_skipped_only_when_asked(net, tmp_path):
    checkpoint = paddle.io.Checkpoint(tmp_path)
    checkpoint.save(step=1)
    file = pathlib.Path(checkpoint.save(step=2)) / "checkpoint.pdparams"
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(ValueError, match="step_00000002.*is not the file that was saved"):
        checkpoint.resume()
    resumed = checkpoint.resume(skip_damaged=True)
    assert resumed.step == 1 and "step_00000002" in resumed.skipped[0]


def test_mistakes_are_named(net, tmp_path):
    checkpoint = paddle.io.Checkpoint(tmp_path)
    checkpoint.save(step=1)
    with pytest.raises(RuntimeError, match="no checkpoint"):
        checkpoint.resume(step=5)
    with pytest.raises(KeyError, match="no state of 'loader'"):
        checkpoint.resume(loader=object())
    with pytest.raises(ValueError, match="step is -1"):
        checkpoint.save(step=-1)
    with pytest.raises(TypeError, match="cannot be saved"):
        checkpoint.save(step=2, extra=object())
    assert checkpoint.steps == [1]


def test_an_object_without_a_state_leaves_everything_as_it_was(net, exe, tmp_path):
    checkpoint = paddle.io.Checkpoint(tmp_path)
    checkpoint.save(step=1)
    exe.run(feed={"x": np.ones([2, 4], "float32")})
    before = {name: np.array(value) for name, value in static.default_main_program().state_dict().items()}
    with pytest.raises(KeyError, match="no state of 'loader'"):
        checkpoint.resume(loader=object())
    for name, value in static.default_main_program().state_dict().items():
        np.testing.assert_array_equal(np.array(value), before[name])


def test_one_that_no_python_saved_is_resumed(net, tmp_path):
    """As a program in C++ saves it: without what Python keeps under `python`."""
    checkpoint = paddle.io.Checkpoint(tmp_path)
    folder = pathlib.Path(checkpoint.save(step=1, epoch=2))
    state = paddle.load(str(folder / "checkpoint.pdstate"))
    for extra, wanted in (({}, None), ({"best": 0.5}, {"best": 0.5}), ({"python": 3}, {"python": 3})):
        paddle.save({**state, "extra": extra}, str(folder / "checkpoint.pdstate"))
        resumed = checkpoint.resume()
        assert (resumed.step, resumed.epoch, resumed.extra) == (1, 2, wanted)
        with pytest.raises(KeyError, match="it has \\[\\]"):
            checkpoint.resume(loader=object())
