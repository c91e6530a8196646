"""Linear algebra. Source: paddle.linalg."""
from .tensor.decompose import (cholesky_solve, cond, corrcoef, cov, det, eig, eigh, eigvals, eigvalsh, householder_product,  # noqa: F401
                               lstsq, lu, lu_unpack, matrix_power, matrix_rank, multi_dot, pca_lowrank, pinv, qr, slogdet,
                               solve, svd, triangular_solve)
from .tensor.linalg import cholesky  # noqa: F401
from .tensor.linalg import inverse as inv  # noqa: F401
from .tensor.reduction import norm  # noqa: F401

__all__ = ["cholesky", "norm", "cond", "cov", "corrcoef", "inv", "eig", "eigvals", "multi_dot", "matrix_rank", "svd", "qr",
           "householder_product", "pca_lowrank", "lu", "lu_unpack", "matrix_power", "det", "slogdet", "eigh", "eigvalsh", "pinv",
           "solve", "cholesky_solve", "triangular_solve", "lstsq"]
