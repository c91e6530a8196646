#include "io/idx.h"

#include "io/array_order.h"
#include "io/inflate.h"
#include "io/mapped_file.h"
#include "io/reader.h"
#include "io/sink.h"

namespace skiff::io {

namespace {

struct IdxHeader {
  DType dtype = DType::kUndefined;
  Shape shape;
  uint64_t bytes = 0;          // of the header
  uint64_t element_bytes = 0;  // of what must follow
};

// 0, 0, type, number of dimensions, then each extent as 32 bits, most significant byte first.
IdxHeader ReadIdxHeader(Reader reader) {
  IdxHeader header;
  if (reader.ReadBigEndian<uint16_t>("idx magic") != 0) reader.FailAt(0, "no idx file", "idx magic");
  const int type = reader.Read<uint8_t>("idx type");
  switch (type) {
    case 0x08: header.dtype = DType::kUInt8; break;
    case 0x09: header.dtype = DType::kInt8; break;
    case 0x0B: header.dtype = DType::kInt16; break;
    case 0x0C: header.dtype = DType::kInt32; break;
    case 0x0D: header.dtype = DType::kFloat32; break;
    case 0x0E: header.dtype = DType::kFloat64; break;
    default: reader.Fail(StrCat("elements of the unknown type ", type), "idx type");
  }
  const int rank = reader.Read<uint8_t>("idx dimensions");
  if (rank > Shape::kMaxRank) reader.Fail(StrCat(rank, " dimensions"), "idx dimensions");
  header.element_bytes = SizeOf(header.dtype);
  bool empty = false;
  for (int i = 0; i < rank; ++i) {
    const uint64_t extent = reader.ReadBigEndian<uint32_t>("idx extent");
    header.shape.Append(static_cast<int64_t>(extent));
    empty = empty || extent == 0;
    // The others must not overflow beside a 0 either: products of some of them are taken later.
    const bool overflows = extent != 0 && (__builtin_mul_overflow(header.element_bytes, extent, &header.element_bytes) ||
                                           header.element_bytes > static_cast<uint64_t>(INT64_MAX));
    if (overflows) reader.Fail(StrCat("the extents ", header.shape, " overflow"), "idx extent");
  }
  if (empty) header.element_bytes = 0;
  header.bytes = reader.offset();
  return header;
}

}  // namespace

Tensor LoadIdx(const std::string& path) {
  constexpr uint64_t kMaxHeaderBytes = 4 + 4 * 255;
  const auto file = MappedFile::Open(path);
  std::span<const uint8_t> bytes = file->bytes();
  const bool gzipped = bytes.size() > 2 && bytes[0] == 0x1F && bytes[1] == 0x8B;
  std::string inflated;
  if (gzipped) {
    const std::string start = InflateStart(bytes, kMaxHeaderBytes, path);
    Reader reader(AsBytes(start), path);
    const IdxHeader header = ReadIdxHeader(reader);
    reader.ChargeBytes(header.bytes + header.element_bytes, "idx extent");
    inflated = Inflate(bytes, InflateForm::kGzip, header.bytes + header.element_bytes, path);
    bytes = AsBytes(inflated);
  }
  const IdxHeader header = ReadIdxHeader(Reader(bytes, path));
  Reader reader(bytes, path);
  reader.ChargeBytes(header.element_bytes, "idx elements");
  reader.Take(header.bytes, "idx header");
  const auto elements = reader.Take(header.element_bytes, "idx elements");
  reader.ExpectEnd("idx elements");
  return TensorFromArray(elements, header.shape, header.dtype, {.big_endian = true});
}

}  // namespace skiff::io
