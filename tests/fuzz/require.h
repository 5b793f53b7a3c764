// What a fuzz target promises of an input, whatever it is.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <string_view>

namespace nextid::fuzz {

inline void require(bool holds) {
  if (!holds) std::abort();
}

/// A sentence for people: there, of a length that a line of a log takes, and without a byte that a
/// terminal would obey.
inline void require_sentence(std::string_view text) {
  constexpr std::size_t kMaxBytes = 2'000;
  require(!text.empty() && text.size() <= kMaxBytes);
  require(std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; }));
}

}  // namespace nextid::fuzz
