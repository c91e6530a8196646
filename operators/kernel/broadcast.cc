#include "operators/kernel/broadcast.h"

#include <algorithm>

namespace skiff {
inline namespace SKIFF_VARIANT {

bool OperandGrad::Plan(const PrepareContext& context, const char* target, const Shape& full,
                       DType compute, DType from, ReducePlan* plan) {
  const TensorInfo& out = context.Output(target);
  const Shape own = AlignToRank(out.shape, full.rank(), context.attrs().Get<int64_t>("axis", -1));
  index_ = context.OutputIndex(target);
  dtype_ = out.dtype;
  reduces_ = !(own == full);
  if (!reduces_) return false;
  for (int d = 0; d < full.rank(); ++d) {
    SKIFF_ENFORCE(own[d] == full[d] || own[d] == 1, InvalidArgument, target, " is ", out.shape, ", which does not broadcast to ", full);
  }
  std::vector<bool> reduced;
  for (int d = 0; d < full.rank(); ++d) reduced.push_back(own[d] == 1 && full[d] != 1);
  *plan = MakeReducePlan(compute, full, reduced, from, out.dtype);
  return true;
}

MapPlan OperandGrad::PlanFull(const PrepareContext& context, const Shape& full, DType compute,
                              std::initializer_list<const char*> slots) const {
  const int64_t axis = context.attrs().Get<int64_t>("axis", -1);
  std::vector<MapInput> in;
  for (const char* slot : slots) {
    const TensorInfo& x = context.Input(slot);
    in.push_back({context.InputIndex(slot), x.dtype, AlignToRank(x.shape, full.rank(), axis)});
  }
  const std::pair<int, DType> target{0, reduces_ ? compute : dtype_};
  return MakeMapPlan(compute, full, in.data(), static_cast<int>(in.size()), &target, 1);
}

void OperandGrad::Run(const KernelArgs& args) const {
  void* target = args.out[index_];
  if (target == nullptr) return;
  if (!reduces_) {
    map_.Run(args.in, &target, args);
    return;
  }
  char* workspace = static_cast<char*>(args.workspace);
  void* full = workspace;
  if (through_ < 0) map_.Run(args.in, &full, args);
  reduce_.Run(through_ < 0 ? full : args.in[through_], target, workspace + map_bytes_, args);
}

std::unique_ptr<Kernel> MakeOperandGradsKernel(std::vector<OperandGrad> grads,
                                               PrepareContext& context) {
  size_t bytes = 0;
  for (const OperandGrad& grad : grads) bytes = std::max(bytes, grad.workspace_bytes());
  context.RequestWorkspace(bytes);
  return MakeKernel([grads = std::move(grads)](const KernelArgs& args) {
    for (const OperandGrad& grad : grads) grad.Run(args);
  });
}

}  // namespace SKIFF_VARIANT
}  // namespace skiff
