#include "operators/kernel/optimizer.h"

namespace skiff {
inline namespace SKIFF_VARIANT {

namespace {

const SelectedRows& RowsOfGrad(const DynamicContext& c) {
  const auto* rows = std::get_if<SelectedRows>(&c.Input("Grad"));
  SKIFF_ENFORCE(rows != nullptr, InvalidType, "input Grad is neither dense nor SelectedRows");
  const Tensor& param = c.InputTensor("Param");
  SKIFF_ENFORCE(rows->height == param.shape().At(0), InvalidArgument, "Grad stands for ", rows->height,
                " rows, Param is ", param.shape(), "; they must be equal");
  return *rows;
}

// The small tensors beside the row slots that are updated too: powers of beta.
void AddOthers(DynamicContext& c, const std::vector<std::string>& row_slots,
               std::vector<std::pair<std::string, Tensor>>* in_place) {
  for (const auto& [slot, names] : c.op().outputs) {
    if (names.empty()) continue;
    const std::string in = slot.substr(0, slot.size() - 3);
    if (std::find(row_slots.begin(), row_slots.end(), in) != row_slots.end()) continue;
    in_place->emplace_back(in, UpdatedTensor(c, in));
  }
}

void CopyRow(Tensor& to, int64_t to_row, const Tensor& from, int64_t from_row, size_t row_bytes) {
  CopyBytes(to.place(), static_cast<char*>(to.raw_data()) + to_row * row_bytes, from.place(),
            static_cast<const char*>(from.raw_data()) + from_row * row_bytes, row_bytes);
}

}  // namespace

void RunDenseUpdate(DynamicContext& c, std::vector<std::pair<std::string, Tensor>> in_place) {
  const Operator& op = c.op();
  const OpDef& def = GetOp(op.type);
  const auto tensor_of = [&](const std::string& slot) -> Tensor* {
    for (auto& [name, tensor] : in_place) {
      if (name == slot) return &tensor;
    }
    return nullptr;
  };
  std::map<std::string, Tensor> by_name;  // a name that is input and output is one tensor
  for (const auto& [slot, names] : op.inputs) {
    for (size_t i = 0; i < names.size(); ++i) {
      Tensor* given = tensor_of(slot);
      by_name[names[i]] = given != nullptr ? *given : c.InputTensor(slot, static_cast<int>(i));
    }
  }
  for (const auto& [slot, names] : op.outputs) {
    if (Tensor* given = tensor_of(slot.substr(0, slot.size() - 3)); given != nullptr && !names.empty()) {
      by_name[names.front()] = *given;
    }
  }
  std::map<std::string, TensorInfo> infos;
  for (const auto& [name, tensor] : by_name) infos[name] = {tensor.dtype(), tensor.shape()};
  PrepareContext context =
      MakePrepareContext(def, op, c.attrs(), c.place(), c.num_threads(), [&](const std::string& name) {
        const auto found = infos.find(name);
        return found == infos.end() ? nullptr : &found->second;
      });
  const std::unique_ptr<Kernel> kernel = PrepareKernel(def, context);
  const auto data = [&](const std::string& name) {
    const auto found = by_name.find(name);
    return found == by_name.end() ? nullptr : found->second.raw_data();
  };
  std::vector<const void*> in;
  std::vector<void*> out;
  for (const std::string& name : FlatNames(def.inputs, op.inputs)) in.push_back(data(name));
  for (const std::string& name : FlatNames(def.outputs, op.outputs)) out.push_back(data(name));
  const std::shared_ptr<void> workspace = Allocate(c.place(), context.workspace_bytes);
  kernel->Run({in.data(), out.data(), workspace.get(), c.stream(), c.seed(), c.num_threads()});
}

void UpdateListedRows(DynamicContext& c, const std::vector<std::string>& row_slots) {
  const SelectedRows merged = MergeRows(RowsOfGrad(c));
  std::vector<std::pair<std::string, Tensor>> in_place = {{"Grad", merged.value}};
  std::vector<std::pair<Tensor, Tensor>> whole_and_rows;
  for (const std::string& slot : row_slots) {
    if (c.NumInputs(slot) == 0) continue;
    Tensor whole = UpdatedTensor(c, slot);
    Shape shape = whole.shape();
    shape[0] = static_cast<int64_t>(merged.rows.size());
    Tensor rows(shape, whole.dtype(), whole.place());
    const size_t row_bytes = shape.Product(1, shape.rank()) * SizeOf(whole.dtype());
    for (size_t r = 0; r < merged.rows.size(); ++r) CopyRow(rows, r, whole, merged.rows[r], row_bytes);
    in_place.emplace_back(slot, rows);
    whole_and_rows.emplace_back(whole, rows);
  }
  AddOthers(c, row_slots, &in_place);
  RunDenseUpdate(c, in_place);
  for (auto& [whole, rows] : whole_and_rows) {
    const size_t row_bytes = whole.shape().Product(1, whole.shape().rank()) * SizeOf(whole.dtype());
    for (size_t r = 0; r < merged.rows.size(); ++r) CopyRow(whole, merged.rows[r], rows, r, row_bytes);
  }
}

void UpdateAllRows(DynamicContext& c, const std::vector<std::string>& row_slots) {
  std::vector<std::pair<std::string, Tensor>> in_place = {{"Grad", ToDense(RowsOfGrad(c))}};
  for (const std::string& slot : row_slots) {
    if (c.NumInputs(slot) > 0) in_place.emplace_back(slot, UpdatedTensor(c, slot));
  }
  AddOthers(c, row_slots, &in_place);
  RunDenseUpdate(c, in_place);
}

}  // namespace SKIFF_VARIANT
}  // namespace skiff
