// Finding out what a command's argument stands for, and opening it.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "executor/predictor.h"
#include "io/file_kind.h"
#include "io/inference_model.h"

namespace skiff::tool {

/// A file, told apart by its content.
struct Found {
  std::string path;
  io::FileKind kind;

  bool IsProgram() const { return kind == io::FileKind::kProgram || kind == io::FileKind::kProgramJson; }
};
/// The file that `argument` stands for: itself, argument.pdmodel or argument.json (io/find_program.h; a choice is told),
/// argument.pdparams, or the __model__ of a folder. A folder without one is kept as kTensors: its files are variables. @throws External when there is none of them.
Found FindFile(const std::string& argument);
/// The file of a program. @throws InvalidArgument saying what the file is instead.
std::string FindProgram(const std::string& argument);

/// Whether `path` is the program of a folder with a file for each variable: __model__, or __model__.json of Paddle 3.
bool IsProgramOfFolder(const std::string& path);

/// The program whose tensors a file may hold: path.pdmodel or path.json without its own suffix, or the __model__ of its
/// folder; "" where there is none.
std::string ProgramBeside(const std::string& path);

/// A program of any form. The one place where commands read one.
std::unique_ptr<Program> OpenProgram(const std::string& path);
/// A program with its parameters: a prefix, a prefix.pdmodel, a folder. The one place where commands read one.
io::InferenceModel OpenModel(const std::string& argument);
/// The same to be written again: dtypes are those that the program's file says, and .pdiparams.info comes along.
io::InferenceModel OpenModelToWrite(const std::string& argument);
/// Whether parameters of an inference model stand beside the program, or need not.
bool HasParameters(const std::string& argument);

/// Tensors by name from a file that holds any: a state dict, one array, a combined file of parameters, a model.
/// @param program  Gives a combined file its names, "" for the program beside it.
/// @throws InvalidArgument for a file without tensors, or without names for them.
io::StateDict OpenTensors(const std::string& argument, const std::string& program = "");

/// "lenet" for "lenet.pdmodel"; a folder as it is.
std::string WithoutSuffix(const std::string& path);
/// "net.pdparams" for "a/b/net.pdparams".
std::string FileName(const std::string& path);

/// Names of what a program is fed: its feed operators', else what is read before anything writes it.
std::vector<std::string> InputsOf(const Program& program);
/// Names of what a program gives: its fetch operators', else what is written and never read.
std::vector<std::string> OutputsOf(const Program& program);

/// Random inputs of the shapes in `metas`; --shape gives others, an unknown extent is 1 otherwise. Floats lie between -1
/// and 1; whole numbers are 0 or 1, which any table of embeddings has. Where sequences are wanted, all rows are one.
/// @throws UsageError when --shape names no input, Unimplemented for a dtype that cannot be drawn.
std::vector<Tensor> RandomInputs(const std::vector<std::string>& names, const std::vector<TensorMeta>& metas, uint32_t seed);
/// "x.npy", or "io.npz:in_0" for one array of an archive.
Tensor LoadArray(const std::string& file);

}  // namespace skiff::tool
