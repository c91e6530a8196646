#include "io/wire.h"

#include <array>
#include <vector>

namespace skiff::io {

namespace {

constexpr size_t kMaxFields = 12;  // that hold messages, of one message
constexpr uint64_t kMessageBytes = 512;  // about what a message, and what is made of it, takes beside its texts

struct MessageType;

// A field that holds a message; all others are leaves.
struct MessageField {
  uint32_t number;
  const char* name;
  const MessageType* type;
};

struct MessageType {
  std::vector<MessageField> fields;
};

const MessageType& ProgramType() {
  static const MessageType leaf;
  static const MessageType tensor_list{{{1, "tensor", &leaf}}};
  static const MessageType reader{{{1, "lod_tensor", &tensor_list}}};
  static const MessageType var_type{{{2, "selected_rows", &leaf},
                                     {3, "lod_tensor", &tensor_list},
                                     {4, "tensor_array", &tensor_list},
                                     {5, "reader", &reader},
                                     {7, "tuple", &leaf},
                                     {8, "string", &leaf},
                                     {9, "strings", &leaf},
                                     {10, "vocab", &leaf},
                                     {11, "sparse_coo", &leaf},
                                     {12, "sparse_csr", &leaf}}};
  static const MessageType var{{{2, "type", &var_type}, {7, "attrs", &leaf}}};
  static const MessageType scalar{{{5, "c", &leaf}}};
  static const MessageType op_attr{{{20, "scalar", &scalar}, {21, "scalars", &scalar}}};
  static const MessageType op{{{1, "inputs", &leaf}, {2, "outputs", &leaf}, {4, "attrs", &op_attr}}};
  static const MessageType block{{{3, "vars", &var}, {4, "ops", &op}}};
  static const MessageType pair{{{2, "op_version", &leaf}}};
  static const MessageType versions{{{1, "pair", &pair}}};
  static const MessageType program{
      {{1, "blocks", &block}, {4, "version", &leaf}, {5, "op_version_map", &versions}}};
  return program;
}

class Walk {
 public:
  void Message(Reader reader, const MessageType& type, const FieldPath& path) try {
    std::array<int64_t, kMaxFields> seen = {};
    while (!reader.AtEnd()) {
      const uint64_t at = reader.offset();
      const uint64_t key = reader.ReadVarint("key");
      if (key >> 32 != 0 || key >> 3 == 0) reader.FailAt(at, "no protobuf field", "key");
      switch (key & 7) {
        case 0: reader.ReadVarint("varint"); break;
        case 1: reader.Take(8, "64-bit number"); break;
        case 5: reader.Take(4, "32-bit number"); break;
        case 2: Bytes(&reader, type, static_cast<uint32_t>(key >> 3), path, seen.data()); break;
        default: reader.FailAt(at, "no protobuf wire type of these files", "key");
      }
    }
  } catch (Error& error) {
    const std::string where = path.ToString();  // of the whole file: ""
    if (!located_ && !where.empty()) error.AddContext("in " + where);  // the innermost message says it
    located_ = true;
    throw;
  }

 private:
  void Bytes(Reader* reader, const MessageType& type, uint32_t number, const FieldPath& path,
             int64_t* seen) {
    const uint64_t length = reader->ReadVarint("length");
    const Reader content = reader->Part(length, "content");
    for (size_t i = 0; i < type.fields.size(); ++i) {
      if (type.fields[i].number != number) continue;
      reader->ChargeObjects(1, "content");
      reader->ChargeBytes(kMessageBytes, "content");
      Message(content, *type.fields[i].type, {&path, type.fields[i].name, seen[i]++});
    }
  }

  bool located_ = false;
};

}  // namespace

void CheckProgramWire(Reader reader) {
  if (reader.AtEnd()) reader.Fail("the file is empty", "ProgramDesc");
  if (reader.remaining() > kMaxProgramBytes) {
    reader.Fail(StrCat("a program of ", reader.remaining(), " bytes; protobuf reads at most ",
                       kMaxProgramBytes),
                "ProgramDesc");
  }
  Walk().Message(reader, ProgramType(), {});
}

}  // namespace skiff::io
