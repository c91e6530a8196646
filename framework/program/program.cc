#include "framework/program/program.h"

#include <atomic>

namespace skiff {

namespace {

uint64_t NextUid() {
  static std::atomic<uint64_t> next{1};
  return next.fetch_add(1, std::memory_order_relaxed);
}

// Like Paddle's, the default programs are the process's; a guard replaces them on its own thread.
thread_local Program* current_main = nullptr;
thread_local Program* current_startup = nullptr;

}  // namespace

Program::Program() : uid_(NextUid()) { Reset(); }

void Program::Reset() {
  blocks_.clear();
  blocks_.push_back(std::make_unique<Block>(this, 0, -1));
  current_ = 0;
  Touch();
}

Block& Program::block(int idx) const {
  SKIFF_ENFORCE(idx >= 0 && idx < num_blocks(), OutOfRange, "block ", idx, " of a program of ",
                num_blocks(), " blocks");
  return *blocks_[idx];
}

Block& Program::CreateBlock(int parent_idx) {
  const int parent = parent_idx < 0 ? current_ : parent_idx;
  const int idx = num_blocks();
  blocks_.push_back(std::make_unique<Block>(this, idx, parent));
  current_ = idx;
  Touch();
  return *blocks_.back();
}

void Program::Rollback() {
  SKIFF_ENFORCE(current_ != 0, PreconditionNotMet, "block 0 has no parent to go back to");
  current_ = current_block().parent_idx();
}

void Program::RemoveBlocksFrom(int idx) {
  SKIFF_ENFORCE(idx > current_ && idx <= num_blocks(), OutOfRange, "cannot remove the blocks from ",
                idx, " on: there are ", num_blocks(), ", and block ", current_, " is current");
  blocks_.resize(static_cast<size_t>(idx));
  Touch();
}

std::vector<Variable*> Program::ListVars() const {
  std::vector<Variable*> vars;
  for (const auto& block : blocks_) {
    for (const auto& v : block->vars()) vars.push_back(v.get());
  }
  return vars;
}

std::vector<Variable*> Program::AllParameters() const {
  std::vector<Variable*> parameters = ListVars();
  std::erase_if(parameters, [](const Variable* v) { return !v->is_parameter; });
  return parameters;
}

Program& DefaultMainProgram() {
  static Program* process = new Program;  // never destroyed, like GlobalScope
  return current_main == nullptr ? *process : *current_main;
}

Program& DefaultStartupProgram() {
  static Program* process = new Program;
  return current_startup == nullptr ? *process : *current_startup;
}

ProgramGuard::ProgramGuard(Program& main) : ProgramGuard(main, DefaultStartupProgram()) {}

ProgramGuard::ProgramGuard(Program& main, Program& startup)
    : previous_main_(current_main), previous_startup_(current_startup) {
  current_main = &main;
  current_startup = &startup;
}

ProgramGuard::~ProgramGuard() {
  current_main = previous_main_;
  current_startup = previous_startup_;
}

}  // namespace skiff
