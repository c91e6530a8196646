"""Recurrent layers and their cells, inside static programs. Source: paddle.nn.layer.rnn."""
from .. import _core
from .._core import layer
from .initializer import Constant, Uniform
from .layers import Layer

__all__ = ["GRU", "GRUCell", "LSTM", "LSTMCell", "SimpleRNN", "SimpleRNNCell"]


class _Cell(Layer):
    """Weights of input and hidden state, [gates * hidden, width] each, and their biases."""

    _gates = 1

    def __init__(self, input_size, hidden_size, weight_ih_attr=None, weight_hh_attr=None, bias_ih_attr=None, bias_hh_attr=None,
                 name=None):
        super().__init__()
        if hidden_size <= 0:
            raise ValueError(f"hidden_size of {type(self).__name__} must be greater than 0, but now equals to {hidden_size}")
        self.input_size, self.hidden_size = input_size, hidden_size
        rows, bound = self._gates * hidden_size, hidden_size ** -0.5
        self.weight_ih = self._weight([rows, input_size], weight_ih_attr, bound)
        self.weight_hh = self._weight([rows, hidden_size], weight_hh_attr, bound)
        self.bias_ih = self._weight([rows], bias_ih_attr, bound, is_bias=True)
        self.bias_hh = self._weight([rows], bias_hh_attr, bound, is_bias=True)

    def _weight(self, shape, attr, bound, is_bias=False):
        if attr is not False:
            return self.create_parameter(shape, attr, is_bias=is_bias, default_initializer=Uniform(-bound, bound))
        weight = self.create_parameter(shape, None, is_bias=is_bias, default_initializer=Constant(0.0 if is_bias else 1.0))
        weight.stop_gradient = True
        return weight

    def _zeros(self, inputs):
        from ..tensor import full
        return full([_extent(inputs, 0), self.hidden_size], 0.0, inputs.dtype)

    def _products(self, inputs, hidden):
        from ..tensor import matmul
        from_input = matmul(inputs, self.weight_ih, transpose_y=True) + self.bias_ih
        return from_input, lambda: matmul(hidden, self.weight_hh, transpose_y=True)


def _extent(x, axis):
    """An extent, as a number where it is known."""
    from ..tensor import shape
    return x.shape[axis] if x.shape[axis] > 0 else shape(x)[axis]


class SimpleRNNCell(_Cell):
    """h = activation(W x + b + U h + c).

    Args:
        input_size, hidden_size (int): widths.
        activation (str): "tanh" or "relu".

    Source: paddle.nn.SimpleRNNCell.
    """

    def __init__(self, input_size, hidden_size, activation="tanh", weight_ih_attr=None, weight_hh_attr=None, bias_ih_attr=None,
                 bias_hh_attr=None, name=None):
        if activation not in ("tanh", "relu"):
            raise ValueError(f"activation for SimpleRNNCell should be tanh or relu, but get {activation}")
        super().__init__(input_size, hidden_size, weight_ih_attr, weight_hh_attr, bias_ih_attr, bias_hh_attr)
        self.activation = activation

    def forward(self, inputs, states=None):
        from . import functional as F  # noqa: N812
        hidden = self._zeros(inputs) if states is None else states
        from_input, from_hidden = self._products(inputs, hidden)
        hidden = getattr(F, self.activation)(from_input + (from_hidden() + self.bias_hh))
        return hidden, hidden


class LSTMCell(_Cell):
    """One step of an LSTM: gates i, f, c, o. Returns (h, (h, c)). Source: paddle.nn.LSTMCell."""

    _gates = 4

    def forward(self, inputs, states=None):
        from ..tensor import split
        from . import functional as F  # noqa: N812
        hidden, cell = (self._zeros(inputs), self._zeros(inputs)) if states is None else states
        from_input, from_hidden = self._products(inputs, hidden)
        gates = split(from_input + from_hidden() + self.bias_hh, 4, -1)
        i, f, o = F.sigmoid(gates[0]), F.sigmoid(gates[1]), F.sigmoid(gates[3])
        cell = f * cell + i * F.tanh(gates[2])
        hidden = o * F.tanh(cell)
        return hidden, (hidden, cell)


class GRUCell(_Cell):
    """One step of a GRU: gates r, z, c. Returns (h, h). Source: paddle.nn.GRUCell."""

    _gates = 3

    def forward(self, inputs, states=None):
        from ..tensor import split
        from . import functional as F  # noqa: N812
        hidden = self._zeros(inputs) if states is None else states
        from_input, from_hidden = self._products(inputs, hidden)
        x, h = split(from_input, 3, 1), split(from_hidden() + self.bias_hh, 3, 1)
        r, z = F.sigmoid(x[0] + h[0]), F.sigmoid(x[1] + h[1])
        c = F.tanh(x[2] + r * h[2])
        hidden = (hidden - c) * z + c
        return hidden, hidden


class _Layers(Layer):
    """Layers of one kind of cell over whole sequences: one operator `rnn`."""

    def __init__(self, mode, cell, input_size, hidden_size, num_layers, direction, time_major, dropout, attrs):
        super().__init__()
        if direction not in ("forward", "bidirect", "bidirectional"):
            raise ValueError(f"direction should be forward or bidirect (or bidirectional), received direction = {direction}")
        self.mode, self.input_size, self.hidden_size = mode, input_size, hidden_size
        self.num_layers, self.time_major, self.dropout = num_layers, time_major, dropout
        self.num_directions = 1 if direction == "forward" else 2
        self._cells, weights, biases = [], [], []
        for i in range(num_layers):
            width = input_size if i == 0 else hidden_size * self.num_directions
            for d in range(self.num_directions):
                made = cell(width, hidden_size, **attrs)
                self._cells.append(made)
                weights += [made.weight_ih, made.weight_hh]
                biases += [made.bias_ih, made.bias_hh]
                for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
                    setattr(self, f"{name}_l{i}" + ("_reverse" if d else ""), getattr(made, name))
        self._weights = weights + biases
        self._flatten()

    def _flatten(self):
        """Paddle keeps all weights in one block of memory, which a parameter stands for."""
        size = 0
        for weight in self._weights:
            count = 1
            for extent in weight.shape:
                count *= extent
            size += count
        self._flat_weight = [self.create_parameter([size], default_initializer=Constant(0.0))]
        names = [weight.name for weight in self._weights]
        _core.default_startup_program().global_block().append_op(
            type="coalesce_tensor", inputs={"Input": names}, outputs={"Output": names, "FusedOutput": [self._flat_weight[0].name]},
            attrs={"copy_data": True, "use_align": False, "dtype": int(self._weights[0].dtype)})

    def forward(self, inputs, initial_states=None, sequence_length=None):
        """Runs the layers.

        Args:
            inputs (Variable): [batch, time, input], or [time, batch, input] with time_major.
            initial_states: [layers * directions, batch, hidden], for an LSTM two of them; zeros where None.
            sequence_length (Variable): [batch]; steps behind give zeros.

        Returns:
            (Variable, states): [batch, time, directions * hidden], and the last states as initial_states.
        """
        from ..tensor import full, transpose
        count = 2 if self.mode == "LSTM" else 1
        if initial_states is None:
            shape = [self.num_layers * self.num_directions, _extent(inputs, 1 if self.time_major else 0), self.hidden_size]
            initial_states = [full(shape, 0, inputs.dtype) for _ in range(count)]
        elif not isinstance(initial_states, (list, tuple)):
            initial_states = [initial_states]
        x = inputs if self.time_major else transpose(inputs, [1, 0, 2])
        helper, block = self._helper, _core.default_main_program().current_block()
        out = helper.create_temporary(x.dtype)
        states = [helper.create_temporary(x.dtype) for _ in range(count)]
        reserve = helper.create_temporary("uint8", True)
        dropout_state = block.create_var(name=f"{helper.name}.dropout_state__non_persistable", dtype="uint8")
        slots = {"Input": x, "WeightList": self._weights, "PreState": list(initial_states)}
        if sequence_length is not None:
            slots["SequenceLength"] = sequence_length
        block.append_op(
            type="rnn", inputs=slots, outputs={"Out": out, "State": states, "Reserve": reserve, "DropoutState": dropout_state},
            attrs={"dropout_prob": self.dropout, "is_bidirec": self.num_directions == 2, "input_size": self.input_size,
                   "hidden_size": self.hidden_size, "num_layers": self.num_layers, "mode": self.mode, "is_test": not self.training})
        out = out if self.time_major else transpose(out, [1, 0, 2])
        return out, tuple(states) if count > 1 else states[0]


def _layers(name, mode, cell, doc):
    def __init__(self, input_size, hidden_size, num_layers=1, direction="forward", time_major=False, dropout=0.0,
                 weight_ih_attr=None, weight_hh_attr=None, bias_ih_attr=None, bias_hh_attr=None, name=None):
        attrs = {"weight_ih_attr": weight_ih_attr, "weight_hh_attr": weight_hh_attr, "bias_ih_attr": bias_ih_attr,
                 "bias_hh_attr": bias_hh_attr}
        _Layers.__init__(self, mode, cell, input_size, hidden_size, num_layers, direction, time_major, dropout, attrs)
    return type(name, (_Layers,), {"__init__": __init__, "__doc__": doc, "__module__": __name__})


LSTM = _layers("LSTM", "LSTM", LSTMCell, "Long short-term memory over sequences. Source: paddle.nn.LSTM.")
GRU = _layers("GRU", "GRU", GRUCell, "Gated recurrent units over sequences. Source: paddle.nn.GRU.")


class SimpleRNN(_Layers):
    """Plain recurrent layers, of "tanh" or "relu", over sequences. Source: paddle.nn.SimpleRNN."""

    def __init__(self, input_size, hidden_size, num_layers=1, direction="forward", time_major=False, dropout=0.0,
                 activation="tanh", weight_ih_attr=None, weight_hh_attr=None, bias_ih_attr=None, bias_hh_attr=None, name=None):
        if activation not in ("tanh", "relu"):
            raise ValueError(f"Unknown activation '{activation}'")
        attrs = {"weight_ih_attr": weight_ih_attr, "weight_hh_attr": weight_hh_attr, "bias_ih_attr": bias_ih_attr,
                 "bias_hh_attr": bias_hh_attr, "activation": activation}
        super().__init__("RNN_" + activation.upper(), SimpleRNNCell, input_size, hidden_size, num_layers, direction, time_major,
                         dropout, attrs)
