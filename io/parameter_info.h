// prefix.pdiparams.info: what jit.save and Model.save of Paddle 2.x tell of each parameter beside its value, for those
// who train on. skiff has neither call; a model that is written again keeps what it came with.
#pragma once

#include <string>
#include <vector>

#include "io/atomic_file.h"
#include "io/pickle_value.h"

namespace skiff::io {

/// {variable: {"structured_name": str, "stop_gradient": bool, "trainable": bool}}; None where there is no such file.
/// @param verify_checksums  Compare with the sidecar, where there is one (checksums.h).
/// @throws InvalidArgument when it is damaged, or no dict.
PickleValue LoadParameterInfo(const std::string& prefix, bool verify_checksums = true);

/// Writes what `info` tells of `names`, Paddle's bytes where that is all of it. Where it is None, or silent about one of
/// them, an old file goes: Paddle does not load a model whose .info leaves out a parameter.
void AddParameterInfo(const PickleValue& info, const std::vector<std::string>& names, const std::string& prefix, AtomicFiles* files);

/// `info` with another name for one variable.
PickleValue WithRenamed(const PickleValue& info, const std::string& from, const std::string& to);

}  // namespace skiff::io
