#include "io/onnx/message.h"

namespace skiff::io {

namespace {
constexpr int kWireVarint = 0, kWireBytes = 2, kWireFixed32 = 5;
}

std::string& WireMessage::Tail() {
  if (pieces_.empty() || pieces_.back().tensor.is_initialized()) pieces_.emplace_back();
  return pieces_.back().bytes;
}

void WireMessage::Varint(uint64_t value) {
  std::string& bytes = Tail();
  const size_t before = bytes.size();
  for (; value >= 0x80; value >>= 7) bytes.push_back(static_cast<char>(value | 0x80));
  bytes.push_back(static_cast<char>(value));
  size_ += bytes.size() - before;
}

void WireMessage::Key(int field, int wire_type) { Varint(static_cast<uint64_t>(field) << 3 | wire_type); }

void WireMessage::Int(int field, int64_t value) {
  Key(field, kWireVarint);
  Varint(static_cast<uint64_t>(value));
}

void WireMessage::Float(int field, float value) {
  Key(field, kWireFixed32);
  Tail().append(reinterpret_cast<const char*>(&value), sizeof(value));
  size_ += sizeof(value);
}

void WireMessage::Bytes(int field, std::string_view bytes) {
  Key(field, kWireBytes);
  Varint(bytes.size());
  Tail().append(bytes);
  size_ += bytes.size();
}

void WireMessage::Message(int field, WireMessage message) {
  Key(field, kWireBytes);
  Varint(message.size_);
  for (Piece& piece : message.pieces_) {
    Tail().append(piece.bytes);
    pieces_.back().tensor = std::move(piece.tensor);
  }
  size_ += message.size_;
}

void WireMessage::Elements(int field, const Tensor& tensor) {
  Key(field, kWireBytes);
  Varint(tensor.bytes());
  if (tensor.bytes() == 0) return;
  Tail();
  pieces_.back().tensor = tensor;
  size_ += tensor.bytes();
}

void WireMessage::WriteTo(Sink* sink) const {
  for (const Piece& piece : pieces_) {
    sink->Write(piece.bytes);
    sink->Write(piece.tensor.raw_data(), piece.tensor.bytes());
  }
}

}  // namespace skiff::io
