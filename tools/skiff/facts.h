// What there is to say about a program, gathered once for the text and the JSON of `skiff show`.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "framework/program/program.h"

namespace skiff::tool {

struct VariableFacts {
  std::string name;
  DType dtype = DType::kUndefined;
  Shape shape = {};
  std::string note = {};  // its LoD, another name
  /// Bytes of its elements; 0 while an extent is unknown.
  uint64_t bytes() const;
};

struct OperatorFacts {
  int count = 0;
  double flops = 0;
  bool known = false;  // skiff has it
};

struct ProgramFacts {
  std::string version;  // of Paddle: "2.6.2", or "unknown" before 1.6
  int blocks = 0, variables = 0, operators = 0;
  std::vector<VariableFacts> inputs, outputs, parameters;
  std::map<std::string, OperatorFacts> types;  // by operator type, of all blocks
  double flops = 0;
  std::vector<std::string> source_files;  // of whoever built it, as op_callstack names them

  int64_t parameter_elements() const;
  uint64_t parameter_bytes() const;
};

/// Parameters are the persistable variables that a file of parameters holds.
///
/// FLOPs are those of convolutions, matrix products and recurrences, 2 for each multiply-add, with the
/// inputs at `shapes`; an extent nobody names counts as 1. Elementwise work is not counted.
/// `program` is changed: its shapes become those, and source lines go.
/// @throws NotFound when `shapes` names no input.
ProgramFacts Gather(Program* program, const std::vector<std::pair<std::string, Shape>>& shapes);

/// "2.6.2" for 2006002.
std::string VersionText(const std::optional<int64_t>& version);
/// "1.5 MB", "640 bytes".
std::string BytesText(uint64_t bytes);
/// "2.868 billion", "3840".
std::string CountText(double count);

}  // namespace skiff::tool
