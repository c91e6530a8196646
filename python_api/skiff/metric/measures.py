"""Measures kept over batches in Python, with numpy, which is imported when they are used. Source: paddle.metric."""

__all__ = ["Accuracy", "Auc", "Metric", "Precision", "Recall"]


class Metric:
    """What all measures are: `update` takes a batch's arrays, `accumulate` gives the measure of all since `reset`.

    Source: paddle.metric.Metric.
    """

    def reset(self):
        """Forgets all batches."""
        raise NotImplementedError(f"function 'reset' not implemented in {type(self).__name__}.")

    def update(self, *args):
        """Takes in a batch."""
        raise NotImplementedError(f"function 'update' not implemented in {type(self).__name__}.")

    def accumulate(self):
        """The measure of all batches."""
        raise NotImplementedError(f"function 'accumulate' not implemented in {type(self).__name__}.")

    def name(self):
        """What it is called."""
        raise NotImplementedError(f"function 'name' not implemented in {type(self).__name__}.")

    def compute(self, *args):
        """What `update` takes, computed by the program from its outputs and labels: these themselves."""
        return args


def _arrays(preds, labels):
    import numpy as np
    for what, value in (("preds", preds), ("labels", labels)):
        if not isinstance(value, np.ndarray) and not hasattr(value, "__array__"):
            raise ValueError(f"The '{what}' must be a numpy ndarray or Tensor.")
    return np.asarray(preds), np.asarray(labels)


class Accuracy(Metric):
    """The share of samples whose label is among the k likeliest.

    Args:
        topk (tuple): every k of interest.
        name (str): "acc" where None.

    Source: paddle.metric.Accuracy.
    """

    def __init__(self, topk=(1,), name=None, *args, **kwargs):
        self.topk, self.maxk = topk, max(topk)
        name = name or "acc"
        self._name = [name] if self.maxk == 1 else [f"{name}_top{k}" for k in topk]
        self.reset()

    def compute(self, pred, label, *args):
        """float32 [samples, maxk]: 1 where the k-th likeliest class is the label, which may be one-hot."""
        from ..tensor.manipulation import cast, reshape, slice as cut
        from ..tensor.search import argmax, argsort
        from ..tensor.variable import _binary
        ranked = argsort(pred, descending=True)
        ranked = cut(ranked, axes=[len(ranked.shape) - 1], starts=[0], ends=[self.maxk])
        if len(label.shape) == 1 or (len(label.shape) == 2 and label.shape[-1] == 1):
            label = reshape(label, [-1, 1])
        elif label.shape[-1] != 1:
            label = argmax(label, axis=-1, keepdim=True)
        return cast(_binary("equal", compare=True)(ranked, label), "float32")

    def update(self, correct, *args):
        """Takes what `compute` gives. Returns the batch's share, or a list of them."""
        import numpy as np
        correct = np.asarray(correct)
        samples = int(np.prod(correct.shape[:-1]))
        shares = []
        for i, k in enumerate(self.topk):
            hits = correct[..., :k].sum()
            shares.append(float(hits) / samples)
            self.total[i] += hits
            self.count[i] += samples
        return shares[0] if len(self.topk) == 1 else shares

    def reset(self):
        """Forgets all batches."""
        self.total, self.count = [0.0] * len(self.topk), [0] * len(self.topk)

    def accumulate(self):
        """The share over all batches, or a list of them."""
        shares = [float(total) / count if count > 0 else 0.0 for total, count in zip(self.total, self.count)]
        return shares[0] if len(self.topk) == 1 else shares

    def name(self):
        """[name], or a name for each k."""
        return self._name


class Precision(Metric):
    """Of the samples taken for 1, the share that is. Chances of 0.5 and more count as 1. Source: paddle.metric.Precision."""

    def __init__(self, name="precision", *args, **kwargs):
        self._name = name
        self.reset()

    def update(self, preds, labels):
        """Takes chances and labels 0 or 1, both [samples, 1] or [samples]."""
        import numpy as np
        preds, labels = _arrays(preds, labels)
        taken = np.floor(preds + 0.5).astype("int32").reshape(-1)[:labels.shape[0]] == 1
        hits = int(np.count_nonzero(taken & (labels.reshape(-1) == 1)))
        self.tp += hits
        self.fp += int(np.count_nonzero(taken)) - hits

    def reset(self):
        """Forgets all batches."""
        self.tp = self.fp = 0

    def accumulate(self):
        """The share; 0 where no sample was taken for 1."""
        return float(self.tp) / (self.tp + self.fp) if self.tp + self.fp else 0.0

    def name(self):
        """Its name."""
        return self._name


class Recall(Metric):
    """Of the samples that are 1, the share taken for 1. Chances above 0.5 count as 1. Source: paddle.metric.Recall."""

    def __init__(self, name="recall", *args, **kwargs):
        self._name = name
        self.reset()

    def update(self, preds, labels):
        """Takes chances and labels 0 or 1, both [samples, 1] or [samples]."""
        import numpy as np
        preds, labels = _arrays(preds, labels)
        true = labels.reshape(-1) == 1
        hits = int(np.count_nonzero(true & (np.rint(preds).astype("int32").reshape(-1)[:labels.shape[0]] == 1)))
        self.tp += hits
        self.fn += int(np.count_nonzero(true)) - hits

    def reset(self):
        """Forgets all batches."""
        self.tp = self.fn = 0

    def accumulate(self):
        """The share; 0 where no sample is 1."""
        return float(self.tp) / (self.tp + self.fn) if self.tp + self.fn else 0.0

    def name(self):
        """Its name."""
        return self._name


class Auc(Metric):
    """The area under the ROC curve, from chances counted in num_thresholds + 1 bins.

    Args:
        curve (str): "ROC" or "PR"; with either it is the area under the ROC curve, as Paddle computes it.
        num_thresholds (int): how finely chances are told apart.
        name (str): its name.

    Raises:
        ValueError: there is no such curve.

    Source: paddle.metric.Auc.
    """

    def __init__(self, curve="ROC", num_thresholds=4095, name="auc", *args, **kwargs):
        if curve not in ("ROC", "PR"):
            raise ValueError(f'curve is "{curve}"; it must be "ROC" or "PR"')
        self._curve, self._num_thresholds, self._name = curve, num_thresholds, name
        self.reset()

    def update(self, preds, labels):
        """Takes chances of 0 and of 1, [samples, 2], and labels [samples, 1]."""
        import numpy as np
        preds, labels = _arrays(preds, labels)
        true = labels.reshape(labels.shape[0], -1)[:, 0] != 0
        bins = (preds[:labels.shape[0], 1] * self._num_thresholds).astype("int64")
        if np.any(bins > self._num_thresholds):
            raise AssertionError("a chance is above 1")
        self._stat_pos += np.bincount(bins[true], minlength=self._num_thresholds + 1)
        self._stat_neg += np.bincount(bins[~true], minlength=self._num_thresholds + 1)

    def accumulate(self):
        """The area; 0 where all labels are equal."""
        import numpy as np
        positive, negative = np.cumsum(self._stat_pos[::-1]), np.cumsum(self._stat_neg[::-1])
        if not positive[-1] or not negative[-1]:
            return 0.0
        area = np.sum(self._stat_neg[::-1] * (positive + np.concatenate([[0.0], positive[:-1]]))) / 2.0
        return float(area / positive[-1] / negative[-1])

    def reset(self):
        """Forgets all batches."""
        import numpy as np
        self._stat_pos, self._stat_neg = np.zeros(self._num_thresholds + 1), np.zeros(self._num_thresholds + 1)

    def name(self):
        """Its name."""
        return self._name
