"""train/: small networks trained for 20 steps by real Paddle, with every optimizer of the core set."""
import json

import numpy as np

STEPS = 20
BATCHES = 5  # step k trains on batch k % BATCHES

# The strokes of a seven-segment display that each digit lights: top, upper left, upper right,
# middle, lower left, lower right, bottom.
SEGMENTS = ["1110111", "0010010", "1011101", "1011011", "0111010", "1101011", "1101111", "1010010", "1111111", "1111011"]


def digits(seed, count, side):
    """Noisy seven-segment digits: uint8 images [count, 1, side, side] and int64 labels [count, 1]."""
    random = np.random.RandomState(seed)
    labels = random.randint(0, 10, (count, 1))
    images = np.zeros((count, 1, side, side))
    for image, (label,) in zip(images[:, 0], labels):
        height, width = side * 2 // 3, side // 3
        top, left = random.randint(1, side - height), random.randint(1, side - width)
        middle, bottom, right = top + height // 2, top + height - 1, left + width - 1
        strokes = [(top, top, left, right), (top, middle, left, left), (top, middle, right, right), (middle, middle, left, right),
                   (middle, bottom, left, left), (middle, bottom, right, right), (bottom, bottom, left, right)]
        for lit, (y0, y1, x0, x1) in zip(SEGMENTS[label], strokes):
            if lit == "1":
                image[y0:y1 + 1, x0:x1 + 1] = random.uniform(150, 255, (y1 - y0 + 1, x1 - x0 + 1))
        image += random.uniform(0, 40, image.shape) * (random.rand(*image.shape) < 0.2)
    return np.clip(images, 0, 255).astype("uint8"), labels.astype("int64")


# ---------------------------------------------------------------- the networks: image -> logits
def lenet(paddle, image):
    static, F = paddle.static, paddle.nn.functional
    h = F.max_pool2d(static.nn.conv2d(image, 6, 5, padding=2, act="relu"), 2, 2)
    h = F.max_pool2d(static.nn.conv2d(h, 16, 5, act="relu"), 2, 2)
    h = static.nn.fc(static.nn.fc(h, 120, activation="relu"), 84, activation="relu")
    return static.nn.fc(h, 10)


def mlp(paddle, image):
    static = paddle.static
    h = static.nn.fc(static.nn.fc(image, 32, activation="relu"), 16, activation="tanh")
    return static.nn.fc(h, 10)


def residual(paddle, image):
    """Convolutions without bias: batch norm would leave a bias a gradient of pure rounding error."""
    static, F = paddle.static, paddle.nn.functional

    def unit(x, channels, stride=1, act=None):
        return static.nn.batch_norm(static.nn.conv2d(x, channels, 3, stride=stride, padding=1, bias_attr=False), act=act)
    h = unit(image, 4, act="relu")
    h = F.relu(unit(unit(h, 4, act="relu"), 4) + h)
    shortcut = static.nn.batch_norm(static.nn.conv2d(h, 8, 1, stride=2, bias_attr=False))
    h = F.relu(unit(unit(h, 8, stride=2, act="relu"), 8) + shortcut)
    return static.nn.fc(F.adaptive_avg_pool2d(h, 1), 10)


def residual_dropout0(paddle, image):
    """The layers of paddle.nn, with dropout that drops nothing."""
    nn = paddle.nn

    class Block(nn.Layer):
        def __init__(self, channels):
            super().__init__()
            self.body = nn.Sequential(nn.Conv2D(channels, channels, 3, padding=1, bias_attr=False), nn.BatchNorm2D(channels), nn.ReLU(),
                                      nn.Dropout(0.0), nn.Conv2D(channels, channels, 3, padding=1, bias_attr=False),
                                      nn.BatchNorm2D(channels))

        def forward(self, x):
            return nn.functional.relu(x + self.body(x))
    net = nn.Sequential(nn.Conv2D(1, 4, 3, bias_attr=False), nn.BatchNorm2D(4), nn.ReLU(), Block(4), nn.AvgPool2D(2), nn.Flatten(),
                        nn.Dropout(0.0, mode="downscale_in_infer"), nn.Linear(64, 24), nn.GELU(), nn.Linear(24, 10))
    return net(image)


# image -> logits, image side, batch size, seed. Training is not continuous: a sum that rounds to the
# other side of a relu's zero changes a gradient. The seeds are ones for which it takes more than
# rounding: ten starts, every parameter perturbed by up to 1e-6 of itself, give the same losses within 1e-5.
NETS = {"lenet": (lenet, 28, 16, 411), "mlp": (mlp, 12, 32, 201), "residual": (residual, 10, 8, 203),
        "residual_dropout0": (residual_dropout0, 10, 8, 204)}
OPTIMIZERS = {
    "sgd": lambda paddle: paddle.optimizer.SGD(0.03),
    "momentum": lambda paddle: paddle.optimizer.Momentum(0.02, momentum=0.8, weight_decay=0.01),
    "adam": lambda paddle: paddle.optimizer.Adam(0.002),
    "adamw": lambda paddle: paddle.optimizer.AdamW(0.002, weight_decay=0.5),
}


def build(paddle, net, optimizer):
    """Main, startup and test program, and the loss."""
    function, side, _, _ = NETS[net]
    main, startup = paddle.static.Program(), paddle.static.Program()
    with paddle.utils.unique_name.guard(), paddle.static.program_guard(main, startup):
        image = paddle.static.data("image", [None, 1, side, side], "float32")
        label = paddle.static.data("label", [None, 1], "int64")
        loss = paddle.mean(paddle.nn.functional.softmax_with_cross_entropy(function(paddle, image), label))
        test = main.clone(for_test=True)
        OPTIMIZERS[optimizer](paddle).minimize(loss)
    return main, startup, test, loss


def initial_parameters(main, seed):
    """Name -> float32 array: scaled uniform weights, small biases, running statistics 0 and 1."""
    random, values = np.random.RandomState(seed), {}
    statistics = {name: value for op in main.global_block().ops if op.type == "batch_norm"
                  for name, value in ((op.input("Mean")[0], 0.0), (op.input("Variance")[0], 1.0))}
    scales = {op.input("Scale")[0] for op in main.global_block().ops if op.type == "batch_norm"}
    for parameter in sorted(main.all_parameters(), key=lambda p: p.name):
        shape = parameter.shape
        if parameter.name in statistics:
            values[parameter.name] = np.full(shape, statistics[parameter.name])
        elif len(shape) == 1:
            values[parameter.name] = random.uniform(-0.1, 0.1, shape) + (parameter.name in scales)
        else:
            fan_in = shape[0] if len(shape) == 2 else np.prod(shape[1:])
            values[parameter.name] = random.uniform(-1, 1, shape) * np.sqrt(3.0 / fan_in)
    return {name: value.astype("float32") for name, value in values.items()}


def feed_of(data, batch):
    """Batch number `batch` of the shared data: pixels divided by 255 in float32."""
    return {"image": data["image"][batch].astype("float32") / np.float32(255), "label": data["label"][batch]}


def persistables(paddle, program):
    return sorted(v.name for v in program.list_vars() if v.persistable and v.name not in ("feed", "fetch"))


def read(paddle, names):
    return {name: np.array(paddle.static.global_scope().find_var(name).get_tensor()) for name in names}


def run_case(paddle, net, optimizer, data, start):
    """Trains: programs and what they computed."""
    main, startup, test, loss = build(paddle, net, optimizer)
    exe = paddle.static.Executor(paddle.CPUPlace())
    with paddle.static.scope_guard(paddle.static.Scope()):
        exe.run(startup)
        for name, value in start.items():
            paddle.static.global_scope().find_var(name).get_tensor().set(value, paddle.CPUPlace())
        state = {name: value for name, value in read(paddle, persistables(paddle, main)).items() if name not in start}
        evaluate = [[float(exe.run(test, feed=feed_of(data, k), fetch_list=[loss.name])[0]) for k in range(BATCHES)]]
        trained = [p.name for p in main.all_parameters() if p.trainable and p.name + "@GRAD" in main.global_block().vars]
        losses, gradients = [], {}
        for step in range(STEPS):
            fetch = [loss.name] + ([name + "@GRAD" for name in trained] if step == 0 else [])
            values = exe.run(main, feed=feed_of(data, step % BATCHES), fetch_list=fetch)
            losses.append(float(values[0]))
            gradients = gradients or dict(zip(trained, values[1:]))
        evaluate.append([float(exe.run(test, feed=feed_of(data, k), fetch_list=[loss.name])[0]) for k in range(BATCHES)])
        final = {name: [float(np.sum(value, dtype="float64")), float(np.sqrt(np.sum(np.square(value, dtype="float64"))))]
                 for name, value in read(paddle, persistables(paddle, main)).items()}
    report = {"net": net, "optimizer": optimizer, "loss": loss.name, "losses": losses, "test_losses_before": evaluate[0],
              "test_losses_after": evaluate[1], "final_sum_and_norm": final}
    return {"main": main, "startup": startup, "test": test}, report, state, gradients


def save_program(paddle, program, path):
    """The program's file, without call stacks (paths of one machine) and name scopes (numbered through the process)."""
    for block in program.blocks:
        for op in block.ops:
            for attribute in ("op_callstack", "op_namescope"):
                if op.has_attr(attribute):
                    op._remove_attr(attribute)
    paddle.save(program, str(path))


def write(paddle, folder):
    for net, (_, side, batch, seed) in NETS.items():
        shared = folder / net
        shared.mkdir(exist_ok=True)
        images, labels = digits(seed + 1000, BATCHES * batch, side)
        data = {"image": images.reshape(BATCHES, batch, 1, side, side), "label": labels.reshape(BATCHES, batch, 1)}
        start = initial_parameters(build(paddle, net, "sgd")[0], seed)
        np.savez(shared / "data.npz", **data)
        np.savez(shared / "parameters.npz", **start)
        first = None
        for optimizer in OPTIMIZERS:
            programs, report, state, gradients = run_case(paddle, net, optimizer, data, start)
            out = folder / f"{net}_{optimizer}"
            out.mkdir(exist_ok=True)
            for name, program in programs.items():
                save_program(paddle, program, out / (name + ".pdmodel"))
            np.savez(out / "state.npz", **state)
            (out / "case.json").write_text(json.dumps(report, indent=1) + "\n")
            first = first or gradients
            for name, value in gradients.items():  # the first step's gradients do not depend on the optimizer
                np.testing.assert_array_equal(value, first[name], err_msg=name)
        np.savez(shared / "gradients.npz", **first)
