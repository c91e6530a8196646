"""The other process: real Paddle answers one request after another.

A request is a line with a folder; in it lie description.json and arrays.npz, and program.pdmodel with
fetches.json when skiff's own program is to be run too. The answer is a line: "done", or "refused" and why.
"""
import json
import os
import sys
import zlib  # noqa: F401  Paddle's wheel must find the interpreter's zlib already loaded
from pathlib import Path

import numpy as np
import paddle
from run_description import run, run_saved


def read(folder):
    """The description that write_description of oracle.py wrote."""
    description = json.loads((folder / "description.json").read_text())
    with np.load(folder / "arrays.npz") as arrays:
        for part in ("feeds", "seeds"):
            description[part] = {name: arrays[f"{part}/{name}"] for name in description[part]}
    return description


def answer(folder):
    description = read(folder)
    values, _ = run(paddle, description)
    np.savez(folder / "paddle.npz", **values)
    if (folder / "program.pdmodel").exists():
        fetches = json.loads((folder / "fetches.json").read_text())
        np.savez(folder / "paddle_of_saved.npz", **run_saved(paddle, str(folder / "program.pdmodel"), description, fetches))


def main():
    paddle.enable_static()
    # Whatever Paddle prints, its C++ too, must not look like a reply.
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    print("ready", file=replies, flush=True)
    for line in sys.stdin:
        try:
            answer(Path(line.strip()))
            reply = "done"
        except Exception as error:  # noqa: BLE001  any refusal is an answer
            reply = "refused " + " ".join(str(error).split())[-300:]
        print(reply, file=replies, flush=True)


if __name__ == "__main__":
    main()
