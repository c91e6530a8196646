"""State dicts in files that Paddle does not write: safetensors and numpy's npz. Both are part of `skiff.io`."""
import os

from . import _core


def _dict(state):
    if not isinstance(state, dict):
        raise TypeError(f"a dict of tensors by name is wanted, {type(state)} was given")
    return state


def save_safetensors(state, path, metadata=None):
    """Writes tensors by name as a safetensors file, whole or not at all.

    The bytes are those that the `safetensors` package writes for the same tensors.

    Args:
        state (dict): name -> tensor or array. A structured name is kept, the variable's own name beside it is not.
        path (str): folders are made as needed.
        metadata (dict): texts by name, kept in the file's header.

    Raises:
        TypeError: a value is no tensor.
        NotImplementedError: a tensor is complex128, which the format does not have.
        OSError: the file cannot be written.

    Source: the safetensors format; skiff's own function.

    Example:
        >>> import numpy as np, skiff, tempfile
        >>> path = tempfile.mkdtemp() + "/net.safetensors"
        >>> skiff.io.save_safetensors({"w": np.ones([2, 3], "float32")}, path, metadata={"step": "7"})
        >>> skiff.io.load_safetensors(path, with_metadata=True, return_numpy=True)[1]
        {'step': '7'}
    """
    _core.save_safetensors(_dict(state), os.fsdecode(path), metadata)


def load_safetensors(path, return_numpy=False, with_metadata=False):
    """Reads a safetensors file. The tensors are views of the mapped file: large files open at once, and writing to a
    tensor does not change the file.

    Args:
        path (str): the file.
        return_numpy (bool): arrays instead of LoDTensors; bfloat16 as uint16, as everywhere in skiff.
        with_metadata (bool): also the texts of the header.

    Returns:
        dict: name -> tensor, in the order of the header; or that and the dict of texts.

    Raises:
        OSError: the file cannot be opened.
        ValueError: it is damaged; the error names byte and field.
        NotImplementedError: elements of a type skiff has no tensors of.

    Source: the safetensors format; skiff's own function.
    """
    state, metadata = _core.load_safetensors(os.fsdecode(path), return_numpy)
    return (state, metadata) if with_metadata else state


def save_npz(state, path):
    """Writes tensors by name as numpy.savez does, whole or not at all; bfloat16 as uint16.

    Args:
        state (dict): name -> tensor, array, str or list of str.
        path (str): taken as it is, nothing is added to the name.

    Raises:
        TypeError: a value is no tensor and no text.
        OSError: the file cannot be written.

    Source: numpy.savez; skiff's own function.
    """
    _core.save_npz(_dict(state), os.fsdecode(path))


def load_npz(path, return_numpy=False):
    """Reads what numpy.savez and numpy.savez_compressed wrote. Pickled objects inside are refused.

    Args:
        path (str): the file.
        return_numpy (bool): arrays instead of LoDTensors. uint16 is taken for bfloat16.

    Returns:
        dict: name -> tensor; an array of text is a str, or a list of them.

    Raises:
        OSError: the file cannot be opened.
        ValueError: it is damaged.
        NotImplementedError: elements of a type skiff has no tensors of.

    Source: numpy.load; skiff's own function.
    """
    return _core.load_npz(os.fsdecode(path), return_numpy)
