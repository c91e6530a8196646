#!/usr/bin/env python3
"""Microseconds of one turn of a loop with a small body, in skiff or in PaddlePaddle 2.6.2.

    PYTHONPATH=build/cpu/python python benchmarks/loop.py skiff
    PADDLE_PYTHON benchmarks/loop.py paddle
"""
import argparse
import importlib
import os
import time
import zlib  # noqa: F401  Paddle's wheel must find the interpreter's zlib already loaded

os.environ.setdefault("OMP_NUM_THREADS", "1")
import numpy as np

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("module", choices=["skiff", "paddle"])
parser.add_argument("--turns", type=int, default=10000)
parser.add_argument("--rounds", type=int, default=5)
options = parser.parse_args()

paddle = importlib.import_module(options.module)
paddle.enable_static()
x = paddle.static.data("x", [8, 8], "float32")
i = paddle.zeros([1], "int64")
turns = paddle.full([1], options.turns, "int64")
_, result = paddle.static.nn.while_loop(lambda i, x: i < turns, lambda i, x: [i + 1, paddle.tanh(x) * 0.5 + 0.25], [i, x])
test = paddle.static.default_main_program().clone(for_test=True)
exe = paddle.static.Executor(paddle.CPUPlace())
feed = {"x": np.ones([8, 8], "float32")}
exe.run(test, feed=feed, fetch_list=[result.name])
times = []
for _ in range(options.rounds):
    begin = time.perf_counter()
    exe.run(test, feed=feed, fetch_list=[result.name])
    times.append((time.perf_counter() - begin) / options.turns * 1e6)
print(f"{options.module} {paddle.__version__}: {sorted(times)[len(times) // 2]:.1f} us a turn, {options.turns} turns, median of {options.rounds}")
