#include "tools/skiff/facts.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "framework/op/append_op.h"
#include "io/edit.h"
#include "io/inference_model.h"
#include "tools/skiff/command.h"
#include "tools/skiff/model_files.h"

namespace skiff::tool {
namespace {

// Extents nobody knows count as one.
double Elements(const Shape& shape) {
  double elements = 1;
  for (int64_t extent : shape) elements *= extent < 0 ? 1 : static_cast<double>(extent);
  return elements;
}

Shape ShapeOf(const Block& block, const std::string& name) {
  const auto variable = block.FindVar(name);
  return variable ? variable->shape : Shape();
}

double ExtentFromEnd(const Shape& shape, int from_end) {
  if (shape.rank() < from_end) return 1;
  return std::abs(static_cast<double>(shape[shape.rank() - from_end]));
}

// Multiply-adds of one operator, from the shapes of its variables.
double MultiplyAdds(const Block& block, const Operator& op) {
  const auto in = [&](const char* slot) { return ShapeOf(block, op.inputs.One(slot)); };
  const auto out = [&](const char* slot) { return Elements(ShapeOf(block, op.outputs.One(slot))); };
  const std::string& type = op.type;
  if (type == "conv2d" || type == "depthwise_conv2d" || type == "conv3d" || type == "deformable_conv") {
    const Shape filter = in("Filter");  // [out, in / groups, h, w]
    return filter.empty() ? 0 : out("Output") * Elements(filter) / std::max<int64_t>(1, filter[0]);
  }
  if (type == "conv2d_transpose" || type == "depthwise_conv2d_transpose" || type == "conv3d_transpose") {
    const Shape filter = in("Filter");  // [in, out / groups, h, w]
    return filter.empty() ? 0 : Elements(in("Input")) * Elements(filter) / std::max<int64_t>(1, filter[0]);
  }
  if (type == "mul" || type == "fc") {
    const Shape weight = in(type == "mul" ? "Y" : "W");
    return weight.empty() ? 0 : out("Out") * std::max<int64_t>(1, weight[0]);
  }
  if (type == "matmul_v2" || type == "matmul") {
    const bool transposed = op.attrs.Get<bool>(type == "matmul" ? "transpose_X" : "trans_x", false);
    return out("Out") * ExtentFromEnd(in("X"), transposed ? 2 : 1);
  }
  if (type == "bmm") return out("Out") * ExtentFromEnd(in("X"), 1);
  if (type == "rnn" || type == "lstm" || type == "gru") {
    const char* weights = type == "rnn" ? "WeightList" : "Weight";
    const Shape input = in("Input");  // rnn: [time, batch, features]
    double matrices = 0;
    for (const std::string& name : op.inputs[weights]) {
      const Shape weight = ShapeOf(block, name);
      if (weight.rank() == 2) matrices += Elements(weight);
    }
    return input.rank() < 2 ? 0 : matrices * Elements(input) / ExtentFromEnd(input, 1);
  }
  return 0;
}

// Shapes of block 0 from those of the inputs, as far as skiff knows the operators; else the file's own.
void InferShapes(Program* program, const std::vector<std::string>& inputs) {
  Block& block = program->global_block();
  for (const std::string& name : inputs) {
    const auto variable = block.FindVar(name);
    if (!variable) continue;
    for (int axis = 0; axis < variable->shape.rank(); ++axis) {
      if (variable->shape[axis] < 0) variable->shape[axis] = 1;
    }
  }
  for (const auto& op : block.ops()) {
    if (op->type == "feed" || op->type == "fetch" || FindOp(op->type) == nullptr) continue;
    try {
      InferOutputs(block, *op);
    } catch (const Error&) {
      // The declared shapes stay: counting is no place to judge a program. `skiff verify` is.
    }
  }
}

VariableFacts FactsOf(const Block& block, const std::string& name) {
  const auto variable = block.FindVar(name);
  if (!variable) return {name, DType::kUndefined, Shape()};
  return {name, variable->dtype, variable->shape};
}

}  // namespace

uint64_t VariableFacts::bytes() const {
  if (dtype == DType::kUndefined || !shape.IsKnown()) return 0;
  return static_cast<uint64_t>(Elements(shape)) * SizeOf(dtype);
}

int64_t ProgramFacts::parameter_elements() const {
  double elements = 0;
  for (const auto& parameter : parameters) elements += Elements(parameter.shape);
  return static_cast<int64_t>(elements);
}

uint64_t ProgramFacts::parameter_bytes() const {
  uint64_t bytes = 0;
  for (const auto& parameter : parameters) bytes += parameter.bytes();
  return bytes;
}

ProgramFacts Gather(Program* program, const std::vector<std::pair<std::string, Shape>>& shapes) {
  ProgramFacts facts;
  facts.version = VersionText(program->version);
  facts.blocks = program->num_blocks();
  Block& block = program->global_block();
  const std::vector<std::string> inputs = InputsOf(*program);
  for (const auto& [name, shape] : shapes) {
    if (std::find(inputs.begin(), inputs.end(), name) == inputs.end()) {
      throw UsageError(StrCat("--shape names \"", name, "\", which is no input", Meant(name, inputs)));
    }
    Shape& declared = block.Var(name).shape;
    SKIFF_ENFORCE(shape.rank() == declared.rank(), InvalidArgument, "--shape gives \"", name, "\" ",
                  shape, ", the program declares ", declared);
    declared = shape;
  }
  for (const std::string& name : inputs) facts.inputs.push_back(FactsOf(block, name));
  for (const std::string& name : OutputsOf(*program)) facts.outputs.push_back(FactsOf(block, name));
  for (const Variable* variable : io::SavedVariables(*program)) {
    facts.parameters.push_back({variable->name, variable->dtype, variable->shape});
  }
  InferShapes(program, inputs);
  for (int i = 0; i < program->num_blocks(); ++i) {
    facts.variables += static_cast<int>(program->block(i).vars().size());
    for (const auto& op : program->block(i).ops()) {
      OperatorFacts& type = facts.types[op->type];
      type.known = op->type == "feed" || op->type == "fetch" || FindOp(op->type) != nullptr;
      type.flops += 2 * MultiplyAdds(program->block(i), *op);
      ++type.count;
      ++facts.operators;
    }
  }
  for (const auto& [name, type] : facts.types) facts.flops += type.flops;
  facts.source_files = io::StripCallstacks(program).files;
  return facts;
}

std::string VersionText(const std::optional<int64_t>& version) {
  if (!version) return "unknown, before 1.6";
  if (*version == 0) return "a development version";
  return StrCat(*version / 1000000, ".", *version / 1000 % 1000, ".", *version % 1000);
}

std::string BytesText(uint64_t bytes) {
  const char* units[] = {"bytes", "KB", "MB", "GB", "TB"};
  double value = static_cast<double>(bytes);
  int unit = 0;
  for (; value >= 1000 && unit < 4; ++unit) value /= 1000;
  char text[32];
  std::snprintf(text, sizeof(text), unit == 0 ? "%.0f %s" : "%.1f %s", value, units[unit]);
  return text;
}

std::string CountText(double count) {
  const char* units[] = {"", " thousand", " million", " billion", " trillion"};
  int unit = 0;
  for (; count >= 1000 && unit < 4; ++unit) count /= 1000;
  char text[48];
  std::snprintf(text, sizeof(text), "%.4g%s", count, units[unit]);
  return text;
}

}  // namespace skiff::tool
