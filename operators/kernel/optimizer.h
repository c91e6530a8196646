// What the optimizers share: tensors that an update reads and writes, scalars that lie in memory, and
// the way a gradient of selected rows is brought to the dense kernels.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "framework/op/prepare.h"
#include "operators/kernel/for_each.h"
#include "operators/kernel/selected_rows.h"
#include "operators/kernel_parts.h"

namespace skiff {
inline namespace SKIFF_VARIANT {

/// One tensor of an update, read at an index and written there. Beside parameters of a half type
/// (T) it may be stored wide, in float.
template <typename T>
struct State {
  using C = Compute<T>;
  const void* in = nullptr;
  void* out = nullptr;
  bool wide = false;

  SKIFF_HD C Get(int64_t i) const {
    if constexpr (!std::is_same_v<T, C>) {
      if (!wide) return LoadElement(static_cast<const T*>(in)[i]);
    }
    return static_cast<const C*>(in)[i];
  }
  SKIFF_HD void Set(int64_t i, C v) const {
    if constexpr (!std::is_same_v<T, C>) {
      if (!wide) {
        static_cast<T*>(out)[i] = StoreElement<T>(v);
        return;
      }
    }
    static_cast<C*>(out)[i] = v;
  }
};

/// Parameter and, where there is one, the wide master copy that is updated in its stead.
template <typename T>
struct ParamState {
  using C = Compute<T>;
  State<T> param, master;

  SKIFF_HD C Get(int64_t i) const {
    if constexpr (!std::is_same_v<T, C>) {
      if (master.in != nullptr) return master.Get(i);
    }
    return param.Get(i);
  }
  SKIFF_HD void Set(int64_t i, C v) const {
    if constexpr (!std::is_same_v<T, C>) {
      if (master.out != nullptr) master.Set(i, v);
    }
    param.Set(i, v);
  }
};

/// A tensor of one element, float32 or float64.
struct ScalarRef {
  const void* in = nullptr;
  bool is_double = false;

  template <typename C>
  SKIFF_HD C Get() const {
    return is_double ? static_cast<C>(*static_cast<const double*>(in))
                     : static_cast<C>(*static_cast<const float*>(in));
  }
  /// As Get, with `fallback` where the tensor is absent.
  template <typename C>
  SKIFF_HD C Get(C fallback) const { return in == nullptr ? fallback : Get<C>(); }
};

/// Where an update finds its variables, read when preparing.
class UpdateSlots {
 public:
  /// `i`: which parameter of an operator that updates several. `dense_grad`: whether Grad has its shape.
  explicit UpdateSlots(const PrepareContext& context, int i = 0, bool dense_grad = true) : context_(context), i_(i) {
    size_ = context.Input("Param", i).shape.NumElements();
    const TensorInfo& grad = context.Input("Grad", i);
    SKIFF_ENFORCE(!dense_grad || grad.shape.NumElements() == size_, InvalidArgument, "Grad is ", grad.shape,
                  ", Param is ", context.Input("Param", i).shape, "; they must be equal");
  }

  struct StateSlot {
    int in = -1, out = -1;
    bool wide = false;
    template <typename T>
    State<T> Bind(const KernelArgs& args) const {
      return {in < 0 ? nullptr : args.in[in], out < 0 ? nullptr : args.out[out], wide};
    }
  };
  struct ScalarSlot {
    int in = -1;
    bool is_double = false;
    ScalarRef Bind(const KernelArgs& args) const { return {in < 0 ? nullptr : args.in[in], is_double}; }
  };

  /// `in` and "<in>Out".
  StateSlot Both(const std::string& in) const {
    StateSlot slot = Read(in);
    if (context_.HasOutput(in + "Out")) slot.out = context_.OutputIndex(in + "Out", i_);
    return slot;
  }
  StateSlot Read(const std::string& in) const {
    StateSlot slot;
    if (!context_.HasInput(in)) return slot;
    const TensorInfo& info = context_.Input(in, i_);
    SKIFF_ENFORCE(info.shape.NumElements() == size_, InvalidArgument, in, " is ", info.shape,
                  ", Param is ", context_.Input("Param", i_).shape, "; they must be equal");
    slot.in = context_.InputIndex(in, i_);
    const DType param = context_.Input("Param", i_).dtype;
    slot.wide = info.dtype != param;
    SKIFF_ENFORCE(!slot.wide || info.dtype == ComputeDType(param), InvalidType, in, " is ", info.dtype,
                  " beside a parameter of ", param, "; it may be that or ", ComputeDType(param));
    return slot;
  }
  ScalarSlot Scalar(const std::string& in) const {
    if (!context_.HasInput(in)) return {};
    const int at = std::min(i_, context_.NumInputs(in) - 1);  // one may serve all
    const TensorInfo& info = context_.Input(in, at);
    SKIFF_ENFORCE(info.shape.NumElements() == 1, InvalidArgument, in, " is ", info.shape,
                  "; it must hold one element");
    SKIFF_ENFORCE(info.dtype == DType::kFloat32 || info.dtype == DType::kFloat64, InvalidType, in, " is ",
                  info.dtype, "; it must be float32 or float64");
    return {context_.InputIndex(in, at), info.dtype == DType::kFloat64};
  }
  int64_t size() const { return size_; }

 private:
  const PrepareContext& context_;
  int i_;
  int64_t size_;
};

/// A kernel of one step after the other: Step::Make for each parameter.
template <typename Step>
struct ForEachParam {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    auto sequence = std::make_unique<SequenceKernel>();
    for (int i = 0; i < c.NumInputs("Param"); ++i) {
      SKIFF_ENFORCE(c.Input("Param", i).dtype == kDTypeOf<T>, InvalidType, "Param[", i, "] is ", c.Input("Param", i).dtype, ", Param[0] ",
                    kDTypeOf<T>, "; all must be equal");
      sequence->Add(Step::template Make<Device, T>(c, i));
    }
    return sequence;
  }
};

/// ParamOut is like Param, MomentOut like Moment, and so on: every output slot is an input slot's name
/// and "Out".
inline void InferUpdate(InferContext& c) {
  const TensorMeta& param = c.Input("Param");
  const Shape& grad = c.InputShape("Grad");
  SKIFF_ENFORCE(!param.shape.IsKnown() || !grad.IsKnown() || grad == param.shape, InvalidArgument,
                "Grad is ", grad, ", Param is ", param.shape, "; they must be equal");
  for (const auto& [slot, names] : c.op().outputs) {
    const std::string in = slot.substr(0, slot.size() - 3);
    const int given = static_cast<int>(names.size()), wanted = c.NumInputs(in);
    SKIFF_ENFORCE(!c.at_runtime() || given == 0 || wanted == 0 || given == wanted, InvalidArgument, "output ", slot, " has ", given,
                  " variables, input ", in, " ", wanted, "; they must be as many");
    for (int i = 0; i < given && i < wanted; ++i) c.SetOutput(slot, TensorMeta(c.Input(in, i)), i);
  }
}

/// The output "<in>Out": the input's tensor itself, or a copy where another variable was named.
inline Tensor& UpdatedTensor(DynamicContext& c, const std::string& in) {
  const std::string out = in + "Out";
  if (c.op().outputs.One(out) != c.op().inputs.One(in)) c.Output(out) = c.InputTensor(in).Clone();
  Tensor* tensor = std::get_if<Tensor>(&c.Output(out));
  SKIFF_ENFORCE(tensor != nullptr, InvalidType, "output ", out, " is no dense tensor");
  return *tensor;
}

/// Runs the operator's dense kernel over `in_place`: tensors by input slot that are read and, where
/// there is an output "<slot>Out", written. Other inputs are taken from the context.
void RunDenseUpdate(DynamicContext& c, std::vector<std::pair<std::string, Tensor>> in_place);

/// For updates that leave a row without gradient as it is: only the rows of the gradient are brought
/// together, updated and put back. `row_slots` have Param's shape.
void UpdateListedRows(DynamicContext& c, const std::vector<std::string>& row_slots);
/// For updates that move every row: the gradient becomes dense.
void UpdateAllRows(DynamicContext& c, const std::vector<std::string>& row_slots);

}  // namespace SKIFF_VARIANT
}  // namespace skiff
