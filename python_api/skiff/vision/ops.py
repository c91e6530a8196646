"""Detection. Source: paddle.vision.ops."""
from .. import _core
from .._core import layer
from ..tensor import creation, logic, manipulation, search
from ..tensor._ops import to_list
from .layers import DeformConv2D, PSRoIPool, RoIAlign, RoIPool, deform_conv2d  # noqa: F401

__all__ = ["box_coder", "distribute_fpn_proposals", "generate_proposals", "matrix_nms", "nms", "prior_box", "psroi_pool", "roi_align",
           "roi_pool", "yolo_box", "yolo_loss"]


def yolo_box(x, img_size, anchors, class_num, conf_thresh, downsample_ratio, clip_bbox=True, name=None, scale_x_y=1.0, iou_aware=False,
             iou_aware_factor=0.5):
    """Boxes and class probabilities of a YOLO head.

    Args:
        x (Variable): [images, anchors (5 + classes), height, width].
        img_size (Variable): int32, [images, 2]: height, width.
        anchors (list[int]): width and height of each.
        class_num (int): number of classes.
        conf_thresh (float): boxes with less confidence are zero.
        downsample_ratio (int): pixels of the network's input for each cell.
        clip_bbox (bool): boxes end at the image's borders.
        name (str): of the layer.
        scale_x_y (float): spread of the centres around their cell.
        iou_aware (bool): x has one more channel for each anchor, in front.
        iou_aware_factor (float): weight of what it predicts.

    Returns:
        (Variable, Variable): boxes [images, boxes, 4] in pixels, scores [images, boxes, classes].

    Source: paddle.vision.ops.yolo_box.
    """
    attrs = {"anchors": anchors, "class_num": class_num, "conf_thresh": conf_thresh, "downsample_ratio": downsample_ratio,
             "clip_bbox": clip_bbox, "scale_x_y": scale_x_y, "iou_aware": iou_aware, "iou_aware_factor": iou_aware_factor}
    return layer("yolo_box", {"X": x, "ImgSize": img_size}, ("Boxes", "Scores"), attrs, name=name, dtype=x.dtype)


def yolo_loss(x, gt_box, gt_label, anchors, anchor_mask, class_num, ignore_thresh, downsample_ratio, gt_score=None, use_label_smooth=True,
              name=None, scale_x_y=1.0):
    """The loss of a YOLO head for each image. Source: paddle.vision.ops.yolo_loss."""
    inputs = {"X": x, "GTBox": gt_box, "GTLabel": gt_label}
    if gt_score is not None:
        inputs["GTScore"] = gt_score
    attrs = {"anchors": anchors, "anchor_mask": anchor_mask, "class_num": class_num, "ignore_thresh": ignore_thresh,
             "downsample_ratio": downsample_ratio, "use_label_smooth": use_label_smooth, "scale_x_y": scale_x_y}
    return layer("yolov3_loss", inputs, ("Loss", "ObjectnessMask", "GTMatchMask"), attrs, name=name, dtype=x.dtype,
                 stopped=["ObjectnessMask", "GTMatchMask"])[0]


def prior_box(input, image, min_sizes, max_sizes=None, aspect_ratios=[1.0], variance=[0.1, 0.1, 0.2, 0.2], flip=False,  # noqa: A002,B006
              clip=False, steps=[0.0, 0.0], offset=0.5, min_max_aspect_ratios_order=False, name=None):  # noqa: B006
    """Boxes to start from, around each cell of a feature map: (boxes, variances), each [height, width, priors, 4].

    Source: paddle.vision.ops.prior_box.
    """
    attrs = {"min_sizes": [float(v) for v in to_list(min_sizes)], "aspect_ratios": [float(v) for v in to_list(aspect_ratios)],
             "variances": [float(v) for v in variance], "flip": flip, "clip": clip, "step_w": steps[0], "step_h": steps[1], "offset": offset,
             "min_max_aspect_ratios_order": min_max_aspect_ratios_order}
    if max_sizes is not None and to_list(max_sizes)[0] > 0:
        attrs["max_sizes"] = [float(v) for v in to_list(max_sizes)]
    return layer("prior_box", {"Input": input, "Image": image}, ("Boxes", "Variances"), attrs, name=name, dtype=input.dtype,
                 stopped=["Boxes", "Variances"])


def box_coder(prior_box, prior_box_var, target_box, code_type="encode_center_size", box_normalized=True, axis=0, name=None):
    """Boxes as offsets from priors, or back. `prior_box_var` a variable or 4 numbers. Source: paddle.vision.ops.box_coder."""
    inputs, attrs = {"PriorBox": prior_box, "TargetBox": target_box}, {"code_type": code_type, "box_normalized": box_normalized, "axis": axis}
    if isinstance(prior_box_var, _core.Variable):
        inputs["PriorBoxVar"] = prior_box_var
    elif isinstance(prior_box_var, (list, tuple)):
        attrs["variance"] = list(prior_box_var)
    else:
        raise TypeError(f"prior_box_var must be a Variable or a list of 4 numbers, not {type(prior_box_var)}")
    return layer("box_coder", inputs, "OutputBox", attrs, name=name, dtype=prior_box.dtype)


def _pair(size):
    return (size, size) if isinstance(size, int) else tuple(size)


def _pool(op_type, outputs, x, boxes, boxes_num, size, attrs, name, stopped=()):
    height, width = _pair(size)
    return layer(op_type, {"X": x, "ROIs": boxes, "RoisNum": boxes_num}, outputs, {"pooled_height": height, "pooled_width": width, **attrs},
                 name=name, dtype=x.dtype, stopped=list(stopped))


def roi_align(x, boxes, boxes_num, output_size, spatial_scale=1.0, sampling_ratio=-1, aligned=True, name=None):
    """Means at points spread over the bins of each region.

    Args:
        x (Variable): [images, channels, height, width].
        boxes (Variable): [regions, 4]: x1, y1, x2, y2 in pixels of the image.
        boxes_num (Variable): int32, [images]: regions of each.
        output_size (int | tuple[int]): bins (height, width).
        spatial_scale (float): pixels of x for a pixel of the image.
        sampling_ratio (int): points of a bin along each axis; -1: one for each pixel.
        aligned (bool): pixels' centres are at halves.
        name (str): of the layer.

    Returns:
        Variable: [regions, channels, bins, bins].

    Source: paddle.vision.ops.roi_align.
    """
    attrs = {"spatial_scale": spatial_scale, "sampling_ratio": sampling_ratio, "aligned": aligned}
    return _pool("roi_align", "Out", x, boxes, boxes_num, output_size, attrs, name)


def roi_pool(x, boxes, boxes_num, output_size, spatial_scale=1.0, name=None):
    """The largest pixels of the bins of each region. Source: paddle.vision.ops.roi_pool."""
    return _pool("roi_pool", ("Out", "Argmax"), x, boxes, boxes_num, output_size, {"spatial_scale": spatial_scale}, name, ["Argmax"])[0]


def psroi_pool(x, boxes, boxes_num, output_size, spatial_scale=1.0, name=None):
    """Means of the bins of each region, each bin from channels of its own. Source: paddle.vision.ops.psroi_pool."""
    height, width = _pair(output_size)
    channels = x.shape[1] // (height * width)
    return _pool("psroi_pool", "Out", x, boxes, boxes_num, output_size, {"output_channels": channels, "spatial_scale": spatial_scale}, name)


def generate_proposals(scores, bbox_deltas, img_size, anchors, variances, pre_nms_top_n=6000, post_nms_top_n=1000, nms_thresh=0.5,
                       min_size=0.1, eta=1.0, pixel_offset=False, return_rois_num=False, name=None):
    """Regions from the anchors that score best: (regions, scores, regions of each image or None).

    Source: paddle.vision.ops.generate_proposals.
    """
    inputs = {"Scores": scores, "BboxDeltas": bbox_deltas, "ImShape": img_size, "Anchors": anchors, "Variances": variances}
    attrs = {"pre_nms_topN": pre_nms_top_n, "post_nms_topN": post_nms_top_n, "nms_thresh": nms_thresh, "min_size": min_size, "eta": eta,
             "pixel_offset": pixel_offset}
    slots = ("RpnRois", "RpnRoiProbs") + (("RpnRoisNum",) if return_rois_num else ())
    found = layer("generate_proposals_v2", inputs, slots, attrs, name=name, dtype=scores.dtype, stopped=list(slots))
    return found if return_rois_num else (*found, None)


def distribute_fpn_proposals(fpn_rois, min_level, max_level, refer_level, refer_scale, pixel_offset=False, rois_num=None, name=None):
    """Regions by size: (regions of each level, where each was, regions of each level and image or None).

    Source: paddle.vision.ops.distribute_fpn_proposals.
    """
    levels = max_level - min_level + 1
    inputs, outputs = {"FpnRois": fpn_rois}, {"MultiFpnRois": levels, "RestoreIndex": 1}
    if rois_num is not None:
        inputs["RoisNum"] = rois_num
        outputs["MultiLevelRoIsNum"] = levels
    attrs = {"min_level": min_level, "max_level": max_level, "refer_level": refer_level, "refer_scale": refer_scale, "pixel_offset": pixel_offset}
    found = layer("distribute_fpn_proposals", inputs, outputs, attrs, name=name, dtype=fpn_rois.dtype)
    return found[:levels], found[levels], found[levels + 1:] or None


def matrix_nms(bboxes, scores, score_threshold, post_threshold, nms_top_k, keep_top_k, use_gaussian=False, gaussian_sigma=2.0,
               background_label=0, normalized=True, return_index=False, return_rois_num=True, name=None):
    """Detections whose score, lowered by overlaps with better ones, stays high: (rows, rows of each image or None[, positions]).

    Source: paddle.vision.ops.matrix_nms.
    """
    attrs = {"background_label": background_label, "score_threshold": score_threshold, "post_threshold": post_threshold, "nms_top_k": nms_top_k,
             "gaussian_sigma": gaussian_sigma, "use_gaussian": use_gaussian, "keep_top_k": keep_top_k, "normalized": normalized}
    slots = ("Out", "Index") + (("RoisNum",) if return_rois_num else ())
    found = layer("matrix_nms", {"BBoxes": bboxes, "Scores": scores}, slots, attrs, name=name, dtype=bboxes.dtype, stopped=list(slots))
    counts = found[2] if return_rois_num else None
    return (found[0], counts, found[1]) if return_index else (found[0], counts)


def nms(boxes, iou_threshold=0.3, scores=None, category_idxs=None, categories=None, top_k=None):
    """Positions of the boxes that no better kept box overlaps by more, best first.

    Args:
        boxes (Variable): [boxes, 4]; best first where there are no scores.
        iou_threshold (float): overlap that is still allowed.
        scores (Variable): [boxes].
        category_idxs (Variable): [boxes]: boxes of different categories do not count.
        categories (list[int]): all categories.
        top_k (int): at most so many.

    Returns:
        Variable: int64 positions.

    Source: paddle.vision.ops.nms.
    """
    def suppress(sorted_boxes):
        return layer("nms", {"Boxes": sorted_boxes}, "KeepBoxesIdxs", {"iou_threshold": iou_threshold}, dtype="int64", stopped=["KeepBoxesIdxs"])

    if scores is None:
        return suppress(boxes)
    if category_idxs is None:
        order = search.argsort(scores, descending=True)
        kept = order[suppress(boxes[order])]
        return kept if top_k is None else kept[:top_k]
    if categories is None:
        raise ValueError("categories must be given with category_idxs")
    mask = creation.zeros_like(scores, dtype="int32")
    for category in categories:
        of_category = search.where(logic.equal(category_idxs, creation.assign(category)))[0]
        of_category = manipulation.reshape(of_category, [-1])
        own_boxes, own_scores = boxes[of_category], scores[of_category]
        order = search.argsort(own_scores, descending=True)
        kept = order[suppress(own_boxes[order])]
        mask = manipulation.scatter(mask, of_category[kept], creation.ones_like(of_category[kept], dtype="int32"), overwrite=True)
    kept = manipulation.reshape(search.nonzero(mask), [-1])
    kept = kept[search.argsort(scores[kept], descending=True)]
    return kept if top_k is None else kept[:top_k]
