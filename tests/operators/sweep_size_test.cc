// Every recorded case again with other leading extents: none, any number while a program is built, and, for
// operators that treat each row alike, numbers that leave tails behind vectors; and with more threads.
#include <cmath>
#include <cstring>

#include "framework/op/append_op.h"
#include "framework/program/program.h"
#include "tests/support/recorded_case.h"

namespace skiff::testing {
namespace {

// The extent that the case's inputs share as their first: that of the key input or of the first one.
int64_t BatchOf(const RecordedCase& c) {
  const Tensor* key = c.Key();
  return key == nullptr || key->shape().rank() == 0 ? -1 : key->shape()[0];
}

// Inputs that have rows: those with as many as the batch, except numbers that give a shape.
std::set<std::string> RowInputs(const RecordedCase& c, int64_t batch) {
  std::set<std::string> found;
  for (const SlotDef& slot : c.def().inputs) {
    for (const std::string& name : c.op.inputs[slot.name]) {
      const Shape& shape = std::get<Tensor>(c.values.at(name)).shape();
      if (!slot.host_value && shape.rank() > 0 && shape[0] == batch) found.insert(name);
    }
  }
  return found;
}

// Cases whose leading extent is no batch.
const std::map<std::string, std::string> kNoBatch = {
    {"batch_norm_trainable_statistics", "Paddle declares no shape for what is saved when testing"},
    {"box_decoder_and_assign", "PriorBoxVar has four elements, and the case as many boxes"},
    {"expand_grad", "X and Out@GRAD have different rows"},
    {"expand_v2_grad", "X and Out@GRAD have different rows"},
    {"lars_momentum_decay", "the norm of all rows decides"},
    {"locality_aware_nms", "one number in place of no box"},
    {"multiclass_nms", "one number in place of no box"},
    {"reverse", "turns the rows around"},
    {"slice_clamped", "takes a few rows"},
    {"slice_grad", "Input and Out@GRAD have different rows"},
    {"squeeze2_not_one", "an axis of unknown extent counts as one of extent 1, as in Paddle"},
    {"temporal_shift", "the rows are divided into segments"},
    {"tile_grad", "X and Out@GRAD have different rows"},
};
bool HasNoBatch(const RecordedCase& c) {
  return kNoBatch.contains(c.op.type) || kNoBatch.contains(c.json["name"]);
}

bool HasSequences(const RecordedCase& c) {
  for (const std::string& name : c.InputNames()) {
    if (!std::get<Tensor>(c.values.at(name)).lod().empty()) return true;
  }
  return false;
}

// The case with `rows` rows, the recorded ones over and over, in each input of `batch` rows.
RecordedCase WithRows(const Json& json, int64_t batch, int64_t rows) {
  RecordedCase c(json);
  for (const std::string& name : RowInputs(c, batch)) {
    Tensor& t = c.tensor(name);
    Shape shape = t.shape();
    shape[0] = rows;
    Tensor tiled(shape, t.dtype());
    const size_t row = t.bytes() / static_cast<size_t>(batch);
    for (int64_t i = 0; i < rows; ++i) {
      std::memcpy(static_cast<char*>(tiled.raw_data()) + i * row,
                  static_cast<const char*>(t.raw_data()) + (i % batch) * row, row);
    }
    t = tiled;
  }
  return c;
}

// Whether each output of `got`, that had `rows` rows, repeats the rows of `base`.
::testing::AssertionResult RepeatsRows(const RecordedCase& base, const RecordedCase& got, int64_t batch, int64_t rows) {
  for (const auto& [slot, count] : base.json["outputs"].items()) {
    for (size_t k = 0; !count.is_null() && k < base.op.outputs[slot].size(); ++k) {
      const Tensor *one = base.Output(slot, k), *many = got.Output(slot, k);
      if (one == nullptr || many == nullptr || one->shape().rank() == 0 || one->shape()[0] != batch) {
        return ::testing::AssertionFailure() << slot << " has no rows";
      }
      Shape wanted = one->shape();
      wanted[0] = rows;
      if (many->shape() != wanted) return ::testing::AssertionFailure() << slot << " is " << many->shape();
      const std::vector<double> a = ToDoubles(*one), b = ToDoubles(*many);
      const size_t row = a.size() / static_cast<size_t>(batch);
      double largest = 0;
      for (double v : a) largest = std::isfinite(v) ? std::max(largest, std::abs(v)) : largest;
      for (size_t i = 0; i < b.size(); ++i) {
        const double x = a[(i / row) % static_cast<size_t>(batch) * row + i % row];
        if (x == b[i] || (std::isnan(x) && std::isnan(b[i])) || std::abs(x - b[i]) <= 1e-6 * largest) continue;
        return ::testing::AssertionFailure() << slot << "[" << i << "] is " << b[i] << ", wanted " << x;
      }
    }
  }
  return ::testing::AssertionSuccess();
}

// Whether a shape inferred while building is that of the run, with unknown extents where it had to.
bool Agree(const Shape& built, const Shape& ran) {
  if (built.rank() != ran.rank()) return false;
  for (int axis = 0; axis < ran.rank(); ++axis) {
    if (built[axis] != -1 && built[axis] != ran[axis]) return false;
  }
  return true;
}

class SweepSizeTest : public SweepTest {};
SKIFF_SWEEP_PLACES(SweepSizeTest);

// An operator is one of rows when twice the rows give the results twice.
TEST_P(SweepSizeTest, RowWiseOperatorsTakeAnyNumberOfRows) {
  int cases = 0;
  std::set<std::string> operators;
  ForEachRecordedCase([&](const Json& json) {
    RecordedCase base(json);
    const int64_t batch = BatchOf(base);
    if (batch < 1 || HasSequences(base) || HasNoBatch(base) || base.def().random) return;
    try {
      RecordedCase twice = WithRows(json, batch, 2 * batch);
      base.Run(Options());
      twice.Run(Options());
      if (!RepeatsRows(base, twice, batch, 2 * batch)) return;
    } catch (const Error&) {
      return;
    }
    ++cases;
    operators.insert(base.op.type);
    for (const int64_t rows : {1, 7, 8, 15, 16, 17, 33, 1003}) {
      RecordedCase sized = WithRows(json, batch, rows);
      sized.Run(Options());
      EXPECT_TRUE(RepeatsRows(base, sized, batch, rows)) << rows << " rows";
    }
  });
  std::cout << cases << " cases of " << operators.size() << " operators\n";
  if (!SelectsOperators()) {
    EXPECT_GT(operators.size(), 150u);
  }
}

bool HasRealOutputs(const RecordedCase& c) {
  for (const auto& [slot, count] : c.json["outputs"].items()) {
    if (count.is_number() && count > 0 && !IsFloating(Recorded(c.json, "out", slot, 0).dtype())) return false;
  }
  return true;
}

bool SameBits(const Tensor& a, const Tensor& b) {
  const Tensor x = a.To(CPUPlace{}), y = b.To(CPUPlace{});
  return x.shape() == y.shape() && x.dtype() == y.dtype() && std::memcmp(x.raw_data(), y.raw_data(), x.bytes()) == 0;
}

// oneDNN splits their sums among its threads: equal to rounding only.
bool SplitsSums(const std::string& type) {
  for (const char* name : {"conv2d", "conv3d", "matmul", "mul_grad", "rnn"}) {
    if (type.find(name) != std::string::npos) return true;
  }
  return false;
}

TEST(SweepThreadsTest, MoreThreadsGiveTheSameBits) {
  int cases = 0;
  ForEachRecordedCase([&](const Json& json) {
    RecordedCase c(json);
    const int64_t batch = BatchOf(c);
    RecordedCase one = c;
    bool enlarged = batch >= 1 && !HasSequences(c);
    if (enlarged) {
      try {  // more work than one thread's share, where the operator allows it
        c = WithRows(json, batch, 130 * batch);
        one = c;
        one.Run({.seed = 7});
      } catch (const Error&) {
        enlarged = false;
      }
    }
    if (!enlarged) {
      one = c = RecordedCase(json);
      one.Run({.seed = 7});
    }
    RecordedCase two = c;
    two.Run({.seed = 7, .num_threads = 2});
    if (c.def().grad && !json["gradients"].empty() && HasRealOutputs(c)) {
      const auto ones = [](const std::string&, int, const Tensor& out) {
        if (!IsFloating(out.dtype())) return Tensor();
        std::vector<double> seeds;
        for (int64_t i = 0; i < out.num_elements(); ++i) seeds.push_back(0.25 + static_cast<double>(i % 7));
        return MakeTensor(out.shape(), out.dtype(), seeds);
      };
      one.RunGradients(ones, json["gradients"], {.seed = 7});
      two.RunGradients(ones, json["gradients"], {.seed = 7, .num_threads = 2});
    }
    std::set<std::string> unrecorded;
    for (const auto& [slot, count] : json["outputs"].items()) {
      for (const std::string& name : count.is_null() ? c.op.outputs[slot] : std::vector<std::string>{}) {
        unrecorded.insert(name);
      }
    }
    for (const auto& [name, value] : one.values) {
      if (unrecorded.contains(name)) continue;
      const auto* a = std::get_if<Tensor>(&value);
      if (a == nullptr || !a->is_initialized()) continue;
      const Tensor& b = two.tensor(name);
      if (SplitsSums(c.op.type)) EXPECT_TRUE(AreClose(b, *a, 2e-5)) << name;
      else EXPECT_TRUE(SameBits(*a, b)) << name;
    }
    ++cases;
  });
  std::cout << cases << " cases\n";
}

// The program of one operator over variables like the case's values, those of `batch` rows having `rows`.
std::map<std::string, Shape> InferredShapes(const RecordedCase& c, int64_t batch, int64_t rows) {
  Program program;
  Block& block = program.global_block();
  const std::set<std::string> row_inputs = RowInputs(c, batch);
  for (const std::string& name : c.InputNames()) {
    const Tensor& t = std::get<Tensor>(c.values.at(name));
    Shape shape = t.shape();
    if (row_inputs.contains(name)) shape[0] = rows;
    Variable variable;
    variable.name = name;
    variable.shape = shape;
    variable.dtype = t.dtype();
    variable.lod_level = static_cast<int32_t>(t.lod().size());
    block.AddVar(variable);
  }
  AppendOp(block, c.op);
  std::map<std::string, Shape> shapes;
  for (const std::string& name : c.op.outputs.AllNames()) shapes[name] = block.FindVar(name)->shape;
  return shapes;
}

// Of the outputs that Paddle's case has; intermediates may stay undescribed.
void ExpectAgreement(const std::map<std::string, Shape>& inferred, const RecordedCase& ran) {
  for (const auto& [slot, names] : ran.op.outputs) {
    for (size_t k = 0; k < names.size(); ++k) {
      const Tensor* out = ran.Output(slot, k);
      if (out == nullptr || ran.json["outputs"][slot].is_null()) continue;
      EXPECT_TRUE(Agree(inferred.at(names[k]), out->shape()))
          << slot << " was inferred as " << inferred.at(names[k]) << " and is " << out->shape();
    }
  }
}


TEST(SweepUnknownBatchTest, ShapesInferredFromMinusOneAgreeWithThoseOfTheRun) {
  int cases = 0;
  ForEachRecordedCase([&](const Json& json) {
    RecordedCase c(json);
    const int64_t batch = BatchOf(c);
    if (batch < 2 || HasNoBatch(c)) return;  // a unit extent has a meaning of its own
    const std::map<std::string, Shape> inferred = InferredShapes(c, batch, -1);
    c.Run({.seed = 7});
    ExpectAgreement(inferred, c);
    ++cases;
  });
  std::cout << cases << " cases\n";
}

TEST_P(SweepSizeTest, AnEmptyBatchGivesEmptyResultsOrAnError) {
  int cases = 0, refused = 0;
  ForEachRecordedCase([&](const Json& json) {
    RecordedCase c(json);
    const int64_t batch = BatchOf(c);
    if (batch < 1 || HasSequences(c) || HasNoBatch(c)) return;
    ++cases;
    RecordedCase empty = WithRows(json, batch, 0);
    try {
      empty.Run(Options());
    } catch (const Error& error) {
      ++refused;
      EXPECT_NE(error.kind(), ErrorKind::kInternal) << error.what();
      EXPECT_NE(std::string(error.what()).find(c.op.type), std::string::npos) << error.what();
      return;
    }
    const std::map<std::string, Shape> inferred = InferredShapes(c, batch, 0);
    ExpectAgreement(inferred, empty);
    if (!json["gradients"].empty() && HasRealOutputs(c)) {
      const auto zeros = [](const std::string&, int, const Tensor& out) {
        if (!IsFloating(out.dtype())) return Tensor();
        return MakeTensor(out.shape(), out.dtype(), std::vector<double>(static_cast<size_t>(out.num_elements()), 0));
      };
      empty.RunGradients(zeros, json["gradients"], Options());
      for (const std::string& name : empty.InputNames()) {
        const auto gradient = empty.values.find(GradName(name));
        if (gradient == empty.values.end() || !std::holds_alternative<Tensor>(gradient->second)) continue;
        EXPECT_EQ(std::get<Tensor>(gradient->second).shape(), empty.tensor(name).shape()) << GradName(name);
      }
    }
  });
  std::cout << cases << " cases, " << refused << " refused with an error\n";
}

}  // namespace
}  // namespace skiff::testing
