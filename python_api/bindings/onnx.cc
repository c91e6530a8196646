// onnx: models that are exported, and what skiff itself computes from them.
#include <pybind11/stl.h>

#include "framework/op/op_def.h"
#include "io/onnx/export.h"
#include "python_api/bindings/executor.h"

namespace skiff::python {

namespace {

// Of a program: its own feeds and fetches where none are named.
io::InferenceModel ModelOfProgram(const Program& program, py::handle feeds, py::handle fetches) {
  return io::InferenceModelOf(program, feeds.is_none() ? io::FeedNames(program) : ToNames(feeds, "input_spec"),
                              fetches.is_none() ? io::FetchNames(program) : ToNames(fetches, "output_spec"), GlobalScope());
}

io::InferenceModel ModelOfFiles(const FileName& path, const FileName& model, const FileName& params) {
  io::LoadInferenceOptions options;
  options.model_filename = model;
  options.params_filename = params;
  options.memory = io::TensorMemory::kShared;
  return io::LoadInferenceModel(path, options);
}

// Programs are copied, parameters shared.
std::unique_ptr<Predictor> PredictorOf(const io::InferenceModel& model) {
  io::InferenceModel copy{model.program->Clone(), model.feed_names, model.fetch_names, model.parameters};
  return std::make_unique<Predictor>(io::ToPredictorModel(std::move(copy)), ToPredictorOptions(py::none(), 0, false));
}

}  // namespace

void BindOnnx(py::module_& m) {
  py::class_<io::InferenceModel>(m, "OnnxModel")
      .def(py::init(&ModelOfProgram))
      .def(py::init(&ModelOfFiles))
      .def("export", [](const io::InferenceModel& model, const FileName& path, int opset, const std::string& producer, bool external_data) {
        io::ExportOnnx(model, path, {.opset = opset, .producer = producer, .external_data = external_data});
      })
      .def("serialize", [](const io::InferenceModel& model, int opset) { return py::bytes(io::SerializeOnnx(model, {.opset = opset})); })
      .def("predictor", &PredictorOf)
      .def("draws_random_numbers", [](const io::InferenceModel& model) {
        for (int b = 0; b < model.program->num_blocks(); ++b) {
          for (const auto& op : model.program->block(b).ops()) {
            const OpDef* def = FindOp(op->type);
            if (def != nullptr && def->random && !op->attrs.Get<bool>("is_test", false)) return true;
          }
        }
        return false;
      });
  m.def("onnx_operators", &io::OnnxOperators);
  m.attr("ONNX_OPSETS") = py::make_tuple(io::kMinOnnxOpset, io::kMaxOnnxOpset);
}

}  // namespace skiff::python
