"""Objects that a module saves in static mode, and what it loads.

    python pickled_objects.py save FOLDER          # with the module under_test names
    python pickled_objects.py load FOLDER          # {file: description} as JSON
"""
import collections
import io
import json
import pickle
import sys
import zlib  # noqa: F401  Paddle's wheel must find the interpreter's zlib already loaded
from pathlib import Path

import numpy as np

import under_test

paddle = under_test.load()
LoDTensor = getattr(paddle.base.core, "LoDTensor")
DTYPES = ["bool", "int8", "uint8", "int16", "int32", "int64", "float16", "float32", "float64", "complex64", "complex128", "uint16"]


def tensor(*shape):
    made = LoDTensor()
    made.set(np.arange(int(np.prod(shape)), dtype="float32").reshape(shape), paddle.CPUPlace())
    return made


def objects():
    text, shared = ["shared"], tensor(2)
    made = {
        "nothing": {}, "plain": {"a": 1, "b": 2.5, "c": "é", "d": None, "e": True, "f": [1, ()], "g": (1, (2, (3,))), "h": {"i": {}}},
        "set": {"s": {3}, "e": set()}, "integer": 12345678901234567890, "text": "hello", "none": None, "float": 1.5, "complex": 1 + 2j,
        "keys": {1: 2, 2.5: "x", (1, 2): 3, None: 4}, "not_finite": [float("nan"), float("inf"), -0.0], "long_key": {"k" * 70000: 1},
        "state": {"w": tensor(2, 3), "b": tensor(3)}, "state_with_numbers": {1: tensor(2)}, "many": {f"k{i}": tensor(2) for i in range(300)},
        "state_and_schedule": {"w": tensor(2, 3), "LR_Scheduler": {"last_epoch": 1, "last_lr": 0.1}},
        "ordered_state": collections.OrderedDict([("z", tensor(2)), ("a", tensor(1))]),
        "state_and_rate": {"w": tensor(2, 3), "lr": 0.5}, "master_weights": {"w": tensor(2, 3), "master_weights": {"w": tensor(2, 3)}},
        "nested": {"a": {"b": {"c": tensor(2)}}}, "ordered": {"x": collections.OrderedDict([("z", tensor(2)), ("a", 1)])},
        "list": [tensor(2), tensor(3), 1], "tuple": (tensor(2), "x"), "one": tensor(2, 2), "no_axes": tensor(),
        "shared": [text, text, {"a": text}, shared, shared],
        "columns_first": np.asfortranarray(np.arange(6, dtype="float32").reshape(2, 3)), "every_other": np.arange(12.0).reshape(3, 4)[:, ::2],
        "scalars": {"a": np.int64(3), "b": np.bool_(True), "c": np.float64(1.5), "d": np.float16(1)}, "array_0d": np.array(3.5),
        "arrays": {"a": np.ones(2, "float32"), "b": np.zeros((0, 2), "int64")}, "mixed": {"a": np.ones(2, "float32"), "t": tensor(2)},
    }
    return {**made, **{dtype: np.arange(6).reshape(2, 3).astype(dtype) for dtype in DTYPES}}


def refused():
    """Objects that Paddle does not save."""
    return [iter([1]), range(3), collections.deque([1]), collections.namedtuple("Pair", "a b")(1, 2)]


def layer_state():
    """The state dict of a layer whose parameters count."""
    with paddle.utils.unique_name.guard(), paddle.static.program_guard(paddle.static.Program(), paddle.static.Program()):
        layer = paddle.nn.Sequential(paddle.nn.Linear(3, 2), paddle.nn.BatchNorm1D(2))
        if not paddle.in_dynamic_mode():
            paddle.static.Executor(paddle.CPUPlace()).run(paddle.static.default_startup_program())
        state = layer.state_dict()
        layer.set_state_dict({key: np.arange(int(np.prod(value.shape)), dtype="float32").reshape(value.shape) for key, value in state.items()})
        return layer.state_dict()


def save(folder):
    if under_test.MODULE == "paddle":
        paddle.disable_static()
    for protocol in (2, 3, 4):
        paddle.save(layer_state(), str(folder / f"layer.{protocol}"), protocol=protocol)
    paddle.enable_static()
    for name, value in objects().items():
        for protocol in (2, 3, 4):
            paddle.save(value, str(folder / f"{name}.{protocol}"), protocol=protocol)
    for value in refused():
        try:
            paddle.save(value, io.BytesIO())
        except NotImplementedError:
            continue
        raise AssertionError(f"{value} was saved")


def named_by_hand(folder):
    """Pickles with names of tensors in every place; they need no Paddle."""
    a, b, table = np.arange(3, dtype="float32"), np.ones(2, "float32"), "StructuredToParameterName@@"
    for name, value in {"table": {"a": a, table: {"a": "p"}}, "part_of_a_table": {"a": a, "b": b, "n": ("x", b), "l": [b, 1], table: {"a": "p"}},
                        "named": {"a": a, "n": ("x", b)}, "named_in_a_list": [a, ("x", b)], "named_below": {"p": {"q": [("x", b)]}, "a": a},
                        "no_names": [a, {"b": b}], "numbers": (1, a), "pairs": (("x", b), a)}.items():
        for protocol in (2, 4):
            (folder / f"{name}.{protocol}").write_bytes(pickle.dumps(value, protocol))


def described(value):
    """Kinds and values as text."""
    if isinstance(value, dict):
        return type(value).__name__ + "{" + ", ".join(f"{described(key)}: {described(one)}" for key, one in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return type(value).__name__ + "[" + ", ".join(map(described, value)) + "]"
    if isinstance(value, (np.ndarray, np.generic)):
        return f"{'scalar' if isinstance(value, np.generic) else 'array'} {value.dtype} {value.shape} {value.tolist()}"
    if hasattr(value, "set_lod"):
        array = np.array(value)
        return f"tensor {array.dtype} {array.shape} {array.tolist()}"
    return f"{type(value).__name__} {value!r}"


def load(folder):
    found = {}
    for path in sorted(folder.iterdir()):
        for options in ({}, {"return_numpy": True}, {"keep_name_table": True}):
            value = described(paddle.load(str(path), **options))
            assert described(paddle.load(io.BytesIO(path.read_bytes()), **options)) == value
            found[f"{path.name} {options}"] = value
    return found


if __name__ == "__main__":
    paddle.enable_static()
    if sys.argv[1] == "save":
        save(Path(sys.argv[2]))
    else:
        print(json.dumps(load(Path(sys.argv[2]))))
