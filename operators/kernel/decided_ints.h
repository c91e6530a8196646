// Integers that decide a shape or a position, from wherever an operator gives them: a list of
// one-element variables, else one integer variable, else an attribute. In Paddle's programs the
// variables always win.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "framework/op/op_schema.h"

namespace skiff {
inline namespace SKIFF_VARIANT {

/// Element by element nothing where the value is known only when the program runs.
using MaybeInts = std::vector<std::optional<int64_t>>;

/// While a program is built an unknown variable of the list leaves its own entry unknown, unless the
/// attribute, which then is as long as the list, holds it: -1 stands there for what only running tells.
/// An unknown `tensor` leaves all of its entries unknown. "" stands for "there is no such slot" or attribute.
inline MaybeInts DecidedInts(const InferContext& c, const std::string& list,
                             const std::string& tensor, const std::string& attr) {
  MaybeInts ints;
  if (!list.empty() && c.HasInput(list)) {
    const int count = c.NumInputs(list);
    std::vector<int64_t> written;
    if (!attr.empty() && !c.at_runtime()) written = c.Attr<std::vector<int64_t>>(attr);
    if (static_cast<int>(written.size()) != count) written.assign(count, -1);
    for (int i = 0; i < count; ++i) {
      const auto values = c.InputValues(list, i);
      SKIFF_ENFORCE(!values || values->size() == 1, InvalidArgument, "variable ", i, " of input ", list,
                    " holds ", values ? values->size() : 0, " elements; each holds one");
      ints.push_back(values             ? std::optional(values->front())
                     : written[i] != -1 ? std::optional(written[i])
                                        : std::nullopt);
    }
    return ints;
  }
  if (!tensor.empty() && c.HasInput(tensor)) {
    if (const auto values = c.InputValues(tensor)) return {values->begin(), values->end()};
    const Shape& shape = c.InputShape(tensor);
    SKIFF_ENFORCE(shape.IsKnown(), InvalidArgument, "input ", tensor, " is declared ", shape,
                  "; the number of its elements must be known when the operator is appended");
    return MaybeInts(shape.NumElements());
  }
  if (attr.empty()) return ints;
  for (int64_t value : c.Attr<std::vector<int64_t>>(attr)) ints.emplace_back(value);
  return ints;
}

/// The same when all are known. The slots must be HostInputs.
inline std::vector<int64_t> DecidedInts(const PrepareContext& c, const std::string& list,
                                        const std::string& tensor, const std::string& attr) {
  std::vector<int64_t> ints;
  if (!list.empty() && c.HasInput(list)) {
    for (int i = 0; i < c.NumInputs(list); ++i) ints.push_back(c.HostValues(list, i).at(0));
    return ints;
  }
  if (!tensor.empty() && c.HasInput(tensor)) return c.HostValues(tensor);
  return attr.empty() ? ints : c.Attr<std::vector<int64_t>>(attr);
}

/// One integer from a variable, else from an attribute; nothing while it is unknown.
inline std::optional<int64_t> DecidedInt(const InferContext& c, const std::string& tensor,
                                         const std::string& attr) {
  if (!c.HasInput(tensor)) return c.Attr<int64_t>(attr);
  const auto values = c.InputValues(tensor);
  if (!values) return std::nullopt;
  SKIFF_ENFORCE(values->size() == 1, InvalidArgument, "input ", tensor, " holds ", values->size(),
                " elements; it holds one");
  return values->front();
}
inline int64_t DecidedInt(const PrepareContext& c, const std::string& tensor,
                          const std::string& attr) {
  return c.HasInput(tensor) ? c.HostValues(tensor).at(0) : c.Attr<int64_t>(attr);
}

/// Stands for every dtype in OpSchema::Kernel: for kernels that only move bytes.
struct AnyDType {};

}  // namespace SKIFF_VARIANT
}  // namespace skiff
