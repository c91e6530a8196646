// seed: the number that several dropouts share, so that one computed again drops the same elements.
#include "framework/op/op_schema.h"
#include "operators/kernel/generate.h"

namespace skiff {
namespace {

struct SeedValue {
  explicit SeedValue(const Attrs& attrs) : given(attrs.Get<int32_t>("seed")) {}
  template <typename V> SKIFF_HD V At(int64_t, uint64_t seed) const {
    return given != 0 ? V(given) : V(static_cast<int32_t>((seed ^ (seed >> 31)) & 0x7ffffffe) + 1);
  }
  int32_t given;
};

SKIFF_OP(seed)
    .Doc("Out = attribute seed, or a positive number drawn for each run when it is 0.")
    .Source("names and defaults of Paddle's seed")
    .Output("Out", "int32 [1]")
    .Attr("seed", 0, "0: another one each run")
    .Attr("deterministic", false, "not read")
    .Attr("rng_name", "", "not read")
    .Attr("force_cpu", false, "not read")
    .InferShape([](InferContext& c) { c.SetOutput("Out", {1}, DType::kInt32); })
    .Random()
    .KeyedBy("Out")
    .Kernel<Generate<SeedValue>, int32_t>();

}  // namespace
}  // namespace skiff
