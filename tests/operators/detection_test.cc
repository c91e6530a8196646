// Boxes: what is kept of them, where they come from, and features of regions.
#include <limits>

#include "tests/support/op_case.h"

namespace skiff::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

class DetectionTest : public OpTest {};
SKIFF_ON_EACH_PLACE(DetectionTest);

OpCase Nms(const std::string& type, TestPlace place = {}) {
  OpCase c(type, place);
  c.Attr("score_threshold", 0.1f).Attr("nms_top_k", -1).Attr("keep_top_k", -1).Attr("nms_threshold", 0.5f).Attr("background_label", -1);
  return c;
}

TEST_P(DetectionTest, MulticlassNmsDropsTheWorseOfTwoBoxesThatOverlap) {
  const std::vector<double> boxes{0, 0, 1, 1, 0, 0, 1, 0.9, 0, 0, 0.1, 0.1};
  Nms("multiclass_nms3", GetParam()).Input("BBoxes", {1, 3, 4}, boxes).Input("Scores", {1, 1, 3}, {0.5, 0.75, 0.25})
      .Expect("Out", {0, 0.75, 0, 0, 1, 0.9, 0, 0.25, 0, 0, 0.1, 0.1}).Expect("Index", {1, 2}).Expect("NmsRoisNum", {2});
}

TEST_P(DetectionTest, NothingFoundIsNoRowOrInTheOldFormOneMinusOne) {
  const auto none = [&](const char* type) {
    return Nms(type, GetParam()).Input("BBoxes", {1, 1, 4}, {0, 0, 1, 1}).Input("Scores", {1, 1, 1}, {0.05});
  };
  none("multiclass_nms").Expect("Out", {-1}).ExpectShape("Out", {1, 1});
  none("multiclass_nms2").ExpectShape("Out", {0, 6}).ExpectShape("Index", {0, 1});
  none("multiclass_nms3").ExpectShape("Out", {0, 6}).Expect("NmsRoisNum", {0});
  EXPECT_EQ(none("multiclass_nms").Run("Out").lod(), (LoD{{0, 1}}));
}

TEST_P(DetectionTest, ScoresThatAreNanAreNotChosen) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  Nms("multiclass_nms3", GetParam()).Input("BBoxes", {1, 2, 4}, {0, 0, 1, 1, 2, 2, 3, 3}).Input("Scores", {1, 1, 2}, {nan, 0.5}).Expect("Index", {1});
}

TEST(DetectionErrorTest, CountsMustAgreeWithTheBoxes) {
  EXPECT_THAT([] {
    Nms("multiclass_nms3").Input("BBoxes", {2, 1, 4}, {0, 0, 1, 1, 0, 0, 1, 1}).Input("Scores", {2, 1}, {0.5, 0.6})
        .Input("RoisNum", {2}, {1, 7}, DType::kInt32).Run("Out");
  }, ThrowsMessage<InvalidArgument>(HasSubstr("RoisNum holds 7 behind 1 boxes, there are 2")));
  EXPECT_THAT([] {
    OpCase("roi_align").Input("X", {1, 1, 1, 1}, {1}).Input("ROIs", {1, 4}, {0, 0, 1, 1}).Input("RoisNum", {1}, {9}, DType::kInt32).Run("Out");
  }, ThrowsMessage<InvalidArgument>(HasSubstr("RoisNum adds up to 9, there are 1 ROIs")));
}

TEST_P(DetectionTest, RoiAlignOfAConstantIsTheConstantAndItsGradientIsTheMean) {
  OpCase c("roi_align", GetParam());
  c.Input("X", {1, 1, 3, 3}, {1, 2, 4, 3, 5, 7, 6, 8, 9}).Input("ROIs", {2, 4}, {0, 0, 2, 2, 0.3, 0.4, 1.7, 2.2});
  c.Attr("pooled_height", 2).Attr("pooled_width", 2).Attr("sampling_ratio", 2).CheckGradient("X", "Out");
  OpCase("roi_align", GetParam()).Input("X", {1, 1, 2, 2}, {3, 3, 3, 3}).Input("ROIs", {1, 4}, {0, 0, 1, 1}).Expect("Out", {3});
}

TEST_P(DetectionTest, RoisWithoutSenseGiveNumbersAndNoCrash) {
  const double inf = std::numeric_limits<double>::infinity(), nan = std::numeric_limits<double>::quiet_NaN();
  for (const char* type : {"roi_align", "roi_pool", "psroi_pool"}) {
    OpCase c(type, GetParam());
    c.Input("X", {1, 1, 2, 2}, {1, 2, 3, 4}).Input("ROIs", {3, 4}, {nan, nan, nan, nan, -inf, -inf, inf, inf, 1e30, -1e30, -1e30, 1e30});
    if (std::string(type) == "psroi_pool") c.Attr("output_channels", 1);
    c.ExpectShape("Out", {3, 1, 1, 1});
  }
}

TEST_P(DetectionTest, RoiPoolTakesTheLargestPixelAndGivesItTheGradient) {
  OpCase c("roi_pool", GetParam());
  c.Input("X", {1, 1, 2, 2}, {1, 2, 4, 3}).Input("ROIs", {1, 4}, {0, 0, 1, 1}).Expect("Out", {4}).Expect("Argmax", {2}).CheckGradient("X", "Out");
}

TEST_P(DetectionTest, NoRegionsGiveNoRows) {
  OpCase("roi_align", GetParam()).Input("X", {1, 2, 2, 2}, std::vector<double>(8, 1.0)).Input("ROIs", {0, 4}, {}).ExpectShape("Out", {0, 2, 1, 1});
}

TEST_P(DetectionTest, BoxCoderDecodesWhatItEncodes) {
  const std::vector<double> prior{0, 0, 2, 2}, target{1, 1, 2, 3};
  const std::vector<double> code = OpCase("box_coder", GetParam()).Input("PriorBox", {1, 4}, prior).Input("TargetBox", {1, 4}, target).Values("OutputBox");
  OpCase("box_coder", GetParam()).Input("PriorBox", {1, 4}, prior).Input("TargetBox", {1, 1, 4}, code).Attr("code_type", "decode_center_size")
      .Expect("OutputBox", target);
}

TEST_P(DetectionTest, IouSimilarityIsIntersectionOverUnion) {
  OpCase("iou_similarity", GetParam()).Input("X", {1, 4}, {0, 0, 2, 2}).Input("Y", {2, 4}, {0, 0, 2, 1, 5, 5, 6, 6}).Expect("Out", {0.5, 0});
}

TEST_P(DetectionTest, BoxClipEndsBoxesAtTheBordersOfTheUnscaledImage) {
  OpCase("box_clip", GetParam()).Input("Input", {1, 4}, {-5, 3, 50, 30}).Input("ImInfo", {1, 3}, {20, 40, 2}).Expect("Output", {0, 3, 19, 9});
}

TEST_P(DetectionTest, YoloBoxIsZeroBelowTheConfidence) {
  OpCase c("yolo_box", GetParam());
  c.Input("X", {1, 6, 1, 1}, {0, 0, 0, 0, 0, 0}).Input("ImgSize", {1, 2}, {20, 10}, DType::kInt32).Attr("anchors", std::vector<int32_t>{2, 4});
  c.Attr("class_num", 1).Attr("downsample_ratio", 10);
  c.Expect("Boxes", {4, 6, 6, 14}).Expect("Scores", {0.25});
  c.Attr("conf_thresh", 0.6f).Expect("Boxes", {0, 0, 0, 0}).Expect("Scores", {0});
}

TEST_P(DetectionTest, YoloLossHasTheGradientOfItsFormula) {
  OpCase c("yolov3_loss", GetParam());
  std::vector<double> x;
  for (int i = 0; i < 24; ++i) x.push_back(0.37 * (i % 7) - 1);
  c.Input("X", {1, 6, 2, 2}, x).Input("GTBox", {1, 2, 4}, {0.3, 0.6, 0.4, 0.5, 0.5, 0.5, 0, 0.3}).Input("GTLabel", {1, 2}, {0, 0}, DType::kInt32);
  c.Attr("anchors", std::vector<int32_t>{8, 6}).Attr("anchor_mask", std::vector<int32_t>{0}).Attr("class_num", 1).Attr("ignore_thresh", 0.9f);
  c.Attr("downsample_ratio", 8).Attr("use_label_smooth", false);
  c.Expect("GTMatchMask", {0, -1}).CheckGradient("X", "Loss");
}

TEST_P(DetectionTest, YoloLossTakesBoxesOutsideOfTheImage) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  OpCase c("yolov3_loss", GetParam());
  c.Input("X", {1, 6, 1, 1}, {0, 0, 0, 0, 0, 0}).Input("GTBox", {1, 3, 4}, {1, 1, 0.5, 0.5, -9, 1e20, 0.5, 0.5, nan, nan, 0.5, nan});
  c.Input("GTLabel", {1, 3}, {-7, 99, 0}, DType::kInt32).Attr("anchors", std::vector<int32_t>{8, 6}).Attr("anchor_mask", std::vector<int32_t>{0});
  c.Attr("class_num", 1).Attr("ignore_thresh", 0.9f).Attr("downsample_ratio", 8).ExpectShape("Loss", {1});
}

TEST(DetectionShapeTest, UnknownExtentsStayUnknown) {
  OpCase c("yolo_box");
  c.InputOf("X", {-1, 6, -1, -1}).InputOf("ImgSize", {-1, 2}, DType::kInt32).Attr("anchors", std::vector<int32_t>{2, 4}).Attr("class_num", 1);
  EXPECT_EQ(c.Infer("Boxes").shape, Shape({-1, -1, 4}));
  EXPECT_THAT([] { OpCase("yolo_box").InputOf("X", {1, 5, 1, 1}).InputOf("ImgSize", {1, 2}, DType::kInt32).Attr("anchors", std::vector<int32_t>{2, 4}).Infer("Boxes"); },
              ThrowsMessage<InvalidArgument>(HasSubstr("1 anchors of 1 classes")));
}

TEST_P(DetectionTest, DistributeSendsLargeRegionsToCoarseLevels) {
  OpCase c("distribute_fpn_proposals", GetParam());
  c.Input("FpnRois", {3, 4}, {0, 0, 40, 40, 0, 0, 10, 10, 0, 0, 20, 20}).Attr("min_level", 2).Attr("max_level", 3).Attr("refer_level", 2);
  c.Attr("refer_scale", 20).Attr("pixel_offset", false).Outputs("MultiFpnRois", 2);
  c.Expect("MultiFpnRois", {0, 0, 10, 10, 0, 0, 20, 20}, 0).Expect("MultiFpnRois", {0, 0, 40, 40}, 1).Expect("RestoreIndex", {2, 0, 1});
}

}  // namespace
}  // namespace skiff::testing
