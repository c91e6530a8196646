"""Mixed precision: products in a half type, the rest in float32, the loss scaled. Source: paddle.static.amp."""
import contextlib

from .. import _core
from ..optimizer import Optimizer

__all__ = ["AutoMixedPrecisionLists", "CustomOpLists", "decorate", "fp16_guard"]


class AutoMixedPrecisionLists:
    """Which operators run in the half type (white), in float32 (black), or as their inputs (gray).

    Args:
        custom_white_list, custom_black_list (set): operators that move to a list.
        custom_black_varnames (set): operators that touch one of these variables stay in float32.
        dtype (str): "float16" or "bfloat16"; the lists are the same.

    Source: paddle.static.amp.AutoMixedPrecisionLists.
    """

    def __init__(self, custom_white_list=None, custom_black_list=None, custom_black_varnames=None, dtype="float16"):
        self._white, self._black = set(custom_white_list or ()), set(custom_black_list or ())
        self.black_varnames = set(custom_black_varnames or ())
        self.amp_dtype = dtype
        self.white_list, self.black_list, self.gray_list = _core.amp_lists(sorted(self._white), sorted(self._black))


CustomOpLists = AutoMixedPrecisionLists


class OptimizerWithMixedPrecision(Optimizer):
    """What `decorate` gives. Source: paddle.static.amp.decorate."""

    def __init__(self, optimizer, lists, dtype, init_loss_scaling, dynamic, incr_every_n_steps, decr_every_n_nan_or_inf, incr_ratio,
                 decr_ratio):
        self._optimizer, self._parameters = optimizer, optimizer._parameters
        self._mixed = _core.MixedPrecision(optimizer._core, sorted(lists._white), sorted(lists._black), sorted(lists.black_varnames), dtype,
                                           float(init_loss_scaling), dynamic, incr_every_n_steps, decr_every_n_nan_or_inf, incr_ratio,
                                           decr_ratio)

    def backward(self, loss, startup_program=None, parameter_list=None, no_grad_set=None, callbacks=None):
        """Casts the program, scales the loss and appends the gradient operators. Returns pairs of parameter and gradient."""
        return self._mixed.backward(loss, startup_program, parameter_list or self._parameters, no_grad_set)

    def apply_gradients(self, params_grads):
        """Appends unscaling, the scale's own update and the parameters' updates. Returns the update operators."""
        program = _core.default_main_program()
        before = len(program.global_block().ops)
        self._mixed.apply_gradients([tuple(pair) for pair in params_grads])
        return self._updates(program, before)

    def minimize(self, loss, startup_program=None, parameter_list=None, no_grad_set=None):
        """Appends everything that one step of training needs. Returns the update operators, and pairs of parameter and gradient."""
        pairs = self.backward(loss, startup_program, parameter_list, no_grad_set)
        return self.apply_gradients(pairs), pairs

    def amp_init(self, place, scope=None, test_program=None, use_fp16_test=False):
        """Nothing is left to do: parameters stay in float32."""

    def get_loss_scaling(self):
        """The scale's variable."""
        return self._mixed.loss_scaling()

    def get_scaled_loss(self):
        """The scaled loss's variable."""
        return self._mixed.scaled_loss()

    def __getattr__(self, name):
        return getattr(self._optimizer, name)


def decorate(optimizer, amp_lists=None, level="O1", dtype="float16", master_weight=None, master_grad=False, init_loss_scaling=2.0 ** 16,
             incr_every_n_steps=2000, decr_every_n_nan_or_inf=1, incr_ratio=2.0, decr_ratio=0.5, use_dynamic_loss_scaling=None,
             use_amp_guard=False, use_master_grad=False, use_promote=False):
    """An optimizer whose programs train in mixed precision.

    Args:
        optimizer (Optimizer): makes the updates, in float32.
        amp_lists (AutoMixedPrecisionLists): which operators run in which precision.
        level (str): "O1". "O2", where parameters are halves too, is not supported; "O0" returns the optimizer.
        dtype (str): "float16" or "bfloat16".
        init_loss_scaling (float): the scale of the first step; 1 for bfloat16 unless use_dynamic_loss_scaling.
        incr_every_n_steps, incr_ratio: the scale grows after so many finite steps.
        decr_every_n_nan_or_inf, decr_ratio: it shrinks after so many others.
        use_dynamic_loss_scaling (bool): whether the scale adapts; for float16 it does where None.
        master_weight, master_grad, use_amp_guard, use_master_grad, use_promote: accepted for level O1, without effect.

    Returns:
        OptimizerWithMixedPrecision

    Raises:
        NotImplementedError: level O2.
        ValueError: another level, a wrong dtype, an operator in both custom lists.

    Source: paddle.static.amp.decorate.
    """
    if level == "O0":
        return optimizer
    if level == "O2":
        raise NotImplementedError('decorate: level "O2" is not supported; take "O1", which leaves parameters in float32')
    if level not in ("OD", "O1"):
        raise ValueError(f'level should be "O0", "OD", "O1" or "O2", got {level!r}')
    if dtype not in ("float16", "bfloat16"):
        raise ValueError(f'dtype should be "float16" or "bfloat16", got {dtype!r}')
    if use_dynamic_loss_scaling is None:
        use_dynamic_loss_scaling = dtype == "float16"
    if dtype == "bfloat16" and not use_dynamic_loss_scaling:
        init_loss_scaling = 1.0
    return OptimizerWithMixedPrecision(optimizer, amp_lists or AutoMixedPrecisionLists(dtype=dtype), dtype, init_loss_scaling,
                                       use_dynamic_loss_scaling, incr_every_n_steps, decr_every_n_nan_or_inf, incr_ratio, decr_ratio)


@contextlib.contextmanager
def fp16_guard():
    """Accepted, without effect: level O1 casts by the lists alone. Source: paddle.static.amp.fp16_guard."""
    yield
