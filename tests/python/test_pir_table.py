"""docs/pir_operators.md tells what the readers and writers of Paddle 3's programs know."""
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent


def test_the_table_of_paddle_3s_operators_is_what_the_code_knows():
    run = subprocess.run([sys.executable, ROOT / "scripts" / "pir_table.py", "--check"], capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr
