// The CUDA side of pool.cc: one thread for each output element.
#include <cmath>

#include "framework/op/op_schema.h"
#include "operators/cuda/library.h"
#include "operators/pool_geometry.h"

namespace skiff {

namespace {

template <typename T>
using Storage = typename CudaType<T>::Storage;
template <typename T>
using Compute = typename CudaType<T>::Compute;

struct Position {
  int64_t n, c, pixel;
};

// Channels vary fastest where they lie last, so that neighbours read neighbours.
__device__ Position PositionOf(const PoolGeometry& g, int64_t i) {
  const int64_t pixels = g.OutPixels();
  if (g.channels_last) return {i / g.channels / pixels, i % g.channels, i / g.channels % pixels};
  return {i / pixels / g.channels, i / pixels % g.channels, i % pixels};
}

template <typename T>
__device__ int64_t GreatestIn(const PoolGeometry& g, const Storage<T>* in, const Position& p) {
  const PoolGeometry::Box box = g.BoxOf(p.pixel);
  int64_t best = -1;
  Compute<T> greatest = 0;
  SKIFF_POOL_FOR(g, box, pixel) {
    const Compute<T> value = static_cast<Compute<T>>(in[g.InOffset(p.n, p.c, pixel)]);
    if (best < 0 || value > greatest) {
      best = pixel;
      greatest = value;
    }
  }
  return best;
}

template <typename T>
__global__ void MaxPool(PoolGeometry g, int64_t count, const Storage<T>* in, Storage<T>* out,
                        int32_t* mask) {
  SKIFF_CUDA_FOR(i, count) {
    const Position p = PositionOf(g, i);
    const int64_t best = GreatestIn<T>(g, in, p);
    out[i] = best < 0 ? static_cast<Storage<T>>(-INFINITY) : in[g.InOffset(p.n, p.c, best)];
    if (mask != nullptr) mask[i] = static_cast<int32_t>(best);
  }
}

template <typename T>
__global__ void AveragePool(PoolGeometry g, int64_t count, const Storage<T>* in, Storage<T>* out) {
  SKIFF_CUDA_FOR(i, count) {
    const Position p = PositionOf(g, i);
    const PoolGeometry::Box box = g.BoxOf(p.pixel);
    Compute<T> sum = 0;
    SKIFF_POOL_FOR(g, box, pixel) sum += static_cast<Compute<T>>(in[g.InOffset(p.n, p.c, pixel)]);
    out[i] = static_cast<Storage<T>>(sum / static_cast<Compute<T>>(box.Divisor()));
  }
}

// Windows overlap, so gradients meet: additions are atomic.
template <typename T>
__global__ void MaxPoolGrad(PoolGeometry g, int64_t count, const T* in, const T* dout, T* din) {
  SKIFF_CUDA_FOR(i, count) {
    const Position p = PositionOf(g, i);
    const int64_t best = GreatestIn<T>(g, in, p);
    if (best >= 0) atomicAdd(&din[g.InOffset(p.n, p.c, best)], dout[i]);
  }
}

template <typename T, typename I>
__global__ void MaskedPoolGrad(PoolGeometry g, int64_t count, const I* mask, const T* dout, T* din) {
  SKIFF_CUDA_FOR(i, count) {
    const Position p = PositionOf(g, i);
    const int64_t best = mask[i];
    if (best >= 0 && best < g.InPixels()) atomicAdd(&din[g.InOffset(p.n, p.c, best)], dout[i]);
  }
}

template <typename T>
__global__ void AveragePoolGrad(PoolGeometry g, int64_t count, const T* dout, T* din) {
  SKIFF_CUDA_FOR(i, count) {
    const Position p = PositionOf(g, i);
    const PoolGeometry::Box box = g.BoxOf(p.pixel);
    const T share = dout[i] / static_cast<T>(box.Divisor());
    SKIFF_POOL_FOR(g, box, pixel) atomicAdd(&din[g.InOffset(p.n, p.c, pixel)], share);
  }
}

PoolGeometry Geometry(const PrepareContext& c) {
  Attrs attrs = c.attrs();
  if (c.HasInput("KernelSize")) {
    const std::vector<int64_t> sizes = c.HostValues("KernelSize");
    attrs.Set("ksize", std::vector<int32_t>(sizes.begin(), sizes.end()));
  }
  return ReadPoolGeometry(attrs, PoolRank(c.op().type), c.Input("X").shape);
}

template <typename T>
std::unique_ptr<Kernel> PreparePool(PrepareContext& c) {
  c.WantInputLayout("X", 0, nullptr);
  const PoolGeometry g = Geometry(c);
  const int64_t count = g.OutShape().NumElements();
  const int mask = c.HasOutput("Mask") ? c.OutputIndex("Mask") : -1;
  return MakeKernel([=](const KernelArgs& args) {
    if (count == 0) return;
    const auto stream = static_cast<cudaStream_t>(args.stream);
    const auto* in = static_cast<const Storage<T>*>(args.in[0]);
    auto* out = static_cast<Storage<T>*>(args.out[0]);
    if (g.is_max) {
      MaxPool<T><<<CudaBlocks(count), kCudaBlock, 0, stream>>>(
          g, count, in, out, mask < 0 ? nullptr : static_cast<int32_t*>(args.out[mask]));
    } else {
      AveragePool<T><<<CudaBlocks(count), kCudaBlock, 0, stream>>>(g, count, in, out);
    }
    CheckCuda(cudaGetLastError(), "pooling");
  });
}

template <typename T>
std::unique_ptr<Kernel> PreparePoolGrad(PrepareContext& c) {
  const PoolGeometry g = Geometry(c);
  const int64_t count = g.OutShape().NumElements();
  const size_t bytes = c.Input("X").shape.NumElements() * sizeof(T);
  const int dout_index = c.InputIndex("Out@GRAD");
  const int mask = c.HasInput("Mask") ? c.InputIndex("Mask") : -1;
  const bool wide = mask >= 0 && c.Input("Mask").dtype == DType::kInt64;
  return MakeKernel([=](const KernelArgs& args) {
    const auto stream = static_cast<cudaStream_t>(args.stream);
    T* din = static_cast<T*>(args.out[0]);
    CheckCuda(cudaMemsetAsync(din, 0, bytes, stream), "gradient of pooling");
    if (count == 0) return;
    const T* dout = static_cast<const T*>(args.in[dout_index]);
    const int blocks = CudaBlocks(count);
    if (mask >= 0 && wide) {
      MaskedPoolGrad<<<blocks, kCudaBlock, 0, stream>>>(
          g, count, static_cast<const int64_t*>(args.in[mask]), dout, din);
    } else if (mask >= 0) {
      MaskedPoolGrad<<<blocks, kCudaBlock, 0, stream>>>(
          g, count, static_cast<const int32_t*>(args.in[mask]), dout, din);
    } else if (g.is_max) {
      MaxPoolGrad<T><<<blocks, kCudaBlock, 0, stream>>>(g, count, static_cast<const T*>(args.in[0]), dout, din);
    } else {
      AveragePoolGrad<T><<<blocks, kCudaBlock, 0, stream>>>(g, count, dout, din);
    }
    CheckCuda(cudaGetLastError(), "gradient of pooling");
  });
}

template <typename T>
std::unique_ptr<Kernel> PrepareSecondGrad(PrepareContext& c) {
  const PoolGeometry g = ReadPoolGeometry(c.attrs(), 2, c.Input("grad_x@GRAD").shape);
  return MakeKernel([g, count = g.OutShape().NumElements()](const KernelArgs& args) {
    if (count == 0) return;
    AveragePool<T><<<CudaBlocks(count), kCudaBlock, 0, static_cast<cudaStream_t>(args.stream)>>>(
        g, count, static_cast<const T*>(args.in[0]), static_cast<T*>(args.out[0]));
    CheckCuda(cudaGetLastError(), "second gradient of pooling");
  });
}

#define SKIFF_CUDA_POOL(type)            \
  SKIFF_CUDA_KERNELS(type)               \
      .Kernel<float>(PreparePool<float>) \
      .Kernel<double>(PreparePool<double>) \
      .Kernel<Float16>(PreparePool<Float16>) \
      .Kernel<BFloat16>(PreparePool<BFloat16>)
#define SKIFF_CUDA_POOL_GRAD(type) \
  SKIFF_CUDA_KERNELS(type).Kernel<float>(PreparePoolGrad<float>).Kernel<double>(PreparePoolGrad<double>)
SKIFF_CUDA_POOL(pool2d);
SKIFF_CUDA_POOL(pool3d);
SKIFF_CUDA_POOL(max_pool2d_with_index);
SKIFF_CUDA_POOL(max_pool3d_with_index);
SKIFF_CUDA_POOL_GRAD(pool2d_grad);
SKIFF_CUDA_POOL_GRAD(pool3d_grad);
SKIFF_CUDA_POOL_GRAD(max_pool2d_with_index_grad);
SKIFF_CUDA_POOL_GRAD(max_pool3d_with_index_grad);
SKIFF_CUDA_KERNELS(pool2d_double_grad).Kernel<float>(PrepareSecondGrad<float>).Kernel<double>(PrepareSecondGrad<double>);
#undef SKIFF_CUDA_POOL
#undef SKIFF_CUDA_POOL_GRAD

}  // namespace

}  // namespace skiff
