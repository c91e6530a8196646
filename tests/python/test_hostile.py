"""Files of strangers (tests/hostile): Python gets the error that verdicts.json says, and nothing runs."""
import json
import os
from pathlib import Path

import pytest
import skiff as paddle
from skiff import static

HOSTILE = Path(__file__).resolve().parent.parent / "hostile"
VERDICTS = [entry for entry in json.loads((HOSTILE / "verdicts.json").read_text()) if entry["reader"] in ("pickle", "tensor", "program", "model", "folder")]
ERRORS = (ValueError, MemoryError, TypeError, NotImplementedError, RuntimeError)


def read(reader, path):
    if reader in ("model", "folder"):
        options = {} if reader == "model" else {"model_filename": "__model__"}
        return static.load_inference_model(path, static.Executor(paddle.CPUPlace()), **options)
    return paddle.load(path)


@pytest.mark.parametrize("entry", VERDICTS, ids=[entry["file"] for entry in VERDICTS])
def test_each_has_its_verdict(entry):
    path = str(HOSTILE / "files" / entry["file"])
    if entry["says"] is None:
        with static.scope_guard(static.Scope()):
            read(entry["reader"], path)
        return
    with static.scope_guard(static.Scope()), pytest.raises(ERRORS):
        read(entry["reader"], path)
    assert not os.path.exists("/tmp/owned")


def test_limits_bound_what_one_file_may_cost():
    path = str(HOSTILE / "files" / "pickle" / "path_as_a_name.pdparams")
    assert list(paddle.load(path)) == ["../../etc/passwd"]
    with paddle.utils.read_limits(max_objects=3), pytest.raises(MemoryError, match="ReadLimits::max_objects = 3"):
        paddle.load(path)
    assert paddle.load(path)
    with pytest.raises(ValueError, match="max_thing"):
        paddle.utils.read_limits(max_thing=1)
    with pytest.raises(ValueError, match="max_depth is 100000; 0 to 1000"), paddle.utils.read_limits(max_depth=100000):
        pass
