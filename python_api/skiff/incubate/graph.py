"""Graphs and segments, as paddle.incubate names them; see skiff.geometric. Source: paddle.incubate."""
from .._core import layer
from ..geometric import segment_max, segment_mean, segment_min, segment_sum  # noqa: F401
from ..tensor._ops import is_var

__all__ = ["graph_send_recv", "segment_max", "segment_mean", "segment_min", "segment_sum"]


def graph_send_recv(x, src_index, dst_index, pool_type="sum", out_size=None, name=None):
    """`geometric.send_u_recv`. Source: paddle.incubate.graph_send_recv."""
    if pool_type not in ("sum", "mean", "max", "min"):
        raise ValueError(f"pool_type should be `sum`, `mean`, `max` or `min`, but received {pool_type}")
    inputs, attrs = {"X": x, "Src_index": src_index, "Dst_index": dst_index}, {"reduce_op": pool_type.upper()}
    if is_var(out_size):
        inputs["Out_size"] = out_size
    else:
        attrs["out_size"] = [out_size or 0]
    return layer("graph_send_recv", inputs, ("Out", "Dst_count"), attrs, name=name, stopped=["Dst_count"])[0]
