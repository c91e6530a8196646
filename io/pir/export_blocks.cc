// Program -> PIR: blocks, branches and loops. In 2.x blocks write variables of the blocks around them; in PIR they hand
// values on, so what a block writes outside becomes a result of its operation.
#include <algorithm>
#include <functional>

#include "io/pir/exporter.h"

namespace skiff::io {

std::vector<std::string> PirExporter::WrittenOutside(const Block& block) const {
  std::vector<std::string> names;
  std::set<std::string> seen;
  std::function<void(const Block&)> look = [&](const Block& inner) {
    for (const auto& op : inner.ops()) {
      for (int index : OwnedBlocks(*op)) look(program_->block(index));
      for (const std::string& name : op->outputs.AllNames()) {
        if (!IsLocal(block, inner, name) && seen.insert(name).second) names.push_back(name);
      }
    }
  };
  look(block);
  return names;
}

bool PirExporter::IsLocal(const Block& block, const Block& inner, const std::string& name) {
  for (const Block* at = &inner; at != nullptr; at = at->parent()) {
    if (at->FindLocalVar(name) != nullptr) return true;
    if (at == &block) return false;
  }
  return false;
}

bool PirExporter::IsTensor(const std::string& name) const {
  const auto v = block_->FindVar(name);
  return v != nullptr && v->kind == VarKind::kLodTensor;
}

std::string PirExporter::Producer(const std::map<std::string, const Operator*>& producers, const std::string& name,
    const char* type, const char* slot) {
  const auto found = producers.find(name);
  return found == producers.end() || found->second->type != type ? "" : found->second->inputs.One(slot);
}

PirBlockPlan PirExporter::PlanBlock(const Block& block) const {
  PirBlockPlan plan;
  std::map<std::string, const Operator*> producers;
  std::map<const Operator*, size_t> position;
  std::map<std::string, const Operator*> blocks_of;  // the last conditional_block of a condition
  std::map<std::pair<const Operator*, const Operator*>, PirBranches> pairs;
  for (size_t i = 0; i < block.ops().size(); ++i) {
    const Operator& op = *block.ops()[i];
    position[&op] = i;
    if (op.type.starts_with("conditional_block")) {
      const std::string condition = op.inputs.One("Cond"), opposite = Producer(producers, condition, "logical_not", "X");
      const auto yes = blocks_of.find(opposite);
      if (!opposite.empty() && yes != blocks_of.end() && !Touches(block, position[yes->second], i, *yes->second)) {
        pairs[{yes->second, &op}] = {yes->second, &op, {}};
        blocks_of.erase(yes);
      } else {
        blocks_of[condition] = &op;
      }
    }
    if (op.type == "select_input" && op.inputs["X"].size() == 2) {
      const std::string no = op.inputs["X"][0], yes = op.inputs["X"][1];
      const auto pair = producers.contains(no) && producers.contains(yes) ? pairs.find({producers[yes], producers[no]}) : pairs.end();
      const std::string condition = Producer(producers, op.inputs.One("Mask"), "cast", "X");
      if (pair != pairs.end() && condition == pair->second.yes->inputs.One("Cond")) {
        pair->second.selects.push_back({op.outputs.One("Out"), yes, no});
        plan.merged.insert(&op);
        const std::string mask = op.inputs.One("Mask");
        if (++merged_reads_[mask] == reads_.at(mask)) plan.merged.insert(producers[mask]);
      }
    }
    for (const std::string& name : op.outputs.AllNames()) producers[name] = &op;
  }
  for (auto& [operators, branches] : pairs) {
    const std::string opposite = branches.no->inputs.One("Cond");
    if (reads_.at(opposite) == 1) plan.merged.insert(producers[opposite]);
    plan.merged.insert(branches.yes);
    plan.branches[branches.no] = std::move(branches);
  }
  return plan;
}

bool PirExporter::Touches(const Block& block, size_t from, size_t to, const Operator& op) const {
  const std::vector<std::string> written = WrittenOutside(program_->block(op.attrs.Get<BlockRef>("sub_block").index));
  for (size_t i = from + 1; i < to; ++i) {
    for (const std::string& name : written) {
      const Operator& between = *block.ops()[i];
      if (between.inputs.Mentions(name) || between.outputs.Mentions(name)) return true;
    }
  }
  return false;
}

void PirExporter::ExportBlock(const Block& block) {
  const Block* before = std::exchange(block_, &block);
  const PirBlockPlan plan = PlanBlock(block);
  // Variables that loops carry are values of their own anyway: handing one over needs no operator.
  std::set<std::string> carried;
  for (const auto& op : block.ops()) {
    if (op->type != "while") continue;
    for (const std::string& name : op->outputs["Out"]) carried.insert(name);
    carried.insert(op->inputs.One("Condition"));
  }
  for (size_t i = 0; i < block.ops().size(); ++i) {
    const Operator& op = *block.ops()[i];
    if (plan.merged.contains(&op)) continue;
    try {
      ExportOperator(op, plan, carried);
    } catch (Error& error) {
      error.AddContext(StrCat("block ", block.idx(), " op ", i, " (", op.type, "), to be written for Paddle 3"));
      throw;
    }
  }
  block_ = before;
}

void PirExporter::ExportOperator(const Operator& op, const PirBlockPlan& plan, const std::set<std::string>& carried) {
  if (op.type == "feed") return;
  if (op.type == "fetch") return ExportFetch(op);
  if (op.type == "assign" && op.inputs.Has("X")) {
    const std::string& out = op.outputs.One("Out");
    if (carried.contains(out) || (block_->FindLocalVar(out) == nullptr && block_->idx() != 0)) {
      values_.Set(out, ValueOf(op.inputs.One("X")));
      return;
    }
  }
  if (op.type == "while") return ExportWhile(op);
  if (op.type == "pylayer") return ExportPyLayer(op);
  if (op.type.starts_with("conditional_block")) {
    const auto branches = plan.branches.find(&op);
    return ExportIf(branches == plan.branches.end() ? PirBranches{&op, nullptr, {}} : branches->second);
  }
  if (op.type == "write_to_array") return ExportArrayWrite(op);
  if (op.type == "fill_constant" && !op.inputs.Has("ValueTensor") && !op.inputs.Has("ShapeTensor") && !op.inputs.Has("ShapeTensorList")) {
    return ExportFillConstant(op);
  }
  if (op.type == "assign_value") return ExportAssignValue(op);
  if (op.type == "select_input") return ExportSelect(op);
  if (IsRawPir(op)) return ExportRaw(op);
  ExportByRule(op, RuleFor(op));
}

PirValue* PirExporter::Initial(const std::string& name) {
  const Variable& v = block_->Var(name);
  if (v.kind == VarKind::kLodTensorArray) return CreateArray(v);
  std::vector<int64_t> shape;
  for (int64_t d : v.shape) shape.push_back(d < 0 ? 1 : d);
  PirOperation& full = Full(shape, 0.0, v.dtype, kPirUndefinedPlace);
  SetStopGradient(&full, {true});
  Variable described = v;
  described.shape = Shape(shape);
  PirValue* value = AddResult(&full, ToPirType(described));
  values_.Set(name, value);
  return value;
}

void PirExporter::CreateArraysOf(const std::vector<std::string>& written) {
  for (const std::string& name : written) {
    const auto v = block_->FindVar(name);
    if (v != nullptr && v->kind == VarKind::kLodTensorArray && values_.Find(name) == nullptr) CreateArray(*v);
  }
}

void PirExporter::AddRegion(PirOperation* op, const Block& block, const std::vector<std::string>& args,
    const std::vector<std::string>& yields) {
  op->regions.emplace_back(1);
  PirBlock* before = std::exchange(out_, &op->regions.back()[0]);
  PirBlock& body = *out_;
  values_.Push();
  for (const std::string& name : args) {
    body.args.push_back(std::make_unique<PirValue>(ToPirType(block_->Var(name))));
    values_.Set(name, body.args.back().get());
  }
  ExportBlock(block);
  std::vector<PirValue*> handed;
  for (const std::string& name : yields) handed.push_back(ValueOf(name));
  Append("cf.yield").operands = std::move(handed);
  values_.Pop();
  out_ = before;
}

void PirExporter::ExportWhile(const Operator& op) {
  const Block& body = SubBlock(op);
  const std::string condition = op.inputs.One("Condition");
  const std::vector<std::string> written = WrittenOutside(body);
  CreateArraysOf(written);
  std::vector<std::string> carried;
  auto carry = [&](const std::string& name) {
    const bool wanted = name != condition && IsTensor(name) && std::find(written.begin(), written.end(), name) != written.end();
    if (wanted && std::find(carried.begin(), carried.end(), name) == carried.end()) carried.push_back(name);
  };
  for (const std::string& name : op.outputs["Out"]) carry(name);
  for (const std::string& name : written) carry(name);
  // The reader's own programs pass a loop variable that no turn writes: it is one all the same.
  std::vector<PirValue*> operands = {ValueOf(condition)};
  for (const std::string& name : carried) {
    PirValue* value = values_.Find(name);
    operands.push_back(value != nullptr ? value : Initial(name));
  }
  PirOperation& loop = Append("pd_op.while");
  loop.operands = std::move(operands);
  std::vector<bool> stop;
  std::vector<std::string> yields = {condition};
  for (const std::string& name : carried) {
    AddResult(&loop, ToPirType(block_->Var(name)));
    stop.push_back(block_->Var(name).stop_gradient);
    yields.push_back(name);
  }
  SetStopGradient(&loop, stop);
  AddRegion(&loop, body, carried, yields);
  for (size_t i = 0; i < carried.size(); ++i) values_.Set(carried[i], loop.results[i].get());
}

void PirExporter::ExportPyLayer(const Operator& op) {
  const auto blocks = op.attrs.Get<std::vector<BlockRef>>("blocks");
  SKIFF_ENFORCE(!blocks.empty(), InvalidArgument, "attribute blocks is empty");
  const Block& forward = program_->block(blocks[0].index);
  std::vector<std::pair<std::string, PirValue*>> handed;
  values_.Push();
  ExportBlock(forward);
  for (const std::string& name : WrittenOutside(forward)) handed.emplace_back(name, ValueOf(name));
  values_.Pop();
  for (const auto& [name, value] : handed) values_.Set(name, value);
}

void PirExporter::ExportIf(const PirBranches& branches) {
  std::vector<std::string> outs, yes, no;
  std::set<std::string> taken;
  for (const PirBranches::Select& select : branches.selects) {
    outs.push_back(select.out);
    yes.push_back(select.yes);
    no.push_back(select.no);
    for (const std::string& name : {select.yes, select.no}) {
      if (reads_[name] == 1) taken.insert(name);
    }
  }
  for (const Operator* op : {branches.yes, branches.no}) {
    if (op == nullptr) continue;
    SKIFF_ENFORCE(op->attrs.Get<bool>("is_scalar_condition", false), Unimplemented, "a conditional_block over whole tensors");
    const std::vector<std::string> written = WrittenOutside(SubBlock(*op));
    CreateArraysOf(written);
    for (const std::string& name : written) {
      if (!IsTensor(name) || !taken.insert(name).second) continue;
      if (values_.Find(name) == nullptr) Initial(name);
      outs.push_back(name);
      yes.push_back(name);
      no.push_back(name);
    }
  }
  PirValue* condition = ValueOf(branches.yes->inputs.One("Cond"));
  PirOperation& made = Append("pd_op.if");
  made.operands = {condition};
  std::vector<bool> stop;
  for (const std::string& name : outs) {
    AddResult(&made, ToPirType(block_->Var(name)));
    stop.push_back(block_->Var(name).stop_gradient);
  }
  SetStopGradient(&made, stop);
  const Block nothing(program_.get(), block_->idx(), block_->parent_idx());
  AddRegion(&made, SubBlock(*branches.yes), {}, yes);
  AddRegion(&made, branches.no == nullptr ? nothing : SubBlock(*branches.no), {}, no);
  for (size_t i = 0; i < outs.size(); ++i) values_.Set(outs[i], made.results[i].get());
}

}  // namespace skiff::io
