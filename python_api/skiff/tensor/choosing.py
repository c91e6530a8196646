"""Counting, drawing and putting elements."""
from .. import _core
from ._ops import dtype_code, is_var, layer

__all__ = ["bincount", "exponential_", "index_put", "masked_fill", "multinomial", "poisson", "randint_like", "top_p_sampling",
           "unique_consecutive"]


def unique_consecutive(x, return_inverse=False, return_counts=False, axis=None, dtype="int64", name=None):
    """The elements (or entries of an axis) without those that equal the one before. Source: paddle.unique_consecutive."""
    attrs = {"dtype": dtype_code(dtype), "return_inverse": return_inverse, "return_counts": return_counts,
             "axis": [] if axis is None else [axis]}
    out, inverse, counts = layer("unique_consecutive", {"X": x}, ("Out", "Index", "Counts"), attrs, name=name, stopped=["Index", "Counts"])
    wanted = [v for v, want in ((inverse, return_inverse), (counts, return_counts)) if want]
    return (out, *wanted) if wanted else out


def bincount(x, weights=None, minlength=0, name=None):
    """How often each whole number occurs, or the sum of its weights. Source: paddle.bincount."""
    inputs = {"X": x} if weights is None else {"X": x, "Weights": weights}
    return layer("bincount", inputs, "Out", {"minlength": minlength}, name=name, dtype=x.dtype if weights is None else weights.dtype)


def index_put(x, indices, value, accumulate=False, name=None):
    """A copy of x with value at (or added to) the positions that the indices name together.

    Args:
        x (Variable): at least one axis.
        indices (tuple[Variable]): int32 or int64, broadcast to one shape, one for each of the first axes; or bool.
        value (Variable): broadcast to the indices' shape and x's other axes.
        accumulate (bool): add instead of replacing.
        name (str): of the layer.

    Returns:
        Variable: of x's shape.

    Source: paddle.index_put.
    """
    return layer("index_put", {"x": x, "indices": list(indices), "value": value}, "out", {"accumulate": accumulate}, name=name, dtype=x.dtype)


def masked_fill(x, mask, value, name=None):
    """x, with value where the mask is true. Source: paddle.masked_fill."""
    from . import creation, logic, search
    if not is_var(value):
        value = creation.full([], value, x.dtype)
    return search.where(logic.logical_not(mask), x, value)


def multinomial(x, num_samples=1, replacement=False, name=None):
    """Categories drawn with each row's probabilities. Source: paddle.multinomial."""
    return layer("multinomial", {"X": x}, "Out", {"num_samples": num_samples, "replacement": replacement}, name=name, dtype="int64",
                 stopped=["Out"])


def poisson(x, name=None):
    """Numbers of the Poisson distributions with means x. Source: paddle.poisson."""
    return layer("poisson", {"X": x}, name=name, dtype=x.dtype)


def exponential_(x, lam=1.0, name=None):
    """x itself, filled with numbers of the exponential distribution. Source: paddle.Tensor.exponential_."""
    x.block.append_op(type="exponential", inputs={"X": x}, outputs={"Out": x}, attrs={"lambda": float(lam)})
    return x


def randint_like(x, low=0, high=None, dtype=None, name=None):
    """Whole numbers in [low, high), in x's shape and dtype. Source: paddle.randint_like."""
    from . import manipulation, random
    if high is None:
        low, high = 0, low
    out = random.randint(low, high, manipulation.shape(x), "int64", name)
    dtype = _core.to_dtype(dtype or x.dtype)
    return manipulation.cast(out, dtype)


def top_p_sampling(x, ps, threshold=None, seed=None, name=None):
    """Of each row one element, drawn among the likeliest whose probabilities reach ps: (values, positions).

    Source: paddle.tensor.top_p_sampling.
    """
    inputs = {"x": x, "ps": ps} if threshold is None else {"x": x, "ps": ps, "threshold": threshold}
    return layer("top_p_sampling", inputs, ("out", "ids"), {"seed": -1 if seed is None else seed}, name=name, stopped=["ids"])
