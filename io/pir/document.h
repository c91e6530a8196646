// JSON text as a bounded document, with accessors whose errors say where in the file they looked.
#pragma once

#include <span>
#include <string>

#include "framework/base/error.h"
#include "io/pir/ir.h"
#include "io/wire.h"

namespace skiff::io {

/// Parses JSON. @throws InvalidArgument naming the byte: bad syntax, too deep, too many values, a key twice.
Json ParseJson(std::span<const uint8_t> bytes, const std::string& what);

/// Part of a document: a value, the file and the path to it.
class JsonNode {
 public:
  JsonNode(const Json& value, const std::string& what, const FieldPath& path)
      : value_(value), what_(what), path_(path) {}

  const Json& value() const { return value_; }
  const FieldPath& path() const { return path_; }
  const std::string& what() const { return what_; }

  /// @throws InvalidArgument always: the file, `message`, the path.
  [[noreturn]] void Fail(const std::string& message) const;
  /// @throws InvalidArgument unless the value is of the kind.
  const Json& Array() const;
  const Json& Object() const;
  const std::string& Text() const;
  int64_t Integer() const;
  /// A member of an object. @throws InvalidArgument when it is not there.
  const Json& Member(const char* name) const;
  bool Has(const char* name) const { return value_.is_object() && value_.contains(name); }

 private:
  const Json& value_;
  const std::string& what_;
  const FieldPath& path_;
};

}  // namespace skiff::io
