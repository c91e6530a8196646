#include "io/pickle_value.h"

#include <algorithm>
#include <array>
#include <variant>

namespace skiff::io {

namespace {

constexpr const char* kKindNames[] = {"None",  "bool",        "int",  "int",       "float",
                                      "complex", "str",       "bytes", "list",     "tuple",
                                      "dict",  "OrderedDict", "set",  "frozenset", "array",
                                      "numpy scalar", "tensor", "tensor"};

struct NumpyCode {
  const char* code;
  DType dtype;
};
constexpr NumpyCode kNumpyCodes[] = {
    {"b1", DType::kBool},    {"u1", DType::kUInt8},   {"i1", DType::kInt8},
    {"i2", DType::kInt16},   {"i4", DType::kInt32},   {"i8", DType::kInt64},
    {"u2", DType::kBFloat16}, {"f2", DType::kFloat16}, {"f4", DType::kFloat32},
    {"f8", DType::kFloat64}, {"c8", DType::kComplex64}, {"c16", DType::kComplex128},
};

std::string TypeOf(const Tensor& tensor, std::string numpy_type) {
  return numpy_type.empty() ? NumpyType(tensor.dtype()) : std::move(numpy_type);
}

}  // namespace

const char* ToString(PickleKind kind) { return kKindNames[static_cast<size_t>(kind)]; }

const char* NumpyType(DType dtype) {
  for (const NumpyCode& entry : kNumpyCodes) {
    if (entry.dtype == dtype) return entry.code;
  }
  throw InvalidArgument("a tensor without a dtype has no numpy type");
}

DType DTypeOfNumpy(std::string_view code) {
  for (const NumpyCode& entry : kNumpyCodes) {
    if (code == entry.code) return entry.dtype;
  }
  return DType::kUndefined;
}

struct PickleValue::Node {
  struct ArrayData {
    Tensor tensor;
    std::string numpy_type;
    bool fortran = false;
  };
  PickleKind kind;
  std::variant<std::monostate, bool, int64_t, double, std::complex<double>, std::string,
               std::vector<PickleValue>, std::vector<Item>, std::unique_ptr<ArrayData>>
      content = {};
};

PickleValue PickleValue::Make(PickleKind kind) {
  return PickleValue(std::make_shared<Node>(Node{kind, {}}));
}

// One line for each kind: the node and its content.
#define SKIFF_PICKLE_MAKER(kind_name, content_value)    \
  {                                                     \
    PickleValue made = Make(PickleKind::kind_name);     \
    made.node_->content = content_value;                \
    return made;                                        \
  }
PickleValue PickleValue::Bool(bool value) SKIFF_PICKLE_MAKER(kBool, value)
PickleValue PickleValue::Int(int64_t value) SKIFF_PICKLE_MAKER(kInt, value)
PickleValue PickleValue::Float(double value) SKIFF_PICKLE_MAKER(kFloat, value)
PickleValue PickleValue::Complex(std::complex<double> value) SKIFF_PICKLE_MAKER(kComplex, value)
PickleValue PickleValue::Str(std::string utf8) SKIFF_PICKLE_MAKER(kStr, std::move(utf8))
PickleValue PickleValue::Bytes(std::string bytes) SKIFF_PICKLE_MAKER(kBytes, std::move(bytes))
PickleValue PickleValue::List(std::vector<PickleValue> items)
    SKIFF_PICKLE_MAKER(kList, std::move(items))
PickleValue PickleValue::Tuple(std::vector<PickleValue> items)
    SKIFF_PICKLE_MAKER(kTuple, std::move(items))
PickleValue PickleValue::Dict(std::vector<Item> items) SKIFF_PICKLE_MAKER(kDict, std::move(items))
PickleValue PickleValue::OrderedDict(std::vector<Item> items)
    SKIFF_PICKLE_MAKER(kOrderedDict, std::move(items))
PickleValue PickleValue::Set(std::vector<PickleValue> items)
    SKIFF_PICKLE_MAKER(kSet, std::move(items))
PickleValue PickleValue::FrozenSet(std::vector<PickleValue> items)
    SKIFF_PICKLE_MAKER(kFrozenSet, std::move(items))
#undef SKIFF_PICKLE_MAKER

PickleValue PickleValue::BigInt(std::span<const uint8_t> bytes) {
  // Bytes that only repeat the sign say nothing.
  auto sign_only = [&](size_t i) {
    return (bytes[i] == 0x00 && (bytes[i - 1] & 0x80) == 0) ||
           (bytes[i] == 0xFF && (bytes[i - 1] & 0x80) != 0);
  };
  while (bytes.size() > 1 && sign_only(bytes.size() - 1)) bytes = bytes.first(bytes.size() - 1);
  if (bytes.size() > sizeof(int64_t)) {
    PickleValue made = Make(PickleKind::kBigInt);
    made.node_->content = std::string(bytes.begin(), bytes.end());
    return made;
  }
  const bool negative = !bytes.empty() && (bytes.back() & 0x80) != 0;
  uint64_t value = negative ? ~uint64_t{0} : 0;
  for (size_t i = bytes.size(); i-- > 0;) value = (value << 8) | bytes[i];
  return Int(static_cast<int64_t>(value));
}

PickleValue PickleValue::Array(Tensor tensor, std::string numpy_type, bool fortran) {
  SKIFF_ENFORCE(tensor.is_initialized(), InvalidArgument, "a tensor without memory has no array");
  PickleValue made = Make(PickleKind::kArray);
  std::string type = TypeOf(tensor, std::move(numpy_type));
  made.node_->content =
      std::make_unique<Node::ArrayData>(Node::ArrayData{std::move(tensor), std::move(type), fortran});
  return made;
}

PickleValue PickleValue::Scalar(Tensor tensor, std::string numpy_type) {
  SKIFF_ENFORCE(tensor.is_initialized() && tensor.num_elements() == 1, InvalidArgument,
                "a numpy scalar has one element, the tensor has ", tensor.num_elements());
  PickleValue made = Array(std::move(tensor), std::move(numpy_type));
  made.node_->kind = PickleKind::kScalar;
  return made;
}

PickleValue PickleValue::NamedTensor(PickleValue name, PickleValue array) {
  name.AsText();
  array.Need({PickleKind::kArray}, "an array");
  PickleValue made = Make(PickleKind::kNamedTensor);
  made.node_->content = std::vector<PickleValue>{std::move(name), std::move(array)};
  return made;
}

PickleValue PickleValue::NamedTensor(std::string name, Tensor tensor) {
  return NamedTensor(Str(std::move(name)), Array(std::move(tensor)));
}

PickleValue PickleValue::StaticTensor(PickleValue array) {
  array.Need({PickleKind::kArray}, "an array");
  PickleValue made = Make(PickleKind::kStaticTensor);
  made.node_->content = std::vector<PickleValue>{std::move(array)};
  return made;
}

PickleValue PickleValue::StaticTensor(Tensor tensor) { return StaticTensor(Array(std::move(tensor))); }

PickleKind PickleValue::kind() const { return node_ == nullptr ? PickleKind::kNone : node_->kind; }

PickleValue::Node& PickleValue::Need(std::initializer_list<PickleKind> kinds,
                                     const char* wanted) const {
  const bool fits = std::find(kinds.begin(), kinds.end(), kind()) != kinds.end();
  SKIFF_ENFORCE(fits, InvalidType, "the pickled value is a ", skiff::io::ToString(kind()), ", ",
                wanted, " is wanted");
  return *node_;
}

bool PickleValue::AsBool() const {
  return std::get<bool>(Need({PickleKind::kBool}, "a bool").content);
}

int64_t PickleValue::AsInt() const {
  return std::get<int64_t>(Need({PickleKind::kInt}, "an int of 64 bits").content);
}

double PickleValue::AsFloat() const {
  if (Is(PickleKind::kInt)) return static_cast<double>(AsInt());
  if (Is(PickleKind::kBool)) return AsBool() ? 1.0 : 0.0;
  return std::get<double>(Need({PickleKind::kFloat}, "a float").content);
}

std::complex<double> PickleValue::AsComplex() const {
  return std::get<std::complex<double>>(Need({PickleKind::kComplex}, "a complex").content);
}

const std::string& PickleValue::AsText() const {
  return std::get<std::string>(
      Need({PickleKind::kStr, PickleKind::kBytes, PickleKind::kBigInt}, "a str").content);
}

std::string PickleValue::IntText() const {
  if (!Is(PickleKind::kBigInt)) return std::to_string(AsInt());
  std::string bytes = AsText();
  const bool negative = (bytes.back() & 0x80) != 0;
  if (negative) {  // two's complement: invert and add one
    int carry = 1;
    for (char& c : bytes) {
      const int sum = static_cast<uint8_t>(~c) + carry;
      c = static_cast<char>(sum);
      carry = sum >> 8;
    }
  }
  std::string digits;  // least significant first
  while (!bytes.empty()) {
    int rest = 0;
    for (size_t i = bytes.size(); i-- > 0;) {
      const int value = rest * 256 + static_cast<uint8_t>(bytes[i]);
      bytes[i] = static_cast<char>(value / 10);
      rest = value % 10;
    }
    digits += static_cast<char>('0' + rest);
    while (!bytes.empty() && bytes.back() == 0) bytes.pop_back();
  }
  if (negative) digits += '-';
  return {digits.rbegin(), digits.rend()};
}

const std::vector<PickleValue>& PickleValue::items() const {
  return std::get<std::vector<PickleValue>>(
      Need({PickleKind::kList, PickleKind::kTuple, PickleKind::kSet, PickleKind::kFrozenSet},
           "a list or tuple")
          .content);
}

const std::vector<PickleValue::Item>& PickleValue::entries() const {
  return std::get<std::vector<Item>>(
      Need({PickleKind::kDict, PickleKind::kOrderedDict}, "a dict").content);
}

const PickleValue* PickleValue::Find(std::string_view key) const {
  for (const Item& entry : entries()) {
    if (entry.first.Is(PickleKind::kStr) && entry.first.AsText() == key) return &entry.second;
  }
  return nullptr;
}

const PickleValue& PickleValue::name_value() const {
  return std::get<std::vector<PickleValue>>(
      Need({PickleKind::kNamedTensor}, "a named tensor").content)[0];
}

const PickleValue& PickleValue::array_value() const {
  return std::get<std::vector<PickleValue>>(
             Need({PickleKind::kNamedTensor, PickleKind::kStaticTensor}, "a tensor").content)
      .back();
}

const std::string& PickleValue::name() const { return name_value().AsText(); }

const Tensor& PickleValue::tensor() const {
  if (Is(PickleKind::kNamedTensor) || Is(PickleKind::kStaticTensor)) return array_value().tensor();
  return std::get<std::unique_ptr<Node::ArrayData>>(
             Need({PickleKind::kArray, PickleKind::kScalar}, "a tensor").content)
      ->tensor;
}

const std::string& PickleValue::numpy_type() const {
  if (Is(PickleKind::kNamedTensor) || Is(PickleKind::kStaticTensor)) {
    return array_value().numpy_type();
  }
  return std::get<std::unique_ptr<Node::ArrayData>>(
             Need({PickleKind::kArray, PickleKind::kScalar}, "a tensor").content)
      ->numpy_type;
}

bool PickleValue::fortran() const {
  return std::get<std::unique_ptr<Node::ArrayData>>(
             Need({PickleKind::kArray, PickleKind::kScalar}, "an array").content)
      ->fortran;
}

bool PickleValue::IsTensorLike() const {
  switch (kind()) {
    case PickleKind::kArray:
    case PickleKind::kNamedTensor:
    case PickleKind::kStaticTensor:
      return true;
    case PickleKind::kTuple:
      return items().size() == 2 && items()[0].Is(PickleKind::kStr) &&
             items()[1].Is(PickleKind::kArray);
    default:
      return false;
  }
}

std::string PickleValue::ToString() const {
  auto join = [](const std::vector<PickleValue>& values) {
    std::string text;
    for (const PickleValue& value : values) text += (text.empty() ? "" : ", ") + value.ToString();
    return text;
  };
  auto described = [this] {
    return StrCat(numpy_type(), " ", tensor().shape(), fortran() ? " by columns" : "");
  };
  switch (kind()) {
    case PickleKind::kNone: return "None";
    case PickleKind::kBool: return AsBool() ? "True" : "False";
    case PickleKind::kInt:
    case PickleKind::kBigInt: return IntText();
    case PickleKind::kFloat: return StrCat(AsFloat());
    case PickleKind::kComplex: return StrCat(AsComplex());
    case PickleKind::kStr: return "'" + AsText() + "'";
    case PickleKind::kBytes: return StrCat("bytes of ", AsText().size());
    case PickleKind::kList: return "[" + join(items()) + "]";
    case PickleKind::kTuple: return "(" + join(items()) + (items().size() == 1 ? ",)" : ")");
    case PickleKind::kSet: return "{" + join(items()) + "}";
    case PickleKind::kFrozenSet: return "frozenset({" + join(items()) + "})";
    case PickleKind::kArray: return "array(" + described() + ")";
    case PickleKind::kScalar: return "scalar(" + described() + ")";
    case PickleKind::kNamedTensor: return "tensor('" + name() + "', " + array_value().ToString() + ")";
    case PickleKind::kStaticTensor: return "tensor(" + array_value().ToString() + ")";
    case PickleKind::kDict:
    case PickleKind::kOrderedDict: break;
  }
  std::string text;
  for (const auto& [key, value] : entries()) {
    text += (text.empty() ? "" : ", ") + key.ToString() + ": " + value.ToString();
  }
  return "{" + text + "}";
}

}  // namespace skiff::io
