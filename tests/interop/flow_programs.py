"""Static programs with branches, loops and tensor arrays, forward and gradients.

Each builder takes the framework and gives the names to fetch: results first, then gradients. FEEDS has
the inputs of every run of a program.
"""
import numpy as np

PROGRAMS, FEEDS = {}, {}


def program(name, *feeds):
    def register(builder):
        assert name not in PROGRAMS, name
        PROGRAMS[name], FEEDS[name] = builder, list(feeds)
        return builder
    return register


def values(*shape, seed=0, scale=1.0):
    return (np.random.RandomState(seed).uniform(-1, 1, shape) * scale).astype("float32")


def names(*variables):
    return [v if isinstance(v, str) else v.name for v in variables]


def parameter_gradients(paddle, loss):
    return [grad for _, grad in paddle.static.append_backward(loss)]


@program("while_count", {"n": np.array([7], "int64")}, {"n": np.array([0], "int64")})
def while_count(paddle):
    n = paddle.static.data("n", [1], "int64")
    i = paddle.full([1], 0, "int64")
    total = paddle.full([1], 0.5, "float32")

    def body(i, total):
        return i + 1, total * 2.0
    i, total = paddle.static.nn.while_loop(lambda i, total: i < n, body, [i, total])
    return names(i, total)


@program("while_gradient", {"x": values(3, 4)}, {"x": values(2, 4, seed=1)})
def while_gradient(paddle):
    x = paddle.static.data("x", [None, 4], "float32")
    x.stop_gradient = False
    i, steps = paddle.full([1], 0, "int64"), paddle.full([1], 3, "int64")
    h = paddle.static.nn.fc(x, 4)

    def body(i, h):
        return i + 1, paddle.tanh(paddle.static.nn.fc(h, 4, weight_attr=paddle.ParamAttr(name="shared_w"), bias_attr=False)) + x
    i, h = paddle.static.nn.while_loop(lambda i, h: i < steps, body, [i, h])
    loss = paddle.mean(h * h)
    return names(loss, h, *parameter_gradients(paddle, loss), "x@GRAD")


@program("cond_gradient", {"x": values(2, 3)}, {"x": -np.abs(values(2, 3)) - 1}, {"x": np.abs(values(4, 3)) + 1})
def cond_gradient(paddle):
    x = paddle.static.data("x", [None, 3], "float32")
    x.stop_gradient = False
    w = paddle.static.create_parameter([3], "float32", name="w")
    out = paddle.static.nn.cond(paddle.mean(x) > 0, lambda: x * w, lambda: paddle.exp(x) - w)
    loss = paddle.mean(out)
    return names(loss, out, *parameter_gradients(paddle, loss), "x@GRAD")


@program("cond_nested", *({"x": np.array(v, "float32")} for v in ([[-3.0, 1]], [[1.0, 2]], [[8.0, 3]])))
def cond_nested(paddle):
    x = paddle.static.data("x", [1, 2], "float32")
    x.stop_gradient = False
    total = paddle.sum(x)

    def inner():
        return paddle.static.nn.cond(total > 5.0, lambda: x * x, lambda: x * 3.0 + total)
    out = paddle.static.nn.cond(total > 0.0, inner, lambda: paddle.static.nn.fc(x, 2))
    loss = paddle.sum(out * out)
    return names(loss, out, *parameter_gradients(paddle, loss), "x@GRAD")


@program("cond_structures", {"p": np.array([True])}, {"p": np.array([False])})
def cond_structures(paddle):
    p = paddle.static.data("p", [1], "bool")
    x = paddle.full([2], 3.0)

    def yes():
        return [x + 1.0, {"a": x * 2.0, "b": (paddle.full([1], 1, "int64"),)}]

    def no():
        return [x - 1.0, {"a": x / 2.0, "b": (paddle.full([3], 2, "int64"),)}]
    first, rest = paddle.static.nn.cond(p, yes, no)
    return names(first, rest["a"], rest["b"][0])


@program("case", *({"x": np.array([v], "float32")} for v in (0.1, 0.5, 0.9)))
def case(paddle):
    x = paddle.static.data("x", [1], "float32")
    x.stop_gradient = False
    out = paddle.static.nn.case([(x < 0.3, lambda: x * 2.0), (x < 0.6, lambda: x * x)], default=lambda: paddle.exp(x))
    loss = paddle.sum(out)
    paddle.static.append_backward(loss)
    return names(out, "x@GRAD")


@program("switch_case", *({"k": np.array([v], "int32"), "x": values(2, 2)} for v in (0, 1, 3, 7)))
def switch_case(paddle):
    k = paddle.static.data("k", [1], "int32")
    x = paddle.static.data("x", [2, 2], "float32")
    x.stop_gradient = False
    out = paddle.static.nn.switch_case(k, {0: lambda: x + 1.0, 1: lambda: x * 2.0, 3: lambda: paddle.tanh(x)})
    loss = paddle.sum(out)
    paddle.static.append_backward(loss)
    return names(out, "x@GRAD")


@program("array_written", {"x": values(2, 3), "n": np.array([4], "int64")}, {"x": values(2, 3, seed=3), "n": np.array([1], "int64")})
def array_written(paddle):
    """A loop writes an array; its entries are stacked and summed."""
    x = paddle.static.data("x", [2, 3], "float32")
    x.stop_gradient = False
    n = paddle.static.data("n", [1], "int64")
    i = paddle.full([1], 0, "int64")
    array = paddle.tensor.array_write(x, i)
    h = paddle.tanh(x)

    def body(i, h, array):
        grown = paddle.tanh(h) * 2.0
        paddle.tensor.array_write(grown, i + 1, array=array)
        return i + 1, grown, array
    i, h, array = paddle.static.nn.while_loop(lambda i, h, array: i < n, body, [i, h, array])
    length = paddle.tensor.array_length(array)
    stacked, _ = paddle.tensor.manipulation.tensor_array_to_tensor(array, axis=0, use_stack=True)
    loss = paddle.mean(paddle.sum(stacked, axis=0) * h)
    paddle.static.append_backward(loss)
    return names(loss, stacked, length, "x@GRAD")


@program("array_read", {"x": values(2, 3)}, {"x": values(2, 3, seed=5)})
def array_read(paddle):
    """Entries written before a loop are read and added up in it."""
    x = paddle.static.data("x", [2, 3], "float32")
    x.stop_gradient = False
    array = paddle.tensor.create_array("float32")
    for k in range(3):
        array = paddle.tensor.array_write(x * float(k + 1), paddle.full([1], k, "int64"), array=array)
    n = paddle.tensor.array_length(array)
    i = paddle.full([1], 0, "int64")
    total = paddle.zeros([2, 3], "float32")
    total.stop_gradient = False

    def body(i, total):
        entry = paddle.tensor.array_read(array, i)
        return i + 1, total + entry * entry
    i, total = paddle.static.nn.while_loop(lambda i, total: i < n, body, [i, total])
    loss = paddle.mean(total)
    paddle.static.append_backward(loss)
    return names(loss, total, "x@GRAD")


@program("rnn", {"x": values(2, 5, 3)}, {"x": values(3, 2, 3, seed=2)})
def rnn(paddle):
    x = paddle.static.data("x", [None, None, 3], "float32")
    x.stop_gradient = False
    out, state = paddle.nn.RNN(paddle.nn.SimpleRNNCell(3, 4))(x)
    loss = paddle.mean(out * out) + paddle.sum(state)
    return names(loss, out, state, *parameter_gradients(paddle, loss), "x@GRAD")


@program("while_with_cond", {"x": values(1, 4)}, {"x": values(1, 4, seed=7, scale=3.0)})
def while_with_cond(paddle):
    """Paddle 2.6.2 loses gradients of a branch inside a loop, so that only the program and its results are compared."""
    x = paddle.static.data("x", [1, 4], "float32")
    x.stop_gradient = False
    w = paddle.static.create_parameter([4, 4], "float32", name="w")
    i, steps = paddle.full([1], 0, "int64"), paddle.full([1], 4, "int64")

    def body(i, h):
        grown = paddle.static.nn.cond(paddle.sum(h) > 0.5, lambda: paddle.matmul(h, w), lambda: h * 2.0 + x)
        return i + 1, grown
    i, h = paddle.static.nn.while_loop(lambda i, h: i < steps, body, [i, paddle.assign(x)])
    loss = paddle.mean(paddle.tanh(h))
    paddle.static.append_backward(loss)
    return names(loss, h)


@program("while_nested", {"x": values(2, 2)})
def while_nested(paddle):
    x = paddle.static.data("x", [2, 2], "float32")
    x.stop_gradient = False
    w = paddle.static.create_parameter([2, 2], "float32", name="w")
    i, two, three = (paddle.full([1], k, "int64") for k in (0, 2, 3))

    def outer(i, h):
        def inner(j, g):
            return j + 1, paddle.tanh(paddle.matmul(g, w))
        j, g = paddle.static.nn.while_loop(lambda j, g: j < three, inner, [paddle.full([1], 0, "int64"), paddle.assign(h)])
        return i + 1, g + h
    i, h = paddle.static.nn.while_loop(lambda i, h: i < two, outer, [i, paddle.assign(x)])
    loss = paddle.mean(h)
    return names(loss, h, *parameter_gradients(paddle, loss), "x@GRAD")


@program("while_sgd", {"x": values(4, 2), "y": values(4, 1, seed=9)}, {"x": values(4, 2, seed=1), "y": values(4, 1, seed=8)})
def while_sgd(paddle):
    """Parameters move with every run."""
    x = paddle.static.data("x", [4, 2], "float32")
    y = paddle.static.data("y", [4, 1], "float32")
    i, steps = paddle.full([1], 0, "int64"), paddle.full([1], 2, "int64")
    h = paddle.static.nn.fc(x, 3)

    def body(i, h):
        return i + 1, paddle.static.nn.fc(h, 3, activation="tanh", weight_attr=paddle.ParamAttr(name="loop_w"))
    i, h = paddle.static.nn.while_loop(lambda i, h: i < steps, body, [i, h])
    loss = paddle.mean(paddle.square(paddle.static.nn.fc(h, 1) - y))
    paddle.optimizer.SGD(0.5).minimize(loss)
    return names(loss, "loop_w", "fc_0.w_0")


@program("static_pylayer", {"x": values(2, 3)})
def static_pylayer(paddle):
    x = paddle.static.data("x", [2, 3], "float32")
    x.stop_gradient = False
    out = paddle.static.nn.static_pylayer(lambda a: paddle.tanh(a) * 2.0, [x], lambda d: d * 3.0)
    loss = paddle.mean(out)
    paddle.static.append_backward(loss)
    return names(out, "x@GRAD")


@program("cond_writes_outer", {"p": np.array([True])}, {"p": np.array([False])})
def cond_writes_outer(paddle):
    """A branch without a result overwrites a variable of the block above."""
    p = paddle.static.data("p", [1], "bool")
    kept = paddle.full([2], 1.0)

    def overwrite():
        paddle.assign(paddle.full([2], 5.0), kept)
    paddle.static.nn.cond(p, overwrite, None)
    return names(kept * 1.0)
