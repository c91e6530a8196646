#include "framework/op/run_op.h"

#include <algorithm>
#include <new>
#include <stdexcept>

#include "framework/op/append_op.h"
#include "framework/op/infer_known.h"
#include "framework/op/prepare.h"
#include "framework/op/resolve_attrs.h"
#include "framework/op/run_dynamic.h"
#include "framework/tensor/memory.h"

namespace skiff {

namespace {

// The metas of concrete values.
class ValueMetas : public MetaTable {
 public:
  explicit ValueMetas(const std::map<std::string, Value>& values) : values_(values) {
    for (const auto& [name, value] : values) {
      TensorMeta meta;
      if (const auto* t = std::get_if<Tensor>(&value)) {
        if (!t->is_initialized()) continue;
        meta = {t->shape(), t->dtype(), static_cast<int32_t>(t->lod().size())};
      } else if (const auto* rows = std::get_if<SelectedRows>(&value)) {
        Shape shape = rows->value.shape();
        shape[0] = rows->height;
        meta = {shape, rows->value.dtype(), 0, VarKind::kSelectedRows};
      } else {
        meta.kind = VarKind::kLodTensorArray;
      }
      metas_[name] = meta;
    }
  }
  const TensorMeta* Find(const std::string& name) const override {
    const auto found = metas_.find(name);
    return found == metas_.end() ? nullptr : &found->second;
  }
  void Set(const std::string& name, const TensorMeta& meta) override { metas_[name] = meta; }
  std::optional<std::vector<int64_t>> IntValues(const std::string& name) const override {
    const auto found = values_.find(name);
    if (found == values_.end()) return std::nullopt;
    const auto* t = std::get_if<Tensor>(&found->second);
    if (t == nullptr || !t->is_initialized()) return std::nullopt;
    return IntElements(*t);
  }

 private:
  const std::map<std::string, Value>& values_;
  std::map<std::string, TensorMeta> metas_;
};

template <typename T>
std::vector<int64_t> Widen(const Tensor& t) {
  if constexpr (std::is_floating_point_v<T>) {
    constexpr T kLimit = 9223372036854775808.0;  // 2^63
    for (T x : std::span(t.data<T>(), t.num_elements())) {
      SKIFF_ENFORCE(x >= -kLimit && x < kLimit, InvalidArgument, "a tensor that gives a shape or an index holds ", x,
                    "; expected integers of 64 bits");
    }
  }
  return {t.data<T>(), t.data<T>() + t.num_elements()};
}

class OneOpContext : public DynamicContext {
 public:
  OneOpContext(const Operator& op, const Attrs& attrs, std::map<std::string, Value>* values,
               const RunOpOptions& options)
      : op_(op), attrs_(attrs), values_(values), options_(options) {}
  const Operator& op() const override { return op_; }
  const Attrs& attrs() const override { return attrs_; }
  const Place& place() const override { return options_.place; }
  int num_threads() const override { return options_.num_threads; }
  void* stream() const override { return nullptr; }
  uint64_t seed() const override { return options_.seed; }
  int NumInputs(const std::string& slot) const override { return op_.inputs[slot].size(); }
  int NumOutputs(const std::string& slot) const override { return op_.outputs[slot].size(); }
  const Value& Input(const std::string& slot, int i) const override {
    SKIFF_ENFORCE(i < NumInputs(slot), NotFound, "input ", slot, " has no variable number ", i);
    const auto found = values_->find(op_.inputs[slot][i]);
    SKIFF_ENFORCE(found != values_->end(), NotFound, "input ", slot, " \"", op_.inputs[slot][i],
                  "\" has no value");
    return found->second;
  }
  Value& Output(const std::string& slot, int i) override {
    SKIFF_ENFORCE(i < NumOutputs(slot), NotFound, "output ", slot, " has no variable number ", i);
    return (*values_)[op_.outputs[slot][i]];
  }
  void RunBlock(int) override {
    throw Unimplemented("an operator run by itself has no sub-blocks");
  }

 private:
  const Operator& op_;
  const Attrs& attrs_;
  std::map<std::string, Value>* values_;
  const RunOpOptions& options_;
};

// Runs a prepared kernel over plain tensors, reordering those it wants or makes in another layout.
void RunPlain(const Kernel& kernel, const PrepareContext& context, const RunOpOptions& options,
              std::vector<const void*> in, std::vector<void*> out) {
  std::vector<std::shared_ptr<void>> reordered;
  const auto run = [&](const Kernel& k, const void* const* from, void* const* to, void* workspace) {
    k.Run({from, to, workspace, nullptr, options.seed, options.num_threads});
  };
  for (size_t i = 0; i < in.size(); ++i) {
    const LayoutPtr& wanted = context.wanted_layouts[i];
    if (wanted == nullptr || in[i] == nullptr) continue;
    reordered.push_back(Allocate(options.place, wanted->bytes()));
    void* const to = reordered.back().get();
    run(*wanted->ReorderFromPlain(options.num_threads), &in[i], &to, nullptr);
    in[i] = to;
  }
  std::vector<void*> made = out;
  for (size_t i = 0; i < out.size(); ++i) {
    if (context.outputs[i].layout == nullptr || out[i] == nullptr) continue;
    reordered.push_back(Allocate(options.place, context.outputs[i].layout->bytes()));
    made[i] = reordered.back().get();
  }
  const std::shared_ptr<void> workspace = Allocate(options.place, context.workspace_bytes);
  run(kernel, in.data(), made.data(), workspace.get());
  for (size_t i = 0; i < out.size(); ++i) {
    if (made[i] == out[i]) continue;
    const void* const from = made[i];
    run(*context.outputs[i].layout->ReorderTo(nullptr, options.num_threads), &from, &out[i], nullptr);
  }
}

// An output that inference gives sequences has those of the first input that has as many rows.
void ShareSequences(const Operator& op, const std::map<std::string, Value>& values, Tensor* out) {
  for (const std::string& name : op.inputs.AllNames()) {
    const LoD& lod = std::get<Tensor>(values.at(name)).lod();
    if (lod.empty()) continue;
    if (out->shape().rank() > 0 && lod.back().back() == static_cast<uint64_t>(out->shape()[0])) out->set_lod(lod);
    return;
  }
}

bool IsDenseTensor(const std::map<std::string, Value>& values, const std::string& name) {
  const auto found = values.find(name);
  return found == values.end() || std::holds_alternative<Tensor>(found->second);
}

// What a program's verifier finds before it runs: required inputs that are left out, and inputs without value.
void CheckPresence(const OpDef& def, const Operator& op, const std::map<std::string, Value>& values) {
  for (const SlotDef& slot : def.inputs) {
    SKIFF_ENFORCE(slot.dispensable || op.inputs.Has(slot.name), InvalidArgument, "input ", slot.name, " is missing");
    if (slot.dispensable && def.kernels.empty()) continue;  // what reads values asks for it
    for (const std::string& name : op.inputs[slot.name]) {
      if (name == kEmptyVarName) continue;
      const auto found = values.find(name);
      const Tensor* tensor = found == values.end() ? nullptr : std::get_if<Tensor>(&found->second);
      SKIFF_ENFORCE(found != values.end() && (tensor == nullptr || tensor->is_initialized()), NotFound, "input ", slot.name, " \"", name,
                    "\" has no value");
    }
  }
}

}  // namespace

std::vector<int64_t> IntElements(const Tensor& tensor) {
  const Tensor t = tensor.To(CPUPlace{});
  switch (t.dtype()) {
    case DType::kInt64: return Widen<int64_t>(t);
    case DType::kInt32: return Widen<int32_t>(t);
    case DType::kInt16: return Widen<int16_t>(t);
    case DType::kInt8: return Widen<int8_t>(t);
    case DType::kUInt8: return Widen<uint8_t>(t);
    case DType::kBool: return Widen<bool>(t);
    case DType::kFloat32: return Widen<float>(t);
    case DType::kFloat64: return Widen<double>(t);
    default: break;
  }
  throw InvalidType(StrCat("a ", t.dtype(), " tensor cannot give a shape or an index"));
}

void CheckInputs(const OpDef& def, const Operator& op, const Attrs& attrs, const std::map<std::string, Value>& values) {
  if (!def.infer || attrs.Has("sub_block")) return;
  const auto dense = [&](const std::string& name) {
    const auto found = values.find(name);
    const Tensor* t = found == values.end() ? nullptr : std::get_if<Tensor>(&found->second);
    return t != nullptr && t->is_initialized();
  };
  const std::vector<std::string> names = op.inputs.AllNames();
  if (!std::all_of(names.begin(), names.end(), dense)) return;
  ValueMetas metas(values);
  InferKnown(def, op, attrs, &metas);
}

void RunDynamic(const OpDef& def, DynamicContext& context) {
  WithErrorsOfSkiff([&] { def.dynamic(context); });
}

void WithErrorsOfSkiff(const std::function<void()>& f) {
  try {
    f();
  } catch (const std::out_of_range&) {
    throw OutOfRange("an input has fewer elements than the others ask for");
  } catch (const std::length_error&) {
    throw ResourceExhausted("the operator asks for more elements than memory can hold");
  } catch (const std::bad_alloc&) {
    throw ResourceExhausted("the operator asks for more memory than there is");
  }
}

void RunOp(const Operator& op, std::map<std::string, Value>* values, const RunOpOptions& options) {
  const OpDef& def = GetOp(op.type);
  ValueMetas metas(*values);
  try {
    CheckPresence(def, op, *values);
    const Attrs attrs = ResolveAttrs(def, op, std::function([&](const std::string& name) -> const Value* {
      const auto found = values->find(name);
      return found == values->end() ? nullptr : &found->second;
    }));
    bool dense = true;
    for (const std::string& name : op.inputs.AllNames()) dense &= IsDenseTensor(*values, name);
    if (def.dynamic == nullptr || (dense && !def.kernels.empty())) {
      SKIFF_ENFORCE(def.infer, Internal, "the operator has no inference function");
      InferKnown(def, op, attrs, &metas);
      for (const std::string& name : op.outputs.AllNames()) {
        const TensorMeta* meta = metas.Find(name);
        dense &= meta == nullptr || meta->kind == VarKind::kLodTensor;
      }
    }
    if (def.dynamic != nullptr && (!dense || def.kernels.empty())) {
      if (def.kernels.empty()) CheckInputs(def, op, attrs, *values);
      std::map<std::string, Value> after = *values;
      OneOpContext context(op, attrs, &after, options);
      RunDynamic(def, context);
      *values = std::move(after);
      return;
    }

    for (const std::string& name : op.inputs.AllNames()) {
      SKIFF_ENFORCE(IsDenseTensor(*values, name), InvalidType, "\"", name, "\" is no dense tensor");
    }

    std::map<std::string, TensorInfo> infos;
    std::map<std::string, Tensor> outputs;
    auto describe = [&](const std::string& name) {
      const TensorMeta* meta = metas.Find(name);
      SKIFF_ENFORCE(meta != nullptr, InvalidArgument, "variable \"", name, "\" has no value");
      infos[name] = {meta->dtype, meta->shape};
    };
    for (const std::string& name : op.outputs.AllNames()) {
      if (metas.Find(name) == nullptr) continue;
      describe(name);
      outputs[name] = Tensor(infos[name].shape, infos[name].dtype, options.place);
    }
    std::map<std::string, TensorInfo> input_infos;
    for (const std::string& name : op.inputs.AllNames()) {
      const Tensor& t = std::get<Tensor>(values->at(name));
      input_infos[name] = {t.dtype(), t.shape()};
    }
    PrepareContext context = MakePrepareContext(
        def, op, attrs, options.place, options.num_threads,
        [&](const std::string& name) -> const TensorInfo* {
          if (auto i = input_infos.find(name); i != input_infos.end()) return &i->second;
          auto o = infos.find(name);
          return o == infos.end() ? nullptr : &o->second;
        });
    // A name that is input and output has one info for each side.
    const std::vector<std::string> in_names = FlatNames(def.inputs, op.inputs);
    const std::vector<std::string> out_names = FlatNames(def.outputs, op.outputs);
    for (size_t i = 0; i < out_names.size(); ++i) {
      if (infos.contains(out_names[i])) context.outputs[i] = infos[out_names[i]];
    }
    for (const PrepareContext::Slot& slot : context.input_slots) {
      if (!def.FindInput(slot.name)->host_value) continue;
      for (int i = 0; i < slot.count; ++i) {
        if (const auto ints = metas.IntValues(in_names[slot.begin + i])) context.host_values[slot.begin + i] = *ints;
      }
    }
    std::vector<const void*> in;
    std::vector<void*> out;
    for (const std::string& name : in_names) {
      in.push_back(name.empty() ? nullptr : std::get<Tensor>(values->at(name)).raw_data());
    }
    for (const std::string& name : out_names) {
      out.push_back(outputs.contains(name) ? outputs[name].raw_data() : nullptr);
    }
    if (!def.views.empty()) {
      for (const auto& [from, to] : def.views) {
        const std::string& source = op.inputs.One(from);
        const std::string& target = op.outputs.One(to);
        outputs[target] = std::get<Tensor>(values->at(source)).Clone().Reshaped(infos[target].shape);
      }
    } else {
      const std::unique_ptr<Kernel> kernel = PrepareKernel(def, context);
      RunPlain(*kernel, context, options, in, out);
    }
    for (auto& [name, tensor] : outputs) {
      if (metas.Find(name)->lod_level > 0) ShareSequences(op, *values, &tensor);
    }
    for (auto& [name, tensor] : outputs) (*values)[name] = std::move(tensor);
  } catch (Error& error) {
    AddOpContext(&error, op, metas);
    throw;
  }
}

}  // namespace skiff
