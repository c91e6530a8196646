#include "framework/layers/initializer.h"

#include <array>
#include <charconv>
#include <cmath>
#include <utility>

#include "framework/layers/layer_helper.h"
#include "framework/op/append_op.h"
#include "framework/program/unique_name.h"

namespace skiff {

std::string PythonFloat(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  char buffer[64];
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::scientific);
  const std::string text(buffer, end.ptr);
  const int exponent = std::stoi(text.substr(text.find('e') + 1));
  if (exponent < -4 || exponent >= 16) return text;  // the shortest digits, as Python: "1e-05"
  const auto fixed = std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::fixed);
  const std::string plain(buffer, fixed.ptr);
  return plain.find('.') == std::string::npos ? plain + ".0" : plain;
}

namespace initializer {

namespace {

int32_t Code(DType dtype) { return static_cast<int32_t>(dtype); }

// Appends an operator that fills `v`; half types are filled through a float32 temporary, named after the initializer.
void Fill(Block& startup, const Variable& v, const std::string& type, Attrs attrs, const std::string& initializer) {
  const bool half = v.dtype == DType::kFloat16 || v.dtype == DType::kBFloat16;
  std::string out = v.name;
  if (half) {
    out = UniqueName(initializer + "_init." + v.name + ".tmp");
    startup.AddVar({.name = out, .dtype = DType::kFloat32, .shape = v.shape});
  }
  attrs.Set("shape", v.shape.ToVector());
  attrs.Set("dtype", Code(half ? DType::kFloat32 : v.dtype));
  AppendLayerOp(startup, {type, {}, {{"Out", {out}}}, std::move(attrs)});
  if (!half) return;
  AppendLayerOp(startup, {"cast", {{"X", {out}}}, {{"Out", {v.name}}},
                          {{"in_dtype", Code(DType::kFloat32)}, {"out_dtype", Code(v.dtype)}}});
}

int32_t Seed(const Block& startup, int seed) {
  return seed != 0 ? seed : startup.program()->random_seed;
}

void FillUniform(Block& startup, const Variable& v, double low, double high, int seed,
                 const char* initializer = "uniform_random") {
  Fill(startup, v, "uniform_random",
       {{"min", static_cast<float>(low)}, {"max", static_cast<float>(high)},
        {"seed", Seed(startup, seed)}, {"diag_num", 0}, {"diag_step", 0}, {"diag_val", 1.0f}}, initializer);
}

void FillNormal(Block& startup, const Variable& v, double mean, double std, int seed,
                const char* initializer = "gaussian_random", const char* type = "gaussian_random") {
  Fill(startup, v, type, {{"mean", static_cast<float>(mean)}, {"std", static_cast<float>(std)},
                          {"seed", Seed(startup, seed)}}, initializer);
}

// Fan in and out of a variable, those given first.
Fans FansOf(const Variable& v, const Fans& given) {
  const Shape& s = v.shape;
  Fans fans{1, 1, given.seed};
  if (s.rank() == 1) {
    fans.in = fans.out = static_cast<double>(s[0]);
  } else if (s.rank() == 2) {
    fans.in = static_cast<double>(s[0]);
    fans.out = static_cast<double>(s[1]);
  } else if (s.rank() > 2) {
    const auto window = static_cast<double>(s.Product(2, s.rank()));
    fans.in = static_cast<double>(s[1]) * window;
    fans.out = static_cast<double>(s[0]) * window;
  }
  if (given.in > 0) fans.in = given.in;
  if (given.out > 0) fans.out = given.out;
  return fans;
}

double Gain(double negative_slope) { return std::sqrt(2.0 / (1.0 + negative_slope * negative_slope)); }

template <typename To, typename From>
std::vector<To> Elements(const Tensor& t) {
  const auto values = t.Values<From>();
  return std::vector<To>(values.begin(), values.end());
}

}  // namespace

Initializer Constant(double value) {
  return [value](Block& startup, const Variable& v) {
    AppendLayerOp(startup, {"fill_constant", {}, {{"Out", {v.name}}},
                            {{"shape", v.shape.ToVector()}, {"dtype", Code(v.dtype)},
                             {"value", static_cast<float>(value)}, {"force_cpu", false},
                             {"str_value", PythonFloat(value)}}});
  };
}

Initializer Uniform(double low, double high, int seed) {
  return [=](Block& startup, const Variable& v) { FillUniform(startup, v, low, high, seed); };
}

Initializer Normal(double mean, double std, int seed) {
  return [=](Block& startup, const Variable& v) { FillNormal(startup, v, mean, std, seed); };
}

Initializer TruncatedNormal(double mean, double std, int seed) {
  return [=](Block& startup, const Variable& v) {
    FillNormal(startup, v, mean, std, seed, "truncated_gaussian_random", "truncated_gaussian_random");
  };
}

Initializer XavierUniform(Fans given) {
  return [given](Block& startup, const Variable& v) {
    const Fans fans = FansOf(v, given);
    const double limit = std::sqrt(6.0 / (fans.in + fans.out));
    FillUniform(startup, v, -limit, limit, fans.seed, "xavier");
  };
}

Initializer XavierNormal(Fans given) {
  return [given](Block& startup, const Variable& v) {
    const Fans fans = FansOf(v, given);
    FillNormal(startup, v, 0.0, std::sqrt(2.0 / (fans.in + fans.out)), fans.seed, "xavier");
  };
}

Initializer KaimingUniform(Fans given, double negative_slope) {
  return [=](Block& startup, const Variable& v) {
    const Fans fans = FansOf(v, given);
    const double limit = Gain(negative_slope) * std::sqrt(3.0 / fans.in);
    FillUniform(startup, v, -limit, limit, fans.seed, "masra");
  };
}

Initializer KaimingNormal(Fans given, double negative_slope) {
  return [=](Block& startup, const Variable& v) {
    const Fans fans = FansOf(v, given);
    FillNormal(startup, v, 0.0, Gain(negative_slope) / std::sqrt(fans.in), fans.seed, "masra");
  };
}

Initializer Assign(Tensor value) {
  return [value](Block& startup, const Variable& v) {
    SKIFF_ENFORCE(value.shape() == v.shape, InvalidArgument, "\"", v.name, "\" has shape ", v.shape,
                  ", the value assigned to it ", value.shape());
    Attrs attrs{{"shape", v.shape.ToVector()}, {"dtype", Code(value.dtype())}};
    switch (value.dtype()) {
      case DType::kFloat32: attrs.Set("fp32_values", Elements<float, float>(value)); break;
      case DType::kFloat64: attrs.Set("fp64_values", Elements<double, double>(value)); break;
      case DType::kInt32: attrs.Set("int32_values", Elements<int32_t, int32_t>(value)); break;
      case DType::kInt64: attrs.Set("int64_values", Elements<int64_t, int64_t>(value)); break;
      case DType::kBool: attrs.Set("bool_values", Elements<int32_t, bool>(value)); break;
      default:
        throw InvalidArgument(StrCat("cannot assign a ", value.dtype(), " tensor to \"", v.name,
                                     "\"; cast it to float32, float64, int32, int64 or bool"));
    }
    AppendLayerOp(startup, {"assign_value", {}, {{"Out", {v.name}}}, std::move(attrs)});
  };
}

namespace {
std::array<Initializer, 2> global_initializers;  // of weights and biases
}  // namespace

void SetGlobal(Initializer weight, Initializer bias) { global_initializers = {std::move(weight), std::move(bias)}; }
const Initializer& Global(bool is_bias) { return global_initializers[is_bias]; }

}  // namespace initializer
}  // namespace skiff
