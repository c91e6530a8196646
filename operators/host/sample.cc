// Choosing at random: multinomial, randperm, shuffle_batch, class_center_sample, top_p_sampling. The choices
// are made on the host, one after the other, from the counter-based generator: a seed gives the same ones
// everywhere.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <map>
#include <numeric>
#include <set>

#include "operators/host/drawing.h"
#include "operators/host/host.h"

namespace skiff {

namespace {

// One category after the other.
template <typename T>
void DrawCategories(const T* p, int64_t n, int64_t count, bool replacement, Stream* stream, int64_t* out) {
  double sum = 0;
  int64_t possible = 0;
  for (int64_t i = 0; i < n; ++i) {
    SKIFF_ENFORCE(p[i] >= 0 && std::isfinite(p[i]), InvalidArgument, "X holds ", p[i],
                  "; a probability must be finite and not negative");
    sum += p[i];
    possible += p[i] > 0;
  }
  SKIFF_ENFORCE(sum > 0, InvalidArgument, "the probabilities of a row of X add up to ", sum, "; expected more than 0");
  SKIFF_ENFORCE(replacement || possible >= count, InvalidArgument, "num_samples is ", count, " without replacement, ",
                possible, " categories have a probability");
  if (replacement) {
    std::vector<double> below(n);
    double total = 0;
    for (int64_t i = 0; i < n; ++i) below[i] = total += p[i];
    for (int64_t k = 0; k < count; ++k) {
      out[k] = std::upper_bound(below.begin(), below.end(), stream->Uniform() * total) - below.begin();
      while (out[k] >= n || p[out[k]] == 0) --out[k];  // rounding may pass the end
    }
    return;
  }
  const std::vector<int64_t> drawn = DrawByWeight(p, n, count, stream);
  std::copy(drawn.begin(), drawn.end(), out);
}

void Multinomial(DynamicContext& c) {
  const Tensor x = host::In(c, "X");
  const int64_t count = c.attrs().Get<int64_t>("num_samples");
  const bool replacement = c.attrs().Get<bool>("replacement");
  Shape shape = x.shape();
  SKIFF_ENFORCE(shape.rank() == 1 || shape.rank() == 2, InvalidArgument, "X is ", shape, "; it may have one or two axes");
  const int64_t n = shape[shape.rank() - 1];
  SKIFF_ENFORCE(count > 0, InvalidArgument, "attribute num_samples is ", count, "; it must be positive");
  SKIFF_ENFORCE(replacement || count <= n, InvalidArgument, "num_samples is ", count, " without replacement, X has ", n,
                " categories");
  shape[shape.rank() - 1] = count;
  Tensor out(shape, DType::kInt64);
  Stream stream(MixSeeds(c.seed(), 0));
  host::WithFloats(x.dtype(), "X", [&](auto zero) {
    using T = decltype(zero);
    for (int64_t row = 0, rows = x.shape().rank() == 2 ? x.shape()[0] : 1; row < rows; ++row) {
      DrawCategories(x.data<T>() + row * n, n, count, replacement, &stream, out.data<int64_t>() + row * count);
    }
  });
  host::Out(c, "Out", out);
}

void RandPerm(DynamicContext& c) {
  const int64_t n = c.attrs().Get<int64_t>("n");
  std::vector<int64_t> order(n);
  std::iota(order.begin(), order.end(), int64_t{0});
  Stream stream(MixSeeds(c.seed(), static_cast<uint64_t>(c.attrs().Get<int64_t>("seed", 0))));
  ShuffleValues(&order, &stream);
  const DType dtype = host::DTypeOf(c.attrs());
  if (dtype == DType::kInt32 || dtype == DType::kInt64) return host::Out(c, "Out", host::Ints(order, dtype));
  host::WithFloats(dtype, "attribute dtype", [&](auto zero) {
    using T = decltype(zero);
    host::Out(c, "Out", Tensor::Of(Shape{n}, std::vector<T>(order.begin(), order.end())));
  });
}

// Row i of X becomes row index[i] of Out.
Tensor MoveRows(const Tensor& x, const std::vector<int64_t>& index, bool back) {
  Tensor out(x.shape(), x.dtype());
  const size_t bytes = index.empty() ? 0 : x.bytes() / index.size();
  for (size_t i = 0; i < index.size(); ++i) {
    const size_t from = back ? index[i] : i, to = back ? i : index[i];
    std::memcpy(static_cast<char*>(out.raw_data()) + to * bytes, static_cast<const char*>(x.raw_data()) + from * bytes, bytes);
  }
  return out;
}

void ShuffleBatch(DynamicContext& c) {
  const Tensor x = host::In(c, "X");
  const int rank = x.shape().rank();
  SKIFF_ENFORCE(rank > 0, InvalidArgument, "X is 0-D; there is nothing to shuffle");
  int64_t seed = c.attrs().Get<int64_t>("startup_seed");
  if (host::Has(c, "Seed")) {
    const Tensor given = host::In(c, "Seed");
    if (given.num_elements() > 0) seed = given.data<int64_t>()[0];
  }
  std::vector<int64_t> index(x.shape().Product(0, rank - 1));
  std::iota(index.begin(), index.end(), int64_t{0});
  Stream stream(MixSeeds(c.seed(), static_cast<uint64_t>(seed)));
  ShuffleValues(&index, &stream);
  host::Out(c, "Out", MoveRows(x, index, false));
  host::Out(c, "ShuffleIdx", host::Ints(index, DType::kInt64));
  host::Out(c, "SeedOut", host::Ints(std::vector<int64_t>{stream.Below(int64_t{1} << 31)}, DType::kInt64));
}

void ShuffleBatchGrad(DynamicContext& c) {
  const Tensor out_grad = host::In(c, "Out@GRAD"), index = host::In(c, "ShuffleIdx");
  const std::vector<int64_t> order(index.data<int64_t>(), index.data<int64_t>() + index.num_elements());
  const int64_t rows = out_grad.shape().Product(0, out_grad.shape().rank() - 1);
  SKIFF_ENFORCE(static_cast<int64_t>(order.size()) == rows, InvalidArgument, "ShuffleIdx holds ", order.size(),
                " indices, Out@GRAD has ", rows, " rows");
  for (int64_t i : order) SKIFF_ENFORCE(i >= 0 && i < rows, OutOfRange, "ShuffleIdx holds ", i);
  host::Out(c, "X@GRAD", MoveRows(out_grad, order, true));
}

void ClassCenterSample(DynamicContext& c) {
  const Tensor label = host::In(c, "Label");
  const int64_t classes = c.attrs().Get<int64_t>("num_classes"), samples = c.attrs().Get<int64_t>("num_samples");
  SKIFF_ENFORCE(classes > 0 && samples > 0 && samples <= classes, InvalidArgument, "num_classes is ", classes,
                ", num_samples ", samples, "; expected 0 < num_samples <= num_classes");
  SKIFF_ENFORCE(c.attrs().Get<int64_t>("nranks") == 1, Unimplemented, "classes are not shared among processes");
  std::vector<int64_t> labels;
  host::WithNumbers(label.dtype(), "Label", [&](auto zero) {
    using T = decltype(zero);
    for (T v : label.Values<T>()) labels.push_back(static_cast<int64_t>(v));
  });
  std::map<int64_t, int64_t> position;
  for (int64_t v : labels) {
    SKIFF_ENFORCE(v >= 0 && v < classes, OutOfRange, "Label holds ", v, "; expected [0, ", classes, ")");
    position[v] = 0;
  }
  std::vector<int64_t> centers;
  for (auto& [v, at] : position) {
    at = static_cast<int64_t>(centers.size());
    centers.push_back(v);
  }
  const int64_t seed = c.attrs().Get<bool>("fix_seed") ? c.attrs().Get<int64_t>("seed") : 0;
  Stream stream(seed != 0 ? MixSeeds(0, seed) : MixSeeds(c.seed(), 0));
  if (samples > classes / 2) {
    std::vector<int64_t> others;
    for (int64_t v = 0; v < classes; ++v) {
      if (!position.contains(v)) others.push_back(v);
    }
    ShuffleValues(&others, &stream);
    for (size_t k = 0; static_cast<int64_t>(centers.size()) < samples; ++k) centers.push_back(others[k]);
  } else {  // most draws are new: no list of all classes
    std::set<int64_t> taken(centers.begin(), centers.end());
    while (static_cast<int64_t>(centers.size()) < samples) {
      const int64_t v = stream.Below(classes);
      if (taken.insert(v).second) centers.push_back(v);
    }
  }
  for (int64_t& v : labels) v = position[v];
  host::Out(c, "RemappedLabel", host::Ints(label.shape(), labels, label.dtype()));
  host::Out(c, "SampledLocalClassCenter", host::Ints(centers, label.dtype()));
}

// Of each row the likeliest elements whose probabilities reach ps, one of them drawn by its probability.
void TopPSampling(DynamicContext& c) {
  const Tensor x = host::In(c, "x"), ps = host::In(c, "ps");
  SKIFF_ENFORCE(x.shape().rank() == 2 && x.shape()[1] > 0 && ps.num_elements() == x.shape()[0] && ps.dtype() == x.dtype(),
                InvalidArgument, "x is ", x.dtype(), " ", x.shape(), ", ps ", ps.dtype(), " ", ps.shape(),
                "; expected [rows, classes] and one of ps for each row");
  const int64_t rows = x.shape()[0], n = x.shape()[1];
  const int64_t seed = c.attrs().Get<int64_t>("seed");
  Stream stream(seed > 0 ? MixSeeds(0, seed) : MixSeeds(c.seed(), 0));
  std::vector<int64_t> ids(rows), order(n);
  host::WithFloats(x.dtype(), "x", [&](auto zero) {
    using T = decltype(zero);
    const Tensor threshold = host::Has(c, "threshold") ? host::In(c, "threshold") : Tensor();
    Tensor out(Shape{rows, 1}, x.dtype());
    for (int64_t row = 0; row < rows; ++row) {
      const T* p = x.data<T>() + row * n;
      std::iota(order.begin(), order.end(), int64_t{0});
      const auto weight = [&](int64_t i) { return p[i] == p[i] ? p[i] : -std::numeric_limits<T>::infinity(); };
      std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) { return weight(a) > weight(b); });
      const T least = threshold.is_initialized() ? threshold.data<T>()[row % threshold.num_elements()] : T(0);
      double total = 0;
      int64_t kept = 0;
      while (kept < n && (kept == 0 || (total < ps.data<T>()[row] && p[order[kept]] >= least))) total += p[order[kept++]];
      double left = stream.Uniform() * total;
      int64_t k = 0;
      while (k + 1 < kept && left >= p[order[k]]) left -= p[order[k++]];
      ids[row] = order[k];
      out.data<T>()[row] = p[order[k]];
    }
    host::Out(c, "out", out);
  });
  host::Out(c, "ids", host::Ints(Shape{rows, 1}, ids, DType::kInt64));
}

}  // namespace

SKIFF_OP(multinomial)
    .Doc("Out holds num_samples categories, drawn with each row's probabilities.")
    .Source("paddle.multinomial; the numbers are Philox's")
    .Input("X", "[categories] or [rows, categories], not negative; need not add up to 1")
    .Output("Out", "int64, [num_samples] or [rows, num_samples]")
    .Attr("num_samples", 1, "per row")
    .Attr("replacement", false, "whether a category may be drawn again")
    .InferShape([](InferContext& c) {
      Shape out = c.InputShape("X");
      SKIFF_ENFORCE(out.rank() == 1 || out.rank() == 2, InvalidArgument, "X is ", out, "; it may have one or two axes");
      out[out.rank() - 1] = c.Attr<int64_t>("num_samples");
      c.SetOutput("Out", out, DType::kInt64);
    })
    .Random()
    .Dynamic(Multinomial);

SKIFF_OP(randperm)
    .Doc("Out holds 0 ... n - 1 in random order.")
    .Source("paddle.randperm; the numbers are Philox's")
    .Output("Out", "[n], attribute dtype")
    .RequiredAttr<int32_t>("n", "how many")
    .Attr("dtype", 3, "int32, int64, float32 or float64")
    .Attr("seed", 0, "mixed with the run's seed")
    .InferShape([](InferContext& c) {
      const int64_t n = c.Attr<int64_t>("n");
      SKIFF_ENFORCE(n >= 0, InvalidArgument, "attribute n is ", n, "; it must not be negative");
      c.SetOutput("Out", Shape{n}, host::DTypeOf(c.attrs()));
    })
    .Random()
    .Dynamic(RandPerm);

SKIFF_OP(shuffle_batch)
    .Doc("Row i of X (all axes but the last) becomes row ShuffleIdx[i] of Out.")
    .Source("Paddle's shuffle_batch; the numbers are Philox's")
    .Input("X", "at least one axis")
    .OptionalInput("Seed", "int64, one element; goes before startup_seed")
    .Output("Out", "shape and dtype of X")
    .Output("ShuffleIdx", "int64, [rows]")
    .Output("SeedOut", "int64, [1]: a seed for the next time")
    .Attr("startup_seed", 0, "mixed with the run's seed")
    .InferShape([](InferContext& c) {
      c.SetOutput("Out", TensorMeta(c.Input("X")));
      c.SetOutput("ShuffleIdx", Shape{-1}, DType::kInt64);
      c.SetOutput("SeedOut", Shape{1}, DType::kInt64);
    })
    .Random()
    .Gradient(StandardGrad({}, {"ShuffleIdx"}, {"Out"}, {"X"}))
    .Dynamic(ShuffleBatch);

SKIFF_OP(shuffle_batch_grad)
    .Doc("Row i of X@GRAD is row ShuffleIdx[i] of Out@GRAD.")
    .Input("ShuffleIdx", "of shuffle_batch")
    .Input("Out@GRAD", "shape of Out")
    .Output("X@GRAD", "shape of X")
    .Attr("startup_seed", 0, "not read")
    .InferShape(Like("X@GRAD", "Out@GRAD"))
    .Dynamic(ShuffleBatchGrad);

SKIFF_OP(class_center_sample)
    .Doc("SampledLocalClassCenter holds the classes of Label, ascending, and others at random up to num_samples.")
    .Source("paddle.nn.functional.class_center_sample in one process; the numbers are Philox's")
    .Input("Label", "int32 or int64, in [0, num_classes)")
    .Output("RemappedLabel", "shape of Label: where in SampledLocalClassCenter its class is")
    .Output("SampledLocalClassCenter", "[max(num_samples, classes of Label)]")
    .RequiredAttr<int32_t>("num_classes", "of all")
    .RequiredAttr<int32_t>("num_samples", "at least so many classes")
    .Attr("ring_id", 0, "not read")
    .Attr("rank", 0, "not read")
    .Attr("nranks", 1, "1")
    .Attr("fix_seed", false, "whether `seed` is read")
    .Attr("seed", 0, "0: the run's seed")
    .InferShape([](InferContext& c) {
      c.SetOutput("RemappedLabel", TensorMeta(c.Input("Label")));
      c.SetOutput("SampledLocalClassCenter", Shape{-1}, c.InputDType("Label"));
    })
    .Random()
    .Dynamic(ClassCenterSample);

SKIFF_OP(top_p_sampling)
    .Doc("One element of each row, drawn among the likeliest whose probabilities reach ps.")
    .Source("Paddle's top_p_sampling; the numbers are Philox's")
    .Input("x", "[rows, classes], probabilities")
    .Input("ps", "[rows, 1], in [0, 1]")
    .OptionalInput("threshold", "[rows, 1]: none below it but the likeliest is drawn")
    .Output("out", "[rows, 1], dtype of x")
    .Output("ids", "int64, [rows, 1]")
    .Attr("seed", -1, "not positive: the run's seed")
    .InferShape([](InferContext& c) {
      const Shape& x = c.InputShape("x");
      SKIFF_ENFORCE(x.rank() == 2, InvalidArgument, "x is ", x, "; expected [rows, classes]");
      c.SetOutput("out", Shape{x[0], 1}, c.InputDType("x"));
      c.SetOutput("ids", Shape{x[0], 1}, DType::kInt64);
    })
    .Random()
    .ZeroGradient()
    .Dynamic(TopPSampling);

}  // namespace skiff
