// Verification: what is wrong with a program's graph, all of it at once, before anything runs it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "framework/base/error.h"
#include "framework/program/program.h"

namespace skiff {

/// One thing that is wrong, and where.
struct Defect {
  enum Kind { kUnknownOp, kSlotOrAttr, kVariable, kBlock };
  Kind kind;
  int block = 0;
  int op = -1;       // position in the block, -1 where no operator is meant
  std::string text;  // "block 0 op 3 (mul): input Y is missing"
};

struct VerifyOptions {
  /// Names that will be fed. When absent, a variable that no operator writes counts as fed.
  std::optional<std::vector<std::string>> feeds = {};
};

/// Every defect, in order of blocks and operators:
/// - operators that are not registered;
/// - slots the schema does not know, slots missing or overfull, attributes missing or of a wrong kind;
/// - names that no block in sight declares, variables read before anything writes or feeds them,
///   extents below -1 and sizes that do not fit in 63 bits;
/// - references to blocks that do not exist, blocks that contain or descend from themselves.
/// Works for any program, however broken. Empty when the program is sound.
std::vector<Defect> FindDefects(const Program& program, const VerifyOptions& options = {});

/// @throws Unimplemented when all that is wrong is operators not registered, else InvalidArgument;
/// either names every defect, a line for each kind.
void Verify(const Program& program, const VerifyOptions& options = {});

}  // namespace skiff
