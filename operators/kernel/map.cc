#include "operators/kernel/map.h"

#include <algorithm>
#include <cstring>

namespace skiff {
inline namespace SKIFF_VARIANT {

namespace {

// Merges neighbouring dimensions that every operand walks through in one stride, so that the innermost
// loop is as long as it can be.
void Collapse(MapPlan* plan) {
  int rank = 0;
  for (int d = 0; d < plan->rank; ++d) {
    if (plan->dims[d] == 1 && plan->rank > 1 && plan->n != 1) continue;  // contributes nothing
    bool merge = rank > 0;
    for (int k = 0; k < plan->num_in && merge; ++k) {
      const MapOperand& x = plan->in[k];
      merge = x.strides[rank - 1] == x.strides[d] * plan->dims[d];
    }
    const int to = merge ? rank - 1 : rank++;
    plan->dims[to] = merge ? plan->dims[to] * plan->dims[d] : plan->dims[d];
    for (int k = 0; k < plan->num_in; ++k) plan->in[k].strides[to] = plan->in[k].strides[d];
  }
  plan->rank = std::max(rank, 1);
  if (rank == 0) plan->dims[0] = 1;
}

MapOperand MakeOperand(const MapInput& in, const Shape& out) {
  MapOperand x;
  x.index = in.index;
  x.dtype = in.dtype;
  SKIFF_ENFORCE(in.shape.rank() == out.rank(), InvalidArgument, "a tensor ", in.shape,
                " cannot be broadcast to ", out);
  int64_t stride = 1;
  for (int d = out.rank() - 1; d >= 0; --d) {
    SKIFF_ENFORCE(in.shape[d] == out[d] || in.shape[d] == 1, InvalidArgument, "a tensor ", in.shape,
                  " cannot be broadcast to ", out);
    x.strides[d] = in.shape[d] == 1 ? 0 : stride;
    stride *= in.shape[d];
    if (in.shape[d] != out[d]) x.flat = false;
  }
  x.scalar = !x.flat && stride == 1;
  return x;
}

// Inputs that are there, in schema order.
std::vector<int> PresentInputs(const PrepareContext& context, int wanted) {
  std::vector<int> present;
  for (int i = 0; i < static_cast<int>(context.inputs.size()); ++i) {
    if (context.inputs[i].dtype != DType::kUndefined) present.push_back(i);
    if (static_cast<int>(present.size()) == wanted) return present;
  }
  SKIFF_ENFORCE(false, InvalidArgument, "the operator takes ", wanted, " inputs, ", present.size(),
                " were given");
  return present;
}

MapPlan PlanOutputs(const PrepareContext& context, DType compute, const Shape& out,
                    const std::vector<MapInput>& in, int num_out) {
  std::pair<int, DType> outputs[kMaxMapOutputs];
  for (int k = 0; k < num_out; ++k) {
    const DType dtype = context.outputs.at(k).dtype;
    outputs[k] = {k, dtype == DType::kUndefined ? compute : dtype};
  }
  return MakeMapPlan(compute, out, in.data(), static_cast<int>(in.size()), outputs, num_out);
}

// The shape of the first output that somebody wants.
const Shape& OutputShape(const PrepareContext& context) {
  for (const TensorInfo& out : context.outputs) {
    if (out.dtype != DType::kUndefined) return out.shape;
  }
  return context.outputs.at(0).shape;
}

}  // namespace

MapPlan MakeMapPlan(DType compute, const Shape& out, const MapInput* in, int num_in,
                    const std::pair<int, DType>* outputs, int num_out) {
  MapPlan plan;
  plan.compute = compute;
  plan.n = out.NumElements();
  plan.rank = out.rank();
  std::copy(out.begin(), out.end(), plan.dims);
  plan.direct = true;
  for (int k = 0; k < num_in; ++k) {
    plan.in[plan.num_in++] = MakeOperand(in[k], out);
    plan.direct &= plan.in[k].flat && in[k].dtype == compute;
  }
  for (int k = 0; k < num_out; ++k) {
    MapOperand& y = plan.out[plan.num_out++];
    y.index = outputs[k].first;
    y.dtype = outputs[k].second;
    plan.direct &= y.dtype == compute;
  }
  Collapse(&plan);
  return plan;
}

MapPlan MakeMapPlan(DType compute, const Shape& out, std::initializer_list<MapInput> in,
                    std::initializer_list<std::pair<int, DType>> outputs) {
  return MakeMapPlan(compute, out, in.begin(), static_cast<int>(in.size()), outputs.begin(),
                     static_cast<int>(outputs.size()));
}

MapPlan PlanMap(const PrepareContext& context, DType compute, int num_in, int num_out) {
  const int64_t n = OutputShape(context).NumElements();
  std::vector<MapInput> in;
  for (int i : PresentInputs(context, num_in)) {
    const TensorInfo& x = context.inputs[i];
    SKIFF_ENFORCE(x.shape.NumElements() == n, InvalidArgument, "an input is ", x.shape,
                  " and the output ", OutputShape(context), "; they must hold equally many elements");
    in.push_back({i, x.dtype, Shape{n}});
  }
  return PlanOutputs(context, compute, Shape{n}, in, num_out);
}

Shape AlignToRank(const Shape& x, int rank, int64_t axis) {
  if (x.rank() == rank) return x;
  Shape trimmed = x;
  const int64_t at = axis < 0 ? rank - x.rank() : axis;
  while (at + trimmed.rank() > rank && trimmed.rank() > 0 && trimmed[trimmed.rank() - 1] == 1) {
    trimmed.Erase(trimmed.rank() - 1);
  }
  SKIFF_ENFORCE(at >= 0 && at + trimmed.rank() <= rank, InvalidArgument, "a tensor ", x,
                " does not fit at axis ", axis, " of ", rank, " dimensions");
  Shape aligned;
  for (int d = 0; d < rank; ++d) {
    const int64_t from = d - at;
    aligned.Append(from >= 0 && from < trimmed.rank() ? trimmed[static_cast<int>(from)] : 1);
  }
  return aligned;
}

MapPlan PlanBroadcast(const PrepareContext& context, DType compute, int num_in, int num_out) {
  const Shape& out = OutputShape(context);
  const int64_t axis = context.attrs().Get<int64_t>("axis", -1);
  std::vector<MapInput> in;
  for (int i : PresentInputs(context, num_in)) {
    const TensorInfo& x = context.inputs[i];
    in.push_back({i, x.dtype, AlignToRank(x.shape, out.rank(), axis)});
  }
  return PlanOutputs(context, compute, out, in, num_out);
}

MapOp::MapOp(const MapPlan& plan, MapCode code, const void* functor, size_t bytes)
    : plan_(plan), code_(code) {
  std::memcpy(functor_, functor, bytes);
}

std::unique_ptr<Kernel> MakeMapKernel(const MapOp& op) {
  return MakeKernel([op](const KernelArgs& args) { op.Run(args.in, args.out, args); });
}

#if !defined(__CUDACC__)
namespace {

template <typename U>
void GatherRun(const void* from, int64_t stride, void* to, int64_t n) {
  const U* x = static_cast<const U*>(from);
  U* y = static_cast<U*>(to);
  if (stride == 0) {
    std::fill(y, y + n, x[0]);
  } else {
    for (int64_t i = 0; i < n; ++i) y[i] = x[i * stride];
  }
}

void GatherRunBytes(size_t size, const char* from, int64_t stride, char* to, int64_t n) {
  if (stride == 1) {
    std::memcpy(to, from, n * size);
    return;
  }
  switch (size) {
    case 1: return GatherRun<uint8_t>(from, stride, to, n);
    case 2: return GatherRun<uint16_t>(from, stride, to, n);
    case 4: return GatherRun<uint32_t>(from, stride, to, n);
    case 8: return GatherRun<uint64_t>(from, stride, to, n);
    default: return GatherRun<Complex<double>>(from, stride, to, n);
  }
}

// One thread's view of one input: hands out blocks of the compute type.
class InputBlocks {
 public:
  void Start(const MapPlan& plan, const MapOperand& x, const void* data) {
    plan_ = &plan;
    x_ = &x;
    data_ = static_cast<const char*>(data);
    size_ = SizeOf(x.dtype);
    convert_ = x.dtype == plan.compute ? nullptr : Converter(x.dtype, plan.compute);
    filled_ = 0;
  }

  const void* Block(int64_t begin, int64_t n) {
    if (x_->flat) return Converted(data_ + begin * size_, n);
    if (x_->scalar) {
      if (filled_ < n) {
        GatherRunBytes(size_, data_, 0, raw_, filled_ = n);
        scalar_ = Converted(raw_, n);
      }
      return scalar_;
    }
    int64_t index[Shape::kMaxRank];
    int64_t rest = begin, at = 0;
    for (int d = plan_->rank - 1; d >= 0; --d) {
      index[d] = rest % plan_->dims[d];
      rest /= plan_->dims[d];
      at += index[d] * x_->strides[d];
    }
    const int last = plan_->rank - 1;
    if (index[last] + n <= plan_->dims[last] && x_->strides[last] == 1) {
      return Converted(data_ + at * size_, n);
    }
    for (int64_t done = 0; done < n;) {
      const int64_t run = std::min(n - done, plan_->dims[last] - index[last]);
      GatherRunBytes(size_, data_ + at * size_, x_->strides[last], raw_ + done * size_, run);
      done += run;
      at += run * x_->strides[last];
      index[last] += run;
      for (int d = last; d >= 0 && index[d] == plan_->dims[d]; --d) {
        index[d] = 0;
        at -= plan_->dims[d] * x_->strides[d];
        if (d > 0) {
          ++index[d - 1];
          at += x_->strides[d - 1];
        }
      }
    }
    return Converted(raw_, n);
  }

 private:
  const void* Converted(const char* from, int64_t n) {
    if (convert_ == nullptr) return from;
    convert_(from, converted_, n);
    return converted_;
  }

  const MapPlan* plan_;
  const MapOperand* x_;
  const char* data_;
  size_t size_;
  ConvertFn convert_;
  int64_t filled_;
  const void* scalar_;
  alignas(64) char raw_[kBlock * 8];
  alignas(64) char converted_[kBlock * 8];
};

void RunDirect(const MapPlan& plan, MapLoop loop, const void* functor, const void* const* in,
               void* const* out, int64_t begin, int64_t end) {
  const size_t size = SizeOf(plan.compute);
  const void* x[kMaxMapInputs];
  void* y[kMaxMapOutputs];
  for (int k = 0; k < plan.num_in; ++k) {
    x[k] = static_cast<const char*>(in[plan.in[k].index]) + begin * size;
  }
  for (int k = 0; k < plan.num_out; ++k) {
    y[k] = static_cast<char*>(out[plan.out[k].index]) + begin * size;
  }
  loop(functor, end - begin, x, y);
}

void RunBlocks(const MapPlan& plan, MapLoop loop, const void* functor, const void* const* in,
               void* const* out, int64_t begin, int64_t end) {
  InputBlocks blocks[kMaxMapInputs];
  for (int k = 0; k < plan.num_in; ++k) {
    blocks[k].Start(plan, plan.in[k], in[plan.in[k].index]);
  }
  alignas(64) char results[kMaxMapOutputs][kBlock * 8];
  ConvertFn convert[kMaxMapOutputs];
  char* target[kMaxMapOutputs];
  for (int k = 0; k < plan.num_out; ++k) {
    const MapOperand& y = plan.out[k];
    target[k] = static_cast<char*>(out[y.index]);
    convert[k] = y.dtype == plan.compute ? nullptr : Converter(plan.compute, y.dtype);
  }
  const int64_t row = plan.dims[plan.rank - 1];
  const int64_t longest = BlockOf(plan.compute);
  for (int64_t i = begin; i < end;) {
    int64_t n = std::min(longest, end - i);
    // Blocks that end with the row need no gathering where rows are long.
    if (row >= kBlock / 4) n = std::min(n, row - i % row);
    const void* x[kMaxMapInputs];
    void* y[kMaxMapOutputs];
    for (int k = 0; k < plan.num_in; ++k) x[k] = blocks[k].Block(i, n);
    for (int k = 0; k < plan.num_out; ++k) {
      const bool buffered = convert[k] != nullptr || target[k] == nullptr;
      y[k] = buffered ? results[k] : target[k] + i * SizeOf(plan.compute);
    }
    loop(functor, n, x, y);
    for (int k = 0; k < plan.num_out; ++k) {
      if (convert[k] == nullptr || target[k] == nullptr) continue;
      convert[k](results[k], target[k] + i * SizeOf(plan.out[k].dtype), n);
    }
    i += n;
  }
}

}  // namespace

void RunMap(const MapPlan& plan, MapLoop loop, const void* functor, const void* const* in,
            void* const* out, int num_threads) {
  bool direct = plan.direct;
  for (int k = 0; k < plan.num_out; ++k) direct &= out[plan.out[k].index] != nullptr;
  ParallelFor(num_threads, plan.n, kElementGrain, [&](int64_t begin, int64_t end) {
    if (direct) {
      RunDirect(plan, loop, functor, in, out, begin, end);
    } else {
      RunBlocks(plan, loop, functor, in, out, begin, end);
    }
  });
}
#endif

}  // namespace SKIFF_VARIANT
}  // namespace skiff
