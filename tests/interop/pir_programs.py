#!/usr/bin/env python3
"""Programs that Paddle 3.3.1 makes and that say things seldom said, in a process of its own.

A request is a line `NAME PREFIX`: the program goes to PREFIX.json; what it is fed (in0__<name>) and what Paddle computes (out0__<k>), to PREFIX.npz.
"""
import os
import sys
import traceback
import zlib  # noqa: F401  Paddle's wheel must find the interpreter's zlib already loaded

import numpy as np


def rows(paddle, name="x", times=1):
    """A variable of rows that are six wide, and what it is fed."""
    return paddle.static.data(name, [-1, 6], "float32"), (np.arange(12, dtype="float32").reshape(2, 6) / 4 - 1) * np.float32(times)


def parts_of_lists(paddle):
    """Lists whose elements are taken one by one: builtin.slice, where a program of Paddle 3 itself has builtin.split."""
    x, array = rows(paddle)
    first, _, last = paddle.split(x, 3, axis=1)
    across = paddle.meshgrid(paddle.full([2], 1.5), paddle.full([3], 2.5))[1]
    return [(x, array)], [paddle.nn.functional.relu(first) + last, across * 2]


def shapes_of_constants(paddle):
    """Shapes put together of constants, which stand as lists of operands: all of them constant, and not."""
    x, array = rows(paddle)

    def extent(value):
        return paddle.full([1], value, "int32")
    pairs = paddle.reshape(x, [extent(3), extent(2), -1])
    return [(x, array)], [paddle.full([extent(2), extent(3)], 0.5), pairs, paddle.expand(pairs[:, :, :1], [extent(3), extent(2), extent(4)]),
                          paddle.reshape(x, [paddle.shape(x)[1], extent(2)])]


def feeds_in_another_order(paddle):
    """The program has its feeds in the order opposite to their columns."""
    (x, array), (y, other) = rows(paddle), rows(paddle, "y", times=3)
    return [(x, array), (y, other)], [x - 2 * y]


def integers_as_values(paddle):
    """A list of integers that is computed with."""
    x = paddle.static.data("x", [-1, 2], "int64")
    integers = paddle._C_ops.full_int_array([10, -3], paddle.int64, paddle.CPUPlace())
    return [(x, np.arange(6).reshape(3, 2))], [x * integers, integers]


def sums_of_products(paddle):
    x, array = rows(paddle)
    return [(x, array)], [paddle.einsum("ij,kj->ik", x, x * 2), paddle.einsum("ij->j", x)]


def places(paddle):
    """Constants and random numbers, of ranges that leave no choice, that say where they are made."""
    x, array = rows(paddle)
    ops, cpu = paddle._C_ops, paddle.CPUPlace()
    threes, twos = ops.randint(3, 4, [2, 6], paddle.int64, cpu), ops.gaussian([2, 6], 2.0, 0.0, 0, paddle.float32, cpu)
    return [(x, array)], [x + paddle.cast(threes, "float32") + twos + ops.full([2, 6], 0.25, paddle.float32, cpu)]


TRANSLATED = (parts_of_lists, shapes_of_constants, feeds_in_another_order)  # programs of 2.x, as Paddle 3 understands them
BUILDERS = {build.__name__: build for build in (*TRANSLATED, integers_as_values, sums_of_products, places)}


def run(paddle, build):
    """The program for inference, what it was fed, and what it computed."""
    main, startup = paddle.static.Program(), paddle.static.Program()
    with paddle.static.scope_guard(paddle.static.Scope()), paddle.static.program_guard(main, startup):
        fed, outputs = build(paddle)
        arrays = {"in0__" + variable.name: array for variable, array in fed}
        results = paddle.static.Executor(paddle.CPUPlace()).run(main, feed={v.name: array for v, array in fed}, fetch_list=outputs)
        arrays.update({f"out0__{k}": value for k, value in enumerate(results)})
        return paddle.static.normalize_program(main, [variable for variable, _ in fed], outputs), arrays


def make(paddle, name, prefix):
    if BUILDERS[name] in TRANSLATED:
        with paddle.pir_utils.OldIrGuard():
            program, arrays = run(paddle, BUILDERS[name])
        program = paddle.pir.translate_to_pir(program.desc)
    else:
        program, arrays = run(paddle, BUILDERS[name])
    paddle.base.core.serialize_pir_program(program, prefix + ".json")
    np.savez(prefix + ".npz", **arrays)


def main():
    import paddle
    replies = os.fdopen(os.dup(1), "w")  # whatever Paddle prints must not look like a reply
    os.dup2(2, 1)
    paddle.enable_static()
    for line in sys.stdin:
        try:
            make(paddle, *line.split())
            reply = "done"
        except Exception:  # noqa: BLE001  any refusal is an answer
            reply = "failed " + repr(traceback.format_exc())
        print(reply, file=replies, flush=True)


if __name__ == "__main__":
    main()
