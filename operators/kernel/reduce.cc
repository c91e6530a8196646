#include "operators/kernel/reduce.h"

#include <algorithm>
#include <cstring>

namespace skiff {
inline namespace SKIFF_VARIANT {

std::vector<bool> ReducedDims(const std::vector<int64_t>& dims, bool reduce_all, int rank) {
  std::vector<bool> reduced(rank, reduce_all || dims.empty());
  if (reduce_all || rank == 0) return reduced;
  for (int64_t d : dims) reduced[NormalizeAxis(d, rank, "dim")] = true;
  return reduced;
}

Shape ReducedShape(const Shape& in, const std::vector<bool>& reduced, bool keep_dim) {
  Shape out;
  for (int d = 0; d < in.rank(); ++d) {
    if (!reduced[d]) out.Append(in[d]);
    else if (keep_dim) out.Append(1);
  }
  return out;
}

bool SetUnknownReduction(InferContext& c, const std::string& axes_attr, bool keep_dim, DType dtype) {
  const std::vector<TensorMeta> axes = c.AttrVariables(axes_attr);
  if (axes.empty()) return false;
  int64_t rank = c.InputShape("X").rank();
  for (const TensorMeta& some : axes) {
    if (keep_dim) break;
    SKIFF_ENFORCE(some.shape.IsKnown(), InvalidArgument, "attribute \"", axes_attr, "\" is given as a variable declared ", some.shape,
                  "; the number of axes must be known when the operator is appended");
    rank -= some.shape.NumElements();
  }
  SKIFF_ENFORCE(rank >= 0, InvalidArgument, "attribute \"", axes_attr, "\" names more axes than X ", c.InputShape("X"), " has");
  c.SetOutput("Out", Shape(std::vector<int64_t>(static_cast<size_t>(rank), -1)), dtype);
  return true;
}

ReducePlan MakeReducePlan(DType compute, const Shape& in, const std::vector<bool>& reduced,
                          DType in_dtype, DType out_dtype) {
  ReducePlan plan;
  plan.compute = compute;
  plan.in_dtype = in_dtype;
  plan.out_dtype = out_dtype;
  plan.num_out = plan.num_reduced = 1;
  plan.inner_kept = true;
  int64_t stride = 1;
  bool first = true, last_flag = false;
  // From the innermost outwards; neighbours of one kind are one dimension. Reversed below.
  for (int d = in.rank() - 1; d >= 0; --d) {
    (reduced[d] ? plan.num_reduced : plan.num_out) *= in[d];
    if (in[d] != 1) {
      int& rank = reduced[d] ? plan.reduced_rank : plan.kept_rank;
      int64_t* dims = reduced[d] ? plan.reduced_dims : plan.kept_dims;
      int64_t* strides = reduced[d] ? plan.reduced_strides : plan.kept_strides;
      if (!first && last_flag == reduced[d]) {
        dims[rank - 1] *= in[d];
      } else {
        dims[rank] = in[d];
        strides[rank++] = stride;
      }
      if (first) plan.inner_kept = !reduced[d];
      first = false;
      last_flag = reduced[d];
    }
    stride *= in[d];
  }
  std::reverse(plan.kept_dims, plan.kept_dims + plan.kept_rank);
  std::reverse(plan.kept_strides, plan.kept_strides + plan.kept_rank);
  std::reverse(plan.reduced_dims, plan.reduced_dims + plan.reduced_rank);
  std::reverse(plan.reduced_strides, plan.reduced_strides + plan.reduced_rank);
  // Few results of many elements: share each among threads.
  constexpr int64_t kSegment = 1 << 15;
  const int64_t pieces = plan.inner_kept ? (plan.num_out + kBlock - 1) / kBlock : plan.num_out;
  const int64_t total = plan.num_out * plan.num_reduced;
  if (pieces < 64 && total > 2 * kSegment) {
    plan.segments = std::min({total / kSegment, plan.num_reduced, int64_t{64}});
  }
  return plan;
}

ReduceOp::ReduceOp(const ReducePlan& plan, ReduceEntry entry, const void* reducer, size_t bytes)
    : plan_(plan), entry_(entry) {
  std::memcpy(reducer_, reducer, bytes);
}

void ReduceOp::Run(const void* in, void* out, void* workspace, const KernelArgs& args) const {
  if (plan_.num_out == 0) return;
#if defined(__CUDACC__)
  entry_(reducer_, plan_, in, out, workspace, args);
#else
  RunReduce(plan_, *entry_, reducer_, in, out, workspace, args.num_threads);
#endif
}

std::unique_ptr<Kernel> MakeReduceKernel(const ReduceOp& op, PrepareContext& context) {
  context.RequestWorkspace(op.workspace_bytes());
  return MakeKernel([op](const KernelArgs& args) {
    op.Run(args.in[0], args.out[0], args.workspace, args);
  });
}

#if !defined(__CUDACC__)
namespace {

// Reads blocks of the input in the compute type.
class Elements {
 public:
  Elements(const ReducePlan& plan, const void* in)
      : data_(static_cast<const char*>(in)),
        bytes_(SizeOf(plan.in_dtype)),
        convert_(plan.in_dtype == plan.compute ? nullptr : Converter(plan.in_dtype, plan.compute)) {}
  const void* At(int64_t offset, int64_t n) {
    const char* from = data_ + offset * bytes_;
    if (convert_ == nullptr) return from;
    convert_(from, buffer_, n);
    return buffer_;
  }

 private:
  const char* data_;
  size_t bytes_;
  ConvertFn convert_;
  alignas(64) char buffer_[kBlock * 8];
};

int64_t OffsetOf(int64_t i, int rank, const int64_t* dims, const int64_t* strides) {
  int64_t at = 0;
  for (int d = rank - 1; d >= 0; --d) {
    at += i % dims[d] * strides[d];
    i /= dims[d];
  }
  return at;
}

// Folds elements [r0, r1) of the reduced range into acc, runs of the innermost dimension at a time.
void FoldRuns(const ReducePlan& plan, const ReduceCode& code, const void* reducer, Elements* x,
              int64_t base, int64_t r0, int64_t r1, void* acc) {
  const int last = plan.reduced_rank - 1;
  const int64_t length = plan.reduced_dims[last], block = BlockOf(plan.compute);
  for (int64_t r = r0; r < r1;) {
    const int64_t column = r % length;
    const int64_t offset =
        base + column + OffsetOf(r / length, last, plan.reduced_dims, plan.reduced_strides);
    const int64_t run = std::min(r1 - r, length - column);
    for (int64_t i = 0; i < run; i += block) {
      const int64_t n = std::min(block, run - i);
      code.fold(reducer, x->At(offset + i, n), n, acc);
    }
    r += run;
  }
}

class Reduction {
 public:
  Reduction(const ReducePlan& plan, const ReduceCode& code, const void* reducer, const void* in,
            void* out, void* workspace)
      : plan_(plan), code_(code), reducer_(reducer), in_(in), out_(static_cast<char*>(out)),
        partial_(static_cast<char*>(workspace)), bytes_(plan.accumulator_bytes()),
        block_(kBlock * 8 / static_cast<int64_t>(bytes_)) {}

  // Pieces of work: results, or blocks of neighbouring results, times segments.
  int64_t NumPieces() const { return Blocks() * plan_.segments; }

  void RunPieces(int64_t begin, int64_t end) const {
    Elements x(plan_, in_);
    alignas(64) char acc[kBlock * 8];
    for (int64_t piece = begin; piece < end; ++piece) {
      const int64_t block = piece % Blocks(), segment = piece / Blocks();
      const int64_t r0 = plan_.num_reduced * segment / plan_.segments;
      const int64_t r1 = plan_.num_reduced * (segment + 1) / plan_.segments;
      int64_t first, n = 1;
      if (plan_.inner_kept) {
        const int64_t column = block % ColumnBlocks() * block_;
        first = block / ColumnBlocks() * Columns() + column;
        n = std::min(block_, Columns() - column);
        code_.start(n, acc);
        const int64_t base = OffsetOf(first, plan_.kept_rank, plan_.kept_dims, plan_.kept_strides);
        for (int64_t r = r0; r < r1; ++r) {
          const int64_t offset =
              base + OffsetOf(r, plan_.reduced_rank, plan_.reduced_dims, plan_.reduced_strides);
          code_.fold_columns(reducer_, x.At(offset, n), n, acc);
        }
      } else {
        first = block;
        code_.start(1, acc);
        const int64_t base = OffsetOf(first, plan_.kept_rank, plan_.kept_dims, plan_.kept_strides);
        FoldRuns(plan_, code_, reducer_, &x, base, r0, r1, acc);
      }
      if (plan_.segments > 1) std::memcpy(partial_ + (segment * plan_.num_out + first) * bytes_, acc, n * bytes_);
      else Store(first, n, acc);
    }
  }

  void CombineSegments() const {
    for (int64_t i = 0; i < plan_.num_out; i += block_) {
      const int64_t n = std::min(block_, plan_.num_out - i);
      alignas(64) char acc[kBlock * 8];
      std::memcpy(acc, partial_ + i * bytes_, n * bytes_);
      for (int64_t s = 1; s < plan_.segments; ++s) {
        code_.merge(partial_ + (s * plan_.num_out + i) * bytes_, n, acc);
      }
      Store(i, n, acc);
    }
  }

 private:
  int64_t Columns() const { return plan_.kept_rank == 0 ? 1 : plan_.kept_dims[plan_.kept_rank - 1]; }
  int64_t ColumnBlocks() const { return (Columns() + block_ - 1) / block_; }
  int64_t Blocks() const {
    return plan_.inner_kept ? plan_.num_out / Columns() * ColumnBlocks() : plan_.num_out;
  }
  void Store(int64_t first, int64_t n, const void* acc) const {
    char* target = out_ + first * SizeOf(plan_.out_dtype);
    if (plan_.out_dtype == plan_.compute) {
      code_.finish(reducer_, plan_.scale, acc, n, target);
      return;
    }
    alignas(64) char results[kBlock * 8];
    code_.finish(reducer_, plan_.scale, acc, n, results);
    Converter(plan_.compute, plan_.out_dtype)(results, target, n);
  }

  const ReducePlan& plan_;
  const ReduceCode& code_;
  const void* reducer_;
  const void* in_;
  char* out_;
  char* partial_;
  size_t bytes_;   // of an accumulator
  int64_t block_;  // accumulators that fit in a buffer
};

}  // namespace

void RunReduce(const ReducePlan& plan, const ReduceCode& code, const void* reducer, const void* in,
               void* out, void* workspace, int num_threads) {
  const Reduction reduction(plan, code, reducer, in, out, workspace);
  const int64_t pieces = reduction.NumPieces();
  const int64_t piece_elements =
      std::max<int64_t>(1, plan.num_out * std::max<int64_t>(1, plan.num_reduced) / std::max<int64_t>(1, pieces));
  ParallelFor(num_threads, pieces, std::max<int64_t>(1, kElementGrain / piece_elements),
              [&](int64_t begin, int64_t end) { reduction.RunPieces(begin, end); });
  if (plan.segments > 1) reduction.CombineSegments();
}
#endif

}  // namespace SKIFF_VARIANT
}  // namespace skiff
