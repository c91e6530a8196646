// io: programs, state dicts and inference models in files and in memory.
#include <pybind11/stl.h>

#include <map>

#include "io/atomic_file.h"
#include "io/commit_journal.h"
#include "io/find_program.h"
#include "io/inference_model.h"
#include "io/pir/op_map.h"
#include "io/pir/pir_program.h"
#include "io/program_file.h"
#include "io/read_limits.h"
#include "io/state_dict.h"
#include "io/variable_files.h"
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
    state.Set(ToText(name), ToTensor(value).Clone());
  }
  return state;
}

void Warn(const std::string& text) {
  if (PyErr_WarnEx(PyExc_UserWarning, text.c_str(), 3) < 0) throw py::error_already_set();
}

// How a model is read; tells of a choice between two programs.
io::LoadInferenceOptions Options(const std::string& path, const std::string& model, const std::string& params, bool verify) {
  const bool as_folder = !model.empty() || !params.empty();
  const std::string two = as_folder ? "" : io::ToldOfTwoPrograms(io::FindProgramFile(path));
  if (!two.empty()) Warn(two);
  io::LoadInferenceOptions options;
  options.model_filename = model;
  options.params_filename = params;
  options.verify_checksums = verify;
  return options;
}

// Tells Paddle's way what was skipped, and returns the whole report.
py::dict Told(const io::LoadReport& report) {
  for (const std::string& name : report.unexpected) {
    Warn("'" + name + "' was skipped: the program has no persistable variable of that name");
  }
  for (const std::string& line : report.mismatched) Warn("skipped " + line);
  py::dict told;
  told["loaded"] = report.loaded;
  told["missing"] = report.missing;
  told["unexpected"] = report.unexpected;
  told["mismatched"] = report.mismatched;
  told["renaming"] = report.renaming;
  if (!report.renaming.empty()) Warn(report.ToString());
  return told;
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

// Python's with-statement around a ReadLimitsScope.
struct LimitedReading {
  io::ReadLimits limits;
  std::unique_ptr<io::ReadLimitsScope> scope;
};

void BindLimits(py::module_& m) {
  py::class_<LimitedReading>(m, "LimitedReading")
      .def(py::init([](uint64_t max_bytes, uint64_t max_growth, uint64_t max_objects, uint64_t max_text_bytes, int max_depth) {
             return LimitedReading{{max_bytes, max_growth, max_objects, max_text_bytes, max_depth}, nullptr};
           }),
           py::kw_only(), py::arg("max_bytes") = io::ReadLimits{}.max_bytes, py::arg("max_growth") = io::ReadLimits{}.max_growth,
           py::arg("max_objects") = io::ReadLimits{}.max_objects, py::arg("max_text_bytes") = io::ReadLimits{}.max_text_bytes,
           py::arg("max_depth") = io::ReadLimits{}.max_depth)
      .def("__enter__", [](LimitedReading& self) { self.scope = std::make_unique<io::ReadLimitsScope>(self.limits); })
      .def("__exit__", [](LimitedReading& self, py::args) { self.scope.reset(); });
}

void BindPrograms(py::module_& m) {
  m.def("save_program", [](const Program& program, const FileName& path) { io::SaveProgram(program, path); });
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
  m.def("inference_program", [](const Program& program, py::object feeds, py::object fetches, bool clip_extra,
                                bool legacy_format, bool json) {
    return std::shared_ptr<Program>(io::InferenceProgram(
        program, ToNames(feeds, "feed_vars"), ToNames(fetches, "fetch_vars"),
        {.clip_extra = clip_extra, .legacy_format = legacy_format, .format = FormatOf(json)}));
  });
  m.def("write_file", [](const FileName& path, const std::string& bytes) { io::WriteFile(path, bytes); });
}

py::dict FromValues(const std::map<std::string, Value>& values) {
  py::dict dict;
  for (const auto& [name, value] : values) dict[py::str(name)] = FromValue(value, true);
  return dict;
}

}  // namespace

void BindIo(py::module_& m) {
  BindLimits(m);
  BindPrograms(m);
  m.def("get_state_dict", [](const Program& program, const std::string& mode, const std::shared_ptr<Scope>& scope) {
    return FromStateDict(io::GetStateDict(program, ScopeOf(scope), io::ParseStateKind(mode)), false);
  });
  m.def("set_state_dict", [](const Program& program, py::object given, const std::shared_ptr<Scope>& scope, bool strict) {
    const io::StateDict state = ToStateDict(given);
    return Told(io::SetStateDict(program, ScopeOf(scope), state, {.strict = strict}));
  });
  m.def("is_file", [](const FileName& path) { return io::IsFile(path); });  // as skiff reads it: see io/commit_journal.h
  m.def("load_state_arrays", [](const FileName& prefix, bool verify) {  // of one save
    const auto no_save_between = io::LockForReading(io::FolderOf(prefix));
    io::StateDict state = io::LoadStateDict(prefix + ".pdparams", verify);
    if (io::IsFile(prefix + ".pdopt")) {
      for (const auto& entry : io::LoadStateDict(prefix + ".pdopt", verify)) state.Set(entry.name, entry.tensor);
    }
    return FromStateDict(state, true);
  });
  m.def("save_program_state", [](const Program& program, const FileName& prefix, int protocol, bool json,
                                 bool checksums) {
    io::SaveProgramState(program, GlobalScope(), prefix,
                         {.protocol = protocol, .checksums = checksums, .format = FormatOf(json)});
  });
  m.def("load_program_state", [](const Program& program, const FileName& prefix, bool strict, bool verify) {
    return Told(io::LoadProgramState(program, GlobalScope(), prefix, {.strict = strict, .verify_checksums = verify}));
  });

  m.def("save_inference_model", [](const FileName& prefix, py::object feeds, py::object fetches,
                                   const Program& program, bool clip_extra, bool legacy_format, bool json, bool checksums) {
    io::SaveInferenceModel(prefix, ToNames(feeds, "feed_vars"), ToNames(fetches, "fetch_vars"), program, GlobalScope(),
                           {.clip_extra = clip_extra, .legacy_format = legacy_format, .checksums = checksums,
                            .format = FormatOf(json)});
  });
  m.def("load_inference_model", [](const FileName& path, const FileName& model, const FileName& params,
                                   bool verify) {
    const io::LoadInferenceOptions options = Options(path, model, params, verify);
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
  m.def("load_variables", [](const FileName& folder, const FileName& filename, std::vector<std::string> names) {
    return FromValues(io::LoadVariables(folder, filename, std::move(names)));
  });
  m.def("set_variables", [](const Program& program, const FileName& folder, const FileName& filename, const std::vector<std::string>& names) {
    io::SetVariables(program, GlobalScope(), folder, filename, names);
  });
  m.def("save_variables", [](const FileName& folder, const FileName& filename, std::vector<std::string> names) {
    io::SaveVariables(GlobalScope(), folder, filename, std::move(names));
  });
  m.def("load_variable_folder", [](const FileName& folder) {
    std::vector<std::string> foreign;
    const py::dict values = FromValues(io::LoadVariableFolder(folder, &foreign));
    return py::make_tuple(values, foreign);
  });
  m.def("model_state", [](const FileName& path, const FileName& model, const FileName& params, bool verify) {
    const io::LoadInferenceOptions options = Options(path, model, params, verify);
    return FromStateDict(io::LoadModelState(path, options), true);
  });
  m.def("make_predictor", [](const FileName& path, const FileName& model, const FileName& params,
                             py::object place, int threads, bool optimize) {
    return MakePredictor(io::LoadInferenceModel(path, Options(path, model, params, true)), ToPredictorOptions(place, threads, optimize));
  });
  m.def("make_predictor_from_memory", [](std::string model, std::string params, py::object place, int threads,
                                         bool optimize) {
    return MakePredictor(io::ParseInferenceModel(std::move(model), std::move(params)),
                         ToPredictorOptions(place, threads, optimize));
  });
}

}  // namespace skiff::python
