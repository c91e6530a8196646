// The gradient of rnn: back through the steps of each layer and direction, one product of matrices a step;
// the gradients of the weights are products over all steps.
#include "framework/op/op_schema.h"
#include "operators/kernel/gemm.h"
#include "operators/rnn_cell.h"
#include "operators/rnn_geometry.h"

namespace skiff {

namespace {

template <typename T>
struct FillWithOne {
  T* to;
  SKIFF_HD void operator()(int64_t i) const { to[i] = T(1); }
};
template <typename T>
struct CopyOrZero {
  const T* from;  // may be null
  T* to;
  SKIFF_HD void operator()(int64_t i) const { to[i] = from == nullptr ? T(0) : from[i]; }
};
template <typename T>
struct MultiplyInto {
  const T* by;
  T* to;
  SKIFF_HD void operator()(int64_t i) const { to[i] *= by[i]; }
};

template <typename T>
class RnnGradKernel final : public Kernel {
 public:
  RnnGradKernel(PrepareContext& c, const RnnGeometry& geometry)
      : g_(geometry),
        input_(c.InputIndex("Input")),
        state_(c.InputIndex("PreState")),
        weights_(c.InputIndex("WeightList")),
        lengths_(c.HasInput("SequenceLength") ? c.InputIndex("SequenceLength") : -1),
        wide_(lengths_ >= 0 && WideIds(c.Input("SequenceLength"), "SequenceLength")),
        reserve_(c.InputIndex("Reserve")),
        dout_(c.HasInput("Out@GRAD") ? c.InputIndex("Out@GRAD") : -1),
        dstate_(c.HasInput("State@GRAD") ? c.InputIndex("State@GRAD") : -1),
        dinput_(c.HasOutput("Input@GRAD") ? c.OutputIndex("Input@GRAD") : -1),
        dpre_(c.HasOutput("PreState@GRAD") ? c.OutputIndex("PreState@GRAD") : -1),
        dweights_(c.HasOutput("WeightList@GRAD") ? c.OutputIndex("WeightList@GRAD") : -1) {
    SKIFF_ENFORCE(c.Input("Reserve").dtype == DType::kUInt8 && c.Input("Reserve").shape.NumElements() >= g_.reserve() * static_cast<int64_t>(sizeof(T)),
                  InvalidArgument, "Reserve is ", c.Input("Reserve").dtype, " ", c.Input("Reserve").shape, "; rnn keeps ",
                  g_.reserve() * static_cast<int64_t>(sizeof(T)), " bytes");
    const int64_t step = g_.batch * g_.hidden, all_gates = g_.cells() * g_.gates();
    int64_t total = 0;
    const auto take = [&](int64_t elements) {
      const int64_t at = total;
      total += (elements + 15) / 16 * 16;
      return at;
    };
    dh_ = take(step), dc_ = take(step), ones_ = take(g_.time * g_.batch);
    dgates_x_ = take(all_gates);
    dgates_h_ = g_.mode == RnnMode::kGru ? take(all_gates) : dgates_x_;
    for (int64_t& between : between_) between = take(g_.layers > 1 ? g_.between() : 0);
    c.RequestWorkspace(total * sizeof(T));
  }

  void Run(const KernelArgs& args) const override {
    T* work = static_cast<T*>(args.workspace);
    const T* kept = static_cast<const T*>(args.in[reserve_]);
    ForEach(g_.time * g_.batch, kElementGrain, args, FillWithOne<T>{work + ones_});
    const T* dout = dout_ < 0 ? nullptr : static_cast<const T*>(args.in[dout_]);
    for (int64_t layer = g_.layers; layer-- > 0;) {
      const T* x = layer == 0 ? static_cast<const T*>(args.in[input_]) : kept + g_.InputAt(layer);
      T* dx = layer > 0 ? work + between_[layer % 2] : static_cast<T*>(Out(args, dinput_, 0));
      for (int64_t d = 0; d < g_.directions; ++d) {
        RunDirection(args, layer, d, x, kept, dout == nullptr ? nullptr : dout + d * g_.hidden, dx);
      }
      if (layer > 0 && g_.dropout > 0) {
        ForEach(g_.between(), kElementGrain, args, MultiplyInto<T>{kept + g_.MaskAt(layer), dx});
      }
      dout = dx;
    }
  }

 private:
  static void* Out(const KernelArgs& args, int first, int i) { return first < 0 ? nullptr : args.out[first + i]; }

  void RunDirection(const KernelArgs& args, int64_t layer, int64_t d, const T* x, const T* kept, const T* dout,
                    T* dx) const {
    T* work = static_cast<T*>(args.workspace);
    const int64_t at = layer * g_.directions + d, step = g_.batch * g_.hidden, width = g_.gates() * g_.hidden;
    const bool has_cell = g_.mode == RnnMode::kLstm;
    const T* gates = kept + g_.GatesAt(layer, d);
    const T* hidden = kept + g_.HiddenAt(layer, d);
    const T* more = KeepsMore(g_.mode) ? kept + g_.MoreAt(layer, d) : nullptr;
    const T* first_h = static_cast<const T*>(args.in[state_]) + at * step;
    const T* first_c = has_cell ? static_cast<const T*>(args.in[state_ + 1]) + at * step : nullptr;
    T *dh = work + dh_, *dc = work + dc_, *dgates_x = work + dgates_x_, *dgates_h = work + dgates_h_;
    const auto start = [&](int i, T* to) {
      const void* given = dstate_ < 0 ? nullptr : args.in[dstate_ + i];
      const T* from = given == nullptr ? nullptr : static_cast<const T*>(given) + at * step;
      ForEach(step, kElementGrain, args, CopyOrZero<T>{from, to});
    };
    start(0, dh);
    if (has_cell) start(1, dc);
    const RnnLengths lengths{lengths_ < 0 ? nullptr : args.in[lengths_], wide_};
    const T* weight_h = static_cast<const T*>(args.in[weights_ + g_.WeightH(layer, d)]);
    for (int64_t s = g_.time; s-- > 0;) {
      const int64_t t = d == 0 ? s : g_.time - 1 - s, before = d == 0 ? t - 1 : t + 1;
      WithRnnMode(g_.mode, [&]<RnnMode mode>() {
        ForEachCell(g_.batch, g_.hidden, args,
                    RnnStepGrad<T, mode>{g_.hidden, t, lengths, gates + t * g_.batch * width,
                                         more == nullptr ? nullptr : more + t * step,
                                         s == 0 ? first_h : hidden + before * step,
                                         !has_cell ? nullptr : s == 0 ? first_c : more + before * step,
                                         dout == nullptr ? nullptr : dout + t * g_.batch * g_.out_width(),
                                         g_.out_width(), dh, dc, dgates_x + t * g_.batch * width,
                                         dgates_h + t * g_.batch * width});
      });
      Gemm(args, false, false, g_.batch, g_.hidden, width, dgates_h + t * g_.batch * width, weight_h, T(1), dh);
    }
    const auto finish = [&](int i, const T* from) {
      void* to = Out(args, dpre_, i);
      if (to != nullptr) ForEach(step, kElementGrain, args, CopyOrZero<T>{from, static_cast<T*>(to) + at * step});
    };
    finish(0, dh);
    if (has_cell) finish(1, dc);
    WeightGradients(args, layer, d, x, first_h, hidden, dgates_x, dgates_h);
    if (dx != nullptr) {
      const T* weight_x = static_cast<const T*>(args.in[weights_ + g_.WeightX(layer, d)]);
      Gemm(args, false, false, g_.time * g_.batch, g_.input_of(layer), width, dgates_x, weight_x, T(d == 0 ? 0 : 1), dx);
    }
  }

  void WeightGradients(const KernelArgs& args, int64_t layer, int64_t d, const T* x, const T* first_h, const T* hidden,
                       const T* dgates_x, const T* dgates_h) const {
    const int64_t rows = g_.time * g_.batch, width = g_.gates() * g_.hidden, step = g_.batch * width;
    const T* ones = static_cast<const T*>(args.workspace) + ones_;
    if (T* out = static_cast<T*>(Out(args, dweights_, g_.WeightX(layer, d)))) {
      Gemm(args, true, false, width, g_.input_of(layer), rows, dgates_x, x, T(0), out);
    }
    if (T* out = static_cast<T*>(Out(args, dweights_, g_.WeightH(layer, d)))) {
      // The step that begins from the first state, then the others from the state before them.
      const int64_t first = d == 0 || g_.time == 0 ? 0 : g_.time - 1;
      Gemm(args, true, false, width, g_.hidden, g_.time == 0 ? 0 : g_.batch, dgates_h + first * step, first_h, T(0), out);
      const T* later = d == 0 ? dgates_h + step : dgates_h;
      const T* states = d == 0 ? hidden : hidden + g_.batch * g_.hidden;
      if (g_.time > 1) Gemm(args, true, false, width, g_.hidden, rows - g_.batch, later, states, T(1), out);
    }
    if (T* out = static_cast<T*>(Out(args, dweights_, g_.BiasX(layer, d)))) {
      Gemm(args, false, false, 1, width, rows, ones, dgates_x, T(0), out);
    }
    if (T* out = static_cast<T*>(Out(args, dweights_, g_.BiasH(layer, d)))) {
      Gemm(args, false, false, 1, width, rows, ones, dgates_h, T(0), out);
    }
  }

  const RnnGeometry g_;
  const int input_, state_, weights_, lengths_;
  const bool wide_;
  const int reserve_, dout_, dstate_, dinput_, dpre_, dweights_;
  int64_t dh_ = 0, dc_ = 0, ones_ = 0, dgates_x_ = 0, dgates_h_ = 0;
  int64_t between_[2] = {0, 0};
};

struct RnnGrad {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    const RnnGeometry g = ReadRnnGeometry(c.attrs(), c.Input("Input").shape);
    SKIFF_ENFORCE(!g.is_test, PreconditionNotMet, "attribute is_test is true: the forward operator kept nothing");
    return std::make_unique<RnnGradKernel<T>>(c, g);
  }
};

}  // namespace

SKIFF_OP(rnn_grad)
    .Doc("The gradients of rnn to input, first states and weights.")
    .Source("Hochreiter and Schmidhuber 1997, Cho et al. 2014: back through time")
    .Input("Input", "of rnn")
    .Inputs("PreState", "of rnn")
    .Inputs("WeightList", "of rnn")
    .OptionalInput("SequenceLength", "of rnn")
    .OptionalInput("DropoutState", "not read")
    .OptionalInput("Out", "not read")
    .OptionalInputs("State", "not read")
    .Input("Reserve", "what rnn kept")
    .OptionalInput("Out@GRAD", "shape of Out")
    .OptionalInputs("State@GRAD", "shape of State")
    .OptionalOutput("Input@GRAD", "shape of Input")
    .OptionalOutputs("PreState@GRAD", "shape of PreState")
    .OptionalOutputs("WeightList@GRAD", "shape of WeightList")
    .Attr("dropout_prob", 0.0f, "of rnn")
    .Attr("is_bidirec", false, "of rnn")
    .Attr("input_size", 10, "not read")
    .Attr("hidden_size", 100, "of rnn")
    .Attr("num_layers", 1, "of rnn")
    .Attr("mode", "RNN_TANH", "of rnn")
    .Attr("seed", 0, "not read")
    .Attr("is_test", false, "must be false")
    .InferShape([](InferContext& c) {
      const int given = c.NumInputs("State@GRAD");
      SKIFF_ENFORCE(given == 0 || given == c.NumInputs("PreState"), InvalidArgument, "State@GRAD has ", given, " variables, PreState ",
                    c.NumInputs("PreState"), "; they must be as many");
      GradsLikeInputs()(c);
    })
    .Kernel<RnnGrad, float, double>();

}  // namespace skiff
