// Detections kept: of boxes that overlap one with a higher score, that one alone. multiclass_nms in its
// three forms, locality_aware_nms, nms.
#include <map>
#include <numeric>

#include "operators/host/box_overlap.h"
#include "operators/host/host.h"

namespace skiff {

namespace {

struct NmsOptions {
  explicit NmsOptions(const Attrs& attrs)
      : score_threshold(attrs.Get<float>("score_threshold")), nms_threshold(attrs.Get<float>("nms_threshold")),
        eta(attrs.Get<float>("nms_eta")), nms_top_k(attrs.Get<int64_t>("nms_top_k")),
        keep_top_k(attrs.Get<int64_t>("keep_top_k")), background(attrs.Get<int64_t>("background_label")),
        normalized(attrs.Get<bool>("normalized")) {}
  float score_threshold, nms_threshold, eta;
  int64_t nms_top_k, keep_top_k, background;
  bool normalized;
};

// Scores and boxes of one image: element (i, label) of each by strides, so that both forms of the inputs
// (one list of boxes for all classes, or boxes of each class) are read alike.
template <typename T>
struct Image {
  const T* boxes;
  const T* scores;
  int64_t num_boxes, num_classes, box_size;
  int64_t box_step, box_class_step, score_step, score_class_step;
  const T* Box(int64_t i, int64_t label) const { return boxes + i * box_step + label * box_class_step; }
  T Score(int64_t i, int64_t label) const { return scores[i * score_step + label * score_class_step]; }
};

using Kept = std::map<int64_t, std::vector<int64_t>>;  // class -> boxes

// Boxes whose score is above the threshold, best first; equal scores in order. Scores are compared in
// float32, also those of float64: as Paddle.
template <typename T>
std::vector<int64_t> Candidates(const Image<T>& image, int64_t label, const NmsOptions& o) {
  std::vector<int64_t> order;
  for (int64_t i = 0; i < image.num_boxes; ++i) {
    if (image.Score(i, label) > static_cast<T>(o.score_threshold)) order.push_back(i);
  }
  std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) {
    return static_cast<float>(image.Score(a, label)) > static_cast<float>(image.Score(b, label));
  });
  if (o.nms_top_k > -1 && o.nms_top_k < static_cast<int64_t>(order.size())) order.resize(o.nms_top_k);
  return order;
}

template <typename T>
std::vector<int64_t> Suppress(const Image<T>& image, int64_t label, const std::vector<int64_t>& order, const NmsOptions& o) {
  std::vector<int64_t> kept;
  T threshold = static_cast<T>(o.nms_threshold);
  for (int64_t i : order) {
    bool keep = true;
    for (size_t k = 0; k < kept.size() && keep; ++k) {
      keep = host::Overlap(image.Box(i, label), image.Box(kept[k], label), image.box_size, o.normalized) <= threshold;
    }
    if (!keep) continue;
    kept.push_back(i);
    if (o.eta < 1 && threshold > T(0.5)) threshold *= static_cast<T>(o.eta);
  }
  return kept;
}

// The keep_top_k best of all classes.
template <typename T>
Kept BestOfAll(const Image<T>& image, const Kept& kept, const NmsOptions& o, bool sort_boxes) {
  std::vector<std::pair<int64_t, int64_t>> all;
  for (const auto& [label, boxes] : kept) {
    for (int64_t i : boxes) all.emplace_back(label, i);
  }
  if (o.keep_top_k < 0 || static_cast<int64_t>(all.size()) <= o.keep_top_k) return kept;
  std::stable_sort(all.begin(), all.end(), [&](const auto& a, const auto& b) {
    return static_cast<float>(image.Score(a.second, a.first)) > static_cast<float>(image.Score(b.second, b.first));
  });
  all.resize(o.keep_top_k);
  Kept best;
  for (const auto& [label, i] : all) best[label].push_back(i);
  if (sort_boxes) {
    for (auto& [label, boxes] : best) std::sort(boxes.begin(), boxes.end());
  }
  return best;
}

template <typename T>
Kept KeepOf(const Image<T>& image, const NmsOptions& o, bool sort_boxes) {
  Kept kept;
  for (int64_t label = 0; label < image.num_classes; ++label) {
    if (label == o.background) continue;
    kept[label] = Suppress(image, label, Candidates(image, label, o), o);
    if (sort_boxes) std::sort(kept[label].begin(), kept[label].end());
  }
  return BestOfAll(image, kept, o, sort_boxes);
}

// Rows [label, score, box...] of all images, and which input box each is.
template <typename T>
struct Found {
  std::vector<T> rows;
  std::vector<int64_t> index;
  std::vector<uint64_t> offsets{0};
  void Add(const Image<T>& image, const Kept& kept, int64_t first, int64_t step, bool by_class) {
    for (const auto& [label, boxes] : kept) {
      for (int64_t i : boxes) {
        rows.push_back(static_cast<T>(label));
        rows.push_back(image.Score(i, label));
        rows.insert(rows.end(), image.Box(i, label), image.Box(i, label) + image.box_size);
        index.push_back(first + i * step + (by_class ? label : 0));
      }
    }
    offsets.push_back(index.size());
  }
};

enum class Form { kFirst, kSecond, kThird };

template <typename T>
void SetFound(DynamicContext& c, Found<T>* found, int64_t width, Form form) {
  const int64_t n = static_cast<int64_t>(found->index.size());
  const int64_t images = static_cast<int64_t>(found->offsets.size()) - 1;
  if (c.NumOutputs("NmsRoisNum") > 0) {
    std::vector<int64_t> counts;
    for (int64_t i = 0; i < images; ++i) counts.push_back(static_cast<int64_t>(found->offsets[i + 1] - found->offsets[i]));
    host::Out(c, "NmsRoisNum", host::Ints(counts, DType::kInt32));
  }
  Tensor out = Tensor::Of(Shape{n, width}, found->rows);
  if (n == 0 && form == Form::kFirst) {  // nothing found: one -1, as in Paddle
    out = Tensor::Of(Shape{1, 1}, std::vector<T>{T(-1)});
    found->offsets = {0, 1};
  }
  Tensor index = host::Ints(Shape{n, 1}, found->index, DType::kInt32);
  if (form != Form::kThird) out.set_lod({found->offsets});
  if (form == Form::kSecond) index.set_lod({found->offsets});
  host::Out(c, "Out", out);
  host::Out(c, "Index", index);
}

// Where the images' boxes begin, for scores without an image axis.
std::vector<uint64_t> ImagesOf(const DynamicContext& c, const Tensor& boxes) {
  std::vector<uint64_t> offsets{0};
  const int64_t rows = boxes.shape()[0];
  if (c.NumInputs("RoisNum") > 0) {
    const Tensor counts = host::In(c, "RoisNum");
    SKIFF_ENFORCE(counts.dtype() == DType::kInt32, InvalidType, "RoisNum is ", counts.dtype(), "; expected int32");
    for (int32_t n : counts.Values<int32_t>()) {
      SKIFF_ENFORCE(n >= 0 && offsets.back() + n <= static_cast<uint64_t>(rows), InvalidArgument, "RoisNum holds ", n,
                    " behind ", offsets.back(), " boxes, there are ", rows);
      offsets.push_back(offsets.back() + n);
    }
    return offsets;
  }
  SKIFF_ENFORCE(!boxes.lod().empty(), InvalidArgument,
                "Scores has two axes: BBoxes must say by sequences, or RoisNum, which boxes are of one image");
  return boxes.lod().back();
}

void CheckInputs(const Shape& boxes, const Shape& scores) {
  const bool images = scores.rank() == 3;
  SKIFF_ENFORCE(boxes.rank() == 3 && (images || scores.rank() == 2), InvalidArgument, "BBoxes is ", boxes, ", Scores ",
                scores, "; expected [images, boxes, 4] and [images, classes, boxes], or [boxes, classes, 4] and [boxes, classes]");
  const auto same = [](int64_t a, int64_t b) { return a == b || a < 0 || b < 0; };
  SKIFF_ENFORCE(images ? same(boxes[0], scores[0]) && same(boxes[1], scores[2])
                       : same(boxes[0], scores[0]) && same(boxes[1], scores[1]),
                InvalidArgument, "BBoxes is ", boxes, ", Scores ", scores, "; they differ in images, boxes or classes");
  const int64_t numbers = boxes[2];
  SKIFF_ENFORCE(numbers < 0 || numbers == 4 || (images && (numbers == 8 || numbers == 16 || numbers == 24 || numbers == 32)),
                InvalidArgument, "BBoxes is ", boxes, "; a box has 4 numbers, or 8, 16, 24 or 32 as a polygon");
}

template <Form kForm>
void MulticlassNms(DynamicContext& c) {
  const Tensor boxes = host::In(c, "BBoxes"), scores = host::In(c, "Scores");
  const Shape &b = boxes.shape(), &s = scores.shape();
  CheckInputs(b, s);
  SKIFF_ENFORCE(boxes.dtype() == scores.dtype(), InvalidType, "BBoxes is ", boxes.dtype(), ", Scores ", scores.dtype());
  const NmsOptions options(c.attrs());
  host::WithFloats(boxes.dtype(), "BBoxes", [&](auto zero) {
    using T = decltype(zero);
    Found<T> found;
    if (s.rank() == 3) {
      for (int64_t n = 0; n < s[0]; ++n) {
        const Image<T> image{boxes.data<T>() + n * b[1] * b[2], scores.data<T>() + n * s[1] * s[2], s[2], s[1], b[2],
                             b[2], 0, 1, s[2]};
        found.Add(image, KeepOf(image, options, false), n * s[2], 1, false);
      }
    } else {
      const std::vector<uint64_t> images = ImagesOf(c, boxes);
      for (size_t n = 0; n + 1 < images.size(); ++n) {
        const int64_t first = static_cast<int64_t>(images[n]);
        const Image<T> image{boxes.data<T>() + first * b[1] * b[2], scores.data<T>() + first * s[1],
                             static_cast<int64_t>(images[n + 1]) - first, s[1], b[2], b[1] * b[2], b[2], s[1], 1};
        found.Add(image, KeepOf(image, options, true), first * s[1], s[1], true);
      }
    }
    SetFound(c, &found, b[2] + 2, kForm);
  });
}

// Neighbours in the list that overlap become one box, weighted by their scores, whose score is the sum.
template <typename T>
void MergeNeighbours(std::vector<T>* boxes, std::vector<T>* scores, int64_t numbers, const NmsOptions& o,
                     std::vector<bool>* merged) {
  int64_t last = -1;
  for (int64_t i = 0, n = static_cast<int64_t>(scores->size()); i < n; ++i) {
    (*merged)[i] = true;
    if (last >= 0) {
      T *a = boxes->data() + i * numbers, *b = boxes->data() + last * numbers;
      if (host::Overlap(a, b, numbers, o.normalized) > static_cast<T>(o.nms_threshold)) {
        const T s = (*scores)[i], t = (*scores)[last];
        for (int64_t k = 0; k < numbers; ++k) b[k] = (a[k] * s + b[k] * t) / (s + t);
        (*scores)[last] += s;
        continue;
      }
      (*merged)[last] = false;
    }
    last = i;
  }
  if (last >= 0) (*merged)[last] = false;
}

void LocalityAwareNms(DynamicContext& c) {
  const Tensor boxes = host::In(c, "BBoxes"), scores = host::In(c, "Scores");
  const Shape &b = boxes.shape(), &s = scores.shape();
  CheckInputs(b, s);
  SKIFF_ENFORCE(s.rank() == 3 && boxes.dtype() == scores.dtype(), InvalidArgument, "Scores is ", s,
                "; expected [images, classes, boxes] and the dtype of BBoxes");
  const NmsOptions options(c.attrs());
  host::WithFloats(boxes.dtype(), "BBoxes", [&](auto zero) {
    using T = decltype(zero);
    Found<T> found;
    for (int64_t n = 0; n < s[0]; ++n) {
      std::vector<T> own(boxes.data<T>() + n * b[1] * b[2], boxes.data<T>() + (n + 1) * b[1] * b[2]);
      std::vector<T> own_scores(scores.data<T>() + n * s[1] * s[2], scores.data<T>() + (n + 1) * s[1] * s[2]);
      const Image<T> image{own.data(), own_scores.data(), s[2], s[1], b[2], b[2], 0, 1, s[2]};
      Kept kept;
      for (int64_t label = 0; label < s[1]; ++label) {
        if (label == options.background) continue;
        std::vector<T> of_class(own_scores.begin() + label * s[2], own_scores.begin() + (label + 1) * s[2]);
        std::vector<bool> merged(s[2]);
        MergeNeighbours(&own, &of_class, b[2], options, &merged);
        std::copy(of_class.begin(), of_class.end(), own_scores.begin() + label * s[2]);
        std::vector<int64_t> order = Candidates(image, label, options);
        std::erase_if(order, [&](int64_t i) { return merged[i]; });
        kept[label] = Suppress(image, label, order, options);
      }
      found.Add(image, BestOfAll(image, kept, options, false), 0, 1, false);
    }
    SetFound(c, &found, b[2] + 2, Form::kFirst);
  });
}

// Boxes come in the order of their scores already.
void Nms(DynamicContext& c) {
  const Tensor boxes = host::In(c, "Boxes");
  SKIFF_ENFORCE(boxes.shape().rank() == 2 && boxes.shape()[1] == 4, InvalidArgument, "Boxes is ", boxes.shape(),
                "; expected [boxes, 4]");
  const float threshold = c.attrs().Get<float>("iou_threshold");
  host::WithFloats(boxes.dtype(), "Boxes", [&](auto zero) {
    using T = decltype(zero);
    const T* data = boxes.data<T>();
    std::vector<int64_t> kept;
    for (int64_t i = 0; i < boxes.shape()[0]; ++i) {
      const T* b = data + i * 4;
      const bool covered = std::any_of(kept.begin(), kept.end(), [&](int64_t k) {
        const T* a = data + k * 4;
        const T width = std::min(a[2], b[2]) - std::max(a[0], b[0]), height = std::min(a[3], b[3]) - std::max(a[1], b[1]);
        if (width <= 0 || height <= 0) return false;
        const T common = width * height;
        return common / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - common) > static_cast<T>(threshold);
      });
      if (!covered) kept.push_back(i);
    }
    host::Out(c, "KeepBoxesIdxs", host::Ints(kept, DType::kInt64));
  });
}

template <bool kIndex>
void InferNms(InferContext& c) {
  const Shape& boxes = c.InputShape("BBoxes");
  CheckInputs(boxes, c.InputShape("Scores"));
  c.SetOutput("Out", TensorMeta{Shape{-1, boxes[2] < 0 ? -1 : boxes[2] + 2}, c.InputDType("BBoxes"), 1});
  if (kIndex) {
    c.SetOutput("Index", Shape{-1, 1}, DType::kInt32);
    c.SetOutput("NmsRoisNum", Shape{-1}, DType::kInt32);
  }
}

}  // namespace

SKIFF_OP(multiclass_nms)
    .Doc("Out holds rows [label, score, box] of the boxes kept of each class and image; one -1 where there are none.")
    .Source("Paddle's multiclass_nms; polygons must be convex")
    .Input("BBoxes", "[images, boxes, 4, 8, 16, 24 or 32], or [boxes, classes, 4] with sequences")
    .Input("Scores", "[images, classes, boxes], or [boxes, classes]")
    .Output("Out", "[kept, numbers of a box + 2], a sequence for each image")
    .Attr("background_label", 0, "class that is left out; -1 for none")
    .RequiredAttr<float>("score_threshold", "a score must be above it")
    .RequiredAttr<int32_t>("nms_top_k", "candidates of a class; -1: all")
    .Attr("nms_threshold", 0.3f, "overlap that is still allowed")
    .Attr("nms_eta", 1.0f, "factor of a threshold above 0.5 for each box kept")
    .RequiredAttr<int32_t>("keep_top_k", "boxes kept of an image; -1: all")
    .Attr("normalized", true, "false: coordinates count pixels")
    .InferShape(InferNms<false>)
    .ZeroGradient()
    .Dynamic(MulticlassNms<Form::kFirst>);

SKIFF_OP(multiclass_nms2)
    .Doc("As multiclass_nms, with the index of each box kept; no rows where there are none.")
    .Source("Paddle's multiclass_nms2; polygons must be convex")
    .Input("BBoxes", "as in multiclass_nms")
    .Input("Scores", "as in multiclass_nms")
    .Output("Out", "[kept, numbers of a box + 2], a sequence for each image")
    .OptionalOutput("Index", "int32, [kept, 1]: position in the boxes of all images")
    .Attr("background_label", 0, "class that is left out; -1 for none")
    .RequiredAttr<float>("score_threshold", "a score must be above it")
    .RequiredAttr<int32_t>("nms_top_k", "candidates of a class; -1: all")
    .Attr("nms_threshold", 0.3f, "overlap that is still allowed")
    .Attr("nms_eta", 1.0f, "factor of a threshold above 0.5 for each box kept")
    .RequiredAttr<int32_t>("keep_top_k", "boxes kept of an image; -1: all")
    .Attr("normalized", true, "false: coordinates count pixels")
    .InferShape(InferNms<true>)
    .ZeroGradient()
    .Dynamic(MulticlassNms<Form::kSecond>);

SKIFF_OP(multiclass_nms3)
    .Doc("As multiclass_nms2, with counts in place of sequences.")
    .Source("Paddle's multiclass_nms3; polygons must be convex")
    .Input("BBoxes", "as in multiclass_nms")
    .Input("Scores", "as in multiclass_nms")
    .OptionalInput("RoisNum", "int32, [images]: boxes of each, for Scores of two axes")
    .Output("Out", "[kept, numbers of a box + 2]")
    .OptionalOutput("Index", "int32, [kept, 1]: position in the boxes of all images")
    .OptionalOutput("NmsRoisNum", "int32, [images]: rows of each")
    .Attr("background_label", 0, "class that is left out; -1 for none")
    .RequiredAttr<float>("score_threshold", "a score must be above it")
    .RequiredAttr<int32_t>("nms_top_k", "candidates of a class; -1: all")
    .Attr("nms_threshold", 0.3f, "overlap that is still allowed")
    .Attr("nms_eta", 1.0f, "factor of a threshold above 0.5 for each box kept")
    .RequiredAttr<int32_t>("keep_top_k", "boxes kept of an image; -1: all")
    .Attr("normalized", true, "false: coordinates count pixels")
    .InferShape(InferNms<true>)
    .ZeroGradient()
    .Dynamic(MulticlassNms<Form::kThird>);

SKIFF_OP(locality_aware_nms)
    .Doc("As multiclass_nms after neighbours in the list that overlap were merged, weighted by their scores.")
    .Source("Zhou et al., EAST, 2017; Paddle's locality_aware_nms; polygons must be convex")
    .Input("BBoxes", "[images, boxes, 4, 8, 16, 24 or 32]")
    .Input("Scores", "[images, classes, boxes]")
    .Output("Out", "[kept, numbers of a box + 2], a sequence for each image")
    .Attr("background_label", -1, "class that is left out; -1 for none")
    .RequiredAttr<float>("score_threshold", "a score must be above it")
    .RequiredAttr<int32_t>("nms_top_k", "candidates of a class; -1: all")
    .Attr("nms_threshold", 0.3f, "overlap that is still allowed")
    .Attr("nms_eta", 1.0f, "factor of a threshold above 0.5 for each box kept")
    .RequiredAttr<int32_t>("keep_top_k", "boxes kept of an image; -1: all")
    .Attr("normalized", true, "false: coordinates count pixels")
    .InferShape(InferNms<false>)
    .ZeroGradient()
    .Dynamic(LocalityAwareNms);

SKIFF_OP(nms)
    .Doc("KeepBoxesIdxs holds the boxes that no kept box before them overlaps by more than iou_threshold.")
    .Source("paddle.vision.ops.nms")
    .Input("Boxes", "[boxes, 4], best first")
    .Output("KeepBoxesIdxs", "int64, [kept]")
    .Attr("iou_threshold", 1.0f, "overlap that is still allowed")
    .InferShape([](InferContext& c) { c.SetOutput("KeepBoxesIdxs", Shape{-1}, DType::kInt64); })
    .Dynamic(Nms);

}  // namespace skiff
