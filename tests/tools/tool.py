"""Runs the command `skiff` and reads numpy's simplest files, without numpy."""
import ast
import os
import pathlib
import shutil
import struct
import subprocess
import tempfile
import unittest

GOLDEN = pathlib.Path(__file__).resolve().parents[1] / "golden"
TOOL = os.environ["SKIFF_TOOL"]


def skiff(*arguments):
    """(exit code, standard output, standard error)"""
    done = subprocess.run([TOOL, *map(str, arguments)], capture_output=True, text=True)
    return done.returncode, done.stdout, done.stderr


def read_npy(path_or_bytes):
    """(shape, values) of a little-endian float32 .npy in C order."""
    data = path_or_bytes if isinstance(path_or_bytes, bytes) else pathlib.Path(path_or_bytes).read_bytes()
    length, = struct.unpack("<H", data[8:10])
    header = ast.literal_eval(data[10:10 + length].decode())
    assert header["descr"] == "<f4" and not header["fortran_order"], header
    body = data[10 + length:]
    return header["shape"], struct.unpack(f"<{len(body) // 4}f", body)


class ToolTest(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)

    def copy(self, prefix, name="model"):
        """Copies golden `prefix`.pdmodel and .pdiparams; returns the new prefix."""
        for suffix in (".pdmodel", ".pdiparams"):
            shutil.copy(GOLDEN / (prefix + suffix), self.folder / (name + suffix))
        return self.folder / name
