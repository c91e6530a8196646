// The opcodes of protocols 2 to 4 that build data.
#include "io/pickle_machine.h"

#include <algorithm>

namespace skiff::io {

namespace {

constexpr uint64_t kMaxLongBytes = 4096;
constexpr uint64_t kChildBytes = 40;  // a pointer while the pickle is read, a value and its count afterwards
constexpr const char* kArgument = "argument of a pickle opcode";

}  // namespace

PickleMachine::PickleMachine(std::span<const uint8_t> bytes, const std::string& what)
    : reader_(bytes, what), file_bytes_(bytes.size()), array_budget_(bytes.size() + 4096) {}

void PickleMachine::Fail(const std::string& message) const {
  const std::string field = opcode_ < 0 ? "pickle header" : StrCat("pickle opcode ", opcode_);
  reader_.FailAt(opcode_offset_, message, field.c_str());
}

PickleValue PickleMachine::Run(PickleForm* form) {
  if (reader_.Read<uint8_t>("pickle header") != 0x80) Fail("no pickle of protocol 2, 3 or 4");
  const int protocol = reader_.Read<uint8_t>("pickle protocol");
  if (protocol < 2 || protocol > 5) {
    Fail(StrCat("a pickle of protocol ", protocol, "; Paddle writes 2, 3 and 4"));
  }
  form_.protocol = std::min(protocol, 4);
  for (;;) {
    opcode_offset_ = reader_.offset();
    opcode_ = reader_.Read<uint8_t>("pickle opcode");
    if (opcode_ == '.') break;
    Step(static_cast<uint8_t>(opcode_));
  }
  if (stack_.size() != 1 || !marks_.empty()) {
    Fail(StrCat("the pickle ends with ", stack_.size(), " objects on its stack; it must be one"));
  }
  reader_.ExpectEnd("pickle end");
  if (form != nullptr) *form = form_;
  return Finish(stack_.back());
}

void PickleMachine::Step(uint8_t opcode) {
  constexpr const char* field = kArgument;
  auto integer = [&](int64_t value) {
    Item* item = New(PickleKind::kInt);
    item->integer = value;
    Push(item);
  };
  auto boolean = [&](bool value) {
    Item* item = New(PickleKind::kBool);
    item->integer = value;
    Push(item);
  };
  switch (opcode) {
    case 0x95: {  // FRAME
      const uint64_t bytes = reader_.Read<uint64_t>(field);
      if (bytes > reader_.remaining()) {
        Fail(StrCat("a frame of ", bytes, " bytes, ", reader_.remaining(), " are left"));
      }
      return;
    }
    case '(': marks_.push_back(stack_.size()); return;
    case 'N': Push(New(PickleKind::kNone)); return;
    case 0x88: boolean(true); return;
    case 0x89: boolean(false); return;
    case 'K': integer(reader_.Read<uint8_t>(field)); return;
    case 'M': integer(reader_.Read<uint16_t>(field)); return;
    case 'J': integer(reader_.Read<int32_t>(field)); return;
    case 0x8a: PushLong(reader_.Read<uint8_t>(field)); return;
    case 0x8b: {
      const int32_t bytes = reader_.Read<int32_t>(field);
      if (bytes < 0) Fail(StrCat("an int of ", bytes, " bytes"));
      PushLong(static_cast<uint64_t>(bytes));
      return;
    }
    case 'G': {
      Item* item = New(PickleKind::kFloat);
      item->real = reader_.ReadBigEndian<double>(field);
      Push(item);
      return;
    }
    case 'X': PushText(reader_.Read<uint32_t>(field), false); return;
    case 0x8c: PushText(reader_.Read<uint8_t>(field), false); return;
    case 0x8d: PushText(reader_.Read<uint64_t>(field), false); return;
    case 'U': PushText(reader_.Read<uint8_t>(field), true); return;
    case 'T': PushText(reader_.Read<uint32_t>(field), true); return;
    case 'B': PushBytes(reader_.Read<uint32_t>(field)); return;
    case 'C': PushBytes(reader_.Read<uint8_t>(field)); return;
    case 0x8e: PushBytes(reader_.Read<uint64_t>(field)); return;
    case '}': Push(New(PickleKind::kDict)); return;
    case ']': Push(New(PickleKind::kList)); return;
    case ')': Push(New(PickleKind::kTuple)); return;
    case 0x8f: Push(New(PickleKind::kSet)); return;
    case 0x85: PushTuple(1); return;
    case 0x86: PushTuple(2); return;
    case 0x87: PushTuple(3); return;
    case 't': {
      std::vector<Item*> items = PopToMark();
      Item* tuple = New(PickleKind::kTuple);
      tuple->children = std::move(items);
      Push(tuple);
      return;
    }
    case 0x91: {
      std::vector<Item*> items = PopToMark();
      Item* set = New(PickleKind::kFrozenSet);
      set->children = std::move(items);
      Push(set);
      return;
    }
    case 'a': {
      Item* item = Pop();
      Append(Top(), {item}, PickleKind::kList);
      return;
    }
    case 'e': {
      std::vector<Item*> items = PopToMark();
      Append(Top(), std::move(items), PickleKind::kList);
      return;
    }
    case 0x90: {
      std::vector<Item*> items = PopToMark();
      Append(Top(), std::move(items), PickleKind::kSet);
      return;
    }
    case 's': {
      Item* value = Pop();
      Item* key = Pop();
      SetItems(Top(), {key, value});
      return;
    }
    case 'u': {
      std::vector<Item*> items = PopToMark();
      SetItems(Top(), std::move(items));
      return;
    }
    case 'c': {
      const auto module = reader_.TakeLine(field);
      const auto name = reader_.TakeLine(field);
      PushGlobal(AsText(module), AsText(name));
      return;
    }
    case 0x93: {
      const Item* name = Pop();
      const Item* module = Pop();
      PushGlobal(TextOf(*module), TextOf(*name));
      return;
    }
    case 'R': Reduce(); return;
    case 'b': Build(); return;
    case 'q': Remember(reader_.Read<uint8_t>(field)); return;
    case 'r': Remember(reader_.Read<uint32_t>(field)); return;
    case 0x94: Remember(static_cast<uint32_t>(memo_.size())); return;
    case 'h': Recall(reader_.Read<uint8_t>(field)); return;
    case 'j': Recall(reader_.Read<uint32_t>(field)); return;
    default:
      Fail("an opcode that builds no data of Paddle's; the file is damaged, or wants code to be run");
  }
}

PickleItem* PickleMachine::New(PickleKind kind) {
  reader_.ChargeObjects(1, kArgument);
  reader_.ChargeBytes(sizeof(Item), kArgument);
  Item& item = arena_.emplace_back();
  item.kind = kind;
  item.offset = opcode_offset_;
  return &item;
}

PickleItem* PickleMachine::Pop() {
  if (stack_.empty() || (!marks_.empty() && marks_.back() == stack_.size())) {
    Fail("an opcode takes more objects than there are");
  }
  Item* item = stack_.back();
  stack_.pop_back();
  return item;
}

PickleItem* PickleMachine::Top() {
  Item* item = Pop();
  Push(item);
  return item;
}

std::vector<PickleItem*> PickleMachine::PopToMark() {
  if (marks_.empty()) Fail("an opcode looks for a mark that is not there");
  const auto first = stack_.begin() + static_cast<std::ptrdiff_t>(marks_.back());
  std::vector<Item*> items(first, stack_.end());
  stack_.erase(first, stack_.end());
  marks_.pop_back();
  return items;
}

void PickleMachine::PushTuple(size_t count) {
  std::vector<Item*> items(count);
  for (size_t i = count; i-- > 0;) items[i] = Pop();
  Item* tuple = New(PickleKind::kTuple);
  tuple->children = std::move(items);
  Push(tuple);
}

void PickleMachine::PushText(uint64_t bytes, bool latin1) {
  Item* item = New(PickleKind::kStr);
  item->raw = reader_.Take(bytes, kArgument);
  item->latin1 = latin1;
  if (!latin1 && !IsUtf8(item->raw)) Fail("text that is not UTF-8");
  Push(item);
}

void PickleMachine::PushBytes(uint64_t bytes) {
  Item* item = New(PickleKind::kBytes);
  item->raw = reader_.Take(bytes, kArgument);
  Push(item);
}

void PickleMachine::PushLong(uint64_t bytes) {
  if (bytes > kMaxLongBytes) Fail(StrCat("an int of ", bytes, " bytes"));
  const auto raw = reader_.Take(bytes, kArgument);
  Item* item = New(PickleKind::kBigInt);
  const PickleValue value = PickleValue::BigInt(raw);
  if (value.Is(PickleKind::kInt)) {
    item->kind = PickleKind::kInt;
    item->integer = value.AsInt();
  }
  item->raw = raw;
  Push(item);
}

void PickleMachine::Append(Item* list, std::vector<Item*> items, PickleKind kind) {
  if (list->type != Item::Type::kValue || list->kind != kind) {
    Fail(StrCat("items for a ", ToString(kind), " are added to a ", ToString(list->kind)));
  }
  AddChildren(list, items);
}

// The same list may be handed to set() again and again: what is copied counts.
void PickleMachine::AddChildren(Item* item, std::span<Item* const> children) {
  reader_.ChargeBytes(children.size() * kChildBytes, kArgument);
  item->children.insert(item->children.end(), children.begin(), children.end());
}

void PickleMachine::SetItems(Item* dict, std::vector<Item*> items) {
  const bool is_dict = dict->type == Item::Type::kValue &&
                       (dict->kind == PickleKind::kDict || dict->kind == PickleKind::kOrderedDict);
  if (!is_dict) Fail(StrCat("entries are set in a ", ToString(dict->kind)));
  if (items.size() % 2 != 0) Fail("a key without a value");
  AddChildren(dict, items);
}

void PickleMachine::Remember(uint32_t index) { memo_[index] = Top(); }

void PickleMachine::Recall(uint32_t index) {
  const auto found = memo_.find(index);
  if (found == memo_.end()) Fail(StrCat("object ", index, " is used, but was never remembered"));
  Push(found->second);
}

PickleValue ParsePickle(std::span<const uint8_t> bytes, const std::string& what, PickleForm* form) {
  return PickleMachine(bytes, what).Run(form);
}

}  // namespace skiff::io
