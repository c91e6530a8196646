// Back to floats: what fake_quantize.cc, quantised training and quantised weights made integers of. Scales are given.
#include "operators/kernel/channels.h"
#include "operators/quantize_scale.h"

namespace skiff {
namespace {

/// y = x scale[channel] scale2 / range
template <typename T, typename S>
struct DequantAt {
  S factor, second, range;
  const T* x;
  S* y;
  SKIFF_HD void operator()(int64_t i) const { y[i] = static_cast<S>(x[i]) * factor * second / range; }
};
template <typename T, typename S>
struct DequantChannels {
  double range;
  const S *scale, *second;  // second may be null
  const T* x;
  S* y;
  SKIFF_HD DequantAt<T, S> AtChannel(int64_t c) const {
    return {scale[c], second == nullptr ? S(1) : second[0], static_cast<S>(range), x, y};
  }
};

/// Integers are dequantised to float32, floats to themselves.
template <typename T>
using Dequantized = std::conditional_t<std::is_integral_v<T>, float, T>;

template <typename T>
std::unique_ptr<Kernel> MakeDequantize(const PrepareContext& c, const ChannelGeometry& g, double range, int scale, int second = -1) {
  using S = Dequantized<T>;
  return MakeKernel([=, x = c.InputIndex("X"), outputs = c.outputs.size()](const KernelArgs& args) {
    for (size_t i = 1; i < outputs; ++i) {  // state that is only passed on in name
      if (args.out[i] != nullptr) FillZero(args.out[i], sizeof(S), args);
    }
    RunChannels(g, args, DequantChannels<T, S>{range, static_cast<const S*>(args.in[scale]),
                                               second < 0 ? nullptr : static_cast<const S*>(args.in[second]),
                                               static_cast<const T*>(args.in[x]), static_cast<S*>(args.out[0])});
  });
}

struct DequantizeLinear {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    const Shape& x = c.Input("X").shape;
    const int axis = QuantAxis(c.attrs(), c.op().type, x);
    const bool observes = c.Attr<bool>("only_observer");
    SKIFF_ENFORCE(!observes || !std::is_integral_v<T>, InvalidType, "only_observer copies X, which is integers");
    if constexpr (!std::is_integral_v<T>) {
      if (observes) {
        return MakeKernel([n = x.NumElements()](const KernelArgs& args) {
          ForEach(n, kElementGrain, args, CopyAsIs<T>{static_cast<const T*>(args.in[0]), static_cast<T*>(args.out[0])});
        });
      }
    }
    return MakeDequantize<T>(c, QuantChannelsAround(x, axis), LargestQuantInteger(QuantBits(c.attrs())), c.InputIndex("Scale"));
  }
};

SKIFF_OP(dequantize_linear)
    .Doc("Y = X Scale / range, range = 2^(bit_length - 1) - 1, with one scale or one for each channel.")
    .Source("names and defaults of Paddle's dequantize_linear")
    .Input("X", "integers, stored as floats or as int8")
    .Input("Scale", "one element, or one for each channel")
    .Input("ZeroPoint", "not read: the integers are symmetric")
    .OptionalInput("InAccum", "not read")
    .OptionalInput("InState", "not read")
    .Output("Y", "shape of X, dtype of Scale")
    .OptionalOutput("OutState", "0")
    .OptionalOutput("OutAccum", "0")
    .OptionalOutput("OutScale", "0")
    .Attr("quant_axis", 0, "axis with a scale for each slice; -1: one scale")
    .Attr("bit_length", 8, "bits of the integers, 1 to 16")
    .Attr("round_type", 0, "not read")
    .Attr("is_test", true, "not read")
    .Attr("only_observer", false, "Y = X")
    .InferShape([](InferContext& c) {
      const TensorMeta x = c.Input("X");
      const int axis = QuantAxis(c.attrs(), c.type(), x.shape);
      CheckScales(c, "Scale", axis < 0 ? 1 : x.shape[axis]);
      const DType wanted = IsFloating(x.dtype) ? x.dtype : DType::kFloat32;
      SKIFF_ENFORCE(!c.at_runtime() || c.InputDType("Scale") == wanted, InvalidType, "Scale is ", c.InputDType("Scale"),
                    " beside X of ", x.dtype, "; expected ", wanted);
      c.SetOutput("Y", TensorMeta{x.shape, c.InputDType("Scale"), x.lod_level});
      for (const char* slot : {"OutState", "OutAccum", "OutScale"}) c.SetOutput(slot, Shape{1}, c.InputDType("Scale"));
    })
    .Kernel<DequantizeLinear, float, double, int8_t>();

struct DequantizeByMax {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    return MakeDequantize<T>(c, QuantChannelsAround(c.Input("X").shape, -1), c.Attr<float>("max_range"), c.InputIndex("Scale"));
  }
};

SKIFF_OP(fake_dequantize_max_abs)
    .Doc("Out = X Scale / max_range.")
    .Source("names of Paddle's fake_dequantize_max_abs")
    .Input("X", "integers, stored as floats")
    .Input("Scale", "one element")
    .Output("Out", "shape of X")
    .RequiredAttr<float>("max_range", "the largest integer, or a product of two")
    .SameDType({"X", "Scale"})
    .InferShape([](InferContext& c) {
      CheckScales(c, "Scale", 1);
      Like("Out", "X")(c);
    })
    .Kernel<DequantizeByMax, float, double>();

SKIFF_OP(dequantize_abs_max)
    .Doc("Out = X Scale / max_range.")
    .Source("names of Paddle's dequantize_abs_max")
    .Input("X", "int8 or int16")
    .Input("Scale", "float32, one element")
    .Output("Out", "float32, shape of X")
    .RequiredAttr<float>("max_range", "the largest integer")
    .OfDType(DType::kFloat32, {"Scale"})
    .InferShape([](InferContext& c) {
      CheckScales(c, "Scale", 1);
      c.SetOutput("Out", c.InputShape("X"), DType::kFloat32);
    })
    .Kernel<DequantizeByMax, int8_t, int16_t>();

/// One list of scales: a weight's channels. Two: what came out of a quantised product, whose channels have the
/// weight's scales and whose input had one.
struct DequantizeChannels {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    const Shape& x = c.Input("X").shape;
    const auto bits = c.Attr<std::vector<int64_t>>("quant_bits");
    double range = LargestQuantInteger(bits[0]);
    const bool two = c.NumInputs("Scales") == 2;
    if (two) range *= LargestQuantInteger(bits[1]);
    const int axis = static_cast<int>(two ? c.Attr<int64_t>("x_num_col_dims") : c.Attr<int64_t>("quant_axis"));
    return MakeDequantize<T>(c, QuantChannelsAround(x, axis), range, c.InputIndex("Scales"), two ? c.InputIndex("Scales", 1) : -1);
  }
};

SKIFF_OP(fake_channel_wise_dequantize_max_abs)
    .Doc("Out = X Scales[0][channel] (Scales[1]) / the largest integers.")
    .Source("names and defaults of Paddle's fake_channel_wise_dequantize_max_abs")
    .Input("X", "integers, stored as floats")
    .Inputs("Scales", "one for each channel; then perhaps one element more")
    .Output("Out", "shape of X")
    .Attr("quant_bits", std::vector<int32_t>{8}, "bits of the integers of each of Scales")
    .Attr("quant_axis", 0, "axis of the channels where there is one of Scales")
    .Attr("x_num_col_dims", 1, "axis of the channels where there are two")
    .SameDType({"X", "Scales"})
    .InferShape([](InferContext& c) {
      const TensorMeta x = c.Input("X");
      const int count = c.NumInputs("Scales");
      const auto bits = c.Attr<std::vector<int64_t>>("quant_bits");
      SKIFF_ENFORCE((count == 1 || count == 2) && static_cast<int>(bits.size()) >= count, InvalidArgument, "there are ", count,
                    " Scales and ", bits.size(), " quant_bits; expected one or two of Scales and a number of bits for each");
      for (int64_t b : bits) SKIFF_ENFORCE(b >= 1 && b <= 16, InvalidArgument, "quant_bits has ", b, "; expected 1 to 16");
      const int64_t axis = count == 2 ? c.Attr<int64_t>("x_num_col_dims") : c.Attr<int64_t>("quant_axis");
      SKIFF_ENFORCE(axis >= 0 && axis < x.shape.rank(), InvalidArgument, "the channels' axis is ", axis, ", X is ", x.shape);
      CheckScales(c, "Scales", x.shape[axis]);
      if (count == 2) CheckScales(c, "Scales", 1, 1);
      c.SetOutput("Out", TensorMeta{x.shape, x.dtype, x.lod_level});
    })
    .Kernel<DequantizeChannels, float, double>();

template <typename T>
struct LookUpSigned {
  const int8_t* x;
  const T* table;
  T* out;
  SKIFF_HD void operator()(int64_t i) const {
    const int v = x[i];
    out[i] = v < 0 ? -table[v + 128] : table[v];
  }
};
struct DequantizeLog {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    return MakeKernel([n = c.Input("X").shape.NumElements(), x = c.InputIndex("X"), dict = c.InputIndex("Dict")](const KernelArgs& args) {
      ForEach(n, kElementGrain, args, LookUpSigned<float>{static_cast<const int8_t*>(args.in[x]), static_cast<const float*>(args.in[dict]),
                                                          static_cast<float*>(args.out[0])});
    });
  }
};

SKIFF_OP(dequantize_log)
    .Doc("Out = Dict[X], for negative X -Dict[X + 128].")
    .Source("names of Paddle's dequantize_log")
    .Input("X", "int8")
    .Input("Dict", "float32, [128]")
    .Output("Out", "float32, shape of X")
    .OfDType(DType::kFloat32, {"Dict"})
    .InferShape([](InferContext& c) {
      CheckScales(c, "Dict", 128);
      c.SetOutput("Out", c.InputShape("X"), DType::kFloat32);
    })
    .Kernel<DequantizeLog, int8_t>();

}  // namespace
}  // namespace skiff
