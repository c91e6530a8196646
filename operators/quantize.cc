// quantize, dequantize and requantize: numbers as bytes by one scale, as programs have them that Paddle's post-training
// quantisation wrote for oneDNN.
#include "operators/kernel/unary.h"

namespace skiff {
namespace {

// Out = factor X + offset, rounded to even and clamped to what a byte holds.
struct ToBytes {
  explicit ToBytes(const PrepareContext& c);
  template <typename V>
  SKIFF_HD V operator()(V x) const {
    const V v = x * V(factor) + V(offset);
    if (low == high) return v;
    // Beyond 2^23 floats have no fraction: adding 1.5 * 2^23 rounds.
    const V magic = V(12582912.0f);
    return (math::Min(math::Max(v, V(low)), V(high)) + magic) - magic;
  }
  float factor, offset, low = 0, high = 0;
};

float PositiveScale(const Attrs& attrs, const char* name) {
  const float scale = attrs.Get<float>(name);
  SKIFF_ENFORCE(scale > 0, InvalidArgument, "attribute ", name, " is ", scale, "; it must be positive");
  return scale;
}
// oneDNN takes shifts as bytes.
float ShiftOf(const Attrs& attrs, const char* name) {
  const float shift = attrs.Get<float>(name);
  SKIFF_ENFORCE(shift >= 0 && shift <= 255, InvalidArgument, "attribute ", name, " is ", shift, "; it must be in [0, 255]");
  return shift;
}

DType QuantizedDType(const std::string& type, const Attrs& attrs, DType input) {
  if (type == "dequantize") return DType::kFloat32;
  if (type == "requantize") {
    const bool shifts = attrs.Get<float>("Shift_in") != 0 || attrs.Get<float>("Shift_out") != 0;
    return shifts ? DType::kUInt8 : input;
  }
  if (attrs.Get<bool>("bfloat16")) return DType::kBFloat16;
  return attrs.Get<bool>("is_negative_input") && attrs.Get<float>("Shift") == 0 ? DType::kInt8 : DType::kUInt8;
}

ToBytes::ToBytes(const PrepareContext& c) {
  const std::string& type = c.op().type;
  if (type == "requantize") {
    const float in = ShiftOf(c.attrs(), "Shift_in"), out = ShiftOf(c.attrs(), "Shift_out");
    factor = PositiveScale(c.attrs(), "Scale_out") / PositiveScale(c.attrs(), "Scale_in");
    offset = std::min(std::max(out - factor * in, 0.0f), 255.0f);  // a byte again
  } else {
    const float scale = PositiveScale(c.attrs(), "Scale"), shift = ShiftOf(c.attrs(), "Shift");
    factor = type == "quantize" ? scale : 1 / scale;
    offset = type == "quantize" ? shift : -shift / scale;
  }
  const DType dtype = c.Output("Output").dtype;
  if (dtype == DType::kInt8) low = -128, high = 127;
  if (dtype == DType::kUInt8) high = 255;
}

struct ByteKernel {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) { return Map<ToBytes>::template PrepareAs<float>(c); }
};

[[maybe_unused]] void InferBytes(InferContext& c) {
  const TensorMeta x = c.Input("Input");
  SKIFF_ENFORCE(c.type() != "requantize" || c.Attr<float>("Shift_in") == 0 || x.dtype == DType::kUInt8, InvalidArgument,
                "Input is ", x.dtype, " with Shift_in ", c.Attr<float>("Shift_in"), "; shifted numbers are uint8");
  c.SetOutput("Output", TensorMeta{x.shape, QuantizedDType(c.type(), c.attrs(), x.dtype), x.lod_level});
}

SKIFF_OP(quantize)
    .Doc("Output = Scale Input + Shift, rounded to even and clamped: int8 with is_negative_input and without Shift, else uint8.")
    .Source("Paddle's quantize")
    .Input("Input", "any shape, floating")
    .Output("Output", "int8 or uint8, or bfloat16; shape of Input")
    .Attr("is_negative_input", false, "whether Input may be negative")
    .Attr("Scale", 1.0f, "bytes in 1")
    .Attr("Shift", 0.0f, "byte that stands for 0, in [0, 255]")
    .Attr("output_format", "NHWC", "not read")
    .Attr("bfloat16", false, "Output is bfloat16, not rounded to integers")
    .InferShape(InferBytes)
    .Kernel<ByteKernel, float, BFloat16>();

SKIFF_OP(dequantize)
    .Doc("Output = (Input - Shift) / Scale.")
    .Source("Paddle's dequantize")
    .Input("Input", "any shape, int8, uint8 or bfloat16")
    .Output("Output", "float32, shape of Input")
    .Attr("Scale", 1.0f, "bytes in 1")
    .Attr("Shift", 0.0f, "byte that stands for 0, in [0, 255]")
    .InferShape(InferBytes)
    .Kernel<ByteKernel, int8_t, uint8_t, BFloat16>();

SKIFF_OP(requantize)
    .Doc("Output = Scale_out / Scale_in (Input - Shift_in) + Shift_out, rounded to even and clamped. What is added in the end "
         "is clamped to [0, 255] before, as Paddle's is.")
    .Source("Paddle's requantize")
    .Input("Input", "any shape, int8 or uint8; uint8 with Shift_in")
    .Output("Output", "dtype of Input without shifts, else uint8; shape of Input")
    .Attr("Scale_in", 1.0f, "bytes of Input in 1")
    .Attr("Scale_out", 1.0f, "bytes of Output in 1")
    .Attr("Shift_in", 1.0f, "byte of Input that stands for 0, in [0, 255]")
    .Attr("Shift_out", 1.0f, "byte of Output that stands for 0, in [0, 255]")
    .InferShape(InferBytes)
    .Kernel<ByteKernel, int8_t, uint8_t>();

}  // namespace
}  // namespace skiff
