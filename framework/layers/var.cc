#include "framework/layers/var.h"

#include "framework/layers/layer_helper.h"
#include "framework/program/unique_name.h"

namespace skiff {

Origin::Origin(const std::source_location& at) {
  const std::string file = at.file_name();
  place_ = file.substr(file.find_last_of('/') + 1) + ":" + std::to_string(at.line());
}

std::string Origin::Of(const std::string& layer) const {
  return place_.empty() ? layer : layer + " at " + place_;
}

const Var& Var::set_stop_gradient(bool stop) const {
  variable_->stop_gradient = stop;
  variable_->block->program()->Touch();
  return *this;
}

namespace {

// Operators written as arithmetic name their results "tmp_<n>" and stand in the current block.
Var Append(const std::string& type, Slots inputs, const Attrs& attrs, DType dtype) {
  const LayerHelper helper(type, UniqueName("tmp"));
  return helper.AppendOp(type, std::move(inputs), attrs, helper.CreateVariable(helper.name(), dtype));
}

Var Cast(const Var& x, DType dtype) {
  return Append("cast", {{"X", {x.name()}}},
                {{"in_dtype", static_cast<int32_t>(x.dtype())},
                 {"out_dtype", static_cast<int32_t>(dtype)}}, dtype);
}

bool IsWhole(const Var& x) { return IsInteger(x.dtype()) || x.dtype() == DType::kBool; }

Var Binary(const std::string& type, const Var& x, const Var& y, DType dtype) {
  return Append(type, {{"X", {x.name()}}, {"Y", {y.name()}}}, {{"axis", -1}}, dtype);
}

Var Elementwise(const std::string& type, const Var& x, const Var& y) {
  const Var right = y.dtype() == x.dtype() ? y : Cast(y, x.dtype());
  return Binary(type, x, right, x.dtype());
}

Var Compare(const std::string& type, const Var& x, const Var& y) {
  const Var right = y.dtype() == x.dtype() ? y : Cast(y, x.dtype());
  return Binary(type, x, right, DType::kBool);
}

Var Scale(const Var& x, double scale, double bias) {
  return Append("scale", {{"X", {x.name()}}},
                {{"scale", static_cast<float>(scale)}, {"bias", static_cast<float>(bias)},
                 {"bias_after_scale", true}}, x.dtype());
}

// Integers meet a number with a fraction as float32.
Var Widened(const Var& x, double number) {
  const bool whole = number == static_cast<double>(static_cast<int64_t>(number));
  return IsWhole(x) && !whole ? Cast(x, DType::kFloat32) : x;
}

Var Filled(double value, DType dtype) {
  return Append("fill_constant", {},
                {{"shape", std::vector<int64_t>{}}, {"dtype", static_cast<int32_t>(dtype)},
                 {"value", static_cast<float>(value)}, {"force_cpu", false}}, dtype);
}

// `value` in the shape of x.
Var FilledLike(const Var& x, double value) {
  int batch_axis = -1;
  for (int i = 0; i < x.rank() && batch_axis < 0; ++i) {
    if (x.shape()[i] < 0) batch_axis = i;
  }
  std::vector<int64_t> shape = x.shape().ToVector();
  Attrs attrs{{"dtype", static_cast<int32_t>(x.dtype())}, {"value", static_cast<float>(value)}};
  if (batch_axis < 0) {
    attrs.Set("shape", shape);
    attrs.Set("force_cpu", false);
    return Append("fill_constant", {}, attrs, x.dtype());
  }
  attrs.Set("shape", std::vector<int32_t>(shape.begin(), shape.end()));
  attrs.Set("input_dim_idx", batch_axis);
  attrs.Set("output_dim_idx", batch_axis);
  const Var like = Append("fill_constant_batch_size_like", {{"Input", {x.name()}}}, attrs, x.dtype());
  like.variable().stop_gradient = true;
  return like;
}

}  // namespace

Var operator+(const Var& x, const Var& y) { return Elementwise("elementwise_add", x, y); }
Var operator-(const Var& x, const Var& y) { return Elementwise("elementwise_sub", x, y); }
Var operator*(const Var& x, const Var& y) { return Elementwise("elementwise_mul", x, y); }
Var operator/(const Var& x, const Var& y) {
  const Var left = IsWhole(x) ? Cast(x, DType::kFloat32) : x;
  const Var right = IsWhole(y) ? Cast(y, DType::kFloat32) : y;
  return Elementwise("elementwise_div", left, right);
}
Var operator+(const Var& x, double y) { return Scale(Widened(x, y), 1.0, y); }
Var operator-(const Var& x, double y) { return Scale(Widened(x, y), 1.0, -y); }
Var operator*(const Var& x, double y) { return Scale(Widened(x, y), y, 0.0); }
Var operator/(const Var& x, double y) {
  return Scale(IsWhole(x) ? Cast(x, DType::kFloat32) : x, 1.0 / y, 0.0);
}
Var operator+(double x, const Var& y) { return y + x; }
Var operator-(double x, const Var& y) { return Scale(Widened(y, x), -1.0, x); }
Var operator*(double x, const Var& y) { return y * x; }
Var operator/(double x, const Var& y) {
  const Var below = IsWhole(y) ? Cast(y, DType::kFloat32) : y;
  const Var above = FilledLike(below, x);
  return Binary("elementwise_div", above, below, below.dtype());
}
Var operator-(const Var& x) { return Scale(x, -1.0, 0.0); }
Var operator<(const Var& x, const Var& y) { return Compare("less_than", x, y); }
Var operator>(const Var& x, const Var& y) { return Compare("greater_than", x, y); }
Var operator<(const Var& x, double y) {
  const Var left = Widened(x, y);
  return Compare("less_than", left, Filled(y, left.dtype()));
}
Var operator>(const Var& x, double y) {
  const Var left = Widened(x, y);
  return Compare("greater_than", left, Filled(y, left.dtype()));
}

}  // namespace skiff
