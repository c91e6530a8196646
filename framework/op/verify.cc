#include "framework/op/verify.h"

#include <algorithm>
#include <limits>
#include <set>
#include <unordered_map>

#include "framework/op/control_flow.h"
#include "framework/op/op_def.h"

namespace skiff {

namespace {

using Names = std::set<std::string>;

constexpr int kMaxDepth = 256;  // blocks within blocks; real programs have below ten

class Verifier {
 public:
  Verifier(const Program& program, const VerifyOptions& options) : program_(program) {
    if (options.feeds) feeds_ = Names(options.feeds->begin(), options.feeds->end());
  }

  std::vector<Defect> Run() {
    for (int b = 0; b < program_.num_blocks(); ++b) {
      const auto& ops = program_.block(b).ops();
      for (size_t i = 0; i < ops.size(); ++i) positions_[ops[i].get()] = static_cast<int>(i);
    }
    for (int b = 0; b < program_.num_blocks(); ++b) {
      CheckParents(program_.block(b));
      for (const auto& v : program_.block(b).vars()) CheckExtents(program_.block(b), *v);
      for (const auto& op : program_.block(b).ops()) CheckSchema(program_.block(b), *op);
    }
    // Names are looked up along the parents, so these must be sound first.
    if (!broken_blocks_) CheckVariables();
    std::stable_sort(defects_.begin(), defects_.end(), [](const Defect& a, const Defect& b) {
      return a.block != b.block ? a.block < b.block : a.op < b.op;
    });
    return std::move(defects_);
  }

 private:
  void Add(Defect::Kind kind, const Block& block, const Operator* op, const std::string& text) {
    const int position = op == nullptr ? -1 : positions_.at(op);
    std::string where = StrCat("block ", block.idx());
    if (op != nullptr) where += StrCat(" op ", position, " (", op->type, ")");
    defects_.push_back({kind, block.idx(), position, where + ": " + text});
    broken_blocks_ = broken_blocks_ || kind == Defect::kBlock;
  }

  // ---- blocks

  void CheckParents(const Block& block) {
    const int count = program_.num_blocks();
    int at = block.idx();
    for (int steps = 0; at != 0; ++steps) {
      const int parent = program_.block(at).parent_idx();
      if (parent < 0 || parent >= count) {
        return Add(Defect::kBlock, block, nullptr,
                   StrCat(at == block.idx() ? "its" : "an ancestor's", " parent is block ", parent,
                          " of ", count));
      }
      if (steps > count) {
        return Add(Defect::kBlock, block, nullptr, "it is its own ancestor");
      }
      at = parent;
    }
  }

  // ---- schema

  void CheckSchema(const Block& block, const Operator& op) {
    for (int owned : OwnedBlocks(op)) {
      if (owned < 1 || owned >= program_.num_blocks()) {
        Add(Defect::kBlock, block, &op, StrCat("its sub-block is block ", owned, " of ",
                                               program_.num_blocks()));
      } else if (owned == block.idx()) {
        Add(Defect::kBlock, block, &op, "its sub-block is the block it stands in");
      }
    }
    if (op.type == "feed" || op.type == "fetch") return;
    const OpDef* def = FindOp(op.type);
    if (def == nullptr) return Add(Defect::kUnknownOp, block, &op, "operator not registered");
    CheckSlots(block, op, "input", op.inputs, def->inputs, /*needed=*/true);
    CheckSlots(block, op, "output", op.outputs, def->outputs, /*needed=*/false);
    if (!def->kernels.empty()) CheckOutputsDiffer(block, op);
    for (const AttrDef& attr : def->attrs) CheckAttr(block, op, attr);
  }

  void CheckSlots(const Block& block, const Operator& op, const char* side, const Slots& given,
                  const std::vector<SlotDef>& defined, bool needed) {
    for (const auto& [slot, names] : given) {
      if (names.empty()) continue;
      const auto def = std::find_if(defined.begin(), defined.end(),
                                    [&slot = slot](const SlotDef& s) { return s.name == slot; });
      if (def == defined.end()) {
        Add(Defect::kSlotOrAttr, block, &op, StrCat("there is no ", side, " slot ", slot));
      } else if (!def->duplicable && names.size() > 1) {
        Add(Defect::kSlotOrAttr, block, &op,
            StrCat(side, " ", slot, " holds ", names.size(), " variables where one belongs"));
      }
    }
    for (const SlotDef& slot : defined) {
      if (needed && !slot.dispensable && !given.Has(slot.name)) {
        Add(Defect::kSlotOrAttr, block, &op, StrCat(side, " ", slot.name, " is missing"));
      }
    }
  }

  // A kernel writes its outputs side by side: two in one variable would have the memory of one.
  void CheckOutputsDiffer(const Block& block, const Operator& op) {
    Names seen;
    for (const std::string& name : op.outputs.AllNames()) {
      if (!seen.insert(name).second) Add(Defect::kSlotOrAttr, block, &op, StrCat("writes \"", name, "\" twice"));
    }
  }

  void CheckAttr(const Block& block, const Operator& op, const AttrDef& def) {
    const Attribute* found = op.attrs.Find(def.name);
    if (found == nullptr) {
      if (def.required) {
        Add(Defect::kSlotOrAttr, block, &op, StrCat("attribute ", def.name, " is missing"));
      }
      return;
    }
    if (!VariableNames(*found).empty()) return;
    const bool fits = std::visit([&](const auto& kind) {
      std::decay_t<decltype(kind)> converted{};
      return Coerce(*found, &converted);
    }, def.default_value);
    if (!fits) {
      Add(Defect::kSlotOrAttr, block, &op,
          StrCat("attribute ", def.name, " is ", KindName(*found), ", expected ",
                 KindName(def.default_value)));
    }
  }

  // ---- variables

  void CheckExtents(const Block& block, const Variable& v) {
    auto size = v.dtype == DType::kUndefined ? uint64_t{1} : static_cast<uint64_t>(SizeOf(v.dtype));
    constexpr auto kMost = static_cast<uint64_t>(std::numeric_limits<int64_t>::max());
    bool empty = false, overflow = false;
    for (int64_t extent : v.shape) {
      if (extent < -1) {
        Add(Defect::kVariable, block, nullptr,
            StrCat("\"", v.name, "\" has shape ", v.shape, "; an extent is -1 or more"));
        return;
      }
      empty = empty || extent == 0;
      const auto factor = static_cast<uint64_t>(std::max<int64_t>(extent, 1));
      overflow = overflow || size > kMost / factor;
      if (!overflow) size *= factor;
    }
    if (overflow && !empty) {
      Add(Defect::kVariable, block, nullptr,
          StrCat("\"", v.name, "\" ", v.dtype, " ", v.shape, " takes more than 2^63 bytes"));
    }
  }

  // Names an operator with sub-blocks, or one above it, can count on.
  void CheckVariables() {
    Names available;
    if (feeds_) {
      available = *feeds_;
    } else {
      Names written;
      for (int b = 0; b < program_.num_blocks(); ++b) AddWritten(program_.block(b), &written);
      for (const Variable* v : program_.ListVars()) {
        if (!written.contains(v->name)) available.insert(v->name);
      }
    }
    std::vector<bool> visited(static_cast<size_t>(program_.num_blocks()), false);
    CheckBlock(program_.global_block(), std::move(available), &visited, 0);
  }

  static void AddWritten(const Block& block, Names* names) {
    for (const auto& op : block.ops()) {
      for (const std::string& name : op->outputs.AllNames()) names->insert(name);
    }
  }

  void CheckBlock(const Block& block, Names available, std::vector<bool>* visited, int depth) {
    (*visited)[block.idx()] = true;
    Names reported;
    for (const auto& op : block.ops()) {
      std::vector<std::string> reads = op->inputs.AllNames();
      for (const auto& [attr, value] : op->attrs) {
        for (std::string& name : VariableNames(value)) reads.push_back(std::move(name));
      }
      for (const std::string& name : reads) {
        const std::shared_ptr<Variable> v = block.FindVar(name);
        if (v == nullptr) {
          if (reported.insert(name).second) {
            Add(Defect::kVariable, block, op.get(), StrCat("reads \"", name, "\", which no block declares"));
          }
        } else if (const bool carried = op->outputs.Mentions(name) && !OwnedBlocks(*op).empty();
                   !carried && IsReadTooEarly(*v, available) && reported.insert(name).second) {
          Add(Defect::kVariable, block, op.get(),
              StrCat("reads \"", name, "\" before anything writes or feeds it"));
        }
      }
      const std::vector<int> owned_blocks = OwnedBlocks(*op);
      for (int owned : owned_blocks) {
        // A backward block that the forward operator merely holds runs with the gradient operator.
        const int forward = program_.block(owned).forward_block_idx();
        const bool held = std::find(owned_blocks.begin(), owned_blocks.end(), forward) != owned_blocks.end();
        if (!held) CheckOwned(block, *op, owned, available, visited, depth);
      }
      for (const std::string& name : op->outputs.AllNames()) {
        if (block.FindVar(name) == nullptr && reported.insert(name).second) {
          Add(Defect::kVariable, block, op.get(), StrCat("writes \"", name, "\", which no block declares"));
        }
        available.insert(name);
      }
    }
  }

  void CheckOwned(const Block& block, const Operator& op, int owned, const Names& available,
                  std::vector<bool>* visited, int depth) {
    if ((*visited)[owned]) {
      if (IsAncestor(owned, block)) {
        Add(Defect::kBlock, block, &op, StrCat("its sub-block ", owned, " contains it"));
      }
      return;  // a block shared by two operators is checked once
    }
    if (depth >= kMaxDepth) {
      return Add(Defect::kBlock, block, &op, StrCat("blocks lie more than ", kMaxDepth, " deep"));
    }
    // A loop's body may read what its end wrote; a gradient block reads the forward block's values.
    Names inside = available;
    const Block& sub = program_.block(owned);
    AddWritten(sub, &inside);
    for (const std::string& name : op.outputs.AllNames()) inside.insert(name);
    for (const std::string& name : control_flow::OwnNames(op)) inside.insert(name);
    const int forward = sub.forward_block_idx();
    if (forward >= 0 && forward < program_.num_blocks()) AddWritten(program_.block(forward), &inside);
    CheckBlock(sub, std::move(inside), visited, depth + 1);
  }

  bool IsAncestor(int index, const Block& block) const {
    for (const Block* at = &block; at != nullptr; at = at->parent()) {
      if (at->idx() == index) return true;
    }
    return false;
  }

  static bool IsReadTooEarly(const Variable& v, const Names& available) {
    const bool holds_values = v.kind == VarKind::kLodTensor || v.kind == VarKind::kSelectedRows;
    return holds_values && !v.persistable && !v.need_check_feed && !available.contains(v.name);
  }

  const Program& program_;
  std::optional<Names> feeds_;
  std::unordered_map<const Operator*, int> positions_;
  std::vector<Defect> defects_;
  bool broken_blocks_ = false;
};

}  // namespace

std::vector<Defect> FindDefects(const Program& program, const VerifyOptions& options) {
  return Verifier(program, options).Run();
}

void Verify(const Program& program, const VerifyOptions& options) {
  const std::vector<Defect> defects = FindDefects(program, options);
  if (defects.empty()) return;
  static const char* const kTitles[] = {"operators", "slots and attributes", "variables", "blocks"};
  std::string lines[4];
  for (const Defect& defect : defects) {
    std::string& line = lines[defect.kind];
    line += (line.empty() ? std::string(kTitles[defect.kind]) + ": " : "; ") + defect.text;
  }
  const bool only_unknown = std::all_of(defects.begin(), defects.end(), [](const Defect& d) {
    return d.kind == Defect::kUnknownOp;
  });
  const std::string headline =
      StrCat("the program has ", defects.size(), defects.size() == 1 ? " defect" : " defects");
  auto raise = [&](auto error) {
    for (const std::string& line : lines) {
      if (!line.empty()) error.AddContext(line);
    }
    throw error;
  };
  if (only_unknown) raise(Unimplemented(headline));
  raise(InvalidArgument(headline));
}

}  // namespace skiff
