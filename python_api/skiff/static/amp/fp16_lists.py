"""Which operators run in which precision. Source: paddle.static.amp.fp16_lists."""
from ... import _core

__all__ = ["AutoMixedPrecisionLists", "CustomOpLists"]


def half_name(dtype):
    """"float16" or "bfloat16" of a name or a dtype.

    Raises:
        ValueError: another dtype.
    """
    name = (dtype if isinstance(dtype, str) else str(_core.to_dtype(dtype)).rsplit(".", 1)[-1]).lower()
    if name not in ("float16", "bfloat16"):
        raise ValueError(f'dtype should be "float16" or "bfloat16", got {dtype!r}')
    return name


class AutoMixedPrecisionLists:
    """Which operators run in the half type (white), in float32 (black), or as what made their inputs (gray).

    Args:
        custom_white_list, custom_black_list (set): operators that move to a list. One in the black list stays in float32
            at level O2 too.
        custom_black_varnames (set): operators that touch one of these variables stay in float32.
        dtype (str): "float16" or "bfloat16".

    Attributes:
        white_list, black_list, gray_list, black_varnames (set): may be changed until a program is cast.
        unsupported_list (set): operators without kernels for the dtype, which stay in float32, and those of custom_black_list.
        all_list (set): all operators.

    Raises:
        ValueError: an operator in both custom lists, or another dtype.

    Source: paddle.static.amp.AutoMixedPrecisionLists.
    """

    def __init__(self, custom_white_list=None, custom_black_list=None, custom_black_varnames=None, dtype="float16"):
        self.amp_dtype = half_name(dtype)
        self.black_varnames = None if custom_black_varnames is None else set(custom_black_varnames)
        self.white_list, self.black_list, self.gray_list, self.unsupported_list = _core.amp_lists(
            sorted(custom_white_list or ()), sorted(custom_black_list or ()), self.amp_dtype)
        self.all_list = set(_core.all_op_types())

    # what the C++ half reads
    _half = property(lambda self: self.white_list)
    _wide = property(lambda self: self.black_list)
    _wide_variables = property(lambda self: sorted(self.black_varnames or ()))


CustomOpLists = AutoMixedPrecisionLists
