"""Programs and their state in files. Source: paddle.static."""
import os
import warnings

from .. import _core
from ..serialization import LoadReport, _check_options, _protocol, _suffixes_off


def _make_folder(path):
    folder = os.path.dirname(path)
    if folder:
        os.makedirs(folder, exist_ok=True)


def _program(program, options, allowed):
    unknown = set(options) - set(allowed)
    if unknown:
        raise TypeError(f"unknown options {sorted(unknown)}; there are {', '.join(allowed)}")
    program = program or _core.default_main_program()
    program = getattr(program, "_program", program) if not isinstance(program, _core.Program) else program
    if not isinstance(program, _core.Program):
        raise TypeError(f"program must be a Program, {type(program)} was given")
    return program


def _is_json(model_format):
    if model_format not in ("pdmodel", "json"):
        raise ValueError(f"format {model_format!r} is neither 'pdmodel' (Paddle 2) nor 'json' (Paddle 3)")
    return model_format == "json"


def save_inference_model(path_prefix, feed_vars, fetch_vars, executor, **kwargs):
    """Writes what computes fetch_vars from feed_vars: path_prefix.pdmodel and path_prefix.pdiparams.

    Args:
        path_prefix (str): folders are made as needed.
        feed_vars, fetch_vars (Variable | list): inputs and outputs.
        executor (Executor): as in Paddle; the values are taken from the current scope.
        program (Program): the default main program where None. It is not modified.
        clip_extra (bool): leaves out what training alone needs. True unless given.
        legacy_format (bool): as Paddle 2.4 reads it. False unless given.
        format (str): "pdmodel", or "json" for path_prefix.json, which Paddle 3 loads by default.
        checksums (bool): writes path_prefix.checksums too, which load_inference_model compares with and PaddlePaddle
            ignores. True unless given.

    Raises:
        ValueError: path_prefix is a folder, a feed or fetch will not do, or parameters have no value.
        NotImplementedError: format="json", and Paddle 3 has no counterpart of some operators (all are listed).
        OSError: the files cannot be written; old ones are unchanged.

    Source: paddle.static.save_inference_model.
    """
    program = _program(kwargs.get("program"), kwargs, ("program", "clip_extra", "legacy_format", "format", "checksums"))
    json = _is_json(kwargs.get("format", "pdmodel"))
    path_prefix = os.fsdecode(path_prefix)
    if not path_prefix or path_prefix.endswith("/"):
        raise ValueError(f"path_prefix {path_prefix!r} ends in a folder; a name for the files is wanted")
    _make_folder(path_prefix)
    try:
        _core.save_inference_model(path_prefix, feed_vars, fetch_vars, program, kwargs.get("clip_extra", True),
                                   kwargs.get("legacy_format", False), json, kwargs.get("checksums", True))
    except NotImplementedError:
        raise
    except RuntimeError as error:  # names that are none, parameters without values
        raise ValueError(str(error)) from None


def load_inference_model(path_prefix, executor, **kwargs):
    """Reads an inference model and puts its parameters into the current scope.

    Args:
        path_prefix (str | None): as given to save_inference_model, or a .pdmodel or .json itself, or the folder of an older model; None where
            model_filename and params_filename are the files' bytes.
        executor (Executor): as in Paddle.
        model_filename, params_filename (str | bytes): of older models.
        verify_checksums (bool): compares the files with path_prefix.checksums, where there is one. True unless given.

    Of path_prefix.pdmodel and path_prefix.json (Paddle 3) the one that was saved last is read, as their checksums tell; without checksums the
    .json, as Paddle 3 does, with a warning that names the other.

    Returns:
        list: the program, names of its inputs, variables of its outputs.

    Raises:
        OSError: a file is missing.
        ValueError: a file is damaged, or not the one that was saved; or the parameters are not the program's (every
            difference is listed).

    Source: paddle.static.load_inference_model.
    """
    model, params = kwargs.pop("model_filename", None), kwargs.pop("params_filename", None)
    verify = kwargs.pop("verify_checksums", True)
    _check_options("load_inference_model", kwargs)
    if path_prefix is None:
        if not isinstance(model, bytes) or not isinstance(params, (bytes, type(None))):
            raise ValueError("without path_prefix, model_filename and params_filename must be the bytes of the files")
        return list(_core.parse_inference_model(model, params or b""))
    for name, value in (("model_filename", model), ("params_filename", params)):
        if not isinstance(value, (str, os.PathLike, type(None))):
            raise TypeError(f"{name} must be the name of a file, {value!r} was given")
    return list(_core.load_inference_model(os.fsdecode(path_prefix), model or "", params or "", bool(verify)))


def normalize_program(program, feed_vars, fetch_vars, **kwargs):
    """A copy with only what computes fetch_vars from feed_vars, with feed and fetch operators.

    Source: paddle.static.normalize_program.
    """
    return _core.normalize_program(_program(program, kwargs, ("skip_prune_program",)), feed_vars, fetch_vars)


def serialize_program(feed_vars, fetch_vars, **kwargs):
    """The bytes of the .pdmodel (format="json": of the .json) of save_inference_model. Source: paddle.static.serialize_program."""
    program = _program(kwargs.get("program"), kwargs, ("program", "legacy_format", "format"))
    json = _is_json(kwargs.get("format", "pdmodel"))
    made = _core.inference_program(program, feed_vars, fetch_vars, False, kwargs.get("legacy_format", False), json)
    return _core.serialize_program_json(made, False) if json else _core.serialize_program(made)


def serialize_persistables(feed_vars, fetch_vars, executor, **kwargs):
    """The bytes of the .pdiparams of save_inference_model; None, with a warning, where there are no parameters.

    Source: paddle.static.serialize_persistables.
    """
    program = _program(kwargs.get("program"), kwargs, ("program",))
    data = _core.serialize_parameters(_core.inference_program(program, feed_vars, fetch_vars, False, False, False))
    if not data:
        warnings.warn("the program has no parameters; there is nothing to serialize", stacklevel=2)
    return data or None


def deserialize_program(data):
    """The program of a .pdmodel's or .json's bytes. Source: paddle.static.deserialize_program."""
    if not isinstance(data, bytes):
        raise TypeError(f"the bytes of a program are wanted, {type(data)} was given")
    return _core.parse_program(data)


def deserialize_persistables(program, data, executor):
    """Sets the program's parameters from a .pdiparams' bytes; None where the program has none.

    Raises:
        ValueError: they are not the program's (every difference is listed); nothing is set then.

    Source: paddle.static.deserialize_persistables.
    """
    if not isinstance(data, (bytes, type(None))):
        raise TypeError(f"the bytes of parameters are wanted, {type(data)} was given")
    _core.set_parameters(_program(program, {}, ()), data or b"")


def save_to_file(path, content):
    """Writes bytes; the file appears whole or not at all. Source: paddle.static.save_to_file."""
    if not isinstance(content, bytes):
        raise ValueError("'content' type should be bytes.")
    _make_folder(path)
    _core.write_file(os.fsdecode(path), content)


def load_from_file(path):
    """The bytes of a file. Source: paddle.static.load_from_file."""
    with open(path, "rb") as file:
        return file.read()


def save(program, model_path, protocol=4, **configs):
    """Writes model_path.pdparams, .pdopt and .pdmodel together.

    Args:
        program (Program): whose state it is; the values are taken from the current scope.
        model_path (str): folders are made as needed.
        protocol (int): of the pickles, 2, 3 or 4.
        format (str): "json" writes model_path.json, for Paddle 3, in place of .pdmodel.
        checksums (bool): writes model_path.checksums too, which `load` compares with and PaddlePaddle ignores. True
            unless given.

    Source: paddle.static.save.
    """
    protocol = _protocol(protocol, configs)
    json, checksums = _is_json(configs.pop("format", "pdmodel")), configs.pop("checksums", True)
    _check_options("save", configs)
    program = _program(program, {}, ())
    _make_folder(os.fsdecode(model_path))
    _core.save_program_state(program, os.fsdecode(model_path), protocol, json, bool(checksums))


def _names(var_list):
    names = [v if isinstance(v, str) else getattr(v, "name", None) for v in var_list]
    if None in names:
        raise TypeError(f"Variables or their names are wanted, {var_list[names.index(None)]!r} was given")
    return names


def load(program, model_path, executor=None, var_list=None, *, verify_checksums=True):
    """Sets a program's variables from model_path.pdparams and .pdopt, or from what `save_vars` wrote.

    Args:
        program (Program): whose state it is.
        model_path (str): as given to `save`, a suffix may stand behind it; else a folder of one file a variable, or
            one file of all.
        executor (Executor): as in Paddle: needed where there is no model_path.pdparams.
        var_list (list): only these variables; needed for one file of all, which does not name them.
        verify_checksums (bool): compares the files with model_path.checksums, where there is one.

    Returns:
        LoadReport

    Raises:
        OSError: a file is missing.
        ValueError: a file is not the one that was saved, the state is not the program's (every difference is listed), or
            an argument is wrong; nothing is set then.

    Source: paddle.static.load.
    """
    program, path = _program(program, {}, ()), _suffixes_off(os.fsdecode(model_path))
    pickled = _core.is_file(path + ".pdparams")
    if not pickled and executor is None:
        raise ValueError(f"there is no {path}.pdparams; an executor is needed to load what save_vars wrote")
    if var_list is None and (pickled or not _core.is_file(path)):
        return LoadReport(**_core.load_program_state(program, path, True, verify_checksums))
    if var_list is None:
        raise ValueError(f"var_list is needed: {path} holds variables but not their names")
    state = load_program_state(path, var_list, verify_checksums=verify_checksums)
    missing = [name for name in _names(var_list) if name not in state]
    if missing:
        raise ValueError(f"{path} does not hold {', '.join(missing)}; nothing was set")
    return set_program_state(program, {name: state[name] for name in _names(var_list)})._replace(missing=[])


def load_program_state(model_path, var_list=None, *, verify_checksums=True):
    """The variables that `save` or `save_vars` wrote, as arrays by name.

    Args:
        model_path (str): as for `load`.
        var_list (list): the variables to read of a folder or of one file of all; the latter needs it.
        verify_checksums (bool): as for `load`.

    Raises:
        OSError: there is no such file or folder.
        ValueError: a file is damaged, or var_list is missing.

    Source: paddle.static.load_program_state.
    """
    path = _suffixes_off(os.fsdecode(model_path))
    if os.path.isdir(path) and not _core.is_file(path + ".pdparams"):
        if var_list is not None:
            return _core.load_variables(path, "", _names(var_list))
        state, foreign = _core.load_variable_folder(path)
        if foreign:
            warnings.warn(f"{path}: {', '.join(sorted(foreign))} left out: no variable that save_vars wrote", RuntimeWarning,
                          stacklevel=2)
        return state
    if _core.is_file(path) and not _core.is_file(path + ".pdparams"):
        if var_list is None:
            raise ValueError(f"var_list is needed: {path} holds variables but not their names")
        return _core.load_variables("", path, _names(var_list))
    return _core.load_state_arrays(path, verify_checksums)


def set_program_state(program, state_dict):
    """Sets a program's variables from arrays by name. Names the program does not have are told in a warning.

    Returns:
        LoadReport

    Raises:
        AssertionError: a shape or dtype differs; nothing is set then.

    Source: paddle.static.set_program_state.
    """
    import numpy as np  # not when skiff is imported
    known = {v.name: v for v in program.list_vars() if v.persistable}
    unknown = [name for name in state_dict if name not in known]
    for name, value in state_dict.items():
        if name not in known:
            continue
        wanted, array = known[name], np.asarray(value)
        shape = tuple(wanted.shape)
        fits = len(shape) == array.ndim and all(w in (-1, g) for w, g in zip(shape, array.shape))
        assert fits, f"{name} has the shape {array.shape}, the program wants {shape}; nothing was set"
        dtype = _core.dtype_name(array.dtype)
        assert dtype == _core.dtype_name(wanted.dtype), \
            f"{name} is {dtype}, the program wants {_core.dtype_name(wanted.dtype)}; nothing was set"
    if unknown:
        warnings.warn(f"not set, because the program has no such variables: {', '.join(unknown)}", stacklevel=2)
    fitting = {name: value for name, value in state_dict.items() if name in known}
    return LoadReport(**_core.set_state_dict(program, fitting, None, False))._replace(unexpected=unknown)


def _variables(main_program, vars, predicate):  # noqa: A002
    program = _program(main_program, {}, ())
    chosen = [v for v in program.list_vars() if predicate(v)] if vars is None and predicate is not None else vars
    if chosen is None:
        raise ValueError("vars and predicate are both None; name variables or say how to choose them")
    return _names(chosen)


def load_vars(executor, dirname, main_program=None, vars=None, predicate=None, filename=None):  # noqa: A002
    """Puts variables into the current scope from one file each, or from one of all, sorted by name.

    Raises:
        OSError: a file is missing.
        RuntimeError: files are of another shape or dtype than the program says (all are listed); nothing is set then.
        ValueError: a file is damaged, or holds more or fewer variables than are named.

    Source: paddle.static.load_vars, which says so of shapes alone.
    """
    program = _program(main_program, {}, ())
    _core.set_variables(program, os.fsdecode(dirname or ""), filename or "", _variables(program, vars, predicate))


def save_vars(executor, dirname, main_program=None, vars=None, predicate=None, filename=None):  # noqa: A002
    """Writes variables of the current scope to one file each, or to one of all, sorted by name.

    Source: paddle.static.save_vars.
    """
    if dirname:
        os.makedirs(dirname, exist_ok=True)
    _core.save_variables(os.fsdecode(dirname or ""), filename or "", _variables(main_program, vars, predicate))
