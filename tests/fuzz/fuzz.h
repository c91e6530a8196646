// What the fuzz targets share. An error of skiff's is a fine answer; a crash, a hang, memory without measure
// or another exception is not.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <span>

#include "framework/base/error.h"
#include "io/sink.h"

namespace skiff::io {

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

}  // namespace skiff::io

#define SKIFF_FUZZ_TARGET(function)                                          \
  extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {  \
    skiff::io::IgnoreErrors([&] { function(std::span(data, size)); });       \
    return 0;                                                                \
  }
