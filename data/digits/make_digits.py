#!/usr/bin/env python3
"""Writes data/digits: real handwritten digits in MNIST's idx format.

usage: make_digits.py [FOLDER]      needs numpy and scikit-learn, which brings the scans

The scans are 8x8 with values 0 to 16. Each is stretched to 0..254, every pixel becomes a 3x3 square and a
border of two pixels brings it to MNIST's 28x28, so that a net made for MNIST takes it as it is. The same
input gives the same files, byte for byte.
"""
import gzip
import pathlib
import struct
import sys

import numpy as np
from sklearn.datasets import load_digits

TRAIN = 1500  # the first 1,500 scans train, the last 297 test


def write_idx(path, magic, array):
    """Writes `array` (uint8) as idx: magic number, extents, elements, all big-endian, gzipped without a date."""
    header = struct.pack(">i%di" % array.ndim, magic, *array.shape)
    with open(path, "wb") as raw, gzip.GzipFile("", "wb", 9, raw, mtime=0) as packed:
        packed.write(header + array.tobytes())


def main():
    folder = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parent)
    folder.mkdir(parents=True, exist_ok=True)
    digits = load_digits()
    grey = (digits.images * 15.9).astype("u1")
    images = np.pad(np.kron(grey, np.ones((1, 3, 3), "u1")), ((0, 0), (2, 2), (2, 2)))
    labels = digits.target.astype("u1")
    for name, part in (("train", slice(0, TRAIN)), ("t10k", slice(TRAIN, None))):
        write_idx(folder / f"{name}-images-idx3-ubyte.gz", 2051, images[part])
        write_idx(folder / f"{name}-labels-idx1-ubyte.gz", 2049, labels[part])


if __name__ == "__main__":
    main()
