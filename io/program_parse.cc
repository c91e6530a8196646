// ProgramDesc -> Program.
#include <algorithm>
#include <limits>
#include <set>

#include "io/file_kind.h"
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

// Finding a slot or attribute is a scan, so their number is bounded.
constexpr int kMaxPerOperator = 4096;
constexpr int kMaxBlockDepth = 64;
// Operators counted once per path from block 0, so that walking sub-blocks from their owners ends soon.
constexpr uint64_t kMaxUnfoldedOperators = 1 << 24;

class ProgramParser {
 public:
  explicit ProgramParser(const std::string& what) : what_(what) {}

  std::unique_ptr<Program> Parse(std::span<const uint8_t> bytes) {
    CheckProgramWire(Reader(bytes, what_));
    ProgramDesc desc;
    if (!desc.ParsePartialFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
      Fail("protobuf cannot parse it", {nullptr, "ProgramDesc"});
    }
    auto program = std::make_unique<Program>();
    program->version.reset();
    if (desc.has_version()) program->version = desc.version().version();
    program->op_version_map.emplace();
    for (const auto& pair : desc.op_version_map().pair()) {
      program->op_version_map->emplace_back(pair.op_name(), pair.op_version().version());
    }
    if (desc.blocks_size() == 0) Fail("the program has no block", {nullptr, "blocks"});
    for (int i = 0; i < desc.blocks_size(); ++i) AddBlock(program.get(), i, desc.blocks(i));
    while (program->current_block().idx() != 0) program->Rollback();
    for (int i = 0; i < desc.blocks_size(); ++i) FillBlock(&program->block(i), &desc, i);
    CheckSubBlocks(*program);

    desc.clear_blocks();
    KeepUnknownOfVersions(&desc);
    program->unknown_fields = desc.SerializePartialAsString();
    return program;
  }

 private:
  [[noreturn]] void Fail(const std::string& message, const FieldPath& field) const {
    InvalidArgument error(StrCat("cannot read \"", what_, "\": ", message));
    error.AddContext("field " + field.ToString());
    throw error;
  }

  // Fields that this skiff does not know are kept in descriptions that hold nothing else, but for the names of what they belong to.
  static void KeepUnknownOfVersions(ProgramDesc* desc) {
    if (desc->has_version()) desc->mutable_version()->clear_version();
    if (desc->version().ByteSizeLong() == 0) desc->clear_version();
    skiff_proto::OpVersionMap kept;
    *kept.mutable_unknown_fields() = desc->op_version_map().unknown_fields();
    for (const auto& pair : desc->op_version_map().pair()) {
      if (pair.unknown_fields().empty() && pair.op_version().unknown_fields().empty()) continue;
      auto* added = kept.add_pair();
      *added = pair;
      added->mutable_op_version()->clear_version();
    }
    desc->clear_op_version_map();
    if (kept.ByteSizeLong() != 0) *desc->mutable_op_version_map() = std::move(kept);
  }

  template <typename SlotList>
  static void KeepUnknownOfSlots(const SlotList& slots, SlotList* kept) {
    for (const auto& slot : slots) {
      if (slot.unknown_fields().empty()) continue;
      auto* added = kept->Add();
      added->set_parameter(slot.parameter());
      *added->mutable_unknown_fields() = slot.unknown_fields();
    }
  }

  static bool HasUnknown(const ScalarValue& value) { return !value.unknown_fields().empty() || !value.c().unknown_fields().empty(); }
  static void KeepUnknownOfScalar(const ScalarValue& value, ScalarValue* kept) {
    *kept->mutable_unknown_fields() = value.unknown_fields();
    if (!value.c().unknown_fields().empty()) *kept->mutable_c()->mutable_unknown_fields() = value.c().unknown_fields();
  }

  static std::string UnknownOfOp(const OpDesc& desc) {
    OpDesc kept;
    *kept.mutable_unknown_fields() = desc.unknown_fields();
    KeepUnknownOfSlots(desc.inputs(), kept.mutable_inputs());
    KeepUnknownOfSlots(desc.outputs(), kept.mutable_outputs());
    for (const OpAttr& attr : desc.attrs()) {
      const bool any = std::any_of(attr.scalars().begin(), attr.scalars().end(), HasUnknown);
      if (!any && !HasUnknown(attr.scalar()) && attr.unknown_fields().empty()) continue;
      OpAttr* added = kept.add_attrs();
      added->set_name(attr.name());
      *added->mutable_unknown_fields() = attr.unknown_fields();
      if (HasUnknown(attr.scalar())) KeepUnknownOfScalar(attr.scalar(), added->mutable_scalar());
      if (!any) continue;
      for (const ScalarValue& value : attr.scalars()) KeepUnknownOfScalar(value, added->add_scalars());
    }
    return kept.SerializePartialAsString();
  }

  void AddBlock(Program* program, int index, const BlockDesc& desc) {
    const FieldPath field{nullptr, "blocks", index};
    if (!desc.has_idx() || desc.idx() != index) {
      Fail(StrCat("block ", index, " is numbered ", desc.idx()), {&field, "idx"});
    }
    if (index == 0) {
      if (desc.has_parent_idx() && desc.parent_idx() != -1) {
        Fail(StrCat("block 0 has the parent ", desc.parent_idx(), "; it must have none, -1"),
             {&field, "parent_idx"});
      }
      return;
    }
    if (!desc.has_parent_idx() || desc.parent_idx() < 0 || desc.parent_idx() >= index) {
      Fail(StrCat("block ", index, " has the parent ", desc.parent_idx(),
                  "; it must be a block before it"),
           {&field, "parent_idx"});
    }
    program->CreateBlock(desc.parent_idx());
  }

  void FillBlock(Block* block, ProgramDesc* program, int index) {
    BlockDesc* desc = program->mutable_blocks(index);
    const FieldPath field{nullptr, "blocks", index};
    if (desc->has_forward_block_idx()) {
      const int forward = desc->forward_block_idx();
      if (forward < -1 || forward >= program->blocks_size()) {
        Fail(StrCat("block ", forward, " does not exist"), {&field, "forward_block_idx"});
      }
      block->set_forward_block_idx(forward);
      block->has_forward_block_idx = true;
    }
    for (int i = 0; i < desc->vars_size(); ++i) {
      const FieldPath var_field{&field, "vars", i};
      Variable variable = ParseVar(desc->mutable_vars(i), var_field);
      if (block->FindLocalVar(variable.name) != nullptr) {
        Fail(StrCat("the block has the variable \"", variable.name, "\" twice"), var_field);
      }
      block->AddVar(std::move(variable));
    }
    for (int i = 0; i < desc->ops_size(); ++i) {
      block->AddOp(ParseOp(desc->ops(i), program->blocks_size(), {&field, "ops", i}));
    }
    block->unknown_fields = desc->unknown_fields();
  }

  // ---- variables

  Variable ParseVar(VarDesc* desc, const FieldPath& field) {
    Variable v;
    Variable::FileForm form;
    if (!desc->has_name()) Fail("a variable without a name", {&field, "name"});
    v.name = desc->name();
    const int kind = desc->type().type();
    if (!desc->type().has_type() || ToString(static_cast<VarKind>(kind)) == kUnknownKind) {
      Fail(StrCat("variable \"", v.name, "\" is of the kind ", kind, ", which Paddle does not have"),
           {&field, "type.type"});
    }
    v.kind = static_cast<VarKind>(kind);
    form.has_persistable = desc->has_persistable();
    v.persistable = desc->persistable();
    form.has_need_check_feed = desc->has_need_check_feed();
    v.need_check_feed = desc->need_check_feed();
    form.has_is_parameter = desc->has_is_parameter();
    v.is_parameter = desc->is_parameter();
    form.has_stop_gradient = desc->has_stop_gradient();
    v.stop_gradient = desc->stop_gradient();
    ParseTensorDesc(desc->mutable_type(), &v, &form, {&field, "type"});

    // What is left is what skiff keeps without using it.
    desc->clear_name();
    desc->mutable_type()->clear_type();
    desc->clear_persistable();
    desc->clear_need_check_feed();
    desc->clear_is_parameter();
    desc->clear_stop_gradient();
    if (desc->type().ByteSizeLong() == 0) desc->clear_type();
    form.extra = desc->SerializePartialAsString();
    v.file_form = std::move(form);
    return v;
  }

  // Moves the description that belongs to the variable's kind out of `type`.
  void ParseTensorDesc(skiff_proto::VarType* type, Variable* v, Variable::FileForm* form,
                       const FieldPath& field) {
    form->has_tensor = false;
    auto take_lod = [&](bool has, skiff_proto::LoDTensorDesc* desc, auto clear) {
      if (!has) return;
      form->has_lod_level = desc->has_lod_level();
      v->lod_level = desc->lod_level();
      desc->clear_lod_level();
      TakeTensor(desc->mutable_tensor(), v, form, field);
      if (desc->tensor().ByteSizeLong() == 0) desc->clear_tensor();
      if (desc->ByteSizeLong() == 0) clear();
    };
    auto take = [&](bool has, skiff_proto::TensorDesc* desc, auto clear) {
      if (!has) return;
      TakeTensor(desc, v, form, field);
      if (desc->ByteSizeLong() == 0) clear();
    };
    // mutable_x() creates x, so each is asked for only behind has_x().
#define SKIFF_TAKE(how, member)                                                             \
  how(type->has_##member(), type->has_##member() ? type->mutable_##member() : nullptr,      \
      [type] { type->clear_##member(); })
    switch (v->kind) {
      case VarKind::kLodTensor: SKIFF_TAKE(take_lod, lod_tensor); break;
      case VarKind::kLodTensorArray: SKIFF_TAKE(take_lod, tensor_array); break;
      case VarKind::kSelectedRows: SKIFF_TAKE(take, selected_rows); break;
      case VarKind::kString: SKIFF_TAKE(take, string); break;
      case VarKind::kStrings: SKIFF_TAKE(take, strings); break;
      case VarKind::kVocab: SKIFF_TAKE(take, vocab); break;
      case VarKind::kSparseCoo: SKIFF_TAKE(take, sparse_coo); break;
      case VarKind::kSparseCsr: SKIFF_TAKE(take, sparse_csr); break;
      default: break;  // other kinds have no extents
    }
#undef SKIFF_TAKE
  }

  void TakeTensor(skiff_proto::TensorDesc* desc, Variable* v, Variable::FileForm* form,
                  const FieldPath& field) {
    form->has_tensor = true;
    const int code = desc->data_type();
    if (!desc->has_data_type() || code < 0 || code > kLastTypeCode) {
      Fail(StrCat("variable \"", v->name, "\" has elements of the type ", code,
                  ", which Paddle does not have"),
           {&field, "data_type"});
    }
    // Types skiff has no tensors of (float8, uint32, ...) stay in `extra`.
    if (IsValidDType(code)) {
      v->dtype = static_cast<DType>(code);
      desc->clear_data_type();
    }
    if (desc->dims_size() > Shape::kMaxRank) {
      Fail(StrCat("variable \"", v->name, "\" has ", desc->dims_size(), " dimensions; the most are ",
                  Shape::kMaxRank),
           {&field, "dims"});
    }
    int64_t bytes = v->dtype == DType::kUndefined ? 1 : static_cast<int64_t>(SizeOf(v->dtype));
    for (int64_t d : desc->dims()) {
      if (d > 0 && __builtin_mul_overflow(bytes, d, &bytes)) {
        Fail(StrCat("variable \"", v->name, "\" has an extent of ", d,
                    ", more than 63 bits can count"),
             {&field, "dims"});
      }
      // Paddle computes with -1 as with a number: behind pixel_shuffle, say, an unknown extent is -2.
      v->shape.Append(std::max<int64_t>(d, -1));
    }
    desc->clear_dims();
  }

  // ---- operators

  Operator ParseOp(const OpDesc& desc, int num_blocks, const FieldPath& field) {
    if (desc.type().empty()) Fail("an operator without a type", {&field, "type"});
    if (std::max({desc.inputs_size(), desc.outputs_size(), desc.attrs_size()}) > kMaxPerOperator) {
      Fail(StrCat(desc.type(), " has more than ", kMaxPerOperator, " slots or attributes"), field);
    }
    Operator op{desc.type(), ParseSlots(desc.inputs(), {&field, "inputs"}),
                ParseSlots(desc.outputs(), {&field, "outputs"}), {}};
    for (const OpAttr& attr : desc.attrs()) {
      // Paddle writes some attributes of reshape2 twice; as there, the last one counts.
      op.attrs.Set(attr.name(), ParseAttr(attr, num_blocks, {&field, attr.name().c_str()}));
    }
    op.from_file = true;
    if (desc.has_is_target()) op.is_target = desc.is_target();
    op.unknown_fields = UnknownOfOp(desc);
    return op;
  }

  template <typename SlotList>
  Slots ParseSlots(const SlotList& descs, const FieldPath& field) {
    Slots slots;
    std::set<std::string> seen;
    for (const auto& slot : descs) {
      if (!seen.insert(slot.parameter()).second) {
        Fail(StrCat("the slot \"", slot.parameter(), "\" is there twice"), field);
      }
      slots.Set(slot.parameter(), {slot.arguments().begin(), slot.arguments().end()});
    }
    return slots;
  }

  BlockRef ToBlock(int index, int num_blocks, const FieldPath& field) {
    if (index < 0 || index >= num_blocks) {
      Fail(StrCat("block ", index, " is named, the program has ", num_blocks), field);
    }
    return {index};
  }

  Scalar ParseScalar(const ScalarValue& value, const FieldPath& field) {
    switch (value.type()) {
      case 1: return value.b();
      case 2: return value.i();
      case 3: return value.r();
      case 4: return std::complex<double>(value.c().r(), value.c().i());
      default: Fail(StrCat("a scalar of the unknown type ", value.type()), field);
    }
  }

  Attribute ParseAttr(const OpAttr& a, int num_blocks, const FieldPath& field) {
    auto list = []<typename T>(const auto& items, T) {
      return std::vector<T>(items.begin(), items.end());
    };
    if (!a.has_type()) Fail("an attribute without a type", field);
    switch (a.type()) {
      case 0: return a.i();
      case 1: return a.f();
      case 2: return a.s();
      case 3: return list(a.ints(), int32_t{});
      case 4: return list(a.floats(), float{});
      case 5: return list(a.strings(), std::string());
      case 6: return a.b();
      case 7: return list(a.bools(), bool{});
      case 8: return ToBlock(a.block_idx(), num_blocks, field);
      case 9: return int64_t{a.l()};
      case 10: {
        std::vector<BlockRef> refs;
        for (int index : a.blocks_idx()) refs.push_back(ToBlock(index, num_blocks, field));
        return refs;
      }
      case 11: return list(a.longs(), int64_t{});
      case 12: return list(a.float64s(), double{});
      case 13: return VarRef{a.var_name()};
      case 14: {
        std::vector<VarRef> refs;
        for (const std::string& name : a.vars_name()) refs.push_back({name});
        return refs;
      }
      case 15: return a.float64();
      case 16: return ParseScalar(a.scalar(), field);
      case 17: {
        std::vector<Scalar> scalars;
        for (const ScalarValue& value : a.scalars()) scalars.push_back(ParseScalar(value, field));
        return scalars;
      }
      default: Fail(StrCat("an attribute of the unknown type ", a.type()), field);
    }
  }

  // ---- sub-blocks

  static std::vector<int> OwnedBlocks(const Block& block) {
    std::vector<int> owned;
    for (const auto& op : block.ops()) {
      for (int index : skiff::OwnedBlocks(*op)) owned.push_back(index);
    }
    return owned;
  }

  // Sub-blocks must form no circle, nor so many paths that following them never ends.
  void CheckSubBlocks(const Program& program) {
    std::vector<int> state(program.num_blocks());  // 0 not visited, 1 being visited, 2 done
    std::vector<uint64_t> unfolded(program.num_blocks());
    for (int i = 0; i < program.num_blocks(); ++i) Visit(program, i, 0, &state, &unfolded);
  }

  void Visit(const Program& program, int index, int depth, std::vector<int>* state,
             std::vector<uint64_t>* unfolded) {
    const FieldPath field{nullptr, "blocks", index};
    if ((*state)[index] == 2) return;
    if ((*state)[index] == 1) Fail(StrCat("block ", index, " is a sub-block of itself"), field);
    if (depth > kMaxBlockDepth) Fail(StrCat("more than ", kMaxBlockDepth, " nested blocks"), field);
    (*state)[index] = 1;
    uint64_t count = program.block(index).ops().size();
    for (int owned : OwnedBlocks(program.block(index))) {
      Visit(program, owned, depth + 1, state, unfolded);
      count += (*unfolded)[owned];
      if (count > kMaxUnfoldedOperators) Fail("sub-blocks are owned too often", field);
    }
    (*unfolded)[index] = count;
    (*state)[index] = 2;
  }

  static constexpr int kLastTypeCode = 38;
  inline static const std::string kUnknownKind = "unknown kind";

  const std::string& what_;
};

}  // namespace

std::unique_ptr<Program> ParseProgram(std::span<const uint8_t> bytes, const std::string& what) {
  if (DetectFile(bytes) == FileKind::kProgramJson) return ImportPir(ParsePir(bytes, what), what);
  return ProgramParser(what).Parse(bytes);
}

}  // namespace skiff::io
