// Losses, for programs that evaluate themselves.
#include "io/onnx/op.h"

namespace skiff::io {

namespace {

std::string LogOf(OnnxOp& op, const std::string& x) { return op.Node("Log", {x}); }
std::string Times(OnnxOp& op, const std::string& a, const std::string& b) { return op.Binary("Mul", a, b); }
std::string Minus(OnnxOp& op, const std::string& a, const std::string& b) { return op.Binary("Sub", a, b); }

std::string LossOf(OnnxOp& op, const std::string& each, const std::string& reduction) {
  if (reduction == "mean") return op.Reduce("ReduceMean", each, {}, false);
  if (reduction == "sum") return op.Reduce("ReduceSum", each, {}, false);
  if (reduction == "batchmean") {
    const std::string batch = op.AsScalar(op.Extents(each, 0, 1));
    return op.Binary("Div", op.Reduce("ReduceSum", each, {}, false), op.Cast(batch, op.TypeOf("X")));
  }
  return each;
}

// The element of each row that the label names, and where a label is ignored.
std::pair<std::string, std::string> Named(OnnxOp& op, const std::string& x, const std::string& label, int64_t axis) {
  const DType dtype = op.TypeOf("Label");
  const std::string ignored = op.Binary("Equal", label, op.Scalar(dtype, static_cast<double>(op.Attr<int64_t>("ignore_index"))));
  const std::string safe = op.Node("Where", {ignored, op.Scalar(dtype, 0), label});
  return {op.Node("GatherElements", {x, safe}, {{"axis", axis}}), ignored};
}

}  // namespace

SKIFF_ONNX(softmax_with_cross_entropy) {
  const int64_t axis = op.Attr<int64_t>("axis");
  const DType dtype = op.TypeOf("Logits");
  const bool use_softmax = op.Attr<bool>("use_softmax");
  const std::string x = op.In("Logits"), label = op.In("Label");
  const std::string logarithm = use_softmax ? op.Node("LogSoftmax", {x}, {{"axis", axis}}) : op.Node("Log", {x});
  if (op.Wanted("Softmax")) op.Out("Softmax", use_softmax ? op.Node("Softmax", {x}, {{"axis", axis}}) : op.Node("Identity", {x}));
  if (op.Attr<bool>("soft_label")) {
    return op.Out("Loss", op.Node("Neg", {op.Reduce("ReduceSum", op.Binary("Mul", label, logarithm), {axis}, true)}));
  }
  const std::string ignored = op.Binary("Equal", label, op.Scalar(op.TypeOf("Label"), static_cast<double>(op.Attr<int64_t>("ignore_index"))));
  const std::string safe = op.Node("Where", {ignored, op.Scalar(op.TypeOf("Label"), 0), label});
  const std::string chosen = op.Node("Neg", {op.Node("GatherElements", {logarithm, safe}, {{"axis", axis}})});
  op.Out("Loss", op.Node("Where", {ignored, op.Scalar(dtype, 0), chosen}));
}

SKIFF_ONNX(sigmoid_cross_entropy_with_logits) {
  if (op.Attr<bool>("normalize")) NoOnnxForm("normalize is true");
  const DType dtype = op.TypeOf("X");
  const std::string x = op.In("X"), label = op.In("Label");
  std::string soft = op.Node("Softplus", {op.Node("Neg", {op.Node("Abs", {x})})});
  if (op.Has("pos_weight")) soft = op.Binary("Mul", op.In("pos_weight"), soft);
  const std::string loss = op.Binary("Add", op.Binary("Sub", op.Node("Relu", {x}), op.Binary("Mul", x, label)), soft);
  const std::string ignored = op.Binary("Equal", label, op.Scalar(dtype, static_cast<double>(op.Attr<int64_t>("ignore_index"))));
  op.Out("Out", op.Node("Where", {ignored, op.Scalar(dtype, 0), loss}));
}

SKIFF_ONNX(cross_entropy) {
  const DType dtype = op.TypeOf("X");
  const std::string logarithm = LogOf(op, op.In("X")), label = op.In("Label");
  if (op.Attr<bool>("soft_label")) return op.Out("Y", op.Node("Neg", {op.Reduce("ReduceSum", Times(op, label, logarithm), {-1}, true)}));
  const auto [chosen, ignored] = Named(op, logarithm, label, -1);
  op.Out("Y", op.Node("Where", {ignored, op.Scalar(dtype, 0), op.Node("Neg", {chosen})}));
}

SKIFF_ONNX(huber_loss) {
  const DType dtype = op.TypeOf("X");
  const std::string residual = Minus(op, op.In("Y"), op.In("X")), size = op.Node("Abs", {residual});
  const double delta = op.Attr<float>("delta");
  const std::string small = Times(op, Times(op, residual, residual), op.Scalar(dtype, 0.5));
  const std::string large = Times(op, Minus(op, size, op.Scalar(dtype, delta / 2)), op.Scalar(dtype, delta));
  op.Out("Out", op.Node("Where", {op.Binary("LessOrEqual", size, op.Scalar(dtype, delta)), small, large}));
  if (op.Wanted("Residual")) op.Out("Residual", op.Node("Identity", {residual}));
}

SKIFF_ONNX(bce_loss) {
  const DType dtype = op.TypeOf("X");
  const std::string x = op.In("X"), label = op.In("Label"), one = op.Scalar(dtype, 1), least = op.Scalar(dtype, -100);
  const auto logarithm = [&](const std::string& value) { return op.Binary("Max", LogOf(op, value), least); };
  const std::string hit = Times(op, label, logarithm(x)), miss = Times(op, Minus(op, one, label), logarithm(Minus(op, one, x)));
  op.Out("Out", op.Node("Neg", {op.Binary("Add", hit, miss)}));
}

SKIFF_ONNX(log_loss) {
  const DType dtype = op.TypeOf("Predicted");
  const std::string p = op.In("Predicted"), y = op.In("Labels"), one = op.Scalar(dtype, 1), epsilon = op.Scalar(dtype, op.Attr<float>("epsilon"));
  const std::string hit = Times(op, y, LogOf(op, op.Binary("Add", p, epsilon)));
  const std::string miss = Times(op, Minus(op, one, y), LogOf(op, op.Binary("Add", Minus(op, one, p), epsilon)));
  op.Out("Loss", op.Node("Neg", {op.Binary("Add", hit, miss)}));
}

SKIFF_ONNX(kldiv_loss) {
  const DType dtype = op.TypeOf("X");
  const std::string target = op.In("Target"), zero = op.Scalar(dtype, 0);
  const std::string safe = op.Binary("Max", target, op.Scalar(dtype, 1e-30));
  const std::string each = op.Node("Where", {op.Binary("Greater", target, zero), Times(op, target, Minus(op, LogOf(op, safe), op.In("X"))), zero});
  op.Out("Loss", LossOf(op, each, op.Attr<std::string>("reduction")));
}

SKIFF_ONNX(nll_loss) {
  const DType dtype = op.TypeOf("X");
  const std::string reduction = op.Attr<std::string>("reduction"), zero = op.Scalar(dtype, 0), label = op.In("Label");
  const auto [chosen, ignored] = Named(op, op.In("X"), op.Unsqueeze(label, {1}), 1);
  const std::string is_ignored = op.Squeeze(ignored, {1});
  std::string weight = op.Scalar(dtype, 1);
  if (op.Has("Weight")) {
    weight = op.Gather(op.In("Weight"), op.Node("Where", {is_ignored, op.Scalar(op.TypeOf("Label"), 0), label}), 0);
  }
  weight = op.Node("Where", {is_ignored, zero, weight});
  const std::string each = op.Node("Neg", {Times(op, op.Squeeze(chosen, {1}), weight)});
  const std::string total = op.Reduce("ReduceSum", weight, {}, false);
  if (reduction == "mean") {
    op.OutOfRank("Out", op.Binary("Div", op.Reduce("ReduceSum", each, {}, false), total), 0);
  } else {
    op.Out("Out", LossOf(op, each, reduction));
  }
  if (op.Wanted("Total_weight")) op.OutOfRank("Total_weight", reduction == "none" ? Times(op, total, zero) : total, 0);
}

SKIFF_ONNX(hinge_loss) {
  const DType dtype = op.TypeOf("Logits");
  const std::string side = Minus(op, Times(op, op.In("Labels"), op.Scalar(dtype, 2)), op.Scalar(dtype, 1));
  op.Out("Loss", op.Node("Relu", {Minus(op, op.Scalar(dtype, 1), Times(op, op.In("Logits"), side))}));
}

SKIFF_ONNX(rank_loss) {
  const std::string difference = Minus(op, op.In("Left"), op.In("Right"));
  op.Out("Out", Minus(op, op.Node("Softplus", {difference}), Times(op, op.In("Label"), difference)));
}

SKIFF_ONNX(identity_loss) {
  const int64_t reduction = op.Attr<int64_t>("reduction");
  if (reduction > 1) return op.Out("Out", op.Node("Identity", {op.In("X")}));
  op.OutOfRank("Out", op.Reduce(reduction == 0 ? "ReduceSum" : "ReduceMean", op.In("X"), {}, false), 0);
}

}  // namespace skiff::io
