#!/usr/bin/env python3
"""Sums JUnit reports into one line, "N passed, N failed, N skipped".

usage: count_tests.py REPORT.xml...

Failed tests are named first. A report that is missing or cut off counts as one failure: its suite did not
get to its end. Exit code 0 when tests ran and none failed, else 1.
"""
import collections
import sys
import xml.etree.ElementTree as ElementTree


def outcome(case):
    """What became of one <testcase>; ctest says it in an attribute, pytest in a child."""
    if case.find("failure") is not None or case.find("error") is not None or case.get("status") == "fail":
        return "failed"
    if case.find("skipped") is not None or case.get("status") in ("notrun", "disabled"):
        return "skipped"
    return "passed"


def main(paths):
    counts = collections.Counter()
    for path in paths:
        try:
            cases = list(ElementTree.parse(path).getroot().iter("testcase"))
        except (OSError, ElementTree.ParseError) as error:
            print(f"FAILED {path}: the suite wrote no report ({error})")
            counts["failed"] += 1
            continue
        for case in cases:
            result = outcome(case)
            counts[result] += 1
            if result == "failed":
                print("FAILED", ".".join(filter(None, [case.get("classname"), case.get("name")])))
    if not counts:
        print("no test ran")
    print(f"{counts['passed']} passed, {counts['failed']} failed, {counts['skipped']} skipped")
    return 0 if counts and not counts["failed"] else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
