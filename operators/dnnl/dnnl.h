// What the kernels that call oneDNN share: the engine, descriptions of tensors, threads, prepared
// calls, and blocked formats as skiff layouts. Operators include this; nothing outside operators/ does.
#pragma once

#include <dnnl.hpp>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "framework/op/kernel.h"

namespace skiff {

using DnnlDesc = dnnl::memory::desc;

/// The CPU engine; one for the process, never destroyed.
const dnnl::engine& DnnlEngine();
/// True when this CPU computes in bfloat16 by itself (AVX-512 BF16 or AMX).
bool DnnlHasNativeBFloat16();

/// oneDNN's name of the dtype. @throws Unimplemented for one it does not have (float64, int64, ...).
dnnl::memory::data_type DnnlType(DType dtype);
/// A plain (C order) tensor.
DnnlDesc PlainDesc(const Shape& shape, DType dtype);
/// A tensor as it lies: in its layout, or plain.
DnnlDesc DescOf(const TensorInfo& info);
/// The same memory with axis i of the result being axis `axes[i]` of `desc`.
DnnlDesc Permuted(const DnnlDesc& desc, const std::vector<int>& axes);
/// For an image of `rank` axes with channels last: the axes in the order batch, channels, extents, and of
/// one in this order those with channels last.
std::vector<int> ChannelsFirstAxes(int rank);
std::vector<int> ChannelsLastAxes(int rank);
/// True when the elements lie in C order without padding, whatever the strides of axes of extent 1.
bool IsPlain(const DnnlDesc& desc);
/// True when both describe the same bytes, whatever the strides of axes of extent 1.
bool SameBytes(const DnnlDesc& a, const DnnlDesc& b);
/// The whole description as text: a key for packed weights.
std::string FormOf(const DnnlDesc& desc);

/// Runs `f`, turning oneDNN's exceptions into skiff's. `what` names the primitive.
template <typename F>
auto WithDnnlErrors(const char* what, F f) -> decltype(f()) {
  try {
    return f();
  } catch (const dnnl::error& error) {
    if (error.status == dnnl_out_of_memory) {
      throw ResourceExhausted(StrCat("oneDNN ", what, ": out of memory"));
    }
    if (error.status == dnnl_unimplemented) {
      throw Unimplemented(StrCat("oneDNN ", what, ": not implemented for these operands"));
    }
    throw Internal(StrCat("oneDNN ", what, ": ", error.message));
  }
}

/// Lowers or raises OpenMP's thread number of the calling thread while it lives. oneDNN asks for it both
/// when it creates primitives and when it runs them, and the two must agree.
class DnnlThreads {
 public:
  explicit DnnlThreads(int num_threads);
  ~DnnlThreads();
  DnnlThreads(const DnnlThreads&) = delete;
  DnnlThreads& operator=(const DnnlThreads&) = delete;

 private:
  int before_;
};

/// Attributes every primitive here is made with: the caller brings the scratchpad.
dnnl::primitive_attr DnnlAttr();

/// A primitive with the descriptions of its arguments. Many threads may run it at once: memory objects
/// are pooled, so that a steady caller makes none.
class DnnlCall {
 public:
  struct Arg {
    int id;  // DNNL_ARG_...
    DnnlDesc desc;
  };
  /// The last argument may be empty (a scratchpad that is not needed); it is then left out.
  DnnlCall(dnnl::primitive primitive, std::vector<Arg> args, int num_threads);
  DnnlCall(DnnlCall&& other) noexcept;
  ~DnnlCall();

  /// `pointers` in the order of the arguments.
  /// The primitive runs with the thread number it was prepared for.
  void Run(std::initializer_list<const void*> pointers) const { Run(pointers.begin()); }
  void Run(const void* const* pointers) const;

 private:
  struct Bound;
  std::unique_ptr<Bound> MakeBound() const;

  dnnl::primitive primitive_;
  std::vector<Arg> args_;
  int num_threads_;
  struct Pool;
  std::unique_ptr<Pool> pool_;
};

/// Copies between two formats of the same extents.
class DnnlReorder {
 public:
  DnnlReorder(const DnnlDesc& from, const DnnlDesc& to, int num_threads);
  /// Bytes of scratch memory, mostly 0.
  size_t scratch_bytes() const { return scratch_bytes_; }
  void Run(const void* from, void* to, void* scratch) const;
  /// The same where nobody planned for scratch memory.
  void Run(const void* from, void* to) const;

 private:
  std::unique_ptr<DnnlCall> call_;
  size_t scratch_bytes_ = 0;
};

/// A oneDNN format as a skiff layout; axes in the tensor's own order.
class DnnlLayout final : public Layout {
 public:
  explicit DnnlLayout(DnnlDesc desc) : desc_(std::move(desc)) {}
  const DnnlDesc& desc() const { return desc_; }
  size_t bytes() const override { return desc_.get_size(); }
  bool Equals(const Layout& other) const override;
  std::string ToString() const override;
  std::unique_ptr<Kernel> ReorderTo(const Layout* to, int num_threads) const override;
  std::unique_ptr<Kernel> ReorderFromPlain(int num_threads) const override;

 private:
  DnnlDesc desc_;
};

/// The layout of a description; null when it is plain.
LayoutPtr LayoutOf(const DnnlDesc& desc);

/// The constant in another format, made once per model. `from` describes it as it lies.
std::shared_ptr<void> PackConstant(const PrepareContext& context, const TensorInfo& constant,
                                   const DnnlDesc& from, const DnnlDesc& to);

/// The named activation over `count` floats in place (two arguments, the same);
/// null for what one primitive cannot express.
std::unique_ptr<DnnlCall> MakeDnnlActivation(const std::string& name, float alpha, int64_t count,
                                             int num_threads);

/// Adds the named activation ("relu", "gelu", ...; "" and "identity" add nothing) to post-ops.
/// @throws Unimplemented naming an activation that is not known.
void AppendActivation(dnnl::post_ops* ops, const std::string& name, float alpha, float beta);

}  // namespace skiff
