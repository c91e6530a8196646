"""Boxes: anchors, codes, overlaps, what is kept of them, and features of regions. See __init__.py."""
import numpy as np

from operator_cases import A, Drawn, I, NOT_COMPUTED, U, case  # noqa: F401

F = "detection"


def boxes(*shape, size=40.0, least=4.0, dtype="float32"):
    """[..., 4]: x1, y1, x2, y2 in [0, size)."""
    def draw(random):
        corner = random.uniform(0, size - 2 * least, shape + (2,))
        extent = random.uniform(least, size / 2, shape + (2,))
        return np.round(np.concatenate([corner, np.minimum(corner + extent, size - 1)], -1), 2).astype(dtype)
    return Drawn(draw)


def scores(*shape, dtype="float32"):
    """Distinct numbers in (0, 1)."""
    def draw(random):
        n = int(np.prod(shape))
        return ((random.permutation(n) + 0.5) / n).reshape(shape).astype(dtype)
    return Drawn(draw)


# ---------------------------------------------------------------- anchors
MAPS = {"Input": U(1, 2, 3, 4), "Image": U(1, 3, 48, 60)}
TWO = {"Boxes": 1, "Variances": 1}
V = [0.1, 0.1, 0.2, 0.2]
PRIOR = {"min_sizes": [10.0, 20.0], "aspect_ratios": [1.0, 2.0, 3.0], "variances": V, "clip": True, "flip": True}
case(F, "prior_box", "prior_box", MAPS, PRIOR, TWO, gradient=False)
case(F, "prior_box_max_steps", "prior_box", MAPS, {**PRIOR, "max_sizes": [15.0, 30.0], "flip": False, "clip": False, "step_w": 14.0,
     "step_h": 15.0, "offset": 0.3}, TWO, gradient=False)
case(F, "prior_box_ordered", "prior_box", MAPS, {**PRIOR, "max_sizes": [15.0, 30.0], "min_max_aspect_ratios_order": True}, TWO, gradient=False)
DENSE = {"fixed_sizes": [8.0, 16.0], "fixed_ratios": [1.0, 2.0], "densities": [2, 1], "variances": V, "clip": False}
case(F, "density_prior_box", "density_prior_box", MAPS, DENSE, TWO, gradient=False)
case(F, "density_prior_box_flat", "density_prior_box", MAPS, {**DENSE, "clip": True, "flatten_to_2d": True, "step_w": 13.0, "step_h": 17.0}, TWO,
     gradient=False)
case(F, "anchor_generator", "anchor_generator", {"Input": U(1, 2, 2, 3)}, {"anchor_sizes": [32.0, 64.0], "aspect_ratios": [0.5, 1.0, 2.0],
     "variances": [1.0, 1.0, 1.0, 1.0], "stride": [16.0, 8.0], "offset": 0.5}, {"Anchors": 1, "Variances": 1}, gradient=False)

# ---------------------------------------------------------------- arithmetic of boxes
for normalized in (True, False):
    name = "normalized" if normalized else "pixels"
    case(F, "box_coder_encode_" + name, "box_coder", {"PriorBox": boxes(3), "PriorBoxVar": U(3, 4, low=0.1), "TargetBox": boxes(5)},
         {"code_type": "encode_center_size", "box_normalized": normalized}, "OutputBox", gradient=False)
    case(F, "box_coder_decode_" + name, "box_coder", {"PriorBox": boxes(3), "PriorBoxVar": U(3, 4, low=0.1), "TargetBox": U(5, 3, 4)},
         {"code_type": "decode_center_size", "box_normalized": normalized}, "OutputBox", gradient=False)
    case(F, "iou_similarity_" + name, "iou_similarity", {"X": boxes(4), "Y": boxes(3)}, {"box_normalized": normalized}, gradient=False)
case(F, "box_coder_decode_axis1", "box_coder", {"PriorBox": boxes(5), "TargetBox": U(5, 3, 4)},
     {"code_type": "decode_center_size", "axis": 1, "variance": V}, "OutputBox", gradient=False)
case(F, "box_coder_encode_fixed", "box_coder", {"PriorBox": boxes(3), "TargetBox": boxes(2)}, {"variance": V}, "OutputBox", gradient=False)
case(F, "box_coder_decode_plain", "box_coder", {"PriorBox": boxes(3, dtype="float64"), "TargetBox": U(2, 3, 4, dtype="float64")},
     {"code_type": "decode_center_size"}, "OutputBox", gradient=False)
case(F, "box_decoder_and_assign", "box_decoder_and_assign", {"PriorBox": boxes(4), "PriorBoxVar": A(V), "TargetBox": U(4, 12),
     "BoxScore": scores(4, 3)}, {"box_clip": 4.135}, {"DecodeBox": 1, "OutputAssignBox": 1}, gradient=False)
case(F, "polygon_box_transform", "polygon_box_transform", {"Input": U(1, 8, 2, 3)}, outputs="Output", gradient=False)

# ---------------------------------------------------------------- yolo_box
YOLO = {"anchors": [10, 13, 16, 30], "class_num": 3, "conf_thresh": 0.4, "downsample_ratio": 8}
SIZES = A([[50, 60], [70, 41]], "int32")
for name, more, channels in (("clip", {}, 16), ("free", {"clip_bbox": False, "scale_x_y": 1.2}, 16),
                             ("iou_aware", {"iou_aware": True, "iou_aware_factor": 0.4}, 18)):
    images = 1 if name == "iou_aware" else 2  # of more images Paddle's CPU kernel reads the wrong channels
    case(F, "yolo_box_" + name, "yolo_box", {"X": U(images, channels, 3, 4), "ImgSize": SIZES[:images]}, {**YOLO, **more},
         {"Boxes": 1, "Scores": 1}, gradient=False)

# ---------------------------------------------------------------- boxes kept
NMS = {"score_threshold": 0.1, "nms_top_k": 20, "keep_top_k": 10, "nms_threshold": 0.3, "background_label": 0, "normalized": False}
THREE = {"Out": 1, "Index": 1, "NmsRoisNum": 1}
BOXES = {"BBoxes": boxes(2, 12), "Scores": scores(2, 3, 12)}
for name, more in (("plain", {}), ("all", {"background_label": -1, "keep_top_k": -1, "nms_top_k": -1}), ("eta", {"nms_threshold": 0.8, "nms_eta": 0.8}),
                   ("few", {"nms_top_k": 4, "keep_top_k": 3, "normalized": True}), ("none", {"score_threshold": 2.0})):
    case(F, "multiclass_nms_" + name, "multiclass_nms", BOXES, {**NMS, **more}, gradient=False)
    case(F, "multiclass_nms2_" + name, "multiclass_nms2", BOXES, {**NMS, **more}, {"Out": 1, "Index": 1}, gradient=False)
    case(F, "multiclass_nms3_" + name, "multiclass_nms3", BOXES, {**NMS, **more}, THREE, gradient=False)
case(F, "multiclass_nms3_ties", "multiclass_nms3", {"BBoxes": boxes(1, 6), "Scores": A(np.full([1, 2, 6], 0.5))}, {**NMS, "keep_top_k": 3}, THREE,
     gradient=False)
case(F, "multiclass_nms3_nan", "multiclass_nms3", {"BBoxes": boxes(1, 4), "Scores": A([[[0.1, 0.2, 0.3, 0.4], [np.nan, 0.5, np.nan, 0.6]]])}, NMS,
     THREE, gradient=False)
case(F, "multiclass_nms3_by_class", "multiclass_nms3", {"BBoxes": boxes(7, 3), "Scores": scores(7, 3), "RoisNum": A([4, 0, 3], "int32")},
     {**NMS, "keep_top_k": 4}, THREE, gradient=False)
case(F, "multiclass_nms3_float64", "multiclass_nms3", {"BBoxes": boxes(1, 8, dtype="float64"), "Scores": scores(1, 2, 8, dtype="float64")}, NMS,
     THREE, gradient=False)
QUADS = A([[[0, 0, 10, 0, 10, 10, 0, 10], [1, 1, 11, 1, 11, 11, 1, 11], [20, 20, 30, 20, 30, 30, 20, 30], [5, 0, 10, 5, 5, 10, 0, 5]]])
case(F, "multiclass_nms_quads", "multiclass_nms", {"BBoxes": QUADS, "Scores": A([[[0.9, 0.8, 0.7, 0.6]]])}, {**NMS, "background_label": -1}, gradient=False)
case(F, "locality_aware_nms", "locality_aware_nms", {"BBoxes": boxes(1, 12), "Scores": scores(1, 1, 12)}, {**NMS, "background_label": -1}, gradient=False)
case(F, "locality_aware_nms_quads", "locality_aware_nms", {"BBoxes": QUADS, "Scores": A([[[0.9, 0.8, 0.7, 0.6]]])}, {**NMS, "background_label": -1},
     gradient=False)
MATRIX = {"score_threshold": 0.1, "nms_top_k": 20, "keep_top_k": 10, "post_threshold": 0.15, "background_label": 0, "normalized": False}
for name, more in (("linear", {}), ("gaussian", {"use_gaussian": True, "gaussian_sigma": 1.5}), ("all", {"background_label": -1, "nms_top_k": -1,
                   "keep_top_k": -1, "normalized": True}), ("none", {"score_threshold": 2.0})):
    case(F, "matrix_nms_" + name, "matrix_nms", BOXES, {**MATRIX, **more}, {"Out": 1, "Index": 1, "RoisNum": 1}, gradient=False)
case(F, "nms", "nms", {"Boxes": boxes(12)}, {"iou_threshold": 0.2}, "KeepBoxesIdxs", gradient=False)

# ---------------------------------------------------------------- features of regions
COUNTS = A([3, 1], "int32")
# At least a pixel of X wide: smaller ones Paddle's gradient takes for wider with `aligned`, its forward operator does not.
ROIS = {"X": U(2, 2, 6, 8), "ROIs": boxes(4, size=60, least=9), "RoisNum": COUNTS}
POOL = {"pooled_height": 2, "pooled_width": 3, "spatial_scale": 0.125}
for name, more in (("plain", {}), ("aligned", {"aligned": True}), ("sampled", {"sampling_ratio": 2}), ("aligned_sampled", {"aligned": True, "sampling_ratio": 3})):
    case(F, "roi_align_" + name, "roi_align", ROIS, {**POOL, **more})
case(F, "roi_align_outside", "roi_align", {**ROIS, "ROIs": A([[-30, -30, 90, 90], [50, 50, 40, 40], [70, 70, 80, 80], [0, 0, 0, 0]])}, POOL)
case(F, "roi_align_float64", "roi_align", {"X": U(1, 1, 4, 4, dtype="float64"), "ROIs": boxes(2, size=30, dtype="float64"), "RoisNum": A([2], "int32")}, POOL)
case(F, "roi_pool", "roi_pool", ROIS, POOL, {"Out": 1, "Argmax": 1}, targets=["Out"])
case(F, "roi_pool_outside", "roi_pool", {**ROIS, "ROIs": A([[-30, -30, 90, 90], [50, 50, 40, 40], [70, 70, 80, 80], [0, 0, 0, 0]])}, POOL,
     {"Out": 1, "Argmax": 1}, targets=["Out"])
case(F, "psroi_pool", "psroi_pool", {"X": U(2, 12, 6, 8), "ROIs": boxes(4, size=60), "RoisNum": COUNTS}, {**POOL, "output_channels": 2})

# ---------------------------------------------------------------- regions proposed
RPN = {"Scores": scores(2, 3, 4, 4), "BboxDeltas": U(2, 12, 4, 4, low=-0.5, high=0.5), "Anchors": boxes(4, 4, 3, size=60), "Variances": U(4, 4, 3, 4, low=0.5, high=1.0)}
TOP = {"pre_nms_topN": 30, "post_nms_topN": 8, "nms_thresh": 0.5, "min_size": 3.0, "eta": 1.0}
FOUND = {"RpnRois": 1, "RpnRoiProbs": 1, "RpnRoisNum": 1}
V2 = {**RPN, "ImShape": A([[50, 60], [60, 40]])}
for name, more in (("plain", {"pixel_offset": False}), ("pixels", {"pixel_offset": True}), ("eta", {"pixel_offset": False, "nms_thresh": 0.9, "eta": 0.8}),
                   ("nothing", {"pixel_offset": False, "min_size": 1000.0})):
    case(F, "generate_proposals_v2_" + name, "generate_proposals_v2", V2, {**TOP, "pre_nms_topN": 0, **more}, FOUND, gradient=False)
case(F, "generate_proposals_v2_few", "generate_proposals_v2", V2, {**TOP, "post_nms_topN": 3, "pre_nms_topN": 100, "pixel_offset": False}, FOUND, gradient=False)
case(F, "generate_proposals", "generate_proposals", {**RPN, "ImInfo": A([[50, 60, 1.5], [60, 40, 0.5]])}, {**TOP, "pre_nms_topN": 0}, FOUND, gradient=False)
LEVELS = {"min_level": 2, "max_level": 4, "refer_level": 3, "refer_scale": 20}
for pixels in (True, False):
    case(F, f"distribute_fpn_proposals_{'pixels' if pixels else 'plain'}", "distribute_fpn_proposals",
         {"FpnRois": boxes(9, size=90), "RoisNum": A([4, 5], "int32")}, {**LEVELS, "pixel_offset": pixels},
         {"MultiFpnRois": 3, "RestoreIndex": 1, "MultiLevelRoIsNum": 3}, gradient=False)
case(F, "collect_fpn_proposals", "collect_fpn_proposals", {"MultiLevelRois": [boxes(4), boxes(3)], "MultiLevelScores": [A([[0.1], [0.9], [0.5], [0.7]]), A([[0.3], [0.8], [0.2]])],
     "MultiLevelRoIsNum": [A([3, 1], "int32"), A([1, 2], "int32")]}, {"post_nms_topN": 5}, {"FpnRois": 1, "RoisNum": 1}, gradient=False)

# ---------------------------------------------------------------- the loss of a YOLO head; Paddle leaves GTBox's gradient unset
TRUTH = {"X": U(2, 14, 4, 4), "GTBox": U(2, 5, 4, low=0.1, high=0.7), "GTLabel": I(2, 5, low=0, high=2, dtype="int32")}
LOSS = {"anchors": [10, 13, 16, 30, 33, 23], "anchor_mask": [0, 2], "class_num": 2, "ignore_thresh": 0.3, "downsample_ratio": 8, "use_label_smooth": True}
MASKS = {"Loss": 1, "ObjectnessMask": 1, "GTMatchMask": 1}
case(F, "yolov3_loss", "yolov3_loss", TRUTH, LOSS, MASKS, gradient=False)
case(F, "yolov3_loss_plain_labels", "yolov3_loss", TRUTH, {**LOSS, "use_label_smooth": False, "scale_x_y": 1.2}, MASKS, gradient=False)
case(F, "yolov3_loss_weighted", "yolov3_loss", {**TRUTH, "GTScore": U(2, 5, low=0.2, high=1.0)}, LOSS, MASKS, gradient=False)

# ---------------------------------------------------------------- priors matched with boxes
MATCHED = {"ColToRowMatchIndices": 1, "ColToRowMatchDist": 1}
MINED = {"NegIndices": 1, "UpdatedMatchIndices": 1}
LOSSES = {"ClsLoss": scores(2, 6), "MatchIndices": A([[0, -1, 1, -1, -1, -1], [-1, -1, 0, -1, 2, 1]], "int32"), "MatchDist": scores(2, 6)}
case(F, "bipartite_match", "bipartite_match", {"DistMat": scores(3, 5)}, {"match_type": "bipartite"}, MATCHED, gradient=False)
case(F, "bipartite_match_per_prediction", "bipartite_match", {"DistMat": scores(3, 5)}, {"match_type": "per_prediction", "dist_threshold": 0.5},
     MATCHED, gradient=False)
case(F, "mine_hard_examples", "mine_hard_examples", LOSSES, {"neg_pos_ratio": 1.0, "neg_dist_threshold": 0.7, "mining_type": "max_negative"}, MINED,
     gradient=False)
case(F, "mine_hard_examples_hard", "mine_hard_examples", {**LOSSES, "LocLoss": scores(2, 6)}, {"sample_size": 3, "mining_type": "hard_example"}, MINED,
     gradient=False)
