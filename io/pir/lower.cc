#include "io/pir/lower.h"

#include <algorithm>
#include <map>

#include "framework/op/append_op.h"
#include "framework/op/op_def.h"
#include "framework/program/unique_name.h"

namespace skiff::io {

namespace {

// Replaces operators one by one; what an operator becomes is appended to `ops_`.
class Lowering {
 public:
  explicit Lowering(Program* program) : program_(program) {}

  void Run() {
    for (int i = 0; i < program_->num_blocks(); ++i) {
      block_ = &program_->block(i);
      std::vector<std::shared_ptr<Operator>> lowered;
      for (const auto& op : block_->ops()) {
        ops_ = &lowered;
        try {
          const auto whole = WithWholeLists(op);
          if (!Lower(*whole)) lowered.push_back(whole);
        } catch (Error& error) {
          error.AddContext(StrCat("block ", i, " (", op->type, "), to be written for Paddle 3"));
          throw;
        }
      }
      block_->SetOps(std::move(lowered));
    }
  }

 private:
  bool Lower(const Operator& op) {
    static const std::map<std::string, const char*> renamed = {{"reshape", "reshape2"}, {"transpose", "transpose2"}};
    if (const auto found = renamed.find(op.type); found != renamed.end()) {
      Operator newer = op;
      newer.type = found->second;
      Add(std::move(newer));
      return true;
    }
    if (op.type == "mul") return LowerMul(op);
    if (op.type == "mul_grad") return LowerMulGrad(op);
    if (op.type == "matmul") return LowerMatmul(op);
    if (op.type.starts_with("elementwise_") && !op.type.ends_with("_grad_grad")) return LowerElementwise(op);
    if (op.type == "batch_norm") return LowerBatchNorm(op);
    if (op.type == "lookup_table") return LowerLookupTable(op);
    if (op.type == "flatten2") return LowerFlatten(op);
    if (op.type == "top_k") return LowerTopK(op);
    if (op.type == "fill_zeros_like") {
      Add({"fill_any_like", {{"X", op.inputs["X"]}}, {{"Out", op.outputs["Out"]}}, {{"value", 0.0f}, {"dtype", -1}}});
      return true;
    }
    if (op.type == "minus") {
      Add({"elementwise_sub", {{"X", op.inputs["X"]}, {"Y", op.inputs["Y"]}}, {{"Out", op.outputs["Out"]}}, {{"axis", -1}}});
      return true;
    }
    return false;
  }

  // Paddle 3 computes the gradients of a list all together, wanted or not.
  std::shared_ptr<Operator> WithWholeLists(const std::shared_ptr<Operator>& op) {
    std::shared_ptr<Operator> whole = op;
    for (const auto& [slot, names] : op->outputs) {
      const std::vector<std::string>& sources = op->inputs[slot.substr(0, slot.rfind("@GRAD"))];
      if (names.size() < 2 || names.size() != sources.size() || !slot.ends_with("@GRAD")) continue;
      std::vector<std::string> all = names;
      for (size_t i = 0; i < all.size(); ++i) {
        if (all[i] == kEmptyVarName && sources[i] != kEmptyVarName) all[i] = Temporary(block_->Var(sources[i]), ShapeOf(sources[i]));
      }
      if (all == names) continue;
      whole = std::make_shared<Operator>(*whole);
      whole->outputs.Set(slot, std::move(all));
    }
    return whole;
  }

  void Add(Operator op) { ops_->push_back(std::make_shared<Operator>(std::move(op))); }

  const Shape& ShapeOf(const std::string& name) const { return block_->Var(name).shape; }

  std::string Temporary(const Variable& like, const Shape& shape) {
    Variable v{.name = UniqueName(like.name + ".pir"), .dtype = like.dtype, .shape = shape, .stop_gradient = like.stop_gradient};
    while (block_->FindVar(v.name) != nullptr) v.name = UniqueName(like.name + ".pir");
    return block_->AddVar(std::move(v))->name;
  }

  std::string Reshaped(const std::string& name, const std::vector<int64_t>& extents) {
    const std::string out = Temporary(block_->Var(name), Shape(extents));
    AddReshape(name, out, extents);
    return out;
  }

  void AddReshape(const std::string& from, const std::string& to, const std::vector<int64_t>& extents) {
    SKIFF_ENFORCE(std::count(extents.begin(), extents.end(), -1) <= 1, Unimplemented, "\"", from, "\" ", ShapeOf(from),
                  " must be reshaped to ", Shape(extents), ", and only one extent may be unknown");
    std::vector<int32_t> shape(extents.begin(), extents.end());
    Add({"reshape2", {{"X", {from}}}, {{"Out", {to}}}, {{"shape", shape}}});
  }

  static std::vector<int64_t> Extents(const Shape& shape) { return {shape.begin(), shape.end()}; }

  static int64_t Product(const Shape& shape, int begin, int end) {
    int64_t product = 1;
    for (int i = begin; i < end; ++i) product = shape[i] < 0 || product < 0 ? -1 : product * shape[i];
    return product;
  }

  bool LowerMul(const Operator& op) {
    const std::string x = op.inputs.One("X"), y = op.inputs.One("Y"), out = op.outputs.One("Out");
    const int x_cols = op.attrs.Get<int32_t>("x_num_col_dims", 1), y_cols = op.attrs.Get<int32_t>("y_num_col_dims", 1);
    const Shape x_shape = ShapeOf(x), y_shape = ShapeOf(y);
    const int64_t rows = Product(x_shape, 0, x_cols), inner = Product(y_shape, 0, y_cols), columns = Product(y_shape, y_cols, y_shape.rank());
    const bool flat_x = x_shape.rank() == 2 && x_cols == 1, flat_y = y_shape.rank() == 2 && y_cols == 1;
    if (x_shape.rank() == x_cols + 1 && flat_y) {
      Add({"matmul_v2", {{"X", {x}}, {"Y", {y}}}, {{"Out", {out}}}, {{"trans_x", false}, {"trans_y", false}}});
      return true;
    }
    const std::string left = flat_x ? x : Reshaped(x, {rows, inner});
    const std::string right = flat_y ? y : Reshaped(y, {inner, columns});
    const std::string flat = Temporary(block_->Var(out), {rows, columns});
    Add({"matmul_v2", {{"X", {left}}, {"Y", {right}}}, {{"Out", {flat}}}, {{"trans_x", false}, {"trans_y", false}}});
    AddReshape(flat, out, Extents(ShapeOf(out)));
    return true;
  }

  bool LowerMulGrad(const Operator& op) {
    const std::string x = op.inputs.One("X"), y = op.inputs.One("Y"), dout = op.inputs.One("Out@GRAD");
    const int x_cols = op.attrs.Get<int32_t>("x_num_col_dims", 1), y_cols = op.attrs.Get<int32_t>("y_num_col_dims", 1);
    const Shape x_shape = ShapeOf(x), y_shape = ShapeOf(y);
    const int64_t rows = Product(x_shape, 0, x_cols), inner = Product(y_shape, 0, y_cols), columns = Product(y_shape, y_cols, y_shape.rank());
    const bool flat_x = x_shape.rank() == 2 && x_cols == 1, flat_y = y_shape.rank() == 2 && y_cols == 1;
    std::vector<std::pair<std::string, std::string>> reshaped;  // from, to
    auto gradient = [&](const char* slot, bool flat, const std::string& of, const std::vector<int64_t>& extents) {
      const std::string name = op.outputs.One(slot);
      if (flat || name.empty() || name == kEmptyVarName) return name;
      reshaped.emplace_back(Temporary(block_->Var(of), Shape(extents)), name);
      return reshaped.back().first;
    };
    Operator product{"matmul_v2_grad",
                     {{"X", {flat_x ? x : Reshaped(x, {rows, inner})}},
                      {"Y", {flat_y ? y : Reshaped(y, {inner, columns})}},
                      {"Out@GRAD", {ShapeOf(dout).rank() == 2 ? dout : Reshaped(dout, {rows, columns})}}},
                     {},
                     {{"trans_x", false}, {"trans_y", false}}};
    const std::string dx = gradient("X@GRAD", flat_x, x, {rows, inner}), dy = gradient("Y@GRAD", flat_y, y, {inner, columns});
    product.outputs = {{"X@GRAD", {dx.empty() ? kEmptyVarName : dx}}, {"Y@GRAD", {dy.empty() ? kEmptyVarName : dy}}};
    Add(std::move(product));
    for (const auto& [from, to] : reshaped) AddReshape(from, to, Extents(ShapeOf(to)));
    return true;
  }

  bool LowerMatmul(const Operator& op) {
    const std::string out = op.outputs.One("Out");
    const auto alpha = op.attrs.Get<float>("alpha", 1.0f);
    const Attrs attrs = {{"trans_x", op.attrs.Get<bool>("transpose_X", false)}, {"trans_y", op.attrs.Get<bool>("transpose_Y", false)}};
    const std::string product = alpha == 1.0f ? out : Temporary(block_->Var(out), ShapeOf(out));
    Add({"matmul_v2", {{"X", op.inputs["X"]}, {"Y", op.inputs["Y"]}}, {{"Out", {product}}}, attrs});
    if (alpha != 1.0f) {
      Add({"scale", {{"X", {product}}}, {{"Out", {out}}}, {{"scale", alpha}, {"bias", 0.0f}, {"bias_after_scale", true}}});
    }
    return true;
  }

  // Paddle 3 aligns shapes at the end, 2.x the one of fewer dimensions at `axis` of the other. Its gradient has its shape.
  bool LowerElementwise(const Operator& op) {
    const int axis = op.attrs.Get<int32_t>("axis", -1);
    const int x_rank = ShapeOf(op.inputs.One("X")).rank(), y_rank = ShapeOf(op.inputs.One("Y")).rank();
    const int rank = std::max(x_rank, y_rank), own = std::min(x_rank, y_rank);
    if (axis == -1 || x_rank == y_rank || own == 0 || axis + own == rank) return false;
    const std::string slot = x_rank < y_rank ? "X" : "Y", gradient_slot = slot + "@GRAD";
    SKIFF_ENFORCE(axis >= 0 && axis + own <= rank, Unimplemented, "axis ", axis, " of ", slot, ", which has ", own,
                  " dimensions, beside an operand that has ", rank);
    const std::string name = op.inputs.One(slot), gradient = op.outputs.One(gradient_slot);
    std::vector<int64_t> extents = Extents(ShapeOf(name));
    extents.resize(static_cast<size_t>(rank - axis), 1);
    Operator aligned = op;
    aligned.inputs.Set(slot, {Reshaped(name, extents)});
    aligned.attrs.Set("axis", -1);
    const bool wanted = !gradient.empty() && gradient != kEmptyVarName;
    const std::string whole = wanted ? Temporary(block_->Var(name), Shape(extents)) : "";
    if (wanted) aligned.outputs.Set(gradient_slot, {whole});
    Add(std::move(aligned));
    if (wanted) AddReshape(whole, gradient, Extents(ShapeOf(gradient)));
    return true;
  }

  // Paddle 3's kernel writes all of its outputs, wanted or not.
  bool LowerBatchNorm(const Operator& op) {
    Operator whole = op;
    for (const auto& [slot, like] : {std::pair{"MeanOut", "Mean"}, {"VarianceOut", "Variance"}}) {
      if (!op.outputs.Has(slot)) whole.outputs.Set(slot, op.inputs[like]);
    }
    for (const char* slot : {"SavedMean", "SavedVariance"}) {
      if (!op.outputs.Has(slot)) whole.outputs.Set(slot, {Temporary(block_->Var(op.inputs.One("Mean")), ShapeOf(op.inputs.One("Mean")))});
    }
    if (!op.outputs.Has("ReserveSpace")) {
      Variable reserve{.name = op.inputs.One("X"), .dtype = DType::kUInt8, .stop_gradient = true};
      whole.outputs.Set("ReserveSpace", {Temporary(reserve, {-1})});
    }
    Add(std::move(whole));
    return true;
  }

  // Ids of lookup_table end in an extent of 1.
  bool LowerLookupTable(const Operator& op) {
    const std::string ids = op.inputs.One("Ids");
    const Shape shape = ShapeOf(ids);
    SKIFF_ENFORCE(shape.rank() >= 1, Unimplemented, "Ids without a shape");
    std::vector<int64_t> extents = Extents(shape);
    extents.pop_back();
    const std::string flat = Temporary(block_->Var(ids), Shape(extents));
    Add({"squeeze2", {{"X", {ids}}}, {{"Out", {flat}}}, {{"axes", std::vector<int32_t>{shape.rank() - 1}}}});
    Operator newer = op;
    newer.type = "lookup_table_v2";
    newer.inputs.Set("Ids", {flat});
    Add(std::move(newer));
    return true;
  }

  bool LowerFlatten(const Operator& op) {
    const std::string x = op.inputs.One("X"), out = op.outputs.One("Out");
    const int axis = op.attrs.Get<int32_t>("axis", 1);
    const Shape shape = ShapeOf(x);
    AddReshape(x, out, {Product(shape, 0, axis), Product(shape, axis, shape.rank())});
    return true;
  }

  bool LowerTopK(const Operator& op) {
    Operator newer = op;
    newer.type = "top_k_v2";
    newer.attrs.Set("axis", -1);
    newer.attrs.Set("largest", true);
    newer.attrs.Set("sorted", true);
    Add(std::move(newer));
    return true;
  }

  Program* program_;
  Block* block_ = nullptr;
  std::vector<std::shared_ptr<Operator>>* ops_ = nullptr;
};

}  // namespace

std::vector<std::string> LoweredTo(const std::string& type) {
  static const std::map<std::string, std::vector<std::string>> known = {
      {"fill_zeros_like", {"fill_any_like"}},
      {"flatten2", {"reshape2"}},
      {"lookup_table", {"squeeze2", "lookup_table_v2"}},
      {"matmul", {"matmul_v2", "scale"}},
      {"minus", {"elementwise_sub"}},
      {"mul", {"reshape2", "matmul_v2"}},
      {"mul_grad", {"reshape2", "matmul_v2_grad"}},
      {"reshape", {"reshape2"}},
      {"top_k", {"top_k_v2"}},
      {"transpose", {"transpose2"}}};
  const auto found = known.find(type);
  return found == known.end() ? std::vector<std::string>{} : found->second;
}

std::unique_ptr<Program> Lower(const Program& program) {
  std::unique_ptr<Program> copy = program.Clone();
  Lowering(copy.get()).Run();
  return copy;
}

}  // namespace skiff::io
