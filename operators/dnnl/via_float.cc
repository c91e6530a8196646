#include "operators/dnnl/via_float.h"

#include "framework/tensor/memory.h"

namespace skiff {

namespace {

bool IsHalf(DType dtype) { return dtype == DType::kFloat16 || dtype == DType::kBFloat16; }

void ToFloats(DType from, const void* source, float* target, int64_t count) {
  if (from == DType::kFloat16) {
    const auto* x = static_cast<const Float16*>(source);
    for (int64_t i = 0; i < count; ++i) target[i] = ToFloat(x[i]);
  } else {
    const auto* x = static_cast<const BFloat16*>(source);
    for (int64_t i = 0; i < count; ++i) target[i] = ToFloat(x[i]);
  }
}

void FromFloats(DType to, const float* source, void* target, int64_t count) {
  if (to == DType::kFloat16) {
    auto* y = static_cast<Float16*>(target);
    for (int64_t i = 0; i < count; ++i) y[i] = ToFloat16(source[i]);
  } else {
    auto* y = static_cast<BFloat16*>(target);
    for (int64_t i = 0; i < count; ++i) y[i] = ToBFloat16(source[i]);
  }
}

// One operand of the inner kernel: where its plain floats lie in the workspace, and its blocked form.
struct Staged {
  bool converted = false;
  DType dtype = DType::kUndefined;
  int64_t count = 0;
  size_t offset = 0;
  const void* constant = nullptr;      // converted already
  std::shared_ptr<void> keep = nullptr;
  std::unique_ptr<Kernel> reorder = nullptr;
  size_t reordered_offset = 0;
};

class ViaFloatKernel final : public Kernel {
 public:
  ViaFloatKernel(PrepareContext& c, PrepareFn prepare) {
    PrepareContext inner(c.op(), c.attrs(), c.place(), c.num_threads());
    inner.input_slots = c.input_slots;
    inner.output_slots = c.output_slots;
    inner.host_values = c.host_values;
    inner.pack_cache = c.pack_cache;
    inner.wanted_layouts.resize(c.inputs.size());
    for (const TensorInfo& info : c.inputs) inner.inputs.push_back(FloatForm(c, info, &ins_));
    for (const TensorInfo& info : c.outputs) inner.outputs.push_back(FloatForm(c, info, &outs_));
    for (LayoutPtr& wanted : c.wanted_layouts) wanted = nullptr;
    kernel_ = prepare(inner);
    for (size_t i = 0; i < ins_.size(); ++i) {
      if (const LayoutPtr& wanted = inner.wanted_layouts[i]) {
        ins_[i].reorder = wanted->ReorderFromPlain(c.num_threads());
        ins_[i].reordered_offset = Take(wanted->bytes());
      }
    }
    for (size_t i = 0; i < outs_.size(); ++i) {
      if (const LayoutPtr& layout = inner.outputs[i].layout) {
        outs_[i].reorder = layout->ReorderTo(nullptr, c.num_threads());
        outs_[i].reordered_offset = Take(layout->bytes());
      }
    }
    inner_offset_ = Take(inner.workspace_bytes);
    pointers_offset_ = Take((ins_.size() + outs_.size()) * sizeof(void*));
    c.RequestWorkspace(bytes_);
  }

  void Run(const KernelArgs& args) const override {
    char* work = static_cast<char*>(args.workspace);
    auto** in = reinterpret_cast<const void**>(work + pointers_offset_);
    auto** out = reinterpret_cast<void**>(work + pointers_offset_) + ins_.size();
    for (size_t i = 0; i < ins_.size(); ++i) in[i] = Load(ins_[i], args.in[i], work);
    for (size_t i = 0; i < outs_.size(); ++i) {
      const Staged& s = outs_[i];
      out[i] = s.reorder ? work + s.reordered_offset : s.converted ? work + s.offset : args.out[i];
      if (args.out[i] == nullptr) out[i] = nullptr;
    }
    KernelArgs inner = args;
    inner.in = in;
    inner.out = out;
    inner.workspace = work + inner_offset_;
    kernel_->Run(inner);
    for (size_t i = 0; i < outs_.size(); ++i) {
      const Staged& s = outs_[i];
      if (args.out[i] == nullptr) continue;
      void* plain = s.converted ? work + s.offset : args.out[i];
      if (s.reorder) RunReorder(*s.reorder, work + s.reordered_offset, plain, args);
      if (s.converted) FromFloats(s.dtype, static_cast<float*>(plain), args.out[i], s.count);
    }
  }

 private:
  size_t Take(size_t bytes) {
    const size_t offset = bytes_;
    bytes_ += AlignUp(bytes);
    return offset;
  }

  TensorInfo FloatForm(const PrepareContext& c, const TensorInfo& info, std::vector<Staged>* staged) {
    TensorInfo form = info;
    form.layout = nullptr;
    Staged& s = staged->emplace_back();
    if (!IsHalf(info.dtype)) return form;
    s.converted = true;
    s.dtype = info.dtype;
    s.count = info.shape.NumElements();
    form.dtype = DType::kFloat32;
    if (info.constant != nullptr) {
      s.keep = c.Pack(info, "float32", [&] {
        std::shared_ptr<void> floats = Allocate(CPUPlace{}, s.count * sizeof(float));
        ToFloats(s.dtype, info.constant, static_cast<float*>(floats.get()), s.count);
        return floats;
      });
      form.constant = s.constant = s.keep.get();
      if (!form.constant_key.empty()) form.constant_key += "|float32";
    } else {
      s.offset = Take(s.count * sizeof(float));
    }
    return form;
  }

  const void* Load(const Staged& s, const void* given, char* work) const {
    if (given == nullptr) return nullptr;
    const void* plain = given;
    if (s.constant != nullptr) {
      plain = s.constant;
    } else if (s.converted) {
      ToFloats(s.dtype, given, reinterpret_cast<float*>(work + s.offset), s.count);
      plain = work + s.offset;
    }
    if (!s.reorder) return plain;
    RunReorder(*s.reorder, plain, work + s.reordered_offset, {});
    return work + s.reordered_offset;
  }

  static void RunReorder(const Kernel& kernel, const void* from, void* to, KernelArgs args) {
    args.in = &from;
    args.out = &to;
    kernel.Run(args);
  }

  std::vector<Staged> ins_, outs_;
  std::unique_ptr<Kernel> kernel_;
  size_t bytes_ = 0, inner_offset_ = 0, pointers_offset_ = 0;
};

}  // namespace

std::unique_ptr<Kernel> PrepareViaFloat(PrepareContext& context, PrepareFn prepare) {
  return std::make_unique<ViaFloatKernel>(context, prepare);
}

}  // namespace skiff
