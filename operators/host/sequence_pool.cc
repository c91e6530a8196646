// Operators that compute over each sequence by itself: pooling, softmax, convolution.
#include <algorithm>
#include <cmath>
#include <limits>

#include "operators/host/matrices.h"
#include "operators/host/sequences.h"

namespace skiff {

namespace {

// ---- pooling -----------------------------------------------------------------------------------

enum class Pooling { kAverage, kSum, kSqrt, kMax, kLast, kFirst };

Pooling ParsePooling(const std::string& type) {
  const std::pair<const char*, Pooling> known[] = {{"AVERAGE", Pooling::kAverage}, {"SUM", Pooling::kSum},
                                                   {"SQRT", Pooling::kSqrt},       {"MAX", Pooling::kMax},
                                                   {"LAST", Pooling::kLast},       {"FIRST", Pooling::kFirst}};
  for (const auto& [name, pooling] : known) {
    if (type == name) return pooling;
  }
  throw InvalidArgument(StrCat("attribute pooltype is \"", type, "\"; it may be AVERAGE, SUM, SQRT, MAX, LAST or FIRST"));
}

// What a row of a sequence of `size` rows counts in a sum.
double WeightOf(Pooling pooling, int64_t size) {
  return pooling == Pooling::kAverage ? 1.0 / static_cast<double>(size)
         : pooling == Pooling::kSqrt  ? 1.0 / std::sqrt(static_cast<double>(size))
                                      : 1.0;
}

void PoolSequences(DynamicContext& c) {
  const Pooling pooling = ParsePooling(c.attrs().Get<std::string>("pooltype"));
  const Tensor& given = c.InputTensor("X");
  const std::vector<int64_t> offsets = Offsets(given, "X");
  const std::vector<double> x = Doubles(given);
  const int64_t count = static_cast<int64_t>(offsets.size()) - 1, width = Width(given);
  std::vector<double> out(count * width, c.attrs().Get<float>("pad_value"));
  std::vector<int64_t> largest(count * width, -1);
  for (int64_t i = 0; i < count; ++i) {
    const int64_t begin = offsets[i], end = offsets[i + 1];
    for (int64_t j = 0; begin < end && j < width; ++j) {
      double& value = out[i * width + j];
      if (pooling == Pooling::kLast || pooling == Pooling::kFirst) {
        value = x[(pooling == Pooling::kFirst ? begin : end - 1) * width + j];
      } else if (pooling == Pooling::kMax) {
        int64_t best = begin;
        for (int64_t row = begin + 1; row < end; ++row) best = x[row * width + j] > x[best * width + j] ? row : best;
        largest[i * width + j] = best;
        value = x[best * width + j];
      } else {
        value = 0;
        for (int64_t row = begin; row < end; ++row) value += x[row * width + j];
        value *= WeightOf(pooling, end - begin);
      }
    }
  }
  LoD outer = given.lod();
  outer.pop_back();
  const Shape shape = WithRows(given.shape(), count);
  OutWithLoD(c, "Out", FromDoubles(shape, given.dtype(), out), outer);
  if (pooling == Pooling::kMax) host::Out(c, "MaxIndex", FromInts(shape, DType::kInt32, largest));
}

void PoolSequencesBack(DynamicContext& c) {
  const Pooling pooling = ParsePooling(c.attrs().Get<std::string>("pooltype"));
  const Tensor& x = c.InputTensor("X");
  const std::vector<int64_t> offsets = Offsets(x, "X");
  const std::vector<double> dout = Doubles(c.InputTensor("Out@GRAD"));
  const int64_t count = static_cast<int64_t>(offsets.size()) - 1, width = Width(x);
  std::vector<int64_t> largest;
  if (pooling == Pooling::kMax) largest = IntElements(c.InputTensor("MaxIndex"));
  std::vector<double> dx(x.num_elements(), 0.0);
  for (int64_t i = 0; i < count; ++i) {
    const int64_t begin = offsets[i], end = offsets[i + 1];
    for (int64_t j = 0; begin < end && j < width; ++j) {
      const double d = dout.at(i * width + j);
      if (pooling == Pooling::kLast || pooling == Pooling::kFirst) {
        dx[(pooling == Pooling::kFirst ? begin : end - 1) * width + j] = d;
      } else if (pooling == Pooling::kMax) {
        dx.at(largest.at(i * width + j) * width + j) = d;
      } else {
        for (int64_t row = begin; row < end; ++row) dx[row * width + j] = d * WeightOf(pooling, end - begin);
      }
    }
  }
  OutWithLoD(c, "X@GRAD", FromDoubles(x.shape(), x.dtype(), dx), x.lod());
}

// ---- softmax -----------------------------------------------------------------------------------

void CheckOneColumn(const Tensor& x) {
  SKIFF_ENFORCE(x.num_elements() == Rows(x), InvalidArgument, "X has shape ", x.shape(), "; expected one number a row");
}

void SoftmaxSequences(DynamicContext& c) {
  const Tensor& given = c.InputTensor("X");
  CheckOneColumn(given);
  const std::vector<int64_t> offsets = Offsets(given, "X");
  std::vector<double> x = Doubles(given);
  for (size_t i = 1; i < offsets.size(); ++i) {
    const auto begin = x.begin() + offsets[i - 1], end = x.begin() + offsets[i];
    if (begin == end) continue;
    const double largest = *std::max_element(begin, end);
    double sum = 0;
    for (auto v = begin; v != end; ++v) sum += *v = std::exp(*v - largest);
    for (auto v = begin; v != end; ++v) *v /= sum;
  }
  OutWithLoD(c, "Out", FromDoubles(given.shape(), given.dtype(), x), given.lod());
}

void SoftmaxSequencesBack(DynamicContext& c) {
  const Tensor& x = c.InputTensor("X");
  const std::vector<int64_t> offsets = Offsets(x, "X");
  const std::vector<double> out = Doubles(c.InputTensor("Out")), dout = Doubles(c.InputTensor("Out@GRAD"));
  std::vector<double> dx(out.size());
  for (size_t i = 1; i < offsets.size(); ++i) {
    double dot = 0;
    for (int64_t row = offsets[i - 1]; row < offsets[i]; ++row) dot += out.at(row) * dout.at(row);
    for (int64_t row = offsets[i - 1]; row < offsets[i]; ++row) dx[row] = out[row] * (dout[row] - dot);
  }
  OutWithLoD(c, "X@GRAD", FromDoubles(x.shape(), x.dtype(), dx), x.lod());
}

// ---- convolution over rows -----------------------------------------------------------------------

using host::RowMajorMatrix;

RowMajorMatrix ToMatrix(const Tensor& t, int64_t rows, int64_t columns) {
  const std::vector<double> values = Doubles(t);
  SKIFF_ENFORCE(static_cast<int64_t>(values.size()) == rows * columns, InvalidArgument, "a tensor of shape ", t.shape(),
                "; expected ", rows, " x ", columns, " numbers");
  return Eigen::Map<const RowMajorMatrix>(values.data(), rows, columns);
}
Tensor FromMatrix(const Shape& shape, DType dtype, const RowMajorMatrix& m) {
  return FromDoubles(shape, dtype, {m.data(), m.data() + m.size()});
}

// Which number a window sees: f(row of the window, place in it, row of X or -1, row of PaddingData or -1).
template <typename F>
void ForEachPlace(const DynamicContext& c, const std::vector<int64_t>& offsets, const F& f) {
  const int64_t length = c.attrs().Get<int32_t>("contextLength"), start = c.attrs().Get<int32_t>("contextStart");
  const int64_t before = std::max<int64_t>(0, -start);
  for (size_t i = 1; i < offsets.size(); ++i) {
    const int64_t begin = offsets[i - 1], end = offsets[i];
    for (int64_t row = begin; row < end; ++row) {
      for (int64_t k = 0; k < length; ++k) {
        const int64_t at = row + start + k;
        const bool inside = at >= begin && at < end;
        f(row, k, inside ? at : -1, inside ? -1 : at < begin ? at - begin + before : before + at - end);
      }
    }
  }
}

struct Windows {
  RowMajorMatrix rows;     // [rows, length * width]
  int64_t length, width, filters;
};
Windows ReadWindows(const DynamicContext& c, const std::vector<int64_t>& offsets) {
  const Tensor& x = c.InputTensor("X");
  const Shape& filter = c.InputTensor("Filter").shape();
  Windows w{{}, c.attrs().Get<int32_t>("contextLength"), Width(x), 0};
  SKIFF_ENFORCE(c.attrs().Get<int32_t>("contextStride") == 1, Unimplemented, "attribute contextStride is ",
                c.attrs().Get<int32_t>("contextStride"), "; it may be 1");
  SKIFF_ENFORCE(w.length > 0 && filter.rank() == 2 && filter[0] == w.length * w.width, InvalidArgument,
                "Filter has shape ", filter, "; expected [contextLength * width, filters] with contextLength ", w.length,
                " and width ", w.width);
  w.filters = filter[1];
  const std::vector<double> values = Doubles(x);
  std::vector<double> padding;
  if (c.attrs().Get<bool>("paddingTrainable")) padding = Doubles(c.InputTensor("PaddingData"));
  w.rows = RowMajorMatrix::Zero(Rows(x), w.length * w.width);
  ForEachPlace(c, offsets, [&](int64_t row, int64_t k, int64_t from, int64_t pad) {
    for (int64_t j = 0; j < w.width; ++j) {
      if (from >= 0) w.rows(row, k * w.width + j) = values[from * w.width + j];
      else if (!padding.empty()) w.rows(row, k * w.width + j) = padding.at(pad * w.width + j);
    }
  });
  return w;
}

void ConvSequences(DynamicContext& c) {
  const Tensor& x = c.InputTensor("X");
  const Windows w = ReadWindows(c, Offsets(x, "X"));
  const RowMajorMatrix out = w.rows * ToMatrix(c.InputTensor("Filter"), w.length * w.width, w.filters);
  OutWithLoD(c, "Out", FromMatrix({Rows(x), w.filters}, x.dtype(), out), x.lod());
}

void ConvSequencesBack(DynamicContext& c) {
  const Tensor& x = c.InputTensor("X");
  const std::vector<int64_t> offsets = Offsets(x, "X");
  const Windows w = ReadWindows(c, offsets);
  const Tensor& filter = c.InputTensor("Filter");
  const RowMajorMatrix dout = ToMatrix(c.InputTensor("Out@GRAD"), Rows(x), w.filters);
  host::Out(c, "Filter@GRAD", FromMatrix(filter.shape(), x.dtype(), w.rows.transpose() * dout));
  const RowMajorMatrix drows = dout * ToMatrix(filter, w.length * w.width, w.filters).transpose();
  const bool trainable = c.attrs().Get<bool>("paddingTrainable");
  std::vector<double> dx(x.num_elements(), 0.0);
  std::vector<double> dpadding(trainable ? c.InputTensor("PaddingData").num_elements() : 0, 0.0);
  ForEachPlace(c, offsets, [&](int64_t row, int64_t k, int64_t from, int64_t pad) {
    for (int64_t j = 0; j < w.width; ++j) {
      const double d = drows(row, k * w.width + j);
      if (from >= 0) dx[from * w.width + j] += d;
      else if (trainable) dpadding.at(pad * w.width + j) += d;
    }
  });
  OutWithLoD(c, "X@GRAD", FromDoubles(x.shape(), x.dtype(), dx), x.lod());
  if (trainable) {
    host::Out(c, "PaddingData@GRAD", FromDoubles(c.InputTensor("PaddingData").shape(), x.dtype(), dpadding));
  }
}

OpSchema ConvAttrs(OpSchema schema) {
  schema.Attr("paddingTrainable", false, "whether PaddingData stands for rows outside of a sequence, zeros otherwise")
      .Attr("contextLength", 1, "rows of a window")
      .Attr("contextStart", 0, "first row of a window, from the row it belongs to")
      .Attr("contextStride", 1, "must be 1");
  return schema;
}

}  // namespace

SKIFF_OP(sequence_pool)
    .Doc("One row for each sequence: its rows' sum, average, sum over the square root of their count, maximum, "
         "first or last; pad_value for an empty one.")
    .Source("paddle.static.nn.sequence_pool")
    .Input("X", "[rows, ...] in sequences")
    .Output("Out", "[sequences, ...]")
    .OptionalOutput("MaxIndex", "int32, the row of the maximum; for MAX")
    .Attr("is_test", false, "not read")
    .Attr("pooltype", "AVERAGE", "AVERAGE, SUM, SQRT, MAX, LAST or FIRST")
    .Attr("pad_value", 0.0f, "for empty sequences")
    .InferShape([](InferContext& c) {
      ParsePooling(c.Attr<std::string>("pooltype"));
      Shape out = c.InputShape("X");
      out[0] = -1;
      c.SetOutput("Out", TensorMeta{out, c.InputDType("X"), std::max(0, c.Input("X").lod_level - 1)});
      c.SetOutput("MaxIndex", out, DType::kInt32);
    })
    .Gradient(StandardGrad({"X"}, {"MaxIndex"}, {"Out"}, {"X"}))
    .Dynamic(PoolSequences);

SKIFF_OP(sequence_pool_grad)
    .Doc("Out@GRAD spread over the rows that Out came from.")
    .Input("X", "of sequence_pool")
    .OptionalInput("MaxIndex", "of sequence_pool, for MAX")
    .Input("Out@GRAD", "shape of Out")
    .Output("X@GRAD", "shape of X")
    .Attr("is_test", false, "not read")
    .Attr("pooltype", "AVERAGE", "of sequence_pool")
    .Attr("pad_value", 0.0f, "not read")
    .InferShape(GradsLikeInputs())
    .Dynamic(PoolSequencesBack);

SKIFF_OP(sequence_softmax)
    .Doc("The softmax of each sequence.")
    .Source("paddle.static.nn.sequence_softmax")
    .Input("X", "[rows] or [rows, 1] in sequences")
    .Output("Out", "shape and sequences of X")
    .Attr("use_cudnn", false, "not read")
    .InferShape(Like("Out", "X"))
    .Gradient(StandardGrad({"X"}, {"Out"}, {"Out"}, {"X"}))
    .Dynamic(SoftmaxSequences);

SKIFF_OP(sequence_softmax_grad)
    .Doc("X@GRAD = Out (Out@GRAD - sum of Out Out@GRAD) in each sequence.")
    .Input("X", "only its sequences matter")
    .Input("Out", "of sequence_softmax")
    .Input("Out@GRAD", "shape of Out")
    .Output("X@GRAD", "shape of X")
    .Attr("use_cudnn", false, "not read")
    .InferShape(GradsLikeInputs())
    .Dynamic(SoftmaxSequencesBack);

[[maybe_unused]] const OpSchema sequence_conv_schemas[] = {
    ConvAttrs(OpSchema("sequence_conv")
                  .Doc("Each row and its neighbours in the sequence, side by side, times Filter.")
                  .Source("paddle.static.nn.sequence_conv")
                  .Input("X", "[rows, width] in sequences")
                  .OptionalInput("PaddingData", "[rows before + rows behind, width]")
                  .Input("Filter", "[contextLength * width, filters]")
                  .Output("Out", "[rows, filters], sequences of X")
                  .InferShape([](InferContext& c) {
                    const TensorMeta& x = c.Input("X");
                    const Shape& filter = c.InputShape("Filter");
                    SKIFF_ENFORCE(x.shape.rank() == 2 && filter.rank() == 2, InvalidArgument, "X has shape ", x.shape,
                                  " and Filter ", filter, "; expected two axes in each");
                    c.SetOutput("Out", TensorMeta{{x.shape[0], filter[1]}, x.dtype, x.lod_level});
                  })
                  .Gradient(StandardGrad({"X", "PaddingData", "Filter"}, {}, {"Out"}, {"X", "PaddingData", "Filter"}))
                  .Dynamic(ConvSequences)),
    ConvAttrs(OpSchema("sequence_conv_grad")
                  .Doc("The gradients of sequence_conv.")
                  .Input("X", "of sequence_conv")
                  .OptionalInput("PaddingData", "of sequence_conv")
                  .Input("Filter", "of sequence_conv")
                  .Input("Out@GRAD", "shape of Out")
                  .OptionalOutput("X@GRAD", "shape of X")
                  .OptionalOutput("PaddingData@GRAD", "shape of PaddingData")
                  .OptionalOutput("Filter@GRAD", "shape of Filter")
                  .InferShape(GradsLikeInputs())
                  .Dynamic(ConvSequencesBack))};

}  // namespace skiff
