// OpDef: everything there is to know of one operator. The verifier, the Python layers, the documents
// and the command line ask here; nothing keeps a list of its own.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "framework/op/grad.h"
#include "framework/op/infer.h"
#include "framework/op/kernel.h"

namespace skiff {

struct SlotDef {
  std::string name;
  std::string doc;
  bool duplicable = false;   // takes any number of variables
  bool dispensable = false;  // may be left out
  bool host_value = false;   // its elements must be known before the operator is prepared
};

struct AttrDef {
  std::string name;
  Attribute default_value;  // its alternative is the attribute's kind, also when it is required
  std::string doc;
  bool required = false;
  std::vector<std::string> from = {};  // input slots whose elements replace it, the first that is present
};

/// What holds between inputs whenever the operator runs; its kernels count on it. Slots that are absent hold it.
struct InputRule {
  enum Kind {
    kSameDType,   // all have the dtype of the first
    kAlike,       // all have the dtype and the shape of the first
    kOneElement,  // each has one element
    kOfDType,     // each has `dtype`
  };
  Kind kind;
  std::vector<std::string> slots;
  DType dtype = DType::kUndefined;
};

struct OpDef {
  std::string type;
  std::string doc;
  std::string source;
  std::vector<SlotDef> inputs, outputs;
  std::vector<AttrDef> attrs;
  std::vector<InputRule> rules;
  InferFn infer;
  GradMaker grad;          // empty: no gradient
  bool zero_gradient = false;  // floats go in and out, yet no gradient flows: backward passes by
  DynamicFn dynamic = nullptr;
  std::vector<KernelEntry> kernels;

  std::string key_slot;    // slot whose dtype selects the kernel; "" means the first present input
  std::string key_attr;    // or the attribute `dtype` that does, for operators without inputs
  std::vector<std::pair<std::string, std::string>> inplace;  // (input, output) that may share memory
  std::vector<std::pair<std::string, std::string>> views;    // output is the input's memory reshaped
  bool layout_aware = false;
  bool side_effect = false;  // never removed, never folded
  bool random = false;       // never folded, never merged with an equal one
  bool has_schema = false;   // false while only CUDA kernels are registered

  const SlotDef* FindInput(const std::string& slot) const;
  const SlotDef* FindOutput(const std::string& slot) const;
  const AttrDef* FindAttr(const std::string& name) const;
  /// `given` with the defaults of what is missing and kinds coerced to the schema's. Attributes the
  /// schema does not know are left out. @throws InvalidArgument naming operator and attribute when a
  /// required one is missing, InvalidType when a kind cannot be read.
  Attrs Complete(const Attrs& given) const;
};

/// The operator's definition, or nullptr.
const OpDef* FindOp(const std::string& type);
/// @throws Unimplemented naming the operator and the nearest names.
const OpDef& GetOp(const std::string& type);
/// Names of all operators, sorted.
std::vector<std::string> AllOpTypes();
/// The definition under construction; used by SKIFF_OP only.
OpDef& RegisterOp(const std::string& type);

/// The kernel for a place and dtype, or nullptr.
PrepareFn FindKernel(const OpDef& def, PlaceKind place, DType dtype);
/// @throws Unimplemented naming operator, place, dtype and the dtypes there are.
PrepareFn GetKernel(const OpDef& def, PlaceKind place, DType dtype);

}  // namespace skiff
