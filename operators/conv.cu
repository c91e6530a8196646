// The CUDA side of conv.cc, by cuDNN.
