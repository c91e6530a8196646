"""Tensors whose rows belong to sequences."""
from .._core import LoDTensor


def create_lod_tensor(data, recursive_seq_lens, place):
    """A tensor with sequences.

    Args:
        data (array | list | LoDTensor): its rows; a list holds the sequences, each a list of integers.
        recursive_seq_lens (list): for each level, outermost first, the lengths of its sequences.
        place (CPUPlace | CUDAPlace): where.

    Returns:
        LoDTensor

    Raises:
        ValueError: the lengths do not describe the rows.

    Source: paddle.base.create_lod_tensor.

    Example:
        >>> import numpy as np
        >>> from skiff import base
        >>> base.create_lod_tensor(np.zeros([5, 2], "float32"), [[2, 3]], base.CPUPlace()).lod()
        [[0, 2, 5]]
    """
    import numpy as np  # not before it is needed: importing skiff must not cost numpy's import
    if isinstance(data, LoDTensor):
        data = np.asarray(data)
    elif isinstance(data, list):
        lengths = [len(sequence) for sequence in data]
        if [lengths] != recursive_seq_lens:
            raise ValueError(f"data and recursive_seq_lens do not match: {[lengths]} and {recursive_seq_lens}")
        data = np.concatenate([np.array(sequence).astype("int64") for sequence in data], axis=0).reshape([sum(lengths), 1])
    elif not isinstance(data, np.ndarray):
        raise TypeError(f"data should be either a LoDTensor, a Numpy array or a list, {type(data)} was given")
    tensor = LoDTensor()
    tensor.set(data, place)
    tensor.set_recursive_sequence_lengths(recursive_seq_lens)
    return tensor


def create_random_int_lodtensor(recursive_seq_lens, base_shape, place, low, high):
    """Random integers in [low, high], of shape [rows] + base_shape. Source: paddle.base.create_random_int_lodtensor."""
    import numpy as np
    rows = sum(recursive_seq_lens[-1])
    data = np.random.randint(low, high + 1, [rows] + list(base_shape)).astype("int64")
    return create_lod_tensor(data, recursive_seq_lens, place)
