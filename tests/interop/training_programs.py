"""Static programs that train: each optimizer, clip, penalty and schedule, and networks of many domains.

A builder adds to the default programs and gives the names to fetch in every step (numbers that the losses
are compared by), or a `Session` where there is more than one program. `FEEDS[name](step)` is what a step is fed.
"""
import dataclasses

import numpy as np

STEPS, BATCHES = 20, 4
PROGRAMS, FEEDS = {}, {}


@dataclasses.dataclass
class Session:
    """Programs run in turn in every step, with what each fetches; programs run once at the end; a scheduler."""
    mains: list = dataclasses.field(default_factory=list)
    after: list = dataclasses.field(default_factory=list)
    rate: object = None


def program(name, feed):
    def register(builder):
        assert name not in PROGRAMS, name
        PROGRAMS[name], FEEDS[name] = builder, lambda step: feed(np.random.RandomState(100 + step % BATCHES))
        return builder
    return register


def uniform(random, *shape):
    return random.uniform(-1, 1, shape).astype("float32")


def labels(random, count, classes):
    return random.randint(0, classes, (count, 1)).astype("int64")


# ---------------------------------------------------------------- optimizers, clips, penalties, schedules on one small network
def small_feed(random):
    x = uniform(random, 8, 6)
    return {"x": x, "y": np.tanh(x.sum(1, keepdims=True)).astype("float32")}


def small_loss(paddle, **options):
    static = paddle.static
    x, y = static.data("x", [None, 6], "float32"), static.data("y", [None, 1], "float32")
    h = static.nn.fc(x, 5, activation="tanh", **options)
    return paddle.mean(paddle.nn.functional.square_error_cost(static.nn.fc(h, 1), y))


def raw_optimizer(update):
    """Operators without an optimizer of their own in Paddle 2.6: `update` appends one for a parameter and its gradient."""
    def minimize(paddle, loss):
        block = loss.block
        rate = paddle.static.create_global_var([1], 0.05, "float32", persistable=True, name="rate")
        for parameter, gradient in paddle.static.append_backward(loss):
            def state(kind, shape=None, value=0.0):
                return paddle.static.create_global_var(shape or list(parameter.shape), value, "float32", persistable=True,
                                                       name=parameter.name + "_" + kind)
            update(block, parameter, gradient, rate, state)
    return minimize


def decayed_adagrad(block, parameter, gradient, rate, state):
    moment = state("moment")
    block.append_op(type="decayed_adagrad", inputs={"Param": parameter, "Grad": gradient, "Moment": moment, "LearningRate": rate},
                    outputs={"ParamOut": parameter, "MomentOut": moment}, attrs={"decay": 0.9, "epsilon": 1e-4})


def ftrl(block, parameter, gradient, rate, state):
    squared, linear = state("squared", value=0.1), state("linear")
    block.append_op(type="ftrl", inputs={"Param": parameter, "Grad": gradient, "SquaredAccumulator": squared, "LinearAccumulator": linear,
                                         "LearningRate": rate},
                    outputs={"ParamOut": parameter, "SquaredAccumOut": squared, "LinearAccumOut": linear},
                    attrs={"l1": 0.001, "l2": 0.01, "lr_power": -0.5})


def dpsgd(block, parameter, gradient, rate, state):
    """Without noise: sigma 0."""
    block.append_op(type="dpsgd", inputs={"Param": parameter, "Grad": gradient, "LearningRate": rate}, outputs={"ParamOut": parameter},
                    attrs={"clip": 0.2, "batch_size": 4.0, "sigma": 0.0, "seed": 1})


RAW = {"decayed_adagrad": decayed_adagrad, "ftrl": ftrl, "dpsgd": dpsgd}
OPTIMIZERS = {
    "sgd_l1": lambda p: p.optimizer.SGD(0.2, weight_decay=p.regularizer.L1Decay(0.01)),
    "sgd_clip_value": lambda p: p.optimizer.SGD(0.2, grad_clip=p.nn.ClipGradByValue(0.05)),
    "sgd_clip_norm": lambda p: p.optimizer.SGD(0.2, grad_clip=p.nn.ClipGradByNorm(0.1)),
    "momentum_nesterov": lambda p: p.optimizer.Momentum(0.1, 0.9, use_nesterov=True, grad_clip=p.nn.ClipGradByGlobalNorm(0.3)),
    "momentum_l2": lambda p: p.optimizer.Momentum(0.1, 0.9, weight_decay=p.regularizer.L2Decay(0.02)),
    "adam_l2_clip": lambda p: p.optimizer.Adam(0.05, weight_decay=0.01, grad_clip=p.nn.ClipGradByGlobalNorm(0.2)),
    "adam_lazy": lambda p: p.optimizer.Adam(0.05, lazy_mode=True),
    "adamw": lambda p: p.optimizer.AdamW(0.05, weight_decay=0.1, apply_decay_param_fun=lambda name: name.endswith("w_0")),
    "adamax": lambda p: p.optimizer.Adamax(0.05),
    "adagrad": lambda p: p.optimizer.Adagrad(0.1, initial_accumulator_value=0.1),
    "adadelta": lambda p: p.optimizer.Adadelta(1.0, rho=0.9),
    "rmsprop": lambda p: p.optimizer.RMSProp(0.02, momentum=0.5),
    "rmsprop_centered": lambda p: p.optimizer.RMSProp(0.02, centered=True),
    "lamb": lambda p: p.optimizer.Lamb(0.02, lamb_weight_decay=0.1, exclude_from_weight_decay_fn=lambda q: q.name.endswith("b_0")),
    "lars": lambda p: p.incubate.optimizer.LarsMomentumOptimizer(0.5, 0.9, lars_coeff=0.02, lars_weight_decay=0.001,
                                                                 exclude_from_weight_decay=["b_0"]),
    "gradient_merge": lambda p: p.incubate.optimizer.GradientMergeOptimizer(p.optimizer.Momentum(0.1, 0.9), k_steps=4, avg=True),
    "gradient_merge_clip": lambda p: p.incubate.optimizer.GradientMergeOptimizer(p.optimizer.Adamax(
        0.05, weight_decay=p.regularizer.L1Decay(0.02), grad_clip=p.nn.ClipGradByGlobalNorm(0.3)), k_steps=3, avg=False),
    "lookahead": lambda p: p.incubate.LookAhead(p.optimizer.SGD(0.2), alpha=0.5, k=3),
}
SCHEDULES = {
    "step": lambda lr: lr.StepDecay(0.3, step_size=3, gamma=0.5), "noam": lambda lr: lr.NoamDecay(16, 6),
    "warmup_cosine": lambda lr: lr.LinearWarmup(lr.CosineAnnealingDecay(0.3, T_max=10), 4, 0.0, 0.3),
    "piecewise": lambda lr: lr.PiecewiseDecay([5, 10], [0.3, 0.1, 0.02]), "one_cycle": lambda lr: lr.OneCycleLR(0.4, total_steps=20),
    "polynomial": lambda lr: lr.PolynomialDecay(0.3, decay_steps=12, power=2.0),
    "cyclic": lambda lr: lr.CyclicLR(0.05, 0.3, step_size_up=4),
}


def with_optimizer(make):
    def build(paddle):
        loss = small_loss(paddle)
        make(paddle).minimize(loss)
        return [loss.name]
    return build


def with_update(update):
    def build(paddle):
        loss = small_loss(paddle)
        raw_optimizer(update)(paddle, loss)
        return [loss.name]
    return build


def with_schedule(make):
    def build(paddle):
        loss = small_loss(paddle)
        rate = make(paddle.optimizer.lr)
        paddle.optimizer.SGD(rate).minimize(loss)
        return Session([(paddle.static.default_main_program(), [loss.name])], rate=rate)
    return build


for key, make in OPTIMIZERS.items():
    program("optimizer_" + key, small_feed)(with_optimizer(make))
for key, update in RAW.items():
    program("optimizer_" + key, small_feed)(with_update(update))
for key, make in SCHEDULES.items():
    program("rate_" + key, small_feed)(with_schedule(make))


@program("decay_per_parameter", small_feed)
def decay_per_parameter(paddle):
    """A parameter's own penalty wins over the optimizer's; one learns at half the rate, another not at all."""
    attr, L1, L2 = paddle.ParamAttr, paddle.regularizer.L1Decay, paddle.regularizer.L2Decay
    loss = small_loss(paddle, weight_attr=attr(regularizer=L1(0.02), learning_rate=0.5), bias_attr=attr(need_clip=False))
    frozen = paddle.static.create_parameter([1], "float32", attr=attr(name="frozen", trainable=False),
                                            default_initializer=paddle.nn.initializer.Constant(2.0))
    loss = loss + paddle.sum(frozen * 0.1)
    paddle.optimizer.Momentum(0.1, weight_decay=L2(0.05), grad_clip=paddle.nn.ClipGradByGlobalNorm(0.5)).minimize(loss)
    return [loss.name]


@program("average_exponential", small_feed)
def average_exponential(paddle):
    loss = small_loss(paddle, bias_attr=paddle.ParamAttr(do_model_average=False))
    paddle.optimizer.SGD(0.2).minimize(loss)
    average = paddle.static.ExponentialMovingAverage(0.8)
    average.update()
    return Session([(paddle.static.default_main_program(), [loss.name])], after=[average.apply_program])


@program("average_window", small_feed)
def average_window(paddle):
    loss = small_loss(paddle)
    paddle.optimizer.SGD(0.2).minimize(loss)
    average = paddle.incubate.ModelAverage(0.15, min_average_window=2, max_average_window=6)
    return Session([(paddle.static.default_main_program(), [loss.name])], after=[average.apply_program])


def mixed(**options):
    """Paddle's CPU build casts nothing, as it has no products of halves: what is left is the scaling of the loss."""
    def build(paddle):
        loss = small_loss(paddle) * 4.0
        paddle.static.amp.decorate(paddle.optimizer.Momentum(0.02, 0.9), level="O1", **options).minimize(loss)
        return [loss.name]
    return build


program("mixed_fixed_scale", small_feed)(mixed(init_loss_scaling=128.0, use_dynamic_loss_scaling=False))
# the scaled loss overflows: steps are left out, and the scale shrinks and grows
program("mixed_dynamic_scale", small_feed)(mixed(init_loss_scaling=2.0 ** 127, incr_every_n_steps=2, incr_ratio=2.0, decr_ratio=0.5,
                                                 decr_every_n_nan_or_inf=2))


def weight_norm(kind, dim):
    def build(paddle):
        static, attr = paddle.static, paddle.static.WeightNormParamAttr(dim=dim, name="w")
        if kind == "fc":
            loss = small_loss(paddle, weight_attr=attr)
        else:
            h = static.nn.conv2d(static.data("image", [None, 3, 4, 4], "float32"), 2, 3, padding=1, param_attr=attr, act="tanh")
            loss = paddle.nn.functional.mse_loss(h, static.data("target", [None, 2, 4, 4], "float32"))
        for program in (static.default_startup_program(), static.default_main_program()):
            give_shapes_of_their_own(program.global_block())
        paddle.optimizer.Momentum(0.1, 0.9).minimize(loss)
        return [loss.name]
    return build


def give_shapes_of_their_own(block):
    """Paddle's reshapes of a weight norm share the variable "Xshape", so that Paddle's backward fails; skiff's do not."""
    if not block.has_var("Xshape"):
        return
    for op in block.ops:
        if op.type == "reshape2" and op.output("XShape") == ["Xshape"]:
            own = block.create_var(name=op.output("Out")[0] + ".xshape", dtype="float32")
            op.desc.set_output("XShape", [own.name])
            op.desc.infer_shape(block.desc)
    own.desc.set_shape(block.var("Xshape").shape)  # of the last one, which may be in place
    block._remove_var("Xshape")


for dim in (None, 0, 1, -1):
    program(f"weight_norm_fc_{dim}", small_feed)(weight_norm("fc", dim))
    program(f"weight_norm_conv_{dim}", lambda r: {"image": uniform(r, 4, 3, 4, 4), "target": uniform(r, 4, 2, 4, 4)})(weight_norm("conv", dim))


# ---------------------------------------------------------------- vision
@program("vision_residual", lambda r: {"image": uniform(r, 4, 3, 8, 8), "label": labels(r, 4, 5)})
def vision_residual(paddle):
    static, F = paddle.static, paddle.nn.functional
    image, label = static.data("image", [None, 3, 8, 8], "float32"), static.data("label", [None, 1], "int64")

    def unit(x, channels, **options):
        return static.nn.batch_norm(static.nn.conv2d(x, channels, 3, padding=1, bias_attr=False, **options), act="swish")
    h = F.avg_pool2d(unit(image, 4), 2, 2)
    h = h + unit(h, 4, groups=2)
    logits = static.nn.fc(F.adaptive_avg_pool2d(unit(h, 6, stride=2), 1), 5)
    loss = paddle.mean(F.softmax_with_cross_entropy(logits, label))
    accuracy = static.accuracy(F.softmax(logits), label)
    paddle.optimizer.Momentum(0.05, 0.9, weight_decay=1e-4).minimize(loss)
    return [loss.name, accuracy.name]


@program("vision_upsample", lambda r: {"image": uniform(r, 2, 2, 6, 6), "target": uniform(r, 2, 1, 12, 12)})
def vision_upsample(paddle):
    """Group norm, transposed convolution, interpolation and the shuffle of pixels.

    Paddle's gradient of a group norm without scale and shift is wrong on the CPU.
    """
    static, F, attr = paddle.static, paddle.nn.functional, paddle.ParamAttr
    image, target = static.data("image", [None, 2, 6, 6], "float32"), static.data("target", [None, 1, 12, 12], "float32")
    h = static.nn.group_norm(static.nn.conv2d(image, 4, 3, padding=1, bias_attr=False), 2, param_attr=attr(name="scale"),
                             bias_attr=attr(name="shift"), act="sigmoid")
    wide = static.nn.conv2d_transpose(h, 4, filter_size=4, stride=2, padding=1) + F.interpolate(h, scale_factor=2, mode="bilinear")
    loss = F.mse_loss(static.nn.conv2d(wide, 1, 1) + F.pixel_shuffle(h, 2), target)
    paddle.optimizer.Adam(0.01).minimize(loss)
    return [loss.name]


# ---------------------------------------------------------------- language
@program("language_bert", lambda r: {"ids": r.randint(0, 20, (2, 6)).astype("int64"), "label": labels(r, 12, 20)})
def language_bert(paddle):
    static, nn = paddle.static, paddle.nn
    ids, label = static.data("ids", [None, 6], "int64"), static.data("label", [None, 1], "int64")
    words, places = nn.Embedding(20, 8), nn.Embedding(6, 8)
    h = nn.LayerNorm(8)(words(ids) + places(paddle.arange(6, dtype="int64")))
    h = nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0, activation="gelu", bias_attr=[False, None]), 1)(h)
    logits = paddle.matmul(paddle.reshape(h, [-1, 8]), words.weight, transpose_y=True)
    loss = paddle.mean(nn.functional.softmax_with_cross_entropy(logits, label))
    paddle.optimizer.AdamW(0.01, weight_decay=0.01, grad_clip=nn.ClipGradByGlobalNorm(1.0)).minimize(loss)
    return [loss.name]


def recurrent(layer):
    def build(paddle):
        static = paddle.static
        x, label = static.data("x", [None, 5, 3], "float32"), static.data("label", [None, 1], "int64")
        out, _ = layer(paddle.nn)(x)
        loss = paddle.mean(paddle.nn.functional.softmax_with_cross_entropy(static.nn.fc(out[:, -1], 4), label))
        paddle.optimizer.Adam(0.05).minimize(loss)
        return [loss.name]
    return build


for key, layer in {"lstm": lambda nn: nn.LSTM(3, 4, num_layers=2), "gru": lambda nn: nn.GRU(3, 4, direction="bidirect"),
                   "simple_rnn": lambda nn: nn.SimpleRNN(3, 4)}.items():
    program("language_" + key, lambda r: {"x": uniform(r, 4, 5, 3), "label": labels(r, 4, 4)})(recurrent(layer))


def steps_of_recurrent(reverse):
    """Operator `recurrent` without Paddle's StaticRNN, which 2.6 does not have.

    The state is an output too, with a gradient of zeros: Paddle's backward leaves out states that are none, and takes the gradient
    of a state from the next step alone.
    """
    def build(paddle):
        static = paddle.static
        step_scopes = paddle.base.core.VarDesc.VarType.STEP_SCOPES if hasattr(paddle.base.core, "VarDesc") else 11
        main, block = static.default_main_program(), static.default_main_program().current_block()
        x, label = static.data("x", [5, None, 3], "float32"), static.data("label", [None, 1], "int64")
        initial, w, u = paddle.full([4, 4], 0.1), *(paddle.create_parameter([rows, 4], "float32", name=n) for rows, n in ((3, "w"), (4, "u")))
        x.stop_gradient = initial.stop_gradient = False  # Paddle's gradient wants them all
        step = main._create_block()
        word = step.create_var(name="x", shape=[-1, 3], dtype="float32")
        before = step.create_var(name="before", shape=[-1, 4], dtype="float32")
        now = paddle.tanh(paddle.matmul(word, w) + paddle.matmul(before, u))
        for name in ("state", "out"):
            step.append_op(type="assign", inputs={"X": now}, outputs={"Out": step.create_var(name=name, shape=[-1, 4], dtype="float32")})
        main._rollback()
        state, out = (block.create_var(name=name, shape=[5, -1, 4], dtype="float32") for name in ("state", "out"))
        block.append_op(type="recurrent", inputs={"inputs": [x], "initial_states": [initial], "parameters": [w, u]},
                        outputs={"outputs": [out, state], "step_scopes": [block.create_var(type=step_scopes, name="scopes")]},
                        attrs={"has_states": True, "ex_states": ["before"], "states": ["state"], "sub_block": step, "reverse": reverse,
                               "is_train": True})
        logits = static.nn.fc(paddle.mean(out, axis=0), 4)
        loss = paddle.mean(paddle.nn.functional.softmax_with_cross_entropy(logits, label)) + paddle.mean(state) * 0.0
        paddle.optimizer.Adam(0.05).minimize(loss)
        return [loss.name]
    return build


for key, reverse in (("recurrent", False), ("recurrent_reverse", True)):
    program("language_" + key, lambda r: {"x": uniform(r, 5, 4, 3), "label": labels(r, 4, 4)})(steps_of_recurrent(reverse))


def word2vec(sparse, optimizer):
    def build(paddle):
        static, F = paddle.static, paddle.nn.functional
        ids, label = static.data("ids", [None, 3], "int64"), static.data("label", [None, 1], "int64")
        h = paddle.mean(static.nn.embedding(ids, [30, 6], is_sparse=sparse, param_attr=paddle.ParamAttr(name="words")), axis=1)
        loss = paddle.mean(F.softmax_with_cross_entropy(static.nn.fc(h, 30), label))
        optimizer(paddle).minimize(loss)
        return [loss.name]
    return build


for key, (sparse, optimizer) in {
        "dense": (False, lambda p: p.optimizer.Adagrad(0.1)), "sparse_sgd": (True, lambda p: p.optimizer.SGD(0.5)),
        "sparse_momentum": (True, lambda p: p.optimizer.Momentum(0.1, 0.9, grad_clip=p.nn.ClipGradByGlobalNorm(0.5))),
        "sparse_adagrad": (True, lambda p: p.optimizer.Adagrad(0.1, weight_decay=0.01))}.items():
    program("word2vec_" + key, lambda r: {"ids": r.randint(0, 30, (5, 3)).astype("int64"), "label": labels(r, 5, 30)})(
        word2vec(sparse, optimizer))


@program("ctr", lambda r: {"ids": r.randint(0, 40, (8, 4)).astype("int64"), "dense": uniform(r, 8, 3),
                           "click": (r.rand(8, 1) < 0.4).astype("int64")})
def ctr(paddle):
    """Wide and deep: sparse tables, a factorization machine, and the area under the curve."""
    static, F = paddle.static, paddle.nn.functional
    ids, dense = static.data("ids", [None, 4], "int64"), static.data("dense", [None, 3], "float32")
    click = static.data("click", [None, 1], "int64")
    wide = paddle.sum(static.nn.embedding(ids, [40, 1], is_sparse=True), axis=1)
    factors = static.nn.embedding(ids, [40, 4], is_sparse=True)
    pairs = paddle.square(paddle.sum(factors, axis=1)) - paddle.sum(paddle.square(factors), axis=1)
    crossed = 0.5 * paddle.sum(pairs, axis=1, keepdim=True)
    deep = static.nn.fc(paddle.concat([paddle.reshape(factors, [-1, 16]), dense], axis=1), 6, activation="sigmoid")
    chance = F.sigmoid(wide + crossed + static.nn.fc(deep, 1))
    loss = paddle.mean(F.log_loss(chance, paddle.cast(click, "float32")))
    auc, batch_auc, _ = static.auc(paddle.concat([1.0 - chance, chance], axis=1), click, num_thresholds=255, slide_steps=2)
    paddle.optimizer.SGD(0.5).minimize(loss)
    return [loss.name, auc.name, batch_auc.name]


# ---------------------------------------------------------------- adversarial, contrastive, encoders
@program("gan", lambda r: {"real": uniform(r, 6, 4) * 0.3 + 0.5, "noise": uniform(r, 6, 3)})
def gan(paddle):
    """Two programs share parameters by name; each optimizer moves one list of them."""
    static, F = paddle.static, paddle.nn.functional
    startup = static.default_startup_program()

    def layer(x, size, name, activation=None):
        return static.nn.fc(x, size, activation=activation, weight_attr=paddle.ParamAttr(name=name + ".w"),
                            bias_attr=paddle.ParamAttr(name=name + ".b"))

    def generator(noise):
        return layer(layer(noise, 5, "g0", "tanh"), 4, "g1")

    def judge(x):
        return layer(layer(x, 5, "d0", "tanh"), 1, "d1")

    def score(logit, truth):
        return paddle.mean(F.binary_cross_entropy_with_logits(logit, paddle.full_like(logit, truth)))
    judging, making = static.default_main_program(), static.Program()
    real, noise = static.data("real", [None, 4], "float32"), static.data("noise", [None, 3], "float32")
    judges_loss = score(judge(real), 1.0) + score(judge(generator(noise)), 0.0)
    paddle.optimizer.Adam(0.02, beta1=0.5).minimize(judges_loss, parameters=["d0.w", "d0.b", "d1.w", "d1.b"])
    with static.program_guard(making, startup):
        makers_loss = score(judge(generator(static.data("noise", [None, 3], "float32"))), 1.0)
        paddle.optimizer.Adam(0.02, beta1=0.5).minimize(makers_loss, parameters=["g0.w", "g0.b", "g1.w", "g1.b"])
    return Session([(judging, [judges_loss.name]), (making, [makers_loss.name])])


@program("autoencoder", lambda r: {"x": uniform(r, 6, 8), "noise": uniform(r, 6, 3)})
def autoencoder(paddle):
    """Variational, its noise fed."""
    static = paddle.static
    x, noise = static.data("x", [None, 8], "float32"), static.data("noise", [None, 3], "float32")
    mean, log_variance = paddle.split(static.nn.fc(static.nn.fc(x, 6, activation="tanh"), 6), 2, axis=-1)
    code = mean + paddle.exp(0.5 * log_variance) * noise
    again = static.nn.fc(static.nn.fc(code, 6, activation="tanh"), 8)
    divergence = -0.5 * paddle.mean(1.0 + log_variance - mean * mean - paddle.exp(log_variance))
    loss = paddle.nn.functional.mse_loss(again, x) + 0.1 * divergence
    paddle.optimizer.RMSProp(0.01).minimize(loss)
    return [loss.name]


@program("contrastive", lambda r: {"a": uniform(r, 5, 6), "b": uniform(r, 5, 6)})
def contrastive(paddle):
    """Two towers of one set of parameters, normalized, each row to find its pair."""
    static, F = paddle.static, paddle.nn.functional
    tower = paddle.nn.Sequential(paddle.nn.Linear(6, 8), paddle.nn.Tanh(), paddle.nn.Linear(8, 4))
    a, b = (F.normalize(tower(static.data(name, [None, 6], "float32")), axis=1) for name in "ab")
    scores = paddle.matmul(a, b, transpose_y=True) / 0.2
    pairs = paddle.reshape(paddle.arange(5, dtype="int64"), [-1, 1])
    loss = paddle.mean(F.softmax_with_cross_entropy(scores, pairs)) + paddle.mean(F.softmax_with_cross_entropy(scores.t(), pairs))
    paddle.optimizer.Lamb(0.02).minimize(loss)
    return [loss.name]


# ---------------------------------------------------------------- control flow and memory
@program("flow_while", lambda r: {"x": uniform(r, 4, 3), "n": r.randint(1, 5, (1,)).astype("int64")})
def flow_while(paddle):
    """A recurrence of as many turns as are fed, its weight learned."""
    static = paddle.static
    x, n = static.data("x", [4, 3], "float32"), static.data("n", [1], "int64")
    i = paddle.full([1], 0, "int64")
    start = static.nn.fc(x, 3)

    def turn(i, h):
        return i + 1, paddle.tanh(static.nn.fc(h, 3, weight_attr=paddle.ParamAttr(name="turn_w"), bias_attr=False) + x)
    _, h = static.nn.while_loop(lambda i, h: i < n, turn, [i, start])
    loss = paddle.mean(paddle.square(h - 0.3))
    paddle.optimizer.Momentum(0.2, 0.5).minimize(loss)
    return [loss.name]


@program("flow_cond", lambda r: {"x": uniform(r, 4, 3)})
def flow_cond(paddle):
    """Either of two layers learns in a step."""
    static = paddle.static
    x = static.data("x", [4, 3], "float32")
    h = static.nn.cond(paddle.mean(x) > 0.0, lambda: paddle.tanh(static.nn.fc(x, 2)), lambda: static.nn.fc(x * 2.0, 2))
    loss = paddle.mean(paddle.square(static.nn.fc(h, 1) - 0.5))
    paddle.optimizer.SGD(0.03).minimize(loss)
    return [loss.name]


@program("recompute", small_feed)
def recompute(paddle):
    static = paddle.static
    x, y = static.data("x", [None, 6], "float32"), static.data("y", [None, 1], "float32")
    first = static.nn.fc(x, 5, activation="tanh")
    second = static.nn.fc(static.nn.fc(first, 5, activation="sigmoid"), 5, activation="tanh")
    loss = paddle.mean(paddle.nn.functional.square_error_cost(static.nn.fc(second, 1), y))
    optimizer = paddle.incubate.optimizer.RecomputeOptimizer(paddle.optimizer.Adam(0.02))
    optimizer._set_checkpoints([first, second])
    optimizer.minimize(loss)
    return [loss.name]


@program("gradient_penalty", lambda r: {"x": uniform(r, 5, 4)})
def gradient_penalty(paddle):
    """The norm of a gradient is part of the loss: second derivatives."""
    static = paddle.static
    x = static.data("x", [5, 4], "float32")
    x.stop_gradient = False
    w = static.create_parameter([6, 1], "float32")
    score = paddle.matmul(static.nn.fc(x, 6, activation="tanh"), w)
    slope = static.gradients([score], [x])[0]
    loss = paddle.mean(score * score) + paddle.mean(paddle.square(paddle.sqrt(paddle.sum(slope * slope, axis=1) + 1e-6) - 1.0))
    paddle.optimizer.Adam(0.02).minimize(loss)
    return [loss.name]
