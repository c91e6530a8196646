"""Elements picked and put by indices; losses of one number. See __init__.py."""
import numpy as np

from operator_cases import A, D, I, NOT_COMPUTED, U, case

INDEX = A([[0, 2, 1], [1, 1, 0]], "int64")
case("picking", "take_along_axis_rows", "take_along_axis", {"Input": U(3, 3), "Index": INDEX}, {"Axis": 0}, "Result")
case("picking", "take_along_axis_columns", "take_along_axis", {"Input": U(2, 4), "Index": INDEX}, {"Axis": 1}, "Result")
case("picking", "take_along_axis_int32", "take_along_axis", {"Input": U(2, 2, 3), "Index": I(2, 2, 3, low=0, high=2, dtype="int32")}, {"Axis": 1}, "Result")
for reduce in ("assign", "add", "multiply"):
    case("picking", "put_along_axis_" + reduce, "put_along_axis", {"Input": U(2, 4), "Index": A([[0, 3], [2, 1]], "int64"), "Value": U(2, 2)},
         {"Axis": 1, "Reduce": reduce, "Include_self": True}, "Result")
    case("picking", f"put_along_axis_{reduce}_rows", "put_along_axis", {"Input": U(3, 2), "Index": A([[2, 0]], "int64"), "Value": U(1, 2)},
         {"Axis": 0, "Reduce": reduce, "Include_self": True}, "Result")
case("picking", "index_sample", "index_sample", {"X": U(3, 5), "Index": I(3, 4, low=0, high=5)})
case("picking", "index_sample_int32", "index_sample", {"X": U(2, 3, dtype="float64"), "Index": I(2, 2, low=0, high=3, dtype="int32")})
for axis, shape, values in ((0, (3, 2, 2), (2, 2, 2)), (1, (2, 4, 3), (2, 2, 3)), (-1, (2, 3, 4), (2, 3, 2))):
    case("picking", f"index_add_{axis}", "index_add", {"X": U(*shape), "Index": A([2, 0], "int64"), "AddValue": U(*values)}, {"axis": axis})
case("picking", "index_add_repeated", "index_add", {"X": U(3, 2), "Index": A([1, 1, 1], "int32"), "AddValue": U(3, 2)}, {"axis": 0})
case("picking", "multiplex", "multiplex", {"X": [U(4, 3), U(4, 3), U(4, 3)], "Ids": A([[2], [0], [1], [0]], "int32")})
case("picking", "scatter_nd_add_rows", "scatter_nd_add", {"X": U(4, 3), "Index": A([[1], [3], [1]], "int64"), "Updates": U(3, 3)})
case("picking", "scatter_nd_add_elements", "scatter_nd_add", {"X": U(3, 4, 2), "Index": A([[0, 1], [2, 3]], "int32"), "Updates": U(2, 2)})

PROBABILITY = {"low": 0.05, "high": 0.95}
case("picking", "log_loss", "log_loss", {"Predicted": U(5, 1, **PROBABILITY), "Labels": A([[0], [1], [1], [0], [1]])}, {"epsilon": 1e-4}, "Loss")
case("picking", "bce_loss_float64", "bce_loss", {"X": U(4, dtype="float64", **PROBABILITY), "Label": A([0, 1, 1, 0], "float64")})
case("picking", "hinge_loss", "hinge_loss", {"Logits": U(5, 1), "Labels": A([[0], [1], [1], [0], [1]])}, {}, "Loss")
case("picking", "rank_loss", "rank_loss", {"Label": A([[0], [1], [1], [0.5]]), "Left": U(4, 1), "Right": U(4, 1)})
case("picking", "modified_huber_loss", "modified_huber_loss", {"X": U(6, 1, low=-3, high=3), "Y": A([[0], [1], [1], [0], [1], [0]])}, {},
     {"IntermediateVal": 1, "Out": 1}, targets=["Out"])
case("picking", "teacher_student_sigmoid_loss", "teacher_student_sigmoid_loss", {"X": U(6, 1), "Label": A([[-2], [-1], [0.3], [1.6], [0], [1]])},
     {"soft_max_up_bound": 15.0, "soft_max_lower_bound": -15.0}, "Y")
for reduction in ("none", "sum", "mean", "batchmean"):
    case("picking", "kldiv_loss_" + reduction, "kldiv_loss", {"X": U(3, 4), "Target": A([[0.1, 0.2, 0.3, 0.4], [0, 0.5, 0.5, 0], [0.25, 0.25, 0.25, 0.25]])},
         {"reduction": reduction}, "Loss")
for reduction in ("none", "sum", "mean"):
    label = A([1, 0, 3, 2, 1], "int64")
    case("picking", "nll_loss_" + reduction, "nll_loss", {"X": U(5, 4), "Label": label, "Weight": U(4, low=0.2)}, {"ignore_index": 3, "reduction": reduction},
         {"Out": 1, "Total_weight": 1}, targets=["Out"])
    case("picking", f"nll_loss_{reduction}_image", "nll_loss", {"X": U(2, 3, 2, 2), "Label": I(2, 2, 2, low=0, high=3)}, {"ignore_index": -100, "reduction": reduction},
         {"Out": 1, "Total_weight": 1}, targets=["Out"])
case("picking", "bpr_loss", "bpr_loss", {"X": U(4, 5), "Label": A([[0], [2], [4], [1]], "int64")}, {}, "Y")

GRADS = [U(3, 2), U(4)]
case("picking", "check_finite_and_unscale", "check_finite_and_unscale", {"X": GRADS, "Scale": A([4.0])}, {}, {"Out": 2, "FoundInfinite": 1}, gradient=False)
case("picking", "check_finite_and_unscale_infinite", "check_finite_and_unscale", {"X": [A([np.inf, 1])], "Scale": A([4.0])}, {}, {"Out": NOT_COMPUTED, "FoundInfinite": 1},
     gradient=False)
AMP = {"incr_every_n_steps": 2, "decr_every_n_nan_or_inf": 2, "incr_ratio": 2.0, "decr_ratio": 0.5, "stop_update": False}
for name, found, good, bad, scale, attrs in (("counts", False, 0, 0, 8, {}), ("grows", False, 1, 0, 8, {}), ("counts_bad", True, 1, 0, 8, {}), ("shrinks", True, 0, 1, 8, {}),
                                             ("not_below_one", True, 0, 1, 1.5, {}), ("stopped", True, 0, 1, 8, {"stop_update": True})):
    case("picking", "update_loss_scaling_" + name, "update_loss_scaling",
         {"X": GRADS, "FoundInfinite": A([found], "bool"), "PrevLossScaling": A([scale]), "InGoodSteps": A([good], "int32"), "InBadSteps": A([bad], "int32")},
         {**AMP, **attrs}, {"Out": "X", "LossScaling": "PrevLossScaling", "OutGoodSteps": "InGoodSteps", "OutBadSteps": "InBadSteps"}, gradient=False)
