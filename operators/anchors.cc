// Boxes to start from, around each cell of a feature map: prior_box, density_prior_box, anchor_generator.
#include <cmath>

#include "framework/op/op_schema.h"
#include "operators/kernel/for_each.h"

namespace skiff {

namespace {

using Floats = std::vector<float>;

// One box of every cell: its centre relative to the cell's, and half its extents.
struct Anchor {
  double dx, dy, half_width, half_height;
};

// A grid of cells with the same boxes in each.
struct Grid {
  double step_x = 1, step_y = 1, start_x = 0, start_y = 0;  // centre of cell (x, y) = start + index * step
  double scale_x = 1, scale_y = 1;                          // of the result
  bool limit = false;  // x1, y1 not below 0, x2, y2 not above 1
  bool clip = false;   // all in [0, 1]
};

template <typename T>
struct CellBox {
  Grid grid;
  int64_t width, count;
  const double* anchors;    // Anchor
  const float* variances;  // 4
  T* boxes;
  T* box_variances;
  SKIFF_HD void operator()(int64_t i) const {
    const int64_t cell = i / count;
    const double* a = anchors + i % count * 4;
    const double x = grid.start_x + static_cast<double>(cell % width) * grid.step_x + a[0];
    const double y = grid.start_y + static_cast<double>(cell / width) * grid.step_y + a[1];
    double box[4] = {(x - a[2]) * grid.scale_x, (y - a[3]) * grid.scale_y, (x + a[2]) * grid.scale_x,
                     (y + a[3]) * grid.scale_y};
    for (int k = 0; k < 4; ++k) {
      if (grid.clip || (grid.limit && k < 2)) box[k] = math::Max(box[k], 0.0);
      if (grid.clip || (grid.limit && k >= 2)) box[k] = math::Min(box[k], 1.0);
      boxes[i * 4 + k] = static_cast<T>(box[k]);
      box_variances[i * 4 + k] = static_cast<T>(variances[k]);
    }
  }
};

template <typename T>
std::unique_ptr<Kernel> MakeGridKernel(PrepareContext& c, const Grid& grid, const std::vector<Anchor>& anchors,
                                       const char* boxes_slot) {
  const Shape& input = c.Input("Input").shape;
  const auto given = c.Attr<Floats>("variances");
  SKIFF_ENFORCE(given.size() == 4, InvalidArgument, "attribute variances has ", given.size(), " entries; expected 4");
  const int64_t count = static_cast<int64_t>(anchors.size());
  Tensor table(Shape{count, 4}, DType::kFloat64);
  for (int64_t i = 0; i < count; ++i) {
    double* row = table.data<double>() + i * 4;
    row[0] = anchors[i].dx, row[1] = anchors[i].dy, row[2] = anchors[i].half_width, row[3] = anchors[i].half_height;
  }
  table = table.To(c.place());
  const Tensor variances = Tensor::Of(Shape{4}, given).To(c.place());
  return MakeKernel([=, n = input[2] * input[3] * count, width = input[3], boxes = c.OutputIndex(boxes_slot),
                     out = c.OutputIndex("Variances")](const KernelArgs& args) {
    ForEach(n, kElementGrain / 16, args,
            CellBox<T>{grid, width, count, static_cast<const double*>(table.raw_data()),
                       static_cast<const float*>(variances.raw_data()), static_cast<T*>(args.out[boxes]),
                       static_cast<T*>(args.out[out])});
  });
}

// ---- prior_box ------------------------------------------------------------------------------------------

// 1 first, then each ratio that is new, and its inverse with flip.
Floats ExpandRatios(const Floats& given, bool flip) {
  Floats ratios{1.0f};
  for (float ratio : given) {
    SKIFF_ENFORCE(ratio > 0, InvalidArgument, "attribute aspect_ratios holds ", ratio, "; it must be positive");
    bool known = false;
    for (float r : ratios) known = known || std::abs(ratio - r) < 1e-6f;
    if (known) continue;
    ratios.push_back(ratio);
    if (flip) ratios.push_back(1.0f / ratio);
  }
  return ratios;
}

std::vector<Anchor> PriorsOf(const Attrs& attrs) {
  const auto least = attrs.Get<Floats>("min_sizes"), most = attrs.Get<Floats>("max_sizes");
  SKIFF_ENFORCE(!least.empty() && (most.empty() || most.size() == least.size()), InvalidArgument, "min_sizes has ",
                least.size(), " entries, max_sizes ", most.size(), "; expected as many, or none of the latter");
  const Floats ratios = ExpandRatios(attrs.Get<Floats>("aspect_ratios"), attrs.Get<bool>("flip"));
  const bool by_size = attrs.Get<bool>("min_max_aspect_ratios_order");
  std::vector<Anchor> priors;
  const auto square = [&](double side) { priors.push_back({0, 0, side / 2, side / 2}); };
  for (size_t s = 0; s < least.size(); ++s) {
    if (by_size) {
      square(least[s]);
      if (!most.empty()) square(std::sqrt(double{least[s]} * most[s]));
    }
    for (double ratio : ratios) {
      if (by_size && std::abs(ratio - 1) < 1e-6) continue;
      priors.push_back({0, 0, least[s] * std::sqrt(ratio) / 2, least[s] / std::sqrt(ratio) / 2});
    }
    if (!by_size && !most.empty()) square(std::sqrt(double{least[s]} * most[s]));
  }
  return priors;
}

// Cells as large as the attributes say, else as the image divided among them.
Grid ImageGrid(const PrepareContext& c) {
  const Shape &input = c.Input("Input").shape, &image = c.Input("Image").shape;
  Grid grid;
  grid.step_x = c.Attr<float>("step_w");
  grid.step_y = c.Attr<float>("step_h");
  if (grid.step_x == 0 || grid.step_y == 0) {
    grid.step_x = static_cast<double>(image[3]) / static_cast<double>(input[3]);
    grid.step_y = static_cast<double>(image[2]) / static_cast<double>(input[2]);
  }
  const double offset = c.Attr<float>("offset");
  grid.start_x = offset * grid.step_x;
  grid.start_y = offset * grid.step_y;
  grid.scale_x = 1.0 / static_cast<double>(image[3]);
  grid.scale_y = 1.0 / static_cast<double>(image[2]);
  grid.clip = c.Attr<bool>("clip");
  return grid;
}

[[maybe_unused]] void CheckMaps(const InferContext& c, bool image) {
  SKIFF_ENFORCE(c.InputShape("Input").rank() == 4 && (!image || c.InputShape("Image").rank() == 4), InvalidArgument,
                "Input is ", c.InputShape("Input"), "; feature maps and images are [images, channels, height, width]");
}

[[maybe_unused]] void InferBoxes(InferContext& c, int64_t count, const char* boxes_slot) {
  const Shape& input = c.InputShape("Input");
  const Shape shape{input[2], input[3], count, 4};
  c.SetOutput(boxes_slot, shape, c.InputDType("Input"));
  c.SetOutput("Variances", shape, c.InputDType("Input"));
}

struct PriorBox {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    return MakeGridKernel<T>(c, ImageGrid(c), PriorsOf(c.attrs()), "Boxes");
  }
};

// ---- density_prior_box ----------------------------------------------------------------------------------

// Each size has density^2 boxes a cell, spread over a square of the average step. The step and the
// distance between boxes are whole numbers of pixels, as in Paddle.
std::vector<Anchor> DensePriors(const Attrs& attrs, int64_t step) {
  const auto sizes = attrs.Get<Floats>("fixed_sizes"), ratios = attrs.Get<Floats>("fixed_ratios");
  const auto densities = attrs.Get<std::vector<int64_t>>("densities");
  SKIFF_ENFORCE(sizes.size() == densities.size(), InvalidArgument, "fixed_sizes has ", sizes.size(),
                " entries, densities ", densities.size(), "; they must be equal");
  std::vector<Anchor> priors;
  for (size_t s = 0; s < sizes.size(); ++s) {
    const int64_t density = densities[s];
    SKIFF_ENFORCE(density > 0 && density <= 1024, InvalidArgument, "attribute densities holds ", density);
    const int64_t shift = step / density;
    for (double ratio : ratios) {
      SKIFF_ENFORCE(ratio > 0, InvalidArgument, "attribute fixed_ratios holds ", ratio, "; it must be positive");
      const double first = -static_cast<double>(step) / 2 + static_cast<double>(shift) / 2;
      for (int64_t y = 0; y < density; ++y) {
        for (int64_t x = 0; x < density; ++x) {
          priors.push_back({first + static_cast<double>(x * shift), first + static_cast<double>(y * shift),
                            sizes[s] * std::sqrt(ratio) / 2, sizes[s] / std::sqrt(ratio) / 2});
        }
      }
    }
  }
  return priors;
}

struct DensityPriorBox {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    Grid grid = ImageGrid(c);
    grid.limit = true;
    return MakeGridKernel<T>(c, grid, DensePriors(c.attrs(), static_cast<int64_t>((grid.step_x + grid.step_y) * 0.5)), "Boxes");
  }
};

// ---- anchor_generator -----------------------------------------------------------------------------------

std::vector<Anchor> AnchorsOf(const Attrs& attrs) {
  const auto stride = attrs.Get<Floats>("stride");
  SKIFF_ENFORCE(stride.size() == 2 && stride[0] > 0 && stride[1] > 0, InvalidArgument,
                "attribute stride must hold the two positive extents of a cell");
  std::vector<Anchor> anchors;
  for (float ratio : attrs.Get<Floats>("aspect_ratios")) {
    SKIFF_ENFORCE(ratio > 0, InvalidArgument, "attribute aspect_ratios holds ", ratio, "; it must be positive");
    for (float size : attrs.Get<Floats>("anchor_sizes")) {
      const double width = std::round(std::sqrt(stride[0] * stride[1] / ratio)), height = std::round(width * ratio);
      anchors.push_back({0, 0, 0.5 * (size / stride[0] * width - 1), 0.5 * (size / stride[1] * height - 1)});
    }
  }
  return anchors;
}

struct AnchorGenerator {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    const auto stride = c.Attr<Floats>("stride");
    const std::vector<Anchor> anchors = AnchorsOf(c.attrs());
    Grid grid;
    const double offset = c.Attr<float>("offset");
    grid.step_x = stride[0];
    grid.step_y = stride[1];
    grid.start_x = offset * (grid.step_x - 1);
    grid.start_y = offset * (grid.step_y - 1);
    return MakeGridKernel<T>(c, grid, anchors, "Anchors");
  }
};

}  // namespace

SKIFF_OP(prior_box)
    .Doc("Boxes holds for each cell of Input one box for each size and ratio, relative to the image's extents.")
    .Source("Liu et al., SSD, 2016; paddle.vision.ops.prior_box")
    .Input("Input", "[images, channels, height, width]; only its shape matters")
    .Input("Image", "[images, channels, height, width]; only its shape matters")
    .Output("Boxes", "[height, width, priors, 4]: x1, y1, x2, y2")
    .Output("Variances", "shape of Boxes: attribute variances in each")
    .RequiredAttr<Floats>("min_sizes", "sides, in pixels of the image")
    .Attr("max_sizes", Floats{}, "with min_sizes: one more square of the geometric mean")
    .Attr("aspect_ratios", Floats{}, "width to height, besides 1")
    .Attr("variances", Floats{}, "4 numbers")
    .Attr("flip", true, "also the inverse ratios")
    .Attr("clip", true, "coordinates in [0, 1]")
    .Attr("step_w", 0.0f, "width of a cell; 0: image / cells")
    .Attr("step_h", 0.0f, "height of a cell; 0: image / cells")
    .Attr("offset", 0.5f, "of a cell's centre, in cells")
    .Attr("min_max_aspect_ratios_order", false, "squares first, then the ratios")
    .ZeroGradient()
    .InferShape([](InferContext& c) {
      CheckMaps(c, true);
      InferBoxes(c, static_cast<int64_t>(PriorsOf(c.attrs()).size()), "Boxes");
    })
    .Kernel<PriorBox, float, double>();

SKIFF_OP(density_prior_box)
    .Doc("As prior_box, with a square of boxes of each size in a cell.")
    .Source("Zhang et al., FaceBoxes, 2017; Paddle's density_prior_box")
    .Input("Input", "[images, channels, height, width]; only its shape matters")
    .Input("Image", "[images, channels, height, width]; only its shape matters")
    .Output("Boxes", "[height, width, priors, 4], or [all, 4] with flatten_to_2d")
    .Output("Variances", "shape of Boxes")
    .Attr("variances", Floats{}, "4 numbers")
    .Attr("clip", true, "coordinates in [0, 1]")
    .Attr("flatten_to_2d", false, "one axis for all boxes")
    .Attr("step_w", 0.0f, "width of a cell; 0: image / cells")
    .Attr("step_h", 0.0f, "height of a cell; 0: image / cells")
    .Attr("offset", 0.5f, "of a cell's centre, in cells")
    .Attr("fixed_sizes", Floats{}, "sides, in pixels of the image")
    .Attr("fixed_ratios", Floats{}, "width to height")
    .Attr("densities", std::vector<int32_t>{}, "for each size: boxes in a row of a cell")
    .ZeroGradient()
    .InferShape([](InferContext& c) {
      CheckMaps(c, true);
      const int64_t count = static_cast<int64_t>(DensePriors(c.attrs(), 1).size());
      if (!c.Attr<bool>("flatten_to_2d")) return InferBoxes(c, count, "Boxes");
      const Shape& input = c.InputShape("Input");
      const Shape flat{input[2] < 0 || input[3] < 0 ? -1 : input[2] * input[3] * count, 4};
      c.SetOutput("Boxes", flat, c.InputDType("Input"));
      c.SetOutput("Variances", flat, c.InputDType("Input"));
    })
    .Kernel<DensityPriorBox, float, double>();

SKIFF_OP(anchor_generator)
    .Doc("Anchors holds for each cell of Input one box for each ratio and size, in pixels of the image.")
    .Source("Ren et al., Faster R-CNN, 2015; Paddle's anchor_generator")
    .Input("Input", "[images, channels, height, width]; only its shape matters")
    .Output("Anchors", "[height, width, anchors, 4]: x1, y1, x2, y2")
    .Output("Variances", "shape of Anchors: attribute variances in each")
    .RequiredAttr<Floats>("anchor_sizes", "sides, in pixels of the image")
    .RequiredAttr<Floats>("aspect_ratios", "height to width")
    .RequiredAttr<Floats>("variances", "4 numbers")
    .Attr("stride", Floats{16.0f, 16.0f}, "width and height of a cell")
    .Attr("offset", 0.5f, "of a cell's centre, in cells")
    .ZeroGradient()
    .InferShape([](InferContext& c) {
      CheckMaps(c, false);
      InferBoxes(c, static_cast<int64_t>(AnchorsOf(c.attrs()).size()), "Anchors");
    })
    .Kernel<AnchorGenerator, float, double>();

}  // namespace skiff
