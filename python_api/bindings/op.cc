// framework/op: appending operators, asking the registry, backward.
#include <pybind11/stl.h>

#include "framework/layers/layer_helper.h"
#include "framework/op/append_op.h"
#include "framework/op/callbacks.h"
#include "framework/op/backward.h"
#include "framework/op/op_library.h"
#include "python_api/bindings/attribute.h"

namespace skiff::python {

namespace {

// {slot: name | Variable | list of them | None}
Slots ToSlots(py::handle given, const char* side) {
  Slots slots;
  if (given.is_none()) return slots;
  SKIFF_ENFORCE(py::isinstance<py::dict>(given), InvalidType, side, " must be a dict {slot: variables}, ",
                py::repr(py::type::of(given)).cast<std::string>(), " was given");
  for (const auto& [slot, names] : py::reinterpret_borrow<py::dict>(given)) {
    std::vector<std::string> list = ToNames(names, side);
    if (!list.empty()) slots.Set(slot.cast<std::string>(), std::move(list));
  }
  return slots;
}

std::shared_ptr<Variable> ToVariable(py::handle given, const Block& block, const char* what) {
  if (py::isinstance<Variable>(given)) return given.cast<std::shared_ptr<Variable>>();
  const std::string name = ToName(given, what);
  block.Var(name);  // says so when there is none
  return block.FindVar(name);
}

py::object InsertOpFrom(Block& block, size_t position, const std::string& type, py::handle inputs,
                        py::handle outputs, py::handle attrs, bool stop_gradients) {
  Operator op = ToOperator(type, inputs, outputs, attrs);
  if (position == block.ops().size() && stop_gradients) return FromOperator(AppendLayerOp(block, std::move(op)), block);
  return FromOperator(InsertOp(block, position, std::move(op)), block);
}

py::object AppendBackwardFrom(const Variable& loss, py::handle parameters, py::handle no_grad_set,
                              py::handle checkpoints) {
  BackwardOptions options;
  options.checkpoints = ToNames(checkpoints, "checkpoints");
  if (!parameters.is_none()) options.parameters = ToNames(parameters, "parameter_list");
  for (std::string& name : ToNames(no_grad_set, "no_grad_set")) options.no_grad_set.insert(std::move(name));
  py::list pairs;
  for (const auto& [parameter, gradient] : AppendBackward(loss, options)) {
    pairs.append(py::make_tuple(FromVariable(parameter), FromVariable(gradient)));
  }
  return pairs;
}

std::vector<std::shared_ptr<Variable>> ToVariables(py::handle given, const char* what) {
  std::vector<std::shared_ptr<Variable>> list;
  if (given.is_none()) return list;
  const Block& block = DefaultMainProgram().current_block();
  if (py::isinstance<Variable>(given) || py::isinstance<py::str>(given)) return {ToVariable(given, block, what)};
  for (py::handle one : given) list.push_back(one.is_none() ? nullptr : ToVariable(one, block, what));
  return list;
}

py::object GradientsFrom(py::handle targets, py::handle inputs, py::handle target_gradients, py::handle no_grad_set) {
  const std::vector<std::string> names = ToNames(no_grad_set, "no_grad_set");
  py::list list;
  for (const auto& gradient : Gradients(ToVariables(targets, "targets"), ToVariables(inputs, "inputs"),
                                        ToVariables(target_gradients, "target_gradients"),
                                        {names.begin(), names.end()})) {
    list.append(FromVariable(gradient));
  }
  return list;
}

py::list SlotNames(const std::vector<SlotDef>& slots) {
  py::list list;
  for (const SlotDef& slot : slots) list.append(slot.name);
  return list;
}

// What the registry knows, for documents and for code that works on any operator.
py::dict OpInfo(const std::string& type) {
  const OpDef& def = GetOp(type);
  py::dict attrs, info;
  for (const AttrDef& attr : def.attrs) {
    attrs[py::str(attr.name)] = attr.required ? py::object(py::none()) : FromAttribute(attr.default_value, nullptr);
  }
  info["doc"] = def.doc;
  info["source"] = def.source;
  info["inputs"] = SlotNames(def.inputs);
  info["outputs"] = SlotNames(def.outputs);
  info["attrs"] = attrs;
  info["has_gradient"] = static_cast<bool>(def.grad);
  info["zero_gradient"] = def.zero_gradient;
  info["is_view"] = !def.views.empty();
  info["runs_over_values"] = def.dynamic != nullptr;
  py::list kernels;  // (place, dtype), "any" where it serves all
  for (const KernelEntry& kernel : def.kernels) {
    kernels.append(py::make_tuple(kernel.place == PlaceKind::kCpu ? "CPU" : "CUDA",
                                  kernel.dtype == DType::kUndefined ? "any" : ToString(kernel.dtype)));
  }
  info["kernels"] = kernels;
  return info;
}

}  // namespace

Operator ToOperator(const std::string& type, py::handle inputs, py::handle outputs, py::handle attrs) {
  Operator op{type, ToSlots(inputs, "inputs"), ToSlots(outputs, "outputs"), {}};
  op.origin = UserOrigin(type);
  const OpDef* def = FindOp(type);
  if (!attrs.is_none()) {
    for (const auto& [key, value] : py::reinterpret_borrow<py::dict>(attrs)) {
      if (value.is_none()) continue;
      const auto name = key.cast<std::string>();
      const AttrDef* attr = def == nullptr ? nullptr : def->FindAttr(name);
      op.attrs.Set(name, ToAttribute(value, attr == nullptr ? nullptr : &attr->default_value, name));
    }
  }
  return op;
}

void BindOp(py::module_& m) {
  auto block = py::class_<Block, std::unique_ptr<Block, py::nodelete>>(m.attr("Block"));
  block
      .def("append_op", [](Block& b, const std::string& type, py::handle inputs, py::handle outputs, py::handle attrs,
                           bool stop_gradient) {
        return InsertOpFrom(b, b.ops().size(), type, inputs, outputs, attrs, stop_gradient);
      }, py::arg("type"), py::arg("inputs") = py::none(), py::arg("outputs") = py::none(),
         py::arg("attrs") = py::none(), py::arg("stop_gradient") = true, R"(Appends any operator that is registered.

Args:
    type (str): the operator.
    inputs, outputs (dict): slot -> Variable, name, or a list of them. Optional slots may be left out;
        an output's shape and dtype are inferred.
    attrs (dict): attributes; those left out take their defaults.

Returns:
    Operator

Raises:
    NotImplementedError: there is no such operator.
    ValueError, TypeError: slots, shapes, dtypes or attributes do not fit.

Source: paddle.static.Block.append_op.)")
      .def("_insert_op", [](Block& b, size_t index, const std::string& type, py::handle inputs, py::handle outputs,
                            py::handle attrs) {
        return InsertOpFrom(b, index, type, inputs, outputs, attrs, true);
      }, py::arg("index"), py::arg("type"), py::arg("inputs") = py::none(), py::arg("outputs") = py::none(),
         py::arg("attrs") = py::none())
      .def("_prepend_op", [](Block& b, const std::string& type, py::handle inputs, py::handle outputs, py::handle attrs) {
        return InsertOpFrom(b, 0, type, inputs, outputs, attrs, true);
      }, py::arg("type"), py::arg("inputs") = py::none(), py::arg("outputs") = py::none(),
         py::arg("attrs") = py::none());
  m.def("append_backward", &AppendBackwardFrom, py::arg("loss"), py::arg("parameter_list") = py::none(),
        py::arg("no_grad_set") = py::none(), py::arg("checkpoints") = py::none());
  m.def("gradients", &GradientsFrom, py::arg("targets"), py::arg("inputs"), py::arg("target_gradients") = py::none(),
        py::arg("no_grad_set") = py::none());
  m.def("register_callback", [](py::function function) {
    // Kept as long as the process lives, as its number in programs may be.
    auto* kept = new py::function(std::move(function));
    return RegisterCallback([kept](const std::vector<Tensor>& arguments) {
      py::gil_scoped_acquire lock;
      py::list given;
      for (const Tensor& t : arguments) given.append(t.is_initialized() ? FromTensor(t) : py::object(py::none()));
      std::vector<Tensor> results;
      for (py::handle one : (*kept)(given)) results.push_back(one.is_none() ? Tensor() : ToTensor(one).Clone());
      return results;
    });
  }, "Keeps a function of a list of tensors, and returns its number.");
  m.def("all_op_types", &AllOpTypes, "Names of all operators, sorted.");
  m.def("has_op", [](const std::string& type) { return FindOp(type) != nullptr; });
  m.def("load_op_library", &LoadOpLibrary, py::arg("path"));
  m.def("op_info", &OpInfo, "Documentation, slots, attributes and defaults of an operator.");
}

}  // namespace skiff::python
