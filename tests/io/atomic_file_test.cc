#include "io/atomic_file.h"

#include <sys/stat.h>

#include <cerrno>

#include "io/system_calls.h"
#include "tests/io/support.h"

namespace skiff::io {
namespace {

using ::testing::HasSubstr;

// Makes the n-th call of the chosen kinds fail while it lives.
class FailingCalls {
 public:
  FailingCalls(int nth) : saved_(CurrentSystemCalls()) {
    left_ = nth;
    original_ = saved_;
    SystemCalls& calls = CurrentSystemCalls();
    calls.open = [](const char* path, int flags, mode_t mode) {
      return Fails() ? -1 : original_.open(path, flags, mode);
    };
    calls.write = [](int fd, const void* data, size_t bytes) -> ssize_t {
      // A disk may take some of the bytes before it is full.
      if (left_ == 1 && bytes > 1) (void)!original_.write(fd, data, bytes / 2);
      return Fails() ? -1 : original_.write(fd, data, bytes);
    };
    calls.fsync = [](int fd) { return Fails() ? -1 : original_.fsync(fd); };
    calls.rename = [](const char* a, const char* b) { return Fails() ? -1 : original_.rename(a, b); };
  }
  ~FailingCalls() { CurrentSystemCalls() = saved_; }
  static bool happened() { return left_ <= 0; }

 private:
  static bool Fails() {
    errno = ENOSPC;
    return --left_ == 0;
  }
  SystemCalls saved_;
  inline static SystemCalls original_;
  inline static int left_ = 0;
};

size_t CountFiles(const std::string& folder) {
  const std::filesystem::directory_iterator files(folder);
  return static_cast<size_t>(std::distance(begin(files), end(files)));
}

TEST(AtomicFileTest, ReplacesAFileAndMakesItsFolders) {
  TemporaryFolder folder;
  const std::string path = folder / "模型 é/🙂/weights.bin";
  WriteFile(path, "old");
  WriteFile(path, "new");
  EXPECT_EQ(ReadText(path), "new");
  EXPECT_EQ(CountFiles(std::filesystem::path(path).parent_path()), 1u);
}

TEST(AtomicFileTest, NothingChangesBeforeCommit) {
  TemporaryFolder folder;
  WriteFile(folder / "a", "old");
  {
    AtomicFiles files;
    files.Add(folder / "a").Write("new");
    files.Add(folder / "b").Write("new");
  }
  EXPECT_EQ(ReadText(folder / "a"), "old");
  EXPECT_EQ(CountFiles(folder.path()), 1u);
}

TEST(AtomicFileTest, AFailureOfAnyCallLeavesEveryOldFileWhole) {
  int nth = 1;
  for (;; ++nth) {
    TemporaryFolder folder;
    WriteFile(folder / "a", "old a");
    WriteFile(folder / "b", "old b");
    WriteFile(folder / "gone", "old gone");
    bool failed = false;
    {
      const FailingCalls failing(nth);
      try {
        AtomicFiles files;
        files.Add(folder / "a").Write(std::string(3 << 20, 'a'));
        files.Add(folder / "b").Write("new b");
        files.Add(folder / "c").Write("new c");
        files.Remove(folder / "gone");
        files.Commit();
      } catch (const External& error) {
        failed = true;
        EXPECT_THAT(error.what(), HasSubstr("unchanged"));
      }
      if (!FailingCalls::happened()) break;
    }
    SCOPED_TRACE(nth);
    EXPECT_TRUE(failed);
    EXPECT_EQ(ReadText(folder / "a"), "old a");
    EXPECT_EQ(ReadText(folder / "b"), "old b");
    EXPECT_EQ(ReadText(folder / "gone"), "old gone");
    EXPECT_EQ(CountFiles(folder.path()), 3u);
  }
  EXPECT_GT(nth, 10);  // opens, writes, flushes and renames were all reached
}

TEST(AtomicFileTest, KeepsTheModeOfAFileAndFollowsLinks) {
  TemporaryFolder folder;
  WriteFile(folder / "real", "old");
  ::chmod((folder / "real").c_str(), 0640);
  std::filesystem::create_symlink(folder / "real", folder / "link");
  WriteFile(folder / "link", "new");
  EXPECT_TRUE(std::filesystem::is_symlink(folder / "link"));
  EXPECT_EQ(ReadText(folder / "real"), "new");
  struct stat info {};
  ::stat((folder / "real").c_str(), &info);
  EXPECT_EQ(info.st_mode & 0777, 0640u);
}

TEST(AtomicFileTest, TakesTheLongestNameThereCanBe) {
  TemporaryFolder folder;
  const std::string path = folder / std::string(255, 'n');
  WriteFile(path, "x");
  EXPECT_EQ(ReadText(path), "x");
}

TEST(AtomicFileErrorTest, RefusesFoldersAndEmptyNames) {
  TemporaryFolder folder;
  EXPECT_THAT(ErrorOf([&] { WriteFile(folder.path(), ""); }), HasSubstr("it is a folder"));
  EXPECT_THAT(ErrorOf([&] { WriteFile(folder / "a/", ""); }), HasSubstr("folder/filename"));
  EXPECT_THAT(ErrorOf([&] { WriteFile("", ""); }), HasSubstr("needs a name"));
  EXPECT_THAT(ErrorOf([&] { WriteFile("/dev/null", ""); }), HasSubstr("no regular file"));
}

TEST(MappedFileTest, ReadsFilesOfAnySize) {
  TemporaryFolder folder;
  WriteFile(folder / "empty", "");
  EXPECT_EQ(MappedFile::Open(folder / "empty")->bytes().size(), 0u);
  EXPECT_THAT(ErrorOf([&] { MappedFile::Open(folder / "missing"); }),
              HasSubstr("No such file or directory"));
  EXPECT_THAT(ErrorOf([&] { MappedFile::Open(folder.path()); }), HasSubstr("it is a folder"));
}

}  // namespace
}  // namespace skiff::io
