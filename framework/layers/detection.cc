#include "framework/layers/detection.h"

#include "framework/layers/layer_helper.h"

namespace skiff::layers {

BoxesAndScores YoloBox(const Var& x, const Var& image_size, const YoloBoxOptions& options, Origin at) {
  const LayerHelper helper("yolo_box", "", at.Of("layers::YoloBox"));
  const BoxesAndScores out{helper.CreateTemporary(x.dtype()), helper.CreateTemporary(x.dtype())};
  helper.AppendOp({"yolo_box", {{"X", {x.name()}}, {"ImgSize", {image_size.name()}}},
                   {{"Boxes", {out.boxes.name()}}, {"Scores", {out.scores.name()}}},
                   {{"anchors", options.anchors}, {"class_num", options.class_num},
                    {"conf_thresh", options.confidence_threshold}, {"downsample_ratio", options.downsample_ratio},
                    {"clip_bbox", options.clip_boxes}, {"scale_x_y", options.scale_x_y}, {"iou_aware", options.iou_aware},
                    {"iou_aware_factor", options.iou_aware_factor}}});
  return out;
}

BoxesAndVariances PriorBox(const Var& input, const Var& image, const PriorBoxOptions& options, Origin at) {
  const LayerHelper helper("prior_box", "", at.Of("layers::PriorBox"));
  const BoxesAndVariances out{helper.CreateTemporary(input.dtype(), true), helper.CreateTemporary(input.dtype(), true)};
  helper.AppendOp({"prior_box", {{"Input", {input.name()}}, {"Image", {image.name()}}},
                   {{"Boxes", {out.boxes.name()}}, {"Variances", {out.variances.name()}}},
                   {{"min_sizes", options.min_sizes}, {"max_sizes", options.max_sizes},
                    {"aspect_ratios", options.aspect_ratios}, {"variances", options.variances}, {"flip", options.flip},
                    {"clip", options.clip}, {"step_w", options.step_width}, {"step_h", options.step_height},
                    {"offset", options.offset}}});
  return out;
}

namespace {

Var CodeBoxes(Slots inputs, const Var& targets, const BoxCoderOptions& options, const std::string& origin) {
  const LayerHelper helper("box_coder", "", origin);
  return helper.AppendOp("box_coder", std::move(inputs),
                         {{"code_type", std::string(options.decode ? "decode_center_size" : "encode_center_size")},
                          {"box_normalized", options.normalized}, {"axis", options.axis}, {"variance", options.variance}},
                         helper.CreateTemporary(targets.dtype()), "OutputBox");
}

}  // namespace

Var BoxCoder(const Var& priors, const Var& variances, const Var& targets, const BoxCoderOptions& options, Origin at) {
  return CodeBoxes({{"PriorBox", {priors.name()}}, {"PriorBoxVar", {variances.name()}}, {"TargetBox", {targets.name()}}},
                   targets, options, at.Of("layers::BoxCoder"));
}
Var BoxCoder(const Var& priors, const Var& targets, const BoxCoderOptions& options, Origin at) {
  return CodeBoxes({{"PriorBox", {priors.name()}}, {"TargetBox", {targets.name()}}}, targets, options,
                   at.Of("layers::BoxCoder"));
}

Detections MulticlassNms(const Var& boxes, const Var& scores, const NmsOptions& options, Origin at) {
  const LayerHelper helper("multiclass_nms3", "", at.Of("layers::MulticlassNms"));
  const Detections out{helper.CreateTemporary(boxes.dtype(), true), helper.CreateTemporary(DType::kInt32, true),
                       helper.CreateTemporary(DType::kInt32, true)};
  helper.AppendOp({"multiclass_nms3", {{"BBoxes", {boxes.name()}}, {"Scores", {scores.name()}}},
                   {{"Out", {out.rows.name()}}, {"Index", {out.index.name()}}, {"NmsRoisNum", {out.counts.name()}}},
                   {{"score_threshold", options.score_threshold}, {"nms_top_k", options.nms_top_k},
                    {"keep_top_k", options.keep_top_k}, {"nms_threshold", options.nms_threshold},
                    {"nms_eta", options.nms_eta}, {"background_label", options.background_label},
                    {"normalized", options.normalized}}});
  return out;
}

Var RoiAlign(const Var& x, const Var& rois, const Var& counts, const RoiAlignOptions& options, Origin at) {
  const LayerHelper helper("roi_align", "", at.Of("layers::RoiAlign"));
  return helper.AppendOp("roi_align", {{"X", {x.name()}}, {"ROIs", {rois.name()}}, {"RoisNum", {counts.name()}}},
                         {{"pooled_height", options.pooled_height}, {"pooled_width", options.pooled_width},
                          {"spatial_scale", options.spatial_scale}, {"sampling_ratio", options.sampling_ratio},
                          {"aligned", options.aligned}},
                         helper.CreateTemporary(x.dtype()));
}

}  // namespace skiff::layers
