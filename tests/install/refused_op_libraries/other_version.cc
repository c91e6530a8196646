#include <skiff/framework/op/op_library.h>

#include <cstdlib>

extern "C" [[gnu::used]] const char skiff_op_library_mark[] = SKIFF_OP_LIBRARY_MARK("9.9.9");

// Nothing of such a library may run.
[[maybe_unused]] static const int ends_the_process = (std::abort(), 0);
