// Attributes and operators from Python's values.
#pragma once

#include "framework/program/attribute.h"
#include "python_api/bindings/bindings.h"

namespace skiff::python {

/// `value` as an attribute of the kind that `kind` holds; as its type suggests where `kind` is null.
/// A Variable becomes a reference to it. @throws InvalidType naming the attribute.
Attribute ToAttribute(py::handle value, const Attribute* kind, const std::string& name);
/// The kind that Paddle's files would have: an int is INT, or LONG when it does not fit.
Attribute GuessAttribute(py::handle value);
/// An operator from append_op's arguments, its origin the user's line.
Operator ToOperator(const std::string& type, py::handle inputs, py::handle outputs, py::handle attrs);

}  // namespace skiff::python
