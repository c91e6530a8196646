// rnn: recurrent layers over whole sequences. The products of all steps with the input weights are one product
// of matrices; each step then takes one with the hidden weights and one pass over the gates. rnn_grad.cc has
// the gradient.
#include "framework/op/op_schema.h"
#include "operators/kernel/gemm.h"
#include "operators/kernel/random.h"
#include "operators/rnn_cell.h"
#include "operators/rnn_geometry.h"

namespace skiff {

namespace {

void CheckWeights(const InferContext& c, const RnnGeometry& g) {
  const int64_t wanted = 4 * g.layers * g.directions;
  SKIFF_ENFORCE(c.NumInputs("WeightList") == wanted, InvalidArgument, "WeightList has ", c.NumInputs("WeightList"),
                " variables; ", g.layers, " layer(s) of ", g.directions, " direction(s) have ", wanted);
  for (int64_t layer = 0; layer < g.layers; ++layer) {
    for (int64_t d = 0; d < g.directions; ++d) {
      const auto check = [&](int i, const Shape& shape) {
        const Shape& given = c.InputShape("WeightList", i);
        bool same = given.rank() == shape.rank();
        for (int axis = 0; same && axis < shape.rank(); ++axis) {
          same = given[axis] < 0 || shape[axis] < 0 || given[axis] == shape[axis];
        }
        SKIFF_ENFORCE(same, InvalidArgument, "variable ", i, " of WeightList has shape ", given, "; expected ", shape);
      };
      const int64_t rows = g.gates() * g.hidden;
      check(g.WeightX(layer, d), {rows, g.input_of(layer)});
      check(g.WeightH(layer, d), {rows, g.hidden});
      check(g.BiasX(layer, d), {rows});
      check(g.BiasH(layer, d), {rows});
    }
  }
}

void InferRnn(InferContext& c) {
  const TensorMeta& input = c.Input("Input");
  const RnnGeometry g = ReadRnnGeometry(c.attrs(), input.shape);
  CheckWeights(c, g);
  SKIFF_ENFORCE(c.NumInputs("PreState") == g.num_states(), InvalidArgument, "PreState has ", c.NumInputs("PreState"),
                " variables; ", c.Attr<std::string>("mode"), " has ", g.num_states());
  for (int i = 0; i < c.NumInputs("PreState"); ++i) {
    const Shape& state = c.InputShape("PreState", i);
    SKIFF_ENFORCE(state.rank() == 3 && (state[0] < 0 || state[0] == g.layers * g.directions) &&
                      (state[1] < 0 || g.batch < 0 || state[1] == g.batch) && (state[2] < 0 || state[2] == g.hidden),
                  InvalidArgument, "variable ", i, " of PreState has shape ", state, "; expected [",
                  g.layers * g.directions, ", ", g.batch, ", ", g.hidden, "]");
    c.SetOutput("State", {g.layers * g.directions, g.batch, g.hidden}, input.dtype, i);
  }
  if (c.HasInput("SequenceLength")) {
    const Shape& lengths = c.InputShape("SequenceLength");
    SKIFF_ENFORCE(lengths.rank() == 1 && (lengths[0] < 0 || g.batch < 0 || lengths[0] == g.batch), InvalidArgument,
                  "SequenceLength has shape ", lengths, "; expected [", g.batch, "]");
  }
  c.SetOutput("Out", {g.time, g.batch, g.out_width()}, input.dtype);
  if (!c.at_runtime()) return;  // what only the gradient reads has no shape in a program
  const int64_t bytes = g.is_test ? 1 : g.reserve() * static_cast<int64_t>(SizeOf(input.dtype));
  c.SetOutput("Reserve", {bytes}, DType::kUInt8);
  c.SetOutput("DropoutState", {1}, DType::kUInt8);
}

template <typename T>
struct CopyElements {
  const T* from;
  T* to;
  SKIFF_HD void operator()(int64_t i) const { to[i] = from[i]; }
};

// A layer's output on its way to the next one.
template <typename T>
struct DropBetween {
  uint64_t key;
  float probability;
  T *values, *mask;
  SKIFF_HD void operator()(int64_t i) const {
    const bool dropped = RandomUniform(key, i) < probability;
    mask[i] = dropped ? T(0) : T(1) / (T(1) - static_cast<T>(probability));
    values[i] = dropped ? T(0) : values[i] * mask[i];
  }
};

template <typename T>
class RnnKernel final : public Kernel {
 public:
  RnnKernel(PrepareContext& c, const RnnGeometry& geometry)
      : g_(geometry),
        seed_(c.Attr<int32_t>("seed")),
        input_(c.InputIndex("Input")),
        state_(c.InputIndex("PreState")),
        weights_(c.InputIndex("WeightList")),
        lengths_(c.HasInput("SequenceLength") ? c.InputIndex("SequenceLength") : -1),
        wide_(lengths_ >= 0 && WideIds(c.Input("SequenceLength"), "SequenceLength")),
        out_(c.OutputIndex("Out")),
        out_state_(c.HasOutput("State") ? c.OutputIndex("State") : -1),
        reserve_(!g_.is_test && c.HasOutput("Reserve") ? c.OutputIndex("Reserve") : -1) {
    size_t scratch = 0;
    for (int64_t layer = 0; layer < g_.layers; ++layer) {
      for (int64_t d = 0; d < g_.directions; ++d) {
        products_.emplace_back(c, "WeightList", g_.WeightX(layer, d), g_.time * g_.batch);
        products_.emplace_back(c, "WeightList", g_.WeightH(layer, d), g_.batch);
        for (const auto& product : {products_.end()[-1], products_.end()[-2]}) {
          scratch = std::max(scratch, product.workspace_bytes());
        }
      }
    }
    scratch_ = (scratch + 63) / 64 * 64;
    step_ = (g_.batch * g_.gates() * g_.hidden * sizeof(T) + 63) / 64 * 64;
    c.RequestWorkspace(scratch_ + step_ + (reserve_ < 0 ? g_.reserve() * sizeof(T) : 0));
  }

  void Run(const KernelArgs& args) const override {
    char* workspace = static_cast<char*>(args.workspace);
    T* kept = reserve_ >= 0 ? static_cast<T*>(args.out[reserve_])
                            : reinterpret_cast<T*>(workspace + scratch_ + step_);
    const T* x = static_cast<const T*>(args.in[input_]);
    for (int64_t layer = 0; layer < g_.layers; ++layer) {
      const bool last = layer + 1 == g_.layers;
      T* out = last ? static_cast<T*>(args.out[out_]) : kept + g_.InputAt(layer + 1);
      for (int64_t d = 0; d < g_.directions; ++d) RunDirection(args, layer, d, x, kept, out + d * g_.hidden);
      if (!last && g_.dropout > 0) {
        const uint64_t key = MixSeeds(seed_ != 0 ? 0 : args.seed, static_cast<uint64_t>(seed_ + layer));
        ForEach(g_.between(), kElementGrain / 8, args, DropBetween<T>{key, g_.dropout, out, kept + g_.MaskAt(layer + 1)});
      }
      x = out;
    }
  }

 private:
  const T* In(const KernelArgs& args, int i) const { return static_cast<const T*>(args.in[weights_ + i]); }

  void RunDirection(const KernelArgs& args, int64_t layer, int64_t d, const T* x, T* kept, T* out) const {
    using Product = typename WeightProduct<T>::Run;
    const int64_t at = layer * g_.directions + d, step = g_.batch * g_.hidden;
    T* gates = kept + g_.GatesAt(layer, d);
    T* hidden = kept + g_.HiddenAt(layer, d);
    T* more = KeepsMore(g_.mode) ? kept + g_.MoreAt(layer, d) : nullptr;
    T* from_hidden = reinterpret_cast<T*>(static_cast<char*>(args.workspace) + scratch_);
    const T* h = static_cast<const T*>(args.in[state_]) + at * step;
    const T* c = g_.mode == RnnMode::kLstm ? static_cast<const T*>(args.in[state_ + 1]) + at * step : nullptr;
    Product(products_[2 * at], args, args.workspace)(g_.time * g_.batch, x, gates);
    const Product from_state(products_[2 * at + 1], args, args.workspace);
    const RnnLengths lengths{lengths_ < 0 ? nullptr : args.in[lengths_], wide_};
    for (int64_t s = 0; s < g_.time; ++s) {
      const int64_t t = d == 0 ? s : g_.time - 1 - s;
      from_state(g_.batch, h, from_hidden);
      WithRnnMode(g_.mode, [&]<RnnMode mode>() {
        ForEachCell(g_.batch, g_.hidden, args,
                    RnnStep<T, mode>{g_.hidden, t, lengths, In(args, g_.BiasX(layer, d)), In(args, g_.BiasH(layer, d)),
                                     from_hidden, h, c, gates + t * step * g_.gates(),
                                     more == nullptr ? nullptr : more + t * step, hidden + t * step,
                                     out + t * g_.batch * g_.out_width(), g_.out_width()});
      });
      h = hidden + t * step;
      if (g_.mode == RnnMode::kLstm) c = more + t * step;
    }
    if (out_state_ < 0) return;
    const auto copy = [&](const T* from, int i) {
      if (args.out[out_state_ + i] == nullptr) return;
      ForEach(step, kElementGrain, args, CopyElements<T>{from, static_cast<T*>(args.out[out_state_ + i]) + at * step});
    };
    copy(h, 0);
    if (c != nullptr) copy(c, 1);
  }

  const RnnGeometry g_;
  const int64_t seed_;
  const int input_, state_, weights_, lengths_;
  const bool wide_;
  const int out_, out_state_, reserve_;
  std::vector<WeightProduct<T>> products_;
  size_t scratch_ = 0, step_ = 0;
};

struct Rnn {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    return std::make_unique<RnnKernel<T>>(c, ReadRnnGeometry(c.attrs(), c.Input("Input").shape));
  }
};

std::vector<Operator> RnnGradient(const GradContext& g) {
  return StandardGrad({"Input", "PreState", "WeightList", "SequenceLength"}, {"DropoutState", "Out", "Reserve"},
                      {"Out", "State"}, {"Input", "PreState", "WeightList"})(g);
}

}  // namespace

SKIFF_OP(rnn)
    .Doc("Recurrent layers over sequences, time first. LSTM gates i, f, c, o; GRU gates r, z, c with "
         "c = tanh(Wc x + r (Uc h)) and h = (h - c) z + c.")
    .Source("paddle.nn.LSTM, GRU and SimpleRNN")
    .Input("Input", "[time, batch, input]")
    .Inputs("PreState", "the first hidden state, for LSTM the first cell too: [layers * directions, batch, hidden]")
    .Inputs("WeightList", "for each layer and direction the weights of input and hidden state, then in the same order "
                          "the biases: [gates * hidden, input], [gates * hidden, hidden], [gates * hidden]")
    .OptionalInput("SequenceLength", "[batch]; steps behind it give zeros and leave the state")
    .OptionalOutput("DropoutState", "not written")
    .OptionalOutput("Reserve", "bytes that the gradient reads")
    .Output("Out", "[time, batch, directions * hidden]")
    .Outputs("State", "the last states, shaped as PreState")
    .Attr("dropout_prob", 0.0f, "share of a layer's output that the next one does not see")
    .Attr("is_bidirec", false, "whether each layer runs in both directions")
    .Attr("input_size", 10, "not read: Input has it")
    .Attr("hidden_size", 100, "numbers of a hidden state")
    .Attr("num_layers", 1, "layers, one above the other")
    .Attr("mode", "RNN_TANH", "LSTM, GRU, RNN_TANH or RNN_RELU")
    .Attr("seed", 0, "of dropout; 0 draws anew in each run")
    .Attr("is_test", false, "nothing is dropped and nothing kept for a gradient")
    .SameDType({"Input", "PreState", "WeightList"})
    .InferShape(InferRnn)
    .Gradient(RnnGradient)
    .Random()
    .Kernel<Rnn, float, double>();

}  // namespace skiff
