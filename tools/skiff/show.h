// The two halves of `skiff show`: programs, and files of values.
#pragma once

#include <string>
#include <vector>

#include "tools/skiff/facts.h"
#include "tools/skiff/model_files.h"
#include "tools/skiff/output.h"

namespace skiff::tool {

Json ToJson(const std::vector<VariableFacts>& variables);
/// A title, then a line for each: name, dtype, shape, note.
void PrintVariables(const std::string& title, const std::vector<VariableFacts>& variables);

/// Shows a file of tensors, arrays or pickled objects.
void ShowValues(const Found& found);

}  // namespace skiff::tool
