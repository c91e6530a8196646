#include "tests/support/recorded_case.h"

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "framework/tensor/memory.h"
#include "io/npy.h"

namespace skiff::testing {

namespace {

const std::string kDirectory = std::string(SKIFF_TESTS_DIR) + "/fixtures/ops/";

std::set<std::string> SelectedOperators() {
  const char* text = std::getenv("SKIFF_TEST_OPS");
  std::set<std::string> selected;
  std::istringstream names(text == nullptr ? "" : text);
  for (std::string name; std::getline(names, name, ',');) selected.insert(name);
  return selected;
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

}  // namespace

bool SelectsOperators() { return !SelectedOperators().empty(); }

const std::vector<Json>& RecordedCases() {
  static const auto* cases = [] {
    auto* all = new std::vector<Json>;
    const std::set<std::string> selected = SelectedOperators();
    std::set<std::filesystem::path> indices;
    for (const auto& entry : std::filesystem::directory_iterator(kDirectory)) {
      if (entry.path().extension() == ".json") indices.insert(entry.path());
    }
    for (const auto& path : indices) {
      std::ifstream file(path);
      for (Json& c : Json::parse(file).get<std::vector<Json>>()) {
        const std::string type = c["op"];
        if (FindOp(type) != nullptr && (selected.empty() || selected.contains(type))) all->push_back(std::move(c));
      }
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
  return families->at(family).at(c["name"].get<std::string>() + "/" + part + "/" + slot + "/" + std::to_string(k));
}

LoD RecordedLoD(const Json& c, const std::string& part, const std::string& slot, int k) {
  const std::string key = part + "/" + slot + "/" + std::to_string(k);
  return c.contains("lods") && c["lods"].contains(key) ? c["lods"][key].get<LoD>() : LoD{};
}

RecordedCase::RecordedCase(const Json& c) : json(c) {
  op.type = c["op"];
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
      // Of outputs that were not recorded, a slot of many has one for each variable of the first input.
      const SlotDef* output = def().FindOutput(slot);
      const int unrecorded = output != nullptr && output->duplicable ? c["inputs"].begin()->get<int>() : 1;
      const int number = count.is_null() ? unrecorded : count.get<int>();
      for (int k = 0; k < number; ++k) names.push_back("out." + NameOf(slot, k));
    }
    op.outputs.Set(slot, names);
  }
  for (const auto& [name, value] : c["attrs"].items()) op.attrs.Set(name, AttributeFor(def(), name, value));
}

std::set<std::string> RecordedCase::InputNames() const {
  const std::vector<std::string> names = op.inputs.AllNames();
  return {names.begin(), names.end()};
}

const Tensor* RecordedCase::Key() const {
  if (!def().key_attr.empty()) return nullptr;
  for (const SlotDef& slot : def().inputs) {
    const std::vector<std::string>& names = op.inputs[slot.name];
    if (names.empty() || (!def().key_slot.empty() && slot.name != def().key_slot)) continue;
    return std::get_if<Tensor>(&values.at(names.front()));
  }
  return nullptr;
}

void RecordedCase::Cast(DType from, DType to, const std::set<std::string>& kept_slots) {
  for (const auto& [slot, names] : op.inputs) {
    if (kept_slots.contains(slot)) continue;
    for (const std::string& name : names) {
      if (tensor(name).dtype() == from) tensor(name) = CastTo(tensor(name), to);
    }
  }
}

void RecordedCase::Run(const RunOpOptions& options) {
  for (auto& [name, value] : values) value = std::get<Tensor>(value).To(options.place);
  RunOp(op, &values, options);
}

const Tensor* RecordedCase::Output(const std::string& slot, size_t k) const {
  const std::vector<std::string>& names = op.outputs[slot];
  const auto found = k < names.size() ? values.find(names[k]) : values.end();
  const Tensor* out = found == values.end() ? nullptr : std::get_if<Tensor>(&found->second);
  return out == nullptr || !out->is_initialized() ? nullptr : out;
}

std::vector<Operator> RecordedCase::GradientOperators(const std::set<std::string>& wanted) const {
  std::set<std::string> no_grad;
  for (const auto& [slot, names] : op.inputs) {
    for (const std::string& name : names) {
      const DType dtype = std::get<Tensor>(values.at(name)).dtype();
      const bool differentiable = wanted.empty() ? IsFloating(dtype) : wanted.contains(slot);
      if (!differentiable) no_grad.insert(GradName(name));
    }
  }
  return def().grad(GradContext(op, nullptr, &no_grad));
}

void RecordedCase::RunGradients(const SeedFn& seed, const std::set<std::string>& wanted,
                                const RunOpOptions& options) {
  const std::vector<Operator> operators = GradientOperators(wanted);
  for (const auto& [slot, names] : op.outputs) {
    for (size_t k = 0; k < names.size(); ++k) {
      const Tensor* out = Output(slot, k);
      if (out == nullptr || (!IsFloating(out->dtype()) && !IsComplex(out->dtype()))) continue;
      Tensor gradient = seed(slot, static_cast<int>(k), *out);
      if (!gradient.is_initialized()) continue;
      gradient.set_lod(out->lod());
      values[GradName(names[k])] = gradient.To(options.place);
    }
  }
  for (const Operator& gradient : operators) RunOp(gradient, &values, options);
}

RecordedCase::SeedFn RecordedSeeds(const Json& json) {
  return [json](const std::string& slot, int k, const Tensor& out) {
    const auto& targets = json["targets"];
    if (std::find(targets.begin(), targets.end(), slot) != targets.end()) {
      const Tensor& seed = Recorded(json, "outgrad", slot, k);
      return seed.dtype() == out.dtype() || IsComplex(seed.dtype()) ? seed : CastTo(seed, out.dtype());
    }
    if (IsComplex(out.dtype())) return Tensor();
    return MakeTensor(out.shape(), out.dtype(), std::vector<double>(static_cast<size_t>(out.num_elements()), 0));
  };
}

Tensor CastTo(const Tensor& tensor, DType dtype) {
  if (IsComplex(dtype)) {
    std::map<std::string, Value> values = {{"x", tensor}};
    RunOp({"cast", {{"X", {"x"}}}, {{"Out", {"y"}}},
           {{"in_dtype", static_cast<int32_t>(tensor.dtype())}, {"out_dtype", static_cast<int32_t>(dtype)}}}, &values);
    return std::get<Tensor>(values["y"]);
  }
  Tensor cast = MakeTensor(tensor.shape(), dtype, ToDoubles(tensor));
  cast.set_lod(tensor.lod());
  return cast;
}

void ForEachRecordedCase(const std::function<void(const Json&)>& check) {
  for (const Json& json : RecordedCases()) {
    SCOPED_TRACE(json["op"].get<std::string>() + " " + json["name"].get<std::string>());
    try {
      check(json);
    } catch (const std::exception& error) {
      ADD_FAILURE() << error.what();
    }
  }
}

::testing::AssertionResult AreClose(const Tensor& got, const Tensor& wanted, double tolerance) {
  if (got.shape() != wanted.shape()) {
    return ::testing::AssertionFailure() << "shape " << got.shape() << ", wanted " << wanted.shape();
  }
  const std::vector<double> a = ToDoubles(got), b = ToDoubles(wanted);
  if (a.size() != b.size()) return ::testing::AssertionFailure() << got.dtype() << ", wanted " << wanted.dtype();
  double largest = 0;
  for (double v : b) largest = std::isfinite(v) ? std::max(largest, std::abs(v)) : largest;
  for (size_t i = 0; i < a.size(); ++i) {
    if (a[i] == b[i] || (std::isnan(a[i]) && std::isnan(b[i]))) continue;
    if (std::abs(a[i] - b[i]) <= tolerance * (largest + std::abs(b[i]))) continue;
    return ::testing::AssertionFailure() << "element " << i << " is " << a[i] << ", wanted " << b[i];
  }
  return ::testing::AssertionSuccess();
}

void SweepTest::SetUp() {
  if (!GetParam().is_cuda()) return;
  if (!IsCompiledWithCuda()) GTEST_SKIP() << "this build has no CUDA kernels";
  if (CudaDeviceCount() == 0) GTEST_SKIP() << "no CUDA card";
}

}  // namespace skiff::testing
