// Layers of detectors append the operators that paddle.vision.ops appends.
#include "framework/layers/detection.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "framework/program/program.h"
#include "framework/program/unique_name.h"

namespace skiff {
namespace {

TEST(DetectionLayersTest, AHeadBecomesDetections) {
  Program main, startup;
  ProgramGuard programs(main, startup);
  UniqueNameGuard names;
  const Var x = layers::Data("x", {-1, 16, 4, 4});
  const Var size = layers::Data("size", {-1, 2}, DType::kInt32);
  const auto found = layers::YoloBox(x, size, {.anchors = {10, 13, 16, 30}, .class_num = 3, .downsample_ratio = 8});
  EXPECT_EQ(found.boxes.shape(), Shape({-1, 32, 4}));
  EXPECT_EQ(found.boxes.name(), "yolo_box_0.tmp_0");
  const auto kept = layers::MulticlassNms(found.boxes, layers::Transpose(found.scores, {0, 2, 1}), {.background_label = -1});
  EXPECT_EQ(kept.rows.shape(), Shape({-1, 6}));
  EXPECT_EQ(kept.counts.dtype(), DType::kInt32);
}

TEST(DetectionLayersTest, PriorsAreDecodedAndRegionsAligned) {
  Program main, startup;
  ProgramGuard programs(main, startup);
  UniqueNameGuard names;
  const Var x = layers::Data("x", {-1, 8, 4, 5}), image = layers::Data("image", {-1, 3, 32, 40});
  const auto priors = layers::PriorBox(x, image, {.min_sizes = {8}, .aspect_ratios = {1, 2}, .flip = true});
  EXPECT_EQ(priors.boxes.shape(), Shape({4, 5, 3, 4}));
  const Var boxes = layers::Reshape(priors.boxes, {-1, 4}), variances = layers::Reshape(priors.variances, {-1, 4});
  EXPECT_EQ(layers::BoxCoder(boxes, variances, layers::Data("code", {-1, 60, 4}), {.decode = true}).shape(), Shape({-1, 60, 4}));
  const Var out = layers::RoiAlign(x, layers::Data("rois", {-1, 4}), layers::Data("counts", {-1}, DType::kInt32), {.pooled_height = 7, .pooled_width = 7});
  EXPECT_EQ(out.shape(), Shape({-1, 8, 7, 7}));
}

}  // namespace
}  // namespace skiff
