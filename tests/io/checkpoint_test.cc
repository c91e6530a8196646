#include "io/checkpoint.h"

#include "executor/executor.h"
#include "framework/data/dataset.h"
#include "framework/layers/amp.h"
#include "framework/layers/averaging.h"
#include "framework/layers/layers.h"
#include "framework/layers/optimizer.h"
#include "framework/program/unique_name.h"
#include "io/checksums.h"
#include "io/state_dict.h"
#include "tests/io/faults.h"

namespace skiff::io {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::StartsWith;

using MakeOptimizer = std::function<void(const Var& loss)>;

struct OptimizerCase {
  const char* name;
  MakeOptimizer minimize;
};
void PrintTo(const OptimizerCase& c, std::ostream* out) { *out << c.name; }

lr::SchedulerPtr Falling() { return lr::ExponentialDecay(0.1, 0.9); }

// A net with dropout over shuffled rows: programs, scope, loader, all made anew as by a fresh process.
class Training {
 public:
  explicit Training(const MakeOptimizer& minimize, uint64_t seed = 7)
      : loader_(Rows(), {.batch_size = 4, .shuffle = true, .seed = seed}) {
    ProgramGuard programs(main, startup);
    UniqueNameGuard names;
    const Var x = layers::Data("x", {-1, 6}), y = layers::Data("y", {-1, 1});
    const Var hidden = layers::Dropout(layers::FC(x, 5, {.activation = "relu"}), 0.5f);
    const Var difference = layers::FC(hidden, 1) - y;
    const Var loss = layers::Mean(difference * difference);
    minimize(loss);
    loss_ = loss.name();
    Seed(seed, &scope);
    executor_.Run(startup, {}, {}, &scope);
  }

  /// @return the bytes of each loss.
  std::string Run(int steps) {
    std::string losses;
    for (int i = 0; i < steps; ++i) {
      auto batch = loader_.Next();
      if (!batch) {
        ++progress.epoch;
        for (const auto& hook : main.run_hooks) {
          if (auto* rate = dynamic_cast<lr::RateHook*>(hook.get())) rate->scheduler()->Step();
        }
        batch = loader_.Next();
      }
      const Tensor loss = executor_.Run(main, {{"x", (*batch)[0]}, {"y", (*batch)[1]}}, {loss_}, &scope)[0];
      losses.append(static_cast<const char*>(loss.raw_data()), loss.bytes());
      ++progress.step;
    }
    progress.data = loader_.position();
    return losses;
  }

  void Restore(const Resumed& resumed) {
    progress = resumed.progress;
    loader_.Restore(progress.data);
  }

  /// Every persistable variable and the random state, by name.
  std::map<std::string, std::string> State() const {
    std::map<std::string, std::string> state;
    for (const std::string& name : scope.LocalNames()) {
      const auto* tensor = std::get_if<Tensor>(scope.FindVar(name));
      const auto v = main.global_block().FindVar(name);
      const bool kept = name == kRandomStateName || (v != nullptr && v->persistable);
      if (!kept || tensor == nullptr || !tensor->is_initialized()) continue;
      state[name] = StrCat(tensor->dtype(), tensor->shape()) +
                    std::string(static_cast<const char*>(tensor->raw_data()), tensor->bytes());
    }
    return state;
  }

  Program main, startup;
  Scope scope;
  Progress progress;

 private:
  static std::shared_ptr<data::Dataset> Rows() {
    Tensor x({18, 6}, DType::kFloat32), y({18, 1}, DType::kFloat32);
    for (int64_t i = 0; i < x.num_elements(); ++i) x.data<float>()[i] = static_cast<float>(i * 37 % 101) / 50 - 1;
    for (int64_t i = 0; i < y.num_elements(); ++i) y.data<float>()[i] = static_cast<float>(i % 3);
    return std::make_shared<data::TensorDataset>(std::vector<Tensor>{x, y});
  }

  Executor executor_{CPUPlace{}, {.num_threads = 1}};
  data::DataLoader loader_;
  std::string loss_;
};

// ---- resuming ------------------------------------------------------------------------------------------

class ResumeTest : public ::testing::TestWithParam<OptimizerCase> {};

TEST_P(ResumeTest, TwiceNStepsAreNStepsSavedAndNMore) {
  constexpr int kSteps = 8;  // in the middle of an epoch of 5
  Training whole(GetParam().minimize);
  const std::string first = whole.Run(kSteps), second = whole.Run(kSteps);

  TemporaryFolder folder;
  const Checkpoint checkpoint(folder / "c");
  {
    Training half(GetParam().minimize);
    EXPECT_EQ(half.Run(kSteps), first);
    checkpoint.Save(half.main, half.scope, half.progress);
    half.Run(3);  // then it was killed
  }
  Training resumed(GetParam().minimize, /*seed=*/99);  // other random numbers everywhere
  const auto found = checkpoint.Resume(resumed.main, resumed.scope);
  ASSERT_TRUE(found.has_value());
  resumed.Restore(*found);
  EXPECT_EQ(resumed.Run(kSteps), second);
  EXPECT_EQ(resumed.State(), whole.State());
  EXPECT_EQ(resumed.progress.step, 2 * kSteps);
  EXPECT_EQ(resumed.progress.epoch, whole.progress.epoch);
}

const OptimizerCase kOptimizers[] = {
    {"SGD", [](const Var& loss) { optimizer::SGD({.learning_rate = Falling()}).Minimize(loss); }},
    {"SGDOfAFixedRate", [](const Var& loss) { optimizer::SGD({.learning_rate = 0.1}).Minimize(loss); }},
    {"Momentum",
     [](const Var& loss) {
       optimizer::Momentum({.learning_rate = Falling(), .use_nesterov = true, .grad_clip = ClipGradByGlobalNorm(1)})
           .Minimize(loss);
     }},
    {"LarsMomentum", [](const Var& loss) { optimizer::LarsMomentum({.learning_rate = Falling()}).Minimize(loss); }},
    {"Adam", [](const Var& loss) { optimizer::Adam({.learning_rate = Falling()}).Minimize(loss); }},
    {"AdamW", [](const Var& loss) { optimizer::AdamW({.learning_rate = Falling()}).Minimize(loss); }},
    {"Adagrad", [](const Var& loss) { optimizer::Adagrad({.learning_rate = Falling()}).Minimize(loss); }},
    {"Adadelta", [](const Var& loss) { optimizer::Adadelta({.learning_rate = Falling()}).Minimize(loss); }},
    {"Adamax", [](const Var& loss) { optimizer::Adamax({.learning_rate = Falling()}).Minimize(loss); }},
    {"RMSProp",
     [](const Var& loss) {
       optimizer::RMSProp({.learning_rate = Falling(), .momentum = 0.9, .centered = true}).Minimize(loss);
     }},
    {"Lamb", [](const Var& loss) { optimizer::Lamb({.learning_rate = Falling()}).Minimize(loss); }},
    {"WarmupOverADecay",  // a scheduler inside a scheduler
     [](const Var& loss) {
       optimizer::Adam({.learning_rate = lr::LinearWarmup(Falling(), 2, 0.01, 0.1)}).Minimize(loss);
     }},
    {"MovingAverage",
     [](const Var& loss) {
       optimizer::Adam({.learning_rate = Falling()}).Minimize(loss);
       optimizer::ExponentialMovingAverage({.decay = 0.9}).Update();
     }},
    {"ModelAverage",
     [](const Var& loss) {
       optimizer::SGD({.learning_rate = 0.1}).Minimize(loss);
       optimizer::ModelAverage average({.min_average_window = 2, .max_average_window = 3});
     }},
    {"LookAhead",  // every 5 steps
     [](const Var& loss) {
       const auto inner = std::make_shared<optimizer::Adam>(optimizer::AdamOptions{.learning_rate = Falling()});
       optimizer::LookAhead(inner, {.k = 5}).Minimize(loss);
     }},
    {"GradientMerge",  // every 3 steps, saved between two
     [](const Var& loss) {
       const auto inner = std::make_shared<optimizer::Momentum>(optimizer::MomentumOptions{.learning_rate = Falling()});
       optimizer::GradientMerge(inner, {.k_steps = 3}).Minimize(loss);
     }},
    {"MixedPrecision",  // the scale of the loss grows every 3 steps
     [](const Var& loss) {
       const auto inner = std::make_shared<optimizer::Adam>(optimizer::AdamOptions{.learning_rate = Falling()});
       amp::MixedPrecision(inner, {.init_loss_scaling = 8, .incr_every_n_steps = 3}).Minimize(loss);
     }},
};
INSTANTIATE_TEST_SUITE_P(Optimizers, ResumeTest, ::testing::ValuesIn(kOptimizers),
                         [](const auto& info) { return std::string(info.param.name); });

// ---- what is kept --------------------------------------------------------------------------------------

void UseSgd(const Var& loss) { optimizer::SGD({.learning_rate = Falling()}).Minimize(loss); }
void UseAdam(const Var& loss) { optimizer::Adam({.learning_rate = Falling()}).Minimize(loss); }

TEST(CheckpointTest, HoldsPaddlesFiles) {
  TemporaryFolder folder;
  Training training(UseAdam);
  training.Run(6);
  const std::string path = Checkpoint(folder / "c").Save(training.main, training.scope, training.progress);
  EXPECT_TRUE(path.ends_with("/c/step_00000006")) << path;
  const StateDict states = LoadStateDict(path + "/checkpoint.pdopt");
  EXPECT_TRUE(states.Has("fc_0.w_0_moment1_0"));
  ASSERT_THAT(states.objects, SizeIs(1));
  EXPECT_EQ(states.objects[0].first, "LR_Scheduler");
  EXPECT_EQ(states.objects[0].second.Find("last_epoch")->AsInt(), 1);
  EXPECT_DOUBLE_EQ(states.objects[0].second.Find("last_lr")->AsFloat(), 0.09);
  EXPECT_TRUE(LoadProgramState(training.main, training.scope, path + "/checkpoint").fits());
  for (const char* suffix : {".pdparams", ".pdopt", ".pdmodel", ".pdstate"}) {
    EXPECT_TRUE(HasChecksum(path + "/checkpoint" + suffix)) << suffix;
  }
}

TEST(CheckpointTest, GivesTheUsersValuesBack) {
  TemporaryFolder folder;
  Training training(UseSgd);
  const Checkpoint checkpoint(folder / "c");
  EXPECT_FALSE(checkpoint.Resume(training.main, training.scope).has_value());  // none yet
  EXPECT_EQ(checkpoint.latest(), "");
  training.progress.data = {3, 4, 0xFFFFFFFFFFFFFFFFu};
  training.progress.extra["best"] = PickleValue::Float(0.97);
  training.progress.extra["名"] = PickleValue::Str("é");
  checkpoint.Save(training.main, training.scope, training.progress);
  const auto resumed = checkpoint.Resume(training.main, training.scope);
  EXPECT_EQ(resumed->progress.data, training.progress.data);
  EXPECT_EQ(resumed->progress.extra.at("best").AsFloat(), 0.97);
  EXPECT_EQ(resumed->progress.extra.at("名").AsText(), "é");
}

TEST(CheckpointTest, KeepsTheNewest) {
  TemporaryFolder folder;
  Training training(UseSgd);
  const Checkpoint checkpoint(folder / "c", {.keep = 2}), all(folder / "all", {.keep = 0});
  for (const int64_t step : {1, 4, 30, 200000000}) {
    checkpoint.Save(training.main, training.scope, {.step = step});
    all.Save(training.main, training.scope, {.step = step});
  }
  EXPECT_THAT(checkpoint.Steps(), ElementsAre(30, 200000000));
  EXPECT_EQ(checkpoint.latest(), folder / "c/step_200000000");
  EXPECT_THAT(all.Steps(), ElementsAre(1, 4, 30, 200000000));
  EXPECT_EQ(all.Resume(training.main, training.scope, {.step = 4})->progress.step, 4);
  EXPECT_THAT(ErrorOf([&] { all.Resume(training.main, training.scope, {.step = 5}); }), HasSubstr("no checkpoint"));
}

TEST(CheckpointTest, TrainingThatWentBackKeepsWhatItSaves) {
  TemporaryFolder folder;
  Training training(UseSgd);
  const Checkpoint checkpoint(folder / "c", {.keep = 2});
  for (const int64_t step : {100, 200, 300, 210}) checkpoint.Save(training.main, training.scope, {.step = step});
  EXPECT_THAT(checkpoint.Steps(), ElementsAre(200, 210));
}

TEST(CheckpointTest, OtherNamesInTheFolderAreLeftAlone) {
  TemporaryFolder folder;
  Training training(UseSgd);
  for (const char* name : {"step_", "step_x", "step_7", "step_-0000001", "notes"}) {
    std::filesystem::create_directories(folder / "c/" + name);
  }
  const Checkpoint checkpoint(folder / "c", {.keep = 1});
  EXPECT_THAT(checkpoint.Steps(), IsEmpty());
  checkpoint.Save(training.main, training.scope, {.step = 1});
  EXPECT_TRUE(std::filesystem::exists(folder / "c/step_7"));
  EXPECT_THAT(checkpoint.Steps(), ElementsAre(1));
}

TEST(CheckpointTest, IsReplacedWhereAFileSystemCannotExchangeFolders) {
  TemporaryFolder folder;
  Training training(UseSgd);
  const Checkpoint checkpoint(folder / "c");
  checkpoint.Save(training.main, training.scope, {.step = 1, .epoch = 1});
  for (int nth = 1;; ++nth) {
    SCOPED_TRACE(nth);
    const Faults faults({.nth = nth, .kinds = kRenameCall});
    CurrentSystemCalls().exchange = [](const char*, const char*) {
      errno = EINVAL;
      return -1;
    };
    const std::string error = ErrorOf([&] { checkpoint.Save(training.main, training.scope, {.step = 1, .epoch = 2}); });
    EXPECT_EQ(checkpoint.Resume(training.main, training.scope)->progress.epoch, error.empty() ? 2 : 1);
    if (!Faults::happened()) break;
  }
  EXPECT_THAT(Leftovers(folder.path()), IsEmpty());
}

// ---- damage --------------------------------------------------------------------------------------------

TEST(CheckpointErrorTest, ADamagedNewestIsSkippedOnlyWhenAsked) {
  for (const char* suffix : {".pdparams", ".pdopt", ".pdstate", ".checksums"}) {
    SCOPED_TRACE(suffix);
    TemporaryFolder folder;
    Training training(UseAdam);
    const Checkpoint checkpoint(folder / "c");
    training.Run(1);
    checkpoint.Save(training.main, training.scope, training.progress);
    const auto at_one = training.State();
    training.Run(1);
    const std::string path = checkpoint.Save(training.main, training.scope, training.progress);
    std::string bytes = PlainText(path + "/checkpoint" + suffix);
    bytes[bytes.size() / 2] ^= 1;
    std::ofstream(path + "/checkpoint" + suffix) << bytes;
    const auto before = training.State();
    EXPECT_THAT(ErrorOf([&] { checkpoint.Resume(training.main, training.scope); }),
                AllOf(HasSubstr("step_00000002"), HasSubstr("or resume from"), HasSubstr("step_00000001")));
    EXPECT_EQ(training.State(), before);
    const auto resumed = checkpoint.Resume(training.main, training.scope, {.skip_damaged = true});
    EXPECT_EQ(resumed->progress.step, 1);
    ASSERT_THAT(resumed->skipped, SizeIs(1));
    EXPECT_THAT(resumed->skipped[0], HasSubstr("step_00000002"));
    EXPECT_EQ(training.State(), at_one);
  }
}

TEST(CheckpointErrorTest, AllDamagedIsAnErrorEvenWhenTheyMayBeSkipped) {
  TemporaryFolder folder;
  Training training(UseSgd);
  const Checkpoint checkpoint(folder / "c");
  std::filesystem::remove(checkpoint.Save(training.main, training.scope, {.step = 1}) + "/checkpoint.pdparams");
  EXPECT_THAT(ErrorOf([&] { checkpoint.Resume(training.main, training.scope, {.skip_damaged = true}); }),
              HasSubstr("checkpoint.pdparams"));
}

TEST(CheckpointErrorTest, ThatOfAnotherProgramChangesNothingAndIsNotSkipped) {
  TemporaryFolder folder;
  Training adam(UseAdam), sgd(UseSgd);
  const Checkpoint checkpoint(folder / "c");
  checkpoint.Save(sgd.main, sgd.scope, {.step = 1});
  adam.Run(1);
  const auto before = adam.State();
  dynamic_cast<lr::RateHook&>(*adam.main.run_hooks[0]).scheduler()->StepTo(5);  // not where the other one was saved
  const double rate = dynamic_cast<lr::RateHook&>(*adam.main.run_hooks[0]).scheduler()->value();
  EXPECT_THAT(ErrorOf([&] { checkpoint.Resume(adam.main, adam.scope, {.skip_damaged = true}); }),
              AllOf(HasSubstr("does not fit the program"), HasSubstr("moment1")));
  EXPECT_EQ(adam.State(), before);
  EXPECT_EQ(dynamic_cast<lr::RateHook&>(*adam.main.run_hooks[0]).scheduler()->value(), rate);
  Training fixed([](const Var& loss) { optimizer::SGD({.learning_rate = 0.1}).Minimize(loss); });
  EXPECT_THAT(ErrorOf([&] { checkpoint.Resume(fixed.main, fixed.scope); }), HasSubstr("1 learning-rate schedulers"));
  Training warm([](const Var& loss) { optimizer::SGD({.learning_rate = lr::LinearWarmup(Falling(), 2, 0.01, 0.1)}).Minimize(loss); });
  EXPECT_THAT(ErrorOf([&] { checkpoint.Resume(warm.main, warm.scope); }),
              AllOf(StartsWith("skiff::InvalidArgument"), HasSubstr("step_00000001\" was saved with a learning-rate scheduler of another kind")));
}

TEST(CheckpointTest, WhatIsToBeAcceptedIsSeenBeforeAnythingIsSet) {
  TemporaryFolder folder;
  Training saved(UseSgd), resumed(UseSgd, /*seed=*/9);
  const Checkpoint checkpoint(folder / "c");
  checkpoint.Save(saved.main, saved.scope, {.step = 3});
  const auto before = resumed.State();
  int64_t step = 0;
  const auto refuse = [&](const Progress& progress, const std::string& path) {
    step = progress.step;
    throw InvalidArgument("not " + path);
  };
  EXPECT_THAT(ErrorOf([&] { checkpoint.Resume(resumed.main, resumed.scope, {.accept = refuse}); }), HasSubstr("step_00000003"));
  EXPECT_EQ(step, 3);
  EXPECT_EQ(resumed.State(), before);
}

TEST(CheckpointErrorTest, AFolderThatCannotBeListedIsNotAnEmptyOne) {
  TemporaryFolder folder;
  std::ofstream(folder / "file") << "x";
  Training training(UseSgd);
  const Checkpoint checkpoint(folder / "file");
  EXPECT_THAT(ErrorOf([&] { checkpoint.Steps(); }), HasSubstr("cannot list the checkpoints in"));
  EXPECT_THAT(ErrorOf([&] { checkpoint.Resume(training.main, training.scope); }), HasSubstr("Not a directory"));
  EXPECT_FALSE(Checkpoint(folder / "none").Resume(training.main, training.scope).has_value());
}

TEST(CheckpointErrorTest, SaysWhatIsWrongWithItsArguments) {
  Training training(UseSgd);
  EXPECT_THAT(ErrorOf([&] { Checkpoint(""); }), HasSubstr("a name"));
  EXPECT_THAT(ErrorOf([&] { Checkpoint("c", {.keep = -1}); }), HasSubstr("keep -1"));
  EXPECT_THAT(ErrorOf([&] { Checkpoint("c").Save(training.main, training.scope, {.step = -1}); }), HasSubstr("step is -1"));
  Scope empty;
  EXPECT_THAT(ErrorOf([&] { Checkpoint("/tmp/never").Save(training.main, empty, {}); }), HasSubstr("startup program"));
  EXPECT_FALSE(std::filesystem::exists("/tmp/never"));
}

// A scheduler of a user's own that fails once when it is restored.
class Balking : public lr::Scheduler {
 public:
  Balking() : Scheduler(0.1) { Start(-1); }
  double Rate() override { return base_lr_; }
  void Restore(const lr::State& state) override {
    if (std::exchange(balks, false)) throw std::runtime_error("a scheduler balks");
    Scheduler::Restore(state);
  }
  bool balks = false;
};

TEST(CheckpointErrorTest, WhateverASchedulerThrowsTheOthersAreAsBefore) {
  TemporaryFolder folder;
  Training training(UseSgd);
  const auto balking = std::make_shared<Balking>();
  training.main.run_hooks.push_back(std::make_shared<lr::RateHook>(balking, "rate", DType::kFloat32));
  const Checkpoint checkpoint(folder / "c");
  checkpoint.Save(training.main, training.scope, {.step = 1});
  const lr::SchedulerPtr falling = dynamic_cast<lr::RateHook&>(*training.main.run_hooks[0]).scheduler();
  falling->StepTo(5);
  const double rate = falling->value();
  balking->balks = true;
  EXPECT_THROW(checkpoint.Resume(training.main, training.scope), std::runtime_error);
  EXPECT_EQ(falling->last_epoch(), 5);
  EXPECT_EQ(falling->value(), rate);
  ASSERT_TRUE(checkpoint.Resume(training.main, training.scope));
  EXPECT_EQ(falling->last_epoch(), 0);
}

TEST(CheckpointErrorTest, AStateThatIsNoneNamesWhatItLacks) {
  TemporaryFolder folder;
  Training training(UseSgd);
  const Checkpoint checkpoint(folder / "c");
  const std::string path = checkpoint.Save(training.main, training.scope, {.step = 1}) + "/checkpoint.pdstate";
  SavePickle(PickleValue::Dict({}), path);
  EXPECT_THAT(ErrorOf([&] { checkpoint.Resume(training.main, training.scope); }), HasSubstr("checkpoint.pdstate\" is no state of a checkpoint"));
  SavePickle(PickleValue::List({}), path);
  EXPECT_THAT(ErrorOf([&] { checkpoint.Resume(training.main, training.scope); }), HasSubstr("it has no \"data\""));
}

}  // namespace
}  // namespace skiff::io
