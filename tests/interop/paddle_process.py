"""The other process: a Python interpreter with real Paddle, named by SKIFF_PADDLE_PYTHON (2.6.2) or SKIFF_PADDLE3_PYTHON (3.3.1)."""
import os
import select
import subprocess
from ast import literal_eval
from pathlib import Path

import numpy as np
import pytest

HERE = Path(__file__).resolve().parent
PYTHON = os.environ.get("SKIFF_PADDLE_PYTHON")
PYTHON3 = os.environ.get("SKIFF_PADDLE3_PYTHON")
SECONDS = 120  # for one request; the first includes importing Paddle
needs_paddle = pytest.mark.skipif(not PYTHON, reason="set SKIFF_PADDLE_PYTHON to a Python interpreter that has paddlepaddle 2.6.2")
needs_paddle3 = pytest.mark.skipif(not PYTHON3, reason="set SKIFF_PADDLE3_PYTHON to a Python interpreter that has paddlepaddle 3.3.1")


class PaddleProcess:
    """A long-lived Paddle process that answers requests of one line; one that crashed is replaced."""

    def __init__(self, script, python=PYTHON):
        self.script, self.python, self.process = script, python, None

    def ask(self, *words):
        """Sends a request; fails the test where Paddle refuses or dies."""
        if self.process is None:
            environment = {**os.environ, "OMP_NUM_THREADS": "1", "GLOG_minloglevel": "3"}
            self.process = subprocess.Popen([self.python, str(HERE / self.script)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                            stderr=subprocess.DEVNULL, text=True, bufsize=1, env=environment)
        print(*words, file=self.process.stdin, flush=True)
        ready, _, _ = select.select([self.process.stdout], [], [], SECONDS)
        reply = self.process.stdout.readline().rstrip("\n") if ready else ""
        if not reply:
            self.close()
            pytest.fail(f"Paddle did not live to answer {self.script} {words[0]}")
        if reply != "done":
            pytest.fail(f"Paddle could not do {self.script} {words[0]}:\n{literal_eval(reply.removeprefix('failed '))}")

    def close(self):
        if self.process is not None:
            self.process.kill()
            self.process.communicate()
            self.process = None


def exchange_in_paddle(side, name, folder, result):
    """Runs one side of an exchange in real Paddle; {name: array}."""
    finished = subprocess.run([PYTHON, str(HERE / "exchange.py"), side, name, str(folder), str(result)], text=True, capture_output=True,
                              env={**os.environ, "SKIFF_UNDER_TEST": "paddle", "OMP_NUM_THREADS": "1"}, check=False)
    assert finished.returncode == 0, f"Paddle could not {side} {name}:\n{finished.stderr[-3000:]}"
    with np.load(result) as archive:
        return {key: archive[key] for key in archive.files}


def compare(found, wanted):
    """Stored values bit for bit; computed ones to 1e-4 relative, 5e-5 absolute."""
    assert sorted(found) == sorted(wanted)
    for name, value in wanted.items():
        ours = np.asarray(found[name])
        assert (ours.dtype, ours.shape) == (value.dtype, value.shape), name
        if name.startswith("stored"):
            np.testing.assert_array_equal(ours, value, err_msg=name)
        else:
            np.testing.assert_allclose(ours, value, rtol=1e-4, atol=5e-5, err_msg=name)
