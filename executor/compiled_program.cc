#include "executor/compiled_program.h"

#include <algorithm>

#include "framework/op/append_op.h"
#include "framework/op/op_def.h"
#include "framework/op/run_op.h"
#include "framework/op/verify.h"
#include "framework/tensor/memory.h"

namespace skiff {

// What a plan was made for. Comparing these is all a repeated run does to find its plan.
struct CompiledProgram::Piece {
  int block;
  size_t begin;
  std::vector<std::string> feed_names;
  std::vector<TensorMeta> feed_metas;
  std::map<std::string, std::vector<int64_t>> known;
  std::vector<std::string> fetches;
  PlannedChunk chunk;

  bool Fits(int b, size_t from, const Feeds& feeds, const std::vector<std::string>& known_names,
            const std::vector<std::string>& wanted) const {
    if (b != block || from != begin || feeds.size() != feed_names.size() ||
        known_names.size() != known.size() || wanted != fetches) {
      return false;
    }
    for (size_t i = 0; i < feeds.size(); ++i) {
      const Tensor& t = feeds[i].second;
      if (t.dtype() != feed_metas[i].dtype || !(t.shape() == feed_metas[i].shape) ||
          static_cast<int32_t>(t.lod().size()) != feed_metas[i].lod_level ||
          feeds[i].first != feed_names[i]) {
        return false;
      }
      if (known.empty()) continue;
      const auto values = known.find(feeds[i].first);
      if (values != known.end() && IntElements(t) != values->second) return false;
    }
    return true;
  }
};

class CompiledProgram::Packs : public PackCache {
 public:
  std::shared_ptr<void> FindOrMake(const std::string& key,
                                   const std::function<std::shared_ptr<void>()>& make) override {
    std::lock_guard lock(mutex_);
    std::shared_ptr<void>& packed = packed_[key];
    if (!packed) packed = make();
    return packed;
  }

 private:
  std::mutex mutex_;
  std::map<std::string, std::shared_ptr<void>> packed_;
};

CompiledProgram::CompiledProgram(const Program& program, std::vector<std::string> feeds,
                                 std::vector<std::string> fetches,
                                 std::map<std::string, Tensor> constants, bool frozen,
                                 Options options)
    : program_(program.Clone()),
      feeds_(feeds.begin(), feeds.end()),
      fetches_(std::move(fetches)),
      constants_(std::move(constants)),
      frozen_(frozen),
      options_(std::move(options)),
      packs_(std::make_unique<Packs>()) {
  Verify(*program_);
  if (options_.optimize) {
    PassContext context;
    context.program = program_.get();
    context.feeds = feeds_;
    context.fetches = {fetches_.begin(), fetches_.end()};
    context.constants = frozen_ ? &constants_ : nullptr;
    context.place = options_.place;
    RunPasses(&context, options_.disabled_passes);
  }
  for (int b = 0; b < program_->num_blocks(); ++b) {
    for (const auto& op : program_->block(b).ops()) {
      const OpDef* def = FindOp(op->type);
      has_random_ = has_random_ || (def != nullptr && def->random);
    }
  }
}

size_t CompiledProgram::num_plans() const {
  std::lock_guard lock(mutex_);
  return pieces_.size();
}

std::shared_ptr<CompiledProgram::Piece> CompiledProgram::FindPiece(
    int block, size_t begin, const Feeds& feeds, const std::vector<std::string>& known,
    const std::vector<std::string>& fetches, Scope* scope, const Piece* stale) const {
  std::lock_guard lock(mutex_);
  for (auto it = pieces_.begin(); it != pieces_.end(); ++it) {
    if (it->get() == stale) {  // the scope's variables are not what they were
      pieces_.erase(it);
      break;
    }
  }
  for (auto it = pieces_.begin(); it != pieces_.end(); ++it) {
    if (!(*it)->Fits(block, begin, feeds, known, fetches)) continue;
    if (it != pieces_.begin()) pieces_.splice(pieces_.begin(), pieces_, it);
    return pieces_.front();
  }
  auto piece = std::make_shared<Piece>();
  piece->block = block;
  piece->begin = begin;
  piece->fetches = fetches;
  PlanRequest request;
  request.program = program_.get();
  request.block = block;
  request.begin = begin;
  request.place = options_.place;
  request.num_threads = options_.num_threads;
  request.fetches = fetches;
  request.constants = constants_.empty() ? nullptr : &constants_;
  request.pack_cache = frozen_ ? packs_.get() : nullptr;
  for (const auto& [name, tensor] : feeds) {
    const TensorMeta meta{tensor.shape(), tensor.dtype(), static_cast<int32_t>(tensor.lod().size())};
    PlanFeed feed{name, meta, std::nullopt, block == 0 && feeds_.contains(name)};
    if (std::find(known.begin(), known.end(), name) != known.end()) {
      feed.known = tensor.CopyTo(CPUPlace{});
      piece->known[name] = IntElements(*feed.known);
    }
    piece->feed_names.push_back(name);
    piece->feed_metas.push_back(meta);
    request.feeds.push_back(std::move(feed));
  }
  request.scope_meta = [scope](const std::string& name) -> std::optional<TensorMeta> {
    const Value* value = scope == nullptr ? nullptr : scope->FindVar(name);
    const Tensor* t = value == nullptr ? nullptr : std::get_if<Tensor>(value);
    if (t == nullptr || !t->is_initialized()) return std::nullopt;
    return TensorMeta{t->shape(), t->dtype(), static_cast<int32_t>(t->lod().size())};
  };
  piece->chunk = MakePlan(request);
  pieces_.push_front(piece);
  if (pieces_.size() > options_.max_plans) pieces_.pop_back();
  return piece;
}

std::vector<Value> CompiledProgram::RunPiece(int block, size_t begin, const Feeds& feeds,
                                             const std::vector<std::string>& known,
                                             const std::vector<std::string>& fetches, Scope* scope,
                                             const Stream& stream, uint64_t seed,
                                             const std::vector<Tensor>& outputs,
                                             std::shared_ptr<Piece>* ran) const {
  std::shared_ptr<Piece> piece = FindPiece(block, begin, feeds, known, fetches, scope, nullptr);
  std::unique_ptr<Frame> frame = piece->chunk.plan->Acquire();
  if (scope != nullptr && !frame->BindScope(scope)) {
    // A parameter of another shape, dtype or place than when the plan was made.
    for (const ScopeBinding& binding : piece->chunk.plan->scope_vars) {
      Value* value = scope->FindVar(binding.name);
      Tensor* t = value == nullptr ? nullptr : std::get_if<Tensor>(value);
      if (binding.read && t != nullptr && t->is_initialized() && !(t->place() == options_.place)) {
        *t = t->CopyTo(options_.place);
      }
    }
    if (!frame->BindScope(scope)) {
      piece = FindPiece(block, begin, feeds, known, fetches, scope, piece.get());
      frame = piece->chunk.plan->Acquire();
      SKIFF_ENFORCE(frame->BindScope(scope), Internal, "a new plan does not fit its own scope");
    }
  }
  const Plan& plan = *piece->chunk.plan;
  for (size_t i = 0; i < feeds.size(); ++i) {
    frame->Bind(plan.feed_storages[i], feeds[i].second.raw_data());
  }
  std::vector<std::shared_ptr<void>> owners;
  std::vector<void*> memory;
  owners.reserve(plan.output_storages.size());
  for (int storage : plan.output_storages) {
    std::shared_ptr<void> owner;
    void* data = nullptr;
    for (size_t f = 0; f < outputs.size() && f < plan.fetches.size(); ++f) {
      const Tensor& given = outputs[f];
      if (plan.fetches[f].storage != storage || !given.is_initialized()) continue;
      SKIFF_ENFORCE(given.dtype() == plan.fetches[f].dtype && given.shape() == plan.fetches[f].shape,
                    InvalidArgument, "output \"", plan.fetches[f].name, "\" is ",
                    plan.fetches[f].dtype, " ", plan.fetches[f].shape, ", the memory given for it is ",
                    given.dtype(), " ", given.shape());
      owner = given.owner();
      data = const_cast<void*>(given.raw_data());
      break;
    }
    if (data == nullptr) {
      owner = Allocate(plan.place, plan.storages[storage].bytes);
      data = owner.get();
    }
    frame->Bind(storage, data);
    owners.push_back(std::move(owner));
    memory.push_back(data);
  }
  frame->Run(stream.get(), seed);
  std::vector<Value> results;
  results.reserve(plan.fetches.size());
  for (const PlanFetch& fetch : plan.fetches) {
    const int index = plan.storages[fetch.storage].index;
    Tensor tensor(fetch.shape, fetch.dtype, plan.place, owners[index], memory[index]);
    if (fetch.lod_feed >= 0) {
      const LoD& lod = feeds[fetch.lod_feed].second.lod();
      const bool rows_match = !lod.empty() && fetch.shape.rank() > 0 &&
                              lod.back().back() == static_cast<uint64_t>(fetch.shape[0]);
      if (rows_match) tensor.set_lod(lod);
    }
    results.emplace_back(std::move(tensor));
  }
  stream.Synchronize();
  plan.Release(std::move(frame));
  *ran = std::move(piece);
  return results;
}

std::vector<Value> CompiledProgram::Run(const Feeds& feeds, Scope* scope, const Stream& stream,
                                        uint64_t seed, std::vector<Tensor> outputs) const {
  return RunBlock(0, feeds, fetches_, scope, stream, seed, std::move(outputs));
}

std::vector<Value> CompiledProgram::RunBlock(int block, const Feeds& feeds,
                                             const std::vector<std::string>& fetches, Scope* scope,
                                             const Stream& stream, uint64_t seed,
                                             std::vector<Tensor> outputs) const {
  std::shared_ptr<Piece> piece;
  std::vector<Value> results =
      RunPiece(block, 0, feeds, {}, fetches, scope, stream, seed, outputs, &piece);
  const auto& ops = program_->block(block).ops();
  if (piece->chunk.end == ops.size()) return results;

  // Piece by piece, over values by name.
  std::map<std::string, Value> values;
  for (const auto& [name, tensor] : feeds) values[name] = tensor;
  size_t begin = 0, asked_at = 0;
  std::vector<std::string> known;
  while (true) {
    const Plan& plan = *piece->chunk.plan;
    for (size_t i = 0; i < results.size(); ++i) values[plan.fetches[i].name] = std::move(results[i]);
    begin = piece->chunk.end;
    if (begin == ops.size()) break;
    if (begin != asked_at || piece->chunk.stopped_at_dynamic) known.clear();
    if (piece->chunk.stopped_at_dynamic) {
      RunDynamic(*ops[begin], block, &values, scope, stream, seed);
      ++begin;
    } else {
      // What one operator asks for after the other adds up: it needs all of it at once.
      asked_at = begin;
      for (const std::string& name : piece->chunk.needs) {
        if (std::find(known.begin(), known.end(), name) == known.end()) known.push_back(name);
        if (!values.contains(name) && scope != nullptr) values[name] = scope->GetTensor(name);
      }
    }
    Feeds dense;
    for (const auto& [name, value] : values) {
      if (const auto* t = std::get_if<Tensor>(&value)) dense.emplace_back(name, *t);
    }
    std::vector<std::string> dense_fetches;
    for (const std::string& name : fetches) {
      const auto found = values.find(name);
      if (found == values.end() || std::holds_alternative<Tensor>(found->second)) {
        dense_fetches.push_back(name);
      }
    }
    results = RunPiece(block, begin, dense, known, dense_fetches, scope, stream, seed, {}, &piece);
  }
  std::vector<Value> fetched;
  for (const std::string& name : fetches) {
    const auto found = values.find(name);
    if (found != values.end()) {
      fetched.push_back(found->second);
    } else {
      const Value* in_scope = scope == nullptr ? nullptr : scope->FindVar(name);
      SKIFF_ENFORCE(in_scope != nullptr, NotFound, "fetch \"", name, "\" was not computed");
      fetched.push_back(*in_scope);
    }
  }
  return fetched;
}

// A DynamicContext over the values of a block, and the scope behind them.
class CompiledProgram::BlockContext : public DynamicContext {
 public:
  BlockContext(const CompiledProgram& owner, const Operator& op, const Attrs& attrs,
               std::map<std::string, Value>* values, Scope* scope, const Stream& stream,
               uint64_t seed)
      : owner_(owner), op_(op), attrs_(attrs), values_(values), scope_(scope), stream_(stream), seed_(seed) {}

  const Operator& op() const override { return op_; }
  const Attrs& attrs() const override { return attrs_; }
  const Place& place() const override { return owner_.options_.place; }
  int num_threads() const override { return owner_.options_.num_threads; }
  void* stream() const override { return stream_.get(); }
  uint64_t seed() const override { return seed_; }
  int NumInputs(const std::string& slot) const override { return static_cast<int>(op_.inputs[slot].size()); }
  int NumOutputs(const std::string& slot) const override { return static_cast<int>(op_.outputs[slot].size()); }
  const Value& Input(const std::string& slot, int i) const override {
    SKIFF_ENFORCE(i < NumInputs(slot), NotFound, "input ", slot, " has no variable number ", i);
    const std::string& name = op_.inputs[slot][i];
    if (const Value* found = Find(name)) return *found;
    throw NotFound(StrCat("input ", slot, " \"", name, "\" has no value"));
  }
  Value& Output(const std::string& slot, int i) override {
    SKIFF_ENFORCE(i < NumOutputs(slot), NotFound, "output ", slot, " has no variable number ", i);
    const std::string& name = op_.outputs[slot][i];
    const std::shared_ptr<Variable> v = owner_.program_->global_block().FindVar(name);
    if (v != nullptr && v->persistable && scope_ != nullptr) return *scope_->Var(name);
    return (*values_)[name];
  }
  void RunBlock(int block) override {
    Feeds feeds;
    for (const auto& [name, value] : *values_) {
      if (const auto* t = std::get_if<Tensor>(&value)) feeds.emplace_back(name, *t);
    }
    // What the sub-block writes of the outer block's variables comes back.
    std::vector<std::string> written;
    for (const auto& inner : owner_.program_->block(block).ops()) {
      for (const std::string& name : inner->outputs.AllNames()) {
        const bool local = owner_.program_->block(block).FindLocalVar(name) != nullptr;
        if (!local && std::find(written.begin(), written.end(), name) == written.end()) {
          written.push_back(name);
        }
      }
    }
    std::vector<Value> results =
        owner_.RunBlock(block, feeds, written, scope_, stream_, seed_, {});
    for (size_t i = 0; i < written.size(); ++i) (*values_)[written[i]] = std::move(results[i]);
  }

 private:
  const Value* Find(const std::string& name) const {
    const auto found = values_->find(name);
    if (found != values_->end()) return &found->second;
    const auto constant = owner_.constants_.find(name);
    if (constant != owner_.constants_.end()) {
      return &((*values_)[name] = constant->second);
    }
    return scope_ == nullptr ? nullptr : scope_->FindVar(name);
  }

  const CompiledProgram& owner_;
  const Operator& op_;
  const Attrs& attrs_;
  std::map<std::string, Value>* values_;
  Scope* scope_;
  const Stream& stream_;
  uint64_t seed_;
};

void CompiledProgram::RunDynamic(const Operator& op, int, std::map<std::string, Value>* values,
                                 Scope* scope, const Stream& stream, uint64_t seed) const {
  const OpDef& def = GetOp(op.type);
  try {
    const Attrs attrs = def.Complete(op.attrs);
    BlockContext context(*this, op, attrs, values, scope, stream, seed);
    def.dynamic(context);
  } catch (Error& error) {
    error.Prepend(op.type + ": ");
    if (!op.origin.empty()) error.AddContext("built by " + op.origin);
    throw;
  }
}

std::string CompiledProgram::PlanText(const Feeds& feeds, Scope* scope) const {
  return FindPiece(0, 0, feeds, {}, fetches_, scope, nullptr)->chunk.plan->ToString();
}

}  // namespace skiff
