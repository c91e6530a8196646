"""Graphs and segments. Source: paddle.geometric."""
from .._core import layer
from ..tensor._ops import is_var

__all__ = ["segment_max", "segment_mean", "segment_min", "segment_sum", "send_u_recv"]


def _segment(kind):
    def function(data, segment_ids, name=None):
        return layer("segment_pool", {"X": data, "SegmentIds": segment_ids}, ("Out", "SummedIds"), {"pooltype": kind.upper()},
                     layer="segment_" + kind, name=name)[0]
    function.__name__ = function.__qualname__ = "segment_" + kind
    function.__doc__ = f"""The {kind} of the rows of each segment.

    Args:
        data (Variable): [rows, ...].
        segment_ids (Variable): [rows], never decreasing.

    Returns:
        Variable: [largest segment + 1, ...].

    Source: paddle.geometric.segment_{kind}.
    """
    return function


segment_sum, segment_mean, segment_max, segment_min = _segment("sum"), _segment("mean"), _segment("max"), _segment("min")


def send_u_recv(x, src_index, dst_index, reduce_op="sum", out_size=None, name=None):
    """Row src_index[e] of x sent to row dst_index[e], and reduced there.

    Args:
        x (Variable): [rows, ...].
        src_index, dst_index (Variable): [edges].
        reduce_op (str): sum, mean, max or min.
        out_size (int | Variable): rows of the result; those of x where None.

    Source: paddle.geometric.send_u_recv.
    """
    if reduce_op not in ("sum", "mean", "max", "min"):
        raise ValueError(f"reduce_op should be `sum`, `mean`, `max` or `min`, but received {reduce_op}")
    inputs, attrs = {"X": x, "Src_index": src_index, "Dst_index": dst_index}, {"reduce_op": reduce_op.upper()}
    if is_var(out_size):
        inputs["Out_size"] = out_size
    else:
        attrs["out_size"] = [out_size or 0]
    return layer("graph_send_recv", inputs, ("Out", "Dst_count"), attrs, layer="send_u_recv", name=name, stopped=["Dst_count"])[0]
