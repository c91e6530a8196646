// Kernels made of kernels that run one after the other.
#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "framework/op/kernel.h"

namespace skiff {

/// Runs kernels one after the other over the same arguments and workspace.
class SequenceKernel final : public Kernel {
 public:
  void Add(std::unique_ptr<Kernel> kernel) { kernels_.push_back(std::move(kernel)); }
  void Run(const KernelArgs& args) const override {
    for (const std::unique_ptr<Kernel>& kernel : kernels_) kernel->Run(args);
  }

 private:
  std::vector<std::unique_ptr<Kernel>> kernels_;
};

/// Raises the workspace to at least `bytes`, for kernels that run one after the other.
inline void RequestAtLeast(PrepareContext& context, size_t bytes) {
  if (bytes > context.workspace_bytes) context.RequestWorkspace(bytes);
}

}  // namespace skiff
