// How commands answer.
#pragma once

#include <iostream>
#include <nlohmann/json.hpp>
#include <string>

namespace skiff::tool {

using Json = nlohmann::ordered_json;

/// In ASCII, so that nothing in it needs another escape; names in files may be no UTF-8.
inline void PrintJson(const Json& json) { std::cout << json.dump(2, ' ', true, Json::error_handler_t::replace) << '\n'; }

/// "1 operator", "3 operators"
inline std::string Count(size_t count, const std::string& noun) {
  return std::to_string(count) + " " + noun + (count == 1 ? "" : "s");
}

}  // namespace skiff::tool
