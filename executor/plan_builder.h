// PlanBuilder: steps over storages become a Plan. It knows when each storage is first and last used,
// lets outputs take the memory of inputs that nobody reads any more, and packs the rest into one arena.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "executor/plan.h"

namespace skiff {

class PlanBuilder {
 public:
  PlanBuilder(const Place& place, int num_threads) : plan_(new Plan) {
    plan_->place = place;
    plan_->num_threads = num_threads;
  }

  /// The plan so far.
  Plan& plan() { return *plan_; }

  /// @param index  Which feed, scope variable or output it is; see PlanStorage.
  int NewStorage(PlanStorage::Kind kind, size_t bytes, int index = 0);
  /// The storage of a scope variable, bound once for each shape and dtype that it has in the course of a run.
  int ScopeStorage(const std::string& name, const TensorMeta& meta, bool read);
  /// Appends a step over storages; -1 stands for an absent pointer.
  void AddStep(std::unique_ptr<Kernel> kernel, const std::vector<int>& in, const std::vector<int>& out,
               size_t workspace_bytes, std::string name);
  /// The last step may write `out` over `in`, should nothing else need `in`.
  void AllowInPlace(int in, int out);
  /// The storage is read after the last step.
  void KeepUntilEnd(int storage);

  /// Chooses memory and hands the plan over.
  std::unique_ptr<Plan> Finish();

 private:
  struct InPlaceChance {
    int step, in, out;
  };

  int Root(int storage) const;
  bool ReadTwice(int storage, int step) const;
  void ShareInPlace();
  void ChooseMemory();

  std::unique_ptr<Plan> plan_;
  std::vector<int> last_use_, first_step_;  // by storage
  std::vector<InPlaceChance> chances_;
  std::map<int, int> merged_into_;
};

}  // namespace skiff
