// yolo_box: boxes and scores from a feature map of a YOLO head.
#include "framework/op/op_schema.h"
#include "operators/kernel/for_each.h"

namespace skiff {

namespace {

// Box i of the output: image, anchor, row, column. Where the confidence is below the threshold box and
// scores are zero.
template <typename T>
struct YoloBoxElement {
  using C = Compute<T>;
  int64_t anchors, height, width, classes, downsample;
  C threshold, scale, factor;
  bool clip, iou_aware;
  const int32_t* sizes;  // width and height of each anchor
  const T* x;
  const int32_t* image_size;  // height and width of each image
  T *boxes, *scores;

  SKIFF_HD C At(int64_t image, int64_t channel, int64_t cell) const {
    const int64_t channels = anchors * (5 + classes + (iou_aware ? 1 : 0));
    return LoadElement(x[(image * channels + channel) * height * width + cell]);
  }
  SKIFF_HD void operator()(int64_t i) const {
    const int64_t cells = height * width, cell = i % cells, anchor = i / cells % anchors, image = i / cells / anchors;
    const int64_t first = (iou_aware ? anchors : 0) + anchor * (5 + classes);
    T* box = boxes + i * 4;
    T* score = scores + i * classes;
    C confidence = math::Sigmoid(At(image, first + 4, cell));
    if (iou_aware) {
      confidence = math::Pow(confidence, C(1) - factor) * math::Pow(math::Sigmoid(At(image, anchor, cell)), factor);
    }
    if (confidence < threshold) {
      for (int k = 0; k < 4; ++k) box[k] = StoreElement<T>(C(0));
      for (int64_t k = 0; k < classes; ++k) score[k] = StoreElement<T>(C(0));
      return;
    }
    const C image_height = static_cast<C>(image_size[2 * image]), image_width = static_cast<C>(image_size[2 * image + 1]);
    const C bias = C(-0.5) * (scale - C(1));
    const C cx = (static_cast<C>(cell % width) + math::Sigmoid(At(image, first, cell)) * scale + bias) * image_width /
                 static_cast<C>(width);
    const C cy = (static_cast<C>(cell / width) + math::Sigmoid(At(image, first + 1, cell)) * scale + bias) * image_height /
                 static_cast<C>(height);
    const C w = math::Exp(At(image, first + 2, cell)) * static_cast<C>(sizes[2 * anchor]) * image_width /
                static_cast<C>(downsample * width);
    const C h = math::Exp(At(image, first + 3, cell)) * static_cast<C>(sizes[2 * anchor + 1]) * image_height /
                static_cast<C>(downsample * height);
    C corner[4] = {cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2};
    if (clip) {
      corner[0] = corner[0] > 0 ? corner[0] : C(0);
      corner[1] = corner[1] > 0 ? corner[1] : C(0);
      corner[2] = corner[2] < image_width - 1 ? corner[2] : image_width - 1;
      corner[3] = corner[3] < image_height - 1 ? corner[3] : image_height - 1;
    }
    for (int k = 0; k < 4; ++k) box[k] = StoreElement<T>(corner[k]);
    for (int64_t k = 0; k < classes; ++k) {
      score[k] = StoreElement<T>(confidence * math::Sigmoid(At(image, first + 5 + k, cell)));
    }
  }
};

[[maybe_unused]] void InferYoloBox(InferContext& c) {
  const Shape &x = c.InputShape("X"), &size = c.InputShape("ImgSize");
  const auto anchors = c.Attr<std::vector<int64_t>>("anchors");
  const int64_t count = static_cast<int64_t>(anchors.size()) / 2, classes = c.Attr<int64_t>("class_num");
  SKIFF_ENFORCE(!anchors.empty() && anchors.size() % 2 == 0 && classes > 0, InvalidArgument, "attribute anchors has ",
                anchors.size(), " entries, class_num is ", classes, "; expected pairs, and a positive number");
  const int64_t channels = count * (5 + classes + (c.Attr<bool>("iou_aware") ? 1 : 0));
  SKIFF_ENFORCE(x.rank() == 4 && (x[1] == channels || x[1] < 0), InvalidArgument, "X is ", x, "; expected [images, ",
                channels, ", height, width]: ", count, " anchors of ", classes, " classes");
  SKIFF_ENFORCE(size.rank() == 2 && size[1] == 2 && (size[0] == x[0] || size[0] < 0 || x[0] < 0), InvalidArgument,
                "ImgSize is ", size, ", X is ", x, "; expected [images, 2]");
  SKIFF_ENFORCE(c.InputDType("ImgSize") == DType::kInt32, InvalidType, "ImgSize is ", c.InputDType("ImgSize"),
                "; expected int32");
  const int64_t boxes = x[2] < 0 || x[3] < 0 ? -1 : x[2] * x[3] * count;
  c.SetOutput("Boxes", Shape{x[0], boxes, 4}, c.InputDType("X"));
  c.SetOutput("Scores", Shape{x[0], boxes, classes}, c.InputDType("X"));
}

struct YoloBox {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    const Shape& x = c.Input("X").shape;
    const auto anchors = c.Attr<std::vector<int32_t>>("anchors");
    const Tensor sizes = Tensor::Of(Shape{static_cast<int64_t>(anchors.size())}, anchors).To(c.place());
    YoloBoxElement<T> box{};
    box.anchors = static_cast<int64_t>(anchors.size()) / 2;
    box.height = x[2];
    box.width = x[3];
    box.classes = c.Attr<int64_t>("class_num");
    box.downsample = c.Attr<int64_t>("downsample_ratio");
    SKIFF_ENFORCE(box.downsample > 0, InvalidArgument, "attribute downsample_ratio is ", box.downsample);
    box.threshold = c.Attr<float>("conf_thresh");
    box.scale = c.Attr<float>("scale_x_y");
    box.factor = c.Attr<float>("iou_aware_factor");
    box.clip = c.Attr<bool>("clip_bbox");
    box.iou_aware = c.Attr<bool>("iou_aware");
    return MakeKernel([=, n = x[0] * box.anchors * x[2] * x[3], in = c.InputIndex("X"), size = c.InputIndex("ImgSize"),
                       boxes = c.OutputIndex("Boxes"), scores = c.OutputIndex("Scores")](const KernelArgs& args) {
      YoloBoxElement<T> run = box;
      run.sizes = static_cast<const int32_t*>(sizes.raw_data());
      run.x = static_cast<const T*>(args.in[in]);
      run.image_size = static_cast<const int32_t*>(args.in[size]);
      run.boxes = static_cast<T*>(args.out[boxes]);
      run.scores = static_cast<T*>(args.out[scores]);
      ForEach(n, std::max<int64_t>(kElementGrain / 16 / (box.classes + 8), 1), args, run);
    });
  }
};

}  // namespace

SKIFF_OP(yolo_box)
    .Doc("Boxes in pixels of the image, and class probabilities, from a head's feature map; zero where the confidence is low.")
    .Source("Redmon and Farhadi, YOLOv3, 2018; paddle.vision.ops.yolo_box")
    .Input("X", "[images, anchors (5 + classes), height, width]; iou_aware: anchors more channels in front")
    .Input("ImgSize", "int32, [images, 2]: height, width")
    .Output("Boxes", "[images, anchors height width, 4]: x1, y1, x2, y2")
    .Output("Scores", "[images, anchors height width, classes]")
    .Attr("anchors", std::vector<int32_t>{}, "width and height of each, in pixels of the network's input")
    .Attr("class_num", 1, "number of classes")
    .Attr("conf_thresh", 0.01f, "least confidence")
    .Attr("downsample_ratio", 32, "pixels of the network's input for each cell")
    .Attr("clip_bbox", true, "boxes end at the image's borders")
    .Attr("scale_x_y", 1.0f, "spread of the centres around their cell")
    .Attr("iou_aware", false, "confidence is corrected by a predicted overlap")
    .Attr("iou_aware_factor", 0.5f, "weight of the predicted overlap")
    .InferShape(InferYoloBox)
    .ZeroGradient()
    .Kernel<YoloBox, float, double>();

}  // namespace skiff
