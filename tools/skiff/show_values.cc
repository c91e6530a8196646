// skiff show, for files of values.
#include <gflags/gflags.h>

#include <iomanip>

#include "framework/base/printable.h"
#include "io/npy.h"
#include "io/pickle_file.h"
#include "io/safetensors.h"
#include "tools/skiff/show.h"

DECLARE_bool(json);
DECLARE_string(program);

namespace skiff::tool {
namespace {

// Tensors, and what else a file holds, by name or path.
struct Values {
  std::string kind;
  std::vector<VariableFacts> tensors;
  std::vector<std::pair<std::string, std::string>> others;
};

std::string LoDText(const LoD& lod) {
  std::string text = lod.empty() ? "" : "LoD ";
  for (const auto& level : lod) {
    std::string offsets;
    for (uint64_t offset : level) offsets += StrCat(offsets.empty() ? "" : ", ", offset);
    text += "[" + offsets + "]";
  }
  return text;
}

// Names of a file's tensors, as many as there are; a number where no program gives them.
std::vector<std::string> NamesFor(const std::string& path, size_t count) {
  const std::string model = FLAGS_program.empty() ? ProgramBeside(path) : FLAGS_program;
  std::vector<std::string> names;
  if (!model.empty()) {
    const auto program = OpenProgram(FindProgram(model));
    for (const Variable* v : io::SavedVariables(*program)) names.push_back(v->name);
  }
  if (names.size() == count) return names;
  SKIFF_ENFORCE(FLAGS_program.empty(), InvalidArgument, "\"", path, "\" holds ", count, " tensors, the program \"", FLAGS_program,
                "\" has ", names.size(), " parameters");
  names.clear();
  for (size_t i = 0; i < count; ++i) names.push_back(StrCat("tensor ", i));
  return names;
}

Values FromStreams(const std::string& path) {
  const auto file = io::MappedFile::Open(path);
  try {
    const Value value = io::ReadTensorFile(file, io::TensorMemory::kShared);
    if (const auto* rows = std::get_if<SelectedRows>(&value)) {
      std::string numbers;
      for (int64_t row : rows->rows) numbers += StrCat(numbers.empty() ? "" : ", ", row);
      return {"rows of a table (SelectedRows)",
              {{"value", rows->value.dtype(), rows->value.shape()}},
              {{"height", std::to_string(rows->height)}, {"rows", "[" + numbers + "]"}}};
    }
  } catch (const InvalidArgument&) {
    // Several tensors, or damage: the index says which.
  }
  const auto entries = io::IndexTensors(file);
  const std::vector<std::string> names = NamesFor(path, entries.size());
  Values values{"tensors", {}, {}};
  for (size_t i = 0; i < entries.size(); ++i) {
    values.tensors.push_back({names[i], entries[i].dtype, entries[i].shape, LoDText(entries[i].lod)});
  }
  return values;
}

Values FromArrays(const char* kind, const io::StateDict& state) {
  Values values{kind, {}, {}};
  for (const auto& entry : state) values.tensors.push_back({entry.name, entry.tensor.dtype(), entry.tensor.shape()});
  for (const auto& [name, object] : state.objects) values.others.emplace_back(name, object.ToString());
  return values;
}

bool HasItems(const io::PickleValue& value) {
  return value.Is(io::PickleKind::kList) || value.Is(io::PickleKind::kTuple) || value.Is(io::PickleKind::kSet) ||
         value.Is(io::PickleKind::kFrozenSet);
}

std::string KeyText(const io::PickleValue& key) { return key.Is(io::PickleKind::kStr) ? key.AsText() : key.ToString(); }

VariableFacts TensorFacts(const std::string& name, const io::PickleValue& value) {
  // A tensor may also be a plain pair of its name and an array.
  const io::PickleValue& array = value.Is(io::PickleKind::kTuple) ? value.items()[1] : value;
  return {name, array.tensor().dtype(), array.tensor().shape(), value.Is(io::PickleKind::kNamedTensor) ? value.name() : ""};
}

// Tensors of a pickle by their path: "model.fc.weight" for {"model": {"fc.weight": ...}}.
void Collect(const io::PickleValue& value, const std::string& path, Values* values) {
  const auto below = [&](const std::string& key) { return path.empty() ? key : path + "." + key; };
  const std::string name = path.empty() ? "(the object)" : path;
  if (value.IsTensorLike()) {
    values->tensors.push_back(TensorFacts(name, value));
  } else if (value.IsDict()) {
    for (const auto& [key, entry] : value.entries()) {
      if (KeyText(key) != io::kNameTableKey) Collect(entry, below(KeyText(key)), values);
    }
  } else if (HasItems(value)) {
    int index = 0;
    for (const auto& item : value.items()) Collect(item, below(std::to_string(index++)), values);
  } else {
    values->others.emplace_back(name, value.ToString());
  }
}

// The tree itself: a line for each value, further in for each level.
void PrintTree(const io::PickleValue& value, const std::string& name, int depth) {
  const std::string start = std::string(static_cast<size_t>(2 * depth), ' ') + PrintableLine(name);
  if (value.IsTensorLike()) {
    const VariableFacts facts = TensorFacts(name, value);
    std::cout << start << (name.empty() ? "" : "  ") << facts.dtype << ' ' << facts.shape
              << (facts.note.empty() ? "" : "  " + PrintableLine(facts.note)) << '\n';
  } else if (name == io::kNameTableKey && value.IsDict()) {
    std::cout << start << ": names of " << Count(value.entries().size(), "tensor") << '\n';
  } else if (value.IsDict() || HasItems(value)) {
    const size_t count = value.IsDict() ? value.entries().size() : value.items().size();
    std::cout << start << (name.empty() ? "" : ": ") << ToString(value.kind()) << " of " << count << '\n';
    int index = 0;
    if (value.IsDict()) {
      for (const auto& [key, entry] : value.entries()) PrintTree(entry, KeyText(key), depth + 1);
    } else {
      for (const auto& item : value.items()) PrintTree(item, StrCat("[", index++, "]"), depth + 1);
    }
  } else {
    std::cout << start << (name.empty() ? "" : " = ") << PrintableLine(value.ToString()) << '\n';
  }
}

void Print(const Found& found, const Values& values, const io::PickleValue* tree) {
  uint64_t bytes = 0;
  for (const auto& tensor : values.tensors) bytes += tensor.bytes();
  const uint64_t file_bytes = io::IsFolder(found.path) ? bytes : io::MappedFile::Open(found.path)->bytes().size();
  if (FLAGS_json) {
    Json json = {{"kind", values.kind}, {"file", found.path}, {"bytes", file_bytes},
                 {"tensors", ToJson(values.tensors)}, {"tensor_bytes", bytes}};
    for (const auto& [name, text] : values.others) json["objects"][name] = text;
    return PrintJson(json);
  }
  std::cout << found.path << ": " << values.kind << ", " << BytesText(file_bytes) << '\n';
  const std::string title = StrCat("tensors: ", values.tensors.size(), ", ", BytesText(bytes));
  if (tree != nullptr) {
    std::cout << title << '\n';
    return PrintTree(*tree, "", 0);
  }
  PrintVariables(title, values.tensors);
  if (!values.others.empty()) std::cout << "other entries\n";
  for (const auto& [name, text] : values.others) std::cout << "  " << PrintableLine(name) << " = " << PrintableLine(text) << '\n';
}

}  // namespace

void ShowValues(const Found& found) {
  switch (found.kind) {
    case io::FileKind::kPickle: {
      const io::PickleValue tree = io::LoadPickle(found.path);
      Values values{"pickled objects", {}, {}};
      Collect(tree, "", &values);
      return Print(found, values, &tree);
    }
    case io::FileKind::kTensors:
      if (io::IsFolder(found.path)) return Print(found, FromArrays("folder of variables", OpenTensors(found.path)), nullptr);
      return Print(found, FromStreams(found.path), nullptr);
    case io::FileKind::kEmpty: return Print(found, {"empty, no tensors", {}, {}}, nullptr);
    case io::FileKind::kSafetensors:
      return Print(found, FromArrays("safetensors", io::LoadSafetensors(found.path, io::TensorMemory::kShared)), nullptr);
    case io::FileKind::kZip: return Print(found, FromArrays("arrays of numpy's (npz)", io::LoadNpz(found.path)), nullptr);
    case io::FileKind::kNpy: {
      const Tensor array = io::LoadNpy(found.path);
      return Print(found, {"an array of numpy's (npy)", {{"(the array)", array.dtype(), array.shape()}}, {}}, nullptr);
    }
    default: break;
  }
  InvalidArgument error(StrCat("\"", found.path, "\" is no file that skiff knows"));
  error.AddContext("programs, tensors, pickles, .npy, .npz and .safetensors are told apart by their first bytes");
  throw error;
}

Json ToJson(const std::vector<VariableFacts>& variables) {
  Json list = Json::array();
  for (const auto& variable : variables) {
    list.push_back({{"name", variable.name}, {"dtype", ToString(variable.dtype)}, {"shape", variable.shape.ToVector()}});
    if (!variable.note.empty()) list.back()["note"] = variable.note;
  }
  return list;
}

void PrintVariables(const std::string& title, const std::vector<VariableFacts>& variables) {
  size_t width = 0;
  for (const auto& variable : variables) width = std::max(width, PrintableLine(variable.name).size());
  std::cout << title << '\n';
  for (const auto& variable : variables) {
    std::cout << "  " << std::left << std::setw(static_cast<int>(width) + 2) << PrintableLine(variable.name) << variable.dtype << ' '
              << variable.shape << (variable.note.empty() ? "" : "  " + variable.note) << '\n';
  }
}

}  // namespace skiff::tool
