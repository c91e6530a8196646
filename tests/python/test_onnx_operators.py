"""Single operators as ONNX files: what ONNX Runtime computes from them is what skiff computes.

The operators here are those that Python's functions do not append, or with attributes and inputs that they do not give.
"""
import numpy as np
import pytest

import skiff as paddle
from skiff import _core

onnx, runtime = pytest.importorskip("onnx"), pytest.importorskip("onnxruntime")
static = paddle.static
OPSETS = (paddle.onnx.MIN_OPSET, paddle.onnx.MAX_OPSET)


class Known:
    """An input that is a parameter: its value is known when the model is exported."""

    def __init__(self, *values, dtype="float32"):
        self.array = np.array(values, dtype)


def numbers(*shape, seed=0, dtype="float32"):
    """Short numbers from -2 to 2, none of them twice."""
    count = int(np.prod(shape))
    return ((np.random.RandomState(seed).permutation(count) - count // 2) * (4 / count)).reshape(shape).astype(dtype)


def appended(op, inputs, attrs, outputs=("Out",), free=False):
    """Appends the operator. @return what is fed, and the variables of the outputs."""
    block, feed, slots = static.default_main_program().global_block(), {}, {}
    for slot, given in inputs.items():
        slots[slot] = []
        for k, value in enumerate(given if isinstance(given, list) else [given]):
            name = f"{slot}_{k}"
            if isinstance(value, Known):
                slots[slot].append(block.create_var(name=name, shape=list(value.array.shape), dtype=str(value.array.dtype), persistable=True))
                static.global_scope().var(name).get_tensor().set(value.array, paddle.CPUPlace())
            else:
                feed[name] = value
                slots[slot].append(static.data(name, [-1] * value.ndim if free and value.ndim > 1 else list(value.shape), str(value.dtype)))
    fetches = [block.create_var(name=f"{slot}_out_{k}", dtype="float32") for k, slot in enumerate(outputs)]
    by_slot = {slot: [var for name, var in zip(outputs, fetches) if name == slot] for slot in outputs}
    block.append_op(type=op, inputs=slots, outputs=by_slot, attrs=attrs)
    return feed, fetches


def serialized(feed, fetches, opset=OPSETS[0]):
    return _core.OnnxModel(static.default_main_program(), list(feed), fetches).serialize(opset)


def in_runtime(feed, fetches, opset):
    data = serialized(feed, fetches, opset)
    onnx.checker.check_model(data, full_check=True)
    session = runtime.InferenceSession(data, providers=["CPUExecutionProvider"])
    return session.run(None, {one.name: feed[one.name] for one in session.get_inputs()})


def check(feed, fetches, opset, atol=1e-6):
    """Raises where ONNX Runtime and skiff disagree. @return what both computed."""
    wanted = static.Executor(paddle.CPUPlace()).run(feed=feed, fetch_list=fetches)
    for ours, theirs in zip(wanted, in_runtime(feed, fetches, opset), strict=True):
        assert (theirs.dtype, theirs.shape) == (ours.dtype, ours.shape)
        np.testing.assert_allclose(theirs, ours, rtol=1e-5, atol=atol)
    return wanted


def refused(match, op, inputs, attrs, outputs=("Out",), free=False, error=NotImplementedError):
    feed, fetches = appended(op, inputs, attrs, outputs, free)
    with pytest.raises(error, match=match):
        serialized(feed, fetches)


PICTURE, MATRIX = numbers(2, 3, 4, 5), numbers(3, 4)
PROBABILITIES = (np.random.RandomState(1).rand(3, 4) + 0.1).astype("float32")
LABELS = np.int64([[0], [3], [2]])
EDGES = {"X": numbers(3, 4), "Src_index": np.int32([0, 1, 2, 0, 2]), "Dst_index": np.int32([1, 2, 1, 0, 1])}
EMISSION, TRANSITION, TAGS = numbers(2, 4, 3), numbers(5, 3, seed=1), np.int64([[0, 1, 2, 0], [2, 1, 0, 1]])

# name: operator, inputs, attributes, outputs where they are others than Out
CASES = {
    "memcpy_d2h": ("memcpy_d2h", {"X": MATRIX}, {"dst_place_type": 0}),
    "memcpy_h2d": ("memcpy_h2d", {"X": MATRIX}, {"dst_place_type": 0}),
    "hard_swish_of_another_gate": ("hard_swish", {"X": 4 * MATRIX}, {"threshold": 5.0, "scale": 4.0, "offset": 2.0}),
    "isnan_of_integers": ("isnan_v2", {"X": LABELS}, {}),
    "isinf_of_integers": ("isinf_v2", {"X": LABELS}, {}),
    "isfinite_of_integers": ("isfinite_v2", {"X": LABELS}, {}),
    "empty": ("empty", {}, {"shape": [2, 3], "dtype": 5}),
    "empty_of_a_list": ("empty", {"ShapeTensorList": [np.int32([2]), np.int32([3])]}, {"dtype": 3}),
    "empty_of_a_tensor": ("empty", {"ShapeTensor": np.int64([3, 1])}, {"dtype": 6}),
    "fill": ("fill", {}, {"shape": [2, 2], "value": [1.0, 2.5, -3.0, 4.0], "dtype": 5}),
    "sequence_mask_to_a_length_that_is_fed": ("sequence_mask", {"X": np.int64([1, 3, 0]), "MaxLenTensor": np.int32([4])}, {"out_dtype": 3}, "Y"),
    "crf_decoding_beside_labels": ("crf_decoding", {"Emission": EMISSION, "Transition": TRANSITION, "Label": TAGS, "Length": np.int64([4, 2])},
                                   {}, "ViterbiPath"),
    "repeat_interleave_by_a_parameter": ("repeat_interleave", {"X": MATRIX, "RepeatsTensor": Known(2, 0, 1, 3, dtype="int32")}, {"dim": 1}),
    "set_value_of_old_floats": ("set_value", {"Input": MATRIX}, {"axes": [0], "starts": [1], "ends": [3], "steps": [1], "shape": [1, 4],
                                                                 "fp32_values": [0.5, 1.5, 2.5, 3.5], "dtype": 5}),
    "set_value_of_old_integers": ("set_value", {"Input": np.arange(6, dtype="int32").reshape(2, 3)},
                                  {"axes": [1], "starts": [0], "ends": [2], "steps": [1], "shape": [1], "int32_values": [7], "dtype": 2}),
    "set_value_of_old_truths": ("set_value", {"Input": np.array([[True, False], [False, False]])},
                                {"axes": [1], "starts": [1], "ends": [2], "steps": [1], "shape": [1], "bool_values": [1], "dtype": 0}),
    "cross_entropy": ("cross_entropy", {"X": PROBABILITIES, "Label": LABELS}, {"ignore_index": 3}, "Y"),
    "cross_entropy_of_soft_labels": ("cross_entropy", {"X": PROBABILITIES, "Label": PROBABILITIES[::-1].copy()}, {"soft_label": True}, "Y"),
    "fc": ("fc", {"Input": PICTURE[0], "W": numbers(5, 2, seed=1), "Bias": numbers(2, seed=2)}, {"in_num_col_dims": 2}),
    "fc_flattened": ("fc", {"Input": PICTURE, "W": numbers(60, 3, seed=1)}, {"in_num_col_dims": 1}),
    "fc_relu": ("fc", {"Input": MATRIX, "W": numbers(4, 3, seed=1), "Bias": numbers(1, 3, seed=2)}, {"activation_type": "relu"}),
    "softmax_mask": ("fused_softmax_mask", {"X": numbers(2, 2, 3, 4), "Mask": np.minimum(1e4 * numbers(2, 1, 3, 4, seed=3), 0)}, {}),
    "softmax_mask_upper_triangle": ("fused_softmax_mask_upper_triangle", {"X": numbers(2, 2, 4, 4)}, {}),
    "quantize_to_four_bits": ("quantize_linear", {"X": MATRIX, "Scale": Known(1.5), "ZeroPoint": Known(0)},
                              {"quant_axis": -1, "bit_length": 4, "round_type": 1}, "Y"),
    "quantize_to_four_bits_by_channel": ("quantize_linear", {"X": MATRIX, "Scale": Known(1.5, 0.5, 1), "ZeroPoint": Known(0, 0, 0)},
                                         {"quant_axis": 0, "bit_length": 4}, "Y"),
    "resize_by_a_scale_that_is_fed": ("bilinear_interp_v2", {"X": PICTURE, "Scale": np.float32([1.5])}, {"align_corners": False, "align_mode": 0}),
    "resize_by_two_scales_that_are_fed": ("bilinear_interp_v2", {"X": PICTURE, "Scale": np.float32([1.5, 2])},
                                          {"align_corners": False, "align_mode": 1}),
    "resize_of_the_old_operator_by_a_scale_that_is_fed": ("bilinear_interp", {"X": PICTURE, "Scale": np.float32([1.3])},
                                                          {"align_corners": False, "align_mode": 1}),
    "greatest_over_axes_that_are_a_parameter": ("reduce_amax", {"X": PICTURE, "AxisTensor": Known(1, 3, dtype="int32")}, {"keep_dim": True}),
    "view_shape": ("view_shape", {"input": MATRIX}, {"dims": [2, -1]}, "out"),
    "index_select_strided": ("index_select_strided", {"x": PICTURE}, {"index": 2, "axis": 1}, "out"),
    "flatten2": ("flatten2", {"X": PICTURE}, {"axis": 2}),
    "flatten2_of_all": ("flatten2", {"X": PICTURE}, {"axis": 0}),
    "pad2d": ("pad2d", {"X": PICTURE}, {"paddings": [1, 2, 3, 0], "pad_value": 0.5}),
    "pad2d_channels_last": ("pad2d", {"X": PICTURE}, {"paddings": [1, 2, 3, 0], "data_format": "NHWC", "mode": "edge"}),
    "pad2d_by_a_parameter": ("pad2d", {"X": PICTURE, "Paddings": Known(1, 2, 2, 1, dtype="int32")}, {"mode": "reflect"}),
    "concat_by_a_parameter": ("concat", {"X": [MATRIX, MATRIX + 9], "AxisTensor": Known(1, dtype="int32")}, {}),
    "lengths_that_are_parameters": ("crf_decoding", {"Emission": EMISSION, "Transition": TRANSITION, "Length": Known(4, 2, dtype="int32")},
                                    {}, "ViterbiPath"),
    "top_k": ("top_k", {"X": MATRIX}, {"k": 2}, "Out Indices"),
    "top_k_of_a_number_that_is_fed": ("top_k", {"X": MATRIX, "K": np.int32([3])}, {}, "Out Indices"),
    "norm_of_the_largest": ("p_norm", {"X": PICTURE}, {"porder": float("inf"), "axis": 1}),
    "norm_of_the_smallest": ("p_norm", {"X": PICTURE}, {"porder": -float("inf"), "axis": -1, "keepdim": True}),
    "greatest_distance": ("dist", {"X": MATRIX, "Y": 2 * MATRIX[::-1]}, {"p": float("inf")}),
    "cumprod": ("cumprod", {"X": PICTURE}, {"dim": -2}),
    "cumprod_of_integers": ("cumprod", {"X": np.int64([[1, 2, 3], [-4, 5, 0]])}, {"dim": 0}),
    "cumprod_of_a_number": ("cumprod", {"X": np.array(3, "float32")}, {"dim": 0}),
    "cummax": ("cummax", {"x": PICTURE}, {"axis": 1, "dtype": 2}, "out indices"),
    "cummax_passes_what_is_no_number_on": ("cummax", {"x": np.float32([[1, np.nan, 2], [3, 3, 1]])}, {"axis": -1}, "out indices"),
    "cummin_of_integers": ("cummin", {"x": np.int64([3, 5, 3, 1, 2, 1])}, {"axis": 0}, "out indices"),
    "unique_consecutive": ("unique_consecutive", {"X": np.int64([[1, 1], [2, 2], [2, 1]])},
                           {"return_inverse": True, "return_counts": True, "dtype": 3}, "Out Index Counts"),
    "unique_consecutive_rows": ("unique_consecutive", {"X": np.float32([[1, 2], [1, 2], [1, 3], [1, 2]])},
                                {"axis": [0], "return_inverse": True, "return_counts": True, "dtype": 2}, "Out Index Counts"),
    "unique_consecutive_of_nothing": ("unique_consecutive", {"X": np.zeros((0,), "int64")}, {"return_counts": True, "dtype": 3}, "Out Counts"),
    "frame": ("frame", {"X": numbers(2, 11)}, {"frame_length": 4, "hop_length": 3, "axis": -1}),
    "frame_along_the_first_axis": ("frame", {"X": numbers(9, 2)}, {"frame_length": 4, "hop_length": 2, "axis": 0}),
    "overlap_add": ("overlap_add", {"X": numbers(2, 3, 4)}, {"hop_length": 2, "axis": -1}),
    "overlap_add_with_gaps": ("overlap_add", {"X": numbers(4, 3)}, {"hop_length": 5, "axis": -1}),
    "overlap_add_along_the_first_axis": ("overlap_add", {"X": numbers(4, 3, 2, 2)}, {"hop_length": 2, "axis": 0}),
    "row_conv": ("row_conv", {"X": numbers(2, 5, 3), "Filter": Known(*numbers(3, 3, seed=1))}, {}),
    "row_conv_further_than_there_are_steps": ("row_conv", {"X": numbers(2, 2, 3), "Filter": Known(*numbers(4, 3, seed=1))}, {}),
    "gru_unit": ("gru_unit", {"Input": numbers(3, 6), "HiddenPrev": numbers(3, 2, seed=1), "Weight": Known(*numbers(2, 6, seed=2)),
                              "Bias": numbers(1, 6, seed=3)}, {}, "Gate ResetHiddenPrev Hidden"),
    "gru_unit_as_first_published": ("gru_unit", {"Input": numbers(3, 6), "HiddenPrev": numbers(3, 2), "Weight": Known(*numbers(2, 6, seed=2))},
                                    {"origin_mode": True, "activation": 3, "gate_activation": 0}, "Hidden"),
    "graph_mean_of_as_many_rows_as_are_fed": ("graph_send_recv", {**EDGES, "Out_size": np.int32([6])}, {"reduce_op": "MEAN"}, "Out Dst_count"),
    "graph_sum_of_no_size": ("graph_send_recv", {**EDGES, "Out_size": np.int32([0])}, {"reduce_op": "SUM", "out_size": [9]}),
    "graph_mean": ("graph_send_recv", EDGES, {"reduce_op": "MEAN", "out_size": [5]}, "Out Dst_count"),
    "graph_sum_of_integers": ("graph_send_recv", {**EDGES, "X": np.arange(12).reshape(3, 4)}, {"reduce_op": "SUM"}),
    "segment_sum": ("segment_pool", {"X": PICTURE[0], "SegmentIds": np.int32([0, 2, 2])}, {"pooltype": "SUM"}),
    "segment_mean": ("segment_pool", {"X": MATRIX, "SegmentIds": np.int64([1, 1, 2])}, {"pooltype": "MEAN"}, "Out SummedIds"),
    "segment_sum_of_nothing": ("segment_pool", {"X": MATRIX[:0], "SegmentIds": np.int64([])}, {"pooltype": "SUM"}),
    "adaptive_mean": ("pool2d", {"X": PICTURE}, {"ksize": [3, 2], "adaptive": True, "pooling_type": "avg", "strides": [1, 1], "paddings": [0, 0]}),
    "adaptive_mean_channels_last": ("pool2d", {"X": PICTURE}, {"ksize": [2, 3], "adaptive": True, "pooling_type": "avg", "strides": [1, 1],
                                                               "paddings": [0, 0], "data_format": "NHWC"}),
    "squeeze_of_all_ones": ("squeeze2", {"X": PICTURE[:1, :, :1]}, {"axes": []}),
    "split_into_two_and_the_rest": ("split", {"X": PICTURE}, {"axis": -1, "sections": [2, -1, 1]}, "Out Out Out"),
    "layer_norm_of_two_axes": ("layer_norm", {"X": PICTURE, "Scale": numbers(20, seed=1), "Bias": numbers(20, seed=2)}, {"begin_norm_axis": 2}, "Y"),
    "layer_norm_without_a_scale": ("layer_norm", {"X": MATRIX}, {"begin_norm_axis": 1}, "Y"),
    "gather_tree": ("gather_tree", {"Ids": np.arange(12).reshape(3, 2, 2),
                                    "Parents": np.int64([[[0, 0], [1, 1]], [[1, 0], [0, 0]], [[0, 0], [1, 0]]])}, {}),
    "gather_tree_of_narrow_integers": ("gather_tree", {"Ids": np.arange(8, dtype="int32").reshape(2, 2, 2),
                                                       "Parents": np.int32([[[0, 0], [0, 0]], [[1, 0], [1, 1]]])}, {}),
    "index_put_where_a_mask_is_true": ("index_put", {"x": PICTURE, "indices": PICTURE[:, :, 0, 0] > 0, "value": numbers(5)}, {}, "out"),
    "index_put_one_value_for_each_truth": ("index_put", {"x": MATRIX, "indices": MATRIX > 1, "value": numbers(int((MATRIX > 1).sum()), seed=1)},
                                           {"accumulate": True}, "out"),
    "polygon_box_transform": ("polygon_box_transform", {"Input": numbers(2, 4, 3, 5)}, {}, "Output"),
    "diag_embed": ("diag_embed", {"Input": PICTURE[0]}, {"offset": 0}),
    "diag_embed_above": ("diag_embed", {"Input": PICTURE[0]}, {"offset": 2, "dim1": 0, "dim2": 2}),
    "diag_embed_below": ("diag_embed", {"Input": np.int64([[1, 2], [3, 4]])}, {"offset": -1, "dim1": 2, "dim2": 0}),
}


@pytest.mark.parametrize("free", [False, True], ids=["known", "unknown"])
@pytest.mark.parametrize("opset", OPSETS)
@pytest.mark.parametrize("name", CASES)
def test_an_operator_computes_the_same_in_onnx_runtime(name, opset, free):
    op, inputs, attrs, *outputs = CASES[name]
    check(*appended(op, inputs, attrs, outputs[0].split() if outputs else ["Out"], free), opset)


@pytest.mark.parametrize("op, inputs, attr", [("graph_send_recv", EDGES, "reduce_op"),
                                              ("segment_pool", {"X": -PICTURE[0], "SegmentIds": np.int64([0, 0, 2])}, "pooltype")])
def test_what_is_greatest_or_least_where_rows_meet_needs_opset_18(op, inputs, attr):
    for how in ("MAX", "MIN"):
        with static.program_guard(static.Program(), static.Program()):
            feed, fetches = appended(op, inputs, {attr: how})
            check(feed, fetches, OPSETS[1])
            with pytest.raises(NotImplementedError, match=rf"{op} \(maxima and minima need opset 18\)"):
                serialized(feed, fetches)


ROIS = np.float32([[0, 0, 2, 2], [1, 1, 3, 3]])
NO_FORM = [
    ("allclose", {"Input": MATRIX, "Other": MATRIX, "Rtol": np.float64([1e-3]), "Atol": np.float64([0])}, {}, "Out",
     "tolerances that are computed while running"),
    ("argsort", {"X": np.array(3, "float32")}, {}, "Out Indices", "X has no axis"),
    ("kthvalue", {"X": np.array(3, "float32")}, {"k": 1}, "Out Indices", "X has no axis"),
    ("crf_decoding", {"Emission": EMISSION[0], "Transition": TRANSITION}, {}, "ViterbiPath", "sequences by LoD; Length must give their lengths"),
    ("ctc_align", {"Input": TAGS}, {}, "Output", "sequences by LoD; InputLength must give their lengths"),
    ("put_along_axis", {"Input": MATRIX, "Index": LABELS, "Value": MATRIX[:, :1]}, {"Axis": 1, "Reduce": "add", "Include_self": False}, "Result",
     "Include_self is false"),
    ("put_along_axis", {"Input": MATRIX, "Index": LABELS, "Value": MATRIX[:, :1]}, {"Axis": 1, "Reduce": "amax"}, "Result", "Reduce is amax"),
    ("set_value", {"Input": MATRIX}, {"axes": [0], "starts": [0], "ends": [1], "steps": [1], "shape": [1]}, "Out", "an assignment without values"),
    ("sigmoid_cross_entropy_with_logits", {"X": MATRIX, "Label": PROBABILITIES}, {"normalize": True}, "Out", "normalize is true"),
    ("uniform_random", {}, {"shape": [2, 2], "diag_num": 1, "dtype": 5}, "Out", "diag_num"),
    ("pad3d", {"X": PICTURE[None], "Paddings": np.int32([1, 1, 0, 0, 0, 0])}, {"mode": "circular"}, "Out",
     "mode circular beside paddings that are computed while running"),
    ("roll", {"X": MATRIX, "ShiftsTensor": np.int64([1])}, {"axis": [0]}, "Out", "the shifts are computed while running"),
    ("roi_pool", {"X": PICTURE, "ROIs": ROIS, "RoisNum": np.int32([1, 1])}, {"pooled_height": 2, "pooled_width": 2}, "Out Argmax", "Argmax"),
    ("roi_align", {"X": PICTURE, "ROIs": ROIS}, {"pooled_height": 2, "pooled_width": 2}, "Out",
     "regions by LoD; RoisNum must say how many each image has"),
    ("distribute_fpn_proposals", {"FpnRois": ROIS}, {"min_level": 2, "max_level": 2, "refer_level": 2, "refer_scale": 4},
     "MultiFpnRois RestoreIndex", "regions by LoD; RoisNum must say how many each image has"),
]


@pytest.mark.parametrize("op, inputs, attrs, outputs, reason", NO_FORM)
def test_what_onnx_cannot_say_is_named_with_its_reason(op, inputs, attrs, outputs, reason):
    refused(rf"no ONNX form for {op} .{reason}. at block 0 op 0", op, inputs, attrs, outputs.split())


@pytest.mark.parametrize("op, inputs, attrs, outputs, opset", [
    ("deformable_conv_v1", {"Input": PICTURE, "Offset": 0.3 * numbers(2, 18, 4, 5), "Filter": numbers(2, 3, 3, 3, seed=1)},
     {"paddings": [1, 1], "deformable_groups": 1, "im2col_step": 1}, ["Output"], 19),
    ("grid_sampler", {"X": PICTURE[:, :, None], "Grid": numbers(2, 1, 2, 2, 3) / 2}, {"mode": "bilinear"}, ["Output"], 20),
])
def test_what_came_with_a_later_opset_says_so_and_computes_the_same_there(op, inputs, attrs, outputs, opset):
    feed, fetches = appended(op, inputs, attrs, outputs)
    with pytest.raises(NotImplementedError, match=rf"{op} \(.*needs? opset {opset}\)"):
        serialized(feed, fetches, opset - 1)
    check(feed, fetches, opset, atol=1e-5)


@pytest.mark.parametrize("op, inputs, attrs, outputs, reason", [
    ("graph_send_recv", {**EDGES, "X": np.arange(12).reshape(3, 4)}, {"reduce_op": "MAX"}, "Out", "maxima and minima of integers"),
    ("row_conv", {"X": MATRIX, "Filter": numbers(2, 4)}, {}, "Out", "sequences by LoD; X must have an axis for the batch"),
    ("row_conv", {"X": numbers(2, 5, 3), "Filter": numbers(3, 3)}, {}, "Out", "the number of steps ahead is unknown"),
    ("gru_unit", {"Input": numbers(3, 6), "HiddenPrev": numbers(3, 2), "Weight": numbers(2, 6)}, {}, "Hidden", "the width of its state is unknown"),
    ("gru_unit", {"Input": numbers(3, 6), "HiddenPrev": numbers(3, 2), "Weight": Known(*numbers(2, 6))}, {"activation": 7}, "Hidden", "activation 7"),
    ("index_put", {"x": MATRIX, "indices": [np.int64([0]), MATRIX[0] > 1], "value": numbers(1)}, {}, "out", "a mask beside other indices"),
    ("cummax", {"x": np.array(3, "float32")}, {"axis": 0}, "out indices", "x has no axis"),
])
def test_what_decides_the_nodes_must_be_known_and_have_a_form(op, inputs, attrs, outputs, reason):
    feed, fetches = appended(op, inputs, attrs, outputs.split(), free=True)
    with pytest.raises(NotImplementedError, match=f"no ONNX form for {op} .{reason}. at block 0 op 0"):
        serialized(feed, fetches, OPSETS[1])


def test_trailing_ones_of_the_smaller_operand_do_not_count_where_they_would_pass_the_end():
    check(*appended("elementwise_add", {"X": PICTURE, "Y": numbers(4, 1, 1, seed=1)}, {"axis": 2}), OPSETS[0])

@pytest.mark.parametrize("strides, extents, taps", [([2, 2], (4, 5), 3), ([3, 1], (4, 5), 4), ([2, 3], (3, 2), 1)])
def test_a_transposed_convolution_padded_to_the_same_extents_computes_the_same(strides, extents, taps):
    x, filters = numbers(2, 3, *extents), numbers(3, 2, taps, taps, seed=1)
    attrs = {"strides": strides, "padding_algorithm": "SAME", "dilations": [2, 2]}
    check(*appended("conv2d_transpose", {"Input": x, "Filter": filters}, attrs, ["Output"]), OPSETS[0])


@pytest.mark.parametrize("attrs, reason", [({"padding_algorithm": "SAME"}, "padding SAME of an extent that is unknown"),
                                           ({"output_size": [10, 12]}, "output_size beside an input extent that is unknown")])
def test_a_transposed_convolution_of_unknown_extents_has_no_form_where_they_decide_the_padding(attrs, reason):
    refused(rf"conv2d_transpose \({reason}\) at block 0 op 0", "conv2d_transpose", {"Input": PICTURE, "Filter": numbers(3, 2, 3, 3)},
            {"strides": [2, 2], **attrs}, ["Output"], free=True)


def test_a_transposed_convolution_takes_its_size_from_a_parameter():
    inputs = {"Input": PICTURE, "Filter": numbers(3, 2, 3, 3)}
    inputs["OutputSizeTensor"] = Known(10, 12, dtype="int32")
    out, = check(*appended("conv2d_transpose", inputs, {"strides": [2, 2]}, ["Output"]), OPSETS[0])
    assert out.shape == (2, 2, 10, 12)


@pytest.mark.parametrize("op, inputs, what", [
    ("reduce_amax", {"X": PICTURE, "AxisTensor": np.int32([1])}, "attribute dim"),
    ("conv2d_transpose", {"Input": PICTURE, "Filter": numbers(3, 2, 3, 3), "OutputSizeTensor": np.int32([10, 12])}, "attribute output_size"),
    ("concat", {"X": [MATRIX, MATRIX], "AxisTensor": np.int32([1])}, "input AxisTensor"),
    ("pad2d", {"X": PICTURE, "Paddings": np.int32([1, 1, 2, 2])}, "input Paddings"),
])
def test_axes_and_extents_that_are_fed_have_no_form(op, inputs, what):
    refused(rf"no ONNX form for {op} \({what} is computed while running\) at block 0 op 0", op, inputs, {},
            ["Output"] if op.startswith("conv") else ["Out"])


@pytest.mark.parametrize("op, inputs, attrs, error, words", [
    ("concat", {"X": [MATRIX, MATRIX], "AxisTensor": Known(dtype="int32")}, {}, ValueError, "input AxisTensor holds 0 elements; it holds one"),
    ("concat", {"X": [MATRIX, MATRIX], "AxisTensor": Known(7, dtype="int32")}, {}, IndexError, "7"),
    ("split", {"X": MATRIX, "AxisTensor": Known(-7, dtype="int32")}, {"num": 1}, IndexError, "-7"),
    ("unsqueeze2", {"X": MATRIX, "AxesTensor": Known(9, dtype="int32")}, {}, IndexError, "axes holds 9, which is no position in a tensor of 3 "),
    ("unsqueeze2", {"X": MATRIX, "AxesTensor": Known(-9, dtype="int32")}, {}, IndexError, "axes holds -9"),
    ("reduce_amax", {"X": MATRIX, "AxisTensor": Known(9, dtype="int32")}, {}, IndexError, "9"),
    ("gather", {"X": MATRIX, "Index": np.int64([1]), "Axis": Known(dtype="int32")}, {}, ValueError, "input Axis holds 0 elements"),
    ("repeat_interleave", {"X": MATRIX, "RepeatsTensor": Known(1, -2, 1, dtype="int32")}, {"dim": 0}, ValueError,
     "RepeatsTensor holds -2; it must not be negative"),
])
def test_a_parameter_that_cannot_be_an_axis_or_a_count_is_the_error_that_running_gives(op, inputs, attrs, error, words):
    feed, fetches = appended(op, inputs, attrs)
    for attempt in (lambda: serialized(feed, fetches), lambda: static.Executor(paddle.CPUPlace()).run(feed=feed, fetch_list=fetches)):
        with pytest.raises(error, match=words):
            attempt()


def test_an_axis_that_an_operator_without_inputs_gives_is_known():
    x = static.data("x", [2, 3])
    axis = paddle.full([1], 1, "int32")
    check({"x": numbers(2, 3)}, [paddle.concat([x, x], axis), axis], OPSETS[0])


@pytest.mark.parametrize("activation", ["gelu", "tanh"])
def test_an_activation_that_real_fc_has_not_is_named(activation):
    refused(rf"fc \(activation_type {activation}\) at block 0 op 0", "fc", {"Input": MATRIX, "W": numbers(4, 3)}, {"activation_type": activation})


def test_hidden_keys_count_nothing_in_float16_either():
    scores = numbers(1, 1, 3, 3, dtype="float16")
    feed, fetches = appended("fused_softmax_mask_upper_triangle", {"X": scores}, {})
    found, = in_runtime(feed, fetches, OPSETS[0])
    seen = np.exp(scores.astype("float64")) * np.tri(3)
    np.testing.assert_allclose(found, seen / seen.sum(-1, keepdims=True), rtol=2e-3)
    assert found.dtype == np.float16 and (found[0, 0][np.triu_indices(3, 1)] == 0).all()


@pytest.mark.parametrize("shape", [{"ShapeTensorList": [np.int32([200]), np.int32([5])]}, {"ShapeTensor": np.int64([200, 5])}, {}],
                         ids=["a list", "a tensor", "an attribute"])
@pytest.mark.parametrize("op, attrs, dtype, least, most", [
    ("randint", {"low": -2, "high": 3, "dtype": 3}, "int64", -2, 2),
    ("randint", {"low": 5, "high": 6, "dtype": 2}, "int32", 5, 5),
    ("uniform_random", {"min": 1.0, "max": 3.0, "dtype": 5, "seed": 7}, "float32", 1, 3),
    ("gaussian_random", {"mean": 50.0, "std": 1.0, "dtype": 5}, "float32", 40, 60),
])
def test_random_numbers_have_the_shape_that_is_fed_and_lie_where_they_should(op, attrs, dtype, least, most, shape):
    feed, fetches = appended(op, shape, attrs if shape else {**attrs, "shape": [200, 5]})
    found, = in_runtime(feed, fetches, OPSETS[0])
    assert (str(found.dtype), found.shape) == (dtype, (200, 5))
    assert least <= found.min() and found.max() <= most
    if dtype.startswith("int"):
        assert sorted(set(found.ravel())) == list(range(least, most + 1))
    else:
        assert abs(found.mean() - attrs.get("mean", 2)) < 0.2


def test_integers_drawn_evenly_have_no_form():
    refused(r"uniform_random \(numbers of int64\)", "uniform_random", {}, {"shape": [2], "dtype": 3})


def test_an_assertion_inside_a_branch_is_left_out():
    x = static.data("x", [2])

    def checked():
        static.default_main_program().current_block().append_op(type="assert", inputs={"Cond": paddle.all(x > 0), "Data": [x]}, outputs={}, attrs={})
        return x * 2.0

    y = static.nn.cond(paddle.sum(x) > 0, checked, lambda: x - 1.0)
    for values in ([1, 2], [-1, -2]):
        check({"x": np.float32(values)}, [y], OPSETS[0])
    found, = in_runtime({"x": np.float32([-1, 2])}, [y], OPSETS[0])  # where the assertion fails
    np.testing.assert_array_equal(found, [-2, 4])
