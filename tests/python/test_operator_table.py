"""docs/operator_table.md, docs/onnx_operators.md and docs/pir_operators.md tell what the code knows."""
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("script", ["operator_table.py", "onnx_operators.py", "pir_table.py"])
def test_the_table_of_the_documents_is_fresh(script):
    run = subprocess.run([sys.executable, ROOT / "scripts" / script, "--check"], capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr
