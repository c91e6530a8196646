"""Graphs: messages along edges, nodes numbered anew, neighbours at random."""
import numpy as np
import pytest
import skiff as paddle
from skiff import static

geometric = paddle.geometric
# Neighbours of node 0: 3, 7; of 1: 0, 9; 2: 1, 4; 3: 2; 4: 9; 5: 3; 6: 9, 1; 7: none; 8: 9, 7; 9: none.
ROW = np.array([3, 7, 0, 9, 1, 4, 2, 9, 3, 9, 1, 9, 7], "int64")
COLPTR = np.array([0, 2, 4, 6, 7, 8, 9, 11, 11, 13, 13], "int64")


def ints(*values, dtype="int64"):
    return paddle.assign(np.array(values, dtype))


def neighbours(node):
    return ROW[COLPTR[node]:COLPTR[node + 1]].tolist()


@pytest.mark.parametrize("op, expected", [("sub", [[1 - 4, 2 - 4], [1 - 1 + 5 - 3, 2 - 1 + 6 - 3], [3 - 2, 4 - 2]]),
                                          ("div", [[1 / 4, 2 / 4], [1 + 5 / 3, 2 + 6 / 3], [3 / 2, 4 / 2]])])
def test_a_message_joins_the_row_of_a_node_and_that_of_its_edge(evaluate, op, expected):
    x, y = static.data("x", [3, 2]), static.data("y", [4])
    sent = geometric.send_ue_recv(x, paddle.reshape(y, [4, 1]), ints(0, 1, 2, 0), ints(1, 2, 1, 0), op)
    got, = evaluate([sent], x=np.array([[1, 2], [3, 4], [5, 6]], "float32"), y=np.array([1, 2, 3, 4], "float32"))
    np.testing.assert_allclose(got, expected, rtol=1e-6)


def test_edges_between_the_rows_of_two_nodes(evaluate):
    x, y = static.data("x", [3, 2]), static.data("y", [3, 1])
    got = evaluate([geometric.send_uv(x, y, ints(0, 2), ints(1, 0), op) for op in ("sub", "mul")],
                   x=np.array([[1, 2], [3, 4], [5, 6]], "float32"), y=np.array([[10], [20], [30]], "float32"))
    assert got[0].tolist() == [[-19, -18], [-5, -4]] and got[1].tolist() == [[20, 40], [50, 60]]


def test_one_numbering_for_edges_of_two_kinds(evaluate):
    counts = ints(1, 2, dtype="int32"), ints(2, 0, dtype="int32")
    got = evaluate(geometric.reindex_heter_graph(ints(4, 6), [ints(9, 4, 5), ints(7, 9)], list(counts)))
    assert [v.tolist() for v in got] == [[2, 0, 3, 4, 2], [0, 1, 1, 0, 0], [4, 6, 9, 5, 7]]


def test_neighbours_are_drawn_without_replacement(evaluate):
    nodes, eids = ints(0, 7, 3, 8, 6), paddle.assign(np.arange(100, 113))
    for size in (-1, 0, 1, 2, 5):
        sampled, counts, edges = evaluate(geometric.sample_neighbors(paddle.assign(ROW), paddle.assign(COLPTR), nodes, size, eids, True))
        wanted = [len(neighbours(n)) if size < 0 else min(size, len(neighbours(n))) for n in (0, 7, 3, 8, 6)]
        assert counts.tolist() == wanted and counts.dtype == np.int32 and len(set(edges.tolist())) == len(edges) == sum(wanted)
        assert sampled.tolist() == ROW[edges - 100].tolist()
        owners = np.searchsorted(COLPTR, edges - 100, side="right") - 1
        assert owners.tolist() == np.repeat([0, 7, 3, 8, 6], wanted).tolist()


def test_neighbours_come_as_often_as_their_weights_say(evaluate):
    row, colptr, nodes = (paddle.assign(v) for v in (np.arange(4), np.array([0, 4]), np.zeros(4000, "int64")))
    for weights, expected in ((None, [0.25] * 4), ([1, 2, 0, 5], [0.125, 0.25, 0, 0.625])):
        drawn = geometric.sample_neighbors(row, colptr, nodes, 1) if weights is None else geometric.weighted_sample_neighbors(
            row, colptr, paddle.assign(np.array(weights, "float32")), nodes, 1)
        shares = np.bincount(evaluate([drawn[0]])[0], minlength=4) / 4000
        np.testing.assert_allclose(shares, expected, atol=0.03)  # four standard deviations


def test_neighbours_of_weight_0_never_come(evaluate):
    row, colptr, weights = (paddle.assign(v) for v in (np.arange(3), np.array([0, 3]), np.array([0, 1, 0], "float32")))
    got = evaluate(geometric.weighted_sample_neighbors(row, colptr, weights, ints(0), 2))
    assert [v.tolist() for v in got] == [[1], [1]]


def test_hops_ask_the_nodes_of_the_hop_before(evaluate):
    graph = paddle.assign(ROW), paddle.assign(COLPTR)
    src, dst, nodes, inputs, edges = evaluate(paddle.incubate.graph_khop_sampler(
        *graph, ints(0, 8), [5, 5], sorted_eids=paddle.assign(np.arange(13)), return_eids=True))
    # 0 <- 3, 7 and 8 <- 9, 7; then 3 <- 2; 7 and 9 have no neighbours.
    assert nodes.tolist() == [0, 8, 3, 7, 9, 2] and inputs.tolist() == [0, 1]
    assert src.tolist() == [[2], [3], [4], [3], [5]] and dst.tolist() == [[0], [0], [1], [1], [2]] and edges.tolist() == [0, 1, 11, 12, 6]


def test_mistakes_with_graphs_are_named(evaluate):
    graph = paddle.assign(ROW), paddle.assign(COLPTR)
    with pytest.raises(IndexError, match="node 10 of a graph of 10"):
        evaluate(geometric.sample_neighbors(*graph, ints(10)))
    with pytest.raises(ValueError, match="return_eids needs eids"):
        geometric.sample_neighbors(*graph, ints(1), return_eids=True)
    with pytest.raises(ValueError, match="Count adds up to 3, there are 2 Neighbors"):
        evaluate(geometric.reindex_graph(ints(0, 1), ints(3, 4), ints(1, 2, dtype="int32")))
    with pytest.raises(ValueError, match="message_op is 'pow'"):
        geometric.send_uv(static.data("x", [2, 1]), static.data("y", [2, 1]), ints(0), ints(1), "pow")
