#!/usr/bin/env python3
"""Writes docs/pir_operators.md: which operators are read from and written to programs of Paddle 3 (PIR), and which are not.

    PYTHONPATH=build/cpu/python .venv/bin/python scripts/pir_table.py [--check]

--check writes nothing and exits with 1 when the file is not what would be written.
"""
import json
import sys
from pathlib import Path

from skiff import _core

import generated_table

ROOT = Path(__file__).resolve().parent.parent
TABLE = ROOT / "docs" / "pir_operators.md"
READ_BY_HAND = ["builtin.combine", "builtin.parameter", "builtin.slice", "builtin.split", "cf.yield", "pd_op.arange", "pd_op.array_write_",
                "pd_op.assign_out_", "pd_op.assign_value", "pd_op.assign_value_", "pd_op.create_array", "pd_op.data", "pd_op.feed", "pd_op.fetch", "pd_op.full",
                "pd_op.full_int_array", "pd_op.if", "pd_op.pylayer", "pd_op.select_input", "pd_op.shape64", "pd_op.while"]


def code(names):
    return ", ".join(name if " " in name else f"`{name}`" for name in names)


def wrapped(names, width=140):
    lines, line = [], ""
    for name in names:
        word = f"`{name}` "
        if len(line) + len(word) > width:
            lines.append(line.rstrip())
            line = ""
        line += word
    return "\n".join([*lines, line.rstrip()])


def text():
    paddles = set(json.loads((ROOT / "tests" / "golden" / "op_table" / "op_table.json").read_text()))
    names = _core.all_op_types()
    constants = {}
    for type_, pir, attrs in _core.pir_operations():
        constants.setdefault(type_, {})[pir] = attrs
    forward = [name for name in names if name in paddles]
    written = {name: _core.pir_counterparts(name) for name in names}
    mapped = [name for name in forward if written[name]]
    gradients = [name for name in names if name not in paddles and "_grad" in name]
    mapped_gradients = [name for name in gradients if written[name]]
    rows = []
    for name in mapped:
        attrs = sorted({attr for row in constants.get(name, {}).values() for attr in row})
        rows.append(f"| `{name}` | {code(written[name].split(', '))} | {code(attrs)} |")
    unknown = sorted({type_ for type_ in constants if type_ not in names and "_grad" not in type_})
    return f"""# Operators of Paddle 3

Made by `scripts/pir_table.py` from `io/pir/op_map_table.inc` and the code that reads and writes programs; do not edit.

A program of Paddle 3 (PIR, JSON) becomes one of 2.x's operators when it is read, and is written from one. {len(mapped)} of the
{len(forward)} operators that skiff shares with Paddle 2.6.2 can be written, and {len(mapped_gradients)} of the {len(gradients)} gradients. The
table says as what; an operation that stands alone in its row is read as that operator again. The last column has the attributes that
are operands in Paddle 3: constants there become the attribute, other values go to the operator's tensor slots.

Read by code of their own:

{wrapped(READ_BY_HAND)}

An operation that neither the table nor the code knows is kept: it can be shown and written again, and a program that runs names all of
them with their places. Writing a program with an operator that is not in the table fails, naming all of them.

What 3.3.1's public calls write and skiff refuses, naming type and place: sparse tensors (`paddle.sparse` in static mode) and elements of
8-bit floats (`cast`). `pd_op.pylayer` is read as the operations of its region, and a `pylayer` of 2.x is written as those of its forward block.
What 3.3.1 does not write: gradients of `pd_op.if` and `pd_op.while` (saving such a program ends its process), unsigned integers above 8 bits
("Unsupported phi data type"), and arguments of blocks by keyword. A file that has them is refused, naming them.

## Operators

| operator of 2.x | operations of Paddle 3 | attributes that are operands |
| --- | --- | --- |
{chr(10).join(rows)}

## Gradients

{wrapped(mapped_gradients)}

## Not mapped

Operators that skiff runs and that cannot be written: Paddle 3.3.1 has none of that meaning, or its translation of 2.x programs refuses them.

{wrapped([name for name in forward if not written[name]])}

Gradients:

{wrapped([name for name in gradients if not written[name]])}

Mapped, but not among skiff's operators: {code(unknown) or "none"}.
"""


if __name__ == "__main__":
    sys.exit(generated_table.main(TABLE, text()))
