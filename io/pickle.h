// Pickles: the format of .pdparams, .pdopt, .pdiparams.info and whatever else paddle.save writes. The
// reader is a machine for data alone: opcodes that build plain values, and a closed list of constructors
// (numpy arrays, tensors, OrderedDict, set, complex, bytes). Everything else is refused, nothing is ever
// called. The writer gives Paddle's bytes for the same objects.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "io/mapped_file.h"
#include "io/pickle_value.h"
#include "io/sink.h"

namespace skiff::io {

/// How a pickle was spelled.
struct PickleForm {
  int protocol = 4;           // 2, 3 or 4
  bool numpy2_names = false;  // numpy._core instead of numpy.core
};

/// Reads one pickle, which must take the whole file. Memory grows with the file, never with what the file
/// claims; objects that refer to themselves, or unfold to more than the file can mean, are refused.
///
/// @param form  Set, unless null, to how the pickle was spelled.
/// @throws InvalidArgument  with byte and opcode: no pickle, cut short, an opcode or a call that is not on
///     the list ("os.system" is named so), arrays whose sizes disagree.
/// Source: docs/formats.md, section 4; CPython's Lib/pickle.py for the opcodes.
PickleValue ParsePickle(std::span<const uint8_t> bytes, const std::string& what,
                        PickleForm* form = nullptr);

/// Writes a pickle as CPython's C pickler does, so that an object read from one of Paddle's files gives the
/// same bytes again.
/// @throws InvalidArgument for a protocol other than 2, 3 and 4.
void WritePickle(const PickleValue& value, const PickleForm& form, Sink* sink);
std::string SerializePickle(const PickleValue& value, const PickleForm& form = {});

}  // namespace skiff::io
