"""The examples of docs/command_line.md, run; with --write, written into it."""
import pathlib
import re
import shlex
import shutil
import struct
import sys

import tool
from tool import GOLDEN, ToolTest

PAGE = pathlib.Path(__file__).resolve().parents[2] / "docs" / "command_line.md"
FENCE = re.compile(r"```console\n(.*?)```", re.DOTALL)


def prepare(folder):
    """lenet, tuned (lenet with one weight raised), old/ (a folder of 1.x), adam.pdopt, ones.npy"""
    for suffix in (".pdmodel", ".pdiparams"):
        for name in ("lenet", "tuned"):
            shutil.copy(GOLDEN / "seed_lenet_hapi" / ("inference_model" + suffix), folder / (name + suffix))
    weights = bytearray((folder / "tuned.pdiparams").read_bytes())
    last, = struct.unpack("<f", weights[-4:])
    weights[-4:] = struct.pack("<f", last + 0.125)
    (folder / "tuned.pdiparams").write_bytes(weights)
    shutil.copytree(GOLDEN / "legacy_separate" / "model", folder / "old")
    shutil.copy(GOLDEN / "optimizers" / "adam_sched.pdopt", folder / "adam.pdopt")
    shape = (1, 1, 8, 8)
    header = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    (folder / "ones.npy").write_bytes(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + struct.pack("<f", 1) * 64)
    shutil.copy(GOLDEN / "seed_matmul_add" / "infer_model.pdiparams", folder / "old.pdiparams")


def examples(text):
    """The commands of each fence."""
    return [[line[2:] for line in fence.splitlines() if line.startswith("$ ")] for fence in FENCE.findall(text)]


def transcript(commands, folder):
    lines = []
    for command in commands:
        arguments = [str(a) for a in shlex.split(command)[1:]]
        done = tool.subprocess.run([tool.TOOL, *arguments], capture_output=True, text=True, cwd=folder, check=False)
        lines += ["$ " + command, *(done.stdout + done.stderr).rstrip("\n").splitlines()]
    return "\n".join(lines) + "\n"


class Docs(ToolTest):
    def test_every_example_prints_what_the_page_says(self):
        prepare(self.folder)
        text = PAGE.read_text(encoding="utf-8")
        fences = FENCE.findall(text)
        self.assertGreater(len(fences), 8)
        for fence, commands in zip(fences, examples(text)):
            with self.subTest(commands=commands):
                self.assertEqual(transcript(commands, self.folder), fence)


def write():
    import tempfile
    text = PAGE.read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as folder:
        prepare(pathlib.Path(folder))
        made = iter([transcript(commands, folder) for commands in examples(text)])
    PAGE.write_text(FENCE.sub(lambda _: f"```console\n{next(made)}```", text), encoding="utf-8")


if __name__ == "__main__" and sys.argv[1:] == ["--write"]:
    write()
