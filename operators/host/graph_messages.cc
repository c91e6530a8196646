// Messages along the edges of a graph, made of the rows at both ends or of the edge's own: send_ue_recv, send_uv.
#include "operators/host/edges.h"
#include "operators/host/sequences.h"

namespace skiff {
namespace {

/// The message of edge e is row from[e] of X, plus or times row to[e] of Y; rows broadcast as NumPy's arrays do.
class Messages {
 public:
  Messages(const Attrs& attrs, const Tensor& x, const Tensor& y, std::vector<int64_t> x_rows, std::vector<int64_t> y_rows)
      : x_(Doubles(x)), y_(Doubles(y)), x_rows_(std::move(x_rows)), y_rows_(std::move(y_rows)),
        row_(RowShape(x.shape(), y.shape())), x_width_(Width(x)), y_width_(Width(y)) {
    const auto op = attrs.Get<std::string>("message_op");
    SKIFF_ENFORCE(op == "ADD" || op == "MUL", InvalidArgument, "attribute message_op is \"", op, "\"; it may be ADD or MUL");
    multiplies_ = op == "MUL";
    SKIFF_ENFORCE(x_rows_.size() == y_rows_.size(), InvalidArgument, "there are ", x_rows_.size(), " rows of X and ",
                  y_rows_.size(), " of Y for the edges; they must be equal");
    for (size_t e = 0; e < x_rows_.size(); ++e) {
      SKIFF_ENFORCE(x_rows_[e] >= 0 && x_rows_[e] < Rows(x) && y_rows_[e] >= 0 && y_rows_[e] < Rows(y), OutOfRange, "edge ",
                    e, " takes row ", x_rows_[e], " of X and row ", y_rows_[e], " of Y; there are ", Rows(x), " and ", Rows(y));
    }
    for (int64_t j = 0; j < width(); ++j) {
      x_column_.push_back(ColumnOf(x.shape(), j));
      y_column_.push_back(ColumnOf(y.shape(), j));
    }
  }

  /// Extents of a message: those of both rows, broadcast. -1 where an extent is not known.
  static Shape RowShape(Shape x, Shape y) {
    SKIFF_ENFORCE(x.rank() > 0 && y.rank() > 0, InvalidArgument, "X is ", x, ", Y is ", y, "; both need rows");
    const Shape given_x = x, given_y = y;
    x.Erase(0);
    y.Erase(0);
    while (x.rank() < y.rank()) x.Insert(0, 1);
    while (y.rank() < x.rank()) y.Insert(0, 1);
    for (int i = 0; i < x.rank(); ++i) {
      SKIFF_ENFORCE(x[i] == y[i] || x[i] == 1 || y[i] == 1 || x[i] < 0 || y[i] < 0, InvalidArgument, "rows of X ", given_x,
                    " and Y ", given_y, " do not broadcast");
      if (x[i] == 1) x[i] = y[i];
    }
    return x;
  }
  Shape ShapeOf(int64_t rows) const {
    Shape shape = row_;
    shape.Insert(0, rows);
    return shape;
  }
  int64_t width() const { return row_.NumElements(); }
  int64_t count() const { return static_cast<int64_t>(x_rows_.size()); }

  std::vector<double> Values() const {
    std::vector<double> values;
    values.reserve(count() * width());
    ForEachElement([&](int64_t, int64_t x, int64_t y) { values.push_back(multiplies_ ? x_[x] * y_[y] : x_[x] + y_[y]); });
    return values;
  }
  /// Gradients of X and of Y from those of the messages.
  std::pair<std::vector<double>, std::vector<double>> Gradients(const std::vector<double>& grad) const {
    std::vector<double> dx(x_.size(), 0.0), dy(y_.size(), 0.0);
    ForEachElement([&](int64_t i, int64_t x, int64_t y) {
      dx[x] += multiplies_ ? grad.at(i) * y_[y] : grad.at(i);
      dy[y] += multiplies_ ? grad.at(i) * x_[x] : grad.at(i);
    });
    return {std::move(dx), std::move(dy)};
  }

 private:
  // Where element j of a message lies in a row of an operand.
  int64_t ColumnOf(const Shape& operand, int64_t j) const {
    int64_t column = 0, step = 1;
    for (int i = row_.rank() - 1, k = operand.rank() - 1; i >= 0; j /= row_[i], --i, --k) {
      if (k < 1) continue;
      if (operand[k] != 1) column += j % row_[i] * step;
      step *= operand[k];
    }
    return column;
  }
  template <typename F>
  void ForEachElement(const F& f) const {
    for (int64_t e = 0, i = 0; e < count(); ++e) {
      for (int64_t j = 0; j < width(); ++j, ++i) {
        f(i, x_rows_[e] * x_width_ + x_column_[j], y_rows_[e] * y_width_ + y_column_[j]);
      }
    }
  }

  std::vector<double> x_, y_;
  std::vector<int64_t> x_rows_, y_rows_, x_column_, y_column_;
  Shape row_;
  int64_t x_width_, y_width_;
  bool multiplies_ = false;
};

std::vector<int64_t> EdgeNumbers(int64_t count) {
  std::vector<int64_t> numbers(count);
  for (int64_t e = 0; e < count; ++e) numbers[e] = e;
  return numbers;
}

// Row e of Y belongs to edge e.
Messages EdgeMessages(const DynamicContext& c) {
  const Tensor& y = c.InputTensor("Y");
  return Messages(c.attrs(), c.InputTensor("X"), y, IntElements(c.InputTensor("Src_index")), EdgeNumbers(Rows(y)));
}
Edges MessageEdges(const DynamicContext& c, int64_t count) {
  int64_t rows = 0;
  if (host::Has(c, "Out_size")) {
    rows = IntElements(c.InputTensor("Out_size")).at(0);
  } else if (const auto given = c.attrs().Get<std::vector<int64_t>>("out_size"); !given.empty()) {
    rows = given[0];
  }
  return Edges(EdgeNumbers(count), IntElements(c.InputTensor("Dst_index")), count, rows > 0 ? rows : Rows(c.InputTensor("X")));
}

void SendUERecv(DynamicContext& c) {
  const Messages messages = EdgeMessages(c);
  const Edges edges = MessageEdges(c, messages.count());
  const Meeting meeting = ParseMeeting("reduce_op", c.attrs().Get<std::string>("reduce_op"));
  const int64_t rows = static_cast<int64_t>(edges.counts.size());
  host::Out(c, "Out", FromDoubles(messages.ShapeOf(rows), c.InputTensor("X").dtype(),
                                  Meet(edges, meeting, messages.Values(), messages.width())));
  host::Out(c, "Dst_count", FromInts({rows}, DType::kInt32, edges.counts));
}

void OutGradients(DynamicContext& c, const char* x, const char* y, const Messages& messages, const std::vector<double>& grad) {
  const auto [dx, dy] = messages.Gradients(grad);
  const Tensor &x_like = c.InputTensor(x), &y_like = c.InputTensor(y);
  host::Out(c, GradName(x), FromDoubles(x_like.shape(), x_like.dtype(), dx));
  host::Out(c, GradName(y), FromDoubles(y_like.shape(), y_like.dtype(), dy));
}

void SendUERecvGrad(DynamicContext& c) {
  const Messages messages = EdgeMessages(c);
  const Edges edges = MessageEdges(c, messages.count());
  const Meeting meeting = ParseMeeting("reduce_op", c.attrs().Get<std::string>("reduce_op"));
  const std::vector<double> values = messages.Values();
  std::vector<double> out;
  if (meeting == Meeting::kMax || meeting == Meeting::kMin) {
    // Again rather than from Out, which was rounded.
    out = Meet(edges, meeting, values, messages.width());
  }
  OutGradients(c, "X", "Y", messages,
               Part(edges, meeting, values, out, Doubles(c.InputTensor("Out@GRAD")), messages.width()));
}

Messages NodeMessages(const DynamicContext& c) {
  return Messages(c.attrs(), c.InputTensor("x"), c.InputTensor("y"), IntElements(c.InputTensor("src_index")),
                  IntElements(c.InputTensor("dst_index")));
}

void SetMessages(InferContext& c, const char* out, const char* x, const char* y, int64_t rows) {
  Shape shape = Messages::RowShape(c.InputShape(x), c.InputShape(y));
  shape.Insert(0, rows);
  c.SetOutput(out, shape, c.InputDType(x));
}

}  // namespace

SKIFF_OP(graph_send_ue_recv)
    .Doc("Edge e sends row Src_index[e] of X plus or times row e of Y to row Dst_index[e] of Out; what meets there is reduced.")
    .Source("paddle.geometric.send_ue_recv")
    .Input("X", "[nodes, ...]")
    .Input("Y", "[edges, ...]; its rows broadcast with those of X")
    .Input("Src_index", "[edges]")
    .Input("Dst_index", "[edges]")
    .OptionalInput("Out_size", "rows of Out; goes before the attribute")
    .Output("Out", "[rows of Out, ...]; zero where no edge ends")
    .OptionalOutput("Dst_count", "edges that end at each row, int32")
    .Attr("message_op", "ADD", "ADD or MUL")
    .Attr("reduce_op", "SUM", "SUM, MEAN, MAX or MIN")
    .Attr("out_size", std::vector<int64_t>{0}, "rows of Out; those of X where not positive")
    .InferShape([](InferContext& c) {
      SetMessages(c, "Out", "X", "Y", -1);  // Paddle declares no more, also where rows are known
      SetEdgeCounts(c);
    })
    .Gradient(StandardGrad({"X", "Y", "Src_index", "Dst_index", "Out_size"}, {"Out", "Dst_count"}, {"Out"}, {"X", "Y"}))
    .Dynamic(SendUERecv);

SKIFF_OP(graph_send_ue_recv_grad)
    .Doc("The gradients of graph_send_ue_recv. Every message as large as the largest takes the whole gradient.")
    .Input("X", "of graph_send_ue_recv")
    .Input("Y", "of graph_send_ue_recv")
    .Input("Src_index", "of graph_send_ue_recv")
    .Input("Dst_index", "of graph_send_ue_recv")
    .OptionalInput("Out_size", "of graph_send_ue_recv")
    .OptionalInput("Out", "not read")
    .OptionalInput("Dst_count", "not read")
    .Input("Out@GRAD", "shape of Out")
    .OptionalOutput("X@GRAD", "shape of X")
    .OptionalOutput("Y@GRAD", "shape of Y")
    .Attr("message_op", "ADD", "of graph_send_ue_recv")
    .Attr("reduce_op", "SUM", "of graph_send_ue_recv")
    .Attr("out_size", std::vector<int64_t>{0}, "of graph_send_ue_recv")
    .InferShape(GradsLikeInputs())
    .Dynamic(SendUERecvGrad);

SKIFF_OP(graph_send_uv)
    .Doc("Row e of out is row src_index[e] of x plus or times row dst_index[e] of y.")
    .Source("paddle.geometric.send_uv")
    .Input("x", "[nodes, ...]")
    .Input("y", "[nodes, ...]; its rows broadcast with those of x")
    .Input("src_index", "[edges]")
    .Input("dst_index", "[edges]")
    .Output("out", "[edges, ...]")
    .Attr("message_op", "ADD", "ADD or MUL")
    .InferShape([](InferContext& c) { SetMessages(c, "out", "x", "y", c.InputShape("src_index")[0]); })
    .Gradient(StandardGrad({"x", "y", "src_index", "dst_index"}, {}, {"out"}, {"x", "y"}))
    .Dynamic([](DynamicContext& c) {
      const Messages messages = NodeMessages(c);
      host::Out(c, "out", FromDoubles(messages.ShapeOf(messages.count()), c.InputTensor("x").dtype(), messages.Values()));
    });

SKIFF_OP(graph_send_uv_grad)
    .Doc("The gradients of graph_send_uv.")
    .Input("x", "of graph_send_uv")
    .Input("y", "of graph_send_uv")
    .Input("src_index", "of graph_send_uv")
    .Input("dst_index", "of graph_send_uv")
    .Input("out@GRAD", "shape of out")
    .OptionalOutput("x@GRAD", "shape of x")
    .OptionalOutput("y@GRAD", "shape of y")
    .Attr("message_op", "ADD", "of graph_send_uv")
    .InferShape(GradsLikeInputs())
    .Dynamic([](DynamicContext& c) { OutGradients(c, "x", "y", NodeMessages(c), Doubles(c.InputTensor("out@GRAD"))); });

}  // namespace skiff
