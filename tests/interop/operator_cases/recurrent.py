"""Recurrent operators of older programs."""
from operator_cases import NOT_COMPUTED, S, U, case

LSTM = {"Hidden": 1, "Cell": 1, "BatchGate": NOT_COMPUTED, "BatchCellPreAct": NOT_COMPUTED}
GRU = {"Hidden": 1, "BatchGate": NOT_COMPUTED, "BatchResetHiddenPrev": NOT_COMPUTED, "BatchHidden": NOT_COMPUTED}
for name, peepholes, reverse, attrs in (("plain", False, False, {}), ("peepholes", True, False, {}), ("reverse", True, True, {}),
                                        ("activations", False, False, {"gate_activation": "sigmoid", "cell_activation": "relu", "candidate_activation": "sigmoid"})):
    case("recurrent", "lstm_" + name, "lstm", {"Input": S(U(6, 8), [2, 3, 1]), "Weight": U(2, 8), "Bias": U(1, 14 if peepholes else 8)},
         {"use_peepholes": peepholes, "is_reverse": reverse, "gate_activation": "sigmoid", "cell_activation": "tanh", "candidate_activation": "tanh", **attrs}, LSTM, targets=["Hidden"])
case("recurrent", "lstm_states", "lstm", {"Input": S(U(5, 8), [2, 3]), "Weight": U(2, 8), "Bias": U(1, 14), "H0": S(U(2, 2), [1, 1]), "C0": S(U(2, 2), [1, 1])},
     {"use_peepholes": True, "is_reverse": False, "gate_activation": "sigmoid", "cell_activation": "tanh", "candidate_activation": "tanh"}, LSTM, targets=["Hidden"])
for name, attrs in (("plain", {}), ("reverse", {"is_reverse": True}), ("origin", {"origin_mode": True}), ("relu", {"activation": "relu"})):
    case("recurrent", "gru_" + name, "gru", {"Input": S(U(6, 6), [2, 3, 1]), "Weight": U(2, 6), "Bias": U(1, 6)},
         {"is_reverse": False, "origin_mode": False, "activation": "tanh", "gate_activation": "sigmoid", **attrs}, GRU, targets=["Hidden"])
for name, attrs in (("plain", {}), ("origin", {"origin_mode": True}), ("relu", {"activation": 3})):
    case("recurrent", "gru_unit_" + name, "gru_unit", {"Input": U(3, 6), "HiddenPrev": U(3, 2), "Weight": U(2, 6), "Bias": U(1, 6)},
         {"activation": 2, "gate_activation": 1, "origin_mode": False, **attrs}, {"Hidden": 1, "Gate": NOT_COMPUTED, "ResetHiddenPrev": NOT_COMPUTED}, targets=["Hidden"])
