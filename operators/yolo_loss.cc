// yolov3_loss: the loss of a YOLO head. Boxes are predicted in parallel; what belongs to one image (its true
// boxes, the sum) is walked through by one thread.
#include "framework/op/op_schema.h"
#include "operators/kernel/for_each.h"
#include "operators/kernel/rows.h"

namespace skiff {

namespace {

constexpr int kMaxAnchors = 64;

struct Box {
  double x, y, w, h;  // centre and extents, in parts of the image
};

SKIFF_HD inline double Overlap(const Box& a, const Box& b) {
  const double w = math::Min(a.x + a.w / 2, b.x + b.w / 2) - math::Max(a.x - a.w / 2, b.x - b.w / 2);
  const double h = math::Min(a.y + a.h / 2, b.y + b.h / 2) - math::Max(a.y - a.h / 2, b.y - b.h / 2);
  const double common = w < 0 || h < 0 ? 0 : w * h;
  return common / (a.w * a.h + b.w * b.h - common);
}
SKIFF_HD inline double CrossEntropy(double x, double label) {
  return math::Max(x, 0.0) - x * label + math::Log(1 + math::Exp(-math::Abs(x)));
}

template <typename T>
struct Head {
  int64_t images, masks, height, width, classes, truths, anchors;
  double input_size, scale, ignore, positive, negative;
  double anchor_w[kMaxAnchors], anchor_h[kMaxAnchors];
  int32_t mask[kMaxAnchors];
  const T* x;
  const T* boxes;
  const int32_t* labels;
  const T* weights;  // null: all 1

  SKIFF_HD int64_t At(int64_t image, int64_t m, int64_t entry, int64_t cell) const {
    return ((image * masks + m) * (5 + classes) + entry) * height * width + cell;
  }
  SKIFF_HD double X(int64_t image, int64_t m, int64_t entry, int64_t cell) const {
    return static_cast<double>(x[At(image, m, entry, cell)]);
  }
  SKIFF_HD double Weight(int64_t truth) const { return weights == nullptr ? 1.0 : static_cast<double>(weights[truth]); }
  SKIFF_HD Box Truth(int64_t truth) const {
    const T* b = boxes + truth * 4;
    return {static_cast<double>(b[0]), static_cast<double>(b[1]), static_cast<double>(b[2]), static_cast<double>(b[3])};
  }
  SKIFF_HD bool IsValid(const Box& b) const { return !(b.w < 1e-6) && !(b.h < 1e-6); }
  /// The cell of a true box's centre; one outside of the image counts for the border.
  SKIFF_HD int64_t CellOf(const Box& b, int64_t* column, int64_t* row) const {
    const double c = b.x * static_cast<double>(width), r = b.y * static_cast<double>(height);
    *column = c > 0 ? (c < static_cast<double>(width) ? static_cast<int64_t>(c) : width - 1) : 0;
    *row = r > 0 ? (r < static_cast<double>(height) ? static_cast<int64_t>(r) : height - 1) : 0;
    return *row * width + *column;
  }
  /// Position in the mask of the anchor whose shape fits best, or -1.
  SKIFF_HD int32_t BestMask(const Box& b) const {
    double best = 0;
    int64_t anchor = 0;
    for (int64_t k = 0; k < anchors; ++k) {
      const double overlap = Overlap({0, 0, anchor_w[k] / input_size, anchor_h[k] / input_size}, {0, 0, b.w, b.h});
      if (overlap > best) {
        best = overlap;
        anchor = k;
      }
    }
    for (int64_t m = 0; m < masks; ++m) {
      if (mask[m] == anchor) return static_cast<int32_t>(m);
    }
    return -1;
  }
};

// -1 where a predicted box overlaps a true one so much that its confidence does not count.
template <typename T>
struct IgnoreBox {
  Head<T> h;
  T* objectness;
  SKIFF_HD void operator()(int64_t i) const {
    const int64_t cells = h.height * h.width, cell = i % cells, m = i / cells % h.masks, image = i / cells / h.masks;
    const double grid = static_cast<double>(h.height), bias = -0.5 * (h.scale - 1);  // Paddle's grid is square
    const int32_t a = h.mask[m];
    const Box predicted{(static_cast<double>(cell % h.width) + math::Sigmoid(h.X(image, m, 0, cell)) * h.scale + bias) / grid,
                        (static_cast<double>(cell / h.width) + math::Sigmoid(h.X(image, m, 1, cell)) * h.scale + bias) / grid,
                        math::Exp(h.X(image, m, 2, cell)) * h.anchor_w[a] / h.input_size,
                        math::Exp(h.X(image, m, 3, cell)) * h.anchor_h[a] / h.input_size};
    double best = 0;
    for (int64_t t = image * h.truths; t < (image + 1) * h.truths; ++t) {
      const Box truth = h.Truth(t);
      if (h.IsValid(truth)) best = math::Max(best, Overlap(predicted, truth));
    }
    objectness[i] = best > h.ignore ? T(-1) : T(0);
  }
};

template <typename T>
struct LossOfImage {
  Head<T> h;
  T* objectness;
  int32_t* match;
  T* loss;
  SKIFF_HD void operator()(int64_t image) const {
    double sum = 0;
    for (int64_t t = image * h.truths; t < (image + 1) * h.truths; ++t) {
      const Box b = h.Truth(t);
      const int32_t m = h.IsValid(b) ? h.BestMask(b) : -1;
      match[t] = m;
      if (m < 0) continue;
      int64_t column, row;
      const int64_t cell = h.CellOf(b, &column, &row);
      const double weight = h.Weight(t), box_weight = (2 - b.w * b.h) * weight, grid = static_cast<double>(h.height);
      const int32_t a = h.mask[m];
      sum += box_weight * (CrossEntropy(h.X(image, m, 0, cell), b.x * grid - static_cast<double>(column)) +
                           CrossEntropy(h.X(image, m, 1, cell), b.y * grid - static_cast<double>(row)) +
                           math::Abs(h.X(image, m, 2, cell) - math::Log(b.w * h.input_size / h.anchor_w[a])) +
                           math::Abs(h.X(image, m, 3, cell) - math::Log(b.h * h.input_size / h.anchor_h[a])));
      objectness[(image * h.masks + m) * h.height * h.width + cell] = static_cast<T>(weight);
      for (int64_t k = 0; k < h.classes; ++k) {
        sum += weight * CrossEntropy(h.X(image, m, 5 + k, cell), k == h.labels[t] ? h.positive : h.negative);
      }
    }
    const int64_t cells = h.height * h.width;
    for (int64_t i = 0; i < h.masks * cells; ++i) {
      const double truth = static_cast<double>(objectness[image * h.masks * cells + i]), x = h.X(image, i / cells, 4, i % cells);
      if (truth > 1e-5) sum += CrossEntropy(x, 1) * truth;
      else if (truth > -0.5) sum += CrossEntropy(x, 0);
    }
    loss[image] = static_cast<T>(sum);
  }
};

template <typename T>
struct ConfidenceGrad {
  Head<T> h;
  const T* objectness;
  const T* loss_grad;
  T* x_grad;
  SKIFF_HD void operator()(int64_t i) const {
    const int64_t cells = h.height * h.width, cell = i % cells, m = i / cells % h.masks, image = i / cells / h.masks;
    for (int64_t k = 0; k < 5 + h.classes; ++k) x_grad[h.At(image, m, k, cell)] = T(0);
    const double truth = static_cast<double>(objectness[i]), p = math::Sigmoid(h.X(image, m, 4, cell));
    const double g = truth > 1e-5 ? (p - 1) * truth : truth > -0.5 ? p : 0;
    x_grad[h.At(image, m, 4, cell)] = static_cast<T>(g * static_cast<double>(loss_grad[image]));
  }
};

template <typename T>
struct TruthsGrad {
  Head<T> h;
  const int32_t* match;
  const T* loss_grad;
  T* x_grad;
  SKIFF_HD void operator()(int64_t image) const {
    const double g = static_cast<double>(loss_grad[image]), grid = static_cast<double>(h.height);
    for (int64_t t = image * h.truths; t < (image + 1) * h.truths; ++t) {
      const int32_t m = match[t];
      if (m < 0 || m >= h.masks) continue;
      const Box b = h.Truth(t);
      int64_t column, row;
      const int64_t cell = h.CellOf(b, &column, &row);
      const double weight = h.Weight(t), box_weight = (2 - b.w * b.h) * weight * g;
      const int32_t a = h.mask[m];
      const auto set = [&](int64_t k, double v) { x_grad[h.At(image, m, k, cell)] = static_cast<T>(v); };
      set(0, (math::Sigmoid(h.X(image, m, 0, cell)) - (b.x * grid - static_cast<double>(column))) * box_weight);
      set(1, (math::Sigmoid(h.X(image, m, 1, cell)) - (b.y * grid - static_cast<double>(row))) * box_weight);
      set(2, (h.X(image, m, 2, cell) > math::Log(b.w * h.input_size / h.anchor_w[a]) ? 1 : -1) * box_weight);
      set(3, (h.X(image, m, 3, cell) > math::Log(b.h * h.input_size / h.anchor_h[a]) ? 1 : -1) * box_weight);
      for (int64_t k = 0; k < h.classes; ++k) {
        const double label = k == h.labels[t] ? h.positive : h.negative;
        set(5 + k, (math::Sigmoid(h.X(image, m, 5 + k, cell)) - label) * weight * g);
      }
    }
  }
};

template <typename T>
Head<T> HeadOf(const PrepareContext& c) {
  const Shape& x = c.Input("X").shape;
  const auto anchors = c.Attr<std::vector<int32_t>>("anchors"), mask = c.Attr<std::vector<int32_t>>("anchor_mask");
  Head<T> h{};
  h.images = x[0], h.height = x[2], h.width = x[3];
  h.masks = static_cast<int64_t>(mask.size());
  h.anchors = static_cast<int64_t>(anchors.size()) / 2;
  h.classes = c.Attr<int64_t>("class_num");
  h.truths = c.Input("GTBox").shape[1];
  h.input_size = c.Attr<double>("downsample_ratio") * static_cast<double>(x[2]);
  h.scale = c.Attr<float>("scale_x_y");
  h.ignore = c.Attr<float>("ignore_thresh");
  const double smooth = c.Attr<bool>("use_label_smooth") ? std::min(1.0 / static_cast<double>(h.classes), 1.0 / 40) : 0;
  h.positive = 1 - smooth;
  h.negative = smooth;
  for (int64_t k = 0; k < h.anchors; ++k) {
    h.anchor_w[k] = anchors[2 * k];
    h.anchor_h[k] = anchors[2 * k + 1];
  }
  std::copy(mask.begin(), mask.end(), h.mask);
  SKIFF_ENFORCE(c.Input("GTLabel").dtype == DType::kInt32 && c.Input("GTBox").dtype == c.Input("X").dtype, InvalidType,
                "GTLabel is ", c.Input("GTLabel").dtype, ", GTBox ", c.Input("GTBox").dtype, "; expected int32 and the dtype of X");
  return h;
}

struct HeadSlots {
  explicit HeadSlots(const PrepareContext& c)
      : x(c.InputIndex("X")), boxes(c.InputIndex("GTBox")), labels(c.InputIndex("GTLabel")), weights(c.InputIndex("GTScore")) {}
  template <typename T>
  Head<T> Bind(Head<T> h, const KernelArgs& args) const {
    h.x = static_cast<const T*>(args.in[x]);
    h.boxes = static_cast<const T*>(args.in[boxes]);
    h.labels = static_cast<const int32_t*>(args.in[labels]);
    h.weights = static_cast<const T*>(args.in[weights]);
    return h;
  }
  int x, boxes, labels, weights;
};

struct YoloLoss {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    return MakeKernel([head = HeadOf<T>(c), slots = HeadSlots(c), loss = c.OutputIndex("Loss"),
                       objectness = c.OutputIndex("ObjectnessMask"), match = c.OutputIndex("GTMatchMask")](const KernelArgs& args) {
      const Head<T> h = slots.Bind(head, args);
      T* mask = static_cast<T*>(args.out[objectness]);
      ForEach(h.images * h.masks * h.height * h.width, 256, args, IgnoreBox<T>{h, mask});
      ForEach(h.images, 1, args, LossOfImage<T>{h, mask, static_cast<int32_t*>(args.out[match]), static_cast<T*>(args.out[loss])});
    });
  }
};

struct YoloLossGrad {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    const size_t box_bytes = c.Input("GTBox").shape.NumElements() * sizeof(T);
    return MakeKernel([=, head = HeadOf<T>(c), slots = HeadSlots(c), objectness = c.InputIndex("ObjectnessMask"),
                       match = c.InputIndex("GTMatchMask"), grad = c.InputIndex("Loss@GRAD"), x_grad = c.OutputIndex("X@GRAD"),
                       box_grad = c.OutputIndex("GTBox@GRAD"), weight_grad = c.OutputIndex("GTScore@GRAD")](const KernelArgs& args) {
      const Head<T> h = slots.Bind(head, args);
      const T* loss_grad = static_cast<const T*>(args.in[grad]);
      if (args.out[box_grad] != nullptr) FillZero(args.out[box_grad], box_bytes, args);
      if (args.out[weight_grad] != nullptr) FillZero(args.out[weight_grad], box_bytes / 4, args);
      if (args.out[x_grad] == nullptr) return;
      T* out = static_cast<T*>(args.out[x_grad]);
      ForEach(h.images * h.masks * h.height * h.width, 256, args,
              ConfidenceGrad<T>{h, static_cast<const T*>(args.in[objectness]), loss_grad, out});
      ForEach(h.images, 1, args, TruthsGrad<T>{h, static_cast<const int32_t*>(args.in[match]), loss_grad, out});
    });
  }
};

[[maybe_unused]] void InferYoloLoss(InferContext& c) {
  const Shape &x = c.InputShape("X"), &boxes = c.InputShape("GTBox"), &labels = c.InputShape("GTLabel");
  const auto anchors = c.Attr<std::vector<int64_t>>("anchors"), mask = c.Attr<std::vector<int64_t>>("anchor_mask");
  const int64_t count = static_cast<int64_t>(anchors.size()) / 2, masks = static_cast<int64_t>(mask.size());
  const int64_t classes = c.Attr<int64_t>("class_num");
  SKIFF_ENFORCE(anchors.size() % 2 == 0 && count > 0 && count <= kMaxAnchors && masks > 0 && masks <= kMaxAnchors && classes > 0,
                InvalidArgument, "anchors has ", anchors.size(), " entries, anchor_mask ", masks, ", class_num is ", classes);
  for (int64_t m : mask) {
    SKIFF_ENFORCE(m >= 0 && m < count, InvalidArgument, "anchor_mask holds ", m, ", there are ", count, " anchors");
  }
  SKIFF_ENFORCE(x.rank() == 4 && (x[1] < 0 || x[1] == masks * (5 + classes)), InvalidArgument, "X is ", x,
                "; expected [images, ", masks * (5 + classes), ", height, width]");
  SKIFF_ENFORCE(x[2] == x[3] || x[2] < 0 || x[3] < 0, InvalidArgument, "X is ", x, "; height and width must be equal");
  SKIFF_ENFORCE(boxes.rank() == 3 && boxes[2] == 4 && labels.rank() == 2 && (!c.at_runtime() || (boxes[0] == x[0] &&
                    labels[0] == x[0] && labels[1] == boxes[1])),
                InvalidArgument, "GTBox is ", boxes, ", GTLabel ", labels, "; expected [images, boxes, 4] and [images, boxes]");
  SKIFF_ENFORCE(!c.HasInput("GTScore") || !c.at_runtime() || c.InputShape("GTScore") == labels, InvalidArgument,
                "GTScore must be [images, boxes]");
}

}  // namespace

#define SKIFF_YOLO_LOSS                                                                                         \
  .Input("X", "[images, masks (5 + classes), height, width]")                                                   \
      .Input("GTBox", "[images, boxes, 4]: centre and extents in parts of the image; no extent: no box")        \
      .Input("GTLabel", "int32, [images, boxes]")                                                               \
      .OptionalInput("GTScore", "[images, boxes]: weights; 1 where left out")                                   \
      .Attr("anchors", std::vector<int32_t>{}, "width and height of each, in pixels of the network's input")    \
      .Attr("anchor_mask", std::vector<int32_t>{}, "which of them X predicts")                                  \
      .RequiredAttr<int32_t>("class_num", "number of classes")                                                  \
      .RequiredAttr<float>("ignore_thresh", "overlap above which a confidence does not count")                  \
      .Attr("downsample_ratio", 32, "pixels of the network's input for each cell")                              \
      .Attr("use_label_smooth", true, "labels 1 - s and s with s = min(1 / classes, 1 / 40)")                   \
      .Attr("scale_x_y", 1.0f, "spread of the centres around their cell")                                       \
      .SameDType({"X", "GTBox", "GTScore"})                                                                     \
      .OfDType(DType::kInt32, {"GTLabel"})

SKIFF_OP(yolov3_loss)
    .Doc("Loss of each image: of the places and classes of its boxes where an anchor fits, and of all confidences.")
    .Source("Redmon and Farhadi, YOLOv3, 2018; paddle.vision.ops.yolo_loss")
    SKIFF_YOLO_LOSS
    .Output("Loss", "[images]")
    .Output("ObjectnessMask", "[images, masks, height, width]: weight of a true box, 0, or -1 where ignored")
    .Output("GTMatchMask", "int32, [images, boxes]: the mask of each true box, or -1")
    .InferShape([](InferContext& c) {
      InferYoloLoss(c);
      const Shape &x = c.InputShape("X"), &boxes = c.InputShape("GTBox");
      const int64_t masks = static_cast<int64_t>(c.Attr<std::vector<int64_t>>("anchor_mask").size());
      c.SetOutput("Loss", Shape{x[0]}, c.InputDType("X"));
      c.SetOutput("ObjectnessMask", Shape{x[0], masks, x[2], x[3]}, c.InputDType("X"));
      c.SetOutput("GTMatchMask", Shape{boxes[0], boxes[1]}, DType::kInt32);
    })
    .Gradient(StandardGrad({"X", "GTBox", "GTLabel", "GTScore"}, {"ObjectnessMask", "GTMatchMask"}, {"Loss"},
                           {"X", "GTBox", "GTScore"}))
    .Kernel<YoloLoss, float, double>();

SKIFF_OP(yolov3_loss_grad)
    .Doc("X@GRAD of yolov3_loss; the true boxes and their weights get zeros.")
    .Source("derivative of yolov3_loss")
    SKIFF_YOLO_LOSS
    .Input("ObjectnessMask", "of yolov3_loss")
    .Input("GTMatchMask", "of yolov3_loss")
    .Input("Loss@GRAD", "[images]")
    .OptionalOutput("X@GRAD", "shape of X")
    .OptionalOutput("GTBox@GRAD", "shape of GTBox")
    .OptionalOutput("GTScore@GRAD", "shape of GTScore")
    .InferShape([](InferContext& c) {
      InferYoloLoss(c);
      GradsLikeInputs()(c);
    })
    .Kernel<YoloLossGrad, float, double>();

}  // namespace skiff
