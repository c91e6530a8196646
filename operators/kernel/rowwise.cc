#include "operators/kernel/rowwise.h"

#include <algorithm>
#include <memory>

namespace skiff {
inline namespace SKIFF_VARIANT {

#if !defined(__CUDACC__)
namespace {

// One operand of one thread: a row as the formula wants it.
class RowBuffer {
 public:
  RowBuffer(const RowPlan& plan, const RowOperand& x, void* data)
      : plan_(plan), x_(x), data_(static_cast<char*>(data)), bytes_(SizeOf(x.dtype)) {
    if (data == nullptr) return;
    converts_ = x.dtype != plan.compute;
    direct_ = !converts_ && (x.step == 1 || x.length == 1);
    if (direct_) return;
    // Half types and rows that are not contiguous go through memory of this thread.
    raw_.reset(new char[x.length * bytes_]);
    if (converts_) converted_.reset(new char[x.length * SizeOf(plan.compute)]);
  }

  bool absent() const { return data_ == nullptr; }

  const void* Load(int64_t row) {
    if (absent()) return nullptr;
    const char* from = At(row);
    if (direct_) return from;
    if (shared_loaded_) return converts_ ? converted_.get() : raw_.get();
    const char* packed = from;
    if (x_.step != 1) {
      for (int64_t i = 0; i < x_.length; ++i) Move(raw_.get() + i * bytes_, from + i * x_.step * bytes_);
      packed = raw_.get();
    }
    shared_loaded_ = x_.outer_stride == 0 && x_.inner_stride == 0;
    if (!converts_) return packed;
    Converter(x_.dtype, plan_.compute)(packed, converted_.get(), x_.length);
    return converted_.get();
  }

  void* Target(int64_t row) {
    if (absent()) return nullptr;
    if (direct_) return const_cast<char*>(At(row));
    return converts_ ? converted_.get() : raw_.get();
  }

  void Store(int64_t row) {
    if (absent() || direct_) return;
    char* to = const_cast<char*>(At(row));
    if (converts_) {
      char* packed = x_.step == 1 ? to : raw_.get();
      Converter(plan_.compute, x_.dtype)(converted_.get(), packed, x_.length);
      if (x_.step == 1) return;
    }
    for (int64_t i = 0; i < x_.length; ++i) Move(to + i * x_.step * bytes_, raw_.get() + i * bytes_);
  }

 private:
  const char* At(int64_t row) const {
    return data_ + (row / plan_.inner * x_.outer_stride + row % plan_.inner * x_.inner_stride) * bytes_;
  }
  void Move(char* to, const char* from) const {
    switch (bytes_) {
      case 1: *to = *from; break;
      case 2: *reinterpret_cast<uint16_t*>(to) = *reinterpret_cast<const uint16_t*>(from); break;
      case 4: *reinterpret_cast<uint32_t*>(to) = *reinterpret_cast<const uint32_t*>(from); break;
      default: *reinterpret_cast<uint64_t*>(to) = *reinterpret_cast<const uint64_t*>(from); break;
    }
  }

  const RowPlan& plan_;
  const RowOperand& x_;
  char* data_;
  size_t bytes_;
  bool converts_ = false, direct_ = false, shared_loaded_ = false;
  std::unique_ptr<char[]> raw_, converted_;
};

}  // namespace

void RunRows(const RowPlan& plan, RowCode code, const void* formula, const void* const* in,
             void* const* out, int num_threads) {
  const int64_t grain = std::max<int64_t>(1, kElementGrain / 4 / std::max<int64_t>(1, plan.n));
  ParallelFor(num_threads, plan.rows, grain, [&](int64_t begin, int64_t end) {
    std::vector<RowBuffer> inputs, outputs;
    inputs.reserve(plan.num_in);
    outputs.reserve(plan.num_out);
    for (int k = 0; k < plan.num_in; ++k) {
      const int at = plan.in[k].index;
      inputs.emplace_back(plan, plan.in[k], at < 0 ? nullptr : const_cast<void*>(in[at]));
    }
    for (int k = 0; k < plan.num_out; ++k) {
      const int at = plan.out[k].index;
      outputs.emplace_back(plan, plan.out[k], at < 0 ? nullptr : out[at]);
    }
    RowPointers row{plan.n, 0, {}, {}};
    for (row.index = begin; row.index < end; ++row.index) {
      for (int k = 0; k < plan.num_in; ++k) row.in[k] = inputs[k].Load(row.index);
      for (int k = 0; k < plan.num_out; ++k) row.out[k] = outputs[k].Target(row.index);
      code(formula, row);
      for (int k = 0; k < plan.num_out; ++k) outputs[k].Store(row.index);
    }
  });
}
#endif

}  // namespace SKIFF_VARIANT
}  // namespace skiff
