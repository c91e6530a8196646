// Losses over many classes that look at a few of them: noise contrastive estimation and trees of classes.
#include <algorithm>
#include <cmath>

#include "operators/host/sequences.h"
#include "operators/kernel/random.h"

namespace skiff {

namespace {

// Rows of a table that got a gradient, as a dense tensor or as SelectedRows.
class RowGradients {
 public:
  RowGradients(const Tensor& table, bool sparse) : table_(table), width_(Width(table)), sparse_(sparse) {
    if (!sparse) dense_.assign(table.num_elements(), 0.0);
  }
  double* Row(int64_t row) {
    if (!sparse_) return dense_.data() + row * width_;
    const auto found = std::find(rows_.begin(), rows_.end(), row);
    if (found != rows_.end()) return values_.data() + (found - rows_.begin()) * width_;
    rows_.push_back(row);
    values_.resize(values_.size() + width_, 0.0);
    return values_.data() + values_.size() - width_;
  }
  void Give(DynamicContext& c, const std::string& slot) const {
    if (c.NumOutputs(slot) == 0) return;
    if (!sparse_) return host::Out(c, slot, FromDoubles(table_.shape(), table_.dtype(), dense_));
    SelectedRows rows;
    rows.rows = rows_;
    rows.height = table_.shape()[0];
    rows.value = FromDoubles({static_cast<int64_t>(rows_.size()), width_}, table_.dtype(), values_).To(c.place());
    c.Output(slot) = std::move(rows);
  }

 private:
  const Tensor& table_;
  int64_t width_;
  bool sparse_;
  std::vector<double> dense_, values_;
  std::vector<int64_t> rows_;
};

double RowDot(const double* a, const double* b, int64_t n) {
  double sum = 0;
  for (int64_t i = 0; i < n; ++i) sum += a[i] * b[i];
  return sum;
}
void AddScaledRow(double factor, const double* from, int64_t n, double* to) {
  for (int64_t i = 0; i < n; ++i) to[i] += factor * from[i];
}

// ---- noise contrastive estimation ------------------------------------------------------------------

struct Noise {
  int64_t classes;
  int sampler;
  std::vector<double> probabilities = {};

  explicit Noise(const DynamicContext& c)
      : classes(c.attrs().Get<int32_t>("num_total_classes")), sampler(c.attrs().Get<int32_t>("sampler")) {
    SKIFF_ENFORCE(classes > 0 && sampler >= 0 && sampler <= 2, InvalidArgument, "attributes num_total_classes and sampler are ",
                  classes, " and ", sampler, "; expected a positive number and 0 (uniform), 1 (log uniform) or 2 (custom)");
    if (sampler != 2) return;
    probabilities = Doubles(c.InputTensor("CustomDistProbs"));
    SKIFF_ENFORCE(static_cast<int64_t>(probabilities.size()) == classes, InvalidArgument, "CustomDistProbs has ",
                  probabilities.size(), " elements; there are ", classes, " classes");
  }
  double Probability(int64_t k) const {
    if (sampler == 0) return 1.0 / static_cast<double>(classes);
    if (sampler == 2) return probabilities.at(k);
    return std::log((k + 2.0) / (k + 1.0)) / std::log(static_cast<double>(classes));
  }
  int64_t Draw(double u) const {  // u in [0, 1)
    int64_t k = static_cast<int64_t>(u * static_cast<double>(classes));
    if (sampler == 1) k = static_cast<int64_t>(std::exp(u * std::log(static_cast<double>(classes)))) - 1;
    if (sampler == 2) {
      for (k = 0; k + 1 < classes && u >= probabilities[k]; ++k) u -= probabilities[k];
    }
    return std::min(k, classes - 1);
  }
};

int64_t TrueClasses(const Tensor& label) { return label.shape().rank() == 2 ? label.shape()[1] : 1; }

void Nce(DynamicContext& c) {
  const Noise noise(c);
  const Tensor &input = c.InputTensor("Input"), &weight = c.InputTensor("Weight"), &label = c.InputTensor("Label");
  const int64_t batch = Rows(input), width = Width(input), given = TrueClasses(label);
  SKIFF_ENFORCE((weight.shape() == Shape{noise.classes, width}) && Rows(label) == batch, InvalidArgument,
                "Input has shape ", input.shape(), ", Weight ", weight.shape(), ", Label ", label.shape(), "; expected a Weight [",
                noise.classes, ", ", width, "] and a row of Label for each of Input");
  const std::vector<double> x = Doubles(input), w = Doubles(weight);
  const std::vector<double> bias = host::Has(c, "Bias") ? Doubles(c.InputTensor("Bias")) : std::vector<double>(noise.classes, 0.0);
  const std::vector<double> sample_weight =
      host::Has(c, "SampleWeight") ? Doubles(c.InputTensor("SampleWeight")) : std::vector<double>(batch, 1.0);
  const std::vector<int64_t> labels = IntElements(label);
  const auto negatives = c.attrs().Get<std::vector<int32_t>>("custom_neg_classes");
  const int64_t wanted = c.attrs().Get<int32_t>("num_neg_samples");
  const int64_t drawn = negatives.empty() ? wanted : static_cast<int64_t>(negatives.size()), columns = given + drawn;
  const int32_t seed = c.attrs().Get<int32_t>("seed");
  const uint64_t key = MixSeeds(seed != 0 ? 0 : c.seed(), static_cast<uint64_t>(seed));
  std::vector<int64_t> samples;
  std::vector<double> logits, cost(batch, 0.0);
  for (int64_t i = 0; i < batch; ++i) {
    for (int64_t j = 0; j < columns; ++j) {
      int64_t k = j < given ? labels.at(i * given + j) : 0;
      if (j >= given) k = negatives.empty() ? noise.Draw(RandomUniform(key, i * drawn + j - given)) : negatives[j - given];
      SKIFF_ENFORCE(k >= 0 && k < noise.classes, OutOfRange, "class ", k, " of row ", i, "; there are ", noise.classes);
      const double o = 1.0 / (1.0 + std::exp(-(RowDot(x.data() + i * width, w.data() + k * width, width) + bias.at(k))));
      const double b = noise.Probability(k) * static_cast<double>(wanted);
      samples.push_back(k);
      logits.push_back(o);
      cost[i] += sample_weight.at(i) * (j < given ? -std::log(o / (o + b)) : -std::log(b / (o + b)));
    }
  }
  host::Out(c, "Cost", FromDoubles({batch, 1}, input.dtype(), cost));
  host::Out(c, "SampleLogits", FromDoubles({batch, columns}, input.dtype(), logits));
  host::Out(c, "SampleLabels", FromInts({batch, columns}, DType::kInt64, samples));
}

void NceBack(DynamicContext& c) {
  const Noise noise(c);
  const Tensor &input = c.InputTensor("Input"), &weight = c.InputTensor("Weight"), &label = c.InputTensor("Label");
  const int64_t batch = Rows(input), width = Width(input), given = TrueClasses(label);
  const std::vector<double> x = Doubles(input), w = Doubles(weight), dcost = Doubles(c.InputTensor("Cost@GRAD"));
  const std::vector<double> logits = Doubles(c.InputTensor("SampleLogits"));
  const std::vector<int64_t> samples = IntElements(c.InputTensor("SampleLabels"));
  const std::vector<double> sample_weight =
      host::Has(c, "SampleWeight") ? Doubles(c.InputTensor("SampleWeight")) : std::vector<double>(batch, 1.0);
  const int64_t wanted = c.attrs().Get<int32_t>("num_neg_samples");
  const int64_t columns = batch == 0 ? 0 : static_cast<int64_t>(samples.size()) / batch;
  SKIFF_ENFORCE(weight.shape().rank() == 2 && Width(weight) == width && Rows(weight) == noise.classes, InvalidArgument, "Weight is ",
                weight.shape(), "; expected [", noise.classes, ", ", width, "]");
  RowGradients dweight(weight, c.attrs().Get<bool>("is_sparse"));
  std::vector<double> dx(x.size(), 0.0), dbias(noise.classes, 0.0);
  for (int64_t i = 0; i < batch; ++i) {
    for (int64_t j = 0; j < columns; ++j) {
      const int64_t k = samples[i * columns + j];
      SKIFF_ENFORCE(k >= 0 && k < noise.classes, OutOfRange, "class ", k, " of row ", i, "; there are ", noise.classes);
      const double o = logits.at(i * columns + j), b = noise.Probability(k) * static_cast<double>(wanted);
      const double slope = j < given ? -b * (1 - o) / (o + b) : o * (1 - o) / (o + b);
      const double d = slope * sample_weight.at(i) * dcost.at(i);
      dbias[k] += d;
      AddScaledRow(d, x.data() + i * width, width, dweight.Row(k));
      AddScaledRow(d, w.data() + k * width, width, dx.data() + i * width);
    }
  }
  host::Out(c, "Input@GRAD", FromDoubles(input.shape(), input.dtype(), dx));
  if (host::Has(c, "Bias")) host::Out(c, "Bias@GRAD", FromDoubles(c.InputTensor("Bias").shape(), input.dtype(), dbias));
  dweight.Give(c, "Weight@GRAD");
}

OpSchema NceAttrs(OpSchema schema) {
  schema.Attr("num_total_classes", 1, "classes")
      .Attr("num_neg_samples", 10, "classes drawn for each row")
      .Attr("sampler", 0, "0 uniform, 1 log uniform, 2 CustomDistProbs")
      .Attr("seed", 0, "of the draw; 0 draws anew in each run")
      .Attr("is_sparse", false, "whether Weight@GRAD is SelectedRows")
      .Attr("remote_prefetch", false, "not read")
      .Attr("is_test", false, "not read")
      .Attr("custom_neg_classes", std::vector<int32_t>{}, "the classes, instead of drawing them");
  return schema;
}

void InferTableGrad(InferContext& c, const char* table) {
  GradsLikeInputs()(c);
  if (!c.Attr<bool>("is_sparse")) return;
  TensorMeta grad = c.Input(table);
  grad.kind = VarKind::kSelectedRows;
  c.SetOutput(std::string(table) + "@GRAD", grad);
}

// ---- a tree of classes -----------------------------------------------------------------------------

int64_t Classes(const Attrs& attrs) {
  const int64_t classes = attrs.Get<int32_t>("num_classes");
  SKIFF_ENFORCE(classes >= 2, InvalidArgument, "attribute num_classes is ", classes, "; a tree has at least 2");
  return classes;
}

int64_t TreeDepth(int64_t classes) {
  int64_t depth = 0;
  while ((classes - 1) >> depth) ++depth;
  return depth;
}

// The way to a class: at each node a row of W and a turn. Without tables the tree is complete and binary, with
// class k at place k + classes of a heap.
struct Paths {
  int64_t columns;
  std::vector<std::vector<std::pair<int64_t, int>>> turns;

  explicit Paths(const DynamicContext& c) {
    const std::vector<int64_t> labels = IntElements(c.InputTensor("Label"));
    const int64_t nodes = Rows(c.InputTensor("W"));
    turns.resize(labels.size());
    if (host::Has(c, "PathTable")) {
      const std::vector<int64_t> table = IntElements(c.InputTensor("PathTable")), code = IntElements(c.InputTensor("PathCode"));
      columns = Width(c.InputTensor("PathTable"));
      SKIFF_ENFORCE(table.size() == code.size() && table.size() == labels.size() * columns, InvalidArgument, "PathTable has ",
                    table.size(), " elements, PathCode ", code.size(), "; expected ", labels.size(), " rows of ", columns);
      for (size_t i = 0; i < labels.size(); ++i) {
        for (int64_t j = 0; j < columns && table[i * columns + j] >= 0; ++j) {
          turns[i].emplace_back(table[i * columns + j], code[i * columns + j] != 0);
        }
      }
    } else {
      const int64_t classes = Classes(c.attrs());
      columns = TreeDepth(classes);
      for (size_t i = 0; i < labels.size(); ++i) {
        SKIFF_ENFORCE(labels[i] >= 0 && labels[i] < classes, OutOfRange, "label ", labels[i], "; there are ", classes, " classes");
        const int64_t place = labels[i] + classes;
        for (int64_t bit = 0; place >> (bit + 1); ++bit) turns[i].emplace_back((place >> (bit + 1)) - 1, (place >> bit) & 1);
      }
    }
    for (const auto& path : turns) {
      SKIFF_ENFORCE(static_cast<int64_t>(path.size()) <= columns, OutOfRange, "a path has ", path.size(), " turns, not ", columns);
      for (const auto& [node, turn] : path) {
        SKIFF_ENFORCE(node < nodes, OutOfRange, "a path passes node ", node, "; W has ", nodes, " rows");
      }
    }
  }
};

void TreeLoss(DynamicContext& c) {
  const Paths paths(c);
  const Tensor& input = c.InputTensor("X");
  const int64_t batch = Rows(input), width = Width(input);
  SKIFF_ENFORCE(static_cast<int64_t>(paths.turns.size()) == batch && Width(c.InputTensor("W")) == width, InvalidArgument,
                "X has shape ", input.shape(), ", W ", c.InputTensor("W").shape(), " and Label ", paths.turns.size(),
                " elements; expected rows of one width, and a label for each row of X");
  const std::vector<double> x = Doubles(input), w = Doubles(c.InputTensor("W"));
  const std::vector<double> bias = host::Has(c, "Bias") ? Doubles(c.InputTensor("Bias")) : std::vector<double>();
  // Columns behind the end of a path count log 2 each, as in Paddle.
  std::vector<double> pre(batch * paths.columns, std::log(2.0)), out(batch, 0.0);
  for (int64_t i = 0; i < batch; ++i) {
    for (size_t j = 0; j < paths.turns[i].size(); ++j) {
      const auto [node, turn] = paths.turns[i][j];
      const double sum = RowDot(x.data() + i * width, w.data() + node * width, width) + (bias.empty() ? 0.0 : bias.at(node));
      const double z = std::clamp(sum, -40.0, 40.0);
      pre[i * paths.columns + j] = std::log1p(std::exp(z));
      if (turn) out[i] -= z;
    }
    for (int64_t j = 0; j < paths.columns; ++j) out[i] += pre[i * paths.columns + j];
  }
  host::Out(c, "Out", FromDoubles({batch, 1}, input.dtype(), out));
  host::Out(c, "PreOut", FromDoubles({batch, paths.columns}, input.dtype(), pre));
}

void TreeLossBack(DynamicContext& c) {
  const Paths paths(c);
  const Tensor &input = c.InputTensor("X"), &weight = c.InputTensor("W");
  const int64_t batch = Rows(input), width = Width(input);
  const std::vector<double> x = Doubles(input), w = Doubles(weight), dout = Doubles(c.InputTensor("Out@GRAD"));
  const std::vector<double> pre = Doubles(c.InputTensor("PreOut"));
  SKIFF_ENFORCE(weight.shape().rank() == 2 && Width(weight) == width, InvalidArgument, "W is ", weight.shape(), "; X ", input.shape(),
                " wants rows of ", width);
  RowGradients dweight(weight, c.attrs().Get<bool>("is_sparse"));
  std::vector<double> dx(x.size(), 0.0), dbias(Rows(weight), 0.0);
  for (int64_t i = 0; i < batch; ++i) {
    for (size_t j = 0; j < paths.turns.at(i).size(); ++j) {
      const auto [node, turn] = paths.turns[i][j];
      SKIFF_ENFORCE(node >= 0 && node < Rows(weight), OutOfRange, "a path leads to node ", node, "; W has ", Rows(weight), " rows");
      const double d = dout.at(i) * (1 - std::exp(-pre.at(i * paths.columns + j)) - turn);
      dbias[node] += d;
      AddScaledRow(d, x.data() + i * width, width, dweight.Row(node));
      AddScaledRow(d, w.data() + node * width, width, dx.data() + i * width);
    }
  }
  host::Out(c, "X@GRAD", FromDoubles(input.shape(), input.dtype(), dx));
  if (host::Has(c, "Bias")) host::Out(c, "Bias@GRAD", FromDoubles(c.InputTensor("Bias").shape(), input.dtype(), dbias));
  dweight.Give(c, "W@GRAD");
}

[[maybe_unused]] const OpSchema sampled_schemas[] = {
    NceAttrs(OpSchema("nce")
                 .Doc("Noise contrastive estimation: how well each row's classes are told from classes drawn at random.")
                 .Source("Gutmann and Hyvarinen 2010; paddle.static.nn.nce")
                 .Input("Input", "[batch, width]")
                 .Input("Label", "[batch, true classes], int64")
                 .Input("Weight", "[classes, width]")
                 .OptionalInput("Bias", "[classes]")
                 .OptionalInput("SampleWeight", "[batch, 1]")
                 .OptionalInput("CustomDistProbs", "[classes]")
                 .OptionalInput("CustomDistAlias", "not read")
                 .OptionalInput("CustomDistAliasProbs", "not read")
                 .Output("Cost", "[batch, 1]")
                 .OptionalOutput("SampleLogits", "probabilities of the classes looked at")
                 .OptionalOutput("SampleLabels", "the classes looked at")
                 .InferShape([](InferContext& c) {
                   const TensorMeta& x = c.Input("Input");
                   c.SetOutput("Cost", {x.shape[0], 1}, x.dtype);
                   const Shape& label = c.InputShape("Label");
                   const int64_t given = label.rank() == 2 ? label[1] : 1;
                   const Shape looked{x.shape[0], given < 0 ? -1 : given + c.Attr<int>("num_neg_samples")};
                   c.SetOutput("SampleLogits", looked, x.dtype);
                   c.SetOutput("SampleLabels", looked, DType::kInt64);
                 })
                 .Gradient(StandardGrad({"Input", "Label", "Bias", "SampleWeight", "Weight", "CustomDistProbs", "CustomDistAlias",
                                         "CustomDistAliasProbs"},
                                        {"SampleLogits", "SampleLabels"}, {"Cost"}, {"Input", "Bias", "Weight"}))
                 .Random()
                 .Dynamic(Nce)),
    NceAttrs(OpSchema("nce_grad")
                 .Doc("The gradients of nce.")
                 .Input("Input", "of nce")
                 .Input("Label", "of nce")
                 .OptionalInput("Bias", "of nce")
                 .OptionalInput("SampleWeight", "of nce")
                 .Input("Weight", "of nce")
                 .OptionalInput("CustomDistProbs", "of nce")
                 .OptionalInput("CustomDistAlias", "not read")
                 .OptionalInput("CustomDistAliasProbs", "not read")
                 .Input("SampleLogits", "of nce")
                 .Input("SampleLabels", "of nce")
                 .Input("Cost@GRAD", "[batch, 1]")
                 .OptionalOutput("Input@GRAD", "shape of Input")
                 .OptionalOutput("Bias@GRAD", "shape of Bias")
                 .OptionalOutput("Weight@GRAD", "shape of Weight; SelectedRows with is_sparse")
                 .InferShape([](InferContext& c) { InferTableGrad(c, "Weight"); })
                 .Dynamic(NceBack))};

}  // namespace

SKIFF_OP(hierarchical_sigmoid)
    .Doc("The negative log probability of a class, as a way down a tree of binary choices.")
    .Source("Morin and Bengio 2005; paddle.nn.functional.hsigmoid_loss")
    .Input("X", "[batch, width]")
    .Input("W", "[nodes, width]")
    .Input("Label", "[batch, 1], int64")
    .OptionalInput("PathTable", "[batch, most]: the nodes of each path, -1 behind its end")
    .OptionalInput("PathCode", "[batch, most]: the turns")
    .OptionalInput("Bias", "[nodes, 1]")
    .Output("Out", "[batch, 1]")
    .OptionalOutput("PreOut", "[batch, most]")
    .OptionalOutput("W_Out", "not written")
    .Attr("num_classes", 2, "classes of the complete tree")
    .Attr("is_sparse", false, "whether W@GRAD is SelectedRows")
    .InferShape([](InferContext& c) {
      const TensorMeta& x = c.Input("X");
      c.SetOutput("Out", {x.shape[0], 1}, x.dtype);
      const int64_t columns = c.HasInput("PathTable") ? c.InputShape("PathTable").At(-1) : TreeDepth(Classes(c.attrs()));
      c.SetOutput("PreOut", {x.shape[0], columns}, x.dtype);
    })
    .Gradient(StandardGrad({"X", "W", "Label", "PathTable", "PathCode", "Bias"}, {"PreOut"}, {"Out"}, {"X", "W", "Bias"}))
    .Dynamic(TreeLoss);

SKIFF_OP(hierarchical_sigmoid_grad)
    .Doc("The gradients of hierarchical_sigmoid.")
    .Input("X", "of hierarchical_sigmoid")
    .Input("W", "of hierarchical_sigmoid")
    .Input("Label", "of hierarchical_sigmoid")
    .OptionalInput("PathTable", "of hierarchical_sigmoid")
    .OptionalInput("PathCode", "of hierarchical_sigmoid")
    .OptionalInput("Bias", "of hierarchical_sigmoid")
    .Input("PreOut", "of hierarchical_sigmoid")
    .Input("Out@GRAD", "[batch, 1]")
    .OptionalOutput("X@GRAD", "shape of X")
    .OptionalOutput("W@GRAD", "shape of W; SelectedRows with is_sparse")
    .OptionalOutput("Bias@GRAD", "shape of Bias")
    .Attr("num_classes", 2, "of hierarchical_sigmoid")
    .Attr("is_sparse", false, "whether W@GRAD is SelectedRows")
    .InferShape([](InferContext& c) { InferTableGrad(c, "W"); })
    .Dynamic(TreeLossBack);

}  // namespace skiff
