"""Additions to training. Source: paddle.incubate."""
from . import optimizer  # noqa: F401
from .averaging import LookAhead, ModelAverage  # noqa: F401
from .fused import *  # noqa: F401,F403
from .graph import *  # noqa: F401,F403
