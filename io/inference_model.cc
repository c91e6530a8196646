#include "io/inference_model.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <map>

#include "io/atomic_file.h"
#include "io/checksums.h"
#include "io/commit_journal.h"
#include "io/find_program.h"
#include "io/parameter_info.h"
#include "io/program_file.h"

namespace skiff::io {

namespace {

std::vector<std::pair<const Variable*, const Tensor*>> ValuesOf(const Program& program,
                                                                const Scope& scope) {
  std::vector<std::pair<const Variable*, const Tensor*>> values;
  std::string without, spoiled;
  for (const Variable* v : SavedVariables(program)) {
    const Value* value = scope.FindVar(v->name);
    const Tensor* tensor = value == nullptr ? nullptr : std::get_if<Tensor>(value);
    if (tensor == nullptr || !tensor->is_initialized()) {
      without += StrCat(without.empty() ? "" : ", ", "\"", v->name, "\"");
    } else if (v->dtype != DType::kUndefined && tensor->dtype() != v->dtype) {
      spoiled += StrCat(spoiled.empty() ? "" : ", ", "\"", v->name, "\" is ", tensor->dtype(), ", declared ",
                        v->dtype);
    }
    values.emplace_back(v, tensor);
  }
  if (!without.empty() || !spoiled.empty()) {
    NotFound error("parameters of the program have no value that could be saved");
    if (!without.empty()) error.AddContext("not in the scope, or not initialised: " + without);
    if (!spoiled.empty()) error.AddContext("of another dtype: " + spoiled);
    error.AddContext("run the startup program, or load them, first");
    throw error;
  }
  return values;
}

// Declared -1 takes any extent; [] and [1] hold the same one element, and Paddle mixes them.
bool ShapeFits(const Shape& declared, const Shape& given) {
  auto one = [](const Shape& s) { return s.rank() == 0 || (s.rank() == 1 && s[0] == 1); };
  return (one(declared) && one(given)) || declared.Takes(given);
}

// Weights quantized after training are stored as integers, while the program still says float32.
bool OnlyDequantized(const Program& program, const std::string& name) {
  bool read = false;
  for (int i = 0; i < program.num_blocks(); ++i) {
    for (const auto& op : program.block(i).ops()) {
      if (!op->inputs.Mentions(name)) continue;
      if (op->type.find("dequantize") == std::string::npos) return false;
      read = true;
    }
  }
  return read;
}

std::string Describe(const Variable& v) { return StrCat(v.dtype, " ", v.shape); }

// One line per kind of difference, each naming every variable it is about.
class Differences {
 public:
  bool Compare(const Program& program, const Variable& v, const TensorEntry& entry) {
    if (Holds(program, v, entry.dtype, entry.shape)) return false;
    Add(&shapes_, StrCat(v.name, " is ", entry.ToString(), " in the file, ", Describe(v),
                         " in the program"));
    return true;
  }
  void AddCount(const std::string& text) { Add(&counts_, text); }
  void Throw(const std::string& what) const {
    if (counts_.empty() && shapes_.empty()) return;
    InvalidArgument error(StrCat("the parameters in \"", what,
                                 "\" are not those of the program; nothing was loaded"));
    error.AddContext(counts_);
    error.AddContext(shapes_);
    throw error;
  }

 private:
  static void Add(std::string* line, const std::string& text) {
    *line += (line->empty() ? "" : "; ") + text;
  }
  std::string counts_, shapes_;
};

// One LoDTensor file per variable.
StateDict ReadSeparateParameters(const Program& program, const std::string& folder,
                                 TensorMemory memory) {
  Differences differences;
  std::vector<std::pair<TensorEntry, std::shared_ptr<const MappedFile>>> entries;
  const std::vector<const Variable*> wanted = SavedVariables(program);
  for (const Variable* v : wanted) {
    const std::string path = VariablePath(folder, v->name);
    if (!IsFile(path)) {
      differences.AddCount(StrCat("no file of \"", v->name, "\""));
      continue;
    }
    const auto file = MappedFile::Open(path);
    Reader reader(file->bytes(), path);
    const TensorEntry entry = ReadTensorEntry(&reader);
    reader.ExpectEnd("LoDTensor");
    differences.Compare(program, *v, entry);
    entries.emplace_back(entry, file);
  }
  differences.Throw(folder);
  StateDict parameters;
  for (size_t i = 0; i < wanted.size(); ++i) {
    parameters.Set(wanted[i]->name, MakeTensor(entries[i].first, entries[i].second, memory));
  }
  return parameters;
}

// That of an earlier model; what is damaged will not be missed.
PickleValue OldParameterInfo(const std::string& prefix) {
  try {
    return LoadParameterInfo(prefix);
  } catch (const InvalidArgument&) {
    return {};
  }
}

InferenceModel FromProgram(std::unique_ptr<Program> program) {
  InferenceModel model;
  model.feed_names = FeedNames(*program);
  model.fetch_names = FetchNames(*program);
  model.program = std::move(program);
  return model;
}

std::unique_ptr<Program> ReadProgram(const std::shared_ptr<const MappedFile>& file) {
  return ParseProgram(file->bytes(), file->name());
}

// A name that begins with a slash is none of the folder's.
std::string InFolder(const std::string& folder, const std::string& name) {
  return name.starts_with('/') ? name : folder + "/" + name;
}

InferenceModel LoadFolder(const std::string& folder, const LoadInferenceOptions& options) {
  if (!IsFolder(folder)) throw NoSuchFile(StrCat("there is no folder \"", folder, "\""));
  const auto no_save_between = LockForReading(folder);
  const std::string name = options.model_filename.empty() ? "__model__" : options.model_filename;
  const std::string found = FindProgramFile(InFolder(folder, name)).path;
  InferenceModel model = FromProgram(ReadProgram(OpenVerified(found.empty() ? InFolder(folder, name) : found, options.verify_checksums)));
  std::string params = options.params_filename;
  if (params.empty() && IsFile(folder + "/__params__")) params = "__params__";
  if (params.empty()) {
    model.parameters = ReadSeparateParameters(*model.program, folder, options.memory);
  } else if (!SavedVariables(*model.program).empty()) {
    const std::string plain = InFolder(folder, params), with_suffix = plain + ".pdiparams";
    const auto file = OpenVerified(IsFile(with_suffix) ? with_suffix : plain, options.verify_checksums);
    model.parameters = ReadParameters(*model.program, file, options.memory);
  }
  return model;
}

// From here on the program says what its weights are.
InferenceModel WithStoredDTypes(InferenceModel model) {
  for (Variable* v : model.program->ListVars()) {
    const Tensor* stored = v->persistable ? model.parameters.Find(v->name) : nullptr;
    if (stored != nullptr && v->dtype != DType::kUndefined) v->dtype = stored->dtype();
  }
  return model;
}

}  // namespace

bool Holds(const Program& program, const Variable& v, DType dtype, const Shape& shape) {
  if (v.file_form && !v.file_form->has_tensor) return true;
  if (!ShapeFits(v.shape, shape)) return false;
  return v.dtype == DType::kUndefined || v.dtype == dtype ||
         (dtype == DType::kInt8 && OnlyDequantized(program, v.name));
}

std::vector<const Variable*> SavedVariables(const Program& program) {
  std::map<std::string, const Variable*> by_name;
  for (const Variable* v : program.ListVars()) {
    const bool holds_data = v->kind != VarKind::kFeedMinibatch && v->kind != VarKind::kFetchList &&
                            v->kind != VarKind::kReader && v->kind != VarKind::kRaw;
    if (v->persistable && holds_data) by_name.emplace(v->name, v);
  }
  std::vector<const Variable*> variables;
  for (const auto& [name, v] : by_name) variables.push_back(v);
  return variables;
}

std::unique_ptr<Program> InferenceProgram(const Program& program,
                                          const std::vector<std::string>& feeds,
                                          const std::vector<std::string>& fetches,
                                          const SaveInferenceOptions& options) {
  // Paddle 3 keeps what 2.x drops: whether a parameter is trained, seeds.
  if (options.format == ProgramFormat::kJson) return NormalizeProgram(program, feeds, fetches, /*scale_fetches=*/false);
  std::unique_ptr<Program> made = NormalizeProgram(program, feeds, fetches);
  if (options.clip_extra) ClipExtra(made.get());
  if (options.legacy_format) MakeLegacy(made.get());
  for (Variable* v : made->ListVars()) {
    v->is_parameter = false;
    v->stop_gradient = false;
    v->file_form->has_is_parameter = false;
    v->file_form->has_stop_gradient = false;
  }
  return made;
}

void SaveInferenceModel(const std::string& prefix, const std::vector<std::string>& feeds,
                        const std::vector<std::string>& fetches, const Program& program,
                        const Scope& scope, const SaveInferenceOptions& options) {
  SKIFF_ENFORCE(!prefix.empty() && prefix.back() != '/', InvalidArgument, "\"", prefix,
                "\" should be folder/prefix, not a folder");
  const std::unique_ptr<Program> made = InferenceProgram(program, feeds, fetches, options);
  const auto values = ValuesOf(*made, scope);
  std::vector<std::string> names;
  for (const auto& [v, tensor] : values) names.push_back(v->name);
  AtomicFiles files;
  if (!options.program_only && values.empty()) {
    files.Remove(prefix + ".pdiparams");
  } else if (!options.program_only) {
    Sink& sink = files.Add(prefix + ".pdiparams");
    for (const auto& [v, tensor] : values) WriteTensor(*tensor, &sink);
  }
  if (!options.program_only) AddParameterInfo(OldParameterInfo(prefix), names, prefix, &files);
  const bool json = options.format == ProgramFormat::kJson;
  files.Add(prefix + (json ? ".json" : ".pdmodel")).Write(json ? SerializeProgramJson(*made) : SerializeProgram(*made));
  if (options.checksums) AddChecksums(prefix, &files);
  files.Commit();
}

void InferenceModel::SetParameters(Scope* scope) const {
  for (const StateDict::Entry& entry : parameters) scope->SetTensor(entry.name, entry.tensor);
}

std::string SerializeParameters(const Program& program, const Scope& scope) {
  StringSink sink;
  for (const auto& [v, tensor] : ValuesOf(program, scope)) WriteTensor(*tensor, &sink);
  return sink.Take();
}

StateDict ReadParameters(const Program& program, const std::shared_ptr<const MappedFile>& file,
                         TensorMemory memory) {
  const std::vector<TensorEntry> entries = IndexTensors(file);
  const std::vector<const Variable*> wanted = SavedVariables(program);
  Differences differences;
  if (entries.size() != wanted.size()) {
    differences.AddCount(StrCat("the file holds ", entries.size(), " tensors, the program wants ",
                                wanted.size()));
  }
  for (size_t i = 0; i < entries.size() && i < wanted.size(); ++i) {
    const bool differs = differences.Compare(program, *wanted[i], entries[i]);
    // Names are given by position: behind a tensor too many or too few, each one would differ.
    if (differs && entries.size() != wanted.size()) break;
  }
  differences.Throw(file->name());
  StateDict parameters;
  for (size_t i = 0; i < wanted.size(); ++i) {
    parameters.Set(wanted[i]->name, MakeTensor(entries[i], file, memory));
  }
  return parameters;
}

InferenceModel LoadInferenceModel(const std::string& path, const LoadInferenceOptions& options) {
  const bool as_folder = !options.model_filename.empty() || !options.params_filename.empty();
  std::string prefix = path;
  for (const std::string_view suffix : {".pdmodel", ".json"}) {
    if (path.ends_with(suffix) && IsFile(path)) prefix = path.substr(0, path.size() - suffix.size());
  }
  const auto no_save_between = LockForReading(FolderOf(prefix));
  const std::string file = as_folder ? "" : FindProgramFile(path).path;
  if (as_folder || (IsFolder(path) && file.empty())) return WithStoredDTypes(LoadFolder(path, options));
  if (file.empty()) {
    const std::string folder = FolderOf(prefix);
    SKIFF_ENFORCE(::access(folder.c_str(), X_OK) == 0 || errno != EACCES, External, "cannot look into the folder \"", folder,
                  "\": ", std::strerror(errno));
    NoSuchFile error(StrCat("there is no \"", prefix, ".pdmodel\" and no \"", prefix, ".json\""));
    error.AddContext("give the prefix that save_inference_model was given, or a folder with __model__");
    throw error;
  }
  InferenceModel model = FromProgram(ReadProgram(OpenVerified(file, options.verify_checksums)));
  if (!SavedVariables(*model.program).empty()) {
    const auto parameters = OpenVerified(prefix + ".pdiparams", options.verify_checksums);
    model.parameters = ReadParameters(*model.program, parameters, options.memory);
  }
  return WithStoredDTypes(std::move(model));
}

InferenceModel ParseInferenceModel(std::string model_bytes, std::string params) {
  InferenceModel model =
      FromProgram(ReadProgram(MappedFile::FromMemory(std::move(model_bytes), "model in memory")));
  model.parameters = ReadParameters(
      *model.program, MappedFile::FromMemory(std::move(params), "parameters in memory"));
  return WithStoredDTypes(std::move(model));
}

PredictorModel ToPredictorModel(InferenceModel model) {
  PredictorModel result{std::move(model.program), std::move(model.feed_names),
                        std::move(model.fetch_names), {}};
  for (const auto& entry : model.parameters) result.parameters.emplace(entry.name, entry.tensor);
  return result;
}

Predictor LoadPredictor(const std::string& path, const PredictorOptions& options,
                        const LoadInferenceOptions& load) {
  return Predictor(ToPredictorModel(LoadInferenceModel(path, load)), options);
}

}  // namespace skiff::io
