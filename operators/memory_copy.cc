// Operators about where values are: copies between places, values under another name, many tensors in
// one block of memory.
#include <cstring>

#include "framework/op/op_schema.h"
#include "framework/tensor/memory.h"

namespace skiff {
namespace {

// A program runs at one place, where all of its variables are: a copy to another is the value itself.
#define SKIFF_MOVE(type, doc)                                                        \
  SKIFF_OP(type)                                                                     \
      .Doc(doc)                                                                      \
      .Source("names of Paddle's " #type)                                            \
      .Input("X", "any tensor")                                                      \
      .Output("Out", "the same")                                                     \
      .Attr("dst_place_type", 0, "not read: every variable is at the program's place") \
      .InferShape([](InferContext& c) { c.SetOutput("Out", c.Input("X")); })         \
      .View("X", "Out")

SKIFF_MOVE(memcpy, "Out = X.");
SKIFF_MOVE(memcpy_d2h, "Out = X.");
SKIFF_MOVE(memcpy_h2d, "Out = X.");

SKIFF_OP(share_data)
    .Doc("Out = X, without a copy.")
    .Source("names of Paddle's share_data")
    .Input("X", "any tensor")
    .Output("Out", "the same")
    .InferShape([](InferContext& c) { c.SetOutput("Out", c.Input("X")); })
    .View("X", "Out");

SKIFF_OP(is_empty)
    .Doc("Out = whether X has no element.")
    .Source("names of Paddle's is_empty")
    .Input("X", "any tensor")
    .Output("Out", "bool []")
    .InferShape([](InferContext& c) { c.SetOutput("Out", {}, DType::kBool); })
    .Dynamic([](DynamicContext& c) {
      c.Output("Out") = Tensor::Of<bool>({}, {c.InputTensor("X").num_elements() == 0}).To(c.place());
    });

[[maybe_unused]] int64_t Rounded(int64_t bytes, int64_t alignment) {
  return (bytes + alignment - 1) / alignment * alignment;
}

// Elements that each input takes in the fused tensor: with use_align, a multiple of the alignment.
[[maybe_unused]] int64_t Room(const Attrs& attrs, int64_t elements, DType dtype) {
  if (!attrs.Get<bool>("use_align")) return elements;
  const int64_t given = attrs.Get<int32_t>("align_size"), size = static_cast<int64_t>(SizeOf(dtype));
  return Rounded(elements * size, given > 0 ? given : int64_t{256}) / size;
}

// What shares memory in Paddle is a copy here; programs use it to set parameters up.
[[maybe_unused]] void Coalesce(DynamicContext& c) {
  const auto dtype = static_cast<DType>(c.attrs().Get<int32_t>("dtype"));
  const bool copies = c.attrs().Get<bool>("copy_data"), fills = c.attrs().Get<bool>("set_constant");
  SKIFF_ENFORCE(!copies || !fills, InvalidArgument, "copy_data and set_constant exclude each other");
  std::vector<Tensor> parts;
  int64_t total = 0;
  for (int i = 0; i < c.NumInputs("Input"); ++i) {
    const Tensor& in = c.InputTensor("Input", i);
    SKIFF_ENFORCE(in.dtype() == dtype, InvalidArgument, "input ", i, " is ", in.dtype(), ", the fused tensor ", dtype);
    parts.push_back(in.To(CPUPlace{}));
    total += Room(c.attrs(), in.num_elements(), dtype);
  }
  Tensor fused({total}, dtype);
  std::memset(fused.raw_data(), 0, fused.bytes());
  if (fills) {
    const float constant = c.attrs().Get<float>("constant");
    SKIFF_ENFORCE(constant == 0 || dtype == DType::kFloat32, Unimplemented, "filling ", dtype, " with ", constant);
    if (dtype == DType::kFloat32) std::fill_n(fused.data<float>(), total, constant);
  }
  int64_t begin = 0;
  for (int i = 0; i < static_cast<int>(parts.size()); ++i) {
    Tensor part = fused.Rows(begin, begin + parts[i].num_elements());
    if (copies) std::memcpy(part.raw_data(), parts[i].raw_data(), parts[i].bytes());
    begin += Room(c.attrs(), parts[i].num_elements(), dtype);
    if (i < c.NumOutputs("Output")) c.Output("Output", i) = part.Reshaped(parts[i].shape()).CopyTo(c.place());
  }
  if (c.NumOutputs("FusedOutput") > 0) c.Output("FusedOutput") = fused.To(c.place());
}

SKIFF_OP(coalesce_tensor)
    .Doc("FusedOutput = all Input one after the other; Output[i] = its part that comes from Input[i].")
    .Source("names and defaults of Paddle's coalesce_tensor")
    .Inputs("Input", "of one dtype")
    .Outputs("Output", "like Input")
    .OptionalOutput("FusedOutput", "[sum of the elements, each rounded up with use_align]")
    .RequiredAttr<int32_t>("dtype", "code of the dtype of all")
    .Attr("copy_data", false, "keep the elements")
    .Attr("set_constant", false, "fill with `constant`")
    .Attr("persist_output", false, "not read")
    .Attr("constant", 0.0f, "see set_constant")
    .Attr("use_align", true, "each part starts at a multiple of align_size")
    .Attr("align_size", -1, "bytes; -1: 256")
    .Attr("user_defined_size_of_dtype", -1, "not read")
    .Attr("concated_shapes", std::vector<int64_t>{}, "not read: the inputs have shapes")
    .Attr("concated_ranks", std::vector<int64_t>{}, "not read")
    .InferShape([](InferContext& c) {
      const auto dtype = static_cast<DType>(c.Attr<int32_t>("dtype"));
      int64_t total = 0;
      for (int i = 0; i < c.NumInputs("Input"); ++i) {
        const TensorMeta& in = c.Input("Input", i);
        if (i < c.NumOutputs("Output")) c.SetOutput("Output", in, i);
        if (!in.shape.IsKnown()) total = -1;
        if (total >= 0) total += Room(c.attrs(), in.shape.NumElements(), dtype);
      }
      c.SetOutput("FusedOutput", {total}, dtype);
    })
    .Dynamic(Coalesce);

}  // namespace
}  // namespace skiff
