"""Images. Source: paddle.vision."""
from . import ops  # noqa: F401
