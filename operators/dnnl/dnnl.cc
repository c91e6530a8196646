#include "operators/dnnl/dnnl.h"

#include <omp.h>

#include <atomic>
#include <cstring>
#include <sstream>

#include "framework/base/error.h"
#include "framework/tensor/memory.h"
#include "operators/activation_name.h"

namespace skiff {

namespace {

// A stream belongs to the thread that uses it; on the CPU it is only a token.
dnnl::stream& ThreadStream() {
  thread_local dnnl::stream stream(DnnlEngine());
  return stream;
}

DnnlDesc PlainLike(const DnnlDesc& desc) {
  dnnl::memory::dims dims = desc.dims(), strides(dims.size(), 1);
  for (int i = static_cast<int>(dims.size()) - 2; i >= 0; --i) {
    strides[i] = strides[i + 1] * std::max<dnnl_dim_t>(dims[i + 1], 1);
  }
  return {dims, desc.data_type(), strides};
}

class ReorderKernel final : public Kernel {
 public:
  ReorderKernel(const DnnlDesc& from, const DnnlDesc& to, int num_threads)
      : reorder_(from, to, num_threads) {}
  void Run(const KernelArgs& args) const override { reorder_.Run(args.in[0], args.out[0]); }

 private:
  DnnlReorder reorder_;
};

}  // namespace

const dnnl::engine& DnnlEngine() {
  static auto* engine = new dnnl::engine(dnnl::engine::kind::cpu, 0);
  return *engine;
}

bool DnnlHasNativeBFloat16() {
  static const bool native = [] {
    const dnnl::cpu_isa isa = dnnl::get_effective_cpu_isa();
    return isa == dnnl::cpu_isa::avx512_core_bf16 || isa == dnnl::cpu_isa::avx512_core_amx;
  }();
  return native;
}

dnnl::memory::data_type DnnlType(DType dtype) {
  switch (dtype) {
    case DType::kFloat32: return dnnl::memory::data_type::f32;
    case DType::kBFloat16: return dnnl::memory::data_type::bf16;
    case DType::kFloat16: return dnnl::memory::data_type::f16;
    case DType::kInt32: return dnnl::memory::data_type::s32;
    case DType::kInt8: return dnnl::memory::data_type::s8;
    case DType::kUInt8: return dnnl::memory::data_type::u8;
    default: break;
  }
  throw Unimplemented(StrCat("oneDNN has no ", dtype));
}

DnnlDesc PlainDesc(const Shape& shape, DType dtype) {
  dnnl::memory::dims dims = shape.ToVector(), strides(dims.size(), 1);
  for (int i = static_cast<int>(dims.size()) - 2; i >= 0; --i) {
    strides[i] = strides[i + 1] * std::max<int64_t>(dims[i + 1], 1);
  }
  return {dims, DnnlType(dtype), strides};
}

DnnlDesc DescOf(const TensorInfo& info) {
  if (info.layout == nullptr) return PlainDesc(info.shape, info.dtype);
  const auto* layout = dynamic_cast<const DnnlLayout*>(info.layout.get());
  SKIFF_ENFORCE(layout != nullptr, Internal, "a CPU kernel met the foreign layout ",
                info.layout->ToString());
  return layout->desc();
}

DnnlDesc Permuted(const DnnlDesc& desc, const std::vector<int>& axes) {
  std::vector<int> inverse(axes.size());
  for (size_t i = 0; i < axes.size(); ++i) inverse[axes[i]] = static_cast<int>(i);
  return desc.permute_axes(inverse);
}

std::vector<int> ChannelsFirstAxes(int rank) {
  std::vector<int> axes{0, rank + 1};
  for (int i = 1; i <= rank; ++i) axes.push_back(i);
  return axes;
}

std::vector<int> ChannelsLastAxes(int rank) {
  std::vector<int> axes{0};
  for (int i = 2; i < rank + 2; ++i) axes.push_back(i);
  axes.push_back(1);
  return axes;
}

bool SameBytes(const DnnlDesc& a, const DnnlDesc& b) {
  if (a == b) return true;
  const dnnl_memory_desc_t &x = a.data, &y = b.data;
  if (x.ndims != y.ndims || x.data_type != y.data_type || x.offset0 != y.offset0 ||
      x.format_kind != dnnl_blocked || y.format_kind != dnnl_blocked) {
    return false;
  }
  const dnnl_blocking_desc_t &p = x.format_desc.blocking, &q = y.format_desc.blocking;
  if (p.inner_nblks != q.inner_nblks) return false;
  for (int i = 0; i < p.inner_nblks; ++i) {
    if (p.inner_blks[i] != q.inner_blks[i] || p.inner_idxs[i] != q.inner_idxs[i]) return false;
  }
  for (int i = 0; i < x.ndims; ++i) {
    if (x.dims[i] != y.dims[i] || x.padded_dims[i] != y.padded_dims[i]) return false;
    if (x.padded_dims[i] > 1 && p.strides[i] != q.strides[i]) return false;
  }
  return true;
}

bool IsPlain(const DnnlDesc& desc) { return SameBytes(desc, PlainLike(desc)); }

std::string FormOf(const DnnlDesc& desc) {
  const dnnl_memory_desc_t& d = desc.data;
  const dnnl_blocking_desc_t& b = d.format_desc.blocking;
  std::ostringstream text;
  text << "t" << d.data_type << " k" << d.format_kind << " x" << d.extra.flags;
  for (int i = 0; i < d.ndims; ++i) {
    text << (i == 0 ? " " : ",") << d.dims[i] << "/" << d.padded_dims[i] << ":" << b.strides[i];
  }
  for (int i = 0; i < b.inner_nblks; ++i) {
    text << " " << b.inner_blks[i] << static_cast<char>('a' + b.inner_idxs[i]);
  }
  return text.str();
}

DnnlThreads::DnnlThreads(int num_threads) : before_(omp_get_max_threads()) {
  if (num_threads != before_) omp_set_num_threads(num_threads);
}

DnnlThreads::~DnnlThreads() {
  if (omp_get_max_threads() != before_) omp_set_num_threads(before_);
}

dnnl::primitive_attr DnnlAttr() {
  dnnl::primitive_attr attr;
  attr.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  return attr;
}

// Memory objects of one running call, their handles as last set.
struct DnnlCall::Bound {
  std::vector<dnnl::memory> memories;
  std::vector<const void*> handles;
  std::vector<dnnl_exec_arg_t> list;
};

// Rests the memory objects of finished calls. One per thread that ever ran at the same time is enough;
// more than kSlots at once make their own.
struct DnnlCall::Pool {
  static constexpr int kSlots = 8;
  std::atomic<Bound*> slots[kSlots] = {};

  ~Pool() {
    for (std::atomic<Bound*>& slot : slots) delete slot.load();
  }
  std::unique_ptr<Bound> Take() {
    for (std::atomic<Bound*>& slot : slots) {
      if (slot.load(std::memory_order_relaxed) == nullptr) continue;
      if (Bound* found = slot.exchange(nullptr, std::memory_order_acquire)) {
        return std::unique_ptr<Bound>(found);
      }
    }
    return nullptr;
  }
  void Give(std::unique_ptr<Bound> bound) {
    for (std::atomic<Bound*>& slot : slots) {
      Bound* empty = nullptr;
      if (slot.compare_exchange_strong(empty, bound.get(), std::memory_order_release,
                                       std::memory_order_relaxed)) {
        bound.release();
        return;
      }
    }
  }
};

DnnlCall::DnnlCall(dnnl::primitive primitive, std::vector<Arg> args, int num_threads)
    : primitive_(std::move(primitive)),
      args_(std::move(args)),
      num_threads_(num_threads),
      pool_(std::make_unique<Pool>()) {
  // An empty scratchpad is no argument.
  if (args_.back().desc.get_size() == 0) args_.pop_back();
}

DnnlCall::DnnlCall(DnnlCall&& other) noexcept = default;
DnnlCall::~DnnlCall() = default;

std::unique_ptr<DnnlCall::Bound> DnnlCall::MakeBound() const {
  auto bound = std::make_unique<Bound>();
  for (const Arg& arg : args_) {
    bound->memories.emplace_back(arg.desc, DnnlEngine(), nullptr);
    bound->handles.push_back(nullptr);
    bound->list.push_back({arg.id, bound->memories.back().get()});
  }
  return bound;
}

void DnnlCall::Run(const void* const* pointers) const {
  WithDnnlErrors("execute", [&] {
    std::unique_ptr<Bound> bound = pool_->Take();
    if (bound == nullptr) bound = MakeBound();
    dnnl::stream& stream = ThreadStream();
    for (size_t i = 0; i < args_.size(); ++i) {
      if (bound->handles[i] == pointers[i]) continue;
      dnnl::error::wrap_c_api(
          dnnl_memory_set_data_handle_v2(bound->memories[i].get(), const_cast<void*>(pointers[i]),
                                         stream.get()),
          "memory handle");
      bound->handles[i] = pointers[i];
    }
    {
      DnnlThreads threads(num_threads_);
      dnnl::error::wrap_c_api(
          dnnl_primitive_execute(primitive_.get(), stream.get(),
                                 static_cast<int>(bound->list.size()), bound->list.data()),
          "execute");
    }
    pool_->Give(std::move(bound));
  });
}

DnnlReorder::DnnlReorder(const DnnlDesc& from, const DnnlDesc& to, int num_threads) {
  WithDnnlErrors("reorder", [&] {
    DnnlThreads threads(num_threads);
    dnnl::reorder::primitive_desc pd(DnnlEngine(), from, DnnlEngine(), to, DnnlAttr());
    scratch_bytes_ = pd.scratchpad_desc().get_size();
    call_ = std::make_unique<DnnlCall>(
        dnnl::reorder(pd),
        std::vector<DnnlCall::Arg>{{DNNL_ARG_FROM, from}, {DNNL_ARG_TO, to},
                                   {DNNL_ARG_SCRATCHPAD, pd.scratchpad_desc()}},
        num_threads);
  });
}

void DnnlReorder::Run(const void* from, void* to, void* scratch) const {
  call_->Run({from, to, scratch_bytes_ == 0 ? nullptr : scratch});
}

void DnnlReorder::Run(const void* from, void* to) const {
  if (scratch_bytes_ == 0) return Run(from, to, nullptr);
  const std::shared_ptr<void> scratch = Allocate(CPUPlace{}, scratch_bytes_);
  Run(from, to, scratch.get());
}

bool DnnlLayout::Equals(const Layout& other) const {
  const auto* same_kind = dynamic_cast<const DnnlLayout*>(&other);
  return same_kind != nullptr && SameBytes(desc_, same_kind->desc_);
}

std::string DnnlLayout::ToString() const { return "oneDNN " + FormOf(desc_); }

std::unique_ptr<Kernel> DnnlLayout::ReorderTo(const Layout* to, int num_threads) const {
  if (to == nullptr) return std::make_unique<ReorderKernel>(desc_, PlainLike(desc_), num_threads);
  const auto* layout = dynamic_cast<const DnnlLayout*>(to);
  SKIFF_ENFORCE(layout != nullptr, Internal, "cannot reorder to the foreign layout ", to->ToString());
  return std::make_unique<ReorderKernel>(desc_, layout->desc_, num_threads);
}

std::unique_ptr<Kernel> DnnlLayout::ReorderFromPlain(int num_threads) const {
  return std::make_unique<ReorderKernel>(PlainLike(desc_), desc_, num_threads);
}

LayoutPtr LayoutOf(const DnnlDesc& desc) {
  return IsPlain(desc) ? nullptr : std::make_shared<DnnlLayout>(desc);
}

std::shared_ptr<void> PackConstant(const PrepareContext& context, const TensorInfo& constant,
                                   const DnnlDesc& from, const DnnlDesc& to) {
  return context.Pack(constant, FormOf(from) + " -> " + FormOf(to), [&] {
    std::shared_ptr<void> packed = Allocate(CPUPlace{}, to.get_size());
    DnnlReorder(from, to, context.num_threads()).Run(constant.constant, packed.get());
    return packed;
  });
}

std::unique_ptr<DnnlCall> MakeDnnlActivation(const std::string& name, float alpha, int64_t count,
                                             int num_threads) {
  using dnnl::algorithm;
  algorithm kind = algorithm::undef;
  switch (ParseActivation(name)) {
    case Activation::kSigmoid: kind = algorithm::eltwise_logistic; break;
    case Activation::kTanh: kind = algorithm::eltwise_tanh; break;
    case Activation::kSwish: kind = algorithm::eltwise_swish; break;
    case Activation::kGelu: kind = algorithm::eltwise_gelu_erf; break;
    case Activation::kGeluTanh: kind = algorithm::eltwise_gelu_tanh; break;
    case Activation::kMish: kind = algorithm::eltwise_mish; break;
    case Activation::kElu: kind = algorithm::eltwise_elu; break;
    default: return nullptr;
  }
  return WithDnnlErrors("activation", [&] {
    DnnlThreads threads(num_threads);
    const DnnlDesc desc({count}, dnnl::memory::data_type::f32, dnnl::memory::format_tag::a);
    const dnnl::eltwise_forward::primitive_desc pd(
        dnnl::eltwise_forward::desc(dnnl::prop_kind::forward_inference, kind, desc, alpha, 0.0f),
        DnnlAttr(), DnnlEngine());
    SKIFF_ENFORCE(pd.scratchpad_desc().get_size() == 0, Internal, "an activation wants a scratchpad");
    return std::make_unique<DnnlCall>(
        dnnl::eltwise_forward(pd),
        std::vector<DnnlCall::Arg>{{DNNL_ARG_SRC, desc}, {DNNL_ARG_DST, desc}}, num_threads);
  });
}

void AppendActivation(dnnl::post_ops* ops, const std::string& name, float alpha, float beta) {
  using dnnl::algorithm;
  const auto add = [&](algorithm kind, float a = 0, float b = 0) {
    ops->append_eltwise(1.0f, kind, a, b);
  };
  switch (ParseActivation(name)) {
    case Activation::kIdentity: return;
    case Activation::kRelu: return add(algorithm::eltwise_relu);
    case Activation::kRelu6: return add(algorithm::eltwise_clip, 0, alpha);
    case Activation::kLeakyRelu: return add(algorithm::eltwise_relu, alpha);
    case Activation::kSigmoid: return add(algorithm::eltwise_logistic);
    case Activation::kTanh: return add(algorithm::eltwise_tanh);
    case Activation::kSwish: return add(algorithm::eltwise_swish, alpha);
    case Activation::kGelu: return add(algorithm::eltwise_gelu_erf);
    case Activation::kGeluTanh: return add(algorithm::eltwise_gelu_tanh);
    case Activation::kMish: return add(algorithm::eltwise_mish);
    case Activation::kHardSwish: return add(algorithm::eltwise_hardswish);
    case Activation::kHardSigmoid:
      add(algorithm::eltwise_linear, alpha, beta);
      return add(algorithm::eltwise_clip, 0, 1);
    case Activation::kElu: return add(algorithm::eltwise_elu, alpha);
  }
}

}  // namespace skiff
