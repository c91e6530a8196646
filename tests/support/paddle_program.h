// Programs that real Paddle built, read from tests/fixtures/names, and programs of skiff in the same
// words: one line an operator, one line a variable. See tests/fixtures/README.md for the files.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "framework/program/program.h"

namespace skiff::test {

struct PaddlePrograms {
  std::unique_ptr<Program> main, startup;
  /// The (parameter, gradient) names, or whatever list of lists of names the snippet left.
  std::vector<std::vector<std::string>> result;
};

/// Reads tests/fixtures/names/<name>.json. Fails the calling test when there is no such file.
PaddlePrograms ReadPaddlePrograms(const std::string& name);

/// What the program was before backward: without the operators of role backward or optimize, without
/// gradients and without what only an optimizer makes.
std::unique_ptr<Program> WithoutBackward(const Program& program);

/// "block 0: mul(X=x Y=w) -> Out=y {x_num_col_dims = 1}": type, arguments by slot, and the attributes
/// that both Paddle's and skiff's schema declare. Roles are shown with `roles`.
std::vector<std::string> OperatorLines(const Program& program, bool roles = true);
/// "block 0: w float32 [4, 3] persistable parameter stop_gradient", sorted by name.
std::vector<std::string> VariableLines(const Program& program);

/// The types of operators in either program that are not registered, comma separated.
std::string MissingOps(const PaddlePrograms& programs);

}  // namespace skiff::test
