"""Decoding step by step, and by beam search. Source: paddle.nn.decode."""
import collections

from .. import _core
from ..static import _structure
from . import functional as F  # noqa: N812

__all__ = ["BeamSearchDecoder", "Decoder", "dynamic_decode"]


class Decoder:
    """What `dynamic_decode` calls. Source: paddle.nn.decode.Decoder."""

    def initialize(self, inits):
        """(inputs of the first step, states, which samples are finished)."""
        raise NotImplementedError

    def step(self, time, inputs, states, **kwargs):
        """(outputs, new states, inputs of the next step, which samples are finished)."""
        raise NotImplementedError

    def finalize(self, outputs, final_states, sequence_lengths):
        """(outputs, states) made of those of all steps."""
        raise NotImplementedError

    @property
    def tracks_own_finished(self):
        """True where `step` knows itself which samples are finished, though their order changes."""
        return False


class BeamSearchDecoder(Decoder):
    """The most probable sequences of tokens, by a beam of candidates for each sample.

    Args:
        cell (RNNCellBase): called with inputs and states of batch * beam samples.
        start_token, end_token (int): tokens.
        beam_size (int): candidates.
        embedding_fn (callable): tokens -> inputs of the cell.
        output_fn (callable): outputs of the cell -> scores of all tokens.

    Source: paddle.nn.BeamSearchDecoder.
    """

    class OutputWrapper(collections.namedtuple("OutputWrapper", ("scores", "predicted_ids", "parent_ids"))):
        """What a step gives: [batch, beam] each."""

    class StateWrapper(collections.namedtuple("StateWrapper", ("cell_states", "log_probs", "finished", "lengths"))):
        """What a step hands on: the cell's states [batch, beam, ...]; [batch, beam] each."""

    def __init__(self, cell, start_token, end_token, beam_size, embedding_fn=None, output_fn=None):
        self.cell, self.embedding_fn, self.output_fn = cell, embedding_fn, output_fn
        self.start_token, self.end_token, self.beam_size = start_token, end_token, beam_size

    @staticmethod
    def tile_beam_merge_with_batch(x, beam_size):
        """[batch, ...] as [batch * beam, ...], each sample beam_size times."""
        from ..tensor import reshape, tile, transpose, unsqueeze
        x = unsqueeze(x, [1])
        axes = len(x.shape)
        x = tile(x, [1, beam_size] + [1] * (axes - 2))
        x = transpose(x, [*range(2, axes), 0, 1])
        x = reshape(x, [0] * (axes - 2) + [-1])
        return transpose(x, [axes - 2, *range(axes - 2)])

    def _split(self, x):
        from ..tensor import reshape
        return reshape(x, [-1, self.beam_size, *x.shape[1:]])

    def _merge(self, x):
        from ..tensor import reshape
        return reshape(x, [-1, *x.shape[2:]])

    def _expand(self, x):
        from ..tensor import tile, unsqueeze
        x = unsqueeze(x, [1])
        return tile(x, [1, self.beam_size] + [1] * (len(x.shape) - 2))

    def _only_end(self, probs, finished, noend):
        """The scores of finished candidates: nothing but the end token."""
        from ..tensor import cast, multiply, tile, unsqueeze
        finished = cast(finished, probs.dtype)
        ended = multiply(tile(unsqueeze(finished, [2]), [1, 1, self.vocab_size]), noend)
        return ended - multiply(probs, unsqueeze(finished - 1, [2]))

    def _gather(self, x, indices):
        """Of each sample, the candidates at its indices."""
        from ..tensor import arange, cast, gather_nd, stack, tile, unsqueeze
        batch = self.batch_size if self.batch_size.dtype == indices.dtype else cast(self.batch_size, indices.dtype)
        batch.stop_gradient = True
        samples = tile(unsqueeze(arange(0, batch, 1, indices.dtype), [1]), [1, self.beam_size])
        places = stack([samples, indices], 2)
        places.stop_gradient = True
        return gather_nd(x, places)

    def initialize(self, initial_cell_states):
        """The first candidate of each sample starts with probability 1, the others with none."""
        import numpy
        from ..tensor import assign, full, shape, tile, zeros_like
        state = _structure.flatten(initial_cell_states)[0]
        self.batch_size = shape(state)[0]
        start = full([1], self.start_token, "int64")
        self._end = full([1], self.end_token, "int64")
        cell_states = _structure.map_structure(self._expand, initial_cell_states)
        inputs = full([self.batch_size, self.beam_size], start, start.dtype)
        first = assign(numpy.array([[0.0] + [-1e9] * (self.beam_size - 1)], "float32"))
        log_probs = self._default(tile(first, [self.batch_size, 1]))
        finished = full([shape(state)[0], self.beam_size], False, "bool")
        lengths = zeros_like(inputs)
        inputs = self.embedding_fn(inputs) if self.embedding_fn else inputs
        return inputs, self.StateWrapper(cell_states, log_probs, finished, lengths), finished

    @staticmethod
    def _default(x):
        from ..framework import get_default_dtype
        from ..tensor import cast
        return cast(x, "float64") if get_default_dtype() == "float64" else x

    def _search(self, logits, cell_states, states):
        import numpy
        from ..tensor import (add, assign, cast, equal, floor_divide, full, log, logical_not, logical_or, remainder, reshape, topk,
                              unsqueeze)
        self.vocab_size = logits.shape[-1]
        count = full([1], self.vocab_size, "int64")
        noend = numpy.full(self.vocab_size, -1e9, "float32")
        noend[self.end_token] = 0
        noend = self._default(assign(noend))
        log_probs = self._only_end(log(F.softmax(logits)), states.finished, noend)
        log_probs = add(log_probs, unsqueeze(states.log_probs, [2]))
        best, places = topk(reshape(log_probs, [-1, self.beam_size * self.vocab_size]), self.beam_size)
        beams, tokens = floor_divide(places, count), remainder(places, count)
        log_probs = self._gather(reshape(log_probs, [-1, self.beam_size * self.vocab_size]), places)
        cell_states = _structure.map_structure(lambda x: self._gather(x, beams), cell_states)
        finished = self._gather(states.finished, beams)
        lengths = self._gather(states.lengths, beams)
        lengths = lengths + cast(logical_not(finished), states.lengths.dtype)
        finished = logical_or(finished, equal(tokens, self._end))
        return self.OutputWrapper(best, tokens, beams), self.StateWrapper(cell_states, log_probs, finished, lengths)

    def step(self, time, inputs, states, **kwargs):
        """One token more for each candidate."""
        inputs = _structure.map_structure(self._merge, inputs)
        cell_states = _structure.map_structure(self._merge, states.cell_states)
        outputs, cell_states = self.cell(inputs, cell_states, **kwargs)
        outputs = _structure.map_structure(self._split, outputs)
        cell_states = _structure.map_structure(self._split, cell_states)
        if self.output_fn is not None:
            outputs = self.output_fn(outputs)
        found, states = self._search(outputs, cell_states, states)
        tokens = found.predicted_ids
        tokens.stop_gradient = True
        return found, states, self.embedding_fn(tokens) if self.embedding_fn else tokens, states.finished

    def finalize(self, outputs, final_states, sequence_lengths):
        """The tokens of each candidate's whole path: [time, batch, beam]."""
        return F.gather_tree(outputs.predicted_ids, outputs.parent_ids), final_states

    @property
    def tracks_own_finished(self):
        """True: candidates change places."""
        return True


def _kept(state, new_state, finished):
    """Of finished samples the state, of the others the new one."""
    from ..tensor import cast, multiply, unsqueeze
    dtype = state.dtype
    if _core.dtype_name(dtype) == "bool":
        state, new_state = cast(state, "float32"), cast(new_state, "float32")
    mask = unsqueeze(finished if finished.dtype == state.dtype else cast(finished, state.dtype), [1])
    mask.stop_gradient = True
    out = multiply(state, mask) - multiply(new_state, mask - 1)
    return cast(out, dtype) if _core.dtype_name(dtype) == "bool" else out


def _outer_array(dtype):
    """An array of the block around the current one."""
    from ..tensor.array import ARRAY
    inside = _core.default_main_program().current_block()
    helper = _core.LayerHelper("array", None)
    return inside.program.block(inside.parent_idx).create_var(name=helper.name + ".out", type=ARRAY, dtype=dtype)


def dynamic_decode(decoder, inits=None, max_step_num=None, output_time_major=False, impute_finished=False, is_test=False,
                   return_length=False, **kwargs):
    """Runs a decoder until every sample is finished, in a loop of the program.

    Args:
        decoder (Decoder): see there.
        inits: given to decoder.initialize.
        max_step_num (int): the loop ends behind step max_step_num.
        output_time_major (bool): outputs are [time, batch, ...], otherwise [batch, time, ...].
        impute_finished (bool): states of finished samples stay as they are, where the decoder leaves them to this function.
        is_test (bool): no gradients are wanted; needs less memory.
        return_length (bool): also gives the lengths of the samples.
        kwargs: given to decoder.step.

    Returns:
        (outputs, final states[, lengths])

    Source: paddle.nn.dynamic_decode.
    """
    from ..static.control_flow import While
    from ..tensor import (add, all, array_read, array_write, assign, cast, full, increment, less_equal, logical_and,  # noqa: A004
                          logical_not, logical_or, transpose, zeros_like)
    from ..tensor.array import tensor_array_to_tensor
    flatten, pack_as = _structure.flatten, _structure.pack_as
    first_inputs, first_states, finished = decoder.initialize(inits)
    finished.stop_gradient = True
    step = full([1], 0, "int64")
    condition = logical_not(all(finished))
    limit = None if max_step_num is None else full([1], max_step_num, "int64")
    loop = While(condition, is_test=is_test)
    lengths = cast(zeros_like(finished), "int64")
    lengths.stop_gradient = True
    if is_test:
        inputs, states = first_inputs, first_states
    else:
        input_arrays = [array_write(x, step) for x in flatten(first_inputs)]
        state_arrays = [array_write(x, step) for x in flatten(first_states)]
    with loop.block():
        if not is_test:
            inputs = pack_as(first_inputs, [array_read(array, step) for array in input_arrays])
            states = pack_as(first_states, [array_read(array, step) for array in state_arrays])
        outputs, next_states, next_inputs, next_finished = decoder.step(step, inputs, states, **kwargs)
        if decoder.tracks_own_finished:
            next_lengths = getattr(next_states, "lengths", lengths)
        else:
            next_finished = logical_or(next_finished, finished)
            next_lengths = add(lengths, cast(logical_not(finished), lengths.dtype))
            if impute_finished:
                kept = [_kept(old, new, finished) for old, new in zip(flatten(states), flatten(next_states))]
                next_states = pack_as(next_states, kept)
        output_arrays = [_outer_array(x.dtype) for x in flatten(outputs)]
        for x, array in zip(flatten(outputs), output_arrays):
            array_write(x, step, array)
        step = increment(step, 1.0)
        assign(next_finished, finished)
        assign(next_lengths, lengths)
        if is_test:
            for x, target in zip(flatten(next_inputs) + flatten(next_states), flatten(first_inputs) + flatten(first_states)):
                assign(x, target)
        else:
            for x, array in zip(flatten(next_inputs) + flatten(next_states), input_arrays + state_arrays):
                array_write(x, step, array)
        if limit is None:
            logical_not(all(finished), condition)
        else:
            logical_and(logical_not(all(finished)), less_equal(step, limit), condition)
    outputs = pack_as(outputs, [tensor_array_to_tensor(array, 0, True)[0] for array in output_arrays])
    final_states = first_states if is_test else pack_as(first_states, [array_read(array, step) for array in state_arrays])
    try:
        outputs, final_states = decoder.finalize(outputs, final_states, lengths)
    except NotImplementedError:
        pass
    if not output_time_major:
        outputs = _structure.map_structure(lambda x: transpose(x, [1, 0, *range(2, len(x.shape))]), outputs)
    return (outputs, final_states, lengths) if return_length else (outputs, final_states)
