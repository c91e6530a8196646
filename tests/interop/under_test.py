"""The framework that the interoperability tests exercise.

`skiff` unless the environment variable SKIFF_UNDER_TEST names another module: with
SKIFF_UNDER_TEST=paddle the same tests run against real Paddle, which proves the tests themselves.
"""
import importlib
import os
import zlib  # noqa: F401  Paddle's wheel must find the interpreter's zlib already loaded
from pathlib import Path

TESTS = Path(__file__).resolve().parent.parent
FIXTURES = TESTS / "fixtures"
GOLDEN = TESTS / "golden"
MODULE = os.environ.get("SKIFF_UNDER_TEST", "skiff")


def load():
    """Imports the module under test in static mode; skips the calling test where it is not built."""
    import pytest
    try:
        paddle = importlib.import_module(MODULE)
    except ModuleNotFoundError as error:
        if error.name != MODULE:
            raise
        pytest.skip(f"the module {MODULE} is not installed", allow_module_level=True)
    paddle.enable_static()
    return paddle
