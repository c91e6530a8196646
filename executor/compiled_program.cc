#include "executor/compiled_program.h"

#include <algorithm>

#include "executor/block_vars.h"
#include "executor/needed_ops.h"
#include "framework/op/run_op.h"
#include "framework/op/verify.h"
#include "framework/tensor/memory.h"

namespace skiff {

namespace {

// Plans of one operator that differ in an input's elements alone; beyond, it runs without a plan.
constexpr size_t kMaxPlansByElements = 4;

TensorMeta MetaOf(const Tensor& t) {
  return {t.shape(), t.dtype(), static_cast<int32_t>(t.lod().size())};
}

bool Fits(const Tensor* t, const TensorMeta& meta) {
  if (t == nullptr || !t->is_initialized()) return meta.dtype == DType::kUndefined;
  return t->dtype() == meta.dtype && t->shape() == meta.shape &&
         static_cast<int32_t>(t->lod().size()) == meta.lod_level;
}

}  // namespace

// What a plan was made for. Comparing these is all a repeated run does to find its plan.
struct CompiledProgram::Piece {
  struct Feed {
    std::string name;
    int index;        // in BlockInfo::names; -1 for what a scope or constant holds
    TensorMeta meta;  // no dtype: it had no value
    int plan_feed;    // its number among the plan's feeds, or -1
  };
  size_t begin;
  std::vector<Feed> feeds;
  std::map<std::string, std::vector<int64_t>> known;
  PlannedChunk chunk;
  std::vector<int> targets;  // in BlockInfo::names, of each fetch of the plan
};

struct CompiledProgram::Segment {
  std::vector<int> reads;  // in BlockInfo::names: what operators up to the next one over values read
  std::vector<std::shared_ptr<Piece>> pieces;  // most recently used first
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
  constant_values_.insert(constants_.begin(), constants_.end());
  blocks_ = std::make_unique<BlockTable>(*program_, feeds_, fetches_, frozen_);
  segments_.resize(program_->num_blocks());
}

CompiledProgram::~CompiledProgram() = default;

size_t CompiledProgram::num_plans() const {
  std::lock_guard lock(mutex_);
  size_t count = 0;
  for (const auto& block : segments_) {
    for (const auto& segment : block) count += segment == nullptr ? 0 : segment->pieces.size();
  }
  return count;
}

// ---- finding and making plans --------------------------------------------------------------------

CompiledProgram::Segment& CompiledProgram::SegmentAt(const BlockInfo& info, size_t begin) const {
  auto& segments = segments_[info.block->idx()];
  const auto& ops = info.block->ops();
  if (segments.empty()) segments.resize(ops.size() + 1);
  std::unique_ptr<Segment>& segment = segments[begin];
  if (segment != nullptr) return *segment;
  segment = std::make_unique<Segment>();
  std::set<std::string> seen;  // read already, or written before it is read
  auto read = [&](const std::string& name) {
    const auto found = info.name_index.find(name);
    if (seen.insert(name).second && found != info.name_index.end()) segment->reads.push_back(found->second);
  };
  for (size_t i = begin; i < ops.size() && !info.over_values[i]; ++i) {
    for (const std::string& name : OwnReads(*ops[i])) read(name);
    for (const std::string& name : ops[i]->outputs.AllNames()) {
      if (info.owner != nullptr || !feeds_.contains(name)) seen.insert(name);
    }
  }
  if (info.owner == nullptr) {
    for (const std::string& name : fetches_) read(name);  // fed or computed before
  }
  std::sort(segment->reads.begin(), segment->reads.end());
  segment->reads.erase(std::unique(segment->reads.begin(), segment->reads.end()), segment->reads.end());
  return *segment;
}

std::shared_ptr<CompiledProgram::Piece> CompiledProgram::FindPiece(
    const BlockVars& vars, size_t begin, const std::set<std::string>& known, Scope* scope,
    const Piece* stale) const {
  auto fits = [&](const Piece& piece) {
    if (piece.known.size() != known.size()) return false;
    for (const Piece::Feed& feed : piece.feeds) {
      if (feed.index >= 0 && !Fits(std::get_if<Tensor>(&vars.At(feed.index)), feed.meta)) return false;
    }
    for (const auto& [name, elements] : piece.known) {
      const Value* value = known.contains(name) ? FindValue(vars, name, scope) : nullptr;
      const Tensor* t = value == nullptr ? nullptr : std::get_if<Tensor>(value);
      if (t == nullptr || IntElements(*t) != elements) return false;
    }
    return true;
  };
  std::lock_guard lock(mutex_);
  Segment& segment = SegmentAt(vars.info(), begin);
  auto& pieces = segment.pieces;
  // The scope's variables may not be what they were.
  std::erase_if(pieces, [&](const auto& piece) { return piece.get() == stale; });
  for (size_t i = 0; i < pieces.size(); ++i) {
    if (!fits(*pieces[i])) continue;
    std::rotate(pieces.begin(), pieces.begin() + static_cast<std::ptrdiff_t>(i),
                pieces.begin() + static_cast<std::ptrdiff_t>(i) + 1);
    return pieces.front();
  }
  pieces.insert(pieces.begin(), MakePiece(vars, begin, known, scope, segment));
  if (pieces.size() > options_.max_plans) pieces.pop_back();
  return pieces.front();
}

std::shared_ptr<CompiledProgram::Piece> CompiledProgram::MakePiece(
    const BlockVars& vars, size_t begin, const std::set<std::string>& known, Scope* scope,
    const Segment& segment) const {
  const BlockInfo& info = vars.info();
  auto piece = std::make_shared<Piece>();
  piece->begin = begin;
  PlanRequest request;
  request.program = program_.get();
  request.block = info.block->idx();
  request.begin = begin;
  request.place = options_.place;
  request.num_threads = options_.num_threads;
  request.fetches = info.kept;
  request.constants = constants_.empty() ? nullptr : &constants_;
  request.pack_cache = frozen_ ? packs_.get() : nullptr;
  auto add = [&](const std::string& name, int index, const Tensor* tensor) {
    const bool present = tensor != nullptr && tensor->is_initialized();
    Piece::Feed feed{name, index, present ? MetaOf(*tensor) : TensorMeta{}, -1};
    if (present) {
      PlanFeed given{name, feed.meta, std::nullopt, info.owner == nullptr && feeds_.contains(name)};
      if (known.contains(name)) {
        given.known = tensor->CopyTo(CPUPlace{});
        piece->known[name] = IntElements(*given.known);
      }
      feed.plan_feed = static_cast<int>(request.feeds.size());
      request.feeds.push_back(std::move(given));
    }
    piece->feeds.push_back(std::move(feed));
  };
  std::set<std::string> added;
  for (int index : segment.reads) {
    added.insert(info.names[index]);
    add(info.names[index], index, std::get_if<Tensor>(&vars.At(index)));
  }
  for (const std::string& name : known) {
    if (added.contains(name)) continue;
    const Value* value = FindValue(vars, name, scope);
    SKIFF_ENFORCE(value != nullptr, NotFound, "\"", name, "\" decides a shape and has no value");
    add(name, -1, std::get_if<Tensor>(value));
  }
  if (info.owner != nullptr) {
    request.only_written = {info.kept.begin(), info.kept.end()};
  } else if (begin > 0) {
    for (const std::string& name : info.kept) {
      const Value* value = vars.Find(name);
      if (!feeds_.contains(name) && value != nullptr && HasValue(*value)) request.only_written.insert(name);
    }
  }
  if (scope != nullptr) {
    request.scope_meta = [scope](const std::string& name) -> std::optional<TensorMeta> {
      const Value* value = scope->FindVar(name);
      const Tensor* t = value == nullptr ? nullptr : std::get_if<Tensor>(value);
      if (t == nullptr || !t->is_initialized()) return std::nullopt;
      return MetaOf(*t);
    };
  }
  piece->chunk = MakePlan(request);
  for (const PlanFetch& fetch : piece->chunk.plan->fetches) {
    const auto found = info.name_index.find(fetch.name);
    SKIFF_ENFORCE(found != info.name_index.end(), Internal, "\"", fetch.name, "\" of block ",
                  info.block->idx(), " leaves its plan and has no slot");
    piece->targets.push_back(found->second);
  }
  return piece;
}

// ---- running -------------------------------------------------------------------------------------

std::shared_ptr<CompiledProgram::Piece> CompiledProgram::RunPiece(BlockVars* vars, size_t begin,
                                                                  const std::set<std::string>& known,
                                                                  RunState* run) const {
  Scope* scope = run->scope;
  std::shared_ptr<Piece> piece = FindPiece(*vars, begin, known, scope, nullptr);
  if (piece->chunk.plan->steps.empty() && piece->targets.empty()) return piece;
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
      piece = FindPiece(*vars, begin, known, scope, piece.get());
      frame = piece->chunk.plan->Acquire();
      SKIFF_ENFORCE(frame->BindScope(scope), Internal, "a new plan does not fit its own scope");
    }
  }
  RunFrame(*piece, std::move(frame), vars, run);
  return piece;
}

void CompiledProgram::RunFrame(const Piece& piece, std::unique_ptr<Frame> frame, BlockVars* vars,
                               RunState* run) const {
  const Plan& plan = *piece.chunk.plan;
  for (const Piece::Feed& feed : piece.feeds) {
    if (feed.plan_feed < 0) continue;
    const Value* value = feed.index >= 0 ? &vars->At(feed.index) : FindValue(*vars, feed.name, run->scope);
    frame->Bind(plan.feed_storages[feed.plan_feed], std::get<Tensor>(*value).raw_data());
  }
  std::vector<std::shared_ptr<void>> owners;
  std::vector<void*> memory;
  owners.reserve(plan.output_storages.size());
  memory.reserve(plan.output_storages.size());
  const bool has_outputs = vars->info().owner == nullptr && !run->outputs.empty();
  for (int storage : plan.output_storages) {
    std::shared_ptr<void> owner;
    void* data = nullptr;
    for (size_t f = 0; has_outputs && f < plan.fetches.size(); ++f) {
      const PlanFetch& fetch = plan.fetches[f];
      if (fetch.storage != storage) continue;
      const size_t at = std::find(fetches_.begin(), fetches_.end(), fetch.name) - fetches_.begin();
      if (at >= run->outputs.size() || !run->outputs[at].is_initialized()) continue;
      const Tensor& given = run->outputs[at];
      SKIFF_ENFORCE(given.dtype() == fetch.dtype && given.shape() == fetch.shape, InvalidArgument,
                    "output \"", fetch.name, "\" is ", fetch.dtype, " ", fetch.shape,
                    ", the memory given for it is ", given.dtype(), " ", given.shape());
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
  frame->Run(run->stream.get(), vars->info().owner == nullptr ? run->seed : run->BlockSeed());
  run->stream.Synchronize();
  frame->Commit();
  std::vector<LoD> lods(plan.fetches.size());  // read before a result replaces what was fed
  for (size_t i = 0; i < plan.fetches.size(); ++i) {
    const PlanFetch& fetch = plan.fetches[i];
    if (fetch.lod_feed < 0) continue;
    for (const Piece::Feed& feed : piece.feeds) {
      if (feed.plan_feed != fetch.lod_feed) continue;
      const Value* value = feed.index >= 0 ? &vars->At(feed.index) : FindValue(*vars, feed.name, run->scope);
      const LoD& lod = std::get<Tensor>(*value).lod();
      const bool rows_match = !lod.empty() && fetch.shape.rank() > 0 &&
                              lod.back().back() == static_cast<uint64_t>(fetch.shape[0]);
      if (rows_match) lods[i] = lod;
    }
  }
  for (size_t i = 0; i < plan.fetches.size(); ++i) {
    const PlanFetch& fetch = plan.fetches[i];
    const int index = plan.storages[fetch.storage].index;
    Tensor tensor(fetch.shape, fetch.dtype, plan.place, owners[index], memory[index]);
    if (!lods[i].empty()) tensor.set_lod(std::move(lods[i]));
    vars->At(piece.targets[i]) = std::move(tensor);
  }
  plan.Release(std::move(frame));
}

bool CompiledProgram::HasManyPlans(const BlockInfo& info, size_t begin) const {
  std::lock_guard lock(mutex_);
  return SegmentAt(info, begin).pieces.size() > kMaxPlansByElements;
}

void CompiledProgram::RunBlock(BlockVars* vars, RunState* run) const {
  const BlockInfo& info = vars->info();
  const auto& ops = info.block->ops();
  const std::set<std::string> nothing;
  size_t begin = 0, asked_at = ops.size();
  std::set<std::string> needs;
  std::shared_ptr<Piece> piece = RunPiece(vars, 0, nothing, run);
  while (true) {
    begin = piece->chunk.end;
    if (begin == ops.size()) break;
    if (piece->chunk.stopped_at_dynamic) {
      if (piece->chunk.is_needed) RunOverValues(*ops[begin], vars, run);
    } else if (HasManyPlans(info, begin)) {
      RunAlone(*ops[begin], vars, run);
    } else {
      // What one operator asks for after the other adds up: it needs all of it at once.
      if (asked_at != begin) needs.clear();
      asked_at = begin;
      needs.insert(piece->chunk.needs.begin(), piece->chunk.needs.end());
      piece = RunPiece(vars, begin, needs, run);
      continue;
    }
    ++begin;
    if (begin == ops.size() && info.owner != nullptr) break;
    piece = RunPiece(vars, begin, nothing, run);
  }
}

void CompiledProgram::FeedVars(const Feeds& feeds, BlockVars* vars) const {
  for (const auto& [name, tensor] : feeds) *vars->FindOwn(name) = tensor;
}

std::vector<Value> CompiledProgram::Run(const Feeds& feeds, Scope* scope, const Stream& stream,
                                        uint64_t seed, std::vector<Tensor> outputs) const {
  BlockVars vars((*blocks_)[0], nullptr, nullptr);
  FeedVars(feeds, &vars);
  RunState run{scope, stream, seed, std::move(outputs)};
  RunBlock(&vars, &run);
  std::vector<Value> fetched;
  fetched.reserve(fetches_.size());
  for (const std::string& name : fetches_) {
    const Value* value = FindValue(vars, name, scope);
    SKIFF_ENFORCE(value != nullptr, NotFound, "fetch \"", name, "\" was not computed");
    fetched.push_back(*value);
  }
  return fetched;
}

const Value* CompiledProgram::FindValue(const BlockVars& vars, const std::string& name, Scope* scope) const {
  const Value* value = vars.Find(name);
  if (value != nullptr && HasValue(*value)) return value;
  const auto constant = constant_values_.find(name);
  if (constant != constant_values_.end()) return &constant->second;
  value = scope == nullptr ? nullptr : scope->FindVar(name);
  return value != nullptr && HasValue(*value) ? value : nullptr;
}

std::string CompiledProgram::PlanText(const Feeds& feeds, Scope* scope) const {
  BlockVars vars((*blocks_)[0], nullptr, nullptr);
  FeedVars(feeds, &vars);
  return FindPiece(vars, 0, {}, scope, nullptr)->chunk.plan->ToString();
}

}  // namespace skiff
