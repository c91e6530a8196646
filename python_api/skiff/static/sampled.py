"""Layers over pairs of vectors and over samples of many classes. Source: paddle.static.nn."""
from collections import deque

from .. import _core
from .._core import layer
from ..framework import ParamAttr

SAMPLERS = ("uniform", "log_uniform", "custom_dist")


def bilinear_tensor_product(x, y, size, act=None, name=None, param_attr=None, bias_attr=None):
    """out[:, i] = x W[i] y^T + b[i], sample by sample.

    Args:
        x, y (Variable): [samples, m], [samples, n].
        size (int): extent of the result's last axis.
        act (str): an activation of the result.
        param_attr, bias_attr (ParamAttr): of W [size, m, n] and b [1, size]; False leaves b out.

    Source: paddle.static.nn.bilinear_tensor_product.
    """
    if len(x.shape) != 2 or len(y.shape) != 2:
        raise ValueError(f"x and y should have 2 axes, their shapes are {list(x.shape)} and {list(y.shape)}")
    helper = _core.LayerHelper("bilinear_tensor_product", name)
    inputs = {"X": x, "Y": y, "Weight": helper.create_parameter(param_attr, [size, x.shape[1], y.shape[1]], x.dtype, False, None)}
    if bias_attr is not False:
        inputs["Bias"] = helper.create_parameter(bias_attr, [1, size], x.dtype, True, None)
    return helper.activate(layer("bilinear_tensor_product", inputs, "Out", {}, name=helper.name), act)


def _alias_table(chances):
    """Walker's table: each class keeps a share of its cell and gives the rest to its alias, -1 where nothing is left."""
    keeps, alias = [chance * len(chances) for chance in chances], [-1] * len(chances)
    large = deque(i for i, share in enumerate(keeps) if share > 1.0)
    small = deque(i for i, share in enumerate(keeps) if share < 1.0)
    while large and small:
        giver, taker = large.popleft(), small.popleft()
        alias[taker] = giver
        keeps[giver] += keeps[taker] - 1.0
        if keeps[giver] != 1.0:
            (large if keeps[giver] > 1.0 else small).append(giver)
    return alias, [share if to >= 0 else 1.0 for share, to in zip(keeps, alias)]


def nce(input, label, num_total_classes, sample_weight=None, param_attr=None, bias_attr=None, num_neg_samples=None,  # noqa: A002
        name=None, sampler="uniform", custom_dist=None, seed=0, is_sparse=False):
    """Noise-contrastive estimation: tells the label from sampled classes instead of from all. Gutmann and Hyvarinen 2010.

    Args:
        input (Variable): [samples, features].
        label (Variable): int64 [samples, true classes].
        num_total_classes (int): all classes.
        sample_weight (Variable): [samples, 1], weights of the costs.
        param_attr, bias_attr (ParamAttr): of W [classes, features] and b [classes, 1]; False leaves b out.
        num_neg_samples (int): sampled classes; 10 where None.
        sampler (str): "uniform", "log_uniform", or "custom_dist" with the chance of each class in custom_dist.
        seed (int): of the samples.
        is_sparse (bool): gradients by rows.

    Returns:
        Variable: [samples, 1], the costs divided by num_neg_samples + 1.

    Source: paddle.static.nn.nce.
    """
    if sampler not in SAMPLERS:
        raise ValueError(f"Unsupported sampler type {sampler!r}; there are {', '.join(SAMPLERS)}")
    helper, dtype = _core.LayerHelper("nce", name), input.dtype
    inputs = {"Input": input, "Label": label,
              "Weight": helper.create_parameter(param_attr, [num_total_classes, input.shape[1]], dtype, False, None)}
    if bias_attr is not False:
        inputs["Bias"] = helper.create_parameter(bias_attr, [num_total_classes, 1], dtype, True, None)
    if sample_weight is not None:
        inputs["SampleWeight"] = sample_weight
    if sampler == "custom_dist":
        inputs.update(_custom(helper, custom_dist, num_total_classes))
    count = 10 if num_neg_samples is None else int(num_neg_samples)
    attrs = {"num_total_classes": int(num_total_classes), "num_neg_samples": count, "seed": seed, "sampler": SAMPLERS.index(sampler),
             "is_sparse": is_sparse, "remote_prefetch": is_sparse}
    cost = layer("nce", inputs, ("Cost", "SampleLogits", "SampleLabels"), attrs, name=helper.name)[0]
    return cost / (count + 1)


def _custom(helper, chances, classes):
    import numpy

    from ..nn.initializer import Assign
    if chances is None or len(chances) != classes:
        raise AssertionError(f"custom_dist should hold the chances of {classes} classes")
    alias, keeps = _alias_table([float(chance) for chance in chances])
    made = {}
    for slot, values, dtype in (("CustomDistProbs", chances, "float32"), ("CustomDistAlias", alias, "int32"),
                                ("CustomDistAliasProbs", keeps, "float32")):
        var = helper.create_parameter(ParamAttr(), [classes], dtype, False, Assign(numpy.array(values, dtype)))
        var.stop_gradient, made[slot] = True, var
    return made
