// What operators over boxes share. Values are named as in OnnxOp.
#pragma once

#include <string>
#include <vector>

#include "io/onnx/op.h"

namespace skiff::io {

/// Number `k` of the last axis, which goes.
std::string Part(OnnxOp& op, const std::string& value, int64_t k);
/// The values side by side along a new last axis.
std::string StackLast(OnnxOp& op, const std::vector<std::string>& values);
/// int64 without axes: an extent of `value`.
std::string Count(OnnxOp& op, const std::string& value, int64_t axis);
/// 0, 1, ... before `count`.
std::string UpTo(OnnxOp& op, const std::string& count);
/// Corners as NonMaxSuppression takes them: float32, and where coordinates count pixels one more at the far end.
std::string SuppressionCorners(OnnxOp& op, const std::string& boxes, bool pixels);
/// Intersection over union of boxes that broadcast. `apart`: boxes with less than a pixel between them do not overlap.
std::string Overlap(OnnxOp& op, const std::string& x, const std::string& y, double more, DType dtype, bool apart);
/// For each of `rows` rows (int64 without axes) its image, where `counts` holds the rows of each image.
std::string ImageOfRow(OnnxOp& op, const std::string& rows, const std::string& counts);
/// int32: how many of `images` are 0, 1, ... before `count`.
std::string RowsOfImages(OnnxOp& op, const std::string& images, const std::string& count);
/// Ascending order of int64 `keys` of one axis, as places.
std::string Order(OnnxOp& op, const std::string& keys);

}  // namespace skiff::io
