// Pickled files as paddle.save and paddle.load treat them: large arrays in slices, names of tensors in a
// table beside the values.
#pragma once

#include <string>

#include "io/pickle.h"

namespace skiff::io {

/// Last entry of a state dict: structured name -> tensor name.
inline constexpr const char* kNameTableKey = "StructuredToParameterName@@";
/// Last entry of a dict with sliced arrays: key -> {"OriginShape", "slices"}.
inline constexpr const char* kSlicesKey = "UnpackBigParamInfor@@";
/// Paddle slices arrays above this size, in protocols 2 and 3.
inline constexpr int64_t kMaxSliceBytes = (int64_t{1} << 30) - 1;

/// Reads a pickled file and puts its slices together.
/// @throws External when it cannot be opened, InvalidArgument when it is damaged.
PickleValue LoadPickle(const std::string& path, PickleForm* form = nullptr);
PickleValue LoadPickle(const std::shared_ptr<const MappedFile>& file, PickleForm* form = nullptr);
/// Replaces a file with a pickle, whole or not at all. Values are written as they are; see SplitSlices.
void SavePickle(const PickleValue& value, const std::string& path, const PickleForm& form = {});

/// A dict whose sliced arrays are whole again, at the end of the dict as paddle.load puts them; other
/// values as they are. @throws InvalidArgument when parts are missing or do not add up to the shape.
PickleValue MergeSlices(const PickleValue& value, const std::string& what);
/// The inverse for arrays of a dict that have more than `max_bytes`.
PickleValue SplitSlices(const PickleValue& value, int64_t max_bytes = kMaxSliceBytes);

}  // namespace skiff::io
