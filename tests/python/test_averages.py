"""Averages of parameters: what they are set to, and back."""
import numpy as np
import pytest

import skiff as paddle


def network(make, **attr):
    """Main and startup program of one weight that sgd moves by what is fed, and what `make` leaves."""
    main, startup = paddle.static.Program(), paddle.static.Program()
    with paddle.utils.unique_name.guard(), paddle.static.program_guard(main, startup):
        w = paddle.static.create_parameter([1], "float32", attr=paddle.ParamAttr("w", paddle.nn.initializer.Constant(1.0), **attr))
        loss = paddle.sum(w * paddle.static.data("gradient", [1], "float32"))
        return main, startup, make(loss)


def train(main, startup, exe, gradients):
    exe.run(startup)
    values = []
    for gradient in gradients:
        exe.run(main, feed={"gradient": np.array([gradient], "float32")})
        values.append(weight())
    return values


def weight():
    return float(np.array(paddle.static.global_scope().find_var("w").get_tensor()).item())


@pytest.fixture(autouse=True)
def scope():
    with paddle.static.scope_guard(paddle.static.Scope()):
        yield


def test_an_exponential_average_is_unbiased_and_parameters_come_back():
    def make(loss):
        paddle.optimizer.SGD(1.0).minimize(loss)
        average = paddle.static.ExponentialMovingAverage(0.5)
        average.update()
        return average
    main, startup, average = network(make)
    exe = paddle.static.Executor(paddle.CPUPlace())
    values = train(main, startup, exe, [1.0, -2.0, 4.0])
    assert values == [0.0, 2.0, -2.0]
    with average.apply(exe):
        assert weight() == pytest.approx((0.125 * 0.0 + 0.25 * 2.0 + 0.5 * -2.0) / 0.875)
    assert weight() == -2.0


def test_the_decay_of_an_exponential_average_may_follow_the_steps():
    def make(loss):
        paddle.optimizer.SGD(1.0).minimize(loss)
        average = paddle.static.ExponentialMovingAverage(0.999, thres_steps=paddle.full([1], 0.0))
        average.update()
        return average
    main, startup, average = network(make)
    exe = paddle.static.Executor(paddle.CPUPlace())
    assert train(main, startup, exe, [1.0, -2.0]) == [0.0, 2.0]
    with average.apply(exe, need_restore=False):
        pass
    assert weight() == pytest.approx(2.0 * 0.9 / (1 - 0.01))
    average.restore(exe)
    assert weight() == 2.0


def test_a_model_average_is_the_mean_of_its_window():
    def make(loss):
        paddle.optimizer.SGD(1.0).minimize(loss)
        return paddle.incubate.ModelAverage(0.5, min_average_window=10, max_average_window=20)
    main, startup, average = network(make)
    exe = paddle.static.Executor(paddle.CPUPlace())
    values = train(main, startup, exe, [1.0, -2.0, 4.0])
    with average.apply(exe):
        assert weight() == pytest.approx(np.mean(values))
    assert weight() == values[-1]
    with pytest.raises(RuntimeError, match="Executor"), average.apply():
        pass


@pytest.mark.parametrize("listed", [False, True])
def test_a_model_average_takes_all_parameters_but_those_that_say_no_and_those_that_are_listed(listed):
    def make(loss):
        paddle.optimizer.SGD(1.0).minimize(loss)
        parameters = loss.block.program.all_parameters()
        assert not parameters[0].do_model_average
        return paddle.incubate.ModelAverage(0.5, parameters if listed else None, min_average_window=10, max_average_window=20)
    main, startup, average = network(make, do_model_average=False)
    exe = paddle.static.Executor(paddle.CPUPlace())
    values = train(main, startup, exe, [1.0, -2.0])
    with average.apply(exe):
        assert weight() == (np.mean(values) if listed else values[-1])


def test_looking_ahead_moves_back_half_of_the_way_every_second_step():
    main, startup, _ = network(lambda loss: paddle.incubate.LookAhead(paddle.optimizer.SGD(1.0), alpha=0.5, k=2).minimize(loss))
    exe = paddle.static.Executor(paddle.CPUPlace())
    # the first step's weight, 0, is where it looks from; the second step would give 2
    assert train(main, startup, exe, [1.0, -2.0, 1.0, 4.0]) == [0.0, 1.0, 0.0, -1.5]


def test_merged_gradients_are_penalized_and_clipped_when_they_move_parameters():
    clip, decay = paddle.nn.ClipGradByValue(1.5), paddle.regularizer.L2Decay(0.25)
    main, startup, (updates, _) = network(lambda loss: paddle.incubate.optimizer.GradientMergeOptimizer(
        paddle.optimizer.SGD(1.0, weight_decay=decay, grad_clip=clip), k_steps=2).minimize(loss))
    assert [op.type for op in updates] == ["sgd"]
    exe = paddle.static.Executor(paddle.CPUPlace())
    # the mean, 3, is clipped to 1.5, then a quarter of the weight, 1, added
    assert train(main, startup, exe, [2.0, 4.0]) == pytest.approx([1.0, 1.0 - 1.5 - 0.25])


@pytest.mark.parametrize("avg, values", [(True, [1.0, 1.0, 0.0, 0.0]), (False, [1.0, 1.0, -2.0, -2.0])])
def test_merged_gradients_move_parameters_every_third_step(avg, values):
    main, startup, _ = network(lambda loss: paddle.incubate.optimizer.GradientMergeOptimizer(
        paddle.optimizer.SGD(1.0), k_steps=3, avg=avg).minimize(loss))
    exe = paddle.static.Executor(paddle.CPUPlace())
    assert train(main, startup, exe, [1.0, -2.0, 4.0, 5.0]) == pytest.approx(values)
