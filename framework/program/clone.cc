// Copies of programs: whole, for testing, and pruned to what some variables need.
#include <algorithm>
#include <set>

#include "framework/program/program.h"

namespace skiff {

namespace {

bool IsBackwardOrOptimize(const Operator& op) {
  return (op.role() & (kBackward | kOptimize)) != 0 || op.role() == kLRSchedule;
}

// Names that `op` reads, its sub-blocks and variable-valued attributes included.
void CollectReads(const Program& program, const Operator& op, std::set<std::string>* names) {
  for (const std::string& name : op.inputs.AllNames()) names->insert(name);
  for (const auto& [attr, value] : op.attrs) {
    for (std::string& name : VariableNames(value)) names->insert(std::move(name));
  }
  for (int owned : OwnedBlocks(op)) {
    for (const auto& inner : program.block(owned).ops()) CollectReads(program, *inner, names);
  }
}

void CollectMentions(const Program& program, const Operator& op, std::set<std::string>* names) {
  CollectReads(program, op, names);
  for (const std::string& name : op.outputs.AllNames()) names->insert(name);
  for (int owned : OwnedBlocks(op)) {
    for (const auto& inner : program.block(owned).ops()) CollectMentions(program, *inner, names);
  }
}

}  // namespace

std::unique_ptr<Program> Program::Clone(bool for_test) const {
  auto copy = std::make_unique<Program>();
  copy->random_seed = random_seed;
  copy->version = version;
  copy->op_version_map = op_version_map;
  copy->unknown_fields = unknown_fields;
  if (!for_test) copy->run_hooks = run_hooks;
  copy->num_backward_passes = num_backward_passes;
  copy->blocks_.clear();
  for (const auto& block : blocks_) {
    auto made = std::make_unique<Block>(copy.get(), block->idx(), block->parent_idx());
    made->set_forward_block_idx(block->forward_block_idx());
    made->has_forward_block_idx = block->has_forward_block_idx;
    made->unknown_fields = block->unknown_fields;
    for (const auto& v : block->vars()) made->AddVar(*v);
    for (const auto& op : block->ops()) {
      if (for_test && IsBackwardOrOptimize(*op)) continue;
      Operator duplicate = *op;
      if (for_test && duplicate.attrs.Has("is_test")) duplicate.attrs.Set("is_test", true);
      if (for_test && duplicate.type == "batch_norm") duplicate.outputs.Erase("ReserveSpace");  // for gradients alone
      made->AddOp(std::move(duplicate));
    }
    copy->blocks_.push_back(std::move(made));
  }
  if (for_test) {
    // Gradients and accumulators that no operator mentions any more go with their operators.
    std::set<std::string> mentioned;
    for (const auto& block : copy->blocks_) {
      for (const auto& op : block->ops()) CollectMentions(*copy, *op, &mentioned);
    }
    for (const auto& block : copy->blocks_) {
      const std::vector<std::shared_ptr<Variable>> vars = block->vars();
      for (const auto& v : vars) {
        const bool is_gradient = v->name.find(kGradSuffix) != std::string::npos;
        const bool is_data = v->need_check_feed || v->is_parameter;
        if (!mentioned.contains(v->name) && (is_gradient || (v->persistable && !is_data))) {
          block->RemoveVar(v->name);
        }
      }
    }
  }
  return copy;
}

std::unique_ptr<Program> Program::Prune(const std::vector<std::string>& feeds,
                                        const std::vector<std::string>& targets) const {
  std::unique_ptr<Program> copy = Clone();
  Block& block = copy->global_block();
  for (const std::string& name : feeds) block.Var(name);
  for (const std::string& name : targets) block.Var(name);

  const std::set<std::string> fed(feeds.begin(), feeds.end());
  std::set<std::string> needed(targets.begin(), targets.end());
  std::vector<std::shared_ptr<Operator>> kept;
  for (auto it = block.ops().rbegin(); it != block.ops().rend(); ++it) {
    const Operator& op = **it;
    if (op.type == "feed" || op.type == "fetch") continue;
    if ((op.role() & kOptimize) != 0) continue;
    const std::vector<std::string> writes = op.outputs.AllNames();
    const auto writes_any = [&](const std::set<std::string>& names) {
      return std::any_of(writes.begin(), writes.end(), [&](const std::string& n) { return names.contains(n); });
    };
    // A loop may write its next value into what was fed.
    const bool wanted = writes_any(needed) || (!OwnedBlocks(op).empty() && writes_any(fed));
    if (!wanted) continue;
    kept.push_back(*it);
    std::set<std::string> reads;
    CollectReads(*copy, op, &reads);
    for (const std::string& name : reads) {
      if (!fed.contains(name)) needed.insert(name);
    }
  }
  std::reverse(kept.begin(), kept.end());
  block.SetOps(std::move(kept));

  // Sub-blocks that lost their owner go; the others move up, depth first in the order of their owners.
  std::vector<int> order = {0};
  for (size_t i = 0; i < order.size(); ++i) {
    std::vector<int> owned;
    for (const auto& op : copy->block(order[i]).ops()) {
      for (int index : OwnedBlocks(*op)) {
        if (std::find(order.begin(), order.end(), index) == order.end()) owned.push_back(index);
      }
    }
    order.insert(order.begin() + static_cast<std::ptrdiff_t>(i) + 1, owned.begin(), owned.end());
  }
  auto renumber = [&](int old) {
    const auto found = std::find(order.begin(), order.end(), old);
    return found == order.end() ? -1 : static_cast<int>(found - order.begin());
  };
  std::vector<std::unique_ptr<Block>> blocks;
  for (int old : order) {
    Block& from = *copy->blocks_[old];
    auto made = std::make_unique<Block>(copy.get(), renumber(old), renumber(from.parent_idx()));
    made->set_forward_block_idx(renumber(from.forward_block_idx()));
    made->has_forward_block_idx = from.has_forward_block_idx;
    made->unknown_fields = from.unknown_fields;
    for (const auto& v : from.vars()) made->AddVar(*v);
    for (const auto& op : from.ops()) {
      Operator moved = *op;
      for (const auto& [name, value] : op->attrs) {
        if (const auto* one = std::get_if<BlockRef>(&value)) {
          moved.attrs.Set(name, BlockRef{renumber(one->index)});
        } else if (const auto* many = std::get_if<std::vector<BlockRef>>(&value)) {
          std::vector<BlockRef> refs;
          for (const BlockRef& ref : *many) refs.push_back({renumber(ref.index)});
          moved.attrs.Set(name, refs);
        }
      }
      made->AddOp(std::move(moved));
    }
    blocks.push_back(std::move(made));
  }
  copy->blocks_ = std::move(blocks);

  std::set<std::string> mentioned(feeds.begin(), feeds.end());
  mentioned.insert(targets.begin(), targets.end());
  for (const auto& kept_block : copy->blocks_) {
    for (const auto& op : kept_block->ops()) CollectMentions(*copy, *op, &mentioned);
  }
  for (const auto& kept_block : copy->blocks_) {
    const std::vector<std::shared_ptr<Variable>> vars = kept_block->vars();
    for (const auto& v : vars) {
      if (!mentioned.contains(v->name)) kept_block->RemoveVar(v->name);
    }
  }
  return copy;
}

}  // namespace skiff
