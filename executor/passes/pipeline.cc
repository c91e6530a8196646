// The order of the passes. Each stands in a file of its own beside this one.
#include "executor/passes/passes.h"

namespace skiff {

const std::vector<Pass>& PassPipeline() {
  static const std::vector<Pass> pipeline = {
      {"remove_identity", "scale by 1 and inference dropout copy a tensor for nothing", RemoveIdentity},
      {"fold_constants", "what hangs on frozen parameters alone is computed once", FoldConstants},
      {"fold_batch_norm", "frozen statistics go into the filter and a bias", FoldBatchNorm},
      {"fuse_conv_bias", "the bias is added while the result is in registers", FuseConvBias},
      {"fuse_conv_residual", "the shortcut is added while the result is in registers", FuseConvResidual},
      {"fuse_conv_activation", "the activation is applied while the result is in registers",
       FuseConvActivation},
      {"fuse_fc", "one product with a bias instead of a second walk over its result", FuseFc},
      {"fuse_fc_activation", "the activation is applied while the result is in cache", FuseFcActivation},
  };
  return pipeline;
}

}  // namespace skiff
