#include "support/paddle_program.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

#include "framework/op/op_def.h"

namespace skiff::test {

namespace {

using Json = nlohmann::json;

// JSON knows fewer kinds than Paddle; the operator's schema, where there is one, says which is meant.
Attribute ReadAttribute(const Json& value, const AttrDef* def) {
  auto plain = [](const Json& v) -> Attribute {
    if (v.is_boolean()) return v.get<bool>();
    if (v.is_string()) return v.get<std::string>();
    if (v.is_number_float()) return static_cast<float>(v.get<double>());
    if (v.is_object()) return BlockRef{v.at("block").get<int32_t>()};
    const auto number = v.get<int64_t>();
    const auto narrow = static_cast<int32_t>(number);
    return narrow == number ? Attribute(narrow) : Attribute(number);
  };
  Attribute read;
  if (!value.is_array()) {
    read = plain(value);
  } else if (value.empty()) {
    read = std::vector<std::string>{};
  } else if (value[0].is_string()) {
    read = value.get<std::vector<std::string>>();
  } else if (value[0].is_boolean()) {
    read = value.get<std::vector<bool>>();
  } else if (value[0].is_number_float()) {
    read = value.get<std::vector<float>>();
  } else {
    read = value.get<std::vector<int64_t>>();
  }
  if (def == nullptr) return read;
  std::visit([&](const auto& kind) {
    std::decay_t<decltype(kind)> converted{};
    if (Coerce(read, &converted)) read = converted;
  }, def->default_value);
  return read;
}

Slots ReadSlots(const Json& slots) {
  Slots read;
  for (const auto& [slot, names] : slots.items()) {
    if (!names.empty()) read.Set(slot, names.get<std::vector<std::string>>());
  }
  return read;
}

Operator ReadOperator(const Json& json) {
  Operator op{json.at("type"), ReadSlots(json.at("inputs")), ReadSlots(json.at("outputs")), {}};
  const OpDef* def = FindOp(op.type);
  for (const auto& [name, value] : json.at("attrs").items()) {
    if (name == kOpRoleVarAttr && value.empty()) continue;
    op.attrs.Set(name, ReadAttribute(value, def == nullptr ? nullptr : def->FindAttr(name)));
  }
  return op;
}

Variable ReadVariable(const Json& json) {
  Variable v;
  v.name = json.at("name");
  if (json.contains("shape")) v.shape = Shape(json.at("shape").get<std::vector<int64_t>>());
  if (json.contains("dtype")) v.dtype = ParseDType(json.at("dtype"));
  v.persistable = json.at("persistable");
  v.stop_gradient = json.at("stop_gradient");
  v.is_parameter = json.at("is_parameter");
  return v;
}

std::unique_ptr<Program> ReadProgram(const Json& blocks) {
  auto program = std::make_unique<Program>();
  for (size_t i = 0; i < blocks.size(); ++i) {
    Block& block = i == 0 ? program->global_block() : program->CreateBlock(0);
    for (const Json& v : blocks[i].at("vars")) block.AddVar(ReadVariable(v));
    for (const Json& op : blocks[i].at("ops")) block.AddOp(ReadOperator(op));
  }
  while (program->current_block().idx() != 0) program->Rollback();
  return program;
}

std::string SlotText(const Slots& slots) {
  Slots sorted = slots;
  sorted.Sort();
  std::string text;
  for (const auto& [slot, names] : sorted) {
    if (names.empty()) continue;
    text += (text.empty() ? "" : " ") + slot + "=";
    for (size_t i = 0; i < names.size(); ++i) text += (i == 0 ? "" : ",") + names[i];
  }
  return text;
}

// The attributes that Paddle's own schema declares; a gradient operator has its forward's. skiff's
// schema also knows what Paddle calls extra, which the fixtures leave out.
const Json& PaddleAttrs(std::string type) {
  static const Json table = [] {
    std::ifstream file(std::string(SKIFF_TESTS_DIR) + "/golden/op_table/op_table.json");
    return Json::parse(file);
  }();
  static const Json none = Json::object();
  while (!table.contains(type) && type.ends_with("_grad")) type.resize(type.size() - 5);
  return table.contains(type) ? table.at(type).at("attrs") : none;
}

std::string AttrText(const Operator& op, bool roles) {
  const OpDef* def = FindOp(op.type);
  const Json& declared = PaddleAttrs(op.type);
  std::string text;
  Attrs sorted = op.attrs;
  sorted.Sort();
  for (const auto& [name, value] : sorted) {
    const bool own = def != nullptr && def->FindAttr(name) != nullptr && declared.contains(name);
    const bool role = roles && (name == kOpRoleAttr || name == kOpRoleVarAttr);
    if (own || role) text += (text.empty() ? "" : ", ") + name + " = " + ToString(value);
  }
  return text;
}

}  // namespace

PaddlePrograms ReadPaddlePrograms(const std::string& name) {
  const std::string path = std::string(SKIFF_TESTS_DIR) + "/fixtures/names/" + name + ".json";
  std::ifstream file(path);
  EXPECT_TRUE(file.good()) << "no fixture " << path;
  const Json json = Json::parse(file);
  PaddlePrograms read{ReadProgram(json.at("main")), ReadProgram(json.at("startup")), {}};
  const Json& result = json.at("result");
  if (!result.is_array()) return read;
  for (const Json& entry : result) {
    read.result.emplace_back();
    for (const Json& n : entry.is_array() ? entry : Json::array({entry})) {
      if (n.is_string()) read.result.back().push_back(n);
    }
  }
  return read;
}

std::unique_ptr<Program> WithoutBackward(const Program& program) {
  std::unique_ptr<Program> copy = program.Clone();
  Block& block = copy->global_block();
  std::vector<std::shared_ptr<Operator>> kept;
  std::set<std::string> mentioned;
  for (const auto& op : block.ops()) {
    if ((op->role() & ~kLoss) != kForward) continue;
    op->attrs.Set(kOpRoleAttr, int32_t{kForward});
    kept.push_back(op);
    for (const Slots* slots : {&op->inputs, &op->outputs}) {
      for (const std::string& n : slots->AllNames()) mentioned.insert(n);
    }
  }
  block.SetOps(kept);
  const std::vector<std::shared_ptr<Variable>> vars = block.vars();
  for (const auto& v : vars) {
    const bool made_later = v->name.find(kGradSuffix) != std::string::npos ||
                            (v->persistable && !v->is_parameter);
    if (made_later && !mentioned.contains(v->name)) block.RemoveVar(v->name);
  }
  return copy;
}

std::vector<std::string> OperatorLines(const Program& program, bool roles) {
  std::vector<std::string> lines;
  for (int i = 0; i < program.num_blocks(); ++i) {
    for (const auto& op : program.block(i).ops()) {
      lines.push_back(StrCat("block ", i, ": ", op->type, "(", SlotText(op->inputs), ") -> ",
                             SlotText(op->outputs), " {", AttrText(*op, roles), "}"));
    }
  }
  return lines;
}

std::vector<std::string> VariableLines(const Program& program) {
  std::vector<std::string> lines;
  for (int i = 0; i < program.num_blocks(); ++i) {
    std::vector<std::string> of_block;
    for (const auto& v : program.block(i).vars()) {
      std::string line = StrCat("block ", i, ": ", v->name);
      if (v->kind == VarKind::kLodTensor || v->kind == VarKind::kSelectedRows) line += StrCat(" ", v->dtype, " ", v->shape);
      if (v->persistable) line += " persistable";
      if (v->is_parameter) line += " parameter";
      if (v->stop_gradient) line += " stop_gradient";
      of_block.push_back(line);
    }
    std::sort(of_block.begin(), of_block.end());
    lines.insert(lines.end(), of_block.begin(), of_block.end());
  }
  return lines;
}

std::string MissingOps(const PaddlePrograms& programs) {
  std::set<std::string> missing;
  for (const Program* program : {programs.main.get(), programs.startup.get()}) {
    for (int i = 0; i < program->num_blocks(); ++i) {
      for (const auto& op : program->block(i).ops()) {
        if (FindOp(op->type) == nullptr) missing.insert(op->type);
      }
    }
  }
  std::string text;
  for (const std::string& type : missing) text += (text.empty() ? "" : ", ") + type;
  return text;
}

}  // namespace skiff::test
