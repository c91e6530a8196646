"""docs/operator_table.md tells what the registry tells."""
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_the_table_of_the_documents_is_fresh():
    run = subprocess.run([sys.executable, ROOT / "scripts" / "operator_table.py", "--check"], capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr
