"""Inference programs as ONNX files, compared with ONNX Runtime. Source: paddle.onnx."""
import os

from . import _core

MIN_OPSET, MAX_OPSET = _core.ONNX_OPSETS


def export(layer, path, input_spec=None, opset_version=MIN_OPSET, *, output_spec=None, check=None, check_inputs=None, seed=0, rtol=1e-4, atol=5e-5,
           external_data=False, producer="skiff", model_filename=None, params_filename=None):
    """Writes a model as an ONNX file and compares what ONNX Runtime computes from it with what skiff computes.

    Inputs, outputs and parameters keep their names, dtypes and order; an extent of -1 becomes a symbolic dimension. Which operators have
    an ONNX form stands in docs/onnx_operators.md. The file appears whole or not at all; one that fails the comparison stays, to be looked at.

    Args:
        layer (str | Program): a saved model, named as for `static.load_inference_model`, or a program whose parameters are in the current scope.
        path (str): ".onnx" is appended where it is missing.
        input_spec (list): of a program: the variables that are fed, or their names; None for one with feed operators.
        opset_version (int): 17 to 20. Older readers: `onnx.version_converter`.
        output_spec (list): of a program: the variables that are fetched, or their names; None for one with fetch operators.
        check (bool): True compares and needs onnxruntime, False does not; None compares where onnxruntime is installed and no operator
            draws random numbers.
        check_inputs (dict | list): arrays by input name, or several such dicts, to compare with. Otherwise they are drawn from `seed`:
            floats from -1 to 1, integers 0 and 1; an extent of -1 is 2 in front, 32 in the last two axes of a picture, else 8.
        seed (int): of numpy.random.RandomState.
        rtol, atol (float): outputs may differ by atol + rtol * |skiff's|.
        external_data (bool): parameters go to a file beside the model's, PATH.data; done by itself from 2 GiB on.
        producer (str): the file's producer_name.
        model_filename, params_filename (str): as for `static.load_inference_model`.

    Returns:
        str: the path written.

    Raises:
        NotImplementedError: operators without an ONNX form; all are listed with their places.
        ValueError: the opset is out of range, names do not fit the program, or random numbers are to be compared.
        ImportError: `check` is True and onnxruntime is missing.
        AssertionError: an output differs; says which, and by how much.
        Exception: what onnxruntime itself raises, for a node without a kernel, say.
        OSError: a file is missing or cannot be written.

    Source: paddle.onnx.export.

    Example:
        >>> import os, tempfile
        >>> import skiff as paddle
        >>> main = paddle.static.Program()
        >>> with paddle.static.program_guard(main), tempfile.TemporaryDirectory() as folder:
        ...     x = paddle.static.data("x", [None, 2])
        ...     y = paddle.nn.functional.relu(x * 2.0)
        ...     path = paddle.onnx.export(main, folder + "/relu", [x], output_spec=[y], check=False)
        ...     os.path.basename(path)
        'relu.onnx'
    """
    path = os.fsdecode(path)
    path = path if path.endswith(".onnx") else path + ".onnx"
    if isinstance(layer, _core.Program):
        model = _core.OnnxModel(layer, input_spec, output_spec)
    elif isinstance(layer, (str, os.PathLike)):
        if input_spec is not None or output_spec is not None:
            raise ValueError("input_spec and output_spec belong to a program; a saved model has its inputs and outputs")
        model = _core.OnnxModel(os.fsdecode(layer), model_filename or "", params_filename or "")
    else:
        raise TypeError(f"export takes the name of a saved model or a Program, {type(layer)} was given; save a layer with "
                        "paddle.jit.save or static.save_inference_model first")
    runtime = _runtime(check if not model.draws_random_numbers() else _must_not(check))
    model.export(path, opset_version, producer, external_data)
    if runtime is not None:
        _check(runtime, model.predictor(), path, check_inputs, seed, rtol, atol)
    return path


def operators():
    """Types of the operators that have an ONNX form, sorted."""
    return _core.onnx_operators()


def _must_not(check):
    if check:
        raise ValueError("the model draws random numbers, which are others in ONNX Runtime; export with check=False")
    return False


def _runtime(check):
    if check is False:
        return None
    try:
        import onnxruntime
    except ImportError:
        if check:
            raise ImportError("comparing with ONNX Runtime needs the package onnxruntime: pip install onnxruntime, "
                              "or export with check=False") from None
        return None
    return onnxruntime


def _drawn(predictor, seed):
    """One array for each input."""
    import numpy as np
    random, arrays = np.random.RandomState(seed), {}
    for name in predictor.input_names:
        shape, dtype = predictor.describe(name)
        dtype = dtype.name
        extents = []
        for axis, extent in enumerate(shape):
            picture = len(shape) == 4 and axis >= 2
            extents.append(extent if extent >= 0 else 2 if axis == 0 else 32 if picture else 8)
        if dtype == "bfloat16":
            raise ValueError(f"input {name} is bfloat16, of which numpy has no arrays; export with check=False")
        if dtype.startswith("float"):
            arrays[name] = random.uniform(-1, 1, extents).astype(dtype)
        else:
            arrays[name] = random.randint(0, 2, extents).astype(dtype)
    return arrays


def _check(runtime, predictor, path, inputs, seed, rtol, atol):
    import numpy as np
    options = runtime.SessionOptions()
    options.log_severity_level = 3
    session = runtime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    if inputs is None:
        inputs = _drawn(predictor, seed)
    for feed in inputs if isinstance(inputs, (list, tuple)) else [inputs]:
        wanted = predictor.run(feed)
        used = {one.name for one in session.get_inputs()}
        given = session.run(None, {name: np.asarray(array) for name, array in feed.items() if name in used})
        for name, ours, theirs in zip(predictor.output_names, wanted, given):
            _compare(path, name, np.asarray(ours), np.asarray(theirs), rtol, atol)


def _compare(path, name, ours, theirs, rtol, atol):
    import numpy as np
    if (ours.dtype, ours.shape) != (theirs.dtype, theirs.shape):
        raise AssertionError(f"{path}: output {name} is {theirs.dtype} {list(theirs.shape)} in ONNX Runtime, "
                             f"{ours.dtype} {list(ours.shape)} in skiff")
    with np.errstate(invalid="ignore"):
        difference = np.abs(ours.astype("float64") - theirs.astype("float64"))
        close = np.isclose(theirs, ours, rtol=rtol, atol=atol, equal_nan=True)
    if close.all():
        return
    finite = difference[np.isfinite(difference)]
    raise AssertionError(f"{path}: output {name} differs from skiff's in {np.count_nonzero(~close)} of {close.size} elements, by at most "
                         f"{finite.max() if finite.size else np.nan:.3g} where both are finite (allowed: {atol:g} + {rtol:g} * |skiff's|)")
