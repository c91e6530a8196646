// Random numbers. They are others than skiff's, and others in each run where the seed is 0.
#include "io/onnx/op.h"

namespace skiff::io {

namespace {

void EmitRandom(OnnxOp& op, const char* node, OnnxAttrs attrs) {
  const DType dtype = static_cast<DType>(op.Attr<int32_t>("dtype"));
  if (!IsFloating(dtype)) NoOnnxForm("numbers of ", dtype);
  attrs.emplace_back("dtype", int64_t{OnnxTypeOf(dtype)});
  if (const int64_t seed = op.Attr<int64_t>("seed"); seed != 0) attrs.emplace_back("seed", static_cast<float>(seed));
  if (!op.IsTensorGiven("ShapeTensorList", "ShapeTensor")) {
    attrs.emplace_back("shape", op.Ints("shape"));
    return op.Out("Out", op.Node(node, {}, attrs));
  }
  const std::string like = op.Node("ConstantOfShape", {op.IntList("ShapeTensorList", "ShapeTensor", "")});
  op.Out("Out", op.Node(std::string(node) + "Like", {like}, attrs));
}

}  // namespace

SKIFF_ONNX(gaussian_random) {
  EmitRandom(op, "RandomNormal", {{"mean", op.Attr<float>("mean")}, {"scale", op.Attr<float>("std")}});
}
SKIFF_ONNX(uniform_random) {
  if (op.Attr<int64_t>("diag_num") != 0) NoOnnxForm("diag_num");
  EmitRandom(op, "RandomUniform", {{"low", op.Attr<float>("min")}, {"high", op.Attr<float>("max")}});
}

// Runtimes disagree about the node Bernoulli; numbers drawn from [0, 1) are below X as often as X says.
SKIFF_ONNX(bernoulli) {
  const std::string drawn = op.Node("RandomUniformLike", {op.In("X")}, {{"low", 0.0f}, {"high", 1.0f}});
  op.Out("Out", op.Cast(op.Binary("Less", drawn, op.In("X")), op.OutType("Out")));
}
SKIFF_ONNX(randint) {
  const auto low = op.Attr<int64_t>("low"), high = op.Attr<int64_t>("high");
  OnnxAttrs attrs{{"low", static_cast<float>(low)}, {"high", static_cast<float>(high)}, {"dtype", int64_t{OnnxTypeOf(DType::kFloat32)}}};
  const std::string like = op.Node("ConstantOfShape", {op.IntList("ShapeTensorList", "ShapeTensor", "shape")});
  const std::string drawn = op.Node("Floor", {op.Node("RandomUniformLike", {like}, attrs)});
  op.Out("Out", op.Cast(op.Binary("Min", drawn, op.Scalar(DType::kFloat32, static_cast<double>(high - 1))), op.OutType("Out")));
}

}  // namespace skiff::io
