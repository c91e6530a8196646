"""Operators with inputs and attributes, each a case whose result real Paddle computes. One file here for each family.

`case(family, name, op, inputs, attrs, outputs)`: `inputs` maps a slot to one array or a list, S(array, lengths...) where rows belong to sequences; `outputs`
maps a slot to how many variables it has, to the name of the input slot whose variables it overwrites,
or to NOT_COMPUTED. Random arrays (U, I, B, D) are drawn from a generator seeded with the case's name, so
that a new case changes no other.
"""
import importlib
import pkgutil
import zlib

import numpy as np

CASES = {}
NOT_COMPUTED = None  # an output that exists for shapes only: XShape


class Drawn:
    """An array to be drawn when the case's name is known."""

    def __init__(self, draw):
        self.draw = draw


def U(*shape, low=-2.0, high=2.0, dtype="float32"):
    """Uniform numbers; two decimals, so that they are short and never closer to a kink than 0.01."""
    def draw(random):
        values = np.round(random.uniform(low, high, shape), 2)
        return np.where(values == 0, 0.5, values).astype(dtype)
    return Drawn(draw)


def I(*shape, low=-5, high=6, dtype="int64"):
    return Drawn(lambda random: random.randint(low, high, shape).astype(dtype))


def B(*shape):
    return Drawn(lambda random: random.rand(*shape) < 0.5)


def D(*shape, dtype="float32"):
    """Distinct numbers, for operators that sort."""
    return Drawn(lambda random: (random.permutation(int(np.prod(shape))).reshape(shape) - 5).astype(dtype))


class S:
    """An array whose rows belong to sequences: `lengths` of each level, outermost first."""

    def __init__(self, array, *lengths):
        self.array = array
        self.lod = [[int(offset) for offset in np.cumsum([0, *level])] for level in lengths]


def A(values, dtype="float32"):
    return np.array(values, dtype)


def case(family, name, op, inputs, attrs=None, outputs="Out", gradient=True, targets=None):
    """Adds a case. `gradient`: whether to ask for gradients; `targets`: the outputs they come from."""
    assert name not in CASES, name
    random = np.random.RandomState(zlib.crc32(name.encode()))
    lists = {slot: items if isinstance(items, list) else [items] for slot, items in inputs.items()}
    lods = {f"in/{slot}/{k}": item.lod for slot, items in lists.items() for k, item in enumerate(items) if isinstance(item, S)}
    plain = {slot: [item.array if isinstance(item, S) else item for item in items] for slot, items in lists.items()}
    arrays = {slot: [item.draw(random) if isinstance(item, Drawn) else item for item in items] for slot, items in plain.items()}
    outputs = {outputs: 1} if isinstance(outputs, str) else outputs
    CASES[name] = {"name": name, "family": family, "op": op, "inputs": arrays, "attrs": attrs or {}, "outputs": outputs,
                   "gradient": gradient, "targets": targets, "lods": lods}


def load_all():
    """Every case of every file of this folder: name -> case."""
    for module in sorted(module.name for module in pkgutil.iter_modules(__path__)):
        importlib.import_module(f"{__name__}.{module}")
    return CASES
