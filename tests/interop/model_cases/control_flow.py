"""Layers whose Python branches and loops over tensors become operators when they are saved."""
from . import Input, ids, model

STEPS = Input("steps", [1], "int64", 1, 6, batch=False)


@model(Input("x", [4]), STEPS, recorded=True)
def counted_loop(paddle):
    class Loop(paddle.nn.Layer):
        def __init__(self):
            super().__init__()
            self.linear = paddle.nn.Linear(4, 4)

        def forward(self, x, steps):
            i = paddle.zeros([1], "int64")
            while i < steps:
                x = paddle.tanh(self.linear(x)) + paddle.cast(i, "float32")
                i += 1
            return x, i

    return Loop()


@model(Input("x", [4], low=-2.0), recorded=True)
def branches(paddle):
    class Branches(paddle.nn.Layer):
        def __init__(self):
            super().__init__()
            self.first, self.second = paddle.nn.Linear(4, 4), paddle.nn.Linear(4, 4)

        def forward(self, x):
            total = paddle.sum(x)
            if total > 0:
                y = self.first(x)
            elif total > -3 and not paddle.max(x) > 0.9:
                y = self.second(x) * 2
            else:
                y = x - total
            if paddle.shape(x)[0] > 2:
                return paddle.nn.functional.relu(y)
            return y + 1

    return Branches()


@model(Input("x", [4]), recorded=True)
def written_gradient(paddle):
    """A function whose gradient its author wrote: pylayer in 2.6.2, a region of operations in 3.3.1."""
    class Doubled(paddle.autograd.PyLayer):
        @staticmethod
        def forward(ctx, x):
            y = paddle.tanh(x) * 2.0
            ctx.save_for_backward(y)
            return y

        @staticmethod
        def backward(ctx, gradient):
            y, = ctx.saved_tensor()
            return gradient * (2.0 - y * y / 2.0)

    class Net(paddle.nn.Layer):
        def __init__(self):
            super().__init__()
            self.linear, self.doubled = paddle.nn.Linear(4, 3), Doubled

        def forward(self, x):
            return self.linear(self.doubled.apply(x))

    return Net()


@model(Input("x", [5, 4], free=(0,)), recorded=True)
def stacked_steps(paddle):
    """A list that grows in a loop over the length of the input: an array of tensors."""
    class Stacked(paddle.nn.Layer):
        def __init__(self):
            super().__init__()
            self.cell = paddle.nn.GRUCell(4, 3)

        def forward(self, x):
            state = paddle.zeros([paddle.shape(x)[0], 3])
            states = []
            for step in range(paddle.shape(x)[1]):
                state = self.cell(x[:, step], state)[1]
                states.append(state)
            return paddle.stack(states, axis=1), state

    return Stacked()


@model(Input("x", [6, 3], free=(0,), batch=False), recorded=True)
def loop_with_breaks(paddle):
    class Breaks(paddle.nn.Layer):
        def forward(self, x):
            total, seen = paddle.zeros([3]), paddle.zeros([1], "int32")
            for row in x:
                if row[0] < -0.5:
                    continue
                total = total + row
                seen += 1
                if paddle.sum(paddle.abs(total)) > 2.5:
                    break
            return total, seen

    return Breaks()


@model(ids("start", 1, 20), STEPS, recorded=True)
def greedy_decoder(paddle):
    """One token after another, appended to what is there; sequences that ended repeat the end."""
    class Decoder(paddle.nn.Layer):
        def __init__(self):
            super().__init__()
            self.embedding, self.cell, self.output = paddle.nn.Embedding(20, 8), paddle.nn.LSTMCell(8, 8), paddle.nn.Linear(8, 20)

        def forward(self, start, steps):
            hidden = paddle.zeros([paddle.shape(start)[0], 8])
            cell = paddle.zeros_like(hidden)
            found, last = start, start[:, 0]
            ended = paddle.zeros([paddle.shape(start)[0]], "bool")
            i = paddle.zeros([1], "int64")
            while paddle.logical_and(i < steps * 2, paddle.logical_not(paddle.all(ended))):
                _, (hidden, cell) = self.cell(self.embedding(last), (hidden, cell))
                last = paddle.argmax(self.output(hidden * 3.0), axis=-1)
                last = paddle.where(ended, paddle.full_like(last, 2), last)
                ended = paddle.logical_or(ended, last == 2)
                found = paddle.concat([found, last.unsqueeze(1)], axis=1)
                i += 1
            return found, ended

    return Decoder()


@model(Input("state", [8]), recorded=True)
def beam_search(paddle):
    """Three beams for four steps: the best of all continuations, then the paths by gather_tree."""
    class Beams(paddle.nn.Layer):
        def __init__(self):
            super().__init__()
            self.embedding, self.cell, self.output = paddle.nn.Embedding(12, 8), paddle.nn.GRUCell(8, 8), paddle.nn.Linear(8, 12)

        def forward(self, state):
            batch = paddle.shape(state)[0]
            state = paddle.reshape(paddle.expand(state.unsqueeze(1), [batch, 3, 8]), [-1, 8])
            scores = paddle.tile(paddle.to_tensor([[0.0, -1e9, -1e9]]), [batch, 1])
            tokens, ids, parents = paddle.zeros([batch, 3], "int64"), [], []
            first = paddle.arange(0, batch, dtype="int64").unsqueeze(1) * 3
            for _ in range(4):
                state = self.cell(self.embedding(paddle.reshape(tokens, [-1])), state)[1]
                gained = paddle.reshape(paddle.nn.functional.log_softmax(self.output(state * 4.0)), [batch, 3, 12])
                scores, best = paddle.topk(paddle.reshape(scores.unsqueeze(2) + gained, [batch, 36]), 3)
                tokens, parent = best % 12, best // 12
                state = paddle.index_select(state, paddle.reshape(parent + first, [-1]))
                ids.append(tokens)
                parents.append(parent)
            return paddle.nn.functional.gather_tree(paddle.stack(ids), paddle.stack(parents)), scores

    return Beams()


@model(Input("x", [4, 3], free=(0,)), recorded=True)
def functions_of_control_flow(paddle):
    """cond, switch_case and while_loop called by name, with structures that they return."""
    class Functions(paddle.nn.Layer):
        def forward(self, x):
            static = paddle.static.nn
            first, second = static.cond(paddle.mean(x) > 0, lambda: (x + 1, {"twice": x * 2}), lambda: (x - 1, {"twice": x * 4}))
            chosen = static.switch_case(paddle.shape(x)[0] % 2, {0: lambda: paddle.exp(x), 1: lambda: paddle.sin(x)}, lambda: x)
            i = paddle.zeros([1], "int32")
            _, summed = static.while_loop(lambda i, s: paddle.all(i < paddle.shape(x)[1]), lambda i, s: [i + 1, s + x[:, 0] * paddle.cast(i, "float32")], [i, x[:, 0]])
            return first, second["twice"], chosen, summed

    return Functions()


@model(Input("x", [4], low=0.1), recorded=True)
def asserted(paddle):
    """Asserts and prints become operators."""
    class Asserted(paddle.nn.Layer):
        def forward(self, x):
            assert paddle.all(x > 0)
            if paddle.mean(x) < -1:
                print(x)
            return paddle.sqrt(x)

    return Asserted()
