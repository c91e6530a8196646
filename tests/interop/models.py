#!/usr/bin/env python3
"""Exports the models of model_cases/ with real Paddle, one after another, in a process of its own.

A request is a line `CASE STYLE FOLDER`: the model is saved as FOLDER/CASE.pdmodel and .pdiparams, and FOLDER/CASE.npz
holds for run k in<k>__<feed> and out<k>__<position>. The answer is a line: "done", or "failed" and why.
"""
import os
import sys
import traceback
import zlib  # noqa: F401  Paddle's wheel must find the interpreter's zlib already loaded
from pathlib import Path

import numpy as np
from model_cases import CASES


def settle(paddle, layer, case):
    """Batch norms get the statistics of a batch, so that deep nets neither explode nor vanish, and scales that differ."""
    random = np.random.RandomState(1)
    norms = [one for one in layer.sublayers() if isinstance(one, paddle.nn.layer.norm._BatchNormBase)]
    for norm in norms:
        norm._momentum = 0.0
        norm.weight.set_value(random.uniform(0.7, 1.3, norm.weight.shape).astype("float32"))
        norm.bias.set_value(random.uniform(-0.2, 0.2, norm.bias.shape).astype("float32"))
    if norms:
        layer.train()
        with paddle.no_grad():
            layer(*[paddle.to_tensor(one.draw(random, 16, 0)) for one in case.inputs])


def dynamic_layer(paddle, case):
    paddle.disable_static()
    paddle.seed(7)
    layer = case.build(paddle)
    settle(paddle, layer, case)
    layer.eval()
    return layer


def save_with_jit(paddle, case, prefix):
    layer = dynamic_layer(paddle, case)
    specs = [paddle.static.InputSpec(one.declared(), one.dtype, one.name) for one in case.inputs]
    getattr(layer, "export", paddle.jit.save)(layer, prefix, input_spec=specs)


def flattened(outputs):
    return [one for part in outputs for one in flattened(part)] if isinstance(outputs, (list, tuple)) else [outputs]


def save_static(paddle, case, prefix):
    state = None
    if case.kind == "layer":
        state = {name: value.numpy() for name, value in dynamic_layer(paddle, case).state_dict().items()}
    paddle.enable_static()
    static = paddle.static
    main, startup = static.Program(), static.Program()
    main.random_seed = startup.random_seed = 7
    with static.program_guard(main, startup):
        feeds = [static.data(one.name, one.declared(), one.dtype) for one in case.inputs]
        if state is not None:
            layer = case.build(paddle)
            layer.eval()
            outputs = layer(*feeds)
        else:
            outputs = case.build(paddle, *feeds)
        exe = static.Executor(paddle.CPUPlace())
        exe.run(startup)
        if state is not None:
            for name, variable in layer.state_dict().items():
                static.global_scope().find_var(variable.name).get_tensor().set(state[name], paddle.CPUPlace())
        static.save_inference_model(prefix, feeds, flattened(outputs), exe, program=main.clone(for_test=True))


SAVE = {"jit": save_with_jit, "static": save_static}


def record(paddle, case, prefix):
    """What Paddle computes from the files it saved. Each run gets a scope of its own: Paddle leaves arrays of one for the next."""
    paddle.enable_static()
    exe, arrays = paddle.static.Executor(paddle.CPUPlace()), {}
    for run, feed in enumerate(case.feeds()):
        with paddle.static.scope_guard(paddle.static.Scope()):
            loaded, feeds, fetches = paddle.static.load_inference_model(prefix, exe)
            outputs = exe.run(loaded, feed={name: feed[name] for name in feeds}, fetch_list=fetches, return_numpy=False)
            arrays.update({f"in{run}__{name}": feed[name] for name in feeds})
            arrays.update({f"out{run}__{k}": np.array(value) for k, value in enumerate(outputs)})
    np.savez(prefix + ".npz", **arrays)


def export(paddle, name, style, folder):
    """FOLDER/NAME.pdmodel, .pdiparams and .npz, with fresh names and a fresh scope."""
    case, prefix = CASES[name], str(Path(folder) / name)
    with paddle.utils.unique_name.guard(), paddle.static.scope_guard(paddle.static.Scope()):
        SAVE[style](paddle, case, prefix)
    record(paddle, case, prefix)


def main():
    import paddle
    replies = os.fdopen(os.dup(1), "w")  # whatever Paddle prints must not look like a reply
    os.dup2(2, 1)
    for line in sys.stdin:
        try:
            export(paddle, *line.split())
            reply = "done"
        except Exception:  # noqa: BLE001  any refusal is an answer
            reply = "failed " + repr(traceback.format_exc())
        print(reply, file=replies, flush=True)


if __name__ == "__main__":
    main()
