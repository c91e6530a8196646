// Parameter attributes, initializers, regularizers and options of optimizers from Python's objects.
#pragma once

#include <optional>

#include "framework/layers/optimizer.h"
#include "framework/layers/param_attr.h"
#include "python_api/bindings/bindings.h"

namespace skiff::python {

/// What the initializer objects of skiff.nn.initializer hold as `_fill`.
struct PyInitializer {
  Initializer fill;
};

/// None gives an empty one. @throws InvalidType.
Initializer ToInitializer(py::handle given);
/// None or True: the layer's own choice; False: std::nullopt, no parameter; a name, an initializer, a
/// regularizer or a ParamAttr as they say.
std::optional<ParamAttr> ToParamAttr(py::handle given);
Regularizer ToRegularizer(py::handle given);

/// What minimize takes beside the loss; None leaves an option at its default.
optimizer::MinimizeOptions ToOptions(const std::shared_ptr<Program>& startup, py::handle parameters, py::handle no_grad_set);
/// Pairs of Variables.
py::list FromPairs(const std::vector<ParamGrad>& pairs);

}  // namespace skiff::python
