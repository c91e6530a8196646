#!/usr/bin/env python3
"""Prints a regular expression for `ctest -R` that finds the C++ tests of some operators.

usage: tests_of.py conv2d rnn

A test belongs to an operator when it names it: OpCase("conv2d", ...), or its gradient "conv2d_grad". The
sweeps over recorded cases belong to all: SKIFF_TEST_OPS narrows them.
"""
import pathlib
import re
import sys

TESTS = pathlib.Path(__file__).resolve().parents[1] / "tests" / "operators"
START = re.compile(r"^TEST(?:_P|_F)?\((\w+),\s*(\w+)\)", re.MULTILINE)


def tests(operators):
    """(suite, name) of each test that names one of `operators`."""
    for path in sorted(TESTS.glob("*.cc")):
        text = path.read_text()
        starts = list(START.finditer(text))
        for start, end in zip(starts, [*starts[1:], None]):
            body = text[start.end():end.start() if end else len(text)]
            sweeps = "ForEachRecordedCase" in body or "ForEachRequiredInput" in body or "OneCaseEach" in body
            if sweeps or any(f'"{op}"' in body or f'"{op}_grad"' in body for op in operators):
                yield start.groups()


def main(operators):
    names = "|".join(f"{suite}\\.{name}" for suite, name in tests(operators))
    print(f"^operators\\.(.*/)?({names})(/|$)" if names else "^$")


if __name__ == "__main__":
    main(sys.argv[1:])
