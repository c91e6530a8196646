// skiff strip: a program without its author's paths and source lines.
#include <gflags/gflags.h>

#include "io/atomic_file.h"
#include "io/checksums.h"
#include "io/edit.h"
#include "io/program_file.h"
#include "tools/skiff/command.h"
#include "tools/skiff/facts.h"
#include "tools/skiff/model_files.h"
#include "tools/skiff/output.h"

DECLARE_bool(json);

namespace skiff::tool {
namespace {

// The other files of a model, compared with their checksums and written with the program, so that the new checksums are of
// all of them. What `in` does not have goes from `out`.
void CopyCompanions(const Program& program, const std::string& in, bool folder, const std::string& out, io::AtomicFiles* files) {
  const auto add = [&](const std::string& from, const std::string& to) {
    if (!io::IsFile(from)) return from == to ? void() : files->Remove(to);
    files->Add(to).Write(io::OpenVerified(from)->bytes());
  };
  if (folder) {
    if (in == out) return;  // without checksums
    add(in + "/__params__", out + "/__params__");
    for (const Variable* v : io::SavedVariables(program)) add(io::VariablePath(in, v->name), io::VariablePath(out, v->name));
  } else {
    for (const char* suffix : {".pdiparams", ".pdiparams.info", ".pdparams", ".pdopt"}) {
      add(WithoutSuffix(in) + suffix, WithoutSuffix(out) + suffix);
    }
  }
}

ExitCode Strip(const std::vector<std::string>& arguments) {
  const auto [in, out] = TwoArguments(arguments, "IN and OUT");
  for (const char* suffix : {".json", ".onnx", ".pdiparams", ".pdparams"}) {
    if (out.ends_with(suffix)) throw UsageError(StrCat("OUT is \"", out, "\"; strip writes a .pdmodel, skiff convert other forms of it"));
  }
  const std::string path = FindProgram(in);
  SKIFF_ENFORCE(FindFile(in).kind == io::FileKind::kProgram, InvalidArgument, "\"", path,
                "\" is a program in JSON; skiff convert makes a .pdmodel of it");
  const bool folder = FileName(path) == "__model__" && io::IsFolder(in);
  const std::string target = folder      ? out + "/__model__"
                             : in == out ? path
                             : path.ends_with(".pdmodel") ? WithoutSuffix(out) + ".pdmodel"
                                                          : out;
  const auto program = OpenProgram(path);
  const uint64_t before = io::MappedFile::Open(path)->bytes().size();
  const io::StrippedPaths stripped = io::StripCallstacks(program.get());
  const std::string bytes = io::SerializeProgram(*program);
  io::AtomicFiles files;
  files.Add(target).Write(bytes);
  CopyCompanions(*program, in, folder, out, &files);
  if (target.ends_with(".pdmodel")) io::AddChecksums(WithoutSuffix(target), &files);
  files.Commit();

  if (FLAGS_json) {
    PrintJson({{"in", path}, {"out", target}, {"bytes_before", before}, {"bytes_after", bytes.size()},
               {"operators", stripped.operators}, {"lines", stripped.lines}, {"files", stripped.files}});
    return kOk;
  }
  std::cout << target << ": " << BytesText(bytes.size()) << " of " << BytesText(before) << "; gone are " << Count(stripped.lines, "line")
            << " of " << Count(stripped.operators, "operator") << ", which named " << Count(stripped.files.size(), "file") << '\n';
  for (const std::string& file : stripped.files) std::cout << "  " << file << '\n';
  return kOk;
}

}  // namespace

const Command kStrip = {
    "strip", "IN OUT", "remove the author's paths and source lines",
    "Every operator that Paddle's Python builds carries the lines of source that built it (op_callstack): paths of the\n"
    "author's machine, names, code. IN is a prefix, a .pdmodel or a folder of Paddle 1.x; OUT is the same without those,\n"
    "other files of the model are copied beside it. OUT may be IN: the file is replaced whole or not at all. The model\n"
    "computes what it did.\n\n"
    "  --json   what went, as JSON\n\n"
    "example: skiff strip lenet lenet\n",
    Strip};

}  // namespace skiff::tool
