// One step of a recurrent cell and of its gradient, for one number of the hidden state. rnn.cc and rnn_grad.cc
// run these over [batch, hidden] for each step; the products of matrices come before and after.
#pragma once

#include <string>

#include "operators/kernel/for_each.h"
#include "operators/kernel/rows.h"

namespace skiff {
inline namespace SKIFF_VARIANT {

enum class RnnMode { kLstm, kGru, kTanh, kRelu };

inline RnnMode ParseRnnMode(const std::string& mode) {
  if (mode == "LSTM") return RnnMode::kLstm;
  if (mode == "GRU") return RnnMode::kGru;
  if (mode == "RNN_TANH") return RnnMode::kTanh;
  SKIFF_ENFORCE(mode == "RNN_RELU", InvalidArgument, "attribute mode is \"", mode,
                "\"; it may be LSTM, GRU, RNN_TANH or RNN_RELU");
  return RnnMode::kRelu;
}
SKIFF_HD constexpr int64_t NumGates(RnnMode mode) { return mode == RnnMode::kLstm ? 4 : mode == RnnMode::kGru ? 3 : 1; }
/// Whether a step keeps one number more for each of the hidden state: the LSTM's cell, or the GRU's
/// candidate as it comes from the hidden state.
inline bool KeepsMore(RnnMode mode) { return mode == RnnMode::kLstm || mode == RnnMode::kGru; }

/// Length of each sequence of the batch; all of them full without one.
struct RnnLengths {
  const void* lengths = nullptr;
  bool wide = false;
  SKIFF_HD bool Ended(int64_t b, int64_t t) const { return lengths != nullptr && t >= IdAt(lengths, wide, b); }
};

/// One step forward. Gates are rows of `gates * hidden` numbers, in the order of the weights' rows.
template <typename T, RnnMode mode>
struct RnnStep {
  int64_t hidden, t;
  RnnLengths lengths;
  const T *bias_x, *bias_h;  // [gates * hidden]
  const T* from_hidden;      // [batch, gates * hidden]: the product with the last hidden state
  const T *h_before, *c_before;
  T* gates;                  // in: the product with the input; out: the gates
  T* more;                   // see KeepsMore; the LSTM's new cell
  T* h;
  T* out;                    // of this direction, rows of `out_width`
  int64_t out_width;

  SKIFF_HD void operator()(int64_t b, int64_t j) const {
    const int64_t at = b * hidden + j;
    const int64_t row = b * hidden * NumGates(mode);
    T* g = gates + row + j;
    const T* fh = from_hidden + row;
    const bool ended = lengths.Ended(b, t);
    T made = T(0);
    if constexpr (mode == RnnMode::kLstm) {
      const T i = math::Sigmoid(g[0] + fh[j] + bias_x[j] + bias_h[j]);
      const T f = math::Sigmoid(g[hidden] + fh[hidden + j] + bias_x[hidden + j] + bias_h[hidden + j]);
      const T n = math::Tanh(g[2 * hidden] + fh[2 * hidden + j] + bias_x[2 * hidden + j] + bias_h[2 * hidden + j]);
      const T o = math::Sigmoid(g[3 * hidden] + fh[3 * hidden + j] + bias_x[3 * hidden + j] + bias_h[3 * hidden + j]);
      const T cell = f * c_before[at] + i * n;
      g[0] = i, g[hidden] = f, g[2 * hidden] = n, g[3 * hidden] = o;
      made = o * math::Tanh(cell);
      more[at] = ended ? c_before[at] : cell;
    } else if constexpr (mode == RnnMode::kGru) {
      const T r = math::Sigmoid(g[0] + fh[j] + bias_x[j] + bias_h[j]);
      const T z = math::Sigmoid(g[hidden] + fh[hidden + j] + bias_x[hidden + j] + bias_h[hidden + j]);
      const T inner = fh[2 * hidden + j] + bias_h[2 * hidden + j];
      const T n = math::Tanh(g[2 * hidden] + bias_x[2 * hidden + j] + r * inner);
      g[0] = r, g[hidden] = z, g[2 * hidden] = n;
      more[at] = inner;
      made = (h_before[at] - n) * z + n;
    } else {
      const T sum = g[0] + fh[j] + bias_x[j] + bias_h[j];
      made = mode == RnnMode::kTanh ? math::Tanh(sum) : math::Max(sum, T(0));
      g[0] = made;
    }
    h[at] = ended ? h_before[at] : made;
    out[b * out_width + j] = ended ? T(0) : made;
  }
};

/// One step back. `dh` and `dc` hold the gradients of the states after the step, and receive those before it
/// but for what flows through the product with the hidden weight.
template <typename T, RnnMode mode>
struct RnnStepGrad {
  int64_t hidden, t;
  RnnLengths lengths;
  const T *gates, *more;
  const T *h_before, *c_before;
  const T* dout;       // rows of out_width; may be null
  int64_t out_width;
  T *dh, *dc;
  T *dgates_x, *dgates_h;  // of the two products; the same memory but for the GRU

  SKIFF_HD void operator()(int64_t b, int64_t j) const {
    const int64_t at = b * hidden + j;
    constexpr int64_t num_gates = NumGates(mode);
    const int64_t row = b * hidden * num_gates + j;
    const T* g = gates + row;
    T *dx = dgates_x + row, *dg = dgates_h + row;
    if (lengths.Ended(b, t)) {  // the states passed by
      for (int64_t k = 0; k < num_gates; ++k) dx[k * hidden] = dg[k * hidden] = T(0);
      return;
    }
    const T d = dh[at] + (dout == nullptr ? T(0) : dout[b * out_width + j]);
    if constexpr (mode == RnnMode::kLstm) {
      const T i = g[0], f = g[hidden], n = g[2 * hidden], o = g[3 * hidden];
      const T cell = math::Tanh(more[at]);
      const T dcell = dc[at] + d * o * (T(1) - cell * cell);
      dx[0] = dcell * n * i * (T(1) - i);
      dx[hidden] = dcell * c_before[at] * f * (T(1) - f);
      dx[2 * hidden] = dcell * i * (T(1) - n * n);
      dx[3 * hidden] = d * cell * o * (T(1) - o);
      dc[at] = dcell * f;
      dh[at] = T(0);
    } else if constexpr (mode == RnnMode::kGru) {
      const T r = g[0], z = g[hidden], n = g[2 * hidden];
      const T dn = d * (T(1) - z) * (T(1) - n * n);
      dx[0] = dg[0] = dn * more[at] * r * (T(1) - r);
      dx[hidden] = dg[hidden] = d * (h_before[at] - n) * z * (T(1) - z);
      dx[2 * hidden] = dn;
      dg[2 * hidden] = dn * r;
      dh[at] = d * z;
    } else {
      dx[0] = mode == RnnMode::kTanh ? d * (T(1) - g[0] * g[0]) : g[0] > T(0) ? d : T(0);
      dh[at] = T(0);
    }
  }
};

/// Calls f.template operator()<mode>().
template <typename F>
void WithRnnMode(RnnMode mode, const F& f) {
  switch (mode) {
    case RnnMode::kLstm: return f.template operator()<RnnMode::kLstm>();
    case RnnMode::kGru: return f.template operator()<RnnMode::kGru>();
    case RnnMode::kTanh: return f.template operator()<RnnMode::kTanh>();
    case RnnMode::kRelu: return f.template operator()<RnnMode::kRelu>();
  }
}

template <typename F>
struct FlatCells {
  F f;
  int64_t width;
  SKIFF_HD void operator()(int64_t i) const { f(i / width, i % width); }
};

#if !defined(__CUDACC__)
template <typename F>
void CellRowLoop(const F& f, int64_t row, int64_t width) {
  const F local = f;
#pragma GCC ivdep
  for (int64_t j = 0; j < width; ++j) local(row, j);
}
#endif

/// f(row, column) for [rows, width]; on the CPU each row is one vector loop.
template <typename F>
void ForEachCell(int64_t rows, int64_t width, const KernelArgs& args, const F& f) {
#if defined(__CUDACC__)
  ForEach(rows * width, 1, args, FlatCells<F>{f, width});
#else
  const int64_t grain = (kElementGrain / 8 + width - 1) / (width > 0 ? width : 1);
  const auto loop = Simd<&CellRowLoop<F>>();
  ParallelFor(args.num_threads, rows, grain, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) loop(f, row, width);
  });
#endif
}

}  // namespace SKIFF_VARIANT
}  // namespace skiff
