// Every operator with a recorded case, given wrong inputs: it answers with an error that names the operator,
// never with a crash, and every operator there is has a case or a test.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "tests/support/child.h"
#include "tests/support/recorded_case.h"

namespace skiff::testing {
namespace {

// Runs the case; "" or what is wrong with the error it gives. `wanted` are words one of which it must have.
std::string RunWrong(RecordedCase c, const std::string& what, const std::vector<std::string>& wanted, bool must_fail) {
  try {
    c.Run({.seed = 7});
  } catch (const Error& error) {
    const std::string text = error.what();
    const auto has = [&](const std::string& word) { return text.find(word) != std::string::npos; };
    if (!has(c.op.type)) return what + " gives an error without the operator's name: " + text + "\n";
    if (!wanted.empty() && std::none_of(wanted.begin(), wanted.end(), has)) return what + " gives: " + text + "\n";
    return "";
  } catch (const std::exception& error) {
    return what + " gives an exception not of skiff: " + error.what() + "\n";
  }
  return must_fail ? what + " gives no error\n" : "";
}

// The first recorded case of each operator.
std::vector<Json> OneCaseEach() {
  std::vector<Json> cases;
  std::set<std::string> seen;
  for (const Json& json : RecordedCases()) {
    if (seen.insert(json["op"]).second) cases.push_back(json);
  }
  return cases;
}

// Calls wrong(case, slot, name of its first variable) for each required input of each operator.
template <typename F>
void ForEachRequiredInput(const F& wrong) {
  int inputs = 0;
  for (const Json& json : OneCaseEach()) {
    const RecordedCase c(json);
    for (const SlotDef& slot : c.def().inputs) {
      if (slot.dispensable || !c.op.inputs.Has(slot.name)) continue;
      ++inputs;
      EXPECT_EQ(InChild([&] { return wrong(c, slot.name, c.op.inputs[slot.name].front()); }), "")
          << c.op.type << ", input " << slot.name << ", as in " << json["name"];
    }
  }
  std::cout << inputs << " inputs\n";
}

TEST(SweepErrorTest, AMissingInputIsNamed) {
  ForEachRequiredInput([](const RecordedCase& c, const std::string& slot, const std::string& name) {
    RecordedCase without = c, valueless = c;
    without.op.inputs.Set(slot, {});
    valueless.values.erase(name);
    return RunWrong(without, "leaving it out", {slot}, true) + RunWrong(valueless, "giving it no value", {slot, name}, true);
  });
}

TEST(SweepErrorTest, ADTypeWithoutKernelIsNamed) {
  for (const Json& json : OneCaseEach()) {
    RecordedCase c(json);
    const Tensor* key = c.Key();
    if (key == nullptr || c.def().kernels.empty()) continue;
    for (const DType dtype : {DType::kBool, DType::kInt8, DType::kInt16, DType::kUInt8}) {
      if (FindKernel(c.def(), PlaceKind::kCpu, dtype) != nullptr) continue;
      if (IsComplex(key->dtype())) break;
      c.Cast(key->dtype(), dtype);
      EXPECT_EQ(InChild([&] { return RunWrong(c, ToString(dtype), {ToString(dtype)}, true); }), "")
          << c.op.type << " as in " << json["name"];
      break;
    }
  }
}

TEST(SweepErrorTest, AnotherRankOrExtentNeverCrashes) {
  ForEachRequiredInput([](const RecordedCase& c, const std::string&, const std::string& name) {
    const Tensor& t = std::get<Tensor>(c.values.at(name));
    const auto with = [&](const Shape& shape) {
      RecordedCase changed = c;
      std::vector<double> values = IsComplex(t.dtype()) ? std::vector<double>{} : ToDoubles(t);
      Tensor other(shape, t.dtype());
      if (!IsComplex(t.dtype()) && !values.empty()) {
        const size_t given = values.size();
        values.resize(static_cast<size_t>(shape.NumElements()));
        for (size_t i = given; i < values.size(); ++i) values[i] = values[i % given];
        other = MakeTensor(shape, t.dtype(), values);
      }
      changed.tensor(name) = other;
      return changed;
    };
    std::string wrong;
    Shape more = t.shape(), less = t.shape(), longer = t.shape(), shorter = t.shape();
    if (more.rank() < 8) {
      more.Append(1);
      wrong += RunWrong(with(more), "rank " + std::to_string(more.rank()), {}, false);
    }
    if (less.rank() > 0) {
      less.Erase(less.rank() - 1);
      wrong += RunWrong(with(less), "rank " + std::to_string(less.rank()), {}, false);
      longer[longer.rank() - 1] += 1;
      wrong += RunWrong(with(longer), "shape " + longer.ToString(), {}, false);
      shorter[shorter.rank() - 1] = std::max<int64_t>(0, shorter[shorter.rank() - 1] - 1);
      wrong += RunWrong(with(shorter), "shape " + shorter.ToString(), {}, false);
    }
    return wrong;
  });
}

TEST(SweepErrorTest, AnInputOfAnotherDTypeNeverCrashes) {
  ForEachRequiredInput([](const RecordedCase& c, const std::string&, const std::string& name) {
    std::string wrong;
    for (const DType dtype : {DType::kBool, DType::kInt64, DType::kFloat64}) {
      RecordedCase changed = c;
      Tensor& t = changed.tensor(name);
      if (IsComplex(t.dtype()) || t.dtype() == dtype) continue;
      t = CastTo(t, dtype);
      wrong += RunWrong(changed, std::string(ToString(dtype)), {}, false);
    }
    return wrong;
  });
}

// Text of all C++ tests of operators, executors and the framework.
std::string TestSources() {
  std::ostringstream text;
  for (const char* folder : {"operators", "executor", "framework"}) {
    for (const auto& entry : std::filesystem::directory_iterator(std::string(SKIFF_TESTS_DIR) + "/" + folder)) {
      if (entry.path().extension() == ".cc") text << std::ifstream(entry.path()).rdbuf();
    }
  }
  return text.str();
}

// Operators that mean something only within a program; tests/executor and tests/python run them there.
const std::set<std::string> kTestedInPrograms = {
    "assert",  // stops the program
    "conditional_block", "conditional_block_infer", "pylayer", "select_output",  // have blocks, or follow them
    "feed", "fetch",  // the executor's
    "get_tensor_from_selected_rows",  // takes rows of a sparse gradient
    "py_func",  // calls Python
};

TEST(SweepCoverageTest, EveryForwardOperatorHasACaseOrATest) {
  if (SelectsOperators()) GTEST_SKIP() << "only some operators are selected";
  std::set<std::string> covered;
  for (const Json& json : RecordedCases()) covered.insert(json["op"]);
  const std::string sources = TestSources();
  std::string missing;
  int operators = 0;
  for (const std::string& type : AllOpTypes()) {
    if (type.ends_with("_grad") || type.ends_with("_grad_grad")) continue;
    ++operators;
    if (!kTestedInPrograms.contains(type) && !covered.contains(type) && sources.find('"' + type + '"') == std::string::npos) missing += " " + type;
  }
  EXPECT_EQ(missing, "");
  std::cout << operators << " forward operators, " << covered.size() << " with recorded cases\n";
}

}  // namespace
}  // namespace skiff::testing
