// The passes; pipeline.cc is their order.
#pragma once

#include "executor/passes/pass.h"

namespace skiff {

bool FoldConstants(PassContext& context);
bool RemoveIdentity(PassContext& context);
bool FoldBatchNorm(PassContext& context);
bool FuseConvBias(PassContext& context);
bool FuseConvResidual(PassContext& context);
bool FuseConvActivation(PassContext& context);
bool FuseFc(PassContext& context);
bool FuseFcActivation(PassContext& context);

}  // namespace skiff
