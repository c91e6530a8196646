#!/usr/bin/env python3
"""Training programs that Paddle 3 and skiff exchange as .json, .pdparams and .pdopt, in a process of its own for Paddle's side.

A request is a line `make OPTIMIZER PREFIX` (builds, saves, and records the losses of the next steps in PREFIX.npz) or
`run OPTIMIZER PREFIX` (goes on from what is saved; the losses, and the parameters afterwards, go to PREFIX.ran.npz).
"""
import os
import sys
import traceback
import zlib  # noqa: F401  Paddle's wheel must find the interpreter's zlib already loaded

import numpy as np

STEPS = 4
OPTIMIZERS = {"sgd": lambda o: o.SGD(0.1), "momentum": lambda o: o.Momentum(0.1, 0.9), "adam": lambda o: o.Adam(0.01),
              "adamw": lambda o: o.AdamW(0.01, weight_decay=0.1), "rmsprop": lambda o: o.RMSProp(0.01), "adagrad": lambda o: o.Adagrad(0.1)}


def feeds():
    random = np.random.RandomState(0)
    return [{"x": random.randn(6, 1, 8, 8).astype("float32"), "y": random.randint(0, 5, (6, 1)).astype("int64"),
             "ids": random.randint(0, 10, (6, 3)).astype("int64")} for _ in range(STEPS)]


def build(paddle, optimizer):
    """Convolution, batch norm, pooling, embedding, moves of elements, cross entropy: the loss, ready to train."""
    static, nn, functional = paddle.static, paddle.nn, paddle.nn.functional
    x, y, ids = static.data("x", [-1, 1, 8, 8]), static.data("y", [-1, 1], "int64"), static.data("ids", [-1, 3], "int64")
    hidden = functional.max_pool2d(functional.relu(nn.BatchNorm2D(4)(nn.Conv2D(1, 4, 3)(x))), 2, 2)
    words = paddle.reshape(nn.Embedding(10, 4)(ids), [-1, 12])
    both = paddle.unsqueeze(paddle.concat([paddle.reshape(hidden, [-1, 36]), words], 1), 1)
    logits = nn.Linear(48, 5)(paddle.squeeze(paddle.transpose(both, [0, 2, 1]), 2))
    loss = paddle.mean(functional.softmax_with_cross_entropy(logits, y))
    OPTIMIZERS[optimizer](paddle.optimizer).minimize(loss)
    return loss


def build_with_older_operators(paddle, optimizer):
    """What 2.x says and Paddle 3 does not: mul, an elementwise operator's axis, a smaller X.

    Only 2.x and skiff build it. Rows of gradients come from every side: both operands of mul and of the elementwise operators are trained.
    """
    static = paddle.static
    x, y, ids = static.data("x", [-1, 1, 8, 8]), static.data("y", [-1, 1], "int64"), static.data("ids", [-1, 3], "int64")
    block = static.default_main_program().global_block()

    def append(op, inputs, attrs, shape):
        out = block.create_var(name=paddle.utils.unique_name.generate(op), dtype="float32", shape=shape)
        block.append_op(type=op, inputs=inputs, outputs={"Out": out}, attrs=attrs)
        return out

    def parameter(*shape):
        return static.create_parameter(shape, "float32", default_initializer=paddle.nn.initializer.Uniform(-0.5, 0.5))

    hidden = static.nn.conv2d(x, 4, 3)  # [-1, 4, 6, 6], its bias along axis 1
    hidden = append("elementwise_max", {"X": hidden, "Y": parameter(4)}, {"axis": 1}, hidden.shape)
    hidden = append("elementwise_mul", {"X": hidden, "Y": parameter(4, 6)}, {"axis": 1}, hidden.shape)
    hidden = append("elementwise_sub", {"X": parameter(4), "Y": hidden}, {"axis": 1}, hidden.shape)
    rows = static.nn.fc(append("reshape", {"X": hidden}, {"shape": [-1, 6, 24]}, [-1, 6, 24]), 8, num_flatten_dims=2)
    wide = append("mul", {"X": rows, "Y": parameter(6, 8, 3, 2)}, {"x_num_col_dims": 1, "y_num_col_dims": 2}, [-1, 3, 2])
    flat = paddle.concat([paddle.reshape(wide, [-1, 6]), paddle.cast(ids, "float32")], 1)
    loss = paddle.mean(paddle.nn.functional.softmax_with_cross_entropy(static.nn.fc(flat, 5), y))
    OPTIMIZERS[optimizer](paddle.optimizer).minimize(loss)
    return loss


def parameters_of(paddle, prefix):
    """What the scope holds of everything saved at `prefix`, as arrays for savez."""
    scope = paddle.static.global_scope()
    return {"parameter__" + name: np.array(scope.find_var(name).get_tensor()) for name in paddle.load(prefix + ".pdparams", return_numpy=True)}


def make(paddle, optimizer, prefix, builder=build, **options):
    main, startup = paddle.static.Program(), paddle.static.Program()
    with paddle.static.scope_guard(paddle.static.Scope()), paddle.utils.unique_name.guard(), paddle.static.program_guard(main, startup):
        loss = builder(paddle, optimizer)
        exe = paddle.static.Executor(paddle.CPUPlace())
        exe.run(startup)
        paddle.static.save(main, prefix, **options)
        losses = [float(exe.run(main, feed=feed, fetch_list=[loss])[0]) for feed in feeds()]
        np.savez(prefix + ".npz", losses=losses, **parameters_of(paddle, prefix))


def run(paddle, optimizer, prefix):
    with paddle.static.scope_guard(paddle.static.Scope()):
        program, exe = paddle.load(prefix + ".json"), paddle.static.Executor(paddle.CPUPlace())
        for suffix in (".pdparams", ".pdopt"):
            for name, value in paddle.load(prefix + suffix, return_numpy=True).items():
                paddle.static.global_scope().var(name).get_tensor().set(value, paddle.CPUPlace())
        loss = next(op.result(0) for op in program.global_block().ops if op.name() in ("pd_op.mean", "pd_op.mean_all"))
        losses = [float(exe.run(program, feed=feed, fetch_list=[loss])[0]) for feed in feeds()]
        np.savez(prefix + ".ran.npz", losses=losses, **parameters_of(paddle, prefix))


def main():
    import paddle
    replies = os.fdopen(os.dup(1), "w")  # whatever Paddle prints must not look like a reply
    os.dup2(2, 1)
    paddle.enable_static()
    for line in sys.stdin:
        command, *words = line.split()
        try:
            {"make": make, "run": run}[command](paddle, *words)
            reply = "done"
        except Exception:  # noqa: BLE001  any refusal is an answer
            reply = "failed " + repr(traceback.format_exc())
        print(reply, file=replies, flush=True)


if __name__ == "__main__":
    main()
