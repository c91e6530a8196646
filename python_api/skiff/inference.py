"""Inference models, compiled once and run from any number of threads."""
import os

from . import _core


class Predictor:
    """A loaded inference model.

    Args:
        prefix (str): as given to save_inference_model, or the folder of an older model.
        place (CPUPlace | CUDAPlace): the CPU where None.
        threads (int): CPU threads of one run, 0 for as many as the process may use.
        model_filename, params_filename (str): of older models.
        optimize (bool): rewrites the program for speed.

    Raises:
        OSError: a file is missing.
        ValueError: a file is damaged, or the parameters are not the program's.
        NotImplementedError: an operator that skiff does not have (all are named).

    Threads: `run` may be called from any number of threads at once.
    """

    def __init__(self, prefix, place=None, threads=0, model_filename=None, params_filename=None, optimize=True):
        self._core = _core.make_predictor(os.fspath(prefix), model_filename or "", params_filename or "", place, threads,
                                          optimize)

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

    def run(self, inputs):
        """Runs the model.

        Args:
            inputs (dict | list): name -> array, or arrays in the order of the inputs.

        Returns:
            list: one array for each output.
        """
        return self._core.run(inputs)
