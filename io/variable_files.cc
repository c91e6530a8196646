#include "io/variable_files.h"

#include <algorithm>
#include <filesystem>

#include "framework/base/printable.h"
#include "io/atomic_file.h"
#include "io/commit_journal.h"
#include "io/find_program.h"
#include "io/parameter_info.h"
#include "io/pickle_file.h"
#include "io/reader.h"

namespace skiff::io {

namespace {

std::string OneFile(const std::string& folder, const std::string& filename) {
  return folder.empty() ? filename : folder + "/" + filename;
}

// What jit.save writes beside the parameters: {variable: {"structured_name": str, ...}}.
StateDict WithStructuredNames(const StateDict& parameters, const PickleValue& info, const std::string& prefix) {
  StateDict named;
  for (const auto& [name, tensor, unused] : parameters) {
    const PickleValue* about = info.Find(name);
    const PickleValue* structured = about != nullptr && about->IsDict() ? about->Find("structured_name") : nullptr;
    const bool has_name = structured != nullptr && structured->Is(PickleKind::kStr);
    const std::string key = has_name ? structured->AsText() : name;
    SKIFF_ENFORCE(!named.Has(key), InvalidArgument, "\"", prefix, ".pdiparams.info\" gives two variables the name \"", key, "\"");
    named.Set(key, tensor, has_name ? name : "");
  }
  return named;
}

}  // namespace

void SaveVariables(const Scope& scope, const std::string& folder, const std::string& filename,
                   std::vector<std::string> names) {
  std::sort(names.begin(), names.end());
  AtomicFiles files;
  FileWriter* all = filename.empty() ? nullptr : &files.Add(OneFile(folder, filename));
  for (const std::string& name : names) {
    const Value* value = scope.FindVar(name);
    SKIFF_ENFORCE(value != nullptr, NotFound, "the variable \"", name, "\" is not in the scope; run the startup program first");
    const SelectedRows* rows = std::get_if<SelectedRows>(value);
    SKIFF_ENFORCE(rows == nullptr || all == nullptr, InvalidArgument, "the variable \"", name,
                  "\" holds SelectedRows, which need a file of their own; leave filename out");
    FileWriter& sink = all != nullptr ? *all : files.Add(VariablePath(folder, name));
    if (rows != nullptr) {
      WriteSelectedRows(*rows, &sink);
    } else {
      WriteTensor(scope.GetTensor(name), &sink);
    }
    if (all == nullptr) sink.Finish();  // so that no more than one file is open
  }
  files.Commit();
}

std::map<std::string, Value> LoadVariables(const std::string& folder, const std::string& filename,
                                           std::vector<std::string> names) {
  std::map<std::string, Value> values;
  if (filename.empty()) {
    const auto no_save_between = LockForReading(folder);
    for (const std::string& name : names) values[name] = ReadTensorFile(MappedFile::Open(VariablePath(folder, name)));
    return values;
  }
  const auto file = MappedFile::Open(OneFile(folder, filename));
  const std::vector<TensorEntry> entries = IndexTensors(file);
  SKIFF_ENFORCE(entries.size() == names.size(), InvalidArgument, "\"", file->name(), "\" holds ", entries.size(),
                " tensors, ", names.size(), " variables are wanted");
  std::sort(names.begin(), names.end());
  for (size_t i = 0; i < names.size(); ++i) values[names[i]] = MakeTensor(entries[i], file);
  return values;
}

void SetVariables(const Program& program, Scope& scope, const std::string& folder, const std::string& filename,
                  const std::vector<std::string>& names) {
  std::map<std::string, Value> values = LoadVariables(folder, filename, names);
  std::string differences;
  for (const Variable* v : program.ListVars()) {
    const auto found = values.find(v->name);
    const Tensor* tensor = found == values.end() ? nullptr : std::get_if<Tensor>(&found->second);
    if (tensor == nullptr || v->kind != VarKind::kLodTensor || Holds(program, *v, tensor->dtype(), tensor->shape())) continue;
    differences += StrCat(differences.empty() ? "" : "; ", v->name, " is ", tensor->dtype(), " ", tensor->shape(), " in the file, ", v->dtype,
                          " ", v->shape, " in the program");
  }
  if (!differences.empty()) {
    PreconditionNotMet error(StrCat("the variables in \"", filename.empty() ? folder : OneFile(folder, filename),
                                    "\" are not those of the program; nothing was loaded"));
    error.AddContext(differences);
    throw error;
  }
  for (auto& [name, value] : values) *scope.Var(name) = std::move(value);
}

std::map<std::string, Value> LoadVariableFolder(const std::string& folder, std::vector<std::string>* foreign,
                                                TensorMemory memory) {
  namespace fs = std::filesystem;
  if (!IsFolder(folder)) throw NoSuchFile(StrCat("there is no folder \"", folder, "\""));
  const auto no_save_between = LockForReading(folder);
  std::map<std::string, Value> values;
  std::error_code failure;
  for (fs::recursive_directory_iterator at(folder, failure), end; !failure && at != end; at.increment(failure)) {
    const fs::directory_entry& entry = *at;
    if (IsTemporaryName(entry.path().filename().string())) {  // what a killed save left
      at.disable_recursion_pending();
      continue;
    }
    std::error_code gone;
    if (!fs::is_regular_file(entry.symlink_status(gone)) || entry.path().filename() == ".skiff-commit") continue;
    const std::string name = entry.path().lexically_relative(folder).generic_string();
    if (!IsUtf8(AsBytes(name))) {
      SKIFF_ENFORCE(foreign != nullptr, InvalidArgument, "\"", folder, "\" has a file \"", name,
                    "\", which names no variable: it is no UTF-8");
      foreign->push_back(Printable(name));
      continue;
    }
    try {
      values[name] = ReadTensorFile(MappedFile::Open(entry.path().string()), memory);
    } catch (InvalidArgument& error) {
      if (foreign == nullptr) {
        error.AddContext(StrCat("\"", folder, "\" has no __model__, so that every file in it should be a variable; a model of Paddle 2 or "
                                "3 is named by its prefix"));
        throw;
      }
      foreign->push_back(name);
    }
  }
  SKIFF_ENFORCE(!failure, External, "cannot list the files of \"", folder, "\": ", failure.message());
  return values;
}

StateDict LoadModelState(const std::string& path, const LoadInferenceOptions& options) {
  const bool named = !options.model_filename.empty() || !options.params_filename.empty();
  const bool has_program = IsFile(path + "/__model__") || !FindProgramFile(path + "/__model__").path.empty() || !FindProgramFile(path).path.empty();
  if (!named && IsFolder(path) && !has_program) {
    StateDict state;
    for (auto& [name, value] : LoadVariableFolder(path, nullptr, options.memory)) {
      Tensor* tensor = std::get_if<Tensor>(&value);
      SKIFF_ENFORCE(tensor != nullptr, Unimplemented, "\"", path, "/", name, "\" holds SelectedRows; load that file alone");
      state.Set(name, std::move(*tensor));
    }
    SKIFF_ENFORCE(!state.empty(), InvalidArgument, "the folder \"", path, "\" has neither a __model__ nor files of variables");
    return state;
  }
  const StateDict parameters = LoadInferenceModel(path, options).parameters;
  const PickleValue info = LoadParameterInfo(path, options.verify_checksums);
  return info.IsDict() ? WithStructuredNames(parameters, info, path) : parameters;
}

}  // namespace skiff::io
