#include "executor/executor.h"

#include <algorithm>
#include <random>

#include "executor/fed_shape.h"

namespace skiff {

namespace {

uint64_t Mix(uint64_t x) {  // splitmix64: spreads consecutive run numbers over all bits
  x += 0x9E3779B97F4A7C15ull;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ull;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBull;
  return x ^ (x >> 31);
}

// The seed of this run; the state in the scope moves on.
uint64_t NextSeed(const Program& program, Scope* scope) {
  Tensor* state = std::get_if<Tensor>(scope->Var(kRandomStateName));
  if (state == nullptr || !state->is_initialized()) {
    const uint64_t seed = program.random_seed != 0
                              ? static_cast<uint64_t>(program.random_seed)
                              : (uint64_t{std::random_device{}()} << 32) | std::random_device{}();
    Seed(seed, scope);
    state = std::get_if<Tensor>(scope->Var(kRandomStateName));
  }
  int64_t* data = state->data<int64_t>();
  return Mix(Mix(static_cast<uint64_t>(data[0])) + static_cast<uint64_t>(data[1]++));
}

std::string FirstUse(const Block& block, const std::string& name) {
  for (size_t i = 0; i < block.ops().size(); ++i) {
    const Operator& op = *block.ops()[i];
    if (op.type != "feed" && op.inputs.Mentions(name)) {
      return StrCat("first used by ", op.type, " (operator ", i, " of block ", block.idx(), ")");
    }
  }
  return "";
}

void CheckFeed(const Block& block, const std::string& name, const Tensor& tensor) {
  const std::shared_ptr<Variable> v = block.FindVar(name);
  if (v == nullptr) {
    NotFound error(StrCat("feed \"", name, "\" names no variable of the program"));
    std::vector<std::string> names;
    for (const auto& known : block.vars()) names.push_back(known->name);
    error.AddContext(DidYouMean(name, names));
    throw error;
  }
  SKIFF_ENFORCE(tensor.is_initialized(), InvalidArgument, "feed \"", name, "\" holds no value");
  if (!IsDense(*v) || v->dtype == DType::kUndefined) return;
  // Programs of Paddle 2.4 and older declare [1] where 2.6 has 0-D tensors.
  const bool one_element = v->shape.IsKnown() && v->shape.NumElements() == 1 && tensor.num_elements() == 1;
  if (tensor.dtype() == v->dtype && (v->shape.Takes(tensor.shape()) || one_element)) return;
  const bool dtype_differs = tensor.dtype() != v->dtype;
  // Seldom needed, and a walk over all blocks.
  if (!dtype_differs && FedShape(*block.program(), *v).Takes(tensor.shape())) return;
  InvalidArgument error(
      dtype_differs ? StrCat("feed \"", name, "\" is ", tensor.dtype(), ", the program wants ", v->dtype)
                    : StrCat("feed \"", name, "\" has shape ", tensor.shape(), ", the program wants ", v->shape));
  error.AddContext(FirstUse(block, name));
  std::string remedy = StrCat("feed a ", v->dtype, " tensor of shape ", v->shape);
  if (!v->shape.IsKnown()) remedy += " (-1 takes any extent)";
  error.AddContext(remedy);
  throw error;
}

}  // namespace

struct Executor::Entry {
  uint64_t program_uid;
  uint64_t revision;
  std::vector<std::string> feeds;
  std::vector<std::string> fetches;
  std::unique_ptr<CompiledProgram> compiled;
  std::unique_ptr<Stream> stream;
  std::mutex stream_mutex;  // one stream serves one run at a time

  bool Fits(const Program& program, const Feeds& fed, const std::vector<std::string>& wanted) const {
    if (program.uid() != program_uid || program.revision() != revision ||
        fed.size() != feeds.size() || wanted != fetches) {
      return false;
    }
    for (size_t i = 0; i < fed.size(); ++i) {
      if (fed[i].first != feeds[i]) return false;
    }
    return true;
  }
};

Executor::Executor(const Place& place, ExecutorOptions options)
    : place_(place), options_(std::move(options)) {
  SKIFF_ENFORCE(options_.num_threads >= 0, InvalidArgument, "num_threads is ",
                options_.num_threads, "; it must be positive, or 0 for all");
  if (options_.num_threads == 0) options_.num_threads = DefaultNumThreads();
}

Executor::~Executor() = default;

void Executor::Close() {
  std::lock_guard lock(mutex_);
  entries_.clear();
}

std::shared_ptr<Executor::Entry> Executor::Find(const Program& program, const Feeds& feeds,
                                                const std::vector<std::string>& fetches) {
  std::lock_guard lock(mutex_);
  for (auto it = entries_.begin(); it != entries_.end(); ++it) {
    if (!(*it)->Fits(program, feeds, fetches)) continue;
    if (it != entries_.begin()) entries_.splice(entries_.begin(), entries_, it);
    return entries_.front();
  }
  // Plans of an earlier revision of this program will never be asked for again.
  entries_.remove_if([&](const auto& entry) {
    return entry->program_uid == program.uid() && entry->revision != program.revision();
  });
  auto entry = std::make_shared<Entry>();
  entry->program_uid = program.uid();
  entry->revision = program.revision();
  for (const auto& [name, tensor] : feeds) entry->feeds.push_back(name);
  entry->fetches = fetches;
  CompiledProgram::Options options;
  options.place = place_;
  options.num_threads = options_.num_threads;
  options.optimize = options_.optimize;
  options.disabled_passes = options_.disabled_passes;
  entry->compiled = std::make_unique<CompiledProgram>(program, entry->feeds, fetches,
                                                      std::map<std::string, Tensor>{},
                                                      /*frozen=*/false, options);
  entry->stream = std::make_unique<Stream>(place_);
  entries_.push_front(entry);
  if (entries_.size() > options_.max_cached_programs) entries_.pop_back();
  return entry;
}

std::vector<Value> Executor::RunValues(const Program& program, const Feeds& feeds,
                                       const std::vector<std::string>& fetches, Scope* scope) {
  if (scope == nullptr) scope = &GlobalScope();
  for (const auto& [name, tensor] : feeds) CheckFeed(program.global_block(), name, tensor);
  const std::shared_ptr<Entry> entry = Find(program, feeds, fetches);
  for (const auto& hook : program.run_hooks) hook->BeforeRun(*scope);
  const uint64_t seed = entry->compiled->has_random() ? NextSeed(program, scope) : 0;
  const bool all_here = std::all_of(feeds.begin(), feeds.end(), [&](const auto& feed) {
    return feed.second.place() == place_;
  });
  if (all_here && place_.is_cpu()) {
    return entry->compiled->Run(feeds, scope, *entry->stream, seed);
  }
  std::lock_guard lock(entry->stream_mutex);
  Feeds moved = feeds;
  for (auto& [name, tensor] : moved) tensor = tensor.To(place_);
  return entry->compiled->Run(moved, scope, *entry->stream, seed);
}

std::vector<Tensor> Executor::Run(const Program& program, const Feeds& feeds,
                                  const std::vector<std::string>& fetches, Scope* scope) {
  std::vector<Value> values = RunValues(program, feeds, fetches, scope);
  std::vector<Tensor> tensors;
  tensors.reserve(values.size());
  for (size_t i = 0; i < values.size(); ++i) {
    Tensor* tensor = std::get_if<Tensor>(&values[i]);
    SKIFF_ENFORCE(tensor != nullptr, InvalidType, "fetch \"", fetches[i],
                  "\" is no dense tensor; fetch it with RunValues");
    tensors.push_back(place_.is_cpu() ? std::move(*tensor) : tensor->To(CPUPlace{}));
  }
  return tensors;
}

std::string Executor::PlanText(const Program& program, const Feeds& feeds,
                               const std::vector<std::string>& fetches, Scope* scope) {
  return Find(program, feeds, fetches)->compiled->PlanText(feeds, scope == nullptr ? &GlobalScope() : scope);
}

void Seed(uint64_t seed, Scope* scope) {
  if (scope == nullptr) scope = &GlobalScope();
  scope->SetTensor(kRandomStateName, Tensor::Of<int64_t>({2}, {static_cast<int64_t>(seed), 0}));
}

}  // namespace skiff
