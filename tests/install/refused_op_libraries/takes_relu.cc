#include <skiff/operators/kernel/map.h>

namespace {

SKIFF_OP(relu).Doc("Out = X.").Input("X", "any").Output("Out", "as X").InferShape(skiff::Like("Out", "X")).View("X", "Out");

SKIFF_OP(yet_another).Doc("Out = X.").Input("X", "any").Output("Out", "as X").InferShape(skiff::Like("Out", "X")).View("X", "Out");
}  // namespace
