// From a training program to the one that is saved for inference.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "framework/program/program.h"

namespace skiff::io {

/// A copy of `program` that computes `fetches` from `feeds` and nothing else, as
/// paddle.static.normalize_program makes it: a `scale` operator behind each fetched variable (named
/// save_infer_model/scale_<i>.tmp_<k>; not for bool), pruned, is_test true, batch_norm without
/// ReserveSpace, feed operators first and fetch operators last.
///
/// @param scale_fetches  False leaves the `scale` operators out, as Paddle 3 does, those of an earlier save too.
///
/// Unlike Paddle's, `program` itself is not modified, and a variable that already is the output of such a
/// scale is fetched as it is.
/// @throws InvalidArgument  A feed is named twice, or not needed by the fetches; no fetch is named.
/// @throws NotFound         A name is no variable of block 0; says which are close.
/// Source: docs/formats.md, section 2.
std::unique_ptr<Program> NormalizeProgram(const Program& program,
                                          const std::vector<std::string>& feeds,
                                          const std::vector<std::string>& fetches, bool scale_fetches = true);

/// Removes what training alone needs, as save_inference_model(clip_extra=True) does: slots and attributes
/// that are not part of each operator's definition. Operators Paddle 2.6.2 does not have stay as they are.
void ClipExtra(Program* program);

/// Spells a program so that Paddle 2.4 reads it, as save_inference_model(legacy_format=True) does: its version,
/// the versions of operators, and the values of set_value and assign_value in one plain attribute for each dtype.
/// @throws Unimplemented  Another operator has an attribute of a kind that 2.4 lacks; it is named.
void MakeLegacy(Program* program);

/// Names of what an inference program is fed, and of what it gives, in order of their columns.
/// @throws InvalidArgument when columns are missing, taken twice, or name no variable.
std::vector<std::string> FeedNames(const Program& program);
std::vector<std::string> FetchNames(const Program& program);

}  // namespace skiff::io
