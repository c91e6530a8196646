// A walk over a program file's protobuf bytes before protobuf sees them: protobuf says only that parsing
// failed, this says where, and it bounds what parsing may allocate.
#pragma once

#include "io/reader.h"

namespace skiff::io {

/// Limits of a program file. Real ones stay far below: BERT base has some 30,000 messages.
inline constexpr uint64_t kMaxProgramBytes = 0x7FFFFFFF;  // protobuf's own limit
inline constexpr uint64_t kMaxProgramMessages = 1 << 24;

/// Walks a ProgramDesc. @throws InvalidArgument naming byte and field path where a length passes the end
/// of its message, a key or varint is malformed, or a limit is passed.
void CheckProgramWire(Reader reader);

}  // namespace skiff::io
