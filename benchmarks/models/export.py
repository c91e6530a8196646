#!/usr/bin/env python3
"""Exports the benchmark models with a real PaddlePaddle 2.6.2 and paddle2onnx 1.x.

    python export.py FOLDER [--only lenet resnet50 bert_base]

Each model becomes FOLDER/<name>.pdmodel and .pdiparams (jit.save, any batch size), FOLDER/<name>.onnx
(the same network for ONNX Runtime) and FOLDER/<name>_io.npz: inputs `in_<i>__<name>` of 4 samples and
the outputs `out_<i>` that Paddle's executor computed from the saved files. The weights are drawn from
a fixed seed: the models are for speed and agreement, they know nothing.
"""
import argparse
import os
import zlib  # noqa: F401  Paddle's wheel must find the interpreter's zlib already loaded
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
import numpy as np
import paddle
from paddle.static import InputSpec

SAMPLES = 4


class BertBase(paddle.nn.Layer):
    """The encoder of BERT base: 12 layers, 768 wide, 12 heads, 30,522 words.

    input_ids, token_type_ids: int64 [batch, tokens], tokens at most 512.
    Returns the sequence [batch, tokens, 768] and the pooled first token [batch, 768].
    """

    def __init__(self, words=30522, width=768, layers=12, heads=12, positions=512):
        super().__init__()
        self.word = paddle.nn.Embedding(words, width)
        self.position = paddle.nn.Embedding(positions, width)
        self.segment = paddle.nn.Embedding(2, width)
        self.norm = paddle.nn.LayerNorm(width, epsilon=1e-12)
        layer = paddle.nn.TransformerEncoderLayer(width, heads, 4 * width, dropout=0.1, activation="gelu")
        self.encoder = paddle.nn.TransformerEncoder(layer, layers)
        self.pooler = paddle.nn.Linear(width, width)

    def forward(self, input_ids, token_type_ids):
        positions = paddle.arange(input_ids.shape[1], dtype="int64").unsqueeze(0)
        embedded = self.word(input_ids) + self.position(positions) + self.segment(token_type_ids)
        sequence = self.encoder(self.norm(embedded))
        return sequence, paddle.tanh(self.pooler(sequence[:, 0]))


def lenet(random):
    images = random.rand(SAMPLES, 1, 28, 28).astype("float32")
    return paddle.vision.models.LeNet(), [InputSpec([None, 1, 28, 28], "float32", "image")], [images]


def resnet50(random):
    """The running statistics come from a few random batches, so that activations keep their size."""
    net = paddle.vision.models.resnet50()
    for layer in net.sublayers():
        if isinstance(layer, paddle.nn.BatchNorm2D):
            layer._momentum = 0.5
    with paddle.no_grad():
        for _ in range(6):
            net(paddle.to_tensor(random.randn(8, 3, 224, 224).astype("float32")))
    images = random.randn(SAMPLES, 3, 224, 224).astype("float32")
    return net, [InputSpec([None, 3, 224, 224], "float32", "image")], [images]


def bert_base(random, tokens=128):
    specs = [InputSpec([None, tokens], "int64", "input_ids"), InputSpec([None, tokens], "int64", "token_type_ids")]
    words = random.randint(0, 30522, (SAMPLES, tokens)).astype("int64")
    segments = (np.arange(tokens) >= random.randint(1, tokens, (SAMPLES, 1))).astype("int64")
    return BertBase(), specs, [words, segments]


MODELS = {"lenet": lenet, "resnet50": resnet50, "bert_base": bert_base}


def run_saved(prefix, inputs):
    """What Paddle's executor computes from the files: feed names and outputs."""
    paddle.enable_static()
    with paddle.static.scope_guard(paddle.static.Scope()):
        exe = paddle.static.Executor(paddle.CPUPlace())
        program, feeds, fetches = paddle.static.load_inference_model(prefix, exe)
        outputs = exe.run(program, feed=dict(zip(feeds, inputs)), fetch_list=fetches)
    paddle.disable_static()
    return feeds, outputs


def export(name, folder):
    import paddle2onnx
    paddle.seed(2024)
    net, specs, inputs = MODELS[name](np.random.RandomState(2024))
    net.eval()
    prefix = str(folder / name)
    paddle.jit.save(net, prefix, specs)
    feeds, outputs = run_saved(prefix, inputs)
    np.savez(prefix + "_io.npz", **{f"in_{i}__{feed}": value for i, (feed, value) in enumerate(zip(feeds, inputs))},
             **{f"out_{i}": value for i, value in enumerate(outputs)})
    paddle2onnx.export(prefix + ".pdmodel", prefix + ".pdiparams", prefix + ".onnx", opset_version=13, verbose=False)
    for file in sorted(folder.glob(name + "*")):
        print(f"{file.stat().st_size / 1e6:9.2f} MB  {file}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--only", nargs="+", choices=MODELS, default=list(MODELS))
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    for name in options.only:
        export(name, options.folder)


if __name__ == "__main__":
    main()
