// The order of the passes. Each stands in a file of its own beside this one.
#include "executor/passes/pass.h"

namespace skiff {

const std::vector<Pass>& PassPipeline() {
  static const std::vector<Pass> pipeline = {};
  return pipeline;
}

}  // namespace skiff
