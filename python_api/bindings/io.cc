// io: programs, state dicts and inference models in files and in memory.
#include <pybind11/stl.h>

#include <algorithm>
#include <map>

#include "io/atomic_file.h"
#include "io/inference_model.h"
#include "io/pir/op_map.h"
#include "io/pir/pir_program.h"
#include "io/program_file.h"
#include "io/state_dict.h"
#include "io/tensor_stream.h"
#include "python_api/bindings/executor.h"

namespace skiff::python {

namespace {

Scope& ScopeOf(const std::shared_ptr<Scope>& scope) { return scope == nullptr ? GlobalScope() : *scope; }

py::dict FromStateDict(const io::StateDict& state, bool arrays) {
  py::dict dict;
  for (const auto& entry : state) {
    dict[py::str(entry.name)] = arrays ? ArrayFromTensor(entry.tensor) : FromTensor(entry.tensor);
  }
  return dict;
}

io::StateDict ToStateDict(py::handle given) {
  SKIFF_ENFORCE(PyDict_Check(given.ptr()), InvalidType, "state_dict must be a dict {name: array}, ",
                py::repr(py::type::of(given)).cast<std::string>(), " was given");
  io::StateDict state;
  for (const auto& [name, value] : py::reinterpret_borrow<py::dict>(given)) {
    if (!py::isinstance<py::str>(name)) continue;
    if (PyDict_Check(value.ptr()) || py::isinstance<py::str>(value)) continue;  // name tables, schedulers
    state.Set(name.cast<std::string>(), ToTensor(value).Clone());
  }
  return state;
}

void Warn(const std::string& text) {
  if (PyErr_WarnEx(PyExc_UserWarning, text.c_str(), 3) < 0) throw py::error_already_set();
}

// What does not fit is an error and nothing is set; what the program does not have is a warning.
void SetState(const Program& program, py::handle given, const std::shared_ptr<Scope>& scope) {
  const io::StateDict state = ToStateDict(given);
  Scope trial;
  const io::LoadReport report = io::SetStateDict(program, trial, state, {.strict = false});
  if (!report.mismatched.empty()) {
    InvalidArgument error("the state dict does not fit the program; nothing was set");
    for (const std::string& line : report.mismatched) error.AddContext(line);
    throw error;
  }
  for (const std::string& name : report.unexpected) {
    Warn("Skip loading for '" + name + "'. Because '" + name + "' not in the program.");
  }
  io::SetStateDict(program, ScopeOf(scope), state, {.strict = false});
}

py::tuple FromModel(io::InferenceModel model, const std::shared_ptr<Scope>& scope) {
  model.SetParameters(&ScopeOf(scope));
  std::shared_ptr<Program> program(std::move(model.program));
  const py::object object = py::cast(program);
  py::list fetches;
  for (const std::string& name : model.fetch_names) fetches.append(FromVariable(program->global_block().FindVar(name)));
  return py::make_tuple(object, model.feed_names, fetches);
}

std::unique_ptr<Predictor> MakePredictor(io::InferenceModel model, PredictorOptions options) {
  return std::make_unique<Predictor>(io::ToPredictorModel(std::move(model)), std::move(options));
}

io::ProgramFormat FormatOf(bool json) { return json ? io::ProgramFormat::kJson : io::ProgramFormat::kProtobuf; }

void BindPrograms(py::module_& m) {
  m.def("save_program", [](const Program& program, const std::string& path) { io::SaveProgram(program, path); });
  m.def("serialize_program", [](const Program& program) { return py::bytes(io::SerializeProgram(program)); });
  m.def("pir_counterparts", &io::PirCounterparts);
  m.def("pir_operations", [] {  // (operator of 2.x, operation of Paddle 3, attributes that are operands there)
    py::list rows;
    for (const io::PirOpRule& rule : io::PirOpRules()) {
      py::list constants;
      for (const io::PirOperandRule& operand : rule.operands) {
        if (!operand.made.empty() && operand.attr != "-") constants.append(operand.attr);
      }
      rows.append(py::make_tuple(rule.type, rule.pir, constants));
    }
    return rows;
  });
  m.def("serialize_program_json", [](const Program& program, bool readable) {
    return py::bytes(io::SerializeProgramJson(program, readable));
  });
  m.def("parse_program", [](const std::string& bytes) {
    return std::shared_ptr<Program>(
        io::ParseProgram({reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()}, "a buffer"));
  });
  m.def("normalize_program", [](const Program& program, py::object feeds, py::object fetches) {
    return std::shared_ptr<Program>(
        io::NormalizeProgram(program, ToNames(feeds, "feed_vars"), ToNames(fetches, "fetch_vars")));
  });
  m.def("inference_program", [](const Program& program, py::object feeds, py::object fetches, bool clip_extra, bool json) {
    return std::shared_ptr<Program>(io::InferenceProgram(program, ToNames(feeds, "feed_vars"), ToNames(fetches, "fetch_vars"),
                                                         {.clip_extra = clip_extra, .format = FormatOf(json)}));
  });
  m.def("write_file", [](const std::string& path, const std::string& bytes) { io::WriteFile(path, bytes); });
}

// One file of all variables, sorted by name, or one file each.
void LoadVariables(const std::string& folder, const std::string& filename, std::vector<std::string> names) {
  std::map<std::string, Value> values;
  if (filename.empty()) {
    for (const std::string& name : names) {
      values[name] = io::ReadTensorFile(io::MappedFile::Open(io::VariablePath(folder, name)));
    }
  } else {
    const auto file = io::MappedFile::Open(folder.empty() ? filename : folder + "/" + filename);
    const std::vector<io::TensorEntry> entries = io::IndexTensors(file);
    SKIFF_ENFORCE(entries.size() == names.size(), InvalidArgument, "\"", file->name(), "\" holds ", entries.size(),
                  " tensors, ", names.size(), " variables are wanted");
    std::sort(names.begin(), names.end());
    for (size_t i = 0; i < names.size(); ++i) values[names[i]] = io::MakeTensor(entries[i], file);
  }
  for (auto& [name, value] : values) *GlobalScope().Var(name) = std::move(value);
}

void SaveVariables(const std::string& folder, const std::string& filename, std::vector<std::string> names) {
  io::StringSink all;
  std::sort(names.begin(), names.end());
  for (const std::string& name : names) {
    io::StringSink one;
    io::WriteTensor(GlobalScope().GetTensor(name), filename.empty() ? &one : &all);
    if (filename.empty()) io::WriteFile(io::VariablePath(folder, name), one.text());
  }
  if (!filename.empty()) io::WriteFile(folder.empty() ? filename : folder + "/" + filename, all.text());
}

}  // namespace

void BindIo(py::module_& m) {
  BindPrograms(m);
  m.def("get_state_dict", [](const Program& program, const std::string& mode, const std::shared_ptr<Scope>& scope) {
    return FromStateDict(io::GetStateDict(program, ScopeOf(scope), io::ParseStateKind(mode)), false);
  });
  m.def("set_state_dict", [](const Program& program, py::object state, const std::shared_ptr<Scope>& scope) {
    SetState(program, state, scope);
  });
  m.def("load_state_arrays", [](const std::string& path) { return FromStateDict(io::LoadStateDict(path), true); });
  m.def("save_program_state", [](const Program& program, const std::string& prefix, int protocol, bool json) {
    io::SaveProgramState(program, GlobalScope(), prefix, protocol, FormatOf(json));
  });
  m.def("load_program_state", [](const Program& program, const std::string& prefix, bool strict) {
    const io::LoadReport report = io::LoadProgramState(program, GlobalScope(), prefix, {.strict = strict});
    py::dict told;
    told["loaded"] = report.loaded;
    told["missing"] = report.missing;
    told["unexpected"] = report.unexpected;
    told["mismatched"] = report.mismatched;
    return told;
  });

  m.def("save_inference_model", [](const std::string& prefix, py::object feeds, py::object fetches,
                                   const Program& program, bool clip_extra, bool program_only, bool json) {
    io::SaveInferenceModel(prefix, ToNames(feeds, "feed_vars"), ToNames(fetches, "fetch_vars"), program, GlobalScope(),
                           {.clip_extra = clip_extra, .program_only = program_only, .format = FormatOf(json)});
  });
  m.def("load_inference_model", [](const std::string& path, const std::string& model, const std::string& params) {
    io::LoadInferenceOptions options;
    options.model_filename = model;
    options.params_filename = params;
    return FromModel(io::LoadInferenceModel(path, options), nullptr);
  });
  m.def("parse_inference_model", [](std::string model, std::string params) {
    return FromModel(io::ParseInferenceModel(std::move(model), std::move(params)), nullptr);
  });
  m.def("serialize_parameters", [](const Program& program) {
    return py::bytes(io::SerializeParameters(program, GlobalScope()));
  });
  m.def("set_parameters", [](const Program& program, const std::string& bytes) {
    const io::StateDict state = io::ReadParameters(program, io::MappedFile::FromMemory(bytes, "a buffer of parameters"));
    for (const auto& entry : state) GlobalScope().SetTensor(entry.name, entry.tensor);
  });
  m.def("load_variables", &LoadVariables);
  m.def("save_variables", &SaveVariables);
  m.def("inference_parameters", [](const std::string& path, const std::string& model, const std::string& params,
                                   bool arrays) {
    io::LoadInferenceOptions options;
    options.model_filename = model;
    options.params_filename = params;
    return FromStateDict(io::LoadInferenceModel(path, options).parameters, arrays);
  });
  m.def("make_predictor", [](const std::string& path, const std::string& model, const std::string& params,
                             py::object place, int threads, bool optimize) {
    io::LoadInferenceOptions options;
    options.model_filename = model;
    options.params_filename = params;
    return MakePredictor(io::LoadInferenceModel(path, options), ToPredictorOptions(place, threads, optimize));
  });
  m.def("make_predictor_from_memory", [](std::string model, std::string params, py::object place, int threads,
                                         bool optimize) {
    return MakePredictor(io::ParseInferenceModel(std::move(model), std::move(params)),
                         ToPredictorOptions(place, threads, optimize));
  });
}

}  // namespace skiff::python
