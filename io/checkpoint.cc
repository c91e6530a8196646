#include "io/checkpoint.h"

#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <memory>
#include <new>

#include "executor/executor.h"
#include "framework/layers/lr_scheduler.h"
#include "io/atomic_file.h"
#include "io/checksums.h"
#include "io/commit_journal.h"
#include "io/state_dict.h"
#include "io/new_folder.h"

namespace skiff::io {

namespace {

constexpr std::string_view kStepPrefix = "step_";
constexpr const char* kSchedulerKey = "LR_Scheduler";  // Paddle's, in .pdopt

using Items = std::vector<PickleValue::Item>;

PickleValue::Item Entry(const char* key, PickleValue value) { return {PickleValue::Str(key), std::move(value)}; }

// ---- schedulers

std::vector<lr::SchedulerPtr> SchedulersOf(const Program& program) {
  std::vector<lr::SchedulerPtr> schedulers;
  for (const auto& hook : program.run_hooks) {
    const auto* rate = dynamic_cast<const lr::RateHook*>(hook.get());
    if (rate == nullptr || std::ranges::find(schedulers, rate->scheduler()) != schedulers.end()) continue;
    schedulers.push_back(rate->scheduler());
  }
  return schedulers;
}

std::string SchedulerKey(size_t index) {
  return index == 0 ? kSchedulerKey : StrCat(kSchedulerKey, "_", index);
}

// Paddle's form: a dict, with that of an inner scheduler ("LinearWarmup_LR.last_lr") inside.
PickleValue ToPickle(const lr::State& state, const std::string& prefix = "") {
  Items items;
  std::string inner;
  for (const auto& [key, value] : state) {
    if (!key.starts_with(prefix)) continue;
    const std::string name = key.substr(prefix.size());
    const size_t dot = name.find('.');
    if (dot != name.npos) {
      if (inner == name.substr(0, dot)) continue;
      inner = name.substr(0, dot);
      items.emplace_back(PickleValue::Str(inner), ToPickle(state, prefix + inner + "."));
    } else {
      items.emplace_back(PickleValue::Str(name), name == "last_epoch" ? PickleValue::Int(static_cast<int64_t>(value))
                                                                      : PickleValue::Float(value));
    }
  }
  return PickleValue::Dict(std::move(items));
}

void AddState(const PickleValue& value, const std::string& prefix, lr::State* state) {
  for (const auto& [key, one] : value.entries()) {
    if (one.IsDict()) {
      AddState(one, prefix + key.AsText() + ".", state);
    } else if (one.Is(PickleKind::kInt) || one.Is(PickleKind::kFloat)) {
      (*state)[prefix + key.AsText()] = one.AsFloat();
    }
  }
}

// ---- progress and random state

PickleValue ToPickle(const Progress& progress, const Tensor* random) {
  PickleValue random_state;
  if (random != nullptr && random->is_initialized()) {
    const auto numbers = random->Values<int64_t>();
    random_state = PickleValue::List({PickleValue::Int(numbers[0]), PickleValue::Int(numbers[1])});
  }
  Items extra;
  for (const auto& [key, value] : progress.extra) extra.emplace_back(PickleValue::Str(key), value);
  const auto seed = static_cast<int64_t>(progress.data.seed);  // its bits
  return PickleValue::Dict(
      {Entry("step", PickleValue::Int(progress.step)), Entry("epoch", PickleValue::Int(progress.epoch)),
       Entry("data", PickleValue::Dict({Entry("epoch", PickleValue::Int(progress.data.epoch)),
                                        Entry("batch", PickleValue::Int(progress.data.batch)),
                                        Entry("seed", PickleValue::Int(seed))})),
       Entry("random_state", std::move(random_state)), Entry("extra", PickleValue::Dict(std::move(extra)))});
}

const PickleValue& Field(const PickleValue& dict, const char* key, const std::string& path) {
  const PickleValue* found = dict.IsDict() ? dict.Find(key) : nullptr;
  SKIFF_ENFORCE(found != nullptr, InvalidArgument, "\"", path, "\" is no state of a checkpoint: it has no \"", key, "\"");
  return *found;
}

// ---- one checkpoint

struct LoadedCheckpoint {
  StateDict variables;
  std::vector<lr::State> schedulers;
  Tensor random;
  Progress progress;
};

LoadedCheckpoint LoadCheckpoint(const std::string& folder) {
  const std::string prefix = folder + "/checkpoint";
  LoadedCheckpoint loaded;
  loaded.variables = LoadStateDict(prefix + ".pdparams");
  const StateDict states = LoadStateDict(prefix + ".pdopt");
  for (const StateDict::Entry& entry : states) loaded.variables.Set(entry.name, entry.tensor);
  for (size_t i = 0;; ++i) {
    const auto found = std::ranges::find(states.objects, SchedulerKey(i), [](const auto& object) { return object.first; });
    if (found == states.objects.end()) break;
    AddState(found->second, "", &loaded.schedulers.emplace_back());
  }

  const std::string path = prefix + ".pdstate";
  const PickleValue state = LoadPickle(OpenVerified(path));
  const auto number = [&](const PickleValue& dict, const char* key) { return Field(dict, key, path).AsInt(); };
  const PickleValue& data = Field(state, "data", path);
  loaded.progress = {number(state, "step"), number(state, "epoch"),
                     {number(data, "epoch"), number(data, "batch"), static_cast<uint64_t>(number(data, "seed"))}};
  for (const auto& [key, value] : Field(state, "extra", path).entries()) loaded.progress.extra[key.AsText()] = value;
  const PickleValue& random = Field(state, "random_state", path);
  if (random.Is(PickleKind::kList) && random.items().size() == 2) {
    loaded.random = Tensor::Of<int64_t>({2}, {random.items()[0].AsInt(), random.items()[1].AsInt()});
  }
  return loaded;
}

// A schedule with other numbers, or another one that is kept alike, is the user's to choose.
void RestoreScheduler(const lr::State& state, const std::string& path, lr::Scheduler* scheduler) {
  try {
    scheduler->Restore(state);
  } catch (const NotFound& error) {
    throw InvalidArgument(StrCat("\"", path, "\" was saved with a learning-rate scheduler of another kind: ", error.headline()));
  }
}

void ApplyCheckpoint(const LoadedCheckpoint& loaded, const std::string& path, const Program& program, Scope& scope) {
  const std::vector<lr::SchedulerPtr> schedulers = SchedulersOf(program);
  SKIFF_ENFORCE(schedulers.size() == loaded.schedulers.size(), InvalidArgument, "\"", path, "\" was saved with ",
                loaded.schedulers.size(), " learning-rate schedulers, the program has ", schedulers.size());
  std::vector<lr::State> before;
  for (const auto& scheduler : schedulers) before.push_back(scheduler->Save());
  const auto restore = [&] {
    for (size_t i = 0; i < schedulers.size(); ++i) schedulers[i]->Restore(before[i]);
  };
  try {
    for (size_t i = 0; i < schedulers.size(); ++i) RestoreScheduler(loaded.schedulers[i], path, schedulers[i].get());
    SetStateDict(program, scope, loaded.variables);
  } catch (Error& error) {
    error.AddContext(StrCat("in the checkpoint \"", path, "\""));
    restore();
    throw;
  } catch (...) {
    restore();
    throw;
  }
  *scope.Var(kRandomStateName) = loaded.random;
}

}  // namespace

Checkpoint::Checkpoint(std::string folder, const CheckpointOptions& options)
    : folder_(std::move(folder)), options_(options) {
  SKIFF_ENFORCE(!folder_.empty() && folder_.find('\0') == std::string::npos && options.keep >= 0, InvalidArgument,
                "Checkpoint: the folder is \"", folder_, "\", keep ", options.keep, "; a name and 0 (all) or more are wanted");
}

std::string Checkpoint::PathOf(int64_t step) const {
  std::string digits = std::to_string(step);
  digits.insert(0, 8 - std::min<size_t>(8, digits.size()), '0');  // so that lists of names are in order
  return StrCat(folder_, "/", kStepPrefix, digits);
}

std::vector<int64_t> Checkpoint::Steps() const {
  std::vector<int64_t> steps;
  const std::unique_ptr<DIR, int (*)(DIR*)> names(::opendir(folder_.c_str()), ::closedir);
  SKIFF_ENFORCE(names != nullptr || errno == ENOENT, External, "cannot list the checkpoints in \"", folder_, "\": ", std::strerror(errno));
  while (const dirent* entry = names == nullptr ? nullptr : ::readdir(names.get())) {
    std::string_view name = entry->d_name;
    if (!name.starts_with(kStepPrefix)) continue;
    name.remove_prefix(kStepPrefix.size());
    int64_t step = 0;
    const auto parsed = std::from_chars(name.data(), name.data() + name.size(), step);
    if (parsed.ec != std::errc() || parsed.ptr != name.data() + name.size() || step < 0) continue;
    if (PathOf(step).ends_with(entry->d_name)) steps.push_back(step);
  }
  std::ranges::sort(steps);
  return steps;
}

std::string Checkpoint::latest() const {
  const std::vector<int64_t> steps = Steps();
  return steps.empty() ? "" : PathOf(steps.back());
}

std::string Checkpoint::Save(const Program& program, const Scope& scope, const Progress& progress) const {
  SKIFF_ENFORCE(progress.step >= 0, InvalidArgument, "Checkpoint::Save: the step is ", progress.step,
                "; it must be 0 or more");
  const StateDict parameters = GetStateDict(program, scope, StateKind::kParameters);
  StateDict states = GetStateDict(program, scope, StateKind::kOptimizer);
  const std::vector<lr::SchedulerPtr> schedulers = SchedulersOf(program);
  for (size_t i = 0; i < schedulers.size(); ++i) {
    states.objects.emplace_back(SchedulerKey(i), ToPickle(schedulers[i]->Save()));
  }
  const Value* random = scope.FindVar(kRandomStateName);

  NewFolder made(folder_);
  {
    AtomicFiles files;
    const std::string prefix = made.path() + "/checkpoint";
    AddProgramState(program, parameters, states, prefix, /*protocol=*/4, &files);
    WritePickle(ToPickle(progress, random == nullptr ? nullptr : std::get_if<Tensor>(random)), {},
                &files.Add(prefix + ".pdstate"));
    AddChecksums(prefix, &files);
    files.Commit();
  }
  const std::string path = PathOf(progress.step);
  made.MoveTo(path);
  try {
    RemoveOld(progress.step);
  } catch (const std::bad_alloc&) {
    // This one is saved; the old ones go with the next.
  }
  return path;
}

void Checkpoint::RemoveOld(int64_t saved) const {
  std::vector<int64_t> steps = Steps();
  if (options_.keep == 0) return;
  while (steps.size() > static_cast<size_t>(options_.keep)) {
    const auto goes = steps.back() > saved ? steps.end() - 1 : steps.begin();
    NewFolder::Remove(PathOf(*goes));
    steps.erase(goes);
  }
}

std::optional<Resumed> Checkpoint::Resume(const Program& program, Scope& scope, const ResumeOptions& options) const {
  const auto none_is_removed = LockForReading(folder_);
  std::vector<int64_t> steps = Steps();
  if (options.step) {
    SKIFF_ENFORCE(std::ranges::binary_search(steps, *options.step), NotFound, "there is no checkpoint \"",
                  PathOf(*options.step), "\"");
    while (steps.back() != *options.step) steps.pop_back();
  }
  Resumed resumed;
  for (; !steps.empty(); steps.pop_back()) {
    resumed.path = PathOf(steps.back());
    LoadedCheckpoint loaded;
    try {
      loaded = LoadCheckpoint(resumed.path);
    } catch (Error& error) {
      if (options.skip_damaged && steps.size() > 1) {
        resumed.skipped.push_back(error.what());
        continue;
      }
      if (steps.size() > 1) error.AddContext(StrCat("or resume from \"", PathOf(steps[steps.size() - 2]), "\" (skip_damaged)"));
      throw;
    }
    if (options.accept) options.accept(loaded.progress, resumed.path);
    ApplyCheckpoint(loaded, resumed.path, program, scope);
    resumed.progress = std::move(loaded.progress);
    return resumed;
  }
  return std::nullopt;
}

}  // namespace skiff::io
