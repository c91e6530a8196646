// The same formulas for CUDA; the schema stands in scaled_relu.cc.
#include "scaled_relu.h"

namespace {

using skiff::CudaDevice;
using skiff::Map;

SKIFF_CUDA_KERNELS(scaled_relu)
    .Kernel<float>(&Map<ScaledRelu>::Prepare<CudaDevice, float>)
    .Kernel<double>(&Map<ScaledRelu>::Prepare<CudaDevice, double>);

SKIFF_CUDA_KERNELS(scaled_relu_grad)
    .Kernel<float>(&Map<ScaledReluGrad>::Prepare<CudaDevice, float>)
    .Kernel<double>(&Map<ScaledReluGrad>::Prepare<CudaDevice, double>);

}  // namespace
