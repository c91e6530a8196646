"""Functions of tensors: each appends operators to the current block and returns their output variable."""
from .array import *  # noqa: F401,F403
from .choosing import *  # noqa: F401,F403
from .creation import *  # noqa: F401,F403
from .linalg import *  # noqa: F401,F403
from .logic import *  # noqa: F401,F403
from .manipulation import *  # noqa: F401,F403
from .math import *  # noqa: F401,F403
from .median import *  # noqa: F401,F403
from .random import *  # noqa: F401,F403
from .reduction import *  # noqa: F401,F403
from .search import *  # noqa: F401,F403
from .math import abs, pow, round  # noqa: F401,A004
from .manipulation import slice  # noqa: F401,A004
from .reduction import all, any, max, min, sum  # noqa: F401,A004
from . import variable as _variable

_variable.install()
