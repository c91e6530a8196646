#include "framework/base/error.h"

#include <algorithm>
#include <sstream>

#include "framework/base/printable.h"

namespace skiff {

namespace {

constexpr size_t kMaxContextLines = 5;

size_t EditDistance(const std::string& a, const std::string& b) {
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t above = row[j];
      row[j] = std::min({above + 1, row[j - 1] + 1, diagonal + (a[i - 1] == b[j - 1] ? 0 : 1)});
      diagonal = above;
    }
  }
  return row[b.size()];
}

}  // namespace

const char* ToString(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::kInvalidArgument: return "InvalidArgument";
    case ErrorKind::kInvalidType: return "InvalidType";
    case ErrorKind::kNotFound: return "NotFound";
    case ErrorKind::kOutOfRange: return "OutOfRange";
    case ErrorKind::kAlreadyExists: return "AlreadyExists";
    case ErrorKind::kPreconditionNotMet: return "PreconditionNotMet";
    case ErrorKind::kUnimplemented: return "Unimplemented";
    case ErrorKind::kResourceExhausted: return "ResourceExhausted";
    case ErrorKind::kUnavailable: return "Unavailable";
    case ErrorKind::kExternal: return "External";
    case ErrorKind::kInternal: return "Internal";
  }
  return "Error";
}

void TextPart::AppendTo(std::ostream& out) const {
  if (put_ != nullptr) {
    put_(out, data_);
  } else {
    out.write(static_cast<const char*>(data_), static_cast<std::streamsize>(size_));
  }
}

std::string JoinText(std::initializer_list<TextPart> parts) {
  std::ostringstream out;
  out.exceptions(std::ios::badbit);  // else the text of one that ran out of memory would end early
  for (const TextPart& part : parts) part.AppendTo(out);
  return out.str();
}

template void ThrowError<InvalidArgument>(std::initializer_list<TextPart>);
template void ThrowError<InvalidType>(std::initializer_list<TextPart>);
template void ThrowError<NotFound>(std::initializer_list<TextPart>);
template void ThrowError<OutOfRange>(std::initializer_list<TextPart>);
template void ThrowError<Unimplemented>(std::initializer_list<TextPart>);
template void ThrowError<External>(std::initializer_list<TextPart>);
template void ThrowError<Internal>(std::initializer_list<TextPart>);

Error::Error(ErrorKind kind, std::string headline) : kind_(kind), headline_(std::move(headline)) {
  Render();
}

void Error::AddContext(std::string line) {
  if (context_.size() >= kMaxContextLines || line.empty()) return;
  context_.push_back(std::move(line));
  Render();
}

void Error::Prepend(const std::string& prefix) {
  if (headline_.rfind(prefix, 0) == 0) return;
  headline_ = prefix + headline_;
  Render();
}

void Error::Render() {
  std::string text = std::string("skiff::") + ToString(kind_) + ": " + headline_;
  for (const std::string& line : context_) text += "\n  " + line;
  text_ = Printable(text);
}

std::string DidYouMean(const std::string& name, const std::vector<std::string>& candidates) {
  std::vector<std::pair<size_t, const std::string*>> ranked;
  const size_t limit = std::max<size_t>(2, name.size() / 3);
  size_t work = 0;  // names of strangers may be many and long
  for (const std::string& candidate : candidates) {
    // A length difference is a lower bound of the distance: skip the quadratic work where it decides.
    const size_t longer = std::max(candidate.size(), name.size());
    if (longer - std::min(candidate.size(), name.size()) > limit || longer > 256) continue;
    work += name.size() * candidate.size();
    if (work > size_t{1} << 27) break;
    const size_t distance = EditDistance(name, candidate);
    if (distance <= limit) ranked.emplace_back(distance, &candidate);
  }
  std::stable_sort(ranked.begin(), ranked.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  std::string text;
  for (size_t i = 0; i < ranked.size() && i < 3; ++i) {
    text += (i == 0 ? "did you mean \"" : ", \"") + *ranked[i].second + "\"";
  }
  return text.empty() ? text : text + "?";
}

}  // namespace skiff
