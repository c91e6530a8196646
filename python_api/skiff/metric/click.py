"""Measures of predicted chances, kept over batches in variables of the program. Source: paddle.static.auc, ctr_metric_bundle."""
from .. import _core
from .._core import LayerHelper
from ..tensor._ops import dtype_code
from ..tensor.creation import full


def _variable(shape, dtype, persistable=False):
    """A variable without a layer's name."""
    return _core.default_main_program().global_block().create_var(name=_core.unique_name("_generated_var"), shape=shape, dtype=dtype,
                                                                  persistable=persistable)


def _fill_with_zeros(var, force_cpu):
    """Lets the startup program do it."""
    startup = _core.default_startup_program().global_block()
    attrs = {"shape": list(var.shape), "dtype": dtype_code(var.dtype), "value": 0.0, "str_value": "0.0", "force_cpu": force_cpu}
    startup.append_op(type="fill_constant", attrs=attrs, outputs={
        "Out": startup.create_var(name=var.name, shape=var.shape, dtype=var.dtype, persistable=True)})


def auc(input, label, curve="ROC", num_thresholds=2 ** 12 - 1, topk=1, slide_steps=1, ins_tag_weight=None):  # noqa: A002
    """The area under the ROC curve: of all batches, and of the last ones.

    Args:
        input (Variable): [samples, 2], the chances of 0 and 1.
        label (Variable): [samples, 1], int64.
        curve (str): "ROC" or "PR"; with either it is the area under the ROC curve, as Paddle computes it.
        num_thresholds (int): how finely chances are told apart.
        topk (int): accepted, without effect.
        slide_steps (int): batches of the second area; 0 for all.
        ins_tag_weight (Variable): accepted, without effect.

    Returns:
        (Variable, Variable, list): both areas, and the four variables of counts: positive and negative of the last
        batches, positive and negative of all.

    Raises:
        ValueError: there is no such curve.

    Source: paddle.static.auc.
    """
    if ins_tag_weight is None:
        full([1, 1], 1.0, "float32")  # as Paddle makes it, though no operator reads it
    helper = LayerHelper("auc")
    whole, recent = (helper.create_temporary("float64") for _ in range(2))
    bins = num_thresholds + 1
    stats = [_variable(shape, "int64", True) for shape in 2 * [[(1 + slide_steps) * bins + 1]] + 2 * [[1, bins]]]
    for var in stats:
        _fill_with_zeros(var, False)
    block = _core.default_main_program().current_block()
    for out, (positive, negative), steps in ((recent, stats[:2], slide_steps), (whole, stats[2:], 0)):
        block.append_op(type="auc", inputs={"Predict": input, "Label": label, "StatPos": positive, "StatNeg": negative},
                        outputs={"AUC": out, "StatPosOut": positive, "StatNegOut": negative},
                        attrs={"curve": curve, "num_thresholds": num_thresholds, "slide_steps": steps})
        out.dtype = label.dtype  # what Paddle declares; the values are float64
    return whole, recent, stats


def ctr_metric_bundle(input, label, ins_tag_weight=None):  # noqa: A002
    """Sums over all batches, for the quality of predicted clicks.

    Args:
        input, label (Variable): [samples, 1], the chances and what happened, of one dtype.
        ins_tag_weight (Variable): [1, 1] or more; its first row 0 for a batch that does not count. 1 where None.

    Returns:
        six Variables: of squared errors, absolute errors, chances, their sigmoids, clicks, samples.

    Source: paddle.static.ctr_metric_bundle.
    """
    if ins_tag_weight is None:
        ins_tag_weight = full([1, 1], 1.0, "float32")
    if tuple(input.shape) != tuple(label.shape):
        raise AssertionError(f"input has shape {list(input.shape)}, label {list(label.shape)}; they must be equal")
    block = _core.default_main_program().current_block()
    absolute, squared, chance, q, clicks, samples = (_variable([1], "float32", True) for _ in range(6))
    error, sigmoid, ones = (_variable([-1], "float32") for _ in range(3))
    now_chance, now_absolute, now_squared, now_q, now_clicks, now_samples = (_variable([1], "float32") for _ in range(6))
    for var in (absolute, now_absolute, squared, now_squared, chance, now_chance, q, now_q, now_clicks, now_samples, clicks, samples):
        _fill_with_zeros(var, True)

    def op(op_type, x, out, y=None, slot="X", **attrs):
        inputs = {slot: x} if y is None else {slot: x, "Y": y}
        block.append_op(type=op_type, inputs=inputs, outputs={"Out": out}, attrs=attrs)

    def add(batch, total):
        op("elementwise_add", batch, total, total)
    op("elementwise_sub", input, error, label)
    op("squared_l2_norm", error, now_squared)
    add(now_squared, squared)
    op("l1_norm", error, now_absolute)
    add(now_absolute, absolute)
    op("reduce_sum", input, now_chance)
    add(now_chance, chance)
    op("sigmoid", input, sigmoid)
    op("reduce_sum", sigmoid, now_q)
    op("reduce_sum", label, now_clicks)
    add(now_clicks, clicks)
    op("fill_constant_batch_size_like", label, ones, slot="Input", shape=[-1, 1], dtype=dtype_code("float32"), value=1.0)
    op("reduce_sum", ones, now_samples)
    op("slice", ins_tag_weight, ins_tag_weight, slot="Input", axes=[0], starts=[0], ends=[1])
    op("elementwise_mul", now_samples, now_samples, ins_tag_weight, axis=0)
    add(now_samples, samples)
    op("elementwise_mul", now_q, now_q, ins_tag_weight, axis=0)
    add(now_q, q)
    return squared, absolute, chance, q, clicks, samples
