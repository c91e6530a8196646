"""models/<name>.pdmodel, .pdiparams and .npz: the small models of model_cases/, as real Paddle saved and ran them.

The archive holds for run k in<k>__<feed> and out<k>__<position>, in the order of the model's fetches.
"""
import numpy as np

from model_cases import CASES
from models import export


def write(paddle, folder):
    for stale in folder.iterdir():
        stale.unlink()
    for name, case in CASES.items():
        if not case.recorded:
            continue
        export(paddle, name, case.styles[-1], folder)
        file, archive = folder / (name + ".pdmodel"), folder / (name + ".npz")
        program = paddle.static.Program.parse_from_string(file.read_bytes())
        for block in program.blocks:
            for op in block.ops:
                op._remove_attr("op_callstack")  # where the operator was made: long, and different everywhere
        file.write_bytes(program.desc.serialize_to_string())
        with np.load(archive) as arrays:
            np.savez_compressed(archive, **arrays)
        (folder / (name + ".pdiparams.info")).unlink(missing_ok=True)
