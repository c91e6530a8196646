#!/usr/bin/env python3
"""Runs saved inference models with real Paddle, one after another, in a process of its own.

A request is a line `PREFIX FEEDS RESULT`: what static.load_inference_model(PREFIX) computes from the runs in FEEDS
(in<k>__<feed>) is saved as RESULT, out<k>__<position>. The answer is a line: "done", or "failed" and why.
"""
import os
import sys
import traceback
import zlib  # noqa: F401  Paddle's wheel must find the interpreter's zlib already loaded

import numpy as np


def run(paddle, prefix, feeds, result):
    """Each run gets a scope of its own: Paddle leaves arrays of one for the next."""
    exe, outputs = paddle.static.Executor(paddle.CPUPlace()), {}
    with np.load(feeds) as archive:
        given = {key: archive[key] for key in archive.files if key.startswith("in")}
    for k in sorted({key.split("__")[0][2:] for key in given}):
        with paddle.static.scope_guard(paddle.static.Scope()):
            program, names, fetches = paddle.static.load_inference_model(prefix, exe)
            values = exe.run(program, feed={name: given[f"in{k}__{name}"] for name in names}, fetch_list=fetches, return_numpy=False)
            outputs.update({f"out{k}__{i}": np.array(value) for i, value in enumerate(values)})
    np.savez(result, **outputs)


def main():
    import paddle
    replies = os.fdopen(os.dup(1), "w")  # whatever Paddle prints must not look like a reply
    os.dup2(2, 1)
    paddle.enable_static()
    for line in sys.stdin:
        try:
            run(paddle, *line.split())
            reply = "done"
        except Exception:  # noqa: BLE001  any refusal is an answer
            reply = "failed " + repr(traceback.format_exc())
        print(reply, file=replies, flush=True)


if __name__ == "__main__":
    main()
