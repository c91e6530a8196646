"""detectors/<name>.pdmodel, .pdiparams and .npz: small detectors that real Paddle built, saved and ran.

The archive holds for run k in<k>__<feed> and out<k>__<position>, in the order of the model's fetches.
"""
import numpy as np


def _op(paddle, op_type, inputs, outputs, attrs, dtype="float32"):
    """Operators that have no function: variables of the slots named, in order."""
    helper = paddle.base.layer_helper.LayerHelper(op_type)
    made = [helper.create_variable_for_type_inference(kind) for kind in outputs.values()]
    helper.append_op(type=op_type, inputs=inputs, outputs={slot: [var] for slot, var in zip(outputs, made)}, attrs=attrs)
    return made


def _backbone(paddle, image):
    nn = paddle.static.nn
    fine = nn.conv2d(image, 6, 3, stride=4, padding=1, act="relu")
    return fine, nn.conv2d(fine, 8, 3, stride=2, padding=1, act="relu")


def yolo(paddle):
    """A head for each of two scales, yolo_box, one multiclass_nms3."""
    image = paddle.static.data("image", [-1, 3, 32, 32])
    size = paddle.static.data("im_size", [-1, 2], "int32")
    boxes, scores = [], []
    for feature, stride, anchors in zip(_backbone(paddle, image), (4, 8), ([6, 5, 9, 12], [14, 10, 20, 24])):
        head = paddle.static.nn.conv2d(feature, 2 * (5 + 3), 1)
        found, probable = paddle.vision.ops.yolo_box(head, size, anchors, 3, 0.05, stride, scale_x_y=1.05)
        boxes.append(found)
        scores.append(paddle.transpose(probable, [0, 2, 1]))
    attrs = {"background_label": -1, "score_threshold": 0.05, "nms_top_k": 40, "keep_top_k": 20, "nms_threshold": 0.45, "normalized": False}
    out, _, counts = _op(paddle, "multiclass_nms3", {"BBoxes": paddle.concat(boxes, axis=1), "Scores": paddle.concat(scores, axis=2)},
                         {"Out": "float32", "Index": "int32", "NmsRoisNum": "int32"}, attrs)
    return [image, size], [out, counts]


def ssd(paddle):
    """prior_box on two scales, box_coder, multiclass_nms with sequences."""
    image = paddle.static.data("image", [-1, 3, 32, 32])
    boxes, scores, priors, variances = [], [], [], []
    for feature, least, most in zip(_backbone(paddle, image), (6.0, 12.0), (12.0, 20.0)):
        prior, variance = paddle.vision.ops.prior_box(feature, image, [least], [most], [2.0], flip=True, clip=True)
        count = prior.shape[2]
        boxes.append(paddle.reshape(paddle.transpose(paddle.static.nn.conv2d(feature, count * 4, 1), [0, 2, 3, 1]), [0, -1, 4]))
        scores.append(paddle.reshape(paddle.transpose(paddle.static.nn.conv2d(feature, count * 3, 1), [0, 2, 3, 1]), [0, -1, 3]))
        priors.append(paddle.reshape(prior, [-1, 4]))
        variances.append(paddle.reshape(variance, [-1, 4]))
    decoded = paddle.vision.ops.box_coder(paddle.concat(priors), paddle.concat(variances), paddle.concat(boxes, axis=1), "decode_center_size")
    scores = paddle.transpose(paddle.nn.functional.softmax(paddle.concat(scores, axis=1)), [0, 2, 1])
    attrs = {"background_label": 0, "score_threshold": 0.3, "nms_top_k": 50, "keep_top_k": 15, "nms_threshold": 0.45}
    out, = _op(paddle, "multiclass_nms", {"BBoxes": decoded, "Scores": scores}, {"Out": "float32"}, attrs)
    return [image], [out]


def rcnn(paddle):
    """Regions proposed, sent to two levels, their features, boxes of each class."""
    image = paddle.static.data("image", [-1, 3, 32, 32])
    size = paddle.static.data("im_shape", [-1, 2])
    fine, coarse = _backbone(paddle, image)
    coarse = paddle.static.nn.conv2d(coarse, 6, 1)
    anchors, variances = _op(paddle, "anchor_generator", {"Input": fine}, {"Anchors": "float32", "Variances": "float32"},
                             {"anchor_sizes": [8.0, 16.0], "aspect_ratios": [0.5, 1.0], "variances": [1.0] * 4, "stride": [4.0, 4.0], "offset": 0.5})
    rois, _, counts = paddle.vision.ops.generate_proposals(
        paddle.nn.functional.sigmoid(paddle.static.nn.conv2d(fine, 4, 1)), paddle.static.nn.conv2d(fine, 16, 1) * 0.2, size, anchors, variances,
        pre_nms_top_n=0, post_nms_top_n=12, nms_thresh=0.6, min_size=2.0, return_rois_num=True)
    levels, restore, level_counts = paddle.vision.ops.distribute_fpn_proposals(rois, 2, 3, 2, 10, rois_num=counts)
    features = [paddle.vision.ops.roi_align(feature, level, count, 2, scale, 2)
                for feature, level, count, scale in zip((fine, coarse), levels, level_counts, (0.25, 0.125))]
    feature = paddle.gather(paddle.concat(features), restore)
    hidden = paddle.static.nn.fc(feature, 16, activation="relu")
    scores = paddle.nn.functional.softmax(paddle.static.nn.fc(hidden, 3))
    deltas = paddle.reshape(paddle.static.nn.fc(hidden, 12), [-1, 3, 4])
    boxes = paddle.vision.ops.box_coder(rois, [0.1, 0.1, 0.2, 0.2], deltas, "decode_center_size", False, axis=1)
    attrs = {"background_label": 2, "score_threshold": 0.2, "nms_top_k": 20, "keep_top_k": 8, "nms_threshold": 0.5, "normalized": False}
    out, _, kept = _op(paddle, "multiclass_nms3", {"BBoxes": boxes, "Scores": scores, "RoisNum": counts},
                       {"Out": "float32", "Index": "int32", "NmsRoisNum": "int32"}, attrs)
    return [image, size], [out, kept]


DETECTORS = {"yolo": yolo, "ssd": ssd, "rcnn": rcnn}


def feeds(name, inputs):
    """Two images, then one; their extents as each detector wants them."""
    random = np.random.RandomState(len(name))
    for count in (2, 1):
        feed = {"image": random.uniform(-1, 1, (count, 3, 32, 32)).astype("float32"), "im_size": np.array([[40, 50], [32, 32]][:count], "int32"),
                "im_shape": np.array([[32, 30], [32, 32]][:count], "float32")}
        yield {var.name: feed[var.name] for var in inputs}


def write(paddle, folder):
    for name, builder in DETECTORS.items():
        main, startup, scope = paddle.static.Program(), paddle.static.Program(), paddle.static.Scope()
        with paddle.utils.unique_name.guard(), paddle.static.program_guard(main, startup), paddle.static.scope_guard(scope):
            inputs, outputs = builder(paddle)
            exe = paddle.static.Executor(paddle.CPUPlace())
            exe.run(startup)
            random = np.random.RandomState(7)
            for parameter in sorted(main.all_parameters(), key=lambda p: p.name):
                value = random.uniform(-0.5, 0.5, parameter.shape).astype("float32")
                scope.find_var(parameter.name).get_tensor().set(value, paddle.CPUPlace())
            for block in main.blocks:
                for op in block.ops:
                    op._remove_attr("op_callstack")
            paddle.static.save_inference_model(str(folder / name), inputs, outputs, exe, program=main)
            arrays = {}
            for run, feed in enumerate(feeds(name, inputs)):
                values = exe.run(main, feed=feed, fetch_list=outputs, return_numpy=False)
                arrays.update({f"in{run}__{key}": value for key, value in feed.items()})
                arrays.update({f"out{run}__{k}": np.array(value) for k, value in enumerate(values)})
                arrays.update({f"lod{run}__{k}": np.array(value.lod()[0]) for k, value in enumerate(values) if value.lod()})
            np.savez_compressed(folder / (name + ".npz"), **arrays)
