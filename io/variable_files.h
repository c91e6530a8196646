// Variables in files of their own, or all in one, as Paddle 1.x kept them: save_vars, save_params and
// save_persistables, and the folders and parameters of inference models.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "framework/tensor/scope.h"
#include "io/inference_model.h"
#include "io/state_dict.h"

namespace skiff::io {

/// Writes variables of `scope`, all files or none.
///
/// @param filename  One file of all, sorted by name, which it does not say; empty: a file each, of the variable's name.
/// @throws NotFound         A variable has no value in `scope`.
/// @throws InvalidArgument  A name leads out of the folder.
/// Source: paddle.static.save_vars.
void SaveVariables(const Scope& scope, const std::string& folder, const std::string& filename,
                   std::vector<std::string> names);

/// Reads what SaveVariables wrote: tensors, and where each has a file also SelectedRows.
/// @throws InvalidArgument  The one file holds more or fewer tensors than there are names, or is damaged.
/// @throws NoSuchFile       There is no such file; the name says which.
std::map<std::string, Value> LoadVariables(const std::string& folder, const std::string& filename,
                                           std::vector<std::string> names);

/// Sets variables of `scope` to what LoadVariables reads.
/// @throws PreconditionNotMet  Files are of another shape or dtype than `program` declares; all are listed, nothing is set.
/// @throws as LoadVariables.
/// Source: paddle.static.load_vars, which says so of shapes alone.
void SetVariables(const Program& program, Scope& scope, const std::string& folder, const std::string& filename,
                  const std::vector<std::string>& names);

/// Every file below a folder as the variable that its path from there names; links are not followed.
/// @param foreign  Gets what is no tensor; where null, such a file is an error.
/// @throws InvalidArgument, NoSuchFile
std::map<std::string, Value> LoadVariableFolder(const std::string& folder, std::vector<std::string>* foreign = nullptr,
                                                TensorMemory memory = TensorMemory::kOwn);

/// The parameters of an inference model as a state dict: of prefix.pdmodel, of a folder with __model__, or of a
/// folder that has variables only. Where prefix.pdiparams.info stands beside them, entries have the structured
/// names ("fc.weight") of that file, and their tensor_name is the variable's.
/// @throws as LoadInferenceModel.
/// Source: paddle.load of a prefix or folder.
StateDict LoadModelState(const std::string& path, const LoadInferenceOptions& options = {});

}  // namespace skiff::io
