// Quantisation as training and quantised inference programs spell it: floats are scaled to integers of few bits,
// still stored as floats, and back. An operator is made of two choices: where the scale comes from (the largest
// magnitude of X, a moving average or window of those, or a variable) and what is done with it.
#include "operators/kernel/reduce.h"
#include "operators/kernel/strided.h"
#include "operators/kernel/unary.h"
#include "operators/quantize_scale.h"

namespace skiff {
namespace {

enum class QuantStep { kQuantize, kRoundTrip, kDequantize };

struct LargestMagnitude : SumReducer {
  template <typename V> SKIFF_HD V Map(V x) const { return math::Abs(x); }
  template <typename V> SKIFF_HD static V Combine(V a, V b) { return math::Max(a, b); }
};

/// Halves to even (round_type 0, which clips the integer), or away from zero (1, which clips X).
template <typename T>
struct QuantAt {
  QuantStep step;
  bool to_even;
  T scale, range;
  const T* x;
  T* y;
  SKIFF_HD void operator()(int64_t i) const {
    const T inverse = T(1) / (scale <= T(1e-30) ? scale + T(1e-6) : scale);
    T v = x[i];
    if (step != QuantStep::kDequantize) {
      if (to_even) v = math::Min(math::Max(static_cast<T>(rint(range * inverse * v)), -range - T(1)), range);
      else v = math::Round(range * inverse * math::Min(math::Max(v, -scale), scale));
    }
    y[i] = step == QuantStep::kQuantize ? v : v * scale / range;
  }
};
template <typename T>
struct QuantChannels {
  QuantStep step;
  bool to_even;
  double range;
  const T *scale, *x;
  T* y;
  SKIFF_HD QuantAt<T> AtChannel(int64_t c) const { return {step, to_even, scale[c], static_cast<T>(range), x, y}; }
};

/// state = rate state + 1, accum = rate accum + largest, scale = accum / state.
template <typename T>
struct MovingAverage {
  T rate;
  const T *largest, *state, *accum;
  T *state_out, *accum_out, *scale;  // the first two may be null
  SKIFF_HD void operator()(int64_t) const {
    const T s = rate * *state + T(1), a = rate * *accum + *largest;
    if (state_out != nullptr) *state_out = s;
    if (accum_out != nullptr) *accum_out = a;
    *scale = a / s;
  }
};

/// The largest of the last `window` magnitudes.
template <typename T>
struct SlidingWindow {
  int64_t window;
  const T* largest;
  const int64_t* iteration;
  T *history, *scale;
  SKIFF_HD void operator()(int64_t) const {
    const int64_t count = *iteration < 0 ? 0 : *iteration;
    history[count % window] = *largest;
    T most = *largest;
    for (int64_t i = 0; i < window && i < count; ++i) most = math::Max(most, history[i]);
    *scale = most;
  }
};

/// How an operator finds its scale.
enum class ScaleSource { kOwn, kMoving, kWindow, kGiven };

struct QuantForm {
  ScaleSource source;
  QuantStep step;
  const char* in_scale;  // slot of the given or last scale, "" where there is none
};

QuantForm QuantFormOf(const std::string& type) {
  const bool round_trip = type.find("quantize_dequantize") != std::string::npos;
  const QuantStep step = round_trip ? QuantStep::kRoundTrip : QuantStep::kQuantize;
  if (type == "quantize_linear") return {ScaleSource::kMoving, step, "Scale"};
  if (type.find("moving_average") != std::string::npos) return {ScaleSource::kMoving, step, "InScale"};
  if (type.find("range") != std::string::npos) return {ScaleSource::kWindow, step, "InScale"};
  return {ScaleSource::kOwn, step, ""};
}

struct Quantize {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    QuantForm form = QuantFormOf(c.op().type);
    const Shape& x = c.Input("X").shape;
    const int axis = QuantAxis(c.attrs(), c.op().type, x);
    const ChannelGeometry g = QuantChannelsAround(x, axis);
    const bool test = c.attrs().Has("is_test") && c.Attr<bool>("is_test");
    if (test && form.source != ScaleSource::kOwn) {  // moving_average_abs_max_scale is given none
      form.source = *form.in_scale != 0 && c.HasInput(form.in_scale) ? ScaleSource::kGiven : ScaleSource::kOwn;
    }
    if (form.source == ScaleSource::kMoving && axis >= 0) form.source = ScaleSource::kOwn;  // of quantize_linear
    const bool observes = c.attrs().Has("only_observer") && c.Attr<bool>("only_observer");
    const bool only_scale = c.op().type == "moving_average_abs_max_scale";
    std::vector<bool> reduced(x.rank(), true);
    if (axis >= 0) reduced[axis] = false;
    const ReduceOp largest = MakeReduceOp<T>(LargestMagnitude{}, MakeReducePlan(kDTypeOf<T>, x, reduced, kDTypeOf<T>, kDTypeOf<T>));
    const size_t row = (g.channels * sizeof(T) + 63) / 64 * 64;
    c.RequestWorkspace(2 * row + largest.workspace_bytes());
    const auto in = [&](const char* slot) { return *slot != 0 && c.HasInput(slot) ? c.InputIndex(slot) : -1; };
    const auto out = [&](const char* slot) { return c.HasOutput(slot) ? c.OutputIndex(slot) : -1; };
    if (form.source == ScaleSource::kMoving) {
      SKIFF_ENFORCE(in("InState") >= 0 && in("InAccum") >= 0, InvalidArgument,
                    "the moving average of training needs InState and InAccum; set is_test to take the scale that is given");
    }
    const int64_t window = form.source == ScaleSource::kWindow ? c.Attr<int64_t>("window_size") : 1;
    if (form.source == ScaleSource::kWindow) {
      SKIFF_ENFORCE(in("Iter") >= 0 && out("OutScales") >= 0 && window > 0, InvalidArgument,
                    "training needs Iter, OutScales and a positive window_size, which is ", window);
    }
    const float rate = c.attrs().Has("moving_rate") ? c.Attr<float>("moving_rate") : 0.9f;
    return MakeKernel([=, range = LargestQuantInteger(only_scale ? 8 : QuantBits(c.attrs())),
                       to_even = !only_scale && c.Attr<int32_t>("round_type") == 0, xi = in("X"), given = in(form.in_scale),
                       state = in("InState"), accum = in("InAccum"), iteration = in("Iter"), y = out(c.HasOutput("Y") ? "Y" : "Out"),
                       scale_out = out("OutScale"), state_out = out("OutState"), accum_out = out("OutAccum"),
                       scales_out = out("OutScales")](const KernelArgs& args) {
      const auto read = [&](int i) { return i < 0 ? nullptr : static_cast<const T*>(args.in[i]); };
      const auto write = [&](int i) { return i < 0 ? nullptr : static_cast<T*>(args.out[i]); };
      char* work = static_cast<char*>(args.workspace);
      T* most = reinterpret_cast<T*>(work);
      T* scale = write(scale_out) != nullptr ? write(scale_out) : reinterpret_cast<T*>(work + row);
      if (form.source != ScaleSource::kGiven) {
        largest.Run(read(xi), form.source == ScaleSource::kOwn ? scale : most, work + 2 * row, args);
      }
      if (form.source == ScaleSource::kMoving) {
        ForEach(1, 1, args, MovingAverage<T>{static_cast<T>(rate), most, read(state), read(accum), write(state_out), write(accum_out), scale});
      } else if (form.source == ScaleSource::kWindow) {
        ForEach(1, 1, args, SlidingWindow<T>{window, most, static_cast<const int64_t*>(args.in[iteration]), write(scales_out), scale});
      } else if (form.source == ScaleSource::kGiven && read(given) != scale) {
        ForEach(g.channels, kElementGrain, args, CopyAsIs<T>{read(given), scale});
      }
      if (form.source != ScaleSource::kMoving) {  // what is not averaged stays
        for (const auto& [from, to] : {std::pair{read(state), write(state_out)}, {read(accum), write(accum_out)}}) {
          if (to == nullptr || from == to) continue;
          if (from == nullptr) FillZero(to, sizeof(T), args);
          else ForEach(1, 1, args, CopyAsIs<T>{from, to});
        }
      }
      if (y < 0) return;
      if (observes || only_scale) {
        ForEach(g.outer * g.channels * g.inner, kElementGrain, args, CopyAsIs<T>{read(xi), write(y)});
      } else {
        RunChannels(g, args, QuantChannels<T>{form.step, to_even, range, scale, read(xi), write(y)});
      }
    });
  }
};

[[maybe_unused]] void InferQuantize(InferContext& c) {
  const TensorMeta x = c.Input("X");
  const int axis = QuantAxis(c.attrs(), c.type(), x.shape);
  if (c.type() == "quantize_linear") CheckScales(c, "Scale", axis < 0 ? 1 : x.shape[axis]);
  c.SetOutput(c.type() == "quantize_linear" ? "Y" : "Out", TensorMeta{x.shape, x.dtype, x.lod_level});
  // It has no scale to hand on: what OutScale was, it stays.
  const bool keeps_scale = c.type() == "moving_average_abs_max_scale" && c.at_runtime() && c.Attr<bool>("is_test");
  if (!keeps_scale) c.SetOutput("OutScale", Shape{axis < 0 ? 1 : x.shape[axis]}, x.dtype);
  for (const char* slot : {"OutState", "OutAccum"}) c.SetOutput(slot, Shape{1}, x.dtype);
  if (c.attrs().Has("window_size")) c.SetOutput("OutScales", Shape{c.Attr<int64_t>("window_size")}, x.dtype);
}

/// The gradient passes straight through. The operator's name is Paddle's.
[[maybe_unused]] GradMaker StraightThrough() {
  return [](const GradContext& g) -> std::vector<Operator> {
    return {{"stright_throuth_estimator_grad", {{"Out@GRAD", g.OutGrad("Out")}}, {{"X@GRAD", g.InGrad("X")}}, g.fwd.attrs}};
  };
}
struct SameNumber {
  template <typename V> SKIFF_HD V operator()(V dout) const { return dout; }
};

#define SKIFF_FAKE_QUANTIZE(type, doc)                                                        \
  SKIFF_OP(type)                                                                              \
      .Doc(doc)                                                                               \
      .Source("names and defaults of Paddle's " #type)                                        \
      .Input("X", "any shape")                                                                \
      .Output("Out", "shape of X")                                                            \
      .Attr("bit_length", 8, "bits of the integers, 1 to 16")                                 \
      .Attr("round_type", 1, "0: halves to even, integers clipped; 1: halves away from zero, X clipped") \
      .InferShape(InferQuantize)                                                              \
      .Gradient(StraightThrough())                                                            \
      .Kernel<Quantize, float, double>()
#define SKIFF_OWN_SCALE .Output("OutScale", "the largest |X|, of all or for each channel")
#define SKIFF_MOVING_SCALE                                                                    \
  .Input("InScale", "one element: the scale so far, which is_test takes")                     \
      .OptionalInput("InAccum", "one element")                                                \
      .OptionalInput("InState", "one element")                                                \
      .Output("OutScale", "one element: OutAccum / OutState")                                 \
      .OptionalOutput("OutState", "one element: moving_rate InState + 1")                     \
      .OptionalOutput("OutAccum", "one element: moving_rate InAccum + the largest |X|")       \
      .Attr("moving_rate", 0.9f, "weight of what was")                                        \
      .Attr("is_test", false, "InScale is taken and stays")                                   \
      .SameDType({"X", "InScale", "InAccum", "InState"})                                      \
      .OneElement({"InScale", "InAccum", "InState"})
#define SKIFF_CHANNEL_AXIS .Attr("quant_axis", 0, "axis with a scale for each slice")

SKIFF_FAKE_QUANTIZE(fake_quantize_abs_max, "Out = round(X range / scale), range = 2^(bit_length - 1) - 1, scale = the largest |X|.")
    SKIFF_OWN_SCALE;
SKIFF_FAKE_QUANTIZE(fake_quantize_dequantize_abs_max, "Out = round(X range / scale) scale / range, scale = the largest |X|.")
    SKIFF_OWN_SCALE;
SKIFF_FAKE_QUANTIZE(fake_channel_wise_quantize_abs_max, "fake_quantize_abs_max with a scale for each channel.")
    SKIFF_OWN_SCALE SKIFF_CHANNEL_AXIS.Attr("is_test", false, "not read");
SKIFF_FAKE_QUANTIZE(fake_channel_wise_quantize_dequantize_abs_max, "fake_quantize_dequantize_abs_max with a scale for each channel.")
    SKIFF_OWN_SCALE SKIFF_CHANNEL_AXIS;
SKIFF_FAKE_QUANTIZE(fake_quantize_moving_average_abs_max, "fake_quantize_abs_max by a moving average of the scales.")
    SKIFF_MOVING_SCALE;
SKIFF_FAKE_QUANTIZE(fake_quantize_dequantize_moving_average_abs_max, "fake_quantize_dequantize_abs_max by a moving average of the scales.")
    SKIFF_MOVING_SCALE;
SKIFF_FAKE_QUANTIZE(fake_quantize_range_abs_max, "fake_quantize_abs_max by the largest scale of a window of steps.")
    .Input("InScale", "one element: the scale so far, which is_test takes")
    .OptionalInput("Iter", "int64, one element: the step")
    .Output("OutScale", "one element")
    .OptionalOutput("OutScales", "[window_size]: the scales of the window")
    .Attr("window_size", 10000, "steps")
    .Attr("is_test", false, "InScale is taken and stays")
    .SameDType({"X", "InScale"})
    .OneElement({"InScale", "Iter"});

SKIFF_OP(moving_average_abs_max_scale)
    .Doc("OutScale = a moving average of the largest |X|; Out = X.")
    .Source("names and defaults of Paddle's moving_average_abs_max_scale")
    .Input("X", "any shape")
    .OptionalInput("InAccum", "one element")
    .OptionalInput("InState", "one element")
    .OptionalOutput("Out", "X itself")
    .Output("OutScale", "one element: OutAccum / OutState")
    .OptionalOutput("OutState", "one element")
    .OptionalOutput("OutAccum", "one element")
    .Attr("moving_rate", 0.9f, "weight of what was")
    .Attr("is_test", false, "nothing is averaged; OutScale stays as it is")
    .SameDType({"X", "InAccum", "InState"})
    .OneElement({"InAccum", "InState"})
    .InferShape(InferQuantize)
    .Gradient(StraightThrough())
    .Kernel<Quantize, float, double>();

SKIFF_OP(quantize_linear)
    .Doc("Y = round(X range / Scale), range = 2^(bit_length - 1) - 1, with one scale or one for each channel.")
    .Source("names and defaults of Paddle's quantize_linear")
    .Input("X", "any shape")
    .Input("Scale", "one element, or one for each channel; is_test takes it")
    .Input("ZeroPoint", "not read: the integers are symmetric")
    .OptionalInput("InAccum", "one element, for training")
    .OptionalInput("InState", "one element, for training")
    .Output("Y", "shape of X")
    .OptionalOutput("OutState", "one element")
    .OptionalOutput("OutAccum", "one element")
    .OptionalOutput("OutScale", "shape of Scale")
    .Attr("quant_axis", 0, "axis with a scale for each slice; -1: one scale")
    .Attr("bit_length", 8, "bits of the integers, 1 to 16")
    .Attr("round_type", 0, "0: halves to even, integers clipped; 1: halves away from zero, X clipped")
    .Attr("is_test", true, "Scale is taken; else found from X, for one scale by a moving average")
    .Attr("only_observer", false, "Y = X; only the scale is found")
    .SameDType({"X", "Scale", "InAccum", "InState"})
    .OneElement({"InAccum", "InState"})
    .InferShape(InferQuantize)
    .Kernel<Quantize, float, double>();

SKIFF_OP(stright_throuth_estimator_grad)
    .Doc("X@GRAD = Out@GRAD: rounding counts as the identity.")
    .Source("Bengio et al., Estimating gradients through stochastic neurons, 2013; the name is Paddle's")
    .Input("Out@GRAD", "shape of Out")
    .Output("X@GRAD", "shape of X")
    .InferShape(Like("X@GRAD", "Out@GRAD"))
    .Kernel<Map<SameNumber>, SKIFF_FLOATS>();

}  // namespace
}  // namespace skiff
