"""Rows reduced by segment and along edges."""
from operator_cases import A, D, NOT_COMPUTED, U, case

for kind in ("SUM", "MEAN", "MAX", "MIN"):
    case("graph", f"segment_pool_{kind}", "segment_pool", {"X": D(5, 3), "SegmentIds": A([0, 0, 1, 1, 3], "int64")}, {"pooltype": kind}, {"Out": 1, "SummedIds": NOT_COMPUTED}, targets=["Out"])
    counts = {"Out": 1, "Dst_count": 1 if kind == "MEAN" else NOT_COMPUTED}
    case("graph", f"graph_send_recv_{kind}", "graph_send_recv", {"X": D(4, 3), "Src_index": A([0, 1, 2, 0, 3], "int64"), "Dst_index": A([1, 2, 1, 0, 1], "int64")},
         {"reduce_op": kind, "out_size": [0]}, counts, targets=["Out"])

EDGES = {"Src_index": A([0, 1, 2, 0, 3], "int64"), "Dst_index": A([1, 2, 1, 0, 1], "int64")}
for kind in ("SUM", "MEAN", "MAX", "MIN"):
    for message in ("ADD", "MUL"):
        counts = {"Out": 1, "Dst_count": 1 if kind == "MEAN" else NOT_COMPUTED}
        case("graph", f"graph_send_ue_recv_{message}_{kind}", "graph_send_ue_recv", {"X": U(4, 3), "Y": U(5, 3), **EDGES},
             {"message_op": message, "reduce_op": kind, "out_size": [0]}, counts, targets=["Out"])
for message in ("ADD", "MUL"):
    case("graph", f"graph_send_ue_recv_{message}_broadcast", "graph_send_ue_recv", {"X": U(4, 2, 3), "Y": U(5, 1, 3), **EDGES},
         {"message_op": message, "reduce_op": "SUM", "out_size": [3]}, {"Out": 1, "Dst_count": NOT_COMPUTED}, targets=["Out"])
    case("graph", f"graph_send_uv_{message}", "graph_send_uv",
         {"x": U(4, 3), "y": U(4, 3), "src_index": EDGES["Src_index"], "dst_index": EDGES["Dst_index"]}, {"message_op": message}, "out")
    case("graph", f"graph_send_uv_{message}_broadcast", "graph_send_uv",
         {"x": U(4, 2, 1), "y": U(4, 2, 3), "src_index": EDGES["Src_index"], "dst_index": EDGES["Dst_index"]}, {"message_op": message}, "out")
renumbered = {"Reindex_Src": 1, "Reindex_Dst": 1, "Out_Nodes": 1}
case("graph", "graph_reindex", "graph_reindex",
     {"X": A([0, 5, 2], "int64"), "Neighbors": A([8, 9, 0, 4, 7, 8, 7], "int64"), "Count": A([2, 3, 2], "int32")}, {}, renumbered)
case("graph", "graph_reindex_two", "graph_reindex",
     {"X": A([0, 1, 2], "int32"), "Neighbors": A([8, 9, 0, 4, 7, 6, 7, 0, 2, 3, 5, 1], "int32"), "Count": A([2, 3, 2, 1, 3, 1], "int32")}, {}, renumbered)
