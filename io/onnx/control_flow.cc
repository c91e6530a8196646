// Loops, branches and arrays of tensors. What a block writes of its surroundings goes through Loop and If as values.
#include <algorithm>

#include "framework/op/append_op.h"
#include "io/onnx/op.h"

namespace skiff::io {

namespace {

std::string Condition(OnnxOp& op, const std::string& value, int rank) {
  return rank == 0 ? value : op.AsScalar(value);
}

void InferBlock(Block& block) {
  for (const auto& op : block.ops()) {
    for (int inner : OwnedBlocks(*op)) InferBlock(block.program()->block(inner));
    InferOutputs(block, *op);
  }
}

// Extents that a loop's body changes are unknown from its first turn on.
void ForgetChangedExtents(Block& outer, Block& body, const std::vector<std::string>& carried) {
  for (bool changed = true; changed;) {
    changed = false;
    std::vector<Shape> before;
    for (const std::string& name : carried) before.push_back(outer.Var(name).shape);
    InferBlock(body);
    for (size_t i = 0; i < carried.size(); ++i) {
      Shape& now = outer.Var(carried[i]).shape;
      if (now.rank() != before[i].rank()) continue;
      for (int axis = 0; axis < now.rank(); ++axis) {
        if (now[axis] == before[i][axis]) continue;
        now[axis] = -1;
        changed |= before[i][axis] != -1;
      }
    }
  }
}

std::vector<DType> TypesOf(const OnnxOp& op, const std::vector<std::string>& variables) {
  std::vector<DType> types;
  for (const std::string& name : variables) types.push_back(op.Var(name).dtype);
  return types;
}

// The variable's value, or something of its type where it has none. A number that stands for "nothing yet", as Paddle's
// translator of Python writes it, may be of another type (`before`) than what the block puts in its place.
std::string ValueOf(OnnxOp& op, const std::string& variable, DType before) {
  const std::string value = op.Current(variable);
  if (value.empty()) return op.Default(variable);
  const DType now = op.Var(variable).dtype;
  return now == before || op.Var(variable).kind == VarKind::kLodTensorArray ? value : op.Cast(value, now);
}

// Ends a graph whose outputs are the variables' values.
void GiveVariables(OnnxOp& op, const std::vector<std::string>& variables, const std::vector<DType>& types, OnnxGraph* graph) {
  for (size_t i = 0; i < variables.size(); ++i) {
    const std::string given = op.Node("Identity", {ValueOf(op, variables[i], types[i])});
    graph->outputs.push_back(op.Info(given, variables[i]));
  }
}

std::string Selected(OnnxOp& op, const std::string& mask, int k) {
  if (k + 1 == op.Count("X")) return op.In("X", k);
  const std::string variable = op.op().outputs.One("Out");
  const auto branch = [&](const char* name, int first) {
    OnnxGraph& graph = op.BeginGraph(name);
    const std::string value = first == k ? op.In("X", k) : Selected(op, mask, first);
    graph.outputs.push_back(op.Info(op.Node("Identity", {value}), variable));
    return op.EndGraph();
  };
  const auto is = branch("selected", k), other = branch("another", k + 1);
  return op.Node("If", {op.Binary("Equal", mask, op.Scalar(DType::kInt32, k))}, {{"then_branch", is}, {"else_branch", other}});
}

std::string Position(OnnxOp& op) { return op.AsScalar(op.Cast(op.In("I"), DType::kInt64)); }

}  // namespace

SKIFF_ONNX(conditional_block) {
  if (!op.Attr<bool>("is_scalar_condition")) NoOnnxForm("a condition on whether inputs are empty");
  Block& body = op.SubBlock();
  const auto written = op.WrittenOutside(body);
  if (written.empty()) return;
  const std::string condition = Condition(op, op.In("Cond"), op.Rank("Cond"));
  const auto before = TypesOf(op, written);
  OnnxGraph& then_graph = op.BeginGraph("then");
  op.Emit(body);
  GiveVariables(op, written, TypesOf(op, written), &then_graph);
  const auto then_branch = op.EndGraph();
  OnnxGraph& else_graph = op.BeginGraph("else");
  GiveVariables(op, written, before, &else_graph);
  const auto else_branch = op.EndGraph();
  const auto values = op.Nodes("If", {condition}, static_cast<int>(written.size()), {{"then_branch", then_branch}, {"else_branch", else_branch}});
  for (size_t i = 0; i < written.size(); ++i) op.Bind(written[i], values[i]);
}
SKIFF_ONNX_AS(conditional_block_infer, conditional_block);

SKIFF_ONNX(while) {
  Block& body = op.SubBlock();
  const std::string condition = op.op().inputs.One("Condition");
  auto carried = op.WrittenOutside(body);
  if (std::find(carried.begin(), carried.end(), condition) == carried.end()) carried.push_back(condition);
  const auto before = TypesOf(op, carried);
  ForgetChangedExtents(op.block(), body, carried);
  const int rank = op.Rank("Condition");

  std::vector<std::string> inputs{"", Condition(op, op.In("Condition"), rank)};
  for (size_t i = 0; i < carried.size(); ++i) inputs.push_back(ValueOf(op, carried[i], before[i]));

  OnnxGraph& graph = op.BeginGraph("body");
  graph.inputs.push_back({op.Fresh("turn"), DType::kInt64, Shape{}, false});
  graph.inputs.push_back({op.Fresh("condition"), DType::kBool, Shape{}, false});
  for (const std::string& name : carried) {
    graph.inputs.push_back(op.Info(op.Fresh(name + ".in"), name));
    op.BindTo(name, graph.inputs.back().name);
  }
  op.Emit(body);
  graph.outputs.push_back({op.Node("Identity", {Condition(op, op.Current(condition), rank)}), DType::kBool, Shape{}, false});
  GiveVariables(op, carried, TypesOf(op, carried), &graph);
  const auto loop = op.EndGraph();
  const auto values = op.Nodes("Loop", inputs, static_cast<int>(carried.size()), {{"body", loop}});
  for (size_t i = 0; i < carried.size(); ++i) op.Bind(carried[i], values[i]);
}

// The block as the body of a Scan: it calls states and steps of sequences as the operator's attributes and inputs say.
SKIFF_ONNX(recurrent) {
  Block& body = op.SubBlock();
  const auto before = op.Attr<std::vector<std::string>>("ex_states"), after = op.Attr<std::vector<std::string>>("states");
  const std::vector<std::string>& sequences = op.op().inputs["inputs"];
  std::vector<std::string> inputs = op.Ins("initial_states");
  if (inputs.size() != before.size() || before.size() != after.size()) NoOnnxForm("states without a beginning");
  for (const std::string& one : op.Ins("inputs")) inputs.push_back(one);

  OnnxGraph& graph = op.BeginGraph("step");
  const auto take = [&](const std::string& inner, const std::string& like) {
    graph.inputs.push_back(op.Info(op.Fresh(inner + ".in"), like));
    op.BindTo(inner, graph.inputs.back().name);
  };
  for (size_t i = 0; i < before.size(); ++i) take(before[i], op.op().inputs["initial_states"][i]);
  for (const std::string& name : sequences) take(name, name);
  op.Emit(body);
  const auto give = [&](const std::string& inner) {
    const Variable& v = body.Var(inner);
    graph.outputs.push_back({op.Node("Identity", {op.Current(inner)}), v.dtype, {}, false});
  };
  for (const std::string& name : after) give(name);
  const std::vector<std::string>& outputs = op.op().outputs["outputs"];
  for (const std::string& name : outputs) give(name);

  OnnxAttrs attrs{{"body", op.EndGraph()}, {"num_scan_inputs", static_cast<int64_t>(sequences.size())}};
  if (op.Attr<bool>("reverse")) {
    attrs.emplace_back("scan_input_directions", std::vector<int64_t>(sequences.size(), 1));
    attrs.emplace_back("scan_output_directions", std::vector<int64_t>(outputs.size(), 1));
  }
  const auto values = op.Nodes("Scan", inputs, static_cast<int>(after.size() + outputs.size()), attrs);
  for (size_t i = 0; i < outputs.size(); ++i) op.Bind(outputs[i], values[after.size() + i]);
}

SKIFF_ONNX(select_input) {
  const std::string mask = op.AsScalar(op.Cast(op.In("Mask"), DType::kInt32));
  op.Out("Out", Selected(op, mask, 0));
}

// An entry that is there already is replaced.
SKIFF_ONNX(write_to_array) {
  const std::string variable = op.op().outputs.One("Out"), at = Position(op), x = op.In("X");
  std::string array = op.Current(variable);
  if (array.empty()) return op.Out("Out", op.Node("SequenceInsert", {op.Default(variable), x}));
  const std::string there = op.Binary("Less", at, op.Node("SequenceLength", {array}));
  OnnxGraph& erase = op.BeginGraph("erase");
  erase.outputs.push_back(op.Info(op.Node("SequenceErase", {array, at}), variable));
  const auto then_branch = op.EndGraph();
  OnnxGraph& keep = op.BeginGraph("keep");
  keep.outputs.push_back(op.Info(op.Node("Identity", {array}), variable));
  const auto else_branch = op.EndGraph();
  array = op.Node("If", {there}, {{"then_branch", then_branch}, {"else_branch", else_branch}});
  op.Out("Out", op.Node("SequenceInsert", {array, x, at}));
}
SKIFF_ONNX(read_from_array) { op.Out("Out", op.Node("SequenceAt", {op.In("X"), Position(op)})); }
SKIFF_ONNX(lod_array_length) { op.OutOfRank("Out", op.Node("SequenceLength", {op.In("X")}), 0); }
SKIFF_ONNX(tensor_array_to_tensor) {
  if (op.Wanted("OutIndex")) NoOnnxForm("OutIndex");
  const OnnxAttrs attrs{{"axis", op.Attr<int64_t>("axis")}, {"new_axis", int64_t{op.Attr<bool>("use_stack")}}};
  op.Out("Out", op.Node("ConcatFromSequence", {op.In("X")}, attrs));
}

}  // namespace skiff::io
