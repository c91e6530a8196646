// Program -> ProgramDesc.
#include <algorithm>

#include "io/op_facts.h"
#include "io/pir/pir_program.h"
#include "io/program_file.h"
#include "io/wire.h"
#include "program.pb.h"

namespace skiff::io {

namespace {

using skiff_proto::BlockDesc;
using skiff_proto::OpAttr;
using skiff_proto::OpDesc;
using skiff_proto::ProgramDesc;
using skiff_proto::ScalarValue;
using skiff_proto::VarDesc;

void FillTensor(const Variable& v, skiff_proto::TensorDesc* desc) {
  if (v.dtype != DType::kUndefined) {
    desc->set_data_type(static_cast<int>(v.dtype));
  } else if (!desc->has_data_type()) {
    desc->set_data_type(static_cast<int>(DType::kFloat32));
  }
  for (int64_t d : v.shape) desc->add_dims(d);
}

void FillLoDTensor(const Variable& v, const Variable::FileForm& form,
                   skiff_proto::LoDTensorDesc* desc) {
  FillTensor(v, desc->mutable_tensor());
  if (form.has_lod_level || v.lod_level != 0) desc->set_lod_level(v.lod_level);
}

void FillVar(const Variable& v, VarDesc* desc) {
  const Variable::FileForm form = v.file_form ? *v.file_form : FormOfNew(v);
  desc->ParsePartialFromString(form.extra);
  desc->set_name(v.name);
  skiff_proto::VarType* type = desc->mutable_type();
  type->set_type(static_cast<int>(v.kind));
  if (form.has_tensor) {
    switch (v.kind) {
      case VarKind::kLodTensor: FillLoDTensor(v, form, type->mutable_lod_tensor()); break;
      case VarKind::kLodTensorArray: FillLoDTensor(v, form, type->mutable_tensor_array()); break;
      case VarKind::kSelectedRows: FillTensor(v, type->mutable_selected_rows()); break;
      case VarKind::kString: FillTensor(v, type->mutable_string()); break;
      case VarKind::kStrings: FillTensor(v, type->mutable_strings()); break;
      case VarKind::kVocab: FillTensor(v, type->mutable_vocab()); break;
      case VarKind::kSparseCoo: FillTensor(v, type->mutable_sparse_coo()); break;
      case VarKind::kSparseCsr: FillTensor(v, type->mutable_sparse_csr()); break;
      default: break;
    }
  }
  if (form.has_persistable || v.persistable) desc->set_persistable(v.persistable);
  if (form.has_need_check_feed || v.need_check_feed) desc->set_need_check_feed(v.need_check_feed);
  if (form.has_is_parameter || v.is_parameter) desc->set_is_parameter(v.is_parameter);
  if (form.has_stop_gradient || v.stop_gradient) desc->set_stop_gradient(v.stop_gradient);
}

template <typename T, typename Field>
void AddAll(const std::vector<T>& values, Field* field) {
  for (const T& value : values) field->Add(value);
}

void FillScalar(const Scalar& value, ScalarValue* desc) {
  desc->set_type(static_cast<int>(value.index()) + 1);
  switch (value.index()) {
    case 0: desc->set_b(std::get<bool>(value)); break;
    case 1: desc->set_i(std::get<int64_t>(value)); break;
    case 2: desc->set_r(std::get<double>(value)); break;
    default:
      desc->mutable_c()->set_r(std::get<std::complex<double>>(value).real());
      desc->mutable_c()->set_i(std::get<std::complex<double>>(value).imag());
  }
}

// One overload per alternative of Attribute; each kind has one field.
struct AttrFiller {
  OpAttr* desc;

  void operator()(int32_t v) const { desc->set_i(v); }
  void operator()(float v) const { desc->set_f(v); }
  void operator()(const std::string& v) const { desc->set_s(v); }
  void operator()(const std::vector<int32_t>& v) const { AddAll(v, desc->mutable_ints()); }
  void operator()(const std::vector<float>& v) const { AddAll(v, desc->mutable_floats()); }
  void operator()(const std::vector<std::string>& v) const {
    for (const std::string& text : v) desc->add_strings(text);
  }
  void operator()(bool v) const { desc->set_b(v); }
  void operator()(const std::vector<bool>& v) const {
    for (bool flag : v) desc->add_bools(flag);
  }
  void operator()(BlockRef v) const { desc->set_block_idx(v.index); }
  void operator()(int64_t v) const { desc->set_l(v); }
  void operator()(const std::vector<BlockRef>& v) const {
    for (BlockRef ref : v) desc->add_blocks_idx(ref.index);
  }
  void operator()(const std::vector<int64_t>& v) const { AddAll(v, desc->mutable_longs()); }
  void operator()(const std::vector<double>& v) const { AddAll(v, desc->mutable_float64s()); }
  void operator()(const VarRef& v) const { desc->set_var_name(v.name); }
  void operator()(const std::vector<VarRef>& v) const {
    for (const VarRef& ref : v) desc->add_vars_name(ref.name);
  }
  void operator()(double v) const { desc->set_float64(v); }
  void operator()(const Scalar& v) const { FillScalar(v, desc->mutable_scalar()); }
  void operator()(const std::vector<Scalar>& v) const {
    for (size_t i = 0; i < v.size(); ++i) {
      FillScalar(v[i], static_cast<int>(i) < desc->scalars_size() ? desc->mutable_scalars(static_cast<int>(i)) : desc->add_scalars());
    }
  }
};

// `kept` is what the parser put aside: fields that nothing here knows.
template <typename SlotList>
void FillSlots(const Slots& slots, const SlotList& kept, SlotList* list) {
  for (const auto& [slot, names] : slots) {
    skiff_proto::OpSlot* added = list->Add();
    const auto rest = std::find_if(kept.begin(), kept.end(), [&slot = slot](const auto& one) { return one.parameter() == slot; });
    if (rest != kept.end()) *added = *rest;
    added->set_parameter(slot);
    for (const std::string& name : names) added->add_arguments(name);
  }
}

void FillOp(const Operator& op, OpDesc* desc) {
  OpDesc kept;
  if (!op.unknown_fields.empty()) kept.ParsePartialFromString(op.unknown_fields);
  FillSlots(op.inputs, kept.inputs(), desc->mutable_inputs());
  FillSlots(op.outputs, kept.outputs(), desc->mutable_outputs());
  desc->set_type(op.type);
  for (const auto& [name, value] : op.attrs) {
    OpAttr* attr = desc->add_attrs();
    const auto rest = std::find_if(kept.attrs().begin(), kept.attrs().end(), [&name = name](const OpAttr& one) { return one.name() == name; });
    if (rest != kept.attrs().end()) *attr = *rest;
    attr->set_name(name);
    attr->set_type(static_cast<int>(value.index()));
    std::visit(AttrFiller{attr}, value);
  }
  if (op.is_target) desc->set_is_target(*op.is_target);
  *desc->mutable_unknown_fields() = kept.unknown_fields();
}

void FillBlock(const Block& block, BlockDesc* desc) {
  desc->set_idx(block.idx());
  desc->set_parent_idx(block.parent_idx());
  std::vector<const Variable*> vars;
  for (const auto& v : block.vars()) vars.push_back(v.get());
  const auto first_new = std::stable_partition(
      vars.begin(), vars.end(), [](const Variable* v) { return v->file_form.has_value(); });
  std::sort(first_new, vars.end(),
            [](const Variable* a, const Variable* b) { return a->name < b->name; });
  for (const Variable* v : vars) FillVar(*v, desc->add_vars());
  for (const auto& op : block.ops()) {
    if (op->from_file) {
      FillOp(*op, desc->add_ops());
    } else {
      Operator sorted = *op;
      SortAsPaddle(&sorted);
      FillOp(sorted, desc->add_ops());
    }
  }
  if (block.has_forward_block_idx || block.forward_block_idx() != -1) {
    desc->set_forward_block_idx(block.forward_block_idx());
  }
  *desc->mutable_unknown_fields() = block.unknown_fields;
}

}  // namespace

Variable::FileForm FormOfNew(const Variable& v) {
  Variable::FileForm form;
  const bool has_tensor = v.kind == VarKind::kLodTensor || v.kind == VarKind::kLodTensorArray ||
                          v.kind == VarKind::kSelectedRows;
  form.has_persistable = true;
  form.has_stop_gradient = true;
  form.has_lod_level = has_tensor && !v.is_parameter && v.kind != VarKind::kSelectedRows;
  form.has_tensor = has_tensor;
  return form;
}

void SortAsPaddle(Operator* op) {
  op->inputs.Sort();
  op->outputs.Sort();
  const OpFacts* facts = FindOpFacts(op->type);
  op->attrs.Sort();
  if (facts == nullptr || facts->extra_attrs.empty()) return;
  Attrs sorted;
  for (const bool extra : {true, false}) {
    for (const auto& [name, value] : op->attrs) {
      if (facts->HasExtraAttr(name) == extra) sorted.Set(name, value);
    }
  }
  op->attrs = std::move(sorted);
}

std::string SerializeProgramJson(const Program& program, bool readable) {
  PirModule module = ExportPir(program);
  return WritePir(module, readable);
}

std::string SerializeProgram(const Program& program) {
  google::protobuf::Arena arena;  // on the heap a repeated field leaks what it was adding when memory runs out
  ProgramDesc& desc = *google::protobuf::Arena::CreateMessage<ProgramDesc>(&arena);
  desc.ParsePartialFromString(program.unknown_fields);
  for (int i = 0; i < program.num_blocks(); ++i) FillBlock(program.block(i), desc.add_blocks());
  if (program.version) desc.mutable_version()->set_version(*program.version);
  skiff_proto::OpVersionMap kept;
  if (desc.has_op_version_map()) {
    kept = desc.op_version_map();
    desc.mutable_op_version_map()->clear_pair();
  }
  const auto versions = program.op_version_map ? *program.op_version_map : OpVersions();
  for (const auto& [name, version] : versions) {
    auto* pair = desc.mutable_op_version_map()->add_pair();
    const auto rest = std::find_if(kept.pair().begin(), kept.pair().end(), [&name = name](const auto& one) { return one.op_name() == name; });
    if (rest != kept.pair().end()) *pair = *rest;
    pair->set_op_name(name);
    pair->mutable_op_version()->set_version(version);
  }
  const size_t bytes = desc.ByteSizeLong();
  SKIFF_ENFORCE(bytes < kMaxProgramBytes, InvalidArgument, "the program has ", bytes,
                " bytes; protobuf holds less than 2 GiB. Keep large constants as parameters");
  return desc.SerializePartialAsString();
}

}  // namespace skiff::io
