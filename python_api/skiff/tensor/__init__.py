"""Functions of tensors: each appends operators to the current block and returns their output variable."""
from .attribute import *  # noqa: F401,F403
from .array import *  # noqa: F401,F403
from .choosing import *  # noqa: F401,F403
from .creation import *  # noqa: F401,F403
from .decompose import cdist  # noqa: F401
from .dtypes import *  # noqa: F401,F403
from .linalg import *  # noqa: F401,F403
from .logic import *  # noqa: F401,F403
from .manipulation import *  # noqa: F401,F403
from .math import *  # noqa: F401,F403
from .median import *  # noqa: F401,F403
from .random import *  # noqa: F401,F403
from .reduction import *  # noqa: F401,F403
from .search import *  # noqa: F401,F403
from .shaping import *  # noqa: F401,F403
from .special import *  # noqa: F401,F403
from .stat import *  # noqa: F401,F403
from .math import abs, pow, round  # noqa: F401,A004
from .manipulation import slice  # noqa: F401,A004
from .reduction import all, any, max, min, sum  # noqa: F401,A004
from . import inplace as _inplace

_inplace.install(globals())
from .inplace import *  # noqa: E402,F401,F403
from . import variable as _variable  # noqa: E402

_variable.install()

__all__ = [_name for _name, _value in list(globals().items()) if not _name.startswith("_") and not isinstance(_value, type(_variable))]
