"""What importing the package does, and does not."""
import doctest
import importlib
import os
import pkgutil
import subprocess
import sys

import pytest
import skiff


def run(source, **environment):
    return subprocess.run([sys.executable, "-c", source], capture_output=True, text=True,
                          env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **environment})


def test_importing_starts_no_thread():
    done = run("import skiff, os; print(len(os.listdir('/proc/self/task')))")
    assert done.stdout.strip() == "1", done.stderr


def test_a_process_forked_after_importing_runs_programs():
    done = run("""
import os, numpy as np, skiff as paddle
x = paddle.static.data("x", [64, 64])
y = paddle.matmul(x, x) + 1.0
child = os.fork()
out = paddle.static.Executor(paddle.CPUPlace()).run(feed={"x": np.eye(64, dtype="float32")}, fetch_list=[y])[0]
assert out[0, 0] == 2 and out[0, 1] == 1
if child:
    assert os.waitpid(child, 0)[1] == 0
    print("both")
""")
    assert done.stdout.strip() == "both", done.stderr


def test_importing_brings_in_nothing_heavy():
    done = run("import sys, skiff; print([m for m in ('numpy', 'torch', 'paddle', 'google.protobuf') if m in sys.modules])")
    assert done.stdout.strip() == "[]", done.stdout + done.stderr


def test_import_time_is_reported(record_property):
    done = run("import time; a = time.perf_counter(); import skiff; print(time.perf_counter() - a)")
    record_property("import_seconds", float(done.stdout))
    print(f"import skiff: {float(done.stdout) * 1000:.0f} ms")


MODULES = sorted(m.name for m in pkgutil.walk_packages(skiff.__path__, "skiff.") if "._" not in m.name)


@pytest.mark.parametrize("name", ["skiff", *MODULES])
def test_examples_in_docstrings_are_true(name):
    module = importlib.import_module(name)
    assert doctest.testmod(module).failed == 0


PADDLE = os.environ.get("SKIFF_PADDLE_PYTHON")
BOTH = """
import zlib, sys
{first}
{second}
import numpy as np
answers = []
for paddle_ in (paddle, skiff):
    paddle_.enable_static()
    x = paddle_.static.data("x", [2, 2])
    y = paddle_.matmul(x, x)
    exe = paddle_.static.Executor(paddle_.CPUPlace())
    answers.append(exe.run(feed={{"x": np.array([[1, 2], [3, 4]], "float32")}}, fetch_list=[y])[0].tolist())
assert answers[0] == answers[1], answers
print("both")
"""


@pytest.mark.skipif(not PADDLE, reason="SKIFF_PADDLE_PYTHON names no interpreter with Paddle")
@pytest.mark.parametrize("order", [("import paddle", "import skiff"), ("import skiff", "import paddle")])
def test_paddle_and_skiff_live_in_one_process(order):
    package = os.path.dirname(os.path.dirname(skiff.__file__))
    done = subprocess.run([PADDLE, "-c", BOTH.format(first=order[0], second=order[1])], capture_output=True, text=True,
                          env={**os.environ, "PYTHONPATH": package, "OMP_NUM_THREADS": "1"})
    assert done.stdout.strip().endswith("both"), done.stderr


@pytest.mark.parametrize("name", ["jit", "Model", "DataParallel", "autograd"])
def test_what_only_imperative_mode_has_is_named_with_what_serves_instead(name):
    assert not hasattr(skiff, name)
    with pytest.raises(AttributeError, match=f"skiff has no {name}: it runs static programs alone.*static"):
        getattr(skiff, name)
