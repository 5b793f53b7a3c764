#include "base/wrapped.h"

#include <algorithm>

namespace nextid::base {

std::vector<std::string> wrapped(std::string_view text, std::size_t width) {
  constexpr std::string_view kBlanks = " \n";
  std::vector<std::string> lines;
  for (;;) {
    text.remove_prefix(std::min(text.find_first_not_of(kBlanks), text.size()));
    if (text.empty()) return lines;
    const std::string_view word = text.substr(0, text.find_first_of(kBlanks));
    text.remove_prefix(word.size());
    if (lines.empty() || lines.back().size() + 1 + word.size() > width) {
      lines.emplace_back(word);
    } else {
      lines.back().append(" ").append(word);
    }
  }
}

std::string wrapped_text(std::string_view text, std::size_t width, std::string_view before) {
  std::string result;
  for (const std::string& line : wrapped(text, width)) {
    result.append(before).append(line).append("\n");
  }
  return result;
}

}  // namespace nextid::base
