// Every operator case recorded from Paddle (tests/fixtures/ops): outputs and gradients, on each place.
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "framework/op/op_def.h"
#include "framework/op/run_op.h"
#include "framework/tensor/memory.h"
#include "io/npy.h"
#include "tests/support/op_case.h"

namespace skiff::testing {
namespace {

using Json = nlohmann::json;

const std::string kDirectory = std::string(SKIFF_TESTS_DIR) + "/fixtures/ops/";

const std::vector<Json>& AllCases() {
  static const auto* cases = [] {
    auto* all = new std::vector<Json>;
    std::set<std::filesystem::path> indices;
    for (const auto& entry : std::filesystem::directory_iterator(kDirectory)) {
      if (entry.path().extension() == ".json") indices.insert(entry.path());
    }
    for (const auto& path : indices) {
      std::ifstream file(path);
      for (Json& c : Json::parse(file).get<std::vector<Json>>()) all->push_back(std::move(c));
    }
    return all;
  }();
  return *cases;
}

const Tensor& Recorded(const Json& c, const std::string& part, const std::string& slot, int k) {
  static auto* families = new std::map<std::string, std::map<std::string, Tensor>>;
  const std::string family = c["family"];
  if (!families->contains(family)) {
    auto& arrays = (*families)[family];
    for (const auto& entry : io::LoadNpz(kDirectory + family + ".npz")) arrays[entry.name] = entry.tensor;
  }
  return families->at(family).at(c["name"].get<std::string>() + "/" + part + "/" + slot + "/" +
                                 std::to_string(k));
}

// The sequences recorded for "in/X/0" and the like; none for most cases.
LoD RecordedLoD(const Json& c, const std::string& part, const std::string& slot, int k) {
  const std::string key = part + "/" + slot + "/" + std::to_string(k);
  return c.contains("lods") && c["lods"].contains(key) ? c["lods"][key].get<LoD>() : LoD{};
}

// The JSON value as the kind that the schema gives the attribute.
Attribute ToAttribute(const Json& value) {
  if (value.is_boolean()) return value.get<bool>();
  if (value.is_number_integer()) {
    const int64_t v = value.get<int64_t>();
    if (v == static_cast<int32_t>(v)) return static_cast<int32_t>(v);
    return v;
  }
  if (value.is_number()) return value.get<double>();
  if (value.is_string()) return value.get<std::string>();
  if (value.empty()) return std::vector<int32_t>{};
  if (value[0].is_boolean()) return value.get<std::vector<bool>>();
  if (value[0].is_string()) return value.get<std::vector<std::string>>();
  for (const Json& v : value) {
    if (v.is_number_float()) return value.get<std::vector<double>>();
  }
  return value.get<std::vector<int64_t>>();
}

// Paddle writes infinities as text in JSON.
Attribute AttributeFor(const OpDef& def, const std::string& name, const Json& value) {
  const AttrDef* attr = def.FindAttr(name);
  if (attr != nullptr && std::holds_alternative<float>(attr->default_value) && value.is_string()) {
    return std::stof(value.get<std::string>());
  }
  return ToAttribute(value);
}

std::string NameOf(const std::string& slot, int k) { return slot + "." + std::to_string(k); }

// The case as an operator over named values.
struct RecordedCase {
  explicit RecordedCase(const Json& c) : json(c) {
    op.type = c["op"];
    const OpDef& def = GetOp(op.type);
    for (const auto& [slot, count] : c["inputs"].items()) {
      std::vector<std::string> names;
      for (int k = 0; k < count.get<int>(); ++k) {
        names.push_back("in." + NameOf(slot, k));
        Tensor tensor = Recorded(c, "in", slot, k);
        tensor.set_lod(RecordedLoD(c, "in", slot, k));
        values[names.back()] = std::move(tensor);
      }
      op.inputs.Set(slot, names);
    }
    for (const auto& [slot, count] : c["outputs"].items()) {
      std::vector<std::string> names;
      if (count.is_string()) {  // overwrites an input
        names = op.inputs[count.get<std::string>()];
      } else {
        for (int k = 0; k < (count.is_null() ? 1 : count.get<int>()); ++k) {
          names.push_back("out." + NameOf(slot, k));
        }
      }
      op.outputs.Set(slot, names);
    }
    for (const auto& [name, value] : c["attrs"].items()) {
      op.attrs.Set(name, AttributeFor(def, name, value));
    }
  }
  Json json;
  Operator op;
  std::map<std::string, Value> values;
};

double ToleranceOf(DType dtype) {
  if (dtype == DType::kFloat64 || dtype == DType::kComplex128) return 1e-10;
  return dtype == DType::kFloat32 || dtype == DType::kComplex64 ? 2e-5 : 2e-3;
}

void ExpectEqual(const Tensor& ours, const Tensor& paddles, const std::string& what) {
  ASSERT_EQ(ours.dtype(), paddles.dtype()) << what;
  ASSERT_EQ(ours.shape(), paddles.shape()) << what;
  const std::vector<double> a = ToDoubles(ours), b = ToDoubles(paddles);
  double largest = 0;
  for (double v : b) largest = std::isfinite(v) ? std::max(largest, std::abs(v)) : largest;
  const double tolerance = IsFloating(ours.dtype()) || IsComplex(ours.dtype()) ? ToleranceOf(ours.dtype()) : 0;
  for (size_t i = 0; i < a.size(); ++i) {
    if (a[i] == b[i] || (std::isnan(a[i]) && std::isnan(b[i]))) continue;
    ASSERT_LE(std::abs(a[i] - b[i]), tolerance * (largest + std::abs(b[i]))) << what << "[" << i << "]";
  }
}

void RunForward(RecordedCase* c, const RunOpOptions& options) {
  for (auto& [name, value] : c->values) value = std::get<Tensor>(value).To(options.place);
  RunOp(c->op, &c->values, options);
}

void CheckOutputs(const Json& json, const RunOpOptions& options) {
  RecordedCase c(json);
  RunForward(&c, options);
  for (const auto& [slot, count] : json["outputs"].items()) {
    if (count.is_null()) continue;
    const std::vector<std::string>& names = c.op.outputs[slot];
    for (size_t k = 0; k < names.size(); ++k) {
      const Tensor& out = std::get<Tensor>(c.values.at(names[k]));
      ExpectEqual(out, Recorded(json, "out", slot, static_cast<int>(k)), slot);
      if (json.contains("lods")) {
        EXPECT_EQ(out.lod(), RecordedLoD(json, "out", slot, static_cast<int>(k))) << "sequences of " << slot;
      }
    }
  }
}

// As a program would: maker, its operators, zeros for the output gradients that nobody gave.
void CheckGradients(const Json& json, const RunOpOptions& options) {
  RecordedCase c(json);
  RunForward(&c, options);
  for (const auto& [slot, names] : c.op.outputs) {
    for (size_t k = 0; k < names.size(); ++k) {
      const auto out = c.values.find(names[k]);
      if (out == c.values.end()) continue;
      const Tensor& t = std::get<Tensor>(out->second);
      const auto& targets = json["targets"];
      if (std::find(targets.begin(), targets.end(), slot) != targets.end()) {
        Tensor seed = Recorded(json, "outgrad", slot, static_cast<int>(k));
        seed.set_lod(t.lod());
        c.values[GradName(names[k])] = seed.To(options.place);
      } else if (t.is_initialized() && IsFloating(t.dtype())) {
        c.values[GradName(names[k])] =
            MakeTensor(t.shape(), t.dtype(), std::vector<double>(t.num_elements(), 0)).To(options.place);
      }
    }
  }
  std::set<std::string> no_grad;
  const auto& wanted = json["gradients"];
  for (const auto& [slot, names] : c.op.inputs) {
    if (std::find(wanted.begin(), wanted.end(), slot) != wanted.end()) continue;
    for (const std::string& name : names) no_grad.insert(GradName(name));
  }
  const OpDef& def = GetOp(c.op.type);
  ASSERT_TRUE(def.grad) << "no gradient";
  for (Operator& grad : def.grad(GradContext(c.op, nullptr, &no_grad))) RunOp(grad, &c.values, options);
  for (const std::string slot : wanted) {
    const std::vector<std::string>& names = c.op.inputs[slot];
    for (size_t k = 0; k < names.size(); ++k) {
      ASSERT_TRUE(c.values.contains(GradName(names[k]))) << "no gradient of " << names[k];
      ExpectEqual(std::get<Tensor>(c.values.at(GradName(names[k]))),
                  Recorded(json, "ingrad", slot, static_cast<int>(k)), slot + "@GRAD");
    }
  }
}

class PaddleCasesTest : public ::testing::TestWithParam<Place> {};

TEST_P(PaddleCasesTest, OutputsAndGradientsAgree) {
  if (GetParam().is_cuda() && CudaDeviceCount() == 0) GTEST_SKIP() << "no CUDA card";
  RunOpOptions options;
  options.place = GetParam();
  options.num_threads = 2;
  int checked = 0;
  std::set<std::string> unregistered;
  for (const Json& json : AllCases()) {
    const std::string type = json["op"];
    if (FindOp(type) == nullptr) {
      unregistered.insert(type);
      continue;
    }
    SCOPED_TRACE(json["name"].get<std::string>());
    try {
      CheckOutputs(json, options);
      if (!json["gradients"].empty()) CheckGradients(json, options);
    } catch (const std::exception& error) {
      ADD_FAILURE() << error.what();
    }
    ++checked;
  }
  EXPECT_GT(checked, 400);
  std::string missing;
  for (const std::string& type : unregistered) missing += " " + type;
  RecordProperty("unregistered", missing);
  if (!missing.empty()) std::cout << "not registered:" << missing << "\n";
}

INSTANTIATE_TEST_SUITE_P(Places, PaddleCasesTest, ::testing::Values(Place(CPUPlace{}), Place(CUDAPlace{0})),
                         [](const auto& info) { return info.param.is_cpu() ? "Cpu" : "Cuda"; });

}  // namespace
}  // namespace skiff::testing
