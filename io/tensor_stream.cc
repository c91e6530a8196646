#include "io/tensor_stream.h"

#include <algorithm>

#include "io/copy_to_fresh.h"

namespace skiff::io {

namespace {

constexpr uint64_t kMaxLoDLevels = 64;

struct TensorDesc {
  DType dtype = DType::kUndefined;
  Shape shape;
};

void AddDim(Reader* desc, uint64_t at, int64_t dim, Shape* shape) {
  if (dim < 0) desc->FailAt(at, StrCat("an extent of ", dim), "TensorDesc.dims");
  if (shape->rank() == Shape::kMaxRank) {
    desc->FailAt(at, StrCat("more than ", Shape::kMaxRank, " dimensions"), "TensorDesc.dims");
  }
  shape->Append(dim);
}

// The protobuf message of a dense stream: 1 data_type, 2 repeated dims (packed or not).
TensorDesc ReadTensorDesc(Reader desc) {
  TensorDesc result;
  while (!desc.AtEnd()) {
    const uint64_t at = desc.offset();
    const uint64_t key = desc.ReadVarint("TensorDesc");
    if (key == (1 << 3 | 0)) {
      const uint64_t code = desc.ReadVarint("TensorDesc.data_type");
      if (code > 127 || !IsValidDType(static_cast<int>(code))) {
        desc.FailAt(at, StrCat("elements of the type ", code, ", which skiff has no tensors of"),
                    "TensorDesc.data_type");
      }
      result.dtype = static_cast<DType>(code);
    } else if (key == (2 << 3 | 0)) {
      AddDim(&desc, at, static_cast<int64_t>(desc.ReadVarint("TensorDesc.dims")), &result.shape);
    } else if (key == (2 << 3 | 2)) {
      const uint64_t bytes = desc.ReadVarint("TensorDesc.dims");
      Reader packed = desc.Part(bytes, "TensorDesc.dims");
      while (!packed.AtEnd()) {
        AddDim(&desc, at, static_cast<int64_t>(packed.ReadVarint("TensorDesc.dims")), &result.shape);
      }
    } else {
      desc.FailAt(at, StrCat("an unknown field, key ", key), "TensorDesc");
    }
  }
  if (result.dtype == DType::kUndefined) desc.Fail("no data_type", "TensorDesc.data_type");
  return result;
}

void ExpectVersion0(Reader* reader, const char* field) {
  const uint64_t at = reader->offset();
  const uint32_t version = reader->Read<uint32_t>(field);
  if (version != 0) {
    reader->FailAt(at, StrCat("a tensor of version ", version,
                              "; Paddle writes version 0: maybe this is no file of Paddle's"),
                   field);
  }
}

LoD ReadLoD(Reader* reader) {
  const uint64_t at = reader->offset();
  const uint64_t levels = reader->Read<uint64_t>("LoD levels");
  if (levels > kMaxLoDLevels) {
    reader->FailAt(at, StrCat(levels, " levels of LoD; the most are ", kMaxLoDLevels), "LoD levels");
  }
  LoD lod;
  for (uint64_t level = 0; level < levels; ++level) {
    const uint64_t level_at = reader->offset();
    const uint64_t bytes = reader->Read<uint64_t>("LoD bytes");
    if (bytes % sizeof(uint64_t) != 0) {
      reader->FailAt(level_at, StrCat("a LoD level of ", bytes, " bytes, no multiple of 8"),
                     "LoD bytes");
    }
    const auto taken = reader->Take(bytes, "LoD offsets");
    reader->ChargeBytes(bytes, "LoD offsets");
    std::vector<uint64_t> offsets(taken.size() / sizeof(uint64_t));
    if (!taken.empty()) std::memcpy(offsets.data(), taken.data(), taken.size());
    lod.push_back(std::move(offsets));
  }
  return lod;
}

}  // namespace

std::string TensorEntry::ToString() const { return StrCat(dtype, " ", shape); }

TensorEntry ReadDenseEntry(Reader* reader) {
  TensorEntry entry;
  entry.offset = reader->offset();
  reader->ChargeObjects(1, "tensor version");
  ExpectVersion0(reader, "tensor version");
  const uint64_t at = reader->offset();
  const int32_t bytes = reader->Read<int32_t>("TensorDesc size");
  if (bytes < 0) reader->FailAt(at, StrCat("a size of ", bytes), "TensorDesc size");
  const uint64_t start = reader->offset();
  const TensorDesc desc = ReadTensorDesc(reader->Part(static_cast<uint64_t>(bytes), "TensorDesc"));
  entry.dtype = desc.dtype;
  entry.shape = desc.shape;
  // Multiplied out here, not in Shape, for an error that names the byte.
  int64_t total = static_cast<int64_t>(SizeOf(desc.dtype));
  const bool empty = std::find(desc.shape.begin(), desc.shape.end(), 0) != desc.shape.end();
  for (int64_t d : desc.shape) {
    if (d != 0 && __builtin_mul_overflow(total, d, &total)) {
      reader->FailAt(start, StrCat("the extents ", desc.shape, " overflow"), "TensorDesc.dims");
    }
  }
  entry.data_bytes = empty ? 0 : static_cast<uint64_t>(total);
  entry.data_offset = reader->offset();
  if (entry.data_bytes > reader->remaining()) {
    reader->Fail(StrCat("a ", entry.ToString(), " tensor has ", entry.data_bytes, " bytes, ",
                        reader->remaining(), " are left"),
                 "tensor data");
  }
  reader->Take(entry.data_bytes, "tensor data");
  reader->ChargeBytes(entry.data_bytes, "tensor data");  // should it be copied
  return entry;
}

TensorEntry ReadTensorEntry(Reader* reader) {
  const uint64_t at = reader->offset();
  ExpectVersion0(reader, "LoDTensor version");
  LoD lod = ReadLoD(reader);
  TensorEntry entry = ReadDenseEntry(reader);
  entry.offset = at;
  if (!lod.empty()) {
    try {
      SKIFF_ENFORCE(entry.shape.rank() > 0, InvalidArgument, "a 0-D tensor has no rows for a LoD");
      CheckLoD(lod, entry.shape[0]);
    } catch (const Error& error) {
      reader->FailAt(at, error.headline(), "LoD offsets");
    }
  }
  entry.lod = std::move(lod);
  return entry;
}

Tensor MakeTensor(const TensorEntry& entry, const std::shared_ptr<const MappedFile>& file,
                  TensorMemory memory) {
  const uint8_t* data = file->bytes().data() + entry.data_offset;
  const size_t alignment = std::min<size_t>(SizeOf(entry.dtype), alignof(double));
  const bool aligned = reinterpret_cast<uintptr_t>(data) % alignment == 0;
  Tensor tensor;
  const bool is_bool = entry.dtype == DType::kBool;
  if (memory == TensorMemory::kShared && aligned && !is_bool && entry.data_bytes > 0) {
    // The mapping is private and writable: see MappedFile.
    std::shared_ptr<void> owner(std::const_pointer_cast<MappedFile>(file));
    tensor = Tensor(entry.shape, entry.dtype, CPUPlace{}, std::move(owner),
                    const_cast<uint8_t*>(data));
  } else {
    tensor = Tensor(entry.shape, entry.dtype);
    uint8_t* copy = static_cast<uint8_t*>(tensor.raw_data());
    if (is_bool) {
      // Any byte that is not 0 means true, but C++ reads a bool of 2 as it likes.
      std::transform(data, data + entry.data_bytes, copy, [](uint8_t b) { return b != 0; });
    } else {
      CopyToFresh(copy, data, entry.data_bytes);
    }
  }
  tensor.set_lod(entry.lod);
  return tensor;
}

std::vector<TensorEntry> IndexTensors(const std::shared_ptr<const MappedFile>& file) {
  Reader reader(file->bytes(), file->name());
  std::vector<TensorEntry> entries;
  while (!reader.AtEnd()) entries.push_back(ReadTensorEntry(&reader));
  return entries;
}

Value ReadTensorFile(const std::shared_ptr<const MappedFile>& file, TensorMemory memory) {
  try {
    Reader reader(file->bytes(), file->name());
    ExpectVersion0(&reader, "SelectedRows version");
    SelectedRows rows;
    const uint64_t count = reader.ReadCount("SelectedRows rows", sizeof(int64_t));
    const auto taken = reader.Take(count * sizeof(int64_t), "SelectedRows rows");
    reader.ChargeBytes(taken.size(), "SelectedRows rows");
    rows.rows.resize(count);
    if (count > 0) std::memcpy(rows.rows.data(), taken.data(), taken.size());
    rows.height = reader.Read<int64_t>("SelectedRows height");
    const TensorEntry entry = ReadDenseEntry(&reader);
    reader.ExpectEnd("SelectedRows");
    const bool fits = entry.shape.rank() > 0 && entry.shape[0] == static_cast<int64_t>(count) &&
                      std::all_of(rows.rows.begin(), rows.rows.end(),
                                  [&](int64_t r) { return r >= 0 && r < rows.height; });
    if (!fits) reader.Fail("rows do not fit the tensor", "SelectedRows rows");
    rows.value = MakeTensor(entry, file, memory);
    return rows;
  } catch (const InvalidArgument&) {
    // No SelectedRows, then.
  }
  Reader reader(file->bytes(), file->name());
  const TensorEntry entry = ReadTensorEntry(&reader);
  if (!reader.AtEnd()) {
    reader.Fail(StrCat(reader.remaining(), " bytes follow the tensor; if this is a file of several (.pdiparams), only its program "
                       "knows their names: load the model by its prefix"), "LoDTensor");
  }
  return MakeTensor(entry, file, memory);
}

std::string VariablePath(const std::string& folder, const std::string& name) {
  bool leaves = name.empty() || name.front() == '/';
  const std::string framed = "/" + name + "/";
  leaves = leaves || framed.find("/../") != framed.npos || name.find('\0') != name.npos;
  SKIFF_ENFORCE(framed.find("/.skiff-") == framed.npos, InvalidArgument, "the variable \"", name,
                "\" has no file of its own: saves under way have such names; keep it in one file with the others");
  std::string shown = name;
  for (size_t at; (at = shown.find('\0')) != shown.npos;) shown.replace(at, 1, "\\0");
  SKIFF_ENFORCE(!leaves, InvalidArgument, "the variable \"", shown,
                "\" has no file of its own: its name leads out of the folder \"", folder, "\"");
  return folder + "/" + name;
}

void WriteDense(const Tensor& tensor, Sink* sink) {
  SKIFF_ENFORCE(tensor.is_initialized(), InvalidArgument,
                "a tensor without memory cannot be written; run the startup program first");
  const Tensor cpu = tensor.To(CPUPlace{});
  std::string desc;
  auto varint = [&desc](uint64_t value) {
    for (; value >= 0x80; value >>= 7) desc += static_cast<char>(value | 0x80);
    desc += static_cast<char>(value);
  };
  varint(1 << 3);
  varint(static_cast<uint64_t>(cpu.dtype()));
  for (int64_t d : cpu.shape()) {
    varint(2 << 3);
    varint(static_cast<uint64_t>(d));
  }
  sink->WriteNumber<uint32_t>(0);
  sink->WriteNumber<int32_t>(static_cast<int32_t>(desc.size()));
  sink->Write(desc);
  sink->Write(cpu.raw_data(), cpu.bytes());
}

void WriteTensor(const Tensor& tensor, Sink* sink) {
  sink->WriteNumber<uint32_t>(0);
  sink->WriteNumber<uint64_t>(tensor.lod().size());
  for (const std::vector<uint64_t>& offsets : tensor.lod()) {
    sink->WriteNumber<uint64_t>(offsets.size() * sizeof(uint64_t));
    sink->Write(offsets.data(), offsets.size() * sizeof(uint64_t));
  }
  WriteDense(tensor, sink);
}

void WriteSelectedRows(const SelectedRows& rows, Sink* sink) {
  sink->WriteNumber<uint32_t>(0);
  sink->WriteNumber<uint64_t>(rows.rows.size());
  sink->Write(rows.rows.data(), rows.rows.size() * sizeof(int64_t));
  sink->WriteNumber<int64_t>(rows.height);
  WriteDense(rows.value, sink);
}

}  // namespace skiff::io
