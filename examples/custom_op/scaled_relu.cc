// An operator of one's own: its schema, its gradient and its kernels for the CPU.
#include "scaled_relu.h"

namespace {

using skiff::Like;
using skiff::Map;
using skiff::StandardGrad;

SKIFF_OP(scaled_relu)
    .Doc("Out = scale max(X, 0).")
    .Source("an example")
    .Input("X", "any shape, floating")
    .Output("Out", "shape and dtype of X")
    .Attr("scale", 1.0f, "factor")
    .InferShape(Like("Out", "X"))
    .Inplace("X", "Out")
    .Gradient(StandardGrad({"X"}, {}, {"Out"}, {"X"}))
    .Kernel<Map<ScaledRelu>, float, double>();

SKIFF_OP(scaled_relu_grad)
    .Doc("X@GRAD = scale Out@GRAD where X > 0, 0 elsewhere.")
    .Source("derivative of scaled_relu")
    .Input("X", "input of scaled_relu")
    .Input("Out@GRAD", "shape and dtype of X")
    .Output("X@GRAD", "shape and dtype of X")
    .Attr("scale", 1.0f, "factor")
    .InferShape(Like("X@GRAD", "X"))
    .Inplace("Out@GRAD", "X@GRAD")
    .Kernel<Map<ScaledReluGrad>, float, double>();

}  // namespace
