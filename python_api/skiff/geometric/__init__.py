"""Graphs and segments. Source: paddle.geometric."""
from .._core import layer
from ..tensor._ops import is_var

__all__ = ["reindex_graph", "reindex_heter_graph", "sample_neighbors", "segment_max", "segment_mean", "segment_min", "segment_sum",
           "send_u_recv", "send_ue_recv", "send_uv", "weighted_sample_neighbors"]


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


def _message(x, y, message_op):
    """Operands and operator of a message: a matrix of one column for a vector, a sum of what is negated, a product with the inverse."""
    import skiff
    if message_op not in ("add", "sub", "mul", "div"):
        raise ValueError(f"message_op is {message_op!r}; it may be add, sub, mul or div")
    x, y = (skiff.reshape(v, [-1, 1]) if len(v.shape) == 1 else v for v in (x, y))
    for v in (x, y):
        skiff.shape(v)  # as Paddle, for nothing
    if message_op == "sub":
        return x, -y, "ADD"
    if message_op == "div":
        return x, 1.0 / (y + 1e-12), "MUL"
    return x, y, message_op.upper()


def send_ue_recv(x, y, src_index, dst_index, message_op="add", reduce_op="sum", out_size=None, name=None):
    """Row src_index[e] of x, with row e of y, sent to row dst_index[e], and reduced there.

    Args:
        x (Variable): [nodes, ...].
        y (Variable): [edges, ...]; its rows broadcast with those of x.
        src_index, dst_index (Variable): [edges].
        message_op (str): add, sub, mul or div: x op y.
        reduce_op (str): sum, mean, max or min.
        out_size (int | Variable): rows of the result; those of x where None.

    Returns:
        Variable: [rows, ...]; zero where no edge ends.

    Source: paddle.geometric.send_ue_recv.
    """
    if reduce_op not in ("sum", "mean", "max", "min"):
        raise ValueError(f"reduce_op is {reduce_op!r}; it may be sum, mean, max or min")
    x, y, op = _message(x, y, message_op)
    inputs = {"X": x, "Y": y, "Src_index": src_index, "Dst_index": dst_index}
    attrs = {"message_op": op, "reduce_op": reduce_op.upper()}
    if is_var(out_size):
        inputs["Out_size"] = out_size
    else:
        attrs["out_size"] = [out_size or 0]
    return layer("graph_send_ue_recv", inputs, ("Out", "Dst_count"), attrs, layer="send_ue_recv", name=name, stopped=["Dst_count"])[0]


def send_uv(x, y, src_index, dst_index, message_op="add", name=None):
    """Row src_index[e] of x with row dst_index[e] of y, for each edge e.

    Args:
        x, y (Variable): [nodes, ...]; their rows broadcast.
        src_index, dst_index (Variable): [edges].
        message_op (str): add, sub, mul or div: x op y.

    Returns:
        Variable: [edges, ...].

    Source: paddle.geometric.send_uv.
    """
    x, y, op = _message(x, y, message_op)
    return layer("graph_send_uv", {"x": x, "y": y, "src_index": src_index, "dst_index": dst_index}, "out", {"message_op": op},
                 layer="graph_send_uv", name=name)


def _reindex(x, neighbors, count, value_buffer, index_buffer, kind, name):
    inputs = {"X": x, "Neighbors": neighbors, "Count": count}
    if value_buffer is not None and index_buffer is not None:
        inputs.update(HashTable_Value=value_buffer, HashTable_Index=index_buffer)
    outputs = ("Reindex_Src", "Reindex_Dst", "Out_Nodes")
    return tuple(layer("graph_reindex", inputs, outputs, layer=kind, name=name, stopped=outputs))


def reindex_graph(x, neighbors, count, value_buffer=None, index_buffer=None, name=None):
    """Numbers nodes anew: those of x, then the other neighbors in the order of their appearance.

    Args:
        x (Variable): [nodes], int32 or int64, each once.
        neighbors (Variable): [edges], of x's nodes one after the other.
        count (Variable): [nodes], int32: neighbours of each.
        value_buffer, index_buffer (Variable): accepted, without effect.

    Returns:
        tuple: new numbers of neighbors, of the nodes they belong to (both [edges]), and the node of each new number.

    Source: paddle.geometric.reindex_graph.
    """
    return _reindex(x, neighbors, count, value_buffer, index_buffer, "reindex_graph", name)


def reindex_heter_graph(x, neighbors, count, value_buffer=None, index_buffer=None, name=None):
    """`reindex_graph` for edges of several kinds, with one numbering of the nodes.

    Args:
        neighbors, count (list): Variables, one for each kind of edge.

    Source: paddle.geometric.reindex_heter_graph.
    """
    import skiff
    for _ in range(2):  # as Paddle, which joins what is joined once more
        neighbors, count = [skiff.concat(list(v) if isinstance(v, (list, tuple)) else [v], 0) for v in (neighbors, count)]
    return _reindex(x, neighbors, count, value_buffer, index_buffer, "reindex_heter_graph", name)


def _sampled(outputs, return_eids):
    return tuple(outputs) if return_eids else tuple(outputs[:-1])


def sample_neighbors(row, colptr, input_nodes, sample_size=-1, eids=None, return_eids=False, perm_buffer=None, name=None):
    """Neighbours of nodes, at random.

    Args:
        row (Variable): [edges], int32 or int64: neighbours of node 0, then of node 1, ...
        colptr (Variable): [nodes + 1]: where each node's neighbours begin in row.
        input_nodes (Variable): [inputs].
        sample_size (int): neighbours of a node at most; -1 for all.
        eids (Variable): [edges], numbers of the edges.
        return_eids (bool): whether the numbers of the edges taken are wanted; needs eids.
        perm_buffer (Variable): accepted, without effect.

    Returns:
        tuple: neighbours, one node's after the other's; [inputs] int32, how many each has; with return_eids the edges' numbers.

    Source: paddle.geometric.sample_neighbors.
    """
    return _sample_neighbors(row, colptr, input_nodes, sample_size, eids, return_eids, "sample_neighbors", name)


def _sample_neighbors(row, colptr, input_nodes, sample_size, eids, return_eids, kind, name):
    if return_eids and eids is None:
        raise ValueError("return_eids needs eids")
    inputs = {"Row": row, "Col_Ptr": colptr, "X": input_nodes}
    if eids is not None:
        inputs["Eids"] = eids
    outputs = ("Out", "Out_Count", "Out_Eids")
    return _sampled(layer("graph_sample_neighbors", inputs, outputs, {"sample_size": sample_size, "return_eids": return_eids},
                          layer=kind, name=name, stopped=outputs), return_eids)


def weighted_sample_neighbors(row, colptr, edge_weight, input_nodes, sample_size=-1, eids=None, return_eids=False, name=None):
    """`sample_neighbors`, each edge with a chance in proportion to its weight.

    Args:
        edge_weight (Variable): [edges], float32, not negative.

    Source: paddle.geometric.weighted_sample_neighbors.
    """
    if return_eids and eids is None:
        raise ValueError("return_eids needs eids")
    inputs = {"row": row, "colptr": colptr, "edge_weight": edge_weight, "input_nodes": input_nodes}
    if eids is not None:
        inputs["eids"] = eids
    outputs = ("out_neighbors", "out_count", "out_eids")
    return _sampled(layer("weighted_sample_neighbors", inputs, outputs, {"sample_size": sample_size, "return_eids": return_eids},
                          layer="weighted_sample_neighbors", name=name, stopped=outputs), return_eids)
