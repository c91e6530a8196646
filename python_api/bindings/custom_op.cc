// Operators whose kernel, shape inference and gradient are Python functions.
#include <pybind11/stl.h>

#include <map>

#include "framework/op/op_schema.h"
#include "python_api/bindings/attribute.h"
#include "python_api/bindings/bindings.h"

namespace skiff::python {

namespace {

/// The functions of one operator; Python's own objects, kept as long as the process lives.
struct Functions {
  py::object forward, infer = py::none();
};
std::map<std::string, Functions>& AllFunctions() {  // guarded by the interpreter's lock
  static auto* functions = new std::map<std::string, Functions>;
  return *functions;
}

py::dict AttrsOf(const Attrs& attrs, const OpDef& def) {
  py::dict given;
  for (const AttrDef& attr : def.attrs) {
    if (const Attribute* value = attrs.Find(attr.name)) given[py::str(attr.name)] = FromAttribute(*value, nullptr);
  }
  return given;
}

/// Calls `function` with an object for each input slot: a list where it takes several, None where it is left out.
template <typename Get>
py::object Call(const py::object& function, const OpDef& def, const Slots& inputs, const Attrs& attrs,
                const Get& get) {
  py::list arguments;
  for (const SlotDef& slot : def.inputs) {
    const int count = static_cast<int>(inputs[slot.name].size());
    py::list several;
    for (int i = 0; i < count; ++i) several.append(get(slot.name, i));
    if (slot.duplicable) arguments.append(several);
    else arguments.append(count == 0 ? py::object(py::none()) : py::object(several[0]));
  }
  return function(*arguments, **AttrsOf(attrs, def));
}

/// What a function returned, as a list for each output slot. @throws InvalidArgument for another number.
std::vector<std::vector<py::object>> PerSlot(const py::object& result, const OpDef& def, const Slots& outputs) {
  std::vector<std::vector<py::object>> slots;
  const bool one = def.outputs.size() == 1;
  const bool tuple = py::isinstance<py::tuple>(result) || py::isinstance<py::list>(result);
  py::list all;
  if (one) all.append(result);
  else if (tuple) all = py::list(result);
  SKIFF_ENFORCE(all.size() == def.outputs.size(), InvalidArgument, "the function of \"", def.type, "\" returns ",
                tuple ? all.size() : 1, " values; the operator has ", def.outputs.size(), " outputs, in a tuple");
  for (size_t s = 0; s < def.outputs.size(); ++s) {
    const SlotDef& slot = def.outputs[s];
    std::vector<py::object> values;
    if (!slot.duplicable) values.push_back(all[s]);
    else for (py::handle value : py::list(all[s])) values.push_back(py::reinterpret_borrow<py::object>(value));
    const size_t wanted = outputs[slot.name].size();
    SKIFF_ENFORCE(wanted == 0 || values.size() == wanted, InvalidArgument, "the function of \"", def.type, "\" returns ",
                  values.size(), " values for ", slot.name, "; the operator has ", wanted, " variables there");
    slots.push_back(std::move(values));
  }
  return slots;
}

void RunFunction(DynamicContext& c) {
  py::gil_scoped_acquire lock;
  const OpDef& def = GetOp(c.op().type);
  const py::object result = Call(AllFunctions().at(def.type).forward, def, c.op().inputs, c.attrs(),
                                 [&](const std::string& slot, int i) {
                                   return ArrayFromTensor(c.InputTensor(slot, i).To(CPUPlace{}));
                                 });
  const auto slots = PerSlot(result, def, c.op().outputs);
  for (size_t s = 0; s < slots.size(); ++s) {
    const std::vector<std::string>& names = c.op().outputs[def.outputs[s].name];
    for (size_t i = 0; i < names.size(); ++i) {
      if (names[i] == kEmptyVarName || slots[s][i].is_none()) continue;
      c.Output(def.outputs[s].name, static_cast<int>(i)) = ToTensor(slots[s][i]).Clone().To(c.place());
    }
  }
}

/// Shapes and dtypes by the user's function: pairs in, pairs out.
void InferByFunction(InferContext& c) {
  py::gil_scoped_acquire lock;
  const OpDef& def = GetOp(c.type());
  const py::object result =
      Call(AllFunctions().at(def.type).infer, def, c.op().inputs, c.attrs(), [&](const std::string& slot, int i) {
        const TensorMeta& meta = c.Input(slot, i);
        return py::object(py::make_tuple(FromShape(meta.shape), ToString(meta.dtype)));
      });
  const auto slots = PerSlot(result, def, c.op().outputs);
  for (size_t s = 0; s < slots.size(); ++s) {
    for (size_t i = 0; i < c.op().outputs[def.outputs[s].name].size(); ++i) {
      const bool pair = py::isinstance<py::tuple>(slots[s][i]) && py::len(slots[s][i]) == 2;
      SKIFF_ENFORCE(pair, InvalidArgument, "the shape function of \"", def.type, "\" returns ",
                    std::string(py::repr(slots[s][i])), " for ", def.outputs[s].name, "; expected (shape, dtype)");
      const py::tuple meta = slots[s][i];
      c.SetOutput(def.outputs[s].name, ToShape(meta[0]), ToDType(meta[1]), static_cast<int>(i));
    }
  }
}

/// "X", "X?" that may be left out, "X*" of any number of variables.
SlotDef ToSlot(const std::string& text) {
  SlotDef slot{text, "of a Python function", false, false, false};
  while (!slot.name.empty() && (slot.name.back() == '?' || slot.name.back() == '*')) {
    slot.dispensable = true;  // any number may be none
    if (slot.name.back() == '*') slot.duplicable = true;
    slot.name.pop_back();
  }
  SKIFF_ENFORCE(!slot.name.empty(), InvalidArgument, "\"", text, "\" names no slot");
  return slot;
}

OpDef& Define(const std::string& type, const std::string& doc, std::vector<SlotDef> inputs, std::vector<SlotDef> outputs,
              std::vector<AttrDef> attrs, py::object forward) {
  SKIFF_ENFORCE(FindOp(type) == nullptr || AllFunctions().contains(type), AlreadyExists, "operator \"", type,
                "\" exists already; give yours a name of its own");
  AllFunctions()[type] = Functions{std::move(forward)};
  OpDef& def = RegisterOp(type);
  def.doc = doc;
  def.source = "a Python function";
  def.inputs = std::move(inputs);
  def.outputs = std::move(outputs);
  def.attrs = std::move(attrs);
  def.grad = nullptr;
  def.side_effect = def.random = false;
  def.dynamic = RunFunction;
  def.has_schema = true;
  return def;
}

void RegisterFunction(const std::string& type, const std::vector<std::string>& inputs, const std::vector<std::string>& outputs,
                      const py::dict& attrs, py::object forward) {
  std::vector<SlotDef> in, out;
  for (const std::string& slot : inputs) in.push_back(ToSlot(slot));
  for (const std::string& slot : outputs) out.push_back(ToSlot(slot));
  SKIFF_ENFORCE(!out.empty(), InvalidArgument, "operator \"", type, "\" has no outputs");
  std::vector<AttrDef> defs;
  for (const auto& [name, value] : attrs) {
    defs.push_back({py::str(name), GuessAttribute(value), "of a Python function", false});
  }
  const std::string doc = py::str(py::getattr(forward, "__doc__", py::str("")));
  OpDef& def = Define(type, doc == "None" ? "" : doc, std::move(in), std::move(out), std::move(defs), std::move(forward));
  if (def.inputs.empty()) {
    def.infer = [](InferContext&) {};
  } else {
    def.infer = [slot = def.inputs[0].name](InferContext& c) {
      for (const SlotDef& out : GetOp(c.type()).outputs) {
        for (int i = 0; i < c.NumOutputs(out.name); ++i) c.SetOutput(out.name, TensorMeta(c.Input(slot)), i);
      }
    };
  }
}

OpDef& OwnOp(const std::string& type) {
  SKIFF_ENFORCE(AllFunctions().contains(type), NotFound, "\"", type, "\" is no operator of a Python function");
  return RegisterOp(type);
}

/// "<type>_grad": takes inputs, outputs and the outputs' gradients, gives the inputs' gradients.
void RegisterGradient(const std::string& type, py::object function) {
  OpDef& forward = OwnOp(type);
  std::vector<SlotDef> in, out;
  std::vector<std::string> ins, outs, out_grads, in_grads;
  const auto optional = [](SlotDef slot, const std::string& name) {
    slot.name = name;
    slot.dispensable = true;
    return slot;
  };
  for (const SlotDef& slot : forward.inputs) {
    in.push_back(optional(slot, slot.name));
    out.push_back(optional(slot, GradName(slot.name)));
    ins.push_back(slot.name);
    in_grads.push_back(slot.name);
  }
  for (const SlotDef& slot : forward.outputs) {
    in.push_back(optional(slot, slot.name));
    outs.push_back(slot.name);
  }
  for (const SlotDef& slot : forward.outputs) {
    in.push_back(optional(slot, GradName(slot.name)));
    out_grads.push_back(slot.name);
  }
  OpDef& grad = Define(type + "_grad", "Gradient of " + type, std::move(in), std::move(out), forward.attrs, std::move(function));
  grad.infer = GradsLikeInputs();
  forward.grad = StandardGrad(ins, outs, out_grads, in_grads);
}

}  // namespace

void BindCustomOp(py::module_& m) {
  m.def("register_function_op", &RegisterFunction);
  m.def("register_function_infer", [](const std::string& type, py::object function) {
    OpDef& def = OwnOp(type);
    AllFunctions()[type].infer = std::move(function);
    def.infer = InferByFunction;
  });
  m.def("register_function_gradient", &RegisterGradient);
}

}  // namespace skiff::python
