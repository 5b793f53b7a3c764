#include "base/glob.h"

#include <optional>
#include <utility>

namespace nextid::base {
namespace {

// Takes a byte that may be escaped from the front of `pattern`, which is not empty.
unsigned char take_byte(std::string_view& pattern) noexcept {
  if (pattern.front() == '\\' && pattern.size() > 1) pattern.remove_prefix(1);
  const auto byte = static_cast<unsigned char>(pattern.front());
  pattern.remove_prefix(1);
  return byte;
}

// Takes what follows a '[' from the front of `pattern`; whether it is for `byte`.
bool take_class(std::string_view& pattern, unsigned char byte) noexcept {
  const bool negated = pattern.starts_with('^');
  if (negated) pattern.remove_prefix(1);
  bool found = false;
  while (!pattern.empty() && pattern.front() != ']') {
    auto low = take_byte(pattern);
    auto high = low;
    if (pattern.size() >= 2 && pattern.front() == '-' && pattern[1] != ']') {
      pattern.remove_prefix(1);
      high = take_byte(pattern);
    }
    if (low > high) std::swap(low, high);
    found = found || (low <= byte && byte <= high);
  }
  if (!pattern.empty()) pattern.remove_prefix(1);
  return found != negated;
}

// Takes what stands for one byte, and no '*', from the front of `pattern`; whether it is for
// `byte`.
bool take_one(std::string_view& pattern, unsigned char byte) noexcept {
  if (pattern.front() == '?') {
    pattern.remove_prefix(1);
    return true;
  }
  if (pattern.front() == '[') {
    pattern.remove_prefix(1);
    return take_class(pattern, byte);
  }
  return take_byte(pattern) == byte;
}

}  // namespace

// A mismatch goes back to the last '*' alone and gives it one byte more: if an earlier one took
// more, the last one could have that much less, so there is nothing that only earlier ones can
// mend.
bool glob_matches(std::string_view pattern, std::string_view text) noexcept {
  std::optional<std::string_view> after_star;
  std::string_view text_after_star;
  while (!text.empty() || !pattern.empty()) {
    if (pattern.starts_with('*')) {
      pattern.remove_prefix(1);
      after_star = pattern;
      text_after_star = text;
      continue;
    }
    if (!text.empty() && !pattern.empty() &&
        take_one(pattern, static_cast<unsigned char>(text.front()))) {
      text.remove_prefix(1);
      continue;
    }
    if (!after_star || text_after_star.empty()) return false;
    text_after_star.remove_prefix(1);
    pattern = *after_star;
    text = text_after_star;
  }
  return true;
}

}  // namespace nextid::base
