// What reading one file may cost.
#pragma once

#include <cstdint>

namespace skiff::io {

/// Bounds on what one file may make its reader do. The defaults are far above what real models need and far below
/// what stops a machine. Whoever reads files of strangers lowers them: see ReadLimitsScope.
struct ReadLimits {
  uint64_t max_bytes = uint64_t{64} << 30;      // of memory for what is read, beside the file itself;
  uint64_t max_growth = 1100;                   // and no more than 64 MiB and this many bytes for each of the file
  uint64_t max_objects = uint64_t{1} << 24;     // messages of a program, objects of a pickle, tensors, archive members
  uint64_t max_text_bytes = uint64_t{64} << 20; // of one name or text
  int max_depth = 200;                          // of what lies in one another: 1000 at most, for the stack's sake
};

/// The limits of this thread.
const ReadLimits& CurrentReadLimits();

/// While it lives, what this thread reads keeps to `limits`; past one of them is ResourceExhausted, naming file,
/// byte and limit.
///
///     const io::ReadLimitsScope strict({.max_bytes = 1 << 30});
///     model = io::LoadInferenceModel(path);
class ReadLimitsScope {
 public:
  /// Errors: InvalidArgument when max_depth is not within 0 and 1000.
  explicit ReadLimitsScope(const ReadLimits& limits);
  ~ReadLimitsScope();
  ReadLimitsScope(const ReadLimitsScope&) = delete;
  ReadLimitsScope& operator=(const ReadLimitsScope&) = delete;

 private:
  ReadLimits before_;
};

}  // namespace skiff::io
