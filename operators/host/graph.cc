// Rows gathered along the edges of a graph, or by segment, and reduced where they meet.
#include <algorithm>

#include "operators/host/sequences.h"

namespace skiff {

namespace {

enum class Meeting { kSum, kMean, kMax, kMin };

Meeting ParseMeeting(const std::string& attr, const std::string& name) {
  if (name == "SUM") return Meeting::kSum;
  if (name == "MEAN") return Meeting::kMean;
  if (name == "MAX") return Meeting::kMax;
  SKIFF_ENFORCE(name == "MIN", InvalidArgument, "attribute ", attr, " is \"", name, "\"; it may be SUM, MEAN, MAX or MIN");
  return Meeting::kMin;
}

// Row from[e] of X goes to row to[e] of Out; a row that nothing goes to is zero.
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

std::vector<double> Meet(const Edges& g, Meeting meeting, const std::vector<double>& x, int64_t width) {
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

// Every row that is as large as the largest takes the whole gradient.
std::vector<double> Part(const Edges& g, Meeting meeting, const std::vector<double>& x, const std::vector<double>& out,
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

Edges SegmentEdges(const DynamicContext& c) {
  const std::vector<int64_t> ids = IntElements(c.InputTensor("SegmentIds"));
  std::vector<int64_t> rows(ids.size());
  for (size_t i = 0; i < ids.size(); ++i) {
    rows[i] = static_cast<int64_t>(i);
    SKIFF_ENFORCE(i == 0 || ids[i - 1] <= ids[i], InvalidArgument, "element ", i, " of SegmentIds is ", ids[i], " after ",
                  ids[i - 1], "; they must not decrease");
  }
  return Edges(rows, ids, Rows(c.InputTensor("X")), ids.empty() ? 0 : ids.back() + 1);
}
Edges GraphEdges(const DynamicContext& c) {
  const Tensor& x = c.InputTensor("X");
  int64_t rows = 0;
  if (host::Has(c, "Out_size")) {
    rows = IntElements(c.InputTensor("Out_size")).at(0);
  } else if (const auto given = c.attrs().Get<std::vector<int64_t>>("out_size"); !given.empty()) {
    rows = given[0];
  }
  return Edges(IntElements(c.InputTensor("Src_index")), IntElements(c.InputTensor("Dst_index")), Rows(x),
               rows > 0 ? rows : Rows(x));
}

template <Edges (*Read)(const DynamicContext&)>
void Forward(DynamicContext& c, const char* attr) {
  const Tensor& x = c.InputTensor("X");
  const Edges g = Read(c);
  const Meeting meeting = ParseMeeting(attr, c.attrs().Get<std::string>(attr));
  const int64_t rows = static_cast<int64_t>(g.counts.size());
  host::Out(c, "Out", FromDoubles(WithRows(x.shape(), rows), x.dtype(), Meet(g, meeting, Doubles(x), Width(x))));
  host::Out(c, "Dst_count", FromInts({rows}, DType::kInt32, g.counts));
  if (meeting == Meeting::kMean) host::Out(c, "SummedIds", FromInts({rows, 1}, x.dtype(), g.counts));
}
template <Edges (*Read)(const DynamicContext&)>
void Backward(DynamicContext& c, const char* attr) {
  const Tensor& x = c.InputTensor("X");
  const Meeting meeting = ParseMeeting(attr, c.attrs().Get<std::string>(attr));
  std::vector<double> out;
  if (host::Has(c, "Out")) out = Doubles(c.InputTensor("Out"));
  host::Out(c, "X@GRAD", FromDoubles(x.shape(), x.dtype(),
                                     Part(Read(c), meeting, Doubles(x), out, Doubles(c.InputTensor("Out@GRAD")), Width(x))));
}

}  // namespace

SKIFF_OP(segment_pool)
    .Doc("Row i of Out is the sum, mean, maximum or minimum of the rows of X whose segment is i.")
    .Source("paddle.geometric.segment_sum and the like")
    .Input("X", "[rows, ...]")
    .Input("SegmentIds", "[rows], never decreasing")
    .Output("Out", "[largest segment + 1, ...]")
    .OptionalOutput("SummedIds", "rows of each segment; for MEAN")
    .Attr("pooltype", "SUM", "SUM, MEAN, MAX or MIN")
    .InferShape([](InferContext& c) {
      Shape out = c.InputShape("X");
      out[0] = -1;
      c.SetOutput("Out", out, c.InputDType("X"));
      c.SetOutput("SummedIds", {-1, 1}, c.InputDType("X"));
    })
    .Gradient(StandardGrad({"X", "SegmentIds"}, {"Out", "SummedIds"}, {"Out"}, {"X"}))
    .Dynamic([](DynamicContext& c) { Forward<SegmentEdges>(c, "pooltype"); });

SKIFF_OP(segment_pool_grad)
    .Doc("The gradient of segment_pool.")
    .Input("X", "of segment_pool")
    .Input("SegmentIds", "of segment_pool")
    .OptionalInput("Out", "of segment_pool")
    .OptionalInput("SummedIds", "not read")
    .Input("Out@GRAD", "shape of Out")
    .Output("X@GRAD", "shape of X")
    .Attr("pooltype", "SUM", "of segment_pool")
    .InferShape(GradsLikeInputs())
    .Dynamic([](DynamicContext& c) { Backward<SegmentEdges>(c, "pooltype"); });

SKIFF_OP(graph_send_recv)
    .Doc("Row Src_index[e] of X goes to row Dst_index[e] of Out for each edge e; what meets there is reduced.")
    .Source("paddle.geometric.send_u_recv")
    .Input("X", "[rows, ...]")
    .Input("Src_index", "[edges]")
    .Input("Dst_index", "[edges]")
    .OptionalInput("Out_size", "rows of Out; goes before the attribute")
    .Output("Out", "[rows of Out, ...]; zero where no edge ends")
    .OptionalOutput("Dst_count", "edges that end at each row, int32")
    .Attr("reduce_op", "SUM", "SUM, MEAN, MAX or MIN")
    .Attr("out_size", std::vector<int64_t>{0}, "rows of Out; those of X where not positive")
    .InferShape([](InferContext& c) {
      Shape out = c.InputShape("X");
      const auto given = c.Attr<std::vector<int64_t>>("out_size");
      if (c.HasInput("Out_size")) out[0] = -1;
      else if (!given.empty() && given[0] > 0) out[0] = given[0];
      c.SetOutput("Out", out, c.InputDType("X"));
      c.SetOutput("Dst_count", {out[0]}, DType::kInt32);
    })
    .Gradient(StandardGrad({"X", "Src_index", "Dst_index", "Out_size"}, {"Out", "Dst_count"}, {"Out"}, {"X"}))
    .Dynamic([](DynamicContext& c) { Forward<GraphEdges>(c, "reduce_op"); });

SKIFF_OP(graph_send_recv_grad)
    .Doc("The gradient of graph_send_recv.")
    .Input("X", "of graph_send_recv")
    .Input("Src_index", "of graph_send_recv")
    .Input("Dst_index", "of graph_send_recv")
    .OptionalInput("Out_size", "of graph_send_recv")
    .OptionalInput("Out", "of graph_send_recv")
    .OptionalInput("Dst_count", "not read")
    .Input("Out@GRAD", "shape of Out")
    .Output("X@GRAD", "shape of X")
    .Attr("reduce_op", "SUM", "of graph_send_recv")
    .Attr("out_size", std::vector<int64_t>{0}, "of graph_send_recv")
    .InferShape(GradsLikeInputs())
    .Dynamic([](DynamicContext& c) { Backward<GraphEdges>(c, "reduce_op"); });

}  // namespace skiff
