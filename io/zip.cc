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
constexpr uint64_t kMaxDeflateRatio = 1032;  // deflate cannot do better

Reader At(const std::shared_ptr<const MappedFile>& file, uint64_t offset) {
  const auto bytes = file->bytes();
  if (offset > bytes.size()) {
    Reader(bytes, file->name()).Fail(StrCat("offset ", offset, " is behind the end"), "zip directory");
  }
  return Reader(bytes.subspan(offset), file->name(), offset);
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
    const bool wide = found.count == 0xFFFF || found.offset == 0xFFFFFFFF;
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

struct Member {
  std::string name;
  uint16_t method = 0;
  uint32_t crc = 0;
  uint64_t compressed = 0, size = 0, offset = 0;
};

Member ReadCentral(Reader* reader) {
  Member member;
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
  Reader fields = reader->Part(extra, "zip extra");
  while (fields.remaining() >= 4) {
    const uint16_t id = fields.Read<uint16_t>("zip extra");
    const uint16_t bytes = fields.Read<uint16_t>("zip extra");
    Reader field = fields.Part(bytes, "zip extra");
    if (id != 1) continue;  // 1 is zip64: the numbers that did not fit, in this order
    for (uint64_t* number : {&member.size, &member.compressed, &member.offset}) {
      if (*number == 0xFFFFFFFF) *number = field.Read<uint64_t>("zip64 size");
    }
  }
  reader->Take(comment, "zip comment");
  return member;
}

std::string ReadContent(const std::shared_ptr<const MappedFile>& file, const Member& member) {
  Reader reader = At(file, member.offset);
  if (reader.Read<uint32_t>("zip member") != kLocalMagic) reader.Fail("no member", "zip member");
  reader.Take(22, "zip member");
  const uint16_t name = reader.Read<uint16_t>("zip name size");
  const uint16_t extra = reader.Read<uint16_t>("zip extra size");
  reader.Take(uint64_t{name} + extra, "zip name");
  const auto packed = reader.Take(member.compressed, "zip content");
  std::string content;
  if (member.method == 0) {
    content = AsText(packed);
  } else if (member.method == 8) {
    if (member.size / kMaxDeflateRatio > member.compressed) {
      reader.Fail(StrCat("\"", member.name, "\" cannot become ", member.size, " bytes"), "zip size");
    }
    content = Inflate(packed, InflateForm::kRaw, member.size, file->name());
  } else {
    reader.Fail(StrCat("\"", member.name, "\" is packed by method ", member.method,
                       "; stored and deflated ones can be read"),
                "zip method");
  }
  if (content.size() != member.size || Crc32(AsBytes(content)) != member.crc) {
    reader.Fail(StrCat("the content of \"", member.name, "\" is damaged"), "zip crc");
  }
  return content;
}

}  // namespace

std::vector<std::pair<std::string, std::string>> ReadZip(
    const std::shared_ptr<const MappedFile>& file) {
  const Directory directory = FindDirectory(file);
  Reader reader = At(file, directory.offset);
  std::vector<std::pair<std::string, std::string>> members;
  uint64_t total = 0;
  for (uint64_t i = 0; i < directory.count; ++i) {
    const Member member = ReadCentral(&reader);
    // Members that overlap would let a small file become a large one.
    if (member.compressed > file->bytes().size() - total) reader.Fail("members overlap", "zip size");
    total += member.compressed;
    reader.ChargeObjects(1, "zip member");
    reader.ChargeBytes(member.size, "zip size");
    members.emplace_back(member.name, ReadContent(file, member));
  }
  return members;
}

void WriteZip(const std::vector<std::pair<std::string, std::string>>& members, Sink* sink) {
  StringSink central;
  uint64_t offset = 0;
  auto common = [](Sink* to, const std::string& name, const std::string& content) {
    to->WriteNumber<uint16_t>(20);  // version needed
    to->WriteNumber<uint16_t>(1 << 11);  // names are UTF-8
    to->WriteNumber<uint16_t>(0);   // stored
    to->WriteNumber<uint16_t>(0);   // 00:00:00
    to->WriteNumber<uint16_t>(33);  // 1 January 1980: the same bytes every time
    to->WriteNumber<uint32_t>(Crc32(AsBytes(content)));
    to->WriteNumber<uint32_t>(static_cast<uint32_t>(content.size()));
    to->WriteNumber<uint32_t>(static_cast<uint32_t>(content.size()));
    to->WriteNumber<uint16_t>(static_cast<uint16_t>(name.size()));
    to->WriteNumber<uint16_t>(0);  // no extra fields
  };
  for (const auto& [name, content] : members) {
    const uint64_t bytes = 30 + name.size() + content.size();
    SKIFF_ENFORCE(offset + bytes < UINT32_MAX && name.size() <= UINT16_MAX, InvalidArgument,
                  "a zip archive of 4 GiB cannot be written; write one file per array");
    sink->WriteNumber<uint32_t>(kLocalMagic);
    common(sink, name, content);
    sink->Write(name);
    sink->Write(content);
    central.WriteNumber<uint32_t>(kCentralMagic);
    central.WriteNumber<uint16_t>(20);
    common(&central, name, content);
    central.WriteNumber<uint16_t>(0);  // no comment
    central.WriteNumber<uint16_t>(0);  // disk
    central.WriteNumber<uint16_t>(0);
    central.WriteNumber<uint32_t>(0);
    central.WriteNumber<uint32_t>(static_cast<uint32_t>(offset));
    central.Write(name);
    offset += bytes;
  }
  SKIFF_ENFORCE(members.size() < UINT16_MAX, InvalidArgument, "too many members for a zip archive");
  sink->Write(central.text());
  sink->WriteNumber<uint32_t>(kEndMagic);
  sink->WriteNumber<uint32_t>(0);
  sink->WriteNumber<uint16_t>(static_cast<uint16_t>(members.size()));
  sink->WriteNumber<uint16_t>(static_cast<uint16_t>(members.size()));
  sink->WriteNumber<uint32_t>(static_cast<uint32_t>(central.text().size()));
  sink->WriteNumber<uint32_t>(static_cast<uint32_t>(offset));
  sink->WriteNumber<uint16_t>(0);
}

}  // namespace skiff::io
