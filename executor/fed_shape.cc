#include "executor/fed_shape.h"

#include <algorithm>

namespace skiff {

Shape FedShape(const Program& program, const Variable& v) {
  for (int i = 1; i < program.num_blocks(); ++i) {
    const auto& ops = program.block(i).ops();
    const bool written = std::any_of(ops.begin(), ops.end(), [&](const auto& op) {
      return op->outputs.Mentions(v.name);
    });
    if (!written || program.block(i).FindVar(v.name).get() != &v) continue;
    Shape any;
    for (int axis = 0; axis < v.shape.rank(); ++axis) any.Append(-1);
    return any;
  }
  return v.shape;
}

}  // namespace skiff
