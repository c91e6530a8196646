// The sidecar of a save, "prefix.checksums": a line of text for each file beside it. Paddle ignores it; skiff's
// loading compares, before anything else in a file is believed. It tells a flipped bit and a file of another
// save of the same shapes, which nothing else can. docs/formats.md, section 9.
#pragma once

#include <memory>
#include <string>

#include "io/atomic_file.h"
#include "io/mapped_file.h"

namespace skiff::io {

/// Adds prefix.checksums about those of `files` whose names continue `prefix`.
void AddChecksums(const std::string& prefix, AtomicFiles* files);

/// The sidecar that may speak of a file: "folder/model.checksums" for "folder/model.pdiparams", "" for a name
/// without a suffix.
std::string ChecksumsPath(const std::string& path);
/// True when there is a sidecar that names the file.
bool HasChecksum(const std::string& path);

/// Opens a file, having compared it with its line in the sidecar; without one it is opened as it is.
/// @param verify  Compare at all.
/// @throws External         As MappedFile::Open.
/// @throws InvalidArgument  The file is not the one that was saved, or the sidecar itself is damaged.
std::shared_ptr<const MappedFile> OpenVerified(const std::string& path, bool verify = true);

}  // namespace skiff::io
