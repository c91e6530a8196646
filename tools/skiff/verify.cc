// skiff verify: whether a program and its parameters belong together, and whether skiff can run it.
#include <gflags/gflags.h>

#include <iostream>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "framework/op/op_def.h"
#include "framework/op/verify.h"
#include "io/inference_model.h"
#include "tools/skiff/command.h"
#include "tools/skiff/facts.h"
#include "tools/skiff/model_files.h"

DECLARE_bool(json);

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
  const auto file = io::MappedFile::Open(path);
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

// .pdparams and .pdopt: tensors by name.
void CheckState(const Program& program, const std::string& path, io::StateKind kind, Defects* defects) {
  const io::StateDict state = io::LoadStateDict(path);
  std::set<std::string> wanted;
  for (const Variable* variable : io::StateVariables(program, kind)) {
    wanted.insert(variable->name);
    const Tensor* tensor = state.Find(variable->name);
    if (tensor == nullptr) {
      defects->push_back(StrCat("\"", variable->name, "\" ", Text(*variable), " is not in ", path));
    } else if (tensor->dtype() != variable->dtype || tensor->shape() != variable->shape) {
      defects->push_back(StrCat("\"", variable->name, "\": the program wants ", Text(*variable), ", ", path,
                                " has ", tensor->dtype(), " ", tensor->shape()));
    }
  }
  for (const auto& entry : state) {
    if (!wanted.count(entry.name)) {
      defects->push_back(StrCat(path, " has \"", entry.name, "\", which the program does not"));
    }
  }
}

// What stands beside the program; a folder of Paddle 1.x is loaded whole.
void CheckParameters(const Program& program, const std::string& argument, Defects* defects) {
  const std::string prefix = WithoutSuffix(argument);
  if (io::IsFolder(argument)) {
    try {
      io::LoadInferenceModel(argument);
    } catch (const InvalidArgument& error) {
      defects->push_back(error.what());
    }
    return;
  }
  const bool inference = io::IsFile(prefix + ".pdiparams");
  const bool training = io::IsFile(prefix + ".pdparams");
  if (inference) CheckTensors(program, prefix + ".pdiparams", defects);
  if (!inference && training) {
    CheckState(program, prefix + ".pdparams", io::StateKind::kParameters, defects);
    if (io::IsFile(prefix + ".pdopt")) CheckState(program, prefix + ".pdopt", io::StateKind::kOptimizer, defects);
  }
  if (!inference && !training && !io::SavedVariables(program).empty()) {
    defects->push_back(StrCat("the program has ", io::SavedVariables(program).size(), " parameters, but there is no ",
                              prefix, ".pdiparams and no ", prefix, ".pdparams"));
  }
}

ExitCode Verify(const std::vector<std::string>& arguments) {
  const std::string& argument = OnlyArgument(arguments, "prefix");
  const std::string path = FindModelFile(argument);
  const auto program = io::LoadProgram(path);
  Defects defects;
  CheckOperators(*program, &defects);
  CheckGraph(*program, &defects);
  CheckParameters(*program, argument, &defects);
  if (FLAGS_json) {
    const nlohmann::ordered_json json = {{"file", path}, {"ok", defects.empty()}, {"defects", defects}};
    std::cout << json.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) << '\n';
  } else if (defects.empty()) {
    std::cout << path << ": program and parameters belong together, "
              << io::SavedVariables(*program).size() << " parameters; skiff has every operator\n";
  } else {
    std::cout << path << ": " << defects.size() << (defects.size() == 1 ? " defect\n" : " defects\n");
    for (const std::string& defect : defects) std::cout << "  " << defect << '\n';
  }
  return defects.empty() ? kOk : kNo;
}

}  // namespace

const Command kVerify = {
    "verify", "PREFIX", "do program and parameters belong together?",
    "Reads PREFIX.pdmodel and the parameters beside it (.pdiparams, or .pdparams and .pdopt; or a folder of\n"
    "Paddle 1.x) and lists every defect: operators skiff does not have, variables nothing fills, parameters\n"
    "that are missing, too many, or of another shape or dtype.\n\n"
    "  --json   the same as JSON\n\n"
    "exit codes: 0 they belong together, 1 they do not, 3 a file is damaged\n"
    "example: skiff verify lenet && echo ship it\n",
    Verify};

}  // namespace skiff::tool
