#include "framework/program/block.h"

#include <algorithm>

#include "framework/program/program.h"

namespace skiff {

Block* Block::parent() const {
  return parent_idx_ < 0 ? nullptr : &program_->block(parent_idx_);
}

std::shared_ptr<Variable> Block::AddVar(Variable variable) {
  auto added = std::make_shared<Variable>(std::move(variable));
  added->block = this;
  const bool inserted = by_name_.emplace(added->name, added).second;
  SKIFF_ENFORCE(inserted, AlreadyExists, "block ", idx_, " has a variable \"", added->name,
                "\" already");
  vars_.push_back(added);
  program_->Touch();
  return added;
}

std::shared_ptr<Variable> Block::FindLocalVar(const std::string& name) const {
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? nullptr : found->second;
}

std::shared_ptr<Variable> Block::FindVar(const std::string& name) const {
  for (const Block* block = this; block != nullptr; block = block->parent()) {
    if (std::shared_ptr<Variable> found = block->FindLocalVar(name)) return found;
    const int forward = block->forward_block_idx();
    if (forward < 0 || forward >= program_->num_blocks()) continue;
    if (std::shared_ptr<Variable> found = program_->block(forward).FindLocalVar(name)) return found;
  }
  return nullptr;
}

Variable& Block::Var(const std::string& name) const {
  if (std::shared_ptr<Variable> found = FindVar(name)) return *found;
  NotFound error(StrCat("block ", idx_, " and its parents have no variable \"", name, "\""));
  std::vector<std::string> names;
  for (const Variable* v : program_->ListVars()) names.push_back(v->name);
  error.AddContext(DidYouMean(name, names));
  for (int i = 0; i < program_->num_blocks(); ++i) {
    if (program_->block(i).FindLocalVar(name)) error.AddContext(StrCat("block ", i, " has one"));
  }
  throw error;
}

void Block::RemoveVar(const std::string& name) {
  if (by_name_.erase(name) == 0) return;
  std::erase_if(vars_, [&](const auto& v) { return v->name == name; });
  program_->Touch();
}

void Block::RenameVar(const std::string& from, const std::string& to) {
  if (from == to) return;
  const std::shared_ptr<Variable> variable = FindLocalVar(from);
  SKIFF_ENFORCE(variable != nullptr, NotFound, "block ", idx_, " has no variable \"", from,
                "\" to rename");
  SKIFF_ENFORCE(!by_name_.contains(to), AlreadyExists, "block ", idx_, " has a variable \"", to,
                "\" already");
  by_name_.erase(from);
  variable->name = to;
  by_name_.emplace(to, variable);
  for (const std::shared_ptr<Operator>& op : ops_) {
    op->inputs.Rename(from, to);
    op->outputs.Rename(from, to);
  }
  program_->Touch();
}

std::shared_ptr<Operator> Block::AddOp(Operator op) { return InsertOp(ops_.size(), std::move(op)); }

std::shared_ptr<Operator> Block::InsertOp(size_t position, Operator op) {
  SKIFF_ENFORCE(position <= ops_.size(), OutOfRange, "position ", position, " among ", ops_.size(),
                " operators");
  auto added = std::make_shared<Operator>(std::move(op));
  ops_.insert(ops_.begin() + static_cast<std::ptrdiff_t>(position), added);
  program_->Touch();
  return added;
}

void Block::RemoveOps(size_t begin, size_t end) {
  SKIFF_ENFORCE(begin <= end && end <= ops_.size(), OutOfRange, "operators [", begin, ", ", end,
                ") among ", ops_.size());
  ops_.erase(ops_.begin() + static_cast<std::ptrdiff_t>(begin),
             ops_.begin() + static_cast<std::ptrdiff_t>(end));
  program_->Touch();
}

void Block::SetOps(std::vector<std::shared_ptr<Operator>> ops) {
  ops_ = std::move(ops);
  program_->Touch();
}

}  // namespace skiff
