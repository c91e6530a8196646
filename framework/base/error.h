// Typed errors. A user's mistake throws one of these and changes nothing; nothing in skiff aborts.
//
// The author of a check writes the headline ("X has 784 columns, Y has 10 rows; ..."). Whoever calls
// it adds what only the caller knows, one line each: operator, operands, origin, remedy. A message has
// at most six lines. The Python bindings map each kind to the exception type Paddle uses.
#pragma once

#include <exception>
#include <initializer_list>
#include <ostream>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace skiff {

/// What went wrong, in the vocabulary shared with Paddle.
enum class ErrorKind {
  kInvalidArgument,    // Python: ValueError
  kInvalidType,        // Python: TypeError
  kNotFound,           // Python: RuntimeError (FileNotFoundError for paths, see External)
  kOutOfRange,         // Python: IndexError
  kAlreadyExists,      // Python: RuntimeError
  kPreconditionNotMet, // Python: RuntimeError
  kUnimplemented,      // Python: NotImplementedError
  kResourceExhausted,  // Python: MemoryError
  kUnavailable,        // Python: RuntimeError
  kExternal,           // Python: OSError
  kInternal,           // Python: RuntimeError; a defect of skiff itself
};

/// Name of a kind as it appears in messages, e.g. "InvalidArgument".
const char* ToString(ErrorKind kind);

/// Base of every exception skiff throws. what() is "skiff::<Kind>: <headline>" followed by context
/// lines, each indented by two blanks.
class Error : public std::exception {
 public:
  Error(ErrorKind kind, std::string headline);

  ErrorKind kind() const { return kind_; }
  /// The first line, without the kind.
  const std::string& headline() const { return headline_; }
  const char* what() const noexcept override { return text_.c_str(); }

  /// Appends one line of context. Lines after the fifth are dropped: the first ones, written nearest
  /// to the mistake, say most.
  void AddContext(std::string line);
  /// Puts `prefix` (say "mul: ") in front of the headline, once.
  void Prepend(const std::string& prefix);

 private:
  void Render();

  ErrorKind kind_;
  std::string headline_;
  std::vector<std::string> context_;
  std::string text_;
};

template <ErrorKind K>
class TypedError : public Error {
 public:
  explicit TypedError(std::string headline) : Error(K, std::move(headline)) {}
};

using InvalidArgument = TypedError<ErrorKind::kInvalidArgument>;
using InvalidType = TypedError<ErrorKind::kInvalidType>;
using NotFound = TypedError<ErrorKind::kNotFound>;
using OutOfRange = TypedError<ErrorKind::kOutOfRange>;
using AlreadyExists = TypedError<ErrorKind::kAlreadyExists>;
using PreconditionNotMet = TypedError<ErrorKind::kPreconditionNotMet>;
using Unimplemented = TypedError<ErrorKind::kUnimplemented>;
using ResourceExhausted = TypedError<ErrorKind::kResourceExhausted>;
using Unavailable = TypedError<ErrorKind::kUnavailable>;
using External = TypedError<ErrorKind::kExternal>;
using Internal = TypedError<ErrorKind::kInternal>;

/// One part of a text: anything that has operator<<. A view, for the length of one expression: checks
/// stand in every function, so what they are made of must cost the compiler little.
class TextPart {
 public:
  TextPart(const char* text) : TextPart(std::string_view(text)) {}          // NOLINT
  TextPart(const std::string& text) : TextPart(std::string_view(text)) {}   // NOLINT
  TextPart(std::string_view text) : data_(text.data()), size_(text.size()) {}  // NOLINT
  template <typename T>
    requires(!std::is_convertible_v<const T&, std::string_view>)
  TextPart(const T& value) : data_(&value), put_(&Put<T>) {}  // NOLINT

  void AppendTo(std::ostream& out) const;

 private:
  template <typename T>
  static void Put(std::ostream& out, const void* value) { out << *static_cast<const T*>(value); }

  const void* data_;
  size_t size_ = 0;
  void (*put_)(std::ostream&, const void*) = nullptr;  // null for characters
};

/// Concatenates anything that has operator<<.
std::string JoinText(std::initializer_list<TextPart> parts);
template <typename... Parts>
std::string StrCat(const Parts&... parts) { return JoinText({TextPart(parts)...}); }

/// Throws an E with the concatenated parts as headline.
template <typename E>
[[noreturn, gnu::cold, gnu::noinline]] void ThrowError(std::initializer_list<TextPart> parts) {
  throw E(JoinText(parts));
}
extern template void ThrowError<InvalidArgument>(std::initializer_list<TextPart>);
extern template void ThrowError<InvalidType>(std::initializer_list<TextPart>);
extern template void ThrowError<NotFound>(std::initializer_list<TextPart>);
extern template void ThrowError<OutOfRange>(std::initializer_list<TextPart>);
extern template void ThrowError<Unimplemented>(std::initializer_list<TextPart>);
extern template void ThrowError<External>(std::initializer_list<TextPart>);
extern template void ThrowError<Internal>(std::initializer_list<TextPart>);

/// "did you mean "a", "b"?" for the candidates closest to `name` by edit distance, or "" when none is
/// close. At most three are named.
std::string DidYouMean(const std::string& name, const std::vector<std::string>& candidates);

}  // namespace skiff

/// Throws `Kind` with the concatenated parts as headline unless `condition` holds.
#define SKIFF_ENFORCE(condition, Kind, ...)                     \
  do {                                                          \
    if (!(condition)) [[unlikely]]                              \
      ::skiff::ThrowError<::skiff::Kind>({__VA_ARGS__});        \
  } while (false)
