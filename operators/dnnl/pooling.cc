#include "operators/dnnl/pooling.h"

#include "operators/dnnl/dnnl.h"

namespace skiff {

using Dims = dnnl::memory::dims;

std::unique_ptr<Kernel> PrepareDnnlPool(PrepareContext& context, const PoolGeometry& g) {
  const Window& w = g.window;
  if (!g.HasEqualWindows()) return nullptr;
  const auto axes = [&](const int64_t(&values)[3]) { return Dims(values + w.first(), values + 3); };
  int64_t after[3] = {};
  for (int i = w.first(); i < 3; ++i) {
    after[i] = (g.out[i] - 1) * w.stride[i] + w.kernel[i] - g.in[i] - w.before[i];
    // oneDNN divides by the whole window, Paddle by what input and leading padding cover.
    if (!g.is_max && !g.exclusive && !g.adaptive && after[i] > w.before[i]) return nullptr;
    if (after[i] >= w.kernel[i] || w.before[i] >= w.kernel[i]) return nullptr;  // a window of padding alone
    if (after[i] < 0) return nullptr;  // windows that do not reach the end
  }
  using dnnl::algorithm;
  const algorithm kind = g.is_max ? algorithm::pooling_max
                         : g.exclusive || g.adaptive ? algorithm::pooling_avg_exclude_padding
                                                     : algorithm::pooling_avg_include_padding;
  return WithDnnlErrors("pooling", [&]() -> std::unique_ptr<Kernel> {
    DnnlThreads threads(context.num_threads());
    const TensorInfo& x = context.Input("X");
    DnnlDesc in = DescOf(x);
    if (g.channels_last) in = Permuted(in, ChannelsFirstAxes(w.rank));
    Dims extents = axes(g.out);
    extents.insert(extents.begin(), {g.batch, g.channels});
    const DnnlDesc any(extents, in.data_type(), dnnl::memory::format_tag::any);
    const dnnl::pooling_forward::primitive_desc pd(
        dnnl::pooling_forward::desc(dnnl::prop_kind::forward_inference, kind, in, any,
                                    axes(w.stride), axes(w.kernel), axes(w.before), axes(after)),
        DnnlAttr(), DnnlEngine());
    DnnlDesc out = pd.dst_desc();
    context.WantInputLayout("X", 0, x.layout);
    context.SetOutputLayout("Out", 0, LayoutOf(g.channels_last ? Permuted(out, ChannelsLastAxes(w.rank)) : out));
    context.RequestWorkspace(pd.scratchpad_desc().get_size());
    struct PoolKernel final : Kernel {
      explicit PoolKernel(DnnlCall prepared) : call(std::move(prepared)) {}
      void Run(const KernelArgs& args) const override {
        call.Run({args.in[0], args.out[0], args.workspace});
      }
      DnnlCall call;
    };
    return std::make_unique<PoolKernel>(
        DnnlCall(dnnl::pooling_forward(pd),
                 {{DNNL_ARG_SRC, in}, {DNNL_ARG_DST, out}, {DNNL_ARG_SCRATCHPAD, pd.scratchpad_desc()}},
                 context.num_threads()));
  });
}

}  // namespace skiff
