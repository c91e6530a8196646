"""An optimizer whose programs train in mixed precision. Source: paddle.static.amp.decorator."""
import warnings

from ... import _core
from ...optimizer import Optimizer
from ..build import program_guard
from .fp16_lists import AutoMixedPrecisionLists, half_name
from .fp16_utils import GUARD

__all__ = ["OptimizerWithMixedPrecision", "decorate"]


class MixedOptimizer(Optimizer):
    """What both kinds of mixed precision share: everything but the scale of the loss."""

    def __init__(self, optimizer, mixed, half_test):
        self._optimizer, self._parameters, self._mixed = optimizer, optimizer._parameters, mixed
        self._half_test, self._train_program = half_test, None

    def backward(self, loss, startup_program=None, parameter_list=None, no_grad_set=None, callbacks=None):
        """Casts the program, scales the loss and appends the gradient operators. Returns pairs of parameter and gradient."""
        self._train_program = loss.block.program
        return self._mixed.backward(loss, startup_program, parameter_list or self._parameters, no_grad_set)

    def apply_gradients(self, params_grads):
        """Appends unscaling, the scale's own update and the parameters' updates. Returns the update operators."""
        program = _core.default_main_program()
        before = len(program.global_block().ops)
        self._mixed.apply_gradients([tuple(pair) for pair in params_grads])
        return self._updates(program, before)

    def apply_optimize(self, loss, startup_program, params_grads):
        """`apply_gradients` for the program of a loss."""
        with program_guard(loss.block.program, startup_program):
            return self.apply_gradients(params_grads)

    def minimize(self, loss, startup_program=None, parameter_list=None, no_grad_set=None):
        """Appends everything that one step of training needs. Returns the update operators, and pairs of parameter and gradient."""
        pairs = self.backward(loss, startup_program, parameter_list, no_grad_set)
        return self.apply_optimize(loss, startup_program, pairs), pairs

    def _init(self, scope, test_program, half_test, rewrite_master_weight=False):
        if self._train_program is None:
            raise RuntimeError("amp_init: there is no program yet; call minimize first")
        self._mixed.init_parameters(self._train_program, scope or _core.global_scope(), rewrite_master_weight)
        if test_program is not None and (self._half_test or half_test):
            self._mixed.cast_for_test(test_program)

    def __getattr__(self, name):
        if name == "_optimizer":  # not made yet, as while copying
            raise AttributeError(name)
        return getattr(self._optimizer, name)


class OptimizerWithMixedPrecision(MixedOptimizer):
    """What `decorate` gives. Source: paddle.static.amp.decorate."""

    def __init__(self, optimizer, amp_lists, level, dtype, init_loss_scaling, use_dynamic_loss_scaling, incr_every_n_steps,
                 decr_every_n_nan_or_inf, incr_ratio, decr_ratio, use_amp_guard=None, use_master_grad=False, use_promote=False,
                 master_weight=False):
        if dtype == "bfloat16" and use_dynamic_loss_scaling:
            warnings.warn("bfloat16 has the range of float32: the loss is not scaled")
        pure = level == "O2"
        mixed = _core.MixedPrecision(
            optimizer._core, amp_lists, dtype, level, master_weight, use_master_grad, GUARD if pure and use_amp_guard else "", use_promote,
            ".cast_fp16", False, True, float(init_loss_scaling), use_dynamic_loss_scaling, incr_every_n_steps, decr_every_n_nan_or_inf,
            incr_ratio, decr_ratio)
        super().__init__(optimizer, mixed, pure)

    def amp_init(self, place, scope=None, test_program=None, use_fp16_test=False, rewrite_master_weight=False):
        """To be called once the startup program has run: at level O2, makes the values of half parameters half.

        Args:
            place: accepted; values stay where they are.
            scope (Scope): holds the parameters; the current one where None.
            test_program (Program): a program for testing, made before `minimize`, that becomes half too: at level O2, and
                at the others with use_fp16_test.
            rewrite_master_weight (bool): master weights become what the half parameters hold, as is wanted where the
                parameters were loaded after the startup program ran.

        Raises:
            RuntimeError: before `minimize`.
        """
        self._init(scope, test_program, use_fp16_test, rewrite_master_weight)

    def get_loss_scaling(self):
        """The scale's variable, float32 [1]."""
        return self._mixed.loss_scaling()

    def get_scaled_loss(self):
        """The scaled loss's variable."""
        return self._mixed.scaled_loss()


def decorate(*args, **options):
    """An optimizer whose programs train in mixed precision.

    It is called in one of two ways::

        decorate(optimizer, amp_lists=None, level="O1", dtype="float16", master_weight=None, master_grad=False,
                 init_loss_scaling=2**16, incr_every_n_steps=2000, decr_every_n_nan_or_inf=1, incr_ratio=2.0,
                 decr_ratio=0.5, use_dynamic_loss_scaling=None, use_amp_guard=False, use_promote=False)
        decorate(optimizer, amp_lists=None, init_loss_scaling=2**15, incr_every_n_steps=1000,
                 decr_every_n_nan_or_inf=2, incr_ratio=2.0, decr_ratio=0.8, use_dynamic_loss_scaling=True,
                 use_pure_fp16=False, use_fp16_guard=None, use_bf16=False, use_promote=False)

    the second with use_pure_fp16, use_fp16_guard or use_bf16, or with a float in third place.

    Args:
        optimizer (Optimizer): makes the updates.
        amp_lists (AutoMixedPrecisionLists): which operators run in which precision; not read at level OD.
        level (str): "O1": operators run by the lists. "OD": white operators alone are half. "O2": parameters and nearly
            all operators are half; call `amp_init` after the startup program. "O0" returns the optimizer.
        dtype (str): "float16" or "bfloat16".
        master_weight (bool): whether half parameters are updated through float32 copies; they are where None.
        master_grad (bool): at level O2, gradients become float32 before they are unscaled, clipped and applied.
        init_loss_scaling (float): the scale of the first step.
        incr_every_n_steps, incr_ratio: the scale grows after so many finite steps.
        decr_every_n_nan_or_inf, decr_ratio: it shrinks after so many others.
        use_dynamic_loss_scaling (bool): whether the scale adapts; where None, for float16. For bfloat16 True means no scale.
        use_amp_guard (bool): at level O2, only operators made under `fp16_guard` become half.
        use_promote (bool): operators in no list with a float32 input stay in float32.
        use_pure_fp16 (bool): level O2, without asking for master weights.
        use_fp16_guard (bool): as use_amp_guard; use_pure_fp16 where None.
        use_bf16 (bool): bfloat16 instead of float16.

    Returns:
        OptimizerWithMixedPrecision

    Raises:
        ValueError: another level, a wrong dtype, an operator in both custom lists.
        RuntimeError: what is given is no optimizer.

    Source: paddle.static.amp.decorate.
    """
    older = {"use_pure_fp16", "use_fp16_guard", "use_bf16"} & options.keys() or (len(args) > 2 and isinstance(args[2], float))
    return (_decorate_by_switches if older else _decorate_by_level)(*args, **options)


def _check(optimizer):
    if not isinstance(optimizer, Optimizer):
        raise RuntimeError(f"decorate: an optimizer of skiff.optimizer is expected, got {type(optimizer).__name__}")


def _decorate_by_switches(optimizer, amp_lists=None, init_loss_scaling=2.0 ** 15, incr_every_n_steps=1000, decr_every_n_nan_or_inf=2,
                          incr_ratio=2.0, decr_ratio=0.8, use_dynamic_loss_scaling=True, use_pure_fp16=False, use_fp16_guard=None,
                          use_bf16=False, use_promote=False):
    _check(optimizer)
    dtype = "bfloat16" if use_bf16 else "float16"
    return OptimizerWithMixedPrecision(
        optimizer, amp_lists or AutoMixedPrecisionLists(dtype=dtype), "O2" if use_pure_fp16 else "O1", dtype, init_loss_scaling,
        use_dynamic_loss_scaling, incr_every_n_steps, decr_every_n_nan_or_inf, incr_ratio, decr_ratio,
        use_pure_fp16 if use_fp16_guard is None else use_fp16_guard, use_promote=use_promote)


def _decorate_by_level(optimizer, amp_lists=None, level="O1", dtype="float16", master_weight=None, master_grad=False,
                       init_loss_scaling=2.0 ** 16, incr_every_n_steps=2000, decr_every_n_nan_or_inf=1, incr_ratio=2.0, decr_ratio=0.5,
                       use_dynamic_loss_scaling=None, use_amp_guard=False, use_promote=False):
    _check(optimizer)
    level = str(level).upper()
    if level not in ("O0", "OD", "O1", "O2"):
        raise ValueError(f'level should be "O0", "OD", "O1" or "O2", got {level!r}')
    if level == "O0":
        return optimizer
    dtype = half_name(dtype)
    return OptimizerWithMixedPrecision(
        optimizer, amp_lists or AutoMixedPrecisionLists(dtype=dtype), level, dtype, init_loss_scaling,
        dtype == "float16" if use_dynamic_loss_scaling is None else use_dynamic_loss_scaling, incr_every_n_steps,
        decr_every_n_nan_or_inf, incr_ratio, decr_ratio, use_amp_guard, master_grad, use_promote, master_weight is not False)
