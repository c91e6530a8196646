// What saves that failed or died leave behind, and what comes next makes of it: where files cannot be moved, locked,
// linked or opened. The plain cases are in atomic_file_test.cc.
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <charconv>

#include "io/atomic_file.h"
#include "io/commit_journal.h"
#include "io/digest.h"
#include "io/new_folder.h"
#include "tests/io/faults.h"
#include "tests/support/child.h"

namespace skiff::io {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

void SavePair(const std::string& folder, const std::string& version) {
  AtomicFiles files;
  files.Add(folder + "/a").Write(version + " a");
  files.Add(folder + "/b").Write(version + " b");
  files.Commit();
}

// "a" is new, "b" is old, and the journal says so.
void LeaveHalfASave(const std::string& folder) {
  {
    const Faults no_flushing;
    SavePair(folder, "old");
  }
  ASSERT_TRUE(IsKilledIn([&] {
    const Faults faults({.nth = 2, .kinds = kRenameCall, .kills = true});
    SavePair(folder, "new");
  }));
  ASSERT_EQ(PlainText(folder + "/a"), "new a");
}

size_t NumOpenFiles() {
  const std::filesystem::directory_iterator files("/proc/self/fd");
  return static_cast<size_t>(std::distance(begin(files), end(files)));
}

// Restores the system calls.
struct CallsAsTheyWere {
  const SystemCalls saved = CurrentSystemCalls();
  ~CallsAsTheyWere() { CurrentSystemCalls() = saved; }
};

TEST(RecoveryTest, ASaveThatCannotUndoADeadOneChangesNothingAndSaysWhatToDo) {
  TemporaryFolder folder;
  LeaveHalfASave(folder.path());
  {
    const Faults nothing_moves({.code = EPERM, .kinds = kRenameCall, .lasting = true});
    EXPECT_THAT(ErrorOf([&] { WriteFile(folder / "c", "c"); }),
                AllOf(StartsWith("skiff::External"), HasSubstr("was killed and cannot be undone"),
                      HasSubstr(".skiff-commit\" says how; make the folder writable, or remove that file")));
    EXPECT_EQ(ReadText(folder / "a"), "old a");
    EXPECT_FALSE(IsFile(folder / "c"));
  }
  WriteFile(folder / "c", "c");
  EXPECT_EQ(PlainText(folder / "a"), "old a");
  EXPECT_EQ(PlainText(folder / "b"), "old b");
  EXPECT_THAT(NamesIn(folder.path()), ElementsAre("a", "b", "c"));
}

TEST(RecoveryTest, AFolderThatBecameReadOnlyHoldsTheOldFilesUntilItIsWritable) {
  TemporaryFolder folder;
  std::filesystem::permissions(folder.path(), std::filesystem::perms::all);
  const std::string said = testing::InChild([&]() -> std::string {
    if (::geteuid() == 0 && ::setuid(65534) != 0) return "old a, old b, refused, old a, old b";  // may write everywhere
    const std::string own = folder / "own";
    MakeFolders(own);
    LeaveHalfASave(own);
    ::chmod(own.c_str(), 0555);
    std::string text = ReadText(own + "/a") + ", " + ReadText(own + "/b") + ", ";
    const std::string error = ErrorOf([&] { WriteFile(own + "/a", "newer"); });
    text += error.find("Permission denied") != error.npos ? "refused, " : error + ", ";
    ::chmod(own.c_str(), 0777);
    WriteFile(own + "/c", "");
    return text + PlainText(own + "/a") + ", " + PlainText(own + "/b");
  });
  EXPECT_EQ(said, "old a, old b, refused, old a, old b");
}

TEST(RecoveryTest, ATemporaryThatSomebodyTidiesAwayIsLeftToThem) {
  TemporaryFolder folder;
  const CallsAsTheyWere restore;
  static int held_by_others;
  held_by_others = 2;
  CurrentSystemCalls().flock = [](int fd, int operation) {
    if ((operation & LOCK_NB) == 0 || held_by_others == 0) return ::flock(fd, operation);
    --held_by_others;
    errno = EWOULDBLOCK;
    return -1;
  };
  const size_t before = NumOpenFiles();
  WriteFile(folder / "a", "x");
  EXPECT_EQ(held_by_others, 0);
  EXPECT_EQ(NumOpenFiles(), before);
  EXPECT_EQ(ReadText(folder / "a"), "x");
  WriteFile(folder / "b", "x");
  EXPECT_THAT(NamesIn(folder.path()), ElementsAre("a", "b"));
}

TEST(RecoveryTest, TemporariesThatCannotBeOpenedCountAsAlive) {
  TemporaryFolder folder;
  std::filesystem::permissions(folder.path(), std::filesystem::perms::all);
  const std::string wanted = ".skiff-1-1-1.tmp .skiff-1-1-2.tmp x ";
  const std::string said = testing::InChild([&]() -> std::string {
    if (::geteuid() == 0 && ::setuid(65534) != 0) return wanted;  // opens everything
    for (const char* name : {".skiff-1-1-1.tmp", ".skiff-1-1-2.tmp", ".skiff-1-2-1.tmp"}) std::ofstream(folder / name) << "x";
    ::chmod((folder / ".skiff-1-1-1.tmp").c_str(), 0);
    WriteFile(folder / "x", "");
    std::string names;
    for (const std::string& name : NamesIn(folder.path())) names += name + " ";
    return names;
  });
  EXPECT_EQ(said, wanted);
}

// Without links there is no second name of the old file, and a copy of one file alone would protect nothing but an
// error's text: it is replaced by one rename.
TEST(RecoveryTest, OneFileThatCannotHaveASecondNameIsOldOrNewAndTheErrorSaysSo) {
  bool old_seen = false, new_seen = false;
  for (int nth = 1;; ++nth) {
    SCOPED_TRACE(nth);
    TemporaryFolder folder;
    WriteFile(folder / "a", "old");
    std::string message;
    {
      const Faults faults({.nth = nth, .code = EIO, .kinds = kOpenCall | kRenameCall | kFsyncCall});
      CurrentSystemCalls().link = [](const char*, const char*) {
        errno = EPERM;
        return -1;
      };
      message = ErrorOf([&] { WriteFile(folder / "a", "new"); });
      if (!Faults::happened()) break;
    }
    const bool changed = PlainText(folder / "a") == "new";
    if (!changed) {
      EXPECT_EQ(PlainText(folder / "a"), "old");
    }
    EXPECT_THAT(message, HasSubstr(changed ? "either all old files or all new ones" : "unchanged"));
    EXPECT_THAT(NamesIn(folder.path()), ElementsAre("a"));
    (changed ? new_seen : old_seen) = true;
  }
  EXPECT_TRUE(old_seen && new_seen);
}

TEST(RecoveryTest, AFolderThatCannotBeMadeIsSaidWithItsReason) {
  TemporaryFolder folder;
  const Faults faults({.nth = 2, .code = EROFS, .kinds = kMkdirCall});
  EXPECT_THAT(ErrorOf([&] { WriteFile(folder / "one/two/file", ""); }),
              AllOf(HasSubstr("cannot make folder \"" + (folder / "one/two") + "\": Read-only file system"), HasSubstr("unchanged")));
}

TEST(RecoveryTest, AFolderThatSomebodyElseMakesMeanwhileIsTaken) {
  TemporaryFolder folder;
  const CallsAsTheyWere restore;
  CurrentSystemCalls().mkdir = [](const char* path, mode_t mode) {
    ::mkdir(path, mode);
    errno = EEXIST;
    return -1;
  };
  WriteFile(folder / "one/two/file", "x");
  EXPECT_EQ(ReadText(folder / "one/two/file"), "x");
}

TEST(RecoveryTest, AFileThatCannotBeClosedIsNotSaved) {  // as where a network's server is full
  TemporaryFolder folder;
  WriteFile(folder / "a", "old");
  const Faults faults({.code = EDQUOT, .kinds = kCloseCall});
  EXPECT_THAT(ErrorOf([&] { WriteFile(folder / "a", "new"); }), AllOf(HasSubstr("cannot close"), HasSubstr("Disk quota exceeded")));
  EXPECT_EQ(PlainText(folder / "a"), "old");
}

TEST(RecoveryTest, AJournalThatIsNotWholeAndCannotBeRemovedStopsTheSave) {
  TemporaryFolder folder;
  WriteFile(folder / "a", "old");
  std::ofstream(JournalPath(folder.path())) << "no journal";
  const Faults faults({.code = EPERM, .kinds = kUnlinkCall});
  EXPECT_THAT(ErrorOf([&] { WriteFile(folder / "a", "new"); }), HasSubstr("cannot remove \"" + JournalPath(folder.path()) + "\""));
  EXPECT_EQ(PlainText(folder / "a"), "old");
}

TEST(RecoveryTest, AFileThatCannotBeRemovedIsAnError) {
  TemporaryFolder folder;
  WriteFile(folder / "a", "old");
  AtomicFiles files;
  files.Remove(folder / "a");
  const Faults faults({.nth = 2, .code = EPERM, .kinds = kUnlinkCall});  // the first is for a journal that is not there
  EXPECT_THAT(ErrorOf([&] { files.Commit(); }), AllOf(HasSubstr("cannot remove \"" + (folder / "a") + "\""), HasSubstr("unchanged")));
  EXPECT_EQ(PlainText(folder / "a"), "old");
}

TEST(NewFolderTest, ANameThatIsTakenIsPassedOver) {
  TemporaryFolder folder;
  // Temporaries are numbered one by one: the lock of the next save takes one number, its folder the one behind it.
  const uint64_t save = NewSaveNumber();
  const std::string last = TemporaryPath(folder.path(), save);
  uint64_t number = 0;
  std::from_chars(last.data() + last.rfind('-') + 1, last.data() + last.size(), number);
  const auto path = [&](uint64_t n) { return StrCat(folder.path(), "/.skiff-", ::getpid(), "-", save + 1, "-", n, ".tmp"); };
  std::filesystem::create_directory(path(number + 2));
  std::ofstream(path(number + 2) + "/theirs") << "x";
  {
    const NewFolder made(folder.path());
    EXPECT_EQ(made.path(), path(number + 3));
  }
  EXPECT_TRUE(std::filesystem::exists(path(number + 2) + "/theirs"));
}

TEST(RecoveryTest, AFolderWhoseNameMayNotBeOnTheDiskHoldsNoFile) {
  TemporaryFolder folder;
  const Faults faults({.nth = 1, .code = EIO, .kinds = kFsyncCall});
  EXPECT_THAT(ErrorOf([&] { WriteFile(folder / "new/file", ""); }),
              AllOf(HasSubstr("cannot flush folder \"" + folder.path() + "\": Input/output error"), HasSubstr("unchanged")));
  EXPECT_FALSE(IsFile(folder / "new/file"));
}

TEST(CommitJournalErrorTest, MoreFilesThanAJournalCanNameAreRefused) {
  std::vector<CommitEntry> entries(100000, {"folder/" + std::string(250, 'n'), "", 1});
  EXPECT_THAT(ErrorOf([&] { SerializeJournal(entries); }), HasSubstr("100000 files are too many to change together"));
  entries.resize(10);
  EXPECT_EQ(ErrorOf([&] { SerializeJournal(entries); }), "");
}

TEST(MappedFileErrorTest, AFileThatAddressSpaceCannotHoldIsAnError) {
  TemporaryFolder folder;
  WriteFile(folder / "x", "");
  std::filesystem::resize_file(folder / "x", uint64_t{1} << 36);  // all a hole
  const std::string said = testing::InChild([&] { return ErrorOf([&] { MappedFile::Open(folder / "x"); }); }, 20, rlim_t{1} << 35);
  EXPECT_THAT(said, AllOf(StartsWith("skiff::External"), HasSubstr("cannot map the 68719476736 bytes of")));
}

// A folder with "mine" and "other", and journals that are whole but for what each test says.
class PlantedJournalTest : public ::testing::Test {
 protected:
  PlantedJournalTest() {
    std::filesystem::create_directory(inner_);
    for (const char* name : {"mine", "other", ".skiff-1-1.tmp"}) std::ofstream(inner_ + "/" + name) << name;
  }
  static uint64_t Inode(const std::string& path) {
    struct stat info {};
    ::stat(path.c_str(), &info);
    return info.st_ino;
  }
  static std::string Journal(const std::string& records, const std::string& header = "skiff-commit 1/") {
    return header + records + HexDigest(AsBytes(header + records));
  }
  /// The record of a file that the save made: undoing it removes "mine".
  std::string RemovesMine() const { return StrCat(Inode(inner_ + "/mine"), "//mine/"); }
  void Plant(const std::string& text) {
    std::ofstream(JournalPath(inner_), std::ios::binary) << text;
    ReadText(inner_ + "/other");  // whoever reads first undoes what a whole journal says
  }

  TemporaryFolder folder_;
  const std::string inner_ = folder_ / "inner";
};

TEST_F(PlantedJournalTest, AWholeOneIsFollowed) {
  Plant(Journal(RemovesMine()));
  EXPECT_FALSE(std::filesystem::exists(inner_ + "/mine"));
}

TEST_F(PlantedJournalTest, AnotherVersionALinkAndOneTooLargeAreNot) {
  Plant(Journal(RemovesMine(), "skiff-commit 2/"));
  EXPECT_EQ(PlainText(inner_ + "/mine"), "mine");
  std::string many = RemovesMine();
  while (many.size() <= 16 << 20) many += "1//" + std::string(250, 'n') + "/";
  Plant(Journal(many));
  EXPECT_EQ(PlainText(inner_ + "/mine"), "mine");
  std::ofstream(folder_ / "elsewhere") << Journal(RemovesMine());
  std::filesystem::remove(JournalPath(inner_));
  std::filesystem::create_symlink(folder_ / "elsewhere", JournalPath(inner_));
  ReadText(inner_ + "/other");
  EXPECT_EQ(PlainText(inner_ + "/mine"), "mine");
}

TEST_F(PlantedJournalTest, NamesAndNumbersThatNoSaveWritesMakeItNone) {
  const uint64_t mine = Inode(inner_ + "/mine");
  Plant(Journal(StrCat(mine, "/other/mine/")));  // no backup's name
  EXPECT_EQ(PlainText(inner_ + "/mine"), "mine");
  for (const char* number : {"junk", "", "-1", "99999999999999999999999"}) {
    Plant(Journal(std::string(number) + "/.skiff-1-1.tmp/absent/"));
    EXPECT_FALSE(std::filesystem::exists(inner_ + "/absent")) << number;
  }
  Plant(Journal(StrCat(mine, "x//mine/")));
  EXPECT_EQ(PlainText(inner_ + "/mine"), "mine");
  // The folder above, which cannot be removed: were it taken for a file, no save could go on.
  for (const char* dots : {"..", "."}) {
    Plant(Journal(StrCat(Inode(inner_ + "/" + dots), "//", dots, "/")));
    EXPECT_EQ(ErrorOf([&] { WriteFile(inner_ + "/new", ""); }), "") << dots;
  }
}

TEST_F(PlantedJournalTest, WhileThereIsOneReadersLockNothing) {
  EXPECT_TRUE(LockForReading(inner_).has_value());
  Plant("no journal");
  EXPECT_FALSE(LockForReading(inner_).has_value());
}

TEST(RecoveryTest, InAFolderLikeTmpOnesOwnJournalIsFollowed) {
  TemporaryFolder folder;
  ::chmod(folder.path().c_str(), 01777);
  const std::string said = testing::InChild([&]() -> std::string {
    if (::geteuid() == 0 && ::setuid(65534) != 0) return "old a, old b";
    LeaveHalfASave(folder.path());
    return ReadText(folder / "a") + ", " + ReadText(folder / "b");
  });
  EXPECT_EQ(said, "old a, old b");
}

}  // namespace
}  // namespace skiff::io
