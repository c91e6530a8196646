"""What the command `skiff` writes, real Paddle 2.6.2 loads and computes the same from.

Needs SKIFF_PADDLE_PYTHON, an interpreter with Paddle, and SKIFF_TOOL, the command (the build's own by default).
"""
import json
import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from paddle_process import PYTHON, compare, needs_paddle
from under_test import load

ROOT = Path(__file__).resolve().parents[2]
TOOL = Path(os.environ.get("SKIFF_TOOL", ROOT / "build" / "cpu" / "bin" / "skiff"))
GOLDEN = ROOT / "tests" / "golden"
paddle = load()
pytestmark = [needs_paddle, pytest.mark.skipif(not TOOL.exists(), reason=f"there is no {TOOL}: build the target skiff_tool")]

RUN = """
import json, sys, zlib
import numpy as np
import paddle
paddle.enable_static()
exe = paddle.static.Executor(paddle.CPUPlace())
for path, feeds, fetches, found, options in json.loads(sys.argv[1]):
    with paddle.static.scope_guard(paddle.static.Scope()):
        program, names, outputs = paddle.static.load_inference_model(path, exe, **options)
        given = dict(np.load(feeds))
        assert set(names) <= set(given), (names, list(given))
        values = exe.run(program, feed={name: given[name] for name in names}, fetch_list=fetches or outputs)
        np.savez(found, **{f"out_{i}": value for i, value in enumerate(values)})
"""


def skiff(*arguments):
    done = subprocess.run([str(TOOL), *map(str, arguments)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


class Paddle:
    """Runs models in one process of Paddle's: `run` promises outputs, `results` runs all and gives them."""

    def __init__(self, folder):
        self.folder, self.jobs = folder, []

    def run(self, path, feed, fetches=None, **options):
        feeds, found = self.folder / f"feed_{len(self.jobs)}.npz", self.folder / f"found_{len(self.jobs)}.npz"
        np.savez(feeds, **feed)
        self.jobs.append((str(path), str(feeds), fetches, str(found), options))

    def results(self):
        done = subprocess.run([PYTHON, "-c", RUN, json.dumps(self.jobs)], capture_output=True, text=True, check=False,
                              env={**os.environ, "OMP_NUM_THREADS": "1"})
        assert done.returncode == 0, done.stderr[-3000:]
        results = []
        for job in self.jobs:
            with np.load(job[3]) as archive:
                results.append({name: archive[name] for name in archive.files})
        return results


@pytest.fixture
def oracle(tmp_path):
    return Paddle(tmp_path)


def golden(name):
    """(prefix, {feed name: array}): in_0__x, or x_0 for the first of several runs."""
    prefix = {"lenet": GOLDEN / "seed_lenet_hapi" / "inference_model", "matmul": GOLDEN / "seed_matmul_add" / "infer_model"}.get(
        name, GOLDEN / name / "model")
    names = [v["name"] for v in json.loads(skiff("show", prefix, "--json"))["inputs"]]
    with np.load(prefix.parent / "io.npz") as archive:
        keys = {key.split("__", 1)[-1].removesuffix("_0"): key for key in archive.files if "__" in key or key.endswith("_0")}
        return prefix, {name: archive[keys[name]] for name in names}


EVERY = ["lenet", "matmul", "jit_conv_bn_relu", "jit_embed_lstm", "static_control_flow", "jit_control_flow"]


@pytest.mark.parametrize("name", EVERY)
def test_stripped_converted_and_renamed_models_compute_the_same(name, oracle, tmp_path):
    prefix, feed = golden(name)
    facts = json.loads(skiff("show", prefix, "--json"))
    oracle.run(prefix, feed)
    skiff("strip", prefix, tmp_path / "stripped")
    oracle.run(tmp_path / "stripped", feed)
    skiff("convert", prefix, f"{tmp_path}/folder/")
    oracle.run(tmp_path / "folder", feed, model_filename="__model__")
    skiff("convert", prefix, tmp_path / "combined", "--to", "combined_folder")
    oracle.run(tmp_path / "combined", feed, model_filename="__model__", params_filename="__params__")
    skiff("convert", tmp_path / "folder", tmp_path / "again")
    oracle.run(tmp_path / "again", feed)
    if facts["parameters"]:
        skiff("convert", prefix, tmp_path / "weights.safetensors")
        skiff("convert", tmp_path / "weights.safetensors", tmp_path / "from_weights", "--program", prefix)
        oracle.run(tmp_path / "from_weights", feed)
    renamed = {variable["name"]: f"z{i}.renamed" for i, variable in enumerate(facts["parameters"] + facts["inputs"])}
    skiff("edit", prefix, tmp_path / "renamed", *[f"--rename={old}={new}" for old, new in renamed.items()])
    oracle.run(tmp_path / "renamed", {renamed[key]: value for key, value in feed.items()})
    wanted, *others = oracle.results()
    for found in others:
        compare(found, wanted)


@pytest.mark.parametrize("name", ["lenet", "jit_conv_bn_relu", "jit_embed_lstm"])
def test_a_model_cut_anywhere_computes_that_variable(name, oracle, tmp_path):
    prefix, feed = golden(name)
    cuts = []
    for op in paddle.load(f"{prefix}.pdmodel").global_block().ops:
        cuts += [name for slot in ("Out", "Output", "Y") if slot in op.output_names for name in op.output(slot)]
    cuts = [name for name in dict.fromkeys(cuts) if name not in (*feed, "fetch") and not name.startswith("save_infer_model")]
    for i, variable in enumerate(cuts):
        skiff("edit", prefix, tmp_path / f"cut_{i}", "--cut", variable)
    assert len(cuts) >= 5
    for i, variable in enumerate(cuts):
        oracle.run(prefix, feed, [variable])
        oracle.run(tmp_path / f"cut_{i}", feed)
    results = oracle.results()
    for i, variable in enumerate(cuts):
        wanted, found = results[2 * i], results[2 * i + 1]
        np.testing.assert_allclose(found["out_0"], wanted["out_0"], rtol=1e-5, atol=1e-6, err_msg=variable)


def test_both_halves_of_a_model_together_are_the_model(oracle, tmp_path):
    prefix, feed = golden("lenet")
    middle = "pool2d_0.tmp_0"
    skiff("edit", prefix, tmp_path / "tail", "--from", middle)
    oracle.run(prefix, feed, [middle])
    oracle.run(prefix, feed)
    half, whole = oracle.results()
    after = Paddle(tmp_path)
    after.run(tmp_path / "tail", {middle: half["out_0"]})
    compare(after.results()[0], whole)


@pytest.mark.parametrize("name", ["lenet", "jit_conv_bn_relu", "jit_embed_lstm"])
def test_a_model_of_another_shape_runs_at_it(name, oracle, tmp_path):
    prefix, feed = golden(name)
    facts = json.loads(skiff("show", prefix, "--json"))
    shapes = [f"--shape={v['name']}={','.join(map(str, [1] + list(feed[v['name']].shape[1:])))}" for v in facts["inputs"]]
    made = json.loads(skiff("edit", prefix, tmp_path / "one", *shapes, "--json"))
    one = {key: value[:1] for key, value in feed.items()}
    oracle.run(prefix, one)
    oracle.run(tmp_path / "one", one)
    wanted, found = oracle.results()
    compare(found, wanted)
    for i, output in enumerate(made["outputs"]):
        assert output["shape"] == list(wanted[f"out_{i}"].shape)


BUILD_TWICE = """
import sys, zlib
import paddle
folder = sys.argv[1]
def net():
    return paddle.nn.Sequential(paddle.nn.Conv2D(1, 4, 3), paddle.nn.BatchNorm2D(4), paddle.nn.ReLU(), paddle.nn.Flatten(),
                                paddle.nn.Linear(144, 5), paddle.nn.Softmax())
first, second = net(), net()
second.set_state_dict(first.state_dict())
for name, layer in (("first", first), ("second", second)):
    layer.eval()
    paddle.jit.save(layer, f"{folder}/{name}", input_spec=[paddle.static.InputSpec([None, 1, 8, 8], "float32", "image")])
paddle.enable_static()
for name, skipped in (("train_a", 0), ("train_b", 11)):
    with paddle.utils.unique_name.guard():
        main, startup = paddle.static.Program(), paddle.static.Program()
        with paddle.static.program_guard(main, startup):
            for _ in range(skipped):
                paddle.utils.unique_name.generate("fc")
            x, y = paddle.static.data("x", [None, 4]), paddle.static.data("y", [None, 1])
            out = paddle.static.nn.fc(paddle.static.nn.fc(x, 3, activation="tanh"), 1)
            paddle.optimizer.Adam(1e-3).minimize(paddle.mean(paddle.nn.functional.square_error_cost(out, y)))
        paddle.save(main, f"{folder}/{name}.pdmodel")
"""


def test_a_net_that_paddle_built_again_is_equal_up_to_names(tmp_path):
    done = subprocess.run([PYTHON, "-c", BUILD_TWICE, str(tmp_path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    said = json.loads(skiff("diff", tmp_path / "first", tmp_path / "second", "--run", "--json"))
    assert said["equal"] and said["programs"]["renamed"]["conv2d_0.w_0"] == "conv2d_1.w_0"
    said = json.loads(skiff("diff", tmp_path / "train_a.pdmodel", tmp_path / "train_b.pdmodel", "--json"))
    assert said["equal"] and said["programs"]["renamed"]["fc_0.w_0"] == "fc_11.w_0"


def test_layers_names_survive_edits_and_cuts_for_who_trains_on_in_paddle(tmp_path):
    prefix = GOLDEN / "jit_conv_bn_relu" / "model"
    skiff("convert", prefix, tmp_path / "same")
    skiff("edit", prefix, tmp_path / "renamed", "--rename", "conv2d_0.w_0=filter")
    skiff("edit", prefix, tmp_path / "cut", "--cut", "conv2d_0.tmp_0")
    code = """
import json, sys, zlib
import paddle
print(json.dumps([[sorted(paddle.load(f"{sys.argv[1]}/{name}")), len(paddle.jit.load(f"{sys.argv[1]}/{name}").parameters())]
                  for name in ("same", "renamed", "cut")]))
"""
    done = subprocess.run([PYTHON, "-c", code, str(tmp_path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    same, renamed, cut = json.loads(done.stdout.splitlines()[-1])
    assert same == renamed and "0.weight" in same[0] and len(same[0]) > 4
    assert cut == [["0.weight"], 1]


def test_state_dicts_of_every_format_load_into_paddle(tmp_path):
    state = GOLDEN / "jit_conv_bn_relu" / "model.pdparams"
    skiff("convert", state, tmp_path / "a.safetensors")
    skiff("convert", tmp_path / "a.safetensors", tmp_path / "b.npz")
    for protocol in (2, 3, 4):
        skiff("convert", tmp_path / "b.npz", tmp_path / f"p{protocol}.pdparams", "--protocol", protocol)
    shutil.copy(state, tmp_path / "wanted.pdparams")
    code = """
import sys, zlib
import numpy as np
import paddle
wanted = paddle.load(sys.argv[1] + "/wanted.pdparams")
arrays = dict(np.load(sys.argv[1] + "/b.npz"))
for found in [paddle.load(f"{sys.argv[1]}/p{p}.pdparams") for p in (2, 3, 4)] + [arrays]:
    assert sorted(found) == sorted(wanted), (sorted(found), sorted(wanted))
    for name, value in wanted.items():
        np.testing.assert_array_equal(np.asarray(found[name]), value.numpy())
"""
    done = subprocess.run([PYTHON, "-c", code, str(tmp_path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
