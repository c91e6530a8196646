// Graphs in compressed columns (the neighbours of node v are Row[Col_Ptr[v]] to Row[Col_Ptr[v + 1] - 1]): neighbours
// taken at random, and the nodes that were taken numbered anew.
#include <numeric>
#include <unordered_map>

#include "framework/op/run_op.h"
#include "operators/host/drawing.h"
#include "operators/host/host.h"

namespace skiff {
namespace {

struct Graph {
  std::vector<int64_t> row, begin, ids;  // ids are empty where they are not wanted
  std::vector<double> weights;           // empty: all alike

  Graph(const DynamicContext& c, const char* row_slot, const char* begin_slot, const char* ids_slot)
      : row(IntElements(c.InputTensor(row_slot))), begin(IntElements(c.InputTensor(begin_slot))) {
    const int64_t edges = static_cast<int64_t>(row.size());
    for (size_t i = 0; i < begin.size(); ++i) {
      SKIFF_ENFORCE(begin[i] >= (i == 0 ? 0 : begin[i - 1]) && begin[i] <= edges, InvalidArgument, "element ", i, " of ",
                    begin_slot, " is ", begin[i], "; they must not decrease, nor pass the ", edges, " elements of ", row_slot);
    }
    if (!c.attrs().Get<bool>("return_eids")) return;
    SKIFF_ENFORCE(host::Has(c, ids_slot), InvalidArgument, "return_eids needs the input ", ids_slot);
    ids = IntElements(c.InputTensor(ids_slot));
    SKIFF_ENFORCE(ids.size() == row.size(), InvalidArgument, ids_slot, " has ", ids.size(), " elements, ", row_slot, " ",
                  edges, "; they must be equal");
  }

  /// Edges to `node`: all, or `count` at random where there are more and count is not negative.
  std::vector<int64_t> Draw(int64_t node, int64_t count, Stream* stream) const {
    const int64_t nodes = static_cast<int64_t>(begin.size()) - 1;
    SKIFF_ENFORCE(node >= 0 && node < nodes, OutOfRange, "node ", node, " of a graph of ", nodes);
    const int64_t degree = begin[node + 1] - begin[node];
    const bool all = count < 0 || count >= degree;
    std::vector<int64_t> edges(degree);
    std::iota(edges.begin(), edges.end(), int64_t{0});
    if (!all && !weights.empty()) {
      edges = DrawByWeight(weights.data() + begin[node], degree, count, stream);
    } else if (!all) {  // R. Durstenfeld's shuffle, as far as wanted
      for (int64_t i = 0; i < count; ++i) std::swap(edges[i], edges[i + stream->Below(degree - i)]);
      edges.resize(count);
    }
    for (int64_t& edge : edges) edge += begin[node];
    return edges;
  }
};

/// Numbers nodes in the order in which they are first seen.
class Numbering {
 public:
  int64_t Of(int64_t node) {
    const auto [at, is_new] = numbers_.try_emplace(node, static_cast<int64_t>(nodes_.size()));
    if (is_new) nodes_.push_back(node);
    return at->second;
  }
  std::vector<int64_t> Of(const std::vector<int64_t>& nodes) {
    std::vector<int64_t> numbers;
    for (int64_t node : nodes) numbers.push_back(Of(node));
    return numbers;
  }
  const std::vector<int64_t>& nodes() const { return nodes_; }

 private:
  std::unordered_map<int64_t, int64_t> numbers_;
  std::vector<int64_t> nodes_;
};

std::vector<int64_t> At(const std::vector<int64_t>& values, const std::vector<int64_t>& places) {
  std::vector<int64_t> taken;
  for (int64_t place : places) taken.push_back(values[place]);
  return taken;
}

void SampleInto(DynamicContext& c, const Graph& graph, const char* nodes, const char* out, const char* counts, const char* ids) {
  Stream stream(MixSeeds(c.seed(), 0));
  std::vector<int64_t> edges, each;
  for (int64_t node : IntElements(c.InputTensor(nodes))) {
    const std::vector<int64_t> drawn = graph.Draw(node, c.attrs().Get<int64_t>("sample_size"), &stream);
    edges.insert(edges.end(), drawn.begin(), drawn.end());
    each.push_back(static_cast<int64_t>(drawn.size()));
  }
  const DType dtype = c.InputTensor(nodes).dtype();
  host::Out(c, out, host::Ints(At(graph.row, edges), dtype));
  host::Out(c, counts, host::Ints(each, DType::kInt32));
  host::Out(c, ids, host::Ints(graph.ids.empty() ? std::vector<int64_t>{} : At(graph.ids, edges), dtype));
}

// Each round asks the nodes that the round before it saw for the first time.
void SampleHops(DynamicContext& c) {
  const Graph graph(c, "Row", "Col_Ptr", "Eids");
  const std::vector<int64_t> inputs = IntElements(c.InputTensor("X"));
  Stream stream(MixSeeds(c.seed(), 0));
  Numbering numbering;
  const std::vector<int64_t> reindexed = numbering.Of(inputs);
  std::vector<int64_t> edges, from, to;
  size_t asked = 0;
  for (int64_t count : c.attrs().Get<std::vector<int64_t>>("sample_sizes")) {
    const size_t end = numbering.nodes().size();
    for (; asked < end; ++asked) {
      for (int64_t edge : graph.Draw(numbering.nodes()[asked], count, &stream)) {
        edges.push_back(edge);
        from.push_back(numbering.Of(graph.row[edge]));
        to.push_back(static_cast<int64_t>(asked));
      }
    }
  }
  const DType dtype = c.InputTensor("X").dtype();
  const Shape column{static_cast<int64_t>(edges.size()), 1};
  host::Out(c, "Out_Src", host::Ints(column, from, dtype));
  host::Out(c, "Out_Dst", host::Ints(column, to, dtype));
  host::Out(c, "Sample_Index", host::Ints(numbering.nodes(), dtype));
  host::Out(c, "Reindex_X", host::Ints(reindexed, dtype));
  host::Out(c, "Out_Eids", host::Ints(graph.ids.empty() ? std::vector<int64_t>{} : At(graph.ids, edges), dtype));
}

// Count may hold several graphs' counts one behind the other: it starts with X again.
void Reindex(DynamicContext& c) {
  const std::vector<int64_t> x = IntElements(c.InputTensor("X")), neighbors = IntElements(c.InputTensor("Neighbors"));
  const std::vector<int64_t> counts = IntElements(c.InputTensor("Count"));
  SKIFF_ENFORCE(x.empty() ? counts.empty() : counts.size() % x.size() == 0, InvalidArgument, "Count has ", counts.size(),
                " elements, X ", x.size(), "; it needs one for each node, or as many for each graph");
  Numbering numbering;
  numbering.Of(x);
  SKIFF_ENFORCE(numbering.nodes().size() == x.size(), InvalidArgument, "X names ", x.size(), " nodes, ",
                numbering.nodes().size(), " of them different; a node may be named once");
  std::vector<int64_t> to;
  for (size_t i = 0; i < counts.size(); ++i) {
    SKIFF_ENFORCE(counts[i] >= 0, InvalidArgument, "element ", i, " of Count is ", counts[i], "; it must not be negative");
    to.insert(to.end(), counts[i], static_cast<int64_t>(i % x.size()));
  }
  SKIFF_ENFORCE(to.size() == neighbors.size(), InvalidArgument, "Count adds up to ", to.size(), ", there are ",
                neighbors.size(), " Neighbors; they must be equal");
  const DType dtype = c.InputTensor("X").dtype();
  host::Out(c, "Reindex_Src", host::Ints(numbering.Of(neighbors), dtype));
  host::Out(c, "Reindex_Dst", host::Ints(to, dtype));
  host::Out(c, "Out_Nodes", host::Ints(numbering.nodes(), dtype));
}

// Paddle declares no shape of what is not wanted.
[[maybe_unused]] void SetEdgeNumbers(InferContext& c, const char* slot, DType dtype) {
  c.SetOutput(slot, c.at_runtime() || c.Attr<bool>("return_eids") ? Shape{-1} : Shape{}, dtype);
}

[[maybe_unused]] InferFn SampledLists(const char* like, const char* out, const char* counts, const char* ids) {
  return [=](InferContext& c) {
    c.SetOutput(out, Shape{-1}, c.InputDType(like));
    c.SetOutput(counts, Shape{-1}, DType::kInt32);
    SetEdgeNumbers(c, ids, c.InputDType(like));
  };
}

}  // namespace

SKIFF_OP(graph_reindex)
    .Doc("Numbers nodes anew, in the order of X and then of their first appearance among the Neighbors.")
    .Source("paddle.geometric.reindex_graph, reindex_heter_graph")
    .Input("X", "[nodes], int32 or int64, each once")
    .Input("Neighbors", "[edges], of X's nodes one after the other")
    .Input("Count", "[nodes], neighbours of each; of several graphs one behind the other")
    .OptionalInput("HashTable_Value", "not read")
    .OptionalInput("HashTable_Index", "not read")
    .Output("Reindex_Src", "[edges], new numbers of Neighbors")
    .Output("Reindex_Dst", "[edges], new numbers of the nodes whose neighbours they are")
    .Output("Out_Nodes", "the node of each new number")
    .InferShape([](InferContext& c) {
      for (const char* slot : {"Reindex_Src", "Reindex_Dst", "Out_Nodes"}) c.SetOutput(slot, Shape{-1}, c.InputDType("X"));
    })
    .Dynamic(Reindex);

SKIFF_OP(graph_sample_neighbors)
    .Doc("Neighbours of each node: all, or sample_size of them at random.")
    .Source("paddle.geometric.sample_neighbors; the numbers are Philox's")
    .Input("Row", "[edges], neighbours of node 0, then of node 1, ...")
    .Input("Col_Ptr", "[nodes + 1], where each node's neighbours begin")
    .Input("X", "[inputs], int32 or int64")
    .OptionalInput("Eids", "[edges], numbers of the edges")
    .OptionalInput("Perm_Buffer", "not read")
    .Output("Out", "neighbours of each of X, one after the other")
    .Output("Out_Count", "[inputs], int32")
    .OptionalOutput("Out_Eids", "of Out; empty without return_eids")
    .Attr("sample_size", -1, "-1: all")
    .Attr("return_eids", false, "whether Out_Eids is wanted; needs Eids")
    .Attr("flag_perm_buffer", false, "not read")
    .InferShape(SampledLists("X", "Out", "Out_Count", "Out_Eids"))
    .Random()
    .Dynamic([](DynamicContext& c) {
      SampleInto(c, Graph(c, "Row", "Col_Ptr", "Eids"), "X", "Out", "Out_Count", "Out_Eids");
    });

SKIFF_OP(weighted_sample_neighbors)
    .Doc("As graph_sample_neighbors; an edge is drawn with a chance in proportion to its weight.")
    .Source("paddle.geometric.weighted_sample_neighbors; the numbers are Philox's")
    .Input("row", "[edges], neighbours of node 0, then of node 1, ...")
    .Input("colptr", "[nodes + 1], where each node's neighbours begin")
    .Input("edge_weight", "[edges], float32, not negative")
    .Input("input_nodes", "[inputs], int32 or int64")
    .OptionalInput("eids", "[edges], numbers of the edges")
    .Output("out_neighbors", "neighbours of each of input_nodes, one after the other")
    .Output("out_count", "[inputs], int32")
    .OptionalOutput("out_eids", "of out_neighbors; empty without return_eids")
    .Attr("sample_size", -1, "-1: all")
    .Attr("return_eids", false, "whether out_eids is wanted; needs eids")
    .InferShape(SampledLists("input_nodes", "out_neighbors", "out_count", "out_eids"))
    .Random()
    .Dynamic([](DynamicContext& c) {
      Graph graph(c, "row", "colptr", "eids");
      const Tensor weights = host::In(c, "edge_weight");
      SKIFF_ENFORCE(weights.dtype() == DType::kFloat32, InvalidArgument, "edge_weight is ", weights.dtype(), "; expected float32");
      graph.weights.assign(weights.data<float>(), weights.data<float>() + weights.num_elements());
      SKIFF_ENFORCE(graph.weights.size() == graph.row.size(), InvalidArgument, "edge_weight has ", graph.weights.size(),
                    " elements, row ", graph.row.size(), "; they must be equal");
      SampleInto(c, graph, "input_nodes", "out_neighbors", "out_count", "out_eids");
    });

SKIFF_OP(graph_khop_sampler)
    .Doc("Samples neighbours of X, then of the nodes found so, once for each of sample_sizes, and numbers all nodes anew.")
    .Source("paddle.incubate.graph_khop_sampler; the numbers are Philox's")
    .Input("Row", "[edges], neighbours of node 0, then of node 1, ...")
    .OptionalInput("Eids", "[edges], numbers of the edges")
    .Input("Col_Ptr", "[nodes + 1], where each node's neighbours begin")
    .Input("X", "[inputs], int32 or int64")
    .Output("Out_Src", "[edges taken, 1], new numbers of neighbours")
    .Output("Out_Dst", "[edges taken, 1], new numbers of the nodes whose neighbours they are")
    .Output("Sample_Index", "the node of each new number")
    .Output("Reindex_X", "[inputs], new numbers of X")
    .OptionalOutput("Out_Eids", "[edges taken]; empty without return_eids")
    .RequiredAttr<std::vector<int32_t>>("sample_sizes", "neighbours of a node in each round; -1: all")
    .Attr("return_eids", false, "whether Out_Eids is wanted; needs Eids")
    .InferShape([](InferContext& c) {
      const DType dtype = c.InputDType("X");
      for (const char* slot : {"Out_Src", "Out_Dst"}) c.SetOutput(slot, Shape{-1, 1}, dtype);
      c.SetOutput("Sample_Index", Shape{-1}, dtype);
      c.SetOutput("Reindex_X", c.InputShape("X"), dtype);
      SetEdgeNumbers(c, "Out_Eids", dtype);
    })
    .Random()
    .Dynamic(SampleHops);

}  // namespace skiff
