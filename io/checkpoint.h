// Checkpoints: all that training needs to go on as if it had never stopped. A checkpoint is a folder of
// Paddle's files that appears whole or not at all; docs/formats.md, section 9.
//
//   io::Checkpoint checkpoint("checkpoints", {.keep = 3});
//   io::Progress progress;
//   if (const auto resumed = checkpoint.Resume(main, scope)) {
//     progress = resumed->progress;
//     loader.Restore(progress.data);
//   }
//   ...
//   progress.data = loader.position();
//   checkpoint.Save(main, scope, progress);
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "framework/data/data_loader.h"
#include "framework/program/program.h"
#include "framework/tensor/scope.h"
#include "io/pickle_value.h"

namespace skiff::io {

/// How far training has come: what is in neither the program nor its variables.
struct Progress {
  int64_t step = 0;     // steps taken; names the checkpoint
  int64_t epoch = 0;    // epochs finished
  data::Position data;  // DataLoader::position()
  /// Small values of the user's own, say the best accuracy so far.
  std::map<std::string, PickleValue> extra = {};
};

struct CheckpointOptions {
  /// Checkpoints that stay; older ones go once a newer one is whole, and before them those of later steps, left by
  /// training that went back. 0 keeps all.
  int keep = 5;
};

struct ResumeOptions {
  /// This checkpoint; the newest when absent.
  std::optional<int64_t> step = {};
  /// Takes the next older one where files are damaged or missing.
  bool skip_damaged = false;
  /// Called with what the checkpoint taken holds, before anything is set; what it throws leaves everything as it was.
  std::function<void(const Progress& progress, const std::string& path)> accept = {};
};

struct Resumed {
  Progress progress;
  std::string path;                  // of the checkpoint taken
  std::vector<std::string> skipped;  // errors of damaged ones
};

/// The checkpoints in one folder. Several processes may use it at once.
class Checkpoint {
 public:
  /// @throws InvalidArgument for an empty name or a negative `keep`.
  explicit Checkpoint(std::string folder, const CheckpointOptions& options = {});

  /// Writes folder/step_<n>: parameters, states of optimizers, schedulers of `program`, the scope's random
  /// state, and `progress`. A checkpoint of the same step is replaced.
  /// @return its path.
  /// @throws NotFound         Variables of the program have no value (all named).
  /// @throws InvalidArgument  A negative step.
  /// @throws External         The files cannot be written; the checkpoints there are as before.
  std::string Save(const Program& program, const Scope& scope, const Progress& progress) const;

  /// Sets the variables of `program`, its schedulers and the random state to what was saved: every byte, so
  /// that the steps that follow are those that would have followed. Nothing changes on an error.
  /// @return nothing where there is no checkpoint yet.
  /// @throws NotFound         There is none of the step asked for.
  /// @throws InvalidArgument, External  Files are damaged or missing, and may not be skipped; or they are
  ///     those of another program (every difference is listed).
  std::optional<Resumed> Resume(const Program& program, Scope& scope, const ResumeOptions& options = {}) const;

  /// Steps of the checkpoints there, rising. @throws External for a folder that is there and cannot be listed.
  std::vector<int64_t> Steps() const;
  /// Path of a checkpoint, of the newest one; "" where there is none.
  std::string PathOf(int64_t step) const;
  std::string latest() const;

 private:
  void RemoveOld(int64_t saved) const;

  std::string folder_;
  CheckpointOptions options_;
};

}  // namespace skiff::io
