"""Losses as layers."""
from .. import functional as F  # noqa: N812
from ..functional.loss import check_reduction
from .layers import Layer, of_function

__all__ = ["BCELoss", "BCEWithLogitsLoss", "CTCLoss", "CosineEmbeddingLoss", "CrossEntropyLoss", "GaussianNLLLoss",
           "HSigmoidLoss", "HingeEmbeddingLoss", "KLDivLoss", "L1Loss", "MSELoss", "MarginRankingLoss",
           "MultiLabelSoftMarginLoss", "MultiMarginLoss", "NLLLoss", "PoissonNLLLoss", "SmoothL1Loss", "SoftMarginLoss",
           "RNNTLoss", "TripletMarginLoss", "TripletMarginWithDistanceLoss"]


def _loss(name, function, inputs=2):
    """A layer of a loss, which tells a wrong reduction at once."""
    base = of_function(name, function, inputs)

    class Loss(base):
        def __init__(self, *args, **kwargs):
            base.__init__(self, *args, **kwargs)
            check_reduction(self.reduction, name)

    Loss.__init__.__signature__ = base.__init__.__signature__
    Loss.__doc__, Loss.__name__, Loss.__qualname__ = base.__doc__, name, name
    return Loss


BCELoss = _loss("BCELoss", F.binary_cross_entropy)
BCEWithLogitsLoss = _loss("BCEWithLogitsLoss", F.binary_cross_entropy_with_logits)
CrossEntropyLoss = of_function("CrossEntropyLoss", F.cross_entropy, 2)
GaussianNLLLoss = _loss("GaussianNLLLoss", F.gaussian_nll_loss, 3)
HingeEmbeddingLoss = of_function("HingeEmbeddingLoss", F.hinge_embedding_loss, 2)
KLDivLoss = of_function("KLDivLoss", F.kl_div, 2, without=("name",))
L1Loss = _loss("L1Loss", F.l1_loss)
MarginRankingLoss = _loss("MarginRankingLoss", F.margin_ranking_loss, 3)
MultiLabelSoftMarginLoss = _loss("MultiLabelSoftMarginLoss", F.multi_label_soft_margin_loss)
MultiMarginLoss = _loss("MultiMarginLoss", F.multi_margin_loss)
NLLLoss = _loss("NLLLoss", F.nll_loss)
SmoothL1Loss = of_function("SmoothL1Loss", F.smooth_l1_loss, 2)
SoftMarginLoss = _loss("SoftMarginLoss", F.soft_margin_loss)
TripletMarginLoss = _loss("TripletMarginLoss", F.triplet_margin_loss, 3)
TripletMarginWithDistanceLoss = _loss("TripletMarginWithDistanceLoss", F.triplet_margin_with_distance_loss, 3)


class PoissonNLLLoss(_loss("PoissonNLLLoss", F.poisson_nll_loss)):
    """The layer of `nn.functional.poisson_nll_loss`, with its options. Source: paddle.nn.PoissonNLLLoss."""

    def __init__(self, log_input=True, full=False, epsilon=1e-8, reduction="mean", name=None):
        super().__init__(log_input, full, epsilon, reduction, name)
        if epsilon <= 0:
            raise ValueError(f"The value of `epsilon` in PoissonNLLLoss should be positve, but received {epsilon}, which is not "
                             "allowed")


class CosineEmbeddingLoss(_loss("CosineEmbeddingLoss", F.cosine_embedding_loss, 3)):
    """The layer of `nn.functional.cosine_embedding_loss`, with its options. Source: paddle.nn.CosineEmbeddingLoss."""

    def __init__(self, margin=0, reduction="mean", name=None):
        if not -1 <= margin <= 1:
            raise ValueError(f"The value of 'margin' should be in the interval of [-1, 1], but received {margin}, which is not "
                             "allowed.")
        super().__init__(margin, reduction, name)


class MSELoss(Layer):
    """(input - label)^2, reduced. Source: paddle.nn.MSELoss."""

    def __init__(self, reduction="mean"):
        super().__init__()
        check_reduction(reduction, "MSELoss")
        self.reduction = reduction

    def forward(self, input, label):  # noqa: A002
        return F.mse_loss(input, label, self.reduction)


class CTCLoss(Layer):
    """The layer of `nn.functional.ctc_loss`. Source: paddle.nn.CTCLoss."""

    def __init__(self, blank=0, reduction="mean"):
        super().__init__()
        self.blank, self.reduction = blank, reduction

    def forward(self, log_probs, labels, input_lengths, label_lengths, norm_by_times=False):
        return F.ctc_loss(log_probs, labels, input_lengths, label_lengths, self.blank, self.reduction, norm_by_times)


class RNNTLoss(Layer):
    """The layer of `nn.functional.rnnt_loss`. Source: paddle.nn.RNNTLoss."""

    def __init__(self, blank=0, fastemit_lambda=0.001, reduction="mean", name=None):
        super().__init__()
        self.blank, self.fastemit_lambda, self.reduction, self.name = blank, fastemit_lambda, reduction, name

    def forward(self, input, label, input_lengths, label_lengths):  # noqa: A002
        return F.rnnt_loss(input, label, input_lengths, label_lengths, self.blank, self.fastemit_lambda, self.reduction, self.name)


class HSigmoidLoss(Layer):
    """Softmax over classes as leaves of a binary tree, with its weights.

    Args:
        feature_size (int): width of the input.
        num_classes (int): leaves; with a tree of one's own, inner nodes.
        weight_attr, bias_attr (ParamAttr): [inner nodes, feature_size] and [inner nodes, 1].
        is_custom (bool): the calls give the tree: path_table and path_code.
        is_sparse (bool): with a tree of one's own, the weight's gradient is a set of rows.
        name (str): of the operator.

    Source: paddle.nn.HSigmoidLoss.
    """

    def __init__(self, feature_size, num_classes, weight_attr=None, bias_attr=None, is_custom=False, is_sparse=False, name=None):
        super().__init__()
        if num_classes < 2 and not is_custom:
            raise ValueError("num_classes must not be less than 2 with default tree")
        self._num_classes, self._is_sparse, self._name = num_classes, is_sparse and is_custom, name
        nodes = num_classes if is_custom else num_classes - 1
        self.weight = self.create_parameter([nodes, feature_size], weight_attr)
        self.bias = self.create_parameter([nodes, 1], bias_attr, is_bias=True)

    def forward(self, input, label, path_table=None, path_code=None):  # noqa: A002
        return F.hsigmoid_loss(input, label, self._num_classes, self.weight, self.bias, path_table, path_code, self._is_sparse,
                               self._name)
