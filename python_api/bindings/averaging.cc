// framework/layers/averaging.h: averages of parameters, merged gradients.
#include "framework/layers/averaging.h"

#include <pybind11/functional.h>
#include <pybind11/stl.h>

#include "python_api/bindings/bindings.h"

namespace skiff::python {

namespace {

using optimizer::ExponentialMovingAverage;
using optimizer::ModelAverage;
using optimizer::ParameterAverage;
using VariablePairs = std::vector<std::pair<std::shared_ptr<Variable>, std::shared_ptr<Variable>>>;

}  // namespace

void BindAveraging(py::module_& m) {
  py::class_<ParameterAverage>(m, "ParameterAverage")
      .def_property_readonly("apply_program", &ParameterAverage::apply_program)
      .def_property_readonly("restore_program", &ParameterAverage::restore_program);
  py::class_<ExponentialMovingAverage, ParameterAverage>(m, "ExponentialMovingAverage")
      .def(py::init([](double decay, const std::shared_ptr<Variable>& thres_steps, const std::string& name) {
        return std::make_unique<ExponentialMovingAverage>(
            optimizer::ExponentialMovingAverageOptions{.decay = decay, .thres_steps = thres_steps, .name = name});
      }))
      .def("update", &ExponentialMovingAverage::Update);
  py::class_<ModelAverage, ParameterAverage>(m, "ModelAverage")
      .def(py::init([](double rate, const std::vector<std::shared_ptr<Variable>>& parameters, int64_t min_window,
                       int64_t max_window) {
        return std::make_unique<ModelAverage>(optimizer::ModelAverageOptions{
            .average_window_rate = rate, .min_average_window = min_window, .max_average_window = max_window,
            .parameters = {parameters.begin(), parameters.end()}});
      }));
  m.def("look_ahead", [](const VariablePairs& pairs, double alpha, int k) {
    optimizer::LookAhead::Follow(pairs, {.alpha = alpha, .k = k});
  });
  m.def("merge_gradients", [](const VariablePairs& pairs, int k_steps, bool avg, const py::function& apply) {
    optimizer::GradientMerge::Merge(pairs, {.k_steps = k_steps, .avg = avg}, [&](const std::vector<ParamGrad>& sums) {
      py::list list;
      for (const auto& [parameter, total] : sums) {
        list.append(py::make_tuple(FromVariable(parameter), FromVariable(total)));
      }
      apply(list);
    });
  });
}

}  // namespace skiff::python
