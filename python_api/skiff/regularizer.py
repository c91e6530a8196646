"""Penalties on the size of parameters. Source: paddle.regularizer."""


class L1Decay:
    """coeff * sign(p) joins the gradient of p."""

    _regularizer_kind = 1

    def __init__(self, coeff=0.0):
        self._coeff = float(coeff)

    def __repr__(self):
        return f"L1Decay, regularization_coeff={self._coeff:f}"


class L2Decay:
    """coeff * p joins the gradient of p."""

    _regularizer_kind = 2

    def __init__(self, coeff=0.0):
        self._coeff = float(coeff)

    def __repr__(self):
        return f"L2Decay, regularization_coeff={self._coeff:f}"
