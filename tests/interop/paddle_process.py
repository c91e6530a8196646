"""The other process: a Python interpreter with real Paddle, named by SKIFF_PADDLE_PYTHON."""
import os
import subprocess
from pathlib import Path

import numpy as np
import pytest

HERE = Path(__file__).resolve().parent
PYTHON = os.environ.get("SKIFF_PADDLE_PYTHON")
needs_paddle = pytest.mark.skipif(not PYTHON, reason="set SKIFF_PADDLE_PYTHON to a Python interpreter that has paddlepaddle 2.6.2")


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
