// Types and attributes of PIR files, and what they are in a Program.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "framework/program/attribute.h"
#include "framework/program/variable.h"
#include "io/pir/ir.h"

namespace skiff::io {

/// What a value is: one variable's description, or several for a vector type.
struct PirType {
  bool list = false;
  std::vector<Variable> elements;  // only kind, dtype, shape and lod_level are set
};

/// @throws InvalidArgument for a type that is malformed or that skiff has no variables of. `where` is for the error.
PirType FromPirType(const Json& type, const std::string& where);
/// A tensor's or array's type. @throws InvalidArgument for a variable of another kind or without a dtype.
Json ToPirType(const Variable& variable);
Json PirListType(const std::vector<Json>& elements);
inline Json PirNullType() { return {{"#", "NULL"}}; }

/// An attribute's value as the nearest kind of 2.x: a dtype becomes its code, a place and a layout a text. Nothing
/// for kinds that 2.x has no counterpart of. @throws InvalidArgument when the data is not of the kind.
std::optional<Attribute> FromPirAttribute(const Json& attribute, const std::string& where);
/// The other way. `kind` as in the table of operators: bool i32 i64 f32 f64 str, these with an s for arrays, dtype,
/// place ("0,0," is kind, device number, device), layout, intarray.
/// @throws InvalidArgument where the value is not convertible.
Json ToPirAttribute(const std::string& kind, const Attribute& value);

/// `value` as the kind `like` has: numbers into each other where nothing is lost but precision, one element into a list
/// of one, texts of numbers. Nothing where they do not go together.
std::optional<Attribute> ConvertAttribute(const Attribute& value, const Attribute& like);
/// A default of the table of operators as an attribute of its kind.
Attribute ParseAttribute(const std::string& kind, const std::string& text);

Json PirNumber(const char* kind, double value);
std::string PirDTypeName(DType dtype);

}  // namespace skiff::io
