"""Recurrent layers."""
import numpy as np

from operator_cases import A, NOT_COMPUTED, U, case

OUTPUTS = {"Out": 1, "Reserve": NOT_COMPUTED, "DropoutState": NOT_COMPUTED}


def rnn(name, mode, layers=1, both=False, lengths=None, dtype="float32", attrs=None, zero=False, **more):
    gates, directions, hidden, inputs = {"LSTM": 4, "GRU": 3}.get(mode, 1), 2 if both else 1, 3, 2
    weights = []
    for layer in range(layers):
        for _ in range(directions):
            width = inputs if layer == 0 else hidden * directions
            weights += [U(gates * hidden, width, low=-1, high=1, dtype=dtype), U(gates * hidden, hidden, low=-1, high=1, dtype=dtype)]
    weights += [U(gates * hidden, low=-1, high=1, dtype=dtype) for _ in range(2 * layers * directions)]
    shape = (layers * directions, 4, hidden)
    states = [A(np.zeros(shape), dtype) if zero else U(*shape, low=-1, high=1, dtype=dtype) for _ in range(2 if mode == "LSTM" else 1)]
    slots = {"Input": U(5, 4, inputs, dtype=dtype), "PreState": states, "WeightList": weights}
    if lengths:
        slots["SequenceLength"] = A(lengths, "int32")
    case("rnn", name, "rnn", slots, {"mode": mode, "num_layers": layers, "is_bidirec": both, "hidden_size": hidden, "input_size": inputs,
                                     "dropout_prob": 0.0, "is_test": False, "seed": 0, **(attrs or {})},
         {**OUTPUTS, "State": len(states)}, targets=["Out", "State"], **more)


for mode in ("LSTM", "GRU", "RNN_TANH", "RNN_RELU"):
    rnn(f"rnn_{mode}", mode)
    rnn(f"rnn_{mode}_both_two_layers", mode, 2, True)
    rnn(f"rnn_{mode}_lengths_forward", mode, 2, False, [5, 2, 3, 1])
    # from first states of zero: the gradient of the backward direction's hidden weights takes them for zero in Paddle
    # where a sequence ends early
    rnn(f"rnn_{mode}_lengths", mode, 2, True, [5, 2, 3, 1], zero=True)
    rnn(f"rnn_{mode}_test", mode, 2, True, [5, 2, 3, 1], attrs={"is_test": True}, gradient=False)
rnn("rnn_LSTM_float64", "LSTM", 3, False, [4, 5, 1, 2], "float64")
