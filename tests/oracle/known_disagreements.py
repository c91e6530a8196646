"""Where skiff follows the definition and Paddle 2.6.2 does not: what is left out of the comparison, and why.

Each entry: operator, a condition on the description's operator (a dict with type, inputs, outputs, attrs) and its
feeds, which fetches it concerns (a part of their names: "@GRAD" for gradients alone, "" for all), the reason.
"""
import numpy as np


def reads_the_first_block_again(op, feeds):
    """gather along an axis that has extents before it."""
    shape, axis = feeds[op["inputs"]["X"][0]].shape, op["attrs"].get("axis", 0)
    return int(np.prod(shape[:axis])) > 1


def spans_more_than_64(op, feeds):
    logits = feeds[op["inputs"]["Logits"][0]]
    return logits.max() - logits.min() > 64


def compares_with_infinity(op, feeds):
    """A finite number beside an infinite Other."""
    given, other = (feeds[op["inputs"][slot][0]] for slot in ("Input", "Other"))
    return bool((np.isfinite(given) & np.isinf(other)).any())


def has_quads_that_bend(op, feeds):
    """Quads whose corners do not go round in one turn."""
    quads = feeds[op["inputs"]["BBoxes"][0]]
    if quads.shape[-1] != 8:
        return False
    corners = quads.reshape(-1, 4, 2)
    sides = np.roll(corners, -1, axis=1) - corners
    after = np.roll(sides, -1, axis=1)
    turns = sides[..., 0] * after[..., 1] - sides[..., 1] * after[..., 0]
    return not ((turns > 0).all(-1) | (turns < 0).all(-1)).all()


def leaves_an_image_without_boxes(op, feeds):
    """None of the boxes of the largest scores is one of its own."""
    scores = np.concatenate([feeds[name].ravel() for name in op["inputs"]["MultiLevelScores"]])
    counts = [feeds[name] for name in op["inputs"]["MultiLevelRoIsNum"]]
    images = np.concatenate([np.repeat(np.arange(len(of_level)), of_level) for of_level in counts])
    kept = np.argsort(-scores, kind="stable")[: op["attrs"]["post_nms_topN"]]
    return len(set(images[kept])) < len(counts[0])


KNOWN = [
    ("gather", reads_the_first_block_again, "@GRAD",
     "the CPU kernel of 2.6.2 adds the first block of Out@GRAD to every block of X@GRAD: with axis 1 all rows get the first row's"),
    *[(op, lambda op, feeds: op["attrs"].get("axis", -1) != -1, "@GRAD",
       "where Y ends before X does (axis 0 of [2, 2] and [2], say) the CPU kernel of 2.6.2 reads its mask at wrong places: "
       "gradients go to the wrong side, or are whatever memory held") for op in ("elementwise_min", "elementwise_max", "elementwise_pow")],
    ("softmax_with_cross_entropy", spans_more_than_64, "",
     "the CPU kernel of 2.6.2 lifts logits that lie more than 64 below the largest to that: no loss is above 64"),
    ("relu6", lambda op, feeds: op["attrs"].get("threshold", 6.0) != 6.0, "",
     "2.6.2 takes 6 whatever the attribute threshold says; up to 2.2 it was the bound, and so it is in files of that time"),
    ("isclose", compares_with_infinity, "",
     "2.6.2 finds a finite number close to an infinite one: their distance is no more than rtol times infinity; numpy and the documentation do not"),
    ("locality_aware_nms", has_quads_that_bend, "",
     "the polygon clipping of 2.6.2 gives self-crossing quads an area that depends on their orientation; there is no definition to follow"),
    ("collect_fpn_proposals", leaves_an_image_without_boxes, "RoisNum",
     "2.6.2 writes no count for an image that keeps no box: there is whatever memory held"),
    ("spectral_norm", lambda op, feeds: True, "@GRAD",
     "the gradient of 2.6.2 multiplies Out@GRAD by 1 - u v^T sum(Out), element by element: it is no derivative of the forward operator"),
]


def excused(description, fetch):
    """The reason why the fetch is not compared, or None."""
    for op_type, condition, fetches, reason in KNOWN:
        for op in description["ops"]:
            if op["type"] == op_type and fetches in fetch and condition(op, description["feeds"]):
                return reason
    return None
