// How a compiled program runs operators over values: those with sub-blocks, arrays and SelectedRows, and
// those whose shapes hang on elements that differ each time.
#include <algorithm>

#include "executor/block_vars.h"
#include "executor/compiled_program.h"
#include "executor/needed_ops.h"
#include "framework/op/resolve_attrs.h"
#include "framework/op/run_dynamic.h"
#include "framework/op/run_op.h"

namespace skiff {

// What an operator over values sees: the variables of its block, and the scope behind them.
class CompiledProgram::ValuesContext : public ControlFlowContext {
 public:
  ValuesContext(const CompiledProgram& owner, const Operator& op, const Attrs& attrs, BlockVars* vars,
                RunState* run)
      : owner_(owner), op_(op), attrs_(attrs), vars_(vars), run_(run) {}

  const Operator& op() const override { return op_; }
  const Attrs& attrs() const override { return attrs_; }
  const Place& place() const override { return owner_.options_.place; }
  int num_threads() const override { return owner_.options_.num_threads; }
  void* stream() const override { return run_->stream.get(); }
  uint64_t seed() const override { return run_->seed; }
  int NumInputs(const std::string& slot) const override { return static_cast<int>(op_.inputs[slot].size()); }
  int NumOutputs(const std::string& slot) const override { return static_cast<int>(op_.outputs[slot].size()); }
  const Value& Input(const std::string& slot, int i) const override {
    SKIFF_ENFORCE(i < NumInputs(slot), NotFound, "input ", slot, " has no variable number ", i);
    const std::string& name = op_.inputs[slot][i];
    if (const Value* found = owner_.FindValue(*vars_, name, run_->scope)) return *found;
    throw NotFound(StrCat("input ", slot, " \"", name, "\" has no value"));
  }
  Value& Output(const std::string& slot, int i) override {
    SKIFF_ENFORCE(i < NumOutputs(slot), NotFound, "output ", slot, " has no variable number ", i);
    const std::string& name = op_.outputs[slot][i];
    if (Value* found = vars_->Find(name)) return *found;
    SKIFF_ENFORCE(run_->scope != nullptr, NotFound, "output ", slot, " \"", name, "\" is in no block");
    return *run_->scope->Var(name);
  }
  void RunBlock(int block) override { Run(*NewScope(block, nullptr)); }

  bool HasGradient(int block) const override { return (*owner_.blocks_)[block].has_gradient; }
  std::shared_ptr<BlockScope> NewScope(int block, std::shared_ptr<BlockScope> forward) override {
    return std::make_shared<BlockVars>((*owner_.blocks_)[block],
                                       std::static_pointer_cast<BlockVars>(std::move(forward)), vars_);
  }
  void Run(BlockScope& scope, bool renew = false, bool keep_entry = false) override {
    auto& vars = static_cast<BlockVars&>(scope);
    if (renew) vars.Renew();
    if (keep_entry) vars.KeepEntry();
    in_block_ = true;  // an error from there names its own operator
    owner_.RunBlock(&vars, run_);
    in_block_ = false;
  }
  BlockScopes& Scopes(const std::string& slot) override {
    const bool is_input = op_.inputs.Has(slot);
    return vars_->Scopes(is_input ? op_.inputs.One(slot) : op_.outputs.One(slot));
  }
  Value* FindVariable(const std::string& name) override {
    if (Value* found = vars_->Find(name)) return found;
    return run_->scope == nullptr ? nullptr : run_->scope->FindVar(name);
  }

  bool in_block() const { return in_block_; }

 private:
  const CompiledProgram& owner_;
  const Operator& op_;
  const Attrs& attrs_;
  BlockVars* vars_;
  RunState* run_;
  bool in_block_ = false;
};

namespace {

void AddPlace(Error* error, const Operator& op, const Block& block) {
  const auto& ops = block.ops();
  const auto at = std::find_if(ops.begin(), ops.end(), [&](const auto& o) { return o.get() == &op; });
  error->AddContext(StrCat("operator ", at - ops.begin(), " of block ", block.idx(),
                           op.origin.empty() ? "" : ", built by " + op.origin));
}

}  // namespace

void CompiledProgram::RunOverValues(const Operator& op, BlockVars* vars, RunState* run) const {
  const OpDef& def = GetOp(op.type);
  Attrs attrs;
  ValuesContext context(*this, op, attrs, vars, run);
  try {
    attrs = ResolveAttrs(def, op, std::function([&](const std::string& name) { return FindValue(*vars, name, run->scope); }));
    if (def.kernels.empty() && !attrs.Has("sub_block")) {
      std::map<std::string, Value> values;  // of tensors alone: to copy an array costs as much as it is long
      bool dense = true;
      for (const std::string& name : op.inputs.AllNames()) {
        const Value* value = FindValue(*vars, name, run->scope);
        dense = dense && value != nullptr && std::holds_alternative<Tensor>(*value);
        if (dense) values[name] = *value;
      }
      if (dense) CheckInputs(def, op, attrs, values);
    }
    RunDynamic(def, context);
  } catch (Error& error) {
    if (context.in_block()) throw;
    error.Prepend(op.type + ": ");
    AddPlace(&error, op, *vars->info().block);
    throw;
  }
}

// An operator whose shapes hang on elements that differ each time: no plan is worth keeping.
void CompiledProgram::RunAlone(const Operator& op, BlockVars* vars, RunState* run) const {
  std::map<std::string, Value> values;
  for (const std::string& name : OwnReads(op)) {
    const Value* value = FindValue(*vars, name, run->scope);
    SKIFF_ENFORCE(value != nullptr, NotFound, op.type, ": \"", name, "\" has no value");
    values[name] = *value;
  }
  RunOpOptions options{options_.place, run->BlockSeed(), options_.num_threads};
  RunOp(op, &values, options);
  for (const std::string& name : op.outputs.AllNames()) {
    const auto made = values.find(name);
    if (made == values.end()) continue;
    Value* target = vars->Find(name);
    if (target == nullptr && run->scope != nullptr) target = run->scope->Var(name);
    if (target != nullptr) *target = std::move(made->second);
  }
}

}  // namespace skiff
