#include "executor/passes/pass.h"

#include <algorithm>

namespace skiff {

void RunPasses(PassContext* context, const std::vector<std::string>& disabled) {
  const std::vector<Pass>& pipeline = PassPipeline();
  for (const std::string& name : disabled) {
    const bool known = std::any_of(pipeline.begin(), pipeline.end(),
                                   [&](const Pass& pass) { return name == pass.name; });
    if (known) continue;
    InvalidArgument error(StrCat("there is no pass \"", name, "\" to disable"));
    std::vector<std::string> names;
    for (const Pass& pass : pipeline) names.emplace_back(pass.name);
    error.AddContext(DidYouMean(name, names));
    throw error;
  }
  for (const Pass& pass : pipeline) {
    if (std::find(disabled.begin(), disabled.end(), pass.name) != disabled.end()) continue;
    pass.run(*context);
  }
}

UseIndex::UseIndex(const PassContext& context) : context_(context) {
  const Program& program = *context.program;
  const auto& ops = program.global_block().ops();
  for (int i = 0; i < static_cast<int>(ops.size()); ++i) {
    for (const std::string& name : ops[i]->outputs.AllNames()) writers_[name].push_back(i);
    for (const std::string& name : ops[i]->inputs.AllNames()) {
      std::vector<int>& readers = readers_[name];
      if (readers.empty() || readers.back() != i) readers.push_back(i);
    }
    for (const auto& [attr, value] : ops[i]->attrs) {
      for (std::string& name : VariableNames(value)) elsewhere_.insert(std::move(name));
    }
  }
  for (int b = 1; b < program.num_blocks(); ++b) {
    for (const auto& op : program.block(b).ops()) {
      for (const std::string& name : op->inputs.AllNames()) elsewhere_.insert(name);
      for (const std::string& name : op->outputs.AllNames()) elsewhere_.insert(name);
    }
  }
}

int UseIndex::Writer(const std::string& name) const {
  const auto found = writers_.find(name);
  return found == writers_.end() || found->second.size() != 1 ? -1 : found->second.front();
}

int UseIndex::NumWriters(const std::string& name) const {
  if (elsewhere_.contains(name)) return 1 << 20;
  const auto found = writers_.find(name);
  return found == writers_.end() ? 0 : static_cast<int>(found->second.size());
}

const std::vector<int>& UseIndex::Readers(const std::string& name) const {
  static const std::vector<int> kNone;
  const auto found = readers_.find(name);
  return found == readers_.end() ? kNone : found->second;
}

bool UseIndex::OnlyUse(const std::string& name, int reader) const {
  if (Writer(name) < 0 || context_.fetches.contains(name) || context_.feeds.contains(name) ||
      elsewhere_.contains(name)) {
    return false;
  }
  const std::vector<int>& readers = Readers(name);
  if (readers.size() != 1 || readers.front() != reader) return false;
  const std::shared_ptr<Variable> v = context_.program->global_block().FindLocalVar(name);
  return v == nullptr || !v->persistable;
}

}  // namespace skiff
