"""Labels of sequences: temporal classification, random fields, paths."""
from operator_cases import A, I, NOT_COMPUTED, S, U, case

LOSS = {"Loss": 1, "WarpCTCGrad": NOT_COMPUTED}
CRF = {"LogLikelihood": 1, "Alpha": NOT_COMPUTED, "EmissionExps": NOT_COMPUTED, "TransitionExps": NOT_COMPUTED}
LABELS = A([[1, 2, 2], [3, 1, 0]], "int32")
for name, attrs in (("plain", {}), ("blank", {"blank": 4}), ("by_times", {"norm_by_times": True})):
    labels = {"Label": LABELS, "LogitsLength": A([6, 4], "int64"), "LabelLength": A([3, 2], "int64")}
    case("crf_ctc", "warpctc_" + name, "warpctc", {"Logits": U(6, 2, 5), **labels}, {"blank": 0, "norm_by_times": False, **attrs}, LOSS, targets=["Loss"])
case("crf_ctc", "warpctc_sequences", "warpctc", {"Logits": S(U(9, 4), [5, 4]), "Label": S(A([[1], [1], [3]], "int32"), [2, 1])}, {"blank": 0, "norm_by_times": False}, LOSS,
     targets=["Loss"])
for merge in (True, False):
    case("crf_ctc", f"ctc_align_{merge}", "ctc_align", {"Input": S(A([[0], [1], [1], [0], [2], [2], [0]], "int32"), [4, 3])}, {"blank": 0, "merge_repeated": merge}, "Output")
case("crf_ctc", "ctc_align_lengths", "ctc_align", {"Input": A([[1, 1, 0, 2], [0, 3, 3, 0]], "int32"), "InputLength": A([[4], [3]], "int32")},
     {"blank": 0, "merge_repeated": True, "padding_value": 7}, {"Output": 1, "OutputLength": 1})
for normalized in (True, False):
    case("crf_ctc", f"edit_distance_{normalized}", "edit_distance", {"Hyps": S(A([[1], [2], [3], [4]], "int64"), [3, 1]), "Refs": S(A([[1], [3], [4], [5]], "int64"), [2, 2])},
         {"normalized": normalized}, {"Out": 1, "SequenceNum": 1})
case("crf_ctc", "edit_distance_lengths", "edit_distance", {"Hyps": I(2, 4, low=0, high=3), "Refs": I(2, 3, low=0, high=3), "HypsLength": A([4, 2], "int64"),
                                                          "RefsLength": A([3, 2], "int64")}, {"normalized": False}, {"Out": 1, "SequenceNum": 1})
case("crf_ctc", "linear_chain_crf", "linear_chain_crf", {"Emission": S(U(5, 3), [2, 3]), "Transition": U(5, 3), "Label": S(A([[0], [2], [1], [1], [0]], "int64"), [2, 3])}, {}, CRF,
     targets=["LogLikelihood"])
case("crf_ctc", "linear_chain_crf_lengths", "linear_chain_crf", {"Emission": U(2, 4, 3), "Transition": U(5, 3), "Label": I(2, 4, 1, low=0, high=3), "Length": A([[4], [2]], "int64")}, {},
     CRF, targets=["LogLikelihood"])
case("crf_ctc", "crf_decoding", "crf_decoding", {"Emission": S(U(5, 3), [2, 3]), "Transition": U(5, 3)}, {}, "ViterbiPath", gradient=False)
case("crf_ctc", "crf_decoding_label", "crf_decoding", {"Emission": S(U(5, 3), [2, 3]), "Transition": U(5, 3), "Label": S(A([[0], [2], [1], [1], [0]], "int64"), [2, 3])}, {}, "ViterbiPath",
     gradient=False)
case("crf_ctc", "crf_decoding_lengths", "crf_decoding", {"Emission": U(2, 4, 3), "Transition": U(5, 3), "Length": A([[4], [2]], "int64")}, {}, "ViterbiPath", gradient=False)
for tag in (True, False):
    case("crf_ctc", f"viterbi_decode_{tag}", "viterbi_decode", {"Input": U(2, 4, 4), "Transition": U(4, 4), "Length": A([3, 2], "int64")}, {"include_bos_eos_tag": tag},
         {"Scores": 1, "Path": 1}, gradient=False)
case("crf_ctc", "gather_tree", "gather_tree", {"Ids": I(4, 2, 3, low=0, high=9), "Parents": I(4, 2, 3, low=0, high=3)}, {})
for name, blank, weight in (("", 0, 0.0), ("_fastemit", 2, 0.3)):
    label = A([[1, 3], [4, 1]], "int32")
    case("crf_ctc", "warprnnt" + name, "warprnnt", {"input": U(2, 4, 3, 5, low=-3, high=-0.1), "label": label, "input_lengths": A([4, 3], "int32"), "label_lengths": A([2, 1], "int32")},
         {"blank": blank, "fastemit_lambda": weight}, {"loss": 1, "warprnntgrad": NOT_COMPUTED}, targets=["loss"])
