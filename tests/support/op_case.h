// OpCase: one operator with small inputs, run by itself through RunOp on each place and checked against
// numbers one can verify by head, or against finite differences.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "framework/op/run_op.h"

namespace skiff::testing {

/// Where and in which dtype a case runs.
struct TestPlace {
  Place place = CPUPlace{};
  DType dtype = DType::kFloat32;
};
/// "Cpu_float32"
std::string PlaceName(const ::testing::TestParamInfo<TestPlace>& info);
/// What Expect allows between a wanted and a computed number: tolerance * max(1, |wanted|).
double DTypeTolerance(DType dtype);

/// Suites of one operator derive from this. A CUDA case without a card is skipped and says so.
class OpTest : public ::testing::TestWithParam<TestPlace> {
 protected:
  void SetUp() override;
};

class OpCase {
 public:
  explicit OpCase(std::string type, TestPlace place = {});

  /// A variable of the case's dtype, called like its slot.
  OpCase& Input(const std::string& slot, const Shape& shape, const std::vector<double>& values);
  /// The same with a dtype of its own.
  OpCase& Input(const std::string& slot, const Shape& shape, const std::vector<double>& values,
                DType dtype);
  struct Part {
    Shape shape;
    std::vector<double> values;
  };
  /// Several variables in one slot, called like it with a number: X0, X1, ...
  OpCase& Inputs(const std::string& slot, const std::vector<Part>& parts);
  OpCase& Inputs(const std::string& slot, const std::vector<Part>& parts, DType dtype);
  /// A variable of which only shape and dtype matter, for Infer. Extents may be -1.
  OpCase& InputOf(const std::string& slot, const Shape& shape, DType dtype);
  OpCase& InputOf(const std::string& slot, const Shape& shape) {
    return InputOf(slot, shape, place_.dtype);
  }
  /// The sequences that the rows of an input belong to, as offsets.
  OpCase& Sequences(const std::string& slot, LoD lod);
  OpCase& Attr(const std::string& name, Attribute value);
  template <size_t N>  // not a pointer: that a literal 0 would convert to
  OpCase& Attr(const std::string& name, const char (&text)[N]) {
    return Attr(name, Attribute(std::string(text)));
  }
  /// How many variables an output slot has; without a call one, or none where the slot takes many.
  OpCase& Outputs(const std::string& slot, int count);
  OpCase& WithoutOutput(const std::string& slot) { return Outputs(slot, 0); }
  /// Replaces the dtype's tolerance.
  OpCase& Tolerance(double tolerance);
  OpCase& Seed(uint64_t seed);
  OpCase& Threads(int num_threads);

  /// Shape and dtype of an output, inferred without running.
  TensorMeta Infer(const std::string& slot, int i = 0) const;
  /// Runs and returns an output, on the CPU.
  Tensor Run(const std::string& slot, int i = 0) const;
  /// Runs and returns an output's elements.
  std::vector<double> Values(const std::string& slot, int i = 0) const;
  /// Runs and compares an output's elements, in C order.
  const OpCase& Expect(const std::string& slot, const std::vector<double>& wanted, int i = 0) const;
  const OpCase& ExpectShape(const std::string& slot, const Shape& wanted, int i = 0) const;
  const OpCase& ExpectDType(const std::string& slot, DType wanted, int i = 0) const;

  const OpCase& ExpectSequences(const std::string& slot, const LoD& wanted, int i = 0) const;

  /// Compares the gradients of sum(weights * outs) by `ins`, which the operator's gradient maker and
  /// its operators give in the case's dtype, with central differences in float64, for fixed irregular
  /// weights.
  void CheckGradient(const char* in, const char* out) const;
  void CheckGradient(const std::vector<std::string>& ins, const std::vector<std::string>& outs) const;

 private:
  struct Variable {
    Shape shape;
    std::vector<double> values;
    DType dtype;
    bool follows_case;  // its dtype is the case's
    LoD lod = {};
  };

  Operator MakeOperator() const;
  std::map<std::string, Value> MakeValues(DType dtype) const;
  std::map<std::string, Value> RunAll(DType dtype) const;
  std::map<std::string, std::vector<double>> Gradients(const std::vector<std::string>& ins,
                                                       const std::vector<std::string>& outs) const;
  double WeightedSum(const std::vector<std::string>& outs) const;

  std::string type_;
  TestPlace place_;
  Slots inputs_;
  std::map<std::string, Variable> variables_;
  Attrs attrs_;
  std::map<std::string, int> num_outputs_;
  double tolerance_;
  RunOpOptions options_;
};

/// A CPU tensor of any dtype from numbers, and back.
Tensor MakeTensor(const Shape& shape, DType dtype, const std::vector<double>& values);
std::vector<double> ToDoubles(const Tensor& tensor);

}  // namespace skiff::testing

/// Every test of the suite on the CPU in float32 and float64, and on a card in float32.
#define SKIFF_ON_EACH_PLACE(Suite)                                                          \
  INSTANTIATE_TEST_SUITE_P(                                                                 \
      Places, Suite,                                                                        \
      ::testing::Values(                                                                    \
          ::skiff::testing::TestPlace{::skiff::CPUPlace{}, ::skiff::DType::kFloat32},       \
          ::skiff::testing::TestPlace{::skiff::CPUPlace{}, ::skiff::DType::kFloat64},       \
          ::skiff::testing::TestPlace{::skiff::CUDAPlace{0}, ::skiff::DType::kFloat32}),    \
      ::skiff::testing::PlaceName)
/// The same with the half types, whose tolerances are wide.
#define SKIFF_ON_EACH_FLOAT(Suite)                                                          \
  INSTANTIATE_TEST_SUITE_P(                                                                 \
      Places, Suite,                                                                        \
      ::testing::Values(                                                                    \
          ::skiff::testing::TestPlace{::skiff::CPUPlace{}, ::skiff::DType::kFloat32},       \
          ::skiff::testing::TestPlace{::skiff::CPUPlace{}, ::skiff::DType::kFloat64},       \
          ::skiff::testing::TestPlace{::skiff::CPUPlace{}, ::skiff::DType::kFloat16},       \
          ::skiff::testing::TestPlace{::skiff::CPUPlace{}, ::skiff::DType::kBFloat16},      \
          ::skiff::testing::TestPlace{::skiff::CUDAPlace{0}, ::skiff::DType::kFloat32},     \
          ::skiff::testing::TestPlace{::skiff::CUDAPlace{0}, ::skiff::DType::kFloat16}),    \
      ::skiff::testing::PlaceName)
