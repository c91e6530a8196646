#include "executor/planner.h"

#include <algorithm>

#include "executor/device.h"
#include "executor/needed_ops.h"
#include "executor/plan_builder.h"
#include "executor/plan_values.h"
#include "framework/op/append_op.h"
#include "framework/op/control_flow.h"
#include "framework/op/infer_known.h"
#include "framework/op/prepare.h"
#include "framework/op/resolve_attrs.h"
#include "framework/op/run_op.h"
#include "framework/tensor/memory.h"

namespace skiff {

namespace {

constexpr size_t kMaxFoldedBytes = size_t{64} << 20;

class Planner {
 public:
  explicit Planner(const PlanRequest& request)
      : request_(request),
        block_(request.program->block(request.block)),
        builder_(request.place, request.num_threads),
        plan_(builder_.plan()),
        values_(request, builder_) {}

  PlannedChunk Make() {
    needed_ = NeededOps(request_, values_.pinned());
    PlannedChunk chunk;
    const auto& ops = block_.ops();
    size_t i = request_.begin;
    for (; i < ops.size(); ++i) {
      if (!needed_[i] && FindOp(ops[i]->type) == nullptr) continue;
      const OpDef& def = GetOp(ops[i]->type);
      if (RunsOverValues(block_, def, *ops[i])) {
        chunk.stopped_at_dynamic = true;
        chunk.is_needed = needed_[i];
        break;
      }
      if (!needed_[i]) continue;
      if (!AddOperator(def, *ops[i])) break;
    }
    chunk.end = i;
    chunk.needs = values_.unknown();
    if (!missing_.empty()) ThrowMissing(request_, missing_);
    AddFetches(i);
    chunk.plan = builder_.Finish();
    return chunk;
  }

 private:
  // ---- one operator --------------------------------------------------------------------------

  // @return false when it cannot be planned before the values in values_.unknown() are there.
  bool AddOperator(const OpDef& def, const Operator& op) {
    values_.inferred().clear();
    try {
      bool complete = true;
      for (const std::string& name : op.inputs.AllNames()) {
        if (values_.Lookup(name) >= 0) continue;
        complete = false;
        // Not missing itself when the operator that writes it lacked something.
        if (!not_computed_.contains(name)) missing_.insert(name);
      }
      if (!complete) {
        for (const std::string& name : op.outputs.AllNames()) not_computed_.insert(name);
        return true;  // go on: the error names all that are missing
      }
      const std::optional<Attrs> attrs = ResolveAttrs(def, op, [this](const std::string& name) {
        const int id = values_.Lookup(name);
        SKIFF_ENFORCE(id >= 0, NotFound, "variable \"", name, "\", which stands for an attribute, has no value");
        if (!values_[id].known) values_.unknown().insert(name);
        return values_[id].known;
      });
      if (!attrs) return false;
      SKIFF_ENFORCE(def.infer, Internal, "the operator has no inference function");
      InferKnown(def, op, *attrs, &values_);
      if (!values_.unknown().empty()) return false;
      if (Fold(def, op, *attrs)) return true;
      if (!def.views.empty()) {
        AddView(def, op);
      } else if (KnowsHostValues(def, op)) {
        AddKernel(def, op, *attrs);
      } else {
        return false;
      }
    } catch (Error& error) {
      AddOpContext(&error, op, values_);
      throw;
    }
    return true;
  }

  // Computes the operator now when everything it reads is known and cannot change.
  bool Fold(const OpDef& def, const Operator& op, const Attrs& attrs) {
    if (def.random || def.side_effect || (def.dynamic != nullptr && def.kernels.empty())) return false;
    size_t bytes = 0;
    for (const std::string& name : op.outputs.AllNames()) {
      const auto meta = values_.inferred().find(name);
      if (meta == values_.inferred().end() || values_.IsPersistable(name) || values_.pinned().contains(name)) return false;
      bytes += meta->second.shape.NumElements() * SizeOf(meta->second.dtype);
    }
    std::map<std::string, skiff::Value> values;
    for (const std::string& name : op.inputs.AllNames()) {
      const PlanValue& value = values_[values_.Lookup(name)];
      // The value of `shape` is known though its input's elements are not.
      if (op.type == "shape") break;
      if (!value.known) return false;
      values[name] = *value.known;
    }
    if (bytes > kMaxFoldedBytes) return false;
    if (op.type == "shape") {
      values["shape"] = ShapeOf(values_.Lookup(op.inputs.One("Input")));
      const std::string& out = op.outputs.One("Out");
      values_.Define(out, values_.AddConstant(out, std::get<Tensor>(values["shape"]), ""));
      return true;
    }
    if (def.views.empty() && !HasCpuKernel(def, op)) return false;
    RunOp({op.type, op.inputs, op.outputs, attrs}, &values, {.num_threads = request_.num_threads});
    for (const std::string& name : op.outputs.AllNames()) {
      if (!values.contains(name)) continue;
      values_.Define(name, values_.AddConstant(name, std::get<Tensor>(values[name]), "folded:" + name));
    }
    return true;
  }

  Tensor ShapeOf(int id) const {
    const Shape& shape = values_[id].info.shape;
    Tensor tensor({shape.rank()}, DType::kInt32);
    std::copy(shape.begin(), shape.end(), tensor.data<int32_t>());
    return tensor;
  }

  bool HasCpuKernel(const OpDef& def, const Operator& op) const {
    DType key = DType::kUndefined;
    for (const std::string& name : op.inputs.AllNames()) {
      key = values_[values_.Lookup(name)].info.dtype;
      break;
    }
    if (key == DType::kUndefined) {
      for (const auto& [name, meta] : values_.inferred()) key = meta.dtype;
    }
    return FindKernel(def, PlaceKind::kCpu, key) != nullptr;
  }

  PlanValue OutputValue(const std::string& name) const {
    const TensorMeta& meta = values_.inferred().at(name);
    PlanValue value{name, {meta.dtype, meta.shape}, meta.lod_level};
    return value;
  }

  // The LoD of an output comes from the first input that has one.
  int LoDFeed(const Operator& op, const PlanValue& out) const {
    if (out.lod_level == 0) return -1;
    for (const std::string& name : op.inputs.AllNames()) {
      const int id = values_.Lookup(name);
      if (id >= 0 && values_[id].lod_feed >= 0) return values_[id].lod_feed;
    }
    return -1;
  }

  void AddView(const OpDef& def, const Operator& op) {
    const auto& [in_slot, out_slot] = def.views.front();
    const int in = values_.InLayout(values_.Lookup(op.inputs.One(in_slot)), nullptr);
    const std::string& name = op.outputs.One(out_slot);
    PlanValue out = OutputValue(name);
    out.lod_feed = LoDFeed(op, out);
    const PlanStorage::Kind kind = plan_.storages[values_[in].storage].kind;
    // State that a later operator overwrites must not change under the view.
    const bool copies = values_.IsPersistable(name) || kind == PlanStorage::Kind::kScope;
    if (copies) {
      out.storage = StorageForOutput(out);
      builder_.AddStep(MakeCopyKernel(request_.place, out.bytes()), {values_[in].storage}, {out.storage},
              0, op.type + " " + name);
    } else {
      out.storage = values_[in].storage;
      out.known = values_[in].known ? std::optional(values_[in].known->Reshaped(out.info.shape))
                                    : std::nullopt;
      out.info.constant = values_[in].info.constant;
      out.info.constant_key = values_[in].info.constant_key.empty()
                                  ? "" : values_[in].info.constant_key + out.info.shape.ToString();
    }
    Define(name, values_.Add(std::move(out)), op);
    // The rest (XShape) has a shape and no elements.
    for (const std::string& other : op.outputs.AllNames()) {
      if (other == name || !values_.inferred().contains(other)) continue;
      PlanValue value = OutputValue(other);
      value.storage = builder_.NewStorage(PlanStorage::Kind::kArena, value.bytes());
      Define(other, values_.Add(std::move(value)), op);
    }
  }

  int StorageForOutput(const PlanValue& value) {
    if (values_.IsPersistable(value.name) && !values_.pinned().contains(value.name)) {
      return builder_.ScopeStorage(value.name, {value.info.shape, value.info.dtype}, /*read=*/false);
    }
    return builder_.NewStorage(PlanStorage::Kind::kArena, value.bytes());
  }

  // From here on `name` means this value, unless the caller fed it.
  void Define(const std::string& name, int id, const Operator& op) {
    if (values_.pinned().contains(name) && !op.inputs.Mentions(name)) return;
    values_.Define(name, id);
  }

  void AddKernel(const OpDef& def, const Operator& op, const Attrs& attrs) {
    std::map<std::string, TensorInfo> outputs;
    for (const std::string& name : op.outputs.AllNames()) {
      if (values_.inferred().contains(name)) outputs[name] = OutputValue(name).info;
    }
    const std::vector<std::string> in_names = FlatNames(def.inputs, op.inputs);
    const std::vector<std::string> out_names = FlatNames(def.outputs, op.outputs);
    PrepareContext context = MakePrepareContext(
        def, op, attrs, request_.place, request_.num_threads,
        [&](const std::string& name) -> const TensorInfo* {
          if (!op.inputs.Mentions(name)) return nullptr;  // what an output held before does not matter
          const int id = values_.Lookup(name);
          return id < 0 ? nullptr : &values_[id].info;
        });
    for (size_t i = 0; i < out_names.size(); ++i) {
      const auto found = outputs.find(out_names[i]);
      context.outputs[i] = found == outputs.end() ? TensorInfo{} : found->second;
    }
    for (PrepareContext::Slot& slot : context.output_slots) {
      slot.count = 0;
      for (const std::string& name : op.outputs[slot.name]) slot.count += outputs.contains(name) || def.FindOutput(slot.name)->duplicable;
    }
    FillHostValues(def, in_names, &context);
    if (!def.layout_aware) {
      for (TensorInfo& info : context.inputs) info.layout = nullptr;
    }
    context.pack_cache = request_.pack_cache;
    std::unique_ptr<Kernel> kernel = PrepareKernel(def, context);
    plan_.has_random = plan_.has_random || def.random;

    std::vector<int> in_storages, in_values;
    for (size_t i = 0; i < in_names.size(); ++i) {
      int id = in_names[i].empty() ? -1 : values_.Lookup(in_names[i]);
      if (id >= 0) id = values_.InLayout(id, context.wanted_layouts[i]);
      in_values.push_back(id);
      in_storages.push_back(id < 0 ? -1 : values_[id].storage);
    }
    std::vector<int> out_storages;
    std::vector<std::pair<std::string, int>> defined;
    std::vector<std::pair<int, int>> copy_back;  // (temporary, scope storage)
    for (size_t i = 0; i < out_names.size(); ++i) {
      if (!outputs.contains(out_names[i])) {
        out_storages.push_back(-1);
        continue;
      }
      PlanValue value = OutputValue(out_names[i]);
      value.info.layout = context.outputs[i].layout;
      value.lod_feed = LoDFeed(op, value);
      value.storage = StorageForOutput(value);
      int target = value.storage;
      const bool is_state = plan_.storages[target].kind == PlanStorage::Kind::kScope;
      const bool reads_it = std::find(in_storages.begin(), in_storages.end(), target) != in_storages.end();
      const bool plain_state = !is_state || value.info.layout == nullptr;
      if (is_state && ((reads_it && !MayShare(def, op, out_names[i])) || !plain_state)) {
        target = builder_.NewStorage(PlanStorage::Kind::kArena, value.bytes());
        copy_back.emplace_back(target, value.storage);
        SKIFF_ENFORCE(plain_state, Internal, "a persistable output in a blocked layout");
      }
      out_storages.push_back(target);
      defined.emplace_back(out_names[i], values_.Add(std::move(value)));
    }
    builder_.AddStep(std::move(kernel), in_storages, out_storages, context.workspace_bytes,
            op.type + (defined.empty() ? "" : " " + defined.front().first));
    RememberInplace(def, op, in_values, out_storages, in_names, out_names);
    for (const auto& [from, to] : copy_back) {
      builder_.AddStep(MakeCopyKernel(request_.place, plan_.storages[to].bytes), {from}, {to}, 0, "copy state");
    }
    for (const auto& [name, id] : defined) Define(name, id, op);
  }

  bool KnowsHostValues(const OpDef& def, const Operator& op) const {
    for (const SlotDef& slot : def.inputs) {
      if (!slot.host_value) continue;
      for (const std::string& name : op.inputs[slot.name]) values_.IntValues(name);
    }
    return values_.unknown().empty();
  }

  void FillHostValues(const OpDef& def, const std::vector<std::string>& in_names,
                      PrepareContext* context) {
    for (const PrepareContext::Slot& slot : context->input_slots) {
      if (!def.FindInput(slot.name)->host_value) continue;
      for (int i = 0; i < slot.count; ++i) {
        const auto elements = values_.IntValues(in_names[slot.begin + i]);
        SKIFF_ENFORCE(elements.has_value(), Internal, "the elements of input ", slot.name, " are not known");
        context->host_values[slot.begin + i] = *elements;
      }
    }
  }

  // Declared as safe in place for this very variable.
  static bool MayShare(const OpDef& def, const Operator& op, const std::string& name) {
    for (const auto& [in, out] : def.inplace) {
      const auto& ins = op.inputs[in];
      const auto& outs = op.outputs[out];
      if (std::find(ins.begin(), ins.end(), name) != ins.end() &&
          std::find(outs.begin(), outs.end(), name) != outs.end()) {
        return true;
      }
    }
    return false;
  }

  // ---- steps, lifetimes, memory ---------------------------------------------------------------

  void RememberInplace(const OpDef& def, const Operator& op, const std::vector<int>& in_values,
                       const std::vector<int>& out_storages, const std::vector<std::string>& in_names,
                       const std::vector<std::string>& out_names) {
    for (const auto& [in_slot, out_slot] : def.inplace) {
      const auto& ins = op.inputs[in_slot];
      const auto& outs = op.outputs[out_slot];
      if (ins.empty() || outs.size() != 1) continue;
      const auto in_at = std::find(in_names.begin(), in_names.end(), ins.front()) - in_names.begin();
      const auto out_at = std::find(out_names.begin(), out_names.end(), outs.front()) - out_names.begin();
      if (in_at >= static_cast<int>(in_values.size()) || in_values[in_at] < 0 ||
          out_at >= static_cast<int>(out_storages.size()) || out_storages[out_at] < 0) {
        continue;
      }
      builder_.AllowInPlace(values_[in_values[in_at]].storage, out_storages[out_at]);
    }
  }

  void AddFetches(size_t end) {
    std::set<std::string> wanted(request_.fetches.begin(), request_.fetches.end());
    // When the plan stops early, what the rest of the block reads is handed over too.
    const auto& ops = block_.ops();
    std::vector<std::string> names = request_.fetches;
    for (size_t i = end; i < ops.size(); ++i) {
      if (!needed_[i]) continue;
      for (const std::string& name : AllReads(*request_.program, *ops[i])) {
        if (values_.IsComputed(name) && !values_.IsPersistable(name) && wanted.insert(name).second) names.push_back(name);
      }
    }
    for (const std::string& name : names) {
      if (end < ops.size() && !values_.HasValue(name)) continue;  // a later piece computes it
      if (request_.only_written.contains(name) && !values_.IsComputed(name)) continue;
      AddFetch(name);
    }
  }

  void AddFetch(const std::string& name) {
    int id = values_.Lookup(name);
    if (id < 0) ThrowUnknownFetch(request_, name);
    id = values_.InLayout(id, nullptr);
    const PlanValue& value = values_[id];
    PlanStorage& storage = plan_.storages[value.storage];
    PlanFetch fetch{name, value.info.shape, value.info.dtype, value.storage, value.lod_feed};
    if (storage.kind == PlanStorage::Kind::kArena) {
      storage.kind = PlanStorage::Kind::kOutput;
      storage.index = static_cast<int>(plan_.output_storages.size());
      plan_.output_storages.push_back(value.storage);
    } else if (storage.kind != PlanStorage::Kind::kOutput) {
      const size_t bytes = value.bytes();
      const int source = value.storage;
      fetch.storage = builder_.NewStorage(PlanStorage::Kind::kOutput, bytes,
                                 static_cast<int>(plan_.output_storages.size()));
      plan_.output_storages.push_back(fetch.storage);
      builder_.AddStep(MakeCopyKernel(request_.place, bytes), {source}, {fetch.storage}, 0, "fetch " + name);
    }
    builder_.KeepUntilEnd(fetch.storage);
    plan_.fetches.push_back(std::move(fetch));
  }

  const PlanRequest& request_;
  const Block& block_;
  PlanBuilder builder_;
  Plan& plan_;  // the builder's
  PlanValues values_;
  std::vector<bool> needed_;
  std::set<std::string> missing_, not_computed_;
};

}  // namespace

bool RunsOverValues(const Block& block, const OpDef& def, const Operator& op) {
  if (def.dynamic == nullptr) return false;
  if (def.kernels.empty() && def.views.empty()) return true;
  auto dense = [&](const std::string& name) {
    const std::shared_ptr<Variable> v = block.FindVar(name);
    return v == nullptr || IsDense(*v);
  };
  const std::vector<std::string> in = op.inputs.AllNames(), out = op.outputs.AllNames();
  return !std::all_of(in.begin(), in.end(), dense) || !std::all_of(out.begin(), out.end(), dense);
}

PlannedChunk MakePlan(const PlanRequest& request) { return Planner(request).Make(); }

}  // namespace skiff
