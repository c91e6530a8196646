// framework/layers/optimizer.h and lr_scheduler.h: what skiff.optimizer's classes hold.
#include <pybind11/functional.h>
#include <pybind11/stl.h>

#include "framework/layers/optimizer.h"
#include "python_api/bindings/layers.h"

namespace skiff::python {

namespace {

using optimizer::Optimizer;
using optimizer::Rate;

Rate ToRate(py::handle given) {
  if (py::hasattr(given, "_scheduler")) return given.attr("_scheduler").cast<lr::SchedulerPtr>();
  SKIFF_ENFORCE(PyNumber_Check(given.ptr()), InvalidType,
                "learning rate should be float or LRScheduler, got ", py::repr(py::type::of(given)).cast<std::string>());
  return given.cast<double>();
}

optimizer::WeightDecay ToDecay(py::handle given) {
  if (given.is_none()) return {};
  if (py::isinstance<py::float_>(given) || py::isinstance<py::int_>(given)) return given.cast<double>();
  return ToRegularizer(given);
}

GradClip ToClip(py::handle given) {
  if (given.is_none()) return {};
  if (py::hasattr(given, "clip_norm")) {
    const double norm = given.attr("clip_norm").cast<double>();
    return py::hasattr(given, "group_name") ? ClipGradByGlobalNorm(norm) : ClipGradByNorm(norm);
  }
  SKIFF_ENFORCE(py::hasattr(given, "max") && py::hasattr(given, "min"), InvalidType,
                "grad_clip must be one of skiff.nn.ClipGradBy..., ", py::repr(given).cast<std::string>(), " was given");
  return ClipGradByValue(given.attr("max").cast<double>(), given.attr("min").cast<double>());
}

void BindSchedulers(py::module_& m) {
  py::class_<lr::Scheduler, lr::SchedulerPtr>(m, "Scheduler")
      .def_property_readonly("value", &lr::Scheduler::value)
      .def_property_readonly("last_epoch", &lr::Scheduler::last_epoch)
      .def("step", &lr::Scheduler::Step)
      .def("step_to", &lr::Scheduler::StepTo)
      .def("save", &lr::Scheduler::Save)
      .def("restore", &lr::Scheduler::Restore);
  py::class_<lr::ReduceOnPlateau, lr::Scheduler, std::shared_ptr<lr::ReduceOnPlateau>>(m, "Plateau")
      .def(py::init([](double rate, const std::string& mode, double factor, int64_t patience, double threshold,
                       const std::string& threshold_mode, int64_t cooldown, double min_lr, double epsilon) {
        return std::make_shared<lr::ReduceOnPlateau>(
            rate, lr::PlateauOptions{mode, factor, patience, threshold, threshold_mode, cooldown, min_lr, epsilon});
      }))
      .def("step_metric", py::overload_cast<double>(&lr::ReduceOnPlateau::Step));
  m.def("lr_noam", &lr::NoamDecay);
  m.def("lr_piecewise", &lr::PiecewiseDecay);
  m.def("lr_natural_exp", &lr::NaturalExpDecay);
  m.def("lr_inverse_time", &lr::InverseTimeDecay);
  m.def("lr_polynomial", &lr::PolynomialDecay);
  m.def("lr_warmup", py::overload_cast<double, int64_t, double, double, int64_t>(&lr::LinearWarmup));
  m.def("lr_warmup", py::overload_cast<lr::SchedulerPtr, int64_t, double, double, int64_t>(&lr::LinearWarmup));
  m.def("lr_exponential", &lr::ExponentialDecay);
  m.def("lr_multi_step", &lr::MultiStepDecay);
  m.def("lr_step", &lr::StepDecay);
  m.def("lr_lambda", &lr::LambdaDecay);
  m.def("lr_multiplicative", &lr::MultiplicativeDecay);
  m.def("lr_cosine", &lr::CosineAnnealingDecay);
  m.def("lr_warm_restarts", &lr::CosineAnnealingWarmRestarts);
  m.def("lr_linear", &lr::LinearLR);
  m.def("lr_one_cycle", [](double max, int64_t steps, double divide, double end, double phase, const std::string& anneal,
                           bool three_phase, int64_t last_epoch) {
    return lr::OneCycleLR(max, steps, {divide, end, phase, anneal, three_phase, last_epoch});
  });
  m.def("lr_cyclic", [](double base, double max, int64_t up, std::optional<int64_t> down, const std::string& mode,
                        double gamma, std::function<double(double)> scale, bool by_cycle, int64_t last_epoch) {
    return lr::CyclicLR(base, max, up, {down, mode, gamma, std::move(scale), by_cycle, last_epoch});
  });
}

}  // namespace

py::list FromPairs(const std::vector<ParamGrad>& pairs) {
  py::list list;
  for (const auto& [parameter, gradient] : pairs) {
    list.append(py::make_tuple(FromVariable(parameter), FromVariable(gradient)));
  }
  return list;
}

optimizer::MinimizeOptions ToOptions(const std::shared_ptr<Program>& startup, py::handle parameters, py::handle no_grad_set) {
  optimizer::MinimizeOptions options;
  options.startup = startup.get();
  if (!parameters.is_none()) options.parameters = ToNames(parameters, "parameters");
  for (std::string& name : ToNames(no_grad_set, "no_grad_set")) options.no_grad_set.insert(std::move(name));
  return options;
}

void BindOptimizer(py::module_& m) {
  BindSchedulers(m);
  py::class_<Optimizer, std::shared_ptr<Optimizer>>(m, "Optimizer")
      .def_property_readonly("learning_rate", &Optimizer::learning_rate)
      .def_property("multi_precision", &Optimizer::multi_precision, &Optimizer::set_multi_precision)
      .def("set_learning_rate", [](Optimizer& o, double rate) { o.SetLearningRate(rate, GlobalScope()); })
      .def("minimize", [](Optimizer& o, const std::shared_ptr<Variable>& loss, const std::shared_ptr<Program>& startup,
                          py::object parameters, py::object no_grad_set) {
        return FromPairs(o.Minimize(loss, ToOptions(startup, parameters, no_grad_set)));
      })
      .def("backward", [](Optimizer& o, const std::shared_ptr<Variable>& loss, const std::shared_ptr<Program>& startup,
                          py::object parameters, py::object no_grad_set) {
        return FromPairs(o.Backward(loss, ToOptions(startup, parameters, no_grad_set)));
      })
      .def("apply_gradients", [](Optimizer& o, const std::vector<std::pair<std::shared_ptr<Variable>,
                                                                           std::shared_ptr<Variable>>>& pairs) {
        o.ApplyGradients(pairs);
      });
  m.def("make_sgd", [](py::object rate, py::object decay, py::object clip) -> std::shared_ptr<Optimizer> {
    return std::make_shared<optimizer::SGD>(optimizer::SGDOptions{ToRate(rate), ToDecay(decay), ToClip(clip)});
  });
  m.def("make_momentum", [](py::object rate, double momentum, bool nesterov, py::object decay, py::object clip,
                            double rescale) -> std::shared_ptr<Optimizer> {
    return std::make_shared<optimizer::Momentum>(
        optimizer::MomentumOptions{ToRate(rate), momentum, nesterov, ToDecay(decay), ToClip(clip), rescale});
  });
  m.def("make_lars_momentum", [](py::object rate, double momentum, double coeff, double lars_decay, std::vector<std::string> excluded,
                                 double epsilon, py::object decay, py::object clip, double rescale) -> std::shared_ptr<Optimizer> {
    return std::make_shared<optimizer::LarsMomentum>(optimizer::LarsMomentumOptions{
        ToRate(rate), momentum, coeff, lars_decay, std::move(excluded), epsilon, ToDecay(decay), ToClip(clip), rescale});
  });
  m.def("make_adam", [](py::object rate, double beta1, double beta2, double epsilon, py::object decay, py::object clip,
                        bool lazy) -> std::shared_ptr<Optimizer> {
    return std::make_shared<optimizer::Adam>(
        optimizer::AdamOptions{ToRate(rate), beta1, beta2, epsilon, ToDecay(decay), ToClip(clip), lazy});
  });
  m.def("make_adamw", [](py::object rate, double beta1, double beta2, double epsilon, double decay, py::object clip,
                         bool lazy, std::function<bool(const std::string&)> decays,
                         std::function<double(const std::string&)> ratio) -> std::shared_ptr<Optimizer> {
    return std::make_shared<optimizer::AdamW>(optimizer::AdamWOptions{
        ToRate(rate), beta1, beta2, epsilon, decay, ToClip(clip), lazy, std::move(decays), std::move(ratio)});
  });
  m.def("make_adagrad", [](py::object rate, double epsilon, py::object decay, py::object clip,
                           double start) -> std::shared_ptr<Optimizer> {
    return std::make_shared<optimizer::Adagrad>(
        optimizer::AdagradOptions{ToRate(rate), epsilon, ToDecay(decay), ToClip(clip), start});
  });
  m.def("make_adadelta", [](py::object rate, double epsilon, double rho, py::object decay,
                            py::object clip) -> std::shared_ptr<Optimizer> {
    return std::make_shared<optimizer::Adadelta>(
        optimizer::AdadeltaOptions{ToRate(rate), epsilon, rho, ToDecay(decay), ToClip(clip)});
  });
  m.def("make_adamax", [](py::object rate, double beta1, double beta2, double epsilon, py::object decay,
                          py::object clip) -> std::shared_ptr<Optimizer> {
    return std::make_shared<optimizer::Adamax>(
        optimizer::AdamaxOptions{ToRate(rate), beta1, beta2, epsilon, ToDecay(decay), ToClip(clip)});
  });
  m.def("make_rmsprop", [](py::object rate, double rho, double epsilon, double momentum, bool centered, py::object decay,
                           py::object clip) -> std::shared_ptr<Optimizer> {
    return std::make_shared<optimizer::RMSProp>(
        optimizer::RMSPropOptions{ToRate(rate), rho, epsilon, momentum, centered, ToDecay(decay), ToClip(clip)});
  });
  m.def("make_lamb", [](py::object rate, double decay, double beta1, double beta2, double epsilon, py::object clip,
                        std::function<bool(const std::string&)> excluded, bool always_adapt) -> std::shared_ptr<Optimizer> {
    return std::make_shared<optimizer::Lamb>(optimizer::LambOptions{
        ToRate(rate), decay, beta1, beta2, epsilon, ToClip(clip), std::move(excluded), always_adapt});
  });
}

}  // namespace skiff::python
