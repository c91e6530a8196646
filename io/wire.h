// A walk over a program file's protobuf bytes before protobuf sees them: protobuf says only that parsing
// failed, this says where, and it counts what parsing will allocate.
#pragma once

#include "io/reader.h"

namespace skiff::io {

inline constexpr uint64_t kMaxProgramBytes = 0x7FFFFFFF;  // protobuf's own limit

/// Where in nested messages something stands, e.g. blocks[0].ops[3].attrs[1]. Made on the stack on the way
/// down, turned into text only for an error.
struct FieldPath {
  const FieldPath* outer = nullptr;
  const char* name = "";
  int64_t index = -1;  // -1: not one of several

  std::string ToString() const {
    const std::string before = outer == nullptr ? "" : outer->ToString();
    return StrCat(before, before.empty() ? "" : ".", name,
                  index < 0 ? "" : "[" + std::to_string(index) + "]");
  }
};

/// Walks a ProgramDesc. @throws InvalidArgument naming byte and field path where a length passes the end
/// of its message, a key or varint is malformed, or a limit is passed.
void CheckProgramWire(Reader reader);

}  // namespace skiff::io
