// numpy's files: .npy holds one array, .npz several.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "framework/tensor/tensor.h"
#include "io/sink.h"
#include "io/state_dict.h"

namespace skiff::io {

/// Reads the content of a .npy file. numpy's uint16 becomes bfloat16, as in Paddle's files; uint32 is
/// widened to int64. Big-endian and Fortran-ordered arrays are rearranged.
/// @throws InvalidArgument when it is damaged, Unimplemented for other types (text, objects, uint64).
/// Source: numpy.lib.format, versions 1 to 3.
Tensor ParseNpy(std::span<const uint8_t> bytes, const std::string& what);
Tensor LoadNpy(const std::string& path);
/// Arrays of a .npz file by name (without ".npy"), in the file's order. Arrays of text go to `objects`, as a
/// str where there is one, else as a flat list.
/// @throws InvalidArgument for a damaged archive and for a name that is there twice.
StateDict LoadNpz(const std::string& path);
StateDict ParseNpz(const std::shared_ptr<const MappedFile>& file);

/// The bytes of a .npy file. bfloat16 is written as numpy's uint16.
std::string SerializeNpy(const Tensor& tensor);
/// Replaces a file, whole or not at all.
void SaveNpy(const Tensor& tensor, const std::string& path);
/// Writes the arrays as numpy.savez does, those of 4 GiB and more too; `objects` may be texts and lists of texts.
/// @throws InvalidArgument for other objects, and tensors without memory.
void WriteNpz(const StateDict& arrays, Sink* sink);
void SaveNpz(const StateDict& arrays, const std::string& path);

}  // namespace skiff::io
