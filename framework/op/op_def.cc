#include "framework/op/op_def.h"

#include <algorithm>
#include <map>
#include <memory>
#include <mutex>

#include "framework/op/registration.h"

namespace skiff {

namespace {

// Operators register while libraries load, and user libraries may load while others look things up.
struct Registry {
  std::mutex mutex;
  std::map<std::string, std::unique_ptr<OpDef>> ops;
  std::map<std::string, std::string> library_of;  // operators that are not skiff's own
  std::string loading;                            // the library that registers now; "" for skiff itself
  std::map<std::string, std::unique_ptr<OpDef>> refused;  // what that library would define again

  const std::string& Owner(const std::string& type) const {
    static const std::string skiff;
    const auto found = library_of.find(type);
    return found == library_of.end() ? skiff : found->second;
  }
};

Registry& TheRegistry() {
  static auto* registry = new Registry;
  return *registry;
}

template <typename Defs>
auto FindByName(const Defs& defs, const std::string& name) -> decltype(defs.data()) {
  for (const auto& def : defs) {
    if (def.name == name) return &def;
  }
  return nullptr;
}

// `value` as the alternative that `like` holds.
Attribute CoerceTo(const Attribute& like, const Attribute& value, const std::string& what) {
  return std::visit(
      [&](const auto& kind) -> Attribute {
        std::decay_t<decltype(kind)> converted{};
        SKIFF_ENFORCE(Coerce(value, &converted), InvalidType, what, " is ", KindName(value), " ",
                      ToString(value), ", the operator wants ", KindName(like));
        return converted;
      },
      like);
}

std::string DTypeList(const OpDef& def, PlaceKind place) {
  std::vector<std::string> names;
  for (const KernelEntry& k : def.kernels) {
    if (k.place != place) continue;
    const std::string name = k.dtype == DType::kUndefined ? "any dtype" : ToString(k.dtype);
    if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
  }
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

}  // namespace

const SlotDef* OpDef::FindInput(const std::string& slot) const { return FindByName(inputs, slot); }
const SlotDef* OpDef::FindOutput(const std::string& slot) const { return FindByName(outputs, slot); }
const AttrDef* OpDef::FindAttr(const std::string& name) const { return FindByName(attrs, name); }

Attrs OpDef::Complete(const Attrs& given) const {
  Attrs complete;
  for (const AttrDef& def : attrs) {
    const Attribute* found = given.Find(def.name);
    SKIFF_ENFORCE(found != nullptr || !def.required, InvalidArgument, type, ": attribute \"",
                  def.name, "\" (", KindName(def.default_value), ") is missing and has no default");
    if (found == nullptr) {
      complete.Set(def.name, def.default_value);
    } else if (found->index() == def.default_value.index()) {
      complete.Set(def.name, *found);
    } else if (std::holds_alternative<VarRef>(*found) ||
               std::holds_alternative<std::vector<VarRef>>(*found)) {
      complete.Set(def.name, *found);  // given as a variable: whoever reads it resolves it
    } else {
      complete.Set(def.name,
                   CoerceTo(def.default_value, *found, type + ": attribute \"" + def.name + "\""));
    }
  }
  return complete;
}

const OpDef* FindOp(const std::string& type) {
  Registry& registry = TheRegistry();
  std::lock_guard lock(registry.mutex);
  const auto found = registry.ops.find(type);
  return found == registry.ops.end() || !found->second->has_schema ? nullptr : found->second.get();
}

const OpDef& GetOp(const std::string& type) {
  if (const OpDef* def = FindOp(type)) return *def;
  Unimplemented error(StrCat("skiff has no operator \"", type, "\""));
  error.AddContext(DidYouMean(type, AllOpTypes()));
  throw error;
}

std::vector<std::string> AllOpTypes() {
  Registry& registry = TheRegistry();
  std::lock_guard lock(registry.mutex);
  std::vector<std::string> types;
  for (const auto& [type, def] : registry.ops) {
    if (def->has_schema) types.push_back(type);
  }
  return types;
}

OpDef& RegisterOp(const std::string& type) {
  Registry& registry = TheRegistry();
  std::lock_guard lock(registry.mutex);
  const bool refuse = !registry.loading.empty() && registry.ops.contains(type) &&
                      registry.Owner(type) != registry.loading;
  std::unique_ptr<OpDef>& def = refuse ? registry.refused[type] : registry.ops[type];
  if (!def) {
    def = std::make_unique<OpDef>();
    def->type = type;
    if (!refuse && !registry.loading.empty()) registry.library_of[type] = registry.loading;
  }
  return *def;
}

LibraryRegistration::LibraryRegistration(const std::string& library) : library_(library) {
  Registry& registry = TheRegistry();
  std::lock_guard lock(registry.mutex);
  registry.loading = library;
}

LibraryRegistration::~LibraryRegistration() {
  Registry& registry = TheRegistry();
  std::lock_guard lock(registry.mutex);
  registry.loading.clear();
  registry.refused.clear();
  if (kept_) return;
  std::erase_if(registry.ops, [&](const auto& op) { return registry.Owner(op.first) == library_; });
  std::erase_if(registry.library_of, [&](const auto& op) { return op.second == library_; });
}

std::vector<std::string> LibraryRegistration::Added() const {
  Registry& registry = TheRegistry();
  std::lock_guard lock(registry.mutex);
  std::vector<std::string> types;
  for (const auto& [type, library] : registry.library_of) {
    if (library == library_ && registry.ops.at(type)->has_schema) types.push_back(type);
  }
  return types;
}

std::vector<std::pair<std::string, std::string>> LibraryRegistration::Refused() const {
  Registry& registry = TheRegistry();
  std::lock_guard lock(registry.mutex);
  std::vector<std::pair<std::string, std::string>> types;
  for (const auto& [type, def] : registry.refused) {
    const std::string& owner = registry.Owner(type);
    types.emplace_back(type, owner.empty() ? "skiff" : owner);
  }
  return types;
}

PrepareFn FindKernel(const OpDef& def, PlaceKind place, DType dtype) {
  for (const KernelEntry& k : def.kernels) {
    if (k.place == place && (k.dtype == dtype || k.dtype == DType::kUndefined)) return k.prepare;
  }
  return nullptr;
}

PrepareFn GetKernel(const OpDef& def, PlaceKind place, DType dtype) {
  if (PrepareFn found = FindKernel(def, place, dtype)) return found;
  const char* place_name = place == PlaceKind::kCpu ? "CPU" : "CUDA";
  const std::string dtypes = DTypeList(def, place);
  Unimplemented error(StrCat("operator \"", def.type, "\" has no ", place_name, " kernel for ",
                             dtype));
  error.AddContext(dtypes.empty() ? StrCat("it has no ", place_name, " kernel at all")
                                  : StrCat("its ", place_name, " kernels take ", dtypes));
  throw error;
}

}  // namespace skiff
