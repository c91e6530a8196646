#include "io/find_program.h"

#include "framework/base/error.h"
#include "io/checksums.h"

namespace skiff::io {

namespace {

// Any JSON may lie beside a model.
bool IsProgramJson(const std::string& path) {
  constexpr size_t kMagicWithin = 1000;  // keys are sorted: "base_code" stands first
  return IsFile(path) && AsText(MappedFile::Open(path)->bytes()).substr(0, kMagicWithin).find("\"pir\"") != std::string_view::npos;
}

}  // namespace

ProgramFile FindProgramFile(const std::string& path) {
  if ((path.ends_with(".pdmodel") || path.ends_with(".json")) && IsFile(path)) return {path, ""};
  const std::string protobuf = path + ".pdmodel", json = path + ".json";
  if (!IsFile(protobuf)) return {IsFile(json) ? json : "", ""};
  if (!IsProgramJson(json)) return {protobuf, ""};
  const bool saved_protobuf = HasChecksum(protobuf);
  if (saved_protobuf != HasChecksum(json)) return {saved_protobuf ? protobuf : json, ""};
  return {json, protobuf};
}

std::string ToldOfTwoPrograms(const ProgramFile& found) {
  if (found.passed_over.empty()) return "";
  return StrCat("there are two programs, and no checksums that tell which was saved last: \"", found.path, "\" is read, as Paddle 3 does, and \"",
                found.passed_over, "\" is not; name the one that is meant, or delete the other");
}

}  // namespace skiff::io
