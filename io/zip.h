// Zip archives, as far as npz files need them: stored and deflated members, also above 4 GiB.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "io/mapped_file.h"
#include "io/sink.h"

namespace skiff::io {

/// A member of an archive, as its directory has it.
struct ZipMember {
  std::string name;
  uint16_t method = 0;  // 0 stored, 8 deflated
  uint32_t crc = 0;
  uint64_t compressed = 0, size = 0, offset = 0;
};

/// Members in the archive's order; nothing is unpacked.
/// @throws InvalidArgument for a damaged directory, encrypted members, and members of more bytes than the file has.
std::vector<ZipMember> IndexZip(const std::shared_ptr<const MappedFile>& file);
/// The content of a member: a view of the file where it is stored, of `inflated` where it is deflated.
/// @throws InvalidArgument when it is damaged, its checksum included.
std::span<const uint8_t> ReadZipMember(const std::shared_ptr<const MappedFile>& file, const ZipMember& member, std::string* inflated);

/// Writes an archive of stored members, one at a time; zip64 where a number needs it. The same members give the same
/// bytes every time.
class ZipWriter {
 public:
  explicit ZipWriter(Sink* sink) : sink_(sink) {}
  /// A member whose content is `parts`, one after the other. @throws InvalidArgument for a name above 64 KiB.
  void Add(const std::string& name, std::span<const std::span<const uint8_t>> parts);
  /// Writes the directory; the last call.
  void Finish();

 private:
  Sink* sink_;
  StringSink directory_;
  uint64_t count_ = 0, offset_ = 0;
};

}  // namespace skiff::io
