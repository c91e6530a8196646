"""Casting programs and parameters. Source: paddle.static.amp.fp16_utils."""
from ... import _core
from ..build import name_scope
from .fp16_lists import AutoMixedPrecisionLists, half_name

__all__ = ["cast_model_to_fp16", "cast_parameters_to_fp16", "fp16_guard"]
GUARD = "__use_fp16__"


def fp16_guard():
    """A context: where level O2 looks at guards, only operators made under one become half.

    Source: paddle.static.amp.fp16_guard.

    Example:
        >>> import skiff as paddle
        >>> main = paddle.static.Program()
        >>> with paddle.static.program_guard(main), paddle.static.amp.fp16_guard():
        ...     y = paddle.static.data("x", [2, 2]) * 2.0
        >>> "__use_fp16__" in main.global_block().ops[-1].attr("op_namescope")
        True
    """
    return name_scope(GUARD)


def cast_model_to_fp16(program, amp_lists=None, use_fp16_guard=True, dest_type="float16", level="O2", use_promote=False):
    """Inserts casts into a program without gradients so that its operators run in a half type.

    At level O2 parameters become half as well, but for those of norms and of operators that stay in float32; convert
    their values with `cast_parameters_to_fp16`. Sub-blocks stay in float32, and so do operators that share variables
    with them or that write persistable variables.

    Args:
        program (Program): changed in place.
        amp_lists (AutoMixedPrecisionLists): the default ones where None; at level OD always those.
        use_fp16_guard (bool): at level O2, operators outside of `fp16_guard` stay in float32.
        dest_type: "float16" or "bfloat16".
        level (str): "O1", "OD" or "O2". See `decorate`.
        use_promote (bool): operators in no list with a float32 input stay in float32.

    Returns:
        set: names of the variables whose values must be half, those of parameters among them.

    Source: paddle.static.amp.cast_model_to_fp16.
    """
    dtype = half_name(dest_type)
    lists = AutoMixedPrecisionLists(dtype=dtype) if amp_lists is None else amp_lists
    return _core.amp_cast_program(program, lists, dtype, level, GUARD if use_fp16_guard else "", use_promote, ".cast_fp16", False)


def cast_parameters_to_fp16(place, program, scope=None, to_fp16_var_names=None, dest_type="float16"):
    """Converts the values of a program's parameters to a half type.

    Args:
        place: accepted; values stay where they are.
        program (Program): whose parameters.
        scope (Scope): holds the values; the current one where None.
        to_fp16_var_names (set): what `cast_model_to_fp16` returned; other parameters stay as they are.
        dest_type: "float16" or "bfloat16".

    Source: paddle.static.amp.cast_parameters_to_fp16.
    """
    _core.amp_cast_parameters(program, sorted(to_fp16_var_names or ()), half_name(dest_type), scope or _core.global_scope())
