// matrix_nms: scores lowered by how much better boxes overlap, instead of boxes dropped.
#include <cmath>
#include <numeric>

#include "operators/host/box_overlap.h"
#include "operators/host/host.h"

namespace skiff {

namespace {

template <typename T>
struct Detection {
  int64_t label, box;
  T score;
};

struct MatrixNmsOptions {
  explicit MatrixNmsOptions(const Attrs& attrs)
      : score_threshold(attrs.Get<float>("score_threshold")), post_threshold(attrs.Get<float>("post_threshold")),
        sigma(attrs.Get<float>("gaussian_sigma")), gaussian(attrs.Get<bool>("use_gaussian")),
        normalized(attrs.Get<bool>("normalized")), nms_top_k(attrs.Get<int64_t>("nms_top_k")) {}
  float score_threshold, post_threshold, sigma;
  bool gaussian, normalized;
  int64_t nms_top_k;
};

// One class of one image.
template <typename T>
void Decay(const T* boxes, const T* scores, int64_t num_boxes, int64_t numbers, int64_t label, const MatrixNmsOptions& o,
           std::vector<Detection<T>>* found) {
  std::vector<int64_t> order;
  for (int64_t i = 0; i < num_boxes; ++i) {
    if (scores[i] > static_cast<T>(o.score_threshold)) order.push_back(i);
  }
  std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) { return scores[a] > scores[b]; });
  if (o.nms_top_k > -1 && o.nms_top_k < static_cast<int64_t>(order.size())) order.resize(o.nms_top_k);
  std::vector<T> most(order.size(), T(0));  // each box's largest overlap with a better one
  for (size_t i = 0; i < order.size(); ++i) {
    T decay = 1;
    for (size_t j = 0; j < i; ++j) {
      const T overlap = host::BoxOverlap(boxes + order[i] * numbers, boxes + order[j] * numbers, o.normalized);
      most[i] = std::max(most[i], overlap);
      decay = std::min(decay, o.gaussian ? std::exp((most[j] * most[j] - overlap * overlap) * static_cast<T>(o.sigma))
                                         : (1 - overlap) / (1 - most[j]));
    }
    const T score = decay * scores[order[i]];
    if (score > static_cast<T>(o.post_threshold)) found->push_back({label, order[i], score});
  }
}

void MatrixNms(DynamicContext& c) {
  const Tensor boxes = host::In(c, "BBoxes"), scores = host::In(c, "Scores");
  const Shape &b = boxes.shape(), &s = scores.shape();
  SKIFF_ENFORCE(b.rank() == 3 && s.rank() == 3 && b[0] == s[0] && b[1] == s[2] && b[2] >= 4 && boxes.dtype() == scores.dtype(),
                InvalidArgument, "BBoxes is ", b, ", Scores ", s, "; expected [images, boxes, 4] and [images, classes, boxes]");
  const int64_t keep = c.attrs().Get<int64_t>("keep_top_k"), background = c.attrs().Get<int64_t>("background_label");
  const MatrixNmsOptions options(c.attrs());
  host::WithFloats(boxes.dtype(), "BBoxes", [&](auto zero) {
    using T = decltype(zero);
    std::vector<T> rows;
    std::vector<int64_t> index, counts;
    for (int64_t n = 0; n < s[0]; ++n) {
      std::vector<Detection<T>> found;
      const T* image = boxes.data<T>() + n * b[1] * b[2];
      for (int64_t label = 0; label < s[1]; ++label) {
        if (label != background) Decay(image, scores.data<T>() + (n * s[1] + label) * s[2], s[2], b[2], label, options, &found);
      }
      std::stable_sort(found.begin(), found.end(), [](const auto& x, const auto& y) { return x.score > y.score; });
      if (keep > -1 && keep < static_cast<int64_t>(found.size())) found.erase(found.begin() + keep, found.end());
      for (const Detection<T>& d : found) {
        index.push_back(n * s[2] + d.box);
        rows.push_back(static_cast<T>(d.label));
        rows.push_back(d.score);
        rows.insert(rows.end(), image + d.box * b[2], image + (d.box + 1) * b[2]);
      }
      counts.push_back(static_cast<int64_t>(found.size()));
    }
    const int64_t n = static_cast<int64_t>(index.size());
    host::Out(c, "Out", Tensor::Of(Shape{n, b[2] + 2}, rows));
    host::Out(c, "Index", host::Ints(Shape{n, 1}, index, DType::kInt32));
    host::Out(c, "RoisNum", host::Ints(counts, DType::kInt32));
  });
}

}  // namespace

SKIFF_OP(matrix_nms)
    .Doc("Out holds rows [label, score, box] of the boxes whose score, lowered by overlaps with better boxes, stays high.")
    .Source("Wang et al., SOLOv2, 2020; paddle.vision.ops.matrix_nms")
    .Input("BBoxes", "[images, boxes, 4]")
    .Input("Scores", "[images, classes, boxes]")
    .Output("Out", "[kept, 6], best first in each image")
    .OptionalOutput("Index", "int32, [kept, 1]: position in the boxes of all images")
    .OptionalOutput("RoisNum", "int32, [images]: rows of each")
    .RequiredAttr<float>("score_threshold", "a score must be above it")
    .RequiredAttr<int32_t>("nms_top_k", "candidates of a class; -1: all")
    .RequiredAttr<int32_t>("keep_top_k", "boxes kept of an image; -1: all")
    .Attr("post_threshold", 0.0f, "a lowered score must be above it")
    .Attr("use_gaussian", false, "false: linear in the overlap")
    .Attr("gaussian_sigma", 2.0f, "factor of the squared overlap")
    .Attr("background_label", 0, "class that is left out; -1 for none")
    .Attr("normalized", true, "false: coordinates count pixels")
    .InferShape([](InferContext& c) {
      const Shape& boxes = c.InputShape("BBoxes");
      SKIFF_ENFORCE(boxes.rank() == 3, InvalidArgument, "BBoxes is ", boxes, "; expected [images, boxes, 4]");
      c.SetOutput("Out", Shape{-1, boxes[2] < 0 ? -1 : boxes[2] + 2}, c.InputDType("BBoxes"));
      c.SetOutput("Index", Shape{-1, 1}, DType::kInt32);
      c.SetOutput("RoisNum", Shape{-1}, DType::kInt32);
    })
    .ZeroGradient()
    .Dynamic(MatrixNms);

}  // namespace skiff
