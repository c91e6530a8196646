#include "io/npy.h"

#include <algorithm>
#include <charconv>
#include <set>

#include "io/array_order.h"
#include "io/atomic_file.h"
#include "io/reader.h"
#include "io/zip.h"

namespace skiff::io {

namespace {

constexpr std::string_view kMagic = "\x93NUMPY";
constexpr size_t kHeaderAlignment = 64;  // numpy's: elements start at a multiple of it

struct NpyHeader {
  std::string descr;  // "<f4"
  bool fortran = false;
  Shape shape;
};

// The header is the text of a Python dict, e.g. {'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }.
class HeaderParser {
 public:
  HeaderParser(std::string_view text, const Reader& reader) : text_(text), reader_(reader) {}

  NpyHeader Parse() {
    NpyHeader header;
    bool has_descr = false, has_order = false, has_shape = false;
    Expect('{');
    while (!Accept('}')) {
      const std::string key = Quoted();
      Expect(':');
      if (key == "descr") {
        header.descr = Quoted();
        has_descr = true;
      } else if (key == "fortran_order") {
        header.fortran = Boolean();
        has_order = true;
      } else if (key == "shape") {
        header.shape = Tuple();
        has_shape = true;
      } else {
        Fail();
      }
      if (!Accept(',')) {
        Expect('}');
        break;
      }
    }
    if (!has_descr || !has_order || !has_shape) Fail();
    return header;
  }

 private:
  [[noreturn]] void Fail() const { reader_.Fail("the header is no description of an array", "npy header"); }
  void SkipBlanks() {
    while (!text_.empty() && text_.front() == ' ') text_.remove_prefix(1);
  }
  bool Accept(char c) {
    SkipBlanks();
    if (text_.empty() || text_.front() != c) return false;
    text_.remove_prefix(1);
    return true;
  }
  void Expect(char c) {
    if (!Accept(c)) Fail();
  }
  std::string Quoted() {
    SkipBlanks();
    const char quote = text_.empty() ? '\0' : text_.front();
    if (quote != '\'' && quote != '"') Fail();
    const size_t end = text_.find(quote, 1);
    if (end == text_.npos) Fail();
    const std::string inside(text_.substr(1, end - 1));
    text_.remove_prefix(end + 1);
    return inside;
  }
  bool Boolean() {
    SkipBlanks();
    for (const std::string_view word : {"True", "False"}) {
      if (!text_.starts_with(word)) continue;
      text_.remove_prefix(word.size());
      return word == "True";
    }
    Fail();
  }
  Shape Tuple() {
    Shape shape;
    Expect('(');
    while (!Accept(')')) {
      SkipBlanks();
      int64_t extent = -1;
      const auto [end, error] = std::from_chars(text_.data(), text_.data() + text_.size(), extent);
      if (error != std::errc() || extent < 0 || shape.rank() == Shape::kMaxRank) Fail();
      text_.remove_prefix(static_cast<size_t>(end - text_.data()));
      if (Accept('L')) {}  // Python 2
      shape.Append(extent);
      if (!Accept(',')) {
        Expect(')');
        break;
      }
    }
    return shape;
  }

  std::string_view text_;
  const Reader& reader_;
};

Tensor Widened(const Tensor& bits) {
  Tensor wide(bits.shape(), DType::kInt64);
  const uint32_t* from = static_cast<const uint32_t*>(bits.raw_data());
  std::copy(from, from + bits.num_elements(), wide.data<int64_t>());
  return wide;
}

// Takes everything before the elements.
NpyHeader ReadNpyHeader(Reader* reader) {
  if (AsText(reader->Take(kMagic.size(), "npy magic")) != kMagic) {
    reader->FailAt(0, "no file of numpy's", "npy magic");
  }
  const int version = reader->Read<uint8_t>("npy version");
  reader->Read<uint8_t>("npy version");
  if (version < 1 || version > 3) reader->Fail(StrCat("npy version ", version), "npy version");
  const uint64_t header_bytes = version == 1 ? reader->Read<uint16_t>("npy header size")
                                             : reader->Read<uint32_t>("npy header size");
  return HeaderParser(AsText(reader->Take(header_bytes, "npy header")), *reader).Parse();
}

void AppendUtf8(uint32_t code, std::string* text) {
  if (code < 0x80) {
    *text += static_cast<char>(code);
    return;
  }
  const int more = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
  *text += static_cast<char>((0xFF00 >> (more + 1)) | (code >> (6 * more)));
  for (int i = more - 1; i >= 0; --i) *text += static_cast<char>(0x80 | ((code >> (6 * i)) & 0x3F));
}

bool IsText(const NpyHeader& header) { return header.descr.starts_with("<U"); }

// numpy's text: a fixed number of 32-bit characters each, filled up with zeros.
PickleValue ReadText(Reader* reader, const NpyHeader& header) {
  uint64_t width = 0;
  for (const char c : header.descr.substr(2)) {
    if (c < '0' || c > '9' || width > UINT16_MAX) reader->Fail("text of no width", "npy header");
    width = width * 10 + static_cast<uint64_t>(c - '0');
  }
  std::vector<PickleValue> texts;
  while (!reader->AtEnd() && width > 0) {
    reader->ChargeObjects(1, "npy text");
    std::string text;
    for (uint64_t i = 0; i < width; ++i) {
      const uint32_t code = reader->Read<uint32_t>("npy text");
      if (code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF)) reader->Fail("text with no character", "npy text");
      if (code != 0) AppendUtf8(code, &text);
    }
    texts.push_back(PickleValue::Str(std::move(text)));
  }
  const bool single = header.shape.rank() == 0 && texts.size() == 1;
  return single ? texts[0] : PickleValue::List(std::move(texts));
}

}  // namespace

Tensor ParseNpy(std::span<const uint8_t> bytes, const std::string& what) {
  Reader reader(bytes, what);
  const NpyHeader header = ReadNpyHeader(&reader);
  const std::string code = header.descr.empty() ? "" : header.descr.substr(1);
  const bool is_uint32 = code == "u4";
  const DType dtype = is_uint32 ? DType::kInt32 : DTypeOfNumpy(code);
  SKIFF_ENFORCE(dtype != DType::kUndefined, Unimplemented, "cannot read \"", what,
                "\": it holds elements of numpy's type \"", header.descr.substr(0, 40),
                "\", which skiff has no tensors of");
  int64_t wanted = static_cast<int64_t>(SizeOf(dtype));
  bool overflows = false;
  for (int64_t d : header.shape) overflows |= d != 0 && __builtin_mul_overflow(wanted, d, &wanted);
  const bool empty = std::find(header.shape.begin(), header.shape.end(), 0) != header.shape.end();
  if (empty) wanted = 0;
  if (overflows || static_cast<uint64_t>(wanted) != reader.remaining()) {
    reader.Fail(StrCat("an array ", header.descr, " ", header.shape, " does not fill the ",
                       reader.remaining(), " bytes that are left"),
                "npy elements");
  }
  const auto elements = reader.Take(static_cast<uint64_t>(wanted), "npy elements");
  reader.ChargeBytes(is_uint32 ? 3 * elements.size() : elements.size(), "npy elements");
  const Tensor tensor = TensorFromArray(elements, header.shape, dtype,
                                        {.fortran = header.fortran, .big_endian = header.descr[0] == '>'});
  return is_uint32 ? Widened(tensor) : tensor;
}

Tensor LoadNpy(const std::string& path) { return ParseNpy(MappedFile::Open(path)->bytes(), path); }

StateDict LoadNpz(const std::string& path) { return ParseNpz(MappedFile::Open(path)); }

StateDict ParseNpz(const std::shared_ptr<const MappedFile>& file) {
  StateDict arrays;
  std::set<std::string> seen;
  for (const ZipMember& member : IndexZip(file)) {
    const std::string& name = member.name;
    const std::string array = name.ends_with(".npy") ? name.substr(0, name.size() - 4) : name;
    SKIFF_ENFORCE(seen.insert(array).second, InvalidArgument, "cannot read \"", file->name(), "\": the array \"", array,
                  "\" is there twice");
    std::string inflated;
    const std::span<const uint8_t> content = ReadZipMember(file, member, &inflated);
    Reader reader(content, file->name() + ":" + name);
    const NpyHeader header = ReadNpyHeader(&reader);
    if (IsText(header)) {
      arrays.objects.emplace_back(array, ReadText(&reader, header));
    } else {
      arrays.Set(array, ParseNpy(content, reader.what()));
    }
  }
  return arrays;
}

namespace {

std::string NpyHeaderOf(const std::string& descr, std::span<const int64_t> shape) {
  std::string extents;
  for (int64_t d : shape) extents += std::to_string(d) + ", ";
  if (shape.size() > 1) extents.resize(extents.size() - 2);
  if (shape.size() == 1) extents.pop_back();
  std::string header = StrCat("{'descr': '", descr, "', 'fortran_order': False, 'shape': (", extents, "), }");
  const size_t before = kMagic.size() + 4;
  while ((before + header.size() + 1) % kHeaderAlignment != 0) header += ' ';
  header += '\n';
  StringSink sink;
  sink.Write(kMagic);
  sink.Write(std::string_view("\x01\x00", 2));
  sink.WriteNumber(static_cast<uint16_t>(header.size()));
  sink.Write(header);
  return sink.Take();
}

std::string NpyHeaderOf(const Tensor& tensor) {
  return NpyHeaderOf(StrCat(SizeOf(tensor.dtype()) == 1 ? "|" : "<", NumpyType(tensor.dtype())), tensor.shape().dims());
}

std::span<const uint8_t> ElementsOf(const Tensor& tensor) {
  return {static_cast<const uint8_t*>(tensor.raw_data()), tensor.bytes()};
}

// Code points of UTF-8 that was checked.
std::u32string CodePoints(const std::string& text) {
  std::u32string codes;
  for (size_t i = 0; i < text.size();) {
    const auto lead = static_cast<uint8_t>(text[i]);
    const int more = lead < 0x80 ? 0 : lead < 0xE0 ? 1 : lead < 0xF0 ? 2 : 3;
    char32_t code = more == 0 ? lead : lead & (0x3Fu >> more);
    for (int k = 1; k <= more; ++k) code = code << 6 | (static_cast<uint8_t>(text[i + static_cast<size_t>(k)]) & 0x3Fu);
    codes += code;
    i += static_cast<size_t>(more) + 1;
  }
  return codes;
}

// A str, or a list of them, as numpy's array of text; anything else is no array.
std::string TextArray(const std::string& name, const PickleValue& object) {
  const bool list = object.Is(PickleKind::kList);
  const std::vector<PickleValue> items = list ? object.items() : std::vector<PickleValue>{object};
  std::vector<std::u32string> texts;
  size_t width = 1;
  for (const PickleValue& item : items) {
    SKIFF_ENFORCE(item.Is(PickleKind::kStr) && IsUtf8(AsBytes(item.AsText())), InvalidArgument,
                  "npz holds arrays of numbers and of text; \"", name, "\" is a ", ToString(object.kind()));
    texts.push_back(CodePoints(item.AsText()));
    width = std::max(width, texts.back().size());
  }
  const int64_t count = static_cast<int64_t>(texts.size());
  std::string bytes = NpyHeaderOf(StrCat("<U", width), {&count, list ? 1u : 0u});
  for (std::u32string& text : texts) {
    text.resize(width);
    bytes.append(reinterpret_cast<const char*>(text.data()), width * sizeof(char32_t));
  }
  return bytes;
}

}  // namespace

std::string SerializeNpy(const Tensor& tensor) {
  const Tensor cpu = tensor.To(CPUPlace{});
  return NpyHeaderOf(cpu).append(AsText(ElementsOf(cpu)));
}

void SaveNpy(const Tensor& tensor, const std::string& path) { WriteFile(path, SerializeNpy(tensor)); }

void WriteNpz(const StateDict& arrays, Sink* sink) {
  ZipWriter writer(sink);
  for (const StateDict::Entry& entry : arrays) {
    SKIFF_ENFORCE(entry.tensor.is_initialized(), InvalidArgument, "the tensor \"", entry.name,
                  "\" has no memory, so it cannot be written");
    const Tensor cpu = entry.tensor.To(CPUPlace{});
    const std::string header = NpyHeaderOf(cpu);
    const std::span<const uint8_t> parts[] = {AsBytes(header), ElementsOf(cpu)};
    writer.Add(entry.name + ".npy", parts);
  }
  for (const auto& [name, object] : arrays.objects) {
    const std::string bytes = TextArray(name, object);
    const std::span<const uint8_t> parts[] = {AsBytes(bytes)};
    writer.Add(name + ".npy", parts);
  }
  writer.Finish();
}

void SaveNpz(const StateDict& arrays, const std::string& path) {
  AtomicFiles files;
  WriteNpz(arrays, &files.Add(path));
  files.Commit();
}

}  // namespace skiff::io
