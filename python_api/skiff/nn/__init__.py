"""Functions, initializers and gradient clipping of neural networks. Source: paddle.nn."""
from . import functional, initializer  # noqa: F401
from .clip import ClipGradByGlobalNorm, ClipGradByNorm, ClipGradByValue  # noqa: F401
from .layers import *  # noqa: F401,F403
from .rnn import *  # noqa: F401,F403
