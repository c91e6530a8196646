// Passes: Program -> Program of the same meaning, one file each. Every pass runs by name, so it can be
// switched off, and the program is verified after each in debug builds. pipeline.cc is the order.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "framework/program/program.h"
#include "framework/tensor/tensor.h"

namespace skiff {

/// What a pass may change and must keep.
struct PassContext {
  Program* program = nullptr;         // a private copy; passes rewrite block 0
  std::set<std::string> feeds;        // names that are fed
  std::set<std::string> fetches;      // names that must still be computed
  /// Frozen parameters by name; null when parameters may change between runs (an Executor's).
  std::map<std::string, Tensor>* constants = nullptr;
  Place place;

  bool IsConstant(const std::string& name) const {
    return constants != nullptr && constants->contains(name);
  }
};

struct Pass {
  const char* name;
  const char* why;
  /// @return whether anything changed.
  std::function<bool(PassContext&)> run;
};

/// All passes in the order in which they run.
const std::vector<Pass>& PassPipeline();

/// Runs the pipeline, `disabled` passes left out. @throws InvalidArgument when `disabled` names no pass.
void RunPasses(PassContext* context, const std::vector<std::string>& disabled = {});

/// Who writes and who reads each variable of block 0, by position of the operator. A pass asks while
/// it looks and makes a new index after it changed something.
class UseIndex {
 public:
  explicit UseIndex(const PassContext& context);

  /// Position of the only operator that writes `name`; -1 when none or several do.
  int Writer(const std::string& name) const;
  /// Operators of block 0 that write `name`; many when a sub-block mentions it.
  int NumWriters(const std::string& name) const;
  const std::vector<int>& Readers(const std::string& name) const;
  /// True when `name` is a temporary written once, read only by the operator at `reader`, neither
  /// fetched nor fed nor persistable nor used in a sub-block.
  bool OnlyUse(const std::string& name, int reader) const;

 private:
  const PassContext& context_;
  std::map<std::string, std::vector<int>> writers_, readers_;
  std::set<std::string> elsewhere_;  // names that sub-blocks mention
};

}  // namespace skiff
