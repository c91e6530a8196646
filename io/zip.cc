#include "io/zip.h"

#include <algorithm>
#include <optional>

#include "io/inflate.h"
#include "io/reader.h"

namespace skiff::io {

namespace {

constexpr uint32_t kLocalMagic = 0x04034B50, kCentralMagic = 0x02014B50, kEndMagic = 0x06054B50,
                   kEnd64Magic = 0x06064B50, kLocator64Magic = 0x07064B50;
constexpr size_t kEndBytes = 22, kLocator64Bytes = 20;
constexpr uint32_t kWide32 = 0xFFFFFFFF;  // stands for a number that has its 64 bits elsewhere
constexpr uint64_t kMaxDeflateRatio = 1032;  // deflate cannot do better

Reader At(const std::shared_ptr<const MappedFile>& file, uint64_t offset) {
  Reader reader(file->bytes(), file->name());
  if (offset > reader.remaining()) reader.Fail(StrCat("offset ", offset, " is behind the end"), "zip directory");
  reader.Take(offset, "zip offset");  // the whole file stays the measure of what it may unfold to
  return reader;
}

struct Directory {
  uint64_t count = 0, offset = 0;
};

Directory FindDirectory(const std::shared_ptr<const MappedFile>& file) {
  const auto bytes = file->bytes();
  // The end record is the last thing but for a comment of up to 64 KiB.
  for (size_t back = kEndBytes; back <= bytes.size() && back <= kEndBytes + 0xFFFF; ++back) {
    Reader reader = At(file, bytes.size() - back);
    if (reader.Read<uint32_t>("zip end") != kEndMagic) continue;
    reader.Take(6, "zip end");
    Directory found;
    found.count = reader.Read<uint16_t>("zip count");
    reader.Take(4, "zip end");
    found.offset = reader.Read<uint32_t>("zip directory offset");
    const bool wide = found.count == 0xFFFF || found.offset == kWide32;
    if (!wide || bytes.size() < back + kLocator64Bytes) return found;
    Reader locator = At(file, bytes.size() - back - kLocator64Bytes);
    if (locator.Read<uint32_t>("zip64 locator") != kLocator64Magic) return found;
    locator.Take(4, "zip64 locator");
    Reader end64 = At(file, locator.Read<uint64_t>("zip64 end offset"));
    if (end64.Read<uint32_t>("zip64 end") != kEnd64Magic) end64.Fail("no zip64 end", "zip64 end");
    end64.Take(28, "zip64 end");
    found.count = end64.Read<uint64_t>("zip64 count");
    end64.Take(8, "zip64 end");
    found.offset = end64.Read<uint64_t>("zip64 directory offset");
    return found;
  }
  At(file, 0).Fail("no zip archive: it has no end record", "zip end");
}

ZipMember ReadCentral(Reader* reader) {
  ZipMember member;
  if (reader->Read<uint32_t>("zip member") != kCentralMagic) reader->Fail("no member", "zip member");
  reader->Take(4, "zip member");
  const uint16_t flags = reader->Read<uint16_t>("zip flags");
  if (flags & 1) reader->Fail("an encrypted member", "zip flags");
  member.method = reader->Read<uint16_t>("zip method");
  reader->Take(4, "zip time");
  member.crc = reader->Read<uint32_t>("zip crc");
  member.compressed = reader->Read<uint32_t>("zip compressed size");
  member.size = reader->Read<uint32_t>("zip size");
  const uint16_t name = reader->Read<uint16_t>("zip name size");
  const uint16_t extra = reader->Read<uint16_t>("zip extra size");
  const uint16_t comment = reader->Read<uint16_t>("zip comment size");
  reader->Take(8, "zip attributes");
  member.offset = reader->Read<uint32_t>("zip member offset");
  member.name = AsText(reader->Take(name, "zip name"));
  if (!IsUtf8(AsBytes(member.name))) reader->Fail(StrCat("the name \"", member.name, "\" is no UTF-8"), "zip name");
  Reader fields = reader->Part(extra, "zip extra");
  while (fields.remaining() >= 4) {
    const uint16_t id = fields.Read<uint16_t>("zip extra");
    const uint16_t bytes = fields.Read<uint16_t>("zip extra");
    Reader field = fields.Part(bytes, "zip extra");
    if (id != 1) continue;  // 1 is zip64: the numbers that did not fit, in this order
    for (uint64_t* number : {&member.size, &member.compressed, &member.offset}) {
      if (*number == kWide32) *number = field.Read<uint64_t>("zip64 size");
    }
  }
  reader->Take(comment, "zip comment");
  return member;
}

}  // namespace

std::span<const uint8_t> ReadZipMember(const std::shared_ptr<const MappedFile>& file, const ZipMember& member, std::string* inflated) {
  Reader reader = At(file, member.offset);
  if (reader.Read<uint32_t>("zip member") != kLocalMagic) reader.Fail("no member", "zip member");
  reader.Take(22, "zip member");
  const uint16_t name = reader.Read<uint16_t>("zip name size");
  const uint16_t extra = reader.Read<uint16_t>("zip extra size");
  reader.Take(uint64_t{name} + extra, "zip name");
  const auto packed = reader.Take(member.compressed, "zip content");
  std::span<const uint8_t> content = packed;
  if (member.method == 8) {
    if (member.size / kMaxDeflateRatio > member.compressed) {
      reader.Fail(StrCat("\"", member.name, "\" cannot become ", member.size, " bytes"), "zip size");
    }
    *inflated = Inflate(packed, InflateForm::kRaw, member.size, file->name());
    content = AsBytes(*inflated);
  } else if (member.method != 0) {
    reader.Fail(StrCat("\"", member.name, "\" is packed by method ", member.method,
                       "; stored and deflated ones can be read"),
                "zip method");
  }
  if (content.size() != member.size || Crc32(content) != member.crc) {
    reader.Fail(StrCat("the content of \"", member.name, "\" is damaged"), "zip crc");
  }
  return content;
}

std::vector<ZipMember> IndexZip(const std::shared_ptr<const MappedFile>& file) {
  const Directory directory = FindDirectory(file);
  Reader reader = At(file, directory.offset);
  std::vector<ZipMember> members;
  uint64_t total = 0;
  for (uint64_t i = 0; i < directory.count; ++i) {
    members.push_back(ReadCentral(&reader));
    // Members that overlap would let a small file become a large one.
    if (members.back().compressed > file->bytes().size() - total) reader.Fail("members overlap", "zip size");
    total += members.back().compressed;
    reader.ChargeObjects(1, "zip member");
    if (members.back().method != 0) reader.ChargeBytes(members.back().size, "zip size");  // the stored ones are the file
  }
  return members;
}

void ZipWriter::Add(const std::string& name, std::span<const std::span<const uint8_t>> parts) {
  SKIFF_ENFORCE(name.size() <= UINT16_MAX, InvalidArgument, "a name of ", name.size(), " bytes is too long for a zip archive");
  uint64_t size = 0;
  uint32_t crc = 0;
  for (const auto& part : parts) {
    size += part.size();
    crc = Crc32(part, crc);
  }
  const bool wide = size >= kWide32;
  const bool far = offset_ >= kWide32;
  const auto common = [&](Sink* to, size_t extra_bytes) {
    to->WriteNumber<uint16_t>(wide || far ? 45 : 20);  // version needed
    to->WriteNumber<uint16_t>(1 << 11);                // names are UTF-8
    to->WriteNumber<uint16_t>(0);                      // stored
    to->WriteNumber<uint16_t>(0);                      // 00:00:00
    to->WriteNumber<uint16_t>(33);                     // 1 January 1980: the same bytes every time
    to->WriteNumber<uint32_t>(crc);
    to->WriteNumber<uint32_t>(wide ? kWide32 : static_cast<uint32_t>(size));
    to->WriteNumber<uint32_t>(wide ? kWide32 : static_cast<uint32_t>(size));
    to->WriteNumber<uint16_t>(static_cast<uint16_t>(name.size()));
    to->WriteNumber<uint16_t>(static_cast<uint16_t>(extra_bytes));
  };
  // The zip64 field: the numbers that do not fit above, size before packing, after it, offset.
  const auto extra = [&](bool with_offset) {
    StringSink numbers;
    if (wide) numbers.WriteNumber<uint64_t>(size);
    if (wide) numbers.WriteNumber<uint64_t>(size);
    if (with_offset) numbers.WriteNumber<uint64_t>(offset_);
    if (numbers.text().empty()) return numbers;
    StringSink field;
    field.WriteNumber<uint16_t>(1);
    field.WriteNumber<uint16_t>(static_cast<uint16_t>(numbers.text().size()));
    field.Write(numbers.text());
    return field;
  };
  const StringSink local = extra(false), central = extra(far);
  sink_->WriteNumber<uint32_t>(kLocalMagic);
  common(sink_, local.text().size());
  sink_->Write(name);
  sink_->Write(local.text());
  for (const auto& part : parts) sink_->Write(part);

  directory_.WriteNumber<uint32_t>(kCentralMagic);
  directory_.WriteNumber<uint16_t>(wide || far ? 45 : 20);
  common(&directory_, central.text().size());
  directory_.WriteNumber<uint16_t>(0);  // no comment
  directory_.WriteNumber<uint16_t>(0);  // disk
  directory_.WriteNumber<uint16_t>(0);
  directory_.WriteNumber<uint32_t>(0);
  directory_.WriteNumber<uint32_t>(far ? kWide32 : static_cast<uint32_t>(offset_));
  directory_.Write(name);
  directory_.Write(central.text());
  offset_ += 30 + name.size() + local.text().size() + size;
  ++count_;
}

void ZipWriter::Finish() {
  const uint64_t directory_bytes = directory_.text().size();
  sink_->Write(directory_.text());
  const bool wide = count_ >= UINT16_MAX || offset_ >= kWide32 || directory_bytes >= kWide32;
  if (wide) {
    sink_->WriteNumber<uint32_t>(kEnd64Magic);
    sink_->WriteNumber<uint64_t>(44);  // bytes of this record from here
    sink_->WriteNumber<uint16_t>(45);
    sink_->WriteNumber<uint16_t>(45);
    sink_->WriteNumber<uint64_t>(0);  // disks
    sink_->WriteNumber<uint64_t>(count_);
    sink_->WriteNumber<uint64_t>(count_);
    sink_->WriteNumber<uint64_t>(directory_bytes);
    sink_->WriteNumber<uint64_t>(offset_);
    sink_->WriteNumber<uint32_t>(kLocator64Magic);
    sink_->WriteNumber<uint32_t>(0);
    sink_->WriteNumber<uint64_t>(offset_ + directory_bytes);
    sink_->WriteNumber<uint32_t>(1);
  }
  const auto count = static_cast<uint16_t>(wide ? UINT16_MAX : count_);
  sink_->WriteNumber<uint32_t>(kEndMagic);
  sink_->WriteNumber<uint32_t>(0);
  sink_->WriteNumber<uint16_t>(count);
  sink_->WriteNumber<uint16_t>(count);
  sink_->WriteNumber<uint32_t>(wide ? kWide32 : static_cast<uint32_t>(directory_bytes));
  sink_->WriteNumber<uint32_t>(wide ? kWide32 : static_cast<uint32_t>(offset_));
  sink_->WriteNumber<uint16_t>(0);
}

}  // namespace skiff::io
