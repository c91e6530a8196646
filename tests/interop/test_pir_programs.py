"""What Paddle 3.3.1 seldom says in a program: skiff computes what it computes, and so does Paddle from what skiff writes."""
import tempfile
from pathlib import Path

import numpy as np
import pytest

import pir_programs
from paddle_process import PYTHON3, PaddleProcess, needs_paddle3
from under_test import MODULE, load

paddle = load()
if MODULE != "skiff":
    pytest.skip("writes programs for Paddle 3, which Paddle 2 does not", allow_module_level=True)
SAME_BYTES = ("integers_as_values", "places")


@pytest.fixture(scope="module")
def processes():
    both = PaddleProcess("pir_programs.py", PYTHON3), PaddleProcess("run_models.py", PYTHON3)
    yield both
    for process in both:
        process.close()


def compare(found, wanted):
    assert len(found) == len(wanted)
    for ours, paddles in zip(map(np.asarray, found), wanted):
        assert (ours.dtype, ours.shape) == (paddles.dtype, paddles.shape)
        np.testing.assert_allclose(ours, paddles, rtol=1e-5, atol=1e-6)


@needs_paddle3
@pytest.mark.parametrize("name", pir_programs.BUILDERS)
def test_a_program_of_paddle_3_computes_the_same_here_and_written_again_there(name, processes):
    maker, runner = processes
    with tempfile.TemporaryDirectory() as folder, paddle.static.scope_guard(paddle.static.Scope()):
        maker.ask(name, f"{folder}/program")
        with np.load(f"{folder}/program.npz") as archive:
            feed = {key[len("in0__"):]: archive[key] for key in archive.files if key.startswith("in")}
            wanted = [archive[f"out0__{k}"] for k in range(len(archive.files) - len(feed))]
        exe = paddle.static.Executor(paddle.CPUPlace())
        program, feeds, fetches = paddle.static.load_inference_model(f"{folder}/program", exe)
        assert feeds == list(feed)
        compare(exe.run(program, feed=feed, fetch_list=fetches), wanted)

        variables = [program.global_block().var(feed_name) for feed_name in feeds]
        paddle.static.save_inference_model(f"{folder}/again", variables, fetches, exe, program=program, format="json")
        runner.ask(f"{folder}/again", f"{folder}/program.npz", f"{folder}/result.npz")
        with np.load(f"{folder}/result.npz") as results:
            compare([results[f"out0__{k}"] for k in range(len(results.files))], wanted)
        same = Path(folder, "again.json").read_bytes() == Path(folder, "program.json").read_bytes()
        assert same or name not in SAME_BYTES
