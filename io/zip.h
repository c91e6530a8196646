// Zip archives, as far as npz files need them: stored and deflated members, also above 4 GiB.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "io/mapped_file.h"
#include "io/sink.h"

namespace skiff::io {

/// Members by name, in the archive's order; each checksum is verified.
/// @throws InvalidArgument for a damaged or encrypted archive.
std::vector<std::pair<std::string, std::string>> ReadZip(const std::shared_ptr<const MappedFile>& file);

/// Writes an archive of stored members. @throws InvalidArgument for members of 4 GiB or more.
void WriteZip(const std::vector<std::pair<std::string, std::string>>& members, Sink* sink);

}  // namespace skiff::io
