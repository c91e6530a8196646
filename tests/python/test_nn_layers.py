"""Layers that a user's classes are made of: structure, values, transformers, recurrent loops, decoding."""
import numpy as np
import pytest

import skiff as paddle

nn, static = paddle.nn, paddle.static
RANDOM = np.random.RandomState(0)
X = RANDOM.randn(2, 5, 8).astype("float32")


class Net(nn.Layer):
    """A user's network."""

    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2D(1, 4, 3, padding=1), nn.BatchNorm2D(4), nn.ReLU(), nn.MaxPool2D(2))
        self.head = nn.Linear(4 * 4 * 4, 3)
        self.drop = nn.Dropout(0.5)
        self.register_buffer("seen", static.create_global_var([1], 2.0, "float32", persistable=True))

    def forward(self, x):
        return self.head(self.drop(paddle.flatten(self.body(x), 1))) * self.seen


def test_a_users_network_trains(exe):
    image, label = static.data("image", [None, 1, 8, 8]), static.data("label", [None], "int64")
    net = Net()
    loss = nn.CrossEntropyLoss()(net(image), label)
    paddle.optimizer.Adam(0.01, parameters=net.parameters()).minimize(loss)
    exe.run(static.default_startup_program())
    labels = np.arange(12) % 3
    images = (RANDOM.randn(12, 1, 8, 8) * 0.1 + labels[:, None, None, None]).astype("float32")
    losses = [float(exe.run(feed={"image": images, "label": labels.astype("int64")}, fetch_list=[loss])[0]) for _ in range(40)]
    assert losses[-1] < 0.3 * losses[0]


def test_state_goes_into_the_scope_by_structured_name(exe):
    net = Net()
    exe.run(static.default_startup_program())
    names = ["body.0.weight", "body.0.bias", "body.1.weight", "body.1.bias", "body.1._mean", "body.1._variance", "head.weight",
             "head.bias"]
    assert list(net.state_dict()) == ["seen", *names] and [name for name, _ in net.named_parameters()] == names
    state = {name: RANDOM.rand(*variable.shape).astype("float32") for name, variable in net.state_dict().items()}
    assert net.set_state_dict(state) == ([], [])
    np.testing.assert_array_equal(np.array(net.head.weight.get_value()), state["head.weight"])
    by_name = {variable.name: state[name] + 1 for name, variable in net.state_dict().items()}
    assert net.set_state_dict(by_name, use_structured_name=False) == ([], [])
    np.testing.assert_array_equal(np.array(net.seen.get_value()), state["seen"] + 1)
    with pytest.warns(UserWarning, match="head.weight"):
        assert net.set_state_dict({**state, "head.weight": np.zeros((2, 2), "float32"), "other": state["seen"]}) == \
            (["head.weight"], ["head.weight", "other"])


def test_what_a_layer_holds_can_be_listed_changed_and_removed():
    net = Net()
    assert [name for name, _ in net.named_sublayers()] == ["body", "body.0", "body.1", "body.2", "body.3", "head", "drop"]
    assert [name for name, _ in net.named_children()] == ["body", "head", "drop"]
    assert len(net.buffers()) == 1 and net.named_buffers().__next__()[0] == "seen"
    net.eval()
    assert not net.drop.training and not net.body[1].training
    net.train()
    assert net.drop.training
    del net.drop
    assert not hasattr(net, "drop") and "head" in dir(net)
    net.head = None
    assert net.head is None and len(net.parameters()) == 6
    with pytest.raises(TypeError):
        net.head = 3
    with pytest.raises(KeyError):
        net.add_parameter("body.x", None)
    with pytest.raises(TypeError):
        net.register_buffer("other", 3)
    with pytest.raises(AssertionError):
        net.add_sublayer("other", 3)
    assert repr(nn.Sequential(nn.Linear(2, 3), nn.ReLU())) == \
        "Sequential(\n  (0): Linear(in_features=2, out_features=3, dtype=float32)\n  (1): ReLU()\n)"


def test_a_layer_without_its_base_class_says_so():
    class Wrong(nn.Layer):
        def __init__(self):
            self.inner = nn.ReLU()
    with pytest.raises(ValueError, match="super"):
        Wrong()


def test_parameters_keep_their_dtype():
    layer = nn.Linear(2, 3)
    assert layer.to("gpu") is layer and layer.float() is layer and layer.astype("float32") is layer
    with pytest.raises(NotImplementedError, match="linear_0.w_0"):
        layer.to(dtype="float64")


def test_containers_behave_like_lists_and_dicts():
    layers = nn.LayerList([nn.Linear(2, 2) for _ in range(3)])
    first, second, third = layers
    layers.insert(1, nn.ReLU())
    assert layers[-1] is third and len(layers[1:]) == 3 and [name for name, _ in layers.named_children()] == ["0", "1", "2", "3"]
    del layers[0]
    assert layers[1] is second and len(layers) == 3
    with pytest.raises(IndexError):
        layers[3]
    held = nn.LayerDict([("a", first)])
    held.update({"b": second})
    assert list(held) == ["a", "b"] and held.pop("a") is first and "a" not in held and len(held) == 1
    numbers = nn.ParameterList([layer.weight for layer in (first, second)])
    numbers.append(third.weight)
    assert numbers[2] is third.weight and len(list(numbers)) == 3
    pipeline = nn.Sequential(("in", first), ("out", second))
    assert pipeline["in"] is first and pipeline[-1] is second and len(pipeline[:1]) == 1


def test_wrong_options_are_told_at_once():
    for make in (lambda: nn.MSELoss("median"), lambda: nn.BCELoss(reduction="x"), lambda: nn.CosineEmbeddingLoss(2.0),
                 lambda: nn.Conv2D(3, 4, 3, groups=2), lambda: nn.Conv2D(2, 4, 3, padding_mode="mirror"),
                 lambda: nn.Embedding(4, 3, 9), lambda: nn.GroupNorm(2, 4, data_format="NC"), lambda: nn.LSTMCell(3, 0)):
        with pytest.raises(ValueError):
            make()
    for make in (lambda: nn.ReLU(1, 2), lambda: nn.MaxPool2D(), lambda: nn.Softmax(dtype="float32"),
                 lambda: nn.Conv2D(2, 4, 3, padding=[1, 1], padding_mode="reflect")):
        with pytest.raises(TypeError):
            make()
    with pytest.raises(AssertionError):
        nn.MultiHeadAttention(7, 2)


def softmax(x):
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def test_attention_is_softmax_of_scaled_products(exe):
    layer = nn.MultiHeadAttention(8, 2, need_weights=True)
    out, weights = layer(static.data("x", [2, 5, 8]), attn_mask=static.data("mask", [5, 5], "bool"))
    exe.run(static.default_startup_program())
    mask = np.tril(np.ones((5, 5), bool))
    got = exe.run(feed={"x": X, "mask": mask}, fetch_list=[out, weights])
    values = {name: np.array(variable.get_value()) for name, variable in layer.named_parameters()}

    def heads(part):
        return (X @ values[f"{part}_proj.weight"] + values[f"{part}_proj.bias"]).reshape(2, 5, 2, 4).transpose(0, 2, 1, 3)
    wanted = softmax(heads("q") @ heads("k").transpose(0, 1, 3, 2) / 2 + np.where(mask, 0, -1e9))
    joined = (wanted @ heads("v")).transpose(0, 2, 1, 3).reshape(2, 5, 8)
    np.testing.assert_allclose(got[1], wanted, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(got[0], joined @ values["out_proj.weight"] + values["out_proj.bias"], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("before", [False, True])
def test_decoding_with_caches_gives_what_the_whole_sequence_gives(exe, before):
    decoder = nn.TransformerDecoder(nn.TransformerDecoderLayer(8, 2, 16, 0.0, normalize_before=before), 2, nn.LayerNorm(8))
    x, memory = static.data("x", [2, 5, 8]), static.data("memory", [2, 3, 8])
    future = np.triu(np.full((5, 5), -1e9, "float32"), 1)
    whole = decoder(x, memory, paddle.assign(future))
    caches, steps = decoder.gen_cache(memory), []
    for step in range(5):
        out, caches = decoder(x[:, step:step + 1], memory, cache=caches)
        steps.append(out)
    exe.run(static.default_startup_program())
    once, stepwise = exe.run(feed={"x": X, "memory": X[:, :3]}, fetch_list=[whole, paddle.concat(steps, 1)])
    np.testing.assert_allclose(stepwise, once, rtol=1e-4, atol=1e-5)


def test_layers_of_a_stack_have_parameters_of_their_own():
    net = nn.Transformer(8, 2, 2, 1, 16, weight_attr=None, bias_attr=[False, None, None])
    names = [parameter.name for parameter in net.parameters()]
    assert len(names) == len(set(names)) and not any("self_attn.q_proj.bias" in name for name, _ in net.named_parameters())
    layer = nn.TransformerEncoderLayer(8, 2, 8, weight_attr=paddle.ParamAttr(name="w"))
    assert layer.self_attn.q_proj.weight.name == "w_0" and layer.linear1.weight.name == layer.linear2.weight.name == "w_1"


def cell_of(kind):
    return {"lstm": nn.LSTMCell, "gru": nn.GRUCell, "rnn": nn.SimpleRNNCell}[kind](8, 4)


@pytest.mark.parametrize("kind", ["lstm", "gru", "rnn"])
@pytest.mark.parametrize("batch", [2, None])
def test_a_loop_over_a_cell_gives_what_calling_it_gives(exe, kind, batch):
    cell = cell_of(kind)
    x = static.data("x", [batch, 5, 8])
    out, last = nn.RNN(cell)(x)
    states, steps = None, []
    for step in range(5):
        one, states = cell(x[:, step], states)
        steps.append(one)
    backwards = nn.RNN(cell, is_reverse=True)(paddle.flip(x, [1]))[0]
    first = last[0] if isinstance(last, tuple) else last
    exe.run(static.default_startup_program())
    loop, end, reverse, *called = exe.run(feed={"x": X}, fetch_list=[out, first, backwards, *steps])
    np.testing.assert_allclose(loop, np.stack(called, 1), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(end, called[-1], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(reverse[:, ::-1], loop, rtol=1e-5, atol=1e-6)


def test_a_loop_over_a_cell_has_gradients(exe):
    cell = nn.GRUCell(8, 4)
    out, _ = nn.RNN(cell)(static.data("x", [2, 5, 8]))
    loss = paddle.mean(out)
    paddle.optimizer.SGD(1.0).minimize(loss)
    exe.run(static.default_startup_program())
    losses = [float(exe.run(feed={"x": X}, fetch_list=[loss])[0]) for _ in range(3)]
    assert losses[0] > losses[1] > losses[2]


def test_states_stay_behind_the_end_of_a_sequence(exe):
    cell = nn.LSTMCell(8, 4)
    x, lengths = static.data("x", [2, 5, 8]), static.data("lengths", [2], "int64")
    _, (hidden, _) = nn.RNN(cell)(x, None, lengths)
    states, shorter = None, None
    for step in range(3):
        shorter, states = cell(x[:, step], states)
    exe.run(static.default_startup_program())
    got, wanted = exe.run(feed={"x": X, "lengths": np.array([3, 5])}, fetch_list=[hidden, shorter])
    np.testing.assert_allclose(got[0], wanted[0], rtol=1e-5, atol=1e-6)


def test_a_cell_of_ones_own_runs_in_a_loop(exe):
    class Sum(nn.RNNCellBase):
        input_size = 8

        def forward(self, inputs, states):
            total = states["total"] + inputs
            return total * 2.0, {"total": total}

        @property
        def state_shape(self):
            return {"total": [8]}
    x = static.data("x", [None, 5, 8])
    out, last = nn.RNN(Sum())(x)
    both, _ = nn.BiRNN(Sum(), Sum())(x)
    got, end, wide = exe.run(feed={"x": X}, fetch_list=[out, last["total"], both])
    np.testing.assert_allclose(got, 2 * X.cumsum(1), rtol=1e-5)
    np.testing.assert_allclose(end, X.sum(1), rtol=1e-5)
    np.testing.assert_allclose(wide[..., 8:], 2 * X[:, ::-1].cumsum(1)[:, ::-1], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("is_test", [False, True])
def test_beam_search_finds_the_most_probable_sequence(exe, is_test):
    """The scores of the next token depend on the last alone: a table, so that every sequence can be tried."""
    table = np.log(softmax(np.random.RandomState(3).randn(5, 5) * 2)).astype("float32")

    class Table(nn.RNNCellBase):
        def forward(self, inputs, states):
            return paddle.matmul(inputs, paddle.assign(table)), states

    decoder = nn.BeamSearchDecoder(Table(), start_token=0, end_token=4, beam_size=4,
                                   embedding_fn=lambda tokens: nn.functional.one_hot(tokens, 5))
    outputs, states, lengths = nn.dynamic_decode(decoder, static.data("state", [2, 3]), 3, is_test=is_test, return_length=True)
    found, scores, sizes = exe.run(feed={"state": np.zeros((2, 3), "float32")}, fetch_list=[outputs, states.log_probs, lengths])

    def score(tokens):
        total, last = 0.0, 0
        for token in tokens:
            if last == 4:
                return total if all(t == 4 for t in tokens[tokens.index(4):]) else -np.inf
            total, last = total + table[last, token], token
        return total
    steps = found.shape[1]
    best = max(np.ndindex(*[5] * steps), key=lambda tokens: score(list(tokens)))
    assert found.shape == (2, steps, 4) and sizes.shape == (2, 4)
    assert list(found[0, :, 0]) == list(best) and list(found[1, :, 0]) == list(best)
    np.testing.assert_allclose(scores[0, 0], score(list(best)), rtol=1e-4)


def test_synchronised_norms_take_the_parameters_of_the_plain_ones(exe):
    plain = nn.Sequential(nn.Conv2D(3, 4, 1), nn.BatchNorm2D(4))
    names = [parameter.name for parameter in plain.parameters()]
    net = nn.SyncBatchNorm.convert_sync_batchnorm(plain)
    assert isinstance(net[1], nn.SyncBatchNorm) and [parameter.name for parameter in net.parameters()] == names
    image = RANDOM.randn(4, 3, 5, 5).astype("float32")
    out = net(static.data("image", [None, 3, 5, 5]))
    exe.run(static.default_startup_program())
    got, = exe.run(feed={"image": image}, fetch_list=[out])
    np.testing.assert_allclose(got.mean((0, 2, 3)), np.zeros(4), atol=1e-5)
    np.testing.assert_allclose(got.std((0, 2, 3)), np.ones(4), atol=1e-3)


def test_layers_of_norms_normalise(exe):
    image = static.data("image", [2, 4, 5, 5])
    outs = [nn.InstanceNorm2D(4)(image), nn.GroupNorm(2, 4)(image), nn.LayerNorm([4, 5, 5])(image)]
    exe.run(static.default_startup_program())
    got = exe.run(feed={"image": RANDOM.randn(2, 4, 5, 5).astype("float32") * 3 + 1}, fetch_list=outs)
    for value, groups in zip(got, (4, 2, 1)):
        parts = value.reshape(2, groups, -1)
        np.testing.assert_allclose(parts.mean(-1), np.zeros((2, groups)), atol=1e-5)
        np.testing.assert_allclose(parts.std(-1), np.ones((2, groups)), atol=1e-3)


def test_hooks_change_what_goes_in_and_comes_out(exe):
    layer = nn.Identity()
    before = layer.register_forward_pre_hook(lambda layer, inputs: inputs[0] * 2.0)
    layer.register_forward_post_hook(lambda layer, inputs, outputs: outputs + 1.0)
    x = static.data("x", [2])
    first = layer(x)
    before.remove()
    second = layer(x)
    got = exe.run(feed={"x": np.array([1, 2], "float32")}, fetch_list=[first, second])
    assert got[0].tolist() == [3, 5] and got[1].tolist() == [2, 3]


def test_regions_and_deformable_convolutions(exe):
    ops = paddle.vision.ops
    x, offset = static.data("x", [1, 2, 5, 5]), static.data("offset", [1, 18, 3, 3])
    deformed = ops.DeformConv2D(2, 3, 3)
    plain = nn.functional.conv2d(x, deformed.weight, deformed.bias)
    exe.run(static.default_startup_program())
    image = RANDOM.randn(1, 2, 5, 5).astype("float32")
    got = exe.run(feed={"x": image, "offset": np.zeros((1, 18, 3, 3), "float32")}, fetch_list=[deformed(x, offset), plain])
    np.testing.assert_allclose(got[0], got[1], rtol=1e-4, atol=1e-5)


def test_graphs_and_segments_of_incubate(evaluate):
    x = static.data("x", [3, 2])
    edges = [paddle.assign(np.array(ends, "int64")) for ends in ([0, 1, 2, 0], [1, 2, 1, 0])]
    ids = paddle.assign(np.array([0, 0, 1], "int64"))
    rows = np.array([[1, 2], [3, 4], [5, 6]], "float32")
    sent, mean = evaluate([paddle.incubate.graph_send_recv(x, *edges), paddle.incubate.segment_mean(x, ids)], x=rows)
    assert sent.tolist() == [[1, 2], [6, 8], [3, 4]] and mean.tolist() == [[2, 3], [5, 6]]
