#include "operators/dnnl/convolution.h"

#include <cstring>

#include "framework/tensor/memory.h"
#include "operators/dnnl/dnnl.h"
#include "operators/kernel_parts.h"

namespace skiff {

namespace {

using dnnl::memory;
using Dims = memory::dims;

// The description in the order batch, channels, extents that oneDNN wants, and back.
DnnlDesc ChannelsFirst(const DnnlDesc& desc, const ConvGeometry& g) {
  return g.channels_last ? Permuted(desc, ChannelsFirstAxes(g.window.rank)) : desc;
}
DnnlDesc InTensorOrder(const DnnlDesc& desc, const ConvGeometry& g) {
  return g.channels_last ? Permuted(desc, ChannelsLastAxes(g.window.rank)) : desc;
}

// An operand: how it lies outside, and what the primitive wants.
struct Operand {
  bool output = false;
  int index = -1;  // in KernelArgs::in or ::out
  std::shared_ptr<void> packed = nullptr;
  std::unique_ptr<DnnlReorder> reorder = nullptr;  // between outside and the primitive
  std::unique_ptr<DnnlReorder> load = nullptr;     // of an output that is added to
  size_t offset = 0;                               // of the primitive's form in the workspace
};

class DnnlConvKernel final : public Kernel {
 public:
  DnnlConvKernel(PrepareContext& c, const ConvGeometry& g, const ConvStep& step)
      : context_(&c), g_(g), step_(step) {
    WithDnnlErrors("convolution", [&] {
      DnnlThreads threads(c.num_threads());
      Build();
    });
    RequestAtLeast(c, workspace_);
    context_ = nullptr;
  }

  void Run(const KernelArgs& args) const override {
    char* work = static_cast<char*>(args.workspace);
    char* scratch = work + scratch_offset_;
    const void* pointers[5];
    for (int i = 0; i < 3; ++i) {
      const Operand& o = operands_[i];
      const void* given = o.output ? args.out[o.index] : args.in[o.index];
      if (o.packed) {
        pointers[i] = o.packed.get();
      } else if (o.reorder) {
        pointers[i] = work + o.offset;
        const auto& before = o.output ? o.load : o.reorder;
        if (before) before->Run(given, work + o.offset, scratch);
      } else {
        pointers[i] = given;
      }
    }
    int count = 3;
    if (bias_ >= 0) pointers[count++] = args.in[bias_];
    if (residual_ >= 0 && pointers[2] != args.in[residual_]) {
      std::memcpy(const_cast<void*>(pointers[2]), args.in[residual_], residual_bytes_);
    }
    pointers[count] = scratch;
    call_->Run(pointers);
    for (int i = 0; i < 3; ++i) {
      const Operand& o = operands_[i];
      if (o.output && o.reorder) o.reorder->Run(pointers[i], args.out[o.index], scratch);
    }
  }

 private:
  void Build() {
    const auto type = DnnlType(Info(step_.role == ConvRole::kForward ? step_.image : step_.feature).dtype);
    const Window& w = g_.window;
    const auto axes = [&](const int64_t(&values)[3]) { return Dims(values + w.first(), values + 3); };
    const auto dims = [&](int64_t outer, int64_t channels, const int64_t(&values)[3]) {
      Dims all = axes(values);
      all.insert(all.begin(), {outer, channels});
      return all;
    };
    const Dims image = dims(g_.batch, g_.image_channels, g_.image);
    const Dims feature = dims(g_.batch, g_.feature_channels, g_.feature);
    Dims filter = dims(g_.feature_channels, g_.image_channels / g_.groups, w.kernel);
    if (g_.groups > 1) {
      filter[0] /= g_.groups;
      filter.insert(filter.begin(), g_.groups);
    }
    const auto any = memory::format_tag::any;
    const DnnlDesc x(image, type, any), k(filter, type, any), y(feature, type, any);
    const Dims strides = axes(w.stride), before = axes(w.before), after = axes(w.after);
    Dims dilates = axes(w.dilation);
    for (int64_t& dilation : dilates) --dilation;  // oneDNN counts what lies between taps
    const auto direct = dnnl::algorithm::convolution_direct;
    using Forward = dnnl::convolution_forward;
    if (step_.role == ConvRole::kForward) {
      const auto kind = dnnl::prop_kind::forward_inference;
      const dnnl::primitive_attr attr = FusedAttr();
      const DnnlDesc bias = bias_ < 0 ? DnnlDesc() : DnnlDesc({g_.feature_channels}, type, memory::format_tag::a);
      const Forward::desc desc =
          bias_ < 0 ? Forward::desc(kind, direct, x, k, y, strides, dilates, before, after)
                    : Forward::desc(kind, direct, x, k, bias, y, strides, dilates, before, after);
      Bind(Forward::primitive_desc(desc, attr, DnnlEngine()), DNNL_ARG_SRC, DNNL_ARG_WEIGHTS,
           DNNL_ARG_DST);
      return;
    }
    const Forward::primitive_desc hint(
        Forward::desc(dnnl::prop_kind::forward_training, direct, x, k, y, strides, dilates, before, after),
        DnnlAttr(), DnnlEngine());
    if (step_.role == ConvRole::kBackwardImage) {
      using Backward = dnnl::convolution_backward_data;
      Bind(Backward::primitive_desc(Backward::desc(direct, x, k, y, strides, dilates, before, after),
                                    DnnlAttr(), DnnlEngine(), hint),
           DNNL_ARG_DIFF_SRC, DNNL_ARG_WEIGHTS, DNNL_ARG_DIFF_DST);
    } else {
      using Backward = dnnl::convolution_backward_weights;
      Bind(Backward::primitive_desc(Backward::desc(direct, x, k, y, strides, dilates, before, after),
                                    DnnlAttr(), DnnlEngine(), hint),
           DNNL_ARG_SRC, DNNL_ARG_DIFF_WEIGHTS, DNNL_ARG_DIFF_DST);
    }
  }

  // Sum and activation of fused_conv2d as post-ops; notes where bias and residual are.
  dnnl::primitive_attr FusedAttr() {
    PrepareContext& c = *context_;
    dnnl::primitive_attr attr = DnnlAttr();
    if (step_.adds) {
      dnnl::post_ops ops;
      ops.append_sum(1.0f);
      attr.set_post_ops(ops);
    }
    if (!c.attrs().Has("fuse_activation")) return attr;
    if (c.HasInput("Bias")) bias_ = c.InputIndex("Bias");
    dnnl::post_ops ops;
    if (c.HasInput("ResidualData")) {
      residual_ = c.InputIndex("ResidualData");
      ops.append_sum(1.0f);
    }
    AppendActivation(&ops, c.Attr<std::string>("fuse_activation"), c.Attr<float>("fuse_alpha"),
                     c.Attr<float>("fuse_beta"));
    attr.set_post_ops(ops);
    return attr;
  }

  template <typename PrimitiveDesc>
  void Bind(const PrimitiveDesc& pd, int image_arg, int filter_arg, int feature_arg) {
    const DnnlDesc wanted[3] = {Query(pd, image_arg), Query(pd, filter_arg), Query(pd, feature_arg)};
    std::vector<DnnlCall::Arg> args{
        {image_arg, wanted[0]}, {filter_arg, wanted[1]}, {feature_arg, wanted[2]}};
    if (bias_ >= 0) args.push_back({DNNL_ARG_BIAS, Query(pd, DNNL_ARG_BIAS)});
    args.push_back({DNNL_ARG_SCRATCHPAD, pd.scratchpad_desc()});
    call_ = std::make_unique<DnnlCall>(dnnl::primitive(pd.get()), std::move(args),
                                       context_->num_threads());
    size_t scratch = pd.scratchpad_desc().get_size();
    scratch = std::max(scratch, BindActivation(0, step_.image, wanted[0],
                                               step_.role == ConvRole::kBackwardImage));
    scratch = std::max(scratch, BindFilter(wanted[1]));
    scratch = std::max(scratch, BindActivation(2, step_.feature, wanted[2],
                                               step_.role == ConvRole::kForward));
    if (residual_ >= 0) {
      const DnnlDesc outside = InTensorOrder(wanted[2], g_);
      context_->WantInputLayout("ResidualData", 0, LayoutOf(outside));
      residual_bytes_ = outside.get_size();
    }
    scratch_offset_ = workspace_;
    workspace_ += scratch;
  }

  // Each returns the scratch memory its reorder needs.
  size_t BindActivation(int number, const std::string& slot, const DnnlDesc& wanted, bool output) {
    Operand& o = operands_[number];
    o.output = output;
    o.index = output ? context_->OutputIndex(slot) : context_->InputIndex(slot);
    const DnnlDesc in_order = InTensorOrder(wanted, g_);
    if (step_.shares_layouts) {
      if (output) {
        context_->SetOutputLayout(slot, 0, LayoutOf(in_order));
      } else {
        context_->WantInputLayout(slot, 0, LayoutOf(in_order));
      }
      return 0;
    }
    if (!output) context_->WantInputLayout(slot, 0, nullptr);
    TensorInfo plain = Info(slot);
    plain.layout = nullptr;
    return Stage(&o, ChannelsFirst(DescOf(plain), g_), wanted);
  }

  size_t BindFilter(const DnnlDesc& wanted) {
    Operand& o = operands_[1];
    o.output = step_.role == ConvRole::kBackwardFilter;
    o.index = o.output ? context_->OutputIndex(step_.filter) : context_->InputIndex(step_.filter);
    const TensorInfo& info = Info(step_.filter);
    Dims dims = wanted.dims(), strides(dims.size(), 1);
    for (int i = static_cast<int>(dims.size()) - 2; i >= 0; --i) strides[i] = strides[i + 1] * dims[i + 1];
    const DnnlDesc plain(dims, wanted.data_type(), strides);
    if (!o.output) context_->WantInputLayout(step_.filter, 0, nullptr);
    if (info.constant != nullptr && !o.output && !SameBytes(plain, wanted)) {
      o.packed = PackConstant(*context_, info, plain, wanted);
      return 0;
    }
    return Stage(&o, plain, wanted);
  }

  // Converts between `outside` and `wanted` in the workspace, where they differ.
  size_t Stage(Operand* o, const DnnlDesc& outside, const DnnlDesc& wanted) {
    if (SameBytes(outside, wanted)) return 0;
    const int threads = context_->num_threads();
    o->reorder = o->output ? std::make_unique<DnnlReorder>(wanted, outside, threads)
                           : std::make_unique<DnnlReorder>(outside, wanted, threads);
    if (o->output && step_.adds) o->load = std::make_unique<DnnlReorder>(outside, wanted, threads);
    o->offset = workspace_;
    workspace_ += AlignUp(wanted.get_size());
    return std::max(o->reorder->scratch_bytes(), o->load ? o->load->scratch_bytes() : 0);
  }

  template <typename PrimitiveDesc>
  static DnnlDesc Query(const PrimitiveDesc& pd, int arg) {
    return pd.query_md(dnnl::query::exec_arg_md, arg);
  }

  const TensorInfo& Info(const std::string& slot) const {
    return context_->HasInput(slot) ? context_->Input(slot) : context_->Output(slot);
  }

  PrepareContext* context_;  // while preparing
  const ConvGeometry g_;
  const ConvStep step_;
  Operand operands_[3];      // image, filter, feature
  std::unique_ptr<DnnlCall> call_;
  int bias_ = -1, residual_ = -1;
  size_t residual_bytes_ = 0;
  size_t workspace_ = 0, scratch_offset_ = 0;
};

}  // namespace

std::unique_ptr<Kernel> PrepareDnnlConv(PrepareContext& context, const ConvGeometry& geometry,
                                        const ConvStep& step) {
  return std::make_unique<DnnlConvKernel>(context, geometry, step);
}

}  // namespace skiff
