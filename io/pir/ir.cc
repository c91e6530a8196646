// JSON <-> operations and values.
#include "io/pir/ir.h"

#include <algorithm>
#include <map>
#include <unordered_map>

#include "io/pir/document.h"

namespace skiff::io {

namespace {

constexpr std::pair<const char*, const char*> kDialects[] = {
    {"0", "builtin"}, {"1", "pd_op"}, {"2", "cf"}, {"3", "custom_op"}};

std::string WithDialect(const std::string& name) {
  for (const auto& [number, dialect] : kDialects) {
    if (name.starts_with(std::string(number) + ".")) return dialect + name.substr(1);
  }
  return name;
}

std::string WithNumber(const std::string& name) {
  for (const auto& [number, dialect] : kDialects) {
    if (name.starts_with(std::string(dialect) + ".")) return number + name.substr(std::string_view(dialect).size());
  }
  return name;
}

constexpr const char* kParameterAttrs[] = {"is_distributed", "is_parameter", "need_clip", "parameter_name"};
constexpr const char* kParameterResultAttrs[] = {"persistable", "stop_gradient", "trainable"};

class PirParser {
 public:
  explicit PirParser(const std::string& what) : what_(what) {}

  PirModule Parse(const Json& document) {
    const FieldPath top{nullptr, "document"}, base_path{nullptr, "base_code"}, program_path{nullptr, "program"};
    const JsonNode root(document, what_, top);
    if (!root.Has("base_code")) root.Fail("it is JSON, but no program of Paddle 3: there is no \"base_code\"");
    PirModule module;
    const JsonNode base(root.Member("base_code"), what_, base_path);
    const Json& magic = base.Member("magic");
    if (magic != "pir") base.Fail(StrCat("magic is ", magic.dump(), "; a program of Paddle 3 has \"pir\""));
    module.version = JsonNode(base.Member("version"), what_, base_path).Integer();
    if (module.version < 1) base.Fail(StrCat("version is ", module.version, "; the first one is 1"));
    module.trainable = false;
    if (base.Has("trainable")) {
      if (!base.Member("trainable").is_boolean()) base.Fail("trainable must be true or false");
      module.trainable = base.Member("trainable").get<bool>();
    }
    const JsonNode program(root.Member("program"), what_, program_path);
    std::vector<PirRegion> regions = ParseRegions(program, 0);
    if (regions.size() != 1 || regions[0].size() != 1) program.Fail("one region with one block is wanted");
    module.body = std::move(regions[0][0]);
    return module;
  }

 private:
  std::vector<PirRegion> ParseRegions(const JsonNode& owner, int depth) {
    if (depth > kMaxPirRegionDepth) owner.Fail(StrCat("more than ", kMaxPirRegionDepth, " regions in each other"));
    const FieldPath path{&owner.path(), "regions"};
    const Json& list = JsonNode(owner.Member("regions"), what_, path).Array();
    std::vector<PirRegion> regions;
    for (size_t i = 0; i < list.size(); ++i) {
      const FieldPath region_path{&owner.path(), "regions", static_cast<int64_t>(i)};
      const JsonNode region(list[i], what_, region_path);
      const Json& blocks = JsonNode(region.Member("blocks"), what_, region_path).Array();
      regions.emplace_back();
      for (size_t k = 0; k < blocks.size(); ++k) {
        const FieldPath block_path{&region_path, "blocks", static_cast<int64_t>(k)};
        regions.back().push_back(ParseBlock(JsonNode(blocks[k], what_, block_path), depth));
      }
    }
    return regions;
  }

  PirBlock ParseBlock(const JsonNode& node, int depth) {
    PirBlock block;
    std::vector<int64_t> own;  // ids that end with the block
    if (node.Has("kwargs") && !node.Member("kwargs").empty()) node.Fail("arguments by keyword are not supported");
    const FieldPath args_path{&node.path(), "args"};
    if (node.Has("args")) {
      for (const Json& arg : JsonNode(node.Member("args"), what_, args_path).Array()) {
        const JsonNode one(arg, what_, args_path);
        const int64_t id = JsonNode(one.Member("#"), what_, args_path).Integer();
        if (id >= 0) one.Fail(StrCat("argument ", id, ": arguments of blocks are numbered -1, -2, ..."));
        block.args.push_back(Define(id, ParseType(one.Member("TT"), args_path), one, &own));
      }
    }
    const FieldPath ops_path{&node.path(), "ops"};
    const Json& ops = JsonNode(node.Member("ops"), what_, ops_path).Array();
    for (size_t i = 0; i < ops.size(); ++i) {
      const FieldPath op_path{&node.path(), "ops", static_cast<int64_t>(i)};
      block.ops.push_back(ParseOperation(JsonNode(ops[i], what_, op_path), depth, &own));
    }
    for (int64_t id : own) visible_[id] = nullptr;
    return block;
  }

  std::unique_ptr<PirOperation> ParseOperation(const JsonNode& node, int depth, std::vector<int64_t>* own) {
    auto op = std::make_unique<PirOperation>();
    const std::string& name = JsonNode(node.Member("#"), what_, node.path()).Text();
    op->name = name == "p" ? kPirParameter : WithDialect(name);
    op->where = node.path().ToString() + " (" + op->name + ")";
    const FieldPath path{&node.path(), op->name.c_str()};
    const JsonNode named(node.value(), what_, path);
    if (name == "p") {
      ParseParameter(named, op.get(), own);
      return op;
    }
    ParseAttrs(named, "A", &op->attrs);
    ParseAttrs(named, "OA", &op->result_attrs);
    for (const Json& operand : JsonNode(named.Member("I"), what_, path).Array()) {
      const int64_t id = JsonNode(JsonNode(operand, what_, path).Member("%"), what_, path).Integer();
      op->operands.push_back(id == 0 ? nullptr : Find(id, named));
    }
    for (const Json& result : JsonNode(named.Member("O"), what_, path).Array()) op->results.push_back(ParseResult(result, named, own));
    if (named.Has("regions")) op->regions = ParseRegions(named, depth + 1);
    return op;
  }

  std::unique_ptr<PirValue> ParseResult(const Json& json, const JsonNode& op, std::vector<int64_t>* own) {
    const JsonNode result(json, what_, op.path());
    const int64_t id = JsonNode(result.Member("%"), what_, op.path()).Integer();
    if (id < 1) result.Fail(StrCat("result ", id, ": results are numbered from 1"));
    return Define(id, ParseType(result.Member("TT"), op.path()), op, own);
  }

  void ParseParameter(const JsonNode& node, PirOperation* op, std::vector<int64_t>* own) {
    const Json& attrs = JsonNode(node.Member("A"), what_, node.path()).Array();
    if (attrs.size() != std::size(kParameterAttrs) || !attrs[3].is_string()) {
      node.Fail(StrCat("A is ", attrs.dump().substr(0, 60), "; a parameter has three numbers and its name"));
    }
    for (size_t i = 0; i < attrs.size(); ++i) op->attrs.push_back({kParameterAttrs[i], attrs[i]});
    const Json& results = JsonNode(node.Member("OA"), what_, node.path()).Array();
    if (results.size() != std::size(kParameterResultAttrs)) node.Fail("OA of a parameter has three numbers");
    for (size_t i = 0; i < results.size(); ++i) {
      if (!results[i].is_number_integer() && !results[i].is_boolean()) node.Fail("OA of a parameter has three numbers");
      op->result_attrs.push_back({kParameterResultAttrs[i], results[i]});
    }
    for (const char* empty : {"DA", "QA"}) {
      if (node.Has(empty) && !node.Member(empty).empty()) node.Fail(StrCat(empty, " is not empty: attributes of distribution"));
    }
    op->results.push_back(ParseResult(node.Member("O"), node, own));
  }

  void ParseAttrs(const JsonNode& node, const char* key, std::vector<PirAttr>* attrs) {
    if (!node.Has(key)) return;
    for (const Json& entry : JsonNode(node.Member(key), what_, node.path()).Array()) {
      const JsonNode attr(entry, what_, node.path());
      const std::string& name = JsonNode(attr.Member("N"), what_, node.path()).Text();
      const FieldPath path{&node.path(), name.c_str()};
      const JsonNode value(attr.Member("AT"), what_, path);
      JsonNode(value.Member("#"), what_, path).Text();
      for (const PirAttr& other : *attrs) {
        if (other.name == name) value.Fail("the attribute is there twice");
      }
      if (attrs->size() >= kMaxPirAttributes) node.Fail(StrCat("more than ", kMaxPirAttributes, " attributes"));
      attrs->push_back({name, value.value()});
    }
  }

  Json ParseType(const Json& json, const FieldPath& path) {
    const JsonNode type(json, what_, path);
    JsonNode(type.Member("#"), what_, path).Text();
    return json;
  }

  std::unique_ptr<PirValue> Define(int64_t id, Json type, const JsonNode& node, std::vector<int64_t>* own) {
    auto value = std::make_unique<PirValue>(std::move(type), id);
    if (!visible_.emplace(id, value.get()).second) node.Fail(StrCat("value ", id, " is defined twice"));
    own->push_back(id);
    return value;
  }

  PirValue* Find(int64_t id, const JsonNode& node) {
    const auto found = visible_.find(id);
    if (found == visible_.end()) node.Fail(StrCat("operand ", id, " is defined nowhere before"));
    if (found->second == nullptr) node.Fail(StrCat("operand ", id, " is a value inside another region"));
    return found->second;
  }

  const std::string& what_;
  std::unordered_map<int64_t, PirValue*> visible_;  // nullptr: its block has ended
};

class PirWriter {
 public:
  Json Write(PirModule& module) {
    trainable_ = module.trainable;
    Json base = {{"magic", "pir"}, {"version", module.version}};
    if (module.trainable) base["trainable"] = true;
    PirRegion body(1);
    std::swap(body[0], module.body);
    Json program;
    program["regions"] = Json::array({WriteRegion(body)});
    std::swap(body[0], module.body);
    return {{"base_code", std::move(base)}, {"program", std::move(program)}};
  }

 private:
  Json WriteRegion(PirRegion& region) {
    Json written = {{"#", StrCat("region_", num_regions_++)}, {"blocks", Json::array()}};
    for (PirBlock& block : region) written["blocks"].push_back(WriteBlock(block));
    return written;
  }

  Json WriteBlock(PirBlock& block) {
    Json written = {{"#", StrCat("block_", num_blocks_++)}, {"args", Json::array()}, {"ops", Json::array()}};
    for (const auto& arg : block.args) {
      arg->id = --last_arg_;
      written["args"].push_back({{"#", arg->id}, {"TT", arg->type}});
    }
    Json& ops = written["ops"];
    for (const auto& op : block.ops) ops.push_back(WriteOperation(*op));
    return written;
  }

  Json WriteOperation(PirOperation& op) {
    auto result = [&](PirValue& value) {
      value.id = ++last_value_;
      return Json{{"%", value.id}, {"TT", value.type}};
    };
    if (op.name == kPirParameter) {
      Json attrs = Json::array(), result_attrs = Json::array();
      for (const PirAttr& attr : op.attrs) attrs.push_back(attr.value);
      for (const PirAttr& attr : op.result_attrs) result_attrs.push_back(attr.value);
      return {{"#", "p"}, {"A", attrs}, {"DA", Json::array()}, {"O", result(*op.results[0])}, {"OA", result_attrs},
              {"QA", Json::array()}};
    }
    Json written = {{"#", WithNumber(op.name)}, {"A", WriteAttrs(op.attrs)}, {"I", Json::array()}, {"O", Json::array()}};
    for (const PirValue* operand : op.operands) written["I"].push_back({{"%", operand == nullptr ? 0 : operand->id}});
    for (const auto& value : op.results) written["O"].push_back(result(*value));
    if (trainable_) written["OA"] = WriteAttrs(op.result_attrs);
    if (!op.regions.empty()) {
      written["regions"] = Json::array();
      for (PirRegion& region : op.regions) written["regions"].push_back(WriteRegion(region));
    }
    return written;
  }

  static Json WriteAttrs(const std::vector<PirAttr>& attrs) {
    Json written = Json::array();
    for (const PirAttr& attr : attrs) written.push_back({{"AT", attr.value}, {"N", attr.name}});
    return written;
  }

  bool trainable_ = true;
  int num_regions_ = 0, num_blocks_ = 0;
  int64_t last_value_ = 0, last_arg_ = 0;
};

}  // namespace

const Json* PirOperation::Find(const std::string& attr) const {
  for (const PirAttr& entry : attrs) {
    if (entry.name == attr) return &entry.value;
  }
  return nullptr;
}

PirModule ParsePir(std::span<const uint8_t> bytes, const std::string& what) {
  return PirParser(what).Parse(ParseJson(bytes, what));
}

std::string WritePir(PirModule& module, bool readable) {
  try {
    return PirWriter().Write(module).dump(readable ? 4 : -1);
  } catch (const Json::exception& error) {  // a name that is no UTF-8, which JSON cannot hold
    throw InvalidArgument(StrCat("the program cannot be written as JSON: ", error.what()));
  }
}

}  // namespace skiff::io
