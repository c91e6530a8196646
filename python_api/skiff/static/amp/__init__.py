"""Mixed precision: operators run in a half type where that is safe; the loss is scaled. Source: paddle.static.amp."""
from . import bf16, decorator, fp16_lists, fp16_utils  # noqa: F401
from .decorator import decorate  # noqa: F401
from .fp16_lists import AutoMixedPrecisionLists, CustomOpLists  # noqa: F401
from .fp16_utils import cast_model_to_fp16, cast_parameters_to_fp16, fp16_guard  # noqa: F401

__all__ = ["AutoMixedPrecisionLists", "CustomOpLists", "cast_model_to_fp16", "cast_parameters_to_fp16", "decorate", "fp16_guard"]
