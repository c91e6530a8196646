// What a file is, by its content. Names are conventions only.
#pragma once

#include <cstdint>
#include <span>

namespace skiff::io {

enum class FileKind {
  kEmpty,
  kProgram,      // a ProgramDesc: .pdmodel, __model__
  kProgramJson,  // a program of Paddle 3 in JSON
  kPickle,       // .pdparams, .pdopt, .pkl
  kTensors,      // tensor streams: .pdiparams, __params__, one variable
  kSafetensors,
  kNpy,
  kZip,          // .npz
  kUnknown,
};
/// "program", "pickle", ...
const char* ToString(FileKind kind);

/// Judges by the first bytes; whether the rest follows suit is for the reader of that kind to say.
FileKind DetectFile(std::span<const uint8_t> bytes);

}  // namespace skiff::io
