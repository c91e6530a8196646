"""Operators that the other files leave out. See __init__.py."""
import numpy as np

from operator_cases import A, U, case

for op, low, high in (("acos", -0.9, 0.9), ("asin", -0.9, 0.9), ("sinh", -2.0, 2.0), ("cosh", -2.0, 2.0), ("tan", -1.2, 1.2)):
    for dtype in ("float32", "float64"):
        case("others", f"{op}_{dtype}", op, {"X": U(2, 5, low=low, high=high, dtype=dtype)})

for name, attrs in (("rows", {"dim": [1]}), ("planes", {"dim": [0, 2], "keep_dim": True}), ("all", {"dim": [0], "reduce_all": True})):
    case("others", "frobenius_norm_" + name, "frobenius_norm", {"X": U(2, 3, 4)}, attrs)

for name, ids, overwrite in (("overwrite", [3, 0], True), ("add", [3, 0, 3], False), ("column", [[1], [2]], True)):
    case("others", "scatter_" + name, "scatter", {"X": U(4, 3), "Ids": A(ids, "int64"), "Updates": U(len(ids), 3)}, {"overwrite": overwrite})
case("others", "scatter_int32_ids", "scatter", {"X": U(4, 3, dtype="float64"), "Ids": A([2, 1], "int32"), "Updates": U(2, 3, dtype="float64")}, {"overwrite": True})

case("others", "grad_add", "grad_add", {"X": U(2, 3), "Y": U(2, 3)}, gradient=False)

RATE = A([0.1])
case("others", "adadelta", "adadelta",
     {"Param": U(3, 4), "Grad": U(3, 4), "AvgSquaredGrad": U(3, 4, low=0.1), "AvgSquaredUpdate": U(3, 4, low=0.1), "LearningRate": RATE},
     {"rho": 0.9, "epsilon": 1e-5}, {"ParamOut": "Param", "AvgSquaredGradOut": "AvgSquaredGrad", "AvgSquaredUpdateOut": "AvgSquaredUpdate"}, gradient=False)
case("others", "adamax", "adamax",
     {"Param": U(3, 4), "Grad": U(3, 4), "LearningRate": RATE, "Moment": U(3, 4), "InfNorm": U(3, 4, low=0.5), "Beta1Pow": A([0.9])},
     {"beta1": 0.8, "beta2": 0.95, "epsilon": 1e-7}, {"ParamOut": "Param", "MomentOut": "Moment", "InfNormOut": "InfNorm"}, gradient=False)
for name, decay in (("plain", 0.0), ("decayed", 0.05)):
    case("others", "lamb_" + name, "lamb",
         {"Param": U(3, 4), "Grad": U(3, 4), "LearningRate": RATE, "Moment1": U(3, 4), "Moment2": U(3, 4, low=0.1), "Beta1Pow": A([0.9]), "Beta2Pow": A([0.999])},
         {"weight_decay": decay}, {"ParamOut": "Param", "Moment1Out": "Moment1", "Moment2Out": "Moment2", "Beta1PowOut": "Beta1Pow", "Beta2PowOut": "Beta2Pow"},
         gradient=False)
for name, centered in (("plain", False), ("centered", True)):
    case("others", "rmsprop_" + name, "rmsprop",
         {"Param": U(3, 4), "MeanSquare": U(3, 4, low=1.5), "Grad": U(3, 4), "Moment": U(3, 4), "LearningRate": RATE, "MeanGrad": U(3, 4, low=0.1, high=0.3)},
         {"epsilon": 1e-3, "decay": 0.9, "momentum": 0.5, "centered": centered},
         {"ParamOut": "Param", "MomentOut": "Moment", "MeanSquareOut": "MeanSquare", "MeanGradOut": "MeanGrad"}, gradient=False)

case("others", "depthwise_conv2d_transpose", "depthwise_conv2d_transpose", {"Input": U(2, 3, 4, 4, low=-1, high=1), "Filter": U(3, 1, 3, 3, low=-1, high=1)},
     {"strides": [2, 2], "paddings": [1, 1], "dilations": [1, 1], "groups": 3, "padding_algorithm": "EXPLICIT", "data_format": "NCHW"}, "Output")

for name, curve in (("auc", "ROC"), ("auc_pr", "PR")):
    case("others", name, "auc",
         {"Predict": A([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4], [0.3, 0.7]]), "Label": A([[0], [1], [1], [0]], "int64"),
          "StatPos": np.zeros([1, 101], "int64"), "StatNeg": np.zeros([1, 101], "int64")},
         {"curve": curve, "num_thresholds": 100, "slide_steps": 0}, {"AUC": 1, "StatPosOut": "StatPos", "StatNegOut": "StatNeg"}, gradient=False)
