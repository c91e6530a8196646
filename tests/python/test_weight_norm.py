"""Parameters kept as direction and lengths: static.WeightNormParamAttr."""
import numpy as np
import pytest

import skiff as paddle

AXES = {None: (0, 1, 2, 3), 0: (1, 2, 3), 1: (0, 2, 3), -1: (0, 1, 2), -2: (0, 1, 3)}


def convolution(dim):
    """Startup program, main program and output of a convolution whose filter [2, 3, 2, 2] is split."""
    main, startup = paddle.static.Program(), paddle.static.Program()
    with paddle.utils.unique_name.guard(), paddle.static.program_guard(main, startup):
        image = paddle.static.data("image", [None, 3, 2, 2])
        attr = paddle.static.WeightNormParamAttr(dim=dim, name="w", initializer=paddle.nn.initializer.Uniform(0.5, 2.0))
        return startup, main, paddle.static.nn.conv2d(image, 2, 2, param_attr=attr, bias_attr=False)


@pytest.mark.parametrize("dim", AXES)
def test_lengths_start_as_the_norms_and_scale_the_direction(dim):
    startup, main, out = convolution(dim)
    exe, image = paddle.static.Executor(paddle.CPUPlace()), np.random.RandomState(0).uniform(-1, 1, (4, 3, 2, 2)).astype("float32")
    with paddle.static.scope_guard(paddle.static.Scope()):
        exe.run(startup)
        lengths, direction = (paddle.static.global_scope().find_var(name).get_tensor() for name in ("w_g", "w_v"))
        norms = np.sqrt(np.square(np.array(direction)).sum(AXES[dim], keepdims=True))
        assert np.array(lengths).shape == norms.shape
        np.testing.assert_allclose(np.array(lengths), norms, rtol=1e-6)

        def images_through(weight):
            return image.reshape(4, 12) @ weight.reshape(2, 12).T
        run = exe.run(main, feed={"image": image}, fetch_list=[out])[0]
        np.testing.assert_allclose(run.reshape(4, 2), images_through(np.array(direction)), rtol=1e-4, atol=1e-5)
        new = np.arange(1, norms.size + 1, dtype="float32").reshape(norms.shape)
        lengths.set(new, paddle.CPUPlace())
        run = exe.run(main, feed={"image": image}, fetch_list=[out])[0]
        np.testing.assert_allclose(run.reshape(4, 2), images_through(np.array(direction) * new / norms), rtol=1e-4, atol=1e-5)


def test_one_name_is_one_parameter_and_options_go_to_both_halves():
    main, startup = paddle.static.Program(), paddle.static.Program()
    with paddle.utils.unique_name.guard(), paddle.static.program_guard(main, startup):
        attr = paddle.static.WeightNormParamAttr(1, name="w", learning_rate=0.5, trainable=False, need_clip=False)
        x = paddle.static.data("x", [None, 4])
        for _ in range(2):
            paddle.static.nn.fc(x, 3, weight_attr=attr, bias_attr=False)
    assert [(p.name, p.optimize_attr["learning_rate"], p.trainable, p.need_clip) for p in main.all_parameters()] == [
        ("w_g", 0.5, False, False), ("w_v", 0.5, False, False)]
    assert sum("w_v" in op.output_arg_names for op in startup.global_block().ops) == 1


def test_an_axis_that_the_parameter_does_not_have_is_refused():
    with pytest.raises(IndexError, match=r"dim 4 .*\[2, 3, 2, 2\].*from -4 to 3"):
        convolution(4)
