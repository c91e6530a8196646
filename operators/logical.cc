// Truth values: connectives, tests for special numbers, and choice between two tensors.
#include "operators/kernel/broadcast.h"
#include "operators/kernel/unary.h"

namespace skiff {
namespace {

struct And {
  template <typename V> SKIFF_HD V operator()(V x, V y) const { return V((x != V(0)) & (y != V(0))); }
};
struct Or {
  template <typename V> SKIFF_HD V operator()(V x, V y) const { return V((x != V(0)) | (y != V(0))); }
};
struct Xor {
  template <typename V> SKIFF_HD V operator()(V x, V y) const { return V((x != V(0)) != (y != V(0))); }
};
struct Not {
  template <typename V> SKIFF_HD V operator()(V x) const { return V(x == V(0)); }
};
// x - x is 0 for finite numbers and NaN for the others.
struct IsFinite {
  template <typename V> SKIFF_HD V operator()(V x) const { return V(x - x == V(0)); }
};
struct IsNan {
  template <typename V> SKIFF_HD V operator()(V x) const { return V(x != x); }
};
struct IsInf {
  template <typename V> SKIFF_HD V operator()(V x) const { return V((x == x) & (x - x != V(0))); }
};

#define SKIFF_CONNECTIVE(type, Functor, doc)                                        \
  SKIFF_OP(type)                                                                    \
      .Doc(doc)                                                                     \
      .Source("names of Paddle's " #type)                                           \
      .Input("X", "left operand; numbers count as true where they are not 0")       \
      .Input("Y", "right operand; broadcasts against X")                            \
      .Output("Out", "broadcast shape, bool")                                       \
      .InferShape(InferBroadcast(DType::kBool))                                     \
      .Kernel<Broadcast<Functor>, SKIFF_FLOATS, SKIFF_INTS, bool>()

SKIFF_CONNECTIVE(logical_and, And, "Out = X and Y.");
SKIFF_CONNECTIVE(logical_or, Or, "Out = X or Y.");
SKIFF_CONNECTIVE(logical_xor, Xor, "Out = exactly one of X and Y.");

#define SKIFF_PREDICATE(type, Functor, doc)                                         \
  SKIFF_OP(type)                                                                    \
      .Doc(doc)                                                                     \
      .Source("names of Paddle's " #type)                                           \
      .Input("X", "any shape")                                                      \
      .Output("Out", "shape of X, bool")                                            \
      .InferShape([](InferContext& c) {                                             \
        const TensorMeta& x = c.Input("X");                                         \
        c.SetOutput("Out", TensorMeta{x.shape, DType::kBool, x.lod_level});         \
      })                                                                            \
      .Kernel<Map<Functor>, SKIFF_FLOATS, SKIFF_INTS, bool>()

SKIFF_PREDICATE(logical_not, Not, "Out = not X.");
SKIFF_PREDICATE(isfinite_v2, IsFinite, "Out = X is neither infinite nor NaN.");
SKIFF_PREDICATE(isnan_v2, IsNan, "Out = X is NaN.");
SKIFF_PREDICATE(isinf_v2, IsInf, "Out = X is infinite.");

struct Where {
  template <typename V>
  SKIFF_HD V operator()(V condition, V x, V y) const { return math::Select(condition != V(0), x, y); }
};
struct WhereX {
  template <typename V>
  SKIFF_HD V operator()(V condition, V dout) const { return math::Select(condition != V(0), dout, V(0)); }
};
struct WhereY {
  template <typename V>
  SKIFF_HD V operator()(V condition, V dout) const { return math::Select(condition != V(0), V(0), dout); }
};

struct WhereGradKernel {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    using C = Compute<T>;
    const Shape& full = c.Input("Out@GRAD").shape;
    std::vector<OperandGrad> grads;
    if (c.HasOutput("X@GRAD")) {
      grads.push_back(OperandGrad::Make<C>(WhereX{}, c, "X@GRAD", full, {"Condition", "Out@GRAD"}));
    }
    if (c.HasOutput("Y@GRAD")) {
      grads.push_back(OperandGrad::Make<C>(WhereY{}, c, "Y@GRAD", full, {"Condition", "Out@GRAD"}));
    }
    return MakeOperandGradsKernel(std::move(grads), c);
  }
};

SKIFF_OP(where)
    .Doc("Out = X where Condition holds, Y elsewhere.")
    .Source("names of Paddle's where")
    .Input("Condition", "bool; broadcasts with X and Y")
    .Input("X", "taken where Condition holds")
    .Input("Y", "taken elsewhere; dtype of X")
    .Output("Out", "broadcast shape, dtype of X")
    .InferShape([](InferContext& c) {
      const TensorMeta& x = c.Input("X");
      const Shape both = BroadcastShapes(x.shape, c.InputShape("Y"));
      c.SetOutput("Out", TensorMeta{BroadcastShapes(c.InputShape("Condition"), both), x.dtype, x.lod_level});
    })
    .KeyedBy("X")
    .Gradient(StandardGrad({"Condition", "X", "Y"}, {}, {"Out"}, {"X", "Y"}))
    .Kernel<Broadcast<Where>, SKIFF_FLOATS, SKIFF_INTS, bool>();

SKIFF_OP(where_grad)
    .Doc("Out@GRAD goes to X where Condition holds, to Y elsewhere.")
    .Source("derivative of where")
    .Input("Condition", "as in where")
    .Input("X", "as in where")
    .Input("Y", "as in where")
    .Input("Out@GRAD", "shape of Out")
    .OptionalOutput("X@GRAD", "shape and dtype of X")
    .OptionalOutput("Y@GRAD", "shape and dtype of Y")
    .InferShape(GradsLikeInputs())
    .KeyedBy("Out@GRAD")
    .Kernel<WhereGradKernel, SKIFF_FLOATS, int32_t, int64_t>();

}  // namespace
}  // namespace skiff
