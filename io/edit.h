// Changes to models that are kept: what goes before a model is handed on, other names, other ends, other shapes.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "io/inference_model.h"

namespace skiff::io {

/// What StripCallstacks took out.
struct StrippedPaths {
  size_t operators = 0;            // that carried any
  size_t lines = 0;                // of text, source lines among them
  std::vector<std::string> files;  // the authors' files that were named, sorted, each once
};
/// Removes the attribute op_callstack from every operator: paths and source lines of whoever built the program. No
/// operator reads it.
StrippedPaths StripCallstacks(Program* program);

/// Renames a variable wherever it stands: in every block, in slots, in attributes that name variables, and with it
/// its gradients ("<from>@GRAD..."). What is fed and fetched keeps its place.
/// @throws NotFound with close names when no block has `from`; AlreadyExists when any block has `to`; InvalidArgument
/// for a `to` that is empty, or no UTF-8, or could leave a folder of one file per variable. Nothing has changed then.
void RenameVariable(Program* program, const std::string& from, const std::string& to);
/// The same for a model with its parameters.
void RenameVariable(InferenceModel* model, const std::string& from, const std::string& to);

/// A model that computes a part of another.
///
/// @param starts  Variables of block 0 that become inputs, in front of those of the old inputs that are still needed.
/// @param ends    Variables of block 0 that become its outputs; the old outputs where empty.
/// @return        Pruned, with the parameters that are still needed. They share the old ones' memory.
/// @throws NotFound with close names, InvalidArgument for a start that the ends do not need, or that is a parameter.
InferenceModel CutModel(const InferenceModel& model, const std::vector<std::string>& starts, const std::vector<std::string>& ends);

/// A copy of `program` whose inputs have other shapes, with the shape of everything behind them inferred anew.
///
/// @param shapes  Input -> shape; -1 for an extent that is known when it runs.
/// @throws NotFound         with close names: no variable of block 0.
/// @throws InvalidArgument  A parameter, a variable that the program computes, or a shape that some operator refuses:
///     the error names the operator and its operands.
/// @throws Unimplemented    An operator that skiff does not have: its shapes cannot be inferred.
std::unique_ptr<Program> WithInputShapes(const Program& program, const std::vector<std::pair<std::string, Shape>>& shapes);

}  // namespace skiff::io
