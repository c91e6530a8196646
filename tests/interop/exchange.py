#!/usr/bin/env python3
"""Files that one framework writes and another reads, each an `Exchange` with two sides.

`write(paddle, folder)` builds something, saves it below `folder` and returns what a reader must find;
`read(paddle, folder)` loads the files and returns what it found. Both return {name: array}: values
whose name starts with "stored" must come back bit for bit, the others are computed and may differ by
rounding. Both sides use documented calls of `paddle` alone, so that each can be skiff or Paddle.

    python exchange.py write|read EXCHANGE FOLDER RESULT.npz      # with the module under_test names
"""
import sys
from pathlib import Path

import numpy as np

import under_test

EXCHANGES = {}


class Exchange:
    """Collects the two sides: @exchange.write and @exchange.read."""

    def __init__(self, name, dynamic=False):
        self.name, self.dynamic = name, dynamic
        EXCHANGES[name] = self

    def write(self, function):
        self.write_side = function
        return function

    def read(self, function):
        self.read_side = function
        return function

    def run(self, side, paddle, folder):
        """One side, with fresh names, fresh programs and a fresh scope; leaves static mode on."""
        static = paddle.static
        function = self.write_side if side == "write" else self.read_side
        if self.dynamic:
            paddle.disable_static()
        try:
            with paddle.utils.unique_name.guard(), static.scope_guard(static.Scope()), static.program_guard(static.Program(), static.Program()):
                return {name: np.asarray(value) for name, value in function(paddle, Path(folder)).items()}
        finally:
            paddle.enable_static()


def uniform(seed, *shape):
    return np.random.RandomState(seed).uniform(-0.5, 0.5, shape).astype("float32")


def tensor_of(paddle, name):
    return paddle.static.global_scope().find_var(name).get_tensor()


def randomize(paddle, program):
    """Reproducible values for every parameter and statistic; {name: value}."""
    values = {}
    for number, var in enumerate(sorted((v for v in program.list_vars() if v.persistable), key=lambda v: v.name)):
        values[var.name] = uniform(100 + number, *var.shape) + (1.0 if ".w_2" in var.name else 0.0)  # w_2: a variance
        tensor_of(paddle, var.name).set(values[var.name].astype("float32"), paddle.CPUPlace())
    return values


# ---------------------------------------------------------------- inference models
def dense(paddle):
    x = paddle.static.data("x", [None, 6], "float32")
    h = paddle.static.nn.fc(x, 5, activation="tanh")
    return [x], [paddle.nn.functional.softmax(paddle.static.nn.fc(h, 3))], {"x": uniform(1, 4, 6)}


def convolutional(paddle):
    x = paddle.static.data("image", [None, 2, 8, 8], "float32")
    h = paddle.static.nn.batch_norm(paddle.static.nn.conv2d(x, 4, 3, padding=1), act="relu")
    h = paddle.nn.functional.max_pool2d(h, 2, 2)
    h = paddle.nn.functional.dropout(h, 0.5)
    return [x], [paddle.static.nn.fc(h, 3)], {"image": uniform(2, 3, 2, 8, 8)}


def attentive(paddle):
    """Integer input, two outputs."""
    ids = paddle.static.data("ids", [None, 7], "int64")
    h = paddle.static.nn.layer_norm(paddle.static.nn.embedding(ids, [20, 8]), begin_norm_axis=2)
    weights = paddle.nn.functional.softmax(paddle.matmul(h, h, transpose_y=True) * 0.35)
    y = paddle.nn.functional.gelu(paddle.static.nn.fc(paddle.matmul(weights, h), 4, num_flatten_dims=2))
    return [ids], [y, weights], {"ids": np.random.RandomState(3).randint(0, 20, (2, 7)).astype("int64")}


def two_inputs(paddle):
    """Inputs declared in another order than they are fed in, one pruned operator, operators of Variable."""
    b = paddle.static.data("b", [None, 4], "float32")
    a = paddle.static.data("a", [None, 4], "float32")
    paddle.mean(a * 3.0)
    w = paddle.static.create_parameter([4, 4], "float32", name="w")
    y = paddle.reshape(paddle.concat([a @ w, b * 2.0 - 1.0], axis=1), [-1, 2, 4])
    return [a, b], [paddle.transpose(y, [0, 2, 1])], {"a": uniform(4, 3, 4), "b": uniform(5, 3, 4)}


def without_parameters(paddle):
    x = paddle.static.data("x", [None, 4], "float32")
    return [x], [paddle.exp(x) * 2.0, paddle.argmax(x, axis=1)], {"x": uniform(6, 3, 4)}


NETS = {"dense": dense, "convolutional": convolutional, "attentive": attentive, "two_inputs": two_inputs, "without_parameters": without_parameters}


def built(paddle, net):
    """The net in the current programs, initialised: inputs, outputs, feed, executor and the outputs' values."""
    inputs, outputs, feed = NETS[net](paddle)
    program = paddle.static.default_main_program()
    exe = paddle.static.Executor(paddle.CPUPlace())
    exe.run(paddle.static.default_startup_program())
    randomize(paddle, program)
    values = exe.run(program.clone(for_test=True), feed=feed, fetch_list=outputs)
    return inputs, outputs, feed, exe, {f"out_{i}": value for i, value in enumerate(values)}


def named(outputs):
    return {f"out_{i}": value for i, value in enumerate(outputs)}


def feed_of(net):
    """The net's example feed: NETS builds it together with the program, so it is kept beside the files."""
    return lambda folder: dict(np.load(folder / (net + "_feed.npz")))


def inference(net):
    exchange = Exchange("inference_model_" + net)

    @exchange.write
    def write(paddle, folder):
        inputs, outputs, feed, exe, values = built(paddle, net)
        np.savez(folder / (net + "_feed.npz"), **feed)
        paddle.static.save_inference_model(str(folder / net), inputs, outputs, exe)
        return {**values, "stored_feed_names": [v.name for v in inputs]}

    @exchange.read
    def read(paddle, folder):
        exe = paddle.static.Executor(paddle.CPUPlace())
        program, feeds, fetches = paddle.static.load_inference_model(str(folder / net), exe)
        return {**named(exe.run(program, feed=feed_of(net)(folder), fetch_list=fetches)), "stored_feed_names": feeds}


for _net in NETS:
    inference(_net)

in_memory = Exchange("serialized_program_and_persistables")


@in_memory.write
def _(paddle, folder):
    inputs, outputs, feed, exe, values = built(paddle, "convolutional")
    np.savez(folder / "convolutional_feed.npz", **feed)
    (folder / "program").write_bytes(paddle.static.serialize_program(inputs, outputs))
    (folder / "persistables").write_bytes(paddle.static.serialize_persistables(inputs, outputs, exe))
    return values


@in_memory.read
def _(paddle, folder):
    exe = paddle.static.Executor(paddle.CPUPlace())
    program = paddle.static.deserialize_program((folder / "program").read_bytes())
    paddle.static.deserialize_persistables(program, (folder / "persistables").read_bytes(), exe)
    fetches = [op.input("X")[0] for op in program.global_block().ops if op.type == "fetch"]
    return named(exe.run(program, feed=feed_of("convolutional")(folder), fetch_list=fetches))


# ---------------------------------------------------------------- training programs and their state
OPTIMIZERS = {"sgd": lambda paddle: paddle.optimizer.SGD(0.1), "momentum": lambda paddle: paddle.optimizer.Momentum(0.1, 0.9),
              "adam": lambda paddle: paddle.optimizer.Adam(0.01), "adamw": lambda paddle: paddle.optimizer.AdamW(0.01)}


def regression(paddle, optimizer):
    x, y = paddle.static.data("x", [None, 6], "float32"), paddle.static.data("y", [None, 1], "float32")
    h = paddle.static.nn.fc(x, 4, activation="tanh")
    loss = paddle.mean(paddle.nn.functional.square_error_cost(paddle.static.nn.fc(h, 1), y))
    OPTIMIZERS[optimizer](paddle).minimize(loss)
    return loss


def steps(paddle, exe, program, loss, first, last):
    """Losses of the steps first..last-1; step k always trains on the same batch."""
    return [float(exe.run(program, feed={"x": uniform(50 + k, 8, 6), "y": uniform(70 + k, 8, 1)}, fetch_list=[loss])[0]) for k in range(first, last)]


def started(paddle, optimizer):
    """The training program three steps in: loss, executor."""
    loss = regression(paddle, optimizer)
    exe = paddle.static.Executor(paddle.CPUPlace())
    exe.run(paddle.static.default_startup_program())
    for number, parameter in enumerate(sorted(paddle.static.default_main_program().all_parameters(), key=lambda p: p.name)):
        tensor_of(paddle, parameter.name).set(uniform(30 + number, *parameter.shape), paddle.CPUPlace())
    steps(paddle, exe, paddle.static.default_main_program(), loss, 0, 3)
    return loss, exe


def stored(state):
    return {"stored_" + name: np.array(value) for name, value in state.items()}


def checkpoint(optimizer, protocol):
    exchange = Exchange(f"static_save_{optimizer}" + (f"_protocol{protocol}" if protocol != 4 else ""))

    @exchange.write
    def write(paddle, folder):
        loss, exe = started(paddle, optimizer)
        program = paddle.static.default_main_program()
        paddle.static.save(program, str(folder / "train"), **({} if protocol == 4 else {"protocol": protocol}))
        kept = stored(program.state_dict())
        return {**kept, "next_losses": steps(paddle, exe, program, loss, 3, 6)}

    @exchange.read
    def read(paddle, folder):
        loss = regression(paddle, optimizer)
        program, exe = paddle.static.default_main_program(), paddle.static.Executor(paddle.CPUPlace())
        exe.run(paddle.static.default_startup_program())
        paddle.static.load(program, str(folder / "train"), exe)
        kept = stored(program.state_dict())
        return {**kept, "next_losses": steps(paddle, exe, program, loss, 3, 6)}


for _optimizer in OPTIMIZERS:
    checkpoint(_optimizer, 4)
checkpoint("adam", 2)
checkpoint("adam", 3)

separate = Exchange("program_and_state_dicts")


@separate.write
def _(paddle, folder):
    loss, exe = started(paddle, "adam")
    program = paddle.static.default_main_program()
    paddle.save(program.state_dict("param"), str(folder / "model.pdparams"))
    paddle.save(program.state_dict("opt"), str(folder / "model.pdopt"))
    paddle.save(program, str(folder / "model.pdmodel"))
    (folder / "loss").write_text(loss.name)
    return {**stored(program.state_dict()), "next_losses": steps(paddle, exe, program, loss, 3, 6)}


@separate.read
def _(paddle, folder):
    """The program comes from the file too: nothing is built here."""
    program, exe = paddle.load(str(folder / "model.pdmodel")), paddle.static.Executor(paddle.CPUPlace())
    parameters, accumulators = paddle.load(str(folder / "model.pdparams")), paddle.load(str(folder / "model.pdopt"))
    for name, value in {**parameters, **accumulators}.items():
        paddle.static.global_scope().var(name).get_tensor().set(np.array(value), paddle.CPUPlace())
    program.set_state_dict(parameters)
    program.set_state_dict(accumulators)
    return {**stored({**parameters, **accumulators}), "next_losses": steps(paddle, exe, program, (folder / "loss").read_text(), 3, 6)}


program_state = Exchange("load_program_state")


@program_state.write
def _(paddle, folder):
    loss, exe = started(paddle, "momentum")
    program = paddle.static.default_main_program()
    paddle.static.save(program, str(folder / "train"))
    return {**stored(program.state_dict()), "next_losses": steps(paddle, exe, program, loss, 3, 6)}


@program_state.read
def _(paddle, folder):
    loss = regression(paddle, "momentum")
    program, exe = paddle.static.default_main_program(), paddle.static.Executor(paddle.CPUPlace())
    exe.run(paddle.static.default_startup_program())
    state = paddle.static.load_program_state(str(folder / "train"))
    paddle.static.set_program_state(program, state)
    return {**stored(state), "next_losses": steps(paddle, exe, program, loss, 3, 6)}


# ---------------------------------------------------------------- tensors
ARRAYS = {"float32": uniform(80, 2, 3), "float64": uniform(81, 3).astype("float64"), "int64": np.array([[-1, 2**60]]), "int32": np.array([5, -6], "int32"),
          "bool": np.array([True, False]), "uint8": np.array([0, 255], "uint8"), "int8": np.array([-128, 127], "int8"),
          "int16": np.array([-300, 300], "int16"), "float16": uniform(82, 4).astype("float16"), "scalar": np.array(2.5, "float32")}
tensors = Exchange("state_dict_of_every_dtype")


@tensors.write
def _(paddle, folder):
    program = paddle.static.default_main_program()
    for name, array in ARRAYS.items():
        program.global_block().create_var(name="v_" + name, shape=list(array.shape), dtype=str(array.dtype), persistable=True)
        paddle.static.global_scope().var("v_" + name).get_tensor().set(array, paddle.CPUPlace())
    for protocol in (2, 3, 4):
        paddle.save(program.state_dict(), str(folder / f"p{protocol}.pdparams"), protocol=protocol)
    return {f"stored_{protocol}_v_{name}": array for name, array in ARRAYS.items() for protocol in (2, 3, 4)}


@tensors.read
def _(paddle, folder):
    return {f"stored_{protocol}_{name}": np.array(value) for protocol in (2, 3, 4)
            for name, value in paddle.load(str(folder / f"p{protocol}.pdparams"), return_numpy=True).items()}


single = Exchange("single_tensor_and_binary_format")


@single.write
def _(paddle, folder):
    for name, array in ARRAYS.items():
        paddle.static.global_scope().var(name).get_tensor().set(array, paddle.CPUPlace())
        paddle.save(tensor_of(paddle, name), str(folder / (name + ".pdtensor")))
        paddle.save(tensor_of(paddle, name), str(folder / (name + ".bin")), use_binary_format=True)
    return {f"stored_{kind}_{name}": array for name, array in ARRAYS.items() for kind in ("pdtensor", "bin")}


@single.read
def _(paddle, folder):
    return {f"stored_{kind}_{name}": np.array(paddle.load(str(folder / f"{name}.{kind}"))) for name in ARRAYS for kind in ("pdtensor", "bin")}


# ---------------------------------------------------------------- imperative layers, optimizers, nested objects
def layers(paddle):
    net = paddle.nn.Sequential(paddle.nn.Conv2D(1, 3, 3, padding=1), paddle.nn.BatchNorm2D(3), paddle.nn.ReLU(), paddle.nn.MaxPool2D(2, 2),
                               paddle.nn.Flatten(), paddle.nn.Linear(27, 4))
    for number, parameter in enumerate(net.parameters()):
        parameter.set_value(uniform(120 + number, *parameter.shape))
    return net


def rehearse(paddle, net, optimizer, first, last):
    """Losses of the imperative training steps first..last-1."""
    losses = []
    for k in range(first, last):
        image, label = uniform(130 + k, 5, 1, 6, 6), np.random.RandomState(k).randint(0, 4, (5, 1)).astype("int64")
        loss = paddle.nn.functional.cross_entropy(net(paddle.to_tensor(image)), paddle.to_tensor(label))
        loss.backward()
        optimizer.step()
        optimizer.clear_grad()
        losses.append(float(loss))
    return losses


def adam_of(paddle, net):
    rate = paddle.optimizer.lr.StepDecay(0.02, step_size=2, gamma=0.5)
    return paddle.optimizer.Adam(rate, parameters=net.parameters()), rate


imperative = Exchange("layer_and_optimizer_state", dynamic=True)


@imperative.write
def _(paddle, folder):
    net = layers(paddle)
    optimizer, rate = adam_of(paddle, net)
    rehearse(paddle, net, optimizer, 0, 3)
    rate.step()
    rate.step()
    paddle.save(net.state_dict(), str(folder / "net.pdparams"))
    paddle.save(optimizer.state_dict(), str(folder / "net.pdopt"))
    kept = {"stored_" + name: value.numpy() for name, value in net.state_dict().items()}
    return {**kept, "rate": optimizer.get_lr(), "next_losses": rehearse(paddle, net, optimizer, 3, 5)}


@imperative.read
def _(paddle, folder):
    net = layers(paddle)
    optimizer, _ = adam_of(paddle, net)
    net.set_state_dict(paddle.load(str(folder / "net.pdparams")))
    optimizer.set_state_dict(paddle.load(str(folder / "net.pdopt")))
    kept = {"stored_" + name: value.numpy() for name, value in net.state_dict().items()}
    return {**kept, "rate": optimizer.get_lr(), "next_losses": rehearse(paddle, net, optimizer, 3, 5)}


nested = Exchange("nested_checkpoint", dynamic=True)


@nested.write
def _(paddle, folder):
    net = paddle.nn.Linear(3, 2)
    net.weight.set_value(uniform(140, 3, 2))
    loss = paddle.mean(net(paddle.to_tensor(uniform(141, 2, 3))))
    checkpoint = {"epoch": 7, "best": 0.25, "name": "é", "loss": loss, "model": net.state_dict(), "list": [net.weight, 1, None, True]}
    paddle.save(checkpoint, str(folder / "checkpoint.pkl"))
    paddle.save([net.weight, {"bias": net.bias}], str(folder / "list.pkl"), protocol=2)
    return {"stored_weight": net.weight.numpy(), "stored_bias": net.bias.numpy(), "stored_listed": net.weight.numpy(), "stored_loss": loss.numpy(),
            "stored_plain": ["7", "0.25", "é", "1", "None", "True"], "stored_weight_again": net.weight.numpy(), "stored_bias_again": net.bias.numpy()}


@nested.read
def _(paddle, folder):
    checkpoint, listed = paddle.load(str(folder / "checkpoint.pkl")), paddle.load(str(folder / "list.pkl"))
    plain = [checkpoint["epoch"], checkpoint["best"], checkpoint["name"]] + checkpoint["list"][1:]
    return {"stored_weight": checkpoint["model"]["weight"].numpy(), "stored_bias": checkpoint["model"]["bias"].numpy(),
            "stored_listed": checkpoint["list"][0].numpy(), "stored_loss": checkpoint["loss"].numpy(), "stored_plain": [str(value) for value in plain],
            "stored_weight_again": listed[0].numpy(), "stored_bias_again": listed[1]["bias"].numpy()}


exported = Exchange("jit_save", dynamic=True)
PICTURES = uniform(150, 2, 1, 6, 6)


@exported.write
def _(paddle, folder):
    net = layers(paddle)
    net.eval()
    paddle.jit.save(net, str(folder / "net"), input_spec=[paddle.static.InputSpec([None, 1, 6, 6], "float32", "image")])
    out = net(paddle.to_tensor(PICTURES)).numpy()
    return {"out_of_layer": out, "out_of_program": out}


@exported.read
def _(paddle, folder):
    loaded = paddle.jit.load(str(folder / "net"))
    loaded.eval()
    result = {"out_of_layer": loaded(paddle.to_tensor(PICTURES)).numpy()}
    paddle.enable_static()
    exe = paddle.static.Executor(paddle.CPUPlace())
    program, feeds, fetches = paddle.static.load_inference_model(str(folder / "net"), exe)
    return {**result, "out_of_program": exe.run(program, feed={feeds[0]: PICTURES}, fetch_list=fetches)[0]}


model = Exchange("high_level_model", dynamic=True)


def high_level(paddle):
    net = layers(paddle)
    spec = paddle.static.InputSpec
    wrapped = paddle.Model(net, inputs=[spec([None, 1, 6, 6], "float32", "image")], labels=[spec([None, 1], "int64", "label")])
    wrapped.prepare(paddle.optimizer.Momentum(0.1, 0.9, parameters=wrapped.parameters()), paddle.nn.CrossEntropyLoss())
    return wrapped


def train_batch(wrapped, seed):
    label = np.random.RandomState(seed).randint(0, 4, (5, 1)).astype("int64")
    return float(np.ravel(wrapped.train_batch([uniform(seed, 5, 1, 6, 6)], [label])[0])[0])


@model.write
def _(paddle, folder):
    wrapped = high_level(paddle)
    train_batch(wrapped, 160)
    wrapped.save(str(folder / "training" / "net"))
    wrapped.save(str(folder / "inference" / "net"), training=False)
    out = wrapped.predict_batch([PICTURES])[0]
    return {"out": out, "next_loss": train_batch(wrapped, 161)}


@model.read
def _(paddle, folder):
    wrapped = high_level(paddle)
    wrapped.load(str(folder / "training" / "net"))
    loss = train_batch(wrapped, 161)
    paddle.enable_static()
    exe = paddle.static.Executor(paddle.CPUPlace())
    program, feeds, fetches = paddle.static.load_inference_model(str(folder / "inference" / "net"), exe)
    return {"out": exe.run(program, feed={feeds[0]: PICTURES}, fetch_list=fetches)[0], "next_loss": loss}


def main(side, name, folder, result):
    import importlib
    paddle = importlib.import_module(under_test.MODULE)
    paddle.enable_static()
    np.savez(result, **EXCHANGES[name].run(side, paddle, folder))


if __name__ == "__main__":
    main(*sys.argv[1:])
