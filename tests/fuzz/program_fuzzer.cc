// Any bytes as a program: an error or a program, and a program that is written and read again is written
// alike.
#include "io/program_file.h"
#include "tests/fuzz/fuzz.h"

namespace skiff::io {

void FuzzProgram(std::span<const uint8_t> bytes) {
  const std::unique_ptr<Program> program = ParseProgram(bytes, "fuzz");
  const std::string once = SerializeProgram(*program);
  Require(SerializeProgram(*ParseProgram(AsBytes(once), "again")) == once, "written alike");
  Require(SerializeProgram(*program->Clone()) == once, "a clone is written alike");
}

}  // namespace skiff::io

SKIFF_FUZZ_TARGET(program, skiff::io::FuzzProgram, skiff::io::MutateProgram)
