// skiff edit: other names, other ends, other shapes of inputs.
#include <gflags/gflags.h>

#include "framework/base/printable.h"
#include "io/convert.h"
#include "io/edit.h"
#include "tools/skiff/command.h"
#include "tools/skiff/facts.h"
#include "tools/skiff/model_files.h"
#include "tools/skiff/output.h"

DECLARE_bool(json);
DECLARE_string(rename);
DECLARE_string(cut);
DECLARE_string(from);
DECLARE_string(shape);

namespace skiff::tool {
namespace {

Json Described(const Program& program, const std::vector<std::string>& names) {
  Json list = Json::array();
  for (const std::string& name : names) {
    const Variable& v = program.global_block().Var(name);
    list.push_back({{"name", name}, {"dtype", ToString(v.dtype)}, {"shape", v.shape.ToVector()}});
  }
  return list;
}

void PrintNames(const char* title, const Program& program, const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    const Variable& v = program.global_block().Var(name);
    std::cout << "  " << title << PrintableLine(name) << "  " << v.dtype << ' ' << v.shape << '\n';
  }
}

ExitCode Edit(const std::vector<std::string>& arguments) {
  const auto [in, out] = TwoArguments(arguments, "IN and OUT");
  if (FLAGS_rename.empty() && FLAGS_cut.empty() && FLAGS_from.empty() && FLAGS_shape.empty()) {
    throw UsageError("nothing to do: --rename, --cut, --from and --shape say what");
  }
  for (const char* suffix : {".json", ".onnx"}) {
    if (out.ends_with(suffix)) throw UsageError(StrCat("OUT is \"", out, "\"; edit writes a .pdmodel, skiff convert other forms of it"));
  }
  const auto shapes = ShapesFlag(/*unknown_extents=*/true);
  std::vector<std::pair<std::string, std::string>> renamings;
  for (const std::string& text : Several(FLAGS_rename)) renamings.push_back(SplitAtEquals(text, "rename", "OLD=NEW"));

  io::InferenceModel model = OpenModelToWrite(in);
  const size_t before = model.program->global_block().ops().size();
  if (!FLAGS_cut.empty() || !FLAGS_from.empty()) model = io::CutModel(model, Several(FLAGS_from), Several(FLAGS_cut));
  if (!shapes.empty()) model.program = io::WithInputShapes(*model.program, shapes);
  for (const auto& [from, to] : renamings) io::RenameVariable(&model, from, to);
  const bool folder = io::IsFolder(out) || out.ends_with('/');
  io::WriteModel(model, folder ? out : WithoutSuffix(out), folder ? io::ModelLayout::kFolder : io::ModelLayout::kPrefix);

  const Program& program = *model.program;
  const size_t after = program.global_block().ops().size();
  if (FLAGS_json) {
    PrintJson({{"out", out}, {"operators_before", before}, {"operators_after", after}, {"parameters", model.parameters.size()},
               {"inputs", Described(program, model.feed_names)}, {"outputs", Described(program, model.fetch_names)}});
    return kOk;
  }
  std::cout << out << ": " << Count(after, "operator") << " of " << before << ", " << Count(model.parameters.size(), "parameter") << '\n';
  PrintNames("input   ", program, model.feed_names);
  PrintNames("output  ", program, model.fetch_names);
  return kOk;
}

}  // namespace

const Command kEdit = {
    "edit", "IN OUT --rename OLD=NEW ...", "rename variables, cut a model, set shapes of inputs",
    "Reads the model IN (a prefix, a .pdmodel, a folder of Paddle 1.x), changes it and writes OUT.pdmodel and OUT.pdiparams\n"
    "(or one file per variable where OUT is a folder). OUT may be IN. Edits are made in this order, each may be repeated:\n\n"
    "  --from VAR               the model starts at this variable: it becomes an input, what computed it goes\n"
    "  --cut VAR                the model ends at this variable: it becomes an output, what comes after goes\n"
    "  --shape NAME=1,3,8,8     shape of an input, -1 for an extent that any run may choose; the shapes of everything\n"
    "                           behind it are inferred anew\n"
    "  --rename OLD=NEW         a variable's name: everywhere, in inner blocks, parameters, inputs and outputs too\n"
    "  --json                   what the model is now, as JSON\n\n"
    "Nothing is written when an edit is not possible. `skiff show --dot` draws what there is to cut.\n"
    "example: skiff edit resnet50 features --cut flatten_0.tmp_0 --rename x=image\n",
    Edit};

}  // namespace skiff::tool
