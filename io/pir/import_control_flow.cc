// PIR -> Program: pd_op.if, pd_op.while and pd_op.pylayer.
#include <algorithm>
#include <functional>

#include "io/pir/importer.h"

namespace skiff::io {

const PirOperation& PirImporter::YieldOf(const PirOperation& op, size_t region, size_t count) const {
  if (op.regions[region].size() != 1) Fail(StrCat("region ", region, " has ", op.regions[region].size(), " blocks; one is wanted"), op);
  const PirBlock& block = op.regions[region][0];
  if (block.ops.empty() || block.ops.back()->name != "cf.yield") Fail(StrCat("region ", region, " does not end in cf.yield"), op);
  if (block.ops.back()->operands.size() != count) {
    Fail(StrCat("region ", region, " yields ", block.ops.back()->operands.size(), " values; ", count, " are wanted"), op);
  }
  return *block.ops.back();
}

void PirImporter::Assign(Block* block, const std::string& from, const std::string& to) {
  block->AddOp({"assign", {{"X", {from}}}, {{"Out", {to}}}, {}});
}

Variable PirImporter::Temporary(const std::string& base, VarKind kind, DType dtype, const Shape& shape) {
  return {.name = FreshName(base), .kind = kind, .dtype = dtype, .shape = shape, .stop_gradient = dtype != DType::kFloat32};
}

std::vector<std::string> PirImporter::OuterNames(const Block& block, bool written) const {
  std::vector<std::string> names;
  std::set<std::string> seen;
  std::function<void(const Block&)> look = [&](const Block& inner) {
    for (const auto& op : inner.ops()) {
      for (const std::string& name : (written ? op->outputs : op->inputs).AllNames()) {
        const Block* owner = &inner;
        while (owner != nullptr && owner->FindLocalVar(name) == nullptr) owner = owner->parent();
        if (owner != nullptr && owner->idx() < block.idx() && seen.insert(name).second) names.push_back(name);
      }
      for (int index : OwnedBlocks(*op)) look(program_->block(index));
    }
  };
  look(block);
  return names;
}

std::vector<std::string> PirImporter::ImportBranch(const PirOperation& op, size_t region, const std::string& condition, Block* block) {
  const PirOperation& yield = YieldOf(op, region, op.results.size());
  Block& inner = program_->CreateBlock(block->idx());
  ImportBlock(op.regions[region][0], &inner);
  std::vector<std::string> results;
  for (size_t i = 0; i < op.results.size(); ++i) {
    if (yield.operands[i] == nullptr) Fail(StrCat("region ", region, " leaves its value ", i, " out"), op);
    const PirType type = FromPirType(op.results[i]->type, op.where);
    if (type.list) Fail("a branch that gives a list", op);
    Variable out = type.elements[0];
    out.name = FreshName("branch");
    out.stop_gradient = StopGradient(op, i);
    results.push_back(block->AddVar(std::move(out))->name);
    Assign(&inner, OneName(yield.operands[i], op), results.back());
  }
  program_->Rollback();
  const std::string scope = block->AddVar(Temporary("scope", VarKind::kStepScopes))->name;
  block->AddOp({"conditional_block",
                {{"Cond", {condition}}, {"Input", OuterNames(inner, /*written=*/false)}},
                {{"Out", OuterNames(inner, /*written=*/true)}, {"Scope", {scope}}},
                {{"sub_block", BlockRef{inner.idx()}}, {"is_scalar_condition", true}}});
  return results;
}

void PirImporter::ImportIf(const PirOperation& op, Block* block) {
  if (op.operands.size() != 1 || op.regions.size() != 2) Fail("a condition and two regions are wanted", op);
  const std::string condition = OneName(op.operands[0], op);
  const Shape shape = block->Var(condition).shape;
  const std::vector<std::string> yes = ImportBranch(op, 0, condition, block);
  const std::string opposite = block->AddVar(Temporary("logical_not", VarKind::kLodTensor, DType::kBool, shape))->name;
  block->AddOp({"logical_not", {{"X", {condition}}}, {{"Out", {opposite}}}, {}});
  const std::vector<std::string> no = ImportBranch(op, 1, opposite, block);
  if (op.results.empty()) return;
  const std::string mask = block->AddVar(Temporary("cast", VarKind::kLodTensor, DType::kInt32, shape))->name;
  block->AddOp({"cast", {{"X", {condition}}}, {{"Out", {mask}}},
                {{"in_dtype", static_cast<int32_t>(DType::kBool)}, {"out_dtype", static_cast<int32_t>(DType::kInt32)}}});
  for (size_t i = 0; i < op.results.size(); ++i) {
    const PirBinding& out = Define(*op.results[i], "if", block, op, i);
    block->AddOp({"select_input", {{"X", {no[i], yes[i]}}, {"Mask", {mask}}}, {{"Out", out.names}}, {}});
  }
}

void PirImporter::ImportPyLayer(const PirOperation& op, Block* block) {
  if (op.regions.size() != 1) Fail("one region is wanted", op);
  const PirOperation& yield = YieldOf(op, 0, op.results.size());
  ImportBlock(op.regions[0][0], block);
  for (size_t i = 0; i < op.results.size(); ++i) {
    const std::string value = OneName(yield.operands[i], op);
    const PirBinding& out = Define(*op.results[i], "pylayer", block, op, i);
    if (out.type.list) Fail("a region that gives a list", op);
    Assign(block, value, out.names[0]);
  }
}

void PirImporter::ImportWhile(const PirOperation& op, Block* block) {
  const size_t count = op.results.size();
  if (op.operands.size() != count + 1 || op.regions.size() != 1 || op.regions[0].size() != 1 || op.regions[0][0].args.size() != count) {
    Fail(StrCat("a condition, ", count, " values and one region with as many arguments are wanted"), op);
  }
  const PirOperation& yield = YieldOf(op, 0, count + 1);
  std::vector<std::string> first;
  for (const PirValue* operand : op.operands) first.push_back(OneName(operand, op));
  const std::string condition = block->AddVar(Temporary("while_condition", VarKind::kLodTensor, DType::kBool, block->Var(first[0]).shape))->name;
  Assign(block, first[0], condition);
  std::vector<std::string> carried;
  for (size_t i = 0; i < count; ++i) {
    const PirBinding out = Define(*op.results[i], "while", block, op, i);
    if (out.type.list) Fail("a loop over a list", op);
    carried.push_back(out.names[0]);
    Assign(block, first[i + 1], carried[i]);
    bindings_[op.regions[0][0].args[i].get()] = out;
  }
  Block& inner = program_->CreateBlock(block->idx());
  ImportBlock(op.regions[0][0], &inner);
  std::vector<std::string> yielded;
  for (const PirValue* operand : yield.operands) yielded.push_back(OneName(operand, op));
  for (size_t i = 0; i <= count; ++i) {  // a loop variable that is overwritten before it is handed on
    const auto at = std::find(carried.begin(), carried.end(), yielded[i]);
    if (at == carried.end() || (i > 0 && at - carried.begin() >= static_cast<std::ptrdiff_t>(i) - 1)) continue;
    Variable copy = block->Var(yielded[i]);
    copy.name = FreshName("while_copy");
    const std::string name = inner.AddVar(std::move(copy))->name;
    Assign(&inner, yielded[i], name);
    yielded[i] = name;
  }
  for (size_t i = 0; i < count; ++i) {
    if (yielded[i + 1] != carried[i]) Assign(&inner, yielded[i + 1], carried[i]);
  }
  Assign(&inner, yielded[0], condition);
  program_->Rollback();
  std::vector<std::string> reads = OuterNames(inner, /*written=*/false), written = carried;
  for (const std::string& name : carried) {
    if (std::find(reads.begin(), reads.end(), name) == reads.end()) reads.push_back(name);
  }
  std::erase(reads, condition);
  written.push_back(condition);
  for (const std::string& name : OuterNames(inner, /*written=*/true)) {
    if (std::find(written.begin(), written.end(), name) == written.end()) written.push_back(name);
  }
  const std::string scopes = block->AddVar(Temporary("scopes", VarKind::kStepScopes))->name;
  block->AddOp({"while", {{"X", reads}, {"Condition", {condition}}}, {{"Out", written}, {"StepScopes", {scopes}}},
                {{"sub_block", BlockRef{inner.idx()}}, {"is_test", false}}});
}

}  // namespace skiff::io
