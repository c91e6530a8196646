// Inference models as ONNX files, for other runtimes. Each operator is mapped by a function of the family files beside
// this one; which operators have one stands in docs/onnx_operators.md.
#pragma once

#include <string>
#include <vector>

#include "io/inference_model.h"

namespace skiff::io {

inline constexpr int kMinOnnxOpset = 17, kMaxOnnxOpset = 20;

struct OnnxOptions {
  int opset = kMinOnnxOpset;  // kMinOnnxOpset to kMaxOnnxOpset
  std::string producer = "skiff";
  /// Parameters in a file beside the model's, PATH.data. Done by itself where the model passes protobuf's 2 GiB.
  bool external_data = false;
};

/// The bytes of the ONNX model (a ModelProto) that computes what `model` computes.
///
/// Inputs, outputs and parameters keep their names, dtypes and order. An extent of -1 becomes a symbolic dimension
/// called <name>.<axis>. A variable that is written several times becomes as many values, of which the last one has
/// the variable's name where it is an output. LoD of inputs and outputs is not kept.
///
/// @throws Unimplemented    Operators or attributes without an ONNX form, complex inputs, outputs or parameters: one error lists all of them
///     with their places.
/// @throws InvalidArgument  An opset outside the range; 2 GiB or more (ExportOnnx writes such a model as two files).
std::string SerializeOnnx(const InferenceModel& model, const OnnxOptions& options = {});

/// Writes the model to `path`, with PATH.data where parameters stand outside; both appear whole or not at all.
/// Parameters are written from where they lie. @throws as SerializeOnnx, and External where a file cannot be written.
void ExportOnnx(const InferenceModel& model, const std::string& path, const OnnxOptions& options = {});
/// The same for a saved model. @param model_path  as LoadInferenceModel takes it, with `load`.
void ExportOnnx(const std::string& model_path, const std::string& path, const OnnxOptions& options = {},
                const LoadInferenceOptions& load = {});

/// The model that computes `fetches` from `feeds` in `program`, with the parameters that `scope` holds, which stay shared.
/// Dropout and its like are set to testing, as by Program::Clone(true); variables keep their names.
/// @throws NotFound listing parameters without a value, or naming a feed or fetch that is no variable.
InferenceModel InferenceModelOf(const Program& program, const std::vector<std::string>& feeds, const std::vector<std::string>& fetches,
                                const Scope& scope);

/// Types of the operators that have an ONNX form, sorted.
std::vector<std::string> OnnxOperators();

}  // namespace skiff::io
