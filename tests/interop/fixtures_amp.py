"""amp/: programs in mixed precision as Paddle builds them on a card. See amp_programs.py.

Paddle without a card counts every operator as one without kernels of halves, and casts none; here, and only
here, its list of those is empty.
"""
import json

import numpy as np

from amp_programs import CASES
from fixtures_training import serialized


def cast_as_on_a_card(paddle):
    lists = paddle.static.amp.fp16_lists
    every_operator = paddle.base.core.op_supported_infos("GPU", paddle.base.core.VarDesc.VarType.FP16)[0]
    paddle.static.amp.bf16.amp_lists.unsupported_list.clear()
    lists._get_sys_unsupported_list = lambda dtype: ("GPU", set(), set(every_operator))


def build(paddle, name):
    """{"main": Program, "startup": Program, ...} and the names that the case gives."""
    main, startup = paddle.static.Program(), paddle.static.Program()
    with paddle.utils.unique_name.guard(), paddle.static.program_guard(main, startup):
        programs = CASES[name](paddle)
    names = programs.pop("names", [])
    return {"main": main, "startup": startup, **programs}, names


def write(paddle, folder):
    cast_as_on_a_card(paddle)
    files, names = {}, {}
    for name in CASES:
        programs, names[name] = build(paddle, name)
        files.update({f"{name}.{kind}": np.frombuffer(serialized(program), "uint8") for kind, program in programs.items()})
    np.savez_compressed(folder / "programs.npz", **files)
    (folder / "names.json").write_text(json.dumps({name: given for name, given in names.items() if given}, indent=1) + "\n")
