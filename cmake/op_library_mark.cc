// Compiled into every library of operators: skiff looks for this text before it loads one.
#include <skiff/framework/op/op_library.h>

extern "C" [[gnu::visibility("default"), gnu::used]] const char skiff_op_library_mark[] =
    SKIFF_OP_LIBRARY_MARK(SKIFF_OP_LIBRARY_VERSION);
