// Every file that Paddle wrote is read, and written again: the same bytes; archives of numpy's, the same arrays. A new
// golden file is tested here without being named.
#include <filesystem>
#include <set>

#include "io/file_kind.h"
#include "io/npy.h"
#include "io/pickle.h"
#include "io/program_file.h"
#include "io/tensor_stream.h"
#include "tests/io/support.h"

namespace skiff::io {
namespace {

using ::testing::Contains;
using ::testing::Ge;
using ::testing::Pair;

// What describes the others.
const std::set<std::string> kDescriptions{"README.md", "make_golden.py", "nested_pickles/expected.json", "op_table/op_table.json"};

std::vector<std::string> GoldenFiles() {
  std::vector<std::string> names;
  const std::filesystem::path root(SKIFF_GOLDEN_DIR);
  for (const auto& entry : std::filesystem::recursive_directory_iterator(root)) {
    const std::string name = std::filesystem::relative(entry.path(), root).string();
    if (entry.is_regular_file() && !name.ends_with(".pyc") && !kDescriptions.contains(name)) names.push_back(name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::string PickleAgain(const std::string& bytes, const std::string& name) {
  PickleForm form;
  const PickleValue value = ParsePickle(AsBytes(bytes), name, &form);
  return SerializePickle(value, form);
}

std::string JsonAgain(const std::string& bytes, const std::string& name) {
  const bool readable = bytes.find("\n    ") != bytes.npos;
  return SerializeProgramJson(*ParseProgram(AsBytes(bytes), name), readable);
}

std::string StreamsAgain(const std::string& path) {
  const auto file = MappedFile::Open(path);
  StringSink sink;
  try {
    const Value value = ReadTensorFile(file);
    if (const auto* rows = std::get_if<SelectedRows>(&value)) {
      WriteSelectedRows(*rows, &sink);
      return sink.Take();
    }
  } catch (const InvalidArgument&) {
    // Several tensors.
  }
  for (const TensorEntry& entry : IndexTensors(file)) WriteTensor(MakeTensor(entry, file), &sink);
  return sink.Take();
}

void ExpectSameArrays(const std::string& path) {
  const StateDict arrays = LoadNpz(path);
  const TemporaryFolder folder;
  SaveNpz(arrays, folder / "again.npz");
  const StateDict again = LoadNpz(folder / "again.npz");
  EXPECT_EQ(again.Names(), arrays.Names());
  EXPECT_EQ(again.objects.size(), arrays.objects.size());
  for (const auto& entry : arrays) {
    const Tensor* tensor = again.Find(entry.name);
    ASSERT_NE(tensor, nullptr) << entry.name;
    EXPECT_EQ(tensor->dtype(), entry.tensor.dtype()) << entry.name;
    EXPECT_EQ(tensor->shape(), entry.tensor.shape()) << entry.name;
    EXPECT_EQ(std::memcmp(tensor->raw_data(), entry.tensor.raw_data(), tensor->bytes()), 0) << entry.name;
  }
}

TEST(GoldenTest, EveryFileOfPaddleIsReadAndWrittenBack) {
  std::map<std::string, int> counts;
  for (const std::string& name : GoldenFiles()) {
    SCOPED_TRACE(name);
    const std::string bytes = ReadText(Golden(name));
    const FileKind kind = DetectFile(AsBytes(bytes));
    ++counts[ToString(kind)];
    switch (kind) {
      case FileKind::kProgram: EXPECT_TRUE(SerializeProgram(*ParseProgram(AsBytes(bytes), name)) == bytes); break;
      case FileKind::kProgramJson: EXPECT_TRUE(JsonAgain(bytes, name) == bytes); break;
      case FileKind::kPickle: EXPECT_TRUE(PickleAgain(bytes, name) == bytes); break;
      case FileKind::kTensors: EXPECT_TRUE(StreamsAgain(Golden(name)) == bytes); break;
      case FileKind::kZip: ExpectSameArrays(Golden(name)); break;
      default: ADD_FAILURE() << "a file that nothing here tests; is it a description?";
    }
  }
  EXPECT_THAT(counts, Contains(Pair("program", Ge(22))));
  EXPECT_THAT(counts, Contains(Pair("program in JSON", Ge(5))));
  EXPECT_THAT(counts, Contains(Pair("pickle", Ge(90))));
  EXPECT_THAT(counts, Contains(Pair("tensors", Ge(40))));
  EXPECT_THAT(counts, Contains(Pair("zip", Ge(24))));
}

}  // namespace
}  // namespace skiff::io
