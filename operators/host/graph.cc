// Rows gathered along the edges of a graph, or by segment, and reduced where they meet.
#include "operators/host/edges.h"
#include "operators/host/sequences.h"

namespace skiff {

namespace {

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
      out[0] = -1;  // Paddle declares no more, also where rows are known
      c.SetOutput("Out", out, c.InputDType("X"));
      SetEdgeCounts(c);
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
