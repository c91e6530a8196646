"""Losses over many classes that look at a few of them."""
from operator_cases import A, I, NOT_COMPUTED, U, case

OUTPUTS = {"Cost": 1, "SampleLogits": 1, "SampleLabels": 1}
for name, sampler, more in (("uniform", 0, {}), ("log_uniform", 1, {}), ("two_labels", 0, {"Label": I(3, 2, low=0, high=8)}), ("weighted", 0, {"SampleWeight": U(3, 1, low=0.1)})):
    case("sampled", "nce_" + name, "nce", {"Input": U(3, 4, low=-1, high=1), "Label": I(3, 1, low=0, high=8), "Weight": U(8, 4, low=-1, high=1), "Bias": U(8), **more},
         {"num_total_classes": 8, "num_neg_samples": 3, "sampler": sampler, "custom_neg_classes": [1, 5, 6], "seed": 1, "is_sparse": False}, OUTPUTS, targets=["Cost"])
TREE = {"Out": 1, "PreOut": 1, "W_Out": NOT_COMPUTED}
for classes in (6, 8):
    case("sampled", f"hierarchical_sigmoid_{classes}", "hierarchical_sigmoid", {"X": U(3, 4, low=-1, high=1), "W": U(classes - 1, 4, low=-1, high=1), "Label": I(3, 1, low=0, high=classes),
                                                                              "Bias": U(classes - 1, 1)}, {"num_classes": classes, "is_sparse": False}, TREE, targets=["Out"])
case("sampled", "hierarchical_sigmoid_tables", "hierarchical_sigmoid", {"X": U(2, 4, low=-1, high=1), "W": U(5, 4, low=-1, high=1), "Label": A([[0], [1]], "int64"),
                                                                       "PathTable": A([[0, 2, -1], [0, 1, 4]], "int64"), "PathCode": A([[1, 0, -1], [0, 1, 1]], "int64")},
     {"num_classes": 6, "is_sparse": False}, TREE, targets=["Out"])
