// What the binding files share: conversions between Python's values and skiff's. One file binds one
// header (or a few that belong together); each has a Bind function, called by module.cc.
#pragma once

#include <pybind11/pybind11.h>

#include <memory>
#include <string>
#include <vector>

#include "framework/program/program.h"
#include "framework/tensor/scope.h"

namespace skiff::python {

namespace py = pybind11;

/// The name of a file as the system spells it: bytes that are no UTF-8 are surrogates in Python's str (os.fsencode).
struct FileName : std::string {
  using std::string::string;
  FileName(std::string name) : std::string(std::move(name)) {}  // NOLINT
};

void BindBase(py::module_& m);
void BindTensor(py::module_& m);
void BindProgram(py::module_& m);
void BindOp(py::module_& m);
void BindLayers(py::module_& m);
void BindExecutor(py::module_& m);
void BindIo(py::module_& m);
void BindPickle(py::module_& m);
void BindOptimizer(py::module_& m);
void BindMixedPrecision(py::module_& m);
void BindAveraging(py::module_& m);
void BindCustomOp(py::module_& m);
void BindOnnx(py::module_& m);

/// The text of a str. @throws InvalidArgument where UTF-8 cannot hold it: half a surrogate pair.
std::string ToText(py::handle text);

/// A dtype object, "float32", numpy.float32, numpy.dtype("float32"), float, or Paddle's code.
/// uint16 means bfloat16. @throws InvalidType.
DType ToDType(py::handle dtype);
/// A place object, or None for the CPU.
Place ToPlace(py::handle place);
/// A list or tuple of numbers; None and -1 stand for an unknown extent. A number stands for one extent.
Shape ToShape(py::handle shape);
py::tuple FromShape(const Shape& shape);
/// The attribute's Python form: numbers, strings, lists; blocks become Block objects of `program`.
py::object FromAttribute(const Attribute& attribute, const Program* program);

/// A tensor that shares the array's memory and keeps the array, where it is C-contiguous, aligned and
/// of the machine's byte order; else a copy. Also takes what numpy.asarray takes, as `dtype` if given.
Tensor TensorFromArray(py::handle array, DType dtype = DType::kUndefined);
/// An array that shares the memory of a CPU tensor and keeps it. A tensor on a card is copied.
/// bfloat16 becomes uint16.
py::object ArrayFromTensor(const Tensor& tensor);
/// A tensor of Python's: LoDTensor's, or an array's, a list's or a number's.
Tensor ToTensor(py::handle value, DType dtype = DType::kUndefined);
/// A LoDTensor object of its own (in no scope).
py::object FromTensor(Tensor tensor);
/// What a fetch gives: arrays or LoDTensors, lists of them, SelectedRows.
py::object FromValue(Value value, bool as_array);

/// The variable's Python object, which keeps the program. None for null.
py::object FromVariable(const std::shared_ptr<Variable>& variable);
py::object FromOperator(const std::shared_ptr<Operator>& op, Block& block);
py::object FromBlock(Block& block);
/// The Python object of a program; that of the process's default programs never goes.
py::object FromProgram(Program& program);
/// A name, or a Variable's name. @throws InvalidType saying what `what` is.
std::string ToName(py::handle name_or_variable, const char* what);
/// Names of a list, or of the only one given; none of None.
std::vector<std::string> ToNames(py::handle names, const char* what);

/// "<what> at file.py:12", the innermost frame outside this package.
std::string UserOrigin(const std::string& what);

}  // namespace skiff::python

namespace pybind11::detail {

template <>
struct type_caster<skiff::python::FileName> {
  PYBIND11_TYPE_CASTER(skiff::python::FileName, const_name("str"));

  bool load(handle given, bool) {
    auto name = reinterpret_steal<object>(PyOS_FSPath(given.ptr()));
    if (name && PyUnicode_Check(name.ptr())) name = reinterpret_steal<object>(PyUnicode_EncodeFSDefault(name.ptr()));
    if (!name) {
      PyErr_Clear();
      return false;
    }
    value = skiff::python::FileName(static_cast<std::string>(reinterpret_borrow<bytes>(name)));
    return true;
  }
  static handle cast(const skiff::python::FileName& name, return_value_policy, handle) {
    return PyUnicode_DecodeFSDefaultAndSize(name.data(), static_cast<Py_ssize_t>(name.size()));
  }
};

}  // namespace pybind11::detail
