"""What real Paddle 2.6.2 saves, skiff loads, with the same values and the same answers.

Needs SKIFF_PADDLE_PYTHON: an interpreter with Paddle, which runs in a process of its own. Files that
Paddle wrote once and for all are in test_golden.py, which needs no Paddle.
"""
import pytest

from exchange import EXCHANGES
from paddle_process import compare, exchange_in_paddle, needs_paddle
from under_test import load

paddle = load()
pytestmark = needs_paddle


@pytest.mark.parametrize("name", EXCHANGES)
def test_skiff_finds_in_paddles_files_what_paddle_put_there(name, tmp_path):
    wanted = exchange_in_paddle("write", name, tmp_path, tmp_path / "wanted.npz")
    compare(EXCHANGES[name].run("read", paddle, tmp_path), wanted)
