// The lower half of the pickle writer: opcodes in frames, the memo, numbers, text and classes, spelled as
// CPython's C pickler spells them in each protocol. Private to the pickle writer.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>

#include "io/pickle.h"
#include "io/sink.h"

namespace skiff::io {

/// Functions named Save stand for CPython's save(): they may end a full frame first. Those named Put do not.
class PickleOpcodes {
 public:
  PickleOpcodes(const PickleForm& form, Sink* sink) : form_(form), sink_(sink) {}

  void Start();
  void Stop();

  void Op(char opcode) { Put(std::string_view(&opcode, 1)); }
  /// Where CPython's save() begins: the only place where a full frame ends.
  void Begin();

  // The memo. Every object that may be used again gets the next number.
  void RememberNew() { Remember(next_memo_++); }
  void RememberObject(const void* identity);
  bool RecallObject(const void* identity);
  // Objects that are the same wherever they occur: classes, dtypes, short strings.
  bool RecallShared(const std::string& key);
  void RememberShared(const std::string& key);

  void SaveNone();
  void SaveBool(bool value);
  void SaveInt(int64_t value);
  void PutLong(const std::string& twos_complement);
  void SaveFloat(double value);
  void SaveEmptyTuple();
  void PutText(std::string_view utf8);
  /// A string that is one object wherever it occurs.
  void SaveSharedText(const std::string& text);
  /// A string made for this use alone.
  void SaveNewText(std::string_view text);
  /// The content of a bytes object; the memo entry is the caller's.
  void PutBytes(std::string_view bytes);
  /// Bytes made for this use alone; but there is only one object of each that has no or one byte.
  void SaveNewBytes(std::string_view bytes);
  void SaveGlobal(const std::string& module, const std::string& name);

  bool proto4() const { return form_.protocol >= 4; }
  const PickleForm& form() const { return form_; }

 private:
  void Put(std::string_view bytes);
  template <typename T>
  void PutNumber(char opcode, T value);
  void PutPayload(const std::string& header, std::string_view payload);
  std::string LengthHeader(size_t length, char op8, char op32, char op64, bool has_op8) const;
  void FlushBuffer();
  void CloseFrame();
  void Remember(uint32_t index);
  void Recall(uint32_t index);

  PickleForm form_;
  Sink* sink_;
  std::string buffer_;  // the open frame, or what waits to be written
  bool framing_ = false;
  bool in_frame_ = false;
  uint32_t next_memo_ = 0;
  std::unordered_map<const void*, uint32_t> objects_;
  std::unordered_map<std::string, uint32_t> shared_;
};

}  // namespace skiff::io
