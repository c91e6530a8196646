"""Programs and their state in files. Source: paddle.static."""
import os

from .. import _core


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
        legacy_format (bool): accepted; no other is written.
        format (str): "pdmodel", or "json" for path_prefix.json, which Paddle 3 loads by default.

    Raises:
        NotImplementedError: format="json", and Paddle 3 has no counterpart of some operators (all are listed).

    Source: paddle.static.save_inference_model.
    """
    program = _program(kwargs.get("program"), kwargs, ("program", "clip_extra", "legacy_format", "format"))
    json = _is_json(kwargs.get("format", "pdmodel"))
    path_prefix = os.fspath(path_prefix)
    if not path_prefix or path_prefix.endswith("/"):
        raise ValueError(f"path_prefix {path_prefix!r} ends in a folder; a name for the files is wanted")
    _make_folder(path_prefix)
    _core.save_inference_model(path_prefix, feed_vars, fetch_vars, program, kwargs.get("clip_extra", True), False, json)


def load_inference_model(path_prefix, executor, **kwargs):
    """Reads an inference model and puts its parameters into the current scope.

    Args:
        path_prefix (str | None): as given to save_inference_model (path_prefix.json, of Paddle 3, is read where there is
            no path_prefix.pdmodel), or the folder of an older model; None where
            model_filename and params_filename are the files' bytes.
        executor (Executor): as in Paddle.
        model_filename, params_filename (str | bytes): of older models.

    Returns:
        list: the program, names of its inputs, variables of its outputs.

    Raises:
        OSError: a file is missing.
        ValueError: a file is damaged, or the parameters are not the program's (every difference is listed).

    Source: paddle.static.load_inference_model.
    """
    model, params = kwargs.pop("model_filename", None), kwargs.pop("params_filename", None)
    if kwargs:
        raise TypeError(f"load_inference_model: unknown options {sorted(kwargs)}")
    if path_prefix is None:
        return list(_core.parse_inference_model(model or b"", params or b""))
    return list(_core.load_inference_model(os.fspath(path_prefix), model or "", params or ""))


def normalize_program(program, feed_vars, fetch_vars, **kwargs):
    """A copy with only what computes fetch_vars from feed_vars, with feed and fetch operators.

    Source: paddle.static.normalize_program.
    """
    return _core.normalize_program(_program(program, kwargs, ("skip_prune_program",)), feed_vars, fetch_vars)


def serialize_program(feed_vars, fetch_vars, **kwargs):
    """The bytes of the .pdmodel (format="json": of the .json) of save_inference_model. Source: paddle.static.serialize_program."""
    program = _program(kwargs.get("program"), kwargs, ("program", "legacy_format", "format"))
    if _is_json(kwargs.get("format", "pdmodel")):
        return _core.serialize_program_json(_core.inference_program(program, feed_vars, fetch_vars, False, True), False)
    return _core.serialize_program(_core.inference_program(program, feed_vars, fetch_vars, False, False))


def serialize_persistables(feed_vars, fetch_vars, executor, **kwargs):
    """The bytes of the .pdiparams of save_inference_model. Source: paddle.static.serialize_persistables."""
    program = _program(kwargs.get("program"), kwargs, ("program",))
    return _core.serialize_parameters(_core.inference_program(program, feed_vars, fetch_vars, False, False))


def deserialize_program(data):
    """The program of a .pdmodel's or .json's bytes. Source: paddle.static.deserialize_program."""
    return _core.parse_program(data)


def deserialize_persistables(program, data, executor):
    """Sets the program's parameters from a .pdiparams' bytes. Source: paddle.static.deserialize_persistables."""
    _core.set_parameters(program, data)


def save_to_file(path, content):
    """Writes bytes; the file appears whole or not at all. Source: paddle.static.save_to_file."""
    if not isinstance(content, bytes):
        raise ValueError("'content' type should be bytes.")
    _make_folder(path)
    _core.write_file(os.fspath(path), content)


def load_from_file(path):
    """The bytes of a file. Source: paddle.static.load_from_file."""
    with open(path, "rb") as file:
        return file.read()


def save(program, model_path, protocol=4, **configs):
    """Writes model_path.pdparams, .pdopt and .pdmodel together; .json in place of the last with format="json".

    Source: paddle.static.save.
    """
    _make_folder(os.fspath(model_path))
    json = _is_json(configs.pop("format", "pdmodel"))
    _core.save_program_state(_program(program, {}, ()), os.fspath(model_path), protocol, json)


def load(program, model_path, executor=None, var_list=None):
    """Sets a program's variables from model_path.pdparams and .pdopt.

    Args:
        program (Program): whose state it is.
        model_path (str): as given to `save`; a suffix may stand behind it.
        executor (Executor): as in Paddle.
        var_list (list): only these variables.

    Raises:
        OSError: a file is missing.
        ValueError: the state is not the program's (every difference is listed); nothing is set then.

    Source: paddle.static.load.
    """
    if var_list is None:
        _core.load_program_state(program, os.fspath(model_path), True)
        return
    state = load_program_state(model_path, var_list)
    _core.set_state_dict(program, state, None)


def load_program_state(model_path, var_list=None):
    """What model_path.pdparams and .pdopt hold, as arrays by name. Source: paddle.static.load_program_state."""
    path = os.fspath(model_path)
    for suffix in (".pdparams", ".pdopt", ".pdmodel", ".json"):
        path = path[:-len(suffix)] if path.endswith(suffix) else path
    state = _core.load_state_arrays(path + ".pdparams")
    if os.path.isfile(path + ".pdopt"):
        state.update(_core.load_state_arrays(path + ".pdopt"))
    if var_list is not None:
        names = [v if isinstance(v, str) else v.name for v in var_list]
        missing = [name for name in names if name not in state]
        if missing:
            raise ValueError(f"{path}.pdparams and .pdopt do not hold {', '.join(missing)}")
        state = {name: state[name] for name in names}
    return state


def set_program_state(program, state_dict):
    """Sets a program's variables from arrays by name. Source: paddle.static.set_program_state."""
    _core.set_state_dict(program, state_dict, None)


def _variables(main_program, vars, predicate):  # noqa: A002
    program = _program(main_program, {}, ())
    chosen = [v for v in program.list_vars() if predicate(v)] if vars is None and predicate is not None else vars
    if chosen is None:
        raise ValueError("vars and predicate are both None; name variables or say how to choose them")
    return [v if isinstance(v, str) else v.name for v in chosen]


def load_vars(executor, dirname, main_program=None, vars=None, predicate=None, filename=None):  # noqa: A002
    """Puts variables into the current scope from one file each, or from one of all, sorted by name.

    Source: paddle.static.load_vars.
    """
    _core.load_variables(os.fspath(dirname or ""), filename or "", _variables(main_program, vars, predicate))


def save_vars(executor, dirname, main_program=None, vars=None, predicate=None, filename=None):  # noqa: A002
    """Writes variables of the current scope to one file each, or to one of all, sorted by name.

    Source: paddle.static.save_vars.
    """
    if dirname:
        os.makedirs(dirname, exist_ok=True)
    _core.save_variables(os.fspath(dirname or ""), filename or "", _variables(main_program, vars, predicate))
