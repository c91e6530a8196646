// Regions proposed: generate_proposals in both forms, distribute_fpn_proposals, collect_fpn_proposals,
// box_clip.
#include <cmath>
#include <limits>
#include <numeric>

#include "operators/host/box_overlap.h"
#include "operators/host/host.h"

namespace skiff {

namespace {

// Where the images' rows begin: by counts in an int32 slot, else by sequences, else one image.
std::vector<uint64_t> Offsets(const DynamicContext& c, const Tensor& rows, const char* counts_slot, int i = 0) {
  std::vector<uint64_t> offsets{0};
  const uint64_t n = static_cast<uint64_t>(rows.shape()[0]);
  if (c.NumInputs(counts_slot) > i) {
    const Tensor counts = host::In(c, counts_slot, i);
    SKIFF_ENFORCE(counts.dtype() == DType::kInt32, InvalidType, counts_slot, " is ", counts.dtype(), "; expected int32");
    for (int32_t count : counts.Values<int32_t>()) {
      SKIFF_ENFORCE(count >= 0, InvalidArgument, counts_slot, " holds ", count, "; it must not be negative");
      offsets.push_back(offsets.back() + static_cast<uint64_t>(count));
    }
  } else if (!rows.lod().empty()) {
    offsets = rows.lod().back();
  } else {
    offsets.push_back(n);
  }
  SKIFF_ENFORCE(offsets.back() == n, InvalidArgument, counts_slot, " adds up to ", offsets.back(), ", there are ", n, " rows");
  return offsets;
}

std::vector<int64_t> CountsOf(const std::vector<uint64_t>& offsets) {
  std::vector<int64_t> counts;
  for (size_t i = 0; i + 1 < offsets.size(); ++i) counts.push_back(static_cast<int64_t>(offsets[i + 1] - offsets[i]));
  return counts;
}

// ---- generate_proposals -----------------------------------------------------------------------------------

struct ProposalOptions {
  ProposalOptions(const Attrs& attrs, bool first_form)
      : first(first_form), before(attrs.Get<int64_t>("pre_nms_topN")), after(attrs.Get<int64_t>("post_nms_topN")),
        threshold(attrs.Get<float>("nms_thresh")), eta(attrs.Get<float>("eta")),
        least(std::max(attrs.Get<float>("min_size"), 1.0f)),
        pixels(first_form || attrs.Get<bool>("pixel_offset")) {}
  bool first;  // the older form: ImInfo holds a scale too, and min_size is of the image as it was
  int64_t before, after;
  float threshold, eta, least;
  bool pixels;
};

// One image. Scores [anchors, height, width] and deltas [4 anchors, height, width] are read at (cell, anchor).
template <typename T>
struct ImageProposals {
  const T *scores, *deltas, *anchors, *variances, *size;
  int64_t cells, count;  // count: anchors of a cell
  T Score(int64_t i) const { return scores[i % count * cells + i / count]; }
  T Delta(int64_t i, int k) const { return deltas[(i % count * 4 + k) * cells + i / count]; }

  void Decode(int64_t i, const ProposalOptions& o, T* box) const {
    const T more = o.pixels ? T(1) : T(0), limit = static_cast<T>(std::log(1000.0 / 16.0));
    const T *a = anchors + i * 4, *v = variances + i * 4;
    const T width = a[2] - a[0] + more, height = a[3] - a[1] + more;
    const T x = v[0] * Delta(i, 0) * width + a[0] + width / 2, y = v[1] * Delta(i, 1) * height + a[1] + height / 2;
    const T w = std::exp(std::min(v[2] * Delta(i, 2), limit)) * width, h = std::exp(std::min(v[3] * Delta(i, 3), limit)) * height;
    const T corner[4] = {x - w / 2, y - h / 2, x + w / 2 - more, y + h / 2 - more};
    for (int k = 0; k < 4; ++k) {
      box[k] = std::max(std::min(corner[k], size[k % 2 == 0 ? 1 : 0] - more), T(0));
      if (corner[k] != corner[k]) box[k] = 0;
    }
  }
  bool IsLarge(const T* box, const ProposalOptions& o) const {
    const T more = o.pixels ? T(1) : T(0);
    T w = box[2] - box[0] + more, h = box[3] - box[1] + more;
    if (o.pixels && (box[0] + w / 2 > size[1] || box[1] + h / 2 > size[0])) return false;
    if (o.first) {
      w = (box[2] - box[0]) / size[2] + 1;
      h = (box[3] - box[1]) / size[2] + 1;
    }
    return w >= static_cast<T>(o.least) && h >= static_cast<T>(o.least);
  }

  // Appends boxes and their scores; where none is left, one zero box with score zero.
  void Append(const ProposalOptions& o, std::vector<T>* boxes, std::vector<T>* probabilities) const {
    const auto weight = [this](int64_t i) { return Score(i) == Score(i) ? Score(i) : -std::numeric_limits<T>::infinity(); };
    std::vector<int64_t> order(cells * count);
    std::iota(order.begin(), order.end(), int64_t{0});
    std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) { return weight(a) > weight(b); });
    if (o.before > 0 && o.before < static_cast<int64_t>(order.size())) order.resize(o.before);
    std::vector<T> large, large_scores;
    for (int64_t i : order) {
      T box[4];
      Decode(i, o, box);
      if (!IsLarge(box, o)) continue;
      large.insert(large.end(), box, box + 4);
      large_scores.push_back(Score(i));
    }
    if (large_scores.empty()) {
      boxes->insert(boxes->end(), 4, T(0));
      probabilities->push_back(T(0));
      return;
    }
    std::vector<int64_t> kept;
    T threshold = static_cast<T>(o.threshold);
    for (int64_t i = 0; i < static_cast<int64_t>(large_scores.size()); ++i) {
      if (o.threshold > 0 && o.after > 0 && static_cast<int64_t>(kept.size()) == o.after) break;
      const bool keep = o.threshold <= 0 || std::all_of(kept.begin(), kept.end(), [&](int64_t k) {
        return host::BoxOverlap(large.data() + i * 4, large.data() + k * 4, !o.pixels) <= threshold;
      });
      if (!keep) continue;
      kept.push_back(i);
      if (o.eta < 1 && threshold > T(0.5)) threshold *= static_cast<T>(o.eta);
    }
    for (int64_t i : kept) {
      boxes->insert(boxes->end(), large.begin() + i * 4, large.begin() + i * 4 + 4);
      probabilities->push_back(large_scores[i]);
    }
  }
};

template <bool kFirst>
void GenerateProposals(DynamicContext& c) {
  const Tensor scores = host::In(c, "Scores"), deltas = host::In(c, "BboxDeltas"), anchors = host::In(c, "Anchors");
  const Tensor variances = host::In(c, "Variances"), sizes = host::In(c, kFirst ? "ImInfo" : "ImShape");
  const Shape &s = scores.shape(), &d = deltas.shape();
  SKIFF_ENFORCE(s.rank() == 4 && d.rank() == 4 && d[0] == s[0] && d[1] == 4 * s[1] && d[2] == s[2] && d[3] == s[3],
                InvalidArgument, "Scores is ", s, ", BboxDeltas ", d,
                "; expected [images, anchors, height, width] and [images, 4 anchors, height, width]");
  const int64_t all = s[1] * s[2] * s[3], wide = kFirst ? 3 : 2;
  SKIFF_ENFORCE(anchors.num_elements() == 4 * all && variances.num_elements() == 4 * all, InvalidArgument, "Anchors is ",
                anchors.shape(), ", Variances ", variances.shape(), "; expected ", all, " boxes in each");
  SKIFF_ENFORCE(sizes.shape().rank() == 2 && sizes.shape()[0] == s[0] && sizes.shape()[1] >= wide, InvalidArgument,
                kFirst ? "ImInfo" : "ImShape", " is ", sizes.shape(), "; expected [", s[0], ", ", wide, "]");
  const ProposalOptions options(c.attrs(), kFirst);
  host::WithFloats(scores.dtype(), "Scores", [&](auto zero) {
    using T = decltype(zero);
    std::vector<T> boxes, probabilities;
    std::vector<uint64_t> offsets{0};
    for (int64_t n = 0; n < s[0]; ++n) {
      const ImageProposals<T> image{scores.data<T>() + n * all, deltas.data<T>() + n * 4 * all, anchors.data<T>(),
                                    variances.data<T>(), sizes.data<T>() + n * sizes.shape()[1], s[2] * s[3], s[1]};
      image.Append(options, &boxes, &probabilities);
      offsets.push_back(probabilities.size());
    }
    const int64_t found = static_cast<int64_t>(probabilities.size());
    Tensor rois = Tensor::Of(Shape{found, 4}, boxes), scored = Tensor::Of(Shape{found, 1}, probabilities);
    rois.set_lod({offsets});
    scored.set_lod({offsets});
    host::Out(c, "RpnRois", rois);
    host::Out(c, "RpnRoiProbs", scored);
    host::Out(c, "RpnRoisNum", host::Ints(CountsOf(offsets), DType::kInt32));
  });
}

void InferProposals(InferContext& c) {
  c.SetOutput("RpnRois", TensorMeta{Shape{-1, 4}, c.InputDType("Scores"), 1});
  c.SetOutput("RpnRoiProbs", TensorMeta{Shape{-1, 1}, c.InputDType("Scores"), 1});
  c.SetOutput("RpnRoisNum", Shape{-1}, DType::kInt32);
}

// ---- distribute_fpn_proposals, collect_fpn_proposals ----------------------------------------------------------

void CheckRois(const Tensor& rois, const char* slot) {
  SKIFF_ENFORCE(rois.shape().rank() == 2 && rois.shape()[1] == 4, InvalidArgument, slot, " is ", rois.shape(),
                "; expected [rois, 4]");
}

template <typename T>
int64_t LevelOf(const T* box, int64_t least, int64_t most, int64_t level, int64_t scale, bool pixels) {
  const T side = std::sqrt(host::BoxArea(box, !pixels));
  const T at = std::floor(std::log2(side / static_cast<T>(scale) + static_cast<T>(1e-6)) + static_cast<T>(level));
  if (!(at > static_cast<T>(least))) return least;  // also where a coordinate is NaN
  return at < static_cast<T>(most) ? static_cast<int64_t>(at) : most;
}

void DistributeProposals(DynamicContext& c) {
  const Tensor rois = host::In(c, "FpnRois");
  CheckRois(rois, "FpnRois");
  const Attrs& attrs = c.attrs();
  const int64_t least = attrs.Get<int64_t>("min_level"), most = attrs.Get<int64_t>("max_level");
  const int64_t levels = most - least + 1;
  SKIFF_ENFORCE(levels == c.NumOutputs("MultiFpnRois"), InvalidArgument, "levels ", least, " to ", most, " are ", levels,
                ", MultiFpnRois has ", c.NumOutputs("MultiFpnRois"), " variables");
  const std::vector<uint64_t> offsets = Offsets(c, rois, "RoisNum");
  host::WithFloats(rois.dtype(), "FpnRois", [&](auto zero) {
    using T = decltype(zero);
    const T* boxes = rois.data<T>();
    std::vector<std::vector<int64_t>> members(levels);
    std::vector<std::vector<uint64_t>> begins(levels, {0});
    for (size_t image = 0; image + 1 < offsets.size(); ++image) {
      for (uint64_t i = offsets[image]; i < offsets[image + 1]; ++i) {
        const int64_t level = LevelOf(boxes + i * 4, least, most, attrs.Get<int64_t>("refer_level"),
                                      attrs.Get<int64_t>("refer_scale"), attrs.Get<bool>("pixel_offset"));
        members[level - least].push_back(static_cast<int64_t>(i));
      }
      for (int64_t l = 0; l < levels; ++l) begins[l].push_back(members[l].size());
    }
    std::vector<int64_t> restore(rois.shape()[0]);
    int64_t position = 0;
    for (int64_t l = 0; l < levels; ++l) {
      Tensor out(Shape{static_cast<int64_t>(members[l].size()), 4}, rois.dtype());
      T* to = out.data<T>();
      for (int64_t i : members[l]) {
        to = std::copy_n(boxes + i * 4, 4, to);
        restore[i] = position++;
      }
      out.set_lod({begins[l]});
      host::Out(c, "MultiFpnRois", out, static_cast<int>(l));
      host::Out(c, "MultiLevelRoIsNum", host::Ints(CountsOf(begins[l]), DType::kInt32), static_cast<int>(l));
    }
    host::Out(c, "RestoreIndex", host::Ints(Shape{rois.shape()[0], 1}, restore, DType::kInt32));
  });
}

void CollectProposals(DynamicContext& c) {
  const int levels = c.NumInputs("MultiLevelRois");
  int64_t keep = c.attrs().Get<int64_t>("post_nms_topN");
  SKIFF_ENFORCE(levels > 0 && levels == c.NumInputs("MultiLevelScores") && keep >= 0, InvalidArgument, "there are ", levels,
                " levels of ROIs, ", c.NumInputs("MultiLevelScores"), " of scores, post_nms_topN is ", keep);
  struct Roi {
    int level;
    int64_t row, image;
    double score;
  };
  std::vector<Roi> all;
  std::vector<Tensor> rois;
  size_t images = 0;
  for (int l = 0; l < levels; ++l) {
    rois.push_back(host::In(c, "MultiLevelRois", l));
    CheckRois(rois.back(), "MultiLevelRois");
    const Tensor scores = host::In(c, "MultiLevelScores", l);
    SKIFF_ENFORCE(scores.num_elements() == rois[l].shape()[0] && rois[l].dtype() == rois[0].dtype(), InvalidArgument, "level ",
                  l, " has ROIs ", rois[l].shape(), " and scores ", scores.shape(), "; expected one score each, and one dtype");
    const std::vector<uint64_t> offsets = Offsets(c, rois[l], "MultiLevelRoIsNum", l);
    SKIFF_ENFORCE(l == 0 || offsets.size() == images + 1, InvalidArgument, "level ", l, " has ", offsets.size() - 1,
                  " images, level 0 has ", images);
    images = offsets.size() - 1;
    host::WithFloats(scores.dtype(), "MultiLevelScores", [&](auto zero) {
      for (size_t image = 0; image < images; ++image) {
        for (uint64_t i = offsets[image]; i < offsets[image + 1]; ++i) {
          all.push_back({l, static_cast<int64_t>(i), static_cast<int64_t>(image), scores.data<decltype(zero)>()[i]});
        }
      }
    });
  }
  const auto weight = [](const Roi& r) { return r.score == r.score ? r.score : -std::numeric_limits<double>::infinity(); };
  std::stable_sort(all.begin(), all.end(), [&](const Roi& a, const Roi& b) { return weight(a) > weight(b); });
  if (keep < static_cast<int64_t>(all.size())) all.resize(keep);
  std::stable_sort(all.begin(), all.end(), [](const Roi& a, const Roi& b) { return a.image < b.image; });
  host::WithFloats(rois[0].dtype(), "MultiLevelRois", [&](auto zero) {
    using T = decltype(zero);
    Tensor out(Shape{static_cast<int64_t>(all.size()), 4}, rois[0].dtype());
    T* to = out.data<T>();
    std::vector<uint64_t> offsets(images + 1, 0);
    for (const Roi& r : all) {
      to = std::copy_n(rois[r.level].data<T>() + r.row * 4, 4, to);
      ++offsets[r.image + 1];
    }
    std::partial_sum(offsets.begin(), offsets.end(), offsets.begin());
    out.set_lod({offsets});
    host::Out(c, "FpnRois", out);
    host::Out(c, "RoisNum", host::Ints(CountsOf(offsets), DType::kInt32));
  });
}

// ---- box_clip ---------------------------------------------------------------------------------------------------

void BoxClip(DynamicContext& c) {
  const Tensor boxes = host::In(c, "Input"), info = host::In(c, "ImInfo");
  const Shape& b = boxes.shape();
  SKIFF_ENFORCE(b.rank() >= 2 && b[b.rank() - 1] % 4 == 0 && info.shape().rank() == 2 && info.shape()[1] == 3 &&
                    info.dtype() == boxes.dtype(),
                InvalidArgument, "Input is ", b, ", ImInfo ", info.shape(), "; expected [..., 4] and [images, 3] of one dtype");
  std::vector<uint64_t> offsets{0, static_cast<uint64_t>(b[0])};
  if (!boxes.lod().empty()) offsets = boxes.lod().back();
  SKIFF_ENFORCE(static_cast<int64_t>(offsets.size()) - 1 == info.shape()[0], InvalidArgument, "Input has boxes of ",
                offsets.size() - 1, " images, ImInfo describes ", info.shape()[0]);
  host::WithFloats(boxes.dtype(), "Input", [&](auto zero) {
    using T = decltype(zero);
    Tensor out = boxes.Clone();
    const int64_t width = b.Product(1, b.rank());
    for (size_t n = 0; n + 1 < offsets.size(); ++n) {
      const T* image = info.data<T>() + n * 3;
      const T limits[2] = {std::round(image[1] / image[2]) - 1, std::round(image[0] / image[2]) - 1};
      for (int64_t i = static_cast<int64_t>(offsets[n]) * width; i < static_cast<int64_t>(offsets[n + 1]) * width; ++i) {
        out.data<T>()[i] = std::max(std::min(boxes.data<T>()[i], limits[i % 2]), T(0));
      }
    }
    host::Out(c, "Output", out);
  });
}

}  // namespace

SKIFF_OP(generate_proposals)
    .Doc("Regions from the anchors that score best: decoded, clipped to the image, without small and covered ones.")
    .Source("Ren et al., Faster R-CNN, 2015; Paddle's older generate_proposals")
    .Input("Scores", "[images, anchors, height, width]")
    .Input("BboxDeltas", "[images, 4 anchors, height, width]")
    .Input("ImInfo", "[images, 3]: height, width, scale")
    .Input("Anchors", "[height, width, anchors, 4]")
    .Input("Variances", "shape of Anchors")
    .Output("RpnRois", "[kept, 4], a sequence for each image")
    .Output("RpnRoiProbs", "[kept, 1]")
    .OptionalOutput("RpnRoisNum", "int32, [images]")
    .RequiredAttr<int32_t>("pre_nms_topN", "candidates of an image; not positive: all")
    .RequiredAttr<int32_t>("post_nms_topN", "regions kept of an image; not positive: all")
    .RequiredAttr<float>("nms_thresh", "overlap that is still allowed")
    .RequiredAttr<float>("min_size", "least side, in pixels of the image before it was scaled")
    .RequiredAttr<float>("eta", "factor of a threshold above 0.5 for each region kept")
    .InferShape(InferProposals)
    .ZeroGradient()
    .Dynamic(GenerateProposals<true>);

SKIFF_OP(generate_proposals_v2)
    .Doc("As generate_proposals, for images that were not scaled.")
    .Source("paddle.vision.ops.generate_proposals")
    .Input("Scores", "[images, anchors, height, width]")
    .Input("BboxDeltas", "[images, 4 anchors, height, width]")
    .Input("ImShape", "[images, 2]: height, width")
    .Input("Anchors", "[height, width, anchors, 4]")
    .Input("Variances", "shape of Anchors")
    .Output("RpnRois", "[kept, 4]")
    .Output("RpnRoiProbs", "[kept, 1]")
    .OptionalOutput("RpnRoisNum", "int32, [images]")
    .RequiredAttr<int32_t>("pre_nms_topN", "candidates of an image; not positive: all")
    .RequiredAttr<int32_t>("post_nms_topN", "regions kept of an image; not positive: all")
    .RequiredAttr<float>("nms_thresh", "overlap that is still allowed")
    .RequiredAttr<float>("min_size", "least side in pixels, at least 1")
    .RequiredAttr<float>("eta", "factor of a threshold above 0.5 for each region kept")
    .Attr("pixel_offset", true, "both ends of a box belong to it")
    .InferShape(InferProposals)
    .ZeroGradient()
    .Dynamic(GenerateProposals<false>);

SKIFF_OP(distribute_fpn_proposals)
    .Doc("Regions by size: each to the level of the pyramid that fits it.")
    .Source("Lin et al., FPN, 2017; paddle.vision.ops.distribute_fpn_proposals")
    .Input("FpnRois", "[rois, 4], with a sequence for each image unless RoisNum is there")
    .OptionalInput("RoisNum", "int32, [images]: rows of each")
    .Outputs("MultiFpnRois", "for each level [its rois, 4]")
    .Output("RestoreIndex", "int32, [rois, 1]: where each row of FpnRois is in all levels together")
    .OptionalOutputs("MultiLevelRoIsNum", "for each level int32, [images]")
    .RequiredAttr<int32_t>("min_level", "finest level")
    .RequiredAttr<int32_t>("max_level", "coarsest level")
    .RequiredAttr<int32_t>("refer_level", "level of regions of refer_scale")
    .RequiredAttr<int32_t>("refer_scale", "side in pixels")
    .Attr("pixel_offset", true, "both ends of a box belong to it")
    .InferShape([](InferContext& c) {
      for (int i = 0; i < c.NumOutputs("MultiFpnRois"); ++i) {
        c.SetOutput("MultiFpnRois", TensorMeta{Shape{-1, 4}, c.InputDType("FpnRois"), 1}, i);
      }
      for (int i = 0; i < c.NumOutputs("MultiLevelRoIsNum"); ++i) {
        c.SetOutput("MultiLevelRoIsNum", Shape{-1}, DType::kInt32, i);
      }
      c.SetOutput("RestoreIndex", Shape{-1, 1}, DType::kInt32);
    })
    .ZeroGradient()
    .Dynamic(DistributeProposals);

SKIFF_OP(collect_fpn_proposals)
    .Doc("The best regions of all levels and images, image by image.")
    .Source("Lin et al., FPN, 2017; Paddle's collect_fpn_proposals")
    .Inputs("MultiLevelRois", "for each level [its rois, 4], with sequences unless MultiLevelRoIsNum is there")
    .Inputs("MultiLevelScores", "for each level [its rois, 1]")
    .OptionalInputs("MultiLevelRoIsNum", "for each level int32, [images]")
    .Output("FpnRois", "[kept, 4], a sequence for each image")
    .OptionalOutput("RoisNum", "int32, [images]")
    .RequiredAttr<int32_t>("post_nms_topN", "regions kept of all images together")
    .InferShape([](InferContext& c) {
      c.SetOutput("FpnRois", TensorMeta{Shape{-1, 4}, c.InputDType("MultiLevelRois"), 1});
      c.SetOutput("RoisNum", Shape{-1}, DType::kInt32);
    })
    .ZeroGradient()
    .Dynamic(CollectProposals);

SKIFF_OP(box_clip)
    .Doc("Boxes that end at the borders of their image before it was scaled.")
    .Source("Paddle's box_clip")
    .Input("Input", "[boxes, 4], a sequence for each image")
    .Input("ImInfo", "[images, 3]: height, width, scale")
    .Output("Output", "shape of Input")
    .InferShape(Like("Output", "Input"))
    .ZeroGradient()
    .Dynamic(BoxClip);

}  // namespace skiff
