"""Graphs and segments, as paddle.incubate names them; see skiff.geometric. Source: paddle.incubate."""
from .._core import layer
from ..geometric import _reindex, _sample_neighbors, _sampled, segment_max, segment_mean, segment_min, segment_sum  # noqa: F401
from ..tensor._ops import is_var

__all__ = ["graph_khop_sampler", "graph_reindex", "graph_sample_neighbors", "graph_send_recv", "segment_max", "segment_mean", "segment_min", "segment_sum"]


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


def graph_reindex(x, neighbors, count, value_buffer=None, index_buffer=None, flag_buffer_hashtable=False, name=None):
    """`geometric.reindex_graph`. Source: paddle.incubate.graph_reindex."""
    if flag_buffer_hashtable and (value_buffer is None or index_buffer is None):
        raise ValueError("flag_buffer_hashtable needs value_buffer and index_buffer")
    return _reindex(x, neighbors, count, value_buffer, index_buffer, "graph_reindex", name)


def graph_sample_neighbors(row, colptr, input_nodes, eids=None, perm_buffer=None, sample_size=-1, return_eids=False,
                           flag_perm_buffer=False, name=None):
    """`geometric.sample_neighbors`. Source: paddle.incubate.graph_sample_neighbors."""
    if flag_perm_buffer and perm_buffer is None:
        raise ValueError("flag_perm_buffer needs perm_buffer")
    return _sample_neighbors(row, colptr, input_nodes, sample_size, eids, return_eids, "graph_sample_neighbors", name)


def graph_khop_sampler(row, colptr, input_nodes, sample_sizes, sorted_eids=None, return_eids=False, name=None):
    """Neighbours of nodes, then of these neighbours, and so on, at random and numbered anew.

    Args:
        row (Variable): [edges], int32 or int64: neighbours of node 0, then of node 1, ...
        colptr (Variable): [nodes + 1]: where each node's neighbours begin in row.
        input_nodes (Variable): [inputs].
        sample_sizes (list): neighbours of a node at most, in each round; a round asks the nodes found in the one before.
        sorted_eids (Variable): [edges], numbers of the edges.
        return_eids (bool): whether the numbers of the edges taken are wanted; needs sorted_eids.

    Returns:
        tuple: new numbers of neighbours and of the nodes they belong to (both [edges taken, 1]); the node of each new number;
        new numbers of input_nodes; with return_eids the edges' numbers.

    Source: paddle.incubate.graph_khop_sampler.
    """
    if return_eids and sorted_eids is None:
        raise ValueError("return_eids needs sorted_eids")
    inputs = {"Row": row, "Col_Ptr": colptr, "X": input_nodes}
    if sorted_eids is not None:
        inputs["Eids"] = sorted_eids
    outputs = ("Out_Src", "Out_Dst", "Sample_Index", "Reindex_X", "Out_Eids")
    taken = layer("graph_khop_sampler", inputs, outputs, {"sample_sizes": list(sample_sizes), "return_eids": return_eids},
                  layer="graph_khop_sampler", name=name, stopped=outputs)
    return _sampled(taken, return_eids)
