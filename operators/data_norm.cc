// data_norm: normalises by statistics that were gathered over all data so far, for recommenders. It trains them as
// parameters: their "gradients" are what the batch adds to them.
#include "framework/op/op_schema.h"
#include "framework/program/block.h"
#include "operators/kernel/for_each.h"

namespace skiff {
namespace {

// With a positive slot_dim the columns are slots of so many, the first of which counts how often the slot was shown;
// where it is 0 nothing is known.
struct DataNormGeometry {
  int64_t rows, columns, slot;
  template <typename T>
  SKIFF_HD bool Shown(const T* x, int64_t i) const {
    if (slot <= 0) return true;
    const T first = x[i / columns * columns + i % columns / slot * slot];
    return first >= T(1e-7) || first <= T(-1e-7);
  }
};

template <typename T>
struct DataNormStatistics {
  const T *size, *sum, *square_sum;
  T *mean, *scale;
  SKIFF_HD void operator()(int64_t c) const {
    mean[c] = sum[c] / size[c];
    scale[c] = math::Sqrt(size[c] / square_sum[c]);
  }
};

template <typename T>
struct NormalizeData {
  DataNormGeometry g;
  const T *x, *mean, *scale, *scale_w, *bias;  // the last two may be null
  T* y;
  SKIFF_HD void operator()(int64_t i) const {
    const int64_t c = i % g.columns;
    const T normal = (x[i] - mean[c]) * scale[c];
    y[i] = !g.Shown(x, i) ? T(0) : scale_w == nullptr ? normal : normal * scale_w[c] + bias[c];
  }
};

// Without scale and shift Paddle lets the gradient through also where Y is 0 because nothing was shown.
template <typename T>
struct DataNormInputGrad {
  DataNormGeometry g;
  const T *x, *dy, *scale, *scale_w;
  T* dx;
  SKIFF_HD void operator()(int64_t i) const {
    const int64_t c = i % g.columns;
    if (scale_w == nullptr) dx[i] = dy[i] * scale[c];
    else dx[i] = g.Shown(x, i) ? dy[i] * scale[c] * scale_w[c] : T(0);
  }
};

template <typename T>
struct DataNormParameterGrads {
  DataNormGeometry g;
  T epsilon;
  const T *x, *dy, *mean, *scale;
  T *size, *sum, *square_sum, *scale_w, *bias;  // any may be null
  SKIFF_HD void operator()(int64_t c) const {
    Accumulator<T> count = 0, total = 0, squares = 0, by_scale = 0, by_bias = 0;
    for (int64_t i = c; i < g.rows * g.columns; i += g.columns) {
      if (!g.Shown(x, i)) continue;
      const T centred = x[i] - mean[c];
      count += 1;
      total += x[i];
      squares += centred * centred;
      by_scale += dy[i] * centred * scale[c];
      by_bias += dy[i];
    }
    // Of slots the means, not the sums, are what is added.
    const Accumulator<T> part = g.slot > 0 && count > 0 ? count : 1;
    const auto write = [&](T* to, Accumulator<T> value) {
      if (to != nullptr) to[c] = static_cast<T>(value);
    };
    write(size, count / part);
    write(sum, total / part);
    write(square_sum, squares / part + count * epsilon);
    write(scale_w, by_scale);
    write(bias, by_bias);
  }
};

DataNormGeometry GeometryOfData(const PrepareContext& c) {
  const Shape& x = c.Input("X").shape;
  return {x[0], x[1], c.Attr<int32_t>("slot_dim")};
}

struct DataNorm {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    const DataNormGeometry g = GeometryOfData(c);
    const bool shifts = c.Attr<bool>("enable_scale_and_shift");
    const auto in = [&](const char* slot) { return c.HasInput(slot) ? c.InputIndex(slot) : -1; };
    const auto out = [&](const char* slot) { return c.HasOutput(slot) ? c.OutputIndex(slot) : -1; };
    c.RequestWorkspace(2 * g.columns * sizeof(T));
    return MakeKernel([=, x = in("X"), size = in("BatchSize"), sum = in("BatchSum"), square_sum = in("BatchSquareSum"),
                       scale_w = shifts ? in("scale_w") : -1, bias = shifts ? in("bias") : -1, y = out("Y"),
                       means = out("Means"), scales = out("Scales")](const KernelArgs& args) {
      const auto read = [&](int i) { return i < 0 ? nullptr : static_cast<const T*>(args.in[i]); };
      const auto write = [&](int i, int64_t spare) {
        return static_cast<T*>(i < 0 || args.out[i] == nullptr ? static_cast<T*>(args.workspace) + spare : args.out[i]);
      };
      T *mean = write(means, 0), *scale = write(scales, g.columns);
      ForEach(g.columns, kElementGrain, args, DataNormStatistics<T>{read(size), read(sum), read(square_sum), mean, scale});
      ForEach(g.rows * g.columns, kElementGrain, args,
              NormalizeData<T>{g, read(x), mean, scale, read(scale_w), read(bias), static_cast<T*>(args.out[y])});
    });
  }
};

struct DataNormGrad {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    const DataNormGeometry g = GeometryOfData(c);
    const auto in = [&](const char* slot) { return c.HasInput(slot) ? c.InputIndex(slot) : -1; };
    const auto out = [&](const char* slot) { return c.HasOutput(slot) ? c.OutputIndex(slot) : -1; };
    return MakeKernel([=, epsilon = static_cast<T>(c.Attr<float>("epsilon")), x = in("X"), dy = in("Y@GRAD"),
                       mean = in("Means"), scale = in("Scales"),
                       scale_w = c.Attr<bool>("enable_scale_and_shift") ? in("scale_w") : -1, dx = out("X@GRAD"),
                       dsize = out("BatchSize@GRAD"), dsum = out("BatchSum@GRAD"), dsquare_sum = out("BatchSquareSum@GRAD"),
                       dscale_w = out("scale_w@GRAD"), dbias = out("bias@GRAD")](const KernelArgs& args) {
      const auto read = [&](int i) { return i < 0 ? nullptr : static_cast<const T*>(args.in[i]); };
      const auto write = [&](int i) { return i < 0 ? nullptr : static_cast<T*>(args.out[i]); };
      ForEach(g.columns, 1, args,
              DataNormParameterGrads<T>{g, epsilon, read(x), read(dy), read(mean), read(scale), write(dsize), write(dsum),
                                        write(dsquare_sum), write(dscale_w), write(dbias)});
      if (T* to = write(dx); to != nullptr) {
        ForEach(g.rows * g.columns, kElementGrain, args,
                DataNormInputGrad<T>{g, read(x), read(dy), read(scale), read(scale_w), to});
      }
    });
  }
};

// The extent of X's columns, which all `slots` have.
int64_t SharedColumns(const InferContext& c, std::initializer_list<const char*> slots) {
  const Shape& x = c.InputShape("X");
  SKIFF_ENFORCE(x.rank() == 2, InvalidArgument, "X is ", x, "; expected [rows, columns]");
  for (const char* slot : slots) {
    if (!c.HasInput(slot)) continue;
    const Shape& shape = c.InputShape(slot);
    SKIFF_ENFORCE(shape.rank() == 1 && (shape[0] == x[1] || shape[0] == -1 || x[1] == -1), InvalidArgument, slot, " is ", shape,
                  ", X is ", x, "; expected [", x[1], "]");
    SKIFF_ENFORCE(!c.at_runtime() || c.InputDType(slot) == c.InputDType("X"), InvalidType, slot, " is ", c.InputDType(slot), ", X is ",
                  c.InputDType("X"), "; they must be equal");
  }
  return x[1];
}

void InferDataNorm(InferContext& c) {
  const TensorMeta x = c.Input("X");
  const int64_t columns = SharedColumns(c, {"BatchSize", "BatchSum", "BatchSquareSum", "scale_w", "bias"});
  const float epsilon = c.Attr<float>("epsilon");
  SKIFF_ENFORCE(epsilon >= 0 && epsilon <= 0.001f, InvalidArgument, "epsilon is ", epsilon, "; it must be in [0, 0.001]");
  const bool shifts = c.Attr<bool>("enable_scale_and_shift");
  SKIFF_ENFORCE(!shifts || (c.HasInput("scale_w") && c.HasInput("bias")), InvalidArgument,
                "enable_scale_and_shift needs the inputs scale_w and bias");
  c.SetOutput("Y", TensorMeta{x.shape, x.dtype, x.lod_level});
  for (const char* slot : {"Means", "Scales"}) c.SetOutput(slot, Shape{columns}, x.dtype);
}

}  // namespace

#define SKIFF_DATA_NORM_ATTRS                                                                           \
  Attr("epsilon", 1e-5f, "added, once a row, to what the batch adds to BatchSquareSum")                 \
      .Attr("slot_dim", -1, "columns of a slot, whose first counts showings; not positive: no slots")   \
      .Attr("summary_decay_rate", 0.9999999f, "not read, as on Paddle's CPU")                           \
      .Attr("enable_scale_and_shift", false, "whether scale_w and bias are used")                       \
      .Attr("data_layout", "NCHW", "not read")                                                          \
      .Attr("sync_stats", false, "not read: there is one worker")

SKIFF_OP(data_norm)
    .Doc("Y = (X - BatchSum / BatchSize) sqrt(BatchSize / BatchSquareSum), then scale_w Y + bias; 0 in a slot that was not shown.")
    .Source("paddle.static.nn.data_norm")
    .OptionalInput("scale_w", "[columns]")
    .OptionalInput("bias", "[columns]")
    .Input("X", "[rows, columns]")
    .Input("BatchSize", "[columns], rows seen")
    .Input("BatchSum", "[columns], their sum")
    .Input("BatchSquareSum", "[columns], the sum of squared distances from the mean")
    .Output("Y", "shape of X")
    .OptionalOutput("Means", "[columns], BatchSum / BatchSize")
    .OptionalOutput("Scales", "[columns], sqrt(BatchSize / BatchSquareSum)")
    .SKIFF_DATA_NORM_ATTRS.InferShape(InferDataNorm)
    .KeyedBy("X")
    .Gradient([](const GradContext& g) -> std::vector<Operator> {
      Operator op{"data_norm_grad",
                  {{"X", g.In("X")}, {"Y@GRAD", g.OutGrad("Y")}, {"Means", g.Out("Means")}, {"Scales", g.Out("Scales")}},
                  {{"X@GRAD", g.InGrad("X")}},
                  g.fwd.attrs};
      for (const std::string slot : {"scale_w", "bias"}) {
        if (!g.HasIn(slot)) continue;
        op.inputs.Set(slot, g.In(slot));
        op.outputs.Set(GradName(slot), g.InGrad(slot));
      }
      for (const std::string slot : {"BatchSize", "BatchSum", "BatchSquareSum"}) {
        op.outputs.Set(GradName(slot), g.InGrad(slot));
        // As Paddle's operator, whose CPU kernel leaves them alone: what a scope keeps stays what it is, and nothing else.
        const std::shared_ptr<Variable> v = g.block() == nullptr ? nullptr : g.block()->FindVar(g.In(slot)[0]);
        if (v != nullptr && v->persistable) op.outputs.Set(slot, g.In(slot));
      }
      return {op};
    })
    .Kernel<DataNorm, float, double>();

SKIFF_OP(data_norm_grad)
    .Doc("X@GRAD, and what the batch adds to the statistics: their sums over its rows, or with slots the means over the rows "
         "that were shown. They do not depend on Y@GRAD.")
    .Source("paddle.static.nn.data_norm")
    .OptionalInput("scale_w", "as in data_norm")
    .OptionalInput("bias", "not read")
    .Input("X", "as in data_norm")
    .Input("Y@GRAD", "shape of X")
    .Input("Means", "of data_norm")
    .Input("Scales", "of data_norm")
    .OptionalOutput("X@GRAD", "shape of X")
    .OptionalOutput("BatchSize", "the variable of data_norm's; left as it is")
    .OptionalOutput("BatchSum", "the variable of data_norm's; left as it is")
    .OptionalOutput("BatchSquareSum", "the variable of data_norm's; left as it is")
    .OptionalOutput("BatchSize@GRAD", "[columns]")
    .OptionalOutput("BatchSum@GRAD", "[columns]")
    .OptionalOutput("BatchSquareSum@GRAD", "[columns]")
    .OptionalOutput("scale_w@GRAD", "[columns]")
    .OptionalOutput("bias@GRAD", "[columns]")
    .SKIFF_DATA_NORM_ATTRS
    .Alike({"X", "Y@GRAD"})
    .InferShape([](InferContext& c) {
      const TensorMeta x = c.Input("X");
      const int64_t columns = SharedColumns(c, {"Means", "Scales", "scale_w", "bias"});
      const Shape& gradient = c.InputShape("Y@GRAD");
      SKIFF_ENFORCE(!c.at_runtime() || gradient == x.shape, InvalidArgument, "Y@GRAD is ", gradient, ", X is ", x.shape,
                    "; they must be equal");
      c.SetOutput("X@GRAD", TensorMeta{x.shape, x.dtype, x.lod_level});
      for (const char* slot : {"BatchSize", "BatchSum", "BatchSquareSum", "BatchSize@GRAD", "BatchSum@GRAD",
                               "BatchSquareSum@GRAD", "scale_w@GRAD", "bias@GRAD"}) {
        c.SetOutput(slot, Shape{columns}, x.dtype);
      }
    })
    .KeyedBy("X")
    .Kernel<DataNormGrad, float, double>();

}  // namespace skiff
