// The recurrent operators of older programs, over sequences of any length: lstm with peepholes, gru and gru_unit.
// Gradients run the steps again instead of keeping them.
#include <cmath>
#include <functional>

#include "operators/host/matrices.h"
#include "operators/host/sequences.h"

namespace skiff {

namespace {

using host::RowMajorMatrix;
using Row = Eigen::Array<double, 1, Eigen::Dynamic>;

RowMajorMatrix ToMatrix(const Tensor& t, int64_t rows, int64_t columns, const char* slot) {
  const std::vector<double> values = Doubles(t);
  SKIFF_ENFORCE(static_cast<int64_t>(values.size()) == rows * columns, InvalidArgument, "input ", slot, " has shape ",
                t.shape(), "; expected ", rows, " x ", columns, " numbers");
  return Eigen::Map<const RowMajorMatrix>(values.data(), rows, columns);
}
RowMajorMatrix ToMatrixOrZero(const DynamicContext& c, const char* slot, int64_t rows, int64_t columns) {
  if (!host::Has(c, slot)) return RowMajorMatrix::Zero(rows, columns);
  return ToMatrix(c.InputTensor(slot), rows, columns, slot);
}
Tensor FromMatrix(const RowMajorMatrix& m, const Tensor& like, const Shape& shape) {
  Tensor t = FromDoubles(shape, like.dtype(), {m.data(), m.data() + m.size()});
  return t;
}

enum class Act { kIdentity, kSigmoid, kTanh, kRelu };

Act ActOf(const std::string& name) {
  if (name == "sigmoid") return Act::kSigmoid;
  if (name == "tanh") return Act::kTanh;
  if (name == "relu") return Act::kRelu;
  SKIFF_ENFORCE(name == "identity", InvalidArgument, "activation \"", name, "\"; it may be sigmoid, tanh, relu or identity");
  return Act::kIdentity;
}
Row Apply(Act act, const Row& x) {
  switch (act) {
    case Act::kSigmoid: return 1.0 / (1.0 + (-x).exp());
    case Act::kTanh: return x.tanh();
    case Act::kRelu: return x.max(0.0);
    case Act::kIdentity: break;
  }
  return x;
}
Row Slope(Act act, const Row& y) {  // from the result
  switch (act) {
    case Act::kSigmoid: return y * (1.0 - y);
    case Act::kTanh: return 1.0 - y.square();
    case Act::kRelu: return (y > 0.0).cast<double>();
    case Act::kIdentity: break;
  }
  return Row::Ones(y.size());
}

Row TimesMatrix(const Row& x, const RowMajorMatrix& w) { return (x.matrix() * w).array(); }
Row TimesTransposed(const Row& x, const RowMajorMatrix& w) { return (x.matrix() * w.transpose()).array(); }
void AddOuter(const Row& a, const Row& b, RowMajorMatrix* sum) { sum->noalias() += a.matrix().transpose() * b.matrix(); }

// f(sequence, row, row before it or -1) in the order of the steps.
template <typename F>
void ForEachStep(const std::vector<int64_t>& offsets, bool reverse, const F& f) {
  for (size_t i = 1; i < offsets.size(); ++i) {
    const int64_t begin = offsets[i - 1], size = offsets[i] - begin;
    for (int64_t s = 0; s < size; ++s) {
      const int64_t row = reverse ? begin + size - 1 - s : begin + s;
      f(static_cast<int64_t>(i) - 1, row, s == 0 ? -1 : reverse ? row + 1 : row - 1);
    }
  }
}
template <typename F>
void ForEachStepBack(const std::vector<int64_t>& offsets, bool reverse, const F& f) {
  for (size_t i = offsets.size() - 1; i > 0; --i) {
    const int64_t begin = offsets[i - 1], size = offsets[i] - begin;
    for (int64_t s = size; s-- > 0;) {
      const int64_t row = reverse ? begin + size - 1 - s : begin + s;
      f(static_cast<int64_t>(i) - 1, row, s == 0 ? -1 : reverse ? row + 1 : row - 1);
    }
  }
}

// ---- lstm: gates candidate, input, forget, output --------------------------------------------------

struct Lstm {
  std::vector<int64_t> offsets;
  int64_t rows, count, d;
  bool reverse, peepholes;
  Act gate, cell, candidate;
  RowMajorMatrix x, weight, bias, h0, c0;
  RowMajorMatrix hidden, cells, gates, activated;  // activated: the cell's activation

  explicit Lstm(const DynamicContext& c) {
    const Tensor& input = c.InputTensor("Input");
    offsets = Offsets(input, "Input");
    rows = Rows(input), count = static_cast<int64_t>(offsets.size()) - 1, d = Width(input) / 4;
    reverse = c.attrs().Get<bool>("is_reverse"), peepholes = c.attrs().Get<bool>("use_peepholes");
    gate = ActOf(c.attrs().Get<std::string>("gate_activation"));
    cell = ActOf(c.attrs().Get<std::string>("cell_activation"));
    candidate = ActOf(c.attrs().Get<std::string>("candidate_activation"));
    x = ToMatrix(input, rows, 4 * d, "Input");
    weight = ToMatrix(c.InputTensor("Weight"), d, 4 * d, "Weight");
    bias = ToMatrix(c.InputTensor("Bias"), 1, (peepholes ? 7 : 4) * d, "Bias");
    h0 = ToMatrixOrZero(c, "H0", count, d);
    c0 = ToMatrixOrZero(c, "C0", count, d);
    hidden = cells = activated = RowMajorMatrix::Zero(rows, d);
    gates = RowMajorMatrix::Zero(rows, 4 * d);
    ForEachStep(offsets, reverse, [&](int64_t i, int64_t row, int64_t before) { Step(i, row, before); });
  }
  Row Peephole(int k) const { return bias.row(0).segment((4 + k) * d, d).array(); }
  Row HiddenBefore(int64_t i, int64_t before) const { return (before < 0 ? h0.row(i) : hidden.row(before)).array(); }
  Row CellBefore(int64_t i, int64_t before) const { return (before < 0 ? c0.row(i) : cells.row(before)).array(); }

  void Step(int64_t i, int64_t row, int64_t before) {
    const Row c_before = CellBefore(i, before);
    const Row sum = x.row(row).array() + bias.row(0).head(4 * d).array() + TimesMatrix(HiddenBefore(i, before), weight);
    Row in = sum.segment(d, d), forget = sum.segment(2 * d, d), out = sum.segment(3 * d, d);
    if (peepholes) in += Peephole(0) * c_before, forget += Peephole(1) * c_before;
    const Row made = Apply(candidate, sum.segment(0, d));
    in = Apply(gate, in), forget = Apply(gate, forget);
    const Row now = in * made + forget * c_before;
    if (peepholes) out += Peephole(2) * now;
    out = Apply(gate, out);
    const Row seen = Apply(cell, now);
    cells.row(row) = now.matrix(), activated.row(row) = seen.matrix(), hidden.row(row) = (out * seen).matrix();
    gates.row(row) << made.matrix(), in.matrix(), forget.matrix(), out.matrix();
  }
};

void RunLstm(DynamicContext& c) {
  const Lstm l(c);
  const Tensor& input = c.InputTensor("Input");
  OutWithLoD(c, "Hidden", FromMatrix(l.hidden, input, {l.rows, l.d}), input.lod());
  OutWithLoD(c, "Cell", FromMatrix(l.cells, input, {l.rows, l.d}), input.lod());
  host::Out(c, "BatchGate", FromMatrix(l.gates, input, {l.rows, 4 * l.d}));
  host::Out(c, "BatchCellPreAct", FromMatrix(l.activated, input, {l.rows, l.d}));
}

void RunLstmBack(DynamicContext& c) {
  const Lstm l(c);
  const int64_t d = l.d;
  RowMajorMatrix dh = ToMatrixOrZero(c, "Hidden@GRAD", l.rows, d);
  RowMajorMatrix dc = ToMatrixOrZero(c, "Cell@GRAD", l.rows, d);
  RowMajorMatrix dx = RowMajorMatrix::Zero(l.rows, 4 * d), dweight = RowMajorMatrix::Zero(d, 4 * d), dbias = RowMajorMatrix::Zero(1, l.bias.cols());
  RowMajorMatrix dh0 = RowMajorMatrix::Zero(l.count, d), dc0 = dh0;
  ForEachStepBack(l.offsets, l.reverse, [&](int64_t i, int64_t row, int64_t before) {
    const Row g = l.gates.row(row).array(), c_before = l.CellBefore(i, before), seen = l.activated.row(row).array();
    const Row made = g.segment(0, d), in = g.segment(d, d), forget = g.segment(2 * d, d), out = g.segment(3 * d, d);
    const Row dhidden = dh.row(row).array();
    const Row dout = dhidden * seen * Slope(l.gate, out);
    Row dcell = dc.row(row).array() + dhidden * out * Slope(l.cell, seen);
    if (l.peepholes) dcell += dout * l.Peephole(2);
    const Row din = dcell * made * Slope(l.gate, in), dforget = dcell * c_before * Slope(l.gate, forget);
    const Row dmade = dcell * in * Slope(l.candidate, made);
    Row dc_before = dcell * forget;
    if (l.peepholes) {
      dc_before += din * l.Peephole(0) + dforget * l.Peephole(1);
      dbias.row(0).segment(4 * d, d) += (din * c_before).matrix();
      dbias.row(0).segment(5 * d, d) += (dforget * c_before).matrix();
      dbias.row(0).segment(6 * d, d) += (dout * l.cells.row(row).array()).matrix();
    }
    dx.row(row) << dmade.matrix(), din.matrix(), dforget.matrix(), dout.matrix();
    const Row dsum = dx.row(row).array();
    AddOuter(l.HiddenBefore(i, before), dsum, &dweight);
    const Row dh_before = TimesTransposed(dsum, l.weight);
    (before < 0 ? dh0.row(i) : dh.row(before)) += dh_before.matrix();
    (before < 0 ? dc0.row(i) : dc.row(before)) += dc_before.matrix();
  });
  dbias.row(0).head(4 * d) = dx.colwise().sum();
  const Tensor& input = c.InputTensor("Input");
  OutWithLoD(c, "Input@GRAD", FromMatrix(dx, input, input.shape()), input.lod());
  host::Out(c, "Weight@GRAD", FromMatrix(dweight, input, {d, 4 * d}));
  host::Out(c, "Bias@GRAD", FromMatrix(dbias, input, c.InputTensor("Bias").shape()));
  host::Out(c, "H0@GRAD", FromMatrix(dh0, input, {l.count, d}));
  host::Out(c, "C0@GRAD", FromMatrix(dc0, input, {l.count, d}));
}

// ---- gru: gates update, reset, candidate -----------------------------------------------------------

struct Gru {
  std::vector<int64_t> offsets;
  int64_t rows, count, d;
  bool reverse, origin;
  Act gate, candidate;
  RowMajorMatrix x, weight_gates, weight_candidate, bias, h0;
  RowMajorMatrix hidden, gates, reset;  // reset: the last hidden state, let through

  // `unit`: each row is a sequence of one step.
  Gru(const DynamicContext& c, bool unit) {
    const Tensor& input = c.InputTensor("Input");
    rows = Rows(input), d = Width(input) / 3;
    if (unit) {
      for (int64_t row = 0; row <= rows; ++row) offsets.push_back(row);
    } else {
      offsets = Offsets(input, "Input");
    }
    count = static_cast<int64_t>(offsets.size()) - 1;
    reverse = !unit && c.attrs().Get<bool>("is_reverse");
    origin = c.attrs().Get<bool>("origin_mode");
    const auto act = [&](const char* name) {
      static const char* const names[] = {"identity", "sigmoid", "tanh", "relu"};
      if (!unit) return ActOf(c.attrs().Get<std::string>(name));
      const int32_t code = c.attrs().Get<int32_t>(name);
      SKIFF_ENFORCE(code >= 0 && code < 4, InvalidArgument, "attribute ", name, " is ", code, "; it may be 0 to 3");
      return ActOf(names[code]);
    };
    gate = act("gate_activation"), candidate = act("activation");
    x = ToMatrix(input, rows, 3 * d, "Input");
    const RowMajorMatrix weight = ToMatrix(c.InputTensor("Weight"), d, 3 * d, "Weight");
    weight_gates = Eigen::Map<const RowMajorMatrix>(weight.data(), d, 2 * d);  // two blocks, not columns
    weight_candidate = Eigen::Map<const RowMajorMatrix>(weight.data() + 2 * d * d, d, d);
    bias = ToMatrixOrZero(c, "Bias", 1, 3 * d);
    h0 = ToMatrixOrZero(c, unit ? "HiddenPrev" : "H0", count, d);
    hidden = reset = RowMajorMatrix::Zero(rows, d);
    gates = RowMajorMatrix::Zero(rows, 3 * d);
    ForEachStep(offsets, reverse, [&](int64_t i, int64_t row, int64_t before) { Step(i, row, before); });
  }
  Row Before(int64_t i, int64_t before) const { return (before < 0 ? h0.row(i) : hidden.row(before)).array(); }

  void Step(int64_t i, int64_t row, int64_t before) {
    const Row h = Before(i, before), sum = x.row(row).array() + bias.row(0).array();
    const Row both = Apply(gate, sum.head(2 * d) + TimesMatrix(h, weight_gates));
    const Row update = both.head(d), let = both.tail(d) * h;
    const Row made = Apply(candidate, sum.tail(d) + TimesMatrix(let, weight_candidate));
    gates.row(row) << both.matrix(), made.matrix();
    reset.row(row) = let.matrix();
    const Row share = origin ? Row(1 - update) : update;  // of the candidate
    hidden.row(row) = ((1 - share) * h + share * made).matrix();
  }
};

void RunGru(DynamicContext& c, bool unit) {
  const Gru g(c, unit);
  const Tensor& input = c.InputTensor("Input");
  OutWithLoD(c, "Hidden", FromMatrix(g.hidden, input, {g.rows, g.d}), input.lod());
  const Tensor gates = FromMatrix(g.gates, input, {g.rows, 3 * g.d}), reset = FromMatrix(g.reset, input, {g.rows, g.d});
  host::Out(c, unit ? "Gate" : "BatchGate", gates);
  host::Out(c, unit ? "ResetHiddenPrev" : "BatchResetHiddenPrev", reset);
  if (!unit) host::Out(c, "BatchHidden", FromMatrix(g.hidden, input, {g.rows, g.d}));
}

void RunGruBack(DynamicContext& c, bool unit) {
  const Gru g(c, unit);
  const int64_t d = g.d;
  RowMajorMatrix dh = ToMatrixOrZero(c, "Hidden@GRAD", g.rows, d), dh0 = RowMajorMatrix::Zero(g.count, d);
  RowMajorMatrix dx = RowMajorMatrix::Zero(g.rows, 3 * d), dgates = RowMajorMatrix::Zero(d, 2 * d), dcandidate = RowMajorMatrix::Zero(d, d);
  ForEachStepBack(g.offsets, g.reverse, [&](int64_t i, int64_t row, int64_t before) {
    const Row h = g.Before(i, before), gates = g.gates.row(row).array(), d_row = dh.row(row).array();
    const Row update = gates.head(d), let = gates.segment(d, d), made = gates.tail(d);
    const Row share = g.origin ? Row(1 - update) : update;  // of the candidate
    const Row dmade = d_row * share * Slope(g.candidate, made);
    const Row dupdate = d_row * (g.origin ? Row(h - made) : Row(made - h)) * Slope(g.gate, update);
    const Row dlet = TimesTransposed(dmade, g.weight_candidate);
    const Row dreset = dlet * h * Slope(g.gate, let);
    AddOuter(g.reset.row(row).array(), dmade, &dcandidate);
    dx.row(row) << dupdate.matrix(), dreset.matrix(), dmade.matrix();
    const Row both = dx.row(row).head(2 * d).array();
    AddOuter(h, both, &dgates);
    const Row dh_before = d_row * (1 - share) + dlet * let + TimesTransposed(both, g.weight_gates);
    (before < 0 ? dh0.row(i) : dh.row(before)) += dh_before.matrix();
  });
  const Tensor& input = c.InputTensor("Input");
  OutWithLoD(c, "Input@GRAD", FromMatrix(dx, input, input.shape()), input.lod());
  RowMajorMatrix dweight(d, 3 * d);
  std::copy_n(dgates.data(), dgates.size(), dweight.data());
  std::copy_n(dcandidate.data(), dcandidate.size(), dweight.data() + dgates.size());
  host::Out(c, "Weight@GRAD", FromMatrix(dweight, input, {d, 3 * d}));
  host::Out(c, "Bias@GRAD", FromMatrix(dx.colwise().sum(), input, {1, 3 * d}));
  host::Out(c, unit ? "HiddenPrev@GRAD" : "H0@GRAD", FromMatrix(dh0, input, {g.count, d}));
}

void InferRows(InferContext& c, const std::vector<std::pair<const char*, int64_t>>& outs, int64_t gates) {
  const TensorMeta& x = c.Input("Input");
  SKIFF_ENFORCE(x.shape.rank() == 2 && (x.shape[1] < 0 || x.shape[1] % gates == 0), InvalidArgument,
                "Input has shape ", x.shape, "; expected [rows, ", gates, " * hidden]");
  const int64_t d = x.shape[1] < 0 ? -1 : x.shape[1] / gates;
  for (const auto& [slot, times] : outs) {
    c.SetOutput(slot, TensorMeta{{x.shape[0], d < 0 ? -1 : times * d}, x.dtype, x.lod_level});
  }
}

OpSchema LstmAttrs(OpSchema schema) {
  schema.Attr("use_peepholes", true, "whether gates see the cell; Bias then holds three weights more")
      .Attr("is_reverse", false, "from the end of each sequence to its beginning")
      .Attr("is_test", false, "not read")
      .Attr("gate_activation", "sigmoid", "sigmoid, tanh, relu or identity")
      .Attr("cell_activation", "tanh", "of the cell on its way to the hidden state")
      .Attr("candidate_activation", "tanh", "of what enters the cell");
  return schema;
}
OpSchema GruAttrs(OpSchema schema) {
  schema.Attr("activation", "tanh", "of the candidate: sigmoid, tanh, relu or identity")
      .Attr("gate_activation", "sigmoid", "of the gates")
      .Attr("is_reverse", false, "from the end of each sequence to its beginning")
      .Attr("origin_mode", false, "h = u h + (1 - u) c instead of h = (1 - u) h + u c");
  return schema;
}
OpSchema GruUnitAttrs(OpSchema schema) {
  schema.Attr("activation", 2, "of the candidate: 0 identity, 1 sigmoid, 2 tanh, 3 relu")
      .Attr("gate_activation", 1, "of the gates")
      .Attr("origin_mode", false, "h = u h + (1 - u) c instead of h = (1 - u) h + u c");
  return schema;
}

[[maybe_unused]] const OpSchema recurrent_schemas[] = {
    LstmAttrs(OpSchema("lstm")
                  .Doc("A recurrent layer over sequences whose product with the input weights is given. Gates candidate, "
                       "input, forget, output; peepholes look at the last cell, that of the output at the new one.")
                  .Source("Gers and Schmidhuber 2000; Paddle's older lstm")
                  .Input("Input", "[rows, 4 * hidden] in sequences")
                  .OptionalInput("H0", "[sequences, hidden]")
                  .OptionalInput("C0", "[sequences, hidden]")
                  .Input("Weight", "[hidden, 4 * hidden]")
                  .Input("Bias", "[1, 4 * hidden], or 7 with peepholes")
                  .Output("Hidden", "[rows, hidden]")
                  .Output("Cell", "[rows, hidden]")
                  .OptionalOutput("BatchGate", "the gates")
                  .OptionalOutput("BatchCellPreAct", "the cell's activation")
                  .InferShape([](InferContext& c) {
                    InferRows(c, {{"Hidden", 1}, {"Cell", 1}, {"BatchGate", 4}, {"BatchCellPreAct", 1}}, 4);
                  })
                  .Gradient(StandardGrad({"Input", "H0", "C0", "Weight", "Bias"},
                                         {"Hidden", "Cell", "BatchGate", "BatchCellPreAct"}, {"Hidden", "Cell"},
                                         {"Input", "H0", "C0", "Weight", "Bias"}))
                  .Dynamic(RunLstm)),
    LstmAttrs(OpSchema("lstm_grad")
                  .Doc("The gradients of lstm.")
                  .Input("Input", "of lstm")
                  .OptionalInput("H0", "of lstm")
                  .OptionalInput("C0", "of lstm")
                  .Input("Weight", "of lstm")
                  .Input("Bias", "of lstm")
                  .OptionalInput("Hidden", "not read")
                  .OptionalInput("Cell", "not read")
                  .OptionalInput("BatchGate", "not read")
                  .OptionalInput("BatchCellPreAct", "not read")
                  .OptionalInput("Hidden@GRAD", "shape of Hidden")
                  .OptionalInput("Cell@GRAD", "shape of Cell")
                  .OptionalOutput("Input@GRAD", "shape of Input")
                  .OptionalOutput("H0@GRAD", "shape of H0")
                  .OptionalOutput("C0@GRAD", "shape of C0")
                  .OptionalOutput("Weight@GRAD", "shape of Weight")
                  .OptionalOutput("Bias@GRAD", "shape of Bias")
                  .InferShape(GradsLikeInputs())
                  .Dynamic(RunLstmBack)),
    GruAttrs(OpSchema("gru")
                 .Doc("A recurrent layer over sequences whose product with the input weights is given. Gates update, "
                      "reset; c = act(x + (r h) W).")
                 .Source("Cho et al. 2014; Paddle's older gru")
                 .Input("Input", "[rows, 3 * hidden] in sequences")
                 .OptionalInput("H0", "[sequences, hidden]")
                 .Input("Weight", "[hidden, 3 * hidden]: a block [hidden, 2 * hidden] for the gates, then one [hidden, "
                                  "hidden] for the candidate")
                 .OptionalInput("Bias", "[1, 3 * hidden]")
                 .OptionalOutput("BatchGate", "the gates")
                 .OptionalOutput("BatchResetHiddenPrev", "r h")
                 .OptionalOutput("BatchHidden", "the hidden states")
                 .Output("Hidden", "[rows, hidden]")
                 .InferShape([](InferContext& c) {
                   InferRows(c, {{"Hidden", 1}, {"BatchGate", 3}, {"BatchResetHiddenPrev", 1}, {"BatchHidden", 1}}, 3);
                 })
                 .Gradient(StandardGrad({"Input", "H0", "Weight", "Bias"},
                                        {"BatchGate", "BatchResetHiddenPrev", "BatchHidden", "Hidden"}, {"Hidden"},
                                        {"Input", "H0", "Weight", "Bias"}))
                 .Dynamic([](DynamicContext& c) { RunGru(c, false); })),
    GruAttrs(OpSchema("gru_grad")
                 .Doc("The gradients of gru.")
                 .Input("Input", "of gru")
                 .OptionalInput("H0", "of gru")
                 .Input("Weight", "of gru")
                 .OptionalInput("Bias", "of gru")
                 .OptionalInput("BatchGate", "not read")
                 .OptionalInput("BatchResetHiddenPrev", "not read")
                 .OptionalInput("BatchHidden", "not read")
                 .OptionalInput("Hidden", "not read")
                 .Input("Hidden@GRAD", "shape of Hidden")
                 .OptionalOutput("Input@GRAD", "shape of Input")
                 .OptionalOutput("H0@GRAD", "shape of H0")
                 .OptionalOutput("Weight@GRAD", "shape of Weight")
                 .OptionalOutput("Bias@GRAD", "shape of Bias")
                 .InferShape(GradsLikeInputs())
                 .Dynamic([](DynamicContext& c) { RunGruBack(c, false); })),
    GruUnitAttrs(OpSchema("gru_unit")
                     .Doc("One step of gru for each row.")
                     .Source("Cho et al. 2014; Paddle's gru_unit")
                     .Input("Input", "[batch, 3 * hidden]")
                     .Input("HiddenPrev", "[batch, hidden]")
                     .Input("Weight", "as in gru")
                     .OptionalInput("Bias", "[1, 3 * hidden]")
                     .OptionalOutput("Gate", "[batch, 3 * hidden]")
                     .OptionalOutput("ResetHiddenPrev", "[batch, hidden]")
                     .Output("Hidden", "[batch, hidden]")
                     .InferShape([](InferContext& c) { InferRows(c, {{"Hidden", 1}, {"Gate", 3}, {"ResetHiddenPrev", 1}}, 3); })
                     .Gradient(StandardGrad({"Input", "HiddenPrev", "Weight", "Bias"}, {"Gate", "ResetHiddenPrev"},
                                            {"Hidden"}, {"Input", "HiddenPrev", "Weight", "Bias"}))
                     .Dynamic([](DynamicContext& c) { RunGru(c, true); })),
    GruUnitAttrs(OpSchema("gru_unit_grad")
                     .Doc("The gradients of gru_unit.")
                     .Input("Input", "of gru_unit")
                     .Input("HiddenPrev", "of gru_unit")
                     .Input("Weight", "of gru_unit")
                     .OptionalInput("Bias", "of gru_unit")
                     .OptionalInput("Gate", "not read")
                     .OptionalInput("ResetHiddenPrev", "not read")
                     .Input("Hidden@GRAD", "shape of Hidden")
                     .OptionalOutput("Input@GRAD", "shape of Input")
                     .OptionalOutput("HiddenPrev@GRAD", "shape of HiddenPrev")
                     .OptionalOutput("Weight@GRAD", "shape of Weight")
                     .OptionalOutput("Bias@GRAD", "shape of Bias")
                     .InferShape(GradsLikeInputs())
                     .Dynamic([](DynamicContext& c) { RunGruBack(c, true); }))};

}  // namespace

}  // namespace skiff
