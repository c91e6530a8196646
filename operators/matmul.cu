// The CUDA side of matmul.cc, by cuBLASLt.
