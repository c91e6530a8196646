#include "framework/layers/grad_clip.h"

#include "framework/layers/initializer.h"
#include "framework/layers/layer_helper.h"
#include "framework/program/unique_name.h"

namespace skiff {

namespace {

// One operator from X to a new temporary of the layer `function`.
Var Apply(const std::string& type, const std::string& function, std::vector<std::string> x, DType dtype,
          const Attrs& attrs) {
  const LayerHelper helper(function);
  return helper.AppendOp(type, {{"X", std::move(x)}}, attrs, helper.CreateTemporary(dtype));
}

std::vector<ParamGrad> ClipEach(const std::string& type, const std::vector<ParamGrad>& pairs,
                                const Attrs& limits) {
  std::vector<ParamGrad> clipped;
  for (const ParamGrad& pair : pairs) {
    if (!pair.first->parameter.need_clip) {
      clipped.push_back(pair);
      continue;
    }
    const LayerHelper helper(type);
    Variable& grad = *pair.second;
    const Var out = helper.CreateTemporary(grad.dtype);
    out.variable().kind = grad.kind;
    const ParamGrad made{pair.first, out};
    helper.AppendOp(type, {{"X", {grad.name}}}, OptimizeRole(made, limits), out);
    clipped.push_back(made);
  }
  return clipped;
}

// The square of a gradient's norm; rows of a sparse one are merged first.
Var SquaredNorm(const ParamGrad& pair) {
  Var dense = pair.second;
  const Attrs role = OptimizeRole(pair);
  if (pair.second->kind == VarKind::kSelectedRows) {
    const LayerHelper merge("merge_selected_rows");
    const Var merged = merge.CreateTemporary(dense.dtype());
    merged.variable().kind = VarKind::kSelectedRows;
    merge.AppendOp("merge_selected_rows", {{"X", {dense.name()}}}, role, merged);
    dense = Apply("get_tensor_from_selected_rows", "get_tensor_from_selected_rows", {merged.name()},
                  dense.dtype(), role);
  }
  return Apply("squared_l2_norm", "squared_l2_norm", {dense.name()}, dense.dtype(), role);
}

// Sums of squares by dtype, then all of them in the widest one.
Var TotalOf(const std::vector<Var>& squares, const Attrs& role) {
  bool any_double = false;
  for (const Var& v : squares) any_double = any_double || v.dtype() == DType::kFloat64;
  const DType wide = any_double ? DType::kFloat64 : DType::kFloat32;
  std::vector<std::string> totals;
  for (DType dtype : {DType::kFloat16, DType::kBFloat16, DType::kFloat32, DType::kFloat64}) {
    std::vector<std::string> names;
    for (const Var& v : squares) {
      if (v.dtype() == dtype) names.push_back(v.name());
    }
    if (names.empty()) continue;
    Var total = Apply("sum", "add_n", names, dtype, role);
    if (dtype != wide) {
      Attrs cast = role;
      cast.Set("in_dtype", static_cast<int32_t>(dtype));
      cast.Set("out_dtype", static_cast<int32_t>(wide));
      const LayerHelper helper("cast", UniqueName("tmp"));
      total = helper.AppendOp("cast", {{"X", {total.name()}}}, cast,
                              helper.CreateVariable(helper.name(), wide));
    }
    totals.push_back(total.name());
  }
  if (totals.size() > 1) return Apply("sum", "add_n", totals, wide, role);
  return DefaultMainProgram().current_block().FindVar(totals.front());
}

Var Elementwise(const std::string& type, const Var& x, const Var& y, const Attrs& role) {
  const LayerHelper helper(type);
  return helper.AppendOp(type, {{"X", {x.name()}}, {"Y", {y.name()}}}, role,
                         helper.CreateVariable(helper.name(), x.dtype()));
}

std::vector<ParamGrad> ClipTogether(double norm, const std::vector<ParamGrad>& pairs) {
  std::vector<Var> squares;
  for (const ParamGrad& pair : pairs) {
    if (pair.first->parameter.need_clip) squares.push_back(SquaredNorm(pair));
  }
  if (squares.empty()) return pairs;
  const Attrs role = OptimizeRole(pairs.back());
  const Var total = TotalOf(squares, role);
  const Var length = Apply("sqrt", "sqrt", {total.name()}, total.dtype(), role);
  Attrs fill = role;
  fill.Set("shape", std::vector<int64_t>{1});
  fill.Set("dtype", static_cast<int32_t>(length.dtype()));
  fill.Set("value", static_cast<float>(norm));
  fill.Set("str_value", PythonFloat(norm));
  fill.Set("force_cpu", false);
  UniqueName("fill_constant");  // as layers::FillConstant
  const LayerHelper filler("fill_constant");
  const Var limit = filler.AppendOp("fill_constant", {}, fill,
                                    filler.CreateTemporary(length.dtype(), true));
  const Var factor =
      Elementwise("elementwise_div", limit, Elementwise("elementwise_max", limit, length, role), role);
  for (const ParamGrad& pair : pairs) {
    if (!pair.first->parameter.need_clip) continue;
    Var by = factor;
    if (by.dtype() != pair.second->dtype) {
      Attrs cast = OptimizeRole(pair);
      cast.Set("in_dtype", static_cast<int32_t>(by.dtype()));
      cast.Set("out_dtype", static_cast<int32_t>(pair.second->dtype));
      const LayerHelper helper("cast", UniqueName("tmp"));
      by = helper.AppendOp("cast", {{"X", {by.name()}}}, cast,
                           helper.CreateVariable(helper.name(), pair.second->dtype));
    }
    AppendLayerOp(DefaultMainProgram().current_block(),
                  {"elementwise_mul", {{"X", {pair.second->name}}, {"Y", {by.name()}}},
                   {{"Out", {pair.second->name}}}, OptimizeRole(pair)});
  }
  return pairs;
}

std::string NewVariable(Block& block, const Variable& like) {
  return block.AddVar({.name = UniqueName("_generated_var"), .dtype = like.dtype, .shape = like.shape})
      ->name;
}

// coeff * p, or coeff * sign(p).
std::string Penalty(Block& block, const Regularizer& penalty, const ParamGrad& pair) {
  std::string from = pair.first->name;
  if (penalty.kind == Regularizer::kL1) {
    const std::string sign = NewVariable(block, *pair.first);
    const std::string out = NewVariable(block, *pair.first);
    AppendLayerOp(block, {"sign", {{"X", {from}}}, {{"Out", {sign}}}, OptimizeRole(pair)});
    AppendLayerOp(block, {"scale", {{"X", {sign}}}, {{"Out", {out}}},
                          OptimizeRole(pair, {{"scale", penalty.coeff}})});
    return out;
  }
  const std::string out = NewVariable(block, *pair.first);
  AppendLayerOp(block, {"scale", {{"X", {from}}}, {{"Out", {out}}},
                        OptimizeRole(pair, {{"scale", penalty.coeff}})});
  return out;
}

}  // namespace

Attrs OptimizeRole(const ParamGrad& pair, Attrs attrs) {
  attrs.Set(kOpRoleAttr, int32_t{kOptimize});
  attrs.Set(kOpRoleVarAttr, std::vector<std::string>{pair.first->name, pair.second->name});
  return attrs;
}

std::vector<ParamGrad> ClipGradients(const GradClip& clip, const std::vector<ParamGrad>& pairs) {
  switch (clip.kind) {
    case GradClip::kValue:
      return ClipEach("clip", pairs, {{"min", static_cast<float>(clip.min)},
                                      {"max", static_cast<float>(clip.max)}});
    case GradClip::kNorm:
      return ClipEach("clip_by_norm", pairs, {{"max_norm", static_cast<float>(clip.max)}});
    case GradClip::kGlobalNorm: return ClipTogether(clip.max, pairs);
    case GradClip::kNone: break;
  }
  return pairs;
}

std::vector<ParamGrad> RegularizeGradients(const Regularizer& common,
                                           const std::vector<ParamGrad>& pairs, bool skip_l2) {
  std::vector<ParamGrad> regularized;
  for (const ParamGrad& pair : pairs) {
    const ParameterOptions& own = pair.first->parameter;
    Regularizer penalty = common;
    if (own.regularizer_kind != Regularizer::kNone) {
      penalty = {static_cast<Regularizer::Kind>(own.regularizer_kind), own.regularizer_coeff};
    }
    if (penalty.kind == Regularizer::kNone || (skip_l2 && penalty.kind == Regularizer::kL2)) {
      regularized.push_back(pair);
      continue;
    }
    Block& block = DefaultMainProgram().current_block();
    const std::string term = Penalty(block, penalty, pair);
    ParamGrad made = pair;
    if (pair.second->kind == VarKind::kSelectedRows) {  // rows and a dense penalty make a dense sum
      made.second = block.AddVar({.name = pair.second->name + "@NEWGRAD@", .dtype = pair.first->dtype,
                                  .shape = pair.first->shape});
    }
    AppendLayerOp(block, {"sum", {{"X", {pair.second->name, term}}}, {{"Out", {made.second->name}}},
                          OptimizeRole(pair)});
    regularized.push_back(made);
  }
  return regularized;
}

}  // namespace skiff
