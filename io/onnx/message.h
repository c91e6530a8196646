// A protobuf message being written: its bytes, and tensors that are referred to until they reach the file, so that
// no parameter is copied on the way. Fields appear in the order they are put.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "framework/tensor/tensor.h"
#include "io/sink.h"

namespace skiff::io {

class WireMessage {
 public:
  /// A varint: integers, enumerators and booleans. Negative numbers take ten bytes, as protobuf's int64 does.
  void Int(int field, int64_t value);
  void Float(int field, float value);
  void Bytes(int field, std::string_view bytes);
  void Message(int field, WireMessage message);
  /// The elements of a CPU tensor as bytes; the tensor is kept, not copied.
  void Elements(int field, const Tensor& tensor);

  uint64_t size() const { return size_; }
  void WriteTo(Sink* sink) const;

 private:
  struct Piece {
    std::string bytes;
    Tensor tensor;  // comes behind the bytes
  };
  std::string& Tail();
  void Key(int field, int wire_type);
  void Varint(uint64_t value);

  std::vector<Piece> pieces_;
  uint64_t size_ = 0;
};

}  // namespace skiff::io
