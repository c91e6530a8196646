"""Measures of predictions. Source: paddle.metric."""
from .._core import LayerHelper, layer
from .click import auc, ctr_metric_bundle  # noqa: F401
from .measures import Accuracy, Auc, Metric, Precision, Recall  # noqa: F401


def static_accuracy(input, label, k=1, correct=None, total=None, name=None):  # noqa: A002
    """The share of samples whose label is among the k largest.

    Args:
        input (Variable): [samples, classes].
        label (Variable): int64 [samples, 1].
        k (int): how many candidates count.
        correct, total (Variable): receive the counts.
        name (str): of the layer.

    Returns:
        Variable

    Source: paddle.static.accuracy.
    """
    helper = LayerHelper("accuracy", name)
    values, indices = layer("top_k_v2", {"X": input}, ("Out", "Indices"), {"k": k, "sorted": False}, name=helper.name)
    if correct is None and total is None:
        return layer("accuracy", {"Out": values, "Indices": indices, "Label": label}, ("Accuracy", "Correct", "Total"),
                     name=helper.name, dtype="float32")[0]
    out = helper.create_temporary("float32")
    correct = correct or helper.create_temporary("int32")
    total = total or helper.create_temporary("int32")
    input.block.append_op(type="accuracy", inputs={"Out": values, "Indices": indices, "Label": label},
                          outputs={"Accuracy": out, "Correct": correct, "Total": total})
    return out


def accuracy(input, label, k=1, correct=None, total=None, name=None):  # noqa: A002
    """As static.accuracy; a label [samples] is taken too. Source: paddle.metric.accuracy."""
    if len(label.shape) == 1:
        from ..tensor.manipulation import reshape
        label = reshape(label, [-1, 1])
    return static_accuracy(input, label, k, correct, total, name)
