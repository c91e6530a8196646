// Inference when every shape is known: the last word before a kernel touches memory.
#pragma once

#include "framework/op/op_def.h"

namespace skiff {

/// Infers the outputs of `op`, after its InputRules were checked. A gradient operator is first compared with its forward operator: what it is given of
/// the forward outputs and of their gradients must have the shapes and dtypes that the forward operator gives them.
/// Kernels of gradients count on that; the operator may come from a file in which it does not hold.
/// @param attrs  Complete and resolved (see ResolveAttrs).
/// @throws what inference throws; InvalidArgument and InvalidType naming slot, what it is and what it must be.
void InferKnown(const OpDef& def, const Operator& op, const Attrs& attrs, MetaTable* table);

}  // namespace skiff
