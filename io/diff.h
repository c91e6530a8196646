// What differs between two programs, two state dicts, two runs.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "io/inference_model.h"

namespace skiff::io {

/// An operator that is not the same in both programs.
struct OperatorDifference {
  enum Kind { kRemoved, kAdded, kChanged };
  Kind kind = kChanged;
  std::string type;
  int block_a = -1, op_a = -1;  // where it stands in A; -1 where A does not have it
  int block_b = -1, op_b = -1;
  std::vector<std::string> changes;  // "attribute axis: 1 -> 2", "input X: "a" -> "b""
};

/// Names are of A and B.
struct ProgramDifferences {
  std::vector<OperatorDifference> operators;  // in order of blocks and operators
  std::vector<std::string> variables;         // "w: float32 [2, 3] -> float32 [3, 2]"
  std::map<std::string, std::string> names;   // what B calls each variable of A's block 0 that it has too
  std::vector<std::pair<int, int>> matched;   // positions of the same operators in blocks 0

  /// Equal up to the names of variables.
  bool equal() const { return operators.empty() && variables.empty(); }
  /// Entries of `names` whose two sides differ.
  std::vector<std::pair<std::string, std::string>> Renamed() const;
};

/// Compares programs operator by operator, in order. Variables are the same when the same slots of the same operators
/// name them, whatever they are called: a net that was built again is equal.
///
/// Operators are paired so that most of them go together: by type, then by shapes of outputs and attributes. An attribute
/// that is absent has its operator's default; source lines, name scopes, devices and what only other backends read
/// are no differences.
ProgramDifferences DiffPrograms(const Program& a, const Program& b);

/// How far elements may be apart: |a - b| <= atol + rtol |a|.
struct Tolerance {
  double rtol = 0, atol = 0;
};

/// Two tensors, element by element. Two NaNs are alike; one NaN is infinitely far from anything.
struct TensorDifference {
  std::string name_a, name_b;
  std::string problem;      // "float32 [2] -> float32 [3]" where shape or dtype differ, else ""
  int64_t elements = 0;     // compared; 0 for other shapes
  int64_t outside = 0;      // of them, outside of the tolerance
  double max_abs = 0;       // largest |a - b|
  double mean_abs = 0;
  double relative = 0;      // max_abs / max |a|
  double norm_ratio = 0;    // ||a - b|| / ||a||

  bool equal() const { return problem.empty() && outside == 0; }
};
TensorDifference DiffTensors(const Tensor& a, const Tensor& b, const Tolerance& tolerance = {});

struct StateDifferences {
  std::vector<TensorDifference> tensors;  // those that both have, equal ones too
  std::vector<std::string> missing;       // A has them, B has not
  std::vector<std::string> extra;         // B has them, A has not
  std::vector<std::string> objects;       // other entries that differ: "epoch: 1 -> 2"

  bool equal() const;
};
/// Entries belong together by name, or by the variable's name that a state dict of layers keeps beside it.
/// @param names  What B calls tensors of A; those it leaves out are looked for under their own names.
StateDifferences DiffStates(const StateDict& a, const StateDict& b, const Tolerance& tolerance = {},
                            const std::map<std::string, std::string>& names = {});

struct RunDifferences {
  size_t compared = 0;  // variables
  /// The first operator, in A's order, with an output outside of the tolerance; absent when there is none.
  struct First {
    int op_a = 0, op_b = 0;  // in blocks 0
    std::string type;
    TensorDifference values;
  };
  std::optional<First> first;
  std::vector<TensorDifference> outputs;  // what the models give, by column

  bool equal() const;
};
/// Runs both models, as they are written, on the same inputs, and compares what their operators compute.
///
/// @param inputs    By A's names of inputs; B gets them by column.
/// @param programs  DiffPrograms of the two: says which operators are the same.
/// @param threads   CPU threads of a run, 0 for as many as this process may use.
/// @throws InvalidArgument  Other numbers of inputs or outputs. And whatever running one of them throws.
/// Memory: both models' variables are held at once.
RunDifferences DiffRuns(const InferenceModel& a, const InferenceModel& b, const Feeds& inputs, const ProgramDifferences& programs,
                        const Tolerance& tolerance, int threads = 0);

}  // namespace skiff::io
