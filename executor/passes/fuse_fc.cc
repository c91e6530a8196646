// A product with a weight matrix, its bias and its activation become one fc:
//
//   mul or matmul_v2 -> elementwise_add(bias) -> relu or gelu or tanh or sigmoid
#include "executor/passes/passes.h"
#include "executor/passes/rewrite.h"

namespace skiff {

namespace {

bool TryFcBias(const RewriteSite& site) {
  const Operator& product = site.op();
  const bool is_mul = product.type == "mul";
  if (!is_mul && product.type != "matmul_v2") return false;
  const int next = site.NextOf(site.position, "Out");
  if (next < 0 || site.At(next).type != "elementwise_add" || !site.CanMove(site.position, next)) return false;
  const Operator& add = site.At(next);
  const std::string &x = product.inputs.One("X"), &w = product.inputs.One("Y"), &bias = add.inputs.One("Y");
  const auto x_shape = site.ShapeOf(x), w_shape = site.ShapeOf(w), bias_shape = site.ShapeOf(bias);
  if (!x_shape || !w_shape || !bias_shape || w_shape->rank() != 2 || !site.IsParameter(w) ||
      !site.IsParameter(bias) || add.inputs.One("X") != product.outputs.One("Out") ||
      !site.HasKernel("fc", w) || site.DTypeOf(bias) != site.DTypeOf(w)) {
    return false;
  }
  int split = x_shape->rank() - 1;
  if (is_mul) {
    split = product.attrs.Get<int32_t>("x_num_col_dims", 1);
    if (split < 1 || split >= x_shape->rank() || product.attrs.Get<int32_t>("y_num_col_dims", 1) != 1) return false;
  } else if (split < 1 || product.attrs.Get<bool>("trans_x", false) ||
             product.attrs.Get<bool>("trans_y", false)) {
    return false;
  }
  const int axis = add.attrs.Get<int32_t>("axis", -1);
  const bool last = axis == -1 || axis == split;
  const bool fits = bias_shape->IsKnown() && bias_shape->rank() >= 1 && bias_shape->rank() <= split + 1 &&
                    bias_shape->At(-1) == (*w_shape)[1] && bias_shape->NumElements() == (*w_shape)[1];
  if (!fits || !last || (axis != -1 && bias_shape->rank() != 1)) return false;
  Operator fc{"fc", {{"Input", {x}}, {"W", {w}}, {"Bias", {bias}}}, {{"Out", {add.outputs.One("Out")}}},
              {{"in_num_col_dims", split}}};
  site.Replace({site.position}, next, std::move(fc));
  return true;
}

bool TryFcActivation(const RewriteSite& site) {
  const Operator& fc = site.op();
  if (fc.type != "fc" || !fc.attrs.Get<std::string>("activation_type", "").empty()) return false;
  const int next = site.NextOf(site.position, "Out");
  if (next < 0 || !site.CanMove(site.position, next)) return false;
  const Operator& act = site.At(next);
  std::string name = act.type;
  if (name == "gelu") {
    if (act.attrs.Get<bool>("approximate", false)) name = "gelu_tanh";
  } else if (name != "relu" && name != "tanh" && name != "sigmoid") {
    return false;
  }
  Operator fused = fc;
  fused.outputs = {{"Out", {act.outputs.One("Out")}}};
  fused.attrs.Set("activation_type", name);
  site.Replace({site.position}, next, std::move(fused));
  return true;
}

}  // namespace

bool FuseFc(PassContext& context) { return RewriteEach(context, TryFcBias); }
bool FuseFcActivation(PassContext& context) { return RewriteEach(context, TryFcActivation); }

}  // namespace skiff
