// Every pickle that Paddle wrote is read, and written again with the same bytes.
#include <filesystem>

#include "io/pickle.h"
#include "tests/io/support.h"

namespace skiff::io {
namespace {

std::vector<std::string> GoldenPickles() {
  std::vector<std::string> names;
  const std::filesystem::path root(SKIFF_GOLDEN_DIR);
  for (const auto& entry : std::filesystem::recursive_directory_iterator(root)) {
    if (!entry.is_regular_file()) continue;
    const std::string bytes = ReadText(entry.path().string());
    if (bytes.size() > 2 && bytes[0] == '\x80' && bytes[1] >= 2 && bytes[1] <= 4) {
      names.push_back(std::filesystem::relative(entry.path(), root).string());
    }
  }
  std::sort(names.begin(), names.end());
  return names;
}

TEST(PickleGoldenTest, EveryFileOfPaddleIsWrittenBackByteForByte) {
  const std::vector<std::string> names = GoldenPickles();
  EXPECT_GT(names.size(), 70u);
  for (const std::string& name : names) {
    SCOPED_TRACE(name);
    const std::string bytes = ReadText(Golden(name));
    PickleForm form;
    const PickleValue value = ParsePickle(AsBytes(bytes), name, &form);
    EXPECT_TRUE(SerializePickle(value, form) == bytes) << value.ToString().substr(0, 400);
  }
}

}  // namespace
}  // namespace skiff::io
