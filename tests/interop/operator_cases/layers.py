"""Medians, spectral norms, windows over sequences and images, views of memory, marked losses. See __init__.py."""
import numpy as np

from operator_cases import A, D, I, NOT_COMPUTED, S, U, case

MEDIAN = {"Out": 1, "MedianIndex": NOT_COMPUTED}
for name, axis, keep in (("all", [], False), ("one", [1], False), ("kept", [0], True), ("two", [0, 2], False), ("negative", [-1], True)):
    case("layers", "nanmedian_" + name, "nanmedian", {"X": D(2, 3, 4)}, {"axis": axis, "keepdim": keep}, MEDIAN, targets=["Out"])
holes = A([[1.0, np.nan, 3.0, 2.0], [np.nan, np.nan, np.nan, np.nan], [4.0, np.nan, np.nan, -1.0]])
case("layers", "nanmedian_holes", "nanmedian", {"X": holes}, {"axis": [1], "keepdim": False}, MEDIAN, targets=["Out"])
case("layers", "nanmedian_odd", "nanmedian", {"X": D(5, 3, dtype="float64")}, {"axis": [0], "keepdim": False}, MEDIAN, targets=["Out"])
case("layers", "nanmedian_int64", "nanmedian", {"X": I(3, 4)}, {"axis": [1], "keepdim": False}, MEDIAN, gradient=False)

for name, shape, dim, rounds in (("matrix", (3, 4), 0, 1), ("rounds", (4, 3), 1, 5), ("kernel", (2, 3, 2, 2), 1, 2), ("no_rounds", (3, 4), 0, 0)):
    rest = int(np.prod(shape)) // shape[dim]
    case("layers", "spectral_norm_" + name, "spectral_norm", {"Weight": U(*shape, dtype="float64"), "U": U(shape[dim], dtype="float64"),
         "V": U(rest, dtype="float64")}, {"dim": dim, "power_iters": rounds, "eps": 1e-12}, gradient=False)  # 2.6.2 has a gradient of its own

case("layers", "row_conv", "row_conv", {"X": S(np.arange(14, dtype="float32").reshape(7, 2) / 4, [3, 4]), "Filter": U(2, 2)})
case("layers", "row_conv_batch", "row_conv", {"X": U(2, 4, 3), "Filter": U(3, 3)})
case("layers", "im2sequence", "im2sequence", {"X": U(2, 2, 4, 5)}, {"kernels": [2, 3], "strides": [2, 1], "paddings": [1, 0, 1, 2]},
     gradient=False)  # Paddle declares an output of another shape and so refuses the gradient
case("layers", "im2sequence_real", "im2sequence", {"X": U(2, 1, 4, 4), "Y": A([[8, 8], [5, 7]])},
     {"kernels": [2, 2], "strides": [1, 1], "paddings": [0, 0, 0, 0], "out_stride": [2, 2]}, gradient=False)

for reduction in (0, 1, 2):
    case("layers", f"identity_loss_{reduction}", "identity_loss", {"X": U(2, 3)}, {"reduction": reduction})
