// Inference models: a pruned program with its parameters (.pdmodel and .pdiparams, or a folder of Paddle
// 1.x). The whole file is checked against the program before anything of it is used.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "executor/predictor.h"
#include "framework/tensor/scope.h"
#include "io/normalize.h"
#include "io/pickle_value.h"
#include "io/program_file.h"
#include "io/state_dict.h"
#include "io/tensor_stream.h"

namespace skiff::io {

struct SaveInferenceOptions {
  bool clip_extra = true;     // leave out what training alone needs
  bool legacy_format = false; // so that Paddle 2.4 reads it; see MakeLegacy
  bool program_only = false;  // write no parameters
  bool checksums = true;      // write prefix.checksums, which Paddle ignores (checksums.h)
  ProgramFormat format = ProgramFormat::kProtobuf;
};

/// Writes prefix.pdmodel and prefix.pdiparams together, as Paddle 2.6.2 does, and their checksums; without persistable
/// variables there is no .pdiparams, and an old one goes. An old .pdiparams.info stays where it still
/// fits. `program` is not modified. In the format kJson the program is prefix.json, as Paddle 3 writes it; what is fetched
/// keeps its name there.
///
/// @param feeds, fetches  Variables of block 0. What is fetched gets the name
///     save_infer_model/scale_<i>.tmp_<k>; positions are what stays.
/// @throws InvalidArgument, NotFound  As NormalizeProgram, and listing parameters without a value.
/// @throws External                   The files cannot be written; old ones are unchanged.
/// Source: paddle.static.save_inference_model.
void SaveInferenceModel(const std::string& prefix, const std::vector<std::string>& feeds,
                        const std::vector<std::string>& fetches, const Program& program,
                        const Scope& scope, const SaveInferenceOptions& options = {});

/// The program that SaveInferenceModel writes.
std::unique_ptr<Program> InferenceProgram(const Program& program,
                                          const std::vector<std::string>& feeds,
                                          const std::vector<std::string>& fetches,
                                          const SaveInferenceOptions& options = {});

struct InferenceModel {
  std::unique_ptr<Program> program;
  std::vector<std::string> feed_names;   // by column
  std::vector<std::string> fetch_names;  // by column
  StateDict parameters;                  // sorted by name
  PickleValue parameter_info;            // of LoadParameterInfo; None from LoadInferenceModel, for it is no part of running

  /// Sets the parameters in `scope`; they share this model's memory.
  void SetParameters(Scope* scope) const;
};

struct LoadInferenceOptions {
  /// Set either, and the path is a folder: the program's file ("__model__" where empty), and the one with
  /// all parameters (where empty: "__params__" if there is one, else one file per variable). ".pdmodel"
  /// and ".pdiparams" may be left out; names that begin with "/" are taken as they are.
  std::string model_filename;
  std::string params_filename;
  TensorMemory memory = TensorMemory::kOwn;
  bool verify_checksums = true;  // where there are some
};

/// Reads a model.
///
/// @param path  The prefix given to SaveInferenceModel or prefix.pdmodel or prefix.json, or a folder. FindProgramFile says
///     which program a prefix means (find_program.h).
/// @throws External         A file is missing or cannot be read.
/// @throws InvalidArgument  A file is damaged, or not the one that its checksum is of; or the parameters are not those of the program: their
///     number, dtypes and shapes and the bytes after the last one are compared, and every difference is
///     listed in one error.
/// Source: paddle.static.load_inference_model; docs/formats.md, sections 2, 3 and 5.
InferenceModel LoadInferenceModel(const std::string& path, const LoadInferenceOptions& options = {});
/// From memory. @param params  May be empty where the program has no parameters.
InferenceModel ParseInferenceModel(std::string model, std::string params);

/// The model without what only files have.
PredictorModel ToPredictorModel(InferenceModel model);
/// LoadInferenceModel, made ready to run.
Predictor LoadPredictor(const std::string& path, const PredictorOptions& options = {},
                        const LoadInferenceOptions& load = {});

/// Variables that a file of parameters holds: persistable ones of every block, sorted by name.
std::vector<const Variable*> SavedVariables(const Program& program);
/// Whether a stored tensor may be the value of `v`: -1 takes any extent, [] and [1] are alike, and int8 is a
/// weight that only operators of dequantization read.
bool Holds(const Program& program, const Variable& v, DType dtype, const Shape& shape);
/// The bytes of a .pdiparams file. @throws NotFound listing the variables without a value in `scope`.
std::string SerializeParameters(const Program& program, const Scope& scope);
/// Reads a combined file of parameters. @throws InvalidArgument as LoadInferenceModel.
StateDict ReadParameters(const Program& program, const std::shared_ptr<const MappedFile>& file,
                         TensorMemory memory = TensorMemory::kOwn);

}  // namespace skiff::io
