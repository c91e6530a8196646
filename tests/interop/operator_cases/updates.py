"""Optimizers that few use, and sums for averages. See __init__.py."""
from operator_cases import A, U, case

RATE = A([0.1])
P = {"Param": U(3, 4), "Grad": U(3, 4), "LearningRate": RATE}
for power in (-0.5, -0.8):
    case("updates", f"ftrl_{power}", "ftrl", {**P, "SquaredAccumulator": U(3, 4, low=0.2), "LinearAccumulator": U(3, 4)}, {"l1": 0.1, "l2": 0.2, "lr_power": power},
         {"ParamOut": "Param", "SquaredAccumOut": "SquaredAccumulator", "LinearAccumOut": "LinearAccumulator"}, gradient=False)
case("updates", "decayed_adagrad", "decayed_adagrad", {**P, "Moment": U(3, 4, low=0.1)}, {"decay": 0.9, "epsilon": 1e-5}, {"ParamOut": "Param", "MomentOut": "Moment"},
     gradient=False)
case("updates", "proximal_gd", "proximal_gd", P, {"l1": 0.5, "l2": 0.3}, {"ParamOut": "Param"}, gradient=False)
case("updates", "dpsgd_without_noise", "dpsgd", P, {"clip": 1.5, "batch_size": 4.0, "sigma": 0.0, "seed": 1}, {"ParamOut": "Param"}, gradient=False)
for name, decay in (("decay", [0.01]), ("plain", [0.0])):
    case("updates", "lars_momentum_" + name, "lars_momentum", {**P, "Velocity": U(3, 4)},
         {"mu": 0.9, "lars_coeff": 0.01, "lars_weight_decay": decay, "epsilon": 1e-3, "multi_precision": False, "rescale_grad": 1.0},
         {"ParamOut": "Param", "VelocityOut": "Velocity"}, gradient=False)
for nesterov in (False, True):
    case("updates", f"merged_momentum_{nesterov}", "merged_momentum",
         {"Param": [U(3, 4), U(5)], "Grad": [U(3, 4), U(5)], "Velocity": [U(3, 4), U(5)], "LearningRate": RATE},
         {"mu": 0.9, "use_nesterov": nesterov, "regularization_method": ["", "l2_decay"], "regularization_coeff": [0.0, 0.1], "multi_precision": False, "rescale_grad": 1.0},
         {"ParamOut": "Param", "VelocityOut": "Velocity"}, gradient=False)
for name, index, attrs in (("rows", [2, 0, 1], {}), ("nesterov", [3, 0, 1], {"use_nesterov": True}), ("repeated", [2, 0, 2], {"rescale_grad": 0.5}),
                           ("decay", [2, 0, 1], {"regularization_method": "l2_decay", "regularization_coeff": 0.1}), ("columns", [1, 3, 0], {"axis": 1})):
    for given in ("attribute", "variable"):
        axis = attrs.get("axis", 0)
        case("updates", f"sparse_momentum_{name}_{given}", "sparse_momentum",
             {"Param": U(5, 4), "Grad": U(5, 3) if axis else U(3, 4), "Velocity": U(5, 4), "Index": A(index, "int64" if axis else "int32"), "LearningRate": RATE,
              **({"Axis": A([axis], "int32")} if given == "variable" else {})},
             {"mu": 0.9, "use_nesterov": False, "regularization_method": "", "regularization_coeff": 0.0, "multi_precision": False, "rescale_grad": 1.0,
              **attrs, "axis": 0 if given == "variable" else axis},
             {"ParamOut": "Param", "VelocityOut": "Velocity"}, gradient=False)
case("updates", "merged_adam", "merged_adam",
     {"Param": [U(3, 4), U(5)], "Grad": [U(3, 4), U(5)], "LearningRate": [RATE, A([0.2])], "Moment1": [U(3, 4), U(5)], "Moment2": [U(3, 4, low=0.1), U(5, low=0.1)],
      "Beta1Pow": [A([0.9]), A([0.8])], "Beta2Pow": [A([0.99]), A([0.98])]},
     {"beta1": 0.9, "beta2": 0.99, "epsilon": 1e-6, "multi_precision": False, "use_global_beta_pow": False},
     {"ParamOut": "Param", "Moment1Out": "Moment1", "Moment2Out": "Moment2", "Beta1PowOut": "Beta1Pow", "Beta2PowOut": "Beta2Pow"}, gradient=False)
for name, count, updates in (("adds", 3, 5), ("restarts", 12, 20), ("moves", 3, 16383)):
    case("updates", "average_accumulates_" + name, "average_accumulates",
         {"param": U(2, 3), "in_sum_1": U(2, 3), "in_sum_2": U(2, 3), "in_sum_3": U(2, 3), "in_num_accumulates": A([count], "int64"),
          "in_old_num_accumulates": A([2], "int64"), "in_num_updates": A([updates], "int64")},
         {"average_window": 0.5, "max_average_window": 30, "min_average_window": 10},
         {"out_sum_1": "in_sum_1", "out_sum_2": "in_sum_2", "out_sum_3": "in_sum_3", "out_num_accumulates": "in_num_accumulates",
          "out_old_num_accumulates": "in_old_num_accumulates", "out_num_updates": "in_num_updates"}, gradient=False)
