"""Measures of predicted labels, and beam search."""
from . import A, D, I, S, U, case


def metric(name, op, inputs, attrs, outputs):
    case("label_metrics", name, op, inputs, attrs, dict.fromkeys(outputs.split(), 1), gradient=False)


CLASSES = "BatchMetrics AccumMetrics AccumStatesInfo"
metric("precision_recall", "precision_recall", {"MaxProbs": U(6, 1, dtype="float64"), "Indices": I(6, 1, low=0, high=4, dtype="int32"),
                                                "Labels": I(6, 1, low=0, high=4, dtype="int32")}, {"class_number": 4}, CLASSES)
metric("precision_recall_weighted", "precision_recall",
       {"MaxProbs": U(5, 1, dtype="float64"), "Indices": A([[0], [1], [2], [0], [1]], "int32"), "Labels": A([[0], [2], [2], [1], [1]], "int32"),
        "Weights": A([[0.5], [1], [2], [0.25], [3]], "float64"), "StatesInfo": U(3, 4, low=0, high=9, dtype="float64")}, {"class_number": 3}, CLASSES)

PAIRS = "PositivePair NegativePair NeutralPair"
RANKED = {"Score": A([[0.1, 3], [0.4, 1], [0.4, 2], [0.9, 5], [0.2, 4], [0.3, 4]]), "Label": A([[0], [1], [0], [2], [1], [0]]),
          "QueryID": A([[7], [7], [7], [9], [9], [9]], "int64")}
metric("positive_negative_pair", "positive_negative_pair", RANKED, {"column": 0}, PAIRS)
metric("positive_negative_pair_last", "positive_negative_pair", RANKED, {"column": -1}, PAIRS)
metric("positive_negative_pair_accumulated", "positive_negative_pair",
       {**RANKED, "Weight": A([[1], [2], [3], [4], [5], [6]]), "AccumulatePositivePair": A([10]), "AccumulateNegativePair": A([20]),
        "AccumulateNeutralPair": A([30])}, {"column": -1}, PAIRS)

CHUNKS = "Precision Recall F1-Score NumInferChunks NumLabelChunks NumCorrectChunks"
for scheme, tags in {"IOB": 2, "IOE": 2, "IOBES": 4, "plain": 1}.items():
    metric(f"chunk_eval_{scheme}", "chunk_eval", {"Inference": I(3, 12, low=0, high=3 * tags + 1), "Label": I(3, 12, low=0, high=3 * tags + 1),
                                                  "SeqLength": A([12, 5, 9], "int64")},
           {"num_chunk_types": 3, "chunk_scheme": scheme}, CHUNKS)
    metric(f"chunk_eval_{scheme}_sequences", "chunk_eval",
           {"Inference": S(I(20, 1, low=0, high=2 * tags + 1), [11, 9]), "Label": S(I(20, 1, low=0, high=2 * tags + 1), [11, 9])},
           {"num_chunk_types": 2, "chunk_scheme": scheme, "excluded_chunk_types": [1]}, CHUNKS)
metric("chunk_eval_same", "chunk_eval", {"Inference": A([[0, 1, 2, 3, 4, 0]], "int64"), "Label": A([[0, 1, 2, 3, 4, 1]], "int64"), "SeqLength": A([6], "int64")},
       {"num_chunk_types": 2, "chunk_scheme": "IOB"}, CHUNKS)

BEAM = "selected_ids selected_scores parent_idx"
PREFIXES = {"pre_ids": A([[4], [2], [7], [1]], "int64"), "pre_scores": A([[0.5], [0.75], [0.25], [0.625]])}
metric("beam_search", "beam_search", {**PREFIXES, "ids": I(4, 3, low=0, high=9), "scores": S(D(4, 3), [2, 2], [1, 1, 1, 1])},
       {"level": 0, "beam_size": 2, "end_id": 1}, BEAM)
metric("beam_search_probabilities", "beam_search", {**PREFIXES, "scores": S(U(4, 3, low=0.1, high=0.9), [3, 1], [1, 1, 1, 1])},
       {"level": 0, "beam_size": 3, "end_id": 1, "is_accumulated": False}, BEAM)
metric("beam_search_ties", "beam_search", {**PREFIXES, "ids": I(4, 3, low=2, high=9), "scores": S(A([[1, 2, 2]] * 4), [4], [1, 1, 1, 1])},
       {"level": 0, "beam_size": 4, "end_id": 0}, BEAM)
metric("beam_search_ended", "beam_search", {"pre_ids": A([[0], [0], [3]], "int64"), "pre_scores": A([[2], [3], [1]]),
                                            "ids": I(3, 2, low=1, high=9), "scores": S(U(3, 2), [2, 1], [1, 1, 1])},
       {"level": 0, "beam_size": 2, "end_id": 0}, BEAM)
