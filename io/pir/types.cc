#include "io/pir/types.h"

#include <charconv>
#include <cmath>
#include <limits>

#include "framework/base/shape.h"

namespace skiff::io {

namespace {

struct ElementName {
  DType dtype;
  const char* name;
};
constexpr ElementName kElements[] = {
    {DType::kBool, "0.t_bool"},     {DType::kInt8, "0.t_i8"},       {DType::kUInt8, "0.t_ui8"},
    {DType::kInt16, "0.t_i16"},     {DType::kInt32, "0.t_i32"},     {DType::kInt64, "0.t_i64"},
    {DType::kFloat16, "0.t_f16"},   {DType::kBFloat16, "0.t_bf16"}, {DType::kFloat32, "0.t_f32"},
    {DType::kFloat64, "0.t_f64"},   {DType::kComplex64, "0.t_c64"}, {DType::kComplex128, "0.t_c128"}};

constexpr const char* kTensorType = "0.t_dtensor";
constexpr const char* kRowsType = "1.t_selected_rows";
constexpr const char* kArrayType = "1.t_dense_tensor_array";

[[noreturn]] void Fail(const std::string& message, const std::string& where) {
  InvalidArgument error(message);
  error.AddContext("at " + where);
  throw error;
}

DType ElementType(const Json& json, const std::string& where) {
  const std::string name = PirText(json, "#");
  for (const ElementName& element : kElements) {
    if (name == element.name) return element.dtype;
  }
  Fail(StrCat("elements of the type ", json.dump().substr(0, 40), ", which skiff has no tensors of"), where);
}

Variable FromTensorType(const std::string& kind, const Json& data, const std::string& where) {
  Variable v;
  v.kind = kind == kTensorType ? VarKind::kLodTensor : kind == kRowsType ? VarKind::kSelectedRows : VarKind::kLodTensorArray;
  const size_t wanted = v.kind == VarKind::kLodTensorArray ? 3 : 5;
  if (!data.is_array() || data.size() < wanted || !data[1].is_array()) {
    Fail(StrCat(kind, " has the data ", data.dump().substr(0, 60), "; element type, extents, layout", wanted == 5 ? ", LoD and offset" : "",
                " are wanted"), where);
  }
  v.dtype = ElementType(data[0], where);
  if (data[1].size() > static_cast<size_t>(Shape::kMaxRank)) {
    Fail(StrCat(data[1].size(), " dimensions; the most are ", Shape::kMaxRank), where);
  }
  int64_t bytes = static_cast<int64_t>(SizeOf(v.dtype));
  for (const Json& extent : data[1]) {
    if (!extent.is_number_integer() || (extent.is_number_unsigned() && extent.get<uint64_t>() > INT64_MAX)) {
      Fail(StrCat("the extent ", extent.dump().substr(0, 40), " is no integer of 64 bits"), where);
    }
    const int64_t d = extent.get<int64_t>();
    if (d > 0 && __builtin_mul_overflow(bytes, d, &bytes)) Fail("extents of more elements than 63 bits can count", where);
    v.shape.Append(std::max<int64_t>(d, -1));
  }
  if (wanted == 5 && data[3].is_array()) v.lod_level = static_cast<int32_t>(std::min<size_t>(data[3].size(), 64));
  return v;
}

// One number of any kind, as it stands in the document: {"#":kind,"D":1.5}, {"#":kind,"VD":"-INF"}.
double Number(const Json& item, const std::string& where) {
  if (const auto data = item.find("D"); data != item.end() && data->is_number()) return data->get<double>();
  const std::string text = PirText(item, "VD");
  if (text == "INF") return std::numeric_limits<double>::infinity();
  if (text == "-INF") return -std::numeric_limits<double>::infinity();
  if (text == "NaN") return std::numeric_limits<double>::quiet_NaN();
  Fail(StrCat("a number is wanted, there is ", item.dump().substr(0, 60)), where);
}

template <typename T>
T Whole(const Json& value, const std::string& where) {
  const bool unsigned_fits = !value.is_number_unsigned() || value.get<uint64_t>() <= static_cast<uint64_t>(std::numeric_limits<T>::max());
  if (!value.is_number_integer() || !unsigned_fits || value.get<int64_t>() < std::numeric_limits<T>::min() ||
      value.get<int64_t>() > std::numeric_limits<T>::max()) {
    Fail(StrCat("an integer of ", 8 * sizeof(T), " bits is wanted, there is ", value.dump().substr(0, 40)), where);
  }
  return static_cast<T>(value.get<int64_t>());
}

const Json& Data(const Json& attribute, const std::string& where) {
  const auto found = attribute.find("D");
  if (found == attribute.end()) Fail("an attribute without data", where);
  return *found;
}

std::string Text(const Json& data, const std::string& where) {
  if (!data.is_string()) Fail(StrCat("a text is wanted, there is ", data.dump().substr(0, 40)), where);
  return data.get<std::string>();
}

bool Flag(const Json& data, const std::string& where) {
  if (data.is_boolean()) return data.get<bool>();
  return Whole<int32_t>(data, where) != 0;
}

std::optional<Attribute> FromArray(const Json& items, const std::string& where) {
  if (!items.is_array()) Fail("an array is wanted", where);
  if (items.empty()) return Attribute(std::vector<int64_t>{});
  std::string kind;
  for (const Json& item : items) {
    const std::string own = PirText(item, "#");
    if (!kind.empty() && own != kind) return std::nullopt;
    kind = own;
  }
  auto list = [&]<typename T>(T, auto read) {
    std::vector<T> values;
    values.reserve(items.size());
    for (const Json& item : items) values.push_back(read(item));
    return Attribute(std::move(values));
  };
  if (kind == "0.a_bool") return list(bool{}, [&](const Json& i) { return Flag(Data(i, where), where); });
  if (kind == "0.a_i32") return list(int32_t{}, [&](const Json& i) { return Whole<int32_t>(Data(i, where), where); });
  if (kind == "0.a_i64") return list(int64_t{}, [&](const Json& i) { return Whole<int64_t>(Data(i, where), where); });
  if (kind == "0.a_f32") return list(float{}, [&](const Json& i) { return static_cast<float>(Number(i, where)); });
  if (kind == "0.a_f64") return list(double{}, [&](const Json& i) { return Number(i, where); });
  if (kind == "0.a_str") return list(std::string(), [&](const Json& i) { return Text(Data(i, where), where); });
  return std::nullopt;
}

int DTypeCode(const std::string& name) {
  for (const ElementName& element : kElements) {
    if (name == ToString(element.dtype)) return static_cast<int>(element.dtype);
  }
  return -1;  // "Undefined(ALL_DTYPE)"
}

std::string PlaceText(const Json& data, const std::string& where) {
  if (!data.is_array() || data.size() < 2) Fail("a place has a kind, a device number and a device", where);
  return StrCat(Whole<int32_t>(data[0], where), ",", Whole<int32_t>(data[1], where), ",",
                data.size() > 2 ? Text(data[2], where) : "");
}

}  // namespace

PirType FromPirType(const Json& type, const std::string& where) {
  const std::string kind = PirText(type, "#");
  const auto data = type.find("D");
  if (kind == "0.t_vec" && data != type.end() && data->is_array()) {
    PirType list{true, {}};
    for (const Json& element : *data) {
      PirType one = FromPirType(element, where);
      if (one.list) Fail("a vector of vectors", where);
      list.elements.push_back(std::move(one.elements[0]));
    }
    return list;
  }
  if ((kind == kTensorType || kind == kRowsType || kind == kArrayType) && data != type.end()) {
    return {false, {FromTensorType(kind, *data, where)}};
  }
  Fail(StrCat("a value of the type ", type.dump().substr(0, 60), ", which skiff has no variables of"), where);
}

Json ToPirType(const Variable& v) {
  const char* kind = v.kind == VarKind::kLodTensor ? kTensorType
                     : v.kind == VarKind::kSelectedRows ? kRowsType
                     : v.kind == VarKind::kLodTensorArray ? kArrayType : nullptr;
  const char* element = nullptr;
  for (const ElementName& entry : kElements) {
    if (entry.dtype == v.dtype) element = entry.name;
  }
  SKIFF_ENFORCE(kind != nullptr && element != nullptr, InvalidArgument, "variable \"", v.name, "\" is ", ToString(v.kind), " of ",
                v.dtype == DType::kUndefined ? "no known dtype" : ToString(v.dtype), "; a program of Paddle 3 says what each value is");
  Json extents = Json::array();
  for (int64_t d : v.shape) extents.push_back(d);
  Json data = {{{"#", element}}, std::move(extents), "NCHW"};
  if (v.kind != VarKind::kLodTensorArray) {
    Json lod = Json::array();
    for (int32_t i = 0; i < v.lod_level; ++i) lod.push_back(Json::array());
    data.push_back(std::move(lod));
    data.push_back(0);
  }
  return {{"#", kind}, {"D", std::move(data)}};
}

Json PirListType(const std::vector<Json>& elements) { return {{"#", "0.t_vec"}, {"D", elements}}; }

std::optional<Attribute> FromPirAttribute(const Json& attribute, const std::string& where) {
  const std::string kind = PirText(attribute, "#");
  if (kind == "0.a_f32") return Attribute(static_cast<float>(Number(attribute, where)));
  if (kind == "0.a_f64") return Attribute(Number(attribute, where));
  if (kind == "0.a_bool") return Attribute(Flag(Data(attribute, where), where));
  if (kind == "0.a_i32") return Attribute(Whole<int32_t>(Data(attribute, where), where));
  if (kind == "0.a_i64" || kind == "0.a_index") return Attribute(Whole<int64_t>(Data(attribute, where), where));
  if (kind == "0.a_str") return Attribute(Text(Data(attribute, where), where));
  if (kind == "0.a_array") return FromArray(Data(attribute, where), where);
  if (kind == "1.a_dtype") return Attribute(static_cast<int32_t>(DTypeCode(Text(Data(attribute, where), where))));
  if (kind == "1.a_layout") return Attribute(Text(Data(attribute, where), where));
  if (kind == "1.a_place") return Attribute(PlaceText(Data(attribute, where), where));
  if (kind == "1.a_intarray") {
    const Json& items = Data(attribute, where);
    if (!items.is_array()) Fail("an array is wanted", where);
    std::vector<int64_t> values;
    for (const Json& item : items) values.push_back(Whole<int64_t>(item, where));
    return Attribute(std::move(values));
  }
  if (kind == "1.a_scalar") {
    const Json& data = Data(attribute, where);
    if (!data.is_array() || data.size() != 2 || !data[0].is_string()) return std::nullopt;
    if (data[1].is_boolean()) return Attribute(Scalar(data[1].get<bool>()));
    if (data[1].is_number_integer()) return Attribute(Scalar(Whole<int64_t>(data[1], where)));
    if (data[1].is_number()) return Attribute(Scalar(data[1].get<double>()));
  }
  return std::nullopt;
}

Json PirNumber(const char* kind, double value) {
  if (std::isnan(value)) return {{"#", kind}, {"VD", "NaN"}};
  if (std::isinf(value)) return {{"#", kind}, {"VD", value > 0 ? "INF" : "-INF"}};
  return {{"#", kind}, {"D", value}};
}

std::string PirDTypeName(DType dtype) { return dtype == DType::kUndefined ? "Undefined(ALL_DTYPE)" : ToString(dtype); }

// ---- kinds into each other

namespace {

struct Numbers {
  bool list = false;
  bool known = false;
  std::vector<double> real;
  std::vector<int64_t> whole;  // exact twin where all are integers
  bool exact = true;
};

Numbers AsNumbers(const Attribute& value) {
  Numbers n;
  auto add_whole = [&](int64_t v) { n.whole.push_back(v); n.real.push_back(static_cast<double>(v)); };
  auto add_real = [&](double v) {
    n.real.push_back(v);
    const bool integer = std::isfinite(v) && v == std::floor(v) && std::abs(v) < 9e18;
    n.exact = n.exact && integer;
    n.whole.push_back(integer ? static_cast<int64_t>(v) : 0);
  };
  auto add_scalar = [&](const Scalar& s) {
    if (const auto* b = std::get_if<bool>(&s)) add_whole(*b);
    else if (const auto* i = std::get_if<int64_t>(&s)) add_whole(*i);
    else if (const auto* r = std::get_if<double>(&s)) add_real(*r);
    else n.known = false;
  };
  n.known = true;
  std::visit([&]<typename T>(const T& v) {
    if constexpr (std::is_same_v<T, bool> || std::is_same_v<T, int32_t> || std::is_same_v<T, int64_t>) {
      add_whole(v);
    } else if constexpr (std::is_same_v<T, float> || std::is_same_v<T, double>) {
      add_real(v);
    } else if constexpr (std::is_same_v<T, Scalar>) {
      add_scalar(v);
    } else if constexpr (std::is_same_v<T, std::vector<bool>> || std::is_same_v<T, std::vector<int32_t>> || std::is_same_v<T, std::vector<int64_t>>) {
      n.list = true;
      for (const auto item : v) add_whole(item);
    } else if constexpr (std::is_same_v<T, std::vector<float>> || std::is_same_v<T, std::vector<double>>) {
      n.list = true;
      for (const auto item : v) add_real(item);
    } else if constexpr (std::is_same_v<T, std::vector<Scalar>>) {
      n.list = true;
      for (const Scalar& item : v) add_scalar(item);
    } else if constexpr (std::is_same_v<T, std::string>) {
      double parsed = 0;
      const auto [end, error] = std::from_chars(v.data(), v.data() + v.size(), parsed);
      if (error == std::errc() && end == v.data() + v.size()) add_real(parsed);
      else n.known = false;
    } else {
      n.known = false;
    }
  }, value);
  return n;
}

std::string NumberText(double value) {
  char buffer[40];
  const auto end = std::to_chars(buffer, buffer + sizeof(buffer), value).ptr;
  return std::string(buffer, end);
}

template <typename T>
bool Fits(int64_t v) { return v >= std::numeric_limits<T>::min() && v <= std::numeric_limits<T>::max(); }

}  // namespace

std::optional<Attribute> ConvertAttribute(const Attribute& value, const Attribute& like) {
  if (value.index() == like.index()) return value;
  if (const auto* texts = std::get_if<std::vector<std::string>>(&like)) {
    (void)texts;
    const Numbers empty = AsNumbers(value);
    if (empty.known && empty.list && empty.real.empty()) return Attribute(std::vector<std::string>{});
    return std::nullopt;
  }
  const Numbers n = AsNumbers(value);
  if (!n.known) return std::nullopt;
  return std::visit([&]<typename T>(const T&) -> std::optional<Attribute> {
    if constexpr (std::is_same_v<T, bool> || std::is_same_v<T, int32_t> || std::is_same_v<T, int64_t> || std::is_same_v<T, float> ||
                  std::is_same_v<T, double> || std::is_same_v<T, Scalar> || std::is_same_v<T, std::string>) {
      if (n.real.size() != 1) return std::nullopt;
      if constexpr (std::is_same_v<T, bool>) return Attribute(n.real[0] != 0);
      if constexpr (std::is_same_v<T, float>) return Attribute(static_cast<float>(n.real[0]));
      if constexpr (std::is_same_v<T, double>) return Attribute(n.real[0]);
      if constexpr (std::is_same_v<T, std::string>) return Attribute(NumberText(n.real[0]));
      if constexpr (std::is_same_v<T, Scalar>) return Attribute(n.exact ? Scalar(n.whole[0]) : Scalar(n.real[0]));
      if constexpr (std::is_same_v<T, int32_t> || std::is_same_v<T, int64_t>) {
        if (!n.exact || !Fits<T>(n.whole[0])) return std::nullopt;
        return Attribute(static_cast<T>(n.whole[0]));
      }
    } else if constexpr (std::is_same_v<T, std::vector<bool>>) {
      std::vector<bool> flags;
      for (double v : n.real) flags.push_back(v != 0);
      return Attribute(std::move(flags));
    } else if constexpr (std::is_same_v<T, std::vector<int32_t>> || std::is_same_v<T, std::vector<int64_t>>) {
      if (!n.exact) return std::nullopt;
      T values;
      for (int64_t v : n.whole) {
        if (!Fits<typename T::value_type>(v)) return std::nullopt;
        values.push_back(static_cast<typename T::value_type>(v));
      }
      return Attribute(std::move(values));
    } else if constexpr (std::is_same_v<T, std::vector<float>> || std::is_same_v<T, std::vector<double>>) {
      T values;
      for (double v : n.real) values.push_back(static_cast<typename T::value_type>(v));
      return Attribute(std::move(values));
    } else if constexpr (std::is_same_v<T, std::vector<Scalar>>) {
      std::vector<Scalar> values;
      for (double v : n.real) values.push_back(v);
      return Attribute(std::move(values));
    }
    return std::nullopt;
  }, like);
}

namespace {

Attribute LikeOf(const std::string& kind) {
  if (kind == "bool") return false;
  if (kind == "i32" || kind == "dtype") return int32_t{0};
  if (kind == "i64") return int64_t{0};
  if (kind == "f32") return 0.0f;
  if (kind == "f64") return 0.0;
  if (kind == "bools") return std::vector<bool>{};
  if (kind == "i32s") return std::vector<int32_t>{};
  if (kind == "i64s" || kind == "intarray" || kind == "ints") return std::vector<int64_t>{};
  if (kind == "f32s") return std::vector<float>{};
  if (kind == "f64s") return std::vector<double>{};
  if (kind == "strs") return std::vector<std::string>{};
  return std::string();
}

}  // namespace

Attribute ParseAttribute(const std::string& kind, const std::string& text) {
  const Attribute like = LikeOf(kind);
  if (std::holds_alternative<std::string>(like)) return text;
  if (kind == "dtype") return static_cast<int32_t>(DTypeCode(text));
  if (text == "true" || text == "false") return text == "true";
  std::vector<double> numbers;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find(',', at), text.size());
    double number = 0;
    std::from_chars(text.data() + at, text.data() + end, number);
    numbers.push_back(number);
    at = end + 1;
  }
  if (kind == "strs") return std::vector<std::string>{};
  const std::optional<Attribute> converted = ConvertAttribute(numbers, like);
  SKIFF_ENFORCE(converted.has_value(), Internal, "the default \"", text, "\" is no ", kind);
  return *converted;
}

Json ToPirAttribute(const std::string& kind, const Attribute& value) {
  const std::optional<Attribute> made = ConvertAttribute(value, LikeOf(kind));
  SKIFF_ENFORCE(made.has_value(), InvalidArgument, "the value ", ToString(value), " (", KindName(value), ") is no ", kind);
  auto array = [](const auto& values, auto item) {
    Json items = Json::array();
    for (const auto& v : values) items.push_back(item(v));
    return Json{{"#", "0.a_array"}, {"D", std::move(items)}};
  };
  auto plain = [](const char* name) { return [name](const auto& v) { return Json{{"#", name}, {"D", v}}; }; };
  if (kind == "bool") return plain("0.a_bool")(std::get<bool>(*made));
  if (kind == "i32") return plain("0.a_i32")(std::get<int32_t>(*made));
  if (kind == "i64") return plain("0.a_i64")(std::get<int64_t>(*made));
  if (kind == "f32") return PirNumber("0.a_f32", std::get<float>(*made));
  if (kind == "f64") return PirNumber("0.a_f64", std::get<double>(*made));
  if (kind == "str") return plain("0.a_str")(std::get<std::string>(*made));
  if (kind == "layout") return plain("1.a_layout")(std::get<std::string>(*made));
  if (kind == "intarray") return plain("1.a_intarray")(std::get<std::vector<int64_t>>(*made));
  if (kind == "bools") return array(std::get<std::vector<bool>>(*made), [](bool v) { return Json{{"#", "0.a_bool"}, {"D", v}}; });
  if (kind == "i32s") return array(std::get<std::vector<int32_t>>(*made), plain("0.a_i32"));
  if (kind == "i64s") return array(std::get<std::vector<int64_t>>(*made), plain("0.a_i64"));
  if (kind == "f32s") return array(std::get<std::vector<float>>(*made), [](float v) { return PirNumber("0.a_f32", v); });
  if (kind == "f64s") return array(std::get<std::vector<double>>(*made), [](double v) { return PirNumber("0.a_f64", v); });
  if (kind == "strs") return array(std::get<std::vector<std::string>>(*made), plain("0.a_str"));
  if (kind == "dtype") {
    const int code = std::get<int32_t>(*made);
    return {{"#", "1.a_dtype"}, {"D", PirDTypeName(IsValidDType(code) ? static_cast<DType>(code) : DType::kUndefined)}};
  }
  if (kind == "place") {
    const std::string& text = std::get<std::string>(*made);
    const size_t first = text.find(','), second = text.find(',', first + 1);
    SKIFF_ENFORCE(second != text.npos, InvalidArgument, "\"", text, "\" is no place: kind, device number, device are wanted");
    const Attribute number = std::string(text.substr(0, first)), device = std::string(text.substr(first + 1, second - first - 1));
    const auto a = ConvertAttribute(number, int32_t{}), b = ConvertAttribute(device, int32_t{});
    SKIFF_ENFORCE(a && b, InvalidArgument, "\"", text, "\" is no place: kind, device number, device are wanted");
    return {{"#", "1.a_place"}, {"D", {std::get<int32_t>(*a), std::get<int32_t>(*b), text.substr(second + 1)}}};
  }
  throw Internal(StrCat("there is no attribute of the kind ", kind));
}

}  // namespace skiff::io
