// Operators that change what the sequences are: other rows, other widths, other offsets.
#include <algorithm>

#include "operators/host/sequences.h"

namespace skiff {

namespace {

void ResetLoD(DynamicContext& c) {
  Tensor out = host::In(c, "X").Clone();
  LoD lod;
  if (host::Has(c, "Y")) {
    const Tensor& y = c.InputTensor("Y");
    lod = y.lod();
    if (lod.empty()) {
      const std::vector<int64_t> offsets = IntElements(y);
      lod = {ToLevel(offsets)};
    }
  } else {
    const auto offsets = c.attrs().Get<std::vector<int32_t>>("target_lod");
    lod = {std::vector<uint64_t>(offsets.begin(), offsets.end())};
  }
  if (c.attrs().Get<bool>("append")) {
    LoD before = c.InputTensor("X").lod();
    before.push_back(lod.back());
    lod = before;
  }
  OutWithLoD(c, "Out", out, lod);
}

void ReshapeSequences(DynamicContext& c) {
  const Tensor x = host::In(c, "X");
  const std::vector<int64_t> offsets = Offsets(x, "X");
  const int64_t width = Width(x), wanted = c.attrs().Get<int32_t>("new_dim");
  std::vector<int64_t> moved;
  for (int64_t offset : offsets) {
    SKIFF_ENFORCE(wanted > 0 && offset * width % wanted == 0, InvalidArgument, "a sequence of ", width,
                  " numbers a row cannot be cut into rows of ", wanted);
    moved.push_back(offset * width / wanted);
  }
  OutWithLoD(c, "Out", x.Reshaped({moved.back(), wanted}), {ToLevel(moved)});
}

void ScatterSequences(DynamicContext& c) {
  const Tensor x = host::In(c, "X");
  const Tensor& ids = c.InputTensor("Ids");
  const Tensor& updates = c.InputTensor("Updates");
  const std::vector<int64_t> offsets = Offsets(ids, "Ids"), at = IntElements(ids);
  const std::vector<double> add = Doubles(updates);
  SKIFF_ENFORCE(static_cast<int64_t>(offsets.size()) - 1 == Rows(x) && add.size() == at.size(), InvalidArgument,
                "X has ", Rows(x), " rows, Ids ", offsets.size() - 1, " sequences and ", at.size(), " elements, Updates ",
                add.size(), "; expected a sequence for each row of X and an update for each element");
  std::vector<double> out = Doubles(x);
  const int64_t width = Width(x);
  for (size_t i = 1; i < offsets.size(); ++i) {
    for (int64_t k = offsets[i - 1]; k < offsets[i]; ++k) {
      SKIFF_ENFORCE(at[k] >= 0 && at[k] < width, OutOfRange, "element ", k, " of Ids is ", at[k], "; X has ", width,
                    " columns");
      out[(i - 1) * width + at[k]] += add[k];
    }
  }
  host::Out(c, "Out", FromDoubles(x.shape(), x.dtype(), out));
}

void ScatterSequencesBack(DynamicContext& c) {
  const Tensor& ids = c.InputTensor("Ids");
  const Tensor& grad = c.InputTensor("Out@GRAD");
  const std::vector<int64_t> offsets = Offsets(ids, "Ids"), at = IntElements(ids);
  const std::vector<double> dout = Doubles(grad);
  std::vector<double> dupdates(at.size());
  for (size_t i = 1; i < offsets.size(); ++i) {
    for (int64_t k = offsets[i - 1]; k < offsets[i]; ++k) dupdates[k] = dout.at((i - 1) * Width(grad) + at[k]);
  }
  host::Out(c, "X@GRAD", grad.Clone());
  const Tensor& updates = c.InputTensor("Updates");
  OutWithLoD(c, "Updates@GRAD", FromDoubles(updates.shape(), grad.dtype(), dupdates), updates.lod());
}

void EnumerateSequences(DynamicContext& c) {
  const Tensor& given = c.InputTensor("X");
  const std::vector<int64_t> offsets = Offsets(given, "X"), x = IntElements(given);
  const int64_t window = c.attrs().Get<int32_t>("win_size"), pad = c.attrs().Get<int32_t>("pad_value");
  std::vector<int64_t> out;
  for (size_t i = 1; i < offsets.size(); ++i) {
    for (int64_t row = offsets[i - 1]; row < offsets[i]; ++row) {
      for (int64_t k = 0; k < window; ++k) out.push_back(row + k < offsets[i] ? x.at(row + k) : pad);
    }
  }
  OutWithLoD(c, "Out", FromInts({Rows(given), window}, given.dtype(), out), given.lod());
}

void EraseTokens(DynamicContext& c) {
  const Tensor& x = c.InputTensor("X");
  const std::vector<int64_t> offsets = Offsets(x, "X"), values = IntElements(x);
  const auto tokens = c.attrs().Get<std::vector<int32_t>>("tokens");
  std::vector<int64_t> rows, kept{0};
  for (size_t i = 1; i < offsets.size(); ++i) {
    for (int64_t row = offsets[i - 1]; row < offsets[i]; ++row) {
      if (std::find(tokens.begin(), tokens.end(), values.at(row)) == tokens.end()) rows.push_back(row);
    }
    kept.push_back(static_cast<int64_t>(rows.size()));
  }
  LoD lod = x.lod();
  lod.back() = ToLevel(kept);
  OutWithLoD(c, "Out", TakeRows(x, rows), lod);
}

void MaskLengths(DynamicContext& c) {
  const Tensor& x = c.InputTensor("X");
  const std::vector<int64_t> lengths = IntElements(x);
  int64_t most = c.attrs().Get<int32_t>("maxlen");
  if (host::Has(c, "MaxLenTensor")) most = IntElements(c.InputTensor("MaxLenTensor")).at(0);
  if (most < 0) most = lengths.empty() ? 0 : *std::max_element(lengths.begin(), lengths.end());
  std::vector<double> mask;
  for (int64_t length : lengths) {
    for (int64_t k = 0; k < most; ++k) mask.push_back(k < length ? 1 : 0);
  }
  Shape shape = x.shape();
  shape.Append(most);
  const DType dtype = static_cast<DType>(c.attrs().Get<int32_t>("out_dtype"));
  if (dtype == DType::kBool || dtype == DType::kUInt8 || dtype == DType::kInt8) {
    Tensor bytes(shape, dtype);  // one byte each, 0 or 1
    std::copy(mask.begin(), mask.end(), static_cast<uint8_t*>(bytes.raw_data()));
    return host::Out(c, "Y", bytes);
  }
  host::Out(c, "Y", FromDoubles(shape, dtype, mask));
}

}  // namespace

SKIFF_OP(lod_reset)
    .Doc("X with other sequences: those of Y, else Y's elements as offsets, else target_lod.")
    .Source("Paddle's lod_reset")
    .Input("X", "[rows, ...]")
    .OptionalInput("Y", "its sequences, or offsets")
    .Output("Out", "X")
    .Attr("target_lod", std::vector<int32_t>{}, "offsets")
    .Attr("append", false, "adds the sequences as the innermost level")
    .InferShape([](InferContext& c) {
      const TensorMeta& x = c.Input("X");
      const int32_t given = c.HasInput("Y") ? std::max(1, c.Input("Y").lod_level) : 1;
      c.SetOutput("Out", TensorMeta{x.shape, x.dtype, c.Attr<bool>("append") ? x.lod_level + 1 : given});
    })
    .Gradient(StandardGrad({"X"}, {}, {"Out"}, {"X"}))
    .Dynamic(ResetLoD);

SKIFF_OP(lod_reset_grad)
    .Doc("X@GRAD = Out@GRAD with the sequences of X.")
    .Input("X", "only its sequences matter")
    .Input("Out@GRAD", "shape of X")
    .Output("X@GRAD", "shape of X")
    .Attr("target_lod", std::vector<int32_t>{}, "not read")
    .Attr("append", false, "not read")
    .InferShape(GradsLikeInputs())
    .Dynamic([](DynamicContext& c) {
      OutWithLoD(c, "X@GRAD", host::In(c, "Out@GRAD").Clone(), c.InputTensor("X").lod());
    });

SKIFF_OP(sequence_reshape)
    .Doc("The numbers of each sequence in rows of new_dim.")
    .Source("paddle.static.nn.sequence_reshape")
    .Input("X", "[rows, width] in sequences")
    .Output("Out", "[rows * width / new_dim, new_dim]")
    .Attr("new_dim", 1, "numbers of a row")
    .InferShape([](InferContext& c) {
      const TensorMeta& x = c.Input("X");
      c.SetOutput("Out", TensorMeta{{-1, c.Attr<int>("new_dim")}, x.dtype, x.lod_level});
    })
    .Gradient(StandardGrad({"X"}, {}, {"Out"}, {"X"}))
    .Dynamic(ReshapeSequences);

SKIFF_OP(sequence_reshape_grad)
    .Doc("Out@GRAD in the shape of X.")
    .Input("X", "only its shape and sequences matter")
    .Input("Out@GRAD", "shape of Out")
    .Output("X@GRAD", "shape of X")
    .Attr("new_dim", 1, "not read")
    .InferShape(GradsLikeInputs())
    .Dynamic([](DynamicContext& c) {
      const Tensor& x = c.InputTensor("X");
      OutWithLoD(c, "X@GRAD", host::In(c, "Out@GRAD").Clone().Reshaped(x.shape()), x.lod());
    });

SKIFF_OP(sequence_scatter)
    .Doc("Out = X, and Updates[k] added to column Ids[k] of the row that k's sequence belongs to.")
    .Source("paddle.static.nn.sequence_scatter")
    .Input("X", "[sequences, columns]")
    .Input("Ids", "[n, 1] in sequences")
    .Input("Updates", "[n, 1] in sequences")
    .Output("Out", "shape of X")
    .InferShape([](InferContext& c) { c.SetOutput("Out", c.InputShape("X"), c.InputDType("X")); })
    .Gradient(StandardGrad({"Ids", "Updates"}, {}, {"Out"}, {"X", "Updates"}))
    .Dynamic(ScatterSequences);

SKIFF_OP(sequence_scatter_grad)
    .Doc("X@GRAD = Out@GRAD; Updates@GRAD is what it holds where updates went.")
    .Input("Ids", "of sequence_scatter")
    .Input("Updates", "of sequence_scatter")
    .Input("Out@GRAD", "shape of X")
    .OptionalOutput("X@GRAD", "shape of X")
    .OptionalOutput("Updates@GRAD", "shape of Updates")
    .InferShape([](InferContext& c) {
      c.SetOutput("X@GRAD", TensorMeta(c.Input("Out@GRAD")));
      c.SetOutput("Updates@GRAD", TensorMeta(c.Input("Updates")));
    })
    .Dynamic(ScatterSequencesBack);

SKIFF_OP(sequence_enumerate)
    .Doc("Row i is the win_size numbers of the sequence from i on; pad_value behind its end.")
    .Source("paddle.static.nn.sequence_enumerate")
    .Input("X", "[rows, 1] integers in sequences")
    .Output("Out", "[rows, win_size]")
    .Attr("win_size", 2, "numbers of a row")
    .Attr("pad_value", 0, "behind the end of a sequence")
    .InferShape([](InferContext& c) {
      const TensorMeta& x = c.Input("X");
      c.SetOutput("Out", TensorMeta{{x.shape[0], c.Attr<int>("win_size")}, x.dtype, x.lod_level});
    })
    .Dynamic(EnumerateSequences);

SKIFF_OP(sequence_erase)
    .Doc("The rows of X that hold none of the tokens.")
    .Source("Paddle's sequence_erase")
    .Input("X", "[rows, 1] integers in sequences")
    .Output("Out", "[rows kept, 1]")
    .Attr("tokens", std::vector<int32_t>{}, "what is left out")
    .InferShape(RowsUnknown("Out", "X", -1))
    .Dynamic(EraseTokens);

SKIFF_OP(sequence_mask)
    .Doc("Y[i..., k] is 1 where k < X[i...], else 0.")
    .Source("paddle.nn.functional.sequence_mask")
    .Input("X", "lengths, any shape")
    .OptionalInput("MaxLenTensor", "one integer; goes before the attribute")
    .Output("Y", "X.shape + [maxlen]")
    .Attr("maxlen", -1, "extent of the new axis; -1 for the largest length")
    .Attr("out_dtype", 3, "of Y, a VarType code")
    .InferShape([](InferContext& c) {
      Shape out = c.InputShape("X");
      out.Append(c.HasInput("MaxLenTensor") ? -1 : c.Attr<int>("maxlen"));
      c.SetOutput("Y", out, static_cast<DType>(c.Attr<int>("out_dtype")));
    })
    .Dynamic(MaskLengths);

}  // namespace skiff
