#!/usr/bin/env python3
"""Writes docs/operator_table.md: every operator of the registry, where it runs, and how it differs from Paddle.

    PYTHONPATH=build/cpu/python .venv/bin/python scripts/operator_table.py [--check]

--check writes nothing and exits with 1 when the file is not what would be written.

A build with CUDA says itself which CUDA kernels it has. A build without says it all the same, by the rule of
operators/CMakeLists.txt: nvcc compiles every family file, for the dtypes the CPU has, but those with a .cu
beside them, and these name their kernels.
"""
import json
import re
import subprocess
import sys
from pathlib import Path

import skiff
from skiff import _core

import generated_table

ROOT = Path(__file__).resolve().parent.parent
TABLE = ROOT / "docs" / "operator_table.md"
ORDER = ["float32", "float64", "float16", "bfloat16", "int8", "uint8", "int16", "int32", "int64", "bool", "complex64", "complex128", "any"]
SHORT = {"float32": "f32", "float64": "f64", "float16": "f16", "bfloat16": "bf16", "complex64": "c64", "complex128": "c128"}
TYPES = {"float": "float32", "double": "float64", "Float16": "float16", "BFloat16": "bfloat16", "int8_t": "int8", "uint8_t": "uint8",
         "int16_t": "int16", "int32_t": "int32", "int64_t": "int64", "bool": "bool"}
# Paddle's attributes that choose one of its backends and change no result.
BACKEND = re.compile(r"mkldnn|cudnn|quantizer|^[Ss]cale_(in|out|x|y|weights)|force_fp32_output|padding_weights")


def unfolded(file):
    """The file's text with its own macros unfolded."""
    text = re.sub(r"^\s*#\s*include.*$", "", file.read_text(), flags=re.M)
    return subprocess.run(["c++", "-E", "-P", "-x", "c++", "-"], input=text, text=True, capture_output=True, check=True).stdout


def kernels_of_cu_files():
    """{operator: dtypes} of the families that have a .cu file."""
    found = {}
    for file in sorted((ROOT / "operators").glob("*.cu")):
        definitions = file.with_suffix(".cc").read_text()
        for name in _core.all_op_types():
            if f'("{name}"' in definitions or f"SKIFF_OP({name})" in definitions:
                found[name] = set()
        for name, calls in re.findall(r"SKIFF_CUDA_KERNELS\((\w+)\)(.*?);", unfolded(file), re.S):
            for types in re.findall(r"\.\s*Kernel\s*(?:<([^<>]*)>)?\s*\(", calls):
                found[name].update((TYPES[one.strip()] for one in types.split(",")) if types else ["any"])
    return found


def places(name, info, cu_kernels, with_cuda):
    """Dtypes on the CPU and on CUDA."""
    if not info["kernels"]:
        return ["any"], ["any"]  # a view, a kernel over values at any place, or done by the executor itself
    cpu = {dtype for place, dtype in info["kernels"] if place == "CPU"}
    if with_cuda:
        cuda = {dtype for place, dtype in info["kernels"] if place == "CUDA"}
    else:
        cuda = cu_kernels.get(name, cpu)
    return sorted(cpu, key=ORDER.index), sorted(cuda, key=ORDER.index)


def listed(dtypes):
    if dtypes == ["any"]:
        return "any"
    return " ".join(SHORT.get(dtype, dtype) for dtype in dtypes) or "none"


def differences(name, info, paddles):
    """What the definition says after "Differs:", and which of Paddle's slots and attributes it lacks."""
    notes = re.findall(r"Differs: (.*)", info["source"])
    if name not in paddles:
        return "; ".join(notes)
    theirs, optional = paddles[name], {}
    for side, ours in (("in", info["inputs"]), ("out", info["outputs"])):
        for slot in theirs[side]:
            if slot.rstrip("*?~!") not in ours:
                optional.setdefault("slots", []).append(slot.rstrip("*?~!"))
    unread = [attr for attr in theirs["attrs"] if attr not in info["attrs"] and not BACKEND.search(attr)]
    notes += [f"no {what[:-1] if len(names) == 1 else what} {', '.join(f'`{one}`' for one in names)}" for what, names in optional.items()]
    notes += [f"ignores {', '.join(f'`{attr}`' for attr in sorted(unread))}"] if unread else []
    return "; ".join(notes)


def rows(names, infos, paddles, cu, with_cuda):
    for name in names:
        info = infos[name]
        cpu, cuda = places(name, info, cu, with_cuda)
        gradient = "yes" if info["has_gradient"] else "zero" if info["zero_gradient"] else ""
        yield f"| `{name}` | {listed(cpu)} | {'same' if cuda == cpu else listed(cuda)} | {gradient} | {differences(name, info, paddles)} |"


def text():
    paddles = json.loads((ROOT / "tests" / "golden" / "op_table" / "op_table.json").read_text())
    infos = {name: _core.op_info(name) for name in _core.all_op_types()}
    with_cuda, cu = skiff.is_compiled_with_cuda(), kernels_of_cu_files()
    gradients = [name for name in infos if name.endswith("_grad") and name not in paddles]
    own = [name for name in infos if name not in paddles and name not in gradients]
    forward = [name for name in infos if name in paddles]
    on_cuda = sum(bool(places(name, infos[name], cu, with_cuda)[1]) for name in infos)
    head = "| operator | CPU | CUDA | gradient | differs from Paddle 2.6.2 |\n| --- | --- | --- | --- | --- |\n"
    parts = [f"""# Operators

Made by `scripts/operator_table.py` from the registry; do not edit. {len(infos)} operators: {len(forward)} of the {len(paddles)} in
Paddle 2.6.2's table, {len(gradients)} gradients of them, {len(own)} of skiff's own. {len(infos)} run on the CPU, {on_cuda} on CUDA.

*CPU* and *CUDA* give the dtypes that a kernel takes; *any* touches no elements or runs over whole values. *gradient*: *yes*, or *zero*
where floats go in and out and no gradient flows. The last column is found by comparison with Paddle's table of slots and attributes;
attributes that choose a backend of Paddle's are left out. Where there are further differences the definition says so.
"""]
    for title, names in (("Paddle's operators", forward), ("Gradients", gradients), ("skiff's own", own)):
        if names:
            parts.append(f"## {title}\n\n" + head + "\n".join(rows(names, infos, paddles, cu, with_cuda)) + "\n")
    return "\n".join(parts)


if __name__ == "__main__":
    sys.exit(generated_table.main(TABLE, text()))
