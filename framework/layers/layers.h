// Layers: functions that append operators to the default main program (see ProgramGuard) and parameters
// to both default programs, named exactly as Paddle names them. Each takes its options as a struct with
// designated initialisers and remembers the line it was called from:
//
//   auto hidden = layers::FC(image, 200, {.activation = "relu"});
//
// What shapes an operator takes and what it computes stands in its definition (operators/); errors from
// there name the layer and the caller's line. Paddle's function is named where names would differ.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "framework/layers/initializer.h"
#include "framework/layers/param_attr.h"
#include "framework/layers/var.h"

namespace skiff::layers {

#define SKIFF_HERE Origin at = std::source_location::current()

// ---- inputs and parameters -------------------------------------------------------------------------

/// A variable to be fed: -1 takes any extent. Gradients stop here unless set_stop_gradient(false).
Var Data(const std::string& name, const Shape& shape, DType dtype = DType::kFloat32, int lod_level = 0,
         SKIFF_HERE);

struct ParameterSpec {
  std::string name = {};
  ParamAttr attr = {};
  bool is_bias = false;
  Initializer initializer = {};
};
/// A parameter of its own. Source: paddle.static.create_parameter.
Var CreateParameter(const Shape& shape, DType dtype = DType::kFloat32, const ParameterSpec& spec = {},
                    SKIFF_HERE);
/// A variable of block 0 that is no parameter, filled with `value` by the startup program; kept from run
/// to run when persistable.
Var CreateGlobalVar(const Shape& shape, double value, DType dtype, bool persistable = false,
                    const std::string& name = "", SKIFF_HERE);

// ---- layers with parameters (paddle.static.nn) -----------------------------------------------------

struct FCOptions {
  int num_flatten_dims = 1;  // axes before it are kept, the rest is flattened; -1: all but the last
  std::string activation = {};
  ParamAttr weight_attr = {};
  std::optional<ParamAttr> bias_attr = ParamAttr{};
  std::string name = {};
};
/// x [d0, ..., dn] * w [d_flattened, size] + b [size]; several inputs, one weight each, are added up.
Var FC(const std::vector<Var>& inputs, int64_t size, const FCOptions& options = {}, SKIFF_HERE);
Var FC(const Var& x, int64_t size, const FCOptions& options = {}, SKIFF_HERE);

/// One number for both axes, or (height, width).
struct Pair {
  Pair(int both) : values{both, both} {}                             // NOLINT: .stride = 2
  Pair(int height, int width) : values{height, width} {}
  std::vector<int32_t> values;
};
/// Rows and columns of zeros around an image, or the algorithm that finds them.
struct Padding {
  Padding(int all) : values{all, all} {}                             // NOLINT: .padding = 1
  Padding(int height, int width) : values{height, width} {}
  Padding(int top, int bottom, int left, int right) : values{top, bottom, left, right} {}
  Padding(const char* algorithm) : algorithm(algorithm) {}           // NOLINT: "SAME" or "VALID"
  std::vector<int32_t> values = {0, 0};
  std::string algorithm = "EXPLICIT";
};

struct Conv2DOptions {
  Pair stride = 1;
  Padding padding = 0;
  Pair dilation = 1;
  int groups = 1;
  std::string activation = {};
  ParamAttr weight_attr = {};
  std::optional<ParamAttr> bias_attr = ParamAttr{};
  std::string name = {};
  std::string data_format = "NCHW";
};
/// x [N, C, H, W] -> [N, filters, H', W'] (or NHWC); filter [filters, C / groups, h, w].
Var Conv2D(const Var& x, int filters, Pair kernel, const Conv2DOptions& options = {}, SKIFF_HERE);

struct Conv2DTransposeOptions {
  std::optional<Pair> kernel = {};       // found from output_size when absent
  std::optional<Pair> output_size = {};  // found from kernel when absent
  Pair stride = 1;
  Padding padding = 0;
  Pair dilation = 1;
  int groups = 1;
  std::string activation = {};
  ParamAttr weight_attr = {};
  std::optional<ParamAttr> bias_attr = ParamAttr{};
  std::string name = {};
  std::string data_format = "NCHW";
};
/// The gradient of a convolution used as a layer; filter [C, filters / groups, h, w].
Var Conv2DTranspose(const Var& x, int filters, const Conv2DTransposeOptions& options, SKIFF_HERE);

struct BatchNormOptions {
  std::string activation = {};
  bool is_test = false;
  float momentum = 0.9f;   // running = momentum * running + (1 - momentum) * batch
  float epsilon = 1e-5f;
  ParamAttr scale_attr = {}, bias_attr = {};
  std::string data_layout = "NCHW";
  std::string name = {};
  std::string moving_mean_name = {}, moving_variance_name = {};
  bool use_global_stats = false;
};
/// Normalises each channel over batch and space.
Var BatchNorm(const Var& x, const BatchNormOptions& options = {}, SKIFF_HERE);

struct LayerNormOptions {
  bool scale = true, shift = true;
  int begin_norm_axis = 1;
  float epsilon = 1e-5f;
  ParamAttr scale_attr = {}, bias_attr = {};
  std::string activation = {};
  std::string name = {};
};
/// Normalises each sample over the axes from begin_norm_axis on.
Var LayerNorm(const Var& x, const LayerNormOptions& options = {}, SKIFF_HERE);

struct EmbeddingOptions {
  bool is_sparse = false;                    // the table's gradient is a set of rows
  std::optional<int64_t> padding_idx = {};   // this row reads as zeros; negative counts from the end
  ParamAttr weight_attr = {};
  DType dtype = DType::kFloat32;
};
/// ids [...] -> [..., width] of a table [rows, width].
Var Embedding(const Var& ids, int64_t rows, int64_t width, const EmbeddingOptions& options = {},
              SKIFF_HERE);

// ---- layers without parameters (paddle.nn.functional) ----------------------------------------------

struct Pool2DOptions {
  std::string type = "max";            // or "avg"
  std::optional<Pair> stride = {};     // the kernel's when absent
  Padding padding = 0;
  bool ceil_mode = false;
  bool exclusive = true;               // avg: padding does not count
  bool global_pooling = false;
  std::string data_format = "NCHW";
};
Var Pool2D(const Var& x, Pair kernel, const Pool2DOptions& options = {}, SKIFF_HERE);
/// Averages bins so that the result has the given height and width.
Var AdaptiveAvgPool2D(const Var& x, Pair output_size, const std::string& data_format = "NCHW",
                      SKIFF_HERE);

struct DropoutOptions {
  bool is_test = false;
  bool upscale_in_train = true;  // else scales by 1 - probability when testing
  int seed = 0;
};
/// Zeroes elements with `probability`, in [0, 1]; 0 gives x itself.
Var Dropout(const Var& x, float probability, const DropoutOptions& options = {}, SKIFF_HERE);

/// The activation of that operator type, say "hard_swish", with attributes that differ from its own
/// defaults. Named after Paddle's function where that differs from the operator.
Var Activation(const std::string& type, const Var& x, const Attrs& attrs = {}, SKIFF_HERE);
Var Relu(const Var& x, SKIFF_HERE);
Var Sigmoid(const Var& x, SKIFF_HERE);
Var Tanh(const Var& x, SKIFF_HERE);
Var Gelu(const Var& x, bool approximate = false, SKIFF_HERE);
Var LeakyRelu(const Var& x, float negative_slope = 0.01f, SKIFF_HERE);
Var Softmax(const Var& x, int axis = -1, SKIFF_HERE);
Var LogSoftmax(const Var& x, int axis = -1, SKIFF_HERE);
Var Exp(const Var& x, SKIFF_HERE);
Var Log(const Var& x, SKIFF_HERE);
Var Sqrt(const Var& x, SKIFF_HERE);
Var Square(const Var& x, SKIFF_HERE);
Var Abs(const Var& x, SKIFF_HERE);

// ---- losses and metrics ----------------------------------------------------------------------------

struct CrossEntropyOptions {
  bool soft_label = false;
  int64_t ignore_index = -100;
  int axis = -1;
  bool use_softmax = true;  // false: x holds probabilities already
};
struct LossAndSoftmax {
  Var loss;     // as x, but 1 along the axis
  Var softmax;  // as x
  operator Var() const { return loss; }  // NOLINT
};
/// Label [N, ..., 1] of class numbers (the last 1 may be missing), or probabilities shaped as x.
LossAndSoftmax SoftmaxWithCrossEntropy(const Var& x, const Var& label,
                                       const CrossEntropyOptions& options = {}, SKIFF_HERE);
/// The mean of the above, over the labels that are not ignored. paddle.nn.functional.cross_entropy.
Var CrossEntropy(const Var& x, const Var& label, const CrossEntropyOptions& options = {}, SKIFF_HERE);
/// (x - label)^2, elementwise.
Var SquareErrorCost(const Var& x, const Var& label, SKIFF_HERE);
/// The share of samples whose label is among the k largest of x [N, classes]; label [N, 1].
Var Accuracy(const Var& x, const Var& label, int k = 1, SKIFF_HERE);

// ---- mathematics -----------------------------------------------------------------------------------

struct ReduceOptions {
  std::vector<int64_t> axis = {};  // all axes when empty
  bool keep_dim = false;
};
Var Mean(const Var& x, const ReduceOptions& options = {}, SKIFF_HERE);
/// Integers and bools add up as int64.
Var Sum(const Var& x, const ReduceOptions& options = {}, SKIFF_HERE);
Var Max(const Var& x, const ReduceOptions& options = {}, SKIFF_HERE);
Var Min(const Var& x, const ReduceOptions& options = {}, SKIFF_HERE);
Var Prod(const Var& x, const ReduceOptions& options = {}, SKIFF_HERE);
/// Of bools.
Var All(const Var& x, const ReduceOptions& options = {}, SKIFF_HERE);
Var Any(const Var& x, const ReduceOptions& options = {}, SKIFF_HERE);

/// Elementwise with numpy's broadcasting.
Var Add(const Var& x, const Var& y, SKIFF_HERE);
Var Subtract(const Var& x, const Var& y, SKIFF_HERE);
Var Multiply(const Var& x, const Var& y, SKIFF_HERE);
Var Divide(const Var& x, const Var& y, SKIFF_HERE);
Var Maximum(const Var& x, const Var& y, SKIFF_HERE);
Var Minimum(const Var& x, const Var& y, SKIFF_HERE);
/// The sum of several variables of one shape. paddle.add_n.
Var AddN(const std::vector<Var>& inputs, SKIFF_HERE);
/// Batched matrix product; paddle.matmul.
Var Matmul(const Var& x, const Var& y, bool transpose_x = false, bool transpose_y = false, SKIFF_HERE);
/// scale * x + bias, or scale * (x + bias).
Var Scale(const Var& x, float scale, float bias = 0.0f, bool bias_after_scale = true, SKIFF_HERE);
Var Clip(const Var& x, float min, float max, SKIFF_HERE);

// ---- shapes ----------------------------------------------------------------------------------------

/// 0 copies an extent, one -1 is found from the rest.
Var Reshape(const Var& x, const std::vector<int32_t>& shape, SKIFF_HERE);
Var Transpose(const Var& x, const std::vector<int32_t>& axes, SKIFF_HERE);
/// Merges the axes [first, last].
Var Flatten(const Var& x, int first = 0, int last = -1, SKIFF_HERE);
Var Squeeze(const Var& x, const std::vector<int32_t>& axes = {}, SKIFF_HERE);
Var Unsqueeze(const Var& x, const std::vector<int32_t>& axes, SKIFF_HERE);
Var Concat(const std::vector<Var>& inputs, int axis = 0, SKIFF_HERE);
Var Stack(const std::vector<Var>& inputs, int axis = 0, SKIFF_HERE);
/// Into `parts` equal parts.
std::vector<Var> Split(const Var& x, int parts, int axis = 0, SKIFF_HERE);
/// Into sections of these extents, one of which may be -1.
std::vector<Var> SplitSections(const Var& x, const std::vector<int32_t>& sections, int axis = 0,
                               SKIFF_HERE);
/// One variable for each position along `axis`, whose extent must be known.
std::vector<Var> Unstack(const Var& x, int axis = 0, SKIFF_HERE);
/// [starts, ends) along `axes`; negative positions count from the end.
Var Slice(const Var& x, const std::vector<int32_t>& axes, const std::vector<int32_t>& starts,
          const std::vector<int32_t>& ends, SKIFF_HERE);
Var Cast(const Var& x, DType dtype, SKIFF_HERE);
Var Gather(const Var& x, const Var& index, int axis = 0, SKIFF_HERE);
/// Elements or slices at the coordinates in the last axis of `index`.
Var GatherNd(const Var& x, const Var& index, SKIFF_HERE);
/// Repeats axes of extent 1 up to `shape`; -1 keeps an extent.
Var Expand(const Var& x, const std::vector<int32_t>& shape, SKIFF_HERE);
/// Repeats x along each axis.
Var Tile(const Var& x, const std::vector<int32_t>& repeats, SKIFF_HERE);
/// x where the bools of `condition` hold, y elsewhere; all of one shape.
Var Where(const Var& condition, const Var& x, const Var& y, SKIFF_HERE);
Var OneHot(const Var& x, int classes, SKIFF_HERE);

struct TopKOptions {
  int axis = -1;
  bool largest = true, sorted = true;
};
struct ValuesAndIndices {
  Var values, indices;
};
ValuesAndIndices TopK(const Var& x, int k, const TopKOptions& options = {}, SKIFF_HERE);

struct ArgMaxOptions {
  std::optional<int64_t> axis = {};  // over all elements when absent
  bool keep_dim = false;
  DType dtype = DType::kInt64;
};
Var ArgMax(const Var& x, const ArgMaxOptions& options = {}, SKIFF_HERE);
Var ArgMin(const Var& x, const ArgMaxOptions& options = {}, SKIFF_HERE);
/// A tensor of one value. paddle.full.
Var FillConstant(const Shape& shape, double value, DType dtype = DType::kFloat32, SKIFF_HERE);

#undef SKIFF_HERE

}  // namespace skiff::layers
