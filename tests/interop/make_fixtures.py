#!/usr/bin/env python3
"""Writes the files of tests/fixtures with a real PaddlePaddle 2.6.2 (CPU, numpy 1.x).

    python make_fixtures.py                     # everything
    python make_fixtures.py --only names ops    # some parts
    python make_fixtures.py --only ops --families pad rnn    # some families of operator cases
    python make_fixtures.py --out FOLDER        # somewhere else, to compare

The result depends on nothing but this source and the Paddle version: two runs give the same bytes.
"""
import argparse
import importlib
import os
import sys
import zlib  # noqa: F401  Paddle's wheel must find the interpreter's zlib already loaded
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
PARTS = ("names", "train", "optim", "ops", "programs", "detectors", "models", "training", "amp")


def main():
    here = Path(__file__).resolve().parent
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=here.parent / "fixtures")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--families", nargs="+", default=[], help="families of operator cases; with --only ops")
    options = parser.parse_args()

    import paddle
    if paddle.__version__ != "2.6.2":
        sys.exit(f"the fixtures are defined by paddlepaddle 2.6.2, this is {paddle.__version__}")
    paddle.enable_static()
    sys.path.insert(0, str(here))
    for part in options.only:
        folder = options.out / part
        folder.mkdir(parents=True, exist_ok=True)
        more = {"only": options.families} if part == "ops" else {}
        importlib.import_module("fixtures_" + part).write(paddle, folder, **more)
        total = sum(f.stat().st_size for f in folder.rglob("*") if f.is_file())
        print(f"{part}: {total / 1e6:.2f} MB in {folder}")


if __name__ == "__main__":
    main()
