// The shapes of rnn, and where what the gradient needs lies in its Reserve output: for each layer and
// direction the gates [time, batch, gates * hidden], one number more where the cell keeps it, and the hidden
// states [time, batch, hidden]; for each layer but the first its input and the mask that dropped some of it.
#pragma once

#include "operators/rnn_cell.h"

namespace skiff {
inline namespace SKIFF_VARIANT {

struct RnnGeometry {
  RnnMode mode;
  int64_t time, batch, input, hidden, layers, directions;
  float dropout;  // between layers; 0 when testing
  bool is_test;

  int64_t gates() const { return NumGates(mode); }
  int64_t cells() const { return time * batch * hidden; }
  int64_t out_width() const { return directions * hidden; }
  int64_t between() const { return directions * cells(); }
  int64_t input_of(int64_t layer) const { return layer == 0 ? input : out_width(); }
  int64_t num_states() const { return mode == RnnMode::kLstm ? 2 : 1; }

  int64_t direction_size() const { return cells() * (gates() + (KeepsMore(mode) ? 2 : 1)); }
  int64_t layer_size() const { return directions * direction_size() + (dropout > 0 ? 2 : 1) * between(); }
  int64_t reserve() const { return layers * layer_size(); }

  /// Elements of Reserve.
  int64_t GatesAt(int64_t layer, int64_t direction) const {
    return layer * layer_size() + direction * direction_size();
  }
  int64_t HiddenAt(int64_t layer, int64_t direction) const { return GatesAt(layer, direction) + gates() * cells(); }
  int64_t MoreAt(int64_t layer, int64_t direction) const { return HiddenAt(layer, direction) + cells(); }
  int64_t InputAt(int64_t layer) const { return layer * layer_size() + directions * direction_size(); }
  int64_t MaskAt(int64_t layer) const { return InputAt(layer) + between(); }

  /// Positions in WeightList.
  int WeightX(int64_t layer, int64_t direction) const { return static_cast<int>(2 * (layer * directions + direction)); }
  int WeightH(int64_t layer, int64_t direction) const { return WeightX(layer, direction) + 1; }
  int BiasX(int64_t layer, int64_t direction) const {
    return static_cast<int>(2 * layers * directions) + WeightX(layer, direction);
  }
  int BiasH(int64_t layer, int64_t direction) const { return BiasX(layer, direction) + 1; }
};

/// @throws InvalidArgument for a mode or count of layers that cannot be.
inline RnnGeometry ReadRnnGeometry(const Attrs& attrs, const Shape& input) {
  SKIFF_ENFORCE(input.rank() == 3, InvalidArgument, "Input has shape ", input, "; expected [time, batch, input]");
  RnnGeometry g;
  g.mode = ParseRnnMode(attrs.Get<std::string>("mode"));
  g.time = input[0], g.batch = input[1], g.input = input[2];
  g.hidden = attrs.Get<int32_t>("hidden_size");
  g.layers = attrs.Get<int32_t>("num_layers");
  g.directions = attrs.Get<bool>("is_bidirec") ? 2 : 1;
  g.is_test = attrs.Get<bool>("is_test");
  g.dropout = g.is_test || g.layers == 1 ? 0.0f : attrs.Get<float>("dropout_prob");
  SKIFF_ENFORCE(g.hidden > 0 && g.layers > 0, InvalidArgument, "attributes hidden_size and num_layers are ", g.hidden,
                " and ", g.layers, "; expected positive numbers");
  return g;
}

}  // namespace SKIFF_VARIANT
}  // namespace skiff
