// Arithmetic of boxes: box_coder, iou_similarity, box_decoder_and_assign, polygon_box_transform.
#include "framework/op/op_schema.h"
#include "operators/kernel/for_each.h"

namespace skiff {

namespace {

using Floats = std::vector<float>;

// A box as centre and extents. Where coordinates count pixels (more = 1) both ends belong to it.
template <typename C>
struct Centred {
  template <typename T>
  SKIFF_HD Centred(const T* box, C more)
      : width(LoadElement(box[2]) - LoadElement(box[0]) + more), height(LoadElement(box[3]) - LoadElement(box[1]) + more),
        x(LoadElement(box[0]) + width / 2), y(LoadElement(box[1]) + height / 2) {}
  C width, height, x, y;
};

template <typename T>
struct CodeBox {
  using C = Compute<T>;
  bool decode, normalized, by_row;  // by_row: prior i belongs to row i of the targets
  int64_t columns;
  C fixed[4];
  const T *priors, *variances, *targets;
  T* out;
  SKIFF_HD void operator()(int64_t i) const {
    const int64_t row = i / columns, column = i % columns, p = (by_row ? row : column) * 4;
    const C more = normalized ? C(0) : C(1);
    const Centred<C> prior(priors + p, more);
    C variance[4], code[4];
    for (int k = 0; k < 4; ++k) variance[k] = variances == nullptr ? fixed[k] : LoadElement(variances[p + k]);
    if (decode) {
      for (int k = 0; k < 4; ++k) code[k] = variance[k] * LoadElement(targets[i * 4 + k]);
      const C x = code[0] * prior.width + prior.x, y = code[1] * prior.height + prior.y;
      const C width = math::Exp(code[2]) * prior.width, height = math::Exp(code[3]) * prior.height;
      code[0] = x - width / 2;
      code[1] = y - height / 2;
      code[2] = x + width / 2 - more;
      code[3] = y + height / 2 - more;
    } else {
      const T* t = targets + row * 4;
      const C x = (LoadElement(t[0]) + LoadElement(t[2])) / 2, y = (LoadElement(t[1]) + LoadElement(t[3])) / 2;
      const Centred<C> target(t, more);
      code[0] = (x - prior.x) / prior.width / variance[0];
      code[1] = (y - prior.y) / prior.height / variance[1];
      code[2] = math::Log(math::Abs(target.width / prior.width)) / variance[2];
      code[3] = math::Log(math::Abs(target.height / prior.height)) / variance[3];
    }
    for (int k = 0; k < 4; ++k) out[i * 4 + k] = StoreElement<T>(code[k]);
  }
};

bool Decodes(const Attrs& attrs) {
  const std::string type = attrs.Get<std::string>("code_type");
  SKIFF_ENFORCE(type == "decode_center_size" || type == "encode_center_size", InvalidArgument, "attribute code_type is \"",
                type, "\"; it may be encode_center_size or decode_center_size");
  return type == "decode_center_size";
}

[[maybe_unused]] void CheckLikePriors(const InferContext& c, const char* slot) {
  SKIFF_ENFORCE(!c.at_runtime() || c.InputDType(slot) == c.InputDType("PriorBox"), InvalidType, slot, " is ",
                c.InputDType(slot), ", PriorBox ", c.InputDType("PriorBox"), "; they must be equal");
}

[[maybe_unused]] void InferBoxCoder(InferContext& c) {
  CheckLikePriors(c, "TargetBox");
  const Shape &prior = c.InputShape("PriorBox"), &target = c.InputShape("TargetBox");
  const bool decode = Decodes(c.attrs());
  const auto same = [](int64_t a, int64_t b) { return a == b || a < 0 || b < 0; };
  SKIFF_ENFORCE(prior.rank() == 2 && same(prior[1], 4), InvalidArgument, "PriorBox is ", prior, "; expected [priors, 4]");
  SKIFF_ENFORCE(!c.HasInput("PriorBoxVar") || c.InputShape("PriorBoxVar") == prior || !c.at_runtime(), InvalidArgument,
                "PriorBoxVar is ", c.HasInput("PriorBoxVar") ? c.InputShape("PriorBoxVar") : prior, ", PriorBox ", prior,
                "; they must be equal");
  const auto variance = c.Attr<Floats>("variance");
  SKIFF_ENFORCE(variance.empty() || (variance.size() == 4 && !c.HasInput("PriorBoxVar")), InvalidArgument,
                "attribute variance has ", variance.size(), " entries; expected 4, and no input PriorBoxVar");
  const int64_t axis = c.Attr<int64_t>("axis");
  SKIFF_ENFORCE(axis == 0 || axis == 1, InvalidArgument, "attribute axis is ", axis, "; it may be 0 or 1");
  SKIFF_ENFORCE(target.rank() == (decode ? 3 : 2) && same(target[target.rank() - 1], 4), InvalidArgument, "TargetBox is ",
                target, "; expected ", decode ? "[rows, columns, 4]" : "[targets, 4]");
  SKIFF_ENFORCE(!decode || same(target[axis == 0 ? 1 : 0], prior[0]), InvalidArgument, "TargetBox is ", target,
                ", PriorBox ", prior, "; extent ", axis == 0 ? 1 : 0, " of the former must be the number of priors");
  c.SetOutput("OutputBox", TensorMeta{Shape{target[0], decode ? target[1] : prior[0], 4}, c.InputDType("TargetBox"),
                                      c.Input("TargetBox").lod_level});
}

struct BoxCoder {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    CodeBox<T> box{};
    box.decode = Decodes(c.attrs());
    box.normalized = c.Attr<bool>("box_normalized");
    box.by_row = box.decode && c.Attr<int64_t>("axis") == 1;
    const Shape& out = c.Output("OutputBox").shape;
    box.columns = out[1];
    const auto variance = c.Attr<Floats>("variance");
    for (int k = 0; k < 4; ++k) box.fixed[k] = variance.empty() ? 1 : static_cast<Compute<T>>(variance[k]);
    return MakeKernel([box, n = out[0] * out[1], prior = c.InputIndex("PriorBox"), var = c.InputIndex("PriorBoxVar"),
                       target = c.InputIndex("TargetBox"), to = c.OutputIndex("OutputBox")](const KernelArgs& args) {
      CodeBox<T> run = box;
      run.priors = static_cast<const T*>(args.in[prior]);
      run.variances = static_cast<const T*>(args.in[var]);
      run.targets = static_cast<const T*>(args.in[target]);
      run.out = static_cast<T*>(args.out[to]);
      ForEach(n, kElementGrain / 32, args, run);
    });
  }
};

template <typename T>
struct PairOverlap {
  using C = Compute<T>;
  int64_t columns;
  C more;
  const T *x, *y;
  T* out;
  SKIFF_HD void operator()(int64_t i) const {
    const T *a = x + i / columns * 4, *b = y + i % columns * 4;
    const auto at = [](const T* p, int k) { return LoadElement(p[k]); };
    const C width = math::Max(math::Min(at(a, 2), at(b, 2)) - math::Max(at(a, 0), at(b, 0)) + more, C(0));
    const C height = math::Max(math::Min(at(a, 3), at(b, 3)) - math::Max(at(a, 1), at(b, 1)) + more, C(0));
    const C area_a = (at(a, 2) - at(a, 0) + more) * (at(a, 3) - at(a, 1) + more);
    const C area_b = (at(b, 2) - at(b, 0) + more) * (at(b, 3) - at(b, 1) + more);
    out[i] = StoreElement<T>(width * height / (area_a + area_b - width * height));
  }
};

struct IouSimilarity {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    const int64_t rows = c.Input("X").shape[0], columns = c.Input("Y").shape[0];
    const Compute<T> more = c.Attr<bool>("box_normalized") ? 0 : 1;
    return MakeKernel([=, x = c.InputIndex("X"), y = c.InputIndex("Y"), out = c.OutputIndex("Out")](const KernelArgs& args) {
      ForEach(rows * columns, kElementGrain / 16, args,
              PairOverlap<T>{columns, more, static_cast<const T*>(args.in[x]), static_cast<const T*>(args.in[y]),
                             static_cast<T*>(args.out[out])});
    });
  }
};

// Row i: the prior decoded for each class; and that of the best class but 0, or the prior where there is none.
template <typename T>
struct DecodeAndAssign {
  using C = Compute<T>;
  int64_t classes;
  C limit;
  const T *priors, *variance, *targets, *scores;
  T *decoded, *assigned;
  SKIFF_HD void operator()(int64_t row) const {
    const Centred<C> prior(priors + row * 4, C(1));
    int64_t best = -1;
    C best_score(-1);
    for (int64_t k = 0; k < classes; ++k) {
      const T* t = targets + (row * classes + k) * 4;
      T* out = decoded + (row * classes + k) * 4;
      C v[4] = {1, 1, 1, 1};
      for (int d = 0; d < 4 && variance != nullptr; ++d) v[d] = LoadElement(variance[d]);
      const C width = math::Exp(math::Min(v[2] * LoadElement(t[2]), limit)) * prior.width;
      const C height = math::Exp(math::Min(v[3] * LoadElement(t[3]), limit)) * prior.height;
      const C x = v[0] * LoadElement(t[0]) * prior.width + prior.x, y = v[1] * LoadElement(t[1]) * prior.height + prior.y;
      out[0] = StoreElement<T>(x - width / 2);
      out[1] = StoreElement<T>(y - height / 2);
      out[2] = StoreElement<T>(x + width / 2 - 1);
      out[3] = StoreElement<T>(y + height / 2 - 1);
      const C score = LoadElement(scores[row * classes + k]);
      if (k > 0 && score > best_score) {
        best_score = score;
        best = k;
      }
    }
    const T* from = best > 0 ? decoded + (row * classes + best) * 4 : priors + row * 4;
    for (int d = 0; d < 4; ++d) assigned[row * 4 + d] = from[d];
  }
};

struct BoxDecoderAndAssign {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    DecodeAndAssign<T> plan{};
    plan.classes = c.Input("BoxScore").shape[1];
    plan.limit = c.Attr<float>("box_clip");
    return MakeKernel([plan, n = c.Input("BoxScore").shape[0], p = c.InputIndex("PriorBox"), v = c.InputIndex("PriorBoxVar"),
                       t = c.InputIndex("TargetBox"), s = c.InputIndex("BoxScore"), d = c.OutputIndex("DecodeBox"),
                       a = c.OutputIndex("OutputAssignBox")](const KernelArgs& args) {
      DecodeAndAssign<T> run = plan;
      run.priors = static_cast<const T*>(args.in[p]);
      run.variance = static_cast<const T*>(args.in[v]);
      run.targets = static_cast<const T*>(args.in[t]);
      run.scores = static_cast<const T*>(args.in[s]);
      run.decoded = static_cast<T*>(args.out[d]);
      run.assigned = static_cast<T*>(args.out[a]);
      ForEach(n, 64, args, run);
    });
  }
};

template <typename T>
struct ToPixel {
  int64_t height, width, channels;
  const T* x;
  T* out;
  SKIFF_HD void operator()(int64_t i) const {
    const int64_t column = i % width, row = i / width % height, channel = i / width / height % channels;
    const auto at = static_cast<Compute<T>>(4 * (channel % 2 == 0 ? column : row));
    out[i] = StoreElement<T>(at - LoadElement(x[i]));
  }
};

struct PolygonBoxTransform {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    const Shape& s = c.Input("Input").shape;
    return MakeKernel([n = s.NumElements(), plan = ToPixel<T>{s[2], s[3], s[1], nullptr, nullptr},
                       in = c.InputIndex("Input"), out = c.OutputIndex("Output")](const KernelArgs& args) {
      ToPixel<T> run = plan;
      run.x = static_cast<const T*>(args.in[in]);
      run.out = static_cast<T*>(args.out[out]);
      ForEach(n, kElementGrain, args, run);
    });
  }
};

}  // namespace

SKIFF_OP(box_coder)
    .Doc("Boxes as offsets from priors and logarithms of ratios (encode), or back (decode).")
    .Source("paddle.vision.ops.box_coder")
    .Input("PriorBox", "[priors, 4]: x1, y1, x2, y2")
    .OptionalInput("PriorBoxVar", "[priors, 4]: divisors of the codes")
    .Input("TargetBox", "encode: [targets, 4]; decode: [rows, columns, 4]")
    .Output("OutputBox", "[targets, priors, 4], or shape of TargetBox")
    .Attr("code_type", "encode_center_size", "or decode_center_size")
    .Attr("box_normalized", true, "false: coordinates count pixels")
    .Attr("axis", 0, "decode: the axis that the priors do not run along")
    .Attr("variance", Floats{}, "one set of divisors in place of PriorBoxVar")
    .ZeroGradient()
    .SameDType({"PriorBox", "PriorBoxVar", "TargetBox"})
    .InferShape(InferBoxCoder)
    .Kernel<BoxCoder, float, double>();

SKIFF_OP(iou_similarity)
    .Doc("Out[i, j] is the intersection over union of boxes X[i] and Y[j].")
    .Source("Paddle's iou_similarity")
    .Input("X", "[n, 4]: x1, y1, x2, y2")
    .Input("Y", "[m, 4]")
    .Output("Out", "[n, m]")
    .Attr("box_normalized", true, "false: coordinates count pixels")
    .ZeroGradient()
    .SameDType({"X", "Y"})
    .InferShape([](InferContext& c) {
      const Shape &x = c.InputShape("X"), &y = c.InputShape("Y");
      SKIFF_ENFORCE(x.rank() == 2 && y.rank() == 2 && x[1] == 4 && y[1] == 4, InvalidArgument, "X is ", x, ", Y ", y,
                    "; expected [n, 4] and [m, 4]");
      c.SetOutput("Out", TensorMeta{Shape{x[0], y[0]}, c.InputDType("X"), c.Input("X").lod_level});
    })
    .Kernel<IouSimilarity, float, double>();

SKIFF_OP(box_decoder_and_assign)
    .Doc("Priors decoded for each class, and for the likeliest class but 0.")
    .Source("Cai and Vasconcelos, Cascade R-CNN, 2018; Paddle's box_decoder_and_assign")
    .Input("PriorBox", "[boxes, 4], in pixels")
    .OptionalInput("PriorBoxVar", "[4]: factors of the codes")
    .Input("TargetBox", "[boxes, 4 classes]")
    .Input("BoxScore", "[boxes, classes]")
    .Output("DecodeBox", "shape of TargetBox")
    .Output("OutputAssignBox", "shape of PriorBox")
    .RequiredAttr<float>("box_clip", "limit of the logarithms")
    .ZeroGradient()
    .SameDType({"PriorBox", "PriorBoxVar", "TargetBox", "BoxScore"})
    .InferShape([](InferContext& c) {
      const Shape &p = c.InputShape("PriorBox"), &t = c.InputShape("TargetBox"), &s = c.InputShape("BoxScore");
      SKIFF_ENFORCE(p.rank() == 2 && p[1] == 4 && t.rank() == 2 && s.rank() == 2 && t[1] == 4 * s[1] &&
                        (!c.at_runtime() || (p[0] == t[0] && p[0] == s[0])),
                    InvalidArgument, "PriorBox is ", p, ", TargetBox ", t, ", BoxScore ", s,
                    "; expected [boxes, 4], [boxes, 4 classes] and [boxes, classes]");
      for (const char* slot : {"TargetBox", "BoxScore"}) CheckLikePriors(c, slot);
      SKIFF_ENFORCE(!c.HasInput("PriorBoxVar") || c.InputShape("PriorBoxVar").Product(0, c.InputShape("PriorBoxVar").rank()) >= 4,
                    InvalidArgument, "PriorBoxVar must hold 4 elements");
      c.SetOutput("DecodeBox", t, c.InputDType("TargetBox"));
      c.SetOutput("OutputAssignBox", p, c.InputDType("PriorBox"));
    })
    .Kernel<BoxDecoderAndAssign, float, double>();

SKIFF_OP(polygon_box_transform)
    .Doc("Offsets of corners as pixels: 4 column - Input in even channels, 4 row - Input in odd ones.")
    .Source("Zhou et al., EAST, 2017; Paddle's polygon_box_transform")
    .Input("Input", "[images, channels, height, width]")
    .Output("Output", "shape of Input")
    .ZeroGradient()
    .InferShape([](InferContext& c) {
      SKIFF_ENFORCE(c.InputShape("Input").rank() == 4, InvalidArgument, "Input is ", c.InputShape("Input"),
                    "; expected [images, channels, height, width]");
      c.SetOutput("Output", TensorMeta(c.Input("Input")));
    })
    .Kernel<PolygonBoxTransform, float, double>();

}  // namespace skiff
