// skiff convert: the same model or tensors in another format.
#include <gflags/gflags.h>

#include <algorithm>

#include "io/atomic_file.h"
#include "io/convert.h"
#include "io/npy.h"
#include "io/onnx/export.h"
#include "io/safetensors.h"
#include "tools/skiff/command.h"
#include "tools/skiff/model_files.h"
#include "tools/skiff/output.h"

DECLARE_bool(json);
DECLARE_bool(tensors_only);
DECLARE_int32(protocol);
DECLARE_string(program);
DECLARE_string(to);

namespace skiff::tool {
namespace {

// What is converted.
struct Source {
  std::string argument;
  Found found;

  // Tensors by name, and what else there is unless it may be left out.
  io::StateDict Tensors() const {
    io::StateDict state = OpenTensors(argument, FLAGS_program);
    if (FLAGS_tensors_only) state.objects.clear();
    return state;
  }
  // The program as it was read, with its parameters; or tensors together with the program of --program.
  io::InferenceModel Model() const {
    if (found.IsProgram()) return OpenModelToWrite(argument);
    if (FLAGS_program.empty()) {
      throw UsageError(StrCat("\"", argument, "\" holds tensors alone, a model needs a program too: --program MODEL names it"));
    }
    io::InferenceModel model;
    model.program = OpenProgram(FindProgram(FLAGS_program));
    model.parameters = io::ParametersFor(*model.program, Tensors(), argument);
    return model;
  }
};

void ToModel(const Source& source, const std::string& out) { io::WriteModel(source.Model(), WithoutSuffix(out)); }

void ToFolder(const Source& source, const std::string& out) { io::WriteModel(source.Model(), out, io::ModelLayout::kFolder); }
void ToCombinedFolder(const Source& source, const std::string& out) {
  io::WriteModel(source.Model(), out, io::ModelLayout::kCombinedFolder);
}

// A pickle of another protocol is the same tree; everything else becomes a state dict.
void ToPickle(const Source& source, const std::string& out) {
  if (FLAGS_protocol < 2 || FLAGS_protocol > 4) throw UsageError(StrCat("--protocol is ", FLAGS_protocol, "; wanted 2, 3 or 4"));
  if (source.found.kind == io::FileKind::kPickle && !FLAGS_tensors_only) {
    const io::PickleValue value = io::LoadPickle(source.found.path);
    const bool slices = FLAGS_protocol < 4 && value.IsDict();
    return io::SavePickle(slices ? io::SplitSlices(value) : value, out, {.protocol = FLAGS_protocol});
  }
  const io::StateDict state = source.Tensors();
  const bool named = std::any_of(state.begin(), state.end(), [](const auto& entry) { return !entry.tensor_name.empty(); });
  io::SaveStateDict(state, out, {.protocol = FLAGS_protocol, .name_table = named});
}

// Formats that hold tensors and little else.
void SaveTensors(const Source& source, const std::string& out, void (*save)(const io::StateDict&, const std::string&)) {
  const io::StateDict state = source.Tensors();
  try {
    save(state, out);
  } catch (InvalidArgument& error) {
    if (!state.objects.empty()) error.AddContext("--tensors_only leaves out what is no tensor");
    throw;
  }
}
void ToNpz(const Source& source, const std::string& out) { SaveTensors(source, out, io::SaveNpz); }
void ToSafetensors(const Source& source, const std::string& out) { SaveTensors(source, out, io::SaveSafetensors); }

// Tensors without names, in the order of the program's variables.
void ToParameters(const Source& source, const std::string& out) {
  const io::InferenceModel model = source.Model();
  SKIFF_ENFORCE(!model.parameters.empty(), InvalidArgument, "the program has no parameters, so there is nothing to write");
  io::AtomicFiles files;
  io::Sink& sink = files.Add(out);
  for (const auto& entry : model.parameters) io::WriteTensor(entry.tensor, &sink);
  files.Commit();
}

// As Paddle 3 keeps a model: path.json and path.pdiparams.
void ToJson(const Source& source, const std::string& out) {
  io::WriteModel(source.Model(), WithoutSuffix(out), io::ModelLayout::kJson);
}
void ToOnnx(const Source& source, const std::string& out) { io::ExportOnnx(source.Model(), out); }

// One row for each form that can be written.
struct Form {
  const char* name;    // of --to
  const char* suffix;  // of OUT; "" where the name says nothing
  void (*write)(const Source& source, const std::string& out);
};
constexpr Form kForms[] = {
    {"model", ".pdmodel", ToModel},         {"folder", "", ToFolder},        {"combined_folder", "", ToCombinedFolder},
    {"pdparams", ".pdparams", ToPickle},    {"pdopt", ".pdopt", ToPickle},   {"pkl", ".pkl", ToPickle},
    {"pdiparams", ".pdiparams", ToParameters}, {"npz", ".npz", ToNpz},       {"safetensors", ".safetensors", ToSafetensors},
    {"json", ".json", ToJson},              {"onnx", ".onnx", ToOnnx},
};

const Form& FormFor(const Source& source, const std::string& out) {
  std::vector<std::string> names;
  for (const Form& form : kForms) names.push_back(form.name);
  if (!FLAGS_to.empty()) {
    for (const Form& form : kForms) {
      if (FLAGS_to == form.name) return form;
    }
    throw UsageError(StrCat("--to is \"", FLAGS_to, "\"", Meant(FLAGS_to, names)));
  }
  for (const Form& form : kForms) {
    const std::string suffix = form.suffix;
    if (!suffix.empty() && out.size() > suffix.size() && out.ends_with(suffix)) return form;
  }
  const bool has_suffix = FileName(out).find('.') != std::string::npos;
  if (out.ends_with('/') || io::IsFolder(out)) return kForms[1];
  if (!has_suffix && (source.found.IsProgram() || !FLAGS_program.empty())) return kForms[0];
  std::string known;
  for (const std::string& name : names) known += (known.empty() ? "" : ", ") + name;
  throw UsageError(StrCat("\"", out, "\" does not say what it shall be; --to names it: ", known));
}

ExitCode Convert(const std::vector<std::string>& arguments) {
  const auto [in, out] = TwoArguments(arguments, "IN and OUT");
  const Source source{in, FindFile(in)};
  const Form& form = FormFor(source, out);
  form.write(source, out);
  if (FLAGS_json) {
    PrintJson({{"in", source.found.path}, {"kind", io::ToString(source.found.kind)}, {"out", out}, {"to", form.name}});
  } else {
    std::cout << source.found.path << " (" << io::ToString(source.found.kind) << ") -> " << out << " (" << form.name << ")\n";
  }
  return kOk;
}

}  // namespace

const Command kConvert = {
    "convert", "IN OUT", "the same model or tensors in another format",
    "Reads IN, whatever it is, and writes OUT in the format that its name says:\n"
    "  OUT.pdmodel, OUT       a model of Paddle 2.x: OUT.pdmodel and OUT.pdiparams\n"
    "  OUT/                   a model of Paddle 1.x: __model__ and one file per variable\n"
    "  OUT.pdparams, .pdopt   a state dict (a pickle)\n"
    "  OUT.npz, .safetensors  tensors by name\n"
    "  OUT.json               a model of Paddle 3: OUT.json and OUT.pdiparams; docs/pir_operators.md says which operators map\n"
    "  OUT.onnx               an inference model for other runtimes; docs/onnx_operators.md says which operators map\n"
    "  OUT.pdiparams          tensors in the order of a program's variables, without names\n"
    "A model can become each of them, tensors by name each other. Tensors become a model, or a .pdiparams, together with\n"
    "the program that --program names; they must be its parameters. Files are replaced whole or not at all.\n\n"
    "  --to FORM         where OUT's name says nothing: model, folder, combined_folder (one __params__), pdparams, pdopt,\n"
    "                    pkl, pdiparams, npz, safetensors, json, onnx\n"
    "  --program MODEL   the program that names the tensors of a .pdiparams, or that tensors shall belong to\n"
    "  --protocol N      of pickles: 2, 3 or 4 (the default)\n"
    "  --tensors_only    leave out what the format cannot hold: a scheduler's state, say\n"
    "  --json            say what was done as JSON\n\n"
    "bfloat16 is numpy's uint16 in .npz and in pickles, as in Paddle's files.\n"
    "example: skiff convert old_model_folder/ new_model\n"
    "         skiff convert net.pdparams net.safetensors\n",
    Convert};

}  // namespace skiff::tool
