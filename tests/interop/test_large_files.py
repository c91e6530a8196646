"""Tensors above 4 GiB, in both directions with Paddle 2.6.2: BINBYTES8 in protocol 4, slices of 1 GiB in 2 and 3.

Paddle takes three times the tensor's memory to write it.
"""
import subprocess
import sys
from pathlib import Path

import pytest

from paddle_process import PYTHON, needs_paddle
from under_test import MODULE

GIB = 1 << 30
MEMORY = next(int(line.split()[1]) << 10 for line in Path("/proc/meminfo").read_text().splitlines() if line.startswith("MemAvailable"))
pytestmark = [pytest.mark.heavy, needs_paddle, pytest.mark.skipif(MODULE != "skiff", reason="compares skiff with Paddle"),
              pytest.mark.skipif(MEMORY < 17 * GIB, reason=f"needs 17 GiB of free memory, there are {MEMORY / GIB:.0f}")]

CODE = """
import sys
import zlib
import numpy as np
module, side, path, protocol = sys.argv[1:]
paddle = __import__(module)
count = 1_080_000_000 + 5  # 4.02 GiB
if side == "write":
    array = np.arange(count, dtype="float32").reshape(5, -1)
    if module == "paddle":
        array = paddle.to_tensor(array)
    paddle.save({"w": array, "b": np.float32([1.5, -2]) if module == "skiff" else paddle.to_tensor([1.5, -2])}, path, protocol=int(protocol))
else:
    state = paddle.load(path, return_numpy=True)
    assert sorted(state) == ["b", "w"] and state["b"].tolist() == [1.5, -2]
    w = np.asarray(state["w"])
    assert w.shape == (5, count // 5) and w.dtype == "float32"
    for at in range(0, count, 1 << 24):
        part = w.reshape(-1)[at:at + 1000]
        assert (part == np.arange(at, at + len(part)).astype("float32")).all(), at
    assert w[-1, -1] == np.float32(count - 1)
"""


def python(module, *arguments):
    interpreter = PYTHON if module == "paddle" else sys.executable
    done = subprocess.run([interpreter, "-c", CODE, module, *map(str, arguments)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]


@pytest.mark.parametrize("writer, reader, protocol", [("skiff", "paddle", 4), ("skiff", "paddle", 3), ("skiff", "skiff", 2), ("paddle", "skiff", 4),
                                                      ("paddle", "skiff", 3)])
def test_a_tensor_above_4_gib_is_what_it_was(writer, reader, protocol, tmp_path):
    path = tmp_path / "large.pdparams"
    try:
        python(writer, "write", path, protocol)
        assert path.stat().st_size > 1 << 32
        python(reader, "read", path, protocol)
    finally:
        path.unlink(missing_ok=True)
