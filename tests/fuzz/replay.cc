// Runs the fuzz targets without a fuzzer: over every file of the corpus, and over mutations of it that are the same
// each time. Memory is watched at its end. Each target's runs happen in processes of their own, so that one crash
// does not hide the next.
//
//   fuzz_replay CORPUS TARGET EXECUTIONS [FIRST]     FIRST alone is run again where EXECUTIONS is 1
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <iostream>

#include "framework/tensor/memory_guard.h"
#include "io/mapped_file.h"
#include "tests/fuzz/fuzz.h"

namespace skiff::io {
namespace {

constexpr uint64_t kMaxFileBytes = 24000;
constexpr unsigned kSecondsEach = 20;
constexpr rlim_t kMaxMemory = rlim_t{4} << 30;

std::vector<std::string> ReadCorpus(const std::string& list) {
  std::vector<std::string> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(list)) {
    if (entry.is_regular_file() && entry.file_size() <= kMaxFileBytes) files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  std::vector<std::string> contents;
  for (const std::string& file : files) contents.push_back(std::string(AsText(MappedFile::Open(file)->bytes())));
  return contents;
}

// Execution i: the files themselves first, then mutations of mutations.
std::string InputOf(const FuzzTarget& target, const std::vector<std::string>& corpus, uint64_t i) {
  std::string bytes = corpus[i % corpus.size()];
  if (i < corpus.size()) return bytes;
  Random random(static_cast<uint32_t>(i));
  for (uint64_t times = 1 + random() % 3; times > 0; --times) bytes = target.mutate(std::move(bytes), random);
  return bytes;
}

[[noreturn]] void RunFrom(const FuzzTarget& target, const std::vector<std::string>& corpus, uint64_t end, uint64_t* at) {
  [[maybe_unused]] const rlimit memory{kMaxMemory, kMaxMemory};
  const rlimit no_core{0, 0};
#ifndef __SANITIZE_ADDRESS__  // it reserves more addresses than any machine has memory
  setrlimit(RLIMIT_AS, &memory);
#endif
  setrlimit(RLIMIT_CORE, &no_core);
  for (; *at < end; ++*at) {
    const std::string bytes = InputOf(target, corpus, *at);
    alarm(kSecondsEach);
    GuardMemory(true);
    RunTarget(target, AsBytes(bytes));
    GuardMemory(false);
  }
  _exit(0);
}

int Replay(const FuzzTarget& target, const std::string& folder, uint64_t executions, uint64_t first) {
  const std::vector<std::string> corpus = ReadCorpus(folder);
  if (corpus.empty()) {
    std::cerr << folder << " holds no file\n";
    return 1;
  }
  auto* at = static_cast<uint64_t*>(mmap(nullptr, sizeof(uint64_t), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  const uint64_t end = first + executions;
  int crashes = 0;
  for (*at = first; *at < end; ++*at) {
    const pid_t child = fork();
    if (child == 0) RunFrom(target, corpus, end, at);
    int status = 0;
    waitpid(child, &status, 0);
    if (*at >= end) break;
    ++crashes;
    std::cerr << target.name << " execution " << *at << ": "
              << (WIFSIGNALED(status) ? strsignal(WTERMSIG(status)) : "left with an exception that is not skiff's") << "\n";
  }
  std::cout << target.name << ": " << executions << " executions over " << corpus.size() << " files, " << crashes << " crashes\n";
  return crashes == 0 ? 0 : 1;
}

}  // namespace
}  // namespace skiff::io

int main(int argc, char** argv) {
  for (const skiff::io::FuzzTarget& target : skiff::io::FuzzTargets()) {
    if (argc < 4 || std::string(argv[2]) != target.name) continue;
    return skiff::io::Replay(target, argv[1], std::stoull(argv[3]), argc > 4 ? std::stoull(argv[4]) : 0);
  }
  std::cerr << "usage: fuzz_replay CORPUS TARGET EXECUTIONS [FIRST]; targets:";
  for (const skiff::io::FuzzTarget& target : skiff::io::FuzzTargets()) std::cerr << " " << target.name;
  std::cerr << "\n";
  return 2;
}
