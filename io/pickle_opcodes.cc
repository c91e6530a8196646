#include "io/pickle_opcodes.h"

#include <algorithm>

#include "framework/base/error.h"

namespace skiff::io {

namespace {

constexpr size_t kFrameTarget = 64 * 1024;  // CPython closes a frame once it holds this much
constexpr size_t kFrameMin = 4;             // a smaller frame gets no FRAME opcode

std::string Latin1ToUtf8(std::string_view bytes) {
  const auto wide = std::count_if(bytes.begin(), bytes.end(), [](char c) { return c & '\x80'; });
  std::string text(bytes.size() + static_cast<size_t>(wide), '\0');
  char* to = text.data();
  for (const char c : bytes) {
    if (c & '\x80') *to++ = static_cast<char>(0xC0 | (static_cast<uint8_t>(c) >> 6));
    *to++ = c & '\x80' ? static_cast<char>(0x80 | (c & 0x3F)) : c;
  }
  return text;
}

template <typename T>
std::string WithNumber(char opcode, T number) {
  std::string text(1, opcode);
  text.append(reinterpret_cast<const char*>(&number), sizeof(number));
  return text;
}

}  // namespace

// ---- bytes and frames

void PickleOpcodes::Start() {
  const char header[] = {'\x80', static_cast<char>(form_.protocol)};
  sink_->Write(header, sizeof(header));
  framing_ = proto4();
}

void PickleOpcodes::Stop() {
  Op('.');
  CloseFrame();
}

void PickleOpcodes::Put(std::string_view bytes) {
  if (framing_) in_frame_ = true;
  buffer_.append(bytes);
  if (!framing_ && buffer_.size() >= kFrameTarget) FlushBuffer();
}

template <typename T>
void PickleOpcodes::PutNumber(char opcode, T value) {
  Op(opcode);
  Put({reinterpret_cast<const char*>(&value), sizeof(value)});
}

void PickleOpcodes::FlushBuffer() {
  sink_->Write(buffer_);
  buffer_.clear();
}

void PickleOpcodes::CloseFrame() {
  if (in_frame_ && buffer_.size() >= kFrameMin) {
    sink_->Write("\x95", 1);
    sink_->WriteNumber<uint64_t>(buffer_.size());
  }
  in_frame_ = false;
  FlushBuffer();
}

void PickleOpcodes::Begin() {
  if (in_frame_ && buffer_.size() >= kFrameTarget) CloseFrame();
}

// Opcode, length and payload; large ones stand outside of frames.
void PickleOpcodes::PutPayload(const std::string& header, std::string_view payload) {
  if (payload.size() < kFrameTarget) {
    Put(header);
    Put(payload);
    return;
  }
  CloseFrame();
  framing_ = false;
  Put(header);
  FlushBuffer();
  sink_->Write(payload);
  framing_ = proto4();
}

std::string PickleOpcodes::LengthHeader(size_t length, char op8, char op32, char op64,
                                        bool has_op8) const {
  if (has_op8 && length < 256) return WithNumber(op8, static_cast<uint8_t>(length));
  if (length <= UINT32_MAX) return WithNumber(op32, static_cast<uint32_t>(length));
  SKIFF_ENFORCE(proto4(), InvalidArgument, "pickle protocol ", form_.protocol,
                " has no text or bytes of 4 GiB; use protocol 4");
  return WithNumber(op64, static_cast<uint64_t>(length));
}

// ---- memo

void PickleOpcodes::Remember(uint32_t index) {
  if (proto4()) {
    Op('\x94');
  } else if (index < 256) {
    PutNumber('q', static_cast<uint8_t>(index));
  } else {
    PutNumber('r', index);
  }
}

void PickleOpcodes::Recall(uint32_t index) {
  if (index < 256) {
    PutNumber('h', static_cast<uint8_t>(index));
  } else {
    PutNumber('j', index);
  }
}

void PickleOpcodes::RememberObject(const void* identity) {
  objects_.emplace(identity, next_memo_);
  RememberNew();
}

bool PickleOpcodes::RecallObject(const void* identity) {
  const auto found = objects_.find(identity);
  if (found == objects_.end()) return false;
  Recall(found->second);
  return true;
}

bool PickleOpcodes::RecallShared(const std::string& key) {
  const auto found = shared_.find(key);
  if (found == shared_.end()) return false;
  Recall(found->second);
  return true;
}

void PickleOpcodes::RememberShared(const std::string& key) {
  shared_.emplace(key, next_memo_);
  RememberNew();
}

// ---- numbers, text, classes

void PickleOpcodes::SaveNone() {
  Begin();
  Op('N');
}

void PickleOpcodes::SaveBool(bool value) {
  Begin();
  Op(value ? '\x88' : '\x89');
}

void PickleOpcodes::SaveInt(int64_t value) {
  Begin();
  if (value >= 0 && value <= 0xFF) {
    PutNumber('K', static_cast<uint8_t>(value));
  } else if (value >= 0 && value <= 0xFFFF) {
    PutNumber('M', static_cast<uint16_t>(value));
  } else if (value >= INT32_MIN && value <= INT32_MAX) {
    PutNumber('J', static_cast<int32_t>(value));
  } else {
    std::string bytes(reinterpret_cast<const char*>(&value), sizeof(value));
    auto sign_only = [&](size_t i) { return bytes[i] == (bytes[i - 1] & 0x80 ? '\xFF' : '\0'); };
    while (bytes.size() > 1 && sign_only(bytes.size() - 1)) bytes.pop_back();
    PutLong(bytes);
  }
}

void PickleOpcodes::PutLong(const std::string& twos_complement) {
  if (twos_complement.size() < 256) {
    PutNumber('\x8a', static_cast<uint8_t>(twos_complement.size()));
  } else {
    PutNumber('\x8b', static_cast<int32_t>(twos_complement.size()));
  }
  Put(twos_complement);
}

void PickleOpcodes::SaveFloat(double value) {
  Begin();
  char bytes[sizeof(value)];
  std::memcpy(bytes, &value, sizeof(value));
  std::reverse(std::begin(bytes), std::end(bytes));
  Op('G');
  Put({bytes, sizeof(bytes)});
}

void PickleOpcodes::SaveEmptyTuple() {
  Begin();
  Op(')');
}

void PickleOpcodes::PutText(std::string_view utf8) {
  PutPayload(LengthHeader(utf8.size(), '\x8c', 'X', '\x8d', proto4()), utf8);
}

void PickleOpcodes::SaveSharedText(const std::string& text) {
  Begin();
  if (RecallShared("str " + text)) return;
  PutText(text);
  RememberShared("str " + text);
}

void PickleOpcodes::SaveNewText(std::string_view text) {
  Begin();
  PutText(text);
  RememberNew();
}

void PickleOpcodes::PutBytes(std::string_view bytes) {
  if (form_.protocol >= 3) {
    PutPayload(LengthHeader(bytes.size(), 'C', 'B', '\x8e', true), bytes);
  } else if (bytes.empty()) {
    SaveGlobal("builtins", "bytes");
    SaveEmptyTuple();
    Op('R');
  } else {  // protocol 2 has no bytes: text that is encoded when read
    SaveGlobal("_codecs", "encode");
    Begin();
    SaveNewText(Latin1ToUtf8(bytes));
    SaveSharedText("latin1");
    Op('\x86');
    RememberNew();
    Op('R');
  }
}

void PickleOpcodes::SaveNewBytes(std::string_view bytes) {
  Begin();
  if (bytes.size() > 1) {
    PutBytes(bytes);
    RememberNew();
    return;
  }
  const std::string key = "bytes " + std::string(bytes);
  if (RecallShared(key)) return;
  PutBytes(bytes);
  RememberShared(key);
}

void PickleOpcodes::SaveGlobal(const std::string& module, const std::string& name) {
  Begin();
  const std::string key = "global " + module + "." + name;
  if (RecallShared(key)) return;
  if (proto4()) {
    SaveSharedText(module);
    SaveSharedText(name);
    Op('\x93');
  } else {
    const bool renamed = form_.protocol == 2 && module == "builtins";
    Op('c');
    Put((renamed ? "__builtin__" : module) + "\n" + name + "\n");
  }
  RememberShared(key);
}

}  // namespace skiff::io
