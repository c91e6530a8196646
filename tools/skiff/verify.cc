// skiff verify: whether a program and its parameters belong together, and whether skiff can run it.
#include <gflags/gflags.h>

#include <map>
#include <set>

#include "framework/op/op_def.h"
#include "framework/op/verify.h"
#include "io/checksums.h"
#include "io/commit_journal.h"
#include "io/convert.h"
#include "io/inference_model.h"
#include "io/npy.h"
#include "tools/skiff/command.h"
#include "tools/skiff/model_files.h"
#include "tools/skiff/output.h"

DECLARE_bool(json);
DECLARE_string(program);

namespace skiff::tool {
namespace {

using Defects = std::vector<std::string>;

std::string Text(const Variable& variable) { return StrCat(variable.dtype, " ", variable.shape); }

void CheckOperators(const Program& program, Defects* defects) {
  struct Missing {
    int count = 0;
    std::string first;
  };
  std::map<std::string, Missing> missing;
  for (int i = 0; i < program.num_blocks(); ++i) {
    int position = -1;
    for (const auto& op : program.block(i).ops()) {
      ++position;
      if (op->type == "feed" || op->type == "fetch" || FindOp(op->type) != nullptr) continue;
      if (missing[op->type].count++ == 0) missing[op->type].first = StrCat("block ", i, " op ", position);
    }
  }
  for (const auto& [type, where] : missing) {
    defects->push_back(StrCat("operator ", type, " (", where.count, " of them, first ", where.first,
                              ") is not in skiff"));
  }
}

// Everything else the verifier of programs finds: slots, attributes, variables, blocks.
void CheckGraph(const Program& program, Defects* defects) {
  for (const Defect& defect : FindDefects(program)) {
    if (defect.kind != Defect::kUnknownOp) defects->push_back(defect.text);
  }
  try {
    for (const std::string& name : InputsOf(program)) program.global_block().Var(name);
    for (const std::string& name : OutputsOf(program)) program.global_block().Var(name);
  } catch (const Error& error) {
    defects->push_back(error.headline());
  }
}

// .pdiparams: tensors without names, in the order of the program's variables sorted by name.
void CheckTensors(const Program& program, const std::string& path, Defects* defects) {
  const auto file = io::OpenVerified(path);
  const auto entries = io::IndexTensors(file);
  const auto variables = io::SavedVariables(program);
  if (entries.size() != variables.size()) {
    defects->push_back(StrCat(path, " holds ", entries.size(), " tensors, the program wants ", variables.size()));
  }
  for (size_t i = 0; i < std::min(entries.size(), variables.size()); ++i) {
    const Variable& wanted = *variables[i];
    if (io::Holds(program, wanted, entries[i].dtype, entries[i].shape)) continue;
    defects->push_back(StrCat("\"", wanted.name, "\": the program wants ", Text(wanted), ", ", path, " has ",
                              entries[i].ToString()));
  }
  for (size_t i = entries.size(); i < variables.size(); ++i) {
    defects->push_back(StrCat("\"", variables[i]->name, "\" ", Text(*variables[i]), " is not in ", path));
  }
}

// The only value of a file, or an uninitialised tensor where there are several.
Value ReadValue(const std::shared_ptr<const io::MappedFile>& file) {
  try {
    return io::ReadTensorFile(file, io::TensorMemory::kShared);
  } catch (const InvalidArgument&) {
    return Tensor();
  }
}

// Tensors by name. Those of an inference program are all parameters; of others, an optimizer's stand in a file of their own.
void CheckState(const Program& program, const std::string& path, Defects* defects) {
  const io::StateDict state = io::LoadStateDict(path, true, io::TensorMemory::kShared);
  std::map<std::string, const Tensor*> held;
  std::set<std::string> known;
  for (const Variable* variable : io::StateVariables(program, io::StateKind::kAll)) known.insert(variable->name);
  for (const auto& entry : state) {
    const std::string& name = known.count(entry.name) || !known.count(entry.tensor_name) ? entry.name : entry.tensor_name;
    held[name] = &entry.tensor;
    if (!known.count(name)) defects->push_back(StrCat(path, " has \"", name, "\", which the program does not"));
  }
  io::StateKind kind = path.ends_with(".pdopt") ? io::StateKind::kOptimizer : io::StateKind::kParameters;
  if (program.AllParameters().empty()) kind = io::StateKind::kAll;
  for (const Variable* variable : io::StateVariables(program, kind)) {
    const auto found = held.find(variable->name);
    if (found == held.end()) {
      defects->push_back(StrCat("\"", variable->name, "\" ", Text(*variable), " is not in ", path));
    } else if (!io::Holds(program, *variable, found->second->dtype(), found->second->shape())) {
      defects->push_back(StrCat("\"", variable->name, "\": the program wants ", Text(*variable), ", ", path, " has ",
                                found->second->dtype(), " ", found->second->shape()));
    }
  }
}

// What stands beside the program; a folder of Paddle 1.x is loaded whole.
void CheckParameters(const Program& program, const Found& found, Defects* defects) {
  const std::string prefix = WithoutSuffix(found.path);
  if (IsProgramOfFolder(found.path)) {
    io::LoadInferenceModel(io::FolderOf(found.path));
    return;
  }
  const bool inference = io::IsFile(prefix + ".pdiparams");
  const bool training = io::IsFile(prefix + ".pdparams");
  if (inference) CheckTensors(program, prefix + ".pdiparams", defects);
  if (!inference && training) {
    CheckState(program, prefix + ".pdparams", defects);
    if (io::IsFile(prefix + ".pdopt")) CheckState(program, prefix + ".pdopt", defects);
  }
  if (!inference && !training && !io::SavedVariables(program).empty()) {
    defects->push_back(StrCat("the program has ", Count(io::SavedVariables(program).size(), "parameter"), ", but there is no ",
                              prefix, ".pdiparams and no ", prefix, ".pdparams"));
  }
}

// What is said of files that are sound.
std::string CheckProgram(const Found& found, Defects* defects) {
  const auto program = OpenProgram(found.path);
  CheckOperators(*program, defects);
  CheckGraph(*program, defects);
  CheckParameters(*program, found, defects);
  return StrCat("program and parameters belong together, ", Count(io::SavedVariables(*program).size(), "parameter"),
                "; skiff has every operator");
}

std::string CheckValues(const Found& found, Defects* defects) {
  const std::string model = FLAGS_program.empty() ? ProgramBeside(found.path) : FLAGS_program;
  const auto program = model.empty() ? nullptr : OpenProgram(FindProgram(model));
  const std::string together = program == nullptr ? "" : StrCat("; it belongs to ", model);
  if (io::IsFolder(found.path)) {
    const io::StateDict state = OpenTensors(found.path);
    if (program != nullptr) io::ParametersFor(*program, state, found.path);
    return StrCat("whole, ", Count(state.size(), "variable"), together);
  }
  if (found.kind == io::FileKind::kEmpty && program == nullptr) defects->push_back("the file is empty");
  switch (found.kind) {
    case io::FileKind::kTensors:
    case io::FileKind::kEmpty:
      if (program == nullptr) {
        const auto file = io::OpenVerified(found.path);
        if (!std::holds_alternative<SelectedRows>(ReadValue(file))) return StrCat("whole, ", Count(io::IndexTensors(file).size(), "tensor"));
        return "whole, rows of a table";
      }
      CheckTensors(*program, found.path, defects);
      return "whole" + together;
    case io::FileKind::kPickle:
      if (program == nullptr) return StrCat("whole, a pickled ", ToString(io::LoadPickle(found.path).kind()));
      break;
    case io::FileKind::kNpy: return StrCat("whole, an array ", io::LoadNpy(found.path).shape());
    case io::FileKind::kZip:
    case io::FileKind::kSafetensors:
      if (program == nullptr) return StrCat("whole, ", Count(io::LoadStateDict(found.path).size(), "tensor"));
      break;
    default: throw InvalidArgument(StrCat("\"", found.path, "\" is no file that skiff knows"));
  }
  CheckState(*program, found.path, defects);
  return "whole" + together;
}

ExitCode Verify(const std::vector<std::string>& arguments) {
  const std::string& argument = OnlyArgument(arguments, "file or prefix");
  const Found found = FindFile(argument);
  Defects defects;
  std::string verdict;
  try {
    verdict = found.IsProgram() ? CheckProgram(found, &defects) : CheckValues(found, &defects);
  } catch (const External&) {  // it cannot be read
    throw;
  } catch (const Error& error) {
    defects.push_back(error.what());  // damaged, past a limit, of a kind that skiff does not have: that is an answer
  }
  if (FLAGS_json) {
    PrintJson({{"file", found.path}, {"kind", io::ToString(found.kind)}, {"ok", defects.empty()}, {"defects", defects}});
  } else if (defects.empty()) {
    std::cout << found.path << ": " << verdict << '\n';
  } else {
    std::cout << found.path << ": " << Count(defects.size(), "defect") << '\n';
    for (const std::string& defect : defects) std::cout << "  " << defect << '\n';  // errors have several lines
  }
  return defects.empty() ? kOk : kNo;
}

}  // namespace

const Command kVerify = {
    "verify", "FILE", "is a file whole, do program and parameters belong together?",
    "Reads FILE to its last byte and lists every defect.\n\n"
    "A program (PREFIX, PREFIX.pdmodel, a folder of Paddle 1.x) is checked with the parameters beside it (.pdiparams, or\n"
    ".pdparams and .pdopt): operators skiff does not have, variables nothing fills, parameters that are missing, too\n"
    "many, or of another shape or dtype. Other files, all that `skiff show` knows, are checked by themselves, and against\n"
    "the program beside them.\n\n"
    "  --program MODEL   the program that a file of tensors must belong to\n"
    "  --json            the same as JSON\n\n"
    "exit codes: 0 no defect, 1 defects, damage among them, 2 there is no such file\n"
    "example: skiff verify lenet && echo ship it\n",
    Verify};

}  // namespace skiff::tool
