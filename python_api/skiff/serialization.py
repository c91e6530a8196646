"""Objects in files: tensors, arrays, numbers, text, lists and dicts of them, and programs."""
import os

from . import _core


def save(obj, path, protocol=4, **configs):
    """Writes an object where Paddle's `load` finds it.

    Args:
        obj: a state dict, a Program (as Paddle 3 writes it where the path ends in .json), a tensor, an array, a number, text, or lists
            and dicts of them.
        path (str | file): folders are made as needed; the file appears whole or not at all.
        protocol (int): of the pickle, 2, 3 or 4.
        use_binary_format (bool): writes one tensor without a pickle.

    Raises:
        TypeError: an object of another kind.
        OSError: the file cannot be written.

    Source: paddle.save.
    """
    binary = configs.pop("use_binary_format", False)
    if configs:
        raise TypeError(f"save: unknown options {sorted(configs)}; use_binary_format is the only one")
    if not isinstance(protocol, int):
        raise ValueError(f"The 'protocol' MUST be `int`, but received {type(protocol)}")
    if hasattr(path, "write"):
        if isinstance(obj, _core.Program):
            path.write(_core.serialize_program(obj))
        else:
            path.write(_core.tensor_bytes(obj) if binary else _core.pickle_bytes(obj, protocol))
        return
    path = os.fspath(path)
    if not os.path.basename(path):
        raise ValueError("The input path MUST be format of dirname/filename [dirname\\filename in Windows system], but "
                         f"received filename is empty string: {path!r}")
    folder = os.path.dirname(path)
    if folder:
        os.makedirs(folder, exist_ok=True)
    if isinstance(obj, _core.Program):
        _core.save_program(obj, path)
    elif binary:
        _core.write_file(path, _core.tensor_bytes(obj))
    else:
        _core.save_pickle(obj, path, protocol)


def load(path, **configs):
    """Reads what `save`, or Paddle's, wrote. Nothing in the file is ever executed.

    Args:
        path (str | file): a file; or the prefix or folder of an inference model, whose parameters are read.
        return_numpy (bool): arrays instead of LoDTensors.
        keep_name_table (bool): keeps the entry "StructuredToParameterName@@".
        model_filename, params_filename (str): in the folder of an inference model.

    Raises:
        OSError: the file cannot be opened.
        ValueError: the file is damaged, or holds what must not be executed.

    Source: paddle.load.
    """
    arrays = configs.pop("return_numpy", False)
    keep = configs.pop("keep_name_table", False)
    model, params = configs.pop("model_filename", None) or "", configs.pop("params_filename", None) or ""
    if configs:
        raise TypeError(f"load: unknown options {sorted(configs)}")
    if hasattr(path, "read"):
        return _core.load_bytes(path.read(), arrays, keep)
    path = os.fspath(path)
    if os.path.isfile(path):
        return _core.load_file(path, arrays, keep)
    if os.path.isdir(path) or os.path.isfile(path + ".pdmodel") or os.path.isfile(path + ".json"):
        return _core.inference_parameters(path, model, params, arrays)
    raise ValueError(f"Cannot find the model or data at {path}: there is no such file or folder, nor {path}.pdmodel or .json")
