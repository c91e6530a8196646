// skiff show: what is in a file.
#include <gflags/gflags.h>

#include <cstdio>
#include <iomanip>
#include <iostream>
#include <nlohmann/json.hpp>

#include "io/pickle.h"
#include "io/program_file.h"
#include "tools/skiff/command.h"
#include "tools/skiff/facts.h"
#include "tools/skiff/model_files.h"

DECLARE_bool(json);
DECLARE_bool(dot);

namespace skiff::tool {
namespace {

using Json = nlohmann::ordered_json;

Json ToJson(const VariableFacts& variable) {
  return {{"name", variable.name}, {"dtype", ToString(variable.dtype)}, {"shape", variable.shape.ToVector()}};
}

Json ToJson(const std::vector<VariableFacts>& variables) {
  Json list = Json::array();
  for (const auto& variable : variables) list.push_back(ToJson(variable));
  return list;
}

Json ToJson(const ProgramFacts& facts) {
  Json types = Json::object();
  for (const auto& [name, type] : facts.types) {
    types[name] = {{"count", type.count}, {"flops", type.flops}, {"known", type.known}};
  }
  return {{"kind", "program"}, {"version", facts.version}, {"blocks", facts.blocks},
          {"variables", facts.variables}, {"operators", facts.operators},
          {"inputs", ToJson(facts.inputs)}, {"outputs", ToJson(facts.outputs)},
          {"parameters", ToJson(facts.parameters)},
          {"parameter_elements", facts.parameter_elements()},
          {"parameter_bytes", facts.parameter_bytes()}, {"operator_types", types}, {"flops", facts.flops}};
}

void PrintVariables(const char* title, const std::vector<VariableFacts>& variables) {
  size_t width = 0;
  for (const auto& variable : variables) width = std::max(width, variable.name.size());
  std::cout << title << '\n';
  for (const auto& variable : variables) {
    std::cout << "  " << std::left << std::setw(static_cast<int>(width) + 2) << variable.name
              << variable.dtype << ' ' << variable.shape << '\n';
  }
}

void PrintProgram(const ProgramFacts& facts) {
  std::cout << "  written by  Paddle " << facts.version << '\n'
            << "  blocks      " << facts.blocks << '\n'
            << "  variables   " << facts.variables << '\n'
            << "  operators   " << facts.operators << '\n';
  if (facts.flops > 0) {
    std::cout << "  FLOPs       " << CountText(facts.flops) << " for the inputs at these shapes, -1 taken as 1 "
              << "(convolutions, matrix products, recurrences)\n";
  }
  PrintVariables("inputs", facts.inputs);
  PrintVariables("outputs", facts.outputs);
  const std::string title = StrCat("parameters: ", facts.parameters.size(), " tensors, ",
                                   facts.parameter_elements(), " elements, ",
                                   BytesText(facts.parameter_bytes()));
  PrintVariables(title.c_str(), facts.parameters);
  std::cout << "operators\n";
  for (const auto& [name, type] : facts.types) {
    std::cout << "  " << std::right << std::setw(5) << type.count << "  " << name
              << (type.known ? "" : "   (skiff does not have it)") << '\n';
  }
}

std::string Quoted(const std::string& text) { return Json(text).dump(-1, ' ', false, Json::error_handler_t::replace); }

// Boxes are operators, ellipses variables; grey ones are parameters.
void PrintDot(const Program& program) {
  std::cout << "digraph program {\n  rankdir=TB;\n  node [fontname=\"sans-serif\"];\n";
  const Block& block = program.global_block();
  for (const auto& variable : block.vars()) {
    if (variable->kind != VarKind::kLodTensor) continue;
    std::cout << "  " << Quoted("v:" + variable->name) << " [label="
              << Quoted(StrCat(variable->name, "\n", variable->dtype, " ", variable->shape))
              << (variable->persistable ? ", style=filled, fillcolor=lightgrey" : "") << "];\n";
  }
  int index = 0;
  for (const auto& op : block.ops()) {
    if (op->type == "feed" || op->type == "fetch") continue;
    const std::string node = Quoted(StrCat("op:", index++));
    std::cout << "  " << node << " [shape=box, label=" << Quoted(op->type) << "];\n";
    for (const std::string& name : op->inputs.AllNames()) {
      std::cout << "  " << Quoted("v:" + name) << " -> " << node << ";\n";
    }
    for (const std::string& name : op->outputs.AllNames()) {
      std::cout << "  " << node << " -> " << Quoted("v:" + name) << ";\n";
    }
  }
  std::cout << "}\n";
}

void ShowProgram(const io::MappedFile& file) {
  const auto program = io::ParseProgram(file.bytes(), file.name());
  if (FLAGS_dot) return PrintDot(*program);
  const ProgramFacts facts = Gather(program.get(), ShapesFlag());
  if (FLAGS_json) {
    Json json = ToJson(facts);
    json["file"] = file.name();
    json["bytes"] = file.bytes().size();
    std::cout << json.dump(2, ' ', false, Json::error_handler_t::replace) << '\n';
    return;
  }
  std::cout << file.name() << ": program, " << BytesText(file.bytes().size()) << '\n';
  PrintProgram(facts);
}

void PrintTensors(const io::MappedFile& file, const char* kind, const std::vector<VariableFacts>& tensors,
                  const std::vector<std::pair<std::string, std::string>>& others) {
  uint64_t bytes = 0;
  for (const auto& tensor : tensors) bytes += tensor.bytes();
  if (FLAGS_json) {
    Json json = {{"kind", kind}, {"file", file.name()}, {"bytes", file.bytes().size()},
                 {"tensors", ToJson(tensors)}, {"tensor_bytes", bytes}};
    for (const auto& [name, text] : others) json["objects"][name] = text;
    std::cout << json.dump(2, ' ', false, Json::error_handler_t::replace) << '\n';
    return;
  }
  std::cout << file.name() << ": " << kind << ", " << BytesText(file.bytes().size()) << '\n';
  PrintVariables(StrCat("tensors: ", tensors.size(), ", ", BytesText(bytes)).c_str(), tensors);
  if (!others.empty()) std::cout << "other entries\n";
  for (const auto& [name, text] : others) std::cout << "  " << name << " = " << text << '\n';
}

// A file of tensors has no names; they stand in the program beside it.
void ShowTensors(const std::shared_ptr<const io::MappedFile>& file) {
  const auto entries = io::IndexTensors(file);
  std::string model = WithoutSuffix(file->name()) + ".pdmodel";
  if (!io::IsFile(model)) model = WithoutSuffix(file->name()) + ".json";
  std::vector<VariableFacts> tensors;
  std::unique_ptr<Program> program;
  std::vector<const Variable*> variables;
  if (model != file->name() && io::IsFile(model)) {
    program = io::LoadProgram(model);
    variables = io::SavedVariables(*program);
  }
  const bool named = variables.size() == entries.size();
  for (size_t i = 0; i < entries.size(); ++i) {
    tensors.push_back({named ? variables[i]->name : StrCat("tensor ", i), entries[i].dtype, entries[i].shape});
  }
  PrintTensors(*file, "tensors", tensors, {});
}

// Tensors of a pickle by their path: "model.fc.weight" for {"model": {"fc.weight": ...}}.
void Collect(const io::PickleValue& value, const std::string& path, std::vector<VariableFacts>* tensors,
             std::vector<std::pair<std::string, std::string>>* others) {
  const auto below = [&](const std::string& key) { return path.empty() ? key : path + "." + key; };
  if (value.IsTensorLike() && !value.Is(io::PickleKind::kTuple)) {
    tensors->push_back({path.empty() ? "(the object)" : path, value.tensor().dtype(), value.tensor().shape()});
  } else if (value.IsDict()) {
    for (const auto& [key, entry] : value.entries()) {
      if (key.Is(io::PickleKind::kStr) && key.AsText() == io::kNameTableKey) continue;
      Collect(entry, below(key.Is(io::PickleKind::kStr) ? key.AsText() : key.ToString()), tensors, others);
    }
  } else if (value.IsTensorLike()) {
    tensors->push_back({path.empty() ? "(the object)" : path, value.tensor().dtype(), value.tensor().shape()});
  } else if (value.Is(io::PickleKind::kList) || value.Is(io::PickleKind::kTuple)) {
    int index = 0;
    for (const auto& item : value.items()) Collect(item, below(std::to_string(index++)), tensors, others);
  } else {
    others->emplace_back(path.empty() ? "(the object)" : path, value.ToString());
  }
}

ExitCode Show(const std::vector<std::string>& arguments) {
  const std::string path = FindModelFile(OnlyArgument(arguments, "file"));
  const auto file = io::MappedFile::Open(path);
  const FileKind kind = KindOf(*file);
  if (FLAGS_dot && kind != FileKind::kProgram) throw UsageError("--dot needs a program, say a .pdmodel");
  switch (kind) {
    case FileKind::kProgram: ShowProgram(*file); break;
    case FileKind::kTensors: ShowTensors(file); break;
    case FileKind::kPickle: {
      std::vector<VariableFacts> tensors;
      std::vector<std::pair<std::string, std::string>> others;
      Collect(io::LoadPickle(path), "", &tensors, &others);
      PrintTensors(*file, "pickled objects", tensors, others);
      break;
    }
  }
  return kOk;
}

}  // namespace

const Command kShow = {
    "show", "FILE", "what is in a file: inputs, outputs, operators, parameters",
    "Shows what is in FILE: a program (.pdmodel, __model__), tensors (.pdiparams, __params__) or pickled\n"
    "objects (.pdparams, .pdopt, .pkl). FILE may also be the prefix of a .pdmodel or a folder with a\n"
    "__model__. The kind is told from the content. Nothing in the file is ever executed.\n\n"
    "  --json                 the same as JSON\n"
    "  --dot                  a program's graph for Graphviz: skiff show --dot lenet | dot -Tsvg > lenet.svg\n"
    "  --shape NAME=1,3,8,8   extents of an input, for FLOPs; -1 counts as 1 otherwise; may be repeated\n\n"
    "example: skiff show lenet.pdmodel\n",
    Show};

}  // namespace skiff::tool
