"""Objects in files: tensors, arrays, numbers, text, lists and dicts of them, and programs."""
import collections
import os

from . import _core

LoadReport = collections.namedtuple("LoadReport", "loaded missing unexpected mismatched renaming")
LoadReport.__doc__ = """What became of each variable of a program and of each entry of a state dict.

Lists of names: `loaded`; `missing` in the state dict; `unexpected` by the program; `mismatched` in shape or dtype,
with both; `renaming`: pairs (entry, variable) that would make the missing ones fit, empty where there are none.
"""


def _suffixes_off(path, suffixes=(".pdparams", ".pdopt", ".pdmodel", ".json")):
    return next((path[:-len(suffix)] for suffix in suffixes if path.endswith(suffix)), path)


def _protocol(protocol, configs):
    """The pickle's protocol; `pickle_protocol` is its name in Paddle 2.0."""
    protocol = configs.pop("pickle_protocol", protocol)
    if not isinstance(protocol, int) or not 2 <= protocol <= 4:
        raise ValueError(f"protocol must be 2, 3 or 4, {protocol!r} was given")
    return protocol


def _check_options(function, given):
    if given:
        raise ValueError(f"{function}: the options {sorted(given)} are not supported")


def _with_values(state):
    """The state dict of a layer as Paddle's imperative mode writes it: what its variables hold in the current scope, and their names."""
    values, empty = {}, []
    for key, variable in state.items():
        held = _core.global_scope().find_var(variable.name)
        values[key] = held.get_tensor() if held is not None else None
        if values[key] is None or not values[key]._is_initialized():
            empty.append(variable.name)
    if empty:
        raise ValueError(f"{', '.join(empty)} have no value in the current scope; run the startup program first")
    return {**values, "StructuredToParameterName@@": {key: variable.name for key, variable in state.items()}}


def save(obj, path, protocol=4, **configs):
    """Writes an object where Paddle's `load` finds it.

    Args:
        obj: a state dict, of a layer too, a Program (as Paddle 3 writes it where the path ends in .json), a tensor, an array, a number,
            text, or lists and dicts of them. Of a layer's variables the values in the current scope are written, with their names.
        path (str | file): folders are made as needed; the file appears whole or not at all.
        protocol (int): of the pickle, 2, 3 or 4.
        use_binary_format (bool): writes one tensor, or SelectedRows, without a pickle.

    Raises:
        TypeError, NotImplementedError: an object of another kind.
        ValueError: an unknown option, a protocol or path that will not do; a layer, or variables without values.
        OSError: the file cannot be written.

    Source: paddle.save.
    """
    binary, protocol = configs.pop("use_binary_format", False), _protocol(protocol, configs)
    _check_options("save", configs)
    if not isinstance(binary, bool):
        raise TypeError(f"use_binary_format must be a bool, {binary!r} was given")
    if binary and not isinstance(obj, (_core.LoDTensor, _core.SelectedRows)) and not hasattr(obj, "__array__"):
        raise NotImplementedError(f"use_binary_format=True writes one tensor or SelectedRows; {type(obj)} was given")
    if not hasattr(path, "write") and not isinstance(path, (str, os.PathLike)):
        raise ValueError(f"path must be a path or an object with write(), {path!r} was given")
    if not isinstance(obj, _core.Program) and callable(getattr(obj, "state_dict", None)):
        raise ValueError(f"a {type(obj).__name__} itself cannot be saved; save its state_dict()")
    if isinstance(obj, dict) and obj and all(isinstance(value, _core.Variable) for value in obj.values()):
        obj = _with_values(obj)
    if hasattr(path, "write"):
        if isinstance(obj, _core.Program):
            path.write(_core.serialize_program(obj))
        else:
            path.write(_core.tensor_bytes(obj) if binary else _core.pickle_bytes(obj, protocol))
        return
    path = os.fsdecode(path)
    if not os.path.basename(path):
        raise ValueError(f"path must end in a file's name; {path!r} names a folder")
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
    """Reads what `save`, or Paddle's, wrote, and also .safetensors, .npz and .npy files. What a file is, is told from its
    content. Nothing in it is ever executed.

    Args:
        path (str | file): a file; or the prefix or folder of an inference model, or a folder of variables: {name: array},
            with the layers' structured names where .pdiparams.info tells them.
        return_numpy (bool): arrays instead of LoDTensors.
        keep_name_table (bool): keeps the entry "StructuredToParameterName@@".
        model_filename, params_filename (str): in the folder of an inference model.
        verify_checksums (bool): compares with the .checksums that a save left beside the file. True unless given.

    Raises:
        OSError: the file cannot be opened.
        ValueError: there is none, it is damaged, not the one that was saved, or holds what must not be executed; an
            unknown option.
        MemoryError: it asks for more than `utils.read_limits` allows.

    Source: paddle.load.
    """
    arrays = configs.pop("return_numpy", False)
    keep = configs.pop("keep_name_table", False)
    model, params = configs.pop("model_filename", None) or "", configs.pop("params_filename", None) or ""
    verify = configs.pop("verify_checksums", True)
    _check_options("load", configs)
    if hasattr(path, "read"):
        data = path.read()
        if not isinstance(data, (bytes, bytearray)):
            raise TypeError(f"read() of the file gave {type(data)}, bytes are wanted: open it in mode \"rb\"")
        return _core.load_bytes(bytes(data), arrays, keep)
    path = os.fsdecode(path)
    if _core.is_file(path):
        return _core.load_file(path, arrays, keep, verify)
    if os.path.isdir(path) or _core.is_file(path + ".pdmodel") or _core.is_file(path + ".json"):
        return _core.model_state(path, model, params, verify)
    folder = os.path.dirname(path) or "."
    if os.path.isdir(folder) and not os.access(folder, os.X_OK):
        raise PermissionError(f"cannot look into the folder {folder}")
    near = [path + suffix for suffix in (".pdparams", ".pdopt", ".pdiparams") if _core.is_file(path + suffix)]
    raise ValueError(f"there is no file or folder {path}, nor {path}.pdmodel or {path}.json"
                     + (f"; {' and '.join(near)} may be meant: give the whole name" if near else ""))
