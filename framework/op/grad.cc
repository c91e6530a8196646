#include "framework/op/grad.h"

namespace skiff {

std::vector<std::string> GradContext::OutGrad(const std::string& slot) const {
  std::vector<std::string> grads;
  for (const std::string& name : Out(slot)) grads.push_back(GradName(name));
  return grads;
}

std::vector<std::string> GradContext::InGrad(const std::string& slot, bool drop_empty) const {
  std::vector<std::string> grads;
  for (const std::string& name : In(slot)) {
    const std::string grad = GradName(name);
    const bool wanted = no_grad_ == nullptr || !no_grad_->contains(grad);
    if (wanted) {
      grads.push_back(grad);
    } else if (!drop_empty) {
      grads.push_back(kEmptyVarName);
    }
  }
  return grads;
}

GradMaker StandardGrad(std::vector<std::string> ins, std::vector<std::string> outs,
                       std::vector<std::string> out_grads, std::vector<std::string> in_grads) {
  return [=](const GradContext& g) -> std::vector<Operator> {
    Operator grad;
    grad.type = g.fwd.type + "_grad";
    grad.attrs = g.fwd.attrs;
    for (const std::string& slot : ins) {
      if (g.HasIn(slot)) grad.inputs.Set(slot, g.In(slot));
    }
    for (const std::string& slot : outs) {
      if (g.HasOut(slot)) grad.inputs.Set(slot, g.Out(slot));
    }
    for (const std::string& slot : out_grads) grad.inputs.Set(GradName(slot), g.OutGrad(slot));
    for (const std::string& slot : in_grads) {
      // A slot of several variables keeps its positions; see GradContext::InGrad.
      if (g.HasIn(slot)) grad.outputs.Set(GradName(slot), g.InGrad(slot, g.In(slot).size() == 1));
    }
    return {grad};
  };
}

GradMaker ForwardAgain(std::string type, std::string in, std::string out, std::vector<std::string> others) {
  return [=](const GradContext& g) -> std::vector<Operator> {
    Operator op{type, {{in, g.OutGrad(GradName(in))}}, {{out, g.InGrad(GradName(out))}}, g.fwd.attrs};
    for (const std::string& slot : others) {
      if (g.HasIn(slot)) op.inputs.Set(slot, g.In(slot));
    }
    if (g.HasIn("XShape")) op.outputs.Set("XShape", g.In("XShape"));
    return {op};
  };
}

}  // namespace skiff
