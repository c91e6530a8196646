// Before a program is written for Paddle 3: operators that have no counterpart there, said with ones that do.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "framework/program/program.h"

namespace skiff::io {

/// A copy of `program` in which older spellings are replaced by newer operators of the same meaning: mul by reshape2 and
/// matmul_v2, an elementwise operator's axis by a reshape2, lookup_table by lookup_table_v2, and so on. Gradients of lists are whole.
/// @throws Unimplemented where an extent must be known for that and is not.
std::unique_ptr<Program> Lower(const Program& program);

/// The operators that Lower says `type` with; none where it leaves it (but for an elementwise operator's axis).
std::vector<std::string> LoweredTo(const std::string& type);

}  // namespace skiff::io
