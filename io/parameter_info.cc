#include "io/parameter_info.h"

#include <set>
#include <string_view>

#include "io/checksums.h"
#include "io/pickle_file.h"

namespace skiff::io {

namespace {

std::string InfoPath(const std::string& prefix) { return prefix + ".pdiparams.info"; }

}  // namespace

PickleValue LoadParameterInfo(const std::string& prefix, bool verify_checksums) {
  const std::string path = InfoPath(prefix);
  if (!IsFile(path)) return {};
  PickleValue info = LoadPickle(OpenVerified(path, verify_checksums));
  SKIFF_ENFORCE(info.IsDict(), InvalidArgument, "\"", path, "\" should hold a dict, not ", ToString(info.kind()));
  return info;
}

void AddParameterInfo(const PickleValue& info, const std::vector<std::string>& names, const std::string& prefix, AtomicFiles* files) {
  const std::set<std::string_view> wanted(names.begin(), names.end());
  std::vector<PickleValue::Item> kept;
  for (const PickleValue::Item& item : info.IsDict() ? info.entries() : std::vector<PickleValue::Item>()) {
    if (item.first.Is(PickleKind::kStr) && wanted.contains(item.first.AsText())) kept.push_back(item);
  }
  if (kept.empty() || kept.size() != wanted.size()) return files->Remove(InfoPath(prefix));
  WritePickle(PickleValue::Dict(std::move(kept)), {.protocol = 2}, &files->Add(InfoPath(prefix)));
}

PickleValue WithRenamed(const PickleValue& info, const std::string& from, const std::string& to) {
  if (!info.IsDict()) return info;
  std::vector<PickleValue::Item> items = info.entries();
  for (PickleValue::Item& item : items) {
    if (item.first.Is(PickleKind::kStr) && item.first.AsText() == from) item.first = PickleValue::Str(to);
  }
  return PickleValue::Dict(std::move(items));
}

}  // namespace skiff::io
