// Memory of each place, and copies between places. The CUDA half is memory_cuda.cc, or
// memory_no_cuda.cc in a build without a toolkit; CMake chooses.
#pragma once

#include <cstddef>
#include <memory>

#include "framework/base/place.h"

namespace skiff {

/// Every block starts at a multiple of this many bytes: one cache line, one AVX-512 register.
inline constexpr size_t kAlignment = 64;

/// Rounds up to a multiple of kAlignment.
inline constexpr size_t AlignUp(size_t bytes) { return (bytes + kAlignment - 1) & ~(kAlignment - 1); }

/// A block of uninitialised memory, freed with its last owner. Zero bytes give a valid, unique block.
/// @throws ResourceExhausted saying how much was asked for (and, on a card, how much is free).
/// @throws Unavailable for a CUDA place without a usable card or in a build without CUDA.
std::shared_ptr<void> Allocate(const Place& place, size_t bytes);

/// Copies between or within places and waits until it is done.
void CopyBytes(const Place& to, void* destination, const Place& from, const void* source,
               size_t bytes);

/// Number of CUDA cards that can be used; 0 in a build without CUDA. Never throws.
int CudaDeviceCount();
/// True when this build contains the CUDA kernels.
bool IsCompiledWithCuda();

namespace cuda_memory {  // implemented by memory_cuda.cc or memory_no_cuda.cc
std::shared_ptr<void> Allocate(int device, size_t bytes);
void Copy(const Place& to, void* destination, const Place& from, const void* source, size_t bytes);
}  // namespace cuda_memory

}  // namespace skiff
