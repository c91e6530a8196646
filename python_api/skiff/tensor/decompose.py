"""Decompositions of matrices, and what is computed with them."""
from .. import _core
from ._ops import is_var, layer

__all__ = ["cdist", "cholesky_solve", "cond", "corrcoef", "cov", "det", "eig", "eigh", "eigvals", "eigvalsh",
           "householder_product", "lstsq", "lu", "lu_unpack", "matrix_power", "matrix_rank", "multi_dot", "pca_lowrank", "pinv",
           "qr", "slogdet", "solve", "svd", "triangular_solve"]


def _square(x):
    shape = list(x.shape)
    if len(shape) < 2 or shape[-1] != shape[-2]:
        raise ValueError(f"x must be square matrices, {x.name} has shape {shape}")


def det(x, name=None):
    """The determinants of matrices. Source: paddle.linalg.det."""
    _square(x)
    return layer("determinant", {"Input": x}, name=name)


def slogdet(x, name=None):
    """Sign and logarithm of the determinants: [2, ...]. Source: paddle.linalg.slogdet."""
    _square(x)
    return layer("slogdeterminant", {"Input": x}, name=name)


def svd(x, full_matrices=False, name=None):
    """Singular values: x = U diag(S) VH.

    Returns:
        (Variable, Variable, Variable): U, S, VH.

    Source: paddle.linalg.svd.
    """
    u, vh, s = layer("svd", {"X": x}, ("U", "VH", "S"), {"full_matrices": full_matrices}, name=name)
    return u, s, vh


def qr(x, mode="reduced", name=None):
    """x = Q R: (Q, R), or R alone in mode "r"; "complete" makes Q square. Source: paddle.linalg.qr."""
    q, r = layer("qr", {"X": x}, ("Q", "R"), {"mode": mode}, name=name)
    return r if mode == "r" else (q, r)


def lu(x, pivot=True, get_infos=False, name=None):
    """x = P L U: (L and U in one matrix, pivots from 1), and on request infos. Source: paddle.linalg.lu."""
    helper = _core.LayerHelper("lu", name)
    outs = [helper.create_temporary(x.dtype), helper.create_temporary("int32"), helper.create_temporary("int32")]
    _core.default_main_program().current_block().append_op(
        type="lu", inputs={"X": x}, outputs=dict(zip(("Out", "Pivots", "Infos"), outs)), attrs={"pivot": pivot})
    return tuple(outs) if get_infos else tuple(outs[:2])


def lu_unpack(x, y, unpack_ludata=True, unpack_pivots=True, name=None):
    """(P, L, U) of what `lu` returns. Source: paddle.linalg.lu_unpack."""
    if len(x.shape) < 2 or len(y.shape) < 1:
        raise ValueError(f"x must have two axes and y one at least, their shapes are {list(x.shape)} and {list(y.shape)}")
    return layer("lu_unpack", {"X": x, "Pivots": y}, ("Pmat", "L", "U"),
                 {"unpack_ludata": unpack_ludata, "unpack_pivots": unpack_pivots}, name=name)


def eig(x, name=None):
    """(eigenvalues, eigenvectors) of square matrices, complex. Source: paddle.linalg.eig."""
    return layer("eig", {"X": x}, ("Eigenvalues", "Eigenvectors"), name=name)


def eigvals(x, name=None):
    """The eigenvalues of square matrices, complex. Source: paddle.linalg.eigvals."""
    _square(x)
    return layer("eigvals", {"X": x}, name=name)


def _triangle(x, UPLO):  # noqa: N803
    _square(x)
    if UPLO not in ("L", "U"):
        raise ValueError(f"UPLO must be L or U. But received UPLO is: {UPLO}")


def eigh(x, UPLO="L", name=None):  # noqa: N803
    """(eigenvalues, eigenvectors) of symmetric matrices, of which one triangle is read. Source: paddle.linalg.eigh."""
    _triangle(x, UPLO)
    return layer("eigh", {"X": x}, ("Eigenvalues", "Eigenvectors"), {"UPLO": UPLO}, name=name)


def eigvalsh(x, UPLO="L", name=None):  # noqa: N803
    """The eigenvalues of symmetric matrices. Source: paddle.linalg.eigvalsh."""
    _triangle(x, UPLO)
    return layer("eigvalsh", {"X": x}, ("Eigenvalues", "Eigenvectors"), {"UPLO": UPLO, "is_test": x.stop_gradient}, name=name)[0]


def multi_dot(x, name=None):
    """The product of several matrices, in the order that costs least. Source: paddle.linalg.multi_dot."""
    if any(item.dtype != x[0].dtype for item in x):
        raise TypeError("All the Tensors in the input must have the same data type.")
    return layer("multi_dot", {"X": list(x)}, name=name)


def matrix_power(x, n, name=None):
    """x multiplied by itself n times; its inverse where n is negative. Source: paddle.linalg.matrix_power."""
    return layer("matrix_power", {"X": x}, "Out", {"n": n}, name=name)


def matrix_rank(x, tol=None, hermitian=False, name=None):
    """How many singular values exceed tol, a number or a variable. Source: paddle.linalg.matrix_rank."""
    inputs, attrs = {"X": x}, {"use_default_tol": tol is None, "hermitian": hermitian}
    if is_var(tol):
        from .manipulation import cast
        inputs["TolTensor"] = tol if tol.dtype == x.dtype else cast(tol, x.dtype)
    elif tol is not None:
        attrs["tol"] = tol
    return layer("matrix_rank", inputs, "Out", attrs, name=name, dtype="int32")


def solve(x, y, name=None):
    """z for which x z = y. Source: paddle.linalg.solve."""
    return layer("solve", {"X": x, "Y": y}, name=name)


def triangular_solve(x, y, upper=True, transpose=False, unitriangular=False, name=None):
    """z for which x z = y with a triangular x. Source: paddle.linalg.triangular_solve."""
    attrs = {"upper": upper, "transpose": transpose, "unitriangular": unitriangular}
    return layer("triangular_solve", {"X": x, "Y": y}, "Out", attrs, name=name)


def cholesky_solve(x, y, upper=False, name=None):
    """z for which (y y^T) z = x, y the Cholesky factor. Source: paddle.linalg.cholesky_solve."""
    return layer("cholesky_solve", {"X": x, "Y": y}, "Out", {"upper": upper}, name=name)


def lstsq(x, y, rcond=None, driver=None, name=None):
    """z for which |x z - y| is least.

    Args:
        x (Variable): [..., m, n], float32 or float64.
        y (Variable): [..., m, k].
        rcond (float): singular values below rcond times the largest count as 0.
        driver (str): "gels", "gelsy" (the default on the CPU), "gelsd" or "gelss".
        name (str): of the layer.

    Returns:
        (Variable, Variable, Variable, Variable): solution, residuals, rank, singular values.

    Source: paddle.linalg.lstsq.
    """
    from ..framework import get_device
    on_cpu = get_device() == "cpu"
    if driver not in ((None, "gels", "gelss", "gelsd", "gelsy") if on_cpu else (None, "gels")):
        raise ValueError(f"driver {driver} is not supported here")
    driver = driver or ("gelsy" if on_cpu else "gels")
    kind = _core.dtype_name(x.dtype)
    if x.dtype != y.dtype or kind not in ("float32", "float64"):
        raise ValueError("Only support x and y have the same dtype such as 'float32' and 'float64'.")
    if len(x.shape) < 2 or len(y.shape) < 2 or x.shape[-2] != y.shape[-2]:
        raise ValueError(f"x must be [..., m, n] and y [..., m, k], their shapes are {list(x.shape)} and {list(y.shape)}")
    if rcond is None:
        rcond = (1e-7 if kind == "float32" else 1e-15) * max(x.shape[-2], x.shape[-1])
    helper = _core.LayerHelper("lstsq", name)
    outs = [helper.create_temporary(dtype) for dtype in (x.dtype, x.dtype, "int32", x.dtype)]
    _core.default_main_program().current_block().append_op(
        type="lstsq", inputs={"X": x, "Y": y}, outputs=dict(zip(("Solution", "Residuals", "Rank", "SingularValues"), outs)),
        attrs={"rcond": rcond, "driver": driver})
    from ..static import data  # what a driver does not compute Paddle declares as an empty input
    if driver == "gels":
        outs[2] = data("rank", [0])
    if driver in ("gels", "gelsy"):
        outs[3] = data("singular_values", [0])
    return tuple(outs)


def cond(x, p=None, name=None):
    """The condition number of matrices with respect to a norm.

    Args:
        x (Variable): [..., m, n]; square but for p 2 and -2.
        p: None (2), "fro", "nuc", 1, -1, 2, -2, inf or -inf.
        name (str): accepted, without effect, as in Paddle.

    Source: paddle.linalg.cond.
    """
    if len(x.shape) < 2:
        raise ValueError(f"input should be a matrix or batches of matrices, but the dimention of received input is {len(x.shape)}")
    infinity = float("inf")
    p = 2 if p is None else p
    if p not in ("fro", "nuc", 1, -1, 2, -2, infinity, -infinity):
        raise ValueError(f"unsupported {p} for p, only supporting ('fro', 'nuc', 1, -1, 2, -2, inf, -inf) or none")
    if 0 in x.shape:
        raise ValueError("only support x is nonempty tensor in static graph mode")
    if p in (2, -2):
        return _singular_norm(x, p, x)
    if x.shape[-1] != x.shape[-2]:
        raise ValueError(f"only support p is {p} when input is a square matrix or batches of square matrices")
    inverse = x.inverse()
    if p == "fro":
        return _frobenius(x, x) * _frobenius(inverse, x)
    if p == "nuc":
        return _singular_norm(x, p, x) * _singular_norm(inverse, p, x)
    axis = -2 if p in (1, -1) else -1
    return _sum_norm(x, p, axis, x) * _sum_norm(inverse, p, axis, x)


def _sum_norm(m, p, axis, x):
    name = _core.LayerHelper("norm").name
    helper = _core.LayerHelper("norm", name)
    absolute, total, out = (helper.create_temporary(m.dtype) for _ in range(3))
    append = _core.default_main_program().current_block().append_op
    everything = len(x.shape) == 1
    append(type="abs", inputs={"X": m}, outputs={"Out": absolute})
    append(type="reduce_sum", inputs={"X": absolute}, outputs={"Out": total},
           attrs={"dim": [axis], "keep_dim": False, "reduce_all": everything})
    append(type="reduce_max" if p > 0 else "reduce_min", inputs={"X": total}, outputs={"Out": out},
           attrs={"dim": [-1], "keep_dim": False, "reduce_all": everything})
    return out


def _frobenius(m, x):
    helper = _core.LayerHelper("norm")
    square, rows, total, out = (helper.create_temporary(m.dtype) for _ in range(4))
    append = _core.default_main_program().current_block().append_op
    attrs = {"dim": [-1], "keep_dim": False, "reduce_all": False}
    append(type="pow", inputs={"X": m}, outputs={"Out": square}, attrs={"factor": 2.0})
    append(type="reduce_sum", inputs={"X": square}, outputs={"Out": rows}, attrs=attrs)
    append(type="reduce_sum", inputs={"X": rows}, outputs={"Out": total}, attrs=attrs)
    append(type="pow", inputs={"X": total}, outputs={"Out": out}, attrs={"factor": 0.5})
    return out


def _singular_norm(m, p, x):
    _, s, _ = svd(m)
    helper = _core.LayerHelper("norm")
    out = helper.create_temporary(m.dtype)
    append = _core.default_main_program().current_block().append_op
    attrs = {"dim": [-1], "keep_dim": False, "reduce_all": False}
    if p == "nuc":
        append(type="reduce_sum", inputs={"X": s}, outputs={"Out": out}, attrs=attrs)
        return out
    most, least = helper.create_temporary(m.dtype), helper.create_temporary(m.dtype)
    append(type="reduce_max", inputs={"X": s}, outputs={"Out": most}, attrs=attrs)
    append(type="reduce_min", inputs={"X": s}, outputs={"Out": least}, attrs=attrs)
    x, y = (most, least) if p == 2 else (least, most)
    append(type="elementwise_div", inputs={"X": x, "Y": y}, outputs={"Out": out})
    return out


def pinv(x, rcond=1e-15, hermitian=False, name=None):
    """The pseudo-inverse of matrices; singular values below rcond times the largest count as 0. Source: paddle.linalg.pinv."""
    from . import creation, search
    from .attribute import complex_to_real
    own = _core.LayerHelper("pinv", name).name
    dtype = complex_to_real(x.dtype) if hermitian else x.dtype
    helper = _core.LayerHelper("pinv", own)
    append = _core.default_main_program().current_block().append_op
    u, s = helper.create_temporary(x.dtype), helper.create_temporary(dtype)
    if hermitian:
        append(type="eigh", inputs={"X": x}, outputs={"Eigenvalues": s, "Eigenvectors": u}, attrs={"UPLO": "L"})
        size = layer("abs", {"X": s}, name=own)
    else:
        vt = helper.create_temporary(dtype)
        append(type="svd", inputs={"X": x}, outputs={"U": u, "VH": vt, "S": s}, attrs={"full_matrices": False})
        size = s
    most = layer("reduce_max", {"X": size}, "Out", {"dim": [-1], "keep_dim": True, "reduce_all": False}, name=own)
    cutoff = creation.full([1], rcond, dtype) * most
    infinite = creation.full([1], float("inf"), dtype)
    kept = search.where(size > cutoff, 1 / s, 1 / infinite)
    column = layer("unsqueeze2", {"X": kept}, ("Out", "XShape"), {"axes": [-2]}, name=own)[0]
    if hermitian:
        left = layer("elementwise_mul", {"X": u, "Y": column}, "Out", {"axis": -1}, name=own, dtype=x.dtype)
        right = layer("conj", {"X": u}, name=own)
    else:
        perm = list(range(len(vt.shape)))
        v = layer("transpose2", {"X": vt}, ("Out", "XShape"), {"axis": perm[:-2] + [perm[-1], perm[-2]]}, name=own)[0]
        left, right = layer("elementwise_mul", {"X": v, "Y": column}, "Out", {"axis": -1}, name=own), u
    return layer("matmul_v2", {"X": left, "Y": right}, "Out", {"trans_x": False, "trans_y": True}, name=own)


def cov(x, rowvar=True, ddof=True, fweights=None, aweights=None, name=None):
    """The covariances of x's rows (or columns).

    Args:
        x (Variable): [n] or [variables, n].
        rowvar (bool): False takes the columns as variables.
        ddof (bool): divides by n - 1 instead of n.
        fweights, aweights: read the weights' values while building, which a program cannot; None.
        name (str): accepted, without effect, as in Paddle.

    Source: paddle.linalg.cov.
    """
    from . import creation, linalg, math
    if len(x.shape) not in (1, 2):
        raise ValueError(f"x must have one or two axes, {len(x.shape)} were given")
    if fweights is not None or aweights is not None:
        raise TypeError("the weights' values are read while building: a variable of a program has none")
    rows = x.reshape((1, -1)) if len(x.shape) == 1 else x
    if not rowvar and rows.shape[0] != 1:
        rows = rows.t()
    count = creation.to_tensor(rows.shape[1], dtype=rows.dtype)
    mean = rows.sum(axis=1) / count
    divisor = count - ddof
    if rows.shape[1] <= ddof:  # Paddle asks the variable, which holds for every program: it always divides by 0
        divisor = creation.to_tensor(0, dtype=rows.dtype)
    apart = rows - mean.unsqueeze(1)
    product = linalg.mm(apart, rows.t().conj())
    return math.divide(product, divisor).squeeze()


def corrcoef(x, rowvar=True, name=None):
    """The correlations of x's rows (or columns). Source: paddle.linalg.corrcoef."""
    from . import attribute, creation, math
    c = cov(x, rowvar)
    if len(c.shape) == 0:
        return c / c
    d = creation.diag(c)
    spread = math.sqrt(attribute.real(d) if attribute.is_complex(d) else d)
    c = c / spread[:, None]
    c = c / spread[None, :]
    if attribute.is_complex(c):
        return attribute.complex(math.clip(attribute.real(c), -1, 1), math.clip(attribute.imag(c), -1, 1))
    return math.clip(c, -1, 1)


def _swapped(x):
    from .manipulation import transpose
    perm = list(range(len(x.shape)))
    return transpose(x, perm[:-2] + [perm[-1], perm[-2]])


def pca_lowrank(x, q=None, center=True, niter=2, name=None):
    """(U, S, V) of the q largest singular values of x, centred where `center`. Source: paddle.linalg.pca_lowrank."""
    if not is_var(x):
        raise ValueError(f"Input must be tensor, but got {type(x)}")
    m, n = x.shape[-2:]
    q = min(6, m, n) if q is None else q
    if not 0 <= q <= min(m, n):
        raise ValueError(f"q(={q}) must be non-negative integer and not greater than min(m, n)={min(m, n)}")
    if niter < 0:
        raise ValueError(f"niter(={niter}) must be non-negative integer")
    return _svd_lowrank(x - x.mean(axis=-2, keepdim=True) if center else x, q, niter)


def _basis(x, q, niter):
    from .attribute import conj, is_complex
    from .linalg import matmul
    from .random import randn
    start = randn((x.shape[-1], q), dtype=x.dtype)
    adjoint = _swapped(x)
    if is_complex(adjoint):
        adjoint = conj(adjoint)
    basis = qr(matmul(x, start))[0]
    for _ in range(niter):
        basis = qr(matmul(adjoint, basis))[0]
        basis = qr(matmul(x, basis))[0]
    return basis


def _svd_lowrank(x, q, niter):
    from .attribute import conj, is_complex
    from .linalg import matmul
    m, n = x.shape[-2:]
    flipped = _swapped(x)
    wide = m < n or n > q
    basis = _basis(flipped if wide else x, q, niter)
    other = conj(basis) if is_complex(basis) else basis
    small = matmul(x, other) if wide else _swapped(matmul(flipped, other))
    u, s, vh = svd(small)
    v = _swapped(vh)
    v = conj(v) if is_complex(v) else v
    return (u, s, matmul(basis, v)) if wide else (matmul(basis, u), s, v)


def cdist(x, y, p=2.0, compute_mode="use_mm_for_euclid_dist_if_necessary", name=None):
    """The p-norms of the differences of every row of x and every row of y: [..., rows of x, rows of y]. Source: paddle.cdist."""
    modes = ("use_mm_for_euclid_dist_if_necessary", "use_mm_for_euclid_dist", "donot_use_mm_for_euclid_dist")
    if compute_mode not in modes:
        raise ValueError(f"compute_mode must be one of {modes}, {compute_mode} was given")
    assert len(x.shape) >= 2 and len(y.shape) >= 2, f"x and y must have two axes at least, they have {len(x.shape)} and {len(y.shape)}"
    assert x.shape[-1] == y.shape[-1], f"x and y must have the same last extent, they have {x.shape[-1]} and {y.shape[-1]}"
    assert p >= 0, f"p must not be negative, {p} was given"
    from . import creation, linalg, math, reduction
    rows, others = x.shape[-2], y.shape[-2]
    if rows == 0 or others == 0:
        return creation.empty((rows, others), dtype=x.dtype)
    if x.shape[-1] == 0:
        return creation.zeros((rows, others), dtype=x.dtype)
    product = compute_mode == modes[1] or compute_mode == modes[0] and (rows > 25 or others > 25)
    if float(p) == 2.0 and product:
        x_norm = reduction.sum(x.pow(2), axis=-1, keepdim=True)
        y_norm = reduction.sum(y.pow(2), axis=-1, keepdim=True)
        flipped, norm_flipped = _swapped(y), _swapped(y_norm)
        return math.clip(linalg.matmul(x, flipped) * -2 + norm_flipped + x_norm, min=0.0).sqrt()
    return reduction.norm(x[..., None, :] - y[..., None, :, :], p=float(p), axis=-1)


def householder_product(x, tau, name=None):
    """The first columns of the product of Householder reflections. Source: paddle.linalg.householder_product."""
    from . import creation, indexing
    assert x.dtype == tau.dtype, "The input x must have the same dtype with input tau."
    assert len(x.shape) == len(tau.shape) + 1 >= 2, f"x must have one axis more than tau, they have {len(x.shape)} and {len(tau.shape)}"
    assert x.shape[-2] >= x.shape[-1] >= tau.shape[-1], f"x is {list(x.shape)}, tau {list(tau.shape)}"

    def product(matrix, factors):
        rows, columns = matrix.shape[-2:]
        out = creation.eye(rows).astype(matrix.dtype)
        for i in range(min(factors.shape[-1], columns)):
            w = indexing.setitem(matrix[i:, i], 0, 1).reshape([-1, 1])
            part = out[:, i:] - out[:, i:] @ w @ w.T * factors[i]
            out = indexing.setitem(out, (slice(None), slice(i, None)), part)
        return out[:, :columns]
    if len(x.shape) == 2:
        return product(x, tau)
    shape = x.shape
    x, tau = x.reshape((-1, shape[-2], shape[-1])), tau.reshape((-1, tau.shape[-1]))
    out = creation.zeros([x.shape[0], shape[-2], shape[-1]], dtype=x.dtype)
    for i in range(x.shape[0]):
        out = indexing.setitem(out, i, product(x[i], tau[i]))
    return out.reshape(shape)
