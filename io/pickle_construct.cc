// What a pickle may construct: numpy arrays and scalars, tensors, bytes, OrderedDict, set, complex.
#include <algorithm>

#include "io/array_order.h"
#include "io/copy_to_fresh.h"
#include "io/pickle_machine.h"

namespace skiff::io {

namespace {

struct GlobalName {
  std::string_view module;  // "builtins" stands for Python 2's "__builtin__" too
  std::string_view name;
  PickleGlobal global;
};
constexpr GlobalName kGlobals[] = {
    {"numpy.core.multiarray", "_reconstruct", PickleGlobal::kReconstruct},
    {"numpy._core.multiarray", "_reconstruct", PickleGlobal::kReconstruct},
    {"numpy", "ndarray", PickleGlobal::kNdarray},
    {"numpy", "dtype", PickleGlobal::kDType},
    {"numpy.core.multiarray", "scalar", PickleGlobal::kScalar},
    {"numpy._core.multiarray", "scalar", PickleGlobal::kScalar},
    {"_codecs", "encode", PickleGlobal::kEncode},
    {"builtins", "bytes", PickleGlobal::kBytes},
    {"builtins", "tuple", PickleGlobal::kTuple},
    {"builtins", "eval", PickleGlobal::kEval},
    {"collections", "OrderedDict", PickleGlobal::kOrderedDict},
    {"builtins", "set", PickleGlobal::kSet},
    {"builtins", "frozenset", PickleGlobal::kFrozenSet},
    {"builtins", "complex", PickleGlobal::kComplex},
};

struct NumpyItem {
  std::string_view code;
  DType storage;  // the dtype whose bits it shares
};
constexpr NumpyItem kWideUnsigned[] = {{"u4", DType::kInt32}, {"u8", DType::kInt64}};

DType StorageOf(const std::string& code) {
  for (const NumpyItem& item : kWideUnsigned) {
    if (item.code == code) return item.storage;
  }
  return DTypeOfNumpy(code);
}

}  // namespace

void PickleMachine::PushGlobal(std::string_view module, std::string_view name) {
  const std::string_view wanted = module == "__builtin__" ? "builtins" : module;
  const auto found = std::find_if(std::begin(kGlobals), std::end(kGlobals), [&](const GlobalName& g) {
    return g.module == wanted && g.name == name;
  });
  if (found == std::end(kGlobals)) {
    Fail(StrCat("the file asks for \"", module.substr(0, 80), ".", name.substr(0, 80),
                "\"; skiff builds arrays, tensors and plain containers, and runs no code"));
  }
  if (module.starts_with("numpy._core")) form_.numpy2_names = true;
  Item* item = New(PickleKind::kNone);
  item->type = Item::Type::kGlobal;
  item->global = found->global;
  Push(item);
}

void PickleMachine::Reduce() {
  const Item* args = Pop();
  const Item* callee = Pop();
  if (callee->type != Item::Type::kGlobal || args->type != Item::Type::kValue ||
      args->kind != PickleKind::kTuple) {
    Fail("a call of something that cannot be called");
  }
  const auto& given = args->children;
  auto need = [&](bool condition, const char* what) {
    if (!condition) Fail(StrCat("a call of ", what, " with other arguments than Paddle's"));
  };
  switch (callee->global) {
    case PickleGlobal::kReconstruct:
      need(given.size() == 3 && given[0]->type == Item::Type::kGlobal &&
               given[0]->global == PickleGlobal::kNdarray,
           "numpy's _reconstruct");
      return Push(New(PickleKind::kArray));
    case PickleGlobal::kDType: {
      need(given.size() == 3 && given[0]->kind == PickleKind::kStr, "numpy.dtype");
      Item* dtype = New(PickleKind::kNone);
      dtype->type = Item::Type::kDType;
      dtype->code = TextOf(*given[0]);
      if (StorageOf(dtype->code) == DType::kUndefined) {
        Fail(StrCat("an array of the numpy type \"", dtype->code.substr(0, 40),
                    "\", which no tensor of Paddle's has"));
      }
      return Push(dtype);
    }
    case PickleGlobal::kScalar: return Push(MakeScalar(*args));
    case PickleGlobal::kEncode: return Push(MakeEncoded(*args));
    case PickleGlobal::kBytes:
      need(given.empty(), "bytes");
      return Push(New(PickleKind::kBytes));
    case PickleGlobal::kTuple: return Push(MakeTensorTuple(*args));
    case PickleGlobal::kEval: return Push(MakeStaticTensor(*args));
    case PickleGlobal::kOrderedDict: return Push(MakeOrderedDict(*args));
    case PickleGlobal::kSet: return Push(MakeSet(*args, PickleKind::kSet));
    case PickleGlobal::kFrozenSet: return Push(MakeSet(*args, PickleKind::kFrozenSet));
    case PickleGlobal::kComplex: {
      need(given.size() == 2 && given[0]->kind == PickleKind::kFloat &&
               given[1]->kind == PickleKind::kFloat,
           "complex");
      Item* item = New(PickleKind::kComplex);
      item->real = given[0]->real;
      item->imaginary = given[1]->real;
      return Push(item);
    }
    case PickleGlobal::kNdarray: break;
  }
  Fail("a call of numpy.ndarray");
}

void PickleMachine::Build() {
  const Item* state = Pop();
  Item* target = Top();
  if (target->built || state->kind != PickleKind::kTuple || state->type != Item::Type::kValue) {
    Fail("a state for an object that takes none");
  }
  if (target->type == Item::Type::kDType) {
    BuildDType(target, *state);
  } else if (target->type == Item::Type::kValue && target->kind == PickleKind::kArray) {
    BuildArray(target, *state);
  } else {
    Fail(StrCat("a state for a ", ToString(target->kind), ", which takes none"));
  }
  target->built = true;
}

void PickleMachine::BuildDType(Item* dtype, const Item& state) {
  // (3, order, None, None, None, -1, -1, 0): subtype, names and fields are not used.
  const auto& parts = state.children;
  if (parts.size() < 5 || parts[1]->kind != PickleKind::kStr) Fail("a dtype state of another form");
  for (int i : {2, 3, 4}) {
    if (parts[i]->type != Item::Type::kValue || parts[i]->kind != PickleKind::kNone) {
      Fail("an array of records, which no tensor of Paddle's is");
    }
  }
  const std::string order = TextOf(*parts[1]);
  if (order != "<" && order != ">" && order != "|" && order != "=") {
    Fail(StrCat("a byte order \"", order.substr(0, 8), "\""));
  }
  dtype->swapped = order == ">";
}

void PickleMachine::BuildArray(Item* array, const Item& state) {
  // (1, shape, dtype, is_fortran, bytes)
  const auto& parts = state.children;
  const bool fits = parts.size() == 5 && parts[1]->kind == PickleKind::kTuple &&
                    parts[2]->type == Item::Type::kDType &&
                    (parts[3]->kind == PickleKind::kBool || parts[3]->kind == PickleKind::kInt) &&
                    (parts[4]->kind == PickleKind::kBytes || parts[4]->kind == PickleKind::kStr);
  if (!fits) Fail("an array state of another form");
  if (parts[1]->children.size() > Shape::kMaxRank) {
    Fail(StrCat("an array of ", parts[1]->children.size(), " dimensions; the most are ",
                Shape::kMaxRank));
  }
  Shape shape;
  for (const Item* d : parts[1]->children) {
    if (d->type != Item::Type::kValue || d->kind != PickleKind::kInt || d->integer < 0) {
      Fail("an array with an extent that is no count");
    }
    shape.Append(d->integer);
  }
  array->value = ReadElements(*parts[2], shape, parts[3]->integer != 0, *parts[4], false);
}

PickleValue PickleMachine::ReadElements(const Item& dtype, const Shape& shape, bool fortran,
                                        const Item& bytes, bool scalar) {
  const DType storage = StorageOf(dtype.code);
  int64_t wanted = static_cast<int64_t>(SizeOf(storage));
  for (int64_t d : shape) {
    if (d != 0 && __builtin_mul_overflow(wanted, d, &wanted)) {
      Fail(StrCat("an array whose extents ", shape, " overflow"));
    }
  }
  if (std::find(shape.begin(), shape.end(), 0) != shape.end()) wanted = 0;
  const uint64_t given = ByteCount(bytes);
  if (given != static_cast<uint64_t>(wanted)) {
    Fail(StrCat("an array ", dtype.code, " ", shape, " has ", wanted, " bytes, ", given,
                " were given"));
  }
  // The same bytes may be given again and again: what arrays take is bounded by the file.
  if (given > array_budget_) Fail("arrays share bytes so often that they outgrow the file");
  array_budget_ -= given;
  reader_.ChargeBytes(given, "array");

  Tensor tensor(shape, storage);
  CopyBytes(bytes, static_cast<uint8_t*>(tensor.raw_data()));
  tensor = FromArrayOrder(std::move(tensor), {.fortran = fortran, .big_endian = dtype.swapped});
  return scalar ? PickleValue::Scalar(tensor, dtype.code)
                : PickleValue::Array(tensor, dtype.code, fortran);
}

PickleItem* PickleMachine::MakeScalar(const Item& args) {
  const auto& given = args.children;
  const bool fits = given.size() == 2 && given[0]->type == Item::Type::kDType &&
                    (given[1]->kind == PickleKind::kBytes || given[1]->kind == PickleKind::kStr);
  if (!fits) Fail("a numpy scalar with other arguments than numpy's");
  Item* item = New(PickleKind::kScalar);
  item->value = ReadElements(*given[0], {}, false, *given[1], true);
  item->built = true;
  return item;
}

PickleItem* PickleMachine::MakeEncoded(const Item& args) {
  const auto& given = args.children;
  if (given.size() != 2 || given[0]->kind != PickleKind::kStr || !IsText(given[1], "latin1")) {
    Fail("a call of _codecs.encode with other arguments than (text, \"latin1\")");
  }
  Item* item = New(PickleKind::kBytes);
  item->raw = given[0]->raw;
  if (given[0]->latin1) return item;
  item->encoded = true;
  // Known to be UTF-8: count characters, all of which must be below 256.
  for (uint8_t byte : item->raw) {
    if (byte > 0xC3) Fail("text with a character that latin-1 does not have");
    if ((byte & 0xC0) != 0x80) ++item->integer;
  }
  return item;
}

PickleItem* PickleMachine::MakeTensorTuple(const Item& args) {
  const Item* pair = args.children.size() == 1 ? args.children[0] : nullptr;
  const bool fits = pair != nullptr && pair->type == Item::Type::kValue &&
                    pair->kind == PickleKind::kTuple && pair->children.size() == 2 &&
                    pair->children[0]->kind == PickleKind::kStr &&
                    pair->children[1]->kind == PickleKind::kArray;
  if (!fits) Fail("a call of tuple with other arguments than ((name, array),)");
  Item* item = New(PickleKind::kNamedTensor);
  item->children = pair->children;
  return item;
}

PickleItem* PickleMachine::MakeStaticTensor(const Item& args) {
  const auto& given = args.children;
  const bool fits = given.size() == 2 && IsText(given[0], "data") &&
                    given[1]->type == Item::Type::kValue && given[1]->kind == PickleKind::kDict &&
                    given[1]->children.size() == 2 && IsText(given[1]->children[0], "data") &&
                    given[1]->children[1]->kind == PickleKind::kArray;
  if (!fits) Fail("the file wants to eval something; skiff runs no code");
  Item* item = New(PickleKind::kStaticTensor);
  item->children = {given[1]->children[1]};
  return item;
}

PickleItem* PickleMachine::MakeOrderedDict(const Item& args) {
  Item* dict = New(PickleKind::kOrderedDict);
  if (args.children.empty()) return dict;
  // Python 2 gives one list of [key, value] lists.
  const Item* pairs = args.children[0];
  if (args.children.size() != 1 || pairs->kind != PickleKind::kList) {
    Fail("a call of OrderedDict with other arguments than a list of pairs");
  }
  for (const Item* pair : pairs->children) {
    if (pair->kind != PickleKind::kList || pair->children.size() != 2) {
      Fail("a call of OrderedDict with something that is no pair");
    }
    AddChildren(dict, pair->children);
  }
  return dict;
}

PickleItem* PickleMachine::MakeSet(const Item& args, PickleKind kind) {
  if (args.children.size() != 1 || args.children[0]->kind != PickleKind::kList) {
    Fail("a call of set with other arguments than a list");
  }
  Item* set = New(kind);
  AddChildren(set, args.children[0]->children);
  return set;
}

std::string PickleMachine::TextOf(const Item& item) const {
  if (item.kind != PickleKind::kStr) Fail("something else where text is wanted");
  // Not when it is read: the text may be an array's bytes, which protocol 2 writes so.
  reader_.CheckText(item.raw.size(), item.offset, "text");
  if (!item.latin1) return std::string(AsText(item.raw));
  std::string utf8;
  for (uint8_t byte : item.raw) {
    if (byte >= 0x80) utf8 += static_cast<char>(0xC0 | (byte >> 6));
    utf8 += static_cast<char>(byte < 0x80 ? byte : 0x80 | (byte & 0x3F));
  }
  return utf8;
}

bool PickleMachine::IsText(const Item* item, std::string_view text) const {
  return item->kind == PickleKind::kStr && AsText(item->raw) == text;
}

// Bytes of a bytes object, or of Python 2's text taken as bytes.
uint64_t PickleMachine::ByteCount(const Item& item) const {
  if (item.encoded) return static_cast<uint64_t>(item.integer);
  if (item.kind == PickleKind::kStr && !item.latin1) Fail("text where bytes are wanted");
  return item.raw.size();
}

void PickleMachine::CopyBytes(const Item& item, uint8_t* out) const {
  if (!item.encoded) {
    CopyToFresh(out, item.raw.data(), item.raw.size());
    return;
  }
  for (size_t i = 0; i < item.raw.size(); ++i) {
    const uint8_t byte = item.raw[i];
    *out++ = byte < 0x80 ? byte : static_cast<uint8_t>((byte << 6) | (item.raw[++i] & 0x3F));
  }
}

}  // namespace skiff::io
