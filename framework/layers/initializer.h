// How new parameters are filled: one operator in the startup program each, as Paddle's.
#pragma once

#include <vector>

#include "framework/layers/param_attr.h"
#include "framework/tensor/tensor.h"

namespace skiff::initializer {

/// Every element `value`.
Initializer Constant(double value = 0.0);
/// Uniform in [low, high). `seed` 0 takes the startup program's random_seed.
Initializer Uniform(double low = -1.0, double high = 1.0, int seed = 0);
/// Normal with mean and standard deviation.
Initializer Normal(double mean = 0.0, double std = 1.0, int seed = 0);
/// As Normal, redrawn beyond two standard deviations.
Initializer TruncatedNormal(double mean = 0.0, double std = 1.0, int seed = 0);

/// Fans follow from the shape: a matrix [in, out]; a filter [out, in, ...] counts its window in both.
/// A fan given here (> 0) overrides it.
struct Fans {
  double in = 0, out = 0;
  int seed = 0;
};
/// Uniform in +-sqrt(6 / (fan_in + fan_out)). Glorot and Bengio 2010.
Initializer XavierUniform(Fans fans = {});
/// Normal with std sqrt(2 / (fan_in + fan_out)).
Initializer XavierNormal(Fans fans = {});
/// Uniform in +-gain * sqrt(3 / fan_in), gain = sqrt(2 / (1 + negative_slope^2)). He et al. 2015.
Initializer KaimingUniform(Fans fans = {}, double negative_slope = 0.0);
/// Normal with std gain / sqrt(fan_in).
Initializer KaimingNormal(Fans fans = {}, double negative_slope = 0.0);
/// The elements of a CPU tensor. @throws InvalidArgument when its shape is not the parameter's.
Initializer Assign(Tensor value);

/// What fills parameters from now on whose ParamAttr names no initializer, in place of the layer's own choice; an
/// empty one restores that. As Paddle's set_global_initializer. Threads: none may be building.
void SetGlobal(Initializer weight, Initializer bias = {});
/// The one set for weights or biases; empty where there is none.
const Initializer& Global(bool is_bias);

}  // namespace skiff::initializer

namespace skiff {
/// A number as Python prints it: 0.1, 1.0, 1e-05. Paddle keeps this text in `str_value`.
std::string PythonFloat(double value);
}  // namespace skiff
