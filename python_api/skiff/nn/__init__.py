"""Functions, layers, initializers and gradient clipping of neural networks. Source: paddle.nn."""
from . import functional, initializer  # noqa: F401
from .clip import ClipGradByGlobalNorm, ClipGradByNorm, ClipGradByValue  # noqa: F401
from . import layer  # noqa: F401
from .layer import *  # noqa: F401,F403
from .decode import BeamSearchDecoder, dynamic_decode  # noqa: F401
