// Appending operators to blocks, with everything a user leaves out filled in.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "framework/op/op_def.h"
#include "framework/program/block.h"

namespace skiff {

/// Elements of the integer variable of that name, as int64; nothing where they are not known before a run.
using KnownInts = std::function<std::optional<std::vector<int64_t>>(const std::string& variable)>;

/// Appends `op` to `block`: checks slots against the schema, fills in default attributes, completes the
/// outputs' shapes and dtypes. An output variable that does not exist yet is made.
/// @throws Unimplemented for an operator that is not registered; InvalidArgument, InvalidType or
/// NotFound, with operator, operands and origin, for a wrong one. The block is then unchanged.
std::shared_ptr<Operator> AppendOp(Block& block, Operator op);
/// The same at a position.
std::shared_ptr<Operator> InsertOp(Block& block, size_t position, Operator op);

/// Infers the outputs of `op` over the variables of `block`.
/// @param known  Elements of an integer variable, or nothing where they are not known; empty: none are.
void InferOutputs(Block& block, const Operator& op, const KnownInts& known = {});

/// Adds what the caller of a shape function or kernel knows to an error: operator, operands, origin.
void AddOpContext(Error* error, const Operator& op, const MetaTable& table);

}  // namespace skiff
