// Programs of Paddle 3 written down in a test, and what the reader says of them.
#pragma once

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "io/pir/pir_program.h"
#include "io/program_file.h"
#include "tests/io/support.h"

namespace skiff::io {

inline std::unique_ptr<Program> Read(const std::string& text) { return ParseProgram(AsBytes(text), "model.json"); }
inline std::string Refusal(const std::string& text) { return ErrorOf([&] { Read(text); }); }

inline Json TensorType(const char* element, const std::vector<int64_t>& extents) {
  return {{"#", "0.t_dtensor"}, {"D", {{{"#", element}}, extents, "NCHW", Json::array(), 0}}};
}
inline Json Operation(const char* name, Json attrs, const std::vector<int64_t>& operands, Json results) {
  Json ids = Json::array();
  for (int64_t id : operands) ids.push_back({{"%", id}});
  return {{"#", name}, {"A", std::move(attrs)}, {"I", ids}, {"O", std::move(results)}, {"OA", Json::array()}};
}
inline Json Result(int64_t id, const char* element, const std::vector<int64_t>& extents) { return {{"%", id}, {"TT", TensorType(element, extents)}}; }
inline Json Attr(const char* name, Json value) { return {{"AT", std::move(value)}, {"N", name}}; }
inline Json Data(const char* name, int64_t id, const char* element, const char* dtype) {
  return Operation("1.data", {Attr("name", {{"#", "0.a_str"}, {"D", name}}), Attr("dtype", {{"#", "1.a_dtype"}, {"D", dtype}})}, {},
                   {Result(id, element, {1})});
}
inline Json Fetch(int64_t operand, int64_t id, int column) {
  return Operation("1.fetch", {Attr("name", {{"#", "0.a_str"}, {"D", "f" + std::to_string(column)}}), Attr("col", {{"#", "0.a_i32"}, {"D", column}})},
                   {operand}, {Result(id, "0.t_f32", {1})});
}
inline std::string Whole(Json operations) {
  return Json({{"base_code", {{"magic", "pir"}, {"version", 4}, {"trainable", true}}},
               {"program", {{"regions", {{{"#", "r"}, {"blocks", {{{"#", "b"}, {"args", Json::array()}, {"ops", std::move(operations)}}}}}}}}}})
      .dump();
}

}  // namespace skiff::io
