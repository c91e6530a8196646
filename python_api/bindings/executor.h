// Shared by the files that make predictors.
#pragma once

#include "executor/predictor.h"
#include "python_api/bindings/bindings.h"

namespace skiff::python {

PredictorOptions ToPredictorOptions(py::handle place, int threads, bool optimize);

}  // namespace skiff::python
