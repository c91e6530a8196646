// PlanValues: what the variables of a block mean while a plan is made. Each version of a variable, written by one
// step and read by later ones, is a value of its own; a name stands for its newest.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "executor/plan_builder.h"
#include "executor/planner.h"
#include "framework/op/prepare.h"

namespace skiff {

struct PlanValue {
  std::string name;
  TensorInfo info;
  int32_t lod_level = 0;
  int lod_feed = -1;  // fed tensor whose LoD it carries
  int storage = -1;
  std::optional<Tensor> known = {};  // its elements, on the CPU, when they cannot change

  size_t bytes() const { return info.layout ? info.layout->bytes() : info.shape.NumElements() * SizeOf(info.dtype); }
};

class PlanValues : public MetaTable {
 public:
  /// The fed tensors are the first values. Both arguments are kept by reference.
  PlanValues(const PlanRequest& request, PlanBuilder& builder);

  const PlanValue& operator[](int id) const { return values_[id]; }
  int Add(PlanValue value) {
    values_.push_back(std::move(value));
    return static_cast<int>(values_.size()) - 1;
  }
  int AddConstant(const std::string& name, const Tensor& tensor, const std::string& key);

  /// The newest version of a variable; -1 when it has no value anywhere.
  int Lookup(const std::string& name) const;
  /// From here on `name` means this value.
  void Define(const std::string& name, int id) {
    imported_.erase(name);
    current_[name] = id;
  }
  /// Names that the user feeds: no operator changes what they mean.
  const std::set<std::string>& pinned() const { return pinned_; }
  bool HasValue(const std::string& name) const { return current_.contains(name); }
  /// An operator of this plan wrote the newest value.
  bool IsComputed(const std::string& name) const;
  bool IsPersistable(const std::string& name) const;

  /// The value in another layout, reordered once and remembered; null is the plain one.
  int InLayout(int id, const LayoutPtr& wanted);

  // What inference sees: outputs of the operator being inferred, else newest values.
  const TensorMeta* Find(const std::string& name) const override;
  void Set(const std::string& name, const TensorMeta& meta) override { inferred_[name] = meta; }
  std::optional<std::vector<int64_t>> IntValues(const std::string& name) const override;

  /// What inference has said of the outputs of one operator.
  std::map<std::string, TensorMeta>& inferred() { return inferred_; }
  const std::map<std::string, TensorMeta>& inferred() const { return inferred_; }
  /// Variables whose elements somebody asked for and nobody knows.
  std::set<std::string>& unknown() const { return unknown_; }

 private:
  int Import(const std::string& name);

  const PlanRequest& request_;
  PlanBuilder& builder_;
  Plan& plan_;  // the builder's
  std::vector<PlanValue> values_;
  std::map<std::string, int> current_;
  std::set<std::string> pinned_;
  std::set<std::string> imported_;  // names whose newest value is the scope's or a constant
  mutable std::set<std::string> unknown_;
  std::map<std::string, TensorMeta> inferred_;
  mutable std::map<std::string, TensorMeta> looked_up_;
  std::map<int, std::vector<std::pair<int, LayoutPtr>>> reordered_;
};

}  // namespace skiff
