// Finding out what a file is, and opening what belongs together.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "executor/predictor.h"
#include "io/inference_model.h"

namespace skiff::tool {

enum class FileKind { kProgram, kTensors, kPickle };

/// Told from the content; an empty file holds no tensors.
FileKind KindOf(const io::MappedFile& file);

/// The file that `path` stands for: itself, path.pdmodel, path.json, or the __model__ of a folder.
/// @throws External when there is none of them.
std::string FindModelFile(const std::string& path);
/// "lenet" for "lenet.pdmodel"; a folder as it is.
std::string WithoutSuffix(const std::string& path);

/// Names of what a program is fed: its feed operators', else what is read before anything writes it.
std::vector<std::string> InputsOf(const Program& program);
/// Names of what a program gives: its fetch operators', else what is written and never read.
std::vector<std::string> OutputsOf(const Program& program);

}  // namespace skiff::tool
