#include "framework/op/append_op.h"

#include <map>

#include "framework/program/program.h"
#include "framework/program/unique_name.h"

namespace skiff {

namespace {

// The variables of a block and its parents, as they are declared.
class BlockMetas : public MetaTable {
 public:
  explicit BlockMetas(Block& block, KnownInts known = {}) : block_(block), known_(std::move(known)) {}

  const TensorMeta* Find(const std::string& name) const override {
    const std::shared_ptr<Variable> v = block_.FindVar(name);
    if (v == nullptr) return nullptr;
    TensorMeta& meta = found_[name];
    meta = {v->shape, v->dtype, v->lod_level, v->kind};
    return &meta;
  }
  void Set(const std::string& name, const TensorMeta& meta) override {
    const std::shared_ptr<Variable> v = block_.FindVar(name);
    if (v == nullptr) return;
    v->shape = meta.shape;
    if (meta.dtype != DType::kUndefined) v->dtype = meta.dtype;
    v->lod_level = meta.lod_level;
    v->kind = meta.kind;
  }
  std::optional<std::vector<int64_t>> IntValues(const std::string& name) const override {
    return known_ ? known_(name) : std::nullopt;
  }

 private:
  Block& block_;
  KnownInts known_;
  mutable std::map<std::string, TensorMeta> found_;
};

void CheckSlots(const OpDef& def, const Operator& op) {
  auto check = [&](const char* side, const Slots& given, const std::vector<SlotDef>& defined) {
    for (const auto& [slot, names] : given) {
      if (names.empty()) continue;
      const SlotDef* found = nullptr;
      std::vector<std::string> known;
      for (const SlotDef& s : defined) {
        known.push_back(s.name);
        if (s.name == slot) found = &s;
      }
      if (found == nullptr) {
        std::string list;
        for (const std::string& n : known) list += (list.empty() ? "" : ", ") + n;
        throw InvalidArgument(StrCat("there is no ", side, " slot \"", slot, "\"; the slots are ",
                                     list.empty() ? "none" : list));
      }
      SKIFF_ENFORCE(found->duplicable || names.size() == 1, InvalidArgument, side, " ", slot,
                    " holds ", names.size(), " variables where one belongs");
    }
    for (const SlotDef& s : defined) {
      SKIFF_ENFORCE(s.dispensable || given.Has(s.name), InvalidArgument, side, " ", s.name,
                    " is missing (", s.doc, ")");
    }
  };
  check("input", op.inputs, def.inputs);
  // An output that nobody names is not computed, so only unknown or overfull slots are wrong.
  std::vector<SlotDef> outputs = def.outputs;
  for (SlotDef& s : outputs) s.dispensable = true;
  check("output", op.outputs, outputs);
}

std::string Operands(const Slots& slots, const MetaTable& table) {
  std::string text;
  for (const auto& [slot, names] : slots) {
    for (const std::string& name : names) {
      const TensorMeta* meta = table.Find(name);
      text += (text.empty() ? "" : ", ") + slot + " is \"" + name + "\"";
      if (meta != nullptr && meta->dtype != DType::kUndefined) {
        text += StrCat(" ", meta->dtype, " ", meta->shape);
      }
      if (text.size() > 400) return text + ", ...";
    }
  }
  return text;
}

}  // namespace

void AddOpContext(Error* error, const Operator& op, const MetaTable& table) {
  error->Prepend(op.type + ": ");
  error->AddContext(Operands(op.inputs, table));
  if (!op.origin.empty()) error->AddContext("built by " + op.origin);
}

void InferOutputs(Block& block, const Operator& op, const KnownInts& known) {
  const OpDef& def = GetOp(op.type);
  BlockMetas table(block, known);
  try {
    if (!def.infer) return;
    const Attrs attrs = def.Complete(op.attrs);
    InferContext context(def, op, attrs, &table, /*at_runtime=*/false);
    def.infer(context);
  } catch (Error& error) {
    AddOpContext(&error, op, table);
    throw;
  }
}

std::shared_ptr<Operator> AppendOp(Block& block, Operator op) {
  return InsertOp(block, block.ops().size(), std::move(op));
}

std::shared_ptr<Operator> InsertOp(Block& block, size_t position, Operator op) {
  const OpDef& def = GetOp(op.type);
  BlockMetas table(block);
  std::vector<std::string> made;
  std::map<std::string, Variable> before;  // outputs as they were, should inference fail
  try {
    CheckSlots(def, op);
    for (const std::string& name : op.inputs.AllNames()) {
      SKIFF_ENFORCE(block.FindVar(name) != nullptr, NotFound, "input variable \"", name,
                    "\" is in no block that block ", block.idx(), " sees");
    }
    const Attrs complete = def.Complete(op.attrs);
    for (const auto& [name, value] : complete) op.attrs.Set(name, value);
    op.inputs.Sort();
    op.outputs.Sort();
    for (const std::string& name : op.outputs.AllNames()) {
      if (const std::shared_ptr<Variable> v = block.FindVar(name)) {
        before.emplace(name, *v);
      } else {
        block.AddVar({.name = name});
        made.push_back(name);
      }
    }
    if (def.infer) {
      InferContext context(def, op, complete, &table, /*at_runtime=*/false);
      def.infer(context);
    }
  } catch (Error& error) {
    AddOpContext(&error, op, table);
    for (const std::string& name : made) block.RemoveVar(name);
    for (const auto& [name, variable] : before) *block.FindVar(name) = variable;
    throw;
  }
  if (!op.attrs.Has(kOpRoleAttr)) op.attrs.Set(kOpRoleAttr, int32_t{kForward});
  if (CurrentNameScope() != "/" && !op.attrs.Has(kOpNamescopeAttr)) op.attrs.Set(kOpNamescopeAttr, CurrentNameScope());
  return block.InsertOp(position, std::move(op));
}

}  // namespace skiff
