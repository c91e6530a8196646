// Tensor streams: the contents of .pdiparams, __params__, one file per variable and
// paddle.save(..., use_binary_format=True). A stream is first indexed, which checks every length without
// touching the elements; tensors are made from the index afterwards.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "framework/tensor/value.h"
#include "io/mapped_file.h"
#include "io/reader.h"
#include "io/sink.h"

namespace skiff::io {

/// One tensor inside a file.
struct TensorEntry {
  DType dtype = DType::kUndefined;
  Shape shape;
  LoD lod;
  uint64_t offset = 0;       // first byte of the stream in the file
  uint64_t data_offset = 0;  // first byte of the elements
  uint64_t data_bytes = 0;   // elements * SizeOf(dtype); all of them are in the file

  /// "float32 [2, 3]"
  std::string ToString() const;
};

/// Where a tensor's memory comes from.
enum class TensorMemory {
  kOwn,     // a copy aligned to kAlignment, as kernels like it
  kShared,  // the mapped file itself where the elements are aligned to their size, else a copy
};

/// Steps over a LoDTensor stream. @throws InvalidArgument with byte and field when a length passes the end
/// of the file, a version is not 0, extents overflow, or a LoD breaks its rules.
TensorEntry ReadTensorEntry(Reader* reader);
/// Steps over a dense tensor stream, the part without LoD.
TensorEntry ReadDenseEntry(Reader* reader);
/// The tensor of an entry of `file`. With kShared it keeps the file mapped; writing to it does not change
/// the file.
Tensor MakeTensor(const TensorEntry& entry, const std::shared_ptr<const MappedFile>& file,
                  TensorMemory memory = TensorMemory::kOwn);

/// Every tensor of a combined file (.pdiparams, __params__), in order. The file has no names: they are the
/// program's, sorted.
std::vector<TensorEntry> IndexTensors(const std::shared_ptr<const MappedFile>& file);

/// Reads a file of exactly one stream: a SelectedRows or a LoDTensor, tried in this order as Paddle does.
/// @throws InvalidArgument when it is neither; the error is the one about the LoDTensor.
Value ReadTensorFile(const std::shared_ptr<const MappedFile>& file,
                     TensorMemory memory = TensorMemory::kOwn);

/// The file of a variable where each has its own: folder/name, with "/" in names making folders.
/// @throws InvalidArgument for a name that would leave the folder, and for those of saves under way (".skiff-...").
std::string VariablePath(const std::string& folder, const std::string& name);

/// Writes a LoDTensor stream. A tensor on a card is copied to the CPU first.
/// @throws InvalidArgument for a tensor without memory.
void WriteTensor(const Tensor& tensor, Sink* sink);
/// Writes a dense tensor stream, the part without LoD.
void WriteDense(const Tensor& tensor, Sink* sink);
/// Writes a SelectedRows stream.
void WriteSelectedRows(const SelectedRows& rows, Sink* sink);

}  // namespace skiff::io
