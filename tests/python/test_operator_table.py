"""docs/operator_table.md tells what the registry tells."""
import subprocess
import sys
from pathlib import Path

import pytest
import skiff
from skiff import _core

ROOT = Path(__file__).resolve().parents[2]


def test_the_table_of_the_documents_is_fresh():
    variants = any(isa != "base" for _, isa, _ in _core.op_info("relu")["kernels"])
    if not variants and not skiff.is_compiled_with_cuda():
        pytest.skip("a build with one instruction set and without CUDA cannot tell which kernels CUDA has")
    run = subprocess.run([sys.executable, ROOT / "scripts" / "operator_table.py", "--check"], capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr
