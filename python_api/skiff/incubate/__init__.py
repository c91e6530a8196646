"""Additions to training. Source: paddle.incubate."""
from . import optimizer  # noqa: F401
