#include "io/state_dict.h"

#include <algorithm>
#include <set>

#include "io/atomic_file.h"
#include "io/checksums.h"
#include "io/commit_journal.h"
#include "io/file_kind.h"
#include "io/npy.h"
#include "io/program_file.h"
#include "io/safetensors.h"
#include "io/tensor_stream.h"

namespace skiff::io {

namespace {

std::string WithoutSuffix(const std::string& path) {
  for (const std::string suffix : {".pdparams", ".pdopt", ".pdmodel"}) {
    if (path.ends_with(suffix)) return path.substr(0, path.size() - suffix.size());
  }
  return path;
}

void CheckPrefix(const std::string& prefix) {
  SKIFF_ENFORCE(!prefix.empty() && prefix.back() != '/', InvalidArgument, "\"", prefix,
                "\" should be folder/prefix, such as \"model/epoch_3\"");
}

}  // namespace

void StateDict::Set(const std::string& name, Tensor tensor, std::string tensor_name) {
  const auto [found, added] = index_.try_emplace(name, entries_.size());
  if (added) {
    entries_.push_back({name, std::move(tensor), std::move(tensor_name)});
  } else {
    entries_[found->second] = {name, std::move(tensor), std::move(tensor_name)};
  }
}

const Tensor* StateDict::Find(const std::string& name) const {
  const auto found = index_.find(name);
  return found == index_.end() ? nullptr : &entries_[found->second].tensor;
}

void StateDict::Erase(const std::string& name) {
  if (!index_.contains(name)) return;
  std::erase_if(entries_, [&](const Entry& entry) { return entry.name == name; });
  index_.clear();
  for (size_t i = 0; i < entries_.size(); ++i) index_[entries_[i].name] = i;
}

std::vector<std::string> StateDict::Names() const {
  std::vector<std::string> names;
  for (const Entry& entry : entries_) names.push_back(entry.name);
  return names;
}

StateKind ParseStateKind(const std::string& mode) {
  if (mode == "param") return StateKind::kParameters;
  if (mode == "opt") return StateKind::kOptimizer;
  if (mode == "all") return StateKind::kAll;
  throw InvalidArgument(
      StrCat("the mode of a state dict is \"param\", \"opt\" or \"all\", not \"", mode, "\""));
}

std::vector<const Variable*> StateVariables(const Program& program, StateKind kind) {
  std::vector<const Variable*> chosen;
  std::set<std::string> seen;
  for (const Variable* v : program.ListVars()) {
    if (!v->persistable || v->kind == VarKind::kFeedMinibatch || v->kind == VarKind::kFetchList ||
        v->kind == VarKind::kReader || v->kind == VarKind::kRaw) {
      continue;
    }
    const bool is_state = !v->is_parameter && !v->need_check_feed;
    const bool wanted = (v->is_parameter && kind != StateKind::kOptimizer) ||
                        (is_state && kind != StateKind::kParameters);
    if (wanted && seen.insert(v->name).second) chosen.push_back(v);
  }
  return chosen;
}

StateDict GetStateDict(const Program& program, const Scope& scope, StateKind kind) {
  StateDict state;
  std::string without;
  int count = 0;
  for (const Variable* v : StateVariables(program, kind)) {
    const Value* value = scope.FindVar(v->name);
    const Tensor* tensor = value == nullptr ? nullptr : std::get_if<Tensor>(value);
    if (tensor == nullptr || !tensor->is_initialized()) {
      without += StrCat(count++ == 0 ? "" : ", ", "\"", v->name, "\"");
    } else {
      state.Set(v->name, *tensor);
    }
  }
  if (!without.empty()) {
    NotFound error(StrCat(count, " variables of the program have no value in the scope"));
    error.AddContext(without);
    error.AddContext("run the startup program, or load them, first");
    throw error;
  }
  return state;
}

PickleValue ToPickle(const StateDict& state, const SaveStateOptions& options) {
  std::vector<PickleValue::Item> items, table;
  for (const StateDict::Entry& entry : state) {
    const PickleValue key = PickleValue::Str(entry.name);
    items.emplace_back(key, PickleValue::Array(entry.tensor.To(CPUPlace{})));
    // The key is one object in both dicts, the name is another even where it reads the same.
    table.emplace_back(key, PickleValue::Str(entry.tensor_name.empty() ? entry.name
                                                                       : entry.tensor_name));
  }
  for (const auto& [name, object] : state.objects) items.emplace_back(PickleValue::Str(name), object);
  if (options.name_table) {
    items.emplace_back(PickleValue::Str(kNameTableKey), PickleValue::Dict(std::move(table)));
  }
  const PickleValue whole = PickleValue::Dict(std::move(items));
  return options.protocol < 4 ? SplitSlices(whole, options.max_slice_bytes) : whole;
}

StateDict ToStateDict(const PickleValue& value, const std::string& what) {
  SKIFF_ENFORCE(value.IsDict(), InvalidArgument, "\"", what, "\" holds a ",
                ToString(value.kind()), ", a state dict is a dict of tensors");
  StateDict state;
  const PickleValue* table = value.Find(kNameTableKey);
  auto tensor_of = [&](const std::string& key, const PickleValue& item) {
    const PickleValue& array =
        item.Is(PickleKind::kTuple) ? item.items()[1]
        : item.Is(PickleKind::kArray) ? item : item.array_value();
    SKIFF_ENFORCE(DTypeOfNumpy(array.numpy_type()) != DType::kUndefined, Unimplemented, "\"", what,
                  "\": the array \"", key, "\" is of the numpy type ", array.numpy_type(),
                  ", which skiff has no tensors of");
    return array.tensor();
  };
  auto name_of = [&](const PickleValue& item) -> std::string {
    if (item.Is(PickleKind::kTuple)) return item.items()[0].AsText();
    return item.Is(PickleKind::kNamedTensor) ? item.name() : "";
  };
  for (const auto& [key, item] : value.entries()) {
    SKIFF_ENFORCE(key.Is(PickleKind::kStr), InvalidArgument, "\"", what, "\" has the key ",
                  key.ToString(), "; the keys of a state dict are names");
    const std::string& name = key.AsText();
    if (name == kNameTableKey || name == kSlicesKey) continue;
    if (item.IsTensorLike()) {
      const PickleValue* listed = table != nullptr && table->IsDict() ? table->Find(name) : nullptr;
      const bool has_name = listed != nullptr && listed->Is(PickleKind::kStr);
      state.Set(name, tensor_of(name, item), has_name ? listed->AsText() : name_of(item));
    } else if (item.IsDict() && !item.entries().empty() &&
               std::all_of(item.entries().begin(), item.entries().end(),
                           [](const auto& e) { return e.second.IsTensorLike(); })) {
      for (const auto& [inner_key, inner] : item.entries()) {
        const std::string inner_name = name_of(inner).empty() ? inner_key.AsText() : name_of(inner);
        state.Set(inner_name, tensor_of(inner_name, inner));
      }
    } else {
      state.objects.emplace_back(name, item);
    }
  }
  return state;
}

void SaveStateDict(const StateDict& state, const std::string& path,
                   const SaveStateOptions& options) {
  SavePickle(ToPickle(state, options), path, {.protocol = options.protocol});
}

StateDict LoadStateDict(const std::string& path, bool verify_checksums, TensorMemory memory) {
  const auto file = OpenVerified(path, verify_checksums);
  const FileKind kind = DetectFile(file->bytes());
  switch (kind) {
    case FileKind::kSafetensors: return ParseSafetensors(file, memory);
    case FileKind::kZip: return ParseNpz(file);
    case FileKind::kPickle: return ToStateDict(LoadPickle(file), path);
    default: break;
  }
  InvalidArgument error(StrCat("cannot read \"", path, "\": its kind is ", ToString(kind), ", it holds no tensors by name"));
  error.AddContext("a state dict is a pickle (.pdparams, .pdopt), a .npz or a .safetensors file");
  throw error;
}

void AddProgramState(const Program& program, const StateDict& parameters, const StateDict& states,
                     const std::string& prefix, int protocol, AtomicFiles* files, ProgramFormat format) {
  const PickleForm form{.protocol = protocol};
  WritePickle(ToPickle(parameters, {.protocol = protocol}), form, &files->Add(prefix + ".pdparams"));
  // Paddle never slices this one.
  WritePickle(ToPickle(states), form, &files->Add(prefix + ".pdopt"));
  const bool json = format == ProgramFormat::kJson;
  files->Add(prefix + (json ? ".json" : ".pdmodel")).Write(json ? SerializeProgramJson(program) : SerializeProgram(program));
}

void SaveProgramState(const Program& program, const Scope& scope, const std::string& prefix,
                      const SaveProgramStateOptions& options) {
  CheckPrefix(prefix);
  const StateDict parameters = GetStateDict(program, scope, StateKind::kParameters);
  const StateDict states = GetStateDict(program, scope, StateKind::kOptimizer);
  AtomicFiles files;
  AddProgramState(program, parameters, states, prefix, options.protocol, &files, options.format);
  if (options.checksums) AddChecksums(prefix, &files);
  files.Commit();
}

LoadReport LoadProgramState(const Program& program, Scope& scope, const std::string& prefix,
                            const LoadOptions& options) {
  const std::string base = WithoutSuffix(prefix);
  StateDict state;
  if (IsFolder(base) && !IsFile(base + ".pdparams")) {
    for (const Variable* v : StateVariables(program, options.kind)) {
      const std::string path = VariablePath(base, v->name);
      if (!IsFile(path)) continue;
      Value value = ReadTensorFile(MappedFile::Open(path));
      if (Tensor* tensor = std::get_if<Tensor>(&value)) state.Set(v->name, std::move(*tensor));
    }
    return SetStateDict(program, scope, state, options);
  }
  const auto no_save_between = LockForReading(FolderOf(base));
  if (options.kind != StateKind::kOptimizer) state = LoadStateDict(base + ".pdparams", options.verify_checksums);
  if (options.kind != StateKind::kParameters) {
    // As Paddle: a program without such state leaves the file alone.
    if (!StateVariables(program, StateKind::kOptimizer).empty()) {
      for (const StateDict::Entry& entry : LoadStateDict(base + ".pdopt", options.verify_checksums)) {
        state.Set(entry.name, entry.tensor, entry.tensor_name);
      }
    }
  }
  return SetStateDict(program, scope, state, options);
}

void SaveProgram(const Program& program, const std::string& path) {
  WriteFile(path, path.ends_with(".json") ? SerializeProgramJson(program) : SerializeProgram(program));
}

std::unique_ptr<Program> LoadProgram(const std::string& path, bool verify_checksums) {
  const auto file = OpenVerified(path, verify_checksums);
  return ParseProgram(file->bytes(), path);
}

}  // namespace skiff::io
