// Large copies out of a file into memory that nobody has touched yet.
#pragma once

#include <cstddef>

namespace skiff::io {

/// As std::memcpy, for a `to` that was just allocated: asks for the pages of both sides in large steps, where each
/// would cost a fault of its own. `from` may be a mapped file.
void CopyToFresh(void* to, const void* from, size_t bytes);

}  // namespace skiff::io
