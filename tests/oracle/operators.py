"""What random programs are made of: for each operator how its inputs and attributes are drawn.

`DRAWS[type](draw, shape)` gives the pieces of one operator: a `Piece`. `shape` is that of the first input where
the operator follows another one, and None where it stands first. RECORDED operators are drawn from the recorded
cases of tests/interop/operator_cases instead: other values in the same ranges.
"""
from dataclasses import dataclass, field

import numpy as np
from hypothesis import strategies as st


@dataclass
class Piece:
    """One operator: the shape of X, further inputs (slot -> arrays), attributes, outputs (slot -> shape or None)."""
    shape: tuple
    outputs: dict
    attrs: dict = field(default_factory=dict)
    others: dict = field(default_factory=dict)   # slot -> (shape, low, high, integer)
    slot: str = "X"
    repeat: int = 1                              # how often the first input stands in its slot
    low: float = -2.0
    high: float = 2.0


def shapes(draw, least=1, most=4, limit=5):
    return tuple(draw(st.lists(st.integers(1, limit), min_size=least, max_size=most)))


DRAWS = {}
SMOOTH = set()  # may stand anywhere in a program: no jumps, no domain to leave


def operator(*types, smooth=True):
    def add(function):
        for one in types:
            DRAWS[one] = (lambda name: lambda draw, shape: function(draw, shape, name))(one)
            if smooth:
                SMOOTH.add(one)
        return function
    return add


# ---------------------------------------------------------------- one tensor, element by element
FLOAT_ATTRS = {
    "leaky_relu": {"alpha": (0.0, 1.0)}, "elu": {"alpha": (0.1, 2.0)}, "celu": {"alpha": (0.2, 2.0)}, "hard_shrink": {"threshold": (0.105, 1.0)},
    "softshrink": {"lambda": (0.105, 1.0)}, "thresholded_relu": {"threshold": (0.105, 1.0)}, "relu6": {"threshold": (0.505, 1.5)},
    "brelu": {"t_min": (-1.005, -0.1), "t_max": (0.105, 1.5)}, "swish": {}, "softplus": {"beta": (0.5, 2.0), "threshold": (5.0, 20.0)},
    "mish": {"threshold": (20.0, 20.0)}, "hard_sigmoid": {"slope": (0.1, 0.5), "offset": (0.3, 0.7)},
    "stanh": {"scale_a": (0.3, 1.0), "scale_b": (0.5, 2.0)}, "scale": {"scale": (-2.0, 2.0), "bias": (-1.0, 1.0)},
    "clip": {"min": (-1.005, -0.1), "max": (0.105, 1.5)}, "label_smooth": {"epsilon": (0.0, 0.5)}, "hard_swish": {},
}
RANGES = {"log": (0.1, 4), "log2": (0.1, 4), "log10": (0.1, 4), "log1p": (-0.9, 4), "sqrt": (0.1, 4), "rsqrt": (0.1, 4), "reciprocal": (0.2, 3),
          "asin": (-0.9, 0.9), "acos": (-0.9, 0.9), "pow": (0.1, 3), "tan": (-1.2, 1.2)}
ANYWHERE = ["relu", "sigmoid", "logsigmoid", "tanh", "silu", "softsign", "square", "abs", "exp", "sin", "cos", "erf", "atan", "sinh", "cosh", "expm1",
            "tanh_shrink", "selu", "assign", "gelu"]


@operator(*ANYWHERE, *FLOAT_ATTRS)
def unary(draw, shape, name):
    attrs = {attr: float(np.float32(draw(st.floats(low, high)))) for attr, (low, high) in FLOAT_ATTRS.get(name, {}).items()}
    if name == "gelu":
        attrs["approximate"] = draw(st.booleans())
    if name == "scale":
        attrs["bias_after_scale"] = draw(st.booleans())
    shape = shape or shapes(draw, 0 if name not in ("label_smooth",) else 1)
    return Piece(shape, {"Out": shape}, attrs)


@operator(*RANGES, "floor", "ceil", "round", "sign", smooth=False)
def unary_somewhere(draw, shape, name):
    low, high = RANGES.get(name, (-3, 3))
    attrs = {"factor": draw(st.sampled_from([0.5, 1.0, 2.0, 3.0, -1.0]))} if name == "pow" else {}
    shape = shape or shapes(draw, 0)
    return Piece(shape, {"Out": shape}, attrs, low=low, high=high)


# ---------------------------------------------------------------- two tensors
def broadcast(draw, shape):
    """A shape that broadcasts against `shape` under Paddle's axis rule, and the axis."""
    if not shape or draw(st.booleans()):
        return shape, -1
    axis = draw(st.integers(0, len(shape) - 1))
    end = draw(st.integers(axis + 1, len(shape)))
    if end == len(shape) and draw(st.booleans()):
        return tuple(extent if draw(st.booleans()) else 1 for extent in shape[axis:]), -1
    return shape[axis:end], axis


@operator("elementwise_add", "elementwise_sub", "elementwise_mul", "elementwise_max", "elementwise_min", "elementwise_div")
def binary(draw, shape, name):
    shape = shape or shapes(draw, 0)
    other, axis = broadcast(draw, shape)
    low, high = (0.5, 2.0) if name == "elementwise_div" else (-2.0, 2.0)
    return Piece(shape, {"Out": shape}, {"axis": axis}, {"Y": (other, low, high, False)})


@operator("elementwise_pow", smooth=False)
def power(draw, shape, name):
    shape = shape or shapes(draw, 0)
    other, axis = broadcast(draw, shape)
    return Piece(shape, {"Out": shape}, {"axis": axis}, {"Y": (other, -2.0, 2.0, False)}, low=0.2, high=2.0)


@operator("matmul_v2")
def matmul(draw, shape, name):
    shape = shape if shape else shapes(draw, 1)
    left, right = (draw(st.booleans()), draw(st.booleans())) if len(shape) > 1 else (False, False)
    inner = shape[-2] if left else shape[-1]
    rows = (shape[-1] if left else shape[-2],) if len(shape) > 1 else ()
    columns = draw(st.integers(1, 4))
    batch = shape[:-2] if draw(st.booleans()) else ()
    other = batch + ((columns, inner) if right else (inner, columns))
    return Piece(shape, {"Out": shape[:-2] + rows + (columns,)}, {"trans_x": left, "trans_y": right}, {"Y": (other, -1, 1, False)})


@operator("mul")
def mul(draw, shape, name):
    shape = shape if shape and len(shape) > 1 else shapes(draw, 2)
    columns = draw(st.integers(1, len(shape) - 1))
    width = draw(st.integers(1, 4))
    return Piece(shape, {"Out": shape[:columns] + (width,)}, {"x_num_col_dims": columns, "y_num_col_dims": 1},
                 {"Y": ((int(np.prod(shape[columns:])), width), -1, 1, False)})


# ---------------------------------------------------------------- reductions and rows
@operator("reduce_sum", "reduce_mean", "reduce_max", "reduce_min", "reduce_prod", "frobenius_norm")
def reduction(draw, shape, name):
    shape = shape if shape else shapes(draw)
    rank = len(shape)
    axes = sorted(draw(st.sets(st.integers(0, rank - 1), min_size=1, max_size=rank)))
    keep = draw(st.booleans())
    # Ties: both share gradients among equals, and drawn values differ.
    out = tuple(1 if d in axes else extent for d, extent in enumerate(shape) if keep or d not in axes)
    attrs = {"dim": [d - rank if draw(st.booleans()) else d for d in axes], "keep_dim": keep, "reduce_all": len(axes) == rank}
    return Piece(shape, {"Out": out}, attrs, low=0.3 if name == "frobenius_norm" else -2.0)


@operator("softmax", "log_softmax")
def rows(draw, shape, name):
    shape = shape if shape else shapes(draw)
    return Piece(shape, {"Out": shape}, {"axis": draw(st.integers(-len(shape), len(shape) - 1))})


@operator("p_norm")
def norm(draw, shape, name):
    shape = shape if shape else shapes(draw)
    axis, keep = draw(st.integers(-len(shape), len(shape) - 1)), draw(st.booleans())
    out = tuple(1 if d == axis % len(shape) else extent for d, extent in enumerate(shape) if keep or d != axis % len(shape))
    return Piece(shape, {"Out": out}, {"axis": axis, "keepdim": keep, "porder": draw(st.sampled_from([1.0, 2.0, 3.0])), "epsilon": 1e-12}, low=0.3)


@operator("layer_norm")
def layer_norm(draw, shape, name):
    shape = shape if shape and len(shape) > 1 and np.prod(shape[1:]) > 1 else shapes(draw, 1, 2) + (draw(st.integers(2, 5)),)
    axis = draw(st.integers(1, len(shape) - 1))
    width = int(np.prod(shape[axis:]))
    return Piece(shape, {"Y": shape, "Mean": None, "Variance": None}, {"begin_norm_axis": axis, "epsilon": 1e-3},
                 {"Scale": ((width,), 0.5, 1.5, False), "Bias": ((width,), -1, 1, False)})


# ---------------------------------------------------------------- other shapes
@operator("transpose2")
def transpose(draw, shape, name):
    shape = shape if shape else shapes(draw)
    order = draw(st.permutations(range(len(shape))))
    return Piece(shape, {"Out": tuple(shape[d] for d in order), "XShape": None}, {"axis": list(order)})


@operator("reshape2")
def reshape(draw, shape, name):
    shape = shape if shape else shapes(draw)
    out, rest = [], int(np.prod(shape))
    for _ in range(draw(st.integers(0, 3))):
        factor = draw(st.sampled_from([d for d in range(1, rest + 1) if rest % d == 0]))
        out.append(factor)
        rest //= factor
    out.append(rest)
    asked = [-1 if i == len(out) - 1 and draw(st.booleans()) else extent for i, extent in enumerate(out)]
    return Piece(shape, {"Out": tuple(out), "XShape": None}, {"shape": asked})


@operator("unsqueeze2", "squeeze2")
def ones(draw, shape, name):
    shape = shape if shape else shapes(draw, 1, 3)
    if name == "unsqueeze2":
        axis = draw(st.integers(0, len(shape)))
        return Piece(shape, {"Out": shape[:axis] + (1,) + shape[axis:], "XShape": None}, {"axes": [axis]})
    axis = draw(st.integers(0, len(shape) - 1))
    out = shape[:axis] + shape[axis + 1:] if shape[axis] == 1 else shape
    return Piece(shape, {"Out": out, "XShape": None}, {"axes": [axis]})


@operator("concat", "sum", "stack")
def several(draw, shape, name):
    shape = shape if shape else shapes(draw, 1, 3)
    count = draw(st.integers(1, 3))
    if name == "sum":
        return Piece(shape, {"Out": shape}, repeat=count)
    if name == "stack":
        axis = draw(st.integers(0, len(shape)))
        return Piece(shape, {"Y": shape[:axis] + (count,) + shape[axis:]}, {"axis": axis}, repeat=count)
    axis = draw(st.integers(-len(shape), len(shape) - 1))
    out = tuple(extent * count if d == axis % len(shape) else extent for d, extent in enumerate(shape))
    return Piece(shape, {"Out": out}, {"axis": axis}, repeat=count)


@operator("slice")
def slice_(draw, shape, name):
    shape = shape if shape else shapes(draw)
    axes = sorted(draw(st.sets(st.integers(0, len(shape) - 1), min_size=1, max_size=len(shape))))
    starts = [draw(st.integers(0, shape[d] - 1)) for d in axes]
    ends = [draw(st.integers(start + 1, shape[d])) for d, start in zip(axes, starts)]
    out = list(shape)
    for d, start, end in zip(axes, starts, ends):
        out[d] = end - start
    starts = [start - shape[d] if draw(st.booleans()) else start for d, start in zip(axes, starts)]
    return Piece(shape, {"Out": tuple(out)}, {"axes": axes, "starts": starts, "ends": ends, "decrease_axis": [], "infer_flags": [1] * len(axes)}, slot="Input")


@operator("tile", "expand_v2")
def repeated(draw, shape, name):
    shape = shape if shape else shapes(draw, 1, 3, 3)
    if name == "tile":
        times = [draw(st.integers(1, 3)) for _ in shape]
        return Piece(shape, {"Out": tuple(extent * n for extent, n in zip(shape, times))}, {"repeat_times": times})
    wanted = [draw(st.integers(1, 3)) if extent == 1 else extent for extent in shape]
    front = [draw(st.integers(1, 2))] if draw(st.booleans()) else []
    return Piece(shape, {"Out": tuple(front + wanted)}, {"shape": front + wanted})


@operator("flip", "roll", "tril_triu", "cumsum")
def moved(draw, shape, name):
    shape = shape if shape and len(shape) > 1 else shapes(draw, 2)
    axis = draw(st.integers(0, len(shape) - 1))
    attrs = {"flip": {"axis": [axis]}, "roll": {"shifts": [draw(st.integers(-4, 4))], "axis": [axis]},
             "tril_triu": {"diagonal": draw(st.integers(-2, 2)), "lower": draw(st.booleans())},
             "cumsum": {"axis": axis, "exclusive": draw(st.booleans()), "reverse": draw(st.booleans()), "flatten": False}}[name]
    return Piece(shape, {"Out": shape}, attrs)


@operator("gather", "index_select", smooth=False)
def gathered(draw, shape, name):
    shape = shape if shape else shapes(draw)
    axis = draw(st.integers(0, len(shape) - 1))
    count = draw(st.integers(1, 4))
    attrs = {"axis": axis} if name == "gather" else {"dim": axis}
    return Piece(shape, {"Out": shape[:axis] + (count,) + shape[axis + 1:]}, attrs, {"Index": ((count,), 0, shape[axis], True)})
