#include "tests/fuzz/mutate.h"

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>
#include <vector>

#include "framework/base/error.h"
#include "framework/program/program.h"
#include "io/program_file.h"
#include "io/sink.h"

namespace skiff::io {

namespace {

constexpr int64_t kNumbers[] = {0, 1, -1, 2, 3, 7, 8, 127, 128, 255, 256, 1 << 16, INT32_MAX, INT32_MIN, int64_t{1} << 32, int64_t{1} << 40,
                                INT64_MAX, INT64_MIN, INT64_MAX / 4};

size_t Below(size_t count, Random& random) { return count == 0 ? 0 : random() % count; }

template <typename List>
auto& OneOf(List& list, Random& random) { return list[Below(std::size(list), random)]; }

int64_t Number(Random& random) { return random() % 3 == 0 ? static_cast<int64_t>(random() % 16) : OneOf(kNumbers, random); }

void InsertSomewhere(const std::string& piece, std::string* bytes, Random& random) {
  bytes->insert(Below(bytes->size() + 1, random), piece);
}

void OverwriteSomewhere(const std::string& piece, std::string* bytes, Random& random) {
  if (bytes->size() < piece.size()) return;
  bytes->replace(Below(bytes->size() - piece.size() + 1, random), piece.size(), piece);
}

std::string LittleEndian(int64_t number, size_t bytes) {
  std::string text;
  for (size_t i = 0; i < bytes; ++i) text += static_cast<char>(number >> (8 * i));
  return text;
}

std::string Varint(uint64_t number) {
  std::string text;
  for (; number >= 0x80; number >>= 7) text += static_cast<char>(number | 0x80);
  return text + static_cast<char>(number);
}

// ---- programs

Attribute SomeAttribute(Random& random, int num_blocks) {
  const int64_t n = Number(random);
  switch (random() % 14) {
    case 0: return static_cast<int32_t>(n);
    case 1: return static_cast<float>(n);
    case 2: return std::string("NHWC");
    case 3: return std::vector<int32_t>(random() % 5, static_cast<int32_t>(n));
    case 4: return std::vector<float>(random() % 4, static_cast<float>(n) / 3);
    case 5: return std::vector<std::string>{};
    case 6: return n % 2 == 0;
    case 7: return std::vector<bool>(random() % 3, true);
    case 8: return BlockRef{static_cast<int32_t>(random() % static_cast<uint32_t>(num_blocks))};
    case 9: return n;
    case 10: return std::vector<int64_t>(random() % 5, n);
    case 11: return std::vector<double>(random() % 3, 0.5);
    case 12: return std::numeric_limits<float>::quiet_NaN();
    default: return std::string("a");
  }
}

// Another number in the same place, so that the operator still reads it.
void ChangeNumbers(Attribute* attribute, Random& random) {
  std::visit([&]<typename T>(T& value) {
    if constexpr (std::is_same_v<T, bool>) value = !value;
    else if constexpr (std::is_arithmetic_v<T>) value = static_cast<T>(Number(random));
    else if constexpr (requires { requires std::is_arithmetic_v<typename T::value_type> && !std::is_same_v<typename T::value_type, bool>; } &&
                       !std::is_same_v<T, std::string>) {
      if (value.empty() || random() % 4 == 0) value.push_back(1);
      else if (random() % 4 == 0) value.pop_back();
      else OneOf(value, random) = static_cast<typename T::value_type>(Number(random));
    }
  }, *attribute);
}

void MutateSlots(Slots* slots, const std::vector<std::string>& names, Random& random) {
  if (slots->size() == 0) return;
  const auto [slot, given] = *(slots->begin() + static_cast<std::ptrdiff_t>(Below(slots->size(), random)));
  std::vector<std::string> changed = given;
  const std::string& name = names.empty() ? slot : OneOf(names, random);
  switch (random() % 5) {
    case 0: changed.push_back(name); break;
    case 1: changed.clear(); break;
    case 2:
      if (!changed.empty()) changed.pop_back();
      break;
    case 3: return slots->Set("Unknown", {name});
    default:
      if (changed.empty()) changed.push_back(name);
      else OneOf(changed, random) = name;
  }
  slots->Set(slot, changed);
}

void MutateVariable(Variable* v, Random& random) {
  constexpr DType kDTypes[] = {DType::kFloat32, DType::kFloat64, DType::kInt32, DType::kInt64, DType::kBool, DType::kUInt8, DType::kFloat16};
  constexpr VarKind kKinds[] = {VarKind::kLodTensor, VarKind::kSelectedRows, VarKind::kLodTensorArray, VarKind::kStrings};
  switch (random() % 6) {
    case 0: v->dtype = OneOf(kDTypes, random); break;
    case 1:
      if (v->shape.rank() < Shape::kMaxRank) v->shape.Append(1 + static_cast<int64_t>(random() % 3));
      break;
    case 2:
      if (v->shape.rank() > 0) v->shape.Erase(static_cast<int>(Below(static_cast<size_t>(v->shape.rank()), random)));
      break;
    case 3: v->persistable = !v->persistable; break;
    case 4: v->kind = random() % 4 == 0 ? OneOf(kKinds, random) : VarKind::kLodTensor; break;
    default:
      if (v->shape.rank() > 0) v->shape[static_cast<int>(Below(static_cast<size_t>(v->shape.rank()), random))] = static_cast<int64_t>(random() % 9) - 1;
  }
}

void MutateBlock(Program* program, Random& random) {
  Block& block = program->block(static_cast<int>(Below(static_cast<size_t>(program->num_blocks()), random)));
  std::vector<std::string> names;
  for (const auto& v : block.vars()) names.push_back(v->name);
  if (block.ops().empty() || random() % 4 == 0) {
    if (!block.vars().empty()) MutateVariable(OneOf(block.vars(), random).get(), random);
    return;
  }
  const size_t at = Below(block.ops().size(), random);
  Operator& op = *block.ops()[at];
  std::vector<std::string> attrs;
  for (const auto& [name, value] : op.attrs) attrs.push_back(name);
  switch (random() % 10) {
    case 0: MutateSlots(&op.outputs, names, random); break;
    case 1:
    case 2: MutateSlots(&op.inputs, names, random); break;
    case 3: {
      std::vector<std::shared_ptr<Operator>> ops = block.ops();
      std::swap(ops[at], OneOf(ops, random));
      block.SetOps(ops);
      break;
    }
    case 4: block.RemoveOps(at, at + 1); break;
    case 5: block.InsertOp(Below(block.ops().size() + 1, random), op); break;
    case 6: op.type = OneOf(block.ops(), random)->type; break;
    case 7:
      if (!attrs.empty()) op.attrs.Set(OneOf(attrs, random), SomeAttribute(random, program->num_blocks()));
      break;
    default:
      if (!attrs.empty()) {
        const std::string& name = OneOf(attrs, random);
        Attribute value = *op.attrs.Find(name);
        ChangeNumbers(&value, random);
        op.attrs.Set(name, value);
      }
  }
}

}  // namespace

std::string MutateBytes(std::string bytes, Random& random) {
  for (size_t times = 1 + random() % 3; times > 0; --times) {
    const size_t from = Below(bytes.size() + 1, random), count = std::min(bytes.size() - from, size_t{1} + random() % 16);
    switch (random() % 7) {
      case 0:
        if (!bytes.empty()) OneOf(bytes, random) ^= static_cast<char>(1u << random() % 8);
        break;
      case 1:
        if (!bytes.empty()) OneOf(bytes, random) = static_cast<char>(random());
        break;
      case 2: bytes.erase(from, count); break;
      case 3: InsertSomewhere(bytes.substr(from, count), &bytes, random); break;
      case 4: OverwriteSomewhere(LittleEndian(Number(random), random() % 2 == 0 ? 4 : 8), &bytes, random); break;
      case 5: bytes.resize(from); break;
      default: bytes += bytes.substr(from, count);
    }
  }
  return bytes;
}

std::string MutateProgram(std::string bytes, Random& random) {
  try {
    if (random() % 4 == 0) return MutateBytes(std::move(bytes), random);
    const std::unique_ptr<Program> program = ParseProgram(AsBytes(bytes), "mutated");
    for (size_t times = 1 + random() % 3; times > 0; --times) MutateBlock(program.get(), random);
    return SerializeProgram(*program);
  } catch (const Error&) {
    return MutateBytes(std::move(bytes), random);
  }
}

std::string MutatePickle(std::string bytes, Random& random) {
  static const std::string kOpcodes[] = {
      "(", "N", ".", "}", "]", ")", "K\x07", "J\xFF\xFF\xFF\x7F", std::string("h\0", 2), "h\x01", std::string("q\0", 2), "\x94", "\x85", "\x86", "\x87", "t",
      "a", "e", "s", "u", "R", "b", "\x8f", "\x90", "\x91", "\x88", std::string("\x8c\0", 2), "\x8c\x01z", "C\x02zz",
      "cposix\nsystem\n", "cbuiltins\neval\n", "cbuiltins\nset\n", "cnumpy\ndtype\n", "cnumpy\nndarray\n", "ccollections\nOrderedDict\n",
      "cnumpy.core.multiarray\n_reconstruct\n", "\x8a\x08\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x7F", std::string("G\x7F\xF0\0\0\0\0\0\0", 9),
      "X\xFF\xFF\xFF\xFF", "\x8e\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x7F", "i", "o", "\x81", "P", "Q", "2", "0", "1"};
  for (size_t times = 1 + random() % 4; times > 0; --times) {
    if (random() % 2 == 0) bytes = MutateBytes(std::move(bytes), random);
    else if (random() % 2 == 0) InsertSomewhere(OneOf(kOpcodes, random), &bytes, random);
    else OverwriteSomewhere(OneOf(kOpcodes, random), &bytes, random);
  }
  return bytes;
}

std::string MutateStream(std::string bytes, Random& random) {
  switch (random() % 4) {
    case 0: OverwriteSomewhere(LittleEndian(Number(random), 4), &bytes, random); break;
    case 1: OverwriteSomewhere(LittleEndian(Number(random), 8), &bytes, random); break;
    case 2: InsertSomewhere("\x10" + Varint(static_cast<uint64_t>(Number(random))), &bytes, random); break;  // an extent
    default: return MutateBytes(std::move(bytes), random);
  }
  return bytes;
}

std::string MutateNpy(std::string bytes, Random& random) {
  static const std::string kWords[] = {"'descr'", "'<f8'", "'>i8'", "'|b1'", "'<U7'", "True", "(", ")", ",", "0", "9223372036854775807", "-1", "{", "}", " "};
  if (random() % 2 == 0) return MutateBytes(std::move(bytes), random);
  if (random() % 2 == 0) InsertSomewhere(OneOf(kWords, random), &bytes, random);
  else OverwriteSomewhere(OneOf(kWords, random), &bytes, random);
  return bytes;
}

// ---- JSON

namespace {

using Json = nlohmann::json;

void CollectNodes(Json& node, std::vector<Json*>* nodes) {
  nodes->push_back(&node);
  if (node.is_structured()) {
    for (Json& child : node) CollectNodes(child, nodes);
  }
}

void ChangeNode(Json& node, const Json& other, Random& random) {
  switch (random() % 8) {
    case 0: node = Number(random); break;
    case 1: node = other; break;
    case 2: node = Json::array({node, other}); break;
    case 3: node = nullptr; break;
    case 4: node = std::string(random() % 9, 'x'); break;
    case 5: node = static_cast<double>(Number(random)) * 1e300; break;
    case 6:
      if (node.is_array() && !node.empty()) node.push_back(node[Below(node.size(), random)]);
      break;
    default:
      if (node.is_array() && !node.empty()) node.erase(Below(node.size(), random));
      if (node.is_object() && !node.empty()) node.erase(std::next(node.begin(), static_cast<long>(Below(node.size(), random))));
  }
}

}  // namespace

std::string MutateJson(std::string bytes, Random& random) {
  Json document = Json::parse(bytes, nullptr, /*allow_exceptions=*/false);
  if (document.is_discarded() || random() % 8 == 0) return MutateBytes(std::move(bytes), random);
  std::vector<Json*> nodes;
  CollectNodes(document, &nodes);
  const Json other = *OneOf(nodes, random);  // a copy: what is changed may hold it
  ChangeNode(*OneOf(nodes, random), other, random);
  return document.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string MutateSafetensors(std::string bytes, Random& random) {
  const size_t end = std::min(bytes.find('\0'), bytes.size());
  if (random() % 3 == 0) return MutateBytes(std::move(bytes), random);
  return MutateJson(bytes.substr(0, end), random) + bytes.substr(end);
}

}  // namespace skiff::io
