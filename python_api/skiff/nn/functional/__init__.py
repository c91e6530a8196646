"""Functions of neural networks: each appends operators to the current block. Source: paddle.nn.functional."""
from .activation import *  # noqa: F401,F403
from .class_loss import *  # noqa: F401,F403
from .common import *  # noqa: F401,F403
from .conv import *  # noqa: F401,F403
from .loss import *  # noqa: F401,F403
from .margin_loss import *  # noqa: F401,F403
from .norm import *  # noqa: F401,F403
from .pooling import *  # noqa: F401,F403
from .sequence import *  # noqa: F401,F403
from .vision import *  # noqa: F401,F403
