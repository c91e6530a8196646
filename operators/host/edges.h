// Values that go along the edges of a graph and are reduced where they meet.
#pragma once

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "framework/op/op_schema.h"

namespace skiff {

enum class Meeting { kSum, kMean, kMax, kMin };

inline Meeting ParseMeeting(const std::string& attr, const std::string& name) {
  if (name == "SUM") return Meeting::kSum;
  if (name == "MEAN") return Meeting::kMean;
  if (name == "MAX") return Meeting::kMax;
  SKIFF_ENFORCE(name == "MIN", InvalidArgument, "attribute ", attr, " is \"", name, "\"; it may be SUM, MEAN, MAX or MIN");
  return Meeting::kMin;
}

/// Row from[e] of X goes to row to[e] of Out; a row that nothing goes to is zero.
struct Edges {
  std::vector<int64_t> from, to, counts;
  Edges(std::vector<int64_t> source, std::vector<int64_t> target, int64_t rows_in, int64_t rows_out)
      : from(std::move(source)), to(std::move(target)), counts(rows_out, 0) {
    SKIFF_ENFORCE(from.size() == to.size(), InvalidArgument, from.size(), " edges begin and ", to.size(),
                  " end; they must be equal");
    for (size_t e = 0; e < to.size(); ++e) {
      SKIFF_ENFORCE(from[e] >= 0 && from[e] < rows_in && to[e] >= 0 && to[e] < rows_out, OutOfRange, "edge ", e,
                    " goes from row ", from[e], " to row ", to[e], "; there are ", rows_in, " and ", rows_out, " rows");
      ++counts[to[e]];
    }
  }
};

inline std::vector<double> Meet(const Edges& g, Meeting meeting, const std::vector<double>& x, int64_t width) {
  std::vector<double> out(g.counts.size() * width, 0.0);
  std::vector<bool> met(g.counts.size(), false);
  for (size_t e = 0; e < g.to.size(); ++e) {
    for (int64_t j = 0; j < width; ++j) {
      double& to = out[g.to[e] * width + j];
      const double v = x[g.from[e] * width + j];
      if (!met[g.to[e]]) to = v;
      else if (meeting == Meeting::kMax) to = std::max(to, v);
      else if (meeting == Meeting::kMin) to = std::min(to, v);
      else to += v;
    }
    met[g.to[e]] = true;
  }
  for (size_t i = 0; meeting == Meeting::kMean && i < out.size(); ++i) {
    out[i] /= static_cast<double>(std::max<int64_t>(1, g.counts[i / width]));
  }
  return out;
}

/// The gradient of Meet. Every row that is as large as the largest takes the whole gradient.
inline std::vector<double> Part(const Edges& g, Meeting meeting, const std::vector<double>& x, const std::vector<double>& out,
                         const std::vector<double>& dout, int64_t width) {
  std::vector<double> dx(x.size(), 0.0);
  for (size_t e = 0; e < g.to.size(); ++e) {
    for (int64_t j = 0; j < width; ++j) {
      const int64_t from = g.from[e] * width + j, to = g.to[e] * width + j;
      const bool extreme = meeting == Meeting::kMax || meeting == Meeting::kMin;
      if (extreme && x[from] != out.at(to)) continue;
      dx[from] += meeting == Meeting::kMean ? dout.at(to) / static_cast<double>(g.counts[g.to[e]]) : dout.at(to);
    }
  }
  return dx;
}

/// Declares Dst_count; as Paddle without a shape where no mean is taken.
inline void SetEdgeCounts(InferContext& c) {
  const bool declared = c.at_runtime() || c.Attr<std::string>("reduce_op") == "MEAN";
  c.SetOutput("Dst_count", declared ? Shape{-1} : Shape{}, DType::kInt32);
}

}  // namespace skiff
