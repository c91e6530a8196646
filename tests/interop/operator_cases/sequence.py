"""Operators over sequences."""
from operator_cases import A, I, NOT_COMPUTED, S, U, case


def sequence(name, op, inputs, attrs=None, outputs="Out", **more):
    case("sequence", name, op, inputs, attrs, outputs, **more)


for kind in ("AVERAGE", "SUM", "SQRT", "LAST", "FIRST", "MAX"):
    outputs = {"Out": 1, "MaxIndex": 1 if kind == "MAX" else NOT_COMPUTED}
    sequence(f"sequence_pool_{kind}", "sequence_pool", {"X": S(U(7, 3), [2, 4, 1])}, {"pooltype": kind}, outputs, targets=["Out"])
    sequence(f"sequence_pool_{kind}_empty", "sequence_pool", {"X": S(U(5, 2), [2, 0, 3])}, {"pooltype": kind, "pad_value": 0.5}, outputs, targets=["Out"])
sequence("sequence_pool_levels", "sequence_pool", {"X": S(U(6, 2), [2, 1], [2, 1, 3])}, {"pooltype": "SUM"}, {"Out": 1, "MaxIndex": NOT_COMPUTED})
sequence("sequence_softmax", "sequence_softmax", {"X": S(U(6, 1), [2, 3, 1])})
sequence("sequence_softmax_vector", "sequence_softmax", {"X": S(U(6), [2, 4])})
sequence("sequence_expand_rows", "sequence_expand", {"X": U(3, 2), "Y": S(U(6, 1), [2, 3, 1])}, {"ref_level": -1})
sequence("sequence_expand_none", "sequence_expand", {"X": U(3, 2), "Y": S(U(3, 1), [2, 0, 1])}, {"ref_level": 0})
sequence("sequence_expand_sequences", "sequence_expand", {"X": S(U(4, 2), [3, 1]), "Y": S(U(8, 1), [2, 2], [3, 3, 1, 1])}, {"ref_level": 0})
sequence("sequence_expand_as", "sequence_expand_as", {"X": U(3, 2), "Y": S(U(6, 1), [2, 3, 1])})
sequence("sequence_conv", "sequence_conv", {"X": S(U(6, 2), [2, 4]), "Filter": U(6, 3)}, {"contextLength": 3, "contextStart": -1, "contextStride": 1})
# Paddle's gradient of Filter departs from finite differences here
sequence("sequence_conv_ahead", "sequence_conv", {"X": S(U(6, 2), [1, 5]), "Filter": U(4, 3)}, {"contextLength": 2, "contextStart": 1, "contextStride": 1},
         gradient=False)
sequence("sequence_conv_padding", "sequence_conv", {"X": S(U(6, 2), [2, 4]), "Filter": U(6, 3), "PaddingData": U(2, 2)},
         {"contextLength": 3, "contextStart": -1, "contextStride": 1, "paddingTrainable": True})
sequence("sequence_pad", "sequence_pad", {"X": S(U(5, 2), [2, 3]), "PadValue": A([0.5])}, {"padded_length": -1}, {"Out": 1, "Length": 1}, gradient=False)
sequence("sequence_pad_length", "sequence_pad", {"X": S(U(5, 2), [1, 4]), "PadValue": A([1, 2])}, {"padded_length": 6}, {"Out": 1, "Length": 1}, targets=["Out"])
sequence("sequence_unpad", "sequence_unpad", {"X": S(U(2, 3, 2), [1, 1]), "Length": S(A([2, 3], "int64"), [1, 1])})
sequence("sequence_reverse", "sequence_reverse", {"X": S(U(6, 2), [2, 3, 1])}, {}, "Y")
sequence("sequence_concat", "sequence_concat", {"X": [S(U(3, 2), [1, 2]), S(U(4, 2), [3, 1])]})
sequence("sequence_slice", "sequence_slice", {"X": S(U(7, 2), [3, 4]), "Offset": A([[0], [1]], "int64"), "Length": A([[2], [2]], "int64")})
sequence("sequence_reshape", "sequence_reshape", {"X": S(U(5, 4), [2, 3])}, {"new_dim": 2})
sequence("sequence_scatter", "sequence_scatter", {"X": U(3, 5), "Ids": S(A([[0], [2], [2], [4], [1]], "int64"), [2, 2, 1]), "Updates": S(U(5, 1), [2, 2, 1])})
sequence("sequence_enumerate", "sequence_enumerate", {"X": S(I(6, 1), [2, 4])}, {"win_size": 3, "pad_value": 9})
sequence("sequence_erase", "sequence_erase", {"X": S(A([[1], [2], [3], [2], [2], [5]], "int64"), [3, 3])}, {"tokens": [2, 5]})
for code, kind in ((3, "int64"), (5, "float32"), (0, "bool"), (2, "int32")):
    sequence(f"sequence_mask_{kind}", "sequence_mask", {"X": A([3, 0, 2], "int64")}, {"maxlen": 4, "out_dtype": code}, "Y")
sequence("sequence_mask_longest", "sequence_mask", {"X": A([[3], [1]], "int64")}, {"maxlen": -1, "out_dtype": 3}, "Y")
sequence("lod_reset_target", "lod_reset", {"X": S(U(6, 2), [2, 4])}, {"target_lod": [0, 1, 6]})
sequence("lod_reset_sequences", "lod_reset", {"X": U(6, 2), "Y": S(U(6, 1), [2, 4])})
sequence("lod_reset_offsets", "lod_reset", {"X": S(U(6, 2), [2, 4]), "Y": A([0, 3, 6], "int32")})
sequence("lod_reset_append", "lod_reset", {"X": S(U(6, 2), [2, 4])}, {"target_lod": [0, 1, 2, 3, 4, 5, 6], "append": True})
for op in ("relu", "softmax", "scale", "dropout"):
    outputs = {"Out": 1, "Mask": NOT_COMPUTED} if op == "dropout" else "Out"
    sequence(f"flows_through_{op}", op, {"X": S(U(5, 2), [2, 3])}, {"is_test": True} if op == "dropout" else {}, outputs, gradient=False)
sequence("flows_through_lookup_table", "lookup_table", {"W": U(5, 3), "Ids": S(A([[1], [2], [1]], "int64"), [2, 1])}, {"padding_idx": -1}, gradient=False)
sequence("flows_through_mul", "mul", {"X": S(U(5, 2), [2, 3]), "Y": U(2, 3)}, gradient=False)
sequence("flows_through_elementwise_add", "elementwise_add", {"X": S(U(5, 2), [2, 3]), "Y": U(2)}, {"axis": -1}, gradient=False)
sequence("flows_through_concat", "concat", {"X": [S(U(5, 2), [2, 3]), S(U(5, 1), [2, 3])]}, {"axis": 1}, gradient=False)
sequence("flows_through_sum", "sum", {"X": [S(U(5, 2), [2, 3]), S(U(5, 2), [2, 3])]}, gradient=False)
