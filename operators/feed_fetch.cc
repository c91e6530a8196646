// feed and fetch, as inference models contain them. The executor binds what they name by their `col` and
// runs neither: there is no kernel.
#include "framework/op/op_schema.h"

namespace skiff {

SKIFF_OP(feed)
    .Doc("Out is the tensor number `col` of what the caller feeds.")
    .Source("Paddle's inference models")
    .Input("X", "the list of fed tensors")
    .Output("Out", "as its variable is declared")
    .Attr("col", 0, "position in the list")
    .InferShape([](InferContext&) {})  // the variable's own declaration stands
    .SideEffect();

SKIFF_OP(fetch)
    .Doc("X becomes tensor number `col` of what the caller fetches.")
    .Source("Paddle's inference models")
    .Input("X", "any tensor")
    .Output("Out", "the list of fetched tensors")
    .Attr("col", 0, "position in the list")
    .InferShape([](InferContext&) {})
    .SideEffect();

}  // namespace skiff
