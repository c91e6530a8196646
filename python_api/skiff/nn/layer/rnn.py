"""Recurrent layers and their cells, inside static programs. Source: paddle.nn.layer.rnn."""
from ... import _core
from ...framework import get_default_dtype
from ...static import _structure
from .. import functional as F  # noqa: N812
from ..initializer import Constant, Uniform
from .container import LayerList
from .layers import Layer

__all__ = ["BiRNN", "GRU", "GRUCell", "LSTM", "LSTMCell", "RNN", "RNNCellBase", "SimpleRNN", "SimpleRNNCell", "birnn", "rnn"]


def _extent(x, axis):
    """An extent, as a number where it is known."""
    from ...tensor import shape
    return x.shape[axis] if x.shape[axis] > 0 else shape(x)[axis]


class RNNCellBase(Layer):
    """What all cells are: `forward(inputs, states)` gives (outputs, new states).

    A cell of one's own has a property `state_shape`: a shape without the batch, or shapes in lists, tuples and dicts.

    Source: paddle.nn.RNNCellBase.
    """

    def get_initial_states(self, batch_ref, shape=None, dtype=None, init_value=0.0, batch_dim_idx=0):
        """States at the start.

        Args:
            batch_ref (Variable): has the batch, as its axis batch_dim_idx.
            shape: of the states, without the batch or with -1 there; state_shape where None.
            dtype: of the states, one or each; state_dtype, or the default one, where None.
            init_value (float): their elements.

        Returns:
            nested as shape.

        Source: RNNCellBase.get_initial_states.
        """
        from ...tensor import full
        batch_ref = _structure.flatten(batch_ref)[0]
        shapes = _Shapes.of(self.state_shape if shape is None else shape)
        if dtype is None:
            try:
                dtype = self.state_dtype
            except NotImplementedError:
                dtype = get_default_dtype()
        dtypes = _structure.flatten(dtype)
        leaves = _structure.flatten(shapes)
        dtypes = dtypes * len(leaves) if len(dtypes) == 1 else dtypes
        batches = [_extent(batch_ref, batch_dim_idx) for _ in leaves]
        made = [full([batch, *leaf.extents], init_value, dtype) for batch, leaf, dtype in zip(batches, leaves, dtypes)]
        return _structure.pack_as(shapes, made)

    @property
    def state_shape(self):
        """Shape of the states, without the batch."""
        raise NotImplementedError("Please add implementaion for `state_shape` in the used cell.")

    @property
    def state_dtype(self):
        """Dtype of the states."""
        raise NotImplementedError("Please add implementaion for `state_dtype` in the used cell.")


class _Shapes:
    """A shape as one leaf, though it is a list of numbers."""

    def __init__(self, shape):
        self.extents = list(shape[1:] if shape[0] == -1 else shape)

    @staticmethod
    def of(nested):
        """The same nesting with a leaf for each shape."""
        if isinstance(nested, dict):
            return {key: _Shapes.of(value) for key, value in nested.items()}
        if all(isinstance(extent, int) for extent in nested):
            return _Shapes(nested)
        return type(nested)(_Shapes.of(part) for part in nested)


class _Cell(RNNCellBase):
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

    @property
    def state_shape(self):
        """[hidden_size]."""
        return (self.hidden_size,)

    def _products(self, inputs, hidden):
        from ...tensor import matmul
        from_input = matmul(inputs, self.weight_ih, transpose_y=True) + self.bias_ih
        return from_input, lambda: matmul(hidden, self.weight_hh, transpose_y=True)

    def extra_repr(self):
        """Widths."""
        return f"{self.input_size}, {self.hidden_size}"


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
        hidden = self.get_initial_states(inputs, self.state_shape) if states is None else states
        from_input, from_hidden = self._products(inputs, hidden)
        hidden = getattr(F, self.activation)(from_input + (from_hidden() + self.bias_hh))
        return hidden, hidden


class LSTMCell(_Cell):
    """One step of an LSTM: gates i, f, c, o. Returns (h, (h, c)). Source: paddle.nn.LSTMCell."""

    _gates = 4

    @property
    def state_shape(self):
        """[hidden_size] twice: hidden state and cell."""
        return ((self.hidden_size,), (self.hidden_size,))

    def forward(self, inputs, states=None):
        from ...tensor import split
        hidden, cell = self.get_initial_states(inputs, self.state_shape) if states is None else states
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
        from ...tensor import split
        hidden = self.get_initial_states(inputs, self.state_shape) if states is None else states
        from_input, from_hidden = self._products(inputs, hidden)
        gates = from_hidden() + self.bias_hh
        x, h = split(from_input, 3, 1), split(gates, 3, 1)
        r, z = F.sigmoid(x[0] + h[0]), F.sigmoid(x[1] + h[1])
        c = F.tanh(x[2] + r * h[2])
        hidden = (hidden - c) * z + c
        return hidden, hidden


def rnn(cell, inputs, initial_states=None, sequence_length=None, time_major=False, is_reverse=False, **kwargs):
    """Runs a cell over sequences, in a loop of the program.

    Args:
        cell (RNNCellBase): called with the inputs of a step, the states and kwargs; one variable comes out.
        inputs (Variable): [batch, time, ...], or [time, batch, ...] with time_major.
        initial_states: nested as the cell's; get_initial_states where None.
        sequence_length (Variable): [batch]; states stay as they are behind it.
        time_major (bool): see inputs.
        is_reverse (bool): from the last step to the first.

    Returns:
        (Variable, states): the outputs of all steps, laid out as inputs, and the last states.

    Source: paddle.nn.layer.rnn.rnn.
    """
    from ...static.control_flow import While
    from ...tensor import (array_read, array_write, assign, cast, create_array, increment, less_than, shape, transpose, unsqueeze,
                           zeros)
    from ...tensor.array import tensor_array_to_tensor
    if initial_states is None:
        initial_states = cell.get_initial_states(inputs, batch_dim_idx=1 if time_major else 0)
    states = _structure.flatten(initial_states)
    for state in states:
        state.stop_gradient = False
    if not time_major:
        inputs = _batch_and_time(inputs)
    steps = shape(inputs)[0]
    mask = None
    if sequence_length is not None:
        mask = transpose(F.sequence_mask(sequence_length, steps, states[0].dtype), [1, 0])
    if is_reverse:
        inputs = _reversed(inputs, 0)
        mask = None if mask is None else _reversed(mask, 0)
    step = zeros([], "int64")
    steps = cast(steps, "int64")
    condition = step < steps
    loop = While(condition)
    outputs = create_array(inputs.dtype)
    arrays = [create_array(state.dtype) for state in states]
    for state, array in zip(states, arrays):
        array_write(state, step, array)
    with loop.block():
        step_inputs = inputs[step]
        before = [array_read(array, step) for array in arrays]
        step_outputs, after = cell(step_inputs, _structure.pack_as(initial_states, before), **kwargs)
        if not _structure.same_structure(after, initial_states):
            raise ValueError("the cell's new states must nest as its states do")
        after = _structure.flatten(after)
        if mask is not None:
            going = unsqueeze(mask[step], 1)
            after = [new * going + old * (1.0 - going) for new, old in zip(after, before)]
        array_write(step_outputs, step, outputs)
        step = increment(step, 1)
        for state, array in zip(after, arrays):
            array_write(state, step, array)
        assign(less_than(step, steps), condition)
    out = tensor_array_to_tensor(outputs, 0, True)[0]
    joined = [tensor_array_to_tensor(array, 0, True)[0] for array in arrays]
    last = _structure.pack_as(initial_states, [one[-1] for one in joined])
    if is_reverse:
        out = _reversed(out, 0)
    return out if time_major else _batch_and_time(out), last


def _batch_and_time(x):
    """x with its first two axes exchanged."""
    from ...tensor import transpose
    return transpose(x, [1, 0, *range(2, len(x.shape))])


def _reversed(x, axis):
    from ...tensor import flip
    return flip(x, [axis])


def birnn(cell_fw, cell_bw, inputs, initial_states=None, sequence_length=None, time_major=False, **kwargs):
    """Runs one cell forwards and another backwards: (their outputs side by side, both last states).

    Source: paddle.nn.layer.rnn.birnn.
    """
    from ...tensor import concat
    if initial_states is None:
        batch = 1 if time_major else 0
        initial_states = [cell_fw.get_initial_states(inputs, batch_dim_idx=batch) for _ in range(2)]
    forwards, states_fw = rnn(cell_fw, inputs, initial_states[0], sequence_length, time_major, **kwargs)
    backwards, states_bw = rnn(cell_bw, inputs, initial_states[1], sequence_length, time_major, True, **kwargs)
    return concat([forwards, backwards], -1), (states_fw, states_bw)


class RNN(Layer):
    """A cell run over sequences; see `rnn`. Source: paddle.nn.RNN."""

    def __init__(self, cell, is_reverse=False, time_major=False):
        super().__init__()
        self.cell, self.is_reverse, self.time_major = cell, is_reverse, time_major

    def forward(self, inputs, initial_states=None, sequence_length=None, **kwargs):
        return rnn(self.cell, inputs, initial_states, sequence_length, self.time_major, self.is_reverse, **kwargs)


class BiRNN(Layer):
    """Two cells run over sequences, one backwards; see `birnn`. Source: paddle.nn.BiRNN."""

    def __init__(self, cell_fw, cell_bw, time_major=False):
        super().__init__()
        self.cell_fw, self.cell_bw, self.time_major = cell_fw, cell_bw, time_major
        if cell_fw.input_size != cell_bw.input_size:
            raise ValueError(f"cells must take inputs of one width, {cell_fw.input_size} and {cell_bw.input_size} were given")

    def forward(self, inputs, initial_states=None, sequence_length=None, **kwargs):
        if isinstance(initial_states, (list, tuple)) and len(initial_states) != 2:
            raise AssertionError(f"initial_states must be those of both cells, {len(initial_states)} were given")
        return birnn(self.cell_fw, self.cell_bw, inputs, initial_states, sequence_length, self.time_major, **kwargs)


class _Layers(LayerList):
    """Layers of one kind of cell over whole sequences: one operator `rnn`."""

    def __init__(self, mode, cell, input_size, hidden_size, num_layers, direction, time_major, dropout, attrs):
        super().__init__()
        if direction not in ("forward", "bidirect", "bidirectional"):
            raise ValueError(f"direction should be forward or bidirect (or bidirectional), received direction = {direction}")
        self.mode, self.input_size, self.hidden_size = mode, input_size, hidden_size
        self.num_layers, self.time_major, self.dropout = num_layers, time_major, dropout
        self.num_directions = 1 if direction == "forward" else 2
        weights, biases = [], []
        for i in range(num_layers):
            width = input_size if i == 0 else hidden_size * self.num_directions
            cells = [cell(width, hidden_size, **attrs) for _ in range(self.num_directions)]
            self.append(RNN(cells[0], False, time_major) if len(cells) == 1 else BiRNN(*cells, time_major))
            for made, suffix in zip(cells, ("", "_reverse")):
                weights += [made.weight_ih, made.weight_hh]
                biases += [made.bias_ih, made.bias_hh]
                for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
                    setattr(self, f"{name}_l{i}{suffix}", getattr(made, name))
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
        self._dropout_state = self.create_variable("dropout_state__non_persistable", dtype="uint8")

    def forward(self, inputs, initial_states=None, sequence_length=None):
        """Runs the layers.

        Args:
            inputs (Variable): [batch, time, input], or [time, batch, input] with time_major.
            initial_states: [layers * directions, batch, hidden], for an LSTM two of them; zeros where None.
            sequence_length (Variable): [batch]; steps behind give zeros.

        Returns:
            (Variable, states): [batch, time, directions * hidden], and the last states as initial_states.
        """
        from ...tensor import full, transpose
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
        slots = {"Input": x, "WeightList": self._weights, "PreState": list(initial_states)}
        if sequence_length is not None:
            slots["SequenceLength"] = sequence_length
        block.append_op(
            type="rnn", inputs=slots, outputs={"Out": out, "State": states, "Reserve": reserve, "DropoutState": self._dropout_state},
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
