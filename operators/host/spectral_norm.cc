// spectral_norm: a weight divided by its largest singular value, found by power iteration.
#include "operators/host/matrices.h"
#include "operators/host/sequences.h"
#include "operators/kernel/repeats.h"

namespace skiff {

namespace {

using host::RowMajorMatrix;
using Vector = Eigen::VectorXd;

// Axis `dim` first, the others flattened: position of element (row, column) in the tensor.
struct Flattened {
  int64_t rows, outer, inner;
  Flattened(const Shape& shape, int64_t dim) : rows(shape[static_cast<int>(dim)]) {
    outer = shape.Product(0, static_cast<int>(dim));
    inner = shape.Product(static_cast<int>(dim) + 1, shape.rank());
  }
  int64_t columns() const { return outer * inner; }
  int64_t At(int64_t row, int64_t column) const { return (column / inner * rows + row) * inner + column % inner; }
};

struct Normalized {
  Flattened flat;
  RowMajorMatrix weight;
  Vector u, v;
  double sigma;
};

int64_t DimOf(const Attrs& attrs, const Shape& weight) {
  const int64_t dim = attrs.Get<int64_t>("dim");
  SKIFF_ENFORCE(weight.rank() >= 2 && dim >= 0 && dim < weight.rank(), InvalidArgument, "Weight has shape ", weight,
                ", attribute dim is ", dim, "; expected at least two axes, dim among them");
  return dim;
}

RowMajorMatrix Flatten(const Tensor& t, const Flattened& flat) {
  const std::vector<double> values = Doubles(t);
  RowMajorMatrix m(flat.rows, flat.columns());
  for (int64_t i = 0; i < m.rows(); ++i) {
    for (int64_t j = 0; j < m.cols(); ++j) m(i, j) = values[flat.At(i, j)];
  }
  return m;
}

Tensor Unflatten(const RowMajorMatrix& m, const Flattened& flat, const Tensor& like) {
  std::vector<double> values(m.size());
  for (int64_t i = 0; i < m.rows(); ++i) {
    for (int64_t j = 0; j < m.cols(); ++j) values[flat.At(i, j)] = m(i, j);
  }
  return FromDoubles(like.shape(), like.dtype(), values);
}

Vector VectorOf(const DynamicContext& c, const char* slot, int64_t size) {
  const std::vector<double> values = Doubles(c.InputTensor(slot));
  SKIFF_ENFORCE(static_cast<int64_t>(values.size()) == size, InvalidArgument, slot, " has ", values.size(),
                " elements; the weight as a matrix asks for ", size);
  return Eigen::Map<const Vector>(values.data(), size);
}

Normalized NormalizedWeight(const DynamicContext& c) {
  const Tensor& weight = c.InputTensor("Weight");
  const Flattened flat(weight.shape(), DimOf(c.attrs(), weight.shape()));
  Normalized n{flat, Flatten(weight, flat), VectorOf(c, "U", flat.rows), VectorOf(c, "V", flat.columns()), 0};
  const double eps = c.attrs().Get<float>("eps");
  for (int64_t i = 0, rounds = RepeatsAttr(c.attrs(), "power_iters"); i < rounds; ++i) {
    n.v = n.weight.transpose() * n.u;
    n.v /= n.v.norm() + eps;
    n.u = n.weight * n.v;
    n.u /= n.u.norm() + eps;
  }
  n.sigma = n.u.dot(n.weight * n.v);
  return n;
}

void SpectralNorm(DynamicContext& c) {
  const Normalized n = NormalizedWeight(c);
  host::Out(c, "Out", Unflatten(n.weight / n.sigma, n.flat, c.InputTensor("Weight")));
}

// With u and v held: sigma = u^T W v, so d sigma / d W = u v^T.
void SpectralNormGrad(DynamicContext& c) {
  const Normalized n = NormalizedWeight(c);
  const RowMajorMatrix dout = Flatten(c.InputTensor("Out@GRAD"), n.flat);
  const double along = dout.cwiseProduct(n.weight).sum() / n.sigma;
  const RowMajorMatrix dweight = (dout - along * n.u * n.v.transpose()) / n.sigma;
  host::Out(c, "Weight@GRAD", Unflatten(dweight, n.flat, c.InputTensor("Weight")));
}

}  // namespace

SKIFF_OP(spectral_norm)
    .Doc("Out = Weight / sigma: sigma = u^T W v of Weight as a matrix W, after power_iters rounds of v = W^T u / |W^T u|, "
         "u = W v / |W v|.")
    .Source("Miyato et al. 2018; names and defaults of Paddle's spectral_norm")
    .Input("Weight", "at least two axes; axis dim is the rows of W, the others its columns")
    .Input("U", "[rows of W], where the rounds begin; it is not changed")
    .Input("V", "[columns of W]; read as it is where power_iters is 0")
    .Output("Out", "shape and dtype of Weight")
    .Attr("dim", 0, "axis that is the rows of the matrix")
    .Attr("power_iters", 1, "rounds")
    .Attr("eps", 1e-12f, "added to the norms")
    .InferShape([](InferContext& c) {
      DimOf(c.attrs(), c.InputShape("Weight"));
      c.SetOutput("Out", c.InputShape("Weight"), c.InputDType("Weight"));
    })
    .Gradient(StandardGrad({"Weight", "U", "V"}, {}, {"Out"}, {"Weight"}))
    .Dynamic(SpectralNorm);

SKIFF_OP(spectral_norm_grad)
    .Doc("Weight@GRAD = (Out@GRAD - sum(Out@GRAD Out) u v^T) / sigma.")
    .Source("derivative of spectral_norm with u and v held")
    .Input("Weight", "of spectral_norm")
    .Input("U", "of spectral_norm")
    .Input("V", "of spectral_norm")
    .Input("Out@GRAD", "shape of Out")
    .Output("Weight@GRAD", "shape and dtype of Weight")
    .Attr("dim", 0, "of spectral_norm")
    .Attr("power_iters", 1, "of spectral_norm")
    .Attr("eps", 1e-12f, "of spectral_norm")
    .InferShape([](InferContext& c) { c.SetOutput("Weight@GRAD", c.InputShape("Weight"), c.InputDType("Weight")); })
    .Dynamic(SpectralNormGrad);

}  // namespace skiff
