#include "framework/tensor/tensor.h"

#include "framework/tensor/memory.h"

namespace skiff {

namespace {

template <typename T>
std::string Element(const void* data, int64_t i) {
  const T value = static_cast<const T*>(data)[i];
  if constexpr (std::is_same_v<T, Float16> || std::is_same_v<T, BFloat16>) {
    return StrCat(ToFloat(value));
  } else if constexpr (sizeof(T) == 1) {
    return StrCat(static_cast<int>(value));
  } else {
    return StrCat(value);
  }
}

std::string Element(DType dtype, const void* data, int64_t i) {
  switch (dtype) {
    case DType::kBool: return static_cast<const uint8_t*>(data)[i] ? "true" : "false";
    case DType::kInt8: return Element<int8_t>(data, i);
    case DType::kUInt8: return Element<uint8_t>(data, i);
    case DType::kInt16: return Element<int16_t>(data, i);
    case DType::kInt32: return Element<int32_t>(data, i);
    case DType::kInt64: return Element<int64_t>(data, i);
    case DType::kFloat16: return Element<Float16>(data, i);
    case DType::kBFloat16: return Element<BFloat16>(data, i);
    case DType::kFloat32: return Element<float>(data, i);
    case DType::kFloat64: return Element<double>(data, i);
    case DType::kComplex64:
      return StrCat("(", Element<float>(data, 2 * i), ", ", Element<float>(data, 2 * i + 1), ")");
    case DType::kComplex128:
      return StrCat("(", Element<double>(data, 2 * i), ", ", Element<double>(data, 2 * i + 1), ")");
    case DType::kUndefined: break;
  }
  return "?";
}

}  // namespace

Tensor::Tensor(const Shape& shape, DType dtype, const Place& place)
    : shape_(shape), num_elements_(shape.NumElements()), dtype_(dtype), place_(place) {
  int64_t bytes = 0;
  SKIFF_ENFORCE(!__builtin_mul_overflow(num_elements_, static_cast<int64_t>(SizeOf(dtype)), &bytes),
                InvalidArgument, "a ", dtype, " tensor of shape ", shape,
                " has more bytes than 63 bits can count");
  owner_ = Allocate(place, static_cast<size_t>(bytes));
  data_ = owner_.get();
}

Tensor::Tensor(const Shape& shape, DType dtype, const Place& place, std::shared_ptr<void> owner,
               void* data)
    : owner_(std::move(owner)),
      data_(data),
      shape_(shape),
      num_elements_(shape.NumElements()),
      dtype_(dtype),
      place_(place) {}

void Tensor::set_lod(LoD lod) {
  if (!lod.empty()) {
    SKIFF_ENFORCE(shape_.rank() > 0, InvalidArgument, "a 0-D tensor has no rows for a LoD");
    CheckLoD(lod, shape_[0]);
  }
  lod_ = std::move(lod);
}

Tensor Tensor::CopyTo(const Place& place) const {
  if (!is_initialized()) return {};
  Tensor copy(shape_, dtype_, place);
  CopyBytes(place, copy.data_, place_, data_, bytes());
  copy.lod_ = lod_;
  return copy;
}

Tensor Tensor::Reshaped(const Shape& shape) const {
  SKIFF_ENFORCE(shape.NumElements() == num_elements_, InvalidArgument, "shape ", shape, " holds ",
                shape.NumElements(), " elements, the tensor ", shape_, " has ", num_elements_);
  Tensor view = *this;
  view.shape_ = shape;
  view.lod_.clear();
  return view;
}

Tensor Tensor::Rows(int64_t begin, int64_t end) const {
  SKIFF_ENFORCE(shape_.rank() > 0 && 0 <= begin && begin <= end && end <= shape_[0], OutOfRange,
                "rows [", begin, ", ", end, ") of a tensor of shape ", shape_);
  Tensor view = *this;
  view.shape_[0] = end - begin;
  view.num_elements_ = view.shape_.NumElements();
  const size_t row_bytes = shape_.Product(1, shape_.rank()) * SizeOf(dtype_);
  view.data_ = static_cast<char*>(data_) + begin * row_bytes;
  view.lod_.clear();
  return view;
}

void Tensor::CheckAccess(DType wanted) const {
  SKIFF_ENFORCE(dtype_ == wanted, InvalidType, "the tensor is ", dtype_, " ", shape_,
                ", its elements were asked for as ", wanted);
  SKIFF_ENFORCE(place_.is_cpu(), PreconditionNotMet, "the tensor's memory is at ", place_,
                "; copy it with To(CPUPlace{}) first");
}

std::string Tensor::ToString(int64_t max_elements) const {
  if (!is_initialized()) return "(uninitialised tensor)";
  std::string text = StrCat(dtype_, " ", shape_, " ", place_, " {");
  const Tensor cpu = To(CPUPlace{});
  for (int64_t i = 0; i < num_elements_ && i < max_elements; ++i) {
    text += (i ? ", " : "") + Element(dtype_, cpu.data_, i);
  }
  return text + (num_elements_ > max_elements ? ", ...}" : "}");
}

void CheckLoD(const LoD& lod, int64_t rows) {
  for (size_t level = 0; level < lod.size(); ++level) {
    const std::vector<uint64_t>& offsets = lod[level];
    SKIFF_ENFORCE(!offsets.empty() && offsets.front() == 0, InvalidArgument, "LoD level ", level,
                  " must start with offset 0");
    for (size_t i = 1; i < offsets.size(); ++i) {
      SKIFF_ENFORCE(offsets[i - 1] <= offsets[i], InvalidArgument, "LoD level ", level, " offset ",
                    i, " is ", offsets[i], ", less than the one before, ", offsets[i - 1]);
    }
    const uint64_t next = level + 1 < lod.size() ? lod[level + 1].size() - 1
                                                 : static_cast<uint64_t>(rows);
    SKIFF_ENFORCE(offsets.back() == next, InvalidArgument, "LoD level ", level, " ends at ",
                  offsets.back(), "; ", level + 1 < lod.size() ? "the next level has " : "there are ",
                  next, level + 1 < lod.size() ? " sequences" : " rows");
  }
}

}  // namespace skiff
