// idx files, the format of MNIST: train-images-idx3-ubyte and the like, plain or gzipped.
#pragma once

#include <string>

#include "framework/tensor/tensor.h"

namespace skiff::io {

/// Reads an idx file; whether it is gzipped is seen from its content. Extents as in the file:
/// [count, rows, columns] uint8 for images, [count] uint8 for labels.
/// @throws External when it cannot be opened, InvalidArgument when it is damaged.
/// Source: http://yann.lecun.com/exdb/mnist, "FILE FORMATS FOR THE MNIST DATABASE".
Tensor LoadIdx(const std::string& path);

}  // namespace skiff::io
