// From the machine's objects to values: no circles, no half-built objects, no unfolding without end.
#include <algorithm>
#include <set>
#include <unordered_set>

#include "io/pickle_machine.h"

namespace skiff::io {

namespace {

// Objects counted once per path that leads to them. A walk that does not mind sharing ends in time.
constexpr uint64_t kMinUnfolded = 1 << 24;

bool IsHashable(PickleKind kind) {
  switch (kind) {
    case PickleKind::kList:
    case PickleKind::kDict:
    case PickleKind::kOrderedDict:
    case PickleKind::kSet:
    case PickleKind::kArray:
    case PickleKind::kNamedTensor:
    case PickleKind::kStaticTensor:
      return false;
    default:
      return true;
  }
}

}  // namespace

PickleValue PickleMachine::Finish(Item* item) {
  const PickleValue value = FinishItem(item, 0).value;
  finished_.clear();
  return value;
}

const PickleMachine::Finished& PickleMachine::FinishItem(Item* item, int depth) {
  const auto [found, fresh] = finished_.try_emplace(item);
  Finished& done = found->second;  // stays put: the map moves no nodes
  if (!fresh && !done.open) return done;
  opcode_offset_ = item->offset;
  if (!fresh) Fail("an object that holds itself");
  reader_.CheckDepth(depth, "objects in one another");
  if (item->type != Item::Type::kValue) Fail("a class or dtype where a value is wanted");

  std::vector<PickleValue> children;
  children.reserve(item->children.size());
  for (Item* child : item->children) {
    const Finished& finished = FinishItem(child, depth + 1);
    done.unfolded += finished.unfolded;
    children.push_back(finished.value);
    opcode_offset_ = item->offset;
    if (done.unfolded > std::max(kMinUnfolded, file_bytes_)) Fail("objects shared without measure");
  }
  auto entries = [&] {
    CheckKeys(*item);
    std::vector<PickleValue::Item> pairs;
    for (size_t i = 0; i + 1 < children.size(); i += 2) {
      pairs.emplace_back(std::move(children[i]), std::move(children[i + 1]));
    }
    return pairs;
  };
  switch (item->kind) {
    case PickleKind::kNone: break;
    case PickleKind::kBool: done.value = PickleValue::Bool(item->integer != 0); break;
    case PickleKind::kInt: done.value = PickleValue::Int(item->integer); break;
    case PickleKind::kBigInt: done.value = PickleValue::BigInt(item->raw); break;
    case PickleKind::kFloat: done.value = PickleValue::Float(item->real); break;
    case PickleKind::kComplex:
      done.value = PickleValue::Complex({item->real, item->imaginary});
      break;
    case PickleKind::kStr:
      reader_.ChargeBytes(2 * item->raw.size(), "text");
      done.value = PickleValue::Str(TextOf(*item));
      break;
    case PickleKind::kBytes: {
      reader_.ChargeBytes(ByteCount(*item), "bytes");  // encode() may be called on one text again and again
      std::string bytes(ByteCount(*item), '\0');
      CopyBytes(*item, reinterpret_cast<uint8_t*>(bytes.data()));
      done.value = PickleValue::Bytes(std::move(bytes));
      break;
    }
    case PickleKind::kList: done.value = PickleValue::List(std::move(children)); break;
    case PickleKind::kTuple: done.value = PickleValue::Tuple(std::move(children)); break;
    case PickleKind::kDict: done.value = PickleValue::Dict(entries()); break;
    case PickleKind::kOrderedDict: done.value = PickleValue::OrderedDict(entries()); break;
    case PickleKind::kSet: done.value = PickleValue::Set(std::move(children)); break;
    case PickleKind::kFrozenSet: done.value = PickleValue::FrozenSet(std::move(children)); break;
    case PickleKind::kArray:
    case PickleKind::kScalar:
      if (!item->built) Fail("an array without elements");
      done.value = item->value;
      break;
    case PickleKind::kNamedTensor:
      done.value = PickleValue::NamedTensor(std::move(children[0]), std::move(children[1]));
      break;
    case PickleKind::kStaticTensor:
      done.value = PickleValue::StaticTensor(std::move(children[0]));
      break;
  }
  done.open = false;
  return done;
}

void PickleMachine::CheckKeys(const Item& dict) const {
  std::unordered_set<std::string_view> texts;
  std::set<int64_t> integers;
  for (size_t i = 0; i < dict.children.size(); i += 2) {
    const Item& key = *dict.children[i];
    bool once = true;
    if (key.kind == PickleKind::kStr) once = texts.insert(AsText(key.raw)).second;
    if (key.kind == PickleKind::kInt) once = integers.insert(key.integer).second;
    if (!IsHashable(key.kind)) Fail(StrCat("a ", ToString(key.kind), " as the key of a dict"));
    if (!once) {
      Fail(StrCat("the key ", key.kind == PickleKind::kStr ? TextOf(key).substr(0, 80)
                                                             : std::to_string(key.integer),
                  " is in a dict twice"));
    }
  }
}

}  // namespace skiff::io
