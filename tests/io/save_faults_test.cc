// Every way of saving through every failure: system calls, memory, a killed process.
#include <sys/mount.h>

#include <cstdlib>
#include <random>
#include <thread>

#include "tests/io/faults.h"
#include "tests/io/save_cases.h"

namespace skiff::io {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

class SaveFaultsTest : public ::testing::TestWithParam<SaveCase> {
 protected:
  void Save(const std::string& folder, int version) {
    const Faults no_flushing;
    GetParam().save(folder, version);
  }
  int Load(const std::string& folder) { return GetParam().load(folder); }
};
INSTANTIATE_TEST_SUITE_P(Saves, SaveFaultsTest, ::testing::ValuesIn(SaveCases()),
                         [](const auto& info) { return std::string(info.param.name); });

TEST_P(SaveFaultsTest, AFailureOfAnyCallLeavesTheOldFilesWhole) {
  for (const int code : {ENOSPC, EIO}) {  // EROFS: below
    int nth = 1;
    for (;; ++nth) {
      SCOPED_TRACE(StrCat("call ", nth, ": ", std::strerror(code)));
      TemporaryFolder folder;
      Save(folder.path(), 1);
      const auto before = Contents(folder.path());
      std::string message;
      {
        const Faults faults({.nth = nth, .code = code});
        try {
          GetParam().save(folder.path(), 2);
        } catch (const External& error) {
          message = error.what();
        }
        if (!Faults::happened()) break;
      }
      if (message.empty()) {  // only tidying up failed
        EXPECT_EQ(Load(folder.path()), 2);
      } else {
        EXPECT_THAT(message, HasSubstr(std::strerror(code)));
        EXPECT_THAT(message, HasSubstr("unchanged"));
        EXPECT_EQ(Load(folder.path()), 1);
        if (Faults::failed() != kUnlinkCall) {
          EXPECT_EQ(Contents(folder.path()), before);
        }
      }
      Save(folder.path(), 3);
      EXPECT_EQ(Load(folder.path()), 3);
      EXPECT_THAT(Leftovers(folder.path()), IsEmpty());
    }
    EXPECT_GT(nth, 7);  // open, write, flush, close, link, rename and unlink were all reached
  }
}

TEST_P(SaveFaultsTest, ADiskThatStopsWorkingLeavesOneWholeVersion) {
  bool old_seen = false;
  for (int nth = 1;; ++nth) {
    SCOPED_TRACE(nth);
    TemporaryFolder folder;
    Save(folder.path(), 1);
    int version = 2;
    {
      const Faults faults({.nth = nth, .code = EROFS, .lasting = true});
      const std::string message = ErrorOf([&] { GetParam().save(folder.path(), 2); });
      if (!Faults::happened()) break;
      version = Load(folder.path());  // read while nothing can be put right
      EXPECT_TRUE(version == 2 || (version == 1 && !message.empty()));
    }
    old_seen = old_seen || version == 1;
    EXPECT_EQ(Load(folder.path()), version);
    Save(folder.path(), 3);
    EXPECT_EQ(Load(folder.path()), 3);
    EXPECT_THAT(Leftovers(folder.path()), IsEmpty());
  }
  EXPECT_TRUE(old_seen);
}

TEST_P(SaveFaultsTest, AProcessKilledAtAnyCallLeavesOneWholeVersion) {
  bool old_seen = false, new_seen = false;
  for (int nth = 1;; ++nth) {
    SCOPED_TRACE(nth);
    TemporaryFolder folder;
    Save(folder.path(), 1);
    const bool killed = IsKilledIn([&] {
      const Faults faults({.nth = nth, .kills = true});
      GetParam().save(folder.path(), 2);
    });
    if (!killed) break;
    int version = 0;
    {
      const Faults read_only({.code = EROFS, .kinds = kOpenCall | kRenameCall | kUnlinkCall, .lasting = true});
      version = Load(folder.path());
    }
    EXPECT_TRUE(version == 1 || version == 2) << version;
    EXPECT_EQ(Load(folder.path()), version);  // the same once the folder may be put right
    (version == 1 ? old_seen : new_seen) = true;
    Save(folder.path(), 3);
    EXPECT_EQ(Load(folder.path()), 3);
    EXPECT_THAT(Leftovers(folder.path()), IsEmpty());
  }
  EXPECT_TRUE(old_seen && new_seen);
}

// Random moments, some in the middle of a call. SKIFF_KILLS says how many.
TEST_P(SaveFaultsTest, AProcessKilledAtAnyMomentLeavesOneWholeVersion) {
  const char* wanted = std::getenv("SKIFF_KILLS");
  const int kills = wanted != nullptr ? std::atoi(wanted) : 40;
  std::mt19937 random(2024);
  TemporaryFolder folder;
  Save(folder.path(), 1);
  for (int i = 0; i < kills; ++i) {
    const pid_t child = ::fork();
    if (child == 0) {
      const Faults no_flushing;  // more saves in the same time
      static const auto rename = CurrentSystemCalls().rename;
      CurrentSystemCalls().rename = [](const char* from, const char* to) {  // on a slow disk
        ::usleep(200);
        return rename(from, to);
      };
      for (int version = 1;; version = 3 - version) GetParam().save(folder.path(), version);
    }
    std::this_thread::sleep_for(std::chrono::microseconds(1000 + random() % 4000));
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    const int version = Load(folder.path());
    ASSERT_TRUE(version == 1 || version == 2) << "after kill " << i << ": " << version;
  }
  Save(folder.path(), 3);
  EXPECT_EQ(Load(folder.path()), 3);
  EXPECT_THAT(Leftovers(folder.path()), IsEmpty());
}

TEST_P(SaveFaultsTest, AnInterruptedWriteGoesOn) {
  for (int nth = 1;; ++nth) {
    TemporaryFolder folder;
    const Faults faults({.nth = nth, .code = EINTR, .kinds = kWriteCall});
    GetParam().save(folder.path(), 2);
    EXPECT_EQ(Load(folder.path()), 2);
    if (!Faults::happened()) break;
  }
}

TEST_P(SaveFaultsTest, ADiskThatTakesAFewBytesAtATimeGetsThemAll) {
  TemporaryFolder folder, other;
  Save(folder.path(), 2);
  const SystemCalls saved = CurrentSystemCalls();
  CurrentSystemCalls().write = [](int fd, const void* data, size_t bytes) {
    return ::write(fd, data, std::min<size_t>(bytes, 7));
  };
  GetParam().save(other.path(), 2);
  CurrentSystemCalls() = saved;
  EXPECT_EQ(Contents(folder.path()), Contents(other.path()));
}

TEST_P(SaveFaultsTest, AReaderBesideASaverSeesWholeVersions) {
  TemporaryFolder folder;
  const Faults no_flushing;
  GetParam().save(folder.path(), 1);
  std::atomic<bool> stop{false};
  std::thread saver([&] {
    for (int version = 1; !stop; version = 3 - version) GetParam().save(folder.path(), version);
  });
  for (int i = 0; i < 100; ++i) {
    const int version = Load(folder.path());
    EXPECT_TRUE(version == 1 || version == 2) << version;
  }
  stop = true;
  saver.join();
}

// A file system of its own that is full, then one that cannot be written to.
TEST_P(SaveFaultsTest, AFullDiskAndAReadOnlyOneKeepTheOldFiles) {
  TemporaryFolder folder;
  if (::mount("skiff", folder.path().c_str(), "tmpfs", 0, "size=256k") != 0) GTEST_SKIP() << "may not mount";
  struct Unmount {
    const std::string& path;
    ~Unmount() { ::umount(path.c_str()); }
  } unmount{folder.path()};
  GetParam().save(folder.path(), 1);
  const auto before = Contents(folder.path());
  std::ofstream(folder / "filler") << std::string(1 << 20, 'x');
  EXPECT_THAT(ErrorOf([&] { GetParam().save(folder.path(), 2); }), HasSubstr("No space left"));
  std::filesystem::remove(folder / "filler");
  EXPECT_EQ(Contents(folder.path()), before);
  ::mount("skiff", folder.path().c_str(), "tmpfs", MS_REMOUNT | MS_RDONLY, "size=256k");
  EXPECT_THAT(ErrorOf([&] { GetParam().save(folder.path(), 2); }), HasSubstr("Read-only file system"));
  EXPECT_EQ(Load(folder.path()), 1);
}

TEST_P(SaveFaultsTest, APathThatIsTooLongIsSaid) {
  TemporaryFolder folder;
  EXPECT_THAT(ErrorOf([&] { GetParam().save(folder / std::string(300, 'n'), 1); }), HasSubstr("File name too long"));
  EXPECT_THAT(NamesIn(folder.path()), IsEmpty());
}

}  // namespace
}  // namespace skiff::io
