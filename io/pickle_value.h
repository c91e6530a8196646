// The objects a pickle of Paddle's can hold, as a tree of plain values. Nothing in it is a program: reading
// one never calls anything.
#pragma once

#include <complex>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "framework/tensor/tensor.h"

namespace skiff::io {

enum class PickleKind : uint8_t {
  kNone,
  kBool,
  kInt,
  kBigInt,       // a Python int that int64_t cannot hold
  kFloat,
  kComplex,
  kStr,
  kBytes,
  kList,
  kTuple,
  kDict,
  kOrderedDict,  // collections.OrderedDict
  kSet,
  kFrozenSet,
  kArray,        // numpy.ndarray
  kScalar,       // a numpy scalar, e.g. numpy.float32(2.5)
  kNamedTensor,  // a dygraph tensor: its name and an array
  kStaticTensor, // a static LoDTensor: an array
};
const char* ToString(PickleKind kind);

/// A value with shared content: copying is cheap, and two copies are the same Python object (`is`). That
/// matters to the writer, which refers to an object it wrote before instead of writing it again. Values
/// form no circles.
class PickleValue {
 public:
  using Item = std::pair<PickleValue, PickleValue>;  // key and value of a dict

  /// None
  PickleValue() = default;
  static PickleValue Bool(bool value);
  static PickleValue Int(int64_t value);
  /// @param bytes  Two's complement, least significant byte first, as Python's int.to_bytes(signed=True).
  ///               Becomes kInt where it fits.
  static PickleValue BigInt(std::span<const uint8_t> bytes);
  static PickleValue Float(double value);
  static PickleValue Complex(std::complex<double> value);
  static PickleValue Str(std::string utf8);
  static PickleValue Bytes(std::string bytes);
  static PickleValue List(std::vector<PickleValue> items);
  static PickleValue Tuple(std::vector<PickleValue> items);
  static PickleValue Dict(std::vector<Item> items);
  static PickleValue OrderedDict(std::vector<Item> items);
  static PickleValue Set(std::vector<PickleValue> items);
  static PickleValue FrozenSet(std::vector<PickleValue> items);
  /// An ndarray. @param numpy_type  numpy's code: "f4", "i8", "b1", ... "" takes the dtype's; bfloat16 is
  /// "u2" in Paddle's files. "u4" and "u8" hold their bits in int32 and int64 tensors. @param fortran
  /// Written column by column; `tensor` is in C order all the same.
  static PickleValue Array(Tensor tensor, std::string numpy_type = "", bool fortran = false);
  /// A numpy scalar from a tensor of one element.
  static PickleValue Scalar(Tensor tensor, std::string numpy_type = "");
  static PickleValue NamedTensor(std::string name, Tensor tensor);
  static PickleValue NamedTensor(PickleValue name, PickleValue array);
  static PickleValue StaticTensor(Tensor tensor);
  static PickleValue StaticTensor(PickleValue array);

  PickleKind kind() const;
  bool Is(PickleKind kind) const { return this->kind() == kind; }
  /// kDict or kOrderedDict.
  bool IsDict() const { return Is(PickleKind::kDict) || Is(PickleKind::kOrderedDict); }

  /// Each of these throws InvalidType, naming both kinds, when the value is another one.
  bool AsBool() const;
  int64_t AsInt() const;
  /// kFloat, kInt or kBool.
  double AsFloat() const;
  std::complex<double> AsComplex() const;
  /// UTF-8 of kStr, content of kBytes, two's complement bytes of kBigInt.
  const std::string& AsText() const;
  /// Decimal digits of kInt or kBigInt.
  std::string IntText() const;
  /// Items of a list, tuple or set.
  const std::vector<PickleValue>& items() const;
  /// Entries of a dict, in order.
  const std::vector<Item>& entries() const;
  /// The entry of a dict under a string, or nullptr.
  const PickleValue* Find(std::string_view key) const;
  /// The tensor of kArray, kScalar, kNamedTensor or kStaticTensor. numpy's uint16 is bfloat16.
  const Tensor& tensor() const;
  /// numpy's code of the elements: "f4".
  const std::string& numpy_type() const;
  bool fortran() const;
  /// Name of a kNamedTensor.
  const std::string& name() const;
  /// The name, as kStr, and the array of a kNamedTensor; the array of a kStaticTensor.
  const PickleValue& name_value() const;
  const PickleValue& array_value() const;

  /// True for any kind with a tensor, and for a plain (str, array) tuple, which Paddle takes for one.
  bool IsTensorLike() const;
  /// Same object, as Python's `is`; always true for two None.
  bool SameObject(const PickleValue& other) const { return node_ == other.node_; }
  /// Identity for maps.
  const void* identity() const { return node_.get(); }
  /// Python-like text, arrays as their type and shape.
  std::string ToString() const;

 private:
  friend class PickleMachine;
  struct Node;

  explicit PickleValue(std::shared_ptr<Node> node) : node_(std::move(node)) {}
  Node& Need(std::initializer_list<PickleKind> kinds, const char* wanted) const;
  static PickleValue Make(PickleKind kind);

  std::shared_ptr<Node> node_;
};

/// numpy's code for a dtype: "f4"; "u2" for bfloat16, as Paddle writes it.
const char* NumpyType(DType dtype);
/// Inverse of NumpyType, kUndefined for a code without a dtype of its own ("u4", "u8").
DType DTypeOfNumpy(std::string_view code);

}  // namespace skiff::io
