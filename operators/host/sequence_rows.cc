// Operators that move the rows of sequences: each says which row of X a row of Out is, and the gradient adds
// the rows back where they came from.
#include <algorithm>

#include "operators/host/sequences.h"

namespace skiff {

namespace {

struct RowMoves {
  std::vector<int64_t> rows = {};  // Out's row i is X's row rows[i], or nothing for -1
  LoD lod = {};
};
using PlanFn = RowMoves (*)(const DynamicContext& c, const Tensor& x);

template <PlanFn Plan>
void Move(DynamicContext& c) {
  const Tensor& x = c.InputTensor("X");
  const RowMoves plan = Plan(c, x);
  OutWithLoD(c, "Out", TakeRows(x, plan.rows), plan.lod);
}
template <PlanFn Plan>
void MoveBack(DynamicContext& c) {
  const Tensor& x = c.InputTensor("X");
  host::Out(c, "X@GRAD", ReturnRows(c.InputTensor("Out@GRAD"), Plan(c, x).rows, x));
}

void AddRange(std::vector<int64_t>* rows, int64_t begin, int64_t end) {
  for (int64_t row = begin; row < end; ++row) rows->push_back(row);
}

RowMoves ExpandPlan(const DynamicContext& c, const Tensor& x) {
  const LoD& y = c.InputTensor("Y").lod();
  int level = c.attrs().Get<int32_t>("ref_level");
  if (level == -1) level = static_cast<int>(y.size()) - 1;
  SKIFF_ENFORCE(level >= 0 && level < static_cast<int>(y.size()), InvalidArgument, "attribute ref_level is ", level,
                "; input Y has ", y.size(), " levels of sequences");
  SKIFF_ENFORCE(x.lod().size() <= 1, InvalidArgument, "input X has ", x.lod().size(), " levels of sequences; at most 1");
  RowMoves plan;
  const std::vector<uint64_t>& counts = y[level];
  if (counts.size() <= 1) {
    AddRange(&plan.rows, 0, Rows(x));
    plan.lod = x.lod();
    return plan;
  }
  const bool whole = !x.lod().empty();
  const size_t units = whole ? x.lod()[0].size() - 1 : static_cast<size_t>(Rows(x));
  SKIFF_ENFORCE(units == counts.size() - 1, InvalidArgument, "input X has ", units, whole ? " sequences" : " rows",
                ", input Y ", counts.size() - 1, " sequences at level ", level, "; they must be equal");
  std::vector<uint64_t> offsets{0};
  for (size_t i = 0; i < units; ++i) {
    const uint64_t begin = whole ? x.lod()[0][i] : i, end = whole ? x.lod()[0][i + 1] : i + 1;
    for (uint64_t k = counts[i]; k < counts[i + 1]; ++k) {
      AddRange(&plan.rows, static_cast<int64_t>(begin), static_cast<int64_t>(end));
      offsets.push_back(plan.rows.size());
    }
  }
  if (whole) plan.lod = {offsets};
  return plan;
}

RowMoves ExpandAsPlan(const DynamicContext& c, const Tensor& x) {
  const LoD& y = c.InputTensor("Y").lod();
  SKIFF_ENFORCE(y.size() == 1, InvalidArgument, "input Y has ", y.size(), " levels of sequences; expected 1");
  SKIFF_ENFORCE(static_cast<size_t>(Rows(x)) == y[0].size() - 1, InvalidArgument, "input X has ", Rows(x),
                " rows, input Y ", y[0].size() - 1, " sequences; they must be equal");
  RowMoves plan{{}, y};
  for (int64_t i = 0; i < Rows(x); ++i) plan.rows.insert(plan.rows.end(), y[0][i + 1] - y[0][i], i);
  return plan;
}

RowMoves SlicePlan(const DynamicContext& c, const Tensor& x) {
  const std::vector<int64_t> offsets = Offsets(x, "X");
  const std::vector<int64_t> from = IntElements(c.InputTensor("Offset")), length = IntElements(c.InputTensor("Length"));
  const size_t count = offsets.size() - 1;
  SKIFF_ENFORCE(from.size() == count && length.size() == count, InvalidArgument, "X has ", count, " sequences, Offset ",
                from.size(), " and Length ", length.size(), " elements; they must be equal");
  RowMoves plan{{}, {{0}}};
  for (size_t i = 0; i < count; ++i) {
    const int64_t size = offsets[i + 1] - offsets[i];
    SKIFF_ENFORCE(from[i] >= 0 && length[i] > 0 && from[i] + length[i] <= size, OutOfRange, "sequence ", i, " has ", size,
                  " rows; rows [", from[i], ", ", from[i] + length[i], ") are wanted");
    AddRange(&plan.rows, offsets[i] + from[i], offsets[i] + from[i] + length[i]);
    plan.lod[0].push_back(plan.rows.size());
  }
  return plan;
}

// X [count, most, ...] is seen as count * most rows.
RowMoves UnpadPlan(const DynamicContext& c, const Tensor& x) {
  const std::vector<int64_t> length = IntElements(c.InputTensor("Length"));
  SKIFF_ENFORCE(x.shape().rank() >= 2 && static_cast<int64_t>(length.size()) == x.shape()[0], InvalidArgument,
                "X has shape ", x.shape(), ", Length ", length.size(), " elements; expected one for each row of X");
  RowMoves plan{{}, {{0}}};
  const int64_t most = x.shape()[1];
  for (size_t i = 0; i < length.size(); ++i) {
    SKIFF_ENFORCE(length[i] >= 0 && length[i] <= most, OutOfRange, "element ", i, " of Length is ", length[i],
                  "; X has room for ", most);
    AddRange(&plan.rows, static_cast<int64_t>(i) * most, static_cast<int64_t>(i) * most + length[i]);
    plan.lod[0].push_back(plan.rows.size());
  }
  return plan;
}

Tensor Merged(const Tensor& x) {  // the first two axes made one
  Shape shape = x.shape();
  shape[1] *= shape[0];
  shape.Erase(0);
  return x.Reshaped(shape);
}
void Unpad(DynamicContext& c) {
  const Tensor& x = c.InputTensor("X");
  const RowMoves plan = UnpadPlan(c, x);
  Tensor rows = TakeRows(Merged(x), plan.rows);
  // A row of one number keeps its axis.
  if (x.shape().rank() == 2) rows = rows.Reshaped({Rows(rows), 1});
  OutWithLoD(c, "Out", rows, plan.lod);
}
void UnpadBack(DynamicContext& c) {
  const Tensor& x = c.InputTensor("X");
  const Tensor grad = ReturnRows(c.InputTensor("Out@GRAD"), UnpadPlan(c, x).rows, Merged(x));
  host::Out(c, "X@GRAD", grad.Reshaped(x.shape()));
}

// Row i of the padded tensor [count * most, ...].
RowMoves PadPlan(const DynamicContext& c, const Tensor& x) {
  const std::vector<int64_t> offsets = Offsets(x, "X");
  SKIFF_ENFORCE(x.lod().size() == 1, InvalidArgument, "input X has ", x.lod().size(), " levels of sequences; expected 1");
  int64_t longest = 0, most = c.attrs().Get<int32_t>("padded_length");
  for (size_t i = 1; i < offsets.size(); ++i) longest = std::max(longest, offsets[i] - offsets[i - 1]);
  if (most < 0) most = longest;
  SKIFF_ENFORCE(most >= longest, InvalidArgument, "attribute padded_length is ", most, "; the longest sequence has ",
                longest, " rows");
  RowMoves plan;
  for (size_t i = 1; i < offsets.size(); ++i) {
    AddRange(&plan.rows, offsets[i - 1], offsets[i]);
    plan.rows.resize(i * most, -1);
  }
  return plan;
}
void Pad(DynamicContext& c) {
  const Tensor x = host::In(c, "X");
  const std::vector<int64_t> offsets = Offsets(x, "X");
  const RowMoves plan = PadPlan(c, x);
  Tensor out = TakeRows(x, plan.rows);
  const Tensor value = host::In(c, "PadValue");
  SKIFF_ENFORCE(value.dtype() == x.dtype() && (value.num_elements() == 1 || value.num_elements() == Width(x)),
                InvalidArgument, "PadValue is ", value.dtype(), " ", value.shape(), "; expected ", x.dtype(),
                " of 1 or ", Width(x), " elements");
  const size_t element = SizeOf(x.dtype()), width = Width(x);
  char* to = static_cast<char*>(out.raw_data());
  for (size_t i = 0; i < plan.rows.size(); ++i) {
    for (size_t j = 0; plan.rows[i] < 0 && j < width; ++j) {
      const size_t from = value.num_elements() == 1 ? 0 : j;
      std::memcpy(to + (i * width + j) * element, static_cast<const char*>(value.raw_data()) + from * element, element);
    }
  }
  const int64_t count = static_cast<int64_t>(offsets.size()) - 1;
  Shape shape{count, count == 0 ? 0 : static_cast<int64_t>(plan.rows.size()) / count};
  for (int axis = 1; axis < x.shape().rank(); ++axis) shape.Append(x.shape()[axis]);
  host::Out(c, "Out", out.Reshaped(shape));
  std::vector<int64_t> lengths;
  for (int64_t i = 0; i < count; ++i) lengths.push_back(offsets[i + 1] - offsets[i]);
  host::Out(c, "Length", FromInts({count}, DType::kInt64, lengths));
}

// A sequence of Out is one of each X, in the order of the variables.
std::vector<RowMoves> ConcatPlans(const DynamicContext& c, LoD* lod) {
  std::vector<std::vector<int64_t>> offsets;
  for (int k = 0; k < c.NumInputs("X"); ++k) {
    offsets.push_back(Offsets(c.InputTensor("X", k), "X"));
    SKIFF_ENFORCE(offsets[k].size() == offsets[0].size(), InvalidArgument, "variable ", k, " of X has ",
                  offsets[k].size() - 1, " sequences, the first has ", offsets[0].size() - 1, "; they must be equal");
  }
  std::vector<RowMoves> plans(offsets.size());  // plans[k].rows: where Out has the rows of variable k
  int64_t row = 0;
  *lod = {{0}};
  for (size_t i = 1; i < offsets[0].size(); ++i) {
    for (size_t k = 0; k < offsets.size(); ++k) {
      const int64_t size = offsets[k][i] - offsets[k][i - 1];
      AddRange(&plans[k].rows, row, row + size);
      row += size;
    }
    (*lod)[0].push_back(row);
  }
  return plans;
}
void Concat(DynamicContext& c) {
  LoD lod;
  const std::vector<RowMoves> plans = ConcatPlans(c, &lod);
  const Tensor& first = c.InputTensor("X");
  Tensor out(WithRows(first.shape(), static_cast<int64_t>(lod[0].back())), first.dtype());
  const size_t bytes = Width(first) * SizeOf(first.dtype());
  for (size_t k = 0; k < plans.size(); ++k) {
    const Tensor x = host::In(c, "X", static_cast<int>(k));
    SKIFF_ENFORCE(Width(x) == Width(first) && x.dtype() == first.dtype(), InvalidArgument, "variable ", k, " of X is ",
                  x.dtype(), " ", x.shape(), ", the first is ", first.dtype(), " ", first.shape());
    for (size_t i = 0; i < plans[k].rows.size(); ++i) {
      std::memcpy(static_cast<char*>(out.raw_data()) + plans[k].rows[i] * bytes,
                  static_cast<const char*>(x.raw_data()) + i * bytes, bytes);
    }
  }
  OutWithLoD(c, "Out", out, lod);
}
void ConcatBack(DynamicContext& c) {
  LoD lod;
  const std::vector<RowMoves> plans = ConcatPlans(c, &lod);
  for (size_t k = 0; k < plans.size(); ++k) {
    Tensor grad = TakeRows(c.InputTensor("Out@GRAD"), plans[k].rows);
    grad.set_lod(c.InputTensor("X", static_cast<int>(k)).lod());
    host::Out(c, "X@GRAD", grad, static_cast<int>(k));
  }
}

void Reverse(DynamicContext& c) {
  const Tensor& x = c.InputTensor("X");
  const std::vector<int64_t> offsets = Offsets(x, "X");
  std::vector<int64_t> rows;
  for (size_t i = 1; i < offsets.size(); ++i) {
    for (int64_t row = offsets[i]; row-- > offsets[i - 1];) rows.push_back(row);
  }
  OutWithLoD(c, "Y", TakeRows(x, rows), x.lod());
}

std::vector<Operator> ReverseGradient(const GradContext& g) {
  return {Operator{"sequence_reverse", {{"X", g.OutGrad("Y")}}, {{"Y", g.InGrad("X")}}, g.fwd.attrs}};
}

}  // namespace

SKIFF_OP(sequence_expand)
    .Doc("Sequence i of X (or row i, where X has no sequences) as many times as sequence i of Y has parts.")
    .Source("paddle.static.nn.sequence_expand")
    .Input("X", "rows, with at most one level of sequences")
    .Input("Y", "only its sequences matter")
    .Output("Out", "the rows of X, repeated")
    .Attr("ref_level", -1, "level of Y's sequences; -1 for the last")
    .InferShape(RowsUnknown("Out", "X", 1))
    .Gradient(StandardGrad({"X", "Y"}, {}, {"Out"}, {"X"}))
    .Dynamic(Move<ExpandPlan>);

SKIFF_OP(sequence_expand_grad)
    .Doc("Out@GRAD's rows added up where they came from.")
    .Input("X", "of sequence_expand")
    .Input("Y", "of sequence_expand")
    .Input("Out@GRAD", "shape of Out")
    .Output("X@GRAD", "shape of X")
    .Attr("ref_level", -1, "of sequence_expand")
    .InferShape(GradsLikeInputs())
    .Dynamic(MoveBack<ExpandPlan>);

SKIFF_OP(sequence_expand_as)
    .Doc("Row i of X as many times as sequence i of Y has rows.")
    .Source("paddle.static.nn.sequence_expand_as")
    .Input("X", "one row for each sequence of Y")
    .Input("Y", "only its sequences matter")
    .Output("Out", "the rows of X, repeated, with the sequences of Y")
    .InferShape(RowsUnknown("Out", "X", 1))
    .Gradient(StandardGrad({"X", "Y"}, {}, {"Out"}, {"X"}))
    .Dynamic(Move<ExpandAsPlan>);

SKIFF_OP(sequence_expand_as_grad)
    .Doc("Out@GRAD's rows added up where they came from.")
    .Input("X", "of sequence_expand_as")
    .Input("Y", "of sequence_expand_as")
    .Input("Out@GRAD", "shape of Out")
    .Output("X@GRAD", "shape of X")
    .InferShape(GradsLikeInputs())
    .Dynamic(MoveBack<ExpandAsPlan>);

SKIFF_OP(sequence_slice)
    .Doc("Rows [Offset[i], Offset[i] + Length[i]) of each sequence i.")
    .Source("paddle.static.nn.sequence_slice")
    .Input("X", "rows in sequences")
    .Input("Offset", "[sequences, 1]")
    .Input("Length", "[sequences, 1]")
    .Output("Out", "the rows kept")
    .InferShape(RowsUnknown("Out", "X", -1))
    .Gradient(StandardGrad({"X", "Offset", "Length"}, {}, {"Out"}, {"X"}))
    .Dynamic(Move<SlicePlan>);

SKIFF_OP(sequence_slice_grad)
    .Doc("Out@GRAD where the rows came from, zero elsewhere.")
    .Input("X", "of sequence_slice")
    .Input("Offset", "of sequence_slice")
    .Input("Length", "of sequence_slice")
    .Input("Out@GRAD", "shape of Out")
    .Output("X@GRAD", "shape of X")
    .InferShape(GradsLikeInputs())
    .Dynamic(MoveBack<SlicePlan>);

SKIFF_OP(sequence_unpad)
    .Doc("The first Length[i] rows of X[i], one sequence each.")
    .Source("paddle.static.nn.sequence_unpad")
    .Input("X", "[sequences, most, ...]")
    .Input("Length", "[sequences]")
    .Output("Out", "[sum of lengths, ...]")
    .InferShape([](InferContext& c) {
      const TensorMeta& x = c.Input("X");
      SKIFF_ENFORCE(x.shape.rank() >= 2, InvalidArgument, "X has shape ", x.shape, "; expected [sequences, most, ...]");
      Shape out{-1};
      for (int axis = 2; axis < x.shape.rank(); ++axis) out.Append(x.shape[axis]);
      if (x.shape.rank() == 2) out.Append(1);
      c.SetOutput("Out", TensorMeta{out, x.dtype, 1});
    })
    .Gradient(StandardGrad({"X", "Length"}, {}, {"Out"}, {"X"}))
    .Dynamic(Unpad);

SKIFF_OP(sequence_unpad_grad)
    .Doc("Out@GRAD where the rows came from, zero elsewhere.")
    .Input("X", "of sequence_unpad")
    .Input("Length", "of sequence_unpad")
    .Input("Out@GRAD", "shape of Out")
    .Output("X@GRAD", "shape of X")
    .InferShape(GradsLikeInputs())
    .Dynamic(UnpadBack);

SKIFF_OP(sequence_pad)
    .Doc("Each sequence as a row of a dense tensor, filled up with PadValue.")
    .Source("paddle.static.nn.sequence_pad")
    .Input("X", "[rows, ...] in sequences")
    .Input("PadValue", "one element, or as many as a row")
    .Output("Out", "[sequences, most, ...]")
    .Output("Length", "[sequences], int64")
    .Attr("padded_length", -1, "most; -1 for that of the longest sequence")
    .InferShape([](InferContext& c) {
      const TensorMeta& x = c.Input("X");
      Shape out{-1, c.Attr<int32_t>("padded_length")};
      for (int axis = 1; axis < x.shape.rank(); ++axis) out.Append(x.shape[axis]);
      c.SetOutput("Out", out, x.dtype);
      c.SetOutput("Length", {-1}, DType::kInt64);
    })
    .Gradient(StandardGrad({"X"}, {}, {"Out"}, {"X"}))
    .Dynamic(Pad);

SKIFF_OP(sequence_pad_grad)
    .Doc("Out@GRAD without what was filled up.")
    .Input("X", "of sequence_pad")
    .Input("Out@GRAD", "shape of Out")
    .Output("X@GRAD", "shape of X")
    .Attr("padded_length", -1, "of sequence_pad")
    .InferShape(GradsLikeInputs())
    .Dynamic(MoveBack<PadPlan>);

SKIFF_OP(sequence_concat)
    .Doc("Sequence i of Out is the sequences i of all variables of X, one after the other.")
    .Source("paddle.static.nn.sequence_concat")
    .Inputs("X", "rows in as many sequences each")
    .Output("Out", "all their rows")
    .InferShape(RowsUnknown("Out", "X", -1))
    .Gradient(StandardGrad({"X"}, {}, {"Out"}, {"X"}))
    .Dynamic(Concat);

SKIFF_OP(sequence_concat_grad)
    .Doc("Out@GRAD's rows where they came from.")
    .Inputs("X", "of sequence_concat")
    .Input("Out@GRAD", "shape of Out")
    .OptionalOutputs("X@GRAD", "shape of X")
    .InferShape(GradsLikeInputs())
    .Dynamic(ConcatBack);

SKIFF_OP(sequence_reverse)
    .Doc("The rows of each sequence in reverse order.")
    .Source("paddle.static.nn.sequence_reverse")
    .Input("X", "rows in sequences")
    .Output("Y", "shape and sequences of X")
    .InferShape(Like("Y", "X"))
    .Gradient(ReverseGradient)
    .Dynamic(Reverse);

}  // namespace skiff
