// framework/tensor: tensors as numpy arrays without copying, and scopes.
#include <pybind11/numpy.h>
#include <pybind11/stl.h>

#include "python_api/bindings/bindings.h"

namespace skiff::python {

namespace {

DType FromNumpy(const py::dtype& dtype) {
  switch (dtype.kind()) {
    case 'b': return DType::kBool;
    case 'i':
      switch (dtype.itemsize()) {
        case 1: return DType::kInt8;
        case 2: return DType::kInt16;
        case 4: return DType::kInt32;
        case 8: return DType::kInt64;
      }
      break;
    case 'u':
      if (dtype.itemsize() == 1) return DType::kUInt8;
      if (dtype.itemsize() == 2) return DType::kBFloat16;
      break;
    case 'f':
      switch (dtype.itemsize()) {
        case 2: return DType::kFloat16;
        case 4: return DType::kFloat32;
        case 8: return DType::kFloat64;
      }
      break;
    case 'c':
      if (dtype.itemsize() == 8) return DType::kComplex64;
      if (dtype.itemsize() == 16) return DType::kComplex128;
      break;
  }
  throw InvalidType(StrCat("arrays of ", py::str(dtype).cast<std::string>(), " cannot become tensors"));
}

// numpy's dtypes are made once: finding one by name costs as much as a small program's run.
py::dtype ToNumpy(DType dtype) {
  static PyObject* made[32] = {};
  PyObject*& entry = made[static_cast<int>(dtype)];
  if (entry == nullptr) entry = py::dtype(dtype == DType::kBFloat16 ? "uint16" : ToString(dtype)).release().ptr();
  return py::reinterpret_borrow<py::dtype>(entry);
}

// Gives up its array with the interpreter's lock held, on whatever thread the last tensor goes.
std::shared_ptr<void> KeepArray(py::array array) {
  PyObject* object = array.release().ptr();
  return std::shared_ptr<void>(object, [](void* p) {
    if (!Py_IsInitialized()) return;
    py::gil_scoped_acquire lock;
    Py_DECREF(static_cast<PyObject*>(p));
  });
}

constexpr int kWanted = static_cast<int>(py::array::c_style) | py::detail::npy_api::NPY_ARRAY_ALIGNED_;

// A tensor by itself, or the tensor called `name` of a scope: what get_tensor() returns writes through.
struct LoDTensor {
  Tensor own;
  std::shared_ptr<Scope> scope;
  std::string name;

  Tensor& get() {
    if (scope == nullptr) return own;
    Value& value = *scope->Var(name);
    SKIFF_ENFORCE(std::holds_alternative<Tensor>(value), InvalidType, "variable \"", name,
                  "\" of the scope is no tensor");
    return std::get<Tensor>(value);
  }
};

void Set(LoDTensor& self, py::handle array, py::handle place) {
  const Tensor given = ToTensor(array);
  Tensor copy = given.CopyTo(ToPlace(place));
  Tensor& target = self.get();
  if (target.is_initialized() && copy.shape().rank() > 0 && !target.lod().empty() &&
      target.lod().back().back() == static_cast<uint64_t>(copy.shape()[0])) {
    copy.set_lod(target.lod());
  }
  target = std::move(copy);
}

using Lengths = std::vector<std::vector<uint64_t>>;

LoD OffsetsOf(const Lengths& lengths) {
  LoD lod;
  for (const auto& level : lengths) {
    lod.push_back({0});
    for (uint64_t length : level) lod.back().push_back(lod.back().back() + length);
  }
  return lod;
}

Lengths LengthsOf(const LoD& lod) {
  Lengths lengths;
  for (const auto& level : lod) {
    lengths.emplace_back();
    for (size_t i = 1; i < level.size(); ++i) lengths.back().push_back(level[i] - level[i - 1]);
  }
  return lengths;
}

py::object Initialised(LoDTensor& self) {
  SKIFF_ENFORCE(self.get().is_initialized(), PreconditionNotMet, "the tensor",
                self.name.empty() ? "" : " \"" + self.name + "\"", " holds no value yet");
  // A view of a scope's memory would change under the user's hands when the program runs again.
  return ArrayFromTensor(self.scope == nullptr ? self.own : self.get().Clone());
}

struct ScopeVariable {
  std::shared_ptr<Scope> scope;
  std::string name;
};

}  // namespace

Tensor TensorFromArray(py::handle value, DType dtype) {
  py::array array;
  if (py::isinstance<py::array>(value)) {
    array = py::reinterpret_borrow<py::array>(value);
    // Paddle never converts what is an array already; the executor says what it wanted.
    if (array.dtype().byteorder() == '>') array = array.attr("astype")(array.dtype().attr("newbyteorder")("="));
  } else {
    const py::object numpy = py::module_::import("numpy");
    array = dtype == DType::kUndefined ? numpy.attr("asarray")(value)
                                       : numpy.attr("asarray")(value, ToNumpy(dtype));
  }
  const DType kind = FromNumpy(array.dtype());
  if ((array.flags() & kWanted) != kWanted) array = py::array::ensure(array, kWanted);
  if (!array) throw py::error_already_set();
  Shape shape(std::span<const int64_t>(array.shape(), static_cast<size_t>(array.ndim())));
  void* data = const_cast<void*>(array.data());
  return Tensor(shape, kind, CPUPlace{}, KeepArray(std::move(array)), data);
}

py::object ArrayFromTensor(const Tensor& given) {
  const Tensor tensor = given.To(CPUPlace{});
  auto* owner = new std::shared_ptr<void>(tensor.owner());
  py::capsule capsule(owner, [](void* p) { delete static_cast<std::shared_ptr<void>*>(p); });
  return py::array(ToNumpy(tensor.dtype()), std::vector<py::ssize_t>(tensor.shape().begin(), tensor.shape().end()),
                   const_cast<void*>(tensor.raw_data()), capsule);
}

Tensor ToTensor(py::handle value, DType dtype) {
  if (py::isinstance<LoDTensor>(value)) return value.cast<LoDTensor&>().get();
  return TensorFromArray(value, dtype);
}

py::object FromTensor(Tensor tensor) { return py::cast(LoDTensor{std::move(tensor), nullptr, ""}); }

py::object FromValue(Value value, bool as_array) {
  if (Tensor* tensor = std::get_if<Tensor>(&value)) {
    if (as_array) {
      return tensor->is_initialized() ? ArrayFromTensor(*tensor) : py::object(py::none());
    }
    return FromTensor(std::move(*tensor));
  }
  if (TensorArray* tensors = std::get_if<TensorArray>(&value)) {
    py::list list;
    for (Tensor& tensor : *tensors) list.append(FromValue(std::move(tensor), as_array));
    return list;
  }
  if (SelectedRows* rows = std::get_if<SelectedRows>(&value)) return py::cast(std::move(*rows));
  return py::cast(std::get<Vocab>(value));
}

void BindTensor(py::module_& m) {
  py::class_<LoDTensor>(m, "LoDTensor", R"(A tensor with, perhaps, the sequences its rows belong to.

numpy.asarray(t) gives its elements, bfloat16 as uint16.)")
      .def(py::init<>())
      .def("set", &Set, py::arg("array"), py::arg("place") = py::none(), "Copies an array's shape, dtype and elements.")
      .def("shape", [](LoDTensor& t) { return py::list(FromShape(t.get().shape())); })
      .def("_dtype", [](LoDTensor& t) { return t.get().dtype(); })
      .def_property_readonly("dtype", [](LoDTensor& t) { return t.get().dtype(); })
      .def("_place", [](LoDTensor& t) { return t.get().place(); })
      .def("_is_initialized", [](LoDTensor& t) { return t.get().is_initialized(); })
      .def("numpy", &Initialised)
      .def("__array__",
           [](LoDTensor& t, py::object dtype, py::object copy) {
             py::object array = Initialised(t);
             if (!dtype.is_none()) return py::object(array.attr("astype")(dtype));
             // numpy 2 leaves the copying to us, numpy 1 does it itself.
             const bool wanted = !copy.is_none() && copy.cast<bool>();
             return wanted ? py::object(array.attr("copy")()) : array;
           },
           py::arg("dtype") = py::none(), py::arg("copy") = py::none())
      .def("__len__", [](LoDTensor& t) { return t.get().shape().At(0); })
      .def("__getitem__", [](LoDTensor& t, py::object key) { return Initialised(t)[key]; })
      .def("lod", [](LoDTensor& t) { return t.get().lod(); }, "Offsets at which sequences begin, level by level.")
      .def("set_lod", [](LoDTensor& t, const LoD& lod) { t.get().set_lod(lod); })
      .def("recursive_sequence_lengths", [](LoDTensor& t) { return LengthsOf(t.get().lod()); })
      .def("set_recursive_sequence_lengths",
           [](LoDTensor& t, const Lengths& lengths) { t.get().set_lod(OffsetsOf(lengths)); })
      .def("has_valid_recursive_sequence_lengths",
           [](LoDTensor& t) {
             try {
               if (!t.get().lod().empty()) CheckLoD(t.get().lod(), t.get().shape().At(0));
               return true;
             } catch (const InvalidArgument&) {
               return false;
             }
           })
      .def("__repr__", [](LoDTensor& t) { return "LoDTensor " + t.get().ToString(); });
  m.def("tensor_from", [](py::object value, py::object dtype) {
    return FromTensor(ToTensor(value, dtype.is_none() ? DType::kUndefined : ToDType(dtype)));
  }, py::arg("value"), py::arg("dtype") = py::none());

  py::class_<SelectedRows>(m, "SelectedRows", "Some rows of a tall matrix.")
      .def("rows", [](const SelectedRows& s) { return s.rows; })
      .def("height", [](const SelectedRows& s) { return s.height; })
      .def("get_tensor", [](const SelectedRows& s) { return FromTensor(s.value); });

  py::class_<ScopeVariable>(m, "ScopeVariable", "One variable of a scope.")
      .def("name", [](const ScopeVariable& v) { return v.name; })
      .def("get_tensor", [](const ScopeVariable& v) { return LoDTensor{{}, v.scope, v.name}; })
      .def("get_selected_rows", [](const ScopeVariable& v) {
        const SelectedRows* rows = std::get_if<SelectedRows>(v.scope->Var(v.name));
        SKIFF_ENFORCE(rows != nullptr, InvalidType, "variable \"", v.name, "\" of the scope is no set of rows");
        return *rows;
      });

  py::class_<Scope, std::shared_ptr<Scope>>(m, "Scope", "Values of variables by name: parameters and other state.")
      .def(py::init([] { return std::make_shared<Scope>(); }))
      .def("var", [](std::shared_ptr<Scope> s, const std::string& name) {
        s->Var(name);
        return ScopeVariable{s, name};
      }, "The variable, made when missing.")
      .def("find_var", [](std::shared_ptr<Scope> s, const std::string& name) -> py::object {
        return s->FindVar(name) == nullptr ? py::object(py::none()) : py::cast(ScopeVariable{s, name});
      }, "The variable, or None.")
      .def("erase", [](Scope& s, const std::vector<std::string>& names) {
        for (const std::string& name : names) s.Erase(name);
      })
      .def("local_var_names", &Scope::LocalNames)
      .def("drop_kids", [](Scope&) {});
  // The process's scope; its object is made once and never goes.
  m.attr("_process_scope") = py::cast(std::shared_ptr<Scope>(&GlobalScope(), [](Scope*) {}));
  m.def("global_scope", [] { return py::cast(&GlobalScope(), py::return_value_policy::reference); });

  struct PyScopeGuard {
    std::shared_ptr<Scope> scope;
    std::unique_ptr<ScopeGuard> guard;
  };
  py::class_<PyScopeGuard>(m, "ScopeGuard")
      .def(py::init([](std::shared_ptr<Scope> scope) { return PyScopeGuard{std::move(scope), nullptr}; }))
      .def("enter", [](PyScopeGuard& g) { g.guard = std::make_unique<ScopeGuard>(*g.scope); })
      .def("exit", [](PyScopeGuard& g) { g.guard.reset(); });
}

}  // namespace skiff::python
