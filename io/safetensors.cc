#include "io/safetensors.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <set>

#include "io/atomic_file.h"

namespace skiff::io {

namespace {

using OrderedJson = nlohmann::ordered_json;

constexpr const char* kHeaderField = "safetensors header";
constexpr size_t kHeaderAlignment8 = 8;
constexpr uint64_t kHeaderAt = 8;  // behind its length

// In the order in which the format's library sorts them, narrow ones first.
constexpr std::array<std::pair<std::string_view, DType>, 11> kSafetensorsDTypes = {
    {{"BOOL", DType::kBool}, {"U8", DType::kUInt8}, {"I8", DType::kInt8}, {"I16", DType::kInt16},
     {"F16", DType::kFloat16}, {"BF16", DType::kBFloat16}, {"I32", DType::kInt32}, {"F32", DType::kFloat32},
     {"C64", DType::kComplex64}, {"F64", DType::kFloat64}, {"I64", DType::kInt64}}};

int RankOf(DType dtype) {
  for (size_t i = 0; i < kSafetensorsDTypes.size(); ++i) {
    if (kSafetensorsDTypes[i].second == dtype) return static_cast<int>(i);
  }
  return -1;
}

// What the header says of one tensor, not yet believed.
struct Described {
  std::string name, dtype;
  std::vector<uint64_t> shape, offsets;
  bool has_dtype = false, has_shape = false, has_offsets = false;
};

// Takes the header as it is parsed, so that nothing nested deeper, doubled or out of place is ever built.
class HeaderReceiver : public nlohmann::json_sax<nlohmann::json> {
 public:
  explicit HeaderReceiver(Reader* reader) : reader_(reader) {}

  std::vector<Described> tensors;
  std::vector<PickleValue::Item> metadata;
  bool has_metadata = false;
  std::string problem;

  bool start_object(size_t) override {
    if (++depth_ == 1) return true;
    if (depth_ > 2 || list_ != nullptr) return Refuse("an object where none belongs");
    if (in_metadata()) {
      has_metadata = true;
    } else {
      reader_->ChargeObjects(1, kHeaderField);
      reader_->ChargeBytes(sizeof(Described) + name_.size(), kHeaderField);
      tensors.push_back({.name = name_});
    }
    return true;
  }
  bool end_object() override {
    if (--depth_ == 1 && !in_metadata()) {
      const Described& last = tensors.back();
      if (!last.has_dtype || !last.has_shape || !last.has_offsets) {
        return Refuse("\"" + name_ + "\" lacks dtype, shape or data_offsets");
      }
    }
    keys_.clear();
    return true;
  }
  bool key(std::string& key) override {
    reader_->CheckText(key.size(), kHeaderAt, kHeaderField);
    std::set<std::string>& known = depth_ == 1 ? names_ : keys_;
    if (!known.insert(key).second) return Refuse("\"" + key + "\" is there twice");
    (depth_ == 1 ? name_ : key_) = key;
    return true;
  }
  bool string(std::string& text) override {
    if (depth_ == 2 && in_metadata()) {
      reader_->CheckText(text.size(), kHeaderAt, kHeaderField);
      reader_->ChargeObjects(1, kHeaderField);
      reader_->ChargeBytes(sizeof(PickleValue::Item) + key_.size() + text.size(), kHeaderField);
      metadata.emplace_back(PickleValue::Str(key_), PickleValue::Str(text));
      return true;
    }
    if (depth_ != 2 || list_ != nullptr || key_ != "dtype") return Unexpected("a text");
    tensors.back().dtype = text;
    tensors.back().has_dtype = true;
    return true;
  }
  bool start_array(size_t) override {
    if (depth_ != 2 || in_metadata() || list_ != nullptr) return Unexpected("a list");
    Described& last = tensors.back();
    if (key_ != "shape" && key_ != "data_offsets") return Unexpected("a list");
    (key_ == "shape" ? last.has_shape : last.has_offsets) = true;
    list_ = key_ == "shape" ? &last.shape : &last.offsets;
    return true;
  }
  bool end_array() override {
    list_ = nullptr;
    return true;
  }
  bool number_unsigned(uint64_t number) override {
    if (list_ == nullptr) return Unexpected("a number");
    if (list_->size() >= Shape::kMaxRank) return Refuse(StrCat("\"", name_, "\" has more than ", Shape::kMaxRank, " dimensions"));
    list_->push_back(number);
    return true;
  }
  bool number_integer(int64_t) override { return Unexpected("a negative number"); }
  bool number_float(double, const std::string& text) override { return Unexpected("the number " + text); }
  bool null() override { return Unexpected("null"); }
  bool boolean(bool) override { return Unexpected("a truth value"); }
  bool binary(nlohmann::json::binary_t&) override { return Unexpected("bytes"); }
  bool parse_error(size_t at, const std::string&, const nlohmann::json::exception&) override {
    error_at_ = at;
    return Refuse("it is no JSON");
  }

  size_t error_at() const { return error_at_; }

 private:
  bool in_metadata() const { return name_ == kSafetensorsMetadata; }
  bool Refuse(const std::string& text) {
    problem = text;
    return false;
  }
  bool Unexpected(const std::string& what) {
    return Refuse(StrCat(what, " where none belongs", name_.empty() ? "" : ", at \"" + name_ + "\""));
  }

  Reader* reader_;  // counts what the header asks for
  int depth_ = 0;
  size_t error_at_ = 0;
  std::string name_, key_;         // the keys in sight, of the header and of one entry
  std::set<std::string> names_, keys_;
  std::vector<uint64_t>* list_ = nullptr;  // what numbers belong to
};

TensorEntry ToEntry(const Described& described, Reader& reader, uint64_t data_at) {
  const auto known = std::find_if(kSafetensorsDTypes.begin(), kSafetensorsDTypes.end(),
                                  [&](const auto& row) { return row.first == described.dtype; });
  SKIFF_ENFORCE(known != kSafetensorsDTypes.end(), Unimplemented, "cannot read \"", reader.what(), "\": tensor \"",
                described.name, "\" has elements of the type ", described.dtype.substr(0, 40),
                ", which skiff has no tensors of");
  TensorEntry entry;
  entry.dtype = known->second;
  int64_t bytes = static_cast<int64_t>(SizeOf(entry.dtype));
  bool overflows = described.shape.size() > Shape::kMaxRank, empty = false;
  for (size_t i = 0; i < described.shape.size() && !overflows; ++i) {
    const uint64_t extent = described.shape[i];
    overflows = extent > INT64_MAX || (extent != 0 && __builtin_mul_overflow(bytes, static_cast<int64_t>(extent), &bytes));
    empty |= extent == 0;
    if (!overflows) entry.shape.Append(static_cast<int64_t>(extent));
  }
  if (empty) bytes = 0;
  const bool pair = described.offsets.size() == 2 && described.offsets[0] <= described.offsets[1];
  if (overflows || !pair || described.offsets[1] - described.offsets[0] != static_cast<uint64_t>(bytes)) {
    reader.FailAt(kHeaderAt, StrCat("the data_offsets of \"", described.name, "\" do not hold its ", described.dtype, " ", entry.shape),
                  kHeaderField);
  }
  entry.offset = entry.data_offset = data_at + described.offsets[0];
  entry.data_bytes = static_cast<uint64_t>(bytes);
  reader.ChargeBytes(entry.data_bytes, "safetensors data");  // should it be copied
  return entry;
}

// Each tensor begins where another ends, and the last one ends with the file.
void CheckCover(const std::vector<TensorEntry>& entries, const std::vector<Described>& described, const Reader& reader) {
  std::vector<size_t> order(entries.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    return std::pair(entries[a].data_offset, entries[a].data_bytes) < std::pair(entries[b].data_offset, entries[b].data_bytes);
  });
  uint64_t end = reader.offset();
  for (const size_t i : order) {
    if (entries[i].data_offset != end) {
      reader.FailAt(kHeaderAt, StrCat("\"", described[i].name, "\" ", entries[i].data_offset < end ? "overlaps" : "leaves a gap behind",
                              " the tensor before it"), kHeaderField);
    }
    end += entries[i].data_bytes;
  }
  const uint64_t size = reader.offset() + reader.remaining();
  if (end != size) reader.FailAt(kHeaderAt, StrCat("the tensors end at byte ", end, ", the file has ", size), kHeaderField);
}

OrderedJson MetadataOf(const StateDict& state) {
  OrderedJson metadata;
  for (const auto& [name, object] : state.objects) {
    const bool kept = name == kSafetensorsMetadata && object.IsDict() &&
                      std::all_of(object.entries().begin(), object.entries().end(), [](const auto& entry) {
                        return entry.first.Is(PickleKind::kStr) && entry.second.Is(PickleKind::kStr);
                      });
    SKIFF_ENFORCE(kept, InvalidArgument, "safetensors hold tensors, and texts by name in ", kSafetensorsMetadata, "; \"", name,
                  "\" is a ", ToString(object.kind()));
    metadata = OrderedJson::object();
    std::map<std::string, std::string> sorted;
    for (const auto& [key, text] : object.entries()) sorted[key.AsText()] = text.AsText();
    for (const auto& [key, text] : sorted) metadata[key] = text;
  }
  return metadata;
}

}  // namespace

StateDict ParseSafetensors(const std::shared_ptr<const MappedFile>& file, TensorMemory memory) {
  Reader reader(file->bytes(), file->name());
  const uint64_t header_bytes = reader.Read<uint64_t>("safetensors header size");
  if (header_bytes > kMaxSafetensorsHeader || header_bytes > reader.remaining()) {
    reader.FailAt(0, StrCat("a header of ", header_bytes, " bytes, ", reader.remaining(), " are left and ", kMaxSafetensorsHeader,
                            " are the most"), "safetensors header size");
  }
  const std::string_view header = AsText(reader.Take(header_bytes, kHeaderField));
  if (!header.starts_with('{')) reader.FailAt(kHeaderAt, "it does not begin with {", kHeaderField);
  HeaderReceiver receiver(&reader);
  if (!nlohmann::json::sax_parse(header.begin(), header.end(), &receiver)) {
    reader.FailAt(kHeaderAt + receiver.error_at(), receiver.problem, kHeaderField);
  }

  std::vector<TensorEntry> entries;
  for (const Described& described : receiver.tensors) entries.push_back(ToEntry(described, reader, reader.offset()));
  CheckCover(entries, receiver.tensors, reader);
  StateDict state;
  for (size_t i = 0; i < entries.size(); ++i) state.Set(receiver.tensors[i].name, MakeTensor(entries[i], file, memory));
  if (receiver.has_metadata) {
    state.objects.emplace_back(kSafetensorsMetadata, PickleValue::Dict(std::move(receiver.metadata)));
  }
  return state;
}

StateDict LoadSafetensors(const std::string& path, TensorMemory memory) {
  return ParseSafetensors(MappedFile::Open(path), memory);
}

void WriteSafetensors(const StateDict& state, Sink* sink) {
  std::vector<const StateDict::Entry*> sorted;
  for (const StateDict::Entry& entry : state) {
    SKIFF_ENFORCE(entry.name != kSafetensorsMetadata, InvalidArgument, "a tensor cannot be called \"", entry.name,
                  "\" in safetensors; rename it");
    SKIFF_ENFORCE(entry.tensor.is_initialized(), InvalidArgument, "the tensor \"", entry.name,
                  "\" has no memory, so it cannot be written");
    SKIFF_ENFORCE(IsUtf8(AsBytes(entry.name)), InvalidArgument, "the name of a tensor is no UTF-8");
    SKIFF_ENFORCE(RankOf(entry.tensor.dtype()) >= 0, Unimplemented, "the tensor \"", entry.name, "\" is ",
                  entry.tensor.dtype(), ", which safetensors do not have");
    sorted.push_back(&entry);
  }
  std::sort(sorted.begin(), sorted.end(), [](const auto* a, const auto* b) {
    const int ranks[] = {RankOf(a->tensor.dtype()), RankOf(b->tensor.dtype())};
    return ranks[0] != ranks[1] ? ranks[0] > ranks[1] : a->name < b->name;
  });

  OrderedJson header = OrderedJson::object();
  const OrderedJson metadata = MetadataOf(state);
  if (!metadata.is_null()) header[kSafetensorsMetadata] = metadata;
  uint64_t offset = 0;
  std::string text = header.dump();
  text.pop_back();
  // An entry at a time: an ordered object finds its keys by a scan.
  for (const StateDict::Entry* entry : sorted) {
    const Tensor& tensor = entry->tensor;
    const OrderedJson described = {{"dtype", kSafetensorsDTypes[static_cast<size_t>(RankOf(tensor.dtype()))].first},
                            {"shape", tensor.shape().ToVector()}, {"data_offsets", {offset, offset + tensor.bytes()}}};
    text += StrCat(text.size() > 1 ? "," : "", OrderedJson(entry->name).dump(), ":", described.dump());
    offset += tensor.bytes();
  }
  text += '}';
  text.resize((text.size() + kHeaderAlignment8 - 1) / kHeaderAlignment8 * kHeaderAlignment8, ' ');
  SKIFF_ENFORCE(text.size() <= kMaxSafetensorsHeader, InvalidArgument, "the names of ", sorted.size(), " tensors take ", text.size(),
                " bytes, more than the ", kMaxSafetensorsHeader, " that safetensors may have");
  sink->WriteNumber<uint64_t>(text.size());
  sink->Write(text);
  for (const StateDict::Entry* entry : sorted) {
    const Tensor cpu = entry->tensor.To(CPUPlace{});
    sink->Write(cpu.raw_data(), cpu.bytes());
  }
}

void SaveSafetensors(const StateDict& state, const std::string& path) {
  AtomicFiles files;
  WriteSafetensors(state, &files.Add(path));
  files.Commit();
}

}  // namespace skiff::io
