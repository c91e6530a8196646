// framework/layers/amp.h: what skiff.static.amp is written over.
#include "framework/layers/amp.h"

#include <pybind11/stl.h>

#include "python_api/bindings/layers.h"

namespace skiff::python {

namespace {

using amp::MixedPrecision;

std::set<std::string> ToSet(py::handle given, const char* what) {
  std::set<std::string> set;
  for (std::string& name : ToNames(given, what)) set.insert(std::move(name));
  return set;
}

amp::Level ToLevel(const std::string& level) {
  static const std::map<std::string, amp::Level> kLevels{
      {"O1", amp::Level::kO1}, {"OD", amp::Level::kOD}, {"O2", amp::Level::kO2}, {"BF16", amp::Level::kBF16}};
  const auto found = kLevels.find(level);
  SKIFF_ENFORCE(found != kLevels.end(), InvalidArgument, "level should be \"OD\", \"O1\" or \"O2\", got \"", level, "\"");
  return found->second;
}

// The lists of an object of skiff.static.amp, whose attributes users may have changed.
amp::OpLists ToLists(const py::object& given) {
  amp::OpLists lists;
  lists.white = given.attr("_half").cast<std::set<std::string>>();
  lists.black = given.attr("_wide").cast<std::set<std::string>>();
  lists.gray = given.attr("gray_list").cast<std::set<std::string>>();
  lists.unsupported = given.attr("unsupported_list").cast<std::set<std::string>>();
  lists.black_variables = ToSet(given.attr("_wide_variables"), "black variables");
  return lists;
}

py::tuple FromLists(const amp::OpLists& lists) { return py::make_tuple(lists.white, lists.black, lists.gray, lists.unsupported); }

}  // namespace

void BindMixedPrecision(py::module_& m) {
  py::class_<MixedPrecision>(m, "MixedPrecision")
      .def(py::init([](std::shared_ptr<optimizer::Optimizer> optimizer, const py::object& lists, const py::object& dtype,
                       const std::string& level, bool master_weight, bool master_grad, const std::string& guard, bool use_promote,
                       const std::string& suffix, bool half_data, bool scales, double scale, bool dynamic, int incr_every,
                       int decr_every, double incr, double decr) {
        return std::make_unique<MixedPrecision>(
            std::move(optimizer),
            amp::Options{ToLists(lists), ToDType(dtype), ToLevel(level), master_weight, master_grad, guard, use_promote, suffix, half_data, scales,
                         scale, dynamic, incr_every, decr_every, incr, decr});
      }))
      .def("backward", [](MixedPrecision& o, const std::shared_ptr<Variable>& loss, const std::shared_ptr<Program>& startup,
                          const py::object& parameters, const py::object& no_grad_set) {
        return FromPairs(o.Backward(loss, ToOptions(startup, parameters, no_grad_set)));
      })
      .def("apply_gradients", [](MixedPrecision& o, const std::vector<std::pair<std::shared_ptr<Variable>,
                                                                                std::shared_ptr<Variable>>>& pairs) {
        o.ApplyGradients(pairs);
      })
      .def("init_parameters", &MixedPrecision::InitParameters)
      .def("cast_for_test", &MixedPrecision::CastForTest)
      .def("loss_scaling", [](const MixedPrecision& o) { return FromVariable(o.loss_scaling()); })
      .def("scaled_loss", [](const MixedPrecision& o) { return FromVariable(o.scaled_loss()); });
  m.def("amp_lists", [](const py::object& white, const py::object& black, const py::object& dtype) {
    return FromLists(amp::OpLists(ToSet(white, "custom_white_list"), ToSet(black, "custom_black_list"), ToDType(dtype)));
  });
  m.def("amp_lists_bf16", [](const py::object& bf16, const py::object& fp32) {
    return FromLists(amp::OpLists::ForBF16(ToSet(bf16, "custom_bf16_list"), ToSet(fp32, "custom_fp32_list")));
  });
  m.def("amp_cast_program", [](Program& program, const py::object& lists, const py::object& dtype, const std::string& level,
                               const std::string& guard, bool use_promote, const std::string& suffix, bool half_data) {
    return amp::CastProgram(program, ToLists(lists), {ToDType(dtype), ToLevel(level), guard, use_promote, suffix, half_data});
  });
  m.def("amp_cast_parameters", [](const Program& program, const py::object& names, const py::object& dtype, Scope& scope) {
    amp::CastParameters(program, ToSet(names, "names"), ToDType(dtype), scope);
  });
}

}  // namespace skiff::python
