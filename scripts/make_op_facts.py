#!/usr/bin/env python3
"""Writes io/op_facts_table.inc from the operator table of tests/golden.

    python scripts/make_op_facts.py tests/golden/op_table/op_table.json > io/op_facts_table.inc

The table was taken from PaddlePaddle 2.6.2 (see tests/golden/README.md).
"""
import json
import sys


def words(items):
    return '"' + " ".join(items) + '"'


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        table = json.load(file)
    print("// Made by scripts/make_op_facts.py from tests/golden/op_table: do not edit.")
    print("// {type, inputs, outputs, attributes, extra attributes, version}; slots marked extra are left out")
    for name, op in sorted(table.items()):
        slots = [[slot.rstrip("*?~") for slot in op[side]
                  if "!" not in slot] for side in ("in", "out")]
        print("{%s, %s, %s, %s, %s, %d}," % (
            words([name]), words(slots[0]), words(slots[1]), words(sorted(op["attrs"])),
            words(sorted(op.get("extra", {}))), op.get("version", 0)))


if __name__ == "__main__":
    main()
