#include "io/normalize.h"

#include <algorithm>
#include <map>
#include <set>

#include "framework/op/control_flow.h"
#include "io/op_facts.h"
#include "io/program_file.h"

namespace skiff::io {

namespace {

constexpr const char* kScalePrefix = "save_infer_model/scale_";

// Sub-blocks an operator owns, by attribute.
std::vector<std::pair<std::string, int>> BlocksByAttr(const Operator& op) {
  std::vector<std::pair<std::string, int>> owned;
  for (const auto& [name, value] : op.attrs) {
    if (const auto* one = std::get_if<BlockRef>(&value)) owned.emplace_back(name, one->index);
    if (const auto* many = std::get_if<std::vector<BlockRef>>(&value)) {
      for (const BlockRef& ref : *many) owned.emplace_back(name, ref.index);
    }
  }
  return owned;
}

// Input variables, those given as attributes included.
std::vector<std::string> Reads(const Operator& op) {
  std::vector<std::string> names = op.inputs.AllNames();
  for (const auto& [attr, value] : op.attrs) {
    for (std::string& name : VariableNames(value)) names.push_back(std::move(name));
  }
  return names;
}

bool IsOptimizer(const Operator& op) { return (op.role() & kOptimize) != 0; }

// The attributes that every operator of Paddle's carries, but for the source lines.
Attrs WithCommonAttrs(Attrs attrs) {
  attrs.Set("op_device", std::string());
  attrs.Set("op_namescope", std::string("/"));
  attrs.Set("op_role", int32_t{kForward});
  attrs.Set("op_role_var", std::vector<std::string>());
  attrs.Set("with_quant_attr", false);
  return attrs;
}

// Copies from one program what some operators need into an empty one, block by block, depth first.
class Pruner {
 public:
  Pruner(const Program& from, const std::set<std::string>& fed, Program* to)
      : from_(from), fed_(fed), to_(to) {}

  // Operators in `targets` are needed whatever they write. `needed` are names wanted from the block.
  // Gives every name that the copied operators, inner ones included, mention.
  std::set<std::string> Copy(const Block& from, Block* to, std::set<std::string> needed,
                             const std::set<const Operator*>& targets) {
    std::vector<const Operator*> kept;
    for (auto it = from.ops().rbegin(); it != from.ops().rend(); ++it) {
      if (!IsNeeded(**it, from.idx() != 0, needed, targets)) continue;
      kept.push_back(it->get());
      for (const std::string& name : Reads(**it)) {
        if (!fed_.contains(name)) needed.insert(name);
      }
    }
    std::set<std::string> mentioned;
    for (auto it = kept.rbegin(); it != kept.rend(); ++it) {
      Operator op = **it;
      for (const std::string& name : Reads(op)) mentioned.insert(name);
      for (const std::string& name : op.outputs.AllNames()) mentioned.insert(name);
      CopySubBlocks(to->idx(), &op, &mentioned);
      SortAsPaddle(&op);
      to->AddOp(std::move(op));
    }
    std::vector<const Variable*> vars;
    for (const auto& v : from.vars()) {
      if (mentioned.contains(v->name) && v->kind != VarKind::kReader) vars.push_back(v.get());
    }
    std::sort(vars.begin(), vars.end(),
              [](const Variable* a, const Variable* b) { return a->name < b->name; });
    for (const Variable* v : vars) {
      Variable copy = *v;
      if (!copy.file_form) copy.file_form = FormOfNew(copy);  // fixes the order
      to->AddVar(std::move(copy));
    }
    return mentioned;
  }

 private:
  bool IsNeeded(const Operator& op, bool in_sub_block, const std::set<std::string>& needed,
                const std::set<const Operator*>& targets) const {
    const std::vector<std::string> writes = op.outputs.AllNames();
    auto writes_any = [&](const std::set<std::string>& names) {
      return std::any_of(writes.begin(), writes.end(),
                         [&](const std::string& name) { return names.contains(name); });
    };
    if (targets.contains(&op)) return true;
    if (!IsOptimizer(op) && writes_any(needed)) return true;
    // A loop may write the next value into what was fed.
    return (in_sub_block || !OwnedBlocks(op).empty()) && writes_any(fed_);
  }

  void CopySubBlocks(int parent, Operator* op, std::set<std::string>* mentioned) {
    std::set<std::string> wanted;
    for (const Slots* slots : {&op->inputs, &op->outputs}) {
      for (const std::string& name : slots->AllNames()) {
        if (!fed_.contains(name)) wanted.insert(name);
      }
    }
    for (const std::string& name : control_flow::OwnNames(*op)) wanted.insert(name);
    std::map<std::string, std::vector<BlockRef>> moved;
    for (const auto& [attr, index] : BlocksByAttr(*op)) {
      Block& made = to_->CreateBlock(parent);
      const Block& inner = from_.block(index);
      made.unknown_fields = inner.unknown_fields;
      moved[attr].push_back({made.idx()});
      mentioned->merge(Copy(inner, &made, wanted, {}));
    }
    for (const auto& [attr, refs] : moved) {
      if (std::holds_alternative<BlockRef>(*op->attrs.Find(attr))) {
        op->attrs.Set(attr, refs.front());
      } else {
        op->attrs.Set(attr, refs);
      }
    }
  }

  const Program& from_;
  const std::set<std::string>& fed_;
  Program* to_;
};

// What such an operator in a program that was saved before takes.
std::string BehindScale(const Block& block, const std::string& fetch) {
  if (!fetch.starts_with(kScalePrefix)) return fetch;
  for (const auto& op : block.ops()) {
    if (op->type == "scale" && op->outputs.One("Out") == fetch) return op->inputs.One("X");
  }
  return fetch;
}

// Appends the operator that makes fetched variable `index` one that nothing else writes.
std::string AppendScale(Block* block, const std::string& fetch, size_t index) {
  const Variable& source = block->Var(fetch);
  if (source.dtype == DType::kBool || fetch.starts_with(kScalePrefix)) return fetch;
  std::string name;
  for (int k = 0; name.empty() || block->FindVar(name) != nullptr; ++k) {
    name = StrCat(kScalePrefix, index, ".tmp_", k);
  }
  Variable out{name, VarKind::kLodTensor, source.dtype, source.shape};
  out.lod_level = source.lod_level;
  block->AddVar(std::move(out));
  block->AddOp({"scale",
                {{"ScaleTensor", {}}, {"X", {fetch}}},
                {{"Out", {name}}},
                WithCommonAttrs({{"scale", 1.0f}, {"bias", 0.0f}, {"bias_after_scale", true}})});
  return name;
}

void RemoveOldFeedsAndFetches(Block* block) {
  std::vector<std::shared_ptr<Operator>> ops;
  for (const auto& op : block->ops()) {
    if (op->type != "feed" && op->type != "fetch") ops.push_back(op);
  }
  block->SetOps(std::move(ops));
  const std::vector<std::shared_ptr<Variable>> vars = block->vars();
  for (const auto& v : vars) {
    const bool holds_them = v->kind == VarKind::kFeedMinibatch || v->kind == VarKind::kFetchList;
    if (holds_them) block->RemoveVar(v->name);
  }
}

void MakeForInference(Program* program) {
  Block& block = program->global_block();
  const auto read = std::find_if(block.ops().begin(), block.ops().end(),
                                 [](const auto& op) { return op->type == "read"; });
  if (read != block.ops().end()) {
    block.RemoveOps(0, static_cast<size_t>(read - block.ops().begin()) + 1);
  }
  for (int i = 0; i < program->num_blocks(); ++i) {
    for (const auto& op : program->block(i).ops()) {
      if (op->attrs.Has("is_test")) op->attrs.Set("is_test", true);
      if (op->attrs.Has("op_device")) op->attrs.Set("op_device", std::string());
      if (op->type == "batch_norm") op->outputs.Erase("ReserveSpace");
      op->is_target.reset();
    }
  }
}

// A name that no variable of the program has; "feed" and "fetch" are what one expects.
std::string HolderName(const Block& block, std::string name) {
  while (block.FindLocalVar(name) != nullptr) name += "_";
  return name;
}

void AddFeedsAndFetches(Block* block, const std::vector<std::string>& feeds,
                        const std::vector<std::string>& fetches) {
  Variable feed{HolderName(*block, "feed"), VarKind::kFeedMinibatch};
  feed.persistable = true;
  Variable fetch{HolderName(*block, "fetch"), VarKind::kFetchList};
  fetch.persistable = true;
  fetch.stop_gradient = true;
  feed.file_form = FormOfNew(feed);
  fetch.file_form = FormOfNew(fetch);
  const std::string feed_name = block->AddVar(std::move(feed))->name;
  const std::string fetch_name = block->AddVar(std::move(fetch))->name;
  for (size_t i = 0; i < feeds.size(); ++i) {
    Operator op{"feed", {{"X", {feed_name}}}, {{"Out", {feeds[i]}}},
                WithCommonAttrs({{"col", static_cast<int32_t>(i)}})};
    block->InsertOp(0, std::move(op));
  }
  for (size_t i = 0; i < fetches.size(); ++i) {
    block->AddOp({"fetch", {{"X", {fetches[i]}}}, {{"Out", {fetch_name}}},
                  WithCommonAttrs({{"col", static_cast<int32_t>(i)}})});
  }
}

void CheckFeeds(const Program& program, const std::vector<std::string>& feeds) {
  std::set<std::string> seen;
  for (const std::string& name : feeds) {
    program.global_block().Var(name);
    SKIFF_ENFORCE(seen.insert(name).second, InvalidArgument, "the feed \"", name,
                  "\" is named twice");
  }
}

// Names by column of the feed or fetch operators of block 0.
std::vector<std::string> NamesByColumn(const Program& program, const std::string& type) {
  const Block& block = program.global_block();
  std::vector<std::string> names;
  for (const auto& op : block.ops()) {
    if (op->type == type) names.emplace_back();
  }
  for (const auto& op : block.ops()) {
    if (op->type != type) continue;
    const std::string& name = type == "feed" ? op->outputs.One("Out") : op->inputs.One("X");
    const int64_t column = op->attrs.Get<int64_t>("col", 0);
    const bool fits = column >= 0 && column < static_cast<int64_t>(names.size()) &&
                      names[static_cast<size_t>(column)].empty() && !name.empty();
    SKIFF_ENFORCE(fits, InvalidArgument, "a ", type, " operator of \"", name, "\" has the column ",
                  column, "; the ", names.size(), " of them must be numbered from 0, each once");
    block.Var(name);
    names[static_cast<size_t>(column)] = name;
  }
  return names;
}

}  // namespace

std::unique_ptr<Program> NormalizeProgram(const Program& program,
                                          const std::vector<std::string>& feeds,
                                          const std::vector<std::string>& fetches, bool scale_fetches) {
  SKIFF_ENFORCE(!fetches.empty(), InvalidArgument, "an inference program needs a variable to fetch");
  CheckFeeds(program, feeds);
  for (const std::string& name : fetches) program.global_block().Var(name);

  const std::unique_ptr<Program> copy = program.Clone();
  Block& block = copy->global_block();
  RemoveOldFeedsAndFetches(&block);
  std::vector<std::string> targets;
  for (size_t i = 0; i < fetches.size(); ++i) {
    targets.push_back(scale_fetches ? AppendScale(&block, fetches[i], i) : BehindScale(block, fetches[i]));
  }
  std::set<const Operator*> producers;
  for (const std::string& name : targets) {
    const Operator* last = nullptr;
    for (const auto& op : block.ops()) {
      const std::vector<std::string> writes = op->outputs.AllNames();
      const bool writes_it = std::find(writes.begin(), writes.end(), name) != writes.end();
      if (writes_it && !IsOptimizer(*op)) last = op.get();
    }
    if (last != nullptr) producers.insert(last);
  }

  auto pruned = std::make_unique<Program>();
  pruned->random_seed = program.random_seed;
  const std::set<std::string> fed(feeds.begin(), feeds.end());
  Pruner(*copy, fed, pruned.get()).Copy(block, &pruned->global_block(), {}, producers);
  while (pruned->current_block().idx() != 0) pruned->Rollback();
  for (const std::string& name : feeds) {
    if (pruned->global_block().FindLocalVar(name) != nullptr) continue;
    InvalidArgument error(StrCat("the feed \"", name, "\" is not needed to compute what is fetched"));
    std::string kept;
    for (const auto& op : pruned->global_block().ops()) kept += (kept.empty() ? "" : ", ") + op->type;
    error.AddContext("operators that are needed: " + kept);
    error.AddContext("leave it out of the feeds, or fetch what depends on it");
    throw error;
  }
  for (const std::string& name : targets) {  // fed and fetched at once
    if (pruned->global_block().FindLocalVar(name) == nullptr) {
      pruned->global_block().AddVar(block.Var(name));
    }
  }
  MakeForInference(pruned.get());
  AddFeedsAndFetches(&pruned->global_block(), feeds, targets);
  pruned->version = kProgramVersion;
  return pruned;
}

void ClipExtra(Program* program) {
  constexpr std::string_view kCommon[] = {"op_role",     "op_role_var", "op_namescope",
                                          "op_callstack", "op_device",   "with_quant_attr"};
  constexpr std::string_view kQuantized[] = {"quantization_type", "skip_quant",
                                             "activation_bits",   "bit_length",
                                             "quantize_weight_bits", "weight_quant_scale"};
  auto listed = [](const auto& names, const std::string& name) {
    return std::find(std::begin(names), std::end(names), name) != std::end(names);
  };
  for (int i = 0; i < program->num_blocks(); ++i) {
    for (const auto& op : program->block(i).ops()) {
      const OpFacts* facts = FindOpFacts(op->type);
      if (facts == nullptr) continue;
      const Operator old = *op;
      for (const auto& [slot, names] : old.inputs) {
        if (!facts->HasInput(slot)) op->inputs.Erase(slot);
      }
      for (const auto& [slot, names] : old.outputs) {
        if (!facts->HasOutput(slot)) op->outputs.Erase(slot);
      }
      const bool quantized = old.attrs.Get<bool>("with_quant_attr", false);
      for (const auto& [name, value] : old.attrs) {
        if (quantized && (listed(kQuantized, name) || name.ends_with("_threshold"))) continue;
        const bool extra =
            facts->extra_attrs.empty()
                ? !facts->HasAttr(name) && !listed(kCommon, name)
                : facts->HasExtraAttr(name) || name == "op_callstack" || name == "with_quant_attr";
        if (extra) op->attrs.Erase(name);
      }
    }
  }
  program->Touch();
}

namespace {

// Where Paddle 2.4 keeps the values that `values` holds as scalars.
void SpellValues(Operator* op, const std::vector<Scalar>& values) {
  std::vector<int32_t> bools;
  std::vector<int64_t> integers;
  std::vector<double> reals;
  for (const Scalar& value : values) {
    if (const bool* b = std::get_if<bool>(&value)) bools.push_back(*b ? 1 : 0);
    if (const int64_t* i = std::get_if<int64_t>(&value)) integers.push_back(*i);
    if (const double* r = std::get_if<double>(&value)) reals.push_back(*r);
  }
  SKIFF_ENFORCE(bools.size() + integers.size() + reals.size() == values.size(), Unimplemented, op->type,
                " has complex values, which Paddle 2.4 has no attribute for; save without legacy_format");
  op->attrs.Erase("values");
  op->attrs.Set("bool_values", bools);
  op->attrs.Set("fp16_values", std::vector<float>{});
  op->attrs.Set("fp32_values", std::vector<float>{});
  op->attrs.Set("fp64_values", reals);
  op->attrs.Set("int32_values", std::vector<int32_t>{});
  op->attrs.Set("int64_values", integers);
}

}  // namespace

void MakeLegacy(Program* program) {
  constexpr int64_t kVersion = 2004002;
  for (int i = 0; i < program->num_blocks(); ++i) {
    for (const auto& op : program->block(i).ops()) {
      const Operator old = *op;
      for (const auto& [name, value] : old.attrs) {
        const auto* values = std::get_if<std::vector<Scalar>>(&value);
        const bool plain = values == nullptr && !std::holds_alternative<Scalar>(value);
        if (plain) continue;
        SKIFF_ENFORCE(values != nullptr && name == "values" && (op->type == "set_value" || op->type == "assign_value"),
                      Unimplemented, "the attribute ", name, " of ", op->type,
                      " is of a kind that Paddle 2.4 lacks; save without legacy_format");
        SpellValues(op.get(), *values);
        SortAsPaddle(op.get());
      }
    }
  }
  std::map<std::string, int32_t> versions;
  for (const auto& [name, version] : OpVersions()) versions[name] = version;
  for (const auto& [name, version] : std::initializer_list<std::pair<const char*, int32_t>>{
           {"adam", 4}, {"arg_max", 1}, {"arg_min", 1}, {"conv_transpose", 1}, {"elementwise_floordiv", 1}, {"elementwise_max", 1},
           {"elementwise_min", 1}, {"elementwise_mod", 1}, {"expand_as_v2", 1}, {"fusion_gru", 1}, {"gaussian_random", 1},
           {"set_value", 3}, {"softmax_with_cross_entropy", 1}}) {
    versions[name] = version;
  }
  program->op_version_map.emplace(versions.begin(), versions.end());
  program->version = kVersion;
  program->Touch();
}

std::vector<std::string> FeedNames(const Program& program) { return NamesByColumn(program, "feed"); }
std::vector<std::string> FetchNames(const Program& program) {
  return NamesByColumn(program, "fetch");
}

}  // namespace skiff::io
