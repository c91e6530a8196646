#include "tools/skiff/model_files.h"

#include <unistd.h>

#include <algorithm>
#include <iostream>
#include <map>
#include <random>
#include <set>

#include "io/commit_journal.h"
#include "io/convert.h"
#include "io/find_program.h"
#include "io/mapped_file.h"
#include "io/npy.h"
#include "io/parameter_info.h"
#include "io/variable_files.h"
#include "tools/skiff/command.h"

namespace skiff::tool {

namespace {

std::string KindOfFile(const std::string& path) {
  if (io::IsFolder(path)) return StrCat("folder \"", path, "\" has no __model__");
  return StrCat("\"", path, "\" is of the kind ", io::ToString(io::DetectFile(io::MappedFile::Open(path)->bytes())));
}

// The tensors of a combined file; their names are those of a program's variables, sorted.
io::StateDict NamedByProgram(const std::string& path, const std::string& program_argument) {
  const auto file = io::MappedFile::Open(path);
  const std::string program = program_argument.empty() ? ProgramBeside(path) : program_argument;
  if (!program.empty()) return io::ReadParameters(*OpenProgram(FindProgram(program)), file);
  Value value;
  try {
    value = io::ReadTensorFile(file);
  } catch (const InvalidArgument&) {
    io::IndexTensors(file);  // damage is told as such
    InvalidArgument error(StrCat("\"", path, "\" holds tensors without names"));
    error.AddContext("they are those of its program: --program MODEL names it");
    throw error;
  }
  const Tensor* tensor = std::get_if<Tensor>(&value);
  SKIFF_ENFORCE(tensor != nullptr, InvalidArgument, "\"", path, "\" holds rows of a table (SelectedRows), no tensor");
  return {{FileName(path), *tensor}};
}

}  // namespace

Found FindFile(const std::string& argument) {
  std::string path = argument;
  const std::string in_folder = argument + (argument.ends_with('/') ? "__model__" : "/__model__");
  const std::string newer = io::FindProgramFile(in_folder).path;  // Paddle 3 calls it __model__.json
  if (io::IsFolder(argument) && (!newer.empty() || io::IsFile(in_folder))) {
    path = newer.empty() ? in_folder : newer;
  } else if (!io::IsFile(argument)) {
    const io::ProgramFile program = io::FindProgramFile(argument);
    path = program.path.empty() && io::IsFile(argument + ".pdparams") ? argument + ".pdparams" : program.path;
    static std::set<std::string> told;  // commands look more than once
    const std::string two = io::ToldOfTwoPrograms(program);
    if (!two.empty() && told.insert(two).second) std::cerr << two << '\n';
    if (path.empty() && io::IsFolder(argument)) return {argument, io::FileKind::kTensors};
    SKIFF_ENFORCE(!path.empty() || ::access(argument.c_str(), F_OK) != 0, External, "\"", argument, "\" is a pipe or device, no file");
    SKIFF_ENFORCE(!path.empty(), External, "there is no file \"", argument, "\" and no \"", argument, ".pdmodel\"");
  }
  return {path, io::DetectFile(io::MappedFile::Open(path)->bytes())};
}

bool IsProgramOfFolder(const std::string& path) {
  const std::string name = FileName(path);
  return name == "__model__" || (name == "__model__.json" && !io::IsFile(WithoutSuffix(path) + ".pdiparams"));
}

std::string ProgramBeside(const std::string& path) {
  const std::string found = io::FindProgramFile(WithoutSuffix(path)).path;
  if (!found.empty() && found != path) return found;
  const std::string program = path.substr(0, path.size() - FileName(path).size()) + "__model__";
  return program != path && io::IsFile(program) ? program : "";
}

std::string FindProgram(const std::string& argument) {
  const Found found = FindFile(argument);
  SKIFF_ENFORCE(found.IsProgram(), InvalidArgument, KindOfFile(found.path), ", a program is wanted");
  return found.path;
}

std::unique_ptr<Program> OpenProgram(const std::string& path) { return io::LoadProgram(path); }

io::InferenceModel OpenModel(const std::string& given) {
  const std::string program = FindProgram(given);
  const std::string argument = IsProgramOfFolder(program) ? io::FolderOf(program) : given;
  // Views of the files: nothing here writes to a parameter, and a file that is replaced keeps its old content for them.
  const io::LoadInferenceOptions options{.memory = io::TensorMemory::kShared};
  if (io::IsFolder(argument)) return io::LoadInferenceModel(argument, options);
  const std::string prefix = WithoutSuffix(argument);
  try {
    return io::LoadInferenceModel(program, options);
  } catch (External& error) {
    if (io::IsFile(prefix + ".pdparams")) error.AddContext("it was saved for training (.pdparams); save_inference_model makes a model of it");
    throw;
  }
}

io::InferenceModel OpenModelToWrite(const std::string& argument) {
  const std::string program = FindProgram(argument);
  const auto no_save_between = io::LockForReading(io::FolderOf(program));
  io::InferenceModel model = OpenModel(argument);
  model.program = OpenProgram(program);
  if (!io::IsFolder(argument)) model.parameter_info = io::LoadParameterInfo(WithoutSuffix(argument));
  return model;
}

bool HasParameters(const std::string& argument) {
  const std::string program = FindProgram(argument);
  if (IsProgramOfFolder(program)) return true;
  return io::IsFile(WithoutSuffix(argument) + ".pdiparams") || io::SavedVariables(*OpenProgram(program)).empty();
}

io::StateDict OpenTensors(const std::string& argument, const std::string& program) {
  const Found found = FindFile(argument);
  switch (found.kind) {
    case io::FileKind::kPickle:
    case io::FileKind::kZip:
    case io::FileKind::kSafetensors: return io::LoadStateDict(found.path, true, io::TensorMemory::kShared);
    case io::FileKind::kNpy: return {{FileName(found.path), io::LoadNpy(found.path)}};
    case io::FileKind::kTensors:
      if (io::IsFolder(found.path)) return io::LoadModelState(found.path, {.memory = io::TensorMemory::kShared});
      return NamedByProgram(found.path, program);
    case io::FileKind::kProgram:
    case io::FileKind::kProgramJson: return OpenModel(argument).parameters;
    case io::FileKind::kEmpty:
    case io::FileKind::kUnknown: break;
  }
  throw InvalidArgument(StrCat(KindOfFile(found.path), ", tensors are wanted"));
}

std::string WithoutSuffix(const std::string& path) {
  for (const std::string suffix : {".pdmodel", ".json", ".pdiparams", ".pdparams", ".pdopt"}) {
    if (path.size() > suffix.size() && path.ends_with(suffix)) {
      return path.substr(0, path.size() - suffix.size());
    }
  }
  return path;
}

std::string FileName(const std::string& path) { return path.substr(path.rfind('/') + 1); }

namespace {

bool HasOp(const Program& program, const char* type) {
  const auto& ops = program.global_block().ops();
  return std::any_of(ops.begin(), ops.end(), [&](const auto& op) { return op->type == type; });
}

void AddOnce(const std::string& name, std::vector<std::string>* names) {
  if (std::find(names->begin(), names->end(), name) == names->end()) names->push_back(name);
}

template <typename T, typename Draw>
Tensor Filled(const Shape& shape, Draw draw) {
  Tensor tensor(shape, kDTypeOf<T>);
  T* data = tensor.data<T>();
  std::generate(data, data + tensor.num_elements(), draw);
  return tensor;
}

Tensor RandomTensor(const std::string& name, const Shape& shape, DType dtype, std::mt19937* random) {
  const auto real = [&] { return std::uniform_real_distribution<double>(-1, 1)(*random); };
  const auto bit = [&] { return (*random)() & 1; };
  switch (dtype) {
    case DType::kFloat32: return Filled<float>(shape, real);
    case DType::kFloat64: return Filled<double>(shape, real);
    case DType::kFloat16: return Filled<Float16>(shape, [&] { return ToFloat16(static_cast<float>(real())); });
    case DType::kBFloat16: return Filled<BFloat16>(shape, [&] { return ToBFloat16(static_cast<float>(real())); });
    case DType::kInt64: return Filled<int64_t>(shape, bit);
    case DType::kInt32: return Filled<int32_t>(shape, bit);
    case DType::kUInt8: return Filled<uint8_t>(shape, bit);
    case DType::kBool: return Filled<bool>(shape, bit);
    default: throw Unimplemented(StrCat("input \"", name, "\" is ", dtype, ", which cannot be drawn; give it with --input"));
  }
}

}  // namespace

std::vector<std::string> InputsOf(const Program& program) {
  if (HasOp(program, "feed")) return io::FeedNames(program);
  std::vector<std::string> names;
  std::set<std::string> written;
  const Block& block = program.global_block();
  for (const auto& op : block.ops()) {
    for (const std::string& name : op->inputs.AllNames()) {
      const auto variable = block.FindVar(name);
      if (!written.count(name) && variable && !variable->persistable) AddOnce(name, &names);
    }
    for (const std::string& name : op->outputs.AllNames()) written.insert(name);
  }
  return names;
}

std::vector<std::string> OutputsOf(const Program& program) {
  if (HasOp(program, "fetch")) return io::FetchNames(program);
  std::vector<std::string> names;
  std::set<std::string> read;
  const Block& block = program.global_block();
  for (const auto& op : block.ops()) {
    for (const std::string& name : op->inputs.AllNames()) read.insert(name);
  }
  for (const auto& op : block.ops()) {
    for (const std::string& name : op->outputs.AllNames()) {
      const auto variable = block.FindVar(name);
      if (!read.count(name) && variable && !variable->persistable) AddOnce(name, &names);
    }
  }
  return names;
}

std::vector<Tensor> RandomInputs(const std::vector<std::string>& names, const std::vector<TensorMeta>& metas, uint32_t seed) {
  std::map<std::string, Shape> given;
  for (const auto& [name, shape] : ShapesFlag()) {
    if (std::find(names.begin(), names.end(), name) == names.end()) {
      throw UsageError(StrCat("--shape names \"", name, "\", which is no input", Meant(name, names)));
    }
    given[name] = shape;
  }
  std::mt19937 random(seed);
  std::vector<Tensor> inputs;
  for (size_t i = 0; i < names.size(); ++i) {
    Shape shape = given.count(names[i]) ? given[names[i]] : metas[i].shape;
    for (int axis = 0; axis < shape.rank(); ++axis) {
      if (shape[axis] < 0) shape[axis] = 1;
    }
    Tensor input = RandomTensor(names[i], shape, metas[i].dtype, &random);
    LoD lod(static_cast<size_t>(shape.empty() ? 0 : metas[i].lod_level), {0, 1});  // one sequence of all rows
    if (!lod.empty()) lod.back() = {0, static_cast<uint64_t>(shape[0])};
    input.set_lod(std::move(lod));
    inputs.push_back(std::move(input));
  }
  return inputs;
}

Tensor LoadArray(const std::string& file) {
  const size_t colon = file.rfind(".npz:");
  if (colon == std::string::npos) return io::LoadNpy(file);
  const std::string archive = file.substr(0, colon + 4), key = file.substr(colon + 5);
  const io::StateDict arrays = io::LoadNpz(archive);
  const Tensor* found = arrays.Find(key);
  SKIFF_ENFORCE(found != nullptr, NotFound, "\"", archive, "\" has no array \"", key, "\"",
                Meant(key, arrays.Names()));
  return *found;
}

}  // namespace skiff::tool
