// Mutations that know what they change: the deterministic half of fuzzing.
#pragma once

#include <random>
#include <string>

namespace skiff::io {

using Random = std::mt19937;

/// Bits, bytes, numbers, pieces cut out, doubled or appended.
std::string MutateBytes(std::string bytes, Random& random);
/// A program with names, extents, attributes, slots or blocks exchanged, written by skiff's own writer.
std::string MutateProgram(std::string bytes, Random& random);
/// A pickle with opcodes put in, memo numbers changed, pieces doubled.
std::string MutatePickle(std::string bytes, Random& random);
/// Streams of tensors with other lengths, extents, versions and levels of detail.
std::string MutateStream(std::string bytes, Random& random);
/// A .npy file with another header, or a .npz whose directory disagrees with its members.
std::string MutateNpy(std::string bytes, Random& random);
/// A JSON document with values exchanged, doubled, left out, nested, or made numbers that hardly fit.
std::string MutateJson(std::string bytes, Random& random);
/// A header of safetensors, mutated as JSON, and the bytes behind it.
std::string MutateSafetensors(std::string bytes, Random& random);

}  // namespace skiff::io
