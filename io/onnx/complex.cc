// Complex numbers inside a model: floats whose last axis holds the two parts. Spectra of signals are made and read so.
#include <climits>

#include "io/onnx/op.h"

namespace skiff::io {

namespace {

DType RealOf(DType dtype) {
  if (!IsComplex(dtype)) return dtype;
  return dtype == DType::kComplex64 ? DType::kFloat32 : DType::kFloat64;
}

std::string PartOf(OnnxOp& op, const std::string& z, int64_t part) { return op.Gather(z, op.Int64(part), -1); }
std::string OfParts(OnnxOp& op, const std::string& real, const std::string& imaginary) {
  return op.Concat({op.Unsqueeze(real, {-1}), op.Unsqueeze(imaginary, {-1})}, -1);
}
std::string Conjugate(OnnxOp& op, const std::string& z, DType real) {
  return op.Binary("Mul", z, op.Cast(op.Constant(Tensor::Of(Shape{2}, {1.0f, -1.0f})), real));
}

// The transform of `z`, [extents of `rank` axes, parts], along one of them.
std::string Transformed(OnnxOp& op, std::string z, int rank, int64_t axis, bool inverse, bool onesided) {
  std::vector<int64_t> swap(rank + 1);
  for (int i = 0; i <= rank; ++i) swap[i] = i;
  std::swap(swap[axis], swap[rank - 1]);
  const bool turned = axis != rank - 1;
  if (turned) z = op.Transpose(z, swap);
  const std::string lines = op.Node("Reshape", {z, op.Concat({op.Int64s({-1}), op.Extents(z, rank - 1)}, 0)});
  OnnxAttrs attrs{{"inverse", int64_t{inverse}}, {"onesided", int64_t{onesided}}};
  std::vector<std::string> inputs{lines};
  if (op.opset() >= 20) {
    inputs.insert(inputs.end(), {"", op.Int64(1)});
  } else {
    attrs.emplace_back("axis", int64_t{1});
  }
  const std::string spectra = op.Node("DFT", inputs, attrs);
  z = op.Node("Reshape", {spectra, op.Concat({op.Extents(z, 0, rank - 1), op.Extents(spectra, 1)}, 0)});
  return turned ? op.Transpose(z, swap) : z;
}

// `y`, of `count` points altogether, scaled as the attribute normalization says. ONNX's inverse has divided by their number.
std::string Normalized(OnnxOp& op, const std::string& y, const std::string& count, bool divided, DType real) {
  const std::string norm = op.Attr<std::string>("normalization");
  const double wanted = norm == "ortho" ? -0.5 : op.Attr<bool>("forward") == (norm == "forward") ? -1 : 0;
  const double power = wanted + (divided ? 1 : 0);
  return power == 0 ? y : op.Binary("Mul", y, op.Binary("Pow", op.Cast(count, real), op.Scalar(real, power)));
}

std::vector<int64_t> FourierAxes(const OnnxOp& op, int rank) {
  std::vector<int64_t> axes = op.Ints("axes");
  for (int64_t& axis : axes) axis = NormalizeAxis(axis, rank);
  return axes;
}
std::string PointsOf(OnnxOp& op, const std::string& x, const std::vector<int64_t>& axes) {
  return op.Reduce("ReduceProd", op.Gather(op.Extents(x), op.Int64s(axes), 0), {}, false);
}

}  // namespace

SKIFF_ONNX_COMPLEX(as_complex) { op.Out("Out", op.Node("Identity", {op.In("X")})); }
SKIFF_ONNX_COMPLEX(as_real) { op.Out("Out", op.Node("Identity", {op.In("X")})); }
SKIFF_ONNX_COMPLEX(real) { op.Out("Out", PartOf(op, op.In("X"), 0)); }
SKIFF_ONNX_COMPLEX(imag) { op.Out("Out", PartOf(op, op.In("X"), 1)); }
SKIFF_ONNX_COMPLEX(abs) { op.Out("Out", op.Reduce("ReduceL2", op.In("X"), {-1}, false)); }
SKIFF_ONNX_COMPLEX(conj) { op.Out("Out", Conjugate(op, op.In("X"), RealOf(op.TypeOf("X")))); }
SKIFF_ONNX_COMPLEX(complex) {
  const std::string x = op.In("X"), y = op.In("Y");
  op.Out("Out", OfParts(op, op.Node("Expand", {x, op.Extents(y)}), op.Node("Expand", {y, op.Extents(x)})));
}

namespace {
// An input as parts of dtype `real`; real numbers have zeros for the second.
std::string InParts(OnnxOp& op, const char* slot, DType real) {
  std::string x = op.In(slot);
  if (RealOf(op.TypeOf(slot)) != real) x = op.Cast(x, real);
  return IsComplex(op.TypeOf(slot)) ? x : OfParts(op, x, op.Node("Expand", {op.Scalar(real, 0), op.Extents(x)}));
}
std::pair<std::string, std::string> ComplexOperands(OnnxOp& op) {
  if (op.Attr<int64_t>("axis") != -1 && op.Rank("X") != op.Rank("Y")) NoOnnxForm("complex numbers along an axis");
  const DType real = RealOf(op.OutType("Out"));
  return {InParts(op, "X", real), InParts(op, "Y", real)};
}
}  // namespace
SKIFF_ONNX_COMPLEX(cast) {
  const DType out = static_cast<DType>(op.Attr<int32_t>("out_dtype"));
  op.Out("Out", IsComplex(out) ? InParts(op, "X", RealOf(out)) : op.Cast(PartOf(op, op.In("X"), 0), out));
}
SKIFF_ONNX_COMPLEX(elementwise_add) {
  const auto [x, y] = ComplexOperands(op);
  op.Out("Out", op.Binary("Add", x, y));
}
SKIFF_ONNX_COMPLEX(elementwise_sub) {
  const auto [x, y] = ComplexOperands(op);
  op.Out("Out", op.Binary("Sub", x, y));
}
SKIFF_ONNX_COMPLEX(elementwise_mul) {
  const auto [x, y] = ComplexOperands(op);
  const std::string a = PartOf(op, x, 0), b = PartOf(op, x, 1), c = PartOf(op, y, 0), d = PartOf(op, y, 1);
  const auto mul = [&op](const std::string& left, const std::string& right) { return op.Binary("Mul", left, right); };
  op.Out("Out", OfParts(op, op.Binary("Sub", mul(a, c), mul(b, d)), op.Binary("Add", mul(a, d), mul(b, c))));
}

SKIFF_ONNX_COMPLEX(transpose2) {
  const int rank = op.Rank("X");
  std::vector<int64_t> perm = op.Ints("axis");
  for (int64_t& axis : perm) axis = NormalizeAxis(axis, rank);
  perm.push_back(rank);
  op.Out("Out", op.Transpose(op.In("X"), perm));
}
SKIFF_ONNX_COMPLEX(reshape2) {
  op.Out("Out", op.Node("Reshape", {op.In("X"), op.Concat({op.IntList("ShapeTensor", "Shape", "shape"), op.Int64s({2})}, 0)}));
}
SKIFF_ONNX_COMPLEX(slice) {
  std::vector<int64_t> axes = op.Ints("axes"), decrease = op.Ints("decrease_axis");
  for (auto* list : {&axes, &decrease}) {
    for (int64_t& axis : *list) axis = NormalizeAxis(axis, op.Rank("Input"));
  }
  const std::string starts = op.IntList("StartsTensorList", "StartsTensor", "starts"), ends = op.IntList("EndsTensorList", "EndsTensor", "ends");
  op.Out("Out", op.Squeeze(op.Node("Slice", {op.In("Input"), starts, ends, op.Int64s(axes)}), decrease));
}

SKIFF_ONNX_COMPLEX(fft_c2c) {
  const int rank = op.Rank("X");
  const auto axes = FourierAxes(op, rank);
  const bool inverse = !op.Attr<bool>("forward");
  std::string z = op.In("X");
  const std::string count = PointsOf(op, z, axes);
  for (int64_t axis : axes) z = Transformed(op, z, rank, axis, inverse, false);
  op.Out("Out", Normalized(op, z, count, inverse, RealOf(op.TypeOf("X"))));
}

// Real numbers one way; the other way they give the conjugates.
SKIFF_ONNX_COMPLEX(fft_r2c) {
  const int rank = op.Rank("X");
  const auto axes = FourierAxes(op, rank);
  const std::string x = op.In("X");
  std::string z = Transformed(op, op.Unsqueeze(x, {-1}), rank, axes.back(), false, op.Attr<bool>("onesided"));
  for (size_t i = 0; i + 1 < axes.size(); ++i) z = Transformed(op, z, rank, axes[i], false, false);
  if (!op.Attr<bool>("forward")) z = Conjugate(op, z, op.TypeOf("X"));
  op.Out("Out", Normalized(op, z, PointsOf(op, x, axes), false, op.TypeOf("X")));
}

// The half that is left out along the last axis is the conjugate of the other half backwards.
SKIFF_ONNX_COMPLEX(fft_c2r) {
  const int rank = op.Rank("X");
  const auto axes = FourierAxes(op, rank);
  const int64_t last = axes.back(), given = op.Attr<int64_t>("last_dim_size");
  const bool inverse = !op.Attr<bool>("forward");
  const DType real = op.OutType("Out");
  std::string z = op.In("X");
  for (size_t i = 0; i + 1 < axes.size(); ++i) z = Transformed(op, z, rank, axes[i], inverse, false);
  const auto minus_one = [&](const std::string& value) { return op.Binary("Sub", value, op.Int64s({1})); };
  const std::string points = given > 0 ? op.Int64s({given}) : op.Binary("Mul", minus_one(op.Extents(z, last, last + 1)), op.Int64s({2}));
  const std::string half = op.Binary("Add", op.Binary("Div", points, op.Int64s({2})), op.Int64s({1}));
  const std::string axis = op.Int64s({last}), first = op.Node("Slice", {z, op.Int64s({0}), half, axis});
  const std::string mirrored = op.Node("Slice", {z, op.Binary("Sub", points, half), op.Int64s({0}), axis, op.Int64s({-1})});
  z = Transformed(op, op.Concat({first, Conjugate(op, mirrored, real)}, last), rank, last, inverse, false);
  const std::string y = PartOf(op, z, 0);
  op.Out("Out", Normalized(op, y, PointsOf(op, y, axes), inverse, real));
}

}  // namespace skiff::io
