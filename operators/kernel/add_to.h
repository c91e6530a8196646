// Adding to elements that several outputs meet: atomic on a card; on the CPU the work is divided so that no
// two threads share an element.
#pragma once

#include "operators/kernel/for_each.h"
#include "operators/kernel/rows.h"
#include "operators/kernel/strided.h"

namespace skiff {
inline namespace SKIFF_VARIANT {

template <typename T>
SKIFF_HD inline void AddTo(T* p, double v) {
#if defined(__CUDA_ARCH__)
  AtomicAdd(p, StoreElement<T>(static_cast<Compute<T>>(v)));
#else
  *p = StoreElement<T>(LoadElement(*p) + static_cast<Compute<T>>(v));
#endif
}

/// Calls f.One(i) for every i < groups * per_group. f(g) is all of group g, of which no element belongs to
/// another group; a card takes the i one by one.
template <typename F>
struct GroupOf {
  F f;
  int64_t per_group;
  SKIFF_HD void operator()(int64_t g) const {
#if defined(__CUDA_ARCH__)
    f.One(g);
#else
    for (int64_t i = g * per_group; i < (g + 1) * per_group; ++i) f.One(i);
#endif
  }
};
template <typename F>
void ForEachInGroups(int64_t groups, int64_t per_group, const KernelArgs& args, const F& f) {
#if defined(__CUDACC__)
  ForEach(groups * per_group, 1, args, GroupOf<F>{f, per_group});
#else
  ForEach(groups, 1, args, GroupOf<F>{f, per_group});
#endif
}

}  // namespace SKIFF_VARIANT
}  // namespace skiff
