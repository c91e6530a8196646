"""What skiff saves, real Paddle 2.6.2 loads, with the same values and the same answers.

Needs SKIFF_PADDLE_PYTHON: an interpreter with Paddle, which runs in a process of its own.
"""
import pytest

from exchange import EXCHANGES, NETS
from paddle_process import compare, exchange_in_paddle, needs_paddle
from under_test import load

paddle = load()
pytestmark = needs_paddle
PARAMETERISED = [net for net in NETS if net != "without_parameters"]


@pytest.mark.parametrize("name", EXCHANGES)
def test_paddle_finds_in_skiffs_files_what_skiff_put_there(name, tmp_path):
    wanted = EXCHANGES[name].run("write", paddle, tmp_path)
    compare(exchange_in_paddle("read", name, tmp_path, tmp_path / "found.npz"), wanted)


@pytest.mark.parametrize("net", PARAMETERISED)
def test_the_parameter_file_has_paddles_bytes(net, tmp_path):
    ours, paddles = tmp_path / "ours", tmp_path / "paddles"
    ours.mkdir()
    paddles.mkdir()
    EXCHANGES["inference_model_" + net].run("write", paddle, ours)
    exchange_in_paddle("write", "inference_model_" + net, paddles, tmp_path / "wanted.npz")
    assert (ours / (net + ".pdiparams")).read_bytes() == (paddles / (net + ".pdiparams")).read_bytes()


def test_a_model_without_parameters_has_no_parameter_file(tmp_path):
    EXCHANGES["inference_model_without_parameters"].run("write", paddle, tmp_path)
    assert (tmp_path / "without_parameters.pdmodel").exists()
    assert not (tmp_path / "without_parameters.pdiparams").exists()
