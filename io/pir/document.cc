#include "io/pir/document.h"

#include <set>

namespace skiff::io {

namespace {

// Counts what there is before any of it is made, so that a small file cannot ask for much. (The library's own hook into
// its making looks through the whole array that an object stands in, once for each.)
class Bounds : public nlohmann::json_sax<Json> {
 public:
  explicit Bounds(const std::string& what) : what_(what) {}

  bool null() override { return Count(); }
  bool boolean(bool) override { return Count(); }
  bool number_integer(number_integer_t) override { return Count(); }
  bool number_unsigned(number_unsigned_t) override { return Count(); }
  bool number_float(number_float_t, const string_t&) override { return Count(); }
  bool string(string_t&) override { return Count(); }
  bool binary(binary_t&) override { return Count(); }
  bool start_object(size_t) override {
    keys_.emplace_back();
    return Enter();
  }
  bool key(string_t& key) override {
    if (!keys_.back().insert(key).second) Fail(StrCat("an object has the key \"", key, "\" twice"));
    return Count();
  }
  bool end_object() override {
    keys_.pop_back();
    --depth_;
    return true;
  }
  bool start_array(size_t) override { return Enter(); }
  bool end_array() override {
    --depth_;
    return true;
  }
  bool parse_error(size_t, const std::string&, const Json::exception&) override { return false; }  // the parser says it again

 private:
  bool Enter() {
    if (++depth_ > kMaxPirJsonDepth) Fail(StrCat("more than ", kMaxPirJsonDepth, " arrays and objects in each other"));
    return Count();
  }
  bool Count() {
    if (++count_ > kMaxPirValues) Fail(StrCat("more than ", kMaxPirValues, " values"));
    return true;
  }
  [[noreturn]] void Fail(const std::string& message) const {
    throw InvalidArgument(StrCat("cannot read \"", what_, "\": ", message));
  }

  const std::string& what_;
  std::vector<std::set<std::string>> keys_;
  size_t count_ = 0;
  int depth_ = 0;
};

// What the library says without its own number and repetition of the place.
std::string Reason(const std::string& text) {
  const size_t place = text.find(": "), number = text.find("] ");
  return place != text.npos ? text.substr(place + 2) : number != text.npos ? text.substr(number + 2) : text;
}

}  // namespace

Json ParseJson(std::span<const uint8_t> bytes, const std::string& what) {
  try {
    Bounds bounds(what);
    Json::sax_parse(bytes.begin(), bytes.end(), &bounds);
    return Json::parse(bytes.begin(), bytes.end());
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
