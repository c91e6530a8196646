"""Products of vectors and matrices."""
from .. import _core
from ._ops import layer

__all__ = ["addmm", "bmm", "cholesky", "cross", "dist", "dot", "einsum", "inverse", "kron", "matmul", "mm", "mv", "outer", "t",
           "trace"]


def matmul(x, y, transpose_x=False, transpose_y=False, name=None):
    """The matrix product of the last two axes, the others broadcast.

    Args:
        x, y (Variable): [..., m, k] and [..., k, n]; a vector counts as one row or column.
        transpose_x, transpose_y (bool): takes the last two axes the other way round.
        name (str): of the layer.

    Returns:
        Variable: [..., m, n].

    Source: paddle.matmul.
    """
    attrs = {"trans_x": transpose_x, "trans_y": transpose_y}
    return layer("matmul_v2", {"X": x, "Y": y}, "Out", attrs, name=name)


def mm(input, mat2, name=None):  # noqa: A002
    """The matrix product. Source: paddle.mm."""
    return layer("matmul_v2", {"X": input, "Y": mat2}, layer="mm", name=name)


def bmm(x, y, name=None):
    """Products of matrices, batch by batch. Source: paddle.bmm."""
    return layer("bmm", {"X": x, "Y": y}, name=name)


def dot(x, y, name=None):
    """The sum of products of the last axis. Source: paddle.dot."""
    return layer("dot", {"X": x, "Y": y}, name=name, own_name=name is not None)


def mv(x, vec, name=None):
    """A matrix times a vector. Source: paddle.mv."""
    return layer("mv", {"X": x, "Vec": vec}, name=name)


def addmm(input, x, y, beta=1.0, alpha=1.0, name=None):  # noqa: A002
    """alpha * x @ y + beta * input. Source: paddle.addmm."""
    return layer("addmm", {"Input": input, "X": x, "Y": y}, "Out", {"Alpha": alpha, "Beta": beta}, name=name)


def outer(x, y, name=None):
    """Every element of x times every element of y. Source: paddle.outer."""
    x, y = x.reshape((-1, 1)), y.reshape((1, -1))
    return layer("matmul_v2", {"X": x, "Y": y}, layer="outer", name=name)


def kron(x, y, name=None):
    """The Kronecker product. Source: paddle.kron."""
    return layer("kron", {"X": x, "Y": y}, name=name)


def cross(x, y, axis=9, name=None):
    """The cross product along an axis of extent 3; 9 means the first such. Source: paddle.cross."""
    return layer("cross", {"X": x, "Y": y}, "Out", {"dim": 9 if axis is None else axis}, name=name)


def dist(x, y, p=2, name=None):
    """The p-norm of x - y. Source: paddle.dist."""
    return layer("dist", {"X": x, "Y": y}, "Out", {"p": float(p)}, name=name)


def trace(x, offset=0, axis1=0, axis2=1, name=None):
    """The sum of a diagonal. Source: paddle.trace."""
    return layer("trace", {"Input": x}, "Out", {"offset": offset, "axis1": axis1, "axis2": axis2}, name=name)


def cholesky(x, upper=False, name=None):
    """The triangular matrix whose product with its transpose is x. Source: paddle.linalg.cholesky."""
    return layer("cholesky", {"X": x}, "Out", {"upper": upper}, name=name)


def inverse(x, name=None):
    """The inverse of matrices. Source: paddle.inverse."""
    return layer("inverse", {"Input": x}, "Output", name=name)


def einsum(equation, *operands):
    """Sums of products in Einstein's notation, "ij,jk->ik"; of several operands two at a time, in the order that costs least.

    Source: paddle.einsum.
    """
    operands = list(operands[0]) if len(operands) == 1 and isinstance(operands[0], (list, tuple)) else list(operands)
    if len(operands) > 2:
        from .einsum import pairs
        for a, b, part in pairs(equation, [list(x.shape) for x in operands]):
            operands.append(_einsum(part, [operands.pop(a), operands.pop(b)]))
        return operands[0]
    return _einsum(equation, operands)


def _einsum(equation, operands):
    out = layer("einsum", {"Operands": operands}, {"Out": 1, "InnerCache": len(operands), "XShape": len(operands)},
                {"equation": equation})
    return out[0]


def t(input, name=None):  # noqa: A002
    """The transpose of a matrix; vectors as they are. Source: paddle.t."""
    if len(input.shape) > 2:
        raise ValueError(f"t takes at most two axes, {len(input.shape)} were given; use transpose")
    if len(input.shape) < 2:
        helper = _core.LayerHelper("t", name)
        helper.create_temporary(input.dtype), helper.create_temporary(input.dtype)  # as Paddle does, which uses neither
        return input
    return layer("transpose2", {"X": input}, ("Out", "XShape"), {"axis": [1, 0]}, layer="t", name=name)[0]
