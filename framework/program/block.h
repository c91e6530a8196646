// Block: variables and the operators over them, in order. A sub-block (the body of a loop or branch)
// sees its parents' variables.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "framework/program/operator.h"
#include "framework/program/variable.h"

namespace skiff {

class Program;

/// Operators and variables are held by shared_ptr, so that a handle outlives their removal.
class Block {
 public:
  Block(Program* program, int idx, int parent_idx)
      : program_(program), idx_(idx), parent_idx_(parent_idx) {}
  Block(const Block&) = delete;
  Block& operator=(const Block&) = delete;

  Program* program() const { return program_; }
  int idx() const { return idx_; }
  /// Block whose variables this one may use, -1 for block 0.
  int parent_idx() const { return parent_idx_; }
  /// For the block of a backward pass: the forward block's index, else -1.
  int forward_block_idx() const { return forward_block_idx_; }
  void set_forward_block_idx(int idx) { forward_block_idx_ = idx; }
  Block* parent() const;

  /// Adds a variable. @throws AlreadyExists when the block has one of that name.
  std::shared_ptr<Variable> AddVar(Variable variable);
  /// The variable of this block, or nullptr.
  std::shared_ptr<Variable> FindLocalVar(const std::string& name) const;
  /// The variable of this block or of a parent, or nullptr.
  std::shared_ptr<Variable> FindVar(const std::string& name) const;
  /// As FindVar. @throws NotFound with close names and the blocks that do have it.
  Variable& Var(const std::string& name) const;
  void RemoveVar(const std::string& name);
  void RenameVar(const std::string& from, const std::string& to);
  /// In order of creation, or as the file had them.
  const std::vector<std::shared_ptr<Variable>>& vars() const { return vars_; }

  const std::vector<std::shared_ptr<Operator>>& ops() const { return ops_; }
  /// Adds an operator as it is. Most callers want AppendOp of framework/op/append_op.h, which also
  /// completes attributes and infers shapes.
  std::shared_ptr<Operator> AddOp(Operator op);
  std::shared_ptr<Operator> InsertOp(size_t position, Operator op);
  void RemoveOps(size_t begin, size_t end);
  void SetOps(std::vector<std::shared_ptr<Operator>> ops);

  std::string unknown_fields;       // carried through files untouched
  bool has_forward_block_idx = false;  // the file spelled it out

 private:
  Program* program_;
  int idx_;
  int parent_idx_;
  int forward_block_idx_ = -1;
  std::vector<std::shared_ptr<Variable>> vars_;
  std::map<std::string, std::shared_ptr<Variable>> by_name_;
  std::vector<std::shared_ptr<Operator>> ops_;
};

}  // namespace skiff
