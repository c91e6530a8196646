"""Inference models, compiled once and run from any number of threads. Source: paddle.inference."""
import enum
import os

from . import _core
from .version import full_version


class DataType(enum.Enum):
    """Element types of inputs and outputs. Source: paddle.inference.DataType."""
    FLOAT32 = "float32"
    FLOAT64 = "float64"
    FLOAT16 = "float16"
    BFLOAT16 = "bfloat16"
    INT8 = "int8"
    UINT8 = "uint8"
    INT32 = "int32"
    INT64 = "int64"
    BOOL = "bool"


class PlaceType(enum.Enum):
    """Where a tensor is. Source: paddle.inference.PlaceType."""
    UNK = -1
    CPU = 0
    GPU = 1


class PrecisionType(enum.Enum):
    """In what a model computes. Source: paddle.inference.PrecisionType."""
    Float32 = 0
    Int8 = 1
    Half = 2
    Bfloat16 = 3


class Config:
    """Where a model is and how it shall run.

    Args:
        prog_file (str): the program, or the folder of an older model when it stands alone.
        params_file (str): the parameters.

    Skiff chooses its kernels and passes itself: what selects them in Paddle (enable_mkldnn, enable_memory_optim, delete_pass, ...) is
    accepted without effect. What asks for another engine (TensorRT, ONNX Runtime, XPU, ...) raises NotImplementedError.

    Source: paddle.inference.Config.

    Example:
        >>> from skiff import inference
        >>> config = inference.Config("lenet.pdmodel", "lenet.pdiparams")
        >>> config.set_cpu_math_library_num_threads(4)
        >>> config.cpu_math_library_num_threads()
        4
    """

    Precision = PrecisionType

    def __init__(self, prog_file=None, params_file=None):
        self._prog, self._params, self._buffers = None, None, None
        self._threads, self._device, self._optimize, self._quiet = 1, None, True, False
        self.set_model(prog_file, params_file)

    def set_model(self, prog_file, params_file=None):
        """Names the files: program and parameters, or one folder."""
        self._prog = None if prog_file is None else os.fsdecode(prog_file)
        self._params = None if params_file is None else os.fsdecode(params_file)
        self._buffers = None

    def set_prog_file(self, path):
        """Names the program's file."""
        self._prog = os.fsdecode(path)

    def set_params_file(self, path):
        """Names the parameters' file."""
        self._params = os.fsdecode(path)

    def set_model_buffer(self, prog_buffer, prog_buffer_size, params_buffer, params_buffer_size):
        """The model from memory: bytes of both files, and how many of them count.

        Raises:
            ValueError: a size is larger than its buffer.
        """
        for what, buffer, size in (("prog_buffer", prog_buffer, prog_buffer_size), ("params_buffer", params_buffer, params_buffer_size)):
            if not 0 <= size <= len(buffer):
                raise ValueError(f"{what} holds {len(buffer)} bytes, {size} were asked for")
        self._buffers = bytes(prog_buffer[:prog_buffer_size]), bytes(params_buffer[:params_buffer_size])

    def model_from_memory(self):
        """Whether set_model_buffer gave the model."""
        return self._buffers is not None

    def model_dir(self):
        """The folder, "" where two files are named."""
        return (self._prog or "") if self._params is None else ""

    def prog_file(self):
        """The program's file, "" where a folder is named."""
        return (self._prog or "") if self._params is not None else ""

    def params_file(self):
        """The parameters' file, "" where a folder is named."""
        return self._params or ""

    def enable_use_gpu(self, memory_pool_init_size_mb=100, device_id=0, precision_mode=PrecisionType.Float32):
        """Runs on a card. Memory is taken as it is needed, whatever the first argument says.

        Raises:
            NotImplementedError: a precision other than the model's own.
        """
        if precision_mode is not PrecisionType.Float32:
            raise NotImplementedError(f"enable_use_gpu: precision_mode {precision_mode} is not supported; a model runs as it was saved")
        self._device = int(device_id)

    def disable_gpu(self):
        """Runs on the CPU, as it does without being told."""
        self._device = None

    def use_gpu(self):
        """Whether the model shall run on a card."""
        return self._device is not None

    def gpu_device_id(self):
        """The card's number."""
        return self._device or 0

    def set_cpu_math_library_num_threads(self, cpu_math_library_num_threads):
        """CPU threads of one run.

        Raises:
            ValueError: not positive.
        """
        if cpu_math_library_num_threads < 1:
            raise ValueError(f"cpu_math_library_num_threads is {cpu_math_library_num_threads}; it must be positive")
        self._threads = int(cpu_math_library_num_threads)

    def cpu_math_library_num_threads(self):
        """CPU threads of one run, 1 unless told otherwise."""
        return self._threads

    def switch_ir_optim(self, x=True):
        """Whether the program is rewritten for speed."""
        self._optimize = bool(x)

    def ir_optim(self):
        """Whether the program is rewritten for speed."""
        return self._optimize

    def disable_glog_info(self):
        """Accepted: skiff prints nothing while it loads and runs."""
        self._quiet = True

    def glog_info_disabled(self):
        """Whether disable_glog_info was called."""
        return self._quiet

    def mkldnn_enabled(self):
        """True: skiff's convolutions and products on the CPU are oneDNN's."""
        return True

    def summary(self):
        """The settings, a line each."""
        model = "in memory" if self._buffers else self._prog
        place = "CPU" if self._device is None else f"GPU {self._device}"
        return f"model       {model}\nparameters  {self._params or ''}\nplace       {place}\n" \
               f"threads     {self._threads}\noptimized   {self._optimize}\n"

    def _open(self):
        place = _core.CPUPlace() if self._device is None else _core.CUDAPlace(self._device)
        if self._buffers is not None:
            return _core.make_predictor_from_memory(*self._buffers, place, self._threads, self._optimize)
        if self._prog is None:
            raise ValueError("the Config names no model; call set_model(prog_file, params_file)")
        if self._params is None:
            return _core.make_predictor(self._prog, "", "", place, self._threads, self._optimize)
        folder, name = os.path.split(self._prog)
        return _core.make_predictor(folder or ".", name, os.path.abspath(self._params), place, self._threads, self._optimize)


def _without_effect(name):
    def accept(self, *args, **kwargs):
        pass
    accept.__name__, accept.__doc__ = name, "Accepted without effect: skiff decides this itself."
    return accept


def _not_supported(name, what):
    def refuse(self, *args, **kwargs):
        raise NotImplementedError(f"Config.{name}: skiff has no {what}; models run on the CPU, or on a card by enable_use_gpu")
    refuse.__name__, refuse.__doc__ = name, f"Not supported: raises NotImplementedError, for skiff has no {what}."
    return refuse


for _name in ("enable_memory_optim", "enable_mkldnn", "disable_mkldnn", "disable_mkldnn_fc_passes", "set_mkldnn_cache_capacity",
              "set_mkldnn_op", "switch_use_feed_fetch_ops", "switch_specify_input_names", "switch_ir_debug", "enable_profile",
              "enable_new_executor", "set_optim_cache_dir", "delete_pass", "disable_onnxruntime", "exp_enable_use_cutlass"):
    setattr(Config, _name, _without_effect(_name))
for _name, _what in (("enable_tensorrt_engine", "TensorRT"), ("enable_onnxruntime", "ONNX Runtime inside"), ("enable_lite_engine", "Paddle Lite"),
                     ("enable_xpu", "XPU"), ("enable_ipu", "IPU"), ("enable_custom_device", "custom devices"),
                     ("enable_mkldnn_bfloat16", "conversion to bfloat16"), ("enable_mkldnn_int8", "conversion to int8"),
                     ("enable_quantizer", "quantizer"), ("exp_enable_mixed_precision_ops", "conversion to halves"),
                     ("collect_shape_range_info", "collector of shapes")):
    setattr(Config, _name, _not_supported(_name, _what))


class Tensor:
    """One input or output of a predictor. Source: paddle.inference.Tensor."""

    def __init__(self, predictor, name, is_input):
        self._predictor, self._name, self._is_input = predictor, name, is_input
        self._value, self._shape, self._lod = None, None, []

    def name(self):
        """The variable's name."""
        return self._name

    def reshape(self, shape):
        """Says what shape comes next; copy_from_cpu takes any, so that this may be left out."""
        self._shape = list(shape)

    def copy_from_cpu(self, data):
        """Sets an input to a copy of an array.

        Raises:
            TypeError: `data` is no array.
            RuntimeError: this is an output.
        """
        import numpy as np  # not before it is needed: importing skiff must not cost numpy's import
        self._set(np.array(data) if isinstance(data, np.ndarray) else data)

    def share_external_data(self, data):
        """Sets an input to an array without copying it: it must not change before the run is over. Errors as copy_from_cpu."""
        self._set(data)

    def _set(self, data):
        import numpy as np
        if not self._is_input:
            raise RuntimeError(f'"{self._name}" is an output; only inputs can be set')
        if not isinstance(data, np.ndarray):
            raise TypeError(f'input "{self._name}": expected a numpy array, got {type(data).__name__}')
        self._value, self._shape = data, list(data.shape)

    def copy_to_cpu(self):
        """The value as an array.

        Raises:
            RuntimeError: there is none yet.
        """
        import numpy as np
        if self._value is None:
            raise RuntimeError(f'"{self._name}" holds no value; {"call copy_from_cpu" if self._is_input else "call run"} first')
        return np.array(self._value)

    def shape(self):
        """Extents of the value; of what reshape said, or [0], where there is none."""
        return [0] if self._shape is None else list(self._shape)

    def type(self):
        """The DataType that the model declares."""
        return DataType(str(self._predictor.describe(self._name)[1]).rsplit(".", 1)[-1].lower().replace("fp", "float"))

    def set_lod(self, lod):
        """The sequences of an input: for each level the offsets of its rows."""
        self._lod = [list(level) for level in lod]

    def lod(self):
        """Offsets of the sequences, [] where there are none."""
        return self._lod

    def _feed(self):
        if not self._lod:
            return self._value
        tensor = _core.LoDTensor()
        tensor.set(self._value, _core.CPUPlace())
        tensor.set_lod(self._lod)
        return tensor

    def _receive(self, tensor):
        import numpy as np
        self._value, self._lod = np.asarray(tensor), [list(level) for level in tensor.lod()]
        self._shape = list(self._value.shape)


class Predictor:
    """A loaded inference model.

    Args:
        prefix (str | Config): as given to save_inference_model, or the folder of an older model. A Config settles the rest too.
        place (CPUPlace | CUDAPlace): the CPU where None.
        threads (int): CPU threads of one run, 0 for as many as the process may use.
        model_filename, params_filename (str): of older models.
        optimize (bool): rewrites the program for speed.

    Raises:
        OSError: a file is missing.
        ValueError: a file is damaged, or the parameters are not the program's.
        NotImplementedError: an operator that skiff does not have (all are named).

    Threads: `run(inputs)` may be called from any number of threads at once. Handles belong to one thread; `clone` makes more of them,
    over the same weights.

    Source: paddle.inference.Predictor; `run` with a dict is skiff's.
    """

    def __init__(self, prefix, place=None, threads=0, model_filename=None, params_filename=None, optimize=True):
        if isinstance(prefix, Config):
            self._core = prefix._open()
        else:
            self._core = _core.make_predictor(os.fsdecode(prefix), model_filename or "", params_filename or "", place, threads, optimize)
        self._start()

    def _start(self):
        self._inputs = {name: Tensor(self, name, True) for name in self._core.input_names}
        self._outputs = {name: Tensor(self, name, False) for name in self._core.output_names}

    @property
    def input_names(self):
        """Names of the inputs, in order."""
        return self._core.input_names

    @property
    def output_names(self):
        """Names of the outputs, in order."""
        return self._core.output_names

    def describe(self, name):
        """(shape, dtype) of an input or output; -1 where any extent is taken."""
        return self._core.describe(name)

    def run(self, inputs=None):
        """Runs the model.

        Args:
            inputs (dict | list): name -> array, or arrays in the order of the inputs. None: what the inputs' handles hold.

        Returns:
            list: one array for each output; True where inputs is None, and the outputs' handles hold the arrays.

        Raises:
            RuntimeError: an input's handle holds nothing (all are named).
            ValueError: a wrong number, shape or dtype.
        """
        if inputs is not None:
            return self._core.run(inputs)
        missing = [name for name, handle in self._inputs.items() if handle._value is None]
        if missing:
            raise RuntimeError(f'inputs hold no value: {", ".join(missing)}; call get_input_handle(name).copy_from_cpu(array) first')
        results = self._core.run({name: handle._feed() for name, handle in self._inputs.items()}, return_numpy=False)
        for handle, result in zip(self._outputs.values(), results):
            handle._receive(result)
        return True

    def get_input_names(self):
        """Names of the inputs, in order."""
        return list(self._inputs)

    def get_output_names(self):
        """Names of the outputs, in order."""
        return list(self._outputs)

    def get_input_handle(self, name):
        """The handle of an input. Raises RuntimeError where there is none of that name."""
        return self._handle(self._inputs, "input", name)

    def get_output_handle(self, name):
        """The handle of an output. Raises RuntimeError where there is none of that name."""
        return self._handle(self._outputs, "output", name)

    @staticmethod
    def _handle(handles, kind, name):
        if name not in handles:
            raise RuntimeError(f'the model has no {kind} "{name}"; it has {", ".join(handles)}')
        return handles[name]

    def clone(self, stream=None):
        """A predictor over the same weights with handles of its own, for another thread."""
        twin = object.__new__(Predictor)
        twin._core = self._core
        twin._start()
        return twin

    def clear_intermediate_tensor(self):
        """Accepted: temporaries live in one arena that each thread reuses."""

    def try_shrink_memory(self):
        """Accepted: 0 bytes are freed. See clear_intermediate_tensor."""
        return 0


def create_predictor(config):
    """The predictor of a Config. Raises as Predictor. Source: paddle.inference.create_predictor."""
    return Predictor(config)


class PredictorPool:
    """Predictors over the same weights. Source: paddle.inference.PredictorPool.

    Args:
        config (Config): the model.
        size (int): how many.
    """

    def __init__(self, config, size=1):
        if size < 1:
            raise ValueError(f"size is {size}; a pool holds at least one predictor")
        first = Predictor(config)
        self._predictors = [first] + [first.clone() for _ in range(size - 1)]

    def retrive(self, idx):  # Paddle's spelling
        """Predictor number idx. Raises IndexError."""
        return self._predictors[idx]


def get_num_bytes_of_data_type(dtype):
    """Bytes of one element of a DataType. Source: paddle.inference.get_num_bytes_of_data_type."""
    return {"float64": 8, "int64": 8, "float32": 4, "int32": 4, "float16": 2, "bfloat16": 2}.get(dtype.value, 1)


def get_version():
    """skiff's version, as one line. Source: paddle.inference.get_version."""
    return f"version: {full_version}\n"
