"""What `save` writes are Paddle's bytes, and `load` makes of any pickle what Paddle 2.6.2 makes of it, in static mode."""
import json
import os
import subprocess
from pathlib import Path

import pytest

import pickled_objects
from paddle_process import PYTHON, needs_paddle
from under_test import MODULE

pytestmark = [needs_paddle, pytest.mark.skipif(MODULE != "skiff", reason="compares skiff with Paddle")]


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """What skiff saved, and what Paddle saved."""
    ours, paddles = tmp_path_factory.mktemp("skiff"), tmp_path_factory.mktemp("paddle")
    pickled_objects.save(ours)
    in_paddle("save", paddles)
    return ours, paddles


def in_paddle(*arguments):
    script = Path(__file__).resolve().parent / "pickled_objects.py"
    done = subprocess.run([PYTHON, str(script), *map(str, arguments)], capture_output=True, text=True, check=False,
                          env={**os.environ, "SKIFF_UNDER_TEST": "paddle", "OMP_NUM_THREADS": "1"})
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


@pytest.mark.parametrize("name", ["layer", *pickled_objects.objects()])
def test_an_object_is_saved_in_paddles_bytes(name, folders):
    for protocol in (2, 3, 4):
        ours, paddles = ((folder / f"{name}.{protocol}").read_bytes() for folder in folders)
        assert ours == paddles, f"protocol {protocol}"


def test_what_paddle_saved_loads_as_in_paddle(folders):
    assert pickled_objects.load(folders[1]) == json.loads(in_paddle("load", folders[1]).splitlines()[-1])


def test_arrays_become_tensors_where_paddle_makes_tensors_of_them(tmp_path):
    pickled_objects.named_by_hand(tmp_path)
    assert pickled_objects.load(tmp_path) == json.loads(in_paddle("load", tmp_path).splitlines()[-1])
