// skiff show: what is in a file.
#include <gflags/gflags.h>

#include <iomanip>

#include "framework/base/printable.h"
#include "io/mapped_file.h"
#include "io/pir/ir.h"
#include "tools/skiff/command.h"
#include "tools/skiff/show.h"

DECLARE_bool(json);
DECLARE_bool(dot);

namespace skiff::tool {
namespace {

Json ProgramJson(const ProgramFacts& facts) {
  Json types = Json::object();
  for (const auto& [name, type] : facts.types) {
    types[name] = {{"count", type.count}, {"flops", type.flops}, {"known", type.known}};
  }
  return {{"kind", "program"}, {"version", facts.version}, {"blocks", facts.blocks},
          {"variables", facts.variables}, {"operators", facts.operators},
          {"inputs", ToJson(facts.inputs)}, {"outputs", ToJson(facts.outputs)},
          {"parameters", ToJson(facts.parameters)},
          {"parameter_elements", facts.parameter_elements()},
          {"parameter_bytes", facts.parameter_bytes()}, {"operator_types", types}, {"flops", facts.flops},
          {"source_files", facts.source_files}};
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
  if (!facts.source_files.empty()) {
    std::cout << "  source      names " << Count(facts.source_files.size(), "file") << " of its author's, " << PrintableLine(facts.source_files[0])
              << (facts.source_files.size() > 1 ? ", ..." : "") << "; skiff strip removes that\n";
  }
  PrintVariables("inputs", facts.inputs);
  PrintVariables("outputs", facts.outputs);
  const std::string title = StrCat("parameters: ", facts.parameters.size(), " tensors, ",
                                   facts.parameter_elements(), " elements, ",
                                   BytesText(facts.parameter_bytes()));
  PrintVariables(title.c_str(), facts.parameters);
  std::cout << "operators\n";
  for (const auto& [name, type] : facts.types) {
    std::cout << "  " << std::right << std::setw(5) << type.count << "  " << PrintableLine(name)
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

// The file tells the version of its format, not that of Paddle.
int64_t PirVersion(const std::string& path) { return io::ParsePir(io::MappedFile::Open(path)->bytes(), path).version; }

void ShowProgram(const Found& found) {
  const std::string& path = found.path;
  const auto program = OpenProgram(path);
  if (FLAGS_dot) return PrintDot(*program);
  const uint64_t bytes = io::MappedFile::Open(path)->bytes().size();
  ProgramFacts facts = Gather(program.get(), ShapesFlag());
  if (found.kind == io::FileKind::kProgramJson) facts.version = StrCat("3 (PIR in JSON, version ", PirVersion(path), ")");
  if (FLAGS_json) {
    Json json = ProgramJson(facts);
    json["file"] = path;
    json["bytes"] = bytes;
    return PrintJson(json);
  }
  std::cout << path << ": program, " << BytesText(bytes) << '\n';
  PrintProgram(facts);
}

}  // namespace

ExitCode Show(const std::vector<std::string>& arguments) {
  const Found found = FindFile(OnlyArgument(arguments, "file"));
  if (FLAGS_dot && !found.IsProgram()) throw UsageError("--dot needs a program, say a .pdmodel");
  if (found.IsProgram()) {
    ShowProgram(found);
  } else {
    ShowValues(found);
  }
  return kOk;
}

const Command kShow = {
    "show", "FILE", "what is in a file",
    "Shows what is in FILE:\n"
    "  a program          .pdmodel, __model__        inputs, outputs, parameters, operators, FLOPs\n"
    "  tensors            .pdiparams, __params__,    names (from the program beside it), dtypes, shapes, LoD;\n"
    "                     one variable               rows of a table (SelectedRows)\n"
    "  pickled objects    .pdparams, .pdopt, .info   the tree of what is inside\n"
    "  arrays             .npy, .npz, .safetensors   names, dtypes, shapes, texts\n"
    "FILE may also be the prefix of a .pdmodel, or a folder of Paddle 1.x, with a __model__ or without. The kind is told from the content, never\n"
    "from the name. Nothing in the file is ever executed.\n\n"
    "  --json                 the same as JSON\n"
    "  --program MODEL        the program that names the tensors of a .pdiparams, where none stands beside it\n"
    "  --dot                  a program's graph for Graphviz: skiff show --dot lenet | dot -Tsvg > lenet.svg\n"
    "  --shape NAME=1,3,8,8   extents of an input, for FLOPs; -1 counts as 1 otherwise; may be repeated\n\n"
    "example: skiff show lenet.pdmodel\n",
    Show};

}  // namespace skiff::tool
