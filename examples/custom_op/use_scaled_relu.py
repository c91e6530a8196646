"""Loads the library named on the command line and trains through its operator.

usage: use_scaled_relu.py LIBRARY
"""
import sys

import numpy as np
import skiff as paddle


def scaled_relu(x, scale):
    """The layer: an output variable and the operator that computes it."""
    block = paddle.static.default_main_program().current_block()
    out = block.create_var(name=paddle.utils.unique_name.generate("scaled_relu.tmp"), dtype=x.dtype)
    block.append_op(type="scaled_relu", inputs={"X": x}, outputs={"Out": out}, attrs={"scale": scale},
                    stop_gradient=False)
    return out


def main(library):
    print("loaded", paddle.utils.load_op_library(library))
    paddle.enable_static()
    x = paddle.static.data("x", [None, 2])
    x.stop_gradient = False
    out = scaled_relu(x, 3.0)
    gradient, = paddle.static.gradients(paddle.sum(out), x)
    values = paddle.static.Executor().run(feed={"x": np.array([[-1, 2]], "float32")}, fetch_list=[out, gradient])
    assert [value.tolist() for value in values] == [[[0.0, 6.0]], [[0.0, 3.0]]], values
    print(values)


if __name__ == "__main__":
    main(sys.argv[1])
