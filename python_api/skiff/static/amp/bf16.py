"""bfloat16 without a scaled loss. Source: paddle.static.amp.bf16."""
from ... import _core
from ..build import name_scope
from .decorator import MixedOptimizer, _check

__all__ = ["AutoMixedPrecisionListsBF16", "bf16_guard", "cast_model_to_bf16", "cast_parameters_to_bf16", "convert_float_to_uint16",
           "decorate_bf16", "rewrite_program_bf16"]
GUARD = "__use_bf16__"
SUFFIX = ".cast_bf16"


class AutoMixedPrecisionListsBF16:
    """Which operators run in bfloat16, in float32, or as what made their inputs (gray_list).

    Args:
        custom_bf16_list, custom_fp32_list (set): operators that move to a list.
        custom_fp32_varnames (set): operators that touch one of these variables stay in float32.

    Attributes:
        bf16_list, fp32_list, gray_list, fp32_varnames (set): may be changed until a program is cast.
        unsupported_list (set): operators that stay in float32 in pure bfloat16.

    Raises:
        ValueError: an operator in both custom lists.

    Source: paddle.static.amp.bf16.AutoMixedPrecisionListsBF16.
    """

    def __init__(self, custom_bf16_list=None, custom_fp32_list=None, custom_fp32_varnames=None):
        self.fp32_varnames = None if custom_fp32_varnames is None else set(custom_fp32_varnames)
        self.bf16_list, self.fp32_list, self.gray_list, self.unsupported_list = _core.amp_lists_bf16(
            sorted(custom_bf16_list or ()), sorted(custom_fp32_list or ()))

    # what the C++ half reads
    _half = property(lambda self: self.bf16_list)
    _wide = property(lambda self: self.fp32_list)
    _wide_variables = property(lambda self: sorted(self.fp32_varnames or ()))


class _EverythingSupported:
    """In pure bfloat16 whatever has a kernel of it is half."""

    def __init__(self, lists):
        self._half, self._wide, self._wide_variables = lists._half, set(), []
        self.gray_list, self.unsupported_list = lists.gray_list, lists.unsupported_list


def bf16_guard():
    """A context: in pure bfloat16 with guards, only operators made under one become half. Source: paddle.static.amp.bf16.bf16_guard."""
    return name_scope(GUARD)


def convert_float_to_uint16(in_list):
    """Numbers, as the high halves of their float32 form: bfloat16 by dropping digits.

    Source: paddle.static.amp.bf16.convert_float_to_uint16.

    Example:
        >>> import skiff as paddle
        >>> paddle.static.amp.bf16.convert_float_to_uint16([1.0, -2.0]).tolist()
        [16256, 49152]
    """
    import numpy as np  # importing skiff brings in nothing heavy
    return (np.asarray(in_list, "float32").view("uint32") >> 16).astype("uint16")


def rewrite_program_bf16(main_prog, amp_lists=None):
    """Inserts casts into a program without gradients so that its operators run by the lists. Parameters stay in float32.

    Args:
        main_prog (Program): changed in place.
        amp_lists (AutoMixedPrecisionListsBF16): the default ones where None.

    Source: paddle.static.amp.bf16.rewrite_program_bf16.
    """
    _core.amp_cast_program(main_prog, amp_lists or AutoMixedPrecisionListsBF16(), "bfloat16", "BF16", "", False, SUFFIX, False)


def cast_model_to_bf16(program, startup_prog=None, amp_lists=None, use_bf16_guard=True):
    """Casts a program without gradients, parameters included, to bfloat16. See `cast_model_to_fp16`.

    Inputs that bfloat16 operators read become bfloat16 without a cast: feed them so, as `convert_float_to_uint16` gives.

    Args:
        program (Program): changed in place.
        startup_prog (Program): accepted and left alone: parameters are drawn in float32, and become bfloat16 by
            `cast_parameters_to_bf16`.
        amp_lists (AutoMixedPrecisionListsBF16): of these, unsupported_list and bf16_list are read.
        use_bf16_guard (bool): operators outside of `bf16_guard` stay in float32.

    Returns:
        set: names of the variables whose values must be bfloat16, those of parameters among them.

    Source: paddle.static.amp.bf16.cast_model_to_bf16.
    """
    lists = _EverythingSupported(amp_lists or AutoMixedPrecisionListsBF16())
    return _core.amp_cast_program(program, lists, "bfloat16", "O2", GUARD if use_bf16_guard else "", False, SUFFIX, True)


def cast_parameters_to_bf16(place, program, scope=None, to_bf16_var_names=None):
    """Converts the values of a program's parameters to bfloat16, rounded to nearest.

    Args:
        place: accepted; values stay where they are.
        program (Program): whose parameters.
        scope (Scope): holds the values; the current one where None.
        to_bf16_var_names (set): what `cast_model_to_bf16` returned; other parameters stay as they are.

    Source: paddle.static.amp.bf16.cast_parameters_to_bf16.
    """
    _core.amp_cast_parameters(program, sorted(to_bf16_var_names or ()), "bfloat16", scope or _core.global_scope())


class OptimizerWithMixedPrecision(MixedOptimizer):
    """What `decorate_bf16` gives. Source: paddle.static.amp.bf16.decorate_bf16."""

    def __init__(self, optimizer, amp_lists, use_pure_bf16, use_bf16_guard):
        lists = _EverythingSupported(amp_lists) if use_pure_bf16 else amp_lists
        guard = GUARD if use_pure_bf16 and use_bf16_guard else ""
        mixed = _core.MixedPrecision(optimizer._core, lists, "bfloat16", "O2" if use_pure_bf16 else "BF16", False, False, guard, False,
                                     SUFFIX, use_pure_bf16, False, 1.0, False, 1, 1, 2.0, 0.5)
        super().__init__(optimizer, mixed, use_pure_bf16)

    def amp_init(self, place, scope=None, test_program=None, use_bf16_test=False):
        """To be called once the startup program has run: in pure bfloat16, makes the values of half parameters half.

        Args:
            place: accepted; values stay where they are.
            scope (Scope): holds the parameters; the current one where None.
            test_program (Program): a program for testing, made before `minimize`, that becomes half too: in pure bfloat16,
                and else with use_bf16_test.

        Raises:
            RuntimeError: before `minimize`.
        """
        self._init(scope, test_program, use_bf16_test)


def decorate_bf16(optimizer, amp_lists=None, use_pure_bf16=False, use_bf16_guard=None):
    """An optimizer whose programs train in bfloat16 where the lists say so. The loss is not scaled.

    Args:
        optimizer (Optimizer): makes the updates.
        amp_lists (AutoMixedPrecisionListsBF16): the default ones where None.
        use_pure_bf16 (bool): parameters and all operators that can become bfloat16; inputs that these
            read are fed as bfloat16 (`convert_float_to_uint16`); call `amp_init` after the startup program.
        use_bf16_guard (bool): in pure bfloat16, only operators made under `bf16_guard`; use_pure_bf16 where None.

    Returns:
        OptimizerWithMixedPrecision

    Source: paddle.static.amp.bf16.decorate_bf16.
    """
    _check(optimizer)
    return OptimizerWithMixedPrecision(optimizer, amp_lists or AutoMixedPrecisionListsBF16(), use_pure_bf16,
                                       use_pure_bf16 if use_bf16_guard is None else use_bf16_guard)
