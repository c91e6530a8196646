#!/usr/bin/env python3
"""Writes docs/onnx_operators.md: which operators have an ONNX form, and what of them has none.

    PYTHONPATH=build/cpu/python .venv/bin/python scripts/onnx_operators.py [--check]

--check writes nothing and exits with 1 when the file is not what would be written. The operators are those of the registry; the reasons
are the texts of NoOnnxForm in io/onnx, followed through the functions that an operator's form calls.
"""
import json
import re
import sys
from pathlib import Path

from skiff import _core

import generated_table

ROOT = Path(__file__).resolve().parent.parent
TABLE = ROOT / "docs" / "onnx_operators.md"
ALIAS = re.compile(r"^SKIFF_ONNX_AS\((\w+), (\w+)\)", re.M)
FORM = re.compile(r"SKIFF_ONNX\((\w+)\) \{")
COMPLEX = re.compile(r"SKIFF_ONNX_COMPLEX\((\w+)\) \{")
FUNCTION = re.compile(r"^(?!SKIFF)[\w:<>,&\* ]+?\b(\w+)\([^;{}]*\)(?: const)? \{$", re.M)
REASON = re.compile(r"NoOnnxForm\((.*?)\);", re.S)
OP_METHODS = {"Attr", "Node", "Nodes", "Out", "In", "Cast", "Reshape", "Slice", "Concat", "Gather", "Reduce", "Full", "Scalar", "Fresh", "Bind"}


def body(text, at):
    """The text from the brace that opens before `at` to the one that closes it."""
    depth = 1
    for end in range(at, len(text)):
        depth += {"{": 1, "}": -1}.get(text[end], 0)
        if depth == 0:
            return text[at:end]
    raise ValueError("a brace is never closed")


def sentence(arguments):
    """The reason as it reads, with … for what is known only when it is given."""
    parts = re.findall(r'"((?:[^"\\]|\\.)*)"|([^,"]+)', arguments)
    text = "".join(literal if literal or not other.strip() else "…" for literal, other in parts)
    return re.sub(r"\s+", " ", text.replace('\\"', '"')).strip()


def bodies():
    """{operator: file and text of its form}, the same for complex numbers and, for each file, {function: text}."""
    forms, of_complex, functions, aliases = {}, {}, {}, {}
    for file in sorted((ROOT / "io" / "onnx").glob("*.cc")):
        text = file.read_text()
        own = {match[1]: body(text, match.end()) for match in FUNCTION.finditer(text)}
        for match in re.finditer(r"^struct (\w+) \{$", text, re.M):
            own[match[1]] = body(text, match.end())
        for macro in re.finditer(r"#define (SKIFF_ONNX_\w+)\(type, \w+\)\s*\\?\n?(.*?)\n(?=\S|\n)", text, re.S):
            for use in re.finditer(rf"^{macro[1]}\((\w+), ", text, re.M):
                forms[use[1]] = (file.name, macro[2])
        forms.update({match[1]: (file.name, body(text, match.end())) for match in FORM.finditer(text) if match[1] != "type"})
        of_complex.update({match[1]: (file.name, body(text, match.end())) for match in COMPLEX.finditer(text) if match[1] != "type"})
        aliases.update(dict(ALIAS.findall(text)))
        functions[file.name] = own
    forms.update({alias: forms[other] for alias, other in aliases.items()})
    return forms, of_complex, functions


def reasons(text, own, seen):
    found = [sentence(arguments) for arguments in REASON.findall(text)]
    if "KnownInts(" in text or "KnownAxis(" in text:
        found.append("an input that decides a shape or an axis is computed while running")
    if "Bounded(" in text:
        found.append("millions of elements or thousands of nodes that would have to be written out")
    for name in re.findall(r"\b([A-Z]\w+)\b", text):
        if name in own and name not in seen and name not in OP_METHODS:
            seen.add(name)
            found += reasons(own[name], own, seen)
    return list(dict.fromkeys(found))


def text():
    paddles = json.loads((ROOT / "tests" / "golden" / "op_table" / "op_table.json").read_text())
    forms, of_complex, functions = bodies()
    mapped = _core.onnx_operators()
    unread = set(mapped) ^ {*forms, *of_complex}
    if unread:
        raise SystemExit(f"the registry and the sources disagree about {sorted(unread)}")
    forward = [name for name in _core.all_op_types() if "_grad" not in name]
    training = [name for name in forward if "ParamOut" in _core.op_info(name)["outputs"]]
    without = [name for name in forward if name not in mapped and name not in training and name not in ("feed", "fetch")]
    of_paddle = sum(name in paddles for name in mapped)
    refused = {}
    for name, (file, form) in [*forms.items(), *of_complex.items()]:
        refused[name] = list(dict.fromkeys([*refused.get(name, []), *reasons(form, functions[file], set())]))
    rows = "\n".join(f"| `{name}` | {'; '.join(refused[name])} |" for name in mapped)
    return f"""# Operators and ONNX

Made by `scripts/onnx_operators.py` from the registry and from `io/onnx`; do not edit. {len(mapped)} operators have an ONNX form, {of_paddle} of
them Paddle 2.6.2's; {len(without)} that are neither gradients nor steps of optimizers have none. `feed` and `fetch` become inputs and outputs.

`skiff.onnx.export` and `skiff::io::ExportOnnx` write opsets {_core.ONNX_OPSETS[0]} to {_core.ONNX_OPSETS[1]}. A model with something that has no
form is refused in one error that lists all of it with its places. `tests/interop/test_onnx_runtime.py` runs the recorded cases of these operators,
and whole models, in ONNX Runtime and compares with what Paddle computed.

Of every operator: outputs that training alone uses (`Mask` of `dropout`, `SavedMean` of `batch_norm`, ...) have no form. An attribute that a
variable gives must be a parameter's or a constant's. Sequences (LoD) are not kept. `log_softmax` goes on below -64, where Paddle ends; nearest
points of `grid_sampler` that lie midway between two elements may fall to the other one; random numbers are others. ONNX Runtime lacks kernels
of some nodes for float64.

Complex numbers have a form inside a model, floats with an axis of the two parts, but none as its inputs, outputs and parameters. They may go
through {', '.join(f'`{name}`' for name in sorted(of_complex))}.

| operator | no form for |
| --- | --- |
{rows}

## Without a form

{', '.join(f'`{name}`' for name in without)}
"""


if __name__ == "__main__":
    sys.exit(generated_table.main(TABLE, text()))
