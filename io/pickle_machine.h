// The pickle machine's objects, before they are proven and become PickleValues. Private to the pickle
// reader.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "io/pickle.h"
#include "io/reader.h"
#include "io/sink.h"

namespace skiff::io {

/// What a pickle may call. Everything else is refused by name.
enum class PickleGlobal : uint8_t {
  kReconstruct,  // numpy._reconstruct
  kNdarray,
  kDType,
  kScalar,
  kEncode,       // _codecs.encode
  kBytes,
  kTuple,
  kEval,         // of the literal "data" alone
  kOrderedDict,
  kSet,
  kFrozenSet,
  kComplex,
};

/// One object on the machine's stack. Text and bytes stay in the file until they are wanted.
struct PickleItem {
  enum class Type : uint8_t { kValue, kGlobal, kDType };

  Type type = Type::kValue;
  PickleKind kind = PickleKind::kNone;
  PickleGlobal global = {};
  bool latin1 = false;    // kStr of Python 2: each byte is a character
  bool encoded = false;   // kBytes whose `raw` is UTF-8 text to be encoded as latin-1
  bool built = false;     // BUILD was done
  bool swapped = false;   // dtype: most significant byte first
  int64_t integer = 0;    // also bool, and the size of encoded bytes
  double real = 0, imaginary = 0;
  uint64_t offset = 0;    // where the pickle makes it
  std::span<const uint8_t> raw;  // text, bytes, big int
  std::vector<PickleItem*> children;  // items; keys and values in turn; name and array
  PickleValue value;      // kArray and kScalar once built; a dtype's code in `code`
  std::string code;
};

/// Runs the opcodes. One object per pickle.
class PickleMachine {
 public:
  PickleMachine(std::span<const uint8_t> bytes, const std::string& what);
  PickleValue Run(PickleForm* form);

 private:
  using Item = PickleItem;

  // pickle_machine.cc: opcodes
  void Step(uint8_t opcode);
  Item* New(PickleKind kind);
  void Push(Item* item) { stack_.push_back(item); }
  Item* Pop();
  Item* Top();
  std::vector<Item*> PopToMark();
  void PushTuple(size_t count);
  void PushText(uint64_t bytes, bool latin1);
  void PushBytes(uint64_t bytes);
  void PushLong(uint64_t bytes);
  void Append(Item* list, std::vector<Item*> items, PickleKind kind);
  void SetItems(Item* dict, std::vector<Item*> items);
  void AddChildren(Item* item, std::span<Item* const> children);
  void Remember(uint32_t index);
  void Recall(uint32_t index);
  [[noreturn]] void Fail(const std::string& message) const;

  // pickle_construct.cc: the closed list of constructors
  void PushGlobal(std::string_view module, std::string_view name);
  void Reduce();
  void Build();
  void BuildDType(Item* dtype, const Item& state);
  void BuildArray(Item* array, const Item& state);
  Item* MakeScalar(const Item& args);
  Item* MakeEncoded(const Item& args);
  Item* MakeTensorTuple(const Item& args);
  Item* MakeStaticTensor(const Item& args);
  Item* MakeOrderedDict(const Item& args);
  Item* MakeSet(const Item& args, PickleKind kind);
  PickleValue ReadElements(const Item& dtype, const Shape& shape, bool fortran, const Item& bytes,
                           bool scalar);
  std::string TextOf(const Item& item) const;
  bool IsText(const Item* item, std::string_view text) const;
  uint64_t ByteCount(const Item& item) const;
  void CopyBytes(const Item& item, uint8_t* out) const;

  // pickle_finish.cc: from objects to values
  PickleValue Finish(Item* item);
  struct Finished {
    PickleValue value;
    uint64_t unfolded = 1;  // objects counted once per path that leads to them
    bool open = true;       // its children are being finished
  };
  const Finished& FinishItem(Item* item, int depth);
  void CheckKeys(const Item& dict) const;

  Reader reader_;
  uint64_t file_bytes_;
  uint64_t array_budget_;  // bytes that arrays may still take
  uint64_t opcode_offset_ = 0;  // of the opcode under way, for errors
  int opcode_ = -1;             // -1 before the first
  PickleForm form_;
  std::deque<Item> arena_;
  std::vector<Item*> stack_;
  std::vector<size_t> marks_;
  std::unordered_map<uint32_t, Item*> memo_;
  std::unordered_map<const Item*, Finished> finished_;
};

}  // namespace skiff::io
