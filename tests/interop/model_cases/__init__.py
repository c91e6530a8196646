"""Whole models that real Paddle exports. One file here for each kind.

`@model(inputs...)` makes a case of a function that takes `paddle` and returns a `paddle.nn.Layer`; `@program(inputs...)`
of one that takes `paddle` and variables in static mode and returns the outputs. A case is saved with
`paddle.jit.save`, `paddle.static.save_inference_model` or, in `styles`, both.
"""
import importlib
import pkgutil

import numpy as np

CASES = {}
RUNS = ((1, 0), (3, 2))  # batch of each run, and by how much its other free extents are longer than declared


class Input:
    """A feed: `shape` without the batch, which comes first; `free` are the axes of that shape that a program leaves open."""

    def __init__(self, name, shape, dtype="float32", low=-1.0, high=1.0, free=(), batch=True):
        self.name, self.shape, self.dtype, self.low, self.high, self.free, self.batch = name, list(shape), dtype, low, high, free, batch

    def declared(self):
        extents = [None if axis in self.free else extent for axis, extent in enumerate(self.shape)]
        return [None] * self.batch + extents

    def draw(self, random, batch, longer):
        extents = [batch] * self.batch + [extent + (longer if axis in self.free else 0) for axis, extent in enumerate(self.shape)]
        if self.dtype.startswith("int"):
            return random.randint(self.low, self.high, extents).astype(self.dtype)
        return random.uniform(self.low, self.high, extents).astype(self.dtype)


def image(channels=3, height=64, width=None, **options):
    return Input("image", [channels, height, width or height], **options)


def ids(name, length, high, **options):
    return Input(name, [length], "int64", 0, high, **options)


class Case:
    """A model, its feeds and how it is saved.

    `boxes`: output 0 has the rows found in each image, output 1 how many. `heavy`: hundreds of megabytes. `recorded`:
    kept in tests/fixtures/models. `atol`: the absolute difference allowed, besides 1e-4 relative.
    """

    def __init__(self, name, build, inputs, kind, styles, boxes=False, heavy=False, recorded=False, atol=5e-5):
        self.name, self.build, self.inputs, self.kind, self.styles = name, build, inputs, kind, styles
        self.boxes, self.heavy, self.recorded, self.atol = boxes, heavy, recorded, atol

    def feeds(self):
        """One feed for each of RUNS."""
        random = np.random.RandomState(sum(map(ord, self.name)))
        return [{one.name: one.draw(random, batch, longer) for one in self.inputs} for batch, longer in RUNS]


def model(*inputs, styles=("jit",), **options):
    def register(build):
        CASES[build.__name__] = Case(build.__name__, build, inputs, "layer", styles, **options)
        return build
    return register


def program(*inputs, **options):
    def register(build):
        CASES[build.__name__] = Case(build.__name__, build, inputs, "program", ("static",), **options)
        return build
    return register


for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_module.name}")
