// A few operators of the tests' own, registered as a user's library would: the executor's tests
// depend on no operator family.
#include <cstring>

#include "framework/op/op_schema.h"

namespace skiff {
namespace {

std::unique_ptr<Kernel> PrepareAdd(PrepareContext& c) {
  const int64_t n = c.Output("Out").shape.NumElements();
  return MakeKernel([n](const KernelArgs& a) {
    const auto* x = static_cast<const float*>(a.in[0]);
    const auto* y = static_cast<const float*>(a.in[1]);
    auto* out = static_cast<float*>(a.out[0]);
    for (int64_t i = 0; i < n; ++i) out[i] = x[i] + y[i];
  });
}

std::unique_ptr<Kernel> PrepareDouble(PrepareContext& c) {
  const int64_t n = c.Output("Out").shape.NumElements();
  return MakeKernel([n](const KernelArgs& a) {
    const auto* x = static_cast<const float*>(a.in[0]);
    auto* out = static_cast<float*>(a.out[0]);
    for (int64_t i = 0; i < n; ++i) out[i] = 2 * x[i];
  });
}

std::unique_ptr<Kernel> PrepareFill(PrepareContext& c) {
  const int64_t n = c.Output("Out").shape.NumElements();
  const float value = c.Attr<float>("value");
  return MakeKernel([n, value](const KernelArgs& a) {
    std::fill_n(static_cast<float*>(a.out[0]), n, value);
  });
}

// Out[i] = X[i] - sum of X: reads all of X after writing, so it must not work in place.
std::unique_ptr<Kernel> PrepareCenter(PrepareContext& c) {
  const int64_t n = c.Output("Out").shape.NumElements();
  c.RequestWorkspace(sizeof(float));
  return MakeKernel([n](const KernelArgs& a) {
    const auto* x = static_cast<const float*>(a.in[0]);
    auto* out = static_cast<float*>(a.out[0]);
    auto* sum = static_cast<float*>(a.workspace);
    *sum = 0;
    for (int64_t i = 0; i < n; ++i) *sum += x[i];
    for (int64_t i = 0; i < n; ++i) out[i] = x[i] - *sum;
  });
}

std::unique_ptr<Kernel> PrepareSeed(PrepareContext&) {
  return MakeKernel([](const KernelArgs& a) { std::memcpy(a.out[0], &a.seed, sizeof(a.seed)); });
}

void Positive(DynamicContext& c) {
  const Tensor& x = c.InputTensor("X");
  std::vector<float> kept;
  for (float v : x.Values<float>()) {
    if (v > 0) kept.push_back(v);
  }
  Tensor& out = c.NewOutput("Out", {static_cast<int64_t>(kept.size())}, DType::kFloat32);
  std::copy(kept.begin(), kept.end(), out.data<float>());
}

std::unique_ptr<Kernel> PrepareRepeat(PrepareContext& c) {
  const int64_t n = c.Input("X").shape.NumElements();
  const int64_t times = c.HostValues("Times").at(0);
  return MakeKernel([n, times](const KernelArgs& a) {
    for (int64_t t = 0; t < times; ++t) {
      std::memcpy(static_cast<float*>(a.out[0]) + t * n, a.in[0], n * sizeof(float));
    }
  });
}

std::unique_ptr<Kernel> PrepareScale(PrepareContext& c) {
  return MakeKernel([n = c.Input("X").shape.NumElements(), factor = c.Attr<float>("factor")](const KernelArgs& a) {
    for (int64_t i = 0; i < n; ++i) static_cast<float*>(a.out[0])[i] = factor * static_cast<const float*>(a.in[0])[i];
  });
}

SKIFF_OP(test_add).Doc("Out = X + Y.").Input("X", "float32").Input("Y", "as X").Output("Out", "as X")
    .InferShape(Like("Out", "X")).Inplace("X", "Out").Inplace("Y", "Out").CpuKernel<float>(PrepareAdd);
SKIFF_OP(test_double).Doc("Out = 2 X.").Input("X", "float32").Output("Out", "as X")
    .InferShape(Like("Out", "X")).Inplace("X", "Out").CpuKernel<float>(PrepareDouble);
SKIFF_OP(test_center).Doc("Out = X - sum(X).").Input("X", "float32").Output("Out", "as X")
    .InferShape(Like("Out", "X")).CpuKernel<float>(PrepareCenter);
SKIFF_OP(test_fill).Doc("Out = value.").Output("Out", "float32")
    .RequiredAttr<std::vector<int64_t>>("shape", "extents").Attr("value", 0.0f, "the value")
    .InferShape([](InferContext& c) {
      c.SetOutput("Out", Shape(c.Attr<std::vector<int64_t>>("shape")), DType::kFloat32);
    })
    .CpuKernel<float>(PrepareFill);
SKIFF_OP(test_seed).Doc("Out = the run's seed.").Output("Out", "int64 [1]")
    .InferShape([](InferContext& c) { c.SetOutput("Out", {1}, DType::kInt64); })
    .Random().CpuKernel<int64_t>(PrepareSeed);
SKIFF_OP(test_view).Doc("Out = X as one row.").Input("X", "float32").Output("Out", "[n]")
    .InferShape([](InferContext& c) {
      const Shape& x = c.InputShape("X");
      c.SetOutput("Out", {x.IsKnown() ? x.NumElements() : -1}, c.InputDType("X"));
    })
    .View("X", "Out");
SKIFF_OP(test_positive).Doc("Out = the positive elements of X.").Input("X", "float32").Output("Out", "[n]")
    .InferShape([](InferContext& c) { c.SetOutput("Out", {-1}, DType::kFloat32); })
    .Dynamic(Positive);
SKIFF_OP(test_scale).Doc("Out = X by factor.").Input("X", "float32").OptionalInput("Factor", "any number: factor as a variable")
    .Output("Out", "as X").Attr("factor", 1.0f, "the factor").AttrFrom("factor", "Factor")
    .InferShape(Like("Out", "X")).CpuKernel<float>(PrepareScale);
SKIFF_OP(test_repeat).Doc("Out = X, Times times.").Input("X", "float32 [n]")
    .HostInput("Times", "int64 [1]").Output("Out", "[n * Times]")
    .InferShape([](InferContext& c) {
      const auto times = c.InputValues("Times");
      c.SetOutput("Out", {times ? c.InputShape("X")[0] * (*times)[0] : -1}, DType::kFloat32);
    })
    .CpuKernel<float>(PrepareRepeat);

}  // namespace
}  // namespace skiff
