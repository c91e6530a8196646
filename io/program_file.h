// Program files: .pdmodel and __model__. A program that was read is written back byte for byte; one that
// was built is written as Paddle 2.6.2 writes it. Protocol Buffers stay inside program_parse.cc and
// program_serialize.cc.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "framework/program/program.h"

namespace skiff::io {

/// What Paddle 2.6.2 calls itself in files.
inline constexpr int64_t kProgramVersion = 2006002;

/// Reads a program: a ProgramDesc, or the JSON that Paddle 3 writes (see ImportPir), told apart by content.
///
/// @param bytes  The whole file.
/// @param what   Names the bytes in errors, say the path.
/// @return       The program. Its op_version_map is empty, not absent, where the file has none.
/// @throws InvalidArgument  The bytes are no protobuf (with byte and field), or describe no program:
///     blocks not numbered 0, 1, ..., a parent or sub-block that does not exist, sub-blocks that own each
///     other, an unknown kind of variable, attribute or element, extents that overflow, a name twice.
///
/// Every version is accepted. Operators are not looked up: a program of unknown operators can be read,
/// printed and written. Fields skiff does not know are kept at the level of program, block, variable and
/// operator.
/// Source: docs/formats.md, section 1.
std::unique_ptr<Program> ParseProgram(std::span<const uint8_t> bytes, const std::string& what);

/// The bytes of a program file. What was read keeps its order and spelling; new variables follow sorted by
/// name, slots and attributes of new operators are sorted as Paddle sorts them.
/// @throws InvalidArgument when a program has 2 GiB or more, which protobuf cannot hold.
std::string SerializeProgram(const Program& program);

/// Which of Paddle's two languages a program is written in.
enum class ProgramFormat {
  kProtobuf,  // .pdmodel: 1.x, 2.x, and 3.x with FLAGS_enable_pir_api=0
  kJson,      // .json: what Paddle 3 reads and writes by default
};

/// The program as Paddle 3 writes it (PIR in JSON). A program with feed and fetch operators is one for inference.
/// What was read from JSON and not changed is written byte for byte, but for constants that several operators share.
/// @param readable  With line ends and indents.
/// @throws Unimplemented  Lists every operator that Paddle 3 does not have, or that the table docs/pir_operators.md lacks.
/// @throws InvalidArgument  A variable without dtype, or read before it is written.
std::string SerializeProgramJson(const Program& program, bool readable = false);

/// How Paddle spells a variable that no file spelled yet.
Variable::FileForm FormOfNew(const Variable& variable);

/// Orders slots and attributes by name as Paddle does: extra attributes first, then the others.
void SortAsPaddle(Operator* op);

}  // namespace skiff::io
