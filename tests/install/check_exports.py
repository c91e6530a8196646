#!/usr/bin/env python3
"""Checks that a shared library defines no symbol for others that is not skiff's.

usage: check_exports.py libskiff.so     prints foreign symbols; exit code 1 if there is any

A protobuf, glog or oneDNN symbol that leaked would meet the one of the process that loads skiff.
"""
import re
import subprocess
import sys

# Functions and data of namespace skiff, its type information, tables, guards and local statics, its
# operator<< at namespace scope, and the C interface.
OWN = re.compile(r"_Z(N|NK|T[VISTC]N|T[VISTC]NK|GVN|GVZN|GVZNK|ZN|ZNK|lsRSo[A-Z]*N[A-Z]*)5skiff|skiff_[a-z]|SKIFF_[0-9.]+$")


def main(library):
    listing = subprocess.run(["nm", "-D", "--defined-only", library], check=True, capture_output=True, text=True).stdout
    symbols = [line.split()[-1].split("@")[0] for line in listing.splitlines()]
    foreign = [symbol for symbol in symbols if not OWN.match(symbol) or symbol.startswith("_ZN11skiff_proto")]
    for symbol in foreign:
        print("foreign symbol:", symbol)
    print(f"{library}: {len(symbols)} defined symbols, {len(foreign)} foreign")
    return 1 if foreign or not symbols else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
