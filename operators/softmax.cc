// softmax and log_softmax along one axis.
#include "operators/kernel/rowwise.h"
#include "operators/kernel/unary.h"

namespace skiff {
namespace {

struct Softmax {
  template <typename Row>
  SKIFF_HD void operator()(const Row& row) const {
    const auto x = row.In(0);
    const auto y = row.Out(0);
    const auto max = row.Max([=](int64_t i) { return x[i]; });
    const auto sum = row.Sum([=](int64_t i) {
      const auto e = math::Exp(x[i] - max);
      y.Set(i, e);
      return e;
    });
    const auto inverse = decltype(sum)(1) / sum;
    row.Each([=](int64_t i) { y.Set(i, y.Get(i) * inverse); });
  }
};

struct SoftmaxGrad {
  template <typename Row>
  SKIFF_HD void operator()(const Row& row) const {
    const auto y = row.In(0), dy = row.In(1);
    const auto dx = row.Out(0);
    const auto dot = row.Sum([=](int64_t i) { return y[i] * dy[i]; });
    row.Each([=](int64_t i) { dx.Set(i, (dy[i] - dot) * y[i]); });
  }
};

/// Paddle lets no difference to the maximum pass that is below -64; so do we, that results agree.
struct LogSoftmax {
  template <typename Row>
  SKIFF_HD void operator()(const Row& row) const {
    const auto x = row.In(0);
    const auto y = row.Out(0);
    const auto max = row.Max([=](int64_t i) { return x[i]; });
    const auto below = [=](int64_t i) { return math::Max(x[i] - max, std::decay_t<decltype(x[i])>(-64)); };
    const auto sum = row.Sum([=](int64_t i) { return math::Exp(below(i)); });
    const auto log_sum = math::Log(sum);
    row.Each([=](int64_t i) { y.Set(i, below(i) - log_sum); });
  }
};

struct LogSoftmaxGrad {
  template <typename Row>
  SKIFF_HD void operator()(const Row& row) const {
    const auto y = row.In(0), dy = row.In(1);
    const auto dx = row.Out(0);
    const auto sum = row.Sum([=](int64_t i) { return dy[i]; });
    row.Each([=](int64_t i) { dx.Set(i, dy[i] - math::Exp(y[i]) * sum); });
  }
};

/// A formula along the attribute `axis` of the first output's shape. A 0-D tensor is one row of one.
template <typename F>
struct SoftmaxAlong {
  template <typename C>
  static std::unique_ptr<Kernel> PrepareAs(PrepareContext& c) {
    const Shape& given = c.outputs.at(0).shape;
    const Shape shape = given.rank() == 0 ? Shape{1} : given;
    RowPlan plan(kDTypeOf<C>, shape, NormalizeAxis(c.Attr<int64_t>("axis"), shape.rank()));
    for (const PrepareContext::Slot& slot : c.input_slots) plan.AddIn(c, slot.name.c_str(), RowKind::kRow);
    plan.AddOut(c, c.output_slots.at(0).name.c_str(), RowKind::kRow);
    return MakeRowKernel<C>(F{}, plan);
  }
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) { return PrepareAs<Compute<T>>(c); }
};

[[maybe_unused]] void InferAlongAxis(InferContext& c) {
  OutLike("X")(c);
  const Shape& x = c.InputShape("X");
  if (x.rank() > 0) NormalizeAxis(c.Attr<int64_t>("axis"), x.rank());
}

#define SKIFF_ALONG_AXIS(type, doc)                                       \
  SKIFF_OP(type)                                                          \
      .Doc(doc)                                                           \
      .Source("names and defaults of Paddle's " #type)                    \
      .Input("X", "any shape, floating")                                  \
      .Output("Out", "shape and dtype of X")                              \
      .Attr("axis", -1, "dimension along which the results belong together; negative from the end") \
      .InferShape(InferAlongAxis)                                         \
      .Inplace("X", "Out")                                                \
      .Gradient(FromOut())
#define SKIFF_ALONG_AXIS_GRAD(type, doc)                                  \
  SKIFF_UNARY_GRAD(type, "Out", doc).Attr("axis", -1, "as in " #type)

SKIFF_ALONG_AXIS(softmax, "Out = exp(X) / sum(exp(X)) along axis; the row's maximum is subtracted first.")
    .Kernel<SoftmaxAlong<Softmax>, SKIFF_FLOATS>();
SKIFF_ALONG_AXIS_GRAD(softmax, "X@GRAD = (Out@GRAD - sum(Out Out@GRAD)) Out.")
    .Kernel<SoftmaxAlong<SoftmaxGrad>, SKIFF_FLOATS>();

SKIFF_ALONG_AXIS(log_softmax, "Out = X - log(sum(exp(X))) along axis.")
    .Kernel<SoftmaxAlong<LogSoftmax>, SKIFF_FLOATS>();
SKIFF_ALONG_AXIS_GRAD(log_softmax, "X@GRAD = Out@GRAD - exp(Out) sum(Out@GRAD).")
    .Kernel<SoftmaxAlong<LogSoftmaxGrad>, SKIFF_FLOATS>();

}  // namespace
}  // namespace skiff
