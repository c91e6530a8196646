// safetensors: tensors by name behind a header in JSON, as Hugging Face's models are kept.
#pragma once

#include <memory>
#include <string>

#include "io/sink.h"
#include "io/state_dict.h"
#include "io/tensor_stream.h"

namespace skiff::io {

/// Where a file's texts stand among StateDict.objects: a dict of str to str, absent where the file has none.
inline constexpr const char* kSafetensorsMetadata = "__metadata__";
/// Longer headers are refused, as by the format's own library.
inline constexpr uint64_t kMaxSafetensorsHeader = 100'000'000;

/// Reads the content of a .safetensors file, in the order of its header.
///
/// @param memory  kShared: tensors are views of the mapped file, which they keep; only bools are copied.
/// @throws InvalidArgument  with byte and field: a header longer than the file, no JSON of names, dtypes, shapes and
///     offsets, a name twice, tensors that overlap, leave gaps or do not fill the file, extents that disagree with them.
/// @throws Unimplemented    naming tensor and dtype, for those skiff has no tensors of (U16, U32, U64, F8_E4M3, ...).
/// Source: github.com/huggingface/safetensors, "Format".
StateDict ParseSafetensors(const std::shared_ptr<const MappedFile>& file, TensorMemory memory = TensorMemory::kOwn);
/// @throws External when the file cannot be opened.
StateDict LoadSafetensors(const std::string& path, TensorMemory memory = TensorMemory::kOwn);

/// Writes what the format's own library writes for the same tensors, byte for byte: widest dtypes first, then by name;
/// elements begin at a multiple of 8.
/// @throws InvalidArgument  An object that is no kSafetensorsMetadata, a tensor of that name or without memory.
/// @throws Unimplemented    complex128, which the format does not have.
void WriteSafetensors(const StateDict& state, Sink* sink);
/// Replaces a file, whole or not at all. Names of tensors beside structured ones are not kept.
void SaveSafetensors(const StateDict& state, const std::string& path);

}  // namespace skiff::io
