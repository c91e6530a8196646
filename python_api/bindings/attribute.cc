// framework/program/attribute: between Python's values and an attribute of a known kind.
#include <pybind11/complex.h>
#include <pybind11/stl.h>

#include "python_api/bindings/attribute.h"

namespace skiff::python {

namespace {

template <typename T>
T One(py::handle value) {
  if constexpr (std::is_same_v<T, bool>) {
    return py::bool_(py::reinterpret_borrow<py::object>(value)).template cast<bool>();
  } else if constexpr (std::is_integral_v<T>) {
    if (py::isinstance<DType>(value)) return static_cast<T>(value.cast<DType>());
    return py::int_(py::reinterpret_borrow<py::object>(value)).template cast<T>();
  } else if constexpr (std::is_floating_point_v<T>) {
    return static_cast<T>(py::float_(py::reinterpret_borrow<py::object>(value)).template cast<double>());
  } else if constexpr (std::is_same_v<T, std::string>) {
    return value.cast<std::string>();
  } else if constexpr (std::is_same_v<T, BlockRef>) {
    return {py::isinstance<Block>(value) ? value.cast<Block&>().idx() : value.cast<int>()};
  } else if constexpr (std::is_same_v<T, VarRef>) {
    return {ToName(value, "an attribute that is a variable")};
  } else {  // Scalar
    if (py::isinstance<py::bool_>(value)) return value.cast<bool>();
    if (py::isinstance<py::int_>(value)) return value.cast<int64_t>();
    if (PyComplex_Check(value.ptr())) return value.cast<std::complex<double>>();
    return value.cast<double>();
  }
}

// Fills the alternative that `kind` holds.
struct Filler {
  py::handle value;

  template <typename T>
  Attribute operator()(const T&) const {
    return One<T>(value);
  }
  template <typename T>
  Attribute operator()(const std::vector<T>&) const {
    std::vector<T> list;
    if (py::isinstance<py::str>(value) || !PySequence_Check(value.ptr())) {
      list.push_back(One<T>(value));  // a number where a list of one is meant
      return list;
    }
    for (py::handle one : value) list.push_back(One<T>(one));
    return list;
  }
};

bool AllOf(py::handle list, bool (*is)(py::handle)) {
  for (py::handle one : list) {
    if (!is(one)) return false;
  }
  return true;
}

Attribute GuessList(py::handle value) {
  if (py::len(value) == 0) return std::vector<int32_t>{};
  if (AllOf(value, [](py::handle v) { return py::isinstance<py::str>(v); })) {
    return Filler{value}(std::vector<std::string>{});
  }
  if (AllOf(value, [](py::handle v) { return py::isinstance<py::bool_>(v); })) return Filler{value}(std::vector<bool>{});
  if (AllOf(value, [](py::handle v) { return py::isinstance<Variable>(v); })) return Filler{value}(std::vector<VarRef>{});
  if (AllOf(value, [](py::handle v) { return py::isinstance<Block>(v); })) return Filler{value}(std::vector<BlockRef>{});
  if (!AllOf(value, [](py::handle v) { return PyIndex_Check(v.ptr()) != 0; })) {
    return Filler{value}(std::vector<float>{});
  }
  const auto wide = std::get<std::vector<int64_t>>(Filler{value}(std::vector<int64_t>{}));
  for (int64_t v : wide) {
    if (v != static_cast<int32_t>(v)) return wide;
  }
  return std::vector<int32_t>(wide.begin(), wide.end());
}

}  // namespace

Attribute GuessAttribute(py::handle value) {
  if (py::isinstance<py::bool_>(value)) return value.cast<bool>();
  if (py::isinstance<DType>(value)) return static_cast<int32_t>(value.cast<DType>());
  if (py::isinstance<py::str>(value)) return value.cast<std::string>();
  if (py::isinstance<Block>(value)) return One<BlockRef>(value);
  if (py::isinstance<Variable>(value)) return One<VarRef>(value);
  if (PyFloat_Check(value.ptr())) return static_cast<float>(value.cast<double>());
  if (PyIndex_Check(value.ptr()) && !PySequence_Check(value.ptr())) {
    const auto wide = One<int64_t>(value);
    if (wide == static_cast<int32_t>(wide)) return static_cast<int32_t>(wide);
    return wide;
  }
  if (PySequence_Check(value.ptr())) return GuessList(value);
  return static_cast<float>(One<double>(value));  // numpy's floats
}

Attribute ToAttribute(py::handle value, const Attribute* kind, const std::string& name) {
  try {
    // An attribute given as a variable, or a list of variables, is read when the operator runs.
    const bool several = PyList_Check(value.ptr()) && py::len(value) > 0 && AllOf(value, [](py::handle v) { return py::isinstance<Variable>(v); });
    if (kind == nullptr || several || py::isinstance<Variable>(value)) return GuessAttribute(value);
    return std::visit(Filler{value}, *kind);
  } catch (const py::error_already_set&) {
  } catch (const py::cast_error&) {
  }
  PyErr_Clear();
  throw InvalidType(StrCat("attribute \"", name, "\" is ", py::repr(value).cast<std::string>(), ", which cannot be read as ",
                           kind == nullptr ? "any kind of attribute" : KindName(*kind)));
}

py::object FromAttribute(const Attribute& attribute, const Program* program) {
  const auto block = [program](BlockRef ref) { return FromBlock(program->block(ref.index)); };
  return std::visit(
      [&](const auto& value) -> py::object {
        using T = std::decay_t<decltype(value)>;
        if constexpr (std::is_same_v<T, BlockRef>) {
          return block(value);
        } else if constexpr (std::is_same_v<T, VarRef>) {
          return py::str(value.name);
        } else if constexpr (std::is_same_v<T, std::vector<BlockRef>> || std::is_same_v<T, std::vector<VarRef>>) {
          py::list list;
          for (const auto& one : value) list.append(FromAttribute(Attribute(one), program));
          return list;
        } else {
          return py::cast(value);
        }
      },
      attribute);
}

}  // namespace skiff::python
