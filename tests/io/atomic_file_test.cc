#include "io/atomic_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <thread>

#include "io/commit_journal.h"
#include "tests/io/faults.h"
#include "tests/support/child.h"

namespace skiff::io {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

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

// Replaces a and b, makes c, removes gone.
void CommitFour(const TemporaryFolder& folder) {
  AtomicFiles files;
  files.Add(folder / "a").Write(std::string(3 << 20, 'a'));
  files.Add(folder / "b").Write("new b");
  files.Add(folder / "c").Write("new c");
  files.Remove(folder / "gone");
  files.Commit();
}

void WriteOldFour(const TemporaryFolder& folder) {
  const Faults no_flushing;
  WriteFile(folder / "a", "old a");
  WriteFile(folder / "b", "old b");
  WriteFile(folder / "gone", "old gone");
}

void ExpectOldFour(const TemporaryFolder& folder) {
  EXPECT_EQ(PlainText(folder / "a"), "old a");
  EXPECT_EQ(PlainText(folder / "b"), "old b");
  EXPECT_EQ(PlainText(folder / "gone"), "old gone");
  EXPECT_THAT(NamesIn(folder.path()), ElementsAre("a", "b", "gone"));
}

TEST(AtomicFileTest, AFailureOfAnyCallLeavesEveryOldFileWhole) {
  for (int nth = 1;; ++nth) {
    SCOPED_TRACE(nth);
    TemporaryFolder folder;
    WriteOldFour(folder);
    std::string message;
    {
      const Faults faults({.nth = nth});
      message = ErrorOf([&] { CommitFour(folder); });
      if (!Faults::happened()) break;
    }
    // Tidying up afterwards is no failure: see save_faults_test.cc.
    if (Faults::failed() == kUnlinkCall || (Faults::failed() == kCloseCall && message.empty())) continue;
    EXPECT_THAT(message, HasSubstr("unchanged"));
    ExpectOldFour(folder);
  }
}

// Where a file system has no links (FAT), backups are copies.
TEST(AtomicFileTest, NeedsNoLinks) {
  const SystemCalls saved = CurrentSystemCalls();
  for (int nth = 1;; ++nth) {
    SCOPED_TRACE(nth);
    TemporaryFolder folder;
    WriteOldFour(folder);
    bool failed = false;
    {
      const Faults faults({.nth = nth, .kinds = kRenameCall});
      CurrentSystemCalls().link = [](const char*, const char*) {
        errno = EPERM;
        return -1;
      };
      failed = !ErrorOf([&] { CommitFour(folder); }).empty();
      if (!Faults::happened()) {
        EXPECT_EQ(PlainText(folder / "b"), "new b");
        EXPECT_THAT(NamesIn(folder.path()), ElementsAre("a", "b", "c"));
        break;
      }
    }
    EXPECT_TRUE(failed);
    ExpectOldFour(folder);
  }
  CurrentSystemCalls() = saved;
}

TEST(AtomicFileTest, FlushesWhatUndoesAStepBeforeTheStep) {
  TemporaryFolder folder;
  WriteFile(folder / "a", "old");
  WriteFile(folder / "b", "old");
  const Faults faults;
  AtomicFiles files;
  files.Add(folder / "a").Write("new");
  files.Add(folder / "b").Write("new");
  files.Commit();
  const std::vector<std::string> wanted = {
      "open", "open", "write", "fsync", "write", "fsync", "close",  // the new files
      "unlink",                                              // a journal that is not whole
      "close", "link", "link",                               // second names of the old ones
      "open", "write", "fsync", "close", "link",             // the journal
      "open", "fsync", "close", "unlink",                    // the folder; the journal's first name
      "rename", "rename", "open", "fsync", "close",          // the new names, the folder
      "unlink", "open", "fsync", "close",                    // the journal goes for good
      "unlink", "unlink"};                                   // the old files
  EXPECT_EQ(Faults::log(), wanted);
}

// ---- what dead saves leave

// A save that was killed before one of its calls: by default that which would rename c.
void KillCommit(const TemporaryFolder& folder, const Fault& fault = {.nth = 3, .kinds = kRenameCall, .kills = true}) {
  WriteOldFour(folder);
  ASSERT_TRUE(IsKilledIn([&] {
    const Faults faults(fault);
    CommitFour(folder);
  }));
  ASSERT_TRUE(std::filesystem::exists(JournalPath(folder.path())));
}

TEST(CommitJournalTest, WhoReadsFirstPutsTheOldFilesBack) {
  TemporaryFolder folder;
  KillCommit(folder);
  EXPECT_EQ(PlainText(folder / "b"), "new b");  // half done
  EXPECT_EQ(ReadText(folder / "b"), "old b");
  EXPECT_EQ(PlainText(folder / "a"), "old a");
  EXPECT_FALSE(std::filesystem::exists(JournalPath(folder.path())));
  WriteFile(folder / "a", "old a");  // the next save tidies up
  ExpectOldFour(folder);
}

// When power goes, what was done to a folder since it was flushed may be on the disk in part, in any order.
TEST(CommitJournalTest, AnyPartOfTheChangesIsUndone) {
  for (int part = 0; part < 16; ++part) {
    SCOPED_TRACE(part);
    TemporaryFolder folder;
    KillCommit(folder, {.nth = 1, .kinds = kRenameCall, .kills = true});
    for (const std::string& name : NamesIn(folder.path())) {
      const std::string text = IsTemporaryName(name) ? PlainText(folder / name) : "";
      if ((part & 1) && text.starts_with("aaa")) std::filesystem::rename(folder / name, folder / "a");
      if ((part & 2) && text == "new b") std::filesystem::rename(folder / name, folder / "b");
      if ((part & 4) && text == "new c") std::filesystem::rename(folder / name, folder / "c");
    }
    if (part & 8) std::filesystem::remove(folder / "gone");
    ReadText(folder / "a");
    WriteFile(folder / "other", "x");
    std::filesystem::remove(folder / "other");
    ExpectOldFour(folder);
  }
}

TEST(CommitJournalTest, LinksIntoTheFolderSeeTheOldFilesToo) {
  TemporaryFolder folder, other;
  KillCommit(folder);
  std::filesystem::create_symlink(folder / "b", other / "link");
  EXPECT_EQ(ReadText(other / "link"), "old b");
}

TEST(CommitJournalTest, AFolderThatCannotBeWrittenToIsReadThroughTheJournal) {
  TemporaryFolder folder;
  KillCommit(folder, {.nth = 4, .kinds = kUnlinkCall, .kills = true});  // of the journal
  const Faults read_only({.code = EROFS, .kinds = kOpenCall | kRenameCall | kUnlinkCall, .lasting = true});
  EXPECT_EQ(ReadText(folder / "a"), "old a");
  EXPECT_EQ(ReadText(folder / "b"), "old b");
  EXPECT_EQ(ReadText(folder / "gone"), "old gone");
  EXPECT_FALSE(IsFile(folder / "c"));
  EXPECT_THAT(ErrorOf([&] { ReadText(folder / "c"); }), HasSubstr("No such file"));
  EXPECT_THAT(ErrorOf([&] { WriteFile(folder / "a", ""); }), HasSubstr("Read-only"));
  EXPECT_EQ(PlainText(folder / "b"), "new b");  // nothing was moved
}

TEST(CommitJournalTest, AFileThatSomeoneElseReplacedSinceIsTheirs) {
  TemporaryFolder folder;
  KillCommit(folder);
  std::ofstream(folder / "theirs") << "theirs";
  std::filesystem::rename(folder / "theirs", folder / "b");
  EXPECT_EQ(ReadText(folder / "b"), "theirs");
  EXPECT_EQ(ReadText(folder / "a"), "old a");
}

TEST(CommitJournalTest, AJournalThatIsNotWholeIsIgnoredAndGoesWithTheNextSave) {
  TemporaryFolder folder;
  KillCommit(folder);
  const std::string journal = PlainText(JournalPath(folder.path()));
  std::string changed = journal;
  changed[changed.size() / 2] ^= 1;
  std::vector<std::string> broken = {changed, "", "skiff-commit 2/", std::string(1 << 20, '/')};
  for (size_t size = 0; size < journal.size(); ++size) broken.push_back(journal.substr(0, size));
  for (const std::string& text : broken) {
    std::ofstream(JournalPath(folder.path())) << text;
    EXPECT_EQ(ReadText(folder / "b"), "new b");
    EXPECT_EQ(PlainText(JournalPath(folder.path())), text);
  }
  WriteFile(folder / "x", "x");
  EXPECT_FALSE(std::filesystem::exists(JournalPath(folder.path())));
}

TEST(CommitJournalTest, InAFolderLikeTmpAJournalOfSomebodyElseUndoesNothing) {
  TemporaryFolder folder;
  KillCommit(folder);
  const std::string journal = JournalPath(folder.path());
  if (::lchown(journal.c_str(), 54321, 54321) != 0) GTEST_SKIP() << "may not give files away";
  std::filesystem::permissions(folder.path(), std::filesystem::perms::all | std::filesystem::perms::sticky_bit);
  EXPECT_EQ(ReadText(folder / "b"), "new b");
  EXPECT_TRUE(std::filesystem::exists(journal));
  std::filesystem::permissions(folder.path(), std::filesystem::perms::all);  // anybody could rename "b" here
  EXPECT_EQ(ReadText(folder / "b"), "old b");
}

TEST(CommitJournalTest, ErasingAFolderFollowsNoLink) {
  TemporaryFolder folder;
  std::filesystem::create_directory(folder / "victim");
  WriteFile(folder / "victim/file", "x");
  std::filesystem::create_symlink("victim", folder / ".skiff-1-1-1.tmp");
  EraseFolder((folder / ".skiff-1-1-1.tmp").c_str());
  EXPECT_EQ(ReadText(folder / "victim/file"), "x");
  EXPECT_THAT(NamesIn(folder.path()), ElementsAre("victim"));
}

TEST(CommitJournalTest, AMaliciousJournalReachesNoFileOfOthers) {
  TemporaryFolder outer;
  const std::string folder = outer / "inner";
  std::filesystem::create_directory(folder);
  std::ofstream(outer / "victim") << "precious";
  std::ofstream(folder + "/mine") << "mine";
  std::ofstream(folder + "/.skiff-1-1.tmp") << "planted";
  struct stat victim {}, mine {};
  ::stat((outer / "victim").c_str(), &victim);
  ::stat((folder + "/mine").c_str(), &mine);
  const auto plant = [&](const std::string& records) {
    const std::string text = "skiff-commit 1/" + records;
    std::ofstream(JournalPath(folder)) << text << HexDigest(AsBytes(text));
    ReadText(folder + "/mine");
    EXPECT_EQ(PlainText(outer / "victim"), "precious");
    EXPECT_EQ(PlainText(folder + "/mine"), "mine");
  };
  const std::string inode = std::to_string(victim.st_ino), own = std::to_string(mine.st_ino);
  plant(inode + "//../victim/");
  plant(inode + "/.skiff-1-1.tmp/../victim/");
  plant(inode + "//" + (outer / "victim") + "/");
  plant(inode + "//../");
  plant("0/../victim/x/");
  plant(own + "/../victim/mine/");   // a backup elsewhere
  plant(own + "/victim/mine/");      // a backup that no save makes
  plant("1//mine/");                 // a file that no save put there
  plant("99999999999999999999999//mine/");
  plant("-1//mine/");
  plant(own + "//" + std::string("mine\0x", 6) + "/");
  std::filesystem::remove(JournalPath(folder));
  std::filesystem::create_symlink(outer / "victim", JournalPath(folder));
  WriteFile(folder + "/x", "x");
  EXPECT_EQ(PlainText(outer / "victim"), "precious");
}

TEST(CommitJournalTest, RemovesTemporariesOfDeadSavesAndKeepsThoseOfTheLiving) {
  TemporaryFolder folder;
  const auto unfinished = [&] {
    const Faults faults({.nth = 1, .kinds = kFsyncCall, .kills = true});
    WriteFile(folder / "dead", "x");
  };
  ASSERT_TRUE(IsKilledIn(unfinished));
  EXPECT_THAT(NamesIn(folder.path()), SizeIs(1));
  AtomicFiles living;
  living.Add(folder / "living").Write("x");
  WriteFile(folder / "next", "x");
  EXPECT_THAT(NamesIn(folder.path()), SizeIs(2));
  living.Commit();
  EXPECT_THAT(NamesIn(folder.path()), ElementsAre("living", "next"));
}

TEST(AtomicFileTest, ManyFilesNeedFewDescriptors) {
  TemporaryFolder folder;
  const Faults no_flushing;
  rlimit limit {};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  const rlimit low{32, limit.rlim_max};
  ::setrlimit(RLIMIT_NOFILE, &low);
  AtomicFiles files;
  for (int i = 0; i < 300; ++i) {
    FileWriter& file = files.Add(folder / ("v" + std::to_string(i)));
    file.Write("x");
    file.Finish();
  }
  WriteFile(folder / "another", "x");  // takes no living temporaries away
  files.Commit();
  ::setrlimit(RLIMIT_NOFILE, &limit);
  EXPECT_THAT(NamesIn(folder.path()), SizeIs(301));
}

// Network file systems may have no locks: a journal then counts as dead by its age.
TEST(CommitJournalTest, WithoutLocksAnOldJournalIsADeadOne) {
  TemporaryFolder folder;
  KillCommit(folder);
  const timespec old[2] = {{::time(nullptr) - 3600, 0}, {::time(nullptr) - 3600, 0}};
  ::utimensat(AT_FDCWD, JournalPath(folder.path()).c_str(), old, 0);
  const SystemCalls saved = CurrentSystemCalls();
  CurrentSystemCalls().flock = [](int, int) {
    errno = ENOLCK;
    return -1;
  };
  EXPECT_EQ(ReadText(folder / "b"), "old b");
  CommitFour(folder);
  CurrentSystemCalls() = saved;
  EXPECT_EQ(PlainText(folder / "b"), "new b");
}

TEST(CommitJournalTest, ASaveWaitsForTheOneBeforeIt) {
  TemporaryFolder folder;
  WriteFile(folder / "a", "old");
  auto lock = std::make_unique<FolderLock>(folder.path(), FolderLock::Mode::kExclusive);
  std::thread saver([&] { WriteFile(folder / "a", "new"); });
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  EXPECT_EQ(PlainText(folder / "a"), "old");
  lock.reset();
  saver.join();
  EXPECT_EQ(PlainText(folder / "a"), "new");
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

TEST(AtomicFileTest, AFolderHasManyPaths) {
  TemporaryFolder folder;
  std::filesystem::create_directory_symlink(folder.path(), folder / "itself");
  WriteFile(folder / "real", "old");
  std::filesystem::create_symlink(folder / "real", folder / "link");
  AtomicFiles files;
  files.Add(folder / "a").Write("1");
  files.Add(folder / "./b").Write("2");
  files.Add(folder / "itself/c").Write("3");
  files.Add(folder / "link").Write("4");
  files.Remove(folder / "nowhere/d");
  files.Commit();
  EXPECT_EQ(ReadText(folder / "a") + ReadText(folder / "b") + ReadText(folder / "c") + ReadText(folder / "real"), "1234");
  EXPECT_THAT(NamesIn(folder.path()), ElementsAre("a", "b", "c", "itself", "link", "real"));
}

TEST(AtomicFileTest, TakesTheLongestNameThereCanBe) {
  TemporaryFolder folder;
  const std::string path = folder / std::string(255, 'n');
  WriteFile(path, "x");
  EXPECT_EQ(ReadText(path), "x");
}

// The temporary file that holds the lock has the old file's permissions.
TEST(AtomicFileTest, AFileThatItsOwnerMayNotReadIsReplacedWithTheOthers) {
  TemporaryFolder folder;
  std::filesystem::permissions(folder.path(), std::filesystem::perms::all);
  const std::string said = testing::InChild([&]() -> std::string {
    if (::geteuid() == 0 && ::setuid(65534) != 0) return "done";  // for whom everything is readable
    const auto save = [&](const char* text) {
      AtomicFiles files;
      files.Add(folder / "a").Write(text);
      files.Add(folder / "b").Write(text);
      files.Commit();
    };
    save("old");
    ::chmod((folder / "a").c_str(), 0);
    save("new");
    ::chmod((folder / "a").c_str(), 0600);
    return ReadText(folder / "a") == "new" && ReadText(folder / "b") == "new" ? "done" : "not replaced";
  });
  EXPECT_EQ(said, "done");
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

TEST(MappedFileTest, WhatHasNoEndIsRefusedAtOnce) {
  TemporaryFolder folder;
  ASSERT_EQ(::mkfifo((folder / "pipe").c_str(), 0600), 0);
  std::filesystem::create_symlink("/dev/zero", folder / "link");
  for (const std::string& path : {folder / "pipe", folder / "link", std::string("/dev/zero"), std::string("/dev/null")}) {
    EXPECT_FALSE(IsFile(path)) << path;
    EXPECT_THAT(ErrorOf([&] { MappedFile::Open(path); }), HasSubstr("it is a pipe or device")) << path;
  }
}

TEST(MappedFileTest, AZeroByteCutsNoNameOff) {
  TemporaryFolder folder;
  WriteFile(folder / "a", "x");
  const std::string path = (folder / "a") + std::string("\0b", 2);
  EXPECT_FALSE(IsFile(path));
  EXPECT_FALSE(IsFolder(folder.path() + std::string("\0b", 2)));
  EXPECT_THROW(MappedFile::Open(path), NoSuchFile);
  for (const auto& write : {+[](const std::string& p) { WriteFile(p, ""); }, +[](const std::string& p) { MakeFolders(p); }}) {
    EXPECT_THAT(ErrorOf([&] { write(path); }), HasSubstr("a\\x00b\" has a zero byte in it"));
  }
}

}  // namespace
}  // namespace skiff::io
