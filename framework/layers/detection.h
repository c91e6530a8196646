// Layers of detectors: boxes to start from, what a head says of them, what is kept, and features of regions.
// A box is x1, y1, x2, y2. Paddle's functions are those of paddle.vision.ops.
#pragma once

#include <string>
#include <vector>

#include "framework/layers/layers.h"

namespace skiff::layers {

#define SKIFF_HERE Origin at = std::source_location::current()

struct YoloBoxOptions {
  std::vector<int32_t> anchors = {};  // width and height of each, in pixels of the network's input
  int class_num = 1;
  float confidence_threshold = 0.01f;  // boxes below it are zero
  int downsample_ratio = 32;           // pixels of the network's input for each cell
  bool clip_boxes = true;              // at the image's borders
  float scale_x_y = 1.0f;
  bool iou_aware = false;
  float iou_aware_factor = 0.5f;
};
struct BoxesAndScores {
  Var boxes, scores;
};
/// x [images, anchors (5 + classes), height, width], image_size int32 [images, 2] (height, width).
/// @return boxes [images, anchors height width, 4] in pixels, scores [images, anchors height width, classes].
BoxesAndScores YoloBox(const Var& x, const Var& image_size, const YoloBoxOptions& options, SKIFF_HERE);

struct PriorBoxOptions {
  std::vector<float> min_sizes = {};  // in pixels of the image
  std::vector<float> max_sizes = {};  // none, or one for each min_size
  std::vector<float> aspect_ratios = {1.0f};
  std::vector<float> variances = {0.1f, 0.1f, 0.2f, 0.2f};
  bool flip = false, clip = false;
  float step_width = 0, step_height = 0;  // 0: image / cells
  float offset = 0.5f;
};
struct BoxesAndVariances {
  Var boxes, variances;
};
/// input and image [images, channels, height, width]. @return both [height, width, priors, 4].
BoxesAndVariances PriorBox(const Var& input, const Var& image, const PriorBoxOptions& options, SKIFF_HERE);

struct BoxCoderOptions {
  bool decode = false;
  bool normalized = true;              // false: coordinates count pixels
  int axis = 0;                        // decode: the axis that the priors do not run along
  std::vector<float> variance = {};    // 4 numbers, where no variable gives them
};
/// priors and variances [priors, 4]; targets [targets, 4], or to decode [rows, columns, 4].
/// @return [targets, priors, 4], or the shape of targets.
Var BoxCoder(const Var& priors, const Var& variances, const Var& targets, const BoxCoderOptions& options = {}, SKIFF_HERE);
Var BoxCoder(const Var& priors, const Var& targets, const BoxCoderOptions& options, SKIFF_HERE);

struct NmsOptions {
  float score_threshold = 0.05f;
  int nms_top_k = -1;   // candidates of a class; -1: all
  int keep_top_k = -1;  // boxes kept of an image; -1: all
  float nms_threshold = 0.3f, nms_eta = 1.0f;
  int background_label = 0;  // -1 for none
  bool normalized = true;
};
struct Detections {
  Var rows;    // [kept, 6]: label, score, box
  Var index;   // int32 [kept, 1]: position in the boxes of all images
  Var counts;  // int32 [images]: rows of each
};
/// boxes [images, boxes, 4], scores [images, classes, boxes]. Source: Paddle's multiclass_nms3.
Detections MulticlassNms(const Var& boxes, const Var& scores, const NmsOptions& options = {}, SKIFF_HERE);

struct RoiAlignOptions {
  int pooled_height = 1, pooled_width = 1;
  float spatial_scale = 1.0f;  // pixels of x for a pixel of the image
  int sampling_ratio = -1;     // points of a bin along each axis; -1: one for each pixel
  bool aligned = true;
};
/// x [images, channels, height, width], rois [rois, 4], counts int32 [images].
/// @return [rois, channels, pooled_height, pooled_width].
Var RoiAlign(const Var& x, const Var& rois, const Var& counts, const RoiAlignOptions& options = {}, SKIFF_HERE);

#undef SKIFF_HERE

}  // namespace skiff::layers
