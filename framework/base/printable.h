// Texts of strangers on their way to a person: names in files may hold anything, and a terminal obeys what it is told.
#pragma once

#include <string>
#include <string_view>

namespace skiff {

/// The length of the UTF-8 character that `text` begins with (no surrogate, no overlong form), 0 where it is none.
size_t Utf8Length(std::string_view text);

/// `text` with \xNN for each byte that a terminal could take for a command, that reverses what is around it, or that is no
/// UTF-8. New lines and tabs stay.
std::string Printable(std::string_view text);

/// The same on one line: new lines and tabs become \n and \t.
std::string PrintableLine(std::string_view text);

}  // namespace skiff
