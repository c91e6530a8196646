#include "io/pir/document.h"

#include <set>

namespace skiff::io {

namespace {

// Counts what the parser meets, so that a small file cannot ask for much.
class Bounds {
 public:
  explicit Bounds(const std::string& what) : what_(what) {}

  bool operator()(int depth, Json::parse_event_t event, Json& parsed) {
    if (depth > kMaxPirJsonDepth) Fail(StrCat("more than ", kMaxPirJsonDepth, " arrays and objects in each other"));
    switch (event) {
      case Json::parse_event_t::object_start: keys_.emplace_back(); break;
      case Json::parse_event_t::object_end: keys_.pop_back(); break;
      case Json::parse_event_t::key: {
        const auto& key = parsed.get_ref<const std::string&>();
        if (!keys_.back().insert(key).second) Fail(StrCat("an object has the key \"", key, "\" twice"));
        break;
      }
      default: break;
    }
    if (event != Json::parse_event_t::object_end && event != Json::parse_event_t::array_end && ++count_ > kMaxPirValues) {
      Fail(StrCat("more than ", kMaxPirValues, " values"));
    }
    return true;
  }

 private:
  [[noreturn]] void Fail(const std::string& message) const {
    throw InvalidArgument(StrCat("cannot read \"", what_, "\": ", message));
  }
  const std::string& what_;
  std::vector<std::set<std::string>> keys_;
  size_t count_ = 0;
};

// What the library says without its own number and repetition of the place.
std::string Reason(const std::string& text) {
  const size_t colon = text.find(": ");
  return colon == text.npos ? text : text.substr(colon + 2);
}

}  // namespace

Json ParseJson(std::span<const uint8_t> bytes, const std::string& what) {
  try {
    Bounds bounds(what);
    return Json::parse(bytes.begin(), bytes.end(), std::ref(bounds));
  } catch (const Json::parse_error& error) {
    throw InvalidArgument(StrCat("cannot read \"", what, "\": no JSON at byte ", error.byte, ": ", Reason(error.what())));
  } catch (const Json::exception& error) {  // a number out of range
    throw InvalidArgument(StrCat("cannot read \"", what, "\": ", Reason(error.what())));
  }
}

void JsonNode::Fail(const std::string& message) const {
  InvalidArgument error(StrCat("cannot read \"", what_, "\": ", message));
  error.AddContext("at " + path_.ToString());
  throw error;
}

const Json& JsonNode::Array() const {
  if (!value_.is_array()) Fail(StrCat("an array is wanted, there is ", value_.type_name()));
  return value_;
}

const Json& JsonNode::Object() const {
  if (!value_.is_object()) Fail(StrCat("an object is wanted, there is ", value_.type_name()));
  return value_;
}

const std::string& JsonNode::Text() const {
  if (!value_.is_string()) Fail(StrCat("a string is wanted, there is ", value_.type_name()));
  return value_.get_ref<const std::string&>();
}

int64_t JsonNode::Integer() const {
  const bool fits = value_.is_number_integer() &&
                    (!value_.is_number_unsigned() || value_.get<uint64_t>() <= static_cast<uint64_t>(INT64_MAX));
  if (!fits) Fail(StrCat("an integer of 64 bits is wanted, there is ", value_.is_number() ? value_.dump() : value_.type_name()));
  return value_.get<int64_t>();
}

const Json& JsonNode::Member(const char* name) const {
  const auto found = Object().find(name);
  if (found == value_.end()) Fail(StrCat("there is no \"", name, "\""));
  return *found;
}

}  // namespace skiff::io
