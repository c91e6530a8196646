"""Rows reduced by segment and along edges."""
from operator_cases import A, D, NOT_COMPUTED, case

for kind in ("SUM", "MEAN", "MAX", "MIN"):
    case("graph", f"segment_pool_{kind}", "segment_pool", {"X": D(5, 3), "SegmentIds": A([0, 0, 1, 1, 3], "int64")}, {"pooltype": kind}, {"Out": 1, "SummedIds": NOT_COMPUTED}, targets=["Out"])
    counts = {"Out": 1, "Dst_count": 1 if kind == "MEAN" else NOT_COMPUTED}
    case("graph", f"graph_send_recv_{kind}", "graph_send_recv", {"X": D(4, 3), "Src_index": A([0, 1, 2, 0, 3], "int64"), "Dst_index": A([1, 2, 1, 0, 1], "int64")},
         {"reduce_op": kind, "out_size": [0]}, counts, targets=["Out"])
