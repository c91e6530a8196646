"""Programs in mixed precision that skiff must build as Paddle does on a card: see fixtures_amp.py.

Each case builds into the default programs and may give further programs by name, and names it returns.
"""
CASES = {}


def case(name, net, **options):
    """A net trained by an optimizer (a function of `paddle`) that static.amp.decorate wraps with `options`."""
    optimizer = options.pop("optimizer", lambda paddle: paddle.optimizer.Momentum(0.1, 0.9))
    lists = options.pop("lists", None)

    def build(paddle):
        loss = net(paddle)
        if lists is not None:
            options["amp_lists"] = paddle.static.amp.CustomOpLists(**lists, dtype=options.get("dtype", "float16"))
        paddle.static.amp.decorate(optimizer(paddle), **options).minimize(loss)
        return {}
    CASES[name] = build


def special(build):
    CASES[build.__name__] = build
    return build


def lenet(paddle):
    """Convolution, batch norm, pooling, products; ends in a softmax cross entropy."""
    static, F = paddle.static, paddle.nn.functional
    image, label = static.data("image", [None, 1, 12, 12], "float32"), static.data("label", [None, 1], "int64")
    h = static.nn.conv2d(image, 4, 3, bias_attr=False)
    h = F.max_pool2d(static.nn.batch_norm(h, act="relu"), 2, 2)
    h = F.max_pool2d(static.nn.conv2d(h, 6, 2, act="relu"), 2, 2)
    logits = static.nn.fc(static.nn.fc(h, 10, activation="relu"), 5)
    return paddle.mean(F.softmax_with_cross_entropy(logits, label))


def mlp(paddle):
    """Layer norm, dropout, a residual sum, batched products, a softmax."""
    static, F = paddle.static, paddle.nn.functional
    x, label = static.data("x", [None, 4, 6], "float32"), static.data("label", [None, 1], "int64")
    h = static.nn.layer_norm(static.nn.fc(x, 8, num_flatten_dims=2), begin_norm_axis=2)
    attention = F.softmax(paddle.matmul(h, h, transpose_y=True) * 0.35)
    h = F.dropout(paddle.matmul(attention, h), 0.25) + h
    h = F.gelu(static.nn.fc(h, 8, num_flatten_dims=2))
    h = paddle.reshape(h, [-1, 32])
    return paddle.mean(F.cross_entropy(static.nn.fc(h, 3), label))


def words(paddle):
    """An embedding, its mean over a sentence, products and sums."""
    static, F = paddle.static, paddle.nn.functional
    ids, target = static.data("ids", [None, 5], "int64"), static.data("target", [None, 1], "float32")
    table = static.nn.embedding(ids, [20, 6])
    h = F.tanh(static.nn.fc(paddle.mean(table, axis=1), 4))
    h = paddle.concat([h, F.sigmoid(h)], axis=1)
    return paddle.mean(F.square_error_cost(static.nn.fc(h, 1), target))


def guarded(paddle):
    """Only what stands under the guard becomes half."""
    static, F = paddle.static, paddle.nn.functional
    image, label = static.data("image", [None, 1, 8, 8], "float32"), static.data("label", [None, 1], "int64")
    h = static.nn.conv2d(image, 3, 3)
    with static.amp.fp16_guard():
        h = F.max_pool2d(static.nn.batch_norm(h, act="relu"), 2, 2)
        h = static.nn.fc(h, 6, activation="relu")
    with static.amp.fp16_guard():
        h = static.nn.fc(h, 6)
    return paddle.mean(F.softmax_with_cross_entropy(static.nn.fc(h, 4), label))


def guarded_bf16(paddle):
    static, F = paddle.static, paddle.nn.functional
    x, label = static.data("x", [None, 8], "float32"), static.data("label", [None, 1], "int64")
    h = static.nn.fc(x, 6)
    with static.amp.bf16.bf16_guard():
        h = static.nn.fc(F.relu(h), 6, activation="tanh")
    return paddle.mean(F.softmax_with_cross_entropy(static.nn.fc(h, 4), label))


def small(paddle):
    static = paddle.static
    x, y = static.data("x", [None, 4], "float32"), static.data("y", [None, 1], "float32")
    return paddle.mean(paddle.nn.functional.square_error_cost(static.nn.fc(static.nn.fc(x, 5, activation="relu"), 1), y))


for _net in (lenet, mlp, words):
    for _level in ("O1", "OD", "O2"):
        case(f"{_net.__name__}_{_level}", _net, level=_level)
    case(f"{_net.__name__}_O2_promote", _net, level="O2", use_promote=True)
    case(f"{_net.__name__}_O1_bfloat16", _net, level="O1", dtype="bfloat16")
    case(f"{_net.__name__}_O2_bfloat16", _net, level="O2", dtype="bfloat16")
case("mlp_O1_promote", mlp, level="O1", use_promote=True)
case("guarded_O2", guarded, level="O2", use_amp_guard=True)
case("guarded_O2_unused", guarded, level="O2")
case("guarded_O1", guarded, level="O1", use_amp_guard=True)
case("guarded_pure", guarded, use_pure_fp16=True)
case("small_pure_bfloat16", small, use_pure_fp16=True, use_bf16=True, use_fp16_guard=False)
case("small_legacy", small, init_loss_scaling=8.0, use_bf16=False)
case("lenet_O2_master_grad", lenet, level="O2", master_grad=True)
case("lenet_O2_no_master_weight", lenet, level="O2", master_weight=False)
case("mlp_O2_fixed_scale", mlp, level="O2", init_loss_scaling=1.0, use_dynamic_loss_scaling=False)
case("mlp_O1_lists", mlp, level="O1", lists={"custom_white_list": ["softmax", "gelu"], "custom_black_list": ["matmul_v2"]})
case("mlp_O2_lists", mlp, level="O2", lists={"custom_white_list": ["lookup_table_v2"], "custom_black_list": ["gelu", "softmax"]})
case("lenet_O1_variables", lenet, level="O1", lists={"custom_black_varnames": {"fc_0.w_0", "conv2d_1.tmp_0"}})
case("lenet_O2_variables", lenet, level="O2", lists={"custom_black_varnames": {"fc_0.w_0"}})
case("small_O2_l2", small, level="O2", optimizer=lambda paddle: paddle.optimizer.SGD(0.1, weight_decay=paddle.regularizer.L2Decay(0.01)))
case("lenet_O2_clip", lenet, level="O2", optimizer=lambda paddle: paddle.optimizer.Adam(
    0.1, grad_clip=paddle.nn.ClipGradByGlobalNorm(1.0)))
case("lenet_O2_clip_master_grad", lenet, level="O2", master_grad=True, optimizer=lambda paddle: paddle.optimizer.AdamW(
    0.1, grad_clip=paddle.nn.ClipGradByGlobalNorm(1.0)))
case("small_O2_scheduled", small, level="O2", optimizer=lambda paddle: paddle.optimizer.SGD(paddle.optimizer.lr.StepDecay(0.1, 3)))
OPTIMIZERS = {
    "sgd": lambda paddle: paddle.optimizer.SGD(0.1),
    "adam": lambda paddle: paddle.optimizer.Adam(0.1),
    "adamw": lambda paddle: paddle.optimizer.AdamW(0.1),
    "adamax": lambda paddle: paddle.optimizer.Adamax(0.1),
    "adagrad": lambda paddle: paddle.optimizer.Adagrad(0.1, initial_accumulator_value=0.5),
    "adadelta": lambda paddle: paddle.optimizer.Adadelta(0.1),
    "rmsprop": lambda paddle: paddle.optimizer.RMSProp(0.1, momentum=0.5),
    "lamb": lambda paddle: paddle.optimizer.Lamb(0.1),
    "lars": lambda paddle: paddle.incubate.optimizer.LarsMomentumOptimizer(0.1, 0.9),
}
for _name, _optimizer in OPTIMIZERS.items():
    case("small_O2_" + _name, small, level="O2", optimizer=_optimizer)
for _name in ("adam", "adamw", "lamb"):  # these are told of an overflow
    case("small_O1_" + _name, small, level="O1", optimizer=OPTIMIZERS[_name])


@special
def multi_precision_of_half_parameters(paddle):
    """Parameters that the user made as halves, one optimizer with master weights and one without."""
    for multi in (True, False):
        w = paddle.static.create_parameter([4, 3], "float16", name=f"w_{multi}")
        loss = paddle.mean(paddle.matmul(paddle.static.data(f"x_{multi}", [2, 4], "float16"), w))
        paddle.optimizer.Momentum(0.1, 0.9, multi_precision=multi).minimize(loss)
    return {}


@special
def model_cast_for_inference(paddle):
    """cast_model_to_fp16 of a net without loss, and the parameters it names."""
    x = paddle.static.data("x", [None, 1, 8, 8], "float32")
    h = paddle.static.nn.batch_norm(paddle.static.nn.conv2d(x, 3, 3), act="relu")
    paddle.nn.functional.softmax(paddle.static.nn.fc(h, 4))
    names = paddle.static.amp.cast_model_to_fp16(paddle.static.default_main_program(), use_fp16_guard=False)
    return {"names": sorted(names)}


@special
def test_program_of_amp_init(paddle):
    """The program for testing becomes half with the parameters."""
    loss = lenet(paddle)
    test = paddle.static.default_main_program().clone(for_test=True)
    optimizer = paddle.static.amp.decorate(paddle.optimizer.Momentum(0.1, 0.9), level="O2")
    optimizer.minimize(loss)
    with paddle.static.scope_guard(paddle.static.Scope()):
        paddle.static.Executor(paddle.CPUPlace()).run(paddle.static.default_startup_program())
        optimizer.amp_init(paddle.CPUPlace(), scope=paddle.static.global_scope(), test_program=test)
        half = [p.name for p in paddle.static.default_main_program().all_parameters()
                if "16" in str(paddle.static.global_scope().find_var(p.name).get_tensor()._dtype())]
    return {"test": test, "names": half}


@special
def test_program_at_level_O1(paddle):
    loss = lenet(paddle)
    test = paddle.static.default_main_program().clone(for_test=True)
    optimizer = paddle.static.amp.decorate(paddle.optimizer.Momentum(0.1, 0.9), level="O1")
    optimizer.minimize(loss)
    optimizer.amp_init(paddle.CPUPlace(), test_program=test, use_fp16_test=True)
    return {"test": test}


def bf16(net, **options):
    lists = options.pop("lists", None)

    def build(paddle):
        loss = net(paddle)
        if lists is not None:
            options["amp_lists"] = paddle.static.amp.bf16.AutoMixedPrecisionListsBF16(**lists)
        paddle.static.amp.bf16.decorate_bf16(paddle.optimizer.Momentum(0.1, 0.9), **options).minimize(loss)
        return {}
    return build


for _net in (lenet, mlp, words):
    CASES["bf16_" + _net.__name__] = bf16(_net)
    CASES["bf16_pure_" + _net.__name__] = bf16(_net, use_pure_bf16=True, use_bf16_guard=False)
CASES["bf16_pure_lists"] = bf16(mlp, use_pure_bf16=True, use_bf16_guard=False, lists={"custom_fp32_list": {"softmax", "layer_norm"}})
CASES["bf16_guarded"] = bf16(guarded_bf16, use_pure_bf16=True)
CASES["bf16_lists"] = bf16(mlp, lists={"custom_bf16_list": {"softmax"}, "custom_fp32_list": {"elementwise_add"}})
CASES["bf16_variables"] = bf16(lenet, lists={"custom_fp32_varnames": {"fc_0.w_0"}})
