// Layers that are run: what comes out must follow from their definition.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "executor/executor.h"
#include "framework/layers/apply.h"
#include "framework/layers/linalg.h"
#include "framework/layers/vision.h"

namespace skiff {
namespace {

using ::testing::ElementsAre;
using ::testing::FloatNear;
using ::testing::HasSubstr;
using ::testing::Pointwise;
using ::testing::ThrowsMessage;

class LayersRunTest : public ::testing::Test {
 protected:
  Var Feed(const Shape& shape, std::vector<float> values) {
    const std::string name = "x" + std::to_string(feeds.size());
    feeds.emplace_back(name, Tensor::Of<float>(shape, values));
    return layers::Data(name, shape);
  }
  std::vector<float> Run(const Var& out) {
    executor.Run(startup, {}, {}, &scope);
    const Tensor fetched = executor.Run(main, feeds, {out.name()}, &scope)[0];
    EXPECT_EQ(fetched.shape().rank(), out.rank());
    shape = fetched.shape();
    return {fetched.Values<float>().begin(), fetched.Values<float>().end()};
  }

  static auto Near(std::vector<float> wanted) { return Pointwise(FloatNear(1e-5f), wanted); }

  Program main, startup;
  ProgramGuard guard{main, startup};
  Scope scope;
  Feeds feeds;
  Executor executor{CPUPlace{}, {.num_threads = 1}};
  Shape shape;  // of what Run fetched last
};

TEST_F(LayersRunTest, AnyOperatorIsALayer) {
  const Var x = Feed({3}, {1, -2, 3});
  EXPECT_THAT(Run(layers::Apply("cumsum", {{"X", {x}}}, {{"reverse", true}})), ElementsAre(2, 1, 3));
  const auto sorted = layers::ApplyMany("argsort", {{"X", {x}}}, {{"descending", true}}, {"Out", "Indices"});
  EXPECT_EQ(sorted[1].dtype(), DType::kInt64);
  EXPECT_THAT(Run(sorted[0]), ElementsAre(3, 1, -2));
}

TEST_F(LayersRunTest, AnUnknownOperatorOrOutputIsNamed) {
  const Var x = Feed({1}, {1});
  EXPECT_THAT([&] { layers::Apply("cumsun", {{"X", {x}}}); }, ThrowsMessage<Unimplemented>(HasSubstr("cumsun")));
  EXPECT_THAT([&] { layers::Apply("cumsum", {{"X", {x}}}, {}, "Y"); }, ThrowsMessage<InvalidArgument>(HasSubstr("no output \"Y\"")));
}

TEST_F(LayersRunTest, Conv3DSumsWindowsOfAVolume) {
  const Var x = Feed({1, 1, 2, 2, 2}, {1, 2, 3, 4, 5, 6, 7, 8});
  const ParamAttr ones{.initializer = initializer::Constant(1.0)};
  EXPECT_THAT(Run(layers::Conv3D(x, 1, 2, {.weight_attr = ones, .bias_attr = ones})), ElementsAre(37));
  EXPECT_THAT(Run(layers::Conv3D(x, 1, {1, 1, 2}, {.weight_attr = ones})), ElementsAre(3, 7, 11, 15));
  EXPECT_EQ(shape, (Shape{1, 1, 2, 2, 1}));
}

TEST_F(LayersRunTest, Conv3DRefusesGroupsThatDoNotShareOut) {
  const Var x = Feed({1, 3, 1, 1, 1}, {1, 2, 3});
  EXPECT_THAT([&] { layers::Conv3D(x, 4, 1, {.groups = 2}); }, ThrowsMessage<InvalidArgument>(HasSubstr("2 groups")));
}

TEST_F(LayersRunTest, Pool3DTakesTheLargestOrTheMean) {
  const Var x = Feed({1, 1, 2, 2, 2}, {1, 2, 3, 4, 5, 6, 7, 8});
  EXPECT_THAT(Run(layers::Pool3D(x, 2)), ElementsAre(8));
  EXPECT_THAT(Run(layers::Pool3D(x, {2, 1, 1}, {.type = "avg"})), ElementsAre(3, 4, 5, 6));
}

TEST_F(LayersRunTest, NormalisationsTakeMeanAndVarianceOfTheirGroup) {
  const Var x = Feed({1, 4, 1, 2}, {0, 2, 4, 6, 1, 3, 5, 5});
  const float far = 3 / std::sqrt(5.0f), near = 1 / std::sqrt(5.0f);
  const std::vector<float> groups = Run(layers::GroupNorm(x, 2, {.epsilon = 0}));
  EXPECT_THAT(std::vector<float>(groups.begin(), groups.begin() + 4), Near({-far, -near, near, far}));
  const std::vector<float> channels = Run(layers::InstanceNorm(x, {.epsilon = 1e-12f}));
  EXPECT_THAT(channels, Near({-1, 1, -1, 1, -1, 1, 0, 0}));
}

TEST_F(LayersRunTest, PReluScalesWhatIsNegative) {
  const Var x = Feed({1, 2, 1, 2}, {-4, 4, -8, 8});
  EXPECT_THAT(Run(layers::PRelu(x, "all")), ElementsAre(-1, 4, -2, 8));
  EXPECT_THAT(Run(layers::PRelu(x, "channel", {.initializer = initializer::Constant(0.5)})), ElementsAre(-2, 4, -4, 8));
  EXPECT_THROW(layers::PRelu(x, "row"), InvalidArgument);
}

TEST_F(LayersRunTest, InterpolateRepeatsOrMixesNeighbours) {
  const Var x = Feed({1, 1, 1, 2}, {1, 3});
  EXPECT_THAT(Run(layers::Interpolate(x, {.size = {2, 4}})), ElementsAre(1, 1, 3, 3, 1, 1, 3, 3));
  EXPECT_THAT(Run(layers::Interpolate(x, {.size = {1, 3}, .mode = "bilinear", .align_corners = true})), Near({1, 2, 3}));
  EXPECT_THAT(Run(layers::Interpolate(x, {.scale = {1.0f, 2.0f}})), ElementsAre(1, 1, 3, 3));
  EXPECT_THROW(layers::Interpolate(x, {}), InvalidArgument);
  EXPECT_THROW(layers::Interpolate(x, {.size = {1, 2, 3}}), InvalidArgument);
}

TEST_F(LayersRunTest, PaddingPutsElementsAround) {
  const Var x = Feed({1, 1, 1, 1, 3}, {1, 2, 3});
  EXPECT_THAT(Run(layers::Pad3D(x, {2, 1, 0, 0, 0, 0}, {.mode = "reflect"})), ElementsAre(3, 2, 1, 2, 3, 2));
  const Var m = Feed({1, 2}, {1, 2});
  EXPECT_THAT(Run(layers::Pad(m, {0, 1, 1, 0}, 9)), ElementsAre(9, 1, 2, 9, 9, 9));
}

TEST_F(LayersRunTest, PixelUnshuffleUndoesPixelShuffle) {
  const Var x = Feed({1, 4, 1, 1}, {1, 2, 3, 4});
  const Var shuffled = layers::PixelShuffle(x, 2);
  EXPECT_THAT(Run(shuffled), ElementsAre(1, 2, 3, 4));
  EXPECT_EQ(shape, (Shape{1, 1, 2, 2}));
  EXPECT_THAT(Run(layers::PixelUnshuffle(shuffled, 2)), ElementsAre(1, 2, 3, 4));
  EXPECT_EQ(shape, (Shape{1, 4, 1, 1}));
}

TEST_F(LayersRunTest, GridSampleReadsWhereAffineGridSays) {
  const Var x = Feed({1, 1, 2, 2}, {1, 2, 3, 4});
  const Var mirror = Feed({1, 2, 3}, {-1, 0, 0, 0, 1, 0});
  EXPECT_THAT(Run(layers::GridSample(x, layers::AffineGrid(mirror, {1, 1, 2, 2}))), Near({2, 1, 4, 3}));
}

TEST_F(LayersRunTest, UnfoldMakesWindowsColumns) {
  const Var x = Feed({1, 1, 2, 3}, {1, 2, 3, 4, 5, 6});
  EXPECT_THAT(Run(layers::Unfold(x, {1, 2})), ElementsAre(1, 2, 4, 5, 2, 3, 5, 6));
  EXPECT_THAT(Run(layers::Unfold(x, {2, 3}, {.padding = {1, 0}})), ElementsAre(0, 1, 4, 0, 2, 5, 0, 3, 6, 1, 4, 0, 2, 5, 0, 3, 6, 0));
}

TEST_F(LayersRunTest, LinearAlgebraSolvesFactorsAndMultiplies) {
  const Var a = Feed({2, 2}, {4, 2, 2, 3}), b = Feed({2, 1}, {8, 8});
  EXPECT_THAT(Run(layers::Inverse(a)), Near({0.375f, -0.25f, -0.25f, 0.5f}));
  EXPECT_THAT(Run(layers::Determinant(a)), Near({8}));
  EXPECT_THAT(Run(layers::Solve(a, b)), Near({1, 2}));
  EXPECT_THAT(Run(layers::TriangularSolve(a, b, {.upper = false})), Near({2, 4 / 3.0f}));
  EXPECT_THAT(Run(layers::Cholesky(a)), Near({2, 0, 1, std::sqrt(2.0f)}));
  EXPECT_THAT(Run(layers::MatrixPower(a, 2)), Near({20, 14, 14, 13}));
  EXPECT_THAT(Run(layers::Einsum("ij,jk->ki", {a, b})), Near({48, 40}));
}

TEST_F(LayersRunTest, FactorsMultiplyToTheMatrix) {
  const std::vector<float> values = {4, 1, 2, 3, 0, 5};
  const Var a = Feed({3, 2}, values);
  const layers::QrFactors qr = layers::Qr(a);
  EXPECT_THAT(Run(layers::Matmul(qr.q, qr.r)), Near(values));
  const layers::SvdFactors svd = layers::Svd(a);
  EXPECT_THAT(Run(layers::Matmul(layers::Multiply(svd.u, svd.s), svd.vh)), Near(values));
  const Var symmetric = Feed({2, 2}, {2, 1, 1, 2});
  const layers::EigenPairs pairs = layers::Eigh(symmetric);
  EXPECT_THAT(Run(pairs.values), Near({1, 3}));
  EXPECT_THAT(Run(layers::Matmul(layers::Multiply(pairs.vectors, pairs.values), pairs.vectors, false, true)),
              Near({2, 1, 1, 2}));
}

TEST_F(LayersRunTest, ComplexNumbersHavePartsAndAngles) {
  const Var z = layers::Complex(Feed({2}, {3, 0}), Feed({2}, {4, -2}));
  EXPECT_EQ(z.dtype(), DType::kComplex64);
  EXPECT_THAT(Run(layers::Real(z)), ElementsAre(3, 0));
  EXPECT_THAT(Run(layers::Imag(layers::Conj(z))), ElementsAre(-4, 2));
  EXPECT_THAT(Run(layers::Angle(z)), Near({std::atan2(4.0f, 3.0f), -std::acos(0.0f)}));
}

TEST_F(LayersRunTest, FourierTransformsUndoEachOther) {
  const std::vector<float> values = {1, 2, 0, -1};
  const Var x = Feed({4}, values);
  const Var spectrum = layers::RealFft(x, {0});
  EXPECT_THAT(Run(layers::Real(spectrum)), Near({2, 1, 0}));
  EXPECT_THAT(Run(layers::Imag(spectrum)), Near({0, -3, 0}));
  EXPECT_THAT(Run(layers::InverseRealFft(spectrum, {0})), Near(values));
  const Var z = layers::Complex(x, Feed({4}, {0, 0, 0, 0}));
  EXPECT_THAT(Run(layers::Real(layers::InverseFft(layers::Fft(z, {0}, "ortho"), {0}, "ortho"))), Near(values));
}

}  // namespace
}  // namespace skiff
