// Pooling over planes and volumes: schemas, shapes and CPU kernels. oneDNN computes what it can express, in any
// layout; the loops of pool_loops.h compute the rest and the gradients. pool.cu has the CUDA side.
#include <cstring>

#include "framework/op/op_schema.h"
#include "operators/dnnl/dnnl.h"
#include "operators/dnnl/pooling.h"
#include "operators/dnnl/via_float.h"
#include "operators/pool_loops.h"

namespace skiff {

namespace {

Attrs WithSizes(const Attrs& attrs, std::optional<std::vector<int64_t>> values) {
  Attrs with = attrs;
  if (values && !values->empty()) {
    with.Set("ksize", std::vector<int32_t>(values->begin(), values->end()));
  }
  return with;
}

void InferPool(InferContext& c) {
  const TensorMeta& x = c.Input("X");
  const PoolGeometry g = ReadPoolGeometry(WithSizes(c.attrs(), c.InputValues("KernelSize")),
                                          PoolRank(c.type()), x.shape);
  c.SetOutput("Out", TensorMeta{g.OutShape(), x.dtype, x.lod_level});
}

void InferMaskedPool(InferContext& c) {
  const TensorMeta& x = c.Input("X");
  const Shape out = ReadPoolGeometry(c.attrs(), PoolRank(c.type()), x.shape).OutShape();
  c.SetOutput("Out", TensorMeta{out, x.dtype, x.lod_level});
  c.SetOutput("Mask", TensorMeta{out, DType::kInt32, x.lod_level});
}

void InferPoolSecondGrad(InferContext& c) {
  SKIFF_ENFORCE(c.Attr<std::string>("pooling_type") == "avg", Unimplemented,
                "the second gradient of a maximum over windows; Paddle has it of averages alone");
  const TensorMeta& x = c.Input("grad_x@GRAD");
  c.SetOutput("grad_out@GRAD", TensorMeta{ReadPoolGeometry(c.attrs(), 2, x.shape).OutShape(), x.dtype});
}

PoolGeometry Geometry(const PrepareContext& c) {
  std::vector<int64_t> sizes;
  if (c.HasInput("KernelSize")) sizes = c.HostValues("KernelSize");
  return ReadPoolGeometry(WithSizes(c.attrs(), sizes), PoolRank(c.op().type), c.Input("X").shape);
}

template <typename T>
std::unique_ptr<Kernel> PreparePool(PrepareContext& c) {
  const PoolGeometry g = Geometry(c);
  if constexpr (!std::is_same_v<T, double>) {
    if (g.batch * g.channels > 0) {
      if (auto kernel = PrepareDnnlPool(c, g)) return kernel;
    }
  }
  c.WantInputLayout("X", 0, nullptr);
  return MakeKernel([g](const KernelArgs& args) {
    const T* in = static_cast<const T*>(args.in[0]);
    T* out = static_cast<T*>(args.out[0]);
    g.is_max ? MaxPool<T, int32_t>(g, in, out, nullptr) : AveragePool(g, in, out);
  });
}

template <typename T>
std::unique_ptr<Kernel> PrepareSecondGrad(PrepareContext& c) {
  return MakeKernel([g = ReadPoolGeometry(c.attrs(), 2, c.Input("grad_x@GRAD").shape)](const KernelArgs& args) {
    AveragePool(g, static_cast<const T*>(args.in[0]), static_cast<T*>(args.out[0]));
  });
}

template <typename T>
std::unique_ptr<Kernel> PreparePoolGrad(PrepareContext& c) {
  const PoolGeometry g = Geometry(c);
  const int dout = c.InputIndex("Out@GRAD");
  const size_t bytes = c.Input("X").shape.NumElements() * sizeof(T);
  return MakeKernel([=](const KernelArgs& args) {
    T* din = static_cast<T*>(args.out[0]);
    std::memset(din, 0, bytes);
    const T* from = static_cast<const T*>(args.in[dout]);
    g.is_max ? MaxPoolGrad(g, static_cast<const T*>(args.in[0]), from, din)
             : AveragePoolGrad(g, from, din);
  });
}

template <typename T>
std::unique_ptr<Kernel> PrepareMaskedPool(PrepareContext& c) {
  return MakeKernel([g = Geometry(c)](const KernelArgs& args) {
    MaxPool(g, static_cast<const T*>(args.in[0]), static_cast<T*>(args.out[0]),
            static_cast<int32_t*>(args.out[1]));
  });
}

template <typename T>
std::unique_ptr<Kernel> PrepareMaskedPoolGrad(PrepareContext& c) {
  const PoolGeometry g = Geometry(c);
  const int mask = c.InputIndex("Mask"), dout = c.InputIndex("Out@GRAD");
  const bool wide = c.Input("Mask").dtype == DType::kInt64;
  const size_t bytes = c.Input("X").shape.NumElements() * sizeof(T);
  return MakeKernel([=](const KernelArgs& args) {
    T* din = static_cast<T*>(args.out[0]);
    std::memset(din, 0, bytes);
    const T* from = static_cast<const T*>(args.in[dout]);
    if (wide) {
      MaskedPoolGrad(g, static_cast<const int64_t*>(args.in[mask]), from, din);
    } else {
      MaskedPoolGrad(g, static_cast<const int32_t*>(args.in[mask]), from, din);
    }
  });
}

template <PrepareFn Float, PrepareFn Double>
OpSchema& CpuKernels(OpSchema& schema) {
  schema.CpuKernel<float>(Float);
  schema.CpuKernel<double>(Double);
  return schema.CpuKernel<Float16, BFloat16>(ViaFloat<Float>);
}

OpSchema& CommonAttrs(OpSchema& schema, int rank) {
  return schema
      .RequiredAttr<std::vector<int32_t>>("ksize", "the window, or with adaptive the output: (depth,) height, width")
      .Attr("strides", std::vector<int32_t>(rank, 1), "step of the window: (depth,) height, width")
      .Attr("paddings", std::vector<int32_t>(rank, 0),
            "around the input: ((depth,) height, width) or ((front, back,) top, bottom, left, right)")
      .Attr("global_pooling", false, "one window over everything; ksize and paddings do not count")
      .Attr("adaptive", false, "ksize is the output's extent; bins [floor(i*in/out), ceil((i+1)*in/out))");
}

OpSchema& PoolAttrs(OpSchema& schema, int rank) {
  CommonAttrs(schema, rank)
      .RequiredAttr<std::string>("pooling_type", "max or avg")
      .Attr("exclusive", true, "averages divide by the elements inside the input, not by the window")
      .Attr("ceil_mode", false, "rounds the output's extent up")
      .Attr("data_format", rank == 3 ? "NCDHW" : "NCHW",
            "NCHW or NHWC, of volumes NCDHW or NDHWC, or AnyLayout (channels first)")
      .Attr("padding_algorithm", "EXPLICIT", "EXPLICIT (paddings), SAME (out = ceil(in / stride)) or VALID (none)");
  if (rank == 2) schema.HostInput("KernelSize", "ksize as a variable");
  return schema;
}

/// pool2d_grad is linear in what comes for an average: its own gradient pools.
std::vector<Operator> MakePoolSecondGrad(const GradContext& g) {
  return {Operator{"pool2d_double_grad", {{"grad_x@GRAD", g.OutGrad("X@GRAD")}},
                   {{"grad_out@GRAD", g.InGrad("Out@GRAD")}}, g.fwd.attrs}};
}

OpSchema PoolSchema(const char* type, const char* doc) {
  OpSchema schema(type);
  schema.Doc(doc)
      .Source("PaddlePaddle's operator of this name")
      .Input("X", "[batch, channels, (depth,) height, width], or channels last as data_format says")
      .Output("Out", "as X, with the output's extents")
      .InferShape(InferPool)
      .Gradient(StandardGrad({"X"}, {"Out"}, {"Out"}, {"X"}))
      .LayoutAware();
  return CpuKernels<PreparePool<float>, PreparePool<double>>(PoolAttrs(schema, PoolRank(type)));
}

OpSchema PoolGradSchema(const char* type, const char* doc) {
  OpSchema schema(type);
  schema.Doc(doc)
      .Input("X", "as in the forward operator")
      .OptionalInput("Out", "as in the forward operator")
      .Input("Out@GRAD", "as Out of the forward operator")
      .Output("X@GRAD", "shape and dtype of X")
      .InferShape(GradsLikeInputs());
  if (PoolRank(type) == 2) schema.Gradient(MakePoolSecondGrad);
  return CpuKernels<PreparePoolGrad<float>, PreparePoolGrad<double>>(PoolAttrs(schema, PoolRank(type)));
}

OpSchema MaskedPoolSchema(const char* type, const char* doc) {
  OpSchema schema(type);
  schema.Doc(doc)
      .Source("PaddlePaddle's operator of this name")
      .Input("X", "[batch, channels, (depth,) height, width]")
      .Output("Out", "as X, with the output's extents")
      .Output("Mask", "int32, shape of Out")
      .InferShape(InferMaskedPool)
      .Gradient(StandardGrad({"X"}, {"Mask"}, {"Out"}, {"X"}));
  return CpuKernels<PrepareMaskedPool<float>, PrepareMaskedPool<double>>(CommonAttrs(schema, PoolRank(type)));
}

OpSchema MaskedPoolGradSchema(const char* type, const char* doc) {
  OpSchema schema(type);
  schema.Doc(doc)
      .Input("X", "as in the forward operator")
      .Input("Mask", "as in the forward operator")
      .Input("Out@GRAD", "as Out of the forward operator")
      .Output("X@GRAD", "shape and dtype of X")
      .InferShape(GradsLikeInputs());
  return CpuKernels<PrepareMaskedPoolGrad<float>, PrepareMaskedPoolGrad<double>>(
      CommonAttrs(schema, PoolRank(type)));
}

OpSchema SecondPoolGradSchema() {
  OpSchema schema("pool2d_double_grad");
  schema.Doc("The gradient of pool2d_grad where it averages: grad_out@GRAD = pool2d(grad_x@GRAD).")
      .Source("slots of Paddle's pool2d_double_grad")
      .Input("grad_x@GRAD", "the gradient of pool2d_grad's X@GRAD")
      .Output("grad_out@GRAD", "as Out of pool2d")
      .InferShape(InferPoolSecondGrad);
  return CpuKernels<PrepareSecondGrad<float>, PrepareSecondGrad<double>>(PoolAttrs(schema, 2));
}

[[maybe_unused]] const OpSchema pool_schemas[] = {
    PoolSchema("pool2d", "Out = the greatest element, or the average, of each window of X."),
    PoolSchema("pool3d", "pool2d over volumes."),
    PoolGradSchema("pool2d_grad", "The gradient of pool2d; that of max goes to the first greatest element."),
    PoolGradSchema("pool3d_grad", "The gradient of pool3d; that of max goes to the first greatest element."),
    SecondPoolGradSchema(),
    MaskedPoolSchema("max_pool2d_with_index",
                     "Out = the greatest element of each window of X, Mask = its position h * width + w."),
    MaskedPoolSchema("max_pool3d_with_index",
                     "max_pool2d_with_index over volumes: Mask = (d * height + h) * width + w."),
    MaskedPoolGradSchema("max_pool2d_with_index_grad",
                         "The gradient of max_pool2d_with_index goes to the element Mask names."),
    MaskedPoolGradSchema("max_pool3d_with_index_grad",
                         "The gradient of max_pool3d_with_index goes to the element Mask names."),
};

}  // namespace

}  // namespace skiff
