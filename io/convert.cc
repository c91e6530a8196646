#include "io/convert.h"

#include <map>

#include "io/atomic_file.h"
#include "io/checksums.h"
#include "io/parameter_info.h"
#include "io/program_file.h"

namespace skiff::io {

void WriteModel(const InferenceModel& model, const std::string& where, ModelLayout layout) {
  SKIFF_ENFORCE(!where.empty(), InvalidArgument, "a model needs a name; the path is empty");
  std::string path = where;
  while (layout != ModelLayout::kPrefix && path.size() > 1 && path.back() == '/') path.pop_back();
  const StateDict parameters = ParametersFor(*model.program, model.parameters, "the model");
  AtomicFiles files;
  const auto combine = [&](const std::string& name) {
    if (parameters.empty()) return files.Remove(name);
    Sink& sink = files.Add(name);
    for (const auto& entry : parameters) WriteTensor(entry.tensor, &sink);
  };
  if (layout == ModelLayout::kFolder || layout == ModelLayout::kCombinedFolder) {
    for (const char* other : {"/__model__.json", "/__model__.pdmodel"}) files.Remove(path + other);  // would be read in its place
  }
  switch (layout) {
    case ModelLayout::kPrefix:
      combine(path + ".pdiparams");
      AddParameterInfo(model.parameter_info, parameters.Names(), path, &files);
      files.Add(path + ".pdmodel").Write(SerializeProgram(*model.program));
      AddChecksums(path, &files);
      break;
    case ModelLayout::kJson:
      combine(path + ".pdiparams");
      AddParameterInfo(model.parameter_info, parameters.Names(), path, &files);
      files.Add(path + ".json").Write(SerializeProgramJson(*model.program));
      AddChecksums(path, &files);
      break;
    case ModelLayout::kCombinedFolder:
      combine(path + "/__params__");
      files.Add(path + "/__model__").Write(SerializeProgram(*model.program));
      break;
    case ModelLayout::kFolder:
      files.Remove(path + "/__params__");  // would be read in place of the others
      for (const auto& entry : parameters) {
        SKIFF_ENFORCE(entry.name != "__model__" && entry.name != "__params__", InvalidArgument, "the parameter \"", entry.name,
                      "\" has a name that the folder needs; write one file for all parameters");
        WriteTensor(entry.tensor, &files.Add(VariablePath(path, entry.name)));
      }
      files.Add(path + "/__model__").Write(SerializeProgram(*model.program));
      break;
  }
  files.Commit();
}

StateDict ParametersFor(const Program& program, const StateDict& state, const std::string& what) {
  std::map<std::string, const Tensor*> by_name;
  for (const auto& entry : state) {
    if (!entry.tensor_name.empty()) by_name[entry.tensor_name] = &entry.tensor;
  }
  for (const auto& entry : state) by_name[entry.name] = &entry.tensor;
  StateDict parameters;
  std::string missing, different;
  for (const Variable* v : SavedVariables(program)) {
    const auto found = by_name.find(v->name);
    if (found == by_name.end()) {
      missing += StrCat(missing.empty() ? "" : ", ", "\"", v->name, "\"");
    } else if (!found->second->is_initialized() || !Holds(program, *v, found->second->dtype(), found->second->shape())) {
      different += StrCat(different.empty() ? "" : "; ", "\"", v->name, "\" is ", found->second->dtype(), " ", found->second->shape(),
                          ", the program wants ", v->dtype, " ", v->shape);
    } else {
      parameters.Set(v->name, *found->second);
    }
  }
  if (missing.empty() && different.empty()) return parameters;
  InvalidArgument error(StrCat("the tensors of \"", what, "\" are not the parameters of the program"));
  if (!missing.empty()) error.AddContext("missing: " + missing);
  if (!different.empty()) error.AddContext(different);
  throw error;
}

}  // namespace skiff::io
