"""Text. Source: paddle.text."""
from .._core import layer

__all__ = ["viterbi_decode"]


def viterbi_decode(potentials, transition_params, lengths, include_bos_eos_tag=True, name=None):
    """The best path of each sequence.

    Args:
        potentials (Variable): [batch, time, tags].
        transition_params (Variable): [tags, tags].
        lengths (Variable): int64 [batch].
        include_bos_eos_tag (bool): the last tag begins a sequence, the one before it ends it.

    Returns:
        (Variable, Variable): scores [batch] and tags [batch, longest].

    Source: paddle.text.viterbi_decode.
    """
    slots = {"Input": potentials, "Transition": transition_params, "Length": lengths}
    return tuple(layer("viterbi_decode", slots, ("Scores", "Path"), {"include_bos_eos_tag": include_bos_eos_tag}, name=name))
