// Any bytes as a program of Paddle 3: an error or a program. A document that was read is written and read again alike;
// a program that was read is written, or an error says why not.
#include "io/pir/pir_program.h"
#include "tests/fuzz/fuzz.h"

namespace skiff::io {

void FuzzPir(std::span<const uint8_t> bytes) {
  PirModule module = ParsePir(bytes, "fuzz");
  const std::string once = WritePir(module);
  PirModule again = ParsePir(AsBytes(once), "again");
  Require(WritePir(again) == once, "written alike");
  const std::unique_ptr<Program> program = ImportPir(module, "fuzz");
  PirModule exported = ExportPir(*program);
  const std::string text = WritePir(exported);
  ParsePir(AsBytes(text), "exported");
}

}  // namespace skiff::io

SKIFF_FUZZ_TARGET(pir, skiff::io::FuzzPir, skiff::io::MutateJson)
