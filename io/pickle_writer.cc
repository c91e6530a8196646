// PickleValue -> bytes, opcode for opcode as CPython's C pickler.
#include <algorithm>
#include <unordered_map>

#include "io/array_order.h"
#include "io/pickle.h"

namespace skiff::io {

namespace {

constexpr size_t kFrameTarget = 64 * 1024;  // CPython closes a frame once it holds this much
constexpr size_t kFrameMin = 4;             // a smaller frame gets no FRAME opcode
constexpr int kMaxDepth = 256;
constexpr size_t kBatch = 1000;             // items between MARK and SETITEMS, APPENDS, ADDITEMS

std::string Latin1ToUtf8(std::string_view bytes) {
  std::string text;
  text.reserve(bytes.size() + bytes.size() / 2);
  for (const char c : bytes) {
    const uint8_t byte = static_cast<uint8_t>(c);
    if (byte < 0x80) {
      text += c;
    } else {
      text += static_cast<char>(0xC0 | (byte >> 6));
      text += static_cast<char>(0x80 | (byte & 0x3F));
    }
  }
  return text;
}

// One character of latin-1 or none: CPython keeps one object of each.
bool IsSingleton(const std::string& utf8) {
  return utf8.size() <= 1 || (utf8.size() == 2 && (utf8[0] == '\xC2' || utf8[0] == '\xC3'));
}

class PickleWriter {
 public:
  PickleWriter(const PickleForm& form, Sink* sink) : form_(form), sink_(sink) {}

  void Dump(const PickleValue& value) {
    const char header[] = {'\x80', static_cast<char>(form_.protocol)};
    sink_->Write(header, sizeof(header));
    framing_ = form_.protocol >= 4;
    Save(value);
    Op('.');
    CloseFrame();
  }

 private:
  bool proto4() const { return form_.protocol >= 4; }

  // ---- bytes and frames

  void Op(char opcode) { Put(std::string_view(&opcode, 1)); }
  void Put(std::string_view bytes) {
    if (framing_ && !in_frame_) in_frame_ = true;
    buffer_.append(bytes);
    if (!framing_ && buffer_.size() >= kFrameTarget) FlushBuffer();
  }
  template <typename T>
  void PutNumber(char opcode, T value) {
    Op(opcode);
    Put({reinterpret_cast<const char*>(&value), sizeof(value)});
  }
  void FlushBuffer() {
    sink_->Write(buffer_);
    buffer_.clear();
  }
  void CloseFrame() {
    if (in_frame_ && buffer_.size() >= kFrameMin) {
      sink_->Write("\x95", 1);
      sink_->WriteNumber<uint64_t>(buffer_.size());
    }
    in_frame_ = false;
    FlushBuffer();
  }
  // Where CPython's save() begins: the only place where a full frame ends.
  void Begin() {
    if (in_frame_ && buffer_.size() >= kFrameTarget) CloseFrame();
  }
  // Opcode, length and payload; large ones stand outside of frames.
  void PutPayload(const std::string& header, std::string_view payload) {
    if (payload.size() < kFrameTarget) {
      Put(header);
      Put(payload);
      return;
    }
    const bool framing = framing_;
    CloseFrame();
    framing_ = false;
    Put(header);
    FlushBuffer();
    sink_->Write(payload);
    framing_ = framing;
  }
  template <typename T>
  static std::string Header(char opcode, T length) {
    std::string header(1, opcode);
    header.append(reinterpret_cast<const char*>(&length), sizeof(length));
    return header;
  }
  std::string LengthHeader(size_t length, char op8, char op32, char op64, bool has_op8) const {
    if (has_op8 && length < 256) return Header(op8, static_cast<uint8_t>(length));
    if (length <= UINT32_MAX) return Header(op32, static_cast<uint32_t>(length));
    SKIFF_ENFORCE(proto4(), InvalidArgument, "pickle protocol ", form_.protocol,
                  " has no text or bytes of 4 GiB; use protocol 4");
    return Header(op64, static_cast<uint64_t>(length));
  }

  // ---- memo

  void Remember(uint32_t index) {
    if (proto4()) {
      Op('\x94');
    } else if (index < 256) {
      PutNumber('q', static_cast<uint8_t>(index));
    } else {
      PutNumber('r', index);
    }
  }
  void Recall(uint32_t index) {
    if (index < 256) {
      PutNumber('h', static_cast<uint8_t>(index));
    } else {
      PutNumber('j', index);
    }
  }
  void RememberNew() { Remember(next_memo_++); }
  void RememberObject(const PickleValue& value) {
    objects_.emplace(value.identity(), next_memo_);
    RememberNew();
  }
  // Objects that are the same wherever they occur: classes, dtypes, short strings.
  bool RecallShared(const std::string& key) {
    const auto found = shared_.find(key);
    if (found == shared_.end()) return false;
    Recall(found->second);
    return true;
  }
  void RememberShared(const std::string& key) {
    shared_.emplace(key, next_memo_);
    RememberNew();
  }

  // ---- numbers and text

  void SaveInt(int64_t value) {
    Begin();
    if (value >= 0 && value <= 0xFF) {
      PutNumber('K', static_cast<uint8_t>(value));
    } else if (value >= 0 && value <= 0xFFFF) {
      PutNumber('M', static_cast<uint16_t>(value));
    } else if (value >= INT32_MIN && value <= INT32_MAX) {
      PutNumber('J', static_cast<int32_t>(value));
    } else {
      std::string bytes(reinterpret_cast<const char*>(&value), sizeof(value));
      auto sign_only = [&](size_t i) {
        return bytes[i] == (bytes[i - 1] & 0x80 ? '\xFF' : '\0');
      };
      while (bytes.size() > 1 && sign_only(bytes.size() - 1)) bytes.pop_back();
      PutLong(bytes);
    }
  }
  void PutLong(const std::string& bytes) {
    if (bytes.size() < 256) {
      PutNumber('\x8a', static_cast<uint8_t>(bytes.size()));
    } else {
      PutNumber('\x8b', static_cast<int32_t>(bytes.size()));
    }
    Put(bytes);
  }
  void SaveBool(bool value) {
    Begin();
    Op(value ? '\x88' : '\x89');
  }
  void SaveNone() {
    Begin();
    Op('N');
  }
  void SaveFloat(double value) {
    Begin();
    char bytes[sizeof(value)];
    std::memcpy(bytes, &value, sizeof(value));
    std::reverse(std::begin(bytes), std::end(bytes));
    Op('G');
    Put({bytes, sizeof(bytes)});
  }
  void PutText(std::string_view utf8) {
    PutPayload(LengthHeader(utf8.size(), '\x8c', 'X', '\x8d', proto4()), utf8);
  }
  // A string that is one object wherever it occurs.
  void SaveSharedText(const std::string& text) {
    Begin();
    if (RecallShared("str " + text)) return;
    PutText(text);
    RememberShared("str " + text);
  }
  // A string made for this use alone.
  void SaveNewText(std::string_view text) {
    Begin();
    PutText(text);
    RememberNew();
  }
  // The content of a bytes object and its memo entry.
  template <typename RememberFn>
  void PutBytes(std::string_view bytes, RememberFn remember) {
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
    remember();
  }
  void SaveNewBytes(std::string_view bytes) {
    Begin();
    const std::string key = "bytes " + std::string(bytes.substr(0, 1));
    if (bytes.size() > 1) {
      PutBytes(bytes, [&] { RememberNew(); });
    } else if (!RecallShared(key)) {
      PutBytes(bytes, [&] { RememberShared(key); });
    }
  }

  // ---- classes and numpy

  void SaveEmptyTuple() {
    Begin();
    Op(')');
  }
  void SaveGlobal(const std::string& module, const std::string& name) {
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
  std::string MultiArray() const {
    return form_.numpy2_names ? "numpy._core.multiarray" : "numpy.core.multiarray";
  }
  void SaveDType(const std::string& code) {
    Begin();
    const std::string key = "dtype " + code;
    if (RecallShared(key)) return;
    SaveGlobal("numpy", "dtype");
    Begin();
    SaveNewText(code);
    SaveBool(false);
    SaveBool(true);
    Op('\x87');
    RememberNew();
    Op('R');
    RememberShared(key);
    Begin();
    Op('(');
    SaveInt(3);
    SaveSharedText(code.back() == '1' ? "|" : "<");
    SaveNone();
    SaveNone();
    SaveNone();
    SaveInt(-1);
    SaveInt(-1);
    SaveInt(0);
    Op('t');
    RememberNew();
    Op('b');
  }
  void SaveShape(const Shape& shape) {
    if (shape.rank() == 0) return SaveEmptyTuple();
    Begin();
    if (shape.rank() > 3) Op('(');
    for (int64_t d : shape) SaveInt(d);
    Op(shape.rank() > 3 ? 't' : static_cast<char>('\x84' + shape.rank()));
    RememberNew();
  }
  void PutArray(const PickleValue& value) {
    SaveGlobal(MultiArray(), "_reconstruct");
    Begin();
    SaveGlobal("numpy", "ndarray");
    Begin();
    SaveInt(0);
    Op('\x85');
    RememberNew();
    SaveNewBytes("b");
    Op('\x87');
    RememberNew();
    Op('R');
    RememberObject(value);

    const Tensor tensor = value.tensor().To(CPUPlace{});
    Begin();
    Op('(');
    SaveInt(1);
    SaveShape(tensor.shape());
    SaveDType(value.numpy_type());
    SaveBool(value.fortran());
    if (value.fortran()) {
      SaveNewBytes(ColumnMajor(tensor));
    } else {
      SaveNewBytes({static_cast<const char*>(tensor.raw_data()), tensor.bytes()});
    }
    Op('t');
    RememberNew();
    Op('b');
  }
  void PutScalar(const PickleValue& value) {
    const Tensor tensor = value.tensor().To(CPUPlace{});
    SaveGlobal(MultiArray(), "scalar");
    Begin();
    SaveDType(value.numpy_type());
    SaveNewBytes({static_cast<const char*>(tensor.raw_data()), tensor.bytes()});
    Op('\x86');
    RememberNew();
    Op('R');
    RememberObject(value);
  }
  void PutNamedTensor(const PickleValue& value) {
    SaveGlobal("builtins", "tuple");
    Begin();
    Begin();
    Save(value.name_value());
    Save(value.array_value());
    Op('\x86');
    RememberNew();
    Op('\x85');
    RememberNew();
    Op('R');
    RememberObject(value);
  }
  void PutStaticTensor(const PickleValue& value) {
    SaveGlobal("builtins", "eval");
    Begin();
    SaveSharedText("data");
    Begin();
    Op('}');
    RememberNew();
    SaveSharedText("data");
    Save(value.array_value());
    Op('s');
    Op('\x86');
    RememberNew();
    Op('R');
    RememberObject(value);
  }

  // ---- containers

  void PutItems(std::span<const PickleValue> items, char close) {
    Op('(');
    for (const PickleValue& item : items) Save(item);
    Op(close);
  }
  void PutList(const std::vector<PickleValue>& items) {
    if (items.size() == 1) {
      Save(items[0]);
      Op('a');
      return;
    }
    for (size_t at = 0; at < items.size(); at += kBatch) {
      PutItems(std::span(items).subspan(at, std::min(kBatch, items.size() - at)), 'e');
    }
  }
  void PutDictItems(std::span<const PickleValue::Item> items, char close) {
    Op('(');
    for (const auto& [key, value] : items) {
      Save(key);
      Save(value);
    }
    Op(close);
  }
  void PutOneItem(const PickleValue::Item& item) {
    Save(item.first);
    Save(item.second);
    Op('s');
  }
  void PutDict(const std::vector<PickleValue::Item>& items) {
    if (items.empty()) return;
    if (items.size() == 1) return PutOneItem(items[0]);
    // As CPython: a last batch that is full is followed by an empty one.
    size_t at = 0, count = 0;
    do {
      count = std::min(kBatch, items.size() - at);
      PutDictItems(std::span(items).subspan(at, count), 'u');
      at += count;
    } while (count == kBatch);
  }
  void PutOrderedDict(const PickleValue& value) {
    SaveGlobal("collections", "OrderedDict");
    SaveEmptyTuple();
    Op('R');
    RememberObject(value);
    const auto& items = value.entries();
    for (size_t at = 0; at < items.size(); at += kBatch) {
      const size_t count = std::min(kBatch, items.size() - at);
      if (count == 1) {
        PutOneItem(items[at]);
      } else {
        PutDictItems(std::span(items).subspan(at, count), 'u');
      }
    }
  }
  void PutTuple(const PickleValue& value) {
    const auto& items = value.items();
    if (items.empty()) {
      Op(')');
      return;
    }
    if (items.size() <= 3) {
      for (const PickleValue& item : items) Save(item);
      Op(static_cast<char>('\x84' + items.size()));
    } else {
      PutItems(items, 't');
    }
    RememberObject(value);
  }
  void PutSet(const PickleValue& value) {
    const auto& items = value.items();
    const bool frozen = value.Is(PickleKind::kFrozenSet);
    if (!proto4()) {
      SaveGlobal("builtins", frozen ? "frozenset" : "set");
      Begin();
      Begin();
      Op(']');
      RememberNew();
      PutList(items);
      Op('\x85');
      RememberNew();
      Op('R');
      RememberObject(value);
    } else if (frozen) {
      PutItems(items, '\x91');
      RememberObject(value);
    } else {
      Op('\x8f');
      RememberObject(value);
      if (items.empty()) return;
      size_t at = 0, count = 0;
      do {
        count = std::min(kBatch, items.size() - at);
        PutItems(std::span(items).subspan(at, count), '\x90');
        at += count;
      } while (count == kBatch);
    }
  }
  void PutComplex(const PickleValue& value) {
    SaveGlobal("builtins", "complex");
    Begin();
    SaveFloat(value.AsComplex().real());
    SaveFloat(value.AsComplex().imag());
    Op('\x86');
    RememberNew();
    Op('R');
    RememberObject(value);
  }

  void Save(const PickleValue& value) {
    SKIFF_ENFORCE(depth_ < kMaxDepth, InvalidArgument, "objects nested more than ", kMaxDepth,
                  " deep cannot be pickled");
    ++depth_;
    SaveInside(value);
    --depth_;
  }
  void SaveInside(const PickleValue& value) {
    Begin();
    switch (value.kind()) {  // never remembered
      case PickleKind::kNone: return Op('N');
      case PickleKind::kBool: return SaveBool(value.AsBool());
      case PickleKind::kInt: return SaveInt(value.AsInt());
      case PickleKind::kBigInt: return PutLong(value.AsText());
      case PickleKind::kFloat: return SaveFloat(value.AsFloat());
      default: break;
    }
    const auto found = objects_.find(value.identity());
    if (found != objects_.end()) return Recall(found->second);
    switch (value.kind()) {
      case PickleKind::kStr:
        if (IsSingleton(value.AsText())) return SaveSharedText(value.AsText());
        PutText(value.AsText());
        return RememberObject(value);
      case PickleKind::kBytes:
        if (value.AsText().size() <= 1) return SaveNewBytes(value.AsText());
        return PutBytes(value.AsText(), [&] { RememberObject(value); });
      case PickleKind::kList:
        Op(']');
        RememberObject(value);
        return PutList(value.items());
      case PickleKind::kDict:
        Op('}');
        RememberObject(value);
        return PutDict(value.entries());
      case PickleKind::kTuple: return PutTuple(value);
      case PickleKind::kOrderedDict: return PutOrderedDict(value);
      case PickleKind::kSet:
      case PickleKind::kFrozenSet: return PutSet(value);
      case PickleKind::kComplex: return PutComplex(value);
      case PickleKind::kArray: return PutArray(value);
      case PickleKind::kScalar: return PutScalar(value);
      case PickleKind::kNamedTensor: return PutNamedTensor(value);
      case PickleKind::kStaticTensor: return PutStaticTensor(value);
      default: break;
    }
  }

  PickleForm form_;
  Sink* sink_;
  std::string buffer_;  // the open frame, or what waits to be written
  bool framing_ = false;
  bool in_frame_ = false;
  uint32_t next_memo_ = 0;
  int depth_ = 0;
  std::unordered_map<const void*, uint32_t> objects_;
  std::unordered_map<std::string, uint32_t> shared_;
};

}  // namespace

void WritePickle(const PickleValue& value, const PickleForm& form, Sink* sink) {
  SKIFF_ENFORCE(form.protocol >= 2 && form.protocol <= 4, InvalidArgument,
                "pickle protocol ", form.protocol, "; it must be 2, 3 or 4");
  PickleWriter(form, sink).Dump(value);
}

std::string SerializePickle(const PickleValue& value, const PickleForm& form) {
  StringSink sink;
  WritePickle(value, form, &sink);
  return sink.Take();
}

}  // namespace skiff::io
