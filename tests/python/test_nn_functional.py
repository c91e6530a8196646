"""Functions of skiff.nn.functional against their definitions, and the mistakes they tell."""
import numpy as np
import pytest

import skiff as paddle

F = paddle.nn.functional
RANDOM = np.random.RandomState(0)
X = RANDOM.uniform(-2, 2, (3, 4)).astype("float32")
Y = RANDOM.uniform(-2, 2, (3, 4)).astype("float32")
P = RANDOM.uniform(0.1, 0.9, (3, 4)).astype("float32")
IMAGES = RANDOM.uniform(-1, 1, (2, 4, 6, 6)).astype("float32")
LABELS = np.array([1, 0, 3], "int64")


def declared(*arrays):
    return [paddle.static.data(f"x{i}", list(a.shape), str(a.dtype)) for i, a in enumerate(arrays)]


@pytest.fixture
def value(exe):
    """value(function, *arrays, **options): what the function gives, in a program of its own."""
    def run(function, *arrays, **options):
        main = paddle.static.Program()
        with paddle.static.program_guard(main, paddle.static.Program()):
            out = function(*declared(*arrays), **options)
        outs = list(out) if isinstance(out, (list, tuple)) else [out]
        values = exe.run(main, feed={f"x{i}": a for i, a in enumerate(arrays)}, fetch_list=outs)
        return values if isinstance(out, (list, tuple)) else values[0]
    return run


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def log_softmax(x):
    e = np.exp(x - x.max(-1, keepdims=True))
    return x - x.max(-1, keepdims=True) - np.log(e.sum(-1, keepdims=True))


@pytest.mark.parametrize("function, definition", [
    (F.soft_margin_loss, lambda x, y: np.log(1 + np.exp(-y * x)).mean()),
    (F.multi_label_soft_margin_loss, lambda x, y: -(y * np.log(sigmoid(x)) + (1 - y) * np.log(sigmoid(-x))).mean()),
    (F.poisson_nll_loss, lambda x, y: (np.exp(x) - y * x).mean()),
    (F.hinge_embedding_loss, lambda x, y: (np.where(y == 1, x, 0) + np.where(y == -1, np.maximum(0, 1 - x), 0)).mean()),
    (F.pairwise_distance, lambda x, y: np.sqrt(((x - y + 1e-6) ** 2).sum(-1))),
    (F.cosine_similarity, lambda x, y: (x * y).sum(1) / np.sqrt((x * x).sum(1) * (y * y).sum(1))),
], ids=lambda f: getattr(f, "__name__", ""))
def test_functions_of_two_arguments_follow_their_definition(value, function, definition):
    y = np.sign(Y)
    np.testing.assert_allclose(value(function, X, y), definition(X, y), rtol=1e-5)


@pytest.mark.parametrize("reduction, reduce", [("none", lambda x: x), ("mean", np.mean), ("sum", np.sum)])
def test_reductions(value, reduction, reduce):
    np.testing.assert_allclose(value(F.mse_loss, X, Y, reduction=reduction), reduce((X - Y) ** 2), rtol=1e-5)
    entropy = -(P * np.log(P) + (1 - P) * np.log(1 - P))
    np.testing.assert_allclose(value(F.binary_cross_entropy, P, P, reduction=reduction), reduce(entropy), rtol=1e-5)


def test_losses_of_margins(value):
    near, far = np.sqrt(((X - Y) ** 2).sum(-1)), np.sqrt(((X - P) ** 2).sum(-1))
    np.testing.assert_allclose(value(F.triplet_margin_loss, X, Y, P, epsilon=0.0), np.maximum(near - far + 1, 0).mean(), rtol=1e-5)
    np.testing.assert_allclose(value(F.triplet_margin_with_distance_loss, X, Y, P,
                                     distance_function=lambda a, b: ((a - b) * (a - b)).sum(-1)),
                               np.maximum(near ** 2 - far ** 2 + 1, 0).mean(), rtol=1e-5)
    own = X[np.arange(3), LABELS][:, None]
    np.testing.assert_allclose(value(F.multi_margin_loss, X, LABELS), (np.maximum(1 - own + X, 0).mean(1) - 1 / 4).mean(), rtol=1e-5)
    sign = np.array([1, -1, 1], "int64")
    cosine = (X * Y).sum(1) / np.sqrt((X * X).sum(1) * (Y * Y).sum(1))
    np.testing.assert_allclose(value(F.cosine_embedding_loss, X, Y, sign, margin=0.1),
                               np.where(sign == 1, 1 - cosine, np.maximum(0, cosine - 0.1)).mean(), rtol=1e-4)


def test_losses_over_classes(value):
    logs = log_softmax(X)
    picked = -logs[np.arange(3), LABELS]
    np.testing.assert_allclose(value(F.cross_entropy, X, LABELS), picked.mean(), rtol=1e-5)
    weights = np.array([1, 2, 3, 4], "float32")
    weighed = value(lambda x, y, w: F.cross_entropy(x, y, w), X, LABELS, weights)
    np.testing.assert_allclose(weighed, (picked * weights[LABELS]).sum() / weights[LABELS].sum(), rtol=1e-5)
    np.testing.assert_allclose(value(F.cross_entropy, X, LABELS, ignore_index=3), picked[:2].mean(), rtol=1e-5)
    smooth = 0.9 * np.eye(4)[LABELS] + 0.1 / 4
    np.testing.assert_allclose(value(F.cross_entropy, X, LABELS, label_smoothing=0.1), -(smooth * logs).sum(1).mean(), rtol=1e-5)
    np.testing.assert_allclose(value(F.nll_loss, logs[:, :, None].repeat(2, 2), LABELS[:, None].repeat(2, 1), reduction="none"),
                               picked[:, None].repeat(2, 1), rtol=1e-5)
    dice = np.eye(4)[LABELS]
    np.testing.assert_allclose(value(F.dice_loss, P, LABELS[:, None]),
                               (1 - 2 * (P * dice).sum(1) / (P.sum(1) + 1 + 1e-5)).mean(), rtol=1e-5)


def test_a_gaussian_loss_refuses_variances_that_are_not_positive(value):
    np.testing.assert_allclose(value(F.gaussian_nll_loss, X, Y, P), 0.5 * (np.log(P) + (X - Y) ** 2 / P).mean(), rtol=1e-5)
    with pytest.raises(ValueError):
        value(F.gaussian_nll_loss, X, Y, P * 0)


def test_classes_are_sampled_around_those_that_occur(value):
    label = np.array([7, 2, 7, 11], "int64")
    remapped, classes = value(F.class_center_sample, label, num_classes=20, num_samples=6)
    assert len(set(classes)) == 6 and list(classes[:3]) == [2, 7, 11] and (classes[remapped] == label).all()


def test_signals_are_convolved_as_images_of_one_row(value):
    x, w, b = X[:, None], RANDOM.randn(2, 1, 3).astype("float32"), np.array([1, 2], "float32")
    padded = np.pad(X, ((0, 0), (1, 1)))
    wanted = np.stack([sum(padded[:, i:i + 4] * w[f, 0, i] for i in range(3)) + b[f] for f in range(2)], 1)
    np.testing.assert_allclose(value(lambda x, w, b: F.conv1d(x, w, b, padding=1), x, w, b), wanted, rtol=1e-5)
    turned = value(lambda x, w, b: F.conv1d(x, w, b, padding=1, data_format="NLC"), x.transpose(0, 2, 1).copy(), w, b)
    np.testing.assert_allclose(turned, wanted.transpose(0, 2, 1), rtol=1e-5)


@pytest.mark.parametrize("axes", [1, 2, 3])
def test_a_transposed_convolution_is_the_gradient_of_the_convolution(value, axes):
    x = RANDOM.randn(2, 3, *[4] * axes).astype("float32")
    w = RANDOM.randn(3, 2, *[3] * axes).astype("float32")
    forwards, backwards = getattr(F, f"conv{axes}d"), getattr(F, f"conv{axes}d_transpose")

    def through_the_gradient(x, w):
        y = paddle.zeros([2, 2, *[9] * axes])
        y.stop_gradient = False
        return paddle.static.gradients([forwards(y, w, stride=2)], [y], [x])[0]
    np.testing.assert_allclose(value(backwards, x, w, stride=2), value(through_the_gradient, x, w), rtol=1e-4, atol=1e-5)


def test_maxima_go_back_where_they_were(value):
    def both(x):
        out, mask = F.max_pool2d(x, 2, return_mask=True)
        return F.max_unpool2d(out, mask, 2)
    back = value(both, IMAGES)
    kept = back != 0
    assert kept.sum() == back.size // 4
    np.testing.assert_array_equal(back[kept], IMAGES[kept])
    largest = IMAGES.reshape(2, 4, 3, 2, 3, 2).max((3, 5))
    np.testing.assert_array_equal(back.reshape(2, 4, 3, 2, 3, 2).sum((3, 5)), largest)


def test_means_of_windows(value):
    wanted = IMAGES.reshape(2, 4, 3, 2, 3, 2).mean((3, 5))
    np.testing.assert_allclose(value(F.avg_pool2d, IMAGES, kernel_size=2), wanted, atol=1e-6)
    np.testing.assert_allclose(value(F.interpolate, IMAGES, size=[3, 3], mode="area"), wanted, atol=1e-6)
    np.testing.assert_allclose(value(F.avg_pool2d, IMAGES, kernel_size=2, divisor_override=1), wanted * 4, atol=1e-5)


def test_folding_adds_up_what_unfolding_laid_out(value):
    out = value(lambda x: F.fold(F.unfold(x, 3), [6, 6], 3), IMAGES)
    counts = np.add.outer(np.zeros(6), np.minimum(np.minimum(np.arange(1, 7), 3), np.arange(6, 0, -1)))
    np.testing.assert_allclose(out, IMAGES * counts * counts.T, rtol=1e-5)


@pytest.mark.parametrize("mode, numpys", [("reflect", "reflect"), ("replicate", "edge"), ("circular", "wrap"), ("constant", "constant")])
def test_padding_is_numpys(value, mode, numpys):
    np.testing.assert_array_equal(value(F.pad, IMAGES, pad=[1, 2, 3, 0], mode=mode), np.pad(IMAGES, ((0, 0), (0, 0), (3, 0), (1, 2)), numpys))
    signal = X[:, None]
    np.testing.assert_array_equal(value(F.pad, signal, pad=[1, 2], mode=mode, data_format="NCL"), np.pad(signal, ((0, 0), (0, 0), (1, 2)), numpys))


def test_channels_are_normalised_by_their_neighbours(value):
    squares = np.pad(IMAGES ** 2, ((0, 0), (1, 1), (0, 0), (0, 0)))
    mean = (squares[:, :-2] + squares[:, 1:-1] + squares[:, 2:]) / 3
    np.testing.assert_allclose(value(F.local_response_norm, IMAGES, size=3, alpha=0.5, beta=0.75, k=1.0),
                               IMAGES / (1 + 0.5 * mean) ** 0.75, rtol=1e-5)


def test_an_affine_grid_of_the_identity_reads_the_image_itself(value):
    theta = np.tile(np.array([[[1, 0, 0], [0, 1, 0]]], "float32"), (2, 1, 1))
    out = value(lambda x, theta: F.grid_sample(x, F.affine_grid(theta, [2, 4, 6, 6])), IMAGES, theta)
    np.testing.assert_allclose(out, IMAGES, atol=1e-5)


@pytest.mark.parametrize("causal, masked", [(False, False), (True, False), (False, True), (True, True)])
def test_attention(value, causal, masked):
    q, k, v = (RANDOM.randn(2, 5, 3, 4).astype("float32") for _ in range(3))
    mask = RANDOM.randn(2, 1, 5, 5).astype("float32")
    out = value(lambda q, k, v, m: F.scaled_dot_product_attention(q, k, v, m if masked else None, is_causal=causal), q, k, v, mask)
    scores = np.einsum("bqhd,bkhd->bhqk", q, k) / 2 + (mask if masked else 0) + (np.triu(np.full((5, 5), -1e4), 1) if causal else 0)
    np.testing.assert_allclose(out, np.einsum("bhqk,bkhd->bqhd", np.exp(log_softmax(scores)), v), rtol=1e-4, atol=1e-5)


def test_alpha_dropout_keeps_mean_and_variance(value):
    noise = RANDOM.randn(100, 100).astype("float32")
    out = value(F.alpha_dropout, noise, p=0.3)
    assert abs(out.mean()) < 0.05 and abs(out.std() - 1) < 0.05


def test_dropout_of_channels_zeroes_whole_ones(value):
    out = value(F.dropout2d, np.ones((8, 16, 3, 3), "float32"), p=0.5)
    channels = out.reshape(8, 16, 9)
    assert (channels == channels[:, :, :1]).all() and set(np.unique(out)) == {0.0, 2.0}


def test_random_slopes_lie_between_their_bounds(value):
    out = value(F.rrelu, -np.ones((50, 50), "float32"), lower=0.1, upper=0.3)
    assert -0.3 <= out.min() < -0.25 and -0.15 < out.max() <= -0.1
    np.testing.assert_allclose(value(F.rrelu, X, lower=0.1, upper=0.3, training=False), np.where(X > 0, X, 0.2 * X), rtol=1e-5)


@pytest.mark.parametrize("error, call", [
    (ValueError, lambda x: F.conv2d(x, x, padding="FULL")),
    (ValueError, lambda x: F.conv2d(x, x, groups=0)),
    (ValueError, lambda x: F.conv2d(x, x, data_format="NC")),
    (ValueError, lambda x: F.conv1d(x, x)),
    (ValueError, lambda x: F.conv2d(x, x, padding=-1)),
    (ValueError, lambda x: F.conv2d_transpose(x, x, output_padding=1, output_size=9)),
    (ValueError, lambda x: F.max_pool1d(x, 2)),
    (ValueError, lambda x: F.avg_pool2d(x, 0)),
    (ValueError, lambda x: F.max_pool2d(x, 2, return_mask=True, data_format="NHWC")),
    (ValueError, lambda x: F.max_pool2d(x, 2, padding="VALID", ceil_mode=True)),
    (ValueError, lambda x: F.max_unpool2d(x, x, 2, output_size=[99, 99])),
    (ValueError, lambda x: F.dropout(x, 1.5)),
    (TypeError, lambda x: F.dropout(x, "p")),
    (ValueError, lambda x: F.dropout3d(x)),
    (TypeError, lambda x: F.rrelu(x, 1, 2)),
    (ValueError, lambda x: F.rrelu(x, 0.5, 0.2)),
    (ValueError, lambda x: F.selu(x, 0.5)),
    (ZeroDivisionError, lambda x: F.celu(x, 0)),
    (AssertionError, lambda x: F.pad(x, [1, 1, 1, 1], "mirror")),
    (ValueError, lambda x: F.interpolate(x)),
    (ValueError, lambda x: F.interpolate(x, [3, 3], mode="linear")),
    (TypeError, lambda x: F.pixel_shuffle(x, 2.0)),
    (TypeError, lambda x: F.pixel_unshuffle(x, 2.0)),
    (ValueError, lambda x: F.grid_sample(x, x, "cubic")),
    (ValueError, lambda x: F.mse_loss(x, x, "median")),
    (ValueError, lambda x: F.soft_margin_loss(x, x[0])),
    (ValueError, lambda x: F.triplet_margin_loss(x, x, x, margin=-1.0)),
    (ValueError, lambda x: F.hsigmoid_loss(x, x, 1, x)),
    (ValueError, lambda x: F.glu(x, 4)),
    (ValueError, lambda x: F.maxout(x, 2, 2)),
    (ValueError, lambda x: F.class_center_sample(x, 2, 3)),
])
def test_mistakes_raise_paddles_kind_of_error(error, call):
    with pytest.raises(error):
        call(paddle.static.data("x", [2, 4, 6, 6]))


def test_the_size_of_a_transposed_convolution_may_be_read_at_each_run(exe):
    """As Paddle 2.6.2 computes it: the size of the run, with the values of that size given as numbers; gradients too."""
    x, w = paddle.static.data("x", [1, 2, 4, 4]), paddle.static.data("w", [2, 3, 3, 3])
    size, one = paddle.static.data("size", [2], "int32"), paddle.static.data("one", [1], "int64")
    x.stop_gradient = w.stop_gradient = False
    random = np.random.RandomState(0)
    feed = {"x": random.rand(1, 2, 4, 4).astype("float32"), "w": random.rand(2, 3, 3, 3).astype("float32"),
            "size": np.int32([10, 9]), "one": np.int64([10])}
    for given, numbers in ((size, [10, 9]), (one, 10), ([one, 9], [10, 9])):
        results = []
        for wanted in (given, numbers):
            out = F.conv2d_transpose(x, w, stride=2, output_size=wanted)
            results.append(exe.run(feed=feed, fetch_list=[out, *paddle.static.gradients([paddle.sum(out * out)], [x, w])]))
        for variable, constant in zip(*results):
            np.testing.assert_array_equal(variable, constant)
        assert results[0][0].sum() == pytest.approx(211.68661499023438, rel=1e-6)  # Paddle's
    for wrong, error in ((paddle.static.data("three", [3], "int32"), ValueError), (x, TypeError), ([one], ValueError)):
        with pytest.raises(error, match="output_size"):
            F.conv2d_transpose(x, w, output_size=wrong)
    with pytest.raises(ValueError, match="filter_size should not be None"):
        paddle.static.nn.conv2d_transpose(x, 3, output_size=size)
