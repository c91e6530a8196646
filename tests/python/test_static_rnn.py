"""static.nn.StaticRNN: a loop over the steps of sequences."""
import numpy as np
import pytest

import skiff as paddle

STEPS, BATCH, WIDTH, UNITS = 4, 3, 2, 5


def network(reverse=False, init=False):
    """Main and startup program of a loop of tanh(fc([word, before])), its output and the parameters' gradients."""
    main, startup = paddle.static.Program(), paddle.static.Program()
    with paddle.utils.unique_name.guard(), paddle.static.program_guard(main, startup):
        words = paddle.static.data("words", [STEPS, None, WIDTH])
        words.stop_gradient = False
        start = paddle.static.data("start", [None, UNITS]) if init else None
        rnn = paddle.static.nn.StaticRNN(reverse=reverse)
        with rnn.step():
            word = rnn.step_input(words)
            before = rnn.memory(init=start) if init else rnn.memory(shape=[-1, UNITS], batch_ref=word, init_value=0.5)
            now = paddle.static.nn.fc([word, before], UNITS, activation="tanh", bias_attr=False)
            rnn.update_memory(before, now)
            rnn.output(now, paddle.sum(word, axis=-1))
        states, sums = rnn()
        loss = paddle.sum(states * states) + paddle.sum(sums)
        gradients = [gradient for _, gradient in paddle.static.append_backward(loss)]
        return main, startup, states, sums, loss, gradients


def states_of(words, start, w, u, reverse):
    state, states = start, [None] * len(words)
    for t in reversed(range(len(words))) if reverse else range(len(words)):
        state = states[t] = np.tanh(words[t] @ w + state @ u)
    return np.stack(states)


@pytest.mark.parametrize("init", [False, True])
@pytest.mark.parametrize("reverse", [False, True])
def test_states_and_gradients_are_those_of_the_unrolled_loop(reverse, init):
    main, startup, states, sums, loss, gradients = network(reverse, init)
    exe, random = paddle.static.Executor(paddle.CPUPlace()), np.random.RandomState(0)
    words = random.uniform(-1, 1, (STEPS, BATCH, WIDTH)).astype("float32")
    start = random.uniform(-1, 1, (BATCH, UNITS)).astype("float32") if init else np.full((BATCH, UNITS), 0.5, "float32")
    feed = {"words": words, "start": start} if init else {"words": words}
    with paddle.static.scope_guard(paddle.static.Scope()):
        exe.run(startup)
        weights = [np.array(paddle.static.global_scope().find_var(p.name).get_tensor()) for p in main.all_parameters()]
        got = exe.run(main, feed=feed, fetch_list=[states, sums, loss, "words@GRAD", *gradients])
    np.testing.assert_allclose(got[0], states_of(words, start, *weights, reverse), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(got[1], words.sum(-1), rtol=1e-6)

    def loss_of(*arrays):
        return np.square(states_of(arrays[0], start.astype("float64"), *arrays[1:], reverse)).sum() + arrays[0].sum()
    arrays = [words.astype("float64"), *(w.astype("float64") for w in weights)]
    for which, gradient in enumerate(got[3:]):
        for index in np.ndindex(gradient.shape):
            ends = []
            for step in (1e-5, -1e-5):
                moved = [array.copy() for array in arrays]
                moved[which][index] += step
                ends.append(loss_of(*moved))
            assert gradient[index] == pytest.approx((ends[0] - ends[1]) / 2e-5, rel=1e-3, abs=1e-4)


def test_it_trains():
    main, startup = paddle.static.Program(), paddle.static.Program()
    with paddle.utils.unique_name.guard(), paddle.static.program_guard(main, startup):
        words, target = paddle.static.data("words", [STEPS, None, WIDTH]), paddle.static.data("target", [STEPS, None, 1])
        rnn = paddle.static.nn.StaticRNN()
        with rnn.step():
            word = rnn.step_input(words)
            before = rnn.memory(shape=[-1, 8], batch_ref=word)
            now = paddle.static.nn.fc([word, before], 8, activation="tanh")
            rnn.update_memory(before, now)
            rnn.step_output(paddle.static.nn.fc(now, 1))
        loss = paddle.nn.functional.mse_loss(rnn(), target)
        paddle.optimizer.Adam(0.02).minimize(loss)
    exe, random, losses = paddle.static.Executor(paddle.CPUPlace()), np.random.RandomState(0), []
    paddle.seed(1)
    with paddle.static.scope_guard(paddle.static.Scope()):
        exe.run(startup)
        for _ in range(300):
            words = random.uniform(-1, 1, (STEPS, 16, WIDTH)).astype("float32")
            target = np.cumsum(words.sum(-1, keepdims=True), axis=0) / 4
            losses.append(float(exe.run(main, feed={"words": words, "target": target}, fetch_list=[loss])[0]))
    assert np.mean(losses[-20:]) < 0.1 * np.mean(losses[:5])  # the sum of what came before needs a memory


def test_a_saved_loop_gives_what_the_program_gives(tmp_path):
    main, startup, states, *_ = network()
    words = np.random.RandomState(0).uniform(-1, 1, (STEPS, BATCH, WIDTH)).astype("float32")
    exe, path = paddle.static.Executor(paddle.CPUPlace()), str(tmp_path / "loop")
    with paddle.static.scope_guard(paddle.static.Scope()):
        exe.run(startup)
        wanted = exe.run(main, feed={"words": words}, fetch_list=[states])[0]
        paddle.static.save_inference_model(path, [main.global_block().var("words")], [states], exe, program=main)
    with paddle.static.scope_guard(paddle.static.Scope()):
        program, _, fetches = paddle.static.load_inference_model(path, exe)
        np.testing.assert_array_equal(exe.run(program, feed={"words": words}, fetch_list=fetches)[0], wanted)
    predictor = paddle.inference.Predictor(path)
    np.testing.assert_allclose(predictor.run([words])[0], wanted, rtol=1e-6)


def test_mistakes_are_told_and_leave_the_program_as_it_was():
    main = paddle.static.Program()
    with paddle.static.program_guard(main, paddle.static.Program()):
        words = paddle.static.data("words", [STEPS, None, WIDTH])
        rnn = paddle.static.nn.StaticRNN()
        with pytest.raises(RuntimeError, match="belongs into"):
            rnn.step_input(words)
        with pytest.raises(RuntimeError, match="no output"), rnn.step():
            rnn.step_input(words)
        with pytest.raises(ValueError, match="shape and batch_ref"), rnn.step():
            rnn.memory()
        with pytest.raises(ValueError, match="same number of steps"), rnn.step():
            rnn.step_input(words)
            rnn.step_input(paddle.static.data("others", [STEPS + 1, None, WIDTH]))
        assert main.num_blocks == 1
