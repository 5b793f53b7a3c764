// Text as files and services of AWS have it: ASCII, whatever the locale.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace nextid::aws {

inline std::string to_lower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

/// A service's words, fit for a line of a log: other characters become '?', and it has an end.
inline std::string printable(std::string_view text) {
  constexpr std::size_t kLimitBytes = 300;
  std::string line(text.substr(0, kLimitBytes));
  for (char& c : line) {
    if (c < ' ' || c > '~') c = '?';
  }
  return text.size() > kLimitBytes ? line + "..." : line;
}

}  // namespace nextid::aws
