// What all operators of two operands share: the heads of their definition and of their gradient's.
#pragma once

#include "operators/kernel/broadcast.h"
#include "operators/kernel/unary.h"

#define SKIFF_BINARY(type, doc)                                                              \
  SKIFF_OP(type)                                                                             \
      .Doc(doc)                                                                              \
      .Source("names and axis rule of Paddle's " #type)                                      \
      .Input("X", "left operand")                                                            \
      .Input("Y", "right operand; broadcasts against X")                                     \
      .Output("Out", "broadcast shape, dtype of X; complex where one of them is")                                          \
      .Attr("axis", -1, "dimension of the larger operand that the smaller begins at; -1: align the last") \
      .InferShape(InferBroadcast())                                                          \
      .KeyedBy("Out")                                                                        \
      .Inplace("X", "Out")

#define SKIFF_BINARY_GRAD(type, doc)                                                         \
  SKIFF_OP(type##_grad)                                                                      \
      .Doc(doc)                                                                              \
      .Source("derivative of " #type)                                                        \
      .Input("X", "left operand")                                                            \
      .Input("Y", "right operand")                                                           \
      .OptionalInput("Out", "result of the forward operator")                                \
      .Input("Out@GRAD", "shape of the result")                                              \
      .OptionalOutput("X@GRAD", "shape and dtype of X: summed where X was broadcast")        \
      .OptionalOutput("Y@GRAD", "shape and dtype of Y: summed where Y was broadcast")        \
      .Attr("axis", -1, "as in " #type)                                                      \
      .InferShape(GradsLikeInputs())                                                         \
      .KeyedBy("Out@GRAD")

namespace skiff {
inline namespace SKIFF_VARIANT {

/// "<type>_grad" from both operands.
inline GradMaker XYGrad() { return StandardGrad({"X", "Y"}, {}, {"Out"}, {"X", "Y"}); }

}  // namespace SKIFF_VARIANT
}  // namespace skiff
