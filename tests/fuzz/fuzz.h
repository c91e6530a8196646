// What the fuzz targets share. An error of skiff's is a fine answer; a crash, a hang, memory without measure
// or another exception is not.
//
// Each target is one file, compiled twice: for libFuzzer (CMakeLists.txt, with clang), and with SKIFF_FUZZ_REPLAY into
// fuzz_replay, which runs all of them over the corpus and as many mutations of it as it is told, with any compiler.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <span>
#include <string>
#include <vector>

#include "framework/base/error.h"
#include "io/read_limits.h"
#include "io/sink.h"
#include "tests/fuzz/mutate.h"

namespace skiff::io {

struct FuzzTarget {
  const char* name;
  void (*run)(std::span<const uint8_t> bytes);
  std::string (*mutate)(std::string bytes, Random& random);
};

/// Those that are linked in.
inline std::vector<FuzzTarget>& FuzzTargets() {
  static std::vector<FuzzTarget> targets;
  return targets;
}
inline bool AddFuzzTarget(FuzzTarget target) {
  FuzzTargets().push_back(target);
  return true;
}

inline void Require(bool condition, const char* what) {
  if (condition) return;
  std::fprintf(stderr, "does not hold: %s\n", what);
  std::abort();
}

template <typename F>
void IgnoreErrors(F&& run) {
  try {
    run();
  } catch (const Error&) {
  }
}

/// Runs a target as a reader of strangers' files would: under tight limits.
inline void RunTarget(const FuzzTarget& target, std::span<const uint8_t> bytes) {
  const ReadLimitsScope limits({.max_bytes = 256 << 20});
  IgnoreErrors([&] { target.run(bytes); });
}

}  // namespace skiff::io

#define SKIFF_FUZZ_TARGET(name, run, mutate) \
  [[maybe_unused]] static const bool fuzz_target_##name = skiff::io::AddFuzzTarget({#name, run, mutate});
