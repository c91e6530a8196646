// Programs of Paddle 3 (PIR) as their files describe them: operations over values, in regions of blocks. Nothing
// here knows what an operation means, so what is read is written back byte for byte.
#pragma once

#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <vector>

namespace skiff::io {

/// Objects sorted by key and numbers in shortest form: as Paddle, which uses the same library, writes them.
using Json = nlohmann::json;

/// The text of an object's member, "" where there is none.
inline std::string PirText(const Json& object, const char* key) {
  const auto found = object.is_object() ? object.find(key) : object.end();
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

/// What an operation computes, or an argument of a block.
struct PirValue {
  explicit PirValue(Json given, int64_t number = 0) : type(std::move(given)), id(number) {}

  Json type;       // {"#":"0.t_dtensor","D":[...]}; {"#":"NULL"} where the operation leaves a result out
  int64_t id = 0;  // as the file has it; numbered anew when written
};

/// An attribute: {"#":kind,"D":data}, for the attributes of a parameter the bare value.
struct PirAttr {
  std::string name;
  Json value;
};

struct PirOperation;

struct PirBlock {
  std::vector<std::unique_ptr<PirValue>> args;
  std::vector<std::unique_ptr<PirOperation>> ops;
};

using PirRegion = std::vector<PirBlock>;

struct PirOperation {
  std::string name;                // with its dialect: "pd_op.conv2d", "builtin.parameter"
  std::vector<PirAttr> attrs;      // in the operator's order of definition
  std::vector<PirAttr> result_attrs;
  std::vector<PirValue*> operands;  // nullptr: left out
  std::vector<std::unique_ptr<PirValue>> results;
  std::vector<PirRegion> regions;
  std::string where;  // "program.regions[0].blocks[0].ops[3] (pd_op.relu)"; for errors

  const Json* Find(const std::string& attr) const;
};

struct PirModule {
  int64_t version = 4;
  bool trainable = true;
  PirBlock body;
};

/// The parameter operation, written in a short form of its own. Its attributes are bare values: is_distributed,
/// is_parameter, need_clip, parameter_name; of its result: persistable, stop_gradient, trainable.
inline constexpr const char* kPirParameter = "builtin.parameter";

/// Bounds of a file. Real ones stay far below.
inline constexpr size_t kMaxPirValues = 1 << 25;   // values of the JSON text
inline constexpr int kMaxPirJsonDepth = 400;       // arrays and objects in each other
inline constexpr int kMaxPirRegionDepth = 32;      // regions in each other
inline constexpr size_t kMaxPirAttributes = 4096;  // of one operation, whose lookup is a scan

/// Reads a PIR program.
/// @throws InvalidArgument  No JSON (naming the byte), or not the JSON of a program: names the place inside the
///     document, what was wanted and what is there. Values that nothing in sight defines, defined twice, an
///     unknown layout of a parameter, limits passed.
/// Source: docs/formats.md, section 6.
PirModule ParsePir(std::span<const uint8_t> bytes, const std::string& what);

/// The bytes of the file. @param readable  With line ends and indents of four blanks.
std::string WritePir(PirModule& module, bool readable = false);

}  // namespace skiff::io
