// Two state dicts, and what two models compute.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <set>

#include "executor/executor.h"
#include "io/diff.h"

namespace skiff::io {

namespace {

// 64 bits of mantissa: every integer type fits.
using Number = long double;

template <typename T>
Number ToNumber(T value) { return static_cast<Number>(value); }
Number ToNumber(Float16 value) { return ToFloat(value); }
Number ToNumber(BFloat16 value) { return ToFloat(value); }

// Calls `use` with a null pointer of the elements' type.
template <typename F>
void WithType(DType dtype, F use) {
  switch (dtype) {
    case DType::kBool: return use(static_cast<const bool*>(nullptr));
    case DType::kInt8: return use(static_cast<const int8_t*>(nullptr));
    case DType::kUInt8: return use(static_cast<const uint8_t*>(nullptr));
    case DType::kInt16: return use(static_cast<const int16_t*>(nullptr));
    case DType::kInt32: return use(static_cast<const int32_t*>(nullptr));
    case DType::kInt64: return use(static_cast<const int64_t*>(nullptr));
    case DType::kFloat16: return use(static_cast<const Float16*>(nullptr));
    case DType::kBFloat16: return use(static_cast<const BFloat16*>(nullptr));
    case DType::kFloat32: case DType::kComplex64: return use(static_cast<const float*>(nullptr));
    case DType::kFloat64: case DType::kComplex128: return use(static_cast<const double*>(nullptr));
    case DType::kUndefined: break;
  }
}

constexpr int64_t kChunk = 4096;  // numbers converted at once

// Numbers of a tensor: a complex element is two of them.
void ReadNumbers(const Tensor& tensor, int64_t begin, int64_t count, Number* out) {
  WithType(tensor.dtype(), [&](auto* type) {
    const auto* data = static_cast<decltype(type)>(tensor.raw_data()) + begin;
    for (int64_t i = 0; i < count; ++i) out[i] = ToNumber(data[i]);
  });
}

Number Distance(Number a, Number b) {
  if (a == b || (std::isnan(a) && std::isnan(b))) return 0;
  const Number distance = std::fabs(a - b);
  return std::isnan(distance) ? std::numeric_limits<Number>::infinity() : distance;
}

struct Sums {
  Number total = 0, squares = 0, reference_squares = 0, most = 0, reference_most = 0;
  int64_t outside = 0;
};

void AddUpChunk(const Number* a, const Number* b, int64_t count, const Tolerance& tolerance, Sums* sums) {
  for (int64_t i = 0; i < count; ++i) {
    const Number distance = Distance(a[i], b[i]);
    const Number reference = std::isfinite(a[i]) ? std::fabs(a[i]) : 0;
    sums->total += distance;
    sums->squares += distance * distance;
    sums->reference_squares += reference * reference;
    sums->most = std::max(sums->most, distance);
    sums->reference_most = std::max(sums->reference_most, reference);
    sums->outside += distance > static_cast<Number>(tolerance.atol) + static_cast<Number>(tolerance.rtol) * reference;
  }
}

double Ratio(Number part, Number whole) {
  if (part == 0) return 0;
  return static_cast<double>(whole == 0 ? std::numeric_limits<Number>::infinity() : part / whole);
}

// What a fetched value holds: of SelectedRows the numbers of the rows and the height, then the rows.
std::vector<Tensor> TensorsOf(const Value& value) {
  if (const auto* tensor = std::get_if<Tensor>(&value)) return {*tensor};
  if (const auto* array = std::get_if<TensorArray>(&value)) return *array;
  const auto* rows = std::get_if<SelectedRows>(&value);
  if (rows == nullptr) return {};
  std::vector<int64_t> numbers = rows->rows;
  numbers.push_back(rows->height);
  return {Tensor::Of({static_cast<int64_t>(numbers.size())}, numbers), rows->value};
}

// Of several tensors, the first that differs.
TensorDifference DiffFetched(const Value& a, const Value& b, const Tolerance& tolerance) {
  const std::vector<Tensor> left = TensorsOf(a), right = TensorsOf(b);
  TensorDifference difference;
  if (a.index() != b.index() || left.size() != right.size()) {
    const auto text = [](const Value& value, size_t count) {
      return std::holds_alternative<Tensor>(value) ? std::string("a tensor") : StrCat(count, " tensors");
    };
    difference.problem = StrCat(text(a, left.size()), " -> ", text(b, right.size()));
    return difference;
  }
  for (size_t i = 0; i < left.size() && difference.equal(); ++i) {
    if (left[i].is_initialized() && right[i].is_initialized()) {
      difference = DiffTensors(left[i], right[i], tolerance);
    } else if (left[i].is_initialized() != right[i].is_initialized()) {
      difference.problem = StrCat("entry ", i, " has a value in one of them alone");
    }
  }
  return difference;
}

// Dense variables of block 0, each with the position of the operator that writes it last.
std::map<std::string, int> LastWriters(const Program& program) {
  std::map<std::string, int> writers;
  int position = 0;
  for (const auto& op : program.global_block().ops()) {
    for (const std::string& name : op->outputs.AllNames()) {
      const auto v = program.global_block().FindLocalVar(name);
      if (op->type != "feed" && v != nullptr && IsDense(*v)) writers[name] = position;
    }
    ++position;
  }
  return writers;
}

// Names that operators of any block read. What nobody reads is scratch of one operator: its bytes mean nothing.
std::set<std::string> ReadAnywhere(const Program& program) {
  std::set<std::string> names;
  for (int i = 0; i < program.num_blocks(); ++i) {
    for (const auto& op : program.block(i).ops()) {
      for (const std::string& name : op->inputs.AllNames()) names.insert(name);
    }
  }
  return names;
}

// An output that both models compute, at the operators that write it last.
struct SharedOutput {
  int op_a, op_b;
  std::string a, b;
};

std::vector<SharedOutput> SharedOutputs(const Program& a, const Program& b, const std::vector<std::pair<int, int>>& matched) {
  const auto writers_a = LastWriters(a), writers_b = LastWriters(b);
  const std::set<std::string> read = ReadAnywhere(a);
  std::vector<SharedOutput> shared;
  for (const auto& [i, j] : matched) {
    const Operator& x = *a.global_block().ops()[static_cast<size_t>(i)];
    const Operator& y = *b.global_block().ops()[static_cast<size_t>(j)];
    for (const auto& [slot, names] : x.outputs) {
      const auto& others = y.outputs[slot];
      for (size_t k = 0; k < std::min(names.size(), others.size()); ++k) {
        const auto left = writers_a.find(names[k]), right = writers_b.find(others[k]);
        const bool last = left != writers_a.end() && right != writers_b.end() && left->second == i && right->second == j;
        // A branch that is not taken gives no value.
        if (last && read.contains(names[k]) && x.type != "conditional_block") shared.push_back({i, j, names[k], others[k]});
      }
    }
  }
  return shared;
}

std::vector<Value> RunWhole(const InferenceModel& model, const Feeds& inputs, const std::vector<std::string>& fetches, int threads) {
  Scope scope;
  for (const auto& entry : model.parameters) scope.SetTensor(entry.name, entry.tensor.Clone());
  Seed(1, &scope);
  Executor executor(CPUPlace{}, {.num_threads = threads, .optimize = false});
  return executor.RunValues(*model.program, inputs, fetches, &scope);
}

}  // namespace

TensorDifference DiffTensors(const Tensor& a, const Tensor& b, const Tolerance& tolerance) {
  TensorDifference difference;
  if (a.dtype() != b.dtype() || a.shape() != b.shape()) {
    difference.problem = StrCat(a.dtype(), " ", a.shape(), " -> ", b.dtype(), " ", b.shape());
  }
  if (a.shape() != b.shape() || IsComplex(a.dtype()) != IsComplex(b.dtype())) return difference;
  const Tensor left = a.To(CPUPlace{}), right = b.To(CPUPlace{});
  difference.elements = left.num_elements();
  const bool same_bytes = left.dtype() == right.dtype() && std::memcmp(left.raw_data(), right.raw_data(), left.bytes()) == 0;
  if (same_bytes) return difference;
  const int64_t numbers = difference.elements * (IsComplex(a.dtype()) ? 2 : 1);
  Sums sums;
  std::vector<Number> x(kChunk), y(kChunk);
  for (int64_t begin = 0; begin < numbers; begin += kChunk) {
    const int64_t count = std::min(kChunk, numbers - begin);
    ReadNumbers(left, begin, count, x.data());
    ReadNumbers(right, begin, count, y.data());
    AddUpChunk(x.data(), y.data(), count, tolerance, &sums);
  }
  difference.outside = sums.outside;
  difference.max_abs = static_cast<double>(sums.most);
  difference.mean_abs = numbers == 0 ? 0 : static_cast<double>(sums.total / static_cast<Number>(numbers));
  difference.relative = Ratio(sums.most, sums.reference_most);
  difference.norm_ratio = Ratio(std::sqrt(sums.squares), std::sqrt(sums.reference_squares));
  return difference;
}

bool StateDifferences::equal() const {
  return missing.empty() && extra.empty() && objects.empty() &&
         std::all_of(tensors.begin(), tensors.end(), [](const auto& tensor) { return tensor.equal(); });
}

StateDifferences DiffStates(const StateDict& a, const StateDict& b, const Tolerance& tolerance,
                            const std::map<std::string, std::string>& names) {
  StateDifferences differences;
  std::map<std::string, std::string> by_tensor_name;  // B's entries
  for (const auto& entry : b) {
    if (!entry.tensor_name.empty()) by_tensor_name.emplace(entry.tensor_name, entry.name);
  }
  // What B calls an entry of A: by either name of either side.
  const auto name_in_b = [&](const StateDict::Entry& entry) -> std::string {
    const auto other = names.find(entry.name);
    for (const std::string& name : {other == names.end() ? entry.name : other->second, entry.name, entry.tensor_name}) {
      if (b.Has(name)) return name;
      const auto named = by_tensor_name.find(name);
      if (named != by_tensor_name.end()) return named->second;
    }
    return "";
  };
  std::set<std::string> found;
  for (const auto& entry : a) {
    const std::string name = name_in_b(entry);
    if (name.empty() || !found.insert(name).second) {
      differences.missing.push_back(entry.name);
      continue;
    }
    TensorDifference difference = DiffTensors(entry.tensor, *b.Find(name), tolerance);
    difference.name_a = entry.name;
    difference.name_b = name;
    differences.tensors.push_back(std::move(difference));
  }
  for (const auto& entry : b) {
    if (!found.contains(entry.name)) differences.extra.push_back(entry.name);
  }
  std::map<std::string, std::string> left, right;
  for (const auto& [name, object] : a.objects) left[name] = object.ToString();
  for (const auto& [name, object] : b.objects) right[name] = object.ToString();
  for (const auto& [name, text] : left) {
    const std::string other = right.contains(name) ? right[name] : "absent";
    if (text != other) differences.objects.push_back(StrCat(name, ": ", text, " -> ", other));
  }
  for (const auto& [name, text] : right) {
    if (!left.contains(name)) differences.objects.push_back(StrCat(name, ": absent -> ", text));
  }
  return differences;
}

bool RunDifferences::equal() const {
  return !first && std::all_of(outputs.begin(), outputs.end(), [](const auto& output) { return output.equal(); });
}

RunDifferences DiffRuns(const InferenceModel& a, const InferenceModel& b, const Feeds& inputs, const ProgramDifferences& programs,
                        const Tolerance& tolerance, int threads) {
  SKIFF_ENFORCE(a.feed_names.size() == b.feed_names.size() && a.fetch_names.size() == b.fetch_names.size(), InvalidArgument,
                "models with ", a.feed_names.size(), " inputs and ", a.fetch_names.size(), " outputs, and with ",
                b.feed_names.size(), " and ", b.fetch_names.size(), ", cannot be run side by side");
  Feeds inputs_b;
  for (const auto& [name, tensor] : inputs) {
    const auto column = std::find(a.feed_names.begin(), a.feed_names.end(), name);
    SKIFF_ENFORCE(column != a.feed_names.end(), InvalidArgument, "\"", name, "\" is no input of the first model ",
                  DidYouMean(name, a.feed_names));
    inputs_b.emplace_back(b.feed_names[static_cast<size_t>(column - a.feed_names.begin())], tensor);
  }
  const std::vector<SharedOutput> shared = SharedOutputs(*a.program, *b.program, programs.matched);
  std::vector<std::string> fetches_a = a.fetch_names, fetches_b = b.fetch_names;
  for (const SharedOutput& output : shared) {
    fetches_a.push_back(output.a);
    fetches_b.push_back(output.b);
  }
  const std::vector<Value> values_a = RunWhole(a, inputs, fetches_a, threads);
  const std::vector<Value> values_b = RunWhole(b, inputs_b, fetches_b, threads);

  RunDifferences differences;
  const auto compare = [&](size_t i) {
    TensorDifference difference = DiffFetched(values_a[i], values_b[i], tolerance);
    difference.name_a = fetches_a[i];
    difference.name_b = fetches_b[i];
    return difference;
  };
  const size_t num_outputs = a.fetch_names.size();
  for (size_t i = 0; i < num_outputs; ++i) differences.outputs.push_back(compare(i));
  for (size_t i = 0; i < shared.size() && !differences.first; ++i) {
    TensorDifference difference = compare(num_outputs + i);
    ++differences.compared;
    if (difference.equal()) continue;
    const SharedOutput& output = shared[i];
    differences.first = {output.op_a, output.op_b, a.program->global_block().ops()[static_cast<size_t>(output.op_a)]->type,
                         std::move(difference)};
  }
  return differences;
}

}  // namespace skiff::io
