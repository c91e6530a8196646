// Models written again in another layout, with the program they were read with.
#pragma once

#include <string>

#include "io/inference_model.h"

namespace skiff::io {

enum class ModelLayout {
  kPrefix,          // path.pdmodel and path.pdiparams, as Paddle 2.x
  kFolder,          // path/__model__ and one file per variable, as Paddle 1.x
  kJson,            // path.json and path.pdiparams, as Paddle 3.x
  kCombinedFolder,  // path/__model__ and path/__params__
};

/// Writes a model as it is: nothing is pruned or clipped. Its parameter_info goes beside a .pdiparams. What the layout
/// names but the model does not have goes.
/// @throws InvalidArgument for parameters that are not those of the program, and names that lead out of the folder.
/// @throws External when files cannot be written; old ones are unchanged.
void WriteModel(const InferenceModel& model, const std::string& path, ModelLayout layout = ModelLayout::kPrefix);

/// The tensors of `state` that are the program's parameters, sorted by name. A tensor is found by its name, or by the
/// variable's name that a state dict of layers keeps beside it.
/// @param what  Names the state dict in errors.
/// @throws InvalidArgument listing every parameter that is missing or of another shape or dtype.
StateDict ParametersFor(const Program& program, const StateDict& state, const std::string& what);

}  // namespace skiff::io
