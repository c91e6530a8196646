// Two-phase kernels. Prepare sees dtypes, shapes, attributes, the place and which inputs are constant:
// it chooses the algorithm, builds library primitives, packs weights and asks for workspace. Run sees
// pointers. Nothing on the running path allocates, hashes, looks up a string or parses an attribute.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "framework/base/place.h"
#include "framework/op/infer.h"
#include "framework/tensor/value.h"

namespace skiff {

/// What Run sees. Pointers are in the order of the schema's slots: a slot of one variable has one
/// entry (null when absent), a slot of many has one for each.
struct KernelArgs {
  const void* const* in;
  void* const* out;
  void* workspace;      // as many bytes as Prepare asked for, kAlignment aligned
  void* stream;         // cudaStream_t on a card, null on the CPU
  uint64_t seed;        // of this run: random kernels mix it with their own
  int num_threads;      // at most this many on the CPU
};

/// A prepared operator: immutable, so that many threads may run it at once.
class Kernel {
 public:
  virtual ~Kernel() = default;
  virtual void Run(const KernelArgs& args) const = 0;
};

/// A kernel from a callable `void(const KernelArgs&)`.
template <typename F>
std::unique_ptr<Kernel> MakeKernel(F run) {
  struct Callable final : Kernel {
    explicit Callable(F f) : run(std::move(f)) {}
    void Run(const KernelArgs& args) const override { run(args); }
    F run;
  };
  return std::make_unique<Callable>(std::move(run));
}

/// How a tensor's elements lie in memory where that is not plain C order: the blocked formats that
/// convolutions choose. Null stands for plain everywhere.
class Layout {
 public:
  virtual ~Layout() = default;
  virtual size_t bytes() const = 0;  // padding included
  virtual bool Equals(const Layout& other) const = 0;
  virtual std::string ToString() const = 0;
  /// A kernel of one input and one output that reorders from this layout to `to`, or to plain when it
  /// is null.
  virtual std::unique_ptr<Kernel> ReorderTo(const Layout* to, int num_threads) const = 0;
  /// The same from plain to this layout.
  virtual std::unique_ptr<Kernel> ReorderFromPlain(int num_threads) const = 0;
};
using LayoutPtr = std::shared_ptr<const Layout>;
inline bool SameLayout(const LayoutPtr& a, const LayoutPtr& b) {
  return a == b || (a && b && a->Equals(*b));
}

/// What Prepare knows of one variable.
struct TensorInfo {
  DType dtype = DType::kUndefined;
  Shape shape = {};
  LayoutPtr layout = nullptr;     // plain when null
  /// The data at the kernel's place when it never changes (a frozen parameter, a folded value), else
  /// null. Stays valid as long as the kernel.
  const void* constant = nullptr;
  /// Which constant it is: the same key and pointer mean the same data. See PrepareContext::Pack.
  std::string constant_key = {};
};

/// Packed forms of constants, shared by all plans of one model.
class PackCache {
 public:
  virtual ~PackCache() = default;
  virtual std::shared_ptr<void> FindOrMake(const std::string& key,
                                           const std::function<std::shared_ptr<void>()>& make) = 0;
};

class PrepareContext {
 public:
  struct Slot {
    std::string name;
    int begin = 0;  // index of its first pointer in KernelArgs
    int count = 0;  // variables in it
  };

  PrepareContext(const Operator& op, const Attrs& attrs, Place place, int num_threads)
      : op_(op), attrs_(attrs), place_(place), num_threads_(num_threads) {}

  const Operator& op() const { return op_; }
  /// Complete: defaults filled in.
  const Attrs& attrs() const { return attrs_; }
  template <typename T>
  T Attr(const std::string& name) const { return attrs_.Get<T>(name); }
  const Place& place() const { return place_; }
  int num_threads() const { return num_threads_; }

  bool HasInput(const std::string& slot) const { return FindSlot(input_slots, slot).count > 0; }
  bool HasOutput(const std::string& slot) const { return FindSlot(output_slots, slot).count > 0; }
  int NumInputs(const std::string& slot) const { return FindSlot(input_slots, slot).count; }
  int NumOutputs(const std::string& slot) const { return FindSlot(output_slots, slot).count; }
  /// Index of a variable's pointer in KernelArgs::in and ::out.
  int InputIndex(const std::string& slot, int i = 0) const { return FindSlot(input_slots, slot).begin + i; }
  int OutputIndex(const std::string& slot, int i = 0) const { return FindSlot(output_slots, slot).begin + i; }
  const TensorInfo& Input(const std::string& slot, int i = 0) const { return inputs.at(InputIndex(slot, i)); }
  const TensorInfo& Output(const std::string& slot, int i = 0) const { return outputs.at(OutputIndex(slot, i)); }
  /// Elements of an integer input that the schema declares a HostValue: known when preparing.
  /// Empty when the slot is.
  std::vector<int64_t> HostValues(const std::string& slot, int i = 0) const;

  /// Bytes Run will find at KernelArgs::workspace. The last call counts.
  void RequestWorkspace(size_t bytes) { workspace_bytes = bytes; }

  /// For operators declared LayoutAware: the layout this input must have when Run is called (null:
  /// plain). The plan reorders it when it differs from Input(slot).layout. Without a call the input
  /// comes as it is for LayoutAware operators, and plain for all others.
  void WantInputLayout(const std::string& slot, int i, LayoutPtr layout) {
    wanted_layouts.at(InputIndex(slot, i)) = std::move(layout);
  }
  void SetOutputLayout(const std::string& slot, int i, LayoutPtr layout) {
    outputs.at(OutputIndex(slot, i)).layout = std::move(layout);
  }

  /// A packed form of a constant input, made once per model: `form` names the form (the primitive's
  /// weight layout, say). The kernel keeps the pointer.
  std::shared_ptr<void> Pack(const TensorInfo& constant, const std::string& form,
                             const std::function<std::shared_ptr<void>()>& make) const {
    if (pack_cache == nullptr || constant.constant_key.empty()) return make();
    return pack_cache->FindOrMake(constant.constant_key + "|" + form, make);
  }

  // Filled by the planner, in the order of KernelArgs.
  std::vector<Slot> input_slots, output_slots;
  std::vector<TensorInfo> inputs, outputs;
  std::vector<LayoutPtr> wanted_layouts;  // starts as the inputs' own
  std::vector<std::vector<int64_t>> host_values;
  PackCache* pack_cache = nullptr;
  size_t workspace_bytes = 0;

 private:
  static const Slot& FindSlot(const std::vector<Slot>& slots, const std::string& name);

  const Operator& op_;
  const Attrs& attrs_;
  Place place_;
  int num_threads_;
};

using PrepareFn = std::unique_ptr<Kernel> (*)(PrepareContext&);

/// What the kernels of operators whose outputs depend on data see (where_index, while, print,
/// SelectedRows and tensor arrays): values instead of pointers. Such an operator ends a segment of the
/// plan.
class DynamicContext {
 public:
  virtual ~DynamicContext() = default;
  virtual const Operator& op() const = 0;
  virtual const Attrs& attrs() const = 0;
  virtual const Place& place() const = 0;
  virtual int num_threads() const = 0;
  virtual void* stream() const = 0;
  virtual uint64_t seed() const = 0;
  virtual int NumInputs(const std::string& slot) const = 0;
  virtual int NumOutputs(const std::string& slot) const = 0;
  /// @throws NotFound when the slot has no such variable.
  virtual const Value& Input(const std::string& slot, int i = 0) const = 0;
  virtual Value& Output(const std::string& slot, int i = 0) = 0;
  /// Runs a sub-block over the variables visible to this operator.
  virtual void RunBlock(int block_idx) = 0;

  /// @throws InvalidType when the input is no dense tensor.
  const Tensor& InputTensor(const std::string& slot, int i = 0) const;
  /// Replaces the output by a fresh tensor at place() and returns it.
  Tensor& NewOutput(const std::string& slot, const Shape& shape, DType dtype, int i = 0);
};
using DynamicFn = void (*)(DynamicContext&);

/// Instruction sets that kernels are compiled for, weakest first.
enum class Isa : int8_t { kBase = 0, kAvx2 = 1, kAvx512 = 2 };
/// The best one this CPU has, or what the environment's SKIFF_ISA=base|avx2|avx512 lowers it to.
/// @throws InvalidArgument when SKIFF_ISA names none of these.
Isa CpuIsa();
const char* ToString(Isa isa);

struct KernelEntry {
  PlaceKind place;
  DType dtype;   // of the schema's key variable; kUndefined serves any
  PrepareFn prepare;
};

}  // namespace skiff
