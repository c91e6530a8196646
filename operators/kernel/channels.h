// Channels: passes over a tensor seen as [outer, channels, inner], for normalisations with one statistic
// a channel. A kernel is a row of steps; on the CPU all steps of one channel run before the next channel,
// while its elements are in the cache; on a card each step runs over all channels.
//
// A step is a functor with AtChannel(c), which gives what is called with each element's index. It
// returns a Two for a step that also has Finish(c, sums): called once a channel with the sums.
#pragma once

#include <algorithm>

#include "operators/kernel/for_each.h"

namespace skiff {
inline namespace SKIFF_VARIANT {

struct ChannelGeometry {
  int64_t outer = 1, channels = 1, inner = 1;
  int64_t PerChannel() const { return outer * inner; }
};

template <typename F>
inline constexpr bool kSumsChannels = requires(const F f) { f.Finish(0, f.AtChannel(0)(0)); };

#if defined(__CUDACC__)

template <typename F>
__device__ auto NoSums(const F& f) { return decltype(f.AtChannel(0)(0)){0, 0}; }

// One block a channel, inner > 1: neighbours in memory go to neighbouring threads.
template <typename F>
__global__ void SumChannel(ChannelGeometry g, const F f) {
  __shared__ decltype(f.AtChannel(0)(0)) shared[kCudaBlock];
  const int64_t c = blockIdx.x;
  const auto at = f.AtChannel(c);
  auto sums = NoSums(f);
  for (int64_t k = threadIdx.x; k < g.outer * g.inner; k += kCudaBlock) {
    const auto v = at((k / g.inner * g.channels + c) * g.inner + k % g.inner);
    sums.first += v.first;
    sums.second += v.second;
  }
  shared[threadIdx.x] = sums;
  for (int half = kCudaBlock / 2; half > 0; half /= 2) {
    __syncthreads();
    if (threadIdx.x < half) {
      shared[threadIdx.x].first += shared[threadIdx.x + half].first;
      shared[threadIdx.x].second += shared[threadIdx.x + half].second;
    }
  }
  if (threadIdx.x == 0) f.Finish(c, shared[0]);
}

// 32 channels a block, inner == 1: x is the channel, y shares the rows.
template <typename F>
__global__ void SumColumns(ChannelGeometry g, const F f) {
  __shared__ decltype(f.AtChannel(0)(0)) shared[8][32];
  const int64_t c = blockIdx.x * int64_t{32} + threadIdx.x;
  auto sums = NoSums(f);
  if (c < g.channels) {
    const auto at = f.AtChannel(c);
    for (int64_t row = threadIdx.y; row < g.outer; row += 8) {
      const auto v = at(row * g.channels + c);
      sums.first += v.first;
      sums.second += v.second;
    }
  }
  shared[threadIdx.y][threadIdx.x] = sums;
  __syncthreads();
  if (threadIdx.y == 0 && c < g.channels) {
    for (int y = 1; y < 8; ++y) {
      sums.first += shared[y][threadIdx.x].first;
      sums.second += shared[y][threadIdx.x].second;
    }
    f.Finish(c, sums);
  }
}

template <typename F>
struct ApplyAtChannel {
  ChannelGeometry g;
  F f;
  SKIFF_HD void operator()(int64_t i) const { f.AtChannel(i / g.inner % g.channels)(i); }
};

template <typename F>
void RunChannelStep(const ChannelGeometry& g, const KernelArgs& args, const F& f) {
  if (g.channels == 0) return;
  if constexpr (!kSumsChannels<F>) {
    ForEach(g.outer * g.channels * g.inner, 1, args, ApplyAtChannel<F>{g, f});
  } else if (g.inner == 1) {
    SumColumns<<<static_cast<unsigned>((g.channels + 31) / 32), dim3(32, 8), 0, StreamOf(args)>>>(g, f);
    CheckLaunch();
  } else {
    SumChannel<<<static_cast<unsigned>(g.channels), kCudaBlock, 0, StreamOf(args)>>>(g, f);
    CheckLaunch();
  }
}

template <typename... F>
void RunChannels(const ChannelGeometry& g, const KernelArgs& args, const F&... steps) {
  (RunChannelStep(g, args, steps), ...);
}

#else

// One channel; runs of `inner` elements. Each run is summed on its own, the runs in double.
template <typename F>
void StepOverRuns(const ChannelGeometry& g, const F& f, int64_t c) {
  const auto at = f.AtChannel(c);
  if constexpr (kSumsChannels<F>) {
    using V = decltype(at(0).first);
    double first = 0, second = 0;
    for (int64_t n = 0; n < g.outer; ++n) {
      const int64_t begin = (n * g.channels + c) * g.inner, end = begin + g.inner;
      V a = 0, b = 0;
#pragma omp simd reduction(+ : a, b)
      for (int64_t i = begin; i < end; ++i) {
        const auto v = at(i);
        a += v.first;
        b += v.second;
      }
      first += a;
      second += b;
    }
    f.Finish(c, Two<double>{first, second});
  } else {
    for (int64_t n = 0; n < g.outer; ++n) {
      const int64_t begin = (n * g.channels + c) * g.inner, end = begin + g.inner;
#pragma GCC ivdep
      for (int64_t i = begin; i < end; ++i) at(i);
    }
  }
}

inline constexpr int64_t kChannelBlock = 64;

// Channels [begin, end), at most kChannelBlock of them, inner == 1: rows of neighbouring channels.
template <typename F>
void StepOverColumns(const ChannelGeometry& g, const F& f, int64_t begin, int64_t end) {
  const int64_t width = end - begin;
  if constexpr (kSumsChannels<F>) {
    double first[kChannelBlock] = {}, second[kChannelBlock] = {};
    for (int64_t n = 0; n < g.outer; ++n) {
      const int64_t row = n * g.channels + begin;
#pragma GCC ivdep
      for (int64_t j = 0; j < width; ++j) {
        const auto v = f.AtChannel(begin + j)(row + j);
        first[j] += v.first;
        second[j] += v.second;
      }
    }
    for (int64_t j = 0; j < width; ++j) f.Finish(begin + j, Two<double>{first[j], second[j]});
  } else {
    for (int64_t n = 0; n < g.outer; ++n) {
      const int64_t row = n * g.channels + begin;
#pragma GCC ivdep
      for (int64_t j = 0; j < width; ++j) f.AtChannel(begin + j)(row + j);
    }
  }
}

template <typename... F>
void RunChannels(const ChannelGeometry& g, const KernelArgs& args, const F&... steps) {
  const int64_t width = g.inner == 1 ? kChannelBlock : 1;  // channels that go together
  const int64_t blocks = (g.channels + width - 1) / width;
  const int64_t grain = std::max<int64_t>(kElementGrain / std::max<int64_t>(g.PerChannel() * width, 1), 1);
  ParallelFor(args.num_threads, blocks, grain, [&](int64_t begin, int64_t end) {
    for (int64_t b = begin; b < end; ++b) {
      if (g.inner == 1) {
        const int64_t to = std::min(g.channels, (b + 1) * width);
        (Simd<&StepOverColumns<F>>()(g, steps, b * width, to), ...);
      } else {
        (Simd<&StepOverRuns<F>>()(g, steps, b), ...);
      }
    }
  });
}

#endif

}  // namespace SKIFF_VARIANT
}  // namespace skiff
