// Comparisons of two tensors that broadcast against each other.
#include "operators/kernel/broadcast.h"
#include "operators/kernel/unary.h"

namespace skiff {
namespace {

struct Equal {
  template <typename V> SKIFF_HD V operator()(V x, V y) const { return V(x == y); }
};
struct NotEqual {
  template <typename V> SKIFF_HD V operator()(V x, V y) const { return V(x != y); }
};
struct Less {
  template <typename V> SKIFF_HD V operator()(V x, V y) const { return V(x < y); }
};
struct LessEqual {
  template <typename V> SKIFF_HD V operator()(V x, V y) const { return V(x <= y); }
};
struct Greater {
  template <typename V> SKIFF_HD V operator()(V x, V y) const { return V(x > y); }
};
struct GreaterEqual {
  template <typename V> SKIFF_HD V operator()(V x, V y) const { return V(x >= y); }
};

#define SKIFF_COMPARISON(type, Functor, doc, ...)                                              \
  SKIFF_OP(type)                                                                              \
      .Doc(doc)                                                                               \
      .Source("names and axis rule of Paddle's " #type)                                       \
      .Input("X", "left operand")                                                             \
      .Input("Y", "right operand, dtype of X; broadcasts against X")                          \
      .Output("Out", "broadcast shape, bool")                                                 \
      .Attr("axis", -1, "dimension of the larger operand that the smaller begins at; -1: align the last") \
      .Attr("force_cpu", false, "ignored: the result is where it is used")                    \
      .InferShape(InferBroadcast(DType::kBool))                                               \
      .Kernel<Broadcast<Functor>, SKIFF_FLOATS, SKIFF_INTS, bool __VA_OPT__(,) __VA_ARGS__>()

SKIFF_COMPARISON(equal, Equal, "Out = X == Y.", SKIFF_COMPLEX);
SKIFF_COMPARISON(not_equal, NotEqual, "Out = X != Y.", SKIFF_COMPLEX);
SKIFF_COMPARISON(less_than, Less, "Out = X < Y.");
SKIFF_COMPARISON(less_equal, LessEqual, "Out = X <= Y.");
SKIFF_COMPARISON(greater_than, Greater, "Out = X > Y.");
SKIFF_COMPARISON(greater_equal, GreaterEqual, "Out = X >= Y.");

}  // namespace
}  // namespace skiff
