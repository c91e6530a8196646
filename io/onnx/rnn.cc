// Recurrent layers: one LSTM, GRU or RNN node for each layer of Paddle's rnn.
#include "io/onnx/op.h"

namespace skiff::io {

namespace {

struct Cell {
  const char* node;
  std::vector<int> gates;  // ONNX's gates as places among Paddle's
  const char* activation;  // of RNN
};

Cell CellOf(const std::string& mode) {
  if (mode == "LSTM") return {"LSTM", {0, 3, 1, 2}, ""};  // i f c o -> i o f c
  if (mode == "GRU") return {"GRU", {1, 0, 2}, ""};       // r z c -> z r h
  return {"RNN", {0}, mode == "RNN_RELU" ? "Relu" : "Tanh"};
}

std::string InGateOrder(OnnxOp& op, const Cell& cell, const std::string& value, int64_t hidden) {
  const int count = static_cast<int>(cell.gates.size());
  if (count == 1) return value;
  const auto parts = op.Nodes("Split", {value, op.Int64s(std::vector<int64_t>(count, hidden))}, count, {{"axis", int64_t{0}}});
  std::vector<std::string> ordered;
  for (int gate : cell.gates) ordered.push_back(parts[gate]);
  return op.Concat(ordered, 0);
}

struct Recurrence {
  OnnxOp& op;
  Cell cell;
  int64_t layers, directions, hidden;

  // Weight `kind` (0: of the input, 1: of the hidden state) of a direction; biases stand behind all weights.
  std::string Weight(int64_t layer, int64_t direction, int kind, bool bias) {
    const int64_t first = bias ? 2 * layers * directions : 0;
    const int64_t at = first + 2 * (layer * directions + direction) + kind;
    return InGateOrder(op, cell, op.In("WeightList", static_cast<int>(at)), hidden);
  }
  std::string Weights(int64_t layer, int kind) {
    std::vector<std::string> parts;
    for (int64_t d = 0; d < directions; ++d) parts.push_back(op.Unsqueeze(Weight(layer, d, kind, false), {0}));
    return op.Concat(parts, 0);
  }
  std::string Biases(int64_t layer) {
    std::vector<std::string> parts;
    for (int64_t d = 0; d < directions; ++d) {
      parts.push_back(op.Unsqueeze(op.Concat({Weight(layer, d, 0, true), Weight(layer, d, 1, true)}, 0), {0}));
    }
    return op.Concat(parts, 0);
  }
  std::string StateOf(int i, int64_t layer) {
    const std::string state = op.In("PreState", i);
    return layers == 1 ? state : op.Slice(state, 0, layer * directions, (layer + 1) * directions);
  }
};

}  // namespace

SKIFF_ONNX(rnn) {
  const int64_t layers = op.Attr<int64_t>("num_layers"), directions = op.Attr<bool>("is_bidirec") ? 2 : 1;
  if (!op.Attr<bool>("is_test") && op.Attr<float>("dropout_prob") > 0 && layers > 1) NoOnnxForm("it draws random numbers; is_test must be true");
  if (op.Count("WeightList") != 4 * layers * directions) NoOnnxForm("WeightList has ", op.Count("WeightList"), " entries");
  Recurrence recurrence{op, CellOf(op.Attr<std::string>("mode")), layers, directions, op.Attr<int64_t>("hidden_size")};
  const bool lstm = recurrence.cell.node == std::string("LSTM");
  const std::string lengths = op.Has("SequenceLength") ? op.Cast(op.In("SequenceLength"), DType::kInt32) : "";
  std::string x = op.In("Input");
  std::vector<std::string> hidden, cells;
  for (int64_t layer = 0; layer < layers; ++layer) {
    std::vector<std::string> inputs{x, recurrence.Weights(layer, 0), recurrence.Weights(layer, 1), recurrence.Biases(layer), lengths,
                                    recurrence.StateOf(0, layer)};
    if (lstm) inputs.push_back(recurrence.StateOf(1, layer));
    OnnxAttrs attrs{{"hidden_size", recurrence.hidden}, {"direction", std::string(directions == 2 ? "bidirectional" : "forward")}};
    if (recurrence.cell.node == std::string("GRU")) attrs.emplace_back("linear_before_reset", int64_t{1});
    if (*recurrence.cell.activation != '\0') {
      attrs.emplace_back("activations", std::vector<std::string>(directions, recurrence.cell.activation));
    }
    const auto outputs = op.Nodes(recurrence.cell.node, inputs, lstm ? 3 : 2, attrs);
    hidden.push_back(outputs[1]);
    if (lstm) cells.push_back(outputs[2]);
    // [time, directions, batch, hidden] -> [time, batch, directions * hidden]
    x = directions == 1 ? op.Squeeze(outputs[0], {1})
                        : op.Reshape(op.Transpose(outputs[0], {0, 2, 1, 3}), {0, 0, directions * recurrence.hidden});
  }
  op.Out("Out", x);
  op.Out("State", op.Concat(hidden, 0), 0);
  if (lstm) op.Out("State", op.Concat(cells, 0), 1);
}

}  // namespace skiff::io
