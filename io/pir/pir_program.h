// PIR and the one Program: the operators of Paddle 3 as those of 2.x, and back.
#pragma once

#include <memory>
#include <string>

#include "framework/program/program.h"
#include "io/pir/ir.h"

namespace skiff::io {

/// What of PIR has no place in a Program is kept as attributes whose names begin so, and written again: "pir.struct_name".
/// Values are those of 2.x's kinds; of other kinds (dtypes, arrays, ...) one STRINGS element holds the JSON.
inline constexpr const char* kPirPrefix = "pir.";

/// The program that `module` describes, as one of 2.x:
/// - parameters and persistable data are persistable variables; other data are fed where the program fetches, in order,
///   and variables to be fed (need_check_feed) where it does not;
/// - constants that an operator takes as operands become its attributes, lists of values become slots;
/// - pd_op.if becomes two conditional_block and select_input, pd_op.while becomes while;
/// - an operation that the table of operators does not have becomes an operator called "pd_op.name", which can be shown
///   and written, not run: slots "I0", "O0", ... ("I0[]" for lists), its attributes with kPirPrefix.
/// @throws InvalidArgument, Unimplemented naming the file and the operation.
std::unique_ptr<Program> ImportPir(const PirModule& module, const std::string& what);

/// The other way. A program with feed and fetch operators is one for inference: its feeds and fetches become pd_op.data and
/// pd_op.fetch, its persistable variables parameters. @throws Unimplemented listing every operator that Paddle 3 does not
/// have or that the table does not map, with its place.
PirModule ExportPir(const Program& program);

/// What an operator of 2.x is written as: "pd_op.conv2d", several separated by ", "; "" where it cannot be written.
std::string PirCounterparts(const std::string& type);

}  // namespace skiff::io
