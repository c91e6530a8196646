"""Gradients of gradients, where no recorded case of real Paddle says what they are."""
import numpy as np
import pytest
import skiff as paddle
from skiff import static

F = paddle.nn.functional
RANDOM = np.random.RandomState(7)


def drawn(*shape):
    return RANDOM.uniform(-1, 1, shape)


def check(evaluate, build, arrays):
    """d/dv of sum(weights * d(sum(seed * out))/dv) for every v, and for the seed, against central differences."""
    variables = [static.data(f"v{i}", list(a.shape), "float64") for i, a in enumerate(arrays)]
    for v in variables:
        v.stop_gradient = False
    out = build(*variables)
    seed = static.data("seed", list(out.shape), "float64")
    seed.stop_gradient = False
    first = static.gradients([out], variables, [seed])
    weights = [drawn(*v.shape) for v in variables]
    total = paddle.add_n([paddle.sum(g * paddle.assign(w)) for g, w in zip(first, weights)])
    second = static.gradients([total], [*variables, seed])
    feeds = {v.name: a for v, a in zip((*variables, seed), (*arrays, drawn(*out.shape)))}
    grads = iter(evaluate([g for g in second if g is not None], **feeds))
    for (name, value), known in zip(feeds.items(), second):
        grad = np.zeros(value.shape) if known is None else next(grads)
        for i in RANDOM.choice(value.size, min(value.size, 6), replace=False):
            moved = np.zeros(value.size)
            moved[i] = 1e-5
            up, down = (evaluate([total], **{**feeds, name: value + sign * moved.reshape(value.shape)})[0] for sign in (1, -1))
            assert abs((up - down) / 2e-5 - grad.reshape(-1)[i]) < 1e-6 * max(1, abs(grad.reshape(-1)[i])), (name, i)


@pytest.mark.parametrize("build, shapes", [
    (lambda x, w: F.conv2d_transpose(x, w, stride=2, padding=1, output_padding=1), [(2, 3, 3, 3), (3, 2, 3, 3)]),
    (lambda x, w: F.conv2d_transpose(x, w, groups=2), [(1, 4, 3, 3), (4, 1, 2, 2)]),
    (lambda x, w: F.conv2d_transpose(x, w, data_format="NHWC"), [(1, 3, 3, 2), (2, 3, 2, 2)]),
    (lambda x, w: F.conv3d_transpose(x, w, stride=2), [(1, 2, 2, 2, 2), (2, 2, 2, 2, 2)]),
    (lambda x, w: F.conv2d(x, w, groups=3), [(1, 3, 4, 4), (3, 1, 2, 2)]),
])
def test_convolutions(evaluate, build, shapes):
    check(evaluate, build, [drawn(*shape) for shape in shapes])


@pytest.mark.parametrize("as_input", [True, False])
def test_a_transposed_convolution_whose_size_is_a_variable(evaluate, as_input):
    def build(x, w):
        size = paddle.assign(np.array([6, 5], "int32"))  # the smallest would be 5 and 5
        block = static.default_main_program().global_block()
        out = block.create_var(name="enlarged", dtype="float64")
        inputs, attrs = {"Input": [x], "Filter": [w]}, {"strides": [2, 2], "output_size": [] if as_input else size}
        if as_input:
            inputs["OutputSizeTensor"] = [size]
        block.append_op(type="conv2d_transpose", inputs=inputs, outputs={"Output": [out]}, attrs=attrs)
        assert tuple(out.shape) == (1, 2, -1, -1)
        return paddle.reshape(out, [1, 2, 6, 5])
    check(evaluate, build, [drawn(1, 3, 2, 2), drawn(3, 2, 3, 3)])


@pytest.mark.parametrize("training", [True, False])
def test_batch_norm_by_the_statistics_of_the_batch_and_by_running_ones(evaluate, training):
    mean, variance = (static.create_global_var([3], value, "float64", persistable=True) for value in (0.3, 0.8))
    check(evaluate, lambda x, w, b: F.batch_norm(x, mean, variance, w, b, training=training),
          [drawn(4, 3, 2), drawn(3) + 2, drawn(3)])


def test_instance_norm(evaluate):
    check(evaluate, lambda x, w, b: F.instance_norm(x, weight=w, bias=b), [drawn(2, 3, 5), drawn(3) + 2, drawn(3)])


def test_what_a_gradient_is_not_wanted_of_takes_part_as_zeros(evaluate):
    x, y = static.data("x", [2, 2]), static.data("y", [2, 1])
    x.stop_gradient, y.stop_gradient = False, True
    seed = static.data("seed", [2, 3])
    seed.stop_gradient = False
    first, = static.gradients([paddle.concat([x, y], 1)], [x], [seed])
    second, = static.gradients([paddle.sum(first * 2.0)], [seed])
    ones = {"x": np.ones((2, 2), "float32"), "y": np.ones((2, 1), "float32"), "seed": np.ones((2, 3), "float32")}
    assert evaluate([second], **ones)[0].tolist() == [[2, 2, 0]] * 2
