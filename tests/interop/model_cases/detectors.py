"""Nets that find boxes. Output 0 has the rows found in each image, output 1 how many, as PaddleDetection exports them."""
from . import Input, image, model
from .pictures import conv_norm

SIZE = Input("im_size", [2], "int32", 60, 90)


def multiclass_nms(paddle, boxes, scores, counts=None, **attrs):
    """The operator multiclass_nms3, which has no function of its own: rows, how many of each image."""
    helper = paddle.base.layer_helper.LayerHelper("multiclass_nms3")
    rows, index, number = (helper.create_variable_for_type_inference(kind) for kind in ("float32", "int32", "int32"))
    inputs = {"BBoxes": boxes, "Scores": scores, **({} if counts is None else {"RoisNum": counts})}
    helper.append_op(type="multiclass_nms3", inputs=inputs, outputs={"Out": rows, "Index": index, "NmsRoisNum": number}, attrs={
        "background_label": -1, "score_threshold": 0.1, "nms_top_k": 60, "keep_top_k": 20, "nms_threshold": 0.5, "normalized": False, **attrs})
    return rows, number


def darknet(nn, inputs, outputs, size=3, stride=1):
    return nn.Sequential(nn.Conv2D(inputs, outputs, size, stride, padding=size // 2, bias_attr=False), nn.BatchNorm2D(outputs), nn.LeakyReLU(0.1))


def yolo_net(paddle, suppress):
    nn = paddle.nn

    class Yolo(nn.Layer):
        def __init__(self):
            super().__init__()
            self.suppress = suppress
            self.fine = nn.Sequential(darknet(nn, 3, 8, stride=2), darknet(nn, 8, 12, stride=2), darknet(nn, 12, 12, 1))
            self.coarse = nn.Sequential(darknet(nn, 12, 16, stride=2), darknet(nn, 16, 16))
            self.route, self.merged = darknet(nn, 16, 8, 1), darknet(nn, 20, 12)
            self.heads = nn.LayerList([nn.Conv2D(16, 16, 1), nn.Conv2D(12, 16, 1)])

        def forward(self, image, im_size):
            fine = self.fine(image)
            coarse = self.coarse(fine)
            raised = paddle.nn.functional.interpolate(self.route(coarse), scale_factor=2, mode="nearest")
            heads = [self.heads[0](coarse), self.heads[1](self.merged(paddle.concat([raised, fine], axis=1)))]
            boxes, scores = [], []
            for head, stride, anchors in zip(heads, (8, 4), ([14, 10, 20, 24], [6, 5, 9, 12])):
                found, probable = paddle.vision.ops.yolo_box(head, im_size, anchors, 3, 0.05, stride, True, scale_x_y=1.05)
                boxes.append(found)
                scores.append(paddle.transpose(probable, [0, 2, 1]))
            boxes, scores = paddle.concat(boxes, axis=1), paddle.concat(scores, axis=2)
            return boxes if paddle.in_dynamic_mode() else self.suppress(paddle, boxes, scores)

    return Yolo()


def by_matrix(paddle, boxes, scores):
    rows, number, _ = paddle.vision.ops.matrix_nms(boxes, scores, 0.1, 0.05, 60, 20, use_gaussian=True, background_label=-1, normalized=False, return_index=True)
    return rows, number


@model(image(3, 32), SIZE, boxes=True)
def yolo(paddle):
    return yolo_net(paddle, multiclass_nms)


@model(image(3, 32), SIZE, boxes=True)
def yolo_with_matrix_nms(paddle):
    return yolo_net(paddle, by_matrix)


@model(image(3, 32), boxes=True)
def ssd(paddle):
    nn = paddle.nn

    class Ssd(nn.Layer):
        def __init__(self):
            super().__init__()
            self.stages = nn.LayerList([conv_norm(nn, 3, 8, stride=4), conv_norm(nn, 8, 12, stride=2)])
            self.boxes = nn.LayerList([nn.Conv2D(8, 16, 3, padding=1), nn.Conv2D(12, 16, 3, padding=1)])
            self.scores = nn.LayerList([nn.Conv2D(8, 12, 3, padding=1), nn.Conv2D(12, 12, 3, padding=1)])

        def forward(self, image):
            boxes, scores, priors, variances, x = [], [], [], [], image
            for stage, box, score, least, most in zip(self.stages, self.boxes, self.scores, (6.0, 12.0), (12.0, 20.0)):
                x = stage(x)
                prior, variance = paddle.vision.ops.prior_box(x, image, [least], [most], [2.0], flip=True, clip=True)
                boxes.append(paddle.reshape(paddle.transpose(box(x), [0, 2, 3, 1]), [0, -1, 4]))
                scores.append(paddle.reshape(paddle.transpose(score(x), [0, 2, 3, 1]), [0, -1, 3]))
                priors.append(paddle.reshape(prior, [-1, 4]))
                variances.append(paddle.reshape(variance, [-1, 4]))
            decoded = paddle.vision.ops.box_coder(paddle.concat(priors), paddle.concat(variances), paddle.concat(boxes, axis=1), "decode_center_size")
            scores = paddle.transpose(paddle.nn.functional.softmax(paddle.concat(scores, axis=1)), [0, 2, 1])
            return decoded if paddle.in_dynamic_mode() else multiclass_nms(paddle, decoded, scores, background_label=0, score_threshold=0.35, normalized=True)

    return Ssd()


@model(image(3, 32), Input("im_shape", [2], low=24.0, high=32.0), boxes=True)
def faster_rcnn(paddle):
    """Proposals of two levels collected and distributed again; each region to the level of its size."""
    nn = paddle.nn

    class FasterRcnn(nn.Layer):
        def __init__(self):
            super().__init__()
            self.fine, self.coarse = conv_norm(nn, 3, 8, stride=4), conv_norm(nn, 8, 8, stride=2)
            self.objects, self.deltas = nn.Conv2D(8, 2, 1), nn.Conv2D(8, 8, 1)
            self.hidden, self.classes, self.boxes = nn.Linear(72, 16), nn.Linear(16, 3), nn.Linear(16, 12)

        def anchors(self, feature, stride):
            columns, rows = paddle.shape(feature)[3], paddle.shape(feature)[2]
            y, x = paddle.meshgrid(paddle.arange(0, rows, dtype="float32") * stride, paddle.arange(0, columns, dtype="float32") * stride)
            corners = paddle.stack([x, y, x, y], axis=-1).unsqueeze(2)
            half = 1.5 * stride
            return corners + paddle.to_tensor([[-half, -half / 2, half, half / 2], [-half / 2, -half, half / 2, half]])

        def forward(self, image, im_shape):
            fine = self.fine(image)
            coarse = self.coarse(fine)
            if paddle.in_dynamic_mode():
                return fine
            proposed, probable, counts = [], [], []
            for feature, stride in ((fine, 4.0), (coarse, 8.0)):
                anchors = self.anchors(feature, stride)
                rois, scores, count = paddle.vision.ops.generate_proposals(
                    paddle.nn.functional.sigmoid(self.objects(feature)), self.deltas(feature) * 0.2, im_shape, anchors, paddle.ones_like(anchors),
                    pre_nms_top_n=40, post_nms_top_n=10, nms_thresh=0.6, min_size=2.0, pixel_offset=False, return_rois_num=True)
                proposed.append(rois)
                probable.append(scores)
                counts.append(count)
            helper = paddle.base.layer_helper.LayerHelper("collect_fpn_proposals")
            rois, counted = helper.create_variable_for_type_inference("float32"), helper.create_variable_for_type_inference("int32")
            helper.append_op(type="collect_fpn_proposals", inputs={"MultiLevelRois": proposed, "MultiLevelScores": probable, "MultiLevelRoIsNum": counts},
                             outputs={"FpnRois": rois, "RoisNum": counted}, attrs={"post_nms_topN": 24})
            levels, restore, level_counts = paddle.vision.ops.distribute_fpn_proposals(rois, 2, 3, 2, 10, rois_num=counted)
            features = [paddle.vision.ops.roi_align(feature, level, count, 3, scale, 2) for feature, level, count, scale in
                        zip((fine, coarse), levels, level_counts, (0.25, 0.125))]
            hidden = paddle.nn.functional.relu(self.hidden(paddle.flatten(paddle.gather(paddle.concat(features), restore), 1)))
            scores = paddle.nn.functional.softmax(self.classes(hidden))
            deltas = paddle.reshape(self.boxes(hidden), [-1, 3, 4])
            boxes = paddle.vision.ops.box_coder(rois, [0.1, 0.1, 0.2, 0.2], deltas, "decode_center_size", False, axis=1)
            return multiclass_nms(paddle, boxes, scores, counted, background_label=2, score_threshold=0.2)

    return FasterRcnn()


@model(image(3, 32), Input("rois", [4], low=0.0, high=15.0))
def regions(paddle):
    """Features of one region for each image. (psroi_pool crashes Paddle when regions have no sequences.)"""
    nn = paddle.nn

    class Regions(nn.Layer):
        def __init__(self):
            super().__init__()
            self.features = conv_norm(nn, 3, 8, stride=2)

        def forward(self, image, rois):
            x = self.features(image)
            rois = paddle.concat([rois[:, :2], rois[:, :2] + rois[:, 2:] + 1.0], axis=1)
            counts = paddle.ones([paddle.shape(image)[0]], "int32")
            return paddle.vision.ops.roi_pool(x, rois, counts, 3, 0.5), paddle.vision.ops.roi_align(x, rois, counts, (2, 3), 0.5, aligned=False)

    return Regions()


@model(image(3, 32))
def centernet(paddle):
    """Peaks of a heat map: those that equal the maximum around them, the best ten, their sizes."""
    nn = paddle.nn

    class Centernet(nn.Layer):
        def __init__(self):
            super().__init__()
            self.features = conv_norm(nn, 3, 8, stride=4)
            self.heat, self.size = nn.Conv2D(8, 2, 3, padding=1), nn.Conv2D(8, 4, 3, padding=1)

        def forward(self, image):
            x = self.features(image)
            heat = paddle.nn.functional.sigmoid(self.heat(x))
            peaks = heat * paddle.cast(paddle.nn.functional.max_pool2d(heat, 3, 1, padding=1) == heat, "float32")
            scores, where = paddle.topk(paddle.flatten(peaks, 1), 10)
            cell = where % 64
            size = paddle.take_along_axis(paddle.flatten(self.size(x), 2).transpose([0, 2, 1]), paddle.expand(cell.unsqueeze(2), [-1, -1, 4]), 1)
            center = paddle.stack([cell % 8, paddle.floor_divide(cell, paddle.to_tensor(8))], axis=2).astype("float32")
            return paddle.concat([center - size[:, :, :2], center + size[:, :, 2:]], axis=2), scores, where // 64

    return Centernet()


@model(image(3, 32))
def detr(paddle):
    """Learned queries decode the features of the image."""
    nn = paddle.nn

    class Detr(nn.Layer):
        def __init__(self):
            super().__init__()
            self.features, self.queries = nn.Conv2D(3, 16, 8, 8), nn.Embedding(6, 16)
            self.rows, self.columns = nn.Embedding(4, 8), nn.Embedding(4, 8)
            self.transformer, self.classes, self.boxes = nn.Transformer(16, 2, 1, 2, 32, normalize_before=True), nn.Linear(16, 4), nn.Linear(16, 4)

        def forward(self, image):
            x = self.features(image)
            at = paddle.arange(4)
            position = paddle.concat([paddle.tile(self.columns(at).unsqueeze(0), [4, 1, 1]), paddle.tile(self.rows(at).unsqueeze(1), [1, 4, 1])], axis=-1)
            memory = paddle.transpose(paddle.flatten(x, 2), [0, 2, 1]) + paddle.flatten(position, 0, 1)
            queries = paddle.expand(self.queries.weight.unsqueeze(0), [paddle.shape(image)[0], 6, 16])
            hidden = self.transformer(memory, queries)
            return self.classes(hidden), paddle.nn.functional.sigmoid(self.boxes(hidden))

    return Detr()


@model(Input("boxes", [12, 4], low=0.0, high=10.0, batch=False), Input("scores", [12], batch=False))
def boxes_that_stay(paddle):
    """The imperative NMS: which boxes stay, of two categories."""
    class Stay(paddle.nn.Layer):
        def forward(self, boxes, scores):
            boxes = paddle.concat([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], axis=1)
            kept = paddle.vision.ops.nms(boxes, 0.3)
            categories = paddle.cast(scores > 0, "int64")
            return kept, paddle.gather(boxes, paddle.vision.ops.nms(boxes, 0.3, scores, categories, [0, 1]))

    return Stay()
