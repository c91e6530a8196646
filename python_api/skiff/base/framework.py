"""Names that older programs look for in `paddle.base.framework`."""
from ..framework import (Block, Operator, Parameter, Program, Variable, default_main_program,  # noqa: F401
                         default_startup_program, in_dynamic_mode)
