// The CUDA side of pool.cc, by cuDNN.
