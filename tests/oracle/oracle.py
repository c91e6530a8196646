"""Asks a long-lived Paddle process, and outlives it: a crash is recorded and another process started."""
import json
import os
import select
import subprocess
import tempfile
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
PYTHON = os.environ.get("SKIFF_PADDLE_PYTHON")
SECONDS = 120  # for one answer; the first includes importing Paddle


class Crashed(Exception):
    """Paddle's process ended or did not answer."""


class Refused(Exception):
    """Paddle raised an error."""


def write_description(description, folder):
    plain = {**description, "feeds": list(description["feeds"]), "seeds": list(description["seeds"])}
    (folder / "description.json").write_text(json.dumps(plain))
    np.savez(folder / "arrays.npz", **{f"{part}/{name}": array for part in ("feeds", "seeds") for name, array in description[part].items()})


def arrays_of(path):
    with np.load(path) as archive:
        return {name: archive[name] for name in archive.files}


class Oracle:
    """Real Paddle, asked with `ask`. `crashes` holds the descriptions that ended it, in a file as well."""

    def __init__(self, record):
        self.record, self.crashes, self.process = Path(record), [], None
        self.folder = tempfile.TemporaryDirectory()

    def start(self):
        log = open(os.devnull, "w")
        self.process = subprocess.Popen([PYTHON, str(HERE / "paddle_server.py")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log,
                                        text=True, bufsize=1, env={**os.environ, "OMP_NUM_THREADS": "1", "GLOG_minloglevel": "3"})
        self.reply()

    def reply(self):
        ready, _, _ = select.select([self.process.stdout], [], [], SECONDS)
        line = self.process.stdout.readline() if ready else ""
        if line:
            return line.rstrip("\n")
        self.process.kill()
        code, self.process = self.process.wait(), None
        raise Crashed(f"exit code {code}" if ready else f"no answer in {SECONDS} seconds")

    def ask(self, description, program=None, fetches=None):
        """What Paddle computes from the description, and from skiff's saved program or None.

        Raises Refused when Paddle does, Crashed when its process did not live to answer.
        """
        if self.process is None:
            self.start()
        folder = Path(self.folder.name)
        for old in folder.iterdir():
            if str(old) != program:
                old.unlink()
        write_description(description, folder)
        if program:
            (folder / "fetches.json").write_text(json.dumps(fetches))
        try:
            print(folder, file=self.process.stdin, flush=True)
            reply = self.reply()
        except (Crashed, BrokenPipeError) as error:
            self.process = None
            self.crashes.append(description)
            self.record.parent.mkdir(parents=True, exist_ok=True)
            with open(self.record, "a", encoding="utf-8") as file:
                shapes = {name: [list(array.shape), str(array.dtype)] for name, array in description["feeds"].items()}
                file.write(json.dumps({"why": str(error), "feeds": shapes, "ops": description["ops"]}) + "\n")
            raise Crashed(str(error)) from None
        if reply != "done":
            raise Refused(reply)
        return arrays_of(folder / "paddle.npz"), arrays_of(folder / "paddle_of_saved.npz") if program else None

    def close(self):
        if self.process is not None:
            self.process.stdin.close()
            self.process.wait(30)
        self.folder.cleanup()
