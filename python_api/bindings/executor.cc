// executor: running programs and predictors. The lock of the interpreter is given up meanwhile.
#include <pybind11/stl.h>

#include "executor/executor.h"
#include "executor/predictor.h"
#include "python_api/bindings/executor.h"

namespace skiff::python {

namespace {

std::vector<std::string> FetchNames(py::handle fetch_list) {
  std::vector<std::string> names;
  if (fetch_list.is_none()) return names;
  if (!PyList_Check(fetch_list.ptr()) && !PyTuple_Check(fetch_list.ptr())) return ToNames(fetch_list, "fetch_list");
  for (py::handle one : fetch_list) {
    if (PyList_Check(one.ptr())) {  // an empty group, or names one level down
      for (std::string& name : FetchNames(one)) names.push_back(std::move(name));
    } else {
      names.push_back(ToName(one, "fetch_list"));
    }
  }
  return names;
}

void WarnUnknownFeed(const std::string& name) {
  const std::string text = "The variable " + name + " is not found in program. It is not declared or is pruned.";
  if (PyErr_WarnEx(PyExc_UserWarning, text.c_str(), 2) < 0) throw py::error_already_set();
}

Feeds ToFeeds(const Program& program, py::handle feed) {
  Feeds feeds;
  if (feed.is_none()) return feeds;
  SKIFF_ENFORCE(PyDict_Check(feed.ptr()), InvalidType, "feed must be a dict {name: array}, ",
                py::repr(py::type::of(feed)).cast<std::string>(), " was given");
  const Block& block = program.global_block();
  PyObject *key, *value;
  for (Py_ssize_t position = 0; PyDict_Next(feed.ptr(), &position, &key, &value);) {
    std::string name = ToName(key, "a key of feed");
    const std::shared_ptr<Variable> declared = block.FindLocalVar(name);
    if (declared == nullptr) {
      WarnUnknownFeed(name);
      continue;
    }
    feeds.emplace_back(std::move(name), ToTensor(value, declared->dtype));
  }
  return feeds;
}

py::list ToList(std::vector<Value> values, bool as_arrays) {
  py::list list(values.size());
  for (size_t i = 0; i < values.size(); ++i) list[i] = FromValue(std::move(values[i]), as_arrays);
  return list;
}

py::object Run(Executor& executor, const std::shared_ptr<Program>& program, py::handle feed, py::handle fetch_list,
               const std::shared_ptr<Scope>& scope, bool return_numpy) {
  const Feeds feeds = ToFeeds(*program, feed);
  const std::vector<std::string> names = FetchNames(fetch_list);
  std::vector<Value> values;
  {
    py::gil_scoped_release unlocked;
    values = executor.RunValues(*program, feeds, names, scope.get());
  }
  return ToList(std::move(values), return_numpy);
}

py::list RunPredictor(const Predictor& predictor, py::handle inputs, bool return_numpy) {
  std::vector<Tensor> outputs;
  if (PyDict_Check(inputs.ptr())) {
    Feeds feeds;
    for (const auto& [name, value] : py::reinterpret_borrow<py::dict>(inputs)) {
      feeds.emplace_back(ToName(name, "an input's name"), ToTensor(value));
    }
    py::gil_scoped_release unlocked;
    outputs = predictor.Run(feeds);
  } else {
    std::vector<Tensor> tensors;
    for (py::handle value : inputs) tensors.push_back(ToTensor(value));
    py::gil_scoped_release unlocked;
    outputs = predictor.Run(tensors);
  }
  return ToList({std::make_move_iterator(outputs.begin()), std::make_move_iterator(outputs.end())}, return_numpy);
}

}  // namespace

PredictorOptions ToPredictorOptions(py::handle place, int threads, bool optimize) {
  SKIFF_ENFORCE(threads >= 0, InvalidArgument, "threads is ", threads, "; it must be positive, or 0 for all");
  return {.place = ToPlace(place), .num_threads = threads, .optimize = optimize};
}

void BindExecutor(py::module_& m) {
  py::class_<Executor>(m, "Executor")
      .def(py::init([](py::handle place, int threads, bool optimize, std::vector<std::string> disabled_passes) {
             ExecutorOptions options;
             options.num_threads = threads;
             options.optimize = optimize;
             options.disabled_passes = std::move(disabled_passes);
             return std::make_unique<Executor>(ToPlace(place), std::move(options));
           }),
           py::arg("place") = py::none(), py::arg("threads") = 0, py::arg("optimize") = true,
           py::arg("disabled_passes") = std::vector<std::string>{})
      .def_property_readonly("place", &Executor::place)
      .def_property_readonly("threads", &Executor::num_threads)
      .def("run", &Run)
      .def("plan_text", [](Executor& executor, const std::shared_ptr<Program>& program, py::handle feed,
                           py::handle fetch_list, const std::shared_ptr<Scope>& scope) {
        return executor.PlanText(*program, ToFeeds(*program, feed), FetchNames(fetch_list), scope.get());
      })
      .def("close", &Executor::Close);
  m.def("seed", [](uint64_t seed, const std::shared_ptr<Scope>& scope) { Seed(seed, scope.get()); }, py::arg("seed"),
        py::arg("scope") = nullptr);

  py::class_<Predictor>(m, "Predictor")
      .def_property_readonly("input_names", &Predictor::input_names)
      .def_property_readonly("output_names", &Predictor::output_names)
      .def("describe", [](const Predictor& p, const std::string& name) {
        const TensorMeta meta = p.Describe(name);
        return py::make_tuple(FromShape(meta.shape), meta.dtype);
      })
      .def("run", &RunPredictor, py::arg("inputs"), py::arg("return_numpy") = true);
}

}  // namespace skiff::python
