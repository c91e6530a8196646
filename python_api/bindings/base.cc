// framework/base: dtypes, places, shapes, and where the user's code stands.
#include <pybind11/numpy.h>

#include "framework/base/dtype.h"
#include "framework/tensor/memory.h"
#include "python_api/bindings/bindings.h"

namespace skiff::python {

namespace {

// numpy.dtype(x).name, for whatever else numpy knows.
std::string NumpyName(py::handle dtype) {
  try {
    return py::str(py::dtype::from_args(py::reinterpret_borrow<py::object>(dtype)).attr("name"));
  } catch (py::error_already_set& error) {
    if (!error.matches(PyExc_TypeError)) throw;
    throw InvalidType(StrCat("there is no dtype ", py::repr(dtype).cast<std::string>(),
                             "; use skiff.float32, \"int64\", numpy.bool_ and the like"));
  }
}

DType FromName(const std::string& name) {
  return name == "uint16" ? DType::kBFloat16 : ParseDType(name);
}

std::string Prefix(const std::string& file) { return file.substr(0, file.rfind('/') + 1); }

// The folder of this package: frames of files in it are not the user's.
std::string& PackageFolder() {
  static std::string folder;
  return folder;
}

}  // namespace

std::string ToText(py::handle text) {
  Py_ssize_t bytes = 0;
  const char* utf8 = PyUnicode_AsUTF8AndSize(text.ptr(), &bytes);
  if (utf8 != nullptr) return {utf8, static_cast<size_t>(bytes)};
  PyErr_Clear();
  throw InvalidArgument(StrCat(py::repr(text).cast<std::string>(), " is no text that UTF-8 can hold: half a surrogate pair is in it"));
}

DType ToDType(py::handle dtype) {
  if (py::isinstance<DType>(dtype)) return dtype.cast<DType>();
  if (py::isinstance<py::str>(dtype)) {
    const auto text = dtype.cast<std::string>();
    try {
      return FromName(text);
    } catch (const Error&) {  // "float", "<f4", ...
      return FromName(NumpyName(dtype));
    }
  }
  if (py::isinstance<py::int_>(dtype) && IsValidDType(dtype.cast<int>())) {
    return static_cast<DType>(dtype.cast<int>());
  }
  SKIFF_ENFORCE(!dtype.is_none(), InvalidType, "a dtype is wanted, None was given");
  return FromName(NumpyName(dtype));
}

Place ToPlace(py::handle place) {
  if (place.is_none()) return CPUPlace{};
  SKIFF_ENFORCE(py::isinstance<Place>(place), InvalidType, "a place is wanted (CPUPlace() or CUDAPlace(0)), ",
                py::repr(place).cast<std::string>(), " was given");
  return place.cast<Place>();
}

Shape ToShape(py::handle shape) {
  if (py::isinstance<py::int_>(shape)) return Shape{shape.cast<int64_t>()};
  std::vector<int64_t> dims;
  for (py::handle dim : shape) dims.push_back(dim.is_none() ? -1 : py::int_(dim.cast<py::object>()).cast<int64_t>());
  return Shape(dims);
}

py::tuple FromShape(const Shape& shape) {
  py::tuple dims(shape.size());
  for (int i = 0; i < shape.rank(); ++i) dims[i] = shape[i];
  return dims;
}

std::string UserOrigin(const std::string& what) {
  const std::string& package = PackageFolder();
  PyFrameObject* frame = PyEval_GetFrame();
  Py_XINCREF(frame);
  std::string origin = what;
  while (frame != nullptr) {
    PyCodeObject* code = PyFrame_GetCode(frame);
    const std::string file = py::str(reinterpret_cast<PyObject*>(code)->ob_type == &PyCode_Type
                                         ? py::handle(code->co_filename) : py::handle(py::str("")));
    Py_DECREF(code);
    if (package.empty() || !file.starts_with(package)) {
      origin += " at " + file + ":" + std::to_string(PyFrame_GetLineNumber(frame));
      Py_DECREF(frame);
      break;
    }
    PyFrameObject* back = PyFrame_GetBack(frame);
    Py_DECREF(frame);
    frame = back;
  }
  return origin;
}

void BindBase(py::module_& m) {
  py::enum_<DType>(m, "dtype", py::arithmetic(), "An element type: skiff.float32 and the like.")
      .value("bool", DType::kBool)
      .value("int16", DType::kInt16)
      .value("int32", DType::kInt32)
      .value("int64", DType::kInt64)
      .value("float16", DType::kFloat16)
      .value("float32", DType::kFloat32)
      .value("float64", DType::kFloat64)
      .value("uint8", DType::kUInt8)
      .value("int8", DType::kInt8)
      .value("bfloat16", DType::kBFloat16)
      .value("complex64", DType::kComplex64)
      .value("complex128", DType::kComplex128);
  for (const char* name : {"int16", "int32", "int64", "float16", "float32", "float64", "uint8", "int8", "bfloat16",
                           "complex64", "complex128"}) {
    m.attr(name) = m.attr("dtype").attr(name);
  }
  m.attr("bool_") = m.attr("dtype").attr("bool");
  m.attr("dtype").attr("__repr__") = py::cpp_function(
      [](DType dtype) { return std::string("paddle.") + ToString(dtype); }, py::is_method(m.attr("dtype")));
  m.attr("dtype").attr("__str__") = m.attr("dtype").attr("__repr__");
  m.def("to_dtype", &ToDType);
  m.def("dtype_name", [](py::handle dtype) { return std::string(ToString(ToDType(dtype))); });
  m.def("is_floating", [](py::handle dtype) { return IsFloating(ToDType(dtype)); });
  m.def("is_integer", [](py::handle dtype) { return IsInteger(ToDType(dtype)); });

  py::class_<Place>(m, "Place", "Where a tensor lives and a program runs.")
      .def_property_readonly("_is_cuda", &Place::is_cuda)
      .def("get_device_id", [](const Place& p) { return p.id; })
      .def("__eq__", [](const Place& p, const Place& q) { return p == q; }, py::is_operator())
      .def("__hash__", [](const Place& p) { return static_cast<int>(p.kind) * 1000 + p.id; })
      .def("__repr__", &Place::ToString);
  struct PyCpuPlace : Place {};
  struct PyCudaPlace : Place {};
  py::class_<PyCpuPlace, Place>(m, "CPUPlace", "The CPU.").def(py::init([] { return PyCpuPlace{}; }));
  py::class_<PyCudaPlace, Place>(m, "CUDAPlace", "The CUDA card with the given index.")
      .def(py::init([](int id) {
             SKIFF_ENFORCE(id >= 0, InvalidArgument, "CUDAPlace(", id, "): a card's index is 0 or more");
             return PyCudaPlace{Place{PlaceKind::kCuda, id}};
           }),
           py::arg("id") = 0);
  m.def("is_compiled_with_cuda", &IsCompiledWithCuda);
  m.def("cuda_device_count", &CudaDeviceCount);
  m.def("set_package_file", [](const std::string& file) { PackageFolder() = Prefix(file); });
  m.def("user_origin", &UserOrigin);
}

}  // namespace skiff::python
