// Elements by a condition: where_index, masked_select.
#include <cstring>

#include "operators/host/host.h"

namespace skiff {

namespace {

// Flat positions of the elements that are not zero.
template <typename T>
std::vector<int64_t> PositionsOf(const Tensor& t) {
  std::vector<int64_t> positions;
  const T* values = static_cast<const T*>(t.raw_data());
  for (int64_t i = 0; i < t.num_elements(); ++i) {
    if (values[i] != T(0)) positions.push_back(i);
  }
  return positions;
}

std::vector<int64_t> NonZero(const Tensor& t) {
  switch (t.dtype()) {
    case DType::kFloat32: return PositionsOf<float>(t);
    case DType::kFloat64: return PositionsOf<double>(t);
    case DType::kInt64: return PositionsOf<int64_t>(t);
    case DType::kInt32: return PositionsOf<int32_t>(t);
    case DType::kInt16: return PositionsOf<int16_t>(t);
    case DType::kBool:
    case DType::kInt8:
    case DType::kUInt8: return PositionsOf<uint8_t>(t);
    case DType::kFloat16:
    case DType::kBFloat16: {
      std::vector<int64_t> positions;
      const auto* bits = static_cast<const uint16_t*>(t.raw_data());
      for (int64_t i = 0; i < t.num_elements(); ++i) {
        if ((bits[i] & 0x7fff) != 0) positions.push_back(i);  // minus zero is zero
      }
      return positions;
    }
    default: throw Unimplemented(StrCat("Condition is ", t.dtype()));
  }
}

void WhereIndex(DynamicContext& c) {
  const Tensor condition = host::In(c, "Condition");
  const Shape& shape = condition.shape();
  const std::vector<int64_t> positions = NonZero(condition);
  const int rank = shape.rank();
  Tensor out(Shape{static_cast<int64_t>(positions.size()), rank}, DType::kInt64);
  int64_t* to = out.data<int64_t>();
  for (int64_t at : positions) {
    for (int d = rank - 1; d >= 0; --d) {
      to[d] = at % shape[d];
      at /= shape[d];
    }
    to += rank;
  }
  host::Out(c, "Out", out);
}

// Where in X each chosen element is.
std::vector<int64_t> Chosen(const Shape& x, const Tensor& mask) {
  SKIFF_ENFORCE(mask.dtype() == DType::kBool && mask.shape() == x, InvalidArgument, "Mask is ", mask.dtype(), " ",
                mask.shape(), ", X is ", x, "; expected bool and one shape");
  return NonZero(mask);
}

void MaskedSelect(DynamicContext& c) {
  const Tensor x = host::In(c, "X");
  const std::vector<int64_t> chosen = Chosen(x.shape(), host::In(c, "Mask"));
  Tensor out(Shape{static_cast<int64_t>(chosen.size())}, x.dtype());
  const size_t bytes = SizeOf(x.dtype());
  const auto* from = static_cast<const char*>(x.raw_data());
  auto* to = static_cast<char*>(out.raw_data());
  for (size_t i = 0; i < chosen.size(); ++i) std::memcpy(to + i * bytes, from + chosen[i] * bytes, bytes);
  host::Out(c, "Y", out);
}

void MaskedSelectGrad(DynamicContext& c) {
  const Tensor x = host::In(c, "X"), out_grad = host::In(c, "Y@GRAD");
  const std::vector<int64_t> chosen = Chosen(x.shape(), host::In(c, "Mask"));
  SKIFF_ENFORCE(static_cast<int64_t>(chosen.size()) == out_grad.num_elements(), InvalidArgument, "Mask chooses ",
                chosen.size(), " elements, Y@GRAD holds ", out_grad.num_elements());
  Tensor x_grad(x.shape(), out_grad.dtype());
  std::memset(x_grad.raw_data(), 0, x_grad.bytes());
  const size_t bytes = SizeOf(out_grad.dtype());
  const auto* from = static_cast<const char*>(out_grad.raw_data());
  auto* to = static_cast<char*>(x_grad.raw_data());
  for (size_t i = 0; i < chosen.size(); ++i) std::memcpy(to + chosen[i] * bytes, from + i * bytes, bytes);
  host::Out(c, "X@GRAD", x_grad);
}

}  // namespace

SKIFF_OP(where_index)
    .Doc("Out holds the indices of Condition's elements that are not zero, one row each, in C order.")
    .Source("paddle.nonzero")
    .Input("Condition", "any shape")
    .Output("Out", "int64, [elements, rank]")
    .InferShape([](InferContext& c) {
      c.SetOutput("Out", Shape{-1, c.InputShape("Condition").rank()}, DType::kInt64);
    })
    .Dynamic(WhereIndex);

SKIFF_OP(masked_select)
    .Doc("Y holds the elements of X where Mask is true, in C order.")
    .Source("paddle.masked_select")
    .Input("X", "any shape")
    .Input("Mask", "bool, shape of X")
    .Output("Y", "[elements], dtype of X")
    .InferShape([](InferContext& c) { c.SetOutput("Y", Shape{-1}, c.InputDType("X")); })
    .Gradient(StandardGrad({"X", "Mask"}, {}, {"Y"}, {"X"}))
    .Dynamic(MaskedSelect);

SKIFF_OP(masked_select_grad)
    .Doc("X@GRAD is Y@GRAD where Mask is true and zero elsewhere.")
    .Input("X", "only its shape matters")
    .Input("Mask", "of masked_select")
    .Input("Y@GRAD", "shape of Y")
    .Output("X@GRAD", "shape of X")
    .InferShape(GradsLikeInputs())
    .Dynamic(MaskedSelectGrad);

}  // namespace skiff
