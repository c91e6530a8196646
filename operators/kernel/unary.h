// What all functions of one tensor share: the head of their definition. SKIFF_UNARY(type, doc) begins the
// operator, SKIFF_UNARY_GRAD(type, uses, doc) its gradient, which reads `uses`: the forward input or
// output that the derivative is cheapest from (Paddle's choice).
#pragma once

#include "operators/kernel/map.h"

/// The storage types of floating kernels.
#define SKIFF_FLOATS float, double, Float16, BFloat16
#define SKIFF_INTS int32_t, int64_t, int16_t, int8_t, uint8_t

#define SKIFF_UNARY(type, doc)                                    \
  SKIFF_OP(type)                                                  \
      .Doc(doc)                                                   \
      .Source("names and defaults of Paddle's " #type)            \
      .Input("X", "any shape, floating")                          \
      .Output("Out", "shape and dtype of X")                      \
      .InferShape(OutLike("X"))                                   \
      .Inplace("X", "Out")

#define SKIFF_UNARY_GRAD(type, uses, doc)                         \
  SKIFF_OP(type##_grad)                                           \
      .Doc(doc)                                                   \
      .Source("derivative of " #type)                             \
      .Input(uses, "of the forward operator")                     \
      .Input("Out@GRAD", "shape and dtype of Out")                \
      .Output("X@GRAD", "shape and dtype of X")                   \
      .InferShape(Like("X@GRAD", uses))                           \
      .Inplace("Out@GRAD", "X@GRAD")

namespace skiff {
inline namespace SKIFF_VARIANT {

/// "<type>_grad" from X, or from Out, and Out@GRAD.
inline GradMaker FromX() { return StandardGrad({"X"}, {}, {"Out"}, {"X"}); }
inline GradMaker FromOut() { return StandardGrad({}, {"Out"}, {"Out"}, {"X"}); }

}  // namespace SKIFF_VARIANT
}  // namespace skiff
