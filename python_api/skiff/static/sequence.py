"""Functions over rows that belong to sequences (lod_level > 0). Source: paddle.static.nn."""
from .. import _core
from .._core import layer

__all__ = ["sequence_concat", "sequence_conv", "sequence_enumerate", "sequence_expand", "sequence_expand_as", "sequence_first_step",
           "sequence_last_step", "sequence_pad", "sequence_pool", "sequence_reshape", "sequence_reverse", "sequence_scatter",
           "sequence_slice", "sequence_softmax", "sequence_unpad"]


def sequence_conv(input, num_filters, filter_size=3, filter_stride=1, padding=True, padding_start=None, bias_attr=None,  # noqa: A002
                  param_attr=None, act=None, name=None):
    """A convolution over the rows of each sequence.

    Args:
        input (Variable): [rows, width].
        num_filters (int): columns of the result.
        filter_size (int): rows of a window.
        filter_stride (int): must be 1.
        padding (bool): accepted; zeros stand for rows outside of a sequence.
        padding_start (int): first row of a window, from the row it belongs to; -(filter_size // 2) where None.
        bias_attr (ParamAttr | False): [num_filters]; False makes none.
        param_attr (ParamAttr): [filter_size * width, num_filters].
        act (str): an activation of the result.
        name (str): of the layer.

    Source: paddle.static.nn.sequence_conv.
    """
    helper = _core.LayerHelper("sequence_conv", name)
    w = helper.create_parameter(param_attr, [filter_size * input.shape[1], num_filters], input.dtype)
    start = -int(filter_size // 2) if padding_start is None else padding_start
    attrs = {"contextStride": filter_stride, "contextStart": start, "contextLength": filter_size}
    out = layer("sequence_conv", {"X": input, "Filter": w}, "Out", attrs, name=helper.name)
    return helper.activate(helper.add_bias(out, bias_attr, 1, 2), act)


def sequence_softmax(input, use_cudnn=False, name=None):  # noqa: A002
    """The softmax of each sequence of [rows, 1]. Source: paddle.static.nn.sequence_softmax."""
    return layer("sequence_softmax", {"X": input}, "Out", {"use_cudnn": use_cudnn}, name=name)


def sequence_pool(input, pool_type, is_test=False, pad_value=0.0):  # noqa: A002
    """One row for each sequence.

    Args:
        input (Variable): [rows, ...].
        pool_type (str): average, sum, sqrt, max, last or first.
        is_test (bool): accepted, without effect.
        pad_value (float): for empty sequences.

    Source: paddle.static.nn.sequence_pool.
    """
    attrs = {"pooltype": pool_type.upper(), "is_test": is_test, "pad_value": pad_value}
    stopped = ["MaxIndex"] if pool_type == "max" else []
    return layer("sequence_pool", {"X": input}, ("Out", "MaxIndex"), attrs, stopped=stopped)[0]


def sequence_first_step(input):  # noqa: A002
    """The first row of each sequence. Source: paddle.static.nn.sequence_first_step."""
    return sequence_pool(input, "first")


def sequence_last_step(input):  # noqa: A002
    """The last row of each sequence. Source: paddle.static.nn.sequence_last_step."""
    return sequence_pool(input, "last")


def sequence_concat(input, name=None):  # noqa: A002
    """Sequence i is the sequences i of all inputs, one after the other. Source: paddle.static.nn.sequence_concat."""
    return layer("sequence_concat", {"X": input}, "Out", name=name)


def sequence_slice(input, offset, length, name=None):  # noqa: A002
    """`length` rows from `offset` on of each sequence. Source: paddle.static.nn.sequence_slice."""
    return layer("sequence_slice", {"X": input, "Offset": offset, "Length": length}, "Out", name=name)


def sequence_expand(x, y, ref_level=-1, name=None):
    """The sequences of x, or its rows, as often as y's of ref_level have parts. Source: paddle.static.nn.sequence_expand."""
    return layer("sequence_expand", {"X": x, "Y": y}, "Out", {"ref_level": ref_level}, name=name)


def sequence_expand_as(x, y, name=None):
    """Row i of x as often as sequence i of y has rows. Source: paddle.static.nn.sequence_expand_as."""
    return layer("sequence_expand_as", {"X": x, "Y": y}, "Out", name=name)


def sequence_pad(x, pad_value, maxlen=None, name=None):
    """Sequences as rows of a dense tensor, filled up with pad_value.

    Args:
        x (Variable): [rows, ...].
        pad_value (Variable): one element, or as many as a row.
        maxlen (int): of the longest sequence where None.

    Returns:
        (Variable, Variable): [sequences, maxlen, ...], and the lengths.

    Source: paddle.static.nn.sequence_pad.
    """
    attrs = {"padded_length": -1 if maxlen is None else maxlen}
    out, length = layer("sequence_pad", {"X": x, "PadValue": pad_value}, ("Out", "Length"), attrs, name=name, stopped=["Length"])
    pad_value.stop_gradient = True
    return out, length


def sequence_unpad(x, length, name=None):
    """The first length[i] rows of x[i], a sequence each. Source: paddle.static.nn.sequence_unpad."""
    length.stop_gradient = True
    return layer("sequence_unpad", {"X": x, "Length": length}, "Out", name=name)


def sequence_reshape(input, new_dim):  # noqa: A002
    """The numbers of each sequence in rows of new_dim. Source: paddle.static.nn.sequence_reshape."""
    return layer("sequence_reshape", {"X": input}, "Out", {"new_dim": new_dim})


def sequence_scatter(input, index, updates, name=None):  # noqa: A002
    """input, with updates added where index says. Source: paddle.static.nn.sequence_scatter."""
    return layer("sequence_scatter", {"X": input, "Ids": index, "Updates": updates}, "Out", name=name, dtype=input.dtype)


def sequence_enumerate(input, win_size, pad_value=0, name=None):  # noqa: A002
    """Row i holds the win_size numbers from i on. Source: paddle.static.nn.sequence_enumerate."""
    return layer("sequence_enumerate", {"X": input}, "Out", {"win_size": win_size, "pad_value": pad_value}, name=name, stopped=["Out"])


def sequence_reverse(x, name=None):
    """The rows of each sequence in reverse order. Source: paddle.static.nn.sequence_reverse."""
    return layer("sequence_reverse", {"X": x}, "Y", name=name)
