// Operators from shared libraries that users build against an installed skiff. docs/operators.md shows one
// from source to program; CMake's skiff_add_op_library makes the library.
#pragma once

#include <string>
#include <vector>

/// The version whose headers are compiled: schemas and kernels are C++ objects that the library and skiff
/// share, so both must come from one version.
#define SKIFF_OP_LIBRARY_VERSION "0.1.0"

/// Stands once in each library, where it is found before anything of the library runs.
#define SKIFF_OP_LIBRARY_MARK(version) "skiff operator library for skiff " version " end of mark"

namespace skiff {

/// Loads a shared library and registers its operators, all or none. They stay until the process ends;
/// loading a library again does nothing.
///
/// @param path  Of the library; a name without a slash is looked for in the current folder.
/// @return      Names of its operators, sorted.
/// @throws External            There is no such file, or the system cannot load it.
/// @throws InvalidArgument     It is no library of operators.
/// @throws PreconditionNotMet  It was built against another version of skiff; both are named.
/// @throws AlreadyExists       One of its operators exists; says where the first one is from. That one stays.
///
/// Threads: safe. Loading runs the library's code: load only what you would run.
std::vector<std::string> LoadOpLibrary(const std::string& path);

}  // namespace skiff
