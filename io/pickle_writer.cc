// PickleValue -> bytes, opcode for opcode as CPython's C pickler.
#include <algorithm>

#include "io/array_order.h"
#include "io/pickle_opcodes.h"

namespace skiff::io {

namespace {

constexpr int kMaxWrittenDepth = 256;
constexpr size_t kBatch = 1000;  // items between MARK and SETITEMS, APPENDS, ADDITEMS

// One character of latin-1 or none: CPython keeps one object of each.
bool IsSingleton(const std::string& utf8) {
  return utf8.size() <= 1 || (utf8.size() == 2 && (utf8[0] == '\xC2' || utf8[0] == '\xC3'));
}

class PickleWriter : private PickleOpcodes {
 public:
  PickleWriter(const PickleForm& form, Sink* sink) : PickleOpcodes(form, sink) {}

  void Dump(const PickleValue& value) {
    Start();
    Save(value);
    Stop();
  }

 private:
  void RememberObject(const PickleValue& value) { PickleOpcodes::RememberObject(value.identity()); }

  // ---- numpy

  std::string MultiArray() const {
    return form().numpy2_names ? "numpy._core.multiarray" : "numpy.core.multiarray";
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
    SKIFF_ENFORCE(depth_ < kMaxWrittenDepth, InvalidArgument, "objects nested more than ", kMaxWrittenDepth,
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
    if (RecallObject(value.identity())) return;
    switch (value.kind()) {
      case PickleKind::kStr:
        if (IsSingleton(value.AsText())) return SaveSharedText(value.AsText());
        PutText(value.AsText());
        return RememberObject(value);
      case PickleKind::kBytes:
        if (value.AsText().size() <= 1) return SaveNewBytes(value.AsText());
        PutBytes(value.AsText());
        return RememberObject(value);
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

  int depth_ = 0;
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
