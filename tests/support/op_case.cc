#include "tests/support/op_case.h"

#include <cmath>
#include <set>

#include "framework/op/append_op.h"
#include "framework/op/op_def.h"
#include "framework/tensor/memory.h"

namespace skiff::testing {

namespace {

// Metas given by a test, with the elements of its integer inputs.
class GivenMetas : public MetaTable {
 public:
  const TensorMeta* Find(const std::string& name) const override {
    const auto found = metas.find(name);
    return found == metas.end() ? nullptr : &found->second;
  }
  void Set(const std::string& name, const TensorMeta& meta) override { metas[name] = meta; }
  std::optional<std::vector<int64_t>> IntValues(const std::string& name) const override {
    const auto found = values.find(name);
    if (found == values.end()) return std::nullopt;
    return found->second;
  }
  std::map<std::string, TensorMeta> metas;
  std::map<std::string, std::vector<int64_t>> values;
};

// Irregular weights of either sign, 0.5 to 1.5: no two elements count alike.
double Weight(int64_t i) {
  const double u = std::fmod(0.754877666 * static_cast<double>(i + 1), 1.0);
  return (i % 3 == 1 ? -1 : 1) * (0.5 + u);
}

// Outputs are not called like inputs, so that no test shares memory by accident.
std::string OutputName(const std::string& slot, int i) { return slot + ".out" + std::to_string(i); }

template <typename T>
void Fill(Tensor* tensor, const std::vector<double>& values) {
  T* p = tensor->data<T>();
  for (size_t i = 0; i < values.size(); ++i) {
    if constexpr (std::is_same_v<T, Float16>) p[i] = ToFloat16(static_cast<float>(values[i]));
    else if constexpr (std::is_same_v<T, BFloat16>) p[i] = ToBFloat16(static_cast<float>(values[i]));
    else if constexpr (std::is_same_v<T, bool>) p[i] = values[i] != 0;
    else p[i] = static_cast<T>(values[i]);
  }
}

template <typename T>
std::vector<double> Widen(const Tensor& tensor) {
  constexpr bool kHalf = std::is_same_v<T, Float16> || std::is_same_v<T, BFloat16>;
  std::vector<double> values;
  for (const T& v : tensor.Values<T>()) {
    if constexpr (kHalf) values.push_back(ToFloat(v));
    else values.push_back(static_cast<double>(v));
  }
  return values;
}

// Real and imaginary parts, one after the other.
template <typename R>
std::vector<double> Parts(const Tensor& tensor) {
  const R* parts = static_cast<const R*>(tensor.raw_data());
  return {parts, parts + 2 * tensor.num_elements()};
}

// Calls f with a value of the element type of `dtype`.
template <typename F>
void VisitDType(DType dtype, const F& f) {
  switch (dtype) {
    case DType::kBool: return f(bool{});
    case DType::kInt8: return f(int8_t{});
    case DType::kUInt8: return f(uint8_t{});
    case DType::kInt16: return f(int16_t{});
    case DType::kInt32: return f(int32_t{});
    case DType::kInt64: return f(int64_t{});
    case DType::kFloat16: return f(Float16{});
    case DType::kBFloat16: return f(BFloat16{});
    case DType::kFloat32: return f(float{});
    case DType::kFloat64: return f(double{});
    default: FAIL() << "no test tensor of dtype " << dtype;
  }
}

}  // namespace

Tensor MakeTensor(const Shape& shape, DType dtype, const std::vector<double>& values) {
  Tensor tensor(shape, dtype);
  EXPECT_EQ(tensor.num_elements(), static_cast<int64_t>(values.size())) << "values for " << shape;
  VisitDType(dtype, [&]<typename T>(T) { Fill<T>(&tensor, values); });
  return tensor;
}

std::vector<double> ToDoubles(const Tensor& tensor) {
  const Tensor host = tensor.To(CPUPlace{});
  std::vector<double> values;
  if (host.dtype() == DType::kComplex64) return Parts<float>(host);
  if (host.dtype() == DType::kComplex128) return Parts<double>(host);
  VisitDType(host.dtype(), [&]<typename T>(T) { values = Widen<T>(host); });
  return values;
}

std::string PlaceName(const ::testing::TestParamInfo<TestPlace>& info) {
  return std::string(info.param.place.is_cpu() ? "Cpu_" : "Cuda_") + ToString(info.param.dtype);
}

double DTypeTolerance(DType dtype) {
  switch (dtype) {
    case DType::kFloat64: return 1e-12;
    case DType::kFloat32: return 2e-6;
    case DType::kFloat16: return 2e-3;
    case DType::kBFloat16: return 1.6e-2;
    default: return 0;
  }
}

void OpTest::SetUp() {
  if (!GetParam().place.is_cuda()) return;
  if (!IsCompiledWithCuda()) GTEST_SKIP() << "this build has no CUDA kernels";
  if (CudaDeviceCount() == 0) GTEST_SKIP() << "no CUDA card";
}

OpCase::OpCase(std::string type, TestPlace place)
    : type_(std::move(type)), place_(place), tolerance_(DTypeTolerance(place.dtype)) {
  options_.place = place.place;
  options_.num_threads = 2;
  for (const SlotDef& slot : GetOp(type_).outputs) num_outputs_[slot.name] = slot.duplicable ? 0 : 1;
}

OpCase& OpCase::Input(const std::string& slot, const Shape& shape, const std::vector<double>& values) {
  inputs_.Set(slot, {slot});
  variables_[slot] = {shape, values, place_.dtype, true};
  return *this;
}

OpCase& OpCase::Input(const std::string& slot, const Shape& shape, const std::vector<double>& values,
                      DType dtype) {
  inputs_.Set(slot, {slot});
  variables_[slot] = {shape, values, dtype, false};
  return *this;
}

OpCase& OpCase::Inputs(const std::string& slot, const std::vector<Part>& parts) {
  Inputs(slot, parts, place_.dtype);
  for (const std::string& name : inputs_[slot]) variables_[name].follows_case = true;
  return *this;
}

OpCase& OpCase::Inputs(const std::string& slot, const std::vector<Part>& parts, DType dtype) {
  std::vector<std::string> names;
  for (const Part& part : parts) {
    names.push_back(slot + std::to_string(names.size()));
    variables_[names.back()] = {part.shape, part.values, dtype, false};
  }
  inputs_.Set(slot, names);
  return *this;
}

OpCase& OpCase::InputOf(const std::string& slot, const Shape& shape, DType dtype) {
  inputs_.Set(slot, {slot});
  variables_[slot] = {shape, {}, dtype, false};
  return *this;
}

OpCase& OpCase::Sequences(const std::string& slot, LoD lod) {
  variables_.at(inputs_[slot].front()).lod = std::move(lod);
  return *this;
}

OpCase& OpCase::Attr(const std::string& name, Attribute value) {
  attrs_.Set(name, std::move(value));
  return *this;
}
OpCase& OpCase::Outputs(const std::string& slot, int count) {
  num_outputs_[slot] = count;
  return *this;
}
OpCase& OpCase::Tolerance(double tolerance) {
  tolerance_ = tolerance;
  return *this;
}
OpCase& OpCase::Seed(uint64_t seed) {
  options_.seed = seed;
  return *this;
}
OpCase& OpCase::Threads(int num_threads) {
  options_.num_threads = num_threads;
  return *this;
}

Operator OpCase::MakeOperator() const {
  Operator op;
  op.type = type_;
  op.inputs = inputs_;
  op.attrs = attrs_;
  for (const auto& [slot, count] : num_outputs_) {
    std::vector<std::string> names;
    for (int i = 0; i < count; ++i) names.push_back(OutputName(slot, i));
    op.outputs.Set(slot, names);
  }
  return op;
}

std::map<std::string, Value> OpCase::MakeValues(DType dtype) const {
  std::map<std::string, Value> values;
  for (const auto& [name, v] : variables_) {
    Tensor tensor = MakeTensor(v.shape, v.follows_case ? dtype : v.dtype, v.values);
    tensor.set_lod(v.lod);
    values[name] = tensor.To(options_.place);
  }
  return values;
}

std::map<std::string, Value> OpCase::RunAll(DType dtype) const {
  std::map<std::string, Value> values = MakeValues(dtype);
  RunOp(MakeOperator(), &values, options_);
  return values;
}

TensorMeta OpCase::Infer(const std::string& slot, int i) const {
  GivenMetas table;
  for (const auto& [name, v] : variables_) {
    table.metas[name] = {v.shape, v.dtype, static_cast<int32_t>(v.lod.size())};
    if (IsInteger(v.dtype) && !v.values.empty()) {
      table.values[name] = std::vector<int64_t>(v.values.begin(), v.values.end());
    }
  }
  const Operator op = MakeOperator();
  const OpDef& def = GetOp(type_);
  try {
    const Attrs attrs = def.Complete(op.attrs);
    InferContext context(def, op, attrs, &table, /*at_runtime=*/false);
    def.infer(context);
  } catch (Error& error) {
    AddOpContext(&error, op, table);
    throw;
  }
  const TensorMeta* meta = table.Find(OutputName(slot, i));
  EXPECT_NE(meta, nullptr) << type_ << " does not infer output " << slot;
  return meta == nullptr ? TensorMeta{} : *meta;
}

Tensor OpCase::Run(const std::string& slot, int i) const {
  return std::get<Tensor>(RunAll(place_.dtype).at(OutputName(slot, i))).To(CPUPlace{});
}

std::vector<double> OpCase::Values(const std::string& slot, int i) const { return ToDoubles(Run(slot, i)); }

const OpCase& OpCase::Expect(const std::string& slot, const std::vector<double>& wanted, int i) const {
  const std::vector<double> got = Values(slot, i);
  EXPECT_EQ(got.size(), wanted.size()) << type_ << " " << slot;
  for (size_t k = 0; k < std::min(got.size(), wanted.size()); ++k) {
    if (got[k] == wanted[k] || (std::isnan(got[k]) && std::isnan(wanted[k]))) continue;
    EXPECT_NEAR(got[k], wanted[k], tolerance_ * std::max(1.0, std::abs(wanted[k])))
        << type_ << " " << slot << "[" << k << "]";
  }
  return *this;
}

const OpCase& OpCase::ExpectShape(const std::string& slot, const Shape& wanted, int i) const {
  EXPECT_EQ(Run(slot, i).shape(), wanted) << type_ << " " << slot;
  return *this;
}

const OpCase& OpCase::ExpectDType(const std::string& slot, DType wanted, int i) const {
  EXPECT_EQ(Run(slot, i).dtype(), wanted) << type_ << " " << slot;
  return *this;
}

const OpCase& OpCase::ExpectSequences(const std::string& slot, const LoD& wanted, int i) const {
  EXPECT_EQ(Run(slot, i).lod(), wanted) << type_ << " " << slot;
  return *this;
}

double OpCase::WeightedSum(const std::vector<std::string>& outs) const {
  std::map<std::string, Value> values = RunAll(DType::kFloat64);
  double sum = 0;
  for (const std::string& slot : outs) {
    for (int k = 0; k < num_outputs_.at(slot); ++k) {
      const std::vector<double> out = ToDoubles(std::get<Tensor>(values.at(OutputName(slot, k))));
      for (size_t i = 0; i < out.size(); ++i) sum += Weight(static_cast<int64_t>(i)) * out[i];
    }
  }
  return sum;
}

std::map<std::string, std::vector<double>> OpCase::Gradients(
    const std::vector<std::string>& ins, const std::vector<std::string>& outs) const {
  const Operator forward = MakeOperator();
  std::map<std::string, Value> values = RunAll(place_.dtype);
  // Outputs that nobody differentiates get a gradient of zero.
  const std::set<std::string> wanted_outs(outs.begin(), outs.end());
  for (const auto& [slot, names] : forward.outputs) {
    for (const std::string& name : names) {
      const auto found = values.find(name);
      if (found == values.end() || !std::get<Tensor>(found->second).is_initialized()) continue;
      const Tensor& out = std::get<Tensor>(found->second);
      if (!IsFloating(out.dtype())) continue;
      std::vector<double> weights(out.num_elements(), 0);
      for (size_t i = 0; i < weights.size() && wanted_outs.contains(slot); ++i) {
        weights[i] = Weight(static_cast<int64_t>(i));
      }
      Tensor seed = MakeTensor(out.shape(), out.dtype(), weights);
      seed.set_lod(out.lod());
      values[GradName(name)] = seed.To(options_.place);
    }
  }
  std::set<std::string> no_grad;
  for (const auto& [name, v] : variables_) {
    if (!IsFloating(v.dtype)) no_grad.insert(GradName(name));
  }
  for (const Operator& op : GetOp(type_).grad(GradContext(forward, nullptr, &no_grad))) {
    RunOp(op, &values, options_);
  }
  std::map<std::string, std::vector<double>> gradients;
  for (const std::string& slot : ins) {
    for (const std::string& name : inputs_[slot]) {
      const auto found = values.find(GradName(name));
      if (found == values.end()) {
        ADD_FAILURE() << type_ << ": no gradient operator computes " << GradName(name);
        continue;
      }
      const Tensor& grad = std::get<Tensor>(found->second);
      EXPECT_EQ(grad.shape(), variables_.at(name).shape) << GradName(name);
      gradients[name] = ToDoubles(grad);
    }
  }
  return gradients;
}

void OpCase::CheckGradient(const char* in, const char* out) const {
  CheckGradient(std::vector<std::string>{in}, std::vector<std::string>{out});
}

void OpCase::CheckGradient(const std::vector<std::string>& ins,
                           const std::vector<std::string>& outs) const {
  ASSERT_TRUE(GetOp(type_).grad) << type_ << " has no gradient maker";
  for (const auto& [name, gradient] : Gradients(ins, outs)) {
    OpCase moved = *this;
    std::vector<double>& x = moved.variables_.at(name).values;
    ASSERT_EQ(gradient.size(), x.size());
    for (size_t i = 0; i < x.size(); ++i) {
      const double at = x[i], h = 1e-5 * std::max(1.0, std::abs(at));
      x[i] = at + h;
      const double above = moved.WeightedSum(outs);
      x[i] = at - h;
      const double below = moved.WeightedSum(outs);
      x[i] = at;
      const double wanted = (above - below) / (2 * h);
      const double allowed = std::max(1e-7, 20 * tolerance_) * std::max(1.0, std::abs(wanted));
      EXPECT_NEAR(gradient[i], wanted, allowed) << type_ << ": gradient of " << name << "[" << i << "]";
    }
  }
}

}  // namespace skiff::testing
