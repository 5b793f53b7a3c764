// Patterns for names, as Redis has them: for KEYS and SCAN MATCH, and for the counters of a token.
#pragma once

#include <string_view>

namespace nextid::base {

/// Whether all of `text` has the form of `pattern`. Bytes stand for themselves, but
///   ?      for any byte, and * for any number of them;
///   [a-c]  for one of these, [^a-c] for any other, where - makes a range in either direction;
///   \x for x itself, inside brackets too. An unfinished form ends with the pattern: a last \ is a
/// backslash, a [ without ] lasts to the end. The time is at most the pattern's length times the
/// text's; no memory is allocated.
bool glob_matches(std::string_view pattern, std::string_view text) noexcept;

}  // namespace nextid::base
