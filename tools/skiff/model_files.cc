#include "tools/skiff/model_files.h"

#include <algorithm>
#include <set>

#include "io/mapped_file.h"

namespace skiff::tool {

FileKind KindOf(const io::MappedFile& file) {
  const auto bytes = file.bytes();
  if (bytes.empty()) return FileKind::kTensors;
  if (bytes[0] == 0x80 && bytes.size() > 1 && bytes[1] >= 2 && bytes[1] <= 5) return FileKind::kPickle;
  if (bytes.size() >= 4 && std::all_of(bytes.begin(), bytes.begin() + 4, [](uint8_t c) { return c == 0; })) {
    return FileKind::kTensors;  // a stream begins with its version, 0, in 32 bits
  }
  return FileKind::kProgram;
}

std::string FindModelFile(const std::string& path) {
  if (io::IsFolder(path)) {
    SKIFF_ENFORCE(io::IsFile(path + "/__model__"), External, "folder \"", path,
                  "\" has no __model__; name a file of it");
    return path + "/__model__";
  }
  for (const char* suffix : {".pdmodel", ".json"}) {
    if (!io::IsFile(path) && io::IsFile(path + suffix)) return path + suffix;
  }
  SKIFF_ENFORCE(io::IsFile(path), External, "there is no file \"", path, "\" and no \"", path,
                ".pdmodel\"");
  return path;
}

std::string WithoutSuffix(const std::string& path) {
  for (const std::string suffix : {".pdmodel", ".pdiparams", ".pdparams", ".pdopt", ".json"}) {
    if (path.size() > suffix.size() && path.ends_with(suffix)) {
      return path.substr(0, path.size() - suffix.size());
    }
  }
  return path;
}

namespace {

bool HasOp(const Program& program, const char* type) {
  const auto& ops = program.global_block().ops();
  return std::any_of(ops.begin(), ops.end(), [&](const auto& op) { return op->type == type; });
}

void AddOnce(const std::string& name, std::vector<std::string>* names) {
  if (std::find(names->begin(), names->end(), name) == names->end()) names->push_back(name);
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

}  // namespace skiff::tool
