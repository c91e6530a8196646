// For tests: memory whose end is watched.
#pragma once

namespace skiff {

/// While on, every block of CPU memory that Allocate makes ends at a page that nobody may touch: what reads or
/// writes past its end stops the process at once. Blocks are aligned to the size of their elements only, and each
/// costs two system calls.
void GuardMemory(bool on);

}  // namespace skiff
