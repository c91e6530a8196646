// Every operator with a recorded case, its gradient and its second gradient, given inputs of any kind, shape, dtype,
// content and sequences, slots that are left out, and attributes out of every range: it answers, or throws a
// skiff::Error; it touches no memory that is not its own, does not run for ever, and asks for no memory past the
// process's limit without an error. What a file says of a program has no other guard than this.
//
// Everything is tried one thing at a time, with a case for each choice of inputs of an operator; a part of it as a
// program too. Where SKIFF_HOSTILE_DRAWS is set all of it is, with every case, and as many draws of several things at
// once; SKIFF_TEST_OPS narrows it to some operators.
#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
extern "C" const char* __asan_default_options() { return "max_allocation_size_mb=3072:allocator_may_return_null=1"; }
#endif

#include <cstdlib>
#include <filesystem>
#include <limits>
#include <random>

#include "executor/executor.h"
#include "framework/tensor/memory_guard.h"
#include "tests/support/child.h"
#include "tests/support/recorded_case.h"

namespace skiff::testing {
namespace {

using Values = std::map<std::string, Value>;

#if defined(__SANITIZE_ADDRESS__)
constexpr bool kWatched = false;  // the sanitizer watches, and needs all the address space
void TellOutOfMemory() {
  __sanitizer_set_death_callback([] {
    const std::string report = __asan_get_report_description() == nullptr ? "" : __asan_get_report_description();
    if (report == "out-of-memory" || report == "allocation-size-too-big") _exit(kOutOfMemory);
  });
}
#else
constexpr bool kWatched = true;
void TellOutOfMemory() {}
#endif
constexpr rlim_t kAddressSpace = kWatched ? rlim_t{3} << 30 : 0;
constexpr int kSeconds = 60;  // of an attempt; the slowest takes some 2

int Draws() {
  const char* wanted = std::getenv("SKIFF_HOSTILE_DRAWS");
  return wanted == nullptr ? 0 : std::atoi(wanted);
}

// Something that is not as it should be.
struct Change {
  std::string what;
  std::function<void(Operator*, Values*)> make;
};

// The numbers of `t` in another shape and dtype, repeated where there are more elements.
Tensor Reshaped(const Tensor& t, const Shape& shape, DType dtype) {
  if (IsComplex(t.dtype()) || IsComplex(dtype)) {
    Tensor zeros(shape, dtype);
    std::memset(zeros.raw_data(), 0, zeros.bytes());
    return zeros;
  }
  std::vector<double> values = ToDoubles(t);
  const size_t given = values.size();
  values.resize(static_cast<size_t>(shape.NumElements()), 1.0);
  for (size_t i = given; given > 0 && i < values.size(); ++i) values[i] = values[i % given];
  return MakeTensor(shape, dtype, values);
}

Tensor Filled(const Tensor& t, double number) {
  Tensor filled = MakeTensor(t.shape(), t.dtype(), std::vector<double>(static_cast<size_t>(t.num_elements()), number));
  filled.set_lod(t.lod());
  return filled;
}

// Changes of one input, which holds `t` when nothing else was changed.
void AddInputChanges(const std::string& slot, const std::string& name, const Tensor& t, std::vector<Change>* changes) {
  const auto add = [&](const std::string& how, const std::function<Value(const Tensor&)>& other) {
    changes->push_back({StrCat(slot, " ", t.dtype(), " ", t.shape(), " ", how), [name, other](Operator*, Values* values) {
                          const auto* now = std::get_if<Tensor>(&values->at(name));
                          if (now != nullptr && now->is_initialized()) values->at(name) = other(*now);
                        }});
  };
  const auto as = [&](const Shape& shape, DType dtype) {
    add(StrCat("as ", dtype, " ", shape), [=](const Tensor& now) { return Reshaped(now, shape, dtype); });
  };
  const int rank = t.shape().rank();
  for (int axis = 0; axis < rank; ++axis) {
    for (const int64_t extent : {int64_t{0}, int64_t{1}, t.shape()[axis] - 1, t.shape()[axis] + 1, 2 * t.shape()[axis]}) {
      Shape shape = t.shape();
      shape[axis] = std::max<int64_t>(extent, 0);
      as(shape, t.dtype());
    }
  }
  as(Shape{}, t.dtype());
  as(Shape{t.num_elements()}, t.dtype());
  if (rank < Shape::kMaxRank) {
    Shape more = t.shape();
    more.Append(1);
    as(more, t.dtype());
    as(Shape{1, 1, 1, 1, 1, 1}, t.dtype());
  }
  if (rank > 0) {
    Shape less = t.shape();
    less.Erase(0);
    as(less, t.dtype());
  }
  for (const DType dtype : {DType::kBool, DType::kUInt8, DType::kInt32, DType::kInt64, DType::kFloat16, DType::kFloat32,
                            DType::kFloat64, DType::kComplex64}) {
    if (dtype != t.dtype()) as(t.shape(), dtype);
  }
  constexpr double kInfinite = std::numeric_limits<double>::infinity(), kNaN = std::numeric_limits<double>::quiet_NaN();
  if (IsInteger(t.dtype())) {
    for (const double number : {-1.0, 0.0, 1e6, -2147483648.0, 2147483647.0, 9.2e18}) {
      if (std::abs(number) > 1e10 && t.dtype() != DType::kInt64) continue;
      add(StrCat("filled with ", number), [=](const Tensor& now) { return Filled(now, number); });
    }
  } else if (IsFloating(t.dtype())) {
    for (const double number : {-1.0, 0.0, 1e30, -1e30, kInfinite, -kInfinite, kNaN}) {
      add(StrCat("filled with ", number), [=](const Tensor& now) { return IsComplex(now.dtype()) ? now : Filled(now, number); });
    }
  }
  if (IsInteger(t.dtype()) || IsFloating(t.dtype())) {
    add("scattered", [](const Tensor& now) {
      if (IsComplex(now.dtype()) || now.dtype() == DType::kBool) return now;
      std::vector<double> values(static_cast<size_t>(now.num_elements()));
      for (size_t i = 0; i < values.size(); ++i) values[i] = (i % 2 == 0 ? -1 : 1) * (IsFloating(now.dtype()) ? 1e30 : 1e9);
      Tensor scattered = MakeTensor(now.shape(), now.dtype(), values);
      scattered.set_lod(now.lod());
      return scattered;
    });
  }
  add("without value", [](const Tensor&) { return Tensor(); });
  add("as a list", [](const Tensor& now) { return TensorArray{now, now}; });
  add("as an empty list", [](const Tensor&) { return TensorArray{}; });
  add("as rows", [](const Tensor& now) -> Value {
    if (now.shape().rank() == 0) return now;
    return SelectedRows{std::vector<int64_t>(static_cast<size_t>(now.shape()[0]), 1), 4, now};
  });
  add("as rows that are not there", [](const Tensor& now) -> Value {
    if (now.shape().rank() == 0) return now;
    std::vector<int64_t> rows(static_cast<size_t>(now.shape()[0]), int64_t{1} << 40);
    if (!rows.empty()) rows.back() = -3;
    return SelectedRows{rows, 4, now};
  });
  const auto with_lod = [&](const std::string& how, const std::function<LoD(uint64_t)>& lod) {
    add(how, [lod](const Tensor& now) {
      Tensor other = now.Clone();
      if (now.shape().rank() > 0) other.set_lod(lod(static_cast<uint64_t>(now.shape()[0])));
      return other;
    });
  };
  with_lod("as one sequence", [](uint64_t rows) { return LoD{{0, rows}}; });
  with_lod("as empty sequences", [](uint64_t rows) { return LoD{{0, 0, 0, rows, rows}}; });
  with_lod("in two levels", [](uint64_t rows) { return LoD{{0, 1, 2}, {0, 0, rows}}; });
  with_lod("in no sequence", [](uint64_t rows) { return rows == 0 ? LoD{{0}} : LoD{}; });
}

// Slots that are left out, or whose last variable is.
void AddSlotChanges(const Operator& op, std::vector<Change>* changes) {
  for (Slots Operator::*side : {&Operator::inputs, &Operator::outputs}) {
    for (const auto& [slot, names] : op.*side) {
      const std::string what = StrCat(side == &Operator::inputs ? "input " : "output ", slot);
      changes->push_back({"without " + what, [=, slot = slot](Operator* changed, Values*) { (changed->*side).Set(slot, {}); }});
      if (names.empty()) continue;
      const auto of_last = [&](const std::string& how, const std::function<void(std::vector<std::string>*)>& make) {
        changes->push_back({how + what, [=, slot = slot](Operator* changed, Values*) {
                              std::vector<std::string> now = (changed->*side)[slot];
                              if (!now.empty()) make(&now);
                              (changed->*side).Set(slot, now);
                            }});
      };
      of_last("with an empty variable of ", [](std::vector<std::string>* now) { now->back() = kEmptyVarName; });
      if (names.size() == 1) continue;
      const std::string more = side == &Operator::inputs ? names.front() : "another";
      of_last("with one variable less of ", [](std::vector<std::string>* now) { now->pop_back(); });
      of_last("with one variable more of ", [more](std::vector<std::string>* now) { now->push_back(more); });
    }
  }
}

// The same extent of all inputs is another one: they go on agreeing with each other.
void AddExtentChanges(const Operator& op, const Values& values, std::vector<Change>* changes) {
  std::set<int64_t> extents;
  std::set<std::string> names;
  for (const std::string& name : op.inputs.AllNames()) {
    const auto found = values.find(name);
    const Tensor* t = found == values.end() ? nullptr : std::get_if<Tensor>(&found->second);
    if (t == nullptr || !t->is_initialized()) continue;
    names.insert(name);
    extents.insert(t->shape().begin(), t->shape().end());
  }
  for (const int64_t extent : extents) {
    for (const int64_t other : {int64_t{0}, int64_t{1}, extent + 1}) {
      if (other == extent) continue;
      changes->push_back({StrCat("every extent ", extent, " as ", other), [names, extent, other](Operator*, Values* changed) {
                            for (const std::string& name : names) {
                              const auto* now = std::get_if<Tensor>(&changed->at(name));
                              if (now == nullptr || !now->is_initialized()) continue;
                              Shape shape = now->shape();
                              for (int axis = 0; axis < shape.rank(); ++axis) shape[axis] = shape[axis] == extent ? other : shape[axis];
                              if (shape != now->shape()) changed->at(name) = Reshaped(*now, shape, now->dtype());
                            }
                          }});
    }
  }
}

// Values out of every range, of the kind of `usual`.
std::vector<Attribute> HostileAttributes(const Attribute& usual, const Attribute* given) {
  constexpr int32_t kMost = std::numeric_limits<int32_t>::max(), kLeast = std::numeric_limits<int32_t>::min();
  std::vector<Attribute> hostile;
  if (std::holds_alternative<int32_t>(usual) || std::holds_alternative<int64_t>(usual)) {
    for (const int32_t v : {-1, 0, 1, 7, -100, 1000, kMost, kLeast}) hostile.emplace_back(v);
    if (std::holds_alternative<int64_t>(usual)) {
      for (const int64_t v : {std::numeric_limits<int64_t>::min(), std::numeric_limits<int64_t>::max()}) hostile.emplace_back(v);
    }
  } else if (std::holds_alternative<float>(usual) || std::holds_alternative<double>(usual)) {
    for (const float v : {-1.0f, 0.0f, 1e30f, std::numeric_limits<float>::infinity(), std::numeric_limits<float>::quiet_NaN()}) {
      hostile.emplace_back(v);
    }
  } else if (std::holds_alternative<std::string>(usual)) {
    hostile.emplace_back(std::string("no such thing"));
    hostile.emplace_back(std::string());
  } else if (std::holds_alternative<bool>(usual)) {
    hostile.emplace_back(true);
    hostile.emplace_back(false);
  } else if (std::holds_alternative<std::vector<int32_t>>(usual) || std::holds_alternative<std::vector<int64_t>>(usual)) {
    std::vector<int64_t> now;
    if (given != nullptr) Coerce(*given, &now);
    hostile.emplace_back(std::vector<int64_t>{});
    hostile.emplace_back(std::vector<int64_t>(1, 1));
    hostile.emplace_back(std::vector<int64_t>(now.size() + 1, 1));
    hostile.emplace_back(std::vector<int64_t>(12, 1));
    for (const int64_t v : {int64_t{0}, int64_t{-1}, int64_t{300}, int64_t{kMost}, int64_t{kLeast}}) {
      hostile.emplace_back(std::vector<int64_t>(std::max<size_t>(now.size(), 1), v));
      if (now.size() < 2) continue;
      std::vector<int64_t> last = now;
      last.back() = v;
      hostile.emplace_back(last);
    }
  } else if (std::holds_alternative<std::vector<float>>(usual) || std::holds_alternative<std::vector<double>>(usual)) {
    for (const size_t n : {size_t{0}, size_t{1}, size_t{3}, size_t{5}}) hostile.emplace_back(std::vector<float>(n, 1.0f));
    hostile.emplace_back(std::vector<float>(4, -1.0f));
    hostile.emplace_back(std::vector<float>(2, 1e30f));
    hostile.emplace_back(std::vector<float>(2, std::numeric_limits<float>::quiet_NaN()));
  } else if (std::holds_alternative<std::vector<std::string>>(usual)) {
    hostile.emplace_back(std::vector<std::string>{});
    hostile.emplace_back(std::vector<std::string>(3, "no such thing"));
  }
  return hostile;
}

void AddAttrChanges(const Operator& op, std::vector<Change>* changes) {
  for (const AttrDef& attr : GetOp(op.type).attrs) {
    for (const Attribute& value : HostileAttributes(attr.default_value, op.attrs.Find(attr.name))) {
      changes->push_back({StrCat(attr.name, " = ", ToString(value)),
                          [name = attr.name, value](Operator* changed, Values*) { changed->attrs.Set(name, value); }});
    }
  }
}

std::vector<Change> AllChanges(const Operator& op, const Values& values) {
  std::vector<Change> changes;
  std::set<std::string> seen;
  for (const auto& [slot, names] : op.inputs) {
    for (const std::string& name : names) {
      const auto found = values.find(name);
      const Tensor* t = found == values.end() ? nullptr : std::get_if<Tensor>(&found->second);
      if (t != nullptr && t->is_initialized() && seen.insert(name).second) AddInputChanges(slot, name, *t, &changes);
    }
  }
  AddSlotChanges(op, &changes);
  AddExtentChanges(op, values, &changes);
  AddAttrChanges(op, &changes);
  return changes;
}

// The operator in a program, over values that a file would have given.
void RunInProgram(const Operator& op, const Values& values) {
  Program program;
  Scope scope;
  Block& block = program.global_block();
  for (const std::string& name : op.inputs.AllNames()) {
    if (block.FindLocalVar(name) != nullptr) continue;
    Variable variable{name};
    if (const auto found = values.find(name); found != values.end()) {
      *scope.Var(name) = found->second;
      if (const auto* t = std::get_if<Tensor>(&found->second)) {
        variable = {name, VarKind::kLodTensor, t->dtype(), t->shape()};
        variable.lod_level = static_cast<int32_t>(t->lod().size());
      } else {
        variable.kind = std::holds_alternative<SelectedRows>(found->second) ? VarKind::kSelectedRows : VarKind::kLodTensorArray;
      }
    }
    variable.persistable = true;
    block.AddVar(variable);
  }
  std::vector<std::string> fetches;
  for (const std::string& name : op.outputs.AllNames()) {
    if (block.FindLocalVar(name) == nullptr) block.AddVar({name});
    fetches.push_back(name);
  }
  block.AddOp(op);
  Executor(CPUPlace{}, {.num_threads = 1}).RunValues(program, {}, fetches, &scope);
}

void AddAttempt(const Operator& op, const Values& values, const std::vector<Change>& changes, std::vector<Attempt>* attempts) {
  std::string what = op.type;
  for (const Change& change : changes) what += (what == op.type ? ": " : "; ") + change.what;
  const auto with = [=](const std::function<void(Operator*, Values*)>& run) {
    return [=]() {
      Operator changed = op;
      Values own = values;
      for (const Change& change : changes) change.make(&changed, &own);
      run(&changed, &own);
    };
  };
  attempts->push_back({what, with([](Operator* changed, Values* own) { RunOp(*changed, own, {.seed = 7}); })});
  if (Draws() == 0 && attempts->size() % 8 != 0) return;
  attempts->push_back({what + ", in a program", with([](Operator* changed, Values* own) { RunInProgram(*changed, *own); })});
}

void AddAttempts(const Operator& op, const Values& values, std::vector<Attempt>* attempts) {
  const std::vector<Change> changes = AllChanges(op, values);
  for (const Change& change : changes) AddAttempt(op, values, {change}, attempts);
  std::mt19937 draw;  // the same numbers for each operator, wherever it stands
  for (int i = 0; i < Draws() && !changes.empty(); ++i) {
    std::vector<Change> several;
    for (int k = 0; k < 2 + i % 3; ++k) several.push_back(changes[draw() % changes.size()]);
    AddAttempt(op, values, several, attempts);
  }
}

// The gradient maker's operators of `op`, with gradients for its outputs among `values`.
std::vector<Operator> GradientsOf(const Operator& op, Values* values) {
  const OpDef& def = GetOp(op.type);
  if (!def.grad) return {};
  const auto differentiable = [&](const std::string& name) {
    const auto found = values->find(name);
    const Tensor* t = found == values->end() ? nullptr : std::get_if<Tensor>(&found->second);
    return t != nullptr && t->is_initialized() && (IsFloating(t->dtype()) || IsComplex(t->dtype())) ? t : nullptr;
  };
  std::set<std::string> no_grad;
  for (const std::string& name : op.inputs.AllNames()) {
    if (differentiable(name) == nullptr) no_grad.insert(GradName(name));
  }
  for (const std::string& name : op.outputs.AllNames()) {
    const Tensor* t = differentiable(name);
    if (t == nullptr) continue;
    Tensor seed = IsComplex(t->dtype()) ? Reshaped(*t, t->shape(), t->dtype()) : Filled(*t, 0.5);
    seed.set_lod(t->lod());
    (*values)[GradName(name)] = seed;
  }
  return def.grad(GradContext(op, nullptr, &no_grad));
}

// Calls add for the operator, for its gradient, and for the gradient's gradient.
template <typename Add>
void ForEachOrder(const Operator& first, Values values, const Add& add) {
  for (auto& [name, value] : values) value = std::get<Tensor>(value).Clone();  // into watched memory
  std::vector<Operator> level = {first};
  for (int order = 0; order < 3 && !level.empty(); ++order) {
    std::vector<Operator> next;
    for (const Operator& op : level) {
      add(op, values);
      try {
        RunOp(op, &values, {.seed = 7});
        for (Operator& gradient : GradientsOf(op, &values)) next.push_back(std::move(gradient));
      } catch (const Error&) {
        continue;  // this order needs what a program would add
      }
    }
    level = std::move(next);
  }
}

bool IsError(const std::exception& error) { return dynamic_cast<const Error*>(&error) != nullptr; }

// Makes all attempts with an operator that runs as it is, and tells how many.
size_t Sweep(const Operator& op, const Values& values, const std::string& name) {
  std::vector<Attempt> attempts;
  TellOutOfMemory();
  GuardMemory(kWatched);  // for the inputs too
  ForEachOrder(op, values, [&](const Operator& o, const Values& v) { AddAttempts(o, v, &attempts); });
  EXPECT_EQ(Crashes(attempts, IsError, kSeconds, kAddressSpace), "") << "as in " << name;
  GuardMemory(false);
  return attempts.size();
}

std::vector<std::string> Families() {
  std::set<std::string> families;
  for (const auto& entry : std::filesystem::directory_iterator(std::string(SKIFF_TESTS_DIR) + "/fixtures/ops")) {
    if (entry.path().extension() == ".json") families.insert(entry.path().stem());
  }
  return {families.begin(), families.end()};
}

class HostileInputsTest : public ::testing::TestWithParam<std::string> {};

TEST_P(HostileInputsTest, GiveAnAnswerOrAnError) {
  std::set<std::string> seen;
  size_t count = 0;
  for (const Json& json : RecordedCases()) {
    if (json["family"] != GetParam()) continue;
    if (Draws() == 0 && !seen.insert(StrCat(std::string(json["op"]), " ", json["inputs"].dump())).second) continue;
    const RecordedCase c(json);
    count += Sweep(c.op, c.values, json["name"]);
  }
  std::cout << count << " attempts\n";
}

INSTANTIATE_TEST_SUITE_P(Families, HostileInputsTest, ::testing::ValuesIn(Families()), [](const auto& info) { return info.param; });

// Operators without a recorded case have tensors of one shape and dtype in every slot.
TEST(HostileUnrecordedTest, InputsOfOperatorsWithoutARecordedCaseGiveAnAnswerOrAnError) {
  if (SelectsOperators()) GTEST_SKIP() << "only some operators are selected";
  std::set<std::string> recorded;
  for (const Json& json : RecordedCases()) recorded.insert(json["op"]);
  size_t count = 0;
  for (const std::string& type : AllOpTypes()) {
    if (recorded.contains(type.substr(0, type.find("_grad")))) continue;  // that one's gradients were tried beside it
    for (const auto& [shape, dtype] : {std::pair{Shape{2, 3}, DType::kFloat32}, {Shape{1, 2, 4, 4}, DType::kFloat32}, {Shape{3}, DType::kInt64}}) {
      Operator op{type, {}, {}, {}};
      Values values;
      for (const SlotDef& slot : GetOp(type).inputs) {
        op.inputs.Set(slot.name, {"in." + slot.name});
        values["in." + slot.name] = Filled(Tensor(shape, dtype), 1);
      }
      for (const SlotDef& slot : GetOp(type).outputs) op.outputs.Set(slot.name, {"out." + slot.name});
      for (const AttrDef& attr : GetOp(type).attrs) op.attrs.Set(attr.name, attr.default_value);
      count += Sweep(op, values, StrCat(type, " of ", dtype, " ", shape));
    }
  }
  std::cout << count << " attempts\n";
}

TEST(HostileHarnessTest, NamesWhatCrashesThrowsOrDoesNotEnd) {
  if (!kWatched) GTEST_SKIP() << "the sanitizer ends what this test wants to end in other ways";
  GuardMemory(true);
  const Tensor t(Shape{3}, DType::kFloat32);
  const std::vector<Attempt> attempts = {
      {"answers", [] {}},
      {"reads past the end", [&] { std::abs(static_cast<const volatile float*>(t.raw_data())[3]); }},
      {"throws what is skiff's", [] { throw InvalidArgument("no"); }},
      {"throws", [] { throw std::runtime_error("something else"); }},
      {"runs for ever", [] { for (const volatile bool on = true; on;) continue; }},
      {"asks for all memory", [] { Tensor(Shape{int64_t{1} << 50}, DType::kFloat32); }},
  };
  const std::string crashes = Crashes(attempts, IsError, /*seconds=*/1, kAddressSpace);
  GuardMemory(false);
  EXPECT_EQ(crashes, StrCat("reads past the end: signal ", strsignal(SIGSEGV), "\nthrows: throws something else\nruns for ever: signal ",
                            strsignal(SIGPROF), "\n"));
}

}  // namespace
}  // namespace skiff::testing
