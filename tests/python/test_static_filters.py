"""Layers with filters of their own kind, against their definitions."""
import numpy as np
import pytest

import skiff as paddle

from skiff import static


@pytest.fixture(autouse=True)
def fresh():
    paddle.enable_static()
    with static.program_guard(static.Program(), static.Program()), static.scope_guard(static.Scope()), paddle.utils.unique_name.guard():
        yield


def run(*fetches, **feeds):
    executor = static.Executor(paddle.CPUPlace())
    executor.run(static.default_startup_program())
    return executor.run(feed=feeds, fetch_list=list(fetches))


@pytest.mark.parametrize("dim", [0, 1])
def test_spectral_norm_divides_by_the_largest_singular_value(dim):
    weight = static.create_parameter([4, 3, 2], "float32")
    before, after = run(weight, static.nn.spectral_norm(weight, dim=dim, power_iters=50))
    matrix = np.moveaxis(before, dim, 0).reshape(before.shape[dim], -1)
    np.testing.assert_allclose(after, before / np.linalg.svd(matrix, compute_uv=False)[0], atol=1e-6)


def test_spectral_norm_takes_no_other_axis():
    with pytest.raises(ValueError, match="dim must be 0 or 1"):
        static.nn.spectral_norm(static.create_parameter([4, 3, 2], "float32"), dim=2)


def test_a_transposed_convolution_spreads_each_voxel():
    x = static.data("x", [1, 1, 1, 1, 2], "float32")
    ones = paddle.ParamAttr(initializer=paddle.nn.initializer.Constant(1.0))
    out, = run(static.nn.conv3d_transpose(x, 1, filter_size=[1, 1, 2], param_attr=ones, bias_attr=False), x=np.float32([[[[[2, 5]]]]]))
    assert out.ravel().tolist() == [2, 7, 5]


def test_a_transposed_convolution_finds_its_filter_from_the_output():
    x = static.data("x", [1, 2, 3, 4, 5], "float32")
    assert list(static.nn.conv3d_transpose(x, 4, output_size=[6, 8, 10], stride=2).shape) == [1, 4, 6, 8, 10]
    with pytest.raises(ValueError, match="output_size must be set"):
        static.nn.conv3d_transpose(x, 4)


def test_a_deformable_convolution_without_offsets_is_a_convolution():
    x, offset = static.data("x", [1, 2, 4, 4], "float32"), static.data("offset", [1, 18, 2, 2], "float32")
    same = paddle.ParamAttr(initializer=paddle.nn.initializer.Constant(0.5))
    out, plain = run(static.nn.deform_conv2d(x, offset, None, 3, 3, weight_attr=same), static.nn.conv2d(x, 3, 3, param_attr=same),
                     x=np.random.RandomState(0).rand(1, 2, 4, 4).astype("float32"), offset=np.zeros((1, 18, 2, 2), "float32"))
    np.testing.assert_allclose(out, plain, rtol=1e-6)


def test_margins_turn_the_angle_of_the_label():
    logits, label = static.data("logits", [2, 3], "float32"), static.data("label", [2], "int64")
    loss = paddle.nn.functional.margin_cross_entropy(logits, label, 1.0, 0.3, 0.1, 4.0, reduction="none")
    cosines, labels = np.float32([[0.1, 0.5, -0.4], [0.9, -0.2, 0.3]]), np.int64([1, 0])
    out, = run(loss, logits=cosines, label=labels)
    turned = cosines.astype("float64")
    for row, k in enumerate(labels):
        turned[row, k] = np.cos(np.arccos(turned[row, k]) + 0.3) - 0.1
    wanted = -(4 * turned[[0, 1], labels] - np.log(np.exp(4 * turned).sum(1)))
    np.testing.assert_allclose(out.ravel(), wanted, rtol=1e-5)
